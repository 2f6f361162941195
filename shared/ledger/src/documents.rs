//! What the functions do with documents: note, begin, record, park, hold, requeue.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use dougong_values::{DocumentKey, RunId, SchemeId, Version, VoucherCode, VoucherId};

use crate::codec::{Attributes, DOCUMENT_ATTRIBUTES, number, read_document, text, write_document};
use crate::decide::{Earlier, Meaning, Standing, decide, is_late};
use crate::document::{Document, NewDocument, State};
use crate::error::LedgerError;
use crate::transition::{Attempt, Begin, Certainty, Parking};
use crate::{EpochMs, Ledger};

/// How often an item is read and written again when others write it in between.
const TRIES: usize = 32;

/// What noting a queued document came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// The ledger now holds it as queued.
    Queued,
    /// The ledger already holds it in some other state, or in this or a newer version: nothing was written.
    AlreadyThere {
        /// Where it stands.
        state: State,
        /// With which version.
        version: Version,
    },
}

/// A worker's hold on a document: the proof needed to record what became of it.
#[derive(Debug)]
pub struct Hold {
    document: Document,
    /// What is known about the attempts before this one.
    earlier: Certainty,
}

impl Hold {
    /// Returns the document's key.
    pub const fn key(&self) -> &DocumentKey {
        &self.document.key
    }

    /// Returns the version this hold is about: the frozen one after a take-over.
    pub const fn version(&self) -> &Version {
        &self.document.version
    }

    /// Notes that a look-up proved that no earlier attempt was saved: after a throttle the document may then
    /// go back to the queue, and a newer version may take its place. A look-up right after an attempt proves
    /// nothing, BIP may still be at work.
    #[must_use]
    pub fn found_absent(self) -> Self {
        Self { earlier: Certainty::NothingSaved, ..self }
    }
}

/// What an earlier attempt sent, or was about to send: to be settled before anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The scheme it was sent under: part of the idempotency key.
    pub scheme: SchemeId,
    /// The version that was sent; the message may bring another one.
    pub version: Version,
    /// Its text.
    pub source_json: String,
    /// The code its voucher carried.
    pub voucher_code: Option<VoucherCode>,
}

/// A document that is now this worker's.
#[derive(Debug)]
pub struct Started {
    /// The proof needed to record the outcome.
    pub hold: Hold,
    /// Which counted attempt this is, from 1.
    pub attempt: u32,
    /// What an earlier attempt may have left in BIP; `None` if certainly nothing. If its version is not the
    /// message's, only this one may be sent and recorded; then begin again with the message's.
    pub frozen: Option<Frozen>,
    /// Whether that attempt is so old (an hour) that the order has to be looked up by its code before the
    /// same key is sent again.
    pub late: bool,
    /// When the first attempt began that may have reached BIP; now, if this is the first.
    pub first_posting_at: EpochMs,
}

/// What beginning a document came to.
#[derive(Debug)]
pub enum Begun {
    /// It is this worker's: send it, then record.
    Started(Box<Started>),
    /// This very version is booked: done.
    AlreadyPosted,
    /// A newer version is known, with a message of its own: done.
    Superseded,
    /// Another worker holds it, or the wait after an unknown outcome lasts: come back then.
    Busy {
        /// When the lease ends.
        until_ms: EpochMs,
    },
    /// This version is parked already: done.
    Parked,
    /// This version is deliberately not booked: done.
    Skipped,
    /// Another version is booked, or may be: hold or ignore the change, as the scheme says.
    Changed(Earlier),
}

/// What setting a document aside came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetAside {
    /// The ledger now holds it so.
    Done,
    /// It stands otherwise; nothing was written. [`Standing::Unsettled`]: begin it, settle what was sent,
    /// then try again.
    Not(Standing),
}

/// What putting a parked document back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It is queued (or unsettled, if it may be in BIP); send its text to the queue now.
    Ready(Box<Document>),
    /// It is not parked, or a change is held back behind it, or its text is not in the ledger.
    Not(Box<Document>),
    /// The ledger does not know it.
    Absent,
}

impl Ledger {
    /// Notes a document whose message is in the queue. Never over another state, and over an older queued
    /// version only; call it after the message was sent, never before.
    pub async fn note_queued(&self, document: &NewDocument, now_ms: EpochMs) -> Result<Noted, LedgerError> {
        todo!("{document:?} {now_ms}")
    }

    /// Claims a document for one attempt: one conditional write when nothing is in the way.
    ///
    /// An unsettled document is taken over with what was sent (`frozen`), whatever version the message brings.
    pub async fn begin(&self, begin: &Begin<'_>, now_ms: EpochMs) -> Result<Begun, LedgerError> {
        todo!("{begin:?} {now_ms}")
    }

    /// Records that BIP holds the voucher. Once more with the same id is no error.
    pub async fn record_posted(
        &self,
        hold: &Hold,
        id: &VoucherId,
        code: Option<&VoucherCode>,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        todo!("{hold:?} {id} {code:?} {now_ms}")
    }

    /// Records that a person has to look at it: BIP refused ([`Certainty::NothingSaved`]), or the tries for
    /// an unknown outcome are used up ([`Certainty::PerhapsSaved`]).
    pub async fn record_parked(
        &self,
        hold: &Hold,
        parking: &Parking<'_>,
        certainty: Certainty,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        todo!("{hold:?} {parking:?} {certainty:?} {now_ms}")
    }

    /// Records that this attempt certainly did not reach BIP's books (throttled, no slot, no token, busy).
    /// If an earlier one may have, the document stays `posting` with its lease ended, to be settled.
    pub async fn record_queued_again(
        &self,
        hold: &Hold,
        attempt: Attempt,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        todo!("{hold:?} {attempt:?} {now_ms}")
    }

    /// Records that the outcome is unknown: the document stays `posting`, its lease ends, and nobody begins
    /// it before `again_at_ms` (5 s or more from now, `protocols/bip.md` §2.5).
    pub async fn record_unknown(
        &self,
        hold: &Hold,
        reason: &str,
        again_at_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        todo!("{hold:?} {reason} {again_at_ms} {now_ms}")
    }

    /// Parks a document that is never sent: unmappable, unreadable, too large. Not over anything that is
    /// booked or may be.
    pub async fn park(
        &self,
        document: &NewDocument,
        parking: &Parking<'_>,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        todo!("{document:?} {parking:?} {now_ms}")
    }

    /// Records that a document is deliberately not booked.
    pub async fn skip(
        &self,
        document: &NewDocument,
        reason: &str,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        todo!("{document:?} {reason} {now_ms}")
    }

    /// Holds a changed version back ([`Begun::Changed`] with `on_change = "hold"`): parked as `changed` with
    /// both versions; what is booked stays as it is.
    pub async fn hold_changed(
        &self,
        document: &NewDocument,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        todo!("{document:?} {now_ms}")
    }

    /// Puts a parked document back for another try with the mapping of today; the caller then sends its text
    /// to the queue. Repeating it is no error.
    pub async fn requeue(&self, key: &DocumentKey, now_ms: EpochMs) -> Result<Requeued, LedgerError> {
        todo!("{key} {now_ms}")
    }
}
