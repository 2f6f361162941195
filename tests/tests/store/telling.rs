//! What the stores are told about the goods that are on their way to them.

use dougong_ledger::State;
use dougong_simulators::day;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::store::BillKind;
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::is_sold;
use dougong_values::DocumentKey;
use serde_json::json;

use crate::chain::{Chain, ChainSettings, bills, key, yesterday};

/// Completed orders of yesterday from the shop that ships to a store.
fn to_the_store(seed: u64, count: usize) -> Vec<WdtOrder> {
    let orders = day::orders(seed, 40 * count, yesterday());
    let mut orders: Vec<WdtOrder> = orders.into_iter().filter(is_sold).take(count).collect();
    for order in &mut orders {
        "OFF01".clone_into(&mut order.shop_no);
    }
    assert_eq!(orders.len(), count, "the day is too short of orders");
    orders
}

fn announce_key(chain: &Chain, order: &WdtOrder) -> DocumentKey {
    chain.world.key(order.stockout_id).as_str().replace("stockout#", "announce#").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_told_once_of_every_stockout_and_a_lost_answer_is_looked_up_before_anything_is_sent_again()
{
    let chain = Chain::start(ChainSettings::default()).await;
    let orders = to_the_store(71, 12);
    chain.world.wdt.add(orders.clone());
    for nth in [2, 5] {
        let fault = Fault::Reset(Strikes::AfterCommit);
        chain.store.faults().add(Rule::on("AddSTOBill", When::Nth(nth), fault));
    }
    chain.store.faults().add(Rule::on(
        "AddSTOBill",
        When::Nth(8),
        Fault::Code("1500".to_owned(), Strikes::AfterCommit),
    ));
    chain.world.pull_and_settle().await;

    let announced = chain.store.announced();
    assert_eq!(announced.len(), 12, "announced twice, or not at all");
    assert_eq!(chain.store.counts()["AddSTOBill"], 12, "what may have arrived was sent again");
    assert!(chain.store.counts()["QueryTransferringOrderInfo"] >= 1, "nothing was looked up");
    for order in &orders {
        let document = chain.document(&announce_key(&chain, order)).await.unwrap();
        assert_eq!(document.state, State::Posted, "{document:?}");
        let own =
            announced.iter().find(|one| one.third_party_no.ends_with(&format!("-{}", order.stockout_id)));
        let own = own.unwrap_or_else(|| panic!("{} was not announced", order.stockout_no));
        assert_eq!(own.request_no.as_deref(), order.src_tids.first().map(String::as_str));
        assert_eq!((own.from.as_str(), own.to.as_str()), (order.warehouse_no.as_str(), "0101"));
        assert_eq!(document.voucher_id.unwrap().as_str(), own.number);
    }
    chain.assert_nothing_needs_a_person().await;

    // The platform shows them among its outbound bills: they are no goods to be booked again.
    let summary = chain.sweep(&json!({ "scheme": "transferred" })).await;
    assert_eq!(summary["complete"], true, "{summary}");
    chain.world.settle().await;
    assert_eq!(chain.world.bip.order_count(), 12, "an announced delivery was booked beside its stockout");
    for one in &announced {
        let bill =
            chain.document(&DocumentKey::bill(dougong_values::DocumentKind::Outbound, &[&one.number])).await;
        let reason = bill.map(|bill| (bill.state, bill.reason));
        assert_eq!(reason, Some((State::Skipped, Some("announced_by_us".to_owned()))), "{}", one.number);
    }
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_number_the_platform_never_named_is_not_booked_beside_its_stockout() {
    let settings = ChainSettings { announced_are_named: false, ..ChainSettings::default() };
    let chain = Chain::start(settings).await;
    let mut orders = to_the_store(73, 6);
    // Twins: the same goods for the same store on the same day.
    let mut twin = orders[0].clone();
    twin.stockout_id += 1_000_000;
    twin.stockout_no.push('T');
    orders.push(twin);
    chain.world.wdt.add(orders.clone());
    chain.world.pull_and_settle().await;
    let announced = chain.store.announced();
    assert_eq!(announced.len(), 7);

    for _ in 0..2 {
        let summary = chain.sweep(&json!({ "scheme": "transferred" })).await;
        assert_eq!(summary["complete"], true, "{summary}");
        chain.world.settle().await;
    }
    assert_eq!(chain.world.bip.order_count(), 7, "an announced delivery was booked beside its stockout");
    let mut reasons = std::collections::BTreeMap::<_, u32>::new();
    for one in &announced {
        let bill = DocumentKey::bill(dougong_values::DocumentKind::Outbound, &[&one.number]);
        let bill = chain.document(&bill).await.unwrap_or_else(|| panic!("{} was dropped", one.number));
        *reasons.entry((bill.state == State::Parked, bill.reason.unwrap_or_default())).or_default() += 1;
    }
    // Which of the twins' bills is whose nobody can say: a person is shown the second.
    let expected = [((false, "announced_by_us".to_owned()), 6), ((true, "perhaps_announced".to_owned()), 1)];
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), expected);
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shipped_of_a_transferring_order_is_written_back_once_its_bill_has_come() {
    let chain = Chain::start(ChainSettings::default()).await;
    // Goods without batches.
    let day = bills(72, |plan| plan.outbounds = 20);
    let bill = day.into_iter().find(|bill| bill.lines[0].product_code.as_str() < "SKU-0040").unwrap();
    assert_eq!(bill.kind, BillKind::Outbound);
    let mut order = to_the_store(73, 1).remove(0);
    order.src_tids = vec![bill.number.clone()];
    order.lines.truncate(1);
    order.lines[0].spec_no.clone_from(&bill.lines[0].product_code);
    order.receivable = order.expected_gross();
    chain.world.wdt.add(vec![order.clone()]);
    chain.world.pull().await;
    chain.world.until("the order is booked", async || chain.world.bip.order_count() == 1).await;

    // The bill comes after the goods were shipped.
    chain.store.add(vec![bill.clone()]);
    chain.sweep(&json!({ "scheme": "transferred" })).await;
    chain.world.settle().await;
    assert_eq!(chain.document(&key(&bill)).await.map(|document| document.state), Some(State::Posted));
    let shipped = chain.store.shipped();
    assert_eq!(shipped.len(), 1, "{shipped:?}");
    assert!(chain.store.announced().is_empty(), "the platform has its bill already");
    let document = chain.document(&DocumentKey::shipped(&bill.number)).await.unwrap();
    assert_eq!(document.state, State::Posted, "{document:?}");
    chain.end().await;
}
