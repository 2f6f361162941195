//! Watermarks and their leases: how far each scheme has been pulled, and who pulls it now.

use std::fmt;

use dougong_values::{BeijingTime, RunId, SchemeId, Window};

use crate::error::LedgerError;
use crate::{EpochMs, Ledger};

/// Which cursor of a scheme is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The live watermark (LAST_SYNC_TIME).
    Live,
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
            Self::Backfill { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

/// A held lease on a cursor: the proof needed to move its watermark.
#[derive(Debug)]
pub struct Lease {
    scheme: SchemeId,
    cursor: Cursor,
    owner: RunId,
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
        todo!("{scheme} {cursor} {owner} {until_ms} {now_ms}")
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
        todo!("{lease:?} {to} {entry:?} {now_ms}")
    }

    /// Ends the lease, so that the next run need not wait for it. Losing it first is no error.
    pub async fn release(&self, lease: Lease, now_ms: EpochMs) -> Result<(), LedgerError> {
        todo!("{lease:?} {now_ms}")
    }

    /// Reads the watermark without taking its lease.
    pub async fn watermark(
        &self,
        scheme: &SchemeId,
        cursor: Cursor,
    ) -> Result<Option<BeijingTime>, LedgerError> {
        todo!("{scheme} {cursor}")
    }

    /// Lists the windows a scheme finished between two instants, the oldest first, backfills included.
    pub async fn history(
        &self,
        scheme: &SchemeId,
        from_ms: EpochMs,
        to_ms: EpochMs,
    ) -> Result<Vec<HistoryRow>, LedgerError> {
        todo!("{scheme} {from_ms} {to_ms}")
    }
}
