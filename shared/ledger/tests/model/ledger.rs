//! `src/documents.rs` step by step over the modelled store: the decisions and the transitions are the real ones.

use dougong_ledger::{
    Attempt, Begin, Certainty, Document, EpochMs, Meaning, Parking, Standing, State, decide, is_late,
};
use dougong_values::VoucherId;

use crate::store::{Request, Unavailable, Write, owner_of};
use crate::world::{Broken, Order, SECOND, World};

/// How often an item is written again when others write it in between.
const TRIES: usize = 32;
/// An attempt that began so long ago has ended for certain.
const REST: EpochMs = 300 * SECOND;
/// A worker's own time, and how much longer its lease lasts.
pub(crate) const LEASE: EpochMs = 65 * SECOND;

#[derive(Debug)]
pub(crate) enum Failure {
    Unavailable,
    Contended,
    LostLease,
    OtherVoucher,
}

impl From<Unavailable> for Failure {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Failure {
    const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Contended)
    }
}

/// `Hold`.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) document: Document,
    pub(crate) earlier: Certainty,
    pub(crate) rested: bool,
}

fn has_rested(document: &Document, now_ms: EpochMs) -> bool {
    document.last_posting_at.is_none_or(|last| now_ms - last >= REST)
}

/// `Started`.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) hold: Hold,
    /// The version an earlier attempt sent, if one may have.
    pub(crate) frozen: Option<Order>,
    pub(crate) late: bool,
}

/// `Begun`, without the answers that end the message in the same way.
#[derive(Debug)]
pub(crate) enum Begun {
    Started(Box<Started>),
    Done,
    Busy { until_ms: EpochMs },
    Changed,
    Grouped,
}

/// `SetAside`.
#[derive(Debug)]
pub(crate) enum SetAside {
    Done,
    Not(Standing),
    Free,
}

/// `TakeOver`.
#[derive(Debug)]
pub(crate) enum TakeOver {
    Started(Box<Started>),
    Busy { until_ms: EpochMs },
    Settled,
}

impl World {
    fn claimed(&self, document: Document, frozen: Option<Order>, rested: bool) -> Started {
        let earlier = if frozen.is_some() { Certainty::PerhapsSaved } else { Certainty::NothingSaved };
        let late = frozen.is_some() && is_late(document.first_posting_at, self.now());
        Started { late, frozen, hold: Hold { document, earlier, rested } }
    }

    fn started(&self, order: Order, document: Document, frozen: Option<Order>, rested: bool) -> Begun {
        let is_booked = || self.vouchers_with(order.document).iter().any(|voucher| voucher.is_fresh(self));
        if frozen.is_none() && is_booked() {
            self.wrong(|| format!("{order:?} is begun afresh though the document is booked"));
        }
        Begun::Started(Box::new(self.claimed(document, frozen, rested)))
    }

    /// The version that was sent, with its text.
    fn frozen(&self, document: usize, item: &Document) -> Order {
        let order = self.order(document, &item.version);
        let text = item.source.as_ref().and_then(dougong_ledger::Source::text);
        if text.as_deref() != Some(&self.facts(order).source_json) {
            self.wrong(|| format!("the text of {order:?} is gone though it is not settled"));
        }
        order
    }

    /// `Ledger::note_queued`.
    pub(crate) async fn note_queued(&self, order: Order) -> Result<(), Failure> {
        let document = Document::queued(self.facts(order), self.now());
        match self.write(Request::Queued(document)).await? {
            Write::Done(_) | Write::Conflict(Some(_)) => Ok(()),
            Write::Conflict(None) | Write::LostLease => Err(Failure::Contended),
        }
    }

    /// `Ledger::begin`.
    pub(crate) async fn begin(&self, order: Order, lease_until_ms: EpochMs) -> Result<Begun, Failure> {
        let owner = self.claim();
        let (now, run) = (self.now(), "run".parse().unwrap());
        let begin = Begin {
            document: self.facts(order),
            voucher_code: self.code(order),
            owner: &run,
            lease_until_ms,
        };
        let fresh = Document::started(None, &begin, &owner, now);
        let mut found = match self.write(Request::Started(fresh)).await? {
            Write::Done(document) => return Ok(self.started(order, document, None, true)),
            Write::Conflict(there) => there,
            Write::LostLease => return Err(Failure::LostLease),
        };
        if let Some(own) = found.take_if(|there| owner_of(there) == Some(&owner)) {
            return Ok(self.started(order, own, None, true));
        }
        for _ in 0..TRIES {
            let (next, frozen) = match (decide(found.as_ref(), begin.document, now), found.as_ref()) {
                (Meaning::Free, prior) => (Document::started(prior, &begin, &owner, now), None),
                (Meaning::Not(Standing::Unsettled), Some(prior)) if self.is_broken(Broken::NotFrozen) => {
                    (Document::started(Some(prior), &begin, &owner, now), Some(order))
                }
                (Meaning::Not(Standing::Unsettled), Some(prior)) => {
                    let frozen = self.frozen(order.document, prior);
                    (prior.taken_over(&owner, lease_until_ms, now), Some(frozen))
                }
                (Meaning::Not(Standing::Changed(_)), Some(prior)) if self.is_broken(Broken::BookedOver) => {
                    (Document::started(Some(prior), &begin, &owner, now), None)
                }
                (Meaning::Not(Standing::Busy { until_ms }), _) => return Ok(Begun::Busy { until_ms }),
                (Meaning::Not(Standing::Changed(_)), _) => return Ok(Begun::Changed),
                (Meaning::Not(Standing::Grouped), _) => return Ok(Begun::Grouped),
                (Meaning::Not(Standing::Unsettled), None) => return Err(Failure::Contended),
                (Meaning::Not(standing), _) => {
                    self.say(|| format!("  {order:?} is done: {standing:?}"));
                    return Ok(Begun::Done);
                }
            };
            let rested = found.as_ref().is_none_or(|prior| has_rested(prior, now));
            match self.swap(found.as_ref(), next).await? {
                Write::Done(next) => return Ok(self.started(order, next, frozen, rested)),
                Write::Conflict(there) => found = there,
                Write::LostLease => return Err(Failure::LostLease),
            }
        }
        Err(Failure::Contended)
    }

    pub(crate) async fn swap(&self, prior: Option<&Document>, next: Document) -> Result<Write, Unavailable> {
        self.write(Request::Swap { prior: prior.map(|prior| prior.fence), next }).await
    }

    /// `Ledger::take_over`.
    pub(crate) async fn take_over(&self, order: Order, lease_until_ms: EpochMs) -> Result<TakeOver, Failure> {
        let (owner, now) = (self.claim(), self.now());
        let mut found = self.read(&self.facts(order).key).await?;
        for _ in 0..TRIES {
            let Some(prior) = found.take_if(|document| document.state == State::Posting) else {
                return Ok(TakeOver::Settled);
            };
            if let Some(lease) = prior.lease.as_ref().filter(|lease| lease.until_ms > now) {
                return Ok(TakeOver::Busy { until_ms: lease.until_ms });
            }
            let frozen = self.frozen(order.document, &prior);
            let next = prior.taken_over(&owner, lease_until_ms, now);
            match self.swap(Some(&prior), next).await? {
                Write::Done(next) => {
                    let rested = has_rested(&prior, now);
                    return Ok(TakeOver::Started(Box::new(self.claimed(next, Some(frozen), rested))));
                }
                Write::Conflict(there) => found = there,
                Write::LostLease => return Err(Failure::LostLease),
            }
        }
        Err(Failure::Contended)
    }

    /// `Ledger::record_posted`, and `Deliver::lasting` around it.
    pub(crate) async fn record_posted(&self, hold: &Hold, id: &VoucherId) -> Result<(), Failure> {
        let code = hold.document.voucher_code.as_ref();
        self.record(hold, |now| hold.document.posted(id, code, now), Some(id)).await
    }

    /// `Ledger::record_parked`.
    pub(crate) async fn record_parked(
        &self,
        hold: &Hold,
        reason: &str,
        certainty: Certainty,
    ) -> Result<(), Failure> {
        let parking = Parking { reason, problems: "[]" };
        self.record(hold, |now| hold.document.parked(&parking, certainty, now), None).await
    }

    /// `Ledger::record_queued_again`.
    pub(crate) async fn record_queued_again(&self, hold: &Hold, attempt: Attempt) -> Result<(), Failure> {
        self.record(hold, |now| hold.document.queued_again(hold.earlier, attempt, now), None).await
    }

    /// `Ledger::record_unknown`.
    pub(crate) async fn record_unknown(&self, hold: &Hold, again_at_ms: EpochMs) -> Result<(), Failure> {
        self.record(hold, |now| hold.document.unknown("timeout", again_at_ms, now), None).await
    }

    async fn record(
        &self,
        hold: &Hold,
        next: impl Fn(EpochMs) -> Document,
        id: Option<&VoucherId>,
    ) -> Result<(), Failure> {
        let mut pause = 200;
        for _ in 0..3 {
            match self.record_once(hold, next(self.now()), id).await {
                Err(failure) if failure.is_retryable() => self.sleep(pause).await,
                done => return done,
            }
            pause *= 3;
        }
        self.record_once(hold, next(self.now()), id).await
    }

    async fn record_once(&self, hold: &Hold, next: Document, id: Option<&VoucherId>) -> Result<(), Failure> {
        self.say(|| format!("  record as {} ({:?})", next.state, next.reason));
        let claimed = &hold.document;
        let owner = owner_of(claimed).cloned().unwrap_or_default();
        let request = Request::Record { fence: claimed.fence, owner, next: next.clone() };
        let there = match self.write(request).await? {
            Write::Done(_) => return Ok(()),
            Write::Conflict(there) => there,
            Write::LostLease => return Err(Failure::LostLease),
        };
        if let Some(id) = id {
            return match there.and_then(|there| there.voucher_id) {
                Some(recorded) if recorded == *id => Ok(()),
                Some(_) => Err(Failure::OtherVoucher),
                None => Err(Failure::LostLease),
            };
        }
        let is_recorded = |there: &Document| {
            there.fence == next.fence && there.state == next.state && owner_of(there).is_none()
        };
        if there.as_ref().is_some_and(is_recorded) { Ok(()) } else { Err(Failure::LostLease) }
    }

    /// `Ledger::park`.
    pub(crate) async fn park(&self, order: Order, reason: &str) -> Result<SetAside, Failure> {
        let (now, facts) = (self.now(), self.facts(order));
        let parking = Parking { reason, problems: "[]" };
        self.set_aside(order, |prior, meaning| match meaning {
            Meaning::Free => Ok(Document::set_aside(prior, facts, &parking, now)),
            Meaning::Not(standing) => Err(SetAside::Not(standing)),
        })
        .await
    }

    /// `Ledger::hold_changed`.
    pub(crate) async fn hold_changed(&self, order: Order) -> Result<SetAside, Failure> {
        let (now, facts) = (self.now(), self.facts(order));
        self.set_aside(order, |prior, meaning| match (meaning, prior) {
            (Meaning::Not(Standing::Changed(_)), Some(prior)) => Ok(prior.holding(facts, now)),
            (Meaning::Not(standing), _) => Err(SetAside::Not(standing)),
            (Meaning::Free, _) => Err(SetAside::Free),
        })
        .await
    }

    pub(crate) async fn set_aside(
        &self,
        order: Order,
        next: impl Fn(Option<&Document>, Meaning) -> Result<Document, SetAside>,
    ) -> Result<SetAside, Failure> {
        let (now, facts) = (self.now(), self.facts(order));
        let mut found = self.read(&facts.key).await?;
        for _ in 0..TRIES {
            let next = match next(found.as_ref(), decide(found.as_ref(), facts, now)) {
                Ok(next) => next,
                Err(otherwise) => return Ok(otherwise),
            };
            match self.swap(found.as_ref(), next).await? {
                Write::Done(_) => return Ok(SetAside::Done),
                Write::Conflict(there) => found = there,
                Write::LostLease => return Err(Failure::LostLease),
            }
        }
        Err(Failure::Contended)
    }

    /// `Ledger::requeue`: the version whose text is to be sent now.
    pub(crate) async fn requeue(&self, document: usize) -> Result<Option<Order>, Failure> {
        let now = self.now();
        let mut found = self.read(&self.script(document).versions[0].key).await?;
        for _ in 0..TRIES {
            let Some(item) = found.take_if(|item| !item.is_expired(now)) else { return Ok(None) };
            let leased = item.lease.as_ref().is_some_and(|lease| lease.until_ms > now);
            let order = self.order(document, &item.version);
            match item.state {
                _ if item.source.is_none() || item.held.is_some() => return Ok(None),
                State::Queued => return Ok(Some(order)),
                State::Posting if !leased => return Ok(Some(order)),
                State::Parked => {}
                State::Posting | State::Posted | State::Skipped => return Ok(None),
            }
            match self.swap(Some(&item), item.requeued(now)).await? {
                Write::Done(_) => return Ok(Some(order)),
                Write::Conflict(there) => found = there,
                Write::LostLease => return Err(Failure::LostLease),
            }
        }
        Err(Failure::Contended)
    }
}
