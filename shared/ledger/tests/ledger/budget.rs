//! What an order costs.

use std::collections::BTreeMap;

use dougong_values::DocumentKey;

use crate::{NOW, code, id, other, store};

#[tokio::test]
async fn an_order_costs_one_write_when_queued_and_two_when_delivered() {
    let store = store().await;
    let orders: Vec<_> = (0..100).map(other).collect();
    let keys: Vec<DocumentKey> = orders.iter().map(|order| order.key.clone()).collect();

    assert!(store.ledger.known(&keys, NOW).await.unwrap().is_empty());
    for order in &orders {
        store.ledger.note_queued(order, NOW).await.unwrap();
    }
    for order in &orders {
        let hold = store.start(order).await;
        store.ledger.record_posted(&hold, &id("2001"), Some(&code()), NOW).await.unwrap();
    }

    let expected = [("BatchGetItem", 1), ("UpdateItem", 200), ("PutItem", 100)];
    let expected: BTreeMap<String, u64> = expected.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(store.dynamodb.traffic().counts(), expected);
    assert_eq!(store.ledger.known(&keys, NOW).await.unwrap().len(), 100);
}
