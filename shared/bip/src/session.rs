//! Calls at the shared pace with the shared token.

use crate::state::{Reservation, StateError};

/// Permission for one call to BIP (design §2 *slot*). Made by [`Session::reserve`](crate::Session) alone,
/// and used up by the call it is given to.
#[derive(Debug)]
#[must_use = "a slot that is not used is a call nobody makes"]
pub struct Slot {
    at_ms: i64,
}

impl Slot {
    /// Returns the instant of the slot, milliseconds since the Unix epoch.
    pub const fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// Why no slots were given.
#[derive(Debug, thiserror::Error)]
pub enum NoSlot {
    /// Everyone is paused.
    #[error("calls to BIP are paused until {until_ms} ms: {reason}")]
    Paused {
        /// End of the pause, milliseconds since the Unix epoch.
        until_ms: i64,
        /// Why.
        reason: String,
    },
    /// All slots within the time the caller can wait are taken.
    #[error("all slots for calls to BIP are taken, the next is at {next_ms} ms")]
    Full {
        /// When the next slot would be, milliseconds since the Unix epoch.
        next_ms: i64,
    },
    /// The shared state could not be asked.
    #[error("slots for calls to BIP could not be reserved")]
    State(#[from] StateError),
}

impl NoSlot {
    fn granted(reservation: Reservation) -> Result<Vec<Slot>, Self> {
        match reservation {
            Reservation::Granted(instants) => Ok(instants.into_iter().map(|at_ms| Slot { at_ms }).collect()),
            Reservation::Paused { until_ms, reason } => Err(Self::Paused { until_ms, reason }),
            Reservation::Full { next_ms } => Err(Self::Full { next_ms }),
        }
    }
}
