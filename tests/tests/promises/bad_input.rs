//! What cannot be read or mapped is kept and shown, and delays nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use dougong_cloud::InvokeError;
use dougong_simulators::wdt::{Flaw, WdtOrder};
use dougong_tests::{World, WorldSettings, edit};
use serde_json::json;

use crate::{sold, yesterday};

#[tokio::test(flavor = "multi_thread")]
async fn one_unreadable_message_in_a_batch_of_ten_delays_none_of_the_other_nine() {
    let mut settings = WorldSettings::from(yesterday().start());
    // A batch waits until it is full.
    settings.stack = Box::new(|stack| stack.batches.batching_window = Duration::from_secs(20));
    let world = World::start(settings).await;
    world.wdt.add(sold(1_301, 9));
    let broken = "{\"v\":1,\"scheme\":\"online-sales\",\"key\":".to_owned();
    world.send(std::slice::from_ref(&broken)).await;
    world.pull_and_settle().await;

    assert_eq!(world.assert_books_agree(), 9);
    let batches: Vec<String> = world.log().into_iter().filter(|line| line.contains("batch done")).collect();
    assert_eq!(batches.len(), 1, "all ten came in one batch: {batches:#?}");
    assert_eq!(world.stack.dead_letters().await, [broken]);
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmappable_order_is_parked_with_all_its_reasons_and_is_booked_once_the_tables_are_mended() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    let mut orders = sold(1_302, 21);
    let strange = orders[7].stockout_id;
    orders[7].shop_no = "NEW99".to_owned();
    orders[7].lines[0].spec_no = "SKU-9999".to_owned();
    orders[7].flaw = Some(Flaw::UnknownShopAndGoods);
    world.wdt.add(orders);
    world.pull_and_settle().await;

    assert_eq!(world.assert_books_agree(), 20);
    let parked = world.parked().await;
    assert_eq!(parked.len(), 1, "{parked:#?}");
    assert_eq!(parked[0].key, world.key(strange));
    let mut reasons = parked[0].reasons();
    reasons.sort_unstable();
    assert_eq!(reasons, ["unknown_goods", "unknown_shop"], "{parked:#?}");
    let text = serde_json::to_string(&parked[0].problems).unwrap();
    for told in ["NEW99", "SKU-9999", "shops.csv", "goods.csv", "hint"] {
        assert!(text.contains(told), "nothing is said about {told}: {text}");
    }

    // The operator mends both tables, deploys, and sends the order again.
    let tables = world.config().join("tables");
    edit(&tables.join("shops.csv"), "\nJD001,", "\nNEW99,新开店铺,CUST-TMALL01,,ORG01,,SO021,,\nJD001,");
    let goods = std::fs::read_to_string(tables.join("goods.csv")).unwrap();
    let row = goods.lines().find(|line| line.starts_with("SKU-0001,")).unwrap();
    let (plain, new) = (format!("\n{row}\n"), row.replacen("SKU-0001,", "SKU-9999,", 1));
    edit(&tables.join("goods.csv"), &plain, &format!("{plain}{new}\n"));
    world.deploy().await;
    world.requeue(&world.key(strange)).await;
    world.settle().await;
    world.wdt.change(|wdt| {
        let mended = wdt.order(strange).cloned().unwrap();
        wdt.add([WdtOrder { flaw: None, ..mended }]);
    });
    assert_eq!(world.assert_books_agree(), 21);
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_formula_looks_up_what_is_not_there_is_booked_once_the_table_is_mended() {
    let mut settings = WorldSettings::from(yesterday().start());
    let gifts = "[schemes.online-sales.mapping.gifts]";
    let formula = r#"[schemes.online-sales.mapping.formulas.head]
saleDepartmentId = '''lookup("departments", order.shop_no, "department")'''

[tables.departments]
keys = ["shop_no"]
"#;
    settings.rules.push((gifts, format!("{formula}\n{gifts}")));
    let world = World::start(settings).await;
    let mut orders = sold(1_305, 24);
    // The shop of the first order has no department yet.
    let forgotten = orders[0].shop_no.clone();
    for order in orders.iter_mut().filter(|order| order.shop_no == forgotten) {
        order.flaw = Some(Flaw::UnknownShop);
    }
    let shops: BTreeSet<&str> = orders.iter().map(|order| order.shop_no.as_str()).collect();
    assert!(shops.len() > 1, "all orders are of one shop");
    let row = |shop: &str| format!("{shop},D-{shop}\n");
    let rows: String = shops.iter().filter(|&&shop| shop != forgotten).map(|shop| row(shop)).collect();
    let table = world.config().join("tables/departments.csv");
    std::fs::write(&table, format!("shop_no,department\n{rows}")).unwrap();
    let waiting: Vec<_> = orders.iter().filter(|order| order.flaw.is_some()).cloned().collect();
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;

    assert_eq!(world.assert_books_agree(), orders.len() - waiting.len());
    let parked = world.parked().await;
    assert_eq!(parked.len(), waiting.len(), "{parked:#?}");
    for parked in &parked {
        assert_eq!(parked.reasons(), ["lookup_missed"], "{parked:#?}");
        let text = serde_json::to_string(&parked.problems).unwrap();
        for told in ["departments", forgotten.as_str(), "departments.csv", "saleDepartmentId"] {
            assert!(text.contains(told), "nothing is said about {told}: {text}");
        }
    }

    // The operator adds the row, deploys, and sends the orders again.
    std::fs::write(&table, format!("shop_no,department\n{rows}{}", row(&forgotten))).unwrap();
    world.deploy().await;
    for order in &waiting {
        world.requeue(&world.key(order.stockout_id)).await;
    }
    world.settle().await;
    world.wdt.add(waiting.into_iter().map(|order| WdtOrder { flaw: None, ..order }));
    assert_eq!(world.assert_books_agree(), orders.len());
    world.assert_nothing_parked().await;
    for voucher in world.bip.orders() {
        let order = orders.iter().find(|order| order.stockout_no == voucher.code).expect("an order of ours");
        let department = voucher.head.text("saleDepartmentId").unwrap_or_default();
        assert_eq!(department, format!("D-{}", order.shop_no), "{}", voucher.code);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_kept_and_shown_and_its_neighbours_flow() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    let mut orders = sold(1_303, 12);
    let (broken, nameless) = (orders[4].stockout_id, orders[9].stockout_id);
    let modified = orders[4].modified.to_string();
    let row = json!({
        "stockout_id": broken.to_string(), "modified": modified, "status": "110", "consign_time": "soon",
        "receiver_name": "CANARY-PERSON-raw",
        "details_list": [{"rec_id": "1", "spec_no": "SKU-0001", "goods_count": "many", "share_amount": "1.0000"}],
    });
    orders[4].raw = Some(row.to_string());
    orders[9].raw = Some(json!({ "stockout_no": "CK-NAMELESS", "details_list": [] }).to_string());
    world.wdt.add(orders);
    let pulled = world.pull_and_settle().await;

    assert_eq!((pulled.parked, pulled.queued), (2, 10), "{pulled:?}");
    assert_eq!(world.assert_books_agree(), 10);
    let parked = world.parked().await;
    assert_eq!(parked.len(), 2, "{parked:#?}");
    assert!(parked.iter().all(|row| row.reason == "unreadable" && !row.problems.is_empty()), "{parked:#?}");
    let kept = parked.iter().find(|row| row.key == world.key(broken)).expect("it is kept under its own id");
    let text = serde_json::to_string(&kept.problems).unwrap();
    assert!(text.contains("consign_time") && text.contains("goods_count"), "both problems are told: {text}");
    let document = world.ledger.document(&kept.key, 0).await.unwrap().unwrap();
    let source = document.source.and_then(|source| source.text()).expect("the row itself is kept");
    assert!(source.contains("\"soon\""), "{source}");
    assert!(
        !parked.iter().any(|row| row.key == world.key(nameless)),
        "a row without an id is known by its content"
    );

    // Seen again, they are not parked twice.
    let from = yesterday().start();
    world.backfill(from, from.plus_seconds(86_399)).await;
    world.settle().await;
    assert_eq!(world.parked().await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_event_is_refused_with_everything_that_is_wrong_and_nothing_is_lost() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    world.wdt.add(sold(1_304, 3));
    let refusals = [
        (
            json!({ "scheme": "online-sales", "from": "2026-11-02 00:00:00", "to": "2026-11-01 00:00:00" }),
            "invalid_event",
            vec!["ends before it starts", "hint: "],
        ),
        (
            json!({ "from": "yesterday", "to": 5 }),
            "invalid_event",
            vec!["scheme is missing", "from: ", "to is no text"],
        ),
        (json!({ "scheme": "online-sale" }), "unknown_scheme", vec!["no scheme online-sale", "online-sales"]),
    ];
    for (event, kind, texts) in refusals {
        let refused = world.try_pull(&event).await.expect_err("the event is impossible");
        let InvokeError::FunctionError { error_type, message } = &refused else { panic!("{refused:?}") };
        assert_eq!(error_type, kind, "{message}");
        for text in texts {
            assert!(message.contains(text), "nothing is said about {text:?}: {message}");
        }
    }
    assert!(world.wdt.calls().is_empty(), "WDT is not asked");
    assert_eq!(world.watermark().await, None);
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 3);
    world.end().await;
}
