//! BIP limits calls. These wait for a whole minute, so their name puts them before the others.

use std::time::Duration;

use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Faults, Rule, When};
use dougong_tests::{World, WorldSettings, with_latency};

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
async fn three_environments_with_a_backlog_keep_bips_limit_over_any_minute_and_use_it() {
    const LIMIT: usize = 60;
    let mut settings = WorldSettings::from(yesterday().start());
    settings.bip.calls_per_minute = Some(LIMIT);
    // The shipped pace, on a way to BIP and back that takes now less, now more time.
    settings.bip_calls_per_minute = None;
    settings.gateway = Some(Box::new(|gateway| with_latency(gateway, Duration::from_millis(900))));
    settings.bip.faults = Faults::script(
        0,
        [
            // Tokens and repeated saves are calls too.
            Rule::on(bip::SAVE, When::Nth(30), Fault::TokenExpired),
            Rule::on(bip::SAVE, When::PerMille(300), Fault::Slow(Duration::from_millis(700))),
        ],
    );
    let world = World::start(settings).await;
    world.wdt.add(sold(1_507, 95));
    world.pull_and_settle().await;

    assert_eq!(world.assert_books_agree(), 95);
    let busiest = world.bip.busiest_minute();
    println!("{busiest} calls in the busiest minute, {LIMIT} are allowed");
    assert!(busiest <= LIMIT, "{busiest} calls in a minute, {LIMIT} are allowed");
    assert!(
        busiest * 100 >= LIMIT * 95,
        "{busiest} calls in the busiest minute: the limit of {LIMIT} is not used"
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
