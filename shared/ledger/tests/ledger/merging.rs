//! Orders that wait to be merged: who may write them, and what a closing that lost its lease can still do.

use dougong_ledger::{
    Attention, Begun, Booked, Cursor, HeldBecomes, KEEP_SECONDS, Lease, Noted, SetAside, Standing, State,
    TakeLease,
};
use dougong_ledger::{NewDocument, Parking};
use dougong_values::{DocumentKey, SchemeId, Version};

use crate::{DAY, HOUR, NOW, REFUSED, Store, id, order, other, run, store};

fn scheme() -> SchemeId {
    "online-sales".parse().unwrap()
}

fn group() -> DocumentKey {
    DocumentKey::group(&scheme(), &["TM001", "2026-11-21"])
}

/// A part that lists these orders.
fn part(number: u32, members: &[&NewDocument]) -> NewDocument {
    let listed: Vec<String> =
        members.iter().map(|member| format!("{} {}", member.key, member.version)).collect();
    NewDocument {
        key: group().part(number),
        version: Version::of(&listed.join("\n")),
        modified: None,
        amount: None,
        source_json: format!("{listed:?}"),
        ..order("first", 1)
    }
}

impl Store {
    async fn wait(&self, document: &NewDocument) {
        assert_eq!(self.ledger.group(document, &group(), NOW + HOUR, NOW).await.unwrap(), SetAside::Done);
    }

    async fn closing(&self, owner: &str, now_ms: i64) -> Lease {
        let taken =
            self.ledger.take_lease(&scheme(), Cursor::Closing, &run(owner), now_ms + HOUR, now_ms).await;
        match taken.unwrap() {
            TakeLease::Taken(lease) => lease,
            held @ TakeLease::HeldBy { .. } => panic!("not taken: {held:?}"),
        }
    }

    async fn due(&self, due_ms: i64) -> Vec<DocumentKey> {
        let page = self.ledger.waiting(&scheme(), due_ms, None).await.unwrap();
        assert!(page.next.is_none() && page.rows.iter().all(|row| row.group == group()));
        page.rows.into_iter().map(|row| row.key).collect()
    }
}

#[tokio::test]
async fn an_order_waits_in_its_group_until_it_is_due_and_nothing_else_takes_it_out() {
    let store = store().await;
    let first = order("first", 1);
    store.ledger.note_queued(&first, NOW).await.unwrap();
    store.wait(&first).await;
    assert_eq!(store.due(NOW + HOUR - 1).await, []);
    assert_eq!(store.due(NOW + HOUR).await, std::slice::from_ref(&first.key));

    // The same once more, alone, noted, or thought to be stuck: nothing.
    let again = store.ledger.group(&first, &group(), NOW + DAY, NOW).await.unwrap();
    assert_eq!(again, SetAside::Not(Standing::Waiting));
    assert!(matches!(store.begin_at(&first, NOW).await, Begun::Waiting));
    assert_eq!(store.ledger.stuck(&first.key, NOW + DAY, NOW + DAY).await.unwrap(), None);
    let open = store.ledger.open_on_day(&scheme(), first.day, NOW + DAY, None).await.unwrap();
    assert_eq!(open.rows, []);
    for kind in Attention::ALL {
        assert_eq!(store.ledger.attention(kind, None, None).await.unwrap().rows, []);
    }

    // A newer version is attached to it; an older one is nobody's any more.
    let newer = order("newer", 5);
    let noted = store.ledger.note_queued(&newer, NOW).await.unwrap();
    assert!(matches!(noted, Noted::AlreadyThere { .. }), "{noted:?}");
    assert!(matches!(store.begin_at(&newer, NOW).await, Begun::Grouped));
    assert_eq!(store.ledger.park(&newer, &REFUSED, NOW).await.unwrap(), SetAside::Not(Standing::Grouped));
    let grouped = store.ledger.group(&newer, &group(), NOW, NOW).await.unwrap();
    assert_eq!(grouped, SetAside::Not(Standing::Grouped));
    assert_eq!(store.ledger.attach(&newer, NOW).await.unwrap(), SetAside::Done);
    assert_eq!(store.ledger.attach(&newer, NOW).await.unwrap(), SetAside::Not(Standing::Waiting));
    let between = store.ledger.attach(&order("between", 3), NOW).await.unwrap();
    assert_eq!(between, SetAside::Not(Standing::Superseded));
    let waits = store.read(&first).await;
    assert!(waits.is_waiting() && waits.version == first.version && waits.source.is_some());
    assert_eq!(waits.held.as_ref().map(|held| &held.version), Some(&newer.version));

    // The closing lets the newer one take its place.
    let lease = store.closing("one", NOW).await;
    let out = store.ledger.take_out(&waits, &lease, NOW).await.unwrap();
    assert_eq!((out.state, &out.version, out.held.is_none()), (State::Queued, &newer.version, true));
    assert_eq!(store.read(&first).await, out);
    assert_eq!(store.due(NOW + DAY).await, []);
    assert!(matches!(store.begin_at(&newer, NOW).await, Begun::Started(_)));
}

#[tokio::test]
async fn a_closing_that_lost_its_lease_can_make_no_part_and_take_no_order_out() {
    let store = store().await;
    let orders = [other(1), other(2)];
    for order in &orders {
        store.wait(order).await;
    }
    let slow = store.closing("slow", NOW).await;
    let later = NOW + HOUR;
    let quick = store.closing("quick", later).await;
    let member = store.read(&orders[1]).await;
    for lost in [
        store.ledger.make_part(&part(1, &[&orders[0], &orders[1]]), &slow, later).await,
        store.ledger.take_out(&member, &slow, later).await.map(drop),
    ] {
        assert_eq!(lost.unwrap_err().name(), "lost_lease");
    }
    assert_eq!(store.ledger.parts(&group(), later).await.unwrap(), []);

    let made = part(1, &[&orders[0]]);
    for _ in 0..2 {
        // The second time as a client does whose answer was lost.
        store.ledger.make_part(&made, &quick, later).await.unwrap();
    }
    let another = store.ledger.make_part(&part(1, &[&orders[1]]), &quick, later).await;
    assert_eq!(another.unwrap_err().name(), "lost_lease", "there is one part of a number");
    let parts = store.ledger.parts(&group(), later).await.unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(
        (parts[0].state, parts[0].source.as_ref().unwrap().text().unwrap()),
        (State::Queued, made.source_json)
    );

    // What changed since it was read is not taken out.
    let stale = store.read(&orders[1]).await;
    let newer = NewDocument { key: orders[1].key.clone(), ..order("newer", 5) };
    assert_eq!(store.ledger.attach(&newer, later).await.unwrap(), SetAside::Done);
    assert_eq!(store.ledger.take_out(&stale, &quick, later).await.unwrap_err().name(), "lost_lease");
}

#[tokio::test]
async fn members_learn_their_voucher_once_and_keep_a_newer_version_for_a_person() {
    let store = store().await;
    let orders: Vec<NewDocument> = (1..=40).map(other).collect();
    for order in &orders {
        store.wait(order).await;
    }
    let lease = store.closing("one", NOW).await;
    let listed: Vec<&NewDocument> = orders.iter().collect();
    let made = part(1, &listed);
    store.ledger.make_part(&made, &lease, NOW).await.unwrap();
    let changed = NewDocument { key: orders[7].key.clone(), ..order("newer", 5) };
    assert_eq!(store.ledger.attach(&changed, NOW).await.unwrap(), SetAside::Done);
    store.post(&made).await;
    let booked = store.read(&made).await;
    assert!(booked.source.is_some(), "a booked part still lists its members");

    let mut members: Vec<(DocumentKey, Version)> =
        orders.iter().map(|order| (order.key.clone(), order.version.clone())).collect();
    let told = async |members: &[(DocumentKey, Version)]| {
        let of_part = Booked { part: &booked, members, held: HeldBecomes::Held };
        store.ledger.book_members(of_part, NOW + HOUR).await.unwrap()
    };
    let half = told(&members[..20]).await;
    assert_eq!((half.booked, half.held, half.astray.len()), (20, 1, 0));
    let all = told(&members).await;
    assert_eq!((all.booked, all.held, all.astray.len()), (40, 1, 0), "once more is no error");
    for order in &orders {
        let member = store.read(order).await;
        assert_eq!(
            (member.voucher_id.clone(), member.merged.clone()),
            (Some(id("2001")), Some(made.key.clone()))
        );
        let changed = order.key == changed.key;
        assert_eq!(member.state, if changed { State::Parked } else { State::Posted });
        assert_eq!(member.expires_at.is_none(), changed);
    }
    assert_eq!(store.due(i64::MAX).await, []);
    let held = store.ledger.attention(Attention::Held, None, None).await.unwrap();
    assert_eq!(held.rows.len(), 1);

    members.push((other(99).key, other(99).version.clone()));
    store.wait(&other(98)).await;
    members.push((other(98).key, Version::of("another")));
    assert_eq!(told(&members).await.astray, [other(99).key, other(98).key]);
    assert!(store.read(&other(98)).await.is_waiting());

    // A part outlives its members: were it gone first, it would not be known what is booked.
    let year = NOW.div_euclid(1_000) + KEEP_SECONDS;
    assert!(booked.expires_at.unwrap() > 2 * year - NOW.div_euclid(1_000));
}

#[tokio::test]
async fn only_a_part_of_which_bip_has_nothing_is_given_up() {
    let store = store().await;
    let orders = [other(1), other(2)];
    for order in &orders {
        store.wait(order).await;
    }
    let lease = store.closing("one", NOW).await;
    let made = part(1, &[&orders[0], &orders[1]]);
    store.ledger.make_part(&made, &lease, NOW).await.unwrap();
    let state = async || store.ledger.dissolve(&made.key, NOW).await.unwrap().map(|part| part.state);
    assert_eq!(state().await, Some(State::Queued), "its message may be under way");
    let hold = store.start(&made).await;
    assert_eq!(state().await, Some(State::Posting));
    let perhaps = Parking { reason: "unknown_outcome", problems: "[]" };
    let certainty = dougong_ledger::Certainty::PerhapsSaved;
    store.ledger.record_parked(&hold, &perhaps, certainty, NOW).await.unwrap();
    assert_eq!(state().await, Some(State::Parked), "it may be in BIP");

    let second = part(2, &[&orders[0]]);
    store.ledger.make_part(&second, &lease, NOW).await.unwrap();
    let hold = store.start(&second).await;
    let certainty = dougong_ledger::Certainty::NothingSaved;
    store.ledger.record_parked(&hold, &REFUSED, certainty, NOW).await.unwrap();
    let given_up = store.ledger.dissolve(&second.key, NOW).await.unwrap().unwrap();
    assert_eq!((given_up.state, given_up.source), (State::Skipped, None));
    let requeued = store.ledger.requeue(&second.key, NOW).await.unwrap();
    assert!(matches!(requeued, dougong_ledger::Requeued::Not(_)), "it is never sent again");
    assert_eq!(store.ledger.dissolve(&group().part(9), NOW).await.unwrap(), None);
}
