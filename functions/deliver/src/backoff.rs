//! When a message comes back. Partial batch responses alone do not slow Lambda's polling.

use std::hash::{DefaultHasher, Hash, Hasher};

/// After an unknown outcome BIP may still be at work: the same key again no sooner (`protocols/bip.md` §2.5).
pub(crate) const AFTER_UNKNOWN_SECONDS: u32 = 5;
/// The longest wait: an order is tried at least this often while its message lives.
const LONGEST_SECONDS: u32 = 3_600;

/// A message's own share of randomness: spreads retries without making tests random.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jitter(u64);

impl Jitter {
    /// Takes the message's id and how often it was received.
    pub(crate) fn of(message_id: &str, receives: u32) -> Self {
        let mut hasher = DefaultHasher::new();
        (message_id, receives).hash(&mut hasher);
        Self(hasher.finish())
    }

    fn below(self, seconds: u32) -> u32 {
        u32::try_from(self.0 % u64::from(seconds.max(1))).unwrap_or(0)
    }
}

/// Seconds until a message that failed for the `receives`-th time (from 1) comes back: doubles from `first`.
pub(crate) fn growing(first: u32, receives: u32, jitter: Jitter) -> u32 {
    let doubled =
        first.saturating_mul(1_u32.checked_shl(receives.saturating_sub(1).min(20)).unwrap_or(u32::MAX));
    let wait = doubled.min(LONGEST_SECONDS);
    wait + jitter.below(wait.div_ceil(2))
}

/// How long a message is hidden at most for a pause: a person may end it sooner than it says.
const LONGEST_PAUSE_SECONDS: u32 = 600;

/// Seconds until an instant, and a little more, so that not everyone comes back at once.
pub(crate) fn until(instant_ms: i64, now_ms: i64, jitter: Jitter) -> u32 {
    let seconds = (instant_ms - now_ms).max(0).unsigned_abs().div_ceil(1_000);
    u32::try_from(seconds).unwrap_or(LONGEST_PAUSE_SECONDS).min(LONGEST_PAUSE_SECONDS) + 1 + jitter.below(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_an_hour_and_a_half() {
        let waits: Vec<u32> = (1..=12).map(|receives| growing(5, receives, Jitter(0))).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert!(growing(5, u32::MAX, Jitter(u64::MAX)) < 3_600 + 1_800);
    }

    #[test]
    fn nobody_comes_back_before_the_instant() {
        for salt in 0..20 {
            assert!(until(10_500, 10_000, Jitter(salt)) >= 1);
            assert!((61..=66).contains(&until(70_000, 10_000, Jitter(salt))));
        }
        assert_eq!(until(0, 10_000, Jitter(0)), 1);
        assert_eq!(until(86_400_000, 0, Jitter(0)), 601);
    }
}
