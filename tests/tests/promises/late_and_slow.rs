//! Messages that come back long after their first attempt or in any order, and workers that outlive their lease.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use dougong_simulators::bip::{self, Done};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_tests::{World, WorldSettings};
use dougong_values::{BeijingTime, Money};

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

/// Brings every message twice, in an order that has nothing to do with how they were sent.
async fn send_twice_in_any_order(world: &World, messages: &[String], seed: u64) {
    let mut copies: Vec<(&String, u8)> =
        messages.iter().flat_map(|message| [(message, 1), (message, 2)]).collect();
    copies.sort_by_cached_key(|copy| {
        let mut hasher = DefaultHasher::new();
        (seed, copy).hash(&mut hasher);
        hasher.finish()
    });
    let bodies: Vec<String> = copies.into_iter().map(|(message, _)| message.clone()).collect();
    for batch in bodies.chunks(10) {
        world.send(batch).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_delivers_twice_late_and_in_any_order_books_every_order_once_as_it_is_last() {
    let world = World::start(impatient()).await;
    let orders = sold(1_804, 40);
    world.wdt.add(orders.clone());
    // Nothing is handed over while ten of the orders change, so that their first versions are outdated before they come.
    world.hold_messages().await;
    world.pull().await;
    let first = world.queue.messages();
    assert_eq!(first.len(), 40);
    for order in &orders[..10] {
        assert!(world.wdt.modify(order.stockout_id, BeijingTime::now(), |order| {
            let more: Money = "7.00".parse().unwrap();
            order.receivable += more;
            order.lines[0].share_amount += more;
        }));
    }
    world.pull().await;
    let second = world.queue.messages().split_off(40);
    assert_eq!(second.len(), 10, "the changed orders are queued again");
    world.stack.sqs().client().purge_queue().queue_url(world.stack.orders_queue()).send().await.unwrap();
    assert_eq!(world.vouchers(), 0, "nothing was handed over meanwhile");
    world.calm();

    // The newest of each, twice and in any order; then, late, all that ever was, twice and in any order.
    let key = |message: &String| serde_json::from_str::<serde_json::Value>(message).unwrap()["key"].clone();
    let changed: Vec<_> = second.iter().map(key).collect();
    let unchanged = first.iter().filter(|message| !changed.contains(&key(message)));
    let newest: Vec<String> = unchanged.chain(&second).cloned().collect();
    assert_eq!(newest.len(), 40);
    send_twice_in_any_order(&world, &newest, 1).await;
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 40);
    send_twice_in_any_order(&world, &[first, second].concat(), 2).await;
    world.settle().await;

    assert_eq!(world.assert_books_agree(), 40);
    assert_eq!(world.vouchers(), 40);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}
