//! Why a pull failed. Nothing is lost by any of them: the watermark stays, the next run reads the window again.

use dougong_ledger::LedgerError;
use dougong_queue::SendError;
use dougong_values::{SchemeId, Window};
use dougong_wdt::QueryError;

use crate::event::InvalidEvent;

/// Why a pull failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The event asks for nothing we could do.
    #[error("cannot read the event")]
    Event(#[from] InvalidEvent),
    /// The configuration has no such scheme.
    #[error("no scheme {scheme} in the configuration\nhint: it has {}", known.join(", "))]
    UnknownScheme {
        /// What was asked for.
        scheme: SchemeId,
        /// What there is.
        known: Vec<String>,
    },
    /// WDT refuses, or needs a person.
    #[error("cannot read {window} from WDT")]
    Wdt {
        /// What was being read.
        window: Window,
        /// Why.
        #[source]
        source: QueryError,
    },
    /// A single second holds more than WDT can answer one row at a time.
    #[error("WDT cannot answer the single second {window}, even one row a page")]
    TooDense {
        /// That second.
        window: Window,
        /// Why.
        #[source]
        source: QueryError,
    },
    /// The ledger failed.
    #[error("cannot {operation}")]
    Ledger {
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: LedgerError,
    },
    /// The queue did not take everything.
    #[error("cannot queue the orders of {window}")]
    Queue {
        /// What was being read.
        window: Window,
        /// Why.
        #[source]
        source: SendError,
    },
}

impl PullError {
    /// Returns the stable name, for logs and the function's error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "invalid_event",
            Self::UnknownScheme { .. } => "unknown_scheme",
            Self::Wdt { source, .. } => source.name(),
            Self::TooDense { .. } => "wdt_window_too_large",
            Self::Ledger { source, .. } => source.name(),
            Self::Queue { .. } => "queue_unavailable",
        }
    }
}
