//! The sample events in `events/`, on the real functions.

use std::fs;
use std::path::PathBuf;

use dougong_ledger::State;
use serde_json::{Value, json};

use crate::chain::{Chain, ChainSettings, SECRET};

pub(crate) fn event(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    fs::read_to_string(path).unwrap().replace("replace-with-your-store-secret", SECRET)
}

/// Returns status, code and whether the answer carries a sequence number.
async fn accept(chain: &Chain, name: &str) -> (u64, i64, bool) {
    let invocation = chain.side().accept_host().invoke(event(&format!("accept-{name}.json"))).await.unwrap();
    let answer: Value = serde_json::from_slice(&invocation.payload).unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let seq = body["seq"].as_str().is_some_and(|seq| !seq.is_empty());
    (answer["statusCode"].as_u64().unwrap(), body["code"].as_i64().unwrap(), seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_of_accept_and_sweep_does_what_its_table_says() {
    let chain = Chain::start(ChainSettings::default()).await;
    for name in ["declare", "duplicate", "receipt", "return", "base64", "unreadable", "probe"] {
        assert_eq!(accept(&chain, name).await, (200, 0, true), "{name}");
    }
    assert_eq!(accept(&chain, "bad-signature").await, (200, 1002, true));
    assert_eq!(accept(&chain, "unknown-command").await, (200, 1003, true));
    chain.world.settle().await;
    assert_eq!(chain.world.bip.order_count() + chain.world.bip.returns().len(), 3);
    let state = async |key: &str| chain.document(&key.parse().unwrap()).await.map(|document| document.state);
    assert_eq!(state("declare#XS20161010001").await, Some(State::Posted));
    assert_eq!(state("declare#XS20161010002").await, Some(State::Parked));

    for name in ["schedule", "backfill", "stuck", "close", "payments"] {
        let swept = chain.sweep(&serde_json::from_str(&event(&format!("sweep-{name}.json"))).unwrap()).await;
        assert!(swept["complete"] == true || swept["methods"].is_u64(), "{name}: {swept}");
    }
    let given_up = chain.sweep(&serde_json::from_str(&event("sweep-dissolve.json")).unwrap()).await;
    assert_eq!((&given_up["dissolved"], &given_up["state"]), (&json!(false), &json!("absent")));
    let taken_back = chain.try_sweep(&serde_json::from_str(&event("sweep-take-back.json")).unwrap()).await;
    assert!(taken_back.is_err() || taken_back == Ok(json!({ "taken_back": 1 })), "{taken_back:?}");
    chain.end().await;
}
