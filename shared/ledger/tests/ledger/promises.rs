//! The promises of design §5 about documents.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::retry::RetryConfig;
use dougong_cloud::{Refusal, Verdict};
use dougong_ledger::{
    Attempt, Begin, Begun, Certainty, Cursor, KEEP_SECONDS, Ledger, LedgerError, Noted, State, TableNames,
};
use dougong_values::{DocumentKey, VoucherId};

use crate::{DAY, HOUR, LEASE, NOW, REFUSED, SECOND, Store, code, id, names, order, run, store};

#[tokio::test(flavor = "multi_thread")]
async fn parallel_duplicates_post_once() {
    let store = Arc::new(store().await);
    let posts = Arc::new(AtomicU32::new(0));
    let workers = (0..20).map(|_| {
        let (store, posts) = (Arc::clone(&store), Arc::clone(&posts));
        tokio::spawn(async move {
            loop {
                match store.begin_at(&order("first", 1), NOW).await {
                    Begun::Started(started) => {
                        posts.fetch_add(1, Ordering::SeqCst);
                        store.ledger.record_posted(&started.hold, &id("2001"), None, NOW).await.unwrap();
                    }
                    Begun::Busy { until_ms } => assert_eq!(until_ms, NOW + LEASE),
                    Begun::AlreadyPosted => return,
                    other => panic!("{other:?}"),
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(posts.load(Ordering::SeqCst), 1);
    assert_eq!(store.read(&order("first", 1)).await.attempts, 1);
}

/// Where a worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    AfterSend,
    AfterNote,
    AfterBegin,
    AfterPost,
    AfterRecord,
    Nowhere,
}

/// BIP in as few lines as will do: a repeated key gets the first voucher.
#[derive(Default)]
struct Bip {
    vouchers: Mutex<HashMap<DocumentKey, VoucherId>>,
    posts: AtomicU32,
}

impl Bip {
    fn save(&self, key: &DocumentKey) -> VoucherId {
        let post = self.posts.fetch_add(1, Ordering::SeqCst);
        let mut vouchers = self.vouchers.lock().unwrap();
        vouchers.entry(key.clone()).or_insert_with(|| id(&format!("{}", 2001 + post))).clone()
    }
}

async fn deliver(store: &Store, bip: &Bip, crash: Crash, now_ms: i64) {
    let order = order("first", 1);
    let started = match store.begin_at(&order, now_ms).await {
        Begun::Started(started) => started,
        Begun::AlreadyPosted => return,
        other => panic!("{other:?}"),
    };
    if crash == Crash::AfterBegin {
        return;
    }
    let saved = bip.save(started.hold.key());
    if crash == Crash::AfterPost {
        return;
    }
    store.ledger.record_posted(&started.hold, &saved, None, now_ms).await.unwrap();
}

#[tokio::test]
async fn a_crash_at_any_point_neither_loses_nor_doubles() {
    use Crash::{AfterBegin, AfterNote, AfterPost, AfterRecord, AfterSend, Nowhere};
    for first in [AfterSend, AfterNote, AfterBegin, AfterPost, AfterRecord] {
        for second in [AfterBegin, AfterPost, AfterRecord, Nowhere] {
            let (store, bip) = (store().await, Bip::default());
            let order = order("first", 1);
            // The message is in the queue from here on; whoever dies leaves it there, and it comes back.
            if first != AfterSend {
                store.ledger.note_queued(&order, NOW).await.unwrap();
            }
            let mut now_ms = NOW;
            if ![AfterSend, AfterNote].contains(&first) {
                deliver(&store, &bip, first, now_ms).await;
                now_ms += LEASE;
            }
            deliver(&store, &bip, second, now_ms).await;
            store.ledger.note_queued(&order, now_ms).await.unwrap();
            deliver(&store, &bip, Nowhere, now_ms + LEASE).await;

            let booked = store.read(&order).await;
            assert_eq!(booked.state, State::Posted, "{first:?}, then {second:?}");
            assert_eq!(booked.voucher_id, bip.vouchers.lock().unwrap().get(&order.key).cloned());
            assert!(matches!(store.begin_at(&order, now_ms + 2 * LEASE).await, Begun::AlreadyPosted));
        }
    }
}

#[tokio::test]
async fn a_late_queue_mark_never_overwrites_a_later_state() {
    let (first, second) = (order("first", 1), order("second", 2));
    let mut seen = BTreeSet::new();
    for state in [State::Posting, State::Posted, State::Parked, State::Skipped] {
        let store = store().await;
        match state {
            State::Posting | State::Queued => drop(store.start(&first).await),
            State::Posted => store.post(&first).await,
            State::Parked => drop(store.ledger.park(&first, &REFUSED, NOW).await.unwrap()),
            State::Skipped => drop(store.ledger.skip(&first, "excluded", NOW).await.unwrap()),
        }
        let before = store.read(&first).await;
        assert_eq!(before.state, state);
        for late in [&first, &second] {
            let noted = store.ledger.note_queued(late, NOW + SECOND).await.unwrap();
            assert_eq!(noted, Noted::AlreadyThere { state, version: first.version.clone() });
            assert_eq!(store.read(&first).await, before);
        }
        seen.insert(state.as_str());
    }
    assert_eq!(seen.len(), 4);

    let store = store().await;
    store.ledger.note_queued(&second, NOW).await.unwrap();
    let noted = store.ledger.note_queued(&first, NOW).await.unwrap();
    assert_eq!(noted, Noted::AlreadyThere { state: State::Queued, version: second.version.clone() });
}

#[tokio::test]
async fn a_lost_lease_cannot_record() {
    let (store, order) = (store().await, order("first", 1));
    let slow = store.start(&order).await;
    let fast = store.start_at(&order, NOW + LEASE).await.hold;
    let late = NOW + LEASE + SECOND;

    let ledger = &store.ledger;
    let tries = [
        ledger.record_posted(&slow, &id("2001"), None, late).await,
        ledger.record_parked(&slow, &REFUSED, Certainty::NothingSaved, late).await,
        ledger.record_queued_again(&slow, Attempt::Uncounted, late).await,
        ledger.record_unknown(&slow, "timeout", late + 5 * SECOND, late).await,
    ];
    for lost in tries {
        assert!(matches!(lost, Err(LedgerError::LostLease { .. })), "{lost:?}");
    }
    assert_eq!(store.read(&order).await.state, State::Posting);

    ledger.record_posted(&fast, &id("2001"), None, late).await.unwrap();
    let parked = ledger.record_parked(&slow, &REFUSED, Certainty::NothingSaved, late).await;
    assert!(matches!(parked, Err(LedgerError::LostLease { .. })), "{parked:?}");
    // What the slow worker learnt is already known: no error. Anything else is the one thing to shout about.
    ledger.record_posted(&slow, &id("2001"), None, late).await.unwrap();
    let doubled = ledger.record_posted(&slow, &id("2002"), None, late).await;
    assert!(matches!(doubled, Err(LedgerError::OtherVoucher { .. })), "{doubled:?}");
    assert_eq!(store.read(&order).await.voucher_id, Some(id("2001")));
}

#[tokio::test]
async fn a_lease_that_ran_out_but_was_not_taken_still_records() {
    let (store, order) = (store().await, order("first", 1));
    let hold = store.start(&order).await;
    store.ledger.record_posted(&hold, &id("2001"), None, NOW + HOUR).await.unwrap();
    assert_eq!(store.read(&order).await.state, State::Posted);
}

#[tokio::test]
async fn an_expired_row_is_not_trusted() {
    let order = order("first", 1);
    let after = NOW + KEEP_SECONDS * SECOND;
    const { assert!(KEEP_SECONDS >= 90 * DAY / SECOND) };

    let store = store().await;
    store.post(&order).await;
    let keys = [order.key.clone()];
    assert_eq!(store.ledger.known(&keys, after - 1).await.unwrap().len(), 1);
    assert_eq!(store.ledger.known(&keys, after).await.unwrap().len(), 0);
    assert_eq!(store.ledger.document(&order.key, after).await.unwrap(), None);
    assert!(matches!(store.begin_at(&order, after - 1).await, Begun::AlreadyPosted));

    let started = store.start_at(&order, after).await;
    assert_eq!((started.attempt, started.frozen, started.late), (1, None, false));
    let fresh = store.read(&order).await;
    assert_eq!((fresh.posted_at, fresh.voucher_id, fresh.expires_at), (None, None, None));

    store.ledger.record_posted(&started.hold, &id("2002"), None, after).await.unwrap();
    let later = after + KEEP_SECONDS * SECOND;
    assert_eq!(store.ledger.note_queued(&order, later).await.unwrap(), Noted::Queued);
    let queued = store.ledger.document(&order.key, later).await.unwrap().unwrap();
    assert_eq!((queued.state, queued.attempts), (State::Queued, 0));
    assert_eq!((queued.posted_at, queued.voucher_id, queued.voucher_code), (None, None, None));
}

/// Runs every operation once and returns what each came to.
async fn everything(
    ledger: &Ledger,
    hold: &dougong_ledger::Hold,
) -> Vec<(&'static str, Result<(), LedgerError>)> {
    let order = order("first", 1);
    let (code, owner, account) = (code(), run("worker"), "bip#app".parse().unwrap());
    let begin =
        Begin { document: &order, voucher_code: Some(&code), owner: &owner, lease_until_ms: NOW + LEASE };
    let second = std::time::Duration::from_secs(1);
    let again = NOW + 5 * SECOND;
    vec![
        ("known", ledger.known(std::slice::from_ref(&order.key), NOW).await.map(drop)),
        ("note", ledger.note_queued(&order, NOW).await.map(drop)),
        ("begin", ledger.begin(&begin, NOW).await.map(drop)),
        ("posted", ledger.record_posted(hold, &id("2001"), None, NOW).await),
        ("parked", ledger.record_parked(hold, &REFUSED, Certainty::NothingSaved, NOW).await),
        ("again", ledger.record_queued_again(hold, Attempt::Uncounted, NOW).await),
        ("unknown", ledger.record_unknown(hold, "timeout", again, NOW).await),
        ("park", ledger.park(&order, &REFUSED, NOW).await.map(drop)),
        ("skip", ledger.skip(&order, "excluded", NOW).await.map(drop)),
        ("hold", ledger.hold_changed(&order, NOW).await.map(drop)),
        ("requeue", ledger.requeue(&order.key, NOW).await.map(drop)),
        ("lease", ledger.take_lease(&order.scheme, Cursor::Live, &owner, again, NOW).await.map(drop)),
        ("reserve", ledger.reserve(&account, 1, second, second, NOW).await.map(drop)),
        ("pause", ledger.pause(&account, again, "throttled", NOW).await.map(drop)),
        ("token", ledger.load_token().await.map(drop)),
        ("refresh", ledger.lock_token_refresh(&owner, again, NOW).await.map(drop)),
    ]
}

#[tokio::test]
async fn the_store_being_down_is_a_retry_never_a_refusal() {
    let store = store().await;
    let hold = store.start(&order("first", 1)).await;
    let once = store.dynamodb.client().config().to_builder().retry_config(RetryConfig::disabled()).build();
    let client = aws_sdk_dynamodb::Client::from_conf(once);
    let ledger = Ledger::new(client.clone(), names());
    let before = store.read(&order("first", 1)).await;

    for refusal in [Refusal::UNAVAILABLE, Refusal::DYNAMODB_THROTTLED] {
        store.dynamodb.traffic().disturb(move |_| {
            let refusal = refusal.clone();
            async move { Verdict::Refuse(refusal) }
        });
        for (operation, result) in everything(&ledger, &hold).await {
            let error = result.expect_err(operation);
            assert!(matches!(error, LedgerError::Unavailable { .. }), "{operation}: {error:?}");
            assert!(error.is_retryable());
        }
    }
    store.dynamodb.traffic().calm();
    assert_eq!(store.read(&order("first", 1)).await, before);

    // What nobody can wait away says so, and blames no document either.
    let nowhere = TableNames { watermarks: "no-such".to_owned(), documents: "no-such".to_owned() };
    for (operation, result) in everything(&Ledger::new(client, nowhere), &hold).await {
        let error = result.expect_err(operation);
        assert!(matches!(error, LedgerError::Misconfigured { .. }), "{operation}: {error:?}");
        assert!(!error.is_retryable());
    }
}
