//! When WDT limits, fails, or cannot answer so much at once; and documents that vanish or change their number.

use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::wdt::{self, Answer, WdtOrder};
use dougong_tests::{World, WorldSettings};
use dougong_values::{BeijingTime, Window};

use crate::{at, sold, yesterday};

const BEFORE: Strikes = Strikes::BeforeCommit;
const GATEWAY_BUSY: &str = "isp.top-remote-connection-timeout";

fn wdt_fault(when: When, fault: Fault) -> Rule {
    Rule::on(wdt::OPERATION, when, fault)
}

fn code(code: &str) -> Fault {
    Fault::Code(code.to_owned(), BEFORE)
}

/// A world with pages of ten that waits a second for WDT.
fn hasty() -> WorldSettings {
    let was = "connect_timeout = \"10s\"\nread_timeout = \"60s\"\ntotal_timeout = \"120s\"";
    let is = "connect_timeout = \"1s\"\nread_timeout = \"1s\"\ntotal_timeout = \"1s\"";
    let rules = vec![("page_size = 100", "page_size = 10".to_owned()), (was, is.to_owned())];
    WorldSettings { rules, ..WorldSettings::from(yesterday().start()) }
}

/// Orders spread evenly over yesterday.
fn spread(seed: u64, count: usize) -> Vec<WdtOrder> {
    let (start, step) = (yesterday().start(), 86_400 / i64::try_from(count).unwrap_or(i64::MAX));
    sold(seed, count).into_iter().zip(0..).map(|(order, n)| at(order, start.plus_seconds(n * step))).collect()
}

/// Books a day while WDT answers every other call with the next of these faults.
async fn books_in_spite_of(seed: u64, faults: &[Fault]) -> World {
    let world = World::start(hasty()).await;
    for (nth, fault) in (1..).zip(faults) {
        world.wdt.faults().add(wdt_fault(When::Nth(2 * nth), fault.clone()));
    }
    world.wdt.add(spread(seed, 100));
    world.pull_and_settle().await;
    assert_eq!(world.wdt.faults().log().len(), faults.len(), "every fault was met");
    assert_eq!(world.assert_books_agree(), 100);
    world.assert_nothing_parked().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wdt_that_limits_calls_or_fails_for_a_while_loses_nothing() {
    let limited = [Fault::Throttle, Fault::Timeout(BEFORE), Fault::Reset(BEFORE)];
    let failing =
        [code(GATEWAY_BUSY), Fault::TruncatedJson(BEFORE), Fault::Status(502, BEFORE), Fault::Html(BEFORE)];
    // Both wait for half a minute, so they wait together.
    let (limited, failing) =
        tokio::join!(books_in_spite_of(2_001, &limited), books_in_spite_of(2_004, &failing));
    for (world, fault) in [(limited, Fault::Throttle), (failing, code(GATEWAY_BUSY))] {
        let calls = world.wdt.calls();
        let struck = calls.iter().position(|call| call.answer == Answer::Fault(fault.clone())).unwrap();
        let pause = calls[struck + 1].at.saturating_sub(calls[struck].at);
        assert!(pause.as_secs() >= 29, "asked again after {pause:?}");
        world.end().await;
    }
}

/// The seconds of the windows that were asked for, in the order of the questions.
fn spans(world: &World) -> Vec<i64> {
    let windows = world.wdt.calls().into_iter().filter_map(|call| call.asked?.window);
    windows.map(Window::span_seconds).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_are_too_much_for_wdt_shrink_and_grow_back() {
    let world = World::start(hasty()).await;
    // Three windows in a row are too large for the gateway, and a later one is too heavy for WDT itself.
    world.wdt.faults().add(wdt_fault(When::Calls { first: 1, last: 3 }, code("isp.runtime-max-limit")));
    world.wdt.faults().add(wdt_fault(When::Calls { first: 5, last: 6 }, Fault::Timeout(BEFORE)));
    world.wdt.add(spread(2_002, 80));
    world.pull_and_settle().await;

    let spans = spans(&world);
    let shrunk: Vec<i64> = spans[..4].iter().map(|span| spans[0] / span).collect();
    assert_eq!(shrunk, [1, 2, 4, 8], "each is half of the one before: {spans:?}");
    assert_eq!(spans[4], spans[5], "a page that is late once is asked for again: {spans:?}");
    assert_eq!(spans[6], spans[5] / 2, "one that is late twice is too heavy: {spans:?}");
    assert!(spans[7..].iter().max() >= Some(&(spans[0] / 2)), "windows have not grown back: {spans:?}");
    assert_eq!(world.assert_books_agree(), 80);
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_vanish_or_change_their_number_between_pages_hide_no_other() {
    let world = World::start(hasty()).await;
    let orders = spread(2_003, 50);
    let id = |place: usize| orders[place].stockout_id;
    let (gone, early) = (id(2), id(4));
    let (renumbered, middle) = (id(22), id(27));
    world.wdt.add(orders.clone());
    // Pages are read 0 4 3 2 1 0. Rows vanish before pages that are still to be read, which move forward.
    world.wdt.after_page(4, move |wdt| assert!(wdt.remove(gone).is_some()));
    world.wdt.after_page(3, move |wdt| assert!(wdt.remove(early).is_some()));
    // A re-audit: the number is new and the row moves to the end; and one that was read already is audited again.
    world.wdt.after_page(2, move |wdt| {
        let now = BeijingTime::now();
        assert!(wdt.renumber(renumbered, now) && wdt.renumber(middle, now));
    });
    world.pull_and_settle().await;
    // What has moved to the present is read by the next run, if not by this one.
    world.pull_and_settle().await;

    // Neither was shipped after all; the first page was read before they vanished.
    let mut sold = world.wdt.orders();
    sold.extend([orders[2].clone(), orders[4].clone()]);
    world.assert_booked(&sold);
    world.assert_nothing_parked().await;
    world.end().await;
}
