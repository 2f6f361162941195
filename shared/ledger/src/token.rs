//! BIP's access token, sealed by its user and shared by all workers.

use std::fmt;

use dougong_values::RunId;

use crate::error::LedgerError;
use crate::{EpochMs, Ledger};

/// A token as the ledger keeps it: encrypted by whoever stored it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken {
    /// The sealed bytes.
    pub bytes: Vec<u8>,
    /// When the token inside expires.
    pub expires_at_ms: EpochMs,
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedToken({} bytes, expires at {})", self.bytes.len(), self.expires_at_ms)
    }
}

/// What storing a token came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is the shared one now.
    Done,
    /// Another worker stored one first: use that.
    Other(SealedToken),
}

/// What asking for the right to refresh came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshLock {
    /// It is this worker's turn.
    Mine,
    /// Another worker is at it; its token will be there, or its turn over, at that instant.
    Other {
        /// When its turn ends.
        until_ms: EpochMs,
    },
}

impl Ledger {
    /// Reads the shared token, strongly consistent.
    pub async fn load_token(&self) -> Result<Option<SealedToken>, LedgerError> {
        todo!()
    }

    /// Stores a fresh token in place of the one it was refreshed from (`None`: there was none), and ends
    /// the refresh lock.
    pub async fn store_token(
        &self,
        token: &SealedToken,
        expected_old: Option<&SealedToken>,
    ) -> Result<Stored, LedgerError> {
        todo!("{token:?} {expected_old:?}")
    }

    /// Asks for the right to refresh the token until an instant: single flight across all workers.
    pub async fn lock_token_refresh(
        &self,
        owner: &RunId,
        until_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<RefreshLock, LedgerError> {
        todo!("{owner} {until_ms} {now_ms}")
    }
}
