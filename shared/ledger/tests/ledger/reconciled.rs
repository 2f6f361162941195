//! What reconciling came to.

use std::collections::BTreeMap;

use dougong_ledger::{Reconciled, ReconciledRow, Source};
use dougong_values::{BusinessDay, SchemeId};

use crate::{HOUR, NOW, store};

fn scheme() -> SchemeId {
    "online-sales".parse().unwrap()
}

fn day(text: &str) -> BusinessDay {
    text.parse().unwrap()
}

/// A result as large as one may be.
fn result(of: &str, at_ms: i64) -> Reconciled {
    let row = ReconciledRow {
        day: day(of),
        at_ms,
        by: "Li Lei".to_owned(),
        summary: format!("{{\"at\":{at_ms}}}"),
    };
    // Bytes that cannot be compressed any further stand for a result with very many differences.
    let mut state = 1_u64;
    let noise = (0..Source::MAX_BYTES).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    Reconciled { row, result: Source::from_packed(&noise.collect::<Vec<_>>()) }
}

#[tokio::test]
async fn the_last_result_of_each_reconciled_day_is_kept_and_the_days_are_listed_in_one_request() {
    let store = store().await;
    let ledger = &store.ledger;
    for of in ["2026-11-20", "2026-11-22", "2026-11-21"] {
        ledger.keep_reconciled(&scheme(), &result(of, NOW)).await.unwrap();
    }
    let later = result("2026-11-21", NOW + HOUR);
    ledger.keep_reconciled(&scheme(), &later).await.unwrap();
    ledger.keep_reconciled(&"returned".parse().unwrap(), &result("2026-11-22", NOW)).await.unwrap();

    store.dynamodb.traffic().reset();
    let rows = ledger.reconciled_since(&scheme(), day("2026-11-21")).await.unwrap();
    assert_eq!(rows, [result("2026-11-22", NOW).row, later.row.clone()]);
    assert_eq!(store.dynamodb.traffic().counts(), BTreeMap::from([("Query".to_owned(), 1)]));

    let kept = ledger.reconciled(&scheme(), day("2026-11-21")).await.unwrap().unwrap();
    assert_eq!((kept.row, kept.result.packed()), (later.row, later.result.packed()));
    assert!(ledger.reconciled(&scheme(), day("2026-11-19")).await.unwrap().is_none());
}
