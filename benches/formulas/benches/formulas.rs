//! Instructions of an order with and without twenty formulas; needs valgrind and `gungraun-runner`.

#![allow(missing_docs, reason = "what the macros make has none")]

use std::hint::black_box;

use dougong_bench_formulas::Work;
use gungraun::{library_benchmark, library_benchmark_group, main};

#[library_benchmark]
#[bench::without(Work::new("none"))]
#[bench::with_twenty(Work::new("twenty"))]
fn map_an_order(work: Work) -> (usize, Work) {
    (black_box(work.run()), work)
}

library_benchmark_group!(name = formulas, benchmarks = map_an_order);

main!(library_benchmark_groups = formulas);
