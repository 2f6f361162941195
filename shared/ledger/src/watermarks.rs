//! Watermarks and their leases: how far each scheme has been pulled, and who pulls it now.

use std::fmt;

use dougong_values::{BeijingTime, RunId, SchemeId, Window};

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::codec::{Attributes, ItemReader, ItemWriter, number, text};
use crate::error::LedgerError;
use crate::schema::TTL_ATTRIBUTE;
use crate::transition::KEEP_SECONDS;
use crate::{EpochMs, Ledger};

/// The code with which a transaction names the write whose condition failed.
pub(crate) const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// Which cursor of a scheme is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The live watermark (LAST_SYNC_TIME).
    Live,
    /// The closing of a scheme's groups: a lease without a watermark.
    Closing,
    /// A backfill's own cursor: it never moves the live one.
    Backfill {
        /// The first second asked for again.
        from: BeijingTime,
        /// The last.
        to: BeijingTime,
    },
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::Closing => f.write_str("closing"),
            Self::Backfill { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

/// A held lease on a cursor: the proof needed to move its watermark.
#[derive(Debug)]
pub struct Lease {
    scheme: SchemeId,
    cursor: Cursor,
    fence: u64,
    watermark: Option<BeijingTime>,
    until_ms: EpochMs,
}

impl Lease {
    /// Returns the end of the last fully queued window; `None` before the first.
    pub const fn watermark(&self) -> Option<BeijingTime> {
        self.watermark
    }

    /// Returns the fence: it grows each time the lease is taken.
    pub const fn fence(&self) -> u64 {
        self.fence
    }

    /// Returns when the lease ends.
    pub const fn until_ms(&self) -> EpochMs {
        self.until_ms
    }

    /// Returns which cursor it is on.
    pub const fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns the scheme.
    pub const fn scheme(&self) -> &SchemeId {
        &self.scheme
    }
}

/// What asking for a lease came to.
#[derive(Debug)]
pub enum TakeLease {
    /// It is this run's.
    Taken(Lease),
    /// Another run holds it: end quietly.
    HeldBy {
        /// That run.
        owner: RunId,
        /// When its lease ends.
        until_ms: EpochMs,
    },
}

/// One fully queued window, for the scheme's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The window.
    pub window: Window,
    /// Pages read.
    pub pages: u64,
    /// Rows read.
    pub rows: u64,
    /// Documents put into the queue.
    pub queued: u64,
    /// Documents the ledger already held in the same version.
    pub skipped: u64,
    /// Documents the scheme's filter excluded.
    pub excluded: u64,
    /// The run that did it.
    pub run: RunId,
}

/// A window in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// When the watermark moved.
    pub at_ms: EpochMs,
    /// Which cursor: `live`, or a backfill's `from..to`.
    pub cursor: String,
    /// The window.
    pub entry: HistoryEntry,
}

/// Every item that is single in its partition has this sort key.
pub(crate) const SINGLE: &str = "-";

pub(crate) fn cursor_key(scheme: &SchemeId, cursor: Cursor) -> String {
    match cursor {
        Cursor::Live => format!("scheme#{scheme}"),
        Cursor::Closing => format!("close#{scheme}"),
        Cursor::Backfill { from, to } => format!("backfill#{scheme}#{from}..{to}"),
    }
}

pub(crate) fn history_key(scheme: &SchemeId) -> String {
    format!("history#{scheme}")
}

impl Ledger {
    /// Takes the lease of a cursor for a run, until a moment after the run certainly has ended. A run may
    /// take its own lease again (Lambda repeats a failed run under the same id).
    pub async fn take_lease(
        &self,
        scheme: &SchemeId,
        cursor: Cursor,
        owner: &RunId,
        until_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<TakeLease, LedgerError> {
        let operation = "take the lease of";
        let key = cursor_key(scheme, cursor);
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(SINGLE))
            .update_expression(
                "SET lease_owner = :owner, lease_until = :until, last_run = :owner ADD fence :one",
            )
            .condition_expression(
                "attribute_not_exists(lease_until) OR lease_until <= :now OR lease_owner = :owner",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(done) => {
                let item = done.attributes.unwrap_or_default();
                let read = ItemReader::new(&item);
                Ok(TakeLease::Taken(Lease {
                    scheme: scheme.clone(),
                    cursor,
                    fence: read.required("fence")?,
                    watermark: read.maybe("watermark")?,
                    until_ms,
                }))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) if failed.item.is_some() => {
                    let item = failed.item().cloned().unwrap_or_default();
                    let read = ItemReader::new(&item);
                    let until_ms = read.required("lease_until")?;
                    Ok(TakeLease::HeldBy { owner: read.required("lease_owner")?, until_ms })
                }
                _ => Err(LedgerError::store(operation, &key, error)),
            },
        }
    }

    /// Moves the watermark to the end of a fully queued window, together with its history entry. A window
    /// that ends before the watermark (overlap) is written into the history and moves nothing.
    pub async fn advance(
        &self,
        lease: &mut Lease,
        to: BeijingTime,
        entry: &HistoryEntry,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        let operation = "move the watermark of";
        let key = cursor_key(&lease.scheme, lease.cursor);
        let target = lease.watermark.map_or(to, |watermark| watermark.max(to));
        let unmoved = match lease.watermark {
            Some(_) => "watermark = :old",
            None => "attribute_not_exists(watermark)",
        };
        let update = Update::builder()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(SINGLE))
            .update_expression("SET watermark = :to, moved_at = :now")
            .condition_expression(format!("fence = :fence AND {unmoved}"))
            .expression_attribute_values(":to", text(target))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":fence", number(lease.fence))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match lease.watermark {
            Some(old) => update.expression_attribute_values(":old", text(old)),
            None => update,
        };
        let history = Put::builder()
            .table_name(&self.tables.watermarks)
            .set_item(Some(write_history(lease, entry, now_ms)));
        let (Ok(update), Ok(history)) = (update.build(), history.build()) else {
            return Err(LedgerError::Contended { operation, item: key });
        };
        let result = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(history).build())
            .send()
            .await;
        if let Err(error) = result {
            let failed = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled
                    .cancellation_reasons()
                    .first()
                    .filter(|reason| reason.code() == Some(CONDITION_FAILED)),
                _ => None,
            };
            let Some(reason) = failed else {
                return Err(LedgerError::store(operation, &key, error));
            };
            let item = reason.item().cloned().unwrap_or_default();
            let read = ItemReader::new(&item);
            let own = read.maybe("fence")? == Some(lease.fence) && read.maybe("watermark")? == Some(target);
            if !own {
                return Err(LedgerError::LostLease { operation, item: key });
            }
        }
        lease.watermark = Some(target);
        Ok(())
    }

    /// Ends the lease, so that the next run need not wait for it. Having lost it before is no error.
    pub async fn release(&self, lease: Lease, now_ms: EpochMs) -> Result<(), LedgerError> {
        let key = cursor_key(&lease.scheme, lease.cursor);
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(SINGLE))
            .update_expression("SET released_at = :now REMOVE lease_owner, lease_until")
            .condition_expression("fence = :fence")
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":fence", number(lease.fence))
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(LedgerError::store("release the lease of", &key, error)),
            },
        }
    }

    /// Reads the watermark without taking its lease.
    pub async fn watermark(
        &self,
        scheme: &SchemeId,
        cursor: Cursor,
    ) -> Result<Option<BeijingTime>, LedgerError> {
        let item = self.single(&cursor_key(scheme, cursor), "read the watermark of").await?;
        ItemReader::new(&item).maybe("watermark")
    }

    /// Reads an item that is single in its partition, strongly consistent; empty if it is absent.
    pub(crate) async fn single(&self, key: &str, operation: &'static str) -> Result<Attributes, LedgerError> {
        let reply = self
            .client
            .get_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(key))
            .key("sk", text(SINGLE))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| LedgerError::store(operation, key, error))?;
        Ok(reply.item.unwrap_or_default())
    }

    /// Lists the windows a scheme finished between two instants, the oldest first, backfills included.
    pub async fn history(
        &self,
        scheme: &SchemeId,
        from_ms: EpochMs,
        to_ms: EpochMs,
    ) -> Result<Vec<HistoryRow>, LedgerError> {
        let key = history_key(scheme);
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.tables.watermarks)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", text(&key))
                .expression_attribute_values(":from", text(format_args!("{from_ms:013}")))
                .expression_attribute_values(":to", text(format_args!("{to_ms:013}#~")))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| LedgerError::store("list the history of", &key, error))?;
            for item in page.items() {
                rows.push(read_history(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }
}

fn write_history(lease: &Lease, entry: &HistoryEntry, now_ms: EpochMs) -> Attributes {
    ItemWriter::default()
        .text("pk", history_key(&lease.scheme))
        .text("sk", format_args!("{now_ms:013}#{}#{}", lease.cursor, entry.window.end()))
        .number("at", now_ms)
        .text("cursor", lease.cursor)
        .text("window_start", entry.window.start())
        .text("window_end", entry.window.end())
        .number("pages", entry.pages)
        .number("rows", entry.rows)
        .number("queued", entry.queued)
        .number("skipped", entry.skipped)
        .number("excluded", entry.excluded)
        .text("run", &entry.run)
        .number(TTL_ATTRIBUTE, now_ms.div_euclid(1000) + KEEP_SECONDS)
        .finish()
}

pub(crate) fn read_history(item: &Attributes) -> Result<HistoryRow, LedgerError> {
    let read = ItemReader::new(item);
    let window = Window::new(read.required("window_start")?, read.required("window_end")?)
        .map_err(|_| read.problem("window_end", "before window_start"))?;
    Ok(HistoryRow {
        at_ms: read.required("at")?,
        cursor: read.required("cursor")?,
        entry: HistoryEntry {
            window,
            pages: read.required("pages")?,
            rows: read.required("rows")?,
            queued: read.required("queued")?,
            skipped: read.required("skipped")?,
            excluded: read.required("excluded")?,
            run: read.required("run")?,
        },
    })
}
