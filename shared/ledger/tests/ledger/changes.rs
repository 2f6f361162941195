//! Versions: what becomes of a document that comes back with another content.

use dougong_ledger::{
    Attempt, Attention, Begun, CHANGED, Certainty, Earlier, Noted, Requeued, SetAside, Standing, State,
};

use crate::{HOUR, LEASE, NOW, REFUSED, SECOND, code, id, order, store};

#[tokio::test]
async fn a_changed_document_is_never_silently_dropped() {
    let (first, second, third) = (order("first", 1), order("second", 2), order("third", 3));
    let store = store().await;
    store.post(&first).await;

    let Begun::Changed(earlier) = store.begin_at(&second, NOW).await else {
        panic!("the change is booked over")
    };
    assert_eq!(earlier, Earlier::Posted(first.version.clone()));
    assert_eq!(store.ledger.hold_changed(&second, NOW).await.unwrap(), SetAside::Done);

    let held = store.read(&first).await;
    assert_eq!((held.state, held.reason.as_deref()), (State::Parked, Some(CHANGED)));
    assert_eq!(held.posted_version(), Some(&first.version));
    assert_eq!((held.voucher_id.clone(), held.voucher_code.clone()), (Some(id("2001")), Some(code())));
    assert_eq!(held.expires_at, None, "it waits for a person");
    let change = held.held.clone().unwrap();
    assert_eq!(change.version, second.version);
    assert_eq!(change.source.unwrap().text(), Some(second.source_json.clone()));
    assert_eq!(store.ledger.attention(Attention::Held, None, None).await.unwrap().rows.len(), 1);

    // The booked version is booked, the change is parked, and neither moves the other.
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::AlreadyPosted));
    assert!(matches!(store.begin_at(&second, NOW).await, Begun::Parked));
    assert_eq!(store.ledger.hold_changed(&second, NOW).await.unwrap(), SetAside::Not(Standing::Parked));
    let noted = store.ledger.note_queued(&second, NOW).await.unwrap();
    assert_eq!(noted, Noted::AlreadyThere { state: State::Parked, version: first.version.clone() });
    let known = store.ledger.known(std::slice::from_ref(&first.key), NOW).await.unwrap();
    assert!(known[&first.key].holds(&first.version) && known[&first.key].holds(&second.version));
    assert!(!known[&first.key].holds(&third.version));
    assert_eq!(store.read(&first).await, held);

    // A further change takes the place of the held one, not of the booked one; an older one is no news.
    assert!(matches!(store.begin_at(&third, NOW).await, Begun::Changed(Earlier::Posted(_))));
    assert_eq!(store.ledger.hold_changed(&third, NOW).await.unwrap(), SetAside::Done);
    assert!(matches!(store.begin_at(&second, NOW).await, Begun::Superseded));
    let held = store.read(&first).await;
    assert_eq!(held.held.as_ref().unwrap().version, third.version);
    assert_eq!(held.posted_version(), Some(&first.version));
    assert!(matches!(store.ledger.requeue(&first.key, NOW).await.unwrap(), Requeued::Not(_)));
}

#[tokio::test]
async fn a_change_that_cannot_be_mapped_is_held_like_any_other() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    store.post(&first).await;
    let parked = store.ledger.park(&second, &REFUSED, NOW).await.unwrap();
    assert_eq!(parked, SetAside::Not(Standing::Changed(Earlier::Posted(first.version.clone()))));
    assert_eq!(store.read(&first).await.state, State::Posted);
}

#[tokio::test]
async fn of_two_queued_versions_the_newer_one_wins() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    assert_eq!(store.ledger.note_queued(&first, NOW).await.unwrap(), Noted::Queued);
    assert_eq!(store.ledger.note_queued(&second, NOW).await.unwrap(), Noted::Queued);
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::Superseded));
    assert_eq!(store.start(&second).await.version(), &second.version);
}

#[tokio::test]
async fn a_newer_message_does_not_wait_for_its_mark() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    store.ledger.note_queued(&first, NOW).await.unwrap();
    assert_eq!(store.start(&second).await.version(), &second.version);
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::Superseded));
    let read = store.read(&second).await;
    assert_eq!((read.version, read.attempts), (second.version, 1));
}

#[tokio::test]
async fn equal_times_prove_nothing_and_drop_nothing() {
    let (first, mut second) = (order("first", 1), order("second", 1));
    for modified in [second.modified, None] {
        second.modified = modified;
        let store = store().await;
        store.post(&first).await;
        assert!(matches!(store.begin_at(&second, NOW).await, Begun::Changed(_)));
    }
}

#[tokio::test]
async fn what_may_be_in_bip_is_settled_before_a_newer_version() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    let hold = store.start(&first).await;
    let again = NOW + 5 * SECOND;
    store.ledger.record_unknown(&hold, "timeout", again, NOW).await.unwrap();
    assert_eq!(store.ledger.attention(Attention::Unknown, None, None).await.unwrap().rows.len(), 1);

    // Not before the pause is over, not parked over, not noted over.
    assert!(
        matches!(store.begin_at(&second, again - 1).await, Begun::Busy { until_ms } if until_ms == again)
    );
    assert_eq!(
        store.ledger.park(&second, &REFUSED, again).await.unwrap(),
        SetAside::Not(Standing::Unsettled)
    );
    store.ledger.note_queued(&second, again).await.unwrap();

    let started = store.start_at(&second, again).await;
    assert_eq!((started.attempt, started.late, started.first_posting_at), (2, false, NOW));
    let frozen = started.frozen.unwrap();
    assert_eq!((frozen.version, frozen.source_json), (first.version.clone(), first.source_json.clone()));
    assert_eq!((frozen.scheme, frozen.voucher_code), (first.scheme.clone(), Some(code())));
    assert_eq!(started.hold.version(), &first.version);

    store.ledger.record_posted(&started.hold, &id("2001"), None, again).await.unwrap();
    assert_eq!(store.read(&first).await.posted_version(), Some(&first.version));
    assert!(matches!(store.begin_at(&second, again).await, Begun::Changed(Earlier::Posted(_))));
    assert_eq!(store.ledger.attention(Attention::Unknown, None, None).await.unwrap().rows.len(), 0);
}

#[tokio::test]
async fn a_refused_version_gives_way_to_a_corrected_one() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    let hold = store.start(&first).await;
    store.ledger.record_unknown(&hold, "timeout", NOW, NOW).await.unwrap();
    let settled = store.start_at(&second, NOW).await.hold;
    store.ledger.record_parked(&settled, &REFUSED, Certainty::NothingSaved, NOW).await.unwrap();
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::Parked));

    let started = store.start_at(&second, NOW).await;
    assert_eq!((started.attempt, started.frozen), (1, None));
    let read = store.read(&second).await;
    assert_eq!((read.version, read.reason, read.problems), (second.version, None, None));
    assert!(store.ledger.attention(Attention::Parked, None, None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_version_parked_without_certainty_is_never_booked_beside() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    let hold = store.start(&first).await;
    store.ledger.record_parked(&hold, &REFUSED, Certainty::PerhapsSaved, NOW).await.unwrap();
    let Begun::Changed(earlier) = store.begin_at(&second, NOW).await else { panic!("begun anew") };
    assert_eq!(earlier, Earlier::InFlight(first.version.clone()));
    assert_eq!(store.ledger.hold_changed(&second, NOW).await.unwrap(), SetAside::Done);
    let parked = store.read(&first).await;
    assert_eq!(parked.source.unwrap().text(), Some(first.source_json.clone()), "to be settled by a person");
    assert_eq!(parked.posted_at, None);
}

#[tokio::test]
async fn throttling_counts_no_attempt_and_leaves_nothing_behind() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    for _ in 0..3 {
        let started = store.start_at(&first, NOW).await;
        assert_eq!((started.attempt, started.frozen), (1, None));
        store.ledger.record_queued_again(&started.hold, Attempt::Uncounted, NOW).await.unwrap();
        let read = store.read(&first).await;
        assert_eq!((read.state, read.attempts, read.is_unsettled()), (State::Queued, 0, false));
    }
    let started = store.start_at(&first, NOW).await;
    store.ledger.record_queued_again(&started.hold, Attempt::Counted, NOW).await.unwrap();
    assert_eq!(store.start_at(&first, NOW).await.attempt, 2);

    // Nothing was sent, so a newer version simply takes its place.
    let store = crate::store().await;
    let hold = store.start(&first).await;
    store.ledger.record_queued_again(&hold, Attempt::Uncounted, NOW).await.unwrap();
    assert_eq!(store.start(&second).await.version(), &second.version);
}

#[tokio::test]
async fn throttling_after_an_unknown_outcome_does_not_forget_it() {
    let (first, second) = (order("first", 1), order("second", 2));
    let store = store().await;
    let hold = store.start(&first).await;
    store.ledger.record_unknown(&hold, "timeout", NOW, NOW).await.unwrap();
    let hold = store.start(&first).await;
    store.ledger.record_queued_again(&hold, Attempt::Uncounted, NOW).await.unwrap();
    let read = store.read(&first).await;
    assert_eq!((read.state, read.attempts), (State::Posting, 1));
    let started = store.start_at(&second, NOW).await;
    assert_eq!(started.frozen.unwrap().version, first.version);

    // A look-up right after an attempt proves nothing: BIP may still be at work on it.
    let hold = started.hold.found_absent();
    store.ledger.record_queued_again(&hold, Attempt::Uncounted, NOW).await.unwrap();
    let started = store.start_at(&second, NOW + HOUR).await;
    assert_eq!((started.frozen.unwrap().version, started.late), (first.version, true));

    // Later it does: then the newer version is free.
    let hold = started.hold.found_absent();
    store.ledger.record_queued_again(&hold, Attempt::Uncounted, NOW + HOUR).await.unwrap();
    let started = store.start_at(&second, NOW + HOUR).await;
    assert_eq!((started.hold.version(), started.frozen), (&second.version, None));
}

#[tokio::test]
async fn an_attempt_older_than_the_key_window_is_late() {
    let first = order("first", 1);
    let store = store().await;
    drop(store.start(&first).await);
    let soon = store.start_at(&first, NOW + LEASE).await;
    assert!(soon.frozen.is_some() && !soon.late, "the key still answers with the first result");
    let later = store.start_at(&first, NOW + HOUR).await;
    assert!(later.late && later.first_posting_at == NOW);
    let month = store.start_at(&first, NOW + 31 * 24 * HOUR).await;
    assert!(month.late && month.first_posting_at == NOW);
}

#[tokio::test]
async fn a_parked_document_can_be_sent_again() {
    let first = order("first", 1);
    let store = store().await;
    assert_eq!(store.ledger.requeue(&first.key, NOW).await.unwrap(), Requeued::Absent);
    assert_eq!(store.ledger.park(&first, &REFUSED, NOW).await.unwrap(), SetAside::Done);
    for _ in 0..2 {
        let Requeued::Ready(document) = store.ledger.requeue(&first.key, NOW).await.unwrap() else {
            panic!("not ready")
        };
        assert_eq!(document.state, State::Queued);
        assert_eq!(document.source.unwrap().text(), Some(first.source_json.clone()));
    }
    assert_eq!(store.start_at(&first, NOW).await.attempt, 1);

    // One that may be in BIP is settled first.
    let hold = store.start_at(&first, NOW + LEASE).await.hold;
    store.ledger.record_parked(&hold, &REFUSED, Certainty::PerhapsSaved, NOW + LEASE).await.unwrap();
    let Requeued::Ready(document) = store.ledger.requeue(&first.key, NOW + LEASE).await.unwrap() else {
        panic!("not ready")
    };
    assert_eq!(document.state, State::Posting);
    let started = store.start_at(&first, NOW + 2 * HOUR).await;
    assert!(started.late && started.frozen.is_some());
}
