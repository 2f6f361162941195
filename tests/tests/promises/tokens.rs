//! The one token that all environments share: it expires, is killed by somebody else, or cannot be had for a while.

use std::time::Duration;

use dougong_simulators::bip::{self, Call};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_tests::{World, WorldSettings};

use crate::{impatient, sold, yesterday};

/// Ten calls a second.
const PACE: u32 = 600;

/// A world whose three environments have work for a while.
fn busy(mut settings: WorldSettings) -> WorldSettings {
    settings.bip_calls_per_minute = Some(PACE);
    settings
}

/// The calls for a token.
fn token_calls(calls: &[Call]) -> Vec<Duration> {
    calls.iter().filter(|call| call.operation == bip::TOKEN).map(|call| call.at).collect()
}

/// Checks that all calls together keep the pace, over any five seconds: tokens and repeated saves have slots, too. A
/// call may be a second late for its slot.
fn assert_pace_kept(calls: &[Call]) {
    let most = PACE as usize / 60 * 6 + 2;
    for (index, first) in calls.iter().enumerate() {
        let end = first.at + Duration::from_secs(5);
        let within = calls[index..].iter().take_while(|call| call.at < end).count();
        assert!(within <= most, "{within} calls within five seconds from {:?}", first.at);
    }
}

/// Lets the orders flow in three environments, and does something to their token when a part of them is booked, and
/// again when another is. Returns how often the environments asked for a token.
async fn books_while_the_token_dies(seed: u64, kill: impl Fn(&World, i64)) -> usize {
    let world = World::start(busy(WorldSettings::from(yesterday().start()))).await;
    world.wdt.add(sold(seed, 120));
    world.pull().await;
    for (round, booked) in (1..).zip([30, 70]) {
        world.until("a part is booked", async || world.vouchers() >= booked).await;
        let at_work = async || world.stack.deliver_host().open_events() == 3;
        world.until("three environments are at work", at_work).await;
        let asked = || token_calls(&world.bip.calls()).len();
        let before = asked();
        kill(&world, round);
        world.until("a successor is asked for", async || asked() > before).await;
    }
    world.settle().await;

    assert_eq!(world.assert_books_agree(), 120);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    let calls = world.bip.calls();
    assert_pace_kept(&calls);
    let refused = calls.iter().filter(|call| call.done == bip::Done::Refused("310036".to_owned())).count();
    assert!((1..=2 * 30).contains(&refused), "each call in flight is refused once at most: {refused}");
    let asked = token_calls(&calls).len();
    world.end().await;
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_with_three_environments_at_work_is_asked_for_once() {
    let life = bip::Settings::default().token_life_seconds;
    let expires = |world: &World, round: i64| world.bip.set_clock_offset(round * (life + 1));
    assert_eq!(
        books_while_the_token_dies(2_201, expires).await,
        3,
        "the first, and one for each that expired"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_killed_by_somebody_elses_request_is_asked_for_once() {
    let killed = |world: &World, _| world.bip.give_token_elsewhere();
    assert_eq!(
        books_while_the_token_dies(2_202, killed).await,
        3,
        "the first, and one for each that was killed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_fails_for_a_while_loses_and_doubles_nothing() {
    let mut settings = busy(impatient());
    settings.rules.push(("no_token_pause = \"30s\"", "no_token_pause = \"2s\"".to_owned()));
    settings.rules.push(("throttled_pause = \"60s\"", "throttled_pause = \"4s\"".to_owned()));
    let world = World::start(settings).await;
    let before = Strikes::BeforeCommit;
    let fails = |first: u64| {
        let faults = [
            Fault::Status(503, before),
            Fault::Html(before),
            Fault::Timeout(before),
            Fault::TruncatedJson(before),
            Fault::Reset(before),
            Fault::Status(500, before),
        ];
        for (nth, fault) in (first..).zip(faults) {
            world.bip.add_fault(Rule::on(bip::TOKEN, When::Nth(nth), fault));
        }
    };
    fails(1);
    world.wdt.add(sold(2_203, 60));
    world.pull().await;
    world.until("a part is booked", async || world.vouchers() >= 20).await;
    // And once more in the middle, when there is no token any more.
    fails(1);
    world.bip.revoke_tokens();
    world.settle().await;

    assert_eq!(world.bip.faults().log().len(), 12, "every fault was met");
    assert_eq!(world.assert_books_agree(), 60);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    assert_eq!(world.bip.tokens().len(), 2);
    let calls = world.bip.calls();
    assert_pace_kept(&calls);
    // One environment asks, and once more; then everyone waits.
    let asked = token_calls(&calls);
    assert_eq!(asked.len(), 14, "twelve that failed and two that did not");
    for third in asked.windows(3) {
        let span = third[2].saturating_sub(third[0]);
        assert!(span >= Duration::from_secs(2), "three calls for a token within {span:?}: {asked:?}");
    }
    world.end().await;
}
