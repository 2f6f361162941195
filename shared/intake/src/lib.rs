#![doc = include_str!("../README.md")]

mod bills;
mod error;

use std::collections::HashSet;

use dougong_ledger::{Ledger, NewDocument, Parking, SetAside, Standing};
use dougong_queue::{Message, Queue, TooLarge};
use dougong_runtime::{epoch_ms, new_document};
use dougong_values::DocumentKey;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

pub use error::IntakeError;

use error::failed;

/// Conditional writes under way at once when documents are noted.
const NOTES_AT_ONCE: usize = 16;

/// What became of documents that were taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Documents put into the queue.
    pub queued: u64,
    /// Documents the ledger already held in the same version.
    pub known: u64,
    /// Documents parked now: too large for the queue.
    pub parked: u64,
}

/// Takes documents in.
#[derive(Debug, Clone, Copy)]
pub struct Intake<'a> {
    ledger: &'a Ledger,
    queue: &'a Queue,
}

impl<'a> Intake<'a> {
    /// Takes documents into this ledger and this queue.
    pub const fn new(ledger: &'a Ledger, queue: &'a Queue) -> Self {
        Self { ledger, queue }
    }

    /// Takes documents in. When this returns, each is in the queue and noted, known in this version, or parked.
    /// After an error some may be; taking all of them in again later does no harm.
    pub async fn take(&self, messages: Vec<Message>, deadline: Instant) -> Result<Taken, IntakeError> {
        let total = messages.len();
        let messages = self.without_known(messages).await?;
        let mut taken = Taken { known: count(total - messages.len()), ..Taken::default() };
        if messages.is_empty() {
            return Ok(taken);
        }
        let sent = self.queue.send(&messages, deadline).await?;
        for too_large in &sent.too_large {
            taken.parked += u64::from(self.park_too_large(&messages[too_large.index], too_large).await?);
        }
        // Noted after it was sent, never before: a document that is noted has a message.
        stream::iter(&sent.queued)
            .map(|&index| {
                let document = new_document(&messages[index]);
                async move { self.ledger.note_queued(&document, epoch_ms()).await }
            })
            .buffer_unordered(NOTES_AT_ONCE)
            .try_for_each(|_noted| std::future::ready(Ok(())))
            .await
            .map_err(failed("note queued documents"))?;
        taken.queued = count(sent.queued.len());
        Ok(taken)
    }

    /// Leaves out what the ledger already holds in the same version, and repeats: one read per 100 documents.
    async fn without_known(&self, messages: Vec<Message>) -> Result<Vec<Message>, IntakeError> {
        let keys: Vec<DocumentKey> = messages.iter().map(|message| message.key.clone()).collect();
        let known = self.ledger.known(&keys, epoch_ms()).await.map_err(failed("look documents up"))?;
        let mut seen = HashSet::new();
        let is_new = |message: &Message| {
            !known.get(&message.key).is_some_and(|known| known.holds(&message.version))
                && seen.insert((message.key.clone(), message.version.clone()))
        };
        Ok(messages.into_iter().filter(is_new).collect())
    }

    async fn park_too_large(&self, message: &Message, too_large: &TooLarge) -> Result<bool, IntakeError> {
        let problem = format!("its message would have {} bytes, SQS takes 262144", too_large.bytes);
        self.park(&new_document(message), "too_large", &problem).await
    }

    /// Keeps a document that cannot be read or queued: raw, parked, shown to a person. `false` if it is parked
    /// already.
    ///
    /// A version of a booked document that cannot be read is held as a change: what is booked stays.
    pub async fn park(
        &self,
        document: &NewDocument,
        reason: &str,
        message: &str,
    ) -> Result<bool, IntakeError> {
        let problems = json!([{ "reason": reason, "message": message }]).to_string();
        let parking = Parking { reason, problems: &problems };
        let operation = failed("park a document");
        let mut aside = self.ledger.park(document, &parking, epoch_ms()).await.map_err(&operation)?;
        if let SetAside::Not(Standing::Changed(_)) = aside {
            aside = self.ledger.hold_changed(document, epoch_ms()).await.map_err(&operation)?;
        }
        let done = aside == SetAside::Done;
        if done {
            warn!(document = %document.key, reason, "parked");
        } else {
            info!(document = %document.key, reason, "not parked again");
        }
        Ok(done)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
