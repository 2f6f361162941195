//! What people decide, what is kept of it, and what they are told in a bounded number of requests.

use std::collections::BTreeMap;

use dougong_ledger::{
    Action, Attention, BY_HAND, Begun, CHANGED, Certainty, Cursor, Decided, Decision, HistoryEntry,
    NewDocument, Parking, Requeued, SetAside, State, TakeLease, WatermarkSet,
};
use dougong_values::Window;

use crate::{DAY, HOUR, LEASE, NOW, REFUSED, SECOND, id, order, other, run, store};

#[tokio::test]
async fn a_skipped_document_is_not_booked_and_can_be_sent_again() {
    let store = store().await;
    let first = order("first", 1);
    store.ledger.park(&first, &REFUSED, NOW).await.unwrap();
    let Decided::Done(skipped) = store.ledger.settle(&first.key, Decision::Skip, NOW).await.unwrap() else {
        panic!("not skipped");
    };
    assert_eq!((skipped.state, skipped.reason.as_deref()), (State::Skipped, Some(BY_HAND)));
    assert!(skipped.attention().is_none() && skipped.expires_at.is_some());
    // Once more is no error, and its message is done.
    assert!(matches!(store.ledger.settle(&first.key, Decision::Skip, NOW).await.unwrap(), Decided::Done(_)));
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::Skipped));

    assert!(matches!(store.ledger.requeue(&first.key, NOW).await.unwrap(), Requeued::Ready(_)));
    store.post(&first).await;
    assert!(matches!(store.ledger.settle(&first.key, Decision::Skip, NOW).await.unwrap(), Decided::Not(_)));
    let absent = store.ledger.settle(&other(7).key, Decision::Skip, NOW).await.unwrap();
    assert_eq!(absent, Decided::Absent);
}

#[tokio::test]
async fn what_may_be_in_bip_is_skipped_only_by_who_has_looked_and_stays_in_the_way_of_changes() {
    let store = store().await;
    let first = order("first", 1);
    let hold = store.start(&first).await;
    store.ledger.record_parked(&hold, &REFUSED, Certainty::PerhapsSaved, NOW).await.unwrap();
    assert!(matches!(store.ledger.settle(&first.key, Decision::Skip, NOW).await.unwrap(), Decided::Not(_)));
    let looked = store.ledger.settle(&first.key, Decision::SkipUnsettled, NOW).await.unwrap();
    assert!(matches!(looked, Decided::Done(skipped) if skipped.is_unsettled()));
    // Another version would be booked beside it.
    assert!(matches!(store.begin_at(&order("second", 2), NOW).await, Begun::Changed(_)));
}

#[tokio::test]
async fn a_change_is_accepted_or_dismissed_and_does_not_come_back() {
    for (decision, version) in [(Decision::AcceptChange, "second"), (Decision::DismissChange, "first")] {
        let store = store().await;
        store.post(&order("first", 1)).await;
        let change = order("second", 2);
        assert_eq!(store.ledger.hold_changed(&change, NOW).await.unwrap(), SetAside::Done);
        let held = store.read(&change).await;
        assert_eq!(
            (held.reason.as_deref(), held.attention().map(|(kind, _)| kind)),
            (Some(CHANGED), Some(Attention::Held))
        );

        let Decided::Done(done) = store.ledger.settle(&change.key, decision, NOW).await.unwrap() else {
            panic!("not settled");
        };
        assert_eq!((done.state, &done.version), (State::Posted, &order(version, 1).version));
        assert_eq!((done.voucher_id.clone(), done.attention()), (Some(id("2001")), None));
        assert!(done.expires_at.is_some());
        // The nightly re-scan, and a late message, bring it again.
        let known = store.ledger.known(std::slice::from_ref(&change.key), NOW).await.unwrap();
        assert!(known[&change.key].holds(&change.version));
        assert!(matches!(store.begin_at(&change, NOW).await, Begun::AlreadyPosted | Begun::Skipped));
        // A later one is a change again.
        assert!(matches!(store.begin_at(&order("third", 3), NOW).await, Begun::Changed(_)));
    }
}

#[tokio::test]
async fn a_change_behind_an_unknown_outcome_is_held_until_that_is_settled() {
    let store = store().await;
    let hold = store.start(&order("first", 1)).await;
    let unknown = Parking { reason: "unknown_outcome", problems: "[]" };
    store.ledger.record_parked(&hold, &unknown, Certainty::PerhapsSaved, NOW).await.unwrap();
    let change = order("second", 2);
    assert_eq!(store.ledger.hold_changed(&change, NOW).await.unwrap(), SetAside::Done);
    assert!(matches!(
        store.ledger.settle(&change.key, Decision::DismissChange, NOW).await.unwrap(),
        Decided::Not(_)
    ));

    // Sent again, what was sent is settled first, with the change beside it.
    let Requeued::Ready(back) = store.ledger.requeue(&change.key, NOW).await.unwrap() else {
        panic!("not put back");
    };
    assert_eq!((back.state, &back.version), (State::Posting, &order("first", 1).version));
    let Begun::Started(started) = store.begin_at(&order("first", 1), NOW + HOUR).await else {
        panic!("not started");
    };
    assert!(started.frozen.is_some());
    store.ledger.record_posted(&started.hold, &id("2001"), None, NOW + HOUR).await.unwrap();
    let there = store.read(&change).await;
    assert_eq!(there.attention().map(|(kind, _)| kind), Some(Attention::Held));
    assert_eq!(there.posted_version(), Some(&order("first", 1).version));
}

#[tokio::test]
async fn a_change_behind_a_refusal_takes_its_place_when_it_is_sent_again() {
    let store = store().await;
    let hold = store.start(&order("first", 1)).await;
    store.ledger.record_parked(&hold, &REFUSED, Certainty::PerhapsSaved, NOW).await.unwrap();
    store.ledger.hold_changed(&order("second", 2), NOW).await.unwrap();
    store.ledger.requeue(&order("first", 1).key, NOW).await.unwrap();
    let Begun::Started(started) = store.begin_at(&order("first", 1), NOW + HOUR).await else {
        panic!("not started");
    };
    store.ledger.record_parked(&started.hold, &REFUSED, Certainty::NothingSaved, NOW + HOUR).await.unwrap();
    let Requeued::Ready(back) = store.ledger.requeue(&order("first", 1).key, NOW + HOUR).await.unwrap()
    else {
        panic!("not put back");
    };
    assert_eq!((back.state, &back.version), (State::Queued, &order("second", 2).version));
    assert!(back.held.is_none() && back.source.is_some());
}

#[tokio::test]
async fn who_did_what_is_kept_under_its_subject_and_its_day() {
    let store = store().await;
    let action = |what: &str, at_ms: i64| Action {
        at_ms,
        actor: "Li Lei".to_owned(),
        what: what.to_owned(),
        subject: order("first", 1).key.to_string(),
        words: Some("test".to_owned()),
    };
    store.dynamodb.traffic().reset();
    store.ledger.note_action(&action("replay", NOW)).await.unwrap();
    store.ledger.note_action(&action("skip", NOW + SECOND)).await.unwrap();
    let done = store.ledger.actions(&action("skip", NOW).subject).await.unwrap();
    assert_eq!(done, [action("skip", NOW + SECOND), action("replay", NOW)]);
    let day = "2026-11-22".parse().unwrap();
    assert_eq!(store.ledger.actions_on(day, None).await.unwrap().rows, done);
    assert_eq!(
        store.dynamodb.traffic().counts(),
        BTreeMap::from([("TransactWriteItems".to_owned(), 2), ("Query".to_owned(), 2)])
    );
}

#[tokio::test]
async fn what_stands_where_is_counted_by_scheme_and_reason() {
    let store = store().await;
    for number in 0..5 {
        let reason = if number < 2 { "unknown_goods" } else { "unknown_shop" };
        let parking = Parking { reason, problems: "[]" };
        store.ledger.park(&other(number), &parking, NOW + i64::from(number) * SECOND).await.unwrap();
    }
    store.ledger.note_queued(&other(9), NOW).await.unwrap();
    // An order is booked, and its store was told of it: one booking.
    store.post(&other(8)).await;
    store.post(&NewDocument { key: "announce#demo2#8".parse().unwrap(), ..other(8) }).await;
    store.dynamodb.traffic().reset();
    let tally = store.ledger.attention_tally(Attention::Parked, 5).await.unwrap();
    assert!(tally.complete);
    let counts: Vec<_> =
        tally.rows.iter().map(|row| (row.reason.as_deref().unwrap(), row.count, row.oldest)).collect();
    assert_eq!(counts, [("unknown_goods", 2, NOW), ("unknown_shop", 3, NOW + 2 * SECOND)]);
    assert_eq!(tally.rows[0].amount, "360.00".parse().unwrap());
    let (scheme, day) = (other(0).scheme, other(0).day);
    let tally = store.ledger.day_tally(&scheme, day, 5).await.unwrap();
    let counts: Vec<_> = tally.rows.iter().map(|row| (row.state, row.count)).collect();
    assert_eq!(counts, [(State::Parked, 2), (State::Parked, 3), (State::Posted, 1), (State::Queued, 1)]);
    assert_eq!(store.dynamodb.traffic().counts(), BTreeMap::from([("Query".to_owned(), 2)]));
    assert!(!store.ledger.day_tally(&scheme, day, 0).await.unwrap().complete);
}

#[tokio::test]
async fn a_watermark_is_set_by_hand_only_from_where_it_is_and_a_run_at_work_cannot_move_it_back() {
    let store = store().await;
    let scheme = order("first", 1).scheme;
    let at = |time: &str| format!("2026-11-22 {time}").parse().unwrap();
    let TakeLease::Taken(mut lease) =
        store.ledger.take_lease(&scheme, Cursor::Live, &run("a"), NOW + LEASE, NOW).await.unwrap()
    else {
        panic!("not taken");
    };
    let entry = |from: &str, to: &str| HistoryEntry {
        window: Window::new(at(from), at(to)).unwrap(),
        pages: 1,
        rows: 3,
        queued: 3,
        skipped: 0,
        excluded: 0,
        run: run("a"),
    };
    store.ledger.advance(&mut lease, at("10:00:00"), &entry("09:00:00", "10:00:00"), NOW).await.unwrap();
    store.ledger.advance(&mut lease, at("11:00:00"), &entry("10:00:00", "11:00:00"), NOW + 1).await.unwrap();

    let set = |expected, to| store.ledger.set_watermark(&scheme, Some(expected), to, NOW);
    let other = set(at("10:00:00"), at("08:00:00")).await.unwrap();
    assert_eq!(other, WatermarkSet::Other { found: Some(at("11:00:00")) });
    assert_eq!(set(at("11:00:00"), at("08:00:00")).await.unwrap(), WatermarkSet::Done);
    assert!(
        store.ledger.advance(&mut lease, at("12:00:00"), &entry("11:00:00", "12:00:00"), NOW).await.is_err()
    );
    let cursor = store.ledger.cursor(&scheme, Cursor::Live).await.unwrap();
    assert_eq!((cursor.watermark, cursor.last_run), (Some(at("08:00:00")), Some(run("a"))));

    // Both windows hold the second where they meet.
    let found = store.ledger.windows_with(&scheme, at("10:00:00"), NOW - DAY, 5).await.unwrap();
    assert_eq!((found.rows.len(), found.complete), (2, true));
    let none = store.ledger.windows_with(&scheme, at("11:00:01"), NOW - DAY, 5).await.unwrap();
    assert!(none.rows.is_empty() && none.complete);
    let latest = store.ledger.latest_windows(&scheme, 1).await.unwrap();
    assert_eq!(latest[0].entry, entry("10:00:00", "11:00:00"));
}
