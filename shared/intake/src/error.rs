//! Why documents could not be taken in: never because of a document.

use dougong_ledger::LedgerError;
use dougong_queue::SendError;

/// Why documents could not be taken in. Some of them may be; taking all of them in again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
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
    #[error("cannot queue the documents")]
    Queue(#[from] SendError),
}

impl IntakeError {
    /// Returns the stable name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ledger { source, .. } => source.name(),
            Self::Queue(_) => "queue_unavailable",
        }
    }
}

pub(crate) fn failed(operation: &'static str) -> impl Fn(LedgerError) -> IntakeError {
    move |source| IntakeError::Ledger { operation, source }
}
