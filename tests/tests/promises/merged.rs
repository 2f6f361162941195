//! Merged vouchers: a day of orders in few vouchers, worth the same, whatever dies in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;

use dougong_cloud::Call;
use dougong_ledger::{Attention, Document, State};
use dougong_mapping::merge::Part;
use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{World, WorldSettings};
use dougong_values::{BeijingTime, DocumentKey, DocumentKind, Money};
use serde_json::json;

use crate::killed_anywhere::{Kill, Trap, just_now, leases_end, quick_returns, watch_over};
use crate::{sold, yesterday};

/// The shipped configuration, merging by shop, warehouse and day.
fn merging(mut settings: WorldSettings) -> WorldSettings {
    let gifts = "[schemes.online-sales.mapping.gifts]";
    let merge =
        "[schemes.online-sales.mapping.merge]\nby = [\"shop\", \"warehouse\", \"day\"]\nprice = \"average\"";
    settings.rules.push((gifts, format!("{merge}\n\n{gifts}")));
    settings.sweeps = true;
    settings
}

/// Orders of one group.
fn alike(orders: Vec<WdtOrder>) -> Vec<WdtOrder> {
    let (shop, warehouse) = (orders[0].shop_no.clone(), orders[0].warehouse_no.clone());
    let moved = |order| WdtOrder { shop_no: shop.clone(), warehouse_no: warehouse.clone(), ..order };
    orders.into_iter().map(moved).collect()
}

/// Puts together whatever waits, and waits until it is booked.
async fn close(world: &World) -> serde_json::Value {
    let closed = world.sweep(&json!({ "job": "close", "early": true })).await;
    let closed = closed.unwrap_or_else(|error| panic!("the closing failed: {error}"));
    world.settle().await;
    closed
}

async fn document(world: &World, order: &WdtOrder) -> Document {
    let document = world.ledger.document(&world.key(order.stockout_id), 0).await.unwrap();
    document.unwrap_or_else(|| panic!("order {} is not in the ledger", order.stockout_id))
}

/// Checks that each of these orders is in exactly one voucher, knows it and is named by it, that each voucher is worth
/// its orders to the cent, and that BIP has nothing else. Returns how many vouchers there are.
async fn assert_merged(world: &World, orders: &[WdtOrder]) -> usize {
    let mut by_voucher: BTreeMap<String, Vec<&WdtOrder>> = BTreeMap::new();
    let mut parts: BTreeMap<String, DocumentKey> = BTreeMap::new();
    for order in orders {
        let document = document(world, order).await;
        assert_eq!(document.state, State::Posted, "{document:?}");
        let id = document.voucher_id.expect("a booked order knows its voucher").to_string();
        let part = document.merged.expect("and the part it is in");
        assert_eq!(parts.entry(id.clone()).or_insert_with(|| part.clone()), &part);
        by_voucher.entry(id).or_default().push(order);
    }
    let vouchers = world.bip.orders();
    assert_eq!(vouchers.len(), by_voucher.len(), "BIP has vouchers that are nobody's");
    for voucher in &vouchers {
        let id = voucher.id.clone();
        let members = &by_voucher[&id];
        let worth: Money = members.iter().map(|order| order.expected_gross()).sum();
        let lines: Money = voucher.lines.iter().filter_map(|line| line.number("oriSum")).sum();
        assert_eq!((voucher.pay_money, lines), (worth, worth), "voucher {id} of {} orders", members.len());
        let part = world.ledger.document(&parts[&id], 0).await.unwrap().expect("the part is in the ledger");
        assert_eq!(
            (part.state, part.voucher_code.map(|code| code.to_string()).unwrap_or_default()),
            (State::Posted, voucher.code.clone())
        );
        let listed = Part::from_json(&part.source.unwrap().text().unwrap()).unwrap();
        let mut listed: Vec<DocumentKey> = listed.members.into_iter().map(|member| member.key).collect();
        let mut known: Vec<DocumentKey> = members.iter().map(|order| world.key(order.stockout_id)).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known, "voucher {id} lists its members");
    }
    vouchers.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_day_share_few_vouchers_worth_the_same_and_late_ones_go_into_a_further_part() {
    let world = World::start(merging(WorldSettings::from(yesterday().start()))).await;
    let mut orders = sold(1_701, 260);
    let late = orders.split_off(240);
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    assert_eq!(world.vouchers(), 0, "nothing is booked before it is put together");
    world.assert_nothing_parked().await;
    let waits = document(&world, &orders[0]).await;
    assert_eq!(waits.state, State::Queued);
    assert_eq!(waits.reason.as_deref(), waits.merged.as_ref().map(DocumentKey::as_str), "and says for what");

    // Not yet due: the closing leaves them alone.
    let early = world.sweep(&json!({ "job": "close" })).await.unwrap();
    assert_eq!((&early["waiting"], &early["parts"]), (&json!(0), &json!(0)), "{early}");
    let closed = close(&world).await;
    let parts = assert_merged(&world, &orders).await;
    assert_eq!(closed["parts"], json!(parts), "{closed}");
    assert!(parts < orders.len() / 4, "{parts} vouchers for {} orders", orders.len());

    // Every message once more, and another closing: nothing new.
    for batch in world.queue.messages().chunks(10) {
        world.send(batch).await;
    }
    world.settle().await;
    let again = close(&world).await;
    assert_eq!((&again["waiting"], &again["parts"]), (&json!(0), &json!(0)), "{again}");
    assert_eq!(assert_merged(&world, &orders).await, parts);

    // Shipped yesterday, completed just now.
    let now = BeijingTime::now();
    let late: Vec<WdtOrder> = late.into_iter().map(|order| WdtOrder { modified: now, ..order }).collect();
    world.wdt.add(late.clone());
    world.pull_and_settle().await;
    close(&world).await;
    let all: Vec<WdtOrder> = orders.into_iter().chain(late.iter().cloned()).collect();
    assert!(assert_merged(&world, &all).await > parts);
    let part = document(&world, &late[0]).await.merged.unwrap();
    assert!(!part.as_str().ends_with("#1"), "{part} is no further part");
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_killed_before_or_after_any_request_books_every_order_once() {
    let world = World::start(merging(quick_returns())).await;
    let trap = Trap::of(world.stack.sweep_host().unwrap());
    watch_over(&world, &trap, is_closings);
    let mut stock = alike(sold(1_702, 200)).into_iter();
    let mut booked = Vec::new();
    for kill in [Kill::Before, Kill::After] {
        let mut spares = 0;
        loop {
            let orders = just_now(stock.by_ref().take(3).collect());
            world.wdt.add(orders.clone());
            world.pull_and_settle().await;
            trap.aim(kill, spares);
            let closed = world.sweep(&json!({ "job": "close", "early": true })).await;
            let died = trap.take_away();
            assert_eq!(closed.is_err(), died, "{kill:?} request {spares}: {closed:?}");
            world.end_lease_of_closing().await;
            world.settle().await;
            // What it left without a message has been so for long.
            world.age_parts().await;
            close(&world).await;
            for order in &orders {
                world.wdt.remove(order.stockout_id);
            }
            booked.extend(orders);
            if !died {
                break;
            }
            spares += 1;
        }
        assert!(spares >= 5, "only {spares} requests were met: the case is not made");
    }
    world.calm();
    assert_merged(&world, &booked).await;
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

/// Tells whether a closing made a request, while nothing else runs but what delivers parts.
fn is_closings(call: &Call) -> bool {
    let body = String::from_utf8_lossy(&call.body);
    match call.operation.as_str() {
        "Query" | "TransactWriteItems" | "SendMessageBatch" => true,
        // Of the scheme's lease; not of documents.
        "UpdateItem" => body.contains("\"close#"),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deliver_killed_before_or_after_any_request_books_a_part_once_and_tells_every_member() {
    let world = World::start(merging(quick_returns())).await;
    let trap = Trap::of(world.stack.deliver_host());
    watch_over(&world, &trap, |call| {
        let tables = ["UpdateItem", "PutItem", "BatchGetItem", "GetItem", "ChangeMessageVisibility"];
        tables.contains(&call.operation.as_str())
    });
    let mut stock = alike(sold(1_703, 300)).into_iter();
    let mut booked = Vec::new();
    for kill in [Kill::Before, Kill::After] {
        let mut spares = 0;
        loop {
            let orders = just_now(stock.by_ref().take(3).collect());
            world.wdt.add(orders.clone());
            world.pull_and_settle().await;
            world.sweep(&json!({ "job": "close", "early": true })).await.unwrap();
            // A process that knows no token yet; its requests are the last ones made for this part.
            world.stack.deliver_host().kill_all().await;
            trap.aim(kill, spares);
            tokio::select! {
                () = trap.sprung() => {}
                () = world.settle() => {}
            }
            let died = trap.take_away();
            if died {
                leases_end(&world).await;
                world.settle().await;
            }
            for order in &orders {
                world.wdt.remove(order.stockout_id);
            }
            booked.extend(orders);
            if !died {
                break;
            }
            spares += 1;
        }
        assert!(spares >= 5, "only {spares} requests were met: the case is not made");
    }
    world.calm();
    assert_merged(&world, &booked).await;
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_answer_is_lost_is_booked_once() {
    let world = World::start(merging(quick_returns())).await;
    world.bip.add_fault(Rule::on(bip::SAVE, When::Nth(1), Fault::Reset(Strikes::AfterCommit)));
    world.bip.add_fault(Rule::on(bip::SAVE, When::Nth(2), Fault::Timeout(Strikes::BeforeCommit)));
    let orders = alike(sold(1_704, 12));
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    close(&world).await;
    assert_eq!(assert_merged(&world, &orders).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_closings_at_once_put_every_order_into_one_part() {
    let world = World::start(merging(WorldSettings::from(yesterday().start()))).await;
    let orders = sold(1_705, 80);
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    let early = json!({ "job": "close", "early": true });
    let (one, other, third) = tokio::join!(world.sweep(&early), world.sweep(&early), world.sweep(&early));
    for closed in [one, other, third] {
        closed.unwrap_or_else(|error| panic!("a closing failed: {error}"));
    }
    world.settle().await;
    close(&world).await;
    assert_merged(&world, &orders).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_changes_before_its_group_is_closed_is_booked_as_it_is_then_and_later_it_is_held() {
    let world = World::start(merging(WorldSettings::from(yesterday().start()))).await;
    let orders = alike(sold(1_706, 6));
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    let dearer = |order: &mut WdtOrder| {
        let more: Money = "10.00".parse().unwrap();
        order.receivable += more;
        order.lines[0].share_amount += more;
    };
    assert!(world.wdt.modify(orders[1].stockout_id, BeijingTime::now(), dearer));
    let pulled = world.pull_and_settle().await;
    assert_eq!(pulled.queued, 1, "{pulled:?}");
    let waits = document(&world, &orders[1]).await;
    assert!(waits.is_waiting() && waits.held.is_some(), "the newer version waits beside the older one");

    let closed = close(&world).await;
    assert_eq!(closed["taken_out"], json!(1), "{closed}");
    close(&world).await;
    let now: Vec<WdtOrder> = world.wdt.orders();
    let now: Vec<WdtOrder> = now
        .into_iter()
        .filter(|order| orders.iter().any(|own| own.stockout_id == order.stockout_id))
        .collect();
    assert_merged(&world, &now).await;

    // Booked: from now on a change is a person's.
    assert!(world.wdt.modify(orders[2].stockout_id, BeijingTime::now(), dearer));
    world.pull_and_settle().await;
    let parked = world.parked().await;
    assert_eq!(parked.len(), 1, "{parked:#?}");
    assert_eq!((&parked[0].key, parked[0].kind), (&world.key(orders[2].stockout_id), Attention::Held));
    let held = document(&world, &orders[2]).await;
    assert!(held.voucher_id.is_some() && held.merged.is_some(), "it still knows its voucher");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_mapped_is_parked_alone_and_a_refused_part_is_put_together_anew() {
    let world = World::start(merging(WorldSettings::from(yesterday().start()))).await;
    let mut orders = alike(sold(1_707, 8));
    orders[3].lines[0].spec_no = "NO-SUCH-GOODS".to_owned();
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    let parked = world.parked().await;
    assert_eq!((parked.len(), parked[0].reason.as_str()), (1, "unknown_goods"), "{parked:#?}");
    let good: Vec<WdtOrder> =
        orders.iter().filter(|order| order.stockout_id != orders[3].stockout_id).cloned().collect();

    // BIP refuses the whole: the part is parked, its members wait behind it.
    let refusal = Fault::Code("999".to_owned(), Strikes::BeforeCommit);
    let rule = world.bip.add_fault(Rule::on(bip::SAVE, When::Always, refusal));
    close(&world).await;
    world.bip.faults().remove(rule);
    let refused = world.parked().await;
    let refused = refused.iter().find(|parked| parked.key.kind() == DocumentKind::Merged);
    let part = refused.expect("the part is shown").key.clone();
    assert_eq!(world.vouchers(), 0);

    // Sent again it would be booked as it is; given up, its members are put together anew.
    let given_up = world.sweep(&json!({ "job": "dissolve", "part": part.as_str() })).await.unwrap();
    assert_eq!(given_up["dissolved"], json!(true), "{given_up}");
    close(&world).await;
    assert_eq!(assert_merged(&world, &good).await, 1);
    let next = document(&world, &good[0]).await.merged.unwrap();
    assert!(part.as_str().ends_with("#1") && next.as_str().ends_with("#2"), "{part} {next}");
    assert_eq!(world.parked().await.len(), 1, "the one that cannot be mapped");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_whose_formulas_set_different_heads_share_no_voucher_and_the_sums_agree() {
    let mut settings = merging(WorldSettings::from(yesterday().start()));
    let postage = "[schemes.online-sales.mapping.postage]";
    let formulas = r#"[schemes.online-sales.mapping.formulas]
head.saleDepartmentId = '''if whole(order.stockout_id) % 2 == 0 { "D-EVEN" } else { "D-ODD" }'''
lines.memo = '''"W-" + order.warehouse_no'''
"#;
    settings.rules.push((postage, format!("{formulas}\n{postage}")));
    let world = World::start(settings).await;
    let orders = alike(sold(1_711, 40));
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    close(&world).await;

    assert_eq!(assert_merged(&world, &orders).await, 2, "one voucher for each department");
    let mut departments = BTreeMap::new();
    for voucher in world.bip.orders() {
        departments.insert(voucher.id, voucher.head.text("saleDepartmentId").unwrap_or_default().to_owned());
    }
    for order in &orders {
        let voucher = document(&world, order).await.voucher_id.unwrap();
        let own = if order.stockout_id % 2 == 0 { "D-EVEN" } else { "D-ODD" };
        assert_eq!(departments[&voucher.to_string()], own, "{}", order.stockout_id);
    }
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_are_booked_alone_when_their_scheme_merges_no_longer() {
    let world = World::start(merging(WorldSettings::from(yesterday().start()))).await;
    let orders = sold(1_708, 12);
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    dougong_tests::edit(
        &world.config().join("dougong.toml"),
        "[schemes.online-sales.mapping.merge]\nby = [\"shop\", \"warehouse\", \"day\"]\nprice = \"average\"\n",
        "",
    );
    world.deploy().await;
    world.stack.sweep_host().unwrap().kill_all().await;
    let closed = world.sweep(&json!({ "job": "close" })).await.unwrap();
    assert_eq!(closed["taken_out"], json!(orders.len()), "{closed}");
    world.settle().await;
    world.assert_booked(&orders);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_per_merged_order_stay_within_their_budget() {
    let world = World::start(merging(WorldSettings::from(yesterday().start()))).await;
    let orders = alike(sold(1_709, 500));
    let count = orders.len() as u64;
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    close(&world).await;
    let (tables, queue) = (world.tables.counts(), world.queue.counts());
    let vouchers = assert_merged(&world, &orders).await as u64;

    let documents = &world.stack.tables().documents;
    let sum = |wanted: &dyn Fn(&str, bool) -> bool| -> u64 {
        let counted = tables.iter().filter(|(kind, _)| wanted(&kind.name, kind.table == *documents));
        counted.map(|(_, count)| count).sum()
    };
    let is_read = |name: &str| matches!(name, "GetItem" | "BatchGetItem" | "Query" | "Scan");
    let budget = |what: &str, made: u64, per_thousand: u64| {
        let limit = count * per_thousand / 1_000;
        println!("{what}: {made} for {count} orders in {vouchers} vouchers, at most {limit}");
        assert!(made <= limit, "{what}: {made} for {count} orders, at most {limit}\n{tables:#?}\n{queue:#?}");
    };
    // Queued, grouped, posted; and three for each voucher.
    budget("writes of documents", sum(&|name, documents| documents && !is_read(name)), 3_060);
    budget("writes beside the documents", sum(&|name, documents| !documents && !is_read(name)), 60);
    // Strongly consistent ones of the members, 100 each, when the part is made, sent and booked; the index.
    budget("reads", sum(&|name, _| is_read(name)), 160);
    budget("scans", sum(&|name, _| name == "Scan"), 0);
    budget("requests to SQS", queue.values().sum(), 400);
    budget("calls to BIP", world.bip.calls().len() as u64, 40);
    world.end().await;
}
