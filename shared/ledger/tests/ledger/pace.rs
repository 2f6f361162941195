//! The shared pace.

use std::sync::Arc;
use std::time::Duration;

use dougong_ledger::{EpochMs, Pause, Reservation};
use dougong_values::Account;

use crate::{NOW, SECOND, Store, store};

const INTERVAL: Duration = Duration::from_millis(1_112);
const MINUTE: Duration = Duration::from_mins(1);

fn account() -> Account {
    "bip#app".parse().unwrap()
}

impl Store {
    async fn reserve(&self, count: u32, max_wait: Duration, now_ms: EpochMs) -> Reservation {
        self.ledger.reserve(&account(), count, INTERVAL, max_wait, now_ms).await.unwrap()
    }

    async fn slots(&self, count: u32, now_ms: EpochMs) -> Vec<EpochMs> {
        match self.reserve(count, MINUTE * 60, now_ms).await {
            Reservation::Granted(slots) => slots,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_of_twenty_workers_never_overlap_and_waste_nothing() {
    let store = Arc::new(store().await);
    let workers = (0..20_u32).map(|worker| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut slots = Vec::new();
            for round in 0..10 {
                // Their clocks differ by up to 40 ms.
                let now_ms = NOW + i64::from(round + worker * 2);
                let mine = store.slots(worker % 3 + 1, now_ms).await;
                assert!(mine[0] >= now_ms);
                slots.extend(mine);
            }
            slots
        })
    });
    let mut slots = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        slots.extend(worker.await.unwrap());
    }
    slots.sort_unstable();
    let expected: u32 = (0..20).map(|worker| (worker % 3 + 1) * 10).sum();
    assert_eq!(slots.len(), expected as usize);
    for pair in slots.windows(2) {
        assert_eq!(pair[1] - pair[0], 1_112);
    }
}

#[tokio::test]
async fn while_there_is_work_a_reservation_is_one_request() {
    let store = store().await;
    store.slots(10, NOW).await;
    assert_eq!(store.dynamodb.traffic().count("UpdateItem"), 2, "after a lull");
    for round in 1..=10 {
        store.slots(10, NOW + round).await;
        assert_eq!(store.dynamodb.traffic().count("UpdateItem"), 2 + u64::try_from(round).unwrap());
    }
    assert_eq!(store.dynamodb.traffic().counts().len(), 1);
}

#[tokio::test]
async fn after_a_lull_slots_start_now_and_are_not_saved_up() {
    let store = store().await;
    assert_eq!(store.slots(2, NOW).await, [NOW, NOW + 1_112]);
    assert_eq!(store.slots(2, NOW).await, [NOW + 2_224, NOW + 3_336]);
    let later = NOW + 60 * SECOND;
    assert_eq!(store.slots(3, later).await, [later, later + 1_112, later + 2_224]);
    assert_eq!(store.slots(0, later).await, Vec::<EpochMs>::new());
}

#[tokio::test]
async fn who_cannot_wait_so_long_reserves_nothing() {
    let store = store().await;
    let wait = Duration::from_millis(2_224);
    assert!(matches!(store.reserve(4, wait, NOW).await, Reservation::Full { next_ms } if next_ms == NOW));
    assert!(matches!(store.reserve(3, wait, NOW).await, Reservation::Granted(_)));
    let next = NOW + 3_336;
    assert_eq!(store.reserve(1, wait, NOW).await, Reservation::Full { next_ms: next });
    assert_eq!(store.reserve(1, Duration::from_millis(3_336), NOW).await, Reservation::Granted(vec![next]));
}

#[tokio::test]
async fn a_pause_stops_everybody_until_the_same_instant() {
    let store = store().await;
    store.slots(1, NOW).await;
    let until_ms = NOW + 60 * SECOND;
    let pause = async |until_ms, reason, now_ms| {
        store.ledger.pause(&account(), until_ms, reason, now_ms).await.unwrap()
    };
    assert_eq!(pause(until_ms, "throttled", NOW).await, Pause::Begun);
    assert_eq!(pause(until_ms - 1, "throttled", NOW).await, Pause::Already { until_ms });
    let paused = Reservation::Paused { until_ms, reason: "throttled".to_owned() };
    assert_eq!(store.reserve(1, MINUTE, NOW).await, paused);
    assert_eq!(store.reserve(1, MINUTE, until_ms - 1).await, paused);
    assert_eq!(store.slots(1, until_ms).await, [until_ms]);

    let longer = until_ms + 600 * SECOND;
    assert_eq!(pause(longer, "misconfigured", until_ms).await, Pause::Begun, "one alarm per pause");
    assert_eq!(pause(longer + 1, "misconfigured", until_ms).await, Pause::Extended);
    let why = store.ledger.paused(&account(), until_ms).await.unwrap();
    assert_eq!(why, Some((longer + 1, "misconfigured".to_owned())));
    store.ledger.resume(&account()).await.unwrap();
    assert_eq!(store.ledger.paused(&account(), until_ms).await.unwrap(), None);
    assert_eq!(store.slots(1, until_ms).await, [until_ms + 1_112]);
}

#[tokio::test]
async fn accounts_are_paced_apart() {
    let store = store().await;
    store.slots(50, NOW).await;
    let other = "wdt#app".parse().unwrap();
    let slots = store.ledger.reserve(&other, 1, INTERVAL, MINUTE, NOW).await.unwrap();
    assert_eq!(slots, Reservation::Granted(vec![NOW]));
}
