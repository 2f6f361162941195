//! The shared state of the BIP credential, kept in the ledger.

use std::time::Duration;

use dougong_bip::{PauseCause, Reservation, SealedToken, Session, SharedState, StateError};
use dougong_ledger::{Ledger, Pause, RefreshLock, Stored};
use dougong_values::{Account, RunId};
use tracing::{error, warn};

use crate::clock::{call_interval, epoch_ms};
use crate::metrics::Metrics;

/// A session with BIP whose pace, pauses and token all environments share.
pub type BipSession = Session<LedgerState>;

/// The pace, the pauses and the token of one BIP credential, in the ledger.
#[derive(Debug, Clone)]
pub struct LedgerState {
    ledger: Ledger,
    account: Account,
    interval: Duration,
    function: &'static str,
}

impl LedgerState {
    /// Shares `calls_per_minute` among everyone who uses the app key; `function` names the one that speaks. A person at
    /// a terminal has no name there, and writes no metrics.
    pub fn new(ledger: Ledger, account: Account, calls_per_minute: u32, function: &'static str) -> Self {
        Self { ledger, account, interval: call_interval(calls_per_minute), function }
    }
}

impl SharedState for LedgerState {
    async fn reserve(&self, n: u32, max_wait: Duration) -> Result<Reservation, StateError> {
        let reserved = self.ledger.reserve(&self.account, n, self.interval, max_wait, epoch_ms()).await;
        Ok(match reserved.map_err(|error| StateError::new("reserve slots", error))? {
            dougong_ledger::Reservation::Granted(slots) => Reservation::Granted(slots),
            dougong_ledger::Reservation::Paused { until_ms, reason } => {
                Reservation::Paused { until_ms, reason }
            }
            dougong_ledger::Reservation::Full { next_ms } => Reservation::Full { next_ms },
        })
    }

    async fn pause(&self, until_ms: i64, cause: PauseCause, reason: &str) -> Result<(), StateError> {
        let paused = self.ledger.pause(&self.account, until_ms, reason, epoch_ms()).await;
        // One alarm per pause, however many environments run into it (`docs/logging.md`).
        if let Pause::Begun = paused.map_err(|error| StateError::new("pause calls", error))? {
            if cause == PauseCause::Misconfigured {
                error!(until_ms, reason, "calls to BIP are paused until a person mends the settings");
                if !self.function.is_empty() {
                    let mut metrics = Metrics::new(self.function, "all");
                    metrics.count("stopped");
                    metrics.emit();
                }
            } else {
                warn!(until_ms, reason, "calls to BIP are paused");
            }
        }
        Ok(())
    }

    async fn load_token(&self) -> Result<Option<SealedToken>, StateError> {
        let token =
            self.ledger.load_token().await.map_err(|error| StateError::new("read the token", error))?;
        Ok(token.map(|token| SealedToken { bytes: token.bytes, expires_at_ms: token.expires_at_ms }))
    }

    async fn store_token(
        &self,
        token: &SealedToken,
        replaces: Option<&SealedToken>,
    ) -> Result<bool, StateError> {
        let stored = self.ledger.store_token(&sealed(token), replaces.map(sealed).as_ref()).await;
        Ok(stored.map_err(|error| StateError::new("store the token", error))? == Stored::Done)
    }

    async fn lock_token_refresh(&self, owner: &str, until_ms: i64) -> Result<bool, StateError> {
        let owner: RunId = owner.parse().unwrap_or_else(|_| RunId::unnamed());
        let locked = self.ledger.lock_token_refresh(&owner, until_ms, epoch_ms()).await;
        Ok(locked.map_err(|error| StateError::new("lock the token", error))? == RefreshLock::Mine)
    }
}

fn sealed(token: &SealedToken) -> dougong_ledger::SealedToken {
    dougong_ledger::SealedToken { bytes: token.bytes.clone(), expires_at_ms: token.expires_at_ms }
}
