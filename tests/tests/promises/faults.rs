//! When BIP fails or stalls, and when a worker dies: nothing lost, nothing doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dougong_cloud::{Refusal, Verdict};
use dougong_simulators::bip::{self, Done};
use dougong_simulators::faults::{Fault, Faults, Rule, Strikes, When};
use dougong_tests::World;

use crate::{impatient, sold};

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
async fn what_bip_refuses_after_an_unknown_outcome_is_looked_up_before_a_person_is_asked() {
    let mut settings = impatient();
    // The first attempt is lost on the way back, of one order before BIP saved it; the second one is refused.
    let rules = [
        save(When::Nth(1), Fault::Timeout(Strikes::AfterCommit)),
        save(When::Nth(2), Fault::Timeout(Strikes::BeforeCommit)),
        save(When::Calls { first: 3, last: 4 }, Fault::Code("999".to_owned(), Strikes::BeforeCommit)),
    ];
    settings.bip.faults = Faults::script(1_505, rules);
    let world = World::start(settings).await;
    world.wdt.add(sold(1_505, 2));
    world.pull_and_settle().await;

    assert_eq!(world.bip.faults().log().len(), 4, "both orders were lost once and refused once");
    let looked_up = world.bip.calls().iter().filter(|call| matches!(call.done, Done::Listed(_))).count();
    assert!(looked_up >= 2, "both are looked up by their code");
    let parked = world.parked().await;
    assert_eq!(
        (world.vouchers(), parked.len()),
        (1, 1),
        "what BIP has is booked, the other is shown: {parked:?}"
    );
    assert_eq!(parked[0].reason, "refused");
    assert_eq!(world.bip.orders()[0].repeats, 0, "what BIP has was not sent as a new one");
    world.end().await;
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
