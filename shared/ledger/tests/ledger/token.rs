//! The shared token.

use std::sync::Arc;

use dougong_ledger::{RefreshLock, SealedToken, Stored};

use crate::{HOUR, NOW, SECOND, run, store};

fn token(text: &str) -> SealedToken {
    SealedToken { bytes: text.as_bytes().to_vec(), expires_at_ms: NOW + 2 * HOUR }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_refreshes_and_the_others_use_what_it_stored() {
    let store = Arc::new(store().await);
    assert_eq!(store.ledger.load_token().await.unwrap(), None);
    let until_ms = NOW + 30 * SECOND;
    let workers = (0..10).map(|worker| {
        let store = Arc::clone(&store);
        let owner = run(&format!("worker-{worker}"));
        tokio::spawn(async move { store.ledger.lock_token_refresh(&owner, until_ms, NOW).await.unwrap() })
    });
    let mut mine = 0;
    for worker in workers.collect::<Vec<_>>() {
        match worker.await.unwrap() {
            RefreshLock::Mine => mine += 1,
            RefreshLock::Other { until_ms: until } => assert_eq!(until, until_ms),
        }
    }
    assert_eq!(mine, 1);

    assert_eq!(store.ledger.store_token(&token("first"), None).await.unwrap(), Stored::Done);
    assert_eq!(store.ledger.load_token().await.unwrap(), Some(token("first")));
    // Storing ends the lock; a worker that came too late learns which token holds.
    let lock = store.ledger.lock_token_refresh(&run("next"), until_ms, NOW).await.unwrap();
    assert_eq!(lock, RefreshLock::Mine);
    let late = store.ledger.store_token(&token("late"), None).await.unwrap();
    assert_eq!(late, Stored::Other(token("first")));
    let second = store.ledger.store_token(&token("second"), Some(&token("first"))).await.unwrap();
    assert_eq!(second, Stored::Done);
    let again = store.ledger.store_token(&token("third"), Some(&token("first"))).await.unwrap();
    assert_eq!(again, Stored::Other(token("second")));
}

#[tokio::test]
async fn a_refresh_that_died_frees_its_turn() {
    let store = store().await;
    let until_ms = NOW + 30 * SECOND;
    let lock = async |owner: &str, now_ms| {
        store.ledger.lock_token_refresh(&run(owner), now_ms + 30 * SECOND, now_ms).await.unwrap()
    };
    assert_eq!(lock("dead", NOW).await, RefreshLock::Mine);
    assert_eq!(lock("next", until_ms - 1).await, RefreshLock::Other { until_ms });
    assert_eq!(lock("next", until_ms).await, RefreshLock::Mine);
}
