//! What a call to BIP came to, by what the caller must do next (design §4, `protocols/bip.md` §3.2).

use std::error::Error;

use dougong_values::{Money, VoucherCode, VoucherId};

use crate::state::StateError;
use crate::voucher::Voucher;

/// What saving a voucher came to.
///
/// Two rows more than the design's table, because their next steps differ from every other's:
/// [`Busy`](Self::Busy) (BIP said in so many words that it is occupied and saved nothing: again with
/// back-off, counted as an attempt) and [`NotSent`](Self::NotSent) (nothing left this machine: back to
/// the queue, not counted). So [`Unknown`](Self::Unknown) always means that the request may have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveOutcome {
    /// BIP saved the voucher, or gave the first answer again (same key within an hour).
    Saved {
        /// The voucher's id in BIP.
        id: VoucherId,
        /// The voucher's code, if the answer holds one.
        code: Option<VoucherCode>,
    },
    /// BIP holds a voucher of the same `resubmitCheckKey` already (100004, 10004).
    AlreadySaved {
        /// The voucher's id in BIP.
        id: VoucherId,
    },
    /// BIP refused the voucher for good; nothing was saved.
    Refused {
        /// BIP's code, such as `999`.
        code: String,
        /// BIP's words.
        message: String,
        /// BIP's trace id, for its support.
        trace_id: Option<String>,
        /// What kind of refusal it is.
        reason: RefusalReason,
    },
    /// Too many calls (HTTP 429, 310046, 310039, 310042, 310032). Everyone is paused already.
    Throttled {
        /// BIP's code.
        code: String,
    },
    /// The token was refused, and so was its successor.
    TokenInvalid,
    /// The application is absent, stopped, unauthorised or misdirected. Everyone is paused already.
    Misconfigured {
        /// BIP's code.
        code: String,
        /// BIP's words.
        message: String,
    },
    /// BIP was occupied (locks, circuit breaker) and saved nothing.
    Busy {
        /// BIP's code.
        code: String,
        /// BIP's words.
        message: String,
    },
    /// The voucher may or may not be saved: timeout, reset, 5xx, 202, 310504, an unreadable body.
    Unknown {
        /// What happened.
        reason: String,
    },
    /// The request never left: no slot, no token, no connection.
    NotSent {
        /// What happened.
        reason: String,
    },
}

/// What kind of refusal a [`SaveOutcome::Refused`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// A rule of the business (999 and its like): archives, amounts, dates.
    Business,
    /// Another voucher has this code (编码已经存在). It may be our own from an attempt whose key has expired:
    /// look it up by code, and accept it if [`FoundVoucher::compare`] says it is the same.
    CodeTaken,
    /// The request itself is malformed (310002, 310008, …): a fault of ours, not of the document.
    Payload,
}

impl SaveOutcome {
    /// Returns the outcome's stable name, for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Saved { .. } => "saved",
            Self::AlreadySaved { .. } => "already_saved",
            Self::Refused { .. } => "refused",
            Self::Throttled { .. } => "throttled",
            Self::TokenInvalid => "token_invalid",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Busy { .. } => "busy",
            Self::Unknown { .. } => "unknown",
            Self::NotSent { .. } => "not_sent",
        }
    }
}

/// Why a call brought no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// BIP refused the request for good.
    #[error("BIP refused the request with {code}: {message}")]
    Refused {
        /// BIP's code.
        code: String,
        /// BIP's words.
        message: String,
        /// BIP's trace id.
        trace_id: Option<String>,
        /// What kind of refusal it is.
        reason: RefusalReason,
    },
    /// Too many calls.
    #[error("BIP is limiting calls ({code})")]
    Throttled {
        /// BIP's code.
        code: String,
    },
    /// The access token was refused.
    #[error("BIP refused the access token ({code})")]
    TokenInvalid {
        /// BIP's code, or `非法token` where it answered in plain text.
        code: String,
    },
    /// The application is absent, stopped, unauthorised or misdirected.
    #[error("BIP does not serve this application ({code}: {message})")]
    Misconfigured {
        /// BIP's code.
        code: String,
        /// BIP's words.
        message: String,
    },
    /// BIP was occupied and did nothing.
    #[error("BIP is busy ({code}: {message})")]
    Busy {
        /// BIP's code.
        code: String,
        /// BIP's words.
        message: String,
    },
    /// The request may have arrived; what became of it is unknown.
    #[error("the request may have reached BIP, its outcome is unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// The request never left.
    #[error("the request was not sent: {reason}")]
    NotSent {
        /// What happened.
        reason: String,
    },
}

impl From<StateError> for CallError {
    fn from(error: StateError) -> Self {
        Self::NotSent { reason: with_causes(&error) }
    }
}

/// Writes an error and its causes in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

impl From<CallError> for SaveOutcome {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { code, message, trace_id, reason } => {
                Self::Refused { code, message, trace_id, reason }
            }
            CallError::Throttled { code } => Self::Throttled { code },
            CallError::TokenInvalid { .. } => Self::TokenInvalid,
            CallError::Misconfigured { code, message } => Self::Misconfigured { code, message },
            CallError::Busy { code, message } => Self::Busy { code, message },
            CallError::Unknown { reason } => Self::Unknown { reason },
            CallError::NotSent { reason } => Self::NotSent { reason },
        }
    }
}

/// What looking a voucher up by its code came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// BIP holds exactly one voucher of this code.
    Found(FoundVoucher),
    /// BIP holds none.
    Absent,
    /// Nobody can say: the call failed, or the answer is ambiguous. Ask again later.
    Failed(CallError),
}

/// A voucher that BIP holds, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundVoucher {
    /// The voucher's id.
    pub id: VoucherId,
    /// The voucher's code.
    pub code: VoucherCode,
    /// Total with tax, if the row has it.
    pub pay_money: Option<Money>,
    /// The customer's id (`agentId`), if the row has it.
    pub agent_id: Option<String>,
    /// The customer's code (`agentId_code`, `agentCode`), if the row has it.
    pub agent_code: Option<String>,
}

/// Whether a voucher found by code is the one that was to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// Code and total agree, and nothing speaks against the customer.
    Same,
    /// It is another voucher; each text names a field and both values.
    Different(Vec<String>),
    /// The row lacks the total: ask for the detail, or a person.
    Unclear,
}

impl FoundVoucher {
    /// Compares the voucher with the one that was to be saved: code, total, customer.
    ///
    /// BIP never gives the `resubmitCheckKey` back, so these three are the identity that can be read. The
    /// customer counts only where it can be compared: we usually send its code, BIP answers its id, and an
    /// id says nothing about a code.
    pub fn compare(&self, sent: &Voucher) -> Likeness {
        let mut differences = Vec::new();
        if sent.code() != Some(&self.code) {
            let code = sent.code().map_or("none", VoucherCode::as_str);
            differences.push(format!("code: sent {code}, found {}", self.code));
        }
        if let Some(found) = self.pay_money.filter(|found| *found != sent.total()) {
            differences.push(format!("payMoney: sent {}, found {found}", sent.total()));
        }
        let customer = sent.customer();
        let same_id = self.agent_id.as_deref() == Some(customer);
        if let Some(found) = self.agent_code.as_deref().filter(|code| *code != customer && !same_id) {
            differences.push(format!("agentId: sent {customer}, found {found}"));
        }
        match (differences.is_empty(), self.pay_money) {
            (false, _) => Likeness::Different(differences),
            (true, None) => Likeness::Unclear,
            (true, Some(_)) => Likeness::Same,
        }
    }
}
