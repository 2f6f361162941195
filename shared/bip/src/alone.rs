//! The shared state of a credential that one process uses alone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::state::{PauseCause, Reservation, SealedToken, SharedState, StateError};

/// Keeps pace, pauses and token in memory, for the probe and for tests. Where several processes use the
/// same application, the ledger must be used instead.
#[derive(Debug)]
pub struct Alone {
    clock: Clock,
    interval_ms: i64,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    next_ms: i64,
    pause: Option<(i64, String)>,
    token: Option<SealedToken>,
    refresh: Option<(String, i64)>,
}

impl Alone {
    /// Spaces calls evenly, so many per minute (at least one).
    pub fn new(calls_per_minute: u32, clock: Clock) -> Self {
        let interval_ms = 60_000_u32.div_ceil(calls_per_minute.max(1)).into();
        Self { clock, interval_ms, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedState for Alone {
    async fn reserve(&self, n: u32, max_wait: Duration) -> Result<Reservation, StateError> {
        let now = self.clock.now_ms();
        let mut memory = self.memory();
        if let Some((until_ms, reason)) = memory.pause.clone().filter(|(until_ms, _)| now < *until_ms) {
            return Ok(Reservation::Paused { until_ms, reason });
        }
        let first = memory.next_ms.max(now);
        let after_last = first + i64::from(n) * self.interval_ms;
        let latest = now.saturating_add(i64::try_from(max_wait.as_millis()).unwrap_or(i64::MAX));
        if n > 0 && after_last - self.interval_ms > latest {
            return Ok(Reservation::Full { next_ms: first });
        }
        memory.next_ms = after_last;
        Ok(Reservation::Granted((0..n).map(|index| first + i64::from(index) * self.interval_ms).collect()))
    }

    async fn pause(&self, until_ms: i64, _cause: PauseCause, reason: &str) -> Result<(), StateError> {
        let mut memory = self.memory();
        if memory.pause.as_ref().is_none_or(|(current, _)| *current < until_ms) {
            memory.pause = Some((until_ms, reason.to_owned()));
        }
        Ok(())
    }

    async fn load_token(&self) -> Result<Option<SealedToken>, StateError> {
        Ok(self.memory().token.clone())
    }

    async fn store_token(
        &self,
        token: &SealedToken,
        replaces: Option<&SealedToken>,
    ) -> Result<bool, StateError> {
        let mut memory = self.memory();
        memory.refresh = None;
        if memory.token.as_ref() != replaces {
            return Ok(false);
        }
        memory.token = Some(token.clone());
        Ok(true)
    }

    async fn lock_token_refresh(&self, owner: &str, until_ms: i64) -> Result<bool, StateError> {
        let now = self.clock.now_ms();
        let mut memory = self.memory();
        if memory.refresh.as_ref().is_some_and(|(holder, end)| holder != owner && now < *end) {
            return Ok(false);
        }
        memory.refresh = Some((owner.to_owned(), until_ms));
        Ok(true)
    }
}

/// A session may borrow its state, so that several sessions share one as several environments do.
impl<S: SharedState> SharedState for &S {
    fn reserve(
        &self,
        n: u32,
        max_wait: Duration,
    ) -> impl Future<Output = Result<Reservation, StateError>> + Send {
        S::reserve(self, n, max_wait)
    }

    fn pause(
        &self,
        until_ms: i64,
        cause: PauseCause,
        reason: &str,
    ) -> impl Future<Output = Result<(), StateError>> + Send {
        S::pause(self, until_ms, cause, reason)
    }

    fn load_token(&self) -> impl Future<Output = Result<Option<SealedToken>, StateError>> + Send {
        S::load_token(self)
    }

    fn store_token(
        &self,
        token: &SealedToken,
        replaces: Option<&SealedToken>,
    ) -> impl Future<Output = Result<bool, StateError>> + Send {
        S::store_token(self, token, replaces)
    }

    fn lock_token_refresh(
        &self,
        owner: &str,
        until_ms: i64,
    ) -> impl Future<Output = Result<bool, StateError>> + Send {
        S::lock_token_refresh(self, owner, until_ms)
    }
}
