//! What Dougong promises, each promise a test of its name, on the real binaries.
//!
//! One test binary: its tests wait more than they work, and linking the AWS SDK takes longer than either.

mod at_bips_pace;
mod bad_input;
mod books;
mod costs;
mod faults;
mod hard_orders;
mod killed_anywhere;
mod late_and_slow;
mod late_schedules;
mod listed;
mod merged;
mod merged_day;
mod misconfigured;
mod panics;
mod services_away;
mod tokens;
mod wdt_fails;
mod windows;

use std::time::Duration;

use dougong_cloud::StackSettings;
use dougong_simulators::day;
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{WorldSettings, is_sold};
use dougong_values::{BeijingTime, BusinessDay};

/// The day before today: wholly in the past, whenever a test runs.
fn yesterday() -> BusinessDay {
    BeijingTime::now().plus_seconds(-86_400).day()
}

/// Completed orders of yesterday that the shipped configuration books.
fn sold(seed: u64, count: usize) -> Vec<WdtOrder> {
    let day = day::orders(seed, count + count / 4 + 10, yesterday());
    let sold: Vec<WdtOrder> = day.into_iter().filter(is_sold).take(count).collect();
    assert_eq!(sold.len(), count, "the day is too short of sold orders");
    sold
}

/// Puts an order on an exact second: shipped, completed and last touched then.
fn at(order: WdtOrder, time: BeijingTime) -> WdtOrder {
    WdtOrder { consign_time: time, modified: time, status: 110, ..order }
}

/// A world whose BIP is waited for two seconds at most, and whose leases therefore end soon.
fn impatient() -> WorldSettings {
    let mut settings = WorldSettings::from(yesterday().start());
    let was = "connect_timeout = \"5s\"\nread_timeout = \"35s\"\ntotal_timeout = \"40s\"";
    let is = "connect_timeout = \"2s\"\nread_timeout = \"2s\"\ntotal_timeout = \"2s\"";
    settings.rules = vec![(was, is.to_owned())];
    settings.stack = Box::new(short_leases);
    settings
}

fn short_leases(stack: &mut StackSettings) {
    stack.deliver_timeout = Duration::from_secs(12);
    stack.visibility = Duration::from_secs(13);
}
