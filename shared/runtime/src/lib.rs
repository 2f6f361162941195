#![doc = include_str!("../README.md")]

mod aws;
mod bip;
mod clock;
mod logging;
mod metrics;
mod secrets;
mod settings;
mod start;

pub use bip::{BipSession, LedgerState};
pub use clock::{Deadline, epoch_ms};
pub use logging::init_logging;
pub use metrics::{Metrics, Unit};
pub use secrets::{KeyPair, Secrets, SecretsError};
pub use settings::{MissingSettings, SecretSource, Settings};
pub use start::{Parts, StartError, start};
