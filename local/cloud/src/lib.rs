//! The cloud on one machine: what of AWS the functions of Dougong use, inside one process.
//!
//! - [`DynamoDb`] and [`Sqs`] are emulators on loopback ports of their own; any AWS SDK client can talk to them.
//! - [`Traffic`] stands in front of both: it counts requests by operation, because a user pays for each, and lets a
//!   test refuse, slow down or cut off any of them.
//! - [`FunctionHost`] runs a function as Lambda does: processes of its own that poll a Runtime API.
//! - [`EventSourceMapping`] carries messages from a queue to a function, [`Schedule`] sends it events by the clock,
//!   [`Gateway`] brings it HTTP requests.
//! - [`Stack`] puts them together as `template.yaml` does.
//!
//! Nothing here knows what the functions do.

mod dynamodb;
pub mod event_source;
mod function;
pub mod gateway;
mod ids;
mod logs;
mod schedule;
mod sqs;
mod stack;
mod traffic;

pub use dynamodb::{DynamoDb, Storage};
pub use event_source::EventSourceMapping;
pub use function::{Function, FunctionHost, Invocation, InvokeError, Moment, Point};
pub use gateway::{Gateway, GatewaySettings};
pub use logs::{LogLine, LogSink, LogSource, Logs};
pub use schedule::{Schedule, Timing};
pub use sqs::{QueueDepth, Sqs};
pub use stack::{
    ConsoleSettings, ConsoleSide, Requests, ScheduledSettings, Stack, StackError, StackSettings,
    StoreSettings, StoreSide,
};
pub use traffic::{Call, Refusal, Traffic, Verdict};

/// The region that everything on this machine pretends to be in (AWS China, Beijing).
pub const REGION: &str = "cn-north-1";

/// The account that everything on this machine pretends to belong to.
pub const ACCOUNT_ID: &str = "000000000000";

/// The access key id and secret that the clients sign with. The emulators do not verify signatures.
pub const TEST_ACCESS_KEY: (&str, &str) = ("test", "test");

/// A piece of the local cloud that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No loopback port could be opened.
    #[error("cannot listen on a loopback port for {service}")]
    Listen {
        /// The service that wanted the port.
        service: &'static str,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The services themselves cannot be called.
    #[error(transparent)]
    Http(#[from] dougong_aws::HttpClientError),
    /// The messages of an earlier process cannot be read or kept.
    #[error("cannot keep the queues' messages: {0}")]
    Messages(String),
    /// The database file cannot be opened or is not one.
    #[error("cannot open the DynamoDB file {path}: {problem}")]
    Database {
        /// The file.
        path: String,
        /// What SQLite said.
        problem: String,
    },
}
