//! The nightly comparison of source, ledger and BIP, of stockouts and store bills alike.

use std::time::Duration;

use dougong_cloud::{ScheduledSettings, StackSettings};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::store::{BillKind, StoreBill};
use dougong_simulators::{bip, day};
use dougong_tests::is_sold;
use dougong_values::{BusinessDay, SchemeId};
use serde_json::{Value, json};

use crate::chain::{Chain, ChainSettings, bills, function, key, yesterday};
use crate::events::event;

/// A chain whose days are compared, each run within that time.
async fn chain(timeout: Duration) -> Chain {
    let stack = Box::new(move |stack: &mut StackSettings| {
        let (program, schedules) = (vec![function("reconcile")], Vec::new());
        stack.reconcile = Some(ScheduledSettings { program, timeout, schedules });
    });
    Chain::start(ChainSettings { stack, ..ChainSettings::default() }).await
}

/// Lives through yesterday: orders are shipped, bills pushed and downloaded, everything is booked.
async fn live_through(chain: &Chain) -> Vec<StoreBill> {
    let orders = day::orders(43, 40, yesterday()).into_iter().filter(is_sold).take(6);
    chain.world.wdt.add(orders.collect::<Vec<_>>());
    let all = bills(43, |plan| {
        (plan.declares, plan.receipts, plan.returns, plan.outbounds, plan.sales) = (6, 3, 3, 3, 3);
    });
    chain.store.add(all.clone());
    chain.world.pull_and_settle().await;
    for scheme in ["declared", "received", "returned", "transferred", "store-sales"] {
        let swept = chain.sweep(&json!({ "scheme": scheme })).await;
        assert_eq!(swept["complete"], true, "{swept}");
    }
    chain.world.settle().await;
    chain.assert_nothing_needs_a_person().await;
    all
}

/// Returns how many differences each scheme has.
fn differences(summary: &Value) -> Vec<(&str, u64)> {
    let compared = summary["compared"].as_array().unwrap().iter();
    compared.map(|one| (one["scheme"].as_str().unwrap(), one["differences"].as_u64().unwrap())).collect()
}

async fn kept(chain: &Chain, scheme: &str, day: BusinessDay) -> Option<Value> {
    let scheme: SchemeId = scheme.parse().unwrap();
    let kept = chain.world.ledger.reconciled(&scheme, day).await.unwrap()?;
    Some(serde_json::from_str(&kept.result.text().unwrap()).unwrap())
}

/// Returns what a kept result tells of its documents.
fn told(result: &Value) -> Vec<(String, String)> {
    let differences = result["differences"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    differences.map(|one| (text(&one["kind"]), text(&one["key"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_night_compares_each_scheme_and_one_whose_system_is_away_is_missing_alone() {
    let chain = chain(Duration::from_mins(2)).await;
    let all = live_through(&chain).await;
    let names = ["online-sales", "declared", "received", "returned", "store-sales", "transferred"];

    // Everything is booked: no difference anywhere, and BIP's lists are read once for all schemes.
    let listed = |of: &str| chain.world.bip.calls().iter().filter(|call| call.operation == of).count();
    let before = (listed(bip::LIST), listed(bip::LIST_RETURNS));
    let agreed = chain.world.reconcile(&json!({})).await.unwrap();
    let expected: Vec<(&str, u64)> = names.iter().map(|name| (*name, 0)).collect();
    assert_eq!(differences(&agreed), expected, "{:?}", chain.world.log());
    let lists = (listed(bip::LIST) - before.0, listed(bip::LIST_RETURNS) - before.1);
    assert_eq!(lists, (1, 1), "a list was read more than once");
    assert!(agreed["compared"].as_array().unwrap().iter().all(|one| one["documents"].as_u64() > Some(0)));

    // A bill that nobody brought, one that was voided, one that was corrected.
    let declared: Vec<&StoreBill> = all.iter().filter(|bill| bill.kind == BillKind::Declare).collect();
    let (voided, corrected) = (declared[0], declared[1]);
    let lost = bills(44, |plan| plan.declares = 1).remove(0);
    let lost = StoreBill { number: format!("{}L", lost.number), ..lost };
    chain.store.add([lost.clone(), corrected.changed()]);
    assert!(chain.store.modify(voided.kind, &voided.number, |bill| bill.voided = true));
    let away = Fault::Status(503, Strikes::BeforeCommit);
    chain.store.faults().add(Rule::on("DownloadREQBill", When::Always, away));
    let calls = chain.world.wdt.calls().len();

    let failed = chain.world.reconcile(&json!({})).await.unwrap_err().to_string();
    assert!(failed.contains("not_compared") && failed.contains("returned"), "{failed}");
    assert!(names.iter().filter(|name| **name != "returned").all(|name| !failed.contains(name)), "{failed}");
    assert!(chain.world.wdt.calls().len() > calls, "the others were not compared");
    let result = kept(&chain, "declared", yesterday()).await.unwrap();
    let pairs = [("not_in_ledger", &lost), ("changed", corrected), ("not_in_source", voided)];
    assert_eq!(told(&result), pairs.map(|(kind, bill)| (kind.to_owned(), key(bill).to_string())));
    assert_eq!((&result["by"], &result["difference_count"]), (&json!("reconcile"), &json!(3)));
    // What could not be compared keeps the last result.
    assert_eq!(kept(&chain, "returned", yesterday()).await.unwrap()["difference_count"], 0);

    let metric = |scheme: &str, name: &str| {
        let of = |line: &Value| line["function"] == "reconcile" && line["scheme"] == scheme;
        let mut lines = chain.world.log().into_iter().filter_map(|line| serde_json::from_str(&line).ok());
        lines.rfind(of).and_then(|line: Value| line[name].as_u64())
    };
    assert_eq!((metric("declared", "differences"), metric("declared", "documents")), (Some(3), Some(6)));
    assert_eq!((metric("all", "differences"), metric("all", "missing")), (Some(3), Some(1)));
    assert!(metric("all", "duration").is_some());
    // Batches are marked by asking for them: they were never asked for.
    assert!(chain.store.uncommitted().is_empty());
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_takes_too_long_names_what_is_missing_and_keeps_no_half_result() {
    let chain = chain(Duration::from_secs(15)).await;
    let slow = Fault::Slow(Duration::from_mins(1));
    chain.world.bip.add_fault(Rule::on(bip::LIST_RETURNS, When::Always, slow));
    let failed = chain.world.reconcile(&json!({})).await.unwrap_err().to_string();
    assert!(failed.contains("out_of_time"), "{failed}");
    let day = yesterday();
    let command = format!("dougong reconcile --day {day} --scheme received");
    assert!(failed.contains(&command) && failed.contains(&format!("returned {day}")), "{failed}");
    assert!(kept(&chain, "declared", day).await.is_some());
    assert!(kept(&chain, "received", day).await.is_none());
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_of_reconcile_is_taken_and_a_wrong_one_says_everything() {
    let chain = chain(Duration::from_mins(2)).await;
    for (name, results) in [("schedule", 6), ("day", 6), ("days", 2)] {
        let sample = serde_json::from_str(&event(&format!("reconcile-{name}.json"))).unwrap();
        let compared = chain.world.reconcile(&sample).await.unwrap();
        assert_eq!(differences(&compared).len(), results, "{name}: {compared}");
    }
    // Nothing was read yet: that is told, too, and where a batch would have to be asked for, the ledger is the source.
    let unread = kept(&chain, "store-sales", yesterday()).await.unwrap();
    assert_eq!(told(&unread), [("not_read_yet".to_owned(), String::new())]);
    assert_eq!(unread["source"], "ledger");
    let wrong = json!({ "scheme": "nobody's", "days": 40, "day": "2026-11-22" });
    let refused = chain.world.reconcile(&wrong).await.unwrap_err().to_string();
    assert!(refused.contains("days is 40") && refused.contains("day and days are both there"), "{refused}");
    let unknown = chain.world.reconcile(&json!({ "scheme": "nobody" })).await.unwrap_err().to_string();
    assert!(unknown.contains("unknown_scheme"), "{unknown}");
    chain.end().await;
}
