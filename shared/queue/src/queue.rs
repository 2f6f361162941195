//! Sending messages to the queue of orders, and delaying them there.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use dougong_values::DocumentKey;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::message::{Encoded, Message};

/// The queue of orders. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(crate) client: Client,
    pub(crate) url: String,
    /// Found when first needed.
    pub(crate) dead_letter_url: Arc<OnceCell<String>>,
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

/// The most entries of one batch.
const BATCH_ENTRIES: usize = 10;
/// The pause before failed entries go again, doubled each time up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest a message can be hidden (12 hours).
const MAX_DELAY_SECONDS: u32 = 43_200;

/// A body on its way, with the index of its message.
struct Outgoing {
    index: usize,
    body: String,
}

impl Queue {
    /// Wraps a client and the queue's URL. Timeouts and retries are the client's.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into(), dead_letter_url: Arc::default() }
    }

    /// Sends messages in batches of at most 10 and 256 KiB together; failed entries go again, with growing
    /// pauses, until the deadline.
    ///
    /// Retries here, not in the caller: a batch may fail in part, and only the failed part goes again.
    pub async fn send(&self, messages: &[Message], deadline: Instant) -> Result<Sent, SendError> {
        let mut sent = Sent::default();
        let mut waiting = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            match message.encode() {
                Encoded::Body(body) => waiting.push(Outgoing { index, body }),
                Encoded::TooLarge { bytes } => sent.too_large.push(TooLarge { index, bytes }),
            }
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let mut failures = Failures::default();
            for batch in batches(waiting) {
                self.send_batch(batch, deadline, &mut sent, &mut failures).await;
            }
            if failures.again.is_empty() {
                sent.queued.sort_unstable();
                return Ok(sent);
            }
            if Instant::now() + pause >= deadline {
                let unsent = failures.unsent(messages);
                return Err(SendError { sent, unsent, source: failures.source });
            }
            tracing::warn!(failed = failures.again.len(), problem = failures.problem, "messages go again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            waiting = failures.again;
        }
    }

    /// Sends one batch and sorts its entries into what is in the queue and what has to go again.
    async fn send_batch(
        &self,
        batch: Vec<Outgoing>,
        deadline: Instant,
        sent: &mut Sent,
        failures: &mut Failures,
    ) {
        let entry = |(id, outgoing): (usize, &Outgoing)| {
            SendMessageBatchRequestEntry::builder()
                .id(id.to_string())
                .message_body(&outgoing.body)
                .build()
                .ok()
        };
        let entries = batch.iter().enumerate().filter_map(entry).collect();
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send();
        let reply = match tokio::time::timeout_at(deadline, request).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                let problem = error.code().unwrap_or("no answer").to_owned();
                let source = error.into_source().unwrap_or_else(|error| Box::new(error));
                return failures.all(batch, problem, Some(source));
            }
            Err(_) => return failures.all(batch, "no answer before the deadline".to_owned(), None),
        };
        // Only what the queue confirms is in it: an entry that it does not name goes again.
        let confirmed: Vec<usize> =
            reply.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect();
        if let Some(failed) = reply.failed().first() {
            failures.problem = format!("{}: {}", failed.code(), failed.message().unwrap_or_default());
        }
        for (id, outgoing) in batch.into_iter().enumerate() {
            if confirmed.contains(&id) {
                sent.queued.push(outgoing.index);
            } else {
                failures.again.push(outgoing);
            }
        }
    }

    /// Hides a received message for that many seconds (at most 12 hours) from now.
    pub async fn delay(&self, receipt_handle: &str, seconds: u32) -> Result<(), DelayError> {
        let seconds = i32::try_from(seconds.min(MAX_DELAY_SECONDS)).unwrap_or(i32::MAX);
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await
            .map_err(|error| DelayError(error.into_source().unwrap_or_else(|error| Box::new(error))))?;
        Ok(())
    }
}

/// What one round of sending left over.
#[derive(Default)]
struct Failures {
    again: Vec<Outgoing>,
    problem: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failures {
    fn all(&mut self, batch: Vec<Outgoing>, problem: String, source: Option<Box<dyn Error + Send + Sync>>) {
        self.again.extend(batch);
        self.problem = problem;
        self.source = source;
    }

    fn unsent(&self, messages: &[Message]) -> Vec<Unsent> {
        let unsent = |outgoing: &Outgoing| {
            let key = messages.get(outgoing.index)?.key.clone();
            Some(Unsent { index: outgoing.index, key, problem: self.problem.clone() })
        };
        self.again.iter().filter_map(unsent).collect()
    }
}

/// Cuts messages into batches that SQS takes: at most 10 entries, and their bodies within 256 KiB together.
fn batches(waiting: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    let mut bytes = 0;
    for outgoing in waiting {
        bytes += outgoing.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_ENTRIES && bytes <= Message::MAX_BYTES => batch.push(outgoing),
            _ => {
                bytes = outgoing.body.len();
                batches.push(vec![outgoing]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(bodies: &[usize]) -> Vec<Vec<usize>> {
        let outgoing = |(index, &size): (usize, &usize)| Outgoing { index, body: "x".repeat(size) };
        let batches = batches(bodies.iter().enumerate().map(outgoing).collect());
        batches.iter().map(|batch| batch.iter().map(|outgoing| outgoing.body.len()).collect()).collect()
    }

    #[test]
    fn a_batch_keeps_both_limits_of_the_queue() {
        assert_eq!(sizes(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(sizes(&[1; 23]).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
        let limit = Message::MAX_BYTES;
        assert_eq!(sizes(&[limit - 1, 1, 1]), [vec![limit - 1, 1], vec![1]]);
        assert_eq!(sizes(&[1, limit, 1]), [vec![1], vec![limit], vec![1]]);
    }
}
