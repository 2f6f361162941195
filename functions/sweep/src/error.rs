//! Why a sweep failed. Nothing is lost by any of them: the next run does what this one left.

use dougong_intake::IntakeError;
use dougong_ledger::LedgerError;
use dougong_mapping::merge::UnreadablePart;
use dougong_queue::SendError;
use dougong_store::CallError;
use dougong_values::{DocumentKey, SchemeId};

use crate::event::InvalidEvent;

/// Why a sweep failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The event asks for nothing we could do.
    #[error("cannot read the event")]
    Event(#[from] InvalidEvent),
    /// The configuration has no such scheme for store bills.
    #[error("no scheme {scheme} for store bills in the configuration\nhint: it has {}", known.join(", "))]
    UnknownScheme {
        /// What was asked for.
        scheme: SchemeId,
        /// What there is.
        known: Vec<String>,
    },
    /// Only bills that are handed out in batches can be taken back.
    #[error(
        "the bills of scheme {scheme} are not handed out in batches\nhint: take back transferring orders, with the scheme whose source is bill = \"outbound\""
    )]
    NotInBatches {
        /// The scheme.
        scheme: SchemeId,
    },
    /// The configuration has no store system.
    #[error("the configuration has no store system\nhint: write [store] with its url")]
    NoStore,
    /// The pace of calls left no time for one.
    #[error(
        "no call to the store system could be made in time\nhint: the pace is `store.calls_per_minute`, or calls are paused; the next run tries again"
    )]
    OutOfTime,
    /// The store system refuses, or needs a person.
    #[error("cannot sweep the store system")]
    Store(#[from] CallError),
    /// The ledger failed.
    #[error("cannot {operation}")]
    Ledger {
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: LedgerError,
    },
    /// Bills could not be taken in.
    #[error("cannot take bills in")]
    Intake(#[from] IntakeError),
    /// The queue did not take everything.
    #[error("cannot send documents to the queue")]
    Queue(#[from] SendError),
    /// The list of a merged voucher's members is damaged: which orders are in it is not known.
    #[error(
        "cannot read the members of {part}\nhint: the orders of its group wait until its item is restored from a backup"
    )]
    Part {
        /// The merged voucher.
        part: DocumentKey,
        /// Why.
        #[source]
        source: UnreadablePart,
    },
}

impl SweepError {
    /// Returns the stable name, for logs and the function's error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "invalid_event",
            Self::UnknownScheme { .. } => "unknown_scheme",
            Self::NotInBatches { .. } => "not_in_batches",
            Self::NoStore => "no_store",
            Self::OutOfTime => "out_of_time",
            Self::Store(source) => source.name(),
            Self::Ledger { source, .. } => source.name(),
            Self::Intake(source) => source.name(),
            Self::Queue(_) => "queue_unavailable",
            Self::Part { .. } => "part_unreadable",
        }
    }
}

pub(crate) fn failed(operation: &'static str) -> impl Fn(LedgerError) -> SweepError {
    move |source| SweepError::Ledger { operation, source }
}

/// Why a download does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The invocation's time is up. Nothing is lost: the next run goes on.
    OutOfTime,
    /// The run fails.
    Failed(SweepError),
}

impl<E: Into<SweepError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
