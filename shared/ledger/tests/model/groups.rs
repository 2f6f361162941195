//! Merged vouchers: `src/merging.rs`, `functions/deliver/src/merged.rs` and `functions/sweep/src/close.rs`, step by step.
//! All orders of a merging world are one group.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use dougong_ledger::{Document, EpochMs, HeldBecomes, Meaning, NewDocument, Standing, State};
use dougong_values::{DocumentKey, Version};

use crate::bip::Voucher;
use crate::ledger::{Failure, LEASE, SetAside};
use crate::store::{Request, Write};
use crate::world::{Broken, MINUTE, Order, Script, World};

/// Orders of a part at most.
const MOST_MEMBERS: usize = 3;
/// Parts that closings try to make in a world at most.
const MOST_PARTS: usize = 200;
/// A part that nobody has touched for so long gets a message again.
const QUIET: EpochMs = 15 * MINUTE;

/// The lists that closings tried to make parts of.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Whether orders are merged; somebody may change that.
    pub(crate) merging: std::cell::Cell<bool>,
    lists: Vec<OnceCell<Box<List>>>,
}

/// A list of members, and the document of the part that it becomes.
#[derive(Debug)]
struct List {
    script: Script,
    members: Vec<Order>,
}

impl Groups {
    pub(crate) fn of(merging: bool) -> Self {
        let lists = if merging { MOST_PARTS } else { 0 };
        Self { merging: merging.into(), lists: (0..lists).map(|_| OnceCell::new()).collect() }
    }
}

fn group() -> DocumentKey {
    DocumentKey::group(&"online-sales".parse().unwrap(), &["TM001", "2026-11-22"])
}

impl World {
    /// Returns a document of WDT, or of a part, whose numbers begin behind them.
    pub(crate) fn script(&self, document: usize) -> &Script {
        self.documents.get(document).unwrap_or_else(|| &self.list(document).unwrap().script)
    }

    fn list(&self, document: usize) -> Option<&List> {
        let list = document.checked_sub(self.documents.len())?;
        self.groups.lists.get(list)?.get().map(Box::as_ref)
    }

    /// Returns the members of a part; nothing of any other document.
    pub(crate) fn members(&self, document: usize) -> Option<&[Order]> {
        self.list(document).map(|list| list.members.as_slice())
    }

    /// Returns the numbers of all lists.
    pub(crate) fn lists(&self) -> impl Iterator<Item = usize> {
        let first = self.documents.len();
        self.groups
            .lists
            .iter()
            .take_while(|list| list.get().is_some())
            .enumerate()
            .map(move |(at, _)| first + at)
    }

    /// Returns the list that a part's row is made of.
    pub(crate) fn list_of(&self, part: &Document) -> usize {
        let is_it = |&list: &usize| {
            let facts = &self.script(list).versions[0];
            facts.key == part.key && facts.version == part.version
        };
        self.lists().find(is_it).unwrap()
    }

    /// Numbers a list that is to become a part.
    fn listed(&self, number: u32, mut members: Vec<Order>) -> usize {
        members.sort_unstable_by_key(|member| (member.document, member.version));
        let names: Vec<String> = members.iter().map(|member| format!("{member:?}")).collect();
        let amount = members.iter().filter_map(|&member| self.facts(member).amount).sum();
        let facts = NewDocument {
            key: group().part(number),
            scheme: "online-sales".parse().unwrap(),
            version: Version::of(&names.join("\n")),
            modified: None,
            day: "2026-11-22".parse().unwrap(),
            amount: Some(amount),
            source_json: format!("\"{}\"", names.join(" ")),
            warnings: None,
        };
        let same = |&list: &usize| self.script(list).versions[0] == facts;
        if let Some(list) = self.lists().find(same) {
            return list;
        }
        let code = Some(format!("SO-TM001-{number}").parse().unwrap());
        let next = self.lists().count();
        let list = List { script: Script { code, versions: vec![facts] }, members };
        self.groups.lists[next].set(Box::new(list)).unwrap();
        self.documents.len() + next
    }

    /// Returns the vouchers that an order is in, alone or with others, each as if it were its own.
    pub(crate) fn vouchers_with(&self, document: usize) -> Vec<Voucher> {
        let bip = self.bip.borrow();
        let mut vouchers: Vec<Voucher> = bip.of(document).cloned().collect();
        for list in self.lists() {
            let member = self.members(list).into_iter().flatten().find(|member| member.document == document);
            let Some(&member) = member else { continue };
            vouchers.extend(bip.of(list).map(|voucher| voucher.as_of(member)));
        }
        vouchers
    }

    /// Returns the part that a waiting order is listed in, as the ledger has it.
    pub(crate) fn part_of(&self, order: Order) -> Option<Document> {
        let store = self.store.borrow();
        let listed =
            self.lists().filter(|&list| self.members(list).is_some_and(|members| members.contains(&order)));
        let mut parts = listed.filter_map(|list| {
            let facts = &self.script(list).versions[0];
            store.get(&facts.key).filter(|part| part.version == facts.version && part.state != State::Skipped)
        });
        parts.next().cloned()
    }

    // ── src/merging.rs ───────────────────────────────────────────────────────────────────────────────────────────

    /// `Ledger::group`.
    pub(crate) async fn group(&self, order: Order) -> Result<SetAside, Failure> {
        let (now, facts) = (self.now(), self.facts(order));
        let fresh = Document::grouped(None, facts, &group(), now, now);
        if let Write::Done(_) = self.write(Request::Grouped(fresh)).await? {
            return Ok(SetAside::Done);
        }
        self.set_aside(order, |prior, meaning| match meaning {
            Meaning::Free => Ok(Document::grouped(prior, facts, &group(), now, now)),
            Meaning::Not(standing) => Err(SetAside::Not(standing)),
        })
        .await
    }

    /// `Ledger::attach`.
    pub(crate) async fn attach(&self, order: Order) -> Result<SetAside, Failure> {
        let (now, facts) = (self.now(), self.facts(order));
        self.set_aside(order, |prior, meaning| match (meaning, prior) {
            (Meaning::Not(Standing::Grouped), Some(prior)) => Ok(prior.attaching(facts, now)),
            (Meaning::Not(standing), _) => Err(SetAside::Not(standing)),
            (Meaning::Free, _) => Err(SetAside::Free),
        })
        .await
    }

    /// `Ledger::book_members`.
    pub(crate) async fn book_members(&self, part: &Document) -> Result<(), Failure> {
        for &member in self.members(self.list_of(part)).unwrap_or_default() {
            let facts = self.facts(member);
            let mut found = self.read(&facts.key).await?;
            loop {
                let Some(there) = found.take_if(|there| there.version == facts.version) else {
                    self.wrong(|| format!("{member:?} of {} is astray", part.key));
                    return Ok(());
                };
                if there.posted_at.is_some() && there.merged.as_ref() == Some(&part.key) {
                    break;
                }
                if !there.is_waiting() {
                    self.wrong(|| format!("{member:?} of {} waits no longer: {there:?}", part.key));
                    return Ok(());
                }
                let next = there.booked_in(part, HeldBecomes::Held, self.now());
                match self.swap(Some(&there), next).await? {
                    Write::Done(_) => break,
                    Write::Conflict(there) => found = there,
                    Write::LostLease => return Err(Failure::LostLease),
                }
            }
        }
        Ok(())
    }

    /// `Ledger::dissolve`.
    pub(crate) async fn dissolve(&self, key: &DocumentKey) -> Result<(), Failure> {
        let Some(there) = self.read(key).await? else { return Ok(()) };
        if there.state == State::Parked && !there.is_unsettled() && there.posted_at.is_none() {
            let dissolved = there.dissolved(self.now());
            drop(self.swap(Some(&there), dissolved).await?);
        }
        Ok(())
    }

    // ── functions/sweep/src/close.rs ─────────────────────────────────────────────────────────────────────────────

    async fn close_groups(&self, lease: u64) -> Result<(), Failure> {
        // The index may be behind.
        let waits = |document: &usize| {
            let key = &self.documents[*document].versions[0].key;
            self.store.borrow().get(key).is_some_and(Document::is_waiting) && self.deviate(1) == 0
        };
        self.turn().await;
        let waiting: BTreeSet<usize> = (0..self.documents.len()).filter(waits).collect();
        let (mut listed, mut next) = (BTreeSet::new(), 1);
        while let Some(part) = self.read(&group().part(next)).await? {
            next += 1;
            if part.state == State::Skipped {
                continue;
            }
            let list = self.list_of(&part);
            let members: Vec<usize> =
                self.members(list).unwrap_or_default().iter().map(|member| member.document).collect();
            if part.state == State::Posted {
                let is_untold = members.iter().any(|member| waiting.contains(member));
                if is_untold && !self.is_broken(Broken::NeverToldLate) {
                    self.book_members(&part).await?;
                }
            } else if part.is_stuck(self.now() - QUIET, self.now()) {
                self.send(Order { document: list, version: 0 }).await;
            }
            if !self.is_broken(Broken::ListedAgain) {
                listed.extend(members);
            }
        }
        let mut full = Vec::new();
        for document in waiting.difference(&listed).copied() {
            let Some(there) = self.read(&self.documents[document].versions[0].key).await? else { continue };
            if !there.is_waiting() {
                continue;
            }
            let order = self.order(document, &there.version);
            let is_mapped = !self.unmappable.borrow().contains(&order);
            if there.held.is_some() || !is_mapped || !self.groups.merging.get() {
                self.start_anew(document, &there, lease).await?;
                continue;
            }
            full.push(order);
            if full.len() == MOST_MEMBERS {
                self.make_part(next, std::mem::take(&mut full), lease).await?;
                next += 1;
            }
        }
        if full.is_empty() { Ok(()) } else { self.make_part(next, full, lease).await }
    }

    async fn make_part(&self, number: u32, members: Vec<Order>, lease: u64) -> Result<(), Failure> {
        let list = self.listed(number, members);
        let order = Order { document: list, version: 0 };
        let next = Document { amount: None, ..Document::queued(self.facts(order), self.now()) };
        match self.write(Request::Under { lease, prior: None, next }).await? {
            Write::Done(_) => {}
            Write::Conflict(_) | Write::LostLease => return Err(Failure::LostLease),
        }
        self.say(|| format!("  part {number} is made: {:?}", self.members(list)));
        if self.send(order).await { Ok(()) } else { Err(Failure::Unavailable) }
    }

    async fn start_anew(&self, document: usize, there: &Document, lease: u64) -> Result<(), Failure> {
        let next = there.released(self.now());
        let order = self.order(document, &next.version);
        match self.write(Request::Under { lease, prior: Some(there.fence), next }).await? {
            Write::Done(_) => {}
            // A version was attached to it in between: the next closing sees it.
            Write::Conflict(_) => return Ok(()),
            Write::LostLease => return Err(Failure::LostLease),
        }
        if self.send(order).await { Ok(()) } else { Err(Failure::Unavailable) }
    }
}

/// One run of the closing.
pub(crate) async fn close(world: Rc<World>) {
    world.turn().await;
    let taken = world.store.borrow_mut().take_lease(world.now(), world.now() + LEASE);
    let Some(lease) = taken.filter(|_| world.deviate(1) == 0) else { return };
    if let Err(failure) = world.close_groups(lease).await {
        world.say(|| format!("  the closing failed: {failure:?}"));
    }
    world.turn().await;
    if world.deviate(1) == 0 {
        world.store.borrow_mut().release(lease);
    }
}

/// `functions/sweep/src/stuck.rs`: what nobody has touched for an hour gets a message again.
pub(crate) async fn send_stuck(world: Rc<World>) {
    let now = world.now();
    let rows: Vec<(usize, Document)> = {
        let store = world.store.borrow();
        let documents = 0..world.documents.len();
        let row = |document: usize| {
            let key = &world.documents[document].versions[0].key;
            store.get(key).filter(|row| row.is_stuck(now - 60 * MINUTE, now)).cloned()
        };
        documents.filter_map(|document| Some((document, row(document)?))).collect()
    };
    for (document, row) in rows {
        let order = world.order(document, &row.version);
        world.send(order).await;
    }
}
