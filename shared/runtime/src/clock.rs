//! The wall clock and what is left of an invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// No Lambda runs for as long.
const YEAR_MS: i64 = 365 * 86_400_000;

/// Returns milliseconds since the Unix epoch.
pub fn epoch_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The instant at which Lambda kills the invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at_ms: i64,
}

impl Deadline {
    /// Takes Lambda's own deadline, in milliseconds since the Unix epoch (`Lambda-Runtime-Deadline-Ms`).
    ///
    /// `cargo lambda watch` sends how long there is (600 000) instead of until when; what would lie in 1970 is such a
    /// length.
    pub fn at_epoch_ms(at_ms: u64) -> Self {
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        Self { at_ms: if at_ms < YEAR_MS { epoch_ms() + at_ms } else { at_ms } }
    }

    /// Returns the deadline in milliseconds since the Unix epoch.
    pub const fn epoch_ms(self) -> i64 {
        self.at_ms
    }

    /// Returns the time left, zero once it has passed.
    pub fn left(self) -> Duration {
        Duration::from_millis(u64::try_from(self.at_ms.saturating_sub(epoch_ms())).unwrap_or(0))
    }

    /// Returns the time left when `reserve` is kept back for winding up.
    pub fn left_after(self, reserve: Duration) -> Duration {
        self.left().saturating_sub(reserve)
    }
}

/// The time from one call to the next at a pace, in whole milliseconds: rounded up, or more calls would be made than
/// the pace says.
pub fn call_interval(calls_per_minute: u32) -> Duration {
    Duration::from_millis(60_000_u32.div_ceil(calls_per_minute.max(1)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_instead_of_an_instant_counts_from_now() {
        let left = Deadline::at_epoch_ms(600_000).left();
        assert!(left > Duration::from_secs(590) && left <= Duration::from_mins(10), "{left:?}");
        assert_eq!(Deadline::at_epoch_ms(1_795_418_092_366).epoch_ms(), 1_795_418_092_366);
    }
}
