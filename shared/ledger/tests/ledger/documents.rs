//! What is written when answers get lost, and what sits where.

use dougong_cloud::Verdict;
use dougong_ledger::{Attempt, Begun, Certainty, LedgerError, SetAside, Standing, State, TakeOver};

use crate::{LEASE, NOW, REFUSED, SECOND, Store, code, id, order, run, store};

/// Loses the answer to the first request of an operation from now on; the client repeats it.
fn lose_first_reply(store: &Store, operation: &'static str) {
    store.dynamodb.traffic().reset();
    store.dynamodb.traffic().disturb(move |call| async move {
        if call.operation == operation && call.nth == 1 { Verdict::LoseReply } else { Verdict::Pass }
    });
}

#[tokio::test]
async fn a_repeated_write_is_recognised_as_its_own() {
    let first = order("first", 1);
    let store = store().await;
    let ledger = &store.ledger;

    lose_first_reply(&store, "UpdateItem");
    let started = store.start_at(&first, NOW).await;
    assert_eq!((started.attempt, started.frozen), (1, None));
    assert_eq!(store.dynamodb.traffic().count("UpdateItem"), 2);

    lose_first_reply(&store, "PutItem");
    ledger.record_unknown(&started.hold, "timeout", NOW, NOW).await.unwrap();
    lose_first_reply(&store, "PutItem");
    let taken = store.start_at(&first, NOW).await;
    assert!(taken.frozen.is_some());
    lose_first_reply(&store, "PutItem");
    ledger.record_queued_again(&taken.hold, Attempt::Uncounted, NOW).await.unwrap();
    let taken = store.start_at(&first, NOW).await;
    lose_first_reply(&store, "PutItem");
    ledger.record_parked(&taken.hold, &REFUSED, Certainty::NothingSaved, NOW).await.unwrap();
    lose_first_reply(&store, "PutItem");
    ledger.requeue(&first.key, NOW).await.unwrap();
    lose_first_reply(&store, "PutItem");
    assert_eq!(ledger.park(&first, &REFUSED, NOW).await.unwrap(), SetAside::Done);
    ledger.requeue(&first.key, NOW).await.unwrap();
    let hold = store.start(&first).await;
    lose_first_reply(&store, "PutItem");
    ledger.record_posted(&hold, &id("2001"), Some(&code()), NOW).await.unwrap();
    assert_eq!(store.read(&first).await.state, State::Posted);
}

#[tokio::test]
async fn a_record_that_is_tried_again_later_is_no_lost_lease() {
    let first = order("first", 1);
    let store = store().await;
    let hold = store.start(&first).await;
    for later in [NOW, NOW + SECOND] {
        store.ledger.record_unknown(&hold, "timeout", NOW, later).await.unwrap();
    }
    let hold = store.start(&first).await;
    for later in [NOW, NOW + SECOND] {
        store.ledger.record_parked(&hold, &REFUSED, Certainty::NothingSaved, later).await.unwrap();
    }
    // But only as long as nobody did anything else with it.
    store.ledger.requeue(&first.key, NOW).await.unwrap();
    let late = store.ledger.record_parked(&hold, &REFUSED, Certainty::NothingSaved, NOW).await;
    assert!(matches!(late, Err(LedgerError::LostLease { .. })), "{late:?}");
}

#[tokio::test]
async fn what_is_unsettled_can_be_taken_over_without_a_message() {
    let first = order("first", 1);
    let store = store().await;
    let take = async |now_ms| {
        store.ledger.take_over(&first.key, &run("sweep"), now_ms + LEASE, now_ms).await.unwrap()
    };
    assert!(matches!(take(NOW).await, TakeOver::Settled));
    store.ledger.note_queued(&first, NOW).await.unwrap();
    assert!(matches!(take(NOW).await, TakeOver::Settled));
    drop(store.start(&first).await);
    assert!(matches!(take(NOW).await, TakeOver::Busy { until_ms } if until_ms == NOW + LEASE));
    let TakeOver::Started(started) = take(NOW + LEASE).await else { panic!("not taken") };
    assert_eq!(started.frozen.unwrap().source_json, first.source_json);
    store.ledger.record_posted(&started.hold, &id("2001"), None, NOW + LEASE).await.unwrap();
    assert!(matches!(take(NOW + 2 * LEASE).await, TakeOver::Settled));
}

#[tokio::test]
async fn two_messages_of_one_run_do_not_share_a_lease() {
    let store = store().await;
    drop(store.start(&order("first", 1)).await);
    assert!(matches!(store.begin_at(&order("first", 1), NOW).await, Begun::Busy { .. }));
}

#[tokio::test]
async fn a_posted_document_keeps_what_proves_it_and_nothing_more() {
    let first = order("first", 1);
    let store = store().await;
    store.ledger.note_queued(&first, NOW).await.unwrap();
    assert_eq!(store.read(&first).await.source.unwrap().text(), Some(first.source_json.clone()));
    store.post(&first).await;
    let posted = store.read(&first).await;
    assert_eq!((posted.source, posted.lease, posted.problems), (None, None, None));
    assert_eq!((posted.voucher_id, posted.voucher_code), (Some(id("2001")), Some(code())));
    assert_eq!((posted.amount, posted.posted_at), (first.amount, Some(NOW)));
}

#[tokio::test]
async fn a_skipped_document_stays_skipped_until_it_changes() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    assert_eq!(store.ledger.skip(&first, "excluded", NOW).await.unwrap(), SetAside::Done);
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::Skipped));
    assert_eq!(store.ledger.park(&first, &REFUSED, NOW).await.unwrap(), SetAside::Not(Standing::Skipped));
    assert_eq!(store.start(&second).await.version(), &second.version);
}

#[tokio::test]
async fn parking_never_touches_what_a_worker_holds() {
    let first = order("first", 1);
    let store = store().await;
    let hold = store.start(&first).await;
    let parked = store.ledger.park(&first, &REFUSED, NOW + SECOND).await.unwrap();
    assert!(matches!(parked, SetAside::Not(Standing::Busy { .. })));
    store.ledger.record_posted(&hold, &id("2001"), None, NOW).await.unwrap();
    let parked = store.ledger.park(&first, &REFUSED, NOW + SECOND).await.unwrap();
    assert_eq!(parked, SetAside::Not(Standing::AlreadyPosted));
}
