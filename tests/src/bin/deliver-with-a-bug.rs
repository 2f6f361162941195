//! The function `deliver` with a bug in it: it panics whenever it sends one certain order.
//!
//! Everything but this file is the real function. The bug comes in through the only door that the function leaves open
//! to its process, the subscriber of its log events. The file that `BUG_IN` names holds the key of the order; without
//! the file there is no bug.

#![allow(clippy::panic, reason = "it is the bug")]

use std::fmt::Debug;
use std::process::ExitCode;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Panics at the log event that says that the order is sent.
struct Bug {
    document: String,
}

impl<S: Subscriber> Layer<S> for Bug {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        assert!(!(seen.message == "sent to BIP" && seen.document == self.document), "the bug");
    }
}

#[derive(Default)]
struct Seen {
    message: String,
    document: String,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "document" => self.document = format!("{value:?}"),
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let file = std::env::var_os("BUG_IN").unwrap_or_default();
    if let Ok(document) = std::fs::read_to_string(file) {
        // The function finds a subscriber there and leaves it.
        let lines =
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_filter(LevelFilter::INFO);
        tracing_subscriber::registry()
            .with(lines)
            .with(Bug { document }.with_filter(LevelFilter::DEBUG))
            .init();
    }
    dougong_deliver::serve().await
}
