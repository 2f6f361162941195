//! Dead letters: what could not even be recorded.

use dougong_queue::Redriven;
use dougong_values::{BeijingTime, DocumentKey};
use serde::Serialize;

use crate::{OperateError, Operator, at};

/// A message in a dead-letter queue; never its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The queue's id of it.
    pub id: String,
    /// The document it brings.
    pub document: Option<DocumentKey>,
    /// Why it is no message of ours.
    pub problem: Option<String>,
    /// How many bytes it has.
    pub bytes: usize,
    /// When it was sent.
    pub sent: Option<BeijingTime>,
}

/// The messages of a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letters {
    /// About how many there are.
    pub count: u64,
    /// Those that were looked at.
    pub letters: Vec<Letter>,
}

impl Operator {
    /// Looks at the messages of the order queue's dead-letter queue, or of the queue of that URL, `most` at most; they stay
    /// where they are.
    pub async fn dead_letters(&self, url: Option<&str>, most: usize) -> Result<Letters, OperateError> {
        let queue = &self.system.queue;
        let depth = match url {
            Some(url) => queue.depth_of(url).await?,
            None => queue.dead_letter_depth().await?,
        };
        let letters = queue.dead_letters(url, most).await?.into_iter().map(|letter| {
            let (document, problem) = match letter.document {
                Ok(document) => (Some(document), None),
                Err(problem) => (None, Some(problem)),
            };
            Letter { id: letter.id, document, problem, bytes: letter.bytes, sent: letter.sent_at.map(at) }
        });
        Ok(Letters { count: depth.total(), letters: letters.collect() })
    }

    /// Sends the dead letters of the order queue again, `most` at most: what was booked meanwhile is not booked again.
    pub async fn redrive(&self, most: usize) -> Result<Redriven, OperateError> {
        self.note("redrive", "queue#dead-letters", Some(format!("{most} at most"))).await?;
        Ok(self.system.queue.redrive(most).await?)
    }
}
