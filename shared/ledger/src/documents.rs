//! What the functions do with documents: note, begin, record, park, hold, requeue.

use std::sync::atomic::{AtomicU64, Ordering};

use dougong_values::{DocumentKey, RunId, SchemeId, Version, VoucherCode, VoucherId};

use crate::decide::{Earlier, Meaning, Standing, decide, is_late};
use crate::document::{Document, NewDocument, State};
use crate::error::LedgerError;
use crate::item_store::Write;
use crate::transition::{Attempt, Begin, Certainty, Parking};
use crate::{EpochMs, Ledger};

/// How often an item is read and written again when others write it in between.
const TRIES: usize = 32;

/// BIP may go on with a request whose client has given up. An attempt that began so long ago has ended for
/// certain: clients of BIP wait three minutes at most (`protocols/bip.md` §4).
pub const REST_MS: EpochMs = 300_000;

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
    /// Whether the last of them began so long ago that BIP cannot still be at work on it.
    rested: bool,
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

    /// Returns what is known about the attempts before this one: how certain it is that BIP has nothing,
    /// when this attempt saved nothing and proved nothing about them.
    pub const fn earlier(&self) -> Certainty {
        self.earlier
    }

    /// Notes that a look-up proved that no earlier attempt was saved: after a throttle the document may then
    /// go back to the queue, and a newer version may take its place. A look-up right after an attempt proves
    /// nothing, BIP may still be at work: then nothing is noted.
    #[must_use]
    pub fn found_absent(self) -> Self {
        if self.rested { Self { earlier: Certainty::NothingSaved, ..self } } else { self }
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
    /// This version waits in a group to be merged: done.
    Waiting,
    /// Another version waits in a group: attach this one to it.
    Grouped,
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
    /// What stood in the way of the change is gone: begin it.
    Free,
}

/// What taking over an unsettled document came to.
#[derive(Debug)]
pub enum TakeOver {
    /// It is this worker's, with what was sent (`frozen` is always there).
    Started(Box<Started>),
    /// Another worker holds it, or the wait after an unknown outcome lasts.
    Busy {
        /// When the lease ends.
        until_ms: EpochMs,
    },
    /// There is nothing to settle: nothing of it can be in BIP, or all is known.
    Settled,
}

/// What putting a parked document back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It is queued (or unsettled, if it may be in BIP); send its text to the queue now.
    Ready(Box<Document>),
    /// It is booked or under way, or its text is not in the ledger.
    Not(Box<Document>),
    /// The ledger does not know it.
    Absent,
}

/// Numbers the claims of this process: a claim's owner is its run and this number.
static CLAIMS: AtomicU64 = AtomicU64::new(0);

fn claim_of(run: &RunId) -> String {
    format!("{run}/{}", CLAIMS.fetch_add(1, Ordering::Relaxed))
}

impl Ledger {
    /// Notes a document whose message is in the queue. Never over another state, and over an older queued
    /// version only; call it after the message was sent, never before.
    pub async fn note_queued(&self, document: &NewDocument, now_ms: EpochMs) -> Result<Noted, LedgerError> {
        match self.write_queued(&Document::queued(document, now_ms)).await? {
            Write::Done(_) => Ok(Noted::Queued),
            Write::Conflict(Some(there)) => {
                Ok(Noted::AlreadyThere { state: there.state, version: there.version })
            }
            // Deleted between the check and the look: the message is in the queue, and its worker notes it anew.
            Write::Conflict(None) => Err(contended("note", &document.key)),
        }
    }

    /// Claims a document for one attempt: one conditional write when nothing is in the way.
    ///
    /// An unsettled document is taken over with what was sent (`frozen`), whatever version the message brings.
    pub async fn begin(&self, begin: &Begin<'_>, now_ms: EpochMs) -> Result<Begun, LedgerError> {
        let owner = claim_of(begin.owner);
        let fresh = Document::started(None, begin, &owner, now_ms);
        let mut found = match self.write_started(&fresh).await? {
            Write::Done(document) => return Ok(started(*document, None, true, now_ms)),
            Write::Conflict(there) => there,
        };
        if let Some(own) = found.take_if(|there| is_claimed_by(there, &owner)) {
            // The client repeated a write whose answer was lost; the first one had been done.
            return Ok(started(*own, None, true, now_ms));
        }
        for _ in 0..TRIES {
            let (next, frozen) = match (decide(found.as_deref(), begin.document, now_ms), found.as_deref()) {
                (Meaning::Free, prior) => (Document::started(prior, begin, &owner, now_ms), None),
                (Meaning::Not(Standing::Unsettled), Some(prior)) => {
                    let frozen = frozen(prior, Some(begin.document))?;
                    (prior.taken_over(&owner, begin.lease_until_ms, now_ms), Some(frozen))
                }
                (Meaning::Not(standing), _) => return refused(standing, begin.document),
            };
            let rested = found.as_deref().is_none_or(|prior| has_rested(prior, now_ms));
            match self.swap(found.as_deref(), &next, "begin").await? {
                Write::Done(_) => return Ok(started(next, frozen, rested, now_ms)),
                Write::Conflict(there) => found = there,
            }
        }
        Err(contended("begin", &begin.document.key))
    }

    /// Takes over an unsettled document without beginning anything new: for whoever has no message of it,
    /// or one that cannot be mapped.
    pub async fn take_over(
        &self,
        key: &DocumentKey,
        owner: &RunId,
        lease_until_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<TakeOver, LedgerError> {
        let owner = claim_of(owner);
        let mut found = self.read(key, "take over").await?.map(Box::new);
        for _ in 0..TRIES {
            let Some(prior) = found.take_if(|document| document.state == State::Posting) else {
                return Ok(TakeOver::Settled);
            };
            if let Some(lease) = prior.lease.as_ref().filter(|lease| lease.until_ms > now_ms) {
                return Ok(TakeOver::Busy { until_ms: lease.until_ms });
            }
            let frozen = frozen(&prior, None)?;
            let next = prior.taken_over(&owner, lease_until_ms, now_ms);
            match self.swap(Some(&prior), &next, "take over").await? {
                Write::Done(_) => {
                    let rested = has_rested(&prior, now_ms);
                    return Ok(TakeOver::Started(Box::new(claimed(next, Some(frozen), rested, now_ms))));
                }
                Write::Conflict(there) => found = there,
            }
        }
        Err(contended("take over", key))
    }

    /// Records that BIP holds the voucher. Once more with the same id is no error.
    pub async fn record_posted(
        &self,
        hold: &Hold,
        id: &VoucherId,
        code: Option<&VoucherCode>,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        let next = hold.document.posted(id, code, now_ms);
        let Write::Conflict(there) = self.record(hold, &next, "record as posted").await? else {
            return Ok(());
        };
        match there.and_then(|there| there.voucher_id) {
            Some(recorded) if recorded == *id => Ok(()),
            Some(recorded) => {
                Err(LedgerError::OtherVoucher { item: hold.key().to_string(), recorded, found: id.clone() })
            }
            None => Err(lost_lease("record as posted", hold)),
        }
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
        let next = hold.document.parked(parking, certainty, now_ms);
        self.record_or_lose(hold, &next, "record as parked").await
    }

    /// Records that this attempt certainly left nothing in BIP (throttled, no slot, no token, busy). If an
    /// earlier one may have, the document stays `posting` with its lease ended, to be settled.
    pub async fn record_queued_again(
        &self,
        hold: &Hold,
        attempt: Attempt,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        let next = hold.document.queued_again(hold.earlier, attempt, now_ms);
        self.record_or_lose(hold, &next, "record as queued again").await
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
        let next = hold.document.unknown(reason, again_at_ms, now_ms);
        self.record_or_lose(hold, &next, "record as unknown").await
    }

    async fn record_or_lose(
        &self,
        hold: &Hold,
        next: &Document,
        operation: &'static str,
    ) -> Result<(), LedgerError> {
        match self.record(hold, next, operation).await? {
            Write::Done(_) => Ok(()),
            Write::Conflict(Some(there)) if is_recorded(&there, next) => Ok(()),
            Write::Conflict(_) => Err(lost_lease(operation, hold)),
        }
    }

    /// Parks a document that is never sent: unmappable, unreadable, too large. Not over anything that is
    /// booked or may be.
    pub async fn park(
        &self,
        document: &NewDocument,
        parking: &Parking<'_>,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        let parked = |prior: Option<&Document>, meaning: Meaning| match meaning {
            Meaning::Free => Ok(Document::set_aside(prior, document, parking, now_ms)),
            Meaning::Not(standing) => Err(SetAside::Not(standing)),
        };
        self.set_aside(document, "park", now_ms, parked).await
    }

    /// Records that a document is deliberately not booked.
    pub async fn skip(
        &self,
        document: &NewDocument,
        reason: &str,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        let skipped = |prior: Option<&Document>, meaning: Meaning| match meaning {
            Meaning::Free => Ok(Document::skipped(prior, document, reason, now_ms)),
            Meaning::Not(standing) => Err(SetAside::Not(standing)),
        };
        self.set_aside(document, "skip", now_ms, skipped).await
    }

    /// Holds a changed version back ([`Begun::Changed`] with `on_change = "hold"`): parked as `changed` with
    /// both versions; what is booked stays as it is.
    pub async fn hold_changed(
        &self,
        document: &NewDocument,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        let held = |prior: Option<&Document>, meaning: Meaning| match (meaning, prior) {
            (Meaning::Not(Standing::Changed(_)), Some(prior)) => Ok(prior.holding(document, now_ms)),
            (Meaning::Not(standing), _) => Err(SetAside::Not(standing)),
            (Meaning::Free, _) => Err(SetAside::Free),
        };
        self.set_aside(document, "hold the change of", now_ms, held).await
    }

    /// Reads, lets `next` decide, and writes what it made unless the item moved on in between.
    pub(crate) async fn set_aside(
        &self,
        document: &NewDocument,
        operation: &'static str,
        now_ms: EpochMs,
        next: impl Fn(Option<&Document>, Meaning) -> Result<Document, SetAside>,
    ) -> Result<SetAside, LedgerError> {
        let mut found = self.read(&document.key, operation).await?.map(Box::new);
        for _ in 0..TRIES {
            let meaning = decide(found.as_deref(), document, now_ms);
            let next = match next(found.as_deref(), meaning) {
                Ok(next) => next,
                Err(otherwise) => return Ok(otherwise),
            };
            match self.swap(found.as_deref(), &next, operation).await? {
                Write::Done(_) => return Ok(SetAside::Done),
                Write::Conflict(there) => found = there,
            }
        }
        Err(contended(operation, &document.key))
    }

    /// Puts a parked or skipped document back for another try with the mapping of today; the caller then sends its text
    /// to the queue. Repeating it is no error.
    pub async fn requeue(&self, key: &DocumentKey, now_ms: EpochMs) -> Result<Requeued, LedgerError> {
        let mut found = self.read(key, "requeue").await?.map(Box::new);
        for _ in 0..TRIES {
            let Some(document) = found.take_if(|document| !document.is_expired(now_ms)) else {
                return Ok(Requeued::Absent);
            };
            let leased = document.lease.as_ref().is_some_and(|lease| lease.until_ms > now_ms);
            match document.state {
                _ if !document.is_replayable() => return Ok(Requeued::Not(document)),
                State::Queued => return Ok(Requeued::Ready(document)),
                State::Posting if !leased => return Ok(Requeued::Ready(document)),
                State::Parked | State::Skipped => {}
                State::Posting | State::Posted => return Ok(Requeued::Not(document)),
            }
            let next = document.requeued(now_ms);
            match self.swap(Some(&document), &next, "requeue").await? {
                Write::Done(_) => return Ok(Requeued::Ready(Box::new(next))),
                Write::Conflict(there) => found = there,
            }
        }
        Err(contended("requeue", key))
    }
}

fn is_claimed_by(document: &Document, owner: &str) -> bool {
    document.lease.as_ref().and_then(|lease| lease.owner.as_deref()) == Some(owner)
}

/// Tells whether an earlier try of the same record had been done, though its answer never came: whoever
/// else writes over a claim takes it over, and then the item has an owner.
fn is_recorded(there: &Document, next: &Document) -> bool {
    let owned = there.lease.as_ref().is_some_and(|lease| lease.owner.is_some());
    there.fence == next.fence && there.state == next.state && !owned
}

/// Tells whether the last attempt on an item began so long ago that BIP cannot still be at work on it.
fn has_rested(document: &Document, now_ms: EpochMs) -> bool {
    document.last_posting_at.is_none_or(|last| now_ms - last >= REST_MS)
}

fn started(document: Document, frozen: Option<Frozen>, rested: bool, now_ms: EpochMs) -> Begun {
    Begun::Started(Box::new(claimed(document, frozen, rested, now_ms)))
}

fn claimed(document: Document, frozen: Option<Frozen>, rested: bool, now_ms: EpochMs) -> Started {
    let earlier = if frozen.is_some() { Certainty::PerhapsSaved } else { Certainty::NothingSaved };
    Started {
        attempt: document.attempts,
        late: frozen.is_some() && is_late(document.first_posting_at, now_ms),
        first_posting_at: document.first_posting_at.unwrap_or(now_ms),
        frozen,
        hold: Hold { document, earlier, rested },
    }
}

/// Takes what was sent from the item; the message's own text serves when it brings the same version.
fn frozen(prior: &Document, offered: Option<&NewDocument>) -> Result<Frozen, LedgerError> {
    let kept = prior.source.as_ref().and_then(crate::Source::text);
    let own =
        || offered.filter(|offered| offered.version == prior.version).map(|same| same.source_json.clone());
    let source_json = kept.or_else(own).ok_or_else(|| LedgerError::Unreadable {
        item: prior.key.to_string(),
        attribute: "source",
        problem: "missing or damaged, though the document is not settled",
    })?;
    Ok(Frozen {
        scheme: prior.scheme.clone(),
        version: prior.version.clone(),
        source_json,
        voucher_code: prior.voucher_code.clone(),
    })
}

fn refused(standing: Standing, document: &NewDocument) -> Result<Begun, LedgerError> {
    Ok(match standing {
        Standing::AlreadyPosted => Begun::AlreadyPosted,
        Standing::Superseded => Begun::Superseded,
        Standing::Busy { until_ms } => Begun::Busy { until_ms },
        Standing::Parked => Begun::Parked,
        Standing::Skipped => Begun::Skipped,
        Standing::Waiting => Begun::Waiting,
        Standing::Grouped => Begun::Grouped,
        Standing::Changed(earlier) => Begun::Changed(earlier),
        // `decide` only says so about an item, and `begin` takes that item over.
        Standing::Unsettled => return Err(contended("begin", &document.key)),
    })
}

fn contended(operation: &'static str, key: &DocumentKey) -> LedgerError {
    LedgerError::Contended { operation, item: key.to_string() }
}

fn lost_lease(operation: &'static str, hold: &Hold) -> LedgerError {
    LedgerError::LostLease { operation, item: hold.key().to_string() }
}

impl Hold {
    /// Returns the item as this hold's claim left it.
    pub const fn document(&self) -> &Document {
        &self.document
    }
}
