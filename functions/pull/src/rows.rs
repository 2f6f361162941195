//! One page of orders: filtered, and taken in.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use dougong_intake::{Intake, IntakeError};
use dougong_ledger::NewDocument;
use dougong_mapping::Mapping;
use dougong_queue::Message;
use dougong_runtime::{Deadline, Parts};
use dougong_values::{BeijingTime, DocumentKey, SchemeId, Sid, Version, Window};
use dougong_wdt::{Row, Stockout, UnreadableRow};

use crate::PullError;

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

/// The rows of WDT on their way in.
pub(crate) struct Rows<'a> {
    intake: Intake<'a>,
    mapping: &'a Mapping,
    scheme: &'a SchemeId,
    sid: &'a Sid,
    deadline: Deadline,
    /// What this window has seen already: rows repeat when they move, and page 0 is read twice.
    seen: HashMap<DocumentKey, Version>,
    tally: Tally,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(
        parts: &'a Parts,
        mapping: &'a Mapping,
        scheme: &'a SchemeId,
        sid: &'a Sid,
        deadline: Deadline,
    ) -> Self {
        let intake = Intake::new(&parts.ledger, &parts.queue);
        Self { intake, mapping, scheme, sid, deadline, seen: HashMap::new(), tally: Tally::default() }
    }

    /// Ends a window: returns what became of its rows.
    pub(crate) fn finish_window(&mut self) -> Tally {
        self.seen.clear();
        std::mem::take(&mut self.tally)
    }

    /// Takes the rows of one page in. When this returns, each is in the queue and noted, known, excluded,
    /// or parked.
    pub(crate) async fn take(&mut self, window: Window, rows: Vec<Row>) -> Result<(), PullError> {
        let failed = |error| match error {
            IntakeError::Queue(source) => PullError::Queue { window, source },
            IntakeError::Ledger { operation, source } => PullError::Ledger { operation, source },
        };
        let mut messages = Vec::new();
        for row in rows {
            match row {
                Row::Stockout(stockout) => messages.extend(self.sift(&stockout)),
                Row::Unreadable(row) => self.park_unreadable(row).await.map_err(failed)?,
            }
        }
        let time_left = tokio::time::Instant::now() + self.deadline.left_after(Duration::from_secs(3));
        let taken = self.intake.take(messages, time_left).await.map_err(failed)?;
        self.tally.queued += taken.queued;
        self.tally.known += taken.known;
        self.tally.parked += taken.parked;
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

    /// Keeps a row that cannot be read: raw, parked, shown to a person.
    async fn park_unreadable(&mut self, row: UnreadableRow) -> Result<(), IntakeError> {
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
            warnings: None,
        };
        self.tally.parked += u64::from(self.intake.park(&document, "unreadable", &row.problem).await?);
        Ok(())
    }
}
