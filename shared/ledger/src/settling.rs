//! What a person decides about a document that waits for one.

use dougong_values::DocumentKey;

use crate::document::{Document, State};
use crate::error::LedgerError;
use crate::item_store::Write;
use crate::{EpochMs, Ledger};

/// How often an item is read and written again when others write it in between.
const TRIES: usize = 32;

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is not booked (不入账).
    Skip,
    /// It is not booked, and the person has looked: what was sent of it without an answer is not in BIP, or is somebody's to
    /// correct there.
    SkipUnsettled,
    /// The voucher in BIP was corrected by hand: it says what the held change says.
    AcceptChange,
    /// The voucher in BIP stays as it is; the held change is not booked.
    DismissChange,
}

/// What a decision came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// The document as it stands now.
    Done(Box<Document>),
    /// The decision does not fit how the document stands; nothing was written.
    Not(Box<Document>),
    /// The ledger does not know it.
    Absent,
}

impl Document {
    /// Makes what a decision makes of it; `None` if the decision does not fit.
    fn decided(&self, decision: Decision, now_ms: EpochMs) -> Option<Self> {
        let change = self.state == State::Parked && self.held.is_some();
        let open = self.state == State::Parked && self.posted_at.is_none();
        match decision {
            Decision::Skip => (open && !self.is_unsettled()).then(|| self.skipped_by_hand(now_ms)),
            Decision::SkipUnsettled => (open && self.held.is_none()).then(|| self.skipped_by_hand(now_ms)),
            Decision::AcceptChange => {
                (change && self.posted_at.is_some()).then(|| self.change_accepted(now_ms))
            }
            Decision::DismissChange => {
                (change && self.posted_at.is_some()).then(|| self.change_dismissed(now_ms))
            }
        }
    }

    /// Tells whether a decision has been carried out already: repeating it is no error.
    fn stands_so(&self, decision: Decision) -> bool {
        match decision {
            Decision::Skip | Decision::SkipUnsettled => self.state == State::Skipped,
            Decision::AcceptChange => self.state == State::Posted && self.held.is_none(),
            Decision::DismissChange => self.state == State::Posted && self.held.is_some(),
        }
    }
}

impl Ledger {
    /// Carries out what a person decided about a parked document, if it still fits. Repeating it is no error.
    pub async fn settle(
        &self,
        key: &DocumentKey,
        decision: Decision,
        now_ms: EpochMs,
    ) -> Result<Decided, LedgerError> {
        let mut found = self.read(key, "settle").await?.map(Box::new);
        for _ in 0..TRIES {
            let Some(document) = found.take_if(|document| !document.is_expired(now_ms)) else {
                return Ok(Decided::Absent);
            };
            if document.stands_so(decision) {
                return Ok(Decided::Done(document));
            }
            let Some(next) = document.decided(decision, now_ms) else { return Ok(Decided::Not(document)) };
            match self.swap(Some(&document), &next, "settle").await? {
                Write::Done(written) => return Ok(Decided::Done(written)),
                Write::Conflict(there) => found = there,
            }
        }
        Err(LedgerError::Contended { operation: "settle", item: key.to_string() })
    }
}
