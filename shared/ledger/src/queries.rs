//! What functions and operators ask about documents.

use std::collections::HashMap;

use dougong_values::{
    BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, Version, VoucherCode, VoucherId,
};

use crate::codec::Attributes;
use crate::document::{Attention, Document, State};
use crate::error::LedgerError;
use crate::{EpochMs, Ledger};

/// What `pull` needs to know about a document to skip it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub state: State,
    /// With which version.
    pub version: Version,
    /// When WDT changed that version.
    pub modified: Option<BeijingTime>,
    /// The version that is booked in BIP.
    pub posted_version: Option<Version>,
    /// A changed version that is held back.
    pub held_version: Option<Version>,
}

impl Known {
    /// Tells whether the ledger holds this version, in whatever state: it need not be queued again.
    pub fn holds(&self, version: &Version) -> bool {
        self.version == *version || self.held_version.as_ref() == Some(version)
    }
}

/// Where the next page of a query starts.
#[derive(Debug, Clone)]
pub struct PageToken(Attributes);

/// One page of a query.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the order of the index.
    pub rows: Vec<T>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<PageToken>,
}

/// A document that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttentionRow {
    /// The document.
    pub key: DocumentKey,
    /// Why it needs a person.
    pub kind: Attention,
    /// Since when.
    pub since: EpochMs,
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// The stable name of the reason.
    pub reason: Option<String>,
    /// Its amount.
    pub amount: Option<Money>,
}

/// A document in its day's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// The document.
    pub key: DocumentKey,
    /// Where it stands.
    pub state: State,
    /// Its amount.
    pub amount: Option<Money>,
    /// The stable name of the reason why it is parked, skipped or unknown.
    pub reason: Option<String>,
    /// The voucher's code.
    pub voucher_code: Option<VoucherCode>,
    /// The voucher's id, once posted.
    pub voucher_id: Option<VoucherId>,
    /// When it was last written.
    pub updated_at: EpochMs,
}

impl Ledger {
    /// Looks up to 100 documents per request up, eventually consistent; absent and expired ones are left out.
    pub async fn known(
        &self,
        keys: &[DocumentKey],
        now_ms: EpochMs,
    ) -> Result<HashMap<DocumentKey, Known>, LedgerError> {
        todo!("{keys:?} {now_ms}")
    }

    /// Reads one document as a whole; an expired one is absent.
    pub async fn document(
        &self,
        key: &DocumentKey,
        now_ms: EpochMs,
    ) -> Result<Option<Document>, LedgerError> {
        todo!("{key} {now_ms}")
    }

    /// Lists what a person should look at, the oldest first, optionally for one reason. A page may hold
    /// fewer rows than the next one: go on until `next` is `None`.
    pub async fn attention(
        &self,
        kind: Attention,
        reason: Option<&str>,
        page: Option<PageToken>,
    ) -> Result<Page<AttentionRow>, LedgerError> {
        todo!("{kind} {reason:?} {page:?}")
    }

    /// Lists the documents of a scheme's business day, by key, optionally in one state.
    pub async fn by_day(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        state: Option<State>,
        page: Option<PageToken>,
    ) -> Result<Page<DayRow>, LedgerError> {
        todo!("{scheme} {day} {state:?} {page:?}")
    }
}
