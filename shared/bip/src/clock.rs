//! What time it is, for pacing.

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock of milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default)]
pub enum Clock {
    /// The system's wall clock, which all environments share. Correct also after a frozen environment thaws.
    #[default]
    System,
    /// The runtime's clock, which tests can pause and advance.
    Tokio {
        /// What the clock showed at `start`.
        start_ms: i64,
        /// An instant of the runtime.
        start: Instant,
    },
}

impl Clock {
    /// Starts a clock on the runtime's time; `start_ms` is what it shows now.
    pub fn on_tokio(start_ms: i64) -> Self {
        Self::Tokio { start_ms, start: Instant::now() }
    }

    /// Reads the clock.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Tokio { start_ms, start } => {
                start_ms + i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX / 2)
            }
        }
    }
}
