//! What all callers of one BIP credential share: its pace, its pauses, its token.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

/// The shared state of a BIP credential could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the shared state of the BIP credential could not {operation}")]
pub struct StateError {
    operation: &'static str,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl StateError {
    /// Wraps the store's own error; `operation` completes "could not …", such as `reserve slots`.
    pub fn new(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, source: source.into() }
    }
}

/// What asking for slots came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// All that were asked for: their instants in milliseconds since the Unix epoch, ascending.
    Granted(Vec<i64>),
    /// Nobody may call until then.
    Paused {
        /// End of the pause, milliseconds since the Unix epoch.
        until_ms: i64,
        /// Why, for people.
        reason: String,
    },
    /// The last slot would have been later than the caller can wait. None was taken.
    Full {
        /// When the next slot would be, milliseconds since the Unix epoch.
        next_ms: i64,
    },
}

/// A token that only holders of the app secret can open.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken {
    /// The sealed text.
    pub bytes: Vec<u8>,
    /// When BIP lets the token expire, milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
}

impl std::fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedToken({} bytes, expires at {})", self.bytes.len(), self.expires_at_ms)
    }
}

/// Why everyone stops calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseCause {
    /// BIP limited calls.
    Throttled,
    /// No token could be had, or a new one was refused at once.
    NoToken,
    /// BIP does not serve the application: a person must mend its settings.
    Misconfigured,
}

/// What all callers of one BIP credential share (design §4, §5).
///
/// BIP counts calls and kills tokens per application, not per process, so that every environment that
/// uses the credential must go through the same state: the ledger on AWS, [`Alone`](crate::Alone) within
/// one process.
pub trait SharedState: Send + Sync {
    /// Reserves `n` slots in one atomic step, all of them or none, the last at most `max_wait` from now.
    fn reserve(
        &self,
        n: u32,
        max_wait: Duration,
    ) -> impl Future<Output = Result<Reservation, StateError>> + Send;

    /// Pauses everyone until `until_ms` (milliseconds since the Unix epoch). A longer pause stays. Whoever begins a
    /// pause for [`PauseCause::Misconfigured`] raises the alarm: once, however many run into it.
    fn pause(
        &self,
        until_ms: i64,
        cause: PauseCause,
        reason: &str,
    ) -> impl Future<Output = Result<(), StateError>> + Send;

    /// Reads the shared token.
    fn load_token(&self) -> impl Future<Output = Result<Option<SealedToken>, StateError>> + Send;

    /// Writes a new token if the shared one is still `replaces` (`None`: if there is none), and ends the
    /// lock of [`lock_token_refresh`](Self::lock_token_refresh). Returns `false` if another was there.
    fn store_token(
        &self,
        token: &SealedToken,
        replaces: Option<&SealedToken>,
    ) -> impl Future<Output = Result<bool, StateError>> + Send;

    /// Takes the right to ask BIP for a new token until `until_ms`; `false` while another owner has it.
    /// The same owner may move it, also into the past: that is how it is given back.
    fn lock_token_refresh(
        &self,
        owner: &str,
        until_ms: i64,
    ) -> impl Future<Output = Result<bool, StateError>> + Send;
}
