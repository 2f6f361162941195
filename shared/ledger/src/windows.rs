//! What a person asks about watermarks and the windows behind them, and how one is set by hand.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use dougong_values::{BeijingTime, RunId, SchemeId};

use crate::codec::{ItemReader, number, text};
use crate::error::LedgerError;
use crate::watermarks::{HistoryRow, SINGLE, cursor_key, history_key, read_history};
use crate::{Cursor, EpochMs, Ledger};

/// A cursor as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CursorState {
    /// The end of the last fully queued window; `None` before the first.
    pub watermark: Option<BeijingTime>,
    /// When the watermark moved last.
    pub moved_at: Option<EpochMs>,
    /// The run that took the lease last.
    pub last_run: Option<RunId>,
    /// When a run gave its lease back last.
    pub released_at: Option<EpochMs>,
    /// Until when a run holds the lease.
    pub leased_until: Option<EpochMs>,
}

/// Windows that were found, and whether that is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsFound {
    /// The windows, the earliest run first.
    pub rows: Vec<HistoryRow>,
    /// Whether the whole history was searched.
    pub complete: bool,
}

/// What setting a watermark by hand came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatermarkSet {
    /// It is set; a run that was at work can no longer move it.
    Done,
    /// It is not what the person thought; nothing was written.
    Other {
        /// What it is.
        found: Option<BeijingTime>,
    },
}

impl Ledger {
    /// Reads a cursor, strongly consistent.
    pub async fn cursor(&self, scheme: &SchemeId, cursor: Cursor) -> Result<CursorState, LedgerError> {
        let item = self.single(&cursor_key(scheme, cursor), "read the watermark of").await?;
        let read = ItemReader::new(&item);
        Ok(CursorState {
            watermark: read.maybe("watermark")?,
            moved_at: read.maybe("moved_at")?,
            last_run: read.maybe("last_run")?,
            released_at: read.maybe("released_at")?,
            leased_until: read.maybe("lease_until")?,
        })
    }

    /// Lists the windows that a scheme finished last, the latest first, backfills included: one request.
    pub async fn latest_windows(&self, scheme: &SchemeId, most: i32) -> Result<Vec<HistoryRow>, LedgerError> {
        let key = history_key(scheme);
        let page = self
            .client
            .query()
            .table_name(&self.tables.watermarks)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&key))
            .scan_index_forward(false)
            .limit(most)
            .send()
            .await
            .map_err(|error| LedgerError::store("list the history of", &key, error))?;
        page.items().iter().map(read_history).collect()
    }

    /// Lists the finished windows of a scheme that hold a second, backfills included, of those finished at `from_ms` or
    /// later: `pages` requests at most, each some thousands of windows.
    pub async fn windows_with(
        &self,
        scheme: &SchemeId,
        second: BeijingTime,
        from_ms: EpochMs,
        pages: u32,
    ) -> Result<WindowsFound, LedgerError> {
        let key = history_key(scheme);
        let mut found = WindowsFound { rows: Vec::new(), complete: false };
        let mut start = None;
        for _ in 0..pages {
            let page = self
                .client
                .query()
                .table_name(&self.tables.watermarks)
                .key_condition_expression("pk = :pk AND sk >= :from")
                .filter_expression("window_start <= :second AND window_end >= :second")
                .expression_attribute_values(":pk", text(&key))
                .expression_attribute_values(":from", text(format_args!("{from_ms:013}")))
                .expression_attribute_values(":second", text(second))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| LedgerError::store("search the history of", &key, error))?;
            for item in page.items() {
                found.rows.push(read_history(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                found.complete = true;
                break;
            }
        }
        Ok(found)
    }

    /// Sets the live watermark by hand, if it is what the person thinks it is. A run at work loses its lease.
    pub async fn set_watermark(
        &self,
        scheme: &SchemeId,
        expected: Option<BeijingTime>,
        to: BeijingTime,
        now_ms: EpochMs,
    ) -> Result<WatermarkSet, LedgerError> {
        let key = cursor_key(scheme, Cursor::Live);
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(SINGLE))
            .update_expression("SET watermark = :to, moved_at = :now ADD fence :one")
            .expression_attribute_values(":to", text(to))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":one", number(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match expected {
            Some(expected) => update
                .condition_expression("watermark = :expected")
                .expression_attribute_values(":expected", text(expected)),
            None => update.condition_expression("attribute_not_exists(watermark)"),
        };
        let Err(error) = update.send().await else { return Ok(WatermarkSet::Done) };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(LedgerError::store("set the watermark of", &key, error));
        };
        let found: Option<BeijingTime> = match failed.item() {
            Some(item) => ItemReader::new(item).maybe("watermark")?,
            None => None,
        };
        // The client repeated a write whose answer was lost.
        Ok(if found == Some(to) { WatermarkSet::Done } else { WatermarkSet::Other { found } })
    }
}
