//! BIP limits calls. This waits for a whole minute, so its name puts it before the others, which run meanwhile.

use std::time::Duration;

use dougong_simulators::bip;
use dougong_tests::{World, WorldSettings};

use crate::{sold, yesterday};

#[tokio::test(flavor = "multi_thread")]
async fn throttling_parks_nothing_everyone_waits_and_everything_is_booked() {
    let mut settings = WorldSettings::from(yesterday().start());
    settings.bip.calls_per_minute = Some(20);
    let world = World::start(settings).await;
    world.wdt.add(sold(1_503, 30));
    world.pull_and_settle().await;

    assert_eq!(world.assert_books_agree(), 30);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    let calls = world.bip.calls();
    let throttled = calls
        .iter()
        .rposition(|call| call.done == bip::Done::Refused("310046".to_owned()))
        .expect("BIP has limited calls");
    let next = calls.get(throttled + 1).expect("calls went on");
    let pause = next.at.saturating_sub(calls[throttled].at);
    assert!(pause >= Duration::from_secs(59), "somebody came back after {pause:?}");
    world.end().await;
}
