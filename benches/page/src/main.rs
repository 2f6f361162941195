//! What `pull` spends on one page of WDT besides its calls: the reply's bytes become rows, versions, messages in
//! batches, and the texts that the ledger keeps.
//!
//! Prints the processor time per page, step by step. `--help` says more.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a benchmark talks to a person"
)]

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dougong_config::{Config, Scheme};
use dougong_ledger::Source;
use dougong_queue::{Encoded, Message};
use dougong_runtime::new_document;
use dougong_values::{DocumentKey, SchemeId, Sid};
use dougong_wdt::{Row, read_page};
use serde_json::{Value, json};

const HELP: &str = "\
Measures what pull spends on one page of WDT, calls left out, in processor time of this thread.

usage: dougong-bench-page [--orders N] [--lines N] [--pages N] [--json]

  --orders N  orders of the page (100)
  --lines N   lines of each order (4: about 600 KB in all)
  --pages N   how often the page is worked on (300)
  --json      prints one JSON object";

/// The steps of a page, in the order in which `pull` takes them.
const STEPS: [&str; 4] =
    ["read the reply", "versions and filter", "messages in batches", "compress for the ledger"];

/// The pages are worked on in so many rounds; the median round counts.
const ROUNDS: u32 = 5;

struct Arguments {
    orders: u64,
    lines: u64,
    pages: u32,
    json: bool,
}

impl Arguments {
    /// Reads the command line; `None` if it asks for help or cannot be understood.
    fn read() -> Option<Self> {
        let mut read = Self { orders: 100, lines: 4, pages: 300, json: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number =
                |most: u32| words.next()?.parse().ok().filter(|number| (1..=most).contains(number));
            match word.as_str() {
                "--json" => read.json = true,
                "--orders" => read.orders = number(100)?.into(),
                "--lines" => read.lines = number(100)?.into(),
                "--pages" => read.pages = number(100_000)?,
                _ => return None,
            }
        }
        Some(read)
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read() else {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    };
    let page = page(arguments.orders, arguments.lines);
    let config = config();
    let scheme: SchemeId = "online-sales".parse().expect("an id");
    let rules = config.schemes.get(&scheme).expect("the shipped configuration has the scheme");
    let work = Work { page: &page, scheme: &scheme, rules, sid: config.wdt.sid() };
    assert_eq!(work.steps(STEPS.len()) as u64, arguments.orders, "every order becomes a message");

    // Step by step as far as each, because the scheduler's clock is too coarse for one page.
    let pages = arguments.pages.div_ceil(ROUNDS);
    let mut as_far_as: [Vec<Duration>; STEPS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for (last, times) in as_far_as.iter_mut().enumerate() {
            let began = thread_time();
            for _ in 0..pages {
                black_box(work.steps(last + 1));
            }
            times.push(thread_time().saturating_sub(began) / pages);
        }
    }
    let as_far_as = as_far_as.map(|mut times| {
        times.sort_unstable();
        u64::try_from(times[times.len() / 2].as_micros()).unwrap_or(u64::MAX)
    });
    report(&arguments, page.len(), as_far_as);
    ExitCode::SUCCESS
}

/// A page, and what `pull` knows beside it.
struct Work<'a> {
    page: &'a [u8],
    scheme: &'a SchemeId,
    rules: &'a Scheme,
    sid: &'a Sid,
}

impl Work<'_> {
    /// Does the first `count` steps. Returns how many orders came that far.
    fn steps(&self, count: usize) -> usize {
        let read = read_page(self.page, 0, &BTreeSet::new()).expect("the page can be read");
        if count == 1 {
            return read.rows.len();
        }
        let messages: Vec<Message> = read.rows.into_iter().filter_map(|row| self.message(row)).collect();
        if count == 2 {
            return messages.len();
        }
        let batches = black_box(batches(&messages));
        if count == 3 {
            return batches.iter().map(Vec::len).sum();
        }
        let pack = |message: &Message| black_box(Source::pack(&new_document(message).source_json));
        messages.iter().filter_map(pack).count()
    }

    fn message(&self, row: Row) -> Option<Message> {
        let Row::Stockout(stockout) = row else { return None };
        let version = stockout.version();
        if self.rules.mapping.excluded(&stockout).is_some() {
            return None;
        }
        let amount = stockout.receivable.unwrap_or_else(|| stockout.share_total() + stockout.post_amount);
        Some(Message {
            scheme: self.scheme.clone(),
            key: DocumentKey::stockout(self.sid, &stockout.stockout_id),
            version,
            modified: stockout.modified,
            day: stockout.consign_time?.day(),
            amount: Some(amount),
            document: stockout.json().to_owned(),
        })
    }
}

/// Writes the bodies, at most ten and 256 KiB a batch.
fn batches(messages: &[Message]) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let Encoded::Body(body) = message.encode() else { continue };
        bytes += body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < 10 && bytes <= Message::MAX_BYTES => batch.push(body),
            _ => {
                bytes = body.len();
                batches.push(vec![body]);
            }
        }
    }
    batches
}

fn report(arguments: &Arguments, bytes: usize, as_far_as: [u64; STEPS.len()]) {
    let before = std::iter::once(0).chain(as_far_as);
    let steps = STEPS.iter().zip(before.zip(as_far_as).map(|(before, after)| after.saturating_sub(before)));
    let whole = as_far_as.last().copied().unwrap_or_default();
    if arguments.json {
        let steps: Vec<Value> =
            steps.map(|(step, micros)| json!({ "step": step, "cpu_us": micros })).collect();
        let page = json!({ "orders": arguments.orders, "bytes": bytes, "cpu_us": whole, "steps": steps });
        println!("{page}");
        return;
    }
    println!("a page of {} orders, {} KB: processor time", arguments.orders, bytes / 1000);
    for (step, micros) in steps {
        println!("{step:<24} {micros:>7} µs");
    }
    println!("{:<24} {whole:>7} µs", "whole page");
}

/// Reads what the kernel's scheduler has given this thread so far, in nanoseconds.
fn thread_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with scheduler statistics");
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.expect("schedstat begins with the time on the processor"))
}

/// The shipped configuration.
fn config() -> Config {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let variable = |name: &str| match name {
        "DOUGONG_TENANT" | "DOUGONG_WDT_SID" => Some("demo".to_owned()),
        "DOUGONG_WDT_TARGET_APP_KEY" => Some("87654321".to_owned()),
        "DOUGONG_WDT_URL" | "DOUGONG_BIP_TOKEN_URL" | "DOUGONG_BIP_GATEWAY_URL" => {
            Some("http://127.0.0.1:9/".to_owned())
        }
        _ => None,
    };
    Config::load(&folder, &variable).expect("the shipped configuration can be read")
}

/// A page as WDT sends it: the documented sample's order, so many times, with ids, times and amounts of its own.
fn page(orders: u64, lines: u64) -> Vec<u8> {
    let sample = include_str!("../../../shared/wdt/tests/payloads/wdt_qimen.json");
    let mut reply: Value = serde_json::from_str(sample).expect("the sample is JSON");
    let sample = reply["response"]["stockout_list"][0].clone();
    let sold = sample["details_list"][0].clone();
    let order = |number: u64| {
        let mut order = sample.clone();
        let at = format!("2026-11-22 {:02}:{:02}:{:02}", 8 + number / 60, number % 60, number * 7 % 60);
        for name in ["consign_time", "modified"] {
            order[name] = at.clone().into();
        }
        order["stockout_id"] = (80_000_000 + number).into();
        for name in ["stockout_no", "order_no"] {
            order[name] = format!("CK20261122{number:05}").into();
        }
        for name in ["src_order_no", "trade_no"] {
            order[name] = format!("JY20261122{:05}", number * 37 % 99_991).into();
        }
        let line = |index: u64| {
            let mut line = sold.clone();
            line["rec_id"] = (900_000 + number * 100 + index).into();
            line["spec_no"] = format!("SKU-{:04}", 1 + (number * 7 + index) % 40).into();
            line["share_amount"] =
                format!("{}.{:04}", 20 + number % 80, (number * 1_237 + index * 311) % 10_000).into();
            line["src_oid"] = format!("22458734567890{number:05}-{index}").into();
            line
        };
        order["details_list"] = (0..lines).map(line).collect::<Vec<_>>().into();
        order
    };
    reply["response"]["total_count"] = orders.into();
    reply["response"]["stockout_list"] = (0..orders).map(order).collect::<Vec<_>>().into();
    reply.to_string().into_bytes()
}
