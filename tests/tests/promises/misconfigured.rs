//! When BIP does not serve the application until a person mends something: calling stops, once and for everyone.

use dougong_cloud::{Refusal, Verdict};
use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_tests::World;

use crate::{impatient, short_leases, sold};

/// What is wrong.
enum Wrong {
    /// Every save is answered with this code.
    Code(&'static str),
    /// The functions have another key than BIP knows.
    Key,
}

/// Lets three environments meet what is wrong, and mends it.
async fn stops_until_mended(seed: u64, wrong: Wrong) {
    const KEY: &str = "stopped-app-key";
    let mut settings = impatient();
    settings.stack = Box::new(|stack| {
        short_leases(stack);
        stack.visibility = std::time::Duration::from_secs(3);
    });
    let world = World::start(settings).await;
    // A message cannot be delayed here, so that it comes back while calling is stopped, and the test need not wait.
    world.disturb_queue(|call| async move {
        let refusal = Refusal { status: 400, error: "com.amazonaws.sqs#MessageNotInflight" };
        if call.operation == "ChangeMessageVisibility" { Verdict::Refuse(refusal) } else { Verdict::Pass }
    });
    match &wrong {
        Wrong::Code(code) => {
            let fault = Fault::Code((*code).to_owned(), Strikes::BeforeCommit);
            world.bip.add_fault(Rule::on(bip::SAVE, When::Always, fault));
        }
        Wrong::Key => world.use_bip_app_key(KEY),
    }
    world.wdt.add(sold(seed, 40));
    world.pull().await;
    let batches = async || world.log().iter().filter(|line| line.contains("batch done")).count();
    world.until("everyone has met the pause", async || batches().await >= 12).await;
    assert!(world.stack.deliver_host().environments_started() >= 3, "three environments have met it");
    let calls = world.bip.calls().len();
    let met = batches().await;
    world.until("the messages have come back", async || batches().await >= met + 8).await;
    assert_eq!(world.bip.calls().len(), calls, "somebody goes on calling");
    assert!(calls <= 40, "{calls} calls until everyone stopped");
    world.assert_nothing_parked().await;
    assert_eq!(world.vouchers(), 0);

    // One alarm, however many met the refusal: one value of the metric, and one line of level ERROR.
    let log = world.log();
    let metrics: Vec<_> =
        log.iter().filter(|line| line.contains("\"_aws\"") && line.contains("\"stopped\":")).collect();
    assert_eq!(metrics.len(), 1, "{metrics:#?}");
    assert!(metrics[0].contains("\"stopped\":1"), "{metrics:#?}");
    let errors: Vec<_> = log.iter().filter(|line| line.contains("\"level\":\"ERROR\"")).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("calls to BIP are paused until a person mends the settings"), "{errors:#?}");

    match wrong {
        Wrong::Code(_) => {
            world.bip.faults().clear();
            world.resume().await;
        }
        // A key has a pace and pauses of its own.
        Wrong::Key => world.use_bip_app_key(&world.bip.settings().app_key),
    }
    world.until("nobody is at work", async || world.stack.deliver_host().open_events() == 0).await;
    world.deploy().await;
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 40);
    world.assert_nothing_parked().await;
    assert!(world.stack.dead_letters().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_permission_stops_calling_and_everything_flows_when_it_is_mended() {
    stops_until_mended(1_505, Wrong::Code("310037")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_another_data_centre_stops_calling_and_everything_flows_when_it_is_mended() {
    stops_until_mended(1_506, Wrong::Code("310005")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_stops_calling_and_everything_flows_when_it_is_mended() {
    stops_until_mended(1_508, Wrong::Key).await;
}
