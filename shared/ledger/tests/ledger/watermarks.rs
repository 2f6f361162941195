//! Leases and watermarks.

use std::sync::Arc;

use dougong_cloud::Verdict;
use dougong_ledger::{Cursor, HistoryEntry, Lease, LedgerError, TakeLease};
use dougong_values::{BeijingTime, SchemeId, Window};

use crate::{LEASE, NOW, SECOND, Store, run, store};

fn scheme() -> SchemeId {
    "online-sales".parse().unwrap()
}

fn at(time: &str) -> BeijingTime {
    format!("2026-11-22 {time}").parse().unwrap()
}

fn entry(from: &str, to: &str) -> HistoryEntry {
    HistoryEntry {
        window: Window::new(at(from), at(to)).unwrap(),
        pages: 2,
        rows: 150,
        queued: 120,
        skipped: 25,
        excluded: 5,
        run: run("first"),
    }
}

impl Store {
    async fn take(&self, cursor: Cursor, owner: &str, now_ms: i64) -> TakeLease {
        self.ledger.take_lease(&scheme(), cursor, &run(owner), now_ms + LEASE, now_ms).await.unwrap()
    }

    async fn lease(&self, cursor: Cursor, owner: &str, now_ms: i64) -> Lease {
        match self.take(cursor, owner, now_ms).await {
            TakeLease::Taken(lease) => lease,
            held @ TakeLease::HeldBy { .. } => panic!("{held:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_is_pulled_by_one_run_at_a_time() {
    let store = Arc::new(store().await);
    let runs = (0..20).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.take(Cursor::Live, &format!("run-{number}"), NOW).await })
    });
    let mut taken = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        match run.await.unwrap() {
            TakeLease::Taken(lease) => taken.push(lease),
            TakeLease::HeldBy { until_ms, .. } => assert_eq!(until_ms, NOW + LEASE),
        }
    }
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].watermark(), taken[0].fence()), (None, 1));

    store.ledger.release(taken.remove(0), NOW).await.unwrap();
    let next = store.lease(Cursor::Live, "next", NOW).await;
    assert_eq!(next.fence(), 2, "a released lease is free at once, and the fence grows");
}

#[tokio::test]
async fn a_watermark_moves_with_its_history_and_only_forward() {
    let store = store().await;
    let mut lease = store.lease(Cursor::Live, "first", NOW).await;
    store.ledger.advance(&mut lease, at("10:00:00"), &entry("09:00:00", "10:00:00"), NOW).await.unwrap();
    store.ledger.advance(&mut lease, at("11:00:00"), &entry("10:00:00", "11:00:00"), NOW + 1).await.unwrap();
    assert_eq!(lease.watermark(), Some(at("11:00:00")));
    // The overlap asks for times before the watermark again.
    store.ledger.advance(&mut lease, at("10:30:00"), &entry("10:00:00", "10:30:00"), NOW + 2).await.unwrap();
    assert_eq!(lease.watermark(), Some(at("11:00:00")));
    assert_eq!(store.ledger.watermark(&scheme(), Cursor::Live).await.unwrap(), Some(at("11:00:00")));

    let history = store.ledger.history(&scheme(), NOW, NOW + 1).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].at_ms, &history[0].entry), (NOW, &entry("09:00:00", "10:00:00")));
    assert_eq!(history[0].cursor, "live");
    assert_eq!(store.ledger.history(&scheme(), 0, NOW + SECOND).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_lost_lease_cannot_move_the_watermark() {
    let store = store().await;
    let mut slow = store.lease(Cursor::Live, "slow", NOW).await;
    let mut fast = store.lease(Cursor::Live, "fast", NOW + LEASE).await;
    assert_eq!(fast.fence(), slow.fence() + 1);
    let moved = store.ledger.advance(&mut slow, at("10:00:00"), &entry("09:00:00", "10:00:00"), NOW).await;
    assert!(matches!(moved, Err(LedgerError::LostLease { .. })), "{moved:?}");
    assert_eq!(slow.watermark(), None);
    assert!(store.ledger.history(&scheme(), 0, NOW + LEASE).await.unwrap().is_empty());

    store.ledger.release(slow, NOW).await.unwrap();
    assert!(matches!(store.take(Cursor::Live, "third", NOW + LEASE).await, TakeLease::HeldBy { .. }));
    store.ledger.advance(&mut fast, at("10:00:00"), &entry("09:00:00", "10:00:00"), NOW).await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_repeated_takes_its_own_lease_again() {
    let store = store().await;
    drop(store.lease(Cursor::Live, "first", NOW).await);
    assert_eq!(store.lease(Cursor::Live, "first", NOW + 1).await.fence(), 2);
}

#[tokio::test]
async fn a_backfill_never_moves_the_live_watermark() {
    let store = store().await;
    let mut live = store.lease(Cursor::Live, "live", NOW).await;
    store.ledger.advance(&mut live, at("10:00:00"), &entry("09:00:00", "10:00:00"), NOW).await.unwrap();
    let cursor = Cursor::Backfill { from: at("01:00:00"), to: at("02:00:00") };
    let mut backfill = store.lease(cursor, "backfill", NOW).await;
    assert_eq!(backfill.watermark(), None);
    store.ledger.advance(&mut backfill, at("01:30:00"), &entry("01:00:00", "01:30:00"), NOW).await.unwrap();
    assert_eq!(store.ledger.watermark(&scheme(), Cursor::Live).await.unwrap(), Some(at("10:00:00")));
    assert_eq!(store.ledger.watermark(&scheme(), cursor).await.unwrap(), Some(at("01:30:00")));
    let cursors: Vec<_> = store.ledger.history(&scheme(), NOW, NOW).await.unwrap();
    assert_eq!(cursors.len(), 2);
    assert!(cursors.iter().any(|row| row.cursor == "2026-11-22 01:00:00..2026-11-22 02:00:00"));
}

#[tokio::test]
async fn a_move_whose_answer_was_lost_is_recognised() {
    let store = store().await;
    let mut lease = store.lease(Cursor::Live, "first", NOW).await;
    store.dynamodb.traffic().disturb(|call| async move {
        if call.operation == "TransactWriteItems" && call.nth == 1 {
            Verdict::LoseReply
        } else {
            Verdict::Pass
        }
    });
    store.ledger.advance(&mut lease, at("10:00:00"), &entry("09:00:00", "10:00:00"), NOW).await.unwrap();
    assert_eq!(store.dynamodb.traffic().count("TransactWriteItems"), 2);
    assert_eq!(store.ledger.watermark(&scheme(), Cursor::Live).await.unwrap(), Some(at("10:00:00")));
}
