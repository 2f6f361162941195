//! A schedule that fires late, twice, or not for days.

use std::time::Duration;

use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{SCHEME, World, WorldSettings};
use serde_json::json;

use crate::{at, sold, yesterday};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_did_not_fire_for_three_days_catches_up_slice_by_slice() {
    let start = yesterday().start().plus_seconds(-2 * DAY);
    let mut settings = WorldSettings::from(start);
    settings.rules = vec![("page_size = 100", "page_size = 10".to_owned())];
    // A run has two seconds for pages, at eight pages a second: far too few for all of the time that was missed.
    settings.stack = Box::new(|stack| {
        stack.env.insert("DOUGONG_WDT_CALLS_PER_MINUTE".to_owned(), "480".to_owned());
        stack.pull_timeout = Duration::from_secs(17);
    });
    let world = World::start(settings).await;
    // One order every 13 minutes.
    let orders: Vec<WdtOrder> = sold(1_901, 300)
        .into_iter()
        .zip(1..)
        .map(|(order, n)| at(order, start.plus_seconds(n * 780)))
        .collect();
    world.wdt.add(orders);

    let event = json!({ "scheme": SCHEME });
    let (mut runs, mut reached) = (0, None);
    loop {
        runs += 1;
        // It fires twice each time: one of the two does the work.
        let (one, other) = tokio::join!(world.try_pull(&event), world.try_pull(&event));
        let pulled = [one.unwrap(), other.unwrap()];
        let complete = pulled.iter().any(|pulled| pulled.complete && !pulled.held);
        let watermark = world.watermark().await;
        assert!(watermark >= reached, "run {runs} has gone back: {pulled:?}");
        reached = watermark;
        if complete {
            break;
        }
        assert!(runs < 40, "still not there: {pulled:?}");
    }
    assert!(runs >= 3, "{runs} runs did it: the case is not made");
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 300);
    let crashes = world.log().iter().filter(|line| line.contains("timed out")).count();
    assert_eq!(crashes, 0, "a run ends by itself, before its time is up");
    world.assert_nothing_parked().await;
    world.end().await;
}
