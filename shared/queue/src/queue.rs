//! Sending messages to the queue of orders, and delaying them there.

use aws_sdk_sqs::Client;
use dougong_values::DocumentKey;
use std::error::Error;
use tokio::time::Instant;

use crate::message::Message;

/// The queue of orders. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

/// A message that does not fit into the queue: park its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// Its index in what was to be sent.
    pub index: usize,
    /// The size its body would have.
    pub bytes: usize,
}

/// What sending came to: every message is in the queue or too large for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The indexes of the messages that are in the queue.
    pub queued: Vec<usize>,
    /// The messages that can never be.
    pub too_large: Vec<TooLarge>,
}

/// A message that is not in the queue (or perhaps is, if the queue's answer was lost).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Its index in what was to be sent.
    pub index: usize,
    /// Its document.
    pub key: DocumentKey,
    /// What the queue said last.
    pub problem: String,
}

/// Not every message is in the queue at the deadline. Sending all of them again later does no harm.
#[derive(Debug, thiserror::Error)]
#[error("cannot queue {} of {} messages before the deadline", .unsent.len(), .unsent.len() + .sent.queued.len())]
pub struct SendError {
    /// What did get into the queue.
    pub sent: Sent,
    /// What did not, by name.
    pub unsent: Vec<Unsent>,
    /// What the queue's client said last, if it said anything.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// A message could not be delayed: it comes back when its visibility ends, as it would have anyway.
#[derive(Debug, thiserror::Error)]
#[error("cannot delay the message")]
pub struct DelayError(#[source] Box<dyn Error + Send + Sync>);

impl Queue {
    /// Wraps a client and the queue's URL. Timeouts and retries are the client's.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sends messages in batches of at most 10 and 256 KiB together; failed entries go again, with growing
    /// pauses, until the deadline.
    pub async fn send(&self, messages: &[Message], deadline: Instant) -> Result<Sent, SendError> {
        todo!("{messages:?} {deadline:?}")
    }

    /// Hides a received message for that many seconds (at most 12 hours) from now.
    pub async fn delay(&self, receipt_handle: &str, seconds: u32) -> Result<(), DelayError> {
        todo!("{receipt_handle} {seconds}")
    }
}
