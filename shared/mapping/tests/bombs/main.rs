//! Hostile formulas: whatever they try, each stops soon and takes little memory, and its document is parked.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[expect(dead_code, reason = "shared with the other tests of the mapping")]
#[path = "../mapping/given.rs"]
mod given;

use std::time::{Duration, Instant};

use dougong_mapping::{Mapping, Reason};
use peak_alloc::PeakAlloc;

use given::{map_by, stockout, tables, with_formulas};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MOST_TIME: Duration = Duration::from_millis(50);
const MOST_MEMORY: usize = 10 << 20;

/// Scripts that would never end, or fill the memory.
const SCRIPTS: &[&str] = &[
    "loop {}",
    "while true { let x = 1; }",
    "let x = 0; loop { x += 1; x -= 1; }",
    "for i in 0..1000000000 {}",
    "for i in 0..=9223372036854775807 { voucher.memo = text(i); }",
    "let s = \"x\"; loop { s += s; }",
    "let s = \"x\"; loop { s = s + s; }",
    "let s = \"aaaaaaaa\"; loop { s = replace(s, \"a\", \"aaaaaaaa\"); }",
    "let s = pad_left(\"x\", 4000, \"é\"); loop { s = upper(s); }",
    "let s = pad_left(\"x\", 4000, \"y\"); loop { let t = s + 1; }",
    "let s = pad_left(\"x\", 4000, \"y\"); loop { contains(s, \"z\"); }",
    "let s = pad_left(\"x\", 4000, \",\"); loop { split(s, \",\"); }",
    "let s = pad_left(\"x\", 4000, \"y\"); let a = []; loop { a.push(s + a.len()); }",
    "let a = []; loop { a.push(a); }",
    "let a = [0]; loop { a.push(a.len()); }",
    "let a = []; for i in 0..999 { a.push(i); } loop { contains(a, -1); }",
    "let a = []; for i in 0..999 { a.push(i); } loop { distinct(lines, \"memo\"); }",
    "let a = []; for i in 0..999 { a.push(i); } loop { where(lines, \"memo\", -1); }",
    "let a = []; for i in 0..999 { a.push(i); } loop { let b = a; b[0] = 1; }",
    "let a = []; for i in 0..999 { a.push(i); } loop { let b = [a, a]; }",
    "let a = []; for i in 0..999 { a.push(\"xxxxxxxx\"); } loop { join(a, \"\"); }",
    "let m = #{}; let i = 0; loop { m[text(i)] = m; i += 1; }",
    "let a = []; for i in 0..900 { a.push(0); } let s = pad_left(\"x\", 4000, \"y\"); let i = 0; loop { a[i] = `${s}${i}`; i += 1; }",
    "let a = []; let b = []; for i in 0..900 { a.push(0); b.push(0); } let s = pad_left(\"x\", 4000, \"y\"); for i in 0..900 { a[i] = `${s}${i}`; b[i] = `${i}${s}`; }",
    "let a = [[],[],[],[]]; let s = pad_left(\"x\", 3900, \"y\"); loop { a[0].push(s); a[1].push(s + 1); a[2].push(`${s}1`); }",
    "let s = pad_left(\"x\", 4000, \"y\"); let t = `${s}${s}${s}${s}${s}${s}${s}${s}`;",
    "loop { format_time(order.consign_time, pad_left(\"x\", 4000, \"y\")); }",
    "let x = 1.5; loop { x = x ** 2; }",
    "let x = 2.5 ** 1000000000; voucher.memo = text(x);",
    "let x = 99999999999.123456789; loop { let y = x ** 0.123; }",
    "let x = 3; loop { x *= 3; }",
    "loop { order.details_list; }",
    "loop { let x = order.details_list[0].spec_no; }",
    "loop { voucher.memo = \"x\"; }",
    "loop { round_half_up(1 / 3, 2); }",
    "voucher.memo = pad_left(\"x\", 1000000000, \"y\");",
];

/// Expressions that are too deep, too long, or too much.
fn expressions() -> Vec<String> {
    vec![
        format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("{}order.trade_no", "-".repeat(10_000)),
        format!("order.trade_no{}", " + 1".repeat(3_900)),
        format!("[{}]", "[".repeat(7_000)),
        format!("`{}`", "${pad_left(\"x\", 4000, \"y\")}".repeat(500)),
        "pad_left(\"x\", 9223372036854775807, \"y\")".to_owned(),
        "split(pad_left(\"x\", 8192, \",\"), \",\")".to_owned(),
        format!("if {} {{ 1 }} else {{ 2 }}", "!".repeat(16_000)),
    ]
}

#[test]
fn hostile_formulas_stop_within_fifty_milliseconds_and_ten_megabytes() {
    let document = stockout("wdt_qimen_sample");
    let tables = tables();
    // What the first document ever takes is nobody's bomb.
    map_by(&Mapping::new(with_formulas(&[], &[]), tables.clone()).unwrap(), &document).unwrap();
    let scripts = SCRIPTS.iter().map(|script| ("script", (*script).to_owned()));
    for (kind, text) in scripts.chain(expressions().into_iter().map(|text| ("memo", text))) {
        let name: String = text.chars().take(80).collect();
        let mut soonest = Duration::MAX;
        for _ in 0..3 {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            let started = Instant::now();
            let ended = Mapping::new(with_formulas(&[(kind, &text)], &[]), tables.clone());
            let problems = ended.ok().and_then(|mapping| {
                mapping.compile().ok()?;
                Some(map_by(&mapping, &document).unwrap_err())
            });
            soonest = soonest.min(started.elapsed());
            let grown = MEMORY.peak_usage().saturating_sub(before);
            assert!(grown <= MOST_MEMORY, "{name} took {grown} bytes");
            for problem in problems.iter().flatten() {
                assert_eq!(problem.reason, Reason::FormulaFailed, "{name}");
                assert!(problem.message.starts_with("dougong.toml:1:"), "{name}: {problem}");
            }
            println!(
                "{:>9} bytes {:?} {name}: {:?}",
                grown,
                started.elapsed(),
                problems.map(|found| found[0].to_string())
            );
            if soonest <= MOST_TIME {
                break;
            }
        }
        assert!(soonest <= MOST_TIME, "{name} took {soonest:?}");
    }
}
