//! BIP limits calls. These wait for a whole minute, so their name puts them before the others.

use std::time::Duration;

use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Faults, Rule, When};
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

#[tokio::test(flavor = "multi_thread")]
async fn three_environments_with_a_backlog_keep_bips_pace_over_any_minute_and_use_it() {
    const LIMIT: usize = 600;
    const PACE: usize = 570;
    let mut settings = WorldSettings::from(yesterday().start());
    settings.bip.calls_per_minute = Some(LIMIT);
    settings.bip_calls_per_minute = u32::try_from(PACE).unwrap();
    // Tokens and look-ups are calls too.
    settings.bip.faults = Faults::script(0, [Rule::on(bip::SAVE, When::Nth(150), Fault::TokenExpired)]);
    let world = World::start(settings).await;
    world.wdt.add(sold(1_507, 660));
    world.pull_and_settle().await;

    assert_eq!(world.assert_books_agree(), 660);
    let busiest = world.bip.busiest_minute();
    assert!(busiest <= LIMIT, "{busiest} calls in a minute, {LIMIT} are allowed");
    assert!(
        busiest * 100 >= PACE * 95,
        "{busiest} calls in the busiest minute: the pace of {PACE} is not used"
    );
    let calls = world.bip.calls();
    let refused = calls.iter().filter(|call| call.done == bip::Done::Refused("310046".to_owned())).count();
    assert_eq!(refused, 0, "BIP had to limit {refused} calls");
    assert_eq!(world.bip.tokens().len(), 2);
    assert_eq!(world.stack.deliver_host().environments_started(), 3);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}
