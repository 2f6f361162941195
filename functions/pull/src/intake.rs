//! One page of orders: filtered, compared with the ledger, queued, and only then noted.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use dougong_ledger::{Ledger, LedgerError, NewDocument, Parking, SetAside};
use dougong_mapping::Mapping;
use dougong_queue::{Message, Queue, TooLarge};
use dougong_runtime::{Deadline, epoch_ms, new_document};
use dougong_values::{BeijingTime, DocumentKey, SchemeId, Sid, Version, Window};
use dougong_wdt::{Row, Stockout, UnreadableRow};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tracing::{info, warn};

use crate::PullError;

/// Conditional writes under way at once when a page is noted.
const NOTES_AT_ONCE: usize = 16;

/// What became of the rows of a run or of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows read, repeats left out.
    pub rows: u64,
    /// Orders put into the queue.
    pub queued: u64,
    /// Orders the ledger already held in the same version.
    pub known: u64,
    /// Orders a filter of the scheme leaves out, by reason.
    pub excluded: BTreeMap<&'static str, u64>,
    /// Rows that could not be read or queued; kept and parked.
    pub parked: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.queued += other.queued;
        self.known += other.known;
        self.parked += other.parked;
        for (reason, count) in &other.excluded {
            *self.excluded.entry(reason).or_default() += count;
        }
    }

    pub(crate) fn excluded_total(&self) -> u64 {
        self.excluded.values().sum()
    }
}

/// Takes rows in: the only way from a page of WDT into the queue.
pub(crate) struct Intake<'a> {
    ledger: &'a Ledger,
    queue: &'a Queue,
    mapping: &'a Mapping,
    scheme: &'a SchemeId,
    sid: &'a Sid,
    deadline: Deadline,
    /// What this window has seen already: rows repeat when they move, and page 0 is read twice.
    seen: HashMap<DocumentKey, Version>,
    tally: Tally,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(
        ledger: &'a Ledger,
        queue: &'a Queue,
        mapping: &'a Mapping,
        scheme: &'a SchemeId,
        sid: &'a Sid,
        deadline: Deadline,
    ) -> Self {
        Self { ledger, queue, mapping, scheme, sid, deadline, seen: HashMap::new(), tally: Tally::default() }
    }

    /// Ends a window: returns what became of its rows.
    pub(crate) fn finish_window(&mut self) -> Tally {
        self.seen.clear();
        std::mem::take(&mut self.tally)
    }

    /// Takes the rows of one page in. When this returns, each is in the queue and noted, known, excluded,
    /// or parked.
    pub(crate) async fn take(&mut self, window: Window, rows: Vec<Row>) -> Result<(), PullError> {
        let mut messages = Vec::new();
        for row in rows {
            match row {
                Row::Stockout(stockout) => messages.extend(self.sift(&stockout)),
                Row::Unreadable(row) => self.park_unreadable(row).await?,
            }
        }
        let messages = self.without_known(messages).await?;
        let time_left = tokio::time::Instant::now() + self.deadline.left_after(Duration::from_secs(3));
        let sent = self.queue.send(&messages, time_left).await;
        let sent = sent.map_err(|source| PullError::Queue { window, source })?;
        for too_large in &sent.too_large {
            self.park_too_large(&messages[too_large.index], too_large).await?;
        }
        // Noted after it was sent, never before: an order that is noted has a message.
        let ledger = self.ledger;
        stream::iter(&sent.queued)
            .map(|&index| {
                let document = new_document(&messages[index]);
                async move { ledger.note_queued(&document, epoch_ms()).await }
            })
            .buffer_unordered(NOTES_AT_ONCE)
            .try_for_each(|_noted| std::future::ready(Ok(())))
            .await
            .map_err(failed("note queued orders"))?;
        self.tally.queued += u64::try_from(sent.queued.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Leaves out what the scheme's filters exclude and what this window has seen already.
    fn sift(&mut self, stockout: &Stockout) -> Option<Message> {
        let key = DocumentKey::stockout(self.sid, &stockout.stockout_id);
        let version = stockout.version();
        if self.seen.insert(key.clone(), version.clone()).is_some_and(|seen| seen == version) {
            return None;
        }
        self.tally.rows += 1;
        if let Some(exclusion) = self.mapping.excluded(stockout) {
            *self.tally.excluded.entry(exclusion.reason).or_default() += 1;
            return None;
        }
        let time = stockout.consign_time.or(stockout.modified).unwrap_or_else(BeijingTime::now);
        Some(Message {
            scheme: self.scheme.clone(),
            key,
            version,
            modified: stockout.modified,
            day: time.day(),
            amount: Some(
                stockout.receivable.unwrap_or_else(|| stockout.share_total() + stockout.post_amount),
            ),
            document: stockout.json().to_owned(),
        })
    }

    /// Leaves out what the ledger already holds in the same version: one read per 100 orders.
    async fn without_known(&mut self, messages: Vec<Message>) -> Result<Vec<Message>, PullError> {
        let keys: Vec<DocumentKey> = messages.iter().map(|message| message.key.clone()).collect();
        let known = self.ledger.known(&keys, epoch_ms()).await.map_err(failed("look orders up"))?;
        let total = messages.len();
        let new: Vec<Message> = messages
            .into_iter()
            .filter(|message| !known.get(&message.key).is_some_and(|known| known.holds(&message.version)))
            .collect();
        self.tally.known += u64::try_from(total - new.len()).unwrap_or(0);
        Ok(new)
    }

    /// Keeps a row that cannot be read: raw, parked, shown to a person.
    async fn park_unreadable(&mut self, row: UnreadableRow) -> Result<(), PullError> {
        let version = Version::of(&row.json);
        // Without an id the row itself is its identity.
        let key = match &row.stockout_id {
            Some(id) => DocumentKey::stockout(self.sid, id),
            None => DocumentKey::unreadable_stockout(self.sid, &version),
        };
        let document = NewDocument {
            key,
            scheme: self.scheme.clone(),
            version,
            modified: row.modified,
            day: row.modified.unwrap_or_else(BeijingTime::now).day(),
            amount: None,
            source_json: row.json,
        };
        self.park(&document, "unreadable", &row.problem).await
    }

    async fn park_too_large(&mut self, message: &Message, too_large: &TooLarge) -> Result<(), PullError> {
        let problem = format!("its message would have {} bytes, SQS takes 262144", too_large.bytes);
        self.park(&new_document(message), "too_large", &problem).await
    }

    async fn park(&mut self, document: &NewDocument, reason: &str, message: &str) -> Result<(), PullError> {
        let problems = json!([{ "reason": reason, "message": message }]).to_string();
        let parking = Parking { reason, problems: &problems };
        match self.ledger.park(document, &parking, epoch_ms()).await.map_err(failed("park an order"))? {
            SetAside::Done => {
                warn!(document = %document.key, reason, "parked");
                self.tally.parked += 1;
            }
            // It is booked, in flight or parked with other content: what stands there is worth more.
            SetAside::Not(_) | SetAside::Free => info!(document = %document.key, reason, "not parked again"),
        }
        Ok(())
    }
}

fn failed(operation: &'static str) -> impl Fn(LedgerError) -> PullError {
    move |source| PullError::Ledger { operation, source }
}
