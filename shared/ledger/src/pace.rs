//! The shared pace: slots for the calls that all workers make with one credential.

use std::time::Duration;

use dougong_values::Account;

use crate::error::LedgerError;
use crate::{EpochMs, Ledger};

/// What reserving slots came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// One instant per call, each at least an interval after the one before it, whoever got that.
    Granted(Vec<EpochMs>),
    /// Nobody may call before that instant.
    Paused {
        /// When calling may go on.
        until_ms: EpochMs,
        /// The stable name of why.
        reason: String,
    },
    /// The last of the slots would come later than the caller can wait; nothing was reserved.
    Full {
        /// When the next free slot comes.
        next_ms: EpochMs,
    },
}

/// What pausing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// Calling stopped now: whoever gets this raises the alarm.
    Begun,
    /// Calling was paused already and is so for longer now.
    Extended,
    /// Calling was paused already, for at least as long.
    Already {
        /// Until then.
        until_ms: EpochMs,
    },
}

impl Ledger {
    /// Reserves `count` slots, `interval` apart, the first not before `now_ms`, the last at most `max_wait`
    /// after it. One conditional write while there is work; two after a lull.
    pub async fn reserve(
        &self,
        account: &Account,
        count: u32,
        interval: Duration,
        max_wait: Duration,
        now_ms: EpochMs,
    ) -> Result<Reservation, LedgerError> {
        todo!("{account} {count} {interval:?} {max_wait:?} {now_ms}")
    }

    /// Stops everybody's calls until an instant; never shortens a pause.
    pub async fn pause(
        &self,
        account: &Account,
        until_ms: EpochMs,
        reason: &str,
        now_ms: EpochMs,
    ) -> Result<Pause, LedgerError> {
        todo!("{account} {until_ms} {reason} {now_ms}")
    }

    /// Lets calls go on at once, as a person decides after mending what was wrong.
    pub async fn resume(&self, account: &Account) -> Result<(), LedgerError> {
        todo!("{account}")
    }

    /// Reads the pause that holds now: until when, and why.
    pub async fn paused(
        &self,
        account: &Account,
        now_ms: EpochMs,
    ) -> Result<Option<(EpochMs, String)>, LedgerError> {
        todo!("{account} {now_ms}")
    }
}
