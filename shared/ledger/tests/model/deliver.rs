//! The ladder of `functions/deliver` (`prepare.rs`, `settle.rs`, `batch.rs`, `backoff.rs`), step by step, for one
//! message. A task that is dropped at any `await` is a worker that crashed there.

use std::rc::Rc;

use dougong_ledger::{Attempt, Certainty, EpochMs, Standing, State};
use dougong_values::{DocumentKind, VoucherId};

use crate::bip::{Lookup, Outcome, Voucher};
use crate::ledger::{Begun, Failure, Hold, LEASE, SetAside, Started, TakeOver};
use crate::queue::Message;
use crate::world::{Broken, Order, SECOND, World};

const AFTER_UNKNOWN: EpochMs = 5 * SECOND;
/// Fewer than the real ones, so that they are used up now and then.
const MOST_BUSY_ATTEMPTS: u32 = 2;

/// `Ending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Again(Again),
}

/// `Again`: throttled, misconfigured and without a slot are one here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Soon,
    Growing,
    Unknown,
    At(EpochMs),
    Throttled,
}

enum Prepared {
    Ended(Ending),
    Held(Box<Held>),
}

/// `Held`: `order` is what is sent, if today's mapping can map it.
struct Held {
    hold: Hold,
    document: usize,
    order: Option<Order>,
    coded: bool,
    late: bool,
    settles_other: bool,
}

/// One invocation with one message.
pub(crate) async fn deliver(world: Rc<World>, message: Message) {
    let worker = Worker { world: &world, lease_until: world.now() + LEASE };
    let ending = match worker.deliver(message.order).await {
        Ok(ending) => ending,
        Err(Failure::OtherVoucher) => {
            world.wrong(|| format!("{:?} is booked under another voucher", message.order));
            Ending::Done
        }
        Err(failure) => {
            world.say(|| format!("  failed: {failure:?}"));
            Ending::Again(Again::Growing)
        }
    };
    world.say(|| format!("message {} ends: {ending:?}", message.id));
    let wait = match ending {
        Ending::Done => return world.delete(message.id).await,
        Ending::Again(Again::Soon) => SECOND,
        Ending::Again(Again::Growing) => growing(5, message.receives),
        Ending::Again(Again::Unknown) => growing(6, message.receives),
        Ending::Again(Again::At(instant)) => (instant - world.now()).max(0) + SECOND,
        Ending::Again(Again::Throttled) => 61 * SECOND,
    };
    world.delay(message.id, wait).await;
}

fn growing(first: i64, receives: u32) -> EpochMs {
    (first << receives.saturating_sub(1).min(20)).min(3_600) * SECOND
}

struct Worker<'a> {
    world: &'a World,
    lease_until: EpochMs,
}

impl Worker<'_> {
    async fn deliver(&self, message: Order) -> Result<Ending, Failure> {
        let held = match self.prepare(message).await? {
            Prepared::Ended(ending) => return Ok(ending),
            Prepared::Held(held) => *held,
        };
        let settles_other = held.settles_other;
        let ending = if self.world.deviate(1) > 0 {
            self.give_back(&held.hold, Attempt::Uncounted, Again::Throttled).await? // no slot
        } else {
            self.settle(held).await?
        };
        let comes_back = settles_other && ending == Ending::Done;
        Ok(if comes_back { Ending::Again(Again::Soon) } else { ending })
    }

    fn maps(&self, order: Order) -> bool {
        match self.world.members(order.document) {
            Some(members) => members.iter().all(|&member| self.maps(member)),
            None => !self.world.unmappable.borrow().contains(&order),
        }
    }

    /// `Deliver::group`.
    async fn group(&self, message: Order) -> Result<Prepared, Failure> {
        let ending = match self.world.group(message).await? {
            SetAside::Done => Ending::Done,
            SetAside::Not(Standing::Grouped) => self.attach(message).await?,
            SetAside::Not(Standing::Unsettled) => return self.take_over(message).await,
            SetAside::Not(Standing::Changed(_)) => self.changed(message).await?,
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        };
        Ok(Prepared::Ended(ending))
    }

    /// `Deliver::attach`.
    async fn attach(&self, message: Order) -> Result<Ending, Failure> {
        Ok(match self.world.attach(message).await? {
            SetAside::Done => Ending::Done,
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        })
    }

    /// `Deliver::prepare_part`, up to beginning it; none when it may begin.
    async fn prepare_part(&self, message: Order, members: &[Order]) -> Result<Option<Prepared>, Failure> {
        let there = self.world.read(&self.world.facts(message).key).await?;
        if let Some(part) = there.filter(|part| part.state == State::Posted) {
            self.world.book_members(&part).await?;
            return Ok(Some(Prepared::Ended(Ending::Done)));
        }
        for &member in members {
            let facts = self.world.facts(member);
            let there = self.world.read(&facts.key).await?;
            if there.is_none_or(|there| there.version != facts.version) {
                self.world.wrong(|| format!("{member:?} of {message:?} is astray"));
                return self.park(message, "member_astray").await.map(Some);
            }
        }
        Ok(None)
    }

    async fn prepare(&self, message: Order) -> Result<Prepared, Failure> {
        let members = self.world.members(message.document);
        if let Some(members) = members
            && let Some(prepared) = self.prepare_part(message, members).await?
        {
            return Ok(prepared);
        }
        if !self.maps(message) {
            return self.park(message, "unknown_goods").await;
        }
        if members.is_none() && self.world.groups.merging.get() {
            return self.group(message).await;
        }
        let ending = match self.world.begin(message, self.lease_until).await? {
            Begun::Started(started) => return Ok(self.held(message, *started)),
            Begun::Done => Ending::Done,
            Begun::Busy { .. } if self.world.is_broken(Broken::DoneWhenBusy) => Ending::Done,
            Begun::Busy { until_ms } => Ending::Again(Again::At(until_ms)),
            Begun::Changed => self.changed(message).await?,
            Begun::Grouped => self.attach(message).await?,
        };
        Ok(Prepared::Ended(ending))
    }

    fn held(&self, message: Order, started: Started) -> Prepared {
        let Started { hold, frozen, late } = started;
        let order = frozen.unwrap_or(message);
        Prepared::Held(Box::new(Held {
            coded: hold.document.voucher_code.is_some(),
            settles_other: order != message,
            document: message.document,
            order: Some(order).filter(|order| self.maps(*order)),
            hold,
            late,
        }))
    }

    async fn changed(&self, message: Order) -> Result<Ending, Failure> {
        Ok(match self.world.hold_changed(message).await? {
            SetAside::Done => Ending::Done,
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        })
    }

    async fn park(&self, message: Order, reason: &str) -> Result<Prepared, Failure> {
        let ending = match self.world.park(message, reason).await? {
            SetAside::Done => Ending::Done,
            SetAside::Not(Standing::Unsettled) => return self.take_over(message).await,
            SetAside::Not(Standing::Changed(_)) => self.changed(message).await?,
            SetAside::Not(Standing::Grouped) => self.attach(message).await?,
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        };
        Ok(Prepared::Ended(ending))
    }

    async fn take_over(&self, message: Order) -> Result<Prepared, Failure> {
        Ok(match self.world.take_over(message, self.lease_until).await? {
            TakeOver::Started(started) => self.held(message, *started),
            TakeOver::Busy { until_ms } => Prepared::Ended(Ending::Again(Again::At(until_ms))),
            TakeOver::Settled => Prepared::Ended(Ending::Again(Again::Soon)),
        })
    }

    async fn settle(&self, held: Held) -> Result<Ending, Failure> {
        let Held { mut hold, document, order, coded, late, .. } = held;
        if (late && !self.world.is_broken(Broken::NoLookUp)) || order.is_none() {
            if !coded {
                return self.park_unknown(&hold).await;
            }
            match self.world.find_by_code(document).await {
                Lookup::Found(found) => return self.found(&hold, order, &found).await,
                Lookup::Absent if (late && hold.rested) || self.world.is_broken(Broken::AbsentAtOnce) => {
                    hold.earlier = Certainty::NothingSaved;
                }
                Lookup::Absent => {}
                Lookup::Failed => return self.give_back(&hold, Attempt::Uncounted, Again::Growing).await,
            }
        }
        let Some(order) = order else {
            let again = match hold.earlier {
                Certainty::NothingSaved => Again::Soon,
                Certainty::PerhapsSaved => Again::Growing,
            };
            return self.give_back(&hold, Attempt::Uncounted, again).await;
        };
        let outcome = self.world.save(order).await;
        self.record(&hold, order, outcome).await
    }

    async fn record(&self, hold: &Hold, order: Order, outcome: Outcome) -> Result<Ending, Failure> {
        match outcome {
            Outcome::Saved(id) => self.posted(hold, &id).await,
            Outcome::CodeTaken => match self.world.find_by_code(order.document).await {
                Lookup::Found(found) => self.found(hold, Some(order), &found).await,
                Lookup::Absent => self.parked(hold, "refused", Certainty::NothingSaved).await,
                Lookup::Failed => self.give_back(hold, Attempt::Uncounted, Again::Growing).await,
            },
            Outcome::Refused => self.parked(hold, "refused", Certainty::NothingSaved).await,
            Outcome::NotTaken => self.give_back(hold, Attempt::Uncounted, Again::Throttled).await,
            Outcome::Busy if hold.document.attempts >= MOST_BUSY_ATTEMPTS => {
                let forgetful = self.world.is_broken(Broken::BusyIsNothing);
                let earlier = if forgetful { Certainty::NothingSaved } else { hold.earlier };
                self.parked(hold, "busy", earlier).await
            }
            Outcome::Busy => self.give_back(hold, Attempt::Counted, Again::Growing).await,
            Outcome::Unknown if self.world.is_broken(Broken::UnknownIsNothing) => {
                let document = hold.document.clone();
                let forgetful = Hold { document, earlier: Certainty::NothingSaved, rested: true };
                self.give_back(&forgetful, Attempt::Counted, Again::Growing).await
            }
            Outcome::Unknown => {
                let again_at = self.world.now() + AFTER_UNKNOWN;
                self.world.record_unknown(hold, again_at).await?;
                Ok(Ending::Again(Again::Unknown))
            }
        }
    }

    /// A voucher of our code is in BIP: it is ours if the amounts agree.
    async fn found(&self, hold: &Hold, order: Option<Order>, found: &Voucher) -> Result<Ending, Failure> {
        let Some(order) = order else { return self.park_unknown(hold).await };
        if self.world.facts(order).amount == self.world.facts(found.order).amount {
            return self.posted(hold, &found.id).await;
        }
        self.parked(hold, "code_taken", Certainty::PerhapsSaved).await
    }

    async fn posted(&self, hold: &Hold, id: &VoucherId) -> Result<Ending, Failure> {
        self.world.record_posted(hold, id).await?;
        if hold.document.key.kind() == DocumentKind::Merged {
            let code = hold.document.voucher_code.as_ref();
            self.world.book_members(&hold.document.posted(id, code, self.world.now())).await?;
        }
        Ok(Ending::Done)
    }

    async fn parked(&self, hold: &Hold, reason: &str, certainty: Certainty) -> Result<Ending, Failure> {
        self.world.record_parked(hold, reason, certainty).await?;
        Ok(Ending::Done)
    }

    async fn park_unknown(&self, hold: &Hold) -> Result<Ending, Failure> {
        self.parked(hold, "unknown_outcome", Certainty::PerhapsSaved).await
    }

    async fn give_back(&self, hold: &Hold, attempt: Attempt, again: Again) -> Result<Ending, Failure> {
        self.world.record_queued_again(hold, attempt).await?;
        Ok(Ending::Again(again))
    }
}

/// `after` of `prepare.rs`.
fn after(standing: &Standing) -> Ending {
    match standing {
        Standing::AlreadyPosted
        | Standing::Superseded
        | Standing::Parked
        | Standing::Skipped
        | Standing::Waiting
        | Standing::Grouped => Ending::Done,
        Standing::Busy { until_ms } => Ending::Again(Again::At(*until_ms)),
        Standing::Unsettled | Standing::Changed(_) => Ending::Again(Again::Soon),
    }
}
