//! DynamoDB and SQS when they are away, throttled, slow, or lose what they answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dougong_cloud::{Call, Refusal, Verdict};
use dougong_tests::{SCHEME, World};
use serde_json::json;

use crate::{impatient, sold};

/// What a function sees of a service that has a bad time: request by request, the same every time.
#[derive(Debug, Clone, Default)]
struct BadTime {
    met: Arc<AtomicU64>,
}

impl BadTime {
    /// Returns the number of this request, from 0.
    fn next(&self) -> u64 {
        self.met.fetch_add(1, Ordering::Relaxed)
    }

    fn met(&self) -> u64 {
        self.met.load(Ordering::Relaxed)
    }
}

/// Runs pull as its schedule does, again and again, until a run has reached the end.
async fn pull_until_complete(world: &World) {
    let event = json!({ "scheme": SCHEME });
    world
        .until("a pull gets through", async || {
            let pulled = world.try_pull(&event).await;
            world.end_lease_of_pull().await;
            pulled.is_ok_and(|pulled| pulled.complete && !pulled.held)
        })
        .await;
}

/// Checks that the bad time has left no traces.
async fn assert_unharmed(world: World, orders: usize) {
    assert_eq!(world.assert_books_agree(), orders);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_throttled_or_slow_loses_and_doubles_nothing() {
    let world = World::start(impatient()).await;
    world.wdt.add(sold(1_701, 60));
    let bad = BadTime::default();
    let ours = bad.clone();
    world.disturb_tables(move |_| {
        let verdict = match ours.next() {
            // Away for good at first: longer than the SDK tries.
            0..12 => Verdict::Refuse(Refusal::UNAVAILABLE),
            n if n % 7 == 0 => Verdict::Refuse(Refusal::DYNAMODB_THROTTLED),
            n if n % 11 == 0 => Verdict::Refuse(Refusal::UNAVAILABLE),
            n if n % 5 == 0 => Verdict::Slow(Duration::from_millis(300)),
            _ => Verdict::Pass,
        };
        async move { verdict }
    });
    pull_until_complete(&world).await;
    world.settle().await;
    assert!(bad.met() > 200, "only {} requests were met", bad.met());
    world.calm();
    assert_unharmed(world, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_loses_its_answers_loses_and_doubles_nothing() {
    let world = World::start(impatient()).await;
    world.wdt.add(sold(1_702, 40));
    let bad = BadTime::default();
    let ours = bad.clone();
    world.disturb_tables(move |_| {
        // Done, but nobody hears of it.
        let lost = ours.next() % 4 == 0;
        async move { if lost { Verdict::LoseReply } else { Verdict::Pass } }
    });
    pull_until_complete(&world).await;
    world.settle().await;
    assert!(bad.met() > 120, "only {} requests were met", bad.met());
    world.calm();
    assert_unharmed(world, 40).await;
}

/// Every third entry of a batch.
fn thirds(call: &Call) -> BTreeSet<usize> {
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let entries = body["Entries"].as_array().map_or(0, Vec::len);
    (0..entries).filter(|position| position % 3 == 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_away_throttled_or_takes_half_a_batch_loses_and_doubles_nothing() {
    let world = World::start(impatient()).await;
    world.wdt.add(sold(1_703, 60));
    let bad = BadTime::default();
    let ours = bad.clone();
    world.disturb_queue(move |call| {
        let verdict = match call.operation.as_str() {
            "SendMessageBatch" => match ours.next() {
                0..5 => Verdict::Refuse(Refusal::UNAVAILABLE),
                5..7 => Verdict::Refuse(Refusal::SQS_THROTTLED),
                7..9 => Verdict::LoseReply,
                n if n % 2 == 0 => Verdict::FailEntries(thirds(&call)),
                n if n % 5 == 0 => Verdict::Slow(Duration::from_millis(300)),
                _ => Verdict::Pass,
            },
            "ReceiveMessage" if call.nth % 4 == 2 => Verdict::Refuse(Refusal::UNAVAILABLE),
            "ChangeMessageVisibility" if call.nth % 2 == 0 => Verdict::Refuse(Refusal::SQS_THROTTLED),
            _ => Verdict::Pass,
        };
        async move { verdict }
    });
    pull_until_complete(&world).await;
    world.settle().await;
    assert!(bad.met() > 12, "only {} batches were sent", bad.met());
    world.calm();
    assert_unharmed(world, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_done_and_cannot_be_deleted_come_back_and_book_nothing_twice() {
    let mut settings = impatient();
    settings.stack = Box::new(|stack| {
        crate::short_leases(stack);
        stack.visibility = Duration::from_secs(2);
    });
    let world = World::start(settings).await;
    world.wdt.add(sold(1_704, 30));
    world.disturb_queue(|call| async move {
        match (call.operation.as_str(), call.nth) {
            ("DeleteMessageBatch", 1..=12) => Verdict::Refuse(Refusal::UNAVAILABLE),
            ("DeleteMessageBatch", 13..=15) => Verdict::LoseReply,
            ("DeleteMessageBatch", 16..=18) => Verdict::FailEntries(thirds(&call)),
            _ => Verdict::Pass,
        }
    });
    world.pull_and_settle().await;
    world.calm();
    let came_back = world.log().iter().filter(|line| line.contains("already posted")).count();
    assert!(came_back >= 10, "only {came_back} messages came back");
    let again = world.bip.orders().iter().filter(|voucher| voucher.repeats > 0).count();
    assert_eq!(again, 0, "the ledger knows what is done before BIP is asked");
    assert_unharmed(world, 30).await;
}
