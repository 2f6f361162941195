//! One order that is too large, one that hangs: the others are done.

use std::time::Duration;

use dougong_ledger::State;
use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{World, WorldSettings};

use crate::{impatient, short_leases, sold, yesterday};

/// Sells the first line of an order so many times; every line is told apart by a text that hardly compresses.
fn with_lines(order: &WdtOrder, lines: usize) -> WdtOrder {
    let mut noise = order.stockout_id;
    let mut word = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{noise:016x}")
    };
    let line = order.lines[0].clone();
    let mut large = order.clone();
    large.lines = (0..lines)
        .map(|n| {
            let mut line = line.clone();
            line.rec_id = order.stockout_id * 10_000 + n as u64;
            line.goods_name = (0..6).map(|_| word()).collect();
            line.share_post = dougong_values::Money::ZERO;
            line
        })
        .collect();
    large.receivable = large.expected_gross();
    large
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_order_travels_compressed_and_one_too_large_for_a_message_is_parked_and_shown() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    let mut orders = sold(2_101, 12);
    let plain = orders.iter().position(|order| order.lines[0].batch_no.is_empty()).unwrap();
    let model = orders[plain].clone();
    let (large, too_large) = (3, 7);
    for (place, lines) in [(large, 400), (too_large, 6_000)] {
        let id = orders[place].stockout_id;
        let code = orders[place].stockout_no.clone();
        orders[place] = WdtOrder { stockout_id: id, stockout_no: code, ..with_lines(&model, lines) };
    }
    world.wdt.add(orders.clone());
    let pulled = world.pull_and_settle().await;

    assert_eq!((pulled.queued, pulled.parked), (11, 1), "{pulled:?}");
    assert!(
        world.queue.messages().iter().any(|body| body.contains("\"gzip\":")),
        "none travelled compressed"
    );
    let parked = world.parked().await;
    assert_eq!(parked.len(), 1, "{parked:#?}");
    assert_eq!(parked[0].key, world.key(orders[too_large].stockout_id));
    assert_eq!(parked[0].reason, "too_large");
    assert!(parked[0].problems[0]["message"].as_str().unwrap().contains("262144"), "{parked:#?}");
    world.wdt.remove(orders[too_large].stockout_id);
    assert_eq!(world.assert_books_agree(), 11);
    let booked = world.bip.orders();
    assert!(booked.iter().any(|voucher| voucher.lines.len() >= 400), "the large one has all its lines");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_bip_never_answers_delays_none_of_the_other_nine() {
    let mut settings = impatient();
    settings.stack = Box::new(|stack| {
        short_leases(stack);
        // A batch waits until it is full.
        stack.batches.batching_window = Duration::from_secs(3);
    });
    let world = World::start(settings).await;
    let never = world.bip.add_fault(Rule::on(bip::SAVE, When::Nth(4), Fault::Timeout(Strikes::BeforeCommit)));
    world.wdt.add(sold(2_102, 10));
    world.pull().await;
    let batches = async || world.log().iter().filter(|line| line.contains("batch done")).count();
    world.until("the batch is done", async || batches().await == 1).await;

    assert_eq!(world.vouchers(), 9, "nine are booked in the same batch");
    let mut states = Vec::new();
    for order in world.wdt.orders() {
        let document = world.ledger.document(&world.key(order.stockout_id), 0).await.unwrap().unwrap();
        states.push(document.state);
    }
    assert_eq!(states.iter().filter(|state| **state == State::Posted).count(), 9, "{states:?}");
    world.bip.faults().remove(never);
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 10);
    world.assert_nothing_parked().await;
    world.end().await;
}
