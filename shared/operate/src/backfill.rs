//! Reading old days again: what it would come to, and what it came to.

use std::time::Duration;

use dougong_values::{BeijingTime, SchemeId, Window};
use dougong_wdt::{Filter, PageSize, Query};
use serde::Serialize;
use serde_json::Value;

use crate::{OperateError, Operator};

/// What a backfill would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullPreview {
    /// The spans it is done in, one after another, each with a cursor of its own.
    pub spans: Vec<PullSpan>,
    /// Orders in all, as WDT counts them now; `None` for store bills, which are not counted beforehand.
    pub rows: Option<u64>,
    /// Calls to WDT in all.
    pub calls: Option<u64>,
    /// How long these take at the account's pace, minutes.
    pub minutes: Option<u64>,
    /// How long BIP's pace takes for all of them, minutes: those that are booked already take none.
    pub bip_minutes: Option<u64>,
    /// Whether it is for store bills.
    pub of_bills: bool,
}

/// One span of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullSpan {
    /// Its first second.
    pub from: BeijingTime,
    /// Its last second.
    pub to: BeijingTime,
    /// Orders in it.
    pub rows: Option<u64>,
    /// Calls that take.
    pub calls: Option<u64>,
}

/// What a backfill came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Rows read.
    pub rows: u64,
    /// Documents put into the queue.
    pub queued: u64,
    /// Documents the ledger already held in the same version.
    pub known: u64,
    /// Documents a filter leaves out.
    pub excluded: u64,
    /// Rows kept and parked.
    pub parked: u64,
    /// Calls made.
    pub calls: u64,
}

impl Pulled {
    /// Adds what a run of a function answers.
    pub fn add(&mut self, summary: &Value) {
        let count = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or_default();
        self.rows += count("rows");
        self.queued += count("queued");
        self.known += count("known");
        self.excluded += count("excluded");
        self.parked += count("parked");
        self.calls += count("calls");
    }
}

/// The longest span: short enough to let what comes now go first in between.
const SPAN_SECONDS: i64 = 86_400;
/// How long a slot for one call is waited for.
const SLOT_WAIT: Duration = Duration::from_mins(2);

impl Operator {
    /// Cuts a time into spans of a day, and asks WDT how many orders each holds: one call per span, at the shared pace.
    /// `progress` hears how many spans are counted, of how many.
    pub async fn preview_pull(
        &self,
        scheme: &SchemeId,
        from: BeijingTime,
        to: BeijingTime,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<PullPreview, OperateError> {
        let windows = spans(from, to).ok_or(OperateError::EndsBeforeItBegins { from, to })?;
        let span =
            |window: &Window| PullSpan { from: window.start(), to: window.end(), rows: None, calls: None };
        let mut spans: Vec<PullSpan> = windows.iter().map(span).collect();
        let config = &self.system.config;
        let Some(own) = config.schemes.get(scheme) else {
            return Ok(PullPreview {
                spans,
                rows: None,
                calls: None,
                minutes: None,
                bip_minutes: None,
                of_bills: true,
            });
        };
        let parts = self.parts()?;
        let client = parts.wdt_client().map_err(|error| OperateError::start(&error))?;
        let size = config.wdt.page_size;
        let (mut rows, mut calls) = (0, 0);
        let all = windows.len();
        for (index, window) in windows.into_iter().enumerate() {
            let account = &parts.secrets.wdt.app_key;
            self.wait_for_slot(account, config.wdt.calls_per_minute, SLOT_WAIT).await?;
            let filter = Filter {
                status: own.source.status,
                is_by_modified: own.source.by_modified,
                ..Filter::within(window)
            };
            let page_size = PageSize::try_from(1).unwrap_or(PageSize::MAX);
            let page = client.query(&Query { filter, page_no: 0, page_size }).await;
            let total = page.map_err(|error| OperateError::Wdt(Box::new(error)))?.total.unwrap_or_default();
            // Its pages, and its count before and after.
            let needed = size.pages(total).max(1) + 1;
            rows += total;
            calls += needed;
            (spans[index].rows, spans[index].calls) = (Some(total), Some(needed));
            progress(index + 1, all);
        }
        let minutes = calls.div_ceil(u64::from(config.wdt.calls_per_minute.max(1)));
        Ok(PullPreview {
            spans,
            rows: Some(rows),
            calls: Some(calls),
            minutes: Some(minutes),
            bip_minutes: Some(rows.div_ceil(u64::from(config.bip.calls_per_minute.max(1)))),
            of_bills: false,
        })
    }

    /// Writes down that a backfill is about to begin.
    pub async fn note_pull(
        &self,
        scheme: &SchemeId,
        from: BeijingTime,
        to: BeijingTime,
    ) -> Result<(), OperateError> {
        self.note("pull", format!("scheme#{scheme}"), Some(format!("{from} to {to}"))).await
    }

    /// Returns how many messages the order queue holds.
    pub async fn waiting(&self) -> Result<u64, OperateError> {
        Ok(self.system.queue.depth().await?.total())
    }
}

/// Cuts a time at midnight into windows that share no second; `None` if it ends before it begins.
fn spans(from: BeijingTime, to: BeijingTime) -> Option<Vec<Window>> {
    let mut windows = Vec::new();
    let mut next = from;
    while next <= to {
        let end = next.day().start().plus_seconds(SPAN_SECONDS - 1).min(to);
        windows.push(Window::new(next, end).ok()?);
        next = end.plus_seconds(1);
    }
    (!windows.is_empty()).then_some(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_end_at_midnight_and_leave_out_no_second() {
        let at = |text: &str| text.parse::<BeijingTime>().unwrap();
        let windows = spans(at("2026-11-20 08:00:00"), at("2026-11-22 09:00:00")).unwrap();
        let texts: Vec<String> = windows.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "2026-11-20 08:00:00..=2026-11-20 23:59:59",
                "2026-11-21 00:00:00..=2026-11-21 23:59:59",
                "2026-11-22 00:00:00..=2026-11-22 09:00:00",
            ]
        );
        assert_eq!(spans(at("2026-11-20 08:00:00"), at("2026-11-20 07:59:59")), None);
        assert_eq!(spans(at("2026-11-20 08:00:00"), at("2026-11-20 08:00:00")).unwrap().len(), 1);
    }
}
