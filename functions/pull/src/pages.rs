//! One page of WDT at the account's pace, asked again as its error says.

use std::collections::VecDeque;
use std::time::Duration;

use dougong_ledger::{Ledger, LedgerError, Reservation};
use dougong_runtime::{Deadline, call_interval, epoch_ms};
use dougong_values::Account;
use dougong_wdt::{Client, ErrorClass, Page, Query, QueryError};
use tracing::{debug, warn};

use crate::PullError;

/// How often a page is asked for before the run gives up on it.
const TRIES: u32 = 5;
/// Slots are reserved this many at a time: one write to the ledger per so many calls.
const SLOTS_AT_ONCE: u32 = 5;
/// Kept back of the invocation's time for queueing what was read and moving the watermark.
pub(crate) const WIND_UP: Duration = Duration::from_secs(15);

/// Why a window is not read to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// WDT wants a smaller question or cannot answer this one in time; without an error, it would not finish.
    TooMuch(Option<QueryError>),
    /// The invocation's time is up. Nothing is lost: the next run reads the window again.
    OutOfTime,
    /// The run fails.
    Failed(PullError),
}

impl From<PullError> for Stop {
    fn from(error: PullError) -> Self {
        Self::Failed(error)
    }
}

/// Asks WDT for pages at the pace that all runs with the same app key share.
pub(crate) struct Pages<'a> {
    client: &'a Client,
    ledger: &'a Ledger,
    account: Account,
    interval: Duration,
    deadline: Deadline,
    slots: VecDeque<i64>,
    last_call_ms: i64,
    calls: u64,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        client: &'a Client,
        ledger: &'a Ledger,
        account: Account,
        calls_per_minute: u32,
        deadline: Deadline,
    ) -> Self {
        let interval = call_interval(calls_per_minute);
        Self {
            client,
            ledger,
            account,
            interval,
            deadline,
            slots: VecDeque::new(),
            last_call_ms: 0,
            calls: 0,
        }
    }

    /// Returns the calls made so far.
    pub(crate) const fn calls(&self) -> u64 {
        self.calls
    }

    /// Tells whether `pages` more can be read at this pace before the time is up.
    pub(crate) fn time_for(&self, pages: u64) -> bool {
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        self.interval.saturating_mul(pages) <= self.deadline.left_after(WIND_UP)
    }

    /// Reads one page. Everything here is a read, so that asking again is always safe; each attempt is signed anew.
    pub(crate) async fn read(&mut self, query: &Query) -> Result<Page, Stop> {
        let mut timed_out = false;
        for attempt in 1..=TRIES {
            if !self.wait_for_slot().await? {
                return Err(Stop::OutOfTime);
            }
            self.calls += 1;
            let error = match self.client.query(query).await {
                Ok(page) => {
                    debug!(page = query.page_no, rows = page.rows.len(), total = page.total, "page read");
                    return Ok(page);
                }
                Err(error) => error,
            };
            match error.class() {
                ErrorClass::ShrinkWindow => return Err(Stop::TooMuch(Some(error))),
                // A second timeout in a row: the page is too heavy for WDT, not the network too weak.
                ErrorClass::RetryAfter(_) if error.is_timeout() && timed_out => {
                    return Err(Stop::TooMuch(Some(error)));
                }
                ErrorClass::RetryAfter(pause) if attempt < TRIES => {
                    timed_out = error.is_timeout();
                    warn!(
                        error = error.name(),
                        code = error.code(),
                        page = query.page_no,
                        attempt,
                        pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                        "WDT will be asked again"
                    );
                    if pause > self.deadline.left_after(WIND_UP) {
                        return Err(Stop::OutOfTime);
                    }
                    self.slots.clear();
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(PullError::Wdt { window: query.filter.window, source: error }.into()),
            }
        }
        Err(Stop::OutOfTime)
    }

    /// Waits for this run's next slot; `false` when it would come too late.
    async fn wait_for_slot(&mut self) -> Result<bool, PullError> {
        let left = self.deadline.left_after(WIND_UP);
        if self.slots.is_empty() {
            match self.reserve(SLOTS_AT_ONCE, left).await? {
                Reservation::Granted(slots) => self.slots = slots.into(),
                Reservation::Full { .. } | Reservation::Paused { .. } => match self.reserve(1, left).await? {
                    Reservation::Granted(slots) => self.slots = slots.into(),
                    Reservation::Full { .. } => return Ok(false),
                    Reservation::Paused { reason, .. } => {
                        warn!(reason, "calls to WDT are paused");
                        return Ok(false);
                    }
                },
            }
        }
        let slot = self.slots.pop_front().unwrap_or_default();
        // Slots that a slow page let pass are still ours, but never closer together than the pace.
        let interval = i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX);
        let at = slot.max(self.last_call_ms.saturating_add(interval));
        let wait = Duration::from_millis(u64::try_from(at - epoch_ms()).unwrap_or(0));
        if wait > left {
            return Ok(false);
        }
        tokio::time::sleep(wait).await;
        self.last_call_ms = epoch_ms();
        Ok(true)
    }

    async fn reserve(&self, count: u32, left: Duration) -> Result<Reservation, PullError> {
        let reserved = self.ledger.reserve(&self.account, count, self.interval, left, epoch_ms()).await;
        reserved
            .map_err(|source: LedgerError| PullError::Ledger { operation: "reserve calls to WDT", source })
    }
}
