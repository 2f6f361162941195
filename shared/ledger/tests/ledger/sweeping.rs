//! What the sweep asks of the ledger: stuck documents, open batches; and what a door must not take twice.

use dougong_ledger::{Begun, OpenBatch, SetAside, State};
use dougong_values::{SchemeId, Window};

use crate::{DAY, HOUR, LEASE, NOW, REFUSED, SECOND, order, store};

#[tokio::test]
async fn a_document_is_stuck_when_nobody_touched_it_for_long_and_nobody_holds_it() {
    let store = store().await;
    let document = order("first", 1);
    let key = &document.key;
    let stuck = async |quiet_since_ms, now_ms| store.ledger.stuck(key, quiet_since_ms, now_ms).await.unwrap();
    assert_eq!(stuck(NOW, NOW).await, None, "nothing is there");

    store.ledger.note_queued(&document, NOW).await.unwrap();
    assert_eq!(stuck(NOW - 1, NOW + HOUR).await, None, "it was touched since");
    let queued = stuck(NOW, NOW + HOUR).await.unwrap();
    assert_eq!(queued.source.as_ref().unwrap().text().unwrap(), document.source_json);
    assert!(store.ledger.note_sent_again(&queued, NOW + HOUR).await.unwrap());
    assert_eq!(stuck(NOW, NOW + HOUR).await, None, "its message is young again");
    let late = store.ledger.note_sent_again(&queued, NOW + HOUR + 1).await.unwrap();
    assert!(!late, "an old look writes nothing");

    let later = NOW + 2 * HOUR;
    let started = store.start_at(&document, later).await;
    assert_eq!(stuck(later, later + LEASE - 1).await, None, "its worker may still be at it");
    let left = stuck(later, later + LEASE).await.unwrap();
    assert!(left.is_unsettled());
    assert!(store.ledger.note_sent_again(&left, later + LEASE).await.unwrap());
    let noted = store.read(&document).await;
    assert_eq!((noted.state, noted.first_posting_at), (State::Posting, left.first_posting_at));
    let lost = store.ledger.record_posted(&started.hold, &crate::id("1"), None, later + LEASE).await;
    assert_eq!(lost.unwrap_err().name(), "lost_lease", "whoever was late settles it by its message");
    assert!(matches!(store.begin_at(&document, later + LEASE).await, Begun::Started(_)));

    let other = crate::other(7);
    assert_eq!(store.ledger.park(&other, &REFUSED, NOW).await.unwrap(), SetAside::Done);
    assert_eq!(store.ledger.stuck(&other.key, NOW + DAY, NOW + DAY).await.unwrap(), None, "a person has it");
}

#[tokio::test]
async fn the_open_documents_of_a_day_are_found_by_its_index() {
    let store = store().await;
    let (scheme, day) = (order("first", 1).scheme, order("first", 1).day);
    store.ledger.note_queued(&crate::other(1), NOW).await.unwrap();
    store.ledger.note_queued(&crate::other(2), NOW + HOUR).await.unwrap();
    store.start(&crate::other(3)).await;
    store.post(&crate::other(4)).await;
    store.ledger.park(&crate::other(5), &REFUSED, NOW).await.unwrap();
    let open = async |day, quiet_since_ms| {
        let page = store.ledger.open_on_day(&scheme, day, quiet_since_ms, None).await.unwrap();
        assert!(page.next.is_none());
        page.rows
    };
    assert_eq!(open(day, NOW).await, [crate::other(1).key, crate::other(3).key]);
    assert_eq!(open(day, NOW - 1).await, []);
    assert_eq!(open("2026-11-22".parse().unwrap(), NOW + DAY).await, []);
}

#[tokio::test]
async fn a_batch_is_remembered_until_it_is_struck_out() {
    let store = store().await;
    let scheme: SchemeId = "transfers".parse().unwrap();
    let day = "2026-11-22".parse::<dougong_values::BusinessDay>().unwrap().start();
    let batch = |scope: &str, name: &str| OpenBatch {
        scope: scope.to_owned(),
        name: name.to_owned(),
        window: Window::new(day, day.plus_seconds(86_399)).unwrap(),
        asked: vec!["35".to_owned(), "36".to_owned()],
        rows: Vec::new(),
        opened_at: NOW,
    };
    let (first, second) = (batch("7", "123456"), batch("7", "343345"));
    for batch in [&first, &second] {
        store.ledger.open_batch(&scheme, batch).await.unwrap();
    }
    let again = OpenBatch { opened_at: NOW + HOUR, ..first.clone() };
    store.ledger.open_batch(&scheme, &again).await.unwrap();
    assert_eq!(store.ledger.open_batches(&scheme).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.ledger.open_batches(&"other".parse().unwrap()).await.unwrap(), []);

    for _ in 0..2 {
        store.ledger.close_batch(&scheme, &first).await.unwrap();
    }
    assert_eq!(store.ledger.open_batches(&scheme).await.unwrap(), [second]);
}

#[tokio::test]
async fn what_was_seen_is_seen_until_it_is_over() {
    let store = store().await;
    let until = NOW + 300 * SECOND;
    assert!(!store.ledger.is_seen("a", NOW).await.unwrap());
    assert!(store.ledger.remember_seen("a", until, NOW).await.unwrap());
    assert!(!store.ledger.remember_seen("a", until, NOW + 1).await.unwrap(), "remembered twice");
    assert!(store.ledger.is_seen("a", until).await.unwrap());
    assert!(!store.ledger.is_seen("b", NOW).await.unwrap());
    // DynamoDB deletes late: the row is still there.
    assert!(!store.ledger.is_seen("a", until + SECOND).await.unwrap());
    assert!(store.ledger.remember_seen("a", until + HOUR, until + SECOND).await.unwrap());
}
