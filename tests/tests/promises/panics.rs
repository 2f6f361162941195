//! An order whose handling panics, on a process of the real function: the others are done, it is kept and shown.

use std::path::PathBuf;
use std::time::Duration;

use dougong_cloud::{Refusal, Verdict};
use dougong_ledger::Attention;
use dougong_tests::{World, WorldSettings};

use crate::{sold, yesterday};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_panics_delays_none_of_the_other_nine_and_is_parked_and_shown() {
    let orders = sold(2_103, 10);
    let bad = orders[4].stockout_id;
    let buggy = PathBuf::from(env!("CARGO_BIN_EXE_deliver-with-a-bug"));
    let pull = buggy.with_file_name("pull");
    let settings = WorldSettings {
        functions: Some([pull, buggy].map(|program| vec![program.into_os_string()])),
        stack: Box::new(|stack| {
            stack.visibility = Duration::from_secs(4);
            // A batch waits until it is full.
            stack.batches.batching_window = Duration::from_secs(3);
            let bug = stack.config_dir.with_file_name("bug");
            stack.env.insert("BUG_IN".to_owned(), bug.display().to_string());
        }),
        ..WorldSettings::from(yesterday().start())
    };
    let world = World::start(settings).await;
    let bug = world.config().with_file_name("bug");
    std::fs::write(&bug, world.key(bad).to_string()).unwrap();
    // A message cannot be delayed here, so that nobody waits until its delays have grown.
    world.disturb_queue(|call| async move {
        let refusal = Refusal { status: 400, error: "com.amazonaws.sqs#MessageNotInflight" };
        if call.operation == "ChangeMessageVisibility" { Verdict::Refuse(refusal) } else { Verdict::Pass }
    });
    world.wdt.add(orders.clone());
    world.pull().await;
    world.until("nine are booked", async || world.vouchers() == 9).await;
    let panics = || world.log().iter().filter(|line| line.contains("the message panicked")).count();
    world.until("the tenth has panicked", async || panics() > 0).await;
    assert!(world.parked().await.is_empty(), "it is not given up at once");

    // It comes back and panics again, until a person is asked.
    let parked = async || {
        world.age_open_documents(Duration::from_mins(5)).await;
        let parked = world.parked().await;
        parked.into_iter().find(|parked| parked.reason == "panicked")
    };
    world.until("it is parked", async || parked().await.is_some()).await;
    world.settle().await;
    assert!(panics() >= 2, "it was tried again");
    let shown = parked().await.unwrap();
    assert_eq!((&shown.key, shown.kind), (&world.key(bad), Attention::Parked));
    assert_eq!(shown.reasons(), ["panicked"], "{shown:#?}");
    assert!(world.stack.dead_letters().await.is_empty());
    let died = world.log().iter().filter(|line| line.contains("the process ended")).count();
    assert_eq!(died, 0, "no process dies of it");

    // A version without the bug is deployed, and the order is sent again.
    std::fs::remove_file(&bug).unwrap();
    world.deploy().await;
    world.requeue(&world.key(bad)).await;
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 10);
    world.assert_nothing_parked().await;
    world.end().await;
}
