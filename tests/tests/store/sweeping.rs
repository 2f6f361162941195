//! What the sweep finds, and what it never repeats or loses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dougong_cloud::Verdict;
use dougong_ledger::{NewDocument, Parking};
use dougong_simulators::store::push::PushSettings;
use dougong_simulators::store::{BillKind, Drain, StoreBill};
use dougong_values::BeijingTime;
use serde_json::{Value, json};

use crate::chain::{Chain, ChainSettings, bills, now_ms, yesterday};

fn of(bills: &[StoreBill], kind: BillKind) -> Vec<StoreBill> {
    bills.iter().filter(|bill| bill.kind == kind).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifth_of_the_pushes_is_lost_and_the_sweep_finds_all_of_them() {
    let chain = Chain::start(ChainSettings::default()).await;
    let day = bills(31, |plan| (plan.declares, plan.receipts, plan.returns) = (60, 20, 20));
    let settings = PushSettings { dropped_per_mille: 200, seed: 5, ..chain.pushing() };
    let pushed = chain.store.push(settings, &day).await.unwrap();
    let dropped = pushed.dropped().count();
    assert!((10..30).contains(&dropped), "{dropped}");
    chain.world.settle().await;

    let mut found = 0;
    for scheme in ["declared", "received", "returned"] {
        let summary = chain.sweep(&json!({ "scheme": scheme })).await;
        assert_eq!(summary["complete"], true, "{summary}");
        found += usize::try_from(summary["queued"].as_u64().unwrap()).unwrap();
        assert_eq!(summary["watermark"], BeijingTime::now().day().start().to_string());
    }
    assert_eq!(found, dropped);
    chain.assert_each_booked_once(&day).await;

    // The overlap is read again each time, and nothing of it is new.
    let again = chain.sweep(&json!({ "scheme": "declared" })).await;
    assert_eq!((&again["queued"], &again["complete"]), (&json!(0), &json!(true)));
    assert!(again["known"].as_u64().unwrap() >= 59, "{again}");
    chain.assert_each_booked_once(&day).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_downloads_old_bills_and_does_not_move_the_live_watermark() {
    let chain = Chain::start(ChainSettings::default()).await;
    let day = yesterday().start().plus_seconds(-20 * 86_400).day();
    let mut old = bills(32, |plan| {
        plan.day = day;
        plan.returns = 5;
    });
    // What was submitted in the first second belongs to the day, and what was submitted in the last.
    old[3].submitted_at = day.start();
    old[4].submitted_at = day.start().plus_seconds(86_399);
    chain.store.add(old.clone());
    let live = chain.sweep(&json!({ "scheme": "returned" })).await;
    assert_eq!(live["queued"], 0, "{live}");
    let summary =
        chain.sweep(&json!({ "scheme": "returned", "from": day.to_string(), "to": day.to_string() })).await;
    assert_eq!((&summary["complete"], &summary["queued"]), (&json!(true), &json!(5)), "{summary}");
    let watermark =
        chain.world.ledger.watermark(&"returned".parse().unwrap(), dougong_ledger::Cursor::Live).await;
    assert_eq!(watermark.unwrap().unwrap(), BeijingTime::now().day().start());
    chain.assert_each_booked_once(&old).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transferring_orders_are_committed_batch_by_batch_and_sales_are_asked_for_store_by_store() {
    for (seed, drain, sale_batches) in [(33, Drain::Repeats, false), (34, Drain::Advances, true)] {
        let chain =
            Chain::start(ChainSettings { drain, sale_batches, batch_size: 4, ..ChainSettings::default() })
                .await;
        let day = bills(seed, |plan| (plan.outbounds, plan.sales) = (25, 20));
        chain.store.add(day.clone());
        for (scheme, kind) in [("transferred", BillKind::Outbound), ("store-sales", BillKind::Sale)] {
            let summary = chain.sweep(&json!({ "scheme": scheme })).await;
            let own = of(&day, kind).len();
            assert_eq!((&summary["complete"], &summary["queued"]), (&json!(true), &json!(own)), "{summary}");
        }
        assert!(chain.store.uncommitted().is_empty(), "{drain:?}: {:?}", chain.store.uncommitted());
        assert_eq!(chain.store.cancelled_everything(), 0);
        chain.assert_each_booked_once(&day).await;
        let again = chain.sweep(&json!({ "scheme": "transferred" })).await;
        assert_eq!((&again["rows"], &again["batches"]), (&json!(0), &json!(0)), "{again}");
        chain.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_download_and_commit_of_a_batch_repeats_no_booking_and_loses_no_row() {
    for (seed, drain) in [(35, Drain::Repeats), (36, Drain::Advances)] {
        let chain = Chain::start(ChainSettings { drain, batch_size: 4, ..ChainSettings::default() }).await;
        let day = bills(seed, |plan| plan.outbounds = 14);
        chain.store.add(day.clone());
        // The sweep dies at every request to the queue and to the ledger once, from the first on.
        let (mut spares, mut deaths) = (0, 0);
        loop {
            let made = Arc::new(AtomicUsize::new(0));
            let host = chain.side().sweep_host().clone();
            let judge = move |operation: &str| {
                let counts =
                    ["SendMessageBatch", "BatchGetItem", "DeleteItem", "UpdateItem"].contains(&operation);
                counts && made.fetch_add(1, Ordering::SeqCst) == spares
            };
            let (judge, of_queue) = (Arc::new(judge), host.clone());
            let of_tables = Arc::clone(&judge);
            let kill = |host: dougong_cloud::FunctionHost, due: bool| async move {
                if due {
                    // On a task of its own: a dead caller's request is given up, and its verdict with it.
                    let _ = tokio::spawn(async move { host.kill_all().await }).await;
                }
                Verdict::Pass
            };
            // Deliveries wait, so that every request is the sweep's.
            chain.world.disturb_queue(move |call| kill(of_queue.clone(), judge(&call.operation)));
            chain.world.disturb_tables(move |call| {
                let sweeps = !String::from_utf8_lossy(&call.body).contains("\"posting\"");
                kill(host.clone(), sweeps && of_tables(&call.operation))
            });
            let swept = chain.try_sweep(&json!({ "scheme": "transferred" })).await;
            chain.world.calm();
            chain.world.settle().await;
            release(&chain, "transferred").await;
            if swept.is_ok() {
                break;
            }
            deaths += 1;
            spares += 3;
            assert!(deaths < 40, "the sweep never gets through");
        }
        assert!(deaths >= 3, "only {deaths} deaths: the case is not made");
        let summary = chain.sweep(&json!({ "scheme": "transferred" })).await;
        assert_eq!(summary["complete"], true, "{summary}");
        assert!(chain.store.uncommitted().is_empty(), "{drain:?}: {:?}", chain.store.uncommitted());
        chain.assert_each_booked_once(&day).await;
        chain.end().await;
    }
}

/// Ends the lease that a dead run left.
async fn release(chain: &Chain, scheme: &str) {
    let client = chain.world.stack.dynamodb().client();
    let key = |name: &str| {
        (
            name.to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::S(if name == "pk" {
                format!("scheme#{scheme}")
            } else {
                "-".to_owned()
            }),
        )
    };
    let (pk, sk) = (key("pk"), key("sk"));
    let removed = client
        .update_item()
        .table_name(&chain.world.stack.tables().watermarks)
        .key(pk.0, pk.1)
        .key(sk.0, sk.1)
        .update_expression("REMOVE lease_owner, lease_until")
        .send()
        .await;
    removed.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_whose_message_is_gone_come_back_and_are_booked_once() {
    let chain = Chain::start(ChainSettings::default()).await;
    let day = bills(37, |plan| (plan.declares, plan.returns) = (6, 3));
    // Their messages vanish before anyone receives them.
    chain.world.hold_messages().await;
    let pushed = chain.store.push(chain.pushing(), &day).await.unwrap();
    assert_eq!(pushed.acknowledged(), day.len());
    purge(&chain).await;
    chain.world.calm();
    chain.world.settle().await;
    assert_eq!(chain.world.bip.order_count() + chain.world.bip.returns().len(), 0);

    // They are young: a message may still be on its way.
    let young = chain.sweep(&json!({ "job": "stuck" })).await;
    assert_eq!((&young["stuck"], &young["complete"]), (&json!(0), &json!(true)), "{young}");
    let old = chain.sweep(&json!({ "job": "stuck", "older_than_minutes": 0 })).await;
    assert_eq!((&old["stuck"], &old["sent"]), (&json!(day.len()), &json!(day.len())), "{old}");
    chain.assert_each_booked_once(&day).await;
    let none = chain.sweep(&json!({ "job": "stuck", "older_than_minutes": 0 })).await;
    assert_eq!(none["stuck"], 0, "{none}");
    chain.end().await;
}

/// Deletes every message.
async fn purge(chain: &Chain) {
    let client = chain.world.stack.sqs().client();
    client.purge_queue().queue_url(chain.world.stack.orders_queue()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_calls_to_bip_are_paused_stuck_documents_wait() {
    let chain = Chain::start(ChainSettings::default()).await;
    let account = chain.world.bip.settings().app_key.parse().unwrap();
    chain.world.ledger.pause(&account, now_ms() + 600_000, "licence", now_ms()).await.unwrap();
    let day = bills(38, |plan| plan.declares = 2);
    chain.store.push(chain.pushing(), &day).await.unwrap();
    // What a person has left lying for a day is counted all the same.
    for (number, hours) in [(1, 25), (2, 23)] {
        let parking = Parking { reason: "shop", problems: "[]" };
        let since = now_ms() - hours * 3_600_000;
        chain.world.ledger.park(&unmapped(number), &parking, since).await.unwrap();
    }
    let summary = chain.sweep(&json!({ "job": "stuck", "older_than_minutes": 0 })).await;
    assert_eq!((&summary["paused"], &summary["sent"]), (&json!(true), &json!(0)), "{summary}");
    assert_eq!(summary["parked_for_a_day"], 1, "{summary}");
    chain.world.resume().await;
    chain.end().await;
}

fn unmapped(number: u32) -> NewDocument {
    NewDocument {
        key: format!("stockout#demo2#{number}").parse().unwrap(),
        scheme: "online-sales".parse().unwrap(),
        version: "4954b53400521942e1c1c5d8f83a4db1".parse().unwrap(),
        modified: None,
        day: yesterday(),
        amount: None,
        source_json: "{}".to_owned(),
        warnings: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bills_are_taken_back_by_name_alone_and_payments_are_compared() {
    let chain = Chain::start(ChainSettings::default()).await;
    let day = bills(39, |plan| plan.outbounds = 3);
    chain.store.add(day.clone());
    chain.sweep(&json!({ "scheme": "transferred" })).await;
    let buid = day[0].uid;
    for event in [
        json!({ "scheme": "transferred", "take_back": [] }),
        json!({ "scheme": "declared", "take_back": [buid] }),
        json!({ "scheme": "nothing" }),
    ] {
        assert!(chain.try_sweep(&event).await.is_err(), "{event}");
    }
    let summary = chain.sweep(&json!({ "scheme": "transferred", "take_back": [buid.to_string()] })).await;
    assert_eq!(summary, json!({ "taken_back": 1 }));
    assert_eq!((chain.store.marked(buid), chain.store.cancelled_everything()), (None, 0));
    // Handed out once more, it is known.
    let again = chain.sweep(&json!({ "scheme": "transferred" })).await;
    assert_eq!((&again["rows"], &again["queued"]), (&json!(1), &json!(0)), "{again}");

    let payments: Value = chain.sweep(&json!({ "job": "payments" })).await;
    let codes: BTreeSet<&str> =
        payments["missing"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(codes.is_empty() && payments["methods"].as_u64().unwrap() > 0, "{payments}");
    chain.assert_each_booked_once(&day).await;
    chain.end().await;
}
