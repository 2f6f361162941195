#![doc = include_str!("../README.md")]

mod bip;
mod clock;
mod documents;
mod logging;
mod metrics;
mod secrets;
mod settings;
mod start;

pub use bip::{BipSession, LedgerState};
pub use clock::{Deadline, call_interval, epoch_ms};
pub use documents::{bill_message, message_again, new_document};
pub use logging::init_logging;
pub use metrics::{Metrics, Unit};
pub use secrets::{ConsoleSecrets, KeyPair, Secrets, SecretsError, StoreSecrets};
pub use settings::{MissingSettings, SecretSource, Settings};
pub use start::{Parts, Reached, StartError, reach, serve, serve_caller, start};

/// Writes an error with its causes, joined by `: `, for a log line.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The run id of an invocation: Lambda's request id.
pub fn run_id(request_id: &str) -> dougong_values::RunId {
    // Lambda's request ids are UUIDs; whatever else a host sends is cut to what an id may be.
    let text: String = request_id.chars().filter(|c| !c.is_control()).take(64).collect();
    text.parse().unwrap_or_else(|_| dougong_values::RunId::unnamed())
}
