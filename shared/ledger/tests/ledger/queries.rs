//! What operators ask.

use std::collections::BTreeMap;

use dougong_ledger::{Attention, Certainty, Parking, State};
use dougong_values::DocumentKey;

use crate::{NOW, REFUSED, SECOND, id, order, other, store};

#[tokio::test]
async fn known_documents_are_found_whatever_their_number() {
    let store = store().await;
    for number in 0..5 {
        store.ledger.note_queued(&other(number), NOW).await.unwrap();
    }
    let mut keys: Vec<DocumentKey> = (0..150).map(|number| other(number).key).collect();
    keys.push(other(3).key);
    store.dynamodb.traffic().reset();
    let known = store.ledger.known(&keys, NOW).await.unwrap();
    assert_eq!(known.len(), 5);
    assert!(known.values().all(|known| known.state == State::Queued && known.posted_version.is_none()));
    assert_eq!(store.dynamodb.traffic().counts(), BTreeMap::from([("BatchGetItem".to_owned(), 2)]));
}

#[tokio::test]
async fn what_needs_a_person_is_listed_by_reason_the_oldest_first() {
    let store = store().await;
    for number in 0..4 {
        let reason = if number % 2 == 0 { "unknown_goods" } else { "unknown_shop" };
        let parking = Parking { reason, problems: "[]" };
        store.ledger.park(&other(number), &parking, NOW - i64::from(number) * SECOND).await.unwrap();
    }
    let all = store.ledger.attention(Attention::Parked, None, None).await.unwrap();
    let times: Vec<_> = all.rows.iter().map(|row| (NOW - row.since) / SECOND).collect();
    assert_eq!(times, [3, 2, 1, 0]);
    let goods = store.ledger.attention(Attention::Parked, Some("unknown_goods"), None).await.unwrap();
    assert_eq!(goods.rows.len(), 2);
    assert!(goods.next.is_none());
    assert!(goods.rows.iter().all(|row| row.amount == other(0).amount));
    assert_eq!(store.ledger.count_attention(Attention::Parked, NOW).await.unwrap(), 4);
    assert_eq!(store.ledger.count_attention(Attention::Parked, NOW - 2 * SECOND).await.unwrap(), 2);
    assert_eq!(store.ledger.count_attention(Attention::Held, NOW).await.unwrap(), 0);
    assert!(store.ledger.attention(Attention::Unknown, None, None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_day_lists_all_its_documents_page_by_page() {
    let store = store().await;
    for number in 0..250 {
        store.ledger.note_queued(&other(number), NOW).await.unwrap();
    }
    store.post(&order("first", 1)).await;
    let (scheme, day) = (order("first", 1).scheme, order("first", 1).day);
    let (mut keys, mut page) = (Vec::new(), None);
    loop {
        let rows = store.ledger.by_day(&scheme, day, None, page).await.unwrap();
        keys.extend(rows.rows.into_iter().map(|row| row.key));
        page = rows.next;
        if page.is_none() {
            break;
        }
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 251);

    let mut posted = Vec::new();
    let mut page = None;
    loop {
        let rows = store.ledger.by_day(&scheme, day, Some(State::Posted), page).await.unwrap();
        posted.extend(rows.rows);
        page = rows.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(posted.len(), 1);
    assert_eq!(
        (posted[0].voucher_id.clone(), posted[0].amount),
        (Some(id("2001")), order("first", 1).amount)
    );
    let other_day = "2026-11-20".parse().unwrap();
    assert!(store.ledger.by_day(&scheme, other_day, None, None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn problems_are_kept_as_they_were_found() {
    let store = store().await;
    let hold = store.start(&order("first", 1)).await;
    store.ledger.record_parked(&hold, &REFUSED, Certainty::NothingSaved, NOW).await.unwrap();
    let parked = store.read(&order("first", 1)).await;
    assert_eq!(parked.problems.as_deref(), Some(REFUSED.problems));
    assert_eq!(parked.source.unwrap().text(), Some(order("first", 1).source_json));
}
