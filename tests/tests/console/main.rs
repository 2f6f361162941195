//! What the page promises, each promise a test of its name, on the real binaries behind the local gateway.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod chromium;
mod person;
mod reconciled;
mod repairing;
mod signing_in;
mod troubles;
mod vast;

use dougong_simulators::day;
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{World, WorldSettings, is_sold};
use dougong_values::{BeijingTime, BusinessDay};

fn yesterday() -> BusinessDay {
    BeijingTime::now().plus_seconds(-86_400).day()
}

/// Starts a world with the page, in which `good` orders are booked; returns the stockout ids of two more that are
/// parked: shop and goods of the first are in no table, nor is the shop of the second.
async fn world_with_parked(seed: u64, good: usize) -> (World, u64, u64) {
    let settings =
        WorldSettings { console: true, reconciles: true, ..WorldSettings::from(yesterday().start()) };
    let world = World::start(settings).await;
    let day = day::orders(seed, 2 * good + 20, yesterday());
    let mut orders: Vec<WdtOrder> = day.into_iter().filter(is_sold).take(good + 2).collect();
    let (strange, foreign) = (orders[0].stockout_id, orders[1].stockout_id);
    "NEW99".clone_into(&mut orders[0].shop_no);
    "SKU-9999".clone_into(&mut orders[0].lines[0].spec_no);
    "=NEW98".clone_into(&mut orders[1].shop_no);
    world.wdt.add(orders);
    world.pull_and_settle().await;
    (world, strange, foreign)
}
