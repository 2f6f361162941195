//! What can go wrong between a function and its ledger.

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use dougong_values::VoucherId;

/// A failed operation on the ledger. None of them says anything about the document itself: a document is
/// never parked because its ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store is down, throttled or slow: the same operation may succeed later.
    #[error("cannot {operation} {item}: the ledger does not answer")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// On which document, scheme or account.
        item: String,
        /// What the store's client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store answers and refuses: a missing table, a missing permission, an impossible request.
    #[error(
        "cannot {operation} {item}: the ledger refuses (hint: check the table's name and the permissions)"
    )]
    Misconfigured {
        /// What was tried.
        operation: &'static str,
        /// On which document, scheme or account.
        item: String,
        /// What the store's client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Others wrote the same item again and again in between: the same operation may succeed later.
    #[error("cannot {operation} {item}: others keep writing it")]
    Contended {
        /// What was tried.
        operation: &'static str,
        /// On which document, scheme or account.
        item: String,
    },
    /// The lease ended and another worker took the item over: this worker can record nothing any more.
    #[error("cannot {operation} {item}: the lease was lost to another worker")]
    LostLease {
        /// What was tried.
        operation: &'static str,
        /// On which document or scheme.
        item: String,
    },
    /// BIP holds two vouchers for one document: what Dougong exists to prevent, and a person must see.
    #[error(
        "{item} is booked twice: voucher {recorded} is recorded, voucher {found} was saved too (hint: look both up in BIP)"
    )]
    OtherVoucher {
        /// The document.
        item: String,
        /// The voucher the ledger holds.
        recorded: VoucherId,
        /// The voucher that was to be recorded.
        found: VoucherId,
    },
    /// An item holds what this program did not write.
    #[error("cannot read {item}: attribute {attribute} is {problem}")]
    Unreadable {
        /// The key of the item.
        item: String,
        /// Which attribute.
        attribute: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl LedgerError {
    /// Returns the stable name, for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "ledger_unavailable",
            Self::Misconfigured { .. } => "ledger_misconfigured",
            Self::Contended { .. } => "ledger_contended",
            Self::LostLease { .. } => "lost_lease",
            Self::OtherVoucher { .. } => "other_voucher",
            Self::Unreadable { .. } => "ledger_unreadable",
        }
    }

    /// Tells whether the same operation may succeed later without anybody doing anything.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Contended { .. })
    }

    /// Sorts a failure of the store's client: only an answer that repeats for certain is a misconfiguration.
    pub(crate) fn store<E>(operation: &'static str, item: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let item = item.to_owned();
        let certain = matches!(
            error.code(),
            Some(
                "ResourceNotFoundException"
                    | "AccessDeniedException"
                    | "ValidationException"
                    | "UnrecognizedClientException"
                    | "MissingAuthenticationTokenException"
                    | "InvalidSignatureException"
            )
        ) || matches!(error, SdkError::ConstructionFailure(_));
        let source = error.into_source().unwrap_or_else(|error| Box::new(error));
        if certain {
            Self::Misconfigured { operation, item, source }
        } else {
            Self::Unavailable { operation, item, source }
        }
    }
}
