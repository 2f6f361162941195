//! The sample events in `events/` are what the functions read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use dougong_pull::{Request, Span};
use dougong_queue::Message;
use serde_json::Value;

fn event(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn pull_reads_its_sample_events() {
    let span = |name| Request::read(event(name)).unwrap().span;
    assert_eq!(span("pull-schedule.json"), Span::Live);
    assert_eq!(span("pull-rescan.json"), Span::Rescan);
    assert!(matches!(span("pull-backfill.json"), Span::Backfill(_)));
}

#[test]
fn deliver_reads_every_message_of_its_sample_events() {
    for (name, count) in [("deliver-one.json", 1), ("deliver-several.json", 3)] {
        let event = event(name);
        let records = event["Records"].as_array().unwrap();
        assert_eq!(records.len(), count);
        for record in records {
            let message = Message::decode(record["body"].as_str().unwrap()).unwrap();
            let stockout = dougong_wdt::Stockout::from_json(&message.document).unwrap();
            assert_eq!(stockout.version(), message.version, "{}", message.key);
            assert!(message.key.as_str().ends_with(stockout.stockout_id.as_str()));
        }
    }
}

#[test]
fn of_its_unreadable_event_deliver_reads_the_order_alone() {
    let event = event("deliver-unreadable.json");
    let bodies = event["Records"].as_array().unwrap().iter().map(|record| record["body"].as_str().unwrap());
    let read: Vec<bool> = bodies.map(|body| Message::decode(body).is_ok()).collect();
    assert_eq!(read, [true, false]);
}
