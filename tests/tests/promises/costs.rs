//! What an order costs on the happy path: every request is on a user's bill.

use dougong_cloud::Verdict;
use dougong_tests::{World, WorldSettings};
use tokio::sync::watch;

use crate::{sold, yesterday};

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_per_order_stay_within_their_budget() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    let orders: u32 = 500;
    world.wdt.add(sold(1_401, orders as usize));
    // A backlog: nothing is received before everything is in the queue.
    let (pulled, backlog) = watch::channel(false);
    world.disturb_queue(move |call| {
        let mut backlog = backlog.clone();
        async move {
            if call.operation == "ReceiveMessage" {
                let _ = backlog.wait_for(|complete| *complete).await;
            }
            Verdict::Pass
        }
    });
    world.pull().await;
    pulled.send_replace(true);
    world.settle().await;
    assert_eq!(world.assert_books_agree(), orders as usize);

    let (tables, queue) = (world.tables.counts(), world.queue.counts());
    let documents = &world.stack.tables().documents;
    let sum = |wanted: &dyn Fn(&str, bool) -> bool| -> u64 {
        tables
            .iter()
            .filter(|(kind, _)| wanted(&kind.name, kind.table == *documents))
            .map(|(_, count)| count)
            .sum()
    };
    let is_read = |name: &str| matches!(name, "GetItem" | "BatchGetItem" | "Query" | "Scan");
    let budget = |what: &str, count: u64, per_thousand: u64| {
        let limit = u64::from(orders) * per_thousand / 1_000;
        println!("{what}: {count} for {orders} orders, at most {limit}");
        assert!(
            count <= limit,
            "{what}: {count} for {orders} orders, at most {limit}\n{tables:#?}\n{queue:#?}"
        );
    };
    // One write when queued, two when delivered.
    budget("writes of documents", sum(&|name, documents| documents && !is_read(name)), 3_000);
    // The pace of BIP is reserved for a batch at once, with one write while there is a backlog and two without (as
    // here, where BIP is never the slower one); watermark, lease and token are a few.
    budget("writes beside the documents", sum(&|name, documents| !documents && !is_read(name)), 300);
    // 100 documents a read, and the token once per environment.
    budget("reads", sum(&|name, _| is_read(name)), 60);
    budget("scans", sum(&|name, _| name == "Scan"), 0);
    // Ten messages a batch: sent, received, deleted. The long polls of an empty queue come on top: before the first
    // order, after the last, and one more for every twenty seconds that sending takes on a busy machine.
    let of = |operation: &str| {
        queue.iter().filter(|(kind, _)| kind.name == operation).map(|(_, count)| count).sum::<u64>()
    };
    let idle = of("ReceiveMessage").saturating_sub(of("DeleteMessageBatch"));
    budget("requests to SQS", queue.values().sum::<u64>() - idle, 300);
    // One save each, and the token.
    budget("calls to BIP", world.bip.calls().len() as u64, 1_010);
    // A page has 100; the first page of a window is read twice.
    budget("calls to WDT", world.wdt.calls().len() as u64, 24);
    world.end().await;
}
