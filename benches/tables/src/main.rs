//! What reading the tables costs when a function starts: fifty thousand goods as Excel saves them, and as many rows of
//! a table of the tenant's own.
//!
//! Prints the time per step. `--help` says more.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a benchmark talks to a person"
)]

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dougong_mapping::{OwnTable, Tables};

const HELP: &str = "\
Measures how long the code tables take to be read and checked, in processor time of this thread.

usage: dougong-bench-tables [ROWS]

  ROWS  goods, and rows of the table of one's own (50000)";

/// Each step is taken so often; the median counts.
const ROUNDS: usize = 21;

const SHOPS: &str = "shop_no,customer,sales_org,transaction_type\nTM001,C1,O1,SO\n";
const WAREHOUSES: &str = "warehouse_no,stock_org\nWH01,O1\n";
const TAXES: &str = "tax,tax_id,rate\nVAT13,VAT13,0.13\nVAT9,VAT9,0.09\n";
const UNITS: &str = "unit,unit_id\nPCS,PCS\nBOX,BOX\n";

fn main() -> ExitCode {
    let rows = std::env::args().nth(1).map_or(Ok(50_000), |text| text.parse::<u32>());
    let Ok(rows) = rows else {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    };
    let goods = goods(rows);
    let (gbk, ..) = encoding_rs::GBK.encode(&goods);
    let own = own(rows);
    let few = "spec_no,product,tax,main_unit\nA1,P1,VAT13,PCS\n";
    let declared = [OwnTable {
        name: "prices".to_owned(),
        file: "prices.csv".to_owned(),
        keys: vec!["spec_no".to_owned(), "shop".to_owned()],
        from: Some("from".to_owned()),
        ..OwnTable::default()
    }];
    println!("{rows} rows, median of {ROUNDS}");
    step("goods, UTF-8", goods.len(), || read(goods.as_bytes(), &[], &[]));
    step("goods, GBK", gbk.len(), || read(&gbk, &[], &[]));
    let files = [("prices.csv", own.as_bytes())];
    step("a table of one's own", own.len(), || read(few.as_bytes(), &files, &declared));
    let tables = read(few.as_bytes(), &files, &declared);
    let keys: Vec<String> = (0..1_000).map(|number| spec_no(number * 37 % rows)).collect();
    let at = "2026-11-11 00:00:00".parse().ok();
    step("1000 look-ups in it", own.len(), || {
        for key in &keys {
            black_box(tables.lookup_value("prices", &[key, "TM001"], at, "price").expect("a price"));
        }
    });
    ExitCode::SUCCESS
}

fn read(goods: &[u8], more: &[(&str, &[u8])], declared: &[OwnTable]) -> Tables {
    let mut files = vec![
        ("shops.csv", SHOPS.as_bytes()),
        ("warehouses.csv", WAREHOUSES.as_bytes()),
        ("goods.csv", goods),
        ("taxes.csv", TAXES.as_bytes()),
        ("units.csv", UNITS.as_bytes()),
    ];
    files.extend_from_slice(more);
    Tables::read_with(&files, declared).expect("the tables are right")
}

fn step<T>(name: &str, bytes: usize, work: impl Fn() -> T) {
    let mut times: Vec<(Duration, Duration)> = (0..ROUNDS)
        .map(|_| {
            let (clock, processor) = (Instant::now(), thread_time());
            let made = black_box(work());
            let times = (thread_time().saturating_sub(processor), clock.elapsed());
            drop(made);
            times
        })
        .collect();
    times.sort_unstable();
    let (processor, _) = times[ROUNDS / 2];
    times.sort_unstable_by_key(|&(_, clock)| clock);
    let (_, clock) = times[ROUNDS / 2];
    println!(
        "{name:24} {:>5} KB  {processor:>9.2?} of the processor  {clock:>9.2?} by the clock",
        bytes / 1_000
    );
}

fn spec_no(number: u32) -> String {
    format!("SKU-{:06}", u64::from(number) * 7_919 % 1_000_000)
}

/// Goods in no order, with names, boxes and batches now and then, as a merchant's file has them.
fn goods(rows: u32) -> String {
    let mut text = "spec_no,name,product,sku,tax,main_unit,sales_unit,sales_rate,price_unit,price_rate,counted_in,batch_managed,expiry_managed,shelf_life_days,store_goods,store_goods_id\r\n".to_owned();
    for number in 0..rows {
        let key = spec_no(number);
        let boxed = if number % 8 == 0 { "BOX,12,,,main" } else { ",,,," };
        let kept = if number % 4 == 0 { "是,是,365" } else { ",," };
        let _ = write!(
            text,
            "{key},\"明前龙井 {number}克, 礼盒装\",P{number:08},{key},VAT13,PCS,{boxed},{kept},,{number}\r\n"
        );
    }
    text
}

fn own(rows: u32) -> String {
    let mut text = "spec_no,shop,from,price\r\n".to_owned();
    for number in 0..rows {
        let _ = write!(text, "{},TM001,2026/1/1,{}.50\r\n", spec_no(number), number % 900);
    }
    text
}

/// Returns the processor time of this thread (Linux); the clock elsewhere.
fn thread_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = stat.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or(Duration::ZERO, Duration::from_nanos)
}
