//! Messages that come back long after their first attempt, and workers that outlive their lease.

use std::time::Duration;

use dougong_simulators::bip::{self, Done};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_tests::{World, WorldSettings};

use crate::{impatient, sold, yesterday};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Lets BIP lose its answers to eight orders, four of which it has saved, and sends them again after so long.
async fn comes_back_after(seed: u64, pause: Duration) {
    let world = World::start(impatient()).await;
    let orders = sold(seed, 8);
    world.wdt.add(orders);
    let before = When::Calls { first: 1, last: 4 };
    let rules = [
        Rule::on(bip::SAVE, before, Fault::Reset(Strikes::BeforeCommit)),
        Rule::on(bip::SAVE, When::Always, Fault::Reset(Strikes::AfterCommit)),
    ];
    let rules = rules.map(|rule| world.bip.add_fault(rule));
    world.pull().await;
    world.until("every outcome is unknown", async || world.parked().await.len() == 8).await;
    let saved = world.vouchers();
    assert_eq!(saved, 4);

    // Time passes while the messages wait: keys expire, and so does the token.
    for rule in rules {
        world.bip.faults().remove(rule);
    }
    assert_eq!(world.age_open_documents(pause).await, 8);
    world.bip.set_clock_offset(pause.as_secs().cast_signed());
    let earlier = world.bip.calls().len();
    world.settle().await;

    let later = &world.bip.calls()[earlier..];
    let looked_up = later.iter().filter(|call| matches!(call.done, Done::Listed(_))).count();
    assert_eq!(looked_up, 8, "every order is looked up by its code: {later:#?}");
    let sent: Vec<_> =
        later.iter().filter(|call| call.operation == bip::SAVE).map(|call| &call.done).collect();
    let added = sent.iter().filter(|done| matches!(done, Done::Saved(_))).count();
    let repeats = sent.iter().filter(|done| matches!(done, Done::Repeated(_))).count();
    assert_eq!((added, repeats), (4, 0), "only what BIP does not have is sent again: {sent:?}");
    assert_eq!(world.assert_books_agree(), 8);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_comes_back_after_an_hour_is_looked_up_by_its_code_before_it_is_sent_again() {
    comes_back_after(1_801, HOUR + Duration::from_mins(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_comes_back_after_its_key_has_expired_is_not_booked_twice() {
    comes_back_after(1_802, 32 * DAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_order_after_its_lease_ran_out_book_it_once() {
    let mut settings = WorldSettings::from(yesterday().start());
    settings.stack = Box::new(|stack| stack.visibility = Duration::from_mins(2));
    let world = World::start(settings).await;
    world.wdt.add(sold(1_803, 3));
    // BIP needs long for the first three, longer than their leases are made to last.
    let slow = Fault::Slow(Duration::from_secs(4));
    world.bip.add_fault(Rule::on(bip::SAVE, When::Calls { first: 1, last: 3 }, slow));
    world.pull().await;
    let at_work = async || world.bip.calls().iter().filter(|call| call.done == Done::InProgress).count();
    world.until("the first worker is at work", async || at_work().await == 3).await;
    assert_eq!(world.age_open_documents(HOUR / 2).await, 3);
    let messages = world.queue.messages();
    assert_eq!(messages.len(), 3);
    world.send(&messages).await;
    let saves = async || world.bip.calls().iter().filter(|call| call.operation == bip::SAVE).count();
    world.until("the second worker has called too", async || saves().await >= 6).await;
    assert_eq!(at_work().await, 3, "the first worker is still at it");
    assert_eq!(world.vouchers(), 0);
    world.settle().await;

    assert_eq!(world.assert_books_agree(), 3);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}
