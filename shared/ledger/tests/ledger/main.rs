//! The promises of the ledger, each one test with its name, on the embedded DynamoDB.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

mod budget;
mod changes;
mod documents;
mod merging;
mod pace;
mod promises;
mod queries;
mod reconciled;
mod settling;
mod sweeping;
mod token;
mod watermarks;

use dougong_cloud::{DynamoDb, Storage};
use dougong_ledger::{
    Begin, Begun, EpochMs, Hold, Ledger, NewDocument, Parking, Started, TableNames, schema,
};
use dougong_values::{RunId, Version, VoucherCode, VoucherId};

/// An arbitrary now: 2026-11-22 16:00:00 in Beijing.
const NOW: EpochMs = 1_795_334_400_000;
const SECOND: EpochMs = 1_000;
const HOUR: EpochMs = 3_600 * SECOND;
const DAY: EpochMs = 24 * HOUR;
/// How long the workers of these tests hold a document.
const LEASE: EpochMs = 60 * SECOND;

/// A ledger on a DynamoDB of its own.
struct Store {
    dynamodb: DynamoDb,
    ledger: Ledger,
}

fn names() -> TableNames {
    TableNames { watermarks: "Watermarks".to_owned(), documents: "Documents".to_owned() }
}

async fn store() -> Store {
    let dynamodb = DynamoDb::start(Storage::Memory).await.unwrap();
    schema::create_missing(&dynamodb.client(), &names()).await.unwrap();
    let ledger = Ledger::new(dynamodb.client(), names());
    dynamodb.traffic().reset();
    Store { dynamodb, ledger }
}

/// The order of these tests, with the content `text` and changed at that second of a minute.
fn order(text: &str, second: u32) -> NewDocument {
    NewDocument {
        key: "stockout#demo2#80012345".parse().unwrap(),
        scheme: "online-sales".parse().unwrap(),
        version: Version::of(text),
        modified: Some(format!("2026-11-22 15:30:{second:02}").parse().unwrap()),
        day: "2026-11-21".parse().unwrap(),
        amount: Some("180.00".parse().unwrap()),
        source_json: format!("{{\"stockout_id\":\"80012345\",\"text\":\"{text}\"}}"),
        warnings: None,
    }
}

fn other(number: u32) -> NewDocument {
    NewDocument { key: format!("stockout#demo2#{number}").parse().unwrap(), ..order("first", 1) }
}

fn run(name: &str) -> RunId {
    name.parse().unwrap()
}

fn id(text: &str) -> VoucherId {
    text.parse().unwrap()
}

fn code() -> VoucherCode {
    "CK202611210001".parse().unwrap()
}

const REFUSED: Parking<'_> = Parking { reason: "refused", problems: "[{\"message\":\"商品不存在\"}]" };

impl Store {
    async fn begin_at(&self, document: &NewDocument, now_ms: EpochMs) -> Begun {
        let (code, owner) = (code(), run("worker"));
        let begin =
            Begin { document, voucher_code: Some(&code), owner: &owner, lease_until_ms: now_ms + LEASE };
        self.ledger.begin(&begin, now_ms).await.unwrap()
    }

    async fn start_at(&self, document: &NewDocument, now_ms: EpochMs) -> Started {
        match self.begin_at(document, now_ms).await {
            Begun::Started(started) => *started,
            other => panic!("not started but {other:?}"),
        }
    }

    async fn start(&self, document: &NewDocument) -> Hold {
        self.start_at(document, NOW).await.hold
    }

    async fn post(&self, document: &NewDocument) {
        let hold = self.start(document).await;
        self.ledger.record_posted(&hold, &id("2001"), Some(&code()), NOW).await.unwrap();
    }

    async fn read(&self, document: &NewDocument) -> dougong_ledger::Document {
        self.ledger.document(&document.key, NOW).await.unwrap().unwrap()
    }
}
