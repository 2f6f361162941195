//! The same in time: how long twenty formulas take an order.

use std::time::Instant;

use dougong_bench_formulas::Work;

const ROUNDS: u32 = 20_000;

fn main() {
    let best = |formulas: &str| {
        let work = Work::new(formulas);
        let round = || {
            let started = Instant::now();
            for _ in 0..ROUNDS / 20 {
                std::hint::black_box(work.run());
            }
            started.elapsed() / (ROUNDS / 20)
        };
        (0..20).map(|_| round()).min().unwrap_or_default()
    };
    let (with, without) = (best("twenty"), best("none"));
    eprintln!(
        "an order: {without:?}; with twenty formulas: {with:?}; the formulas: {:?}",
        with.saturating_sub(without)
    );
}
