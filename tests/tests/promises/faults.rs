//! When BIP fails, stalls or refuses, and when a worker dies: nothing lost, nothing doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dougong_cloud::{Refusal, Verdict};
use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Faults, Rule, Strikes, When};
use dougong_tests::{World, WorldSettings};

use crate::{impatient, short_leases, sold, yesterday};

fn save(when: When, fault: Fault) -> Rule {
    Rule::on(bip::SAVE, when, fault)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deliver_killed_between_post_and_record_does_not_book_twice() {
    let world = World::start(impatient()).await;
    world.wdt.add(sold(1_501, 25));
    // Whenever one of the first three outcomes is to be recorded, everyone at work dies, and nothing is recorded.
    let (deliver, kills) = (world.stack.deliver_host().clone(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&kills);
    world.disturb_tables(move |call| {
        let records = call.operation == "PutItem" && contains(&call.body, b"\"posted\"");
        let dies = records && counted.fetch_add(1, Ordering::Relaxed) < 3;
        let deliver = deliver.clone();
        async move {
            if !dies {
                return Verdict::Pass;
            }
            deliver.kill_all().await;
            Verdict::Refuse(Refusal::UNAVAILABLE)
        }
    });
    world.pull().await;
    world.until("three are killed", async || kills.load(Ordering::Relaxed) >= 3).await;
    assert!(world.vouchers() > 0, "BIP has vouchers that nobody has recorded");
    world.settle().await;
    world.calm();

    assert_eq!(world.assert_books_agree(), 25);
    let again = world.bip.orders().iter().filter(|voucher| voucher.repeats > 0).count();
    assert!(again > 0, "some were sent again, and BIP knew their keys");
    world.assert_nothing_parked().await;
    world.end().await;
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_bip_answers_after_it_has_committed_the_order_is_booked_once() {
    let after = Strikes::AfterCommit;
    let answers = [
        Fault::Timeout(after),
        Fault::Reset(after),
        Fault::Status(502, after),
        Fault::Code("202".to_owned(), after),
        Fault::Code("310504".to_owned(), after),
        Fault::Html(after),
        Fault::TruncatedJson(after),
        // And before: the order is not there yet.
        Fault::Timeout(Strikes::BeforeCommit),
        Fault::Status(503, Strikes::BeforeCommit),
    ];
    let count = answers.len();
    let rules = (1..).zip(answers).map(|(nth, fault)| save(When::Nth(nth), fault));
    let mut settings = impatient();
    settings.bip.faults = Faults::script(1_502, rules);
    let world = World::start(settings).await;
    world.wdt.add(sold(1_502, 20));
    world.pull_and_settle().await;

    assert_eq!(world.bip.faults().log().len(), count, "every fault was met");
    let again = world.bip.orders().iter().filter(|voucher| voucher.repeats > 0).count();
    assert_eq!(again, 7, "each that was committed was asked for again under its key");
    assert_eq!(world.assert_books_agree(), 20);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_revoked_in_the_middle_costs_nothing_but_a_new_one() {
    let mut settings = WorldSettings::from(yesterday().start());
    settings.bip.faults = Faults::script(1_504, [save(When::Nth(23), Fault::TokenExpired)]);
    let world = World::start(settings).await;
    let mut orders = sold(1_504, 100);
    world.wdt.add(orders.split_off(50));
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 50);
    assert_eq!(world.bip.tokens().len(), 2, "one token died, and one environment asked for the next");

    // A second issue elsewhere kills the token that every environment holds.
    world.bip.revoke_tokens();
    world.wdt.add(orders);
    let from = yesterday().start();
    world.backfill(from, from.plus_seconds(86_399)).await;
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 100);
    assert_eq!(world.bip.tokens().len(), 3, "and the next");
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_permission_stops_calling_and_everything_flows_when_it_is_mended() {
    let mut settings = impatient();
    let fault = Fault::Code("310037".to_owned(), Strikes::BeforeCommit);
    settings.bip.faults = Faults::script(1_505, [save(When::Always, fault)]);
    settings.stack = Box::new(|stack| {
        short_leases(stack);
        stack.visibility = Duration::from_secs(3);
    });
    let world = World::start(settings).await;
    // A message cannot be delayed here, so that it comes back while calling is stopped, and the test need not wait.
    world.disturb_queue(|call| async move {
        let refusal = Refusal { status: 400, error: "com.amazonaws.sqs#MessageNotInflight" };
        if call.operation == "ChangeMessageVisibility" { Verdict::Refuse(refusal) } else { Verdict::Pass }
    });
    world.wdt.add(sold(1_505, 40));
    world.pull().await;
    let batches = async || world.log().iter().filter(|line| line.contains("batch done")).count();
    world.until("everyone has met the pause", async || batches().await >= 12).await;
    let calls = world.bip.calls().len();
    let seen = batches().await;
    world.until("the messages have come back", async || batches().await >= seen + 8).await;
    assert_eq!(world.bip.calls().len(), calls, "somebody goes on calling");
    assert!(calls <= 40, "{calls} calls until everyone stopped");
    world.assert_nothing_parked().await;
    assert_eq!(world.vouchers(), 0);
    let alarms = world
        .log()
        .iter()
        .filter(|line| line.contains("calls to BIP are paused") && line.contains("ERROR"))
        .count();
    assert_eq!(alarms, 1, "one alarm, however many met the refusal");

    world.bip.faults().clear();
    world.resume().await;
    world.until("nobody is at work", async || world.stack.deliver_host().open_events() == 0).await;
    world.deploy().await;
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 40);
    world.assert_nothing_parked().await;
    world.end().await;
}
