//! BIP as `protocols/bip.md` §2.5 and §3.2 describe it: keys that answer for an hour and identify for a month,
//! vouchers that are saved although the answer gets lost, codes that are taken, and a list to look them up in.

use std::collections::HashSet;

use dougong_ledger::{Document, EpochMs, State};
use dougong_values::VoucherId;

use crate::world::{Broken, DAY, MINUTE, Order, SECOND, World};

/// How long the client waits for an answer.
const TIMEOUT: EpochMs = 20 * SECOND;
/// How long BIP may go on with a request whose client has given up.
const MOST_WORK: EpochMs = 2 * MINUTE;
/// After so long a key is forgotten.
const KEY_LIFE: EpochMs = 30 * DAY;

#[derive(Debug, Clone)]
pub(crate) struct Voucher {
    pub(crate) id: VoucherId,
    pub(crate) order: Order,
    key: String,
    saved_at: EpochMs,
}

#[derive(Debug, Default)]
pub(crate) struct Bip {
    vouchers: Vec<Voucher>,
    /// What BIP is still at work on, by key, and when it will be done.
    working: Vec<(EpochMs, String, Order)>,
    /// Versions that break a rule of the business, until a person mends what is wrong.
    pub(crate) refused: HashSet<Order>,
}

/// What saving a voucher came to: `SaveOutcome` of `shared/bip/src/outcome.rs`.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Saved(VoucherId),
    Refused,
    CodeTaken,
    /// Throttled, misconfigured, no token, not sent.
    NotTaken,
    Busy,
    Unknown,
}

/// What looking a voucher up by its code came to.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    Found(Voucher),
    Absent,
    Failed,
}

impl Voucher {
    /// The same, as if it were of one of its orders.
    pub(crate) fn as_of(&self, order: Order) -> Self {
        Self { order, ..self.clone() }
    }

    /// Whether its row in the ledger cannot have expired yet.
    pub(crate) fn is_fresh(&self, world: &World) -> bool {
        world.now() - self.saved_at < 300 * DAY
    }
}

impl Bip {
    pub(crate) fn of(&self, document: usize) -> impl Iterator<Item = &Voucher> {
        self.vouchers.iter().filter(move |voucher| voucher.order.document == document)
    }

    pub(crate) fn next_done(&self) -> Option<EpochMs> {
        self.working.iter().map(|(at, ..)| *at).min()
    }

    fn by_key(&self, key: &str, now_ms: EpochMs) -> Option<&Voucher> {
        let mut vouchers = self.vouchers.iter();
        vouchers.find(|voucher| voucher.key == key && now_ms - voucher.saved_at < KEY_LIFE)
    }
}

impl World {
    /// Saves a voucher, or answers what BIP answers instead.
    fn commit(&self, key: &str, order: Order) -> Outcome {
        let now = self.now();
        let bip = self.bip.borrow();
        if let Some(voucher) = bip.by_key(key, now) {
            return Outcome::Saved(voucher.id.clone());
        }
        if bip.refused.contains(&order) {
            return Outcome::Refused;
        }
        if self.code(order).is_some() && bip.of(order.document).next().is_some() {
            return Outcome::CodeTaken;
        }
        let id: VoucherId = (2_001 + bip.vouchers.len()).to_string().parse().unwrap();
        self.say(|| format!("BIP saves {order:?} as {id}"));
        drop(bip);
        let own = [order];
        let booked = self.members(order.document).unwrap_or(&own);
        for twice in booked.iter().filter(|order| !self.vouchers_with(order.document).is_empty()) {
            self.wrong(|| format!("two vouchers for document {}", twice.document));
        }
        let mut bip = self.bip.borrow_mut();
        let facts = self.facts(order);
        let row = self.store.borrow().get(&facts.key).cloned();
        let may_be_in_bip =
            |row: &Document| row.state == State::Posting || row.is_unsettled() || row.posted_at.is_some();
        if !row.as_ref().is_some_and(|row| row.version == facts.version && may_be_in_bip(row)) {
            self.wrong(|| format!("BIP saves {order:?}, of which the ledger says that it cannot: {row:?}"));
        }
        bip.vouchers.push(Voucher { id: id.clone(), order, key: key.to_owned(), saved_at: now });
        Outcome::Saved(id)
    }

    /// BIP is done with the request whose client gave up first.
    pub(crate) fn finish_slow_save(&self) {
        let (_, key, order) = {
            let working = &mut self.bip.borrow_mut().working;
            let first = (0..working.len()).min_by_key(|&index| working[index].0).unwrap();
            working.swap_remove(first)
        };
        let _nobody_hears_it = self.commit(&key, order);
    }

    /// POSTs a voucher once.
    pub(crate) async fn save(&self, order: Order) -> Outcome {
        self.turn().await;
        let key = match self.broken {
            Some(Broken::KeyPerAttempt) => self.claim(),
            _ => match self.members(order.document) {
                // A part's key is made of its members.
                Some(members) => {
                    format!("{:?}", members.iter().map(|member| member.document).collect::<Vec<_>>())
                }
                None => format!("{}", order.document),
            },
        };
        if self.bip.borrow().working.iter().any(|(_, working, _)| *working == key) {
            return Outcome::Unknown; // 202: in progress
        }
        let outcome = match self.deviate(7) {
            0 => self.commit(&key, order),
            1 => Outcome::NotTaken,
            2 => {
                self.sleep(TIMEOUT).await; // lost on its way
                Outcome::Unknown
            }
            3 => {
                drop(self.commit(&key, order));
                self.sleep(TIMEOUT).await; // the answer is lost
                Outcome::Unknown
            }
            4 => {
                let done_at = self.now() + self.between(TIMEOUT + 10 * SECOND, MOST_WORK);
                self.bip.borrow_mut().working.push((done_at, key, order));
                self.sleep(TIMEOUT).await;
                Outcome::Unknown
            }
            5 => Outcome::Busy,
            6 => Outcome::Unknown, // 5xx before anything was done
            _ => {
                // A key that has saved is answered before any rule of the business is asked.
                self.bip.borrow_mut().refused.insert(order);
                self.commit(&key, order)
            }
        };
        self.say(|| format!("  POST {order:?}: {outcome:?}"));
        self.turn().await;
        outcome
    }

    /// Looks a voucher up by its document's code.
    pub(crate) async fn find_by_code(&self, document: usize) -> Lookup {
        self.turn().await;
        let lookup = match self.deviate(1) {
            0 => self.bip.borrow().of(document).next().cloned().map_or(Lookup::Absent, Lookup::Found),
            _ => Lookup::Failed,
        };
        self.say(|| format!("  look-up of {document}: {lookup:?}"));
        self.turn().await;
        lookup
    }
}
