//! How many requests a page makes, however large the ledger is.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use dougong_tests::{CONSOLE_TOKEN, Operation, SCHEME, World, WorldSettings};
use dougong_values::{BeijingTime, Version};
use futures_util::future::join_all;

use crate::person::Person;
use crate::yesterday;

/// Fills the ledger with parked documents of today.
async fn fill(world: &World, documents: u32) {
    let now = BeijingTime::now();
    let day = now.day();
    let client = world.stack.dynamodb().client();
    let table = world.stack.tables().documents.clone();
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let item = |number: u32| {
        let ms = AttributeValue::N((now.epoch_seconds() * 1_000).to_string());
        BTreeMap::from([
            ("pk", text(&format!("stockout#vast#{number}"))),
            ("state", text("parked")),
            ("version", text(Version::of("vast").as_str())),
            ("day", text(&day.to_string())),
            ("fence", AttributeValue::N("1".to_owned())),
            ("first_seen", ms.clone()),
            ("scheme", text(SCHEME)),
            ("scheme_day", text(&format!("{SCHEME}#{day}"))),
            ("attention", text("parked")),
            ("attention_at", ms.clone()),
            ("reason", text("unknown_shop")),
            ("amount", text("12.50")),
            ("updated_at", ms),
        ])
    };
    let batches: Vec<u32> = (0..documents).step_by(25).collect();
    for some in batches.chunks(16) {
        let writes = some.iter().map(|&first| {
            let requests = (first..(first + 25).min(documents)).map(|number| {
                let item = item(number).into_iter().map(|(name, value)| (name.to_owned(), value));
                let put = PutRequest::builder().set_item(Some(item.collect())).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            });
            client.batch_write_item().request_items(table.as_str(), requests.collect()).send()
        });
        for written in join_all(writes).await {
            written.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_makes_the_same_few_requests_however_large_the_ledger_is() {
    let settings = WorldSettings { console: true, ..WorldSettings::from(yesterday().start()) };
    let world = World::start(settings).await;
    let mut person = Person::signed_in(&world, CONSOLE_TOKEN, "en").await;
    let pages = [
        "/console",
        "/console/attention",
        "/console/documents",
        "/console/flow",
        "/console/reconciliation",
        "/console/deeds",
        "/console/replay?reason=unknown_shop",
    ];
    let count = |counts: BTreeMap<Operation, u64>| counts.into_values().sum::<u64>();
    let mut before = Vec::new();
    for page in pages {
        world.tables.reset_counts();
        person.get(page).await;
        before.push(count(world.tables.counts()));
    }
    fill(&world, 30_000).await;
    for (page, before) in pages.into_iter().zip(before) {
        world.tables.reset_counts();
        let started = std::time::Instant::now();
        let seen = person.get(page).await;
        let after = count(world.tables.counts());
        eprintln!(
            "{page}: {before} requests on an empty ledger, {after} on a full one, {:?}",
            started.elapsed()
        );
        assert_eq!(seen.status, 200, "{page}");
        assert!(after <= before + 4 && after <= 24, "{page}: {after} requests, {before} on an empty ledger");
    }
    person.get("/console").await.shows("over ").shows("There are more documents than one page reads");
    world.end().await;
}
