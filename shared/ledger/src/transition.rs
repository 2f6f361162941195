//! How a document moves from state to state: pure, without a store and without a clock.
//!
//! Every function makes the whole next item, with the next fence. The store writes it only if the item is
//! still the one it was made from, so that what is tested here is what happens there.

use dougong_values::{DocumentKey, DocumentKind, RunId, VoucherCode, VoucherId};

use crate::EpochMs;
use crate::document::{Document, DocumentLease, HeldChange, NewDocument, Source, State};

/// How long a posted or skipped document is remembered: 400 days, so that a whole year can be asked for
/// again without booking anything twice.
pub const KEEP_SECONDS: i64 = 400 * 86_400;

/// A worker's claim on a document, to be begun.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// The document as the message brought it.
    pub document: &'a NewDocument,
    /// The code the voucher will carry; `None` where BIP numbers automatically.
    pub voucher_code: Option<&'a VoucherCode>,
    /// The run that asks. The ledger adds a number of its own, so that two messages of one run never share
    /// a lease.
    pub owner: &'a RunId,
    /// When the lease ends: a moment after the worker itself certainly has.
    pub lease_until_ms: EpochMs,
}

/// Why a document is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parking<'a> {
    /// The stable name for grouping, such as `unknown_goods` or `refused`.
    pub reason: &'a str,
    /// Every problem found, as JSON; personal values masked by whoever found them.
    pub problems: &'a str,
}

/// What is known about BIP when a document is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// BIP has nothing of it: it refused, or it was never asked.
    NothingSaved,
    /// An attempt may have been saved: a newer version must not be booked beside it.
    PerhapsSaved,
}

/// Whether an attempt counts when its document goes back to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It failed for the document's own sake.
    Counted,
    /// It never had a chance: BIP throttled it, or there was no slot.
    Uncounted,
}

/// What becomes of a newer version that came while its order was in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBecomes {
    /// It is held for a person.
    Held,
    /// It is dropped: the scheme ignores changes of what is booked.
    Ignored,
}

/// The reason of a document that a person decided not to book.
pub const BY_HAND: &str = "by_hand";

/// The reason of a part that was given up.
pub const DISSOLVED: &str = "dissolved";

impl Document {
    /// Makes a document that nobody has tried yet.
    pub fn queued(new: &NewDocument, now_ms: EpochMs) -> Self {
        Self {
            key: new.key.clone(),
            scheme: new.scheme.clone(),
            state: State::Queued,
            version: new.version.clone(),
            modified: new.modified,
            day: new.day,
            amount: new.amount,
            source: Source::pack(&new.source_json),
            warnings: new.warnings.clone(),
            attempts: 0,
            fence: 1,
            lease: None,
            first_posting_at: None,
            last_posting_at: None,
            unknown_since: None,
            voucher_code: None,
            voucher_id: None,
            posted_at: None,
            parked_at: None,
            reason: None,
            problems: None,
            held: None,
            merged: None,
            due_at: None,
            first_seen: now_ms,
            updated_at: now_ms,
            expires_at: None,
        }
    }

    fn next(&self, now_ms: EpochMs) -> Self {
        Self { fence: self.fence + 1, updated_at: now_ms, ..self.clone() }
    }

    /// Makes the item of a version that replaces `prior` as a whole, as far as `prior` is still trusted.
    fn replacing(prior: Option<&Self>, new: &NewDocument, now_ms: EpochMs) -> Self {
        let mut next = Self::queued(new, now_ms);
        if let Some(prior) = prior {
            next.fence = prior.fence + 1;
            if !prior.is_expired(now_ms) {
                next.first_seen = prior.first_seen;
                if prior.version == new.version {
                    next.attempts = prior.attempts;
                }
            }
        }
        next
    }

    /// Begins a free version (`decide` says which are): from here on it may be in BIP.
    #[must_use]
    pub fn started(prior: Option<&Self>, begin: &Begin<'_>, owner: &str, now_ms: EpochMs) -> Self {
        let mut next = Self::replacing(prior, begin.document, now_ms);
        next.state = State::Posting;
        next.attempts += 1;
        next.lease = Some(DocumentLease { owner: Some(owner.to_owned()), until_ms: begin.lease_until_ms });
        next.first_posting_at = Some(now_ms);
        next.last_posting_at = Some(now_ms);
        next.voucher_code = begin.voucher_code.cloned();
        next
    }

    /// Takes over an unsettled document, with the version and the code that were sent, whatever version
    /// the message brings that leads to it.
    #[must_use]
    pub fn taken_over(&self, owner: &str, lease_until_ms: EpochMs, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.attempts += 1;
        next.lease = Some(DocumentLease { owner: Some(owner.to_owned()), until_ms: lease_until_ms });
        next.last_posting_at = Some(now_ms);
        next
    }

    /// Records that BIP holds the voucher.
    #[must_use]
    pub fn posted(&self, id: &VoucherId, code: Option<&VoucherCode>, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Posted;
        next.voucher_id = Some(id.clone());
        next.voucher_code = code.or(self.voucher_code.as_ref()).cloned();
        next.posted_at = Some(now_ms);
        next.expires_at = Some(now_ms.div_euclid(1000) + self.kept_for());
        if !matches!(self.key.kind(), DocumentKind::Outbound | DocumentKind::Merged) {
            // What was shipped for a transferring order is told line by line, and a merged voucher lists its members:
            // these are still needed.
            next.source = None;
        }
        next.lease = None;
        next.unknown_since = None;
        next.reason = None;
        next.problems = None;
        next.show_held(now_ms);
        next
    }

    /// Records that a person has to look at it.
    #[must_use]
    pub fn parked(&self, parking: &Parking<'_>, certainty: Certainty, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Parked;
        next.parked_at = Some(now_ms);
        next.lease = None;
        next.reason = Some(parking.reason.to_owned());
        next.problems = Some(parking.problems.to_owned());
        if certainty == Certainty::NothingSaved {
            next.nothing_sent();
        }
        next
    }

    /// Records that this attempt did not reach BIP. If an earlier one may have, the document stays unsettled
    /// with its lease ended; otherwise it goes back to the queue.
    #[must_use]
    pub fn queued_again(&self, earlier: Certainty, attempt: Attempt, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.lease = None;
        if attempt == Attempt::Uncounted {
            next.attempts = next.attempts.saturating_sub(1);
        }
        if earlier == Certainty::NothingSaved {
            next.state = State::Queued;
            next.reason = None;
            next.nothing_sent();
            next.voucher_code = None;
            next.show_held(now_ms);
        }
        next
    }

    /// Records that nobody knows whether BIP saved it. Nobody may try before `again_at_ms`.
    #[must_use]
    pub fn unknown(&self, reason: &str, again_at_ms: EpochMs, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.lease = Some(DocumentLease { owner: None, until_ms: again_at_ms });
        next.unknown_since = self.unknown_since.or(Some(now_ms));
        next.reason = Some(reason.to_owned());
        next
    }

    /// Parks a free version that is never sent: it could not be mapped, read, or put into the queue.
    #[must_use]
    pub fn set_aside(
        prior: Option<&Self>,
        new: &NewDocument,
        parking: &Parking<'_>,
        now_ms: EpochMs,
    ) -> Self {
        let mut next = Self::replacing(prior, new, now_ms);
        next.state = State::Parked;
        next.parked_at = Some(now_ms);
        next.reason = Some(parking.reason.to_owned());
        next.problems = Some(parking.problems.to_owned());
        next
    }

    /// Records that a free version is deliberately not booked.
    #[must_use]
    pub fn skipped(prior: Option<&Self>, new: &NewDocument, reason: &str, now_ms: EpochMs) -> Self {
        let mut next = Self::replacing(prior, new, now_ms);
        next.state = State::Skipped;
        if new.key.kind() == DocumentKind::Stockout {
            // WDT can be asked for it again; a bill was told once, and may be booked after all.
            next.source = None;
        }
        next.reason = Some(reason.to_owned());
        next.expires_at = Some(now_ms.div_euclid(1000) + KEEP_SECONDS);
        next
    }

    /// Holds a changed version back beside the one that is booked, or may be. The row no longer expires:
    /// it waits for a person.
    #[must_use]
    pub fn holding(&self, new: &NewDocument, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Parked;
        next.parked_at = Some(now_ms);
        next.reason = Some(CHANGED.to_owned());
        next.expires_at = None;
        next.held = Some(HeldChange::of(new));
        next
    }

    /// Makes a free version wait in a group.
    #[must_use]
    pub fn grouped(
        prior: Option<&Self>,
        new: &NewDocument,
        group: &DocumentKey,
        due_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Self {
        let mut next = Self::replacing(prior, new, now_ms);
        next.merged = Some(group.clone());
        next.due_at = Some(due_ms);
        // Where it is listed, this says what it waits for.
        next.reason = Some(group.to_string());
        next
    }

    /// Attaches a newer version to one that waits in a group.
    #[must_use]
    pub fn attaching(&self, new: &NewDocument, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.held = Some(HeldChange::of(new));
        next
    }

    /// Takes it out of its group: it is queued as if it had come just now, in the version attached to it, if any.
    #[must_use]
    pub fn released(&self, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.merged = None;
        next.due_at = None;
        next.reason = None;
        next.take_held();
        next
    }

    /// Records that it was booked within a merged voucher.
    #[must_use]
    pub fn booked_in(&self, part: &Self, held: HeldBecomes, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Posted;
        next.merged = Some(part.key.clone());
        next.due_at = None;
        next.reason = None;
        next.voucher_id.clone_from(&part.voucher_id);
        next.voucher_code.clone_from(&part.voucher_code);
        next.posted_at = part.posted_at.or(Some(now_ms));
        next.expires_at = Some(now_ms.div_euclid(1000) + KEEP_SECONDS);
        next.source = None;
        match held {
            HeldBecomes::Ignored => next.held = None,
            HeldBecomes::Held => next.show_held(now_ms),
        }
        next
    }

    /// Gives up a part of which BIP has nothing. It keeps no list of members: they are free again.
    #[must_use]
    pub fn dissolved(&self, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Skipped;
        next.parked_at = None;
        next.source = None;
        next.reason = Some(DISSOLVED.to_owned());
        next.expires_at = Some(now_ms.div_euclid(1000) + self.kept_for());
        next
    }

    /// Puts a parked or skipped document back for another try with the mapping of today. One that may have reached BIP
    /// becomes unsettled, so that it is settled first; otherwise a change that is held takes its place.
    #[must_use]
    pub fn requeued(&self, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.attempts = 0;
        next.parked_at = None;
        next.expires_at = None;
        next.problems = None;
        if self.is_unsettled() {
            next.state = State::Posting;
            next.unknown_since = self.unknown_since.or(Some(now_ms));
        } else {
            next.state = State::Queued;
            next.reason = None;
            next.take_held();
        }
        next
    }

    /// Records that a person decided not to book it. Its text stays, so that it can still be sent again.
    #[must_use]
    pub fn skipped_by_hand(&self, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Skipped;
        next.parked_at = None;
        next.lease = None;
        next.reason = Some(BY_HAND.to_owned());
        next.expires_at = Some(now_ms.div_euclid(1000) + KEEP_SECONDS);
        if !self.is_unsettled() {
            next.take_held();
        }
        next
    }

    /// Records that a person has made the voucher in BIP say what the held change says: that version is booked now.
    #[must_use]
    pub fn change_accepted(&self, now_ms: EpochMs) -> Self {
        let mut next = self.booked_again(now_ms);
        next.take_held();
        next.source = None;
        next
    }

    /// Records that a person decided to leave the voucher as it is. The change is remembered without its text, so that it
    /// is not held again when it comes again.
    #[must_use]
    pub fn change_dismissed(&self, now_ms: EpochMs) -> Self {
        let mut next = self.booked_again(now_ms);
        if let Some(held) = &mut next.held {
            held.source = None;
        }
        next
    }

    fn booked_again(&self, now_ms: EpochMs) -> Self {
        let mut next = self.next(now_ms);
        next.state = State::Posted;
        next.parked_at = None;
        next.reason = None;
        next.problems = None;
        next.expires_at = Some(now_ms.div_euclid(1000) + self.kept_for());
        next
    }

    /// A change that came while it was on its way needs a person now.
    fn show_held(&mut self, now_ms: EpochMs) {
        if self.held.is_some() {
            self.state = State::Parked;
            self.parked_at = Some(now_ms);
            self.reason = Some(CHANGED.to_owned());
            self.expires_at = None;
        }
    }

    /// Lets a held change take the place of the version it changes.
    fn take_held(&mut self) {
        if let Some(held) = self.held.take() {
            self.version = held.version;
            self.modified = held.modified;
            self.amount = held.amount;
            self.source = held.source;
            self.warnings = None;
        }
    }

    /// How long it is remembered once it is done. A merged voucher outlives its members by far: what is in it follows
    /// from it alone.
    fn kept_for(&self) -> i64 {
        if self.key.kind() == DocumentKind::Merged { 3 * KEEP_SECONDS } else { KEEP_SECONDS }
    }

    fn nothing_sent(&mut self) {
        self.first_posting_at = None;
        self.last_posting_at = None;
        self.unknown_since = None;
    }
}

impl HeldChange {
    fn of(new: &NewDocument) -> Self {
        Self {
            version: new.version.clone(),
            modified: new.modified,
            amount: new.amount,
            source: Source::pack(&new.source_json),
        }
    }
}

/// The reason of a document whose changed version is held back.
pub const CHANGED: &str = "changed";
