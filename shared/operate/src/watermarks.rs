//! Watermarks: how far each scheme was pulled, whether an instant was ever inside a window, and setting one by hand.

use dougong_ledger::{Cursor, HistoryRow, WatermarkSet};
use dougong_runtime::epoch_ms;
use dougong_values::{BeijingTime, RunId, SchemeId};
use serde::Serialize;

use crate::{OperateError, Operator, at};

/// A window that was read and queued whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowRow {
    /// Its first second.
    pub start: BeijingTime,
    /// Its last second.
    pub end: BeijingTime,
    /// When it was finished.
    pub finished: BeijingTime,
    /// `live`, or the `from..to` of a backfill or re-scan.
    pub cursor: String,
    /// Pages read.
    pub pages: u64,
    /// Rows read.
    pub rows: u64,
    /// Documents put into the queue.
    pub queued: u64,
    /// Documents the ledger already held in the same version.
    pub known: u64,
    /// Documents the scheme's filter left out.
    pub excluded: u64,
    /// The run that did it.
    pub run: RunId,
}

impl From<HistoryRow> for WindowRow {
    fn from(row: HistoryRow) -> Self {
        let entry = row.entry;
        Self {
            start: entry.window.start(),
            end: entry.window.end(),
            finished: at(row.at_ms),
            cursor: row.cursor,
            pages: entry.pages,
            rows: entry.rows,
            queued: entry.queued,
            known: entry.skipped,
            excluded: entry.excluded,
            run: entry.run,
        }
    }
}

/// A scheme's watermark and the last windows behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatermarkStatus {
    /// The scheme.
    pub scheme: SchemeId,
    /// The end of the last fully queued window; `None` before the first.
    pub watermark: Option<BeijingTime>,
    /// How far behind the present that is, seconds.
    pub age_seconds: Option<i64>,
    /// When it moved last.
    pub moved: Option<BeijingTime>,
    /// The run that began last.
    pub last_run: Option<RunId>,
    /// When a run ended last.
    pub last_run_ended: Option<BeijingTime>,
    /// Whether a run is at work.
    pub running: bool,
    /// The last windows, the latest first.
    pub windows: Vec<WindowRow>,
}

/// Whether an instant was ever inside a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The scheme.
    pub scheme: SchemeId,
    /// The instant.
    pub instant: BeijingTime,
    /// The live watermark now.
    pub watermark: Option<BeijingTime>,
    /// The windows that held it, the earliest run first.
    pub windows: Vec<WindowRow>,
    /// Whether the whole history was searched.
    pub complete: bool,
}

/// Pages of the history that one question reads at most: more than a year of windows of five minutes.
const PAGES: u32 = 50;

impl Operator {
    /// Reads a scheme's watermark and its last `windows`: two requests.
    pub async fn watermark(
        &self,
        scheme: &SchemeId,
        windows: usize,
    ) -> Result<WatermarkStatus, OperateError> {
        let state = self.ledger().cursor(scheme, Cursor::Live).await?;
        let most = i32::try_from(windows).unwrap_or(i32::MAX);
        let rows = if windows == 0 { Vec::new() } else { self.ledger().latest_windows(scheme, most).await? };
        let now = BeijingTime::now();
        Ok(WatermarkStatus {
            scheme: scheme.clone(),
            watermark: state.watermark,
            age_seconds: state.watermark.map(|watermark| now.seconds_since(watermark)),
            moved: state.moved_at.map(at),
            last_run: state.last_run,
            last_run_ended: state.released_at.map(at),
            running: state.leased_until.is_some_and(|until| until > epoch_ms()),
            windows: rows.into_iter().map(WindowRow::from).collect(),
        })
    }

    /// Tells whether an instant was ever inside a window of a scheme, and what came back.
    pub async fn explain_instant(
        &self,
        scheme: &SchemeId,
        instant: BeijingTime,
    ) -> Result<Explained, OperateError> {
        let watermark = self.ledger().cursor(scheme, Cursor::Live).await?.watermark;
        // No window is finished before its seconds have passed.
        let from_ms = instant.epoch_seconds() * 1_000;
        let found = self.ledger().windows_with(scheme, instant, from_ms, PAGES).await?;
        Ok(Explained {
            scheme: scheme.clone(),
            instant,
            watermark,
            windows: found.rows.into_iter().map(WindowRow::from).collect(),
            complete: found.complete,
        })
    }

    /// Sets a scheme's live watermark, if it is what the person thinks it is. An earlier one means that everything since
    /// then is read again (and booked once); a later one that nothing in between is ever read by itself. One in the future is
    /// refused.
    pub async fn set_watermark(
        &self,
        scheme: &SchemeId,
        expected: Option<BeijingTime>,
        to: BeijingTime,
        why: Option<&str>,
    ) -> Result<WatermarkSet, OperateError> {
        if to > BeijingTime::now() {
            return Err(OperateError::InTheFuture { time: to });
        }
        let from = expected.map_or_else(|| "none".to_owned(), |time| time.to_string());
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        self.note("watermark", format!("scheme#{scheme}"), Some(format!("{from} to {to}{why}"))).await?;
        Ok(self.ledger().set_watermark(scheme, expected, to, epoch_ms()).await?)
    }

    /// Finds a scheme of the configuration; where there is one alone, it need not be named.
    pub fn scheme(&self, named: Option<&SchemeId>) -> Result<SchemeId, OperateError> {
        let config = &self.system.config;
        let all: Vec<&SchemeId> = config.schemes.keys().chain(config.bill_schemes.keys()).collect();
        let found = match named {
            Some(named) => all.iter().find(|id| **id == named),
            None if config.schemes.len() == 1 => {
                config.schemes.keys().next().and_then(|only| all.iter().find(|id| **id == only))
            }
            None => None,
        };
        found.map(|id| (*id).clone()).ok_or_else(|| OperateError::NoScheme {
            name: named.map_or_else(|| "without a name".to_owned(), ToString::to_string),
            known: all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }
}
