//! The table of documents: `src/item_store.rs` with a map instead of DynamoDB, and a network in between.

use std::collections::HashMap;

use dougong_ledger::{Document, EpochMs, State};
use dougong_values::DocumentKey;

use crate::world::{Broken, MINUTE, SECOND, World};

/// A conditional write, as it travels.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// `write_queued`.
    Queued(Document),
    /// `write_started`.
    Started(Document),
    /// `swap`: over the item of this fence, or over nothing.
    Swap { prior: Option<u64>, next: Document },
    /// `write_grouped`.
    Grouped(Document),
    /// `write_under`: over the item of this fence, or over nothing, while the closing holds this lease.
    Under { lease: u64, prior: Option<u64>, next: Document },
    /// `record`: over the claim of this fence and owner.
    Record { fence: u64, owner: String, next: Document },
}

/// What a conditional write came to.
#[derive(Debug)]
pub(crate) enum Write {
    Done(Document),
    Conflict(Option<Document>),
    /// Another closing has the lease.
    LostLease,
}

/// The store did not answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unavailable;

#[derive(Debug, Default)]
pub(crate) struct Store {
    items: HashMap<DocumentKey, Document>,
    /// Writes whose client has given up, and that arrive all the same.
    late: Vec<(EpochMs, Request)>,
    /// The lease of the closing: its number, and until when it is somebody's.
    closing: (u64, EpochMs),
}

impl Request {
    const fn next(&self) -> &Document {
        match self {
            Self::Queued(next)
            | Self::Started(next)
            | Self::Grouped(next)
            | Self::Under { next, .. }
            | Self::Swap { next, .. }
            | Self::Record { next, .. } => next,
        }
    }
}

impl Store {
    pub(crate) fn get(&self, key: &DocumentKey) -> Option<&Document> {
        self.items.get(key)
    }

    /// DynamoDB deletes what has expired, some day.
    pub(crate) fn delete_expired(&mut self, key: &DocumentKey, now_ms: EpochMs) {
        if self.items.get(key).is_some_and(|item| item.is_expired(now_ms)) {
            self.items.remove(key);
        }
    }

    pub(crate) fn next_late(&self) -> Option<EpochMs> {
        self.late.iter().map(|(at, _)| *at).min()
    }

    /// Takes the lease of the closing, unless somebody has it; returns its number.
    pub(crate) fn take_lease(&mut self, now_ms: EpochMs, until_ms: EpochMs) -> Option<u64> {
        let (number, until) = self.closing;
        if until > now_ms {
            return None;
        }
        self.closing = (number + 1, until_ms);
        Some(number + 1)
    }

    /// Gives it back.
    pub(crate) fn release(&mut self, lease: u64) {
        if self.closing.0 == lease {
            self.closing.1 = 0;
        }
    }

    pub(crate) fn arrive_late(&mut self, broken: Option<Broken>) {
        let first = (0..self.late.len()).min_by_key(|&index| self.late[index].0).unwrap();
        let (_, request) = self.late.swap_remove(first);
        self.apply(&request, broken);
    }

    fn apply(&mut self, request: &Request, broken: Option<Broken>) -> Write {
        let no_fence = broken == Some(Broken::NoFence);
        if let Request::Under { lease, .. } = request
            && self.closing.0 != *lease
            && broken != Some(Broken::ClosedUnleased)
        {
            return Write::LostLease;
        }
        let there = self.items.get(&request.next().key);
        let next = match request {
            Request::Queued(next) => is_free_for(there, next).then(|| counted(there, next)),
            Request::Started(next) | Request::Grouped(next) => {
                let same = |there: &Document| {
                    there.state == State::Queued && there.version == next.version && there.merged.is_none()
                };
                let written = if matches!(request, Request::Started(_)) { upserted } else { counted };
                there.is_none_or(same).then(|| written(there, next))
            }
            Request::Under { prior, next, .. } => {
                (there.map(|there| there.fence) == *prior).then(|| next.clone())
            }
            Request::Swap { prior, next } => (there.map(|there| there.fence) == *prior).then(|| next.clone()),
            Request::Record { fence, owner, next } => {
                let held = there.is_some_and(|there| there.fence == *fence && owner_of(there) == Some(owner));
                (held || no_fence).then(|| next.clone())
            }
        };
        match (next, request) {
            (Some(next), _) => {
                self.items.insert(next.key.clone(), next.clone());
                Write::Done(next)
            }
            // The client repeated a write whose answer was lost; the first one had been done.
            (
                None,
                Request::Swap { next, .. } | Request::Record { next, .. } | Request::Under { next, .. },
            ) if there == Some(next) => Write::Done(next.clone()),
            (None, _) => Write::Conflict(there.cloned()),
        }
    }
}

/// The condition of `write_queued`.
fn is_free_for(there: Option<&Document>, next: &Document) -> bool {
    there.is_none_or(|there| {
        let older = matches!((there.modified, next.modified), (Some(there), Some(next)) if there < next);
        there.is_expired(next.updated_at) || (there.state == State::Queued && older && there.merged.is_none())
    })
}

pub(crate) fn owner_of(document: &Document) -> Option<&String> {
    document.lease.as_ref().and_then(|lease| lease.owner.as_ref())
}

/// An update counts the fence up and keeps the first sighting.
fn counted(there: Option<&Document>, next: &Document) -> Document {
    let fence = there.map_or(0, |there| there.fence) + 1;
    Document { fence, first_seen: there.map_or(next.first_seen, |there| there.first_seen), ..next.clone() }
}

/// The update of `write_started`: it counts the attempts too, and what it does not name stays.
fn upserted(there: Option<&Document>, next: &Document) -> Document {
    let started = counted(there, next);
    let Some(there) = there.cloned() else { return started };
    Document {
        attempts: there.attempts + 1,
        modified: started.modified.or(there.modified),
        source: started.source.or(there.source),
        warnings: started.warnings.or(there.warnings),
        unknown_since: started.unknown_since.or(there.unknown_since),
        voucher_code: started.voucher_code.or(there.voucher_code),
        voucher_id: started.voucher_id.or(there.voucher_id),
        posted_at: started.posted_at.or(there.posted_at),
        parked_at: started.parked_at.or(there.parked_at),
        reason: started.reason.or(there.reason),
        problems: started.problems.or(there.problems),
        held: started.held.or(there.held),
        expires_at: started.expires_at.or(there.expires_at),
        ..started
    }
}

impl World {
    /// Sends a write over the network: it may get lost, its answer may, and it may arrive long after.
    pub(crate) async fn write(&self, request: Request) -> Result<Write, Unavailable> {
        self.turn().await;
        let apply = || self.store.borrow_mut().apply(&request, self.broken);
        match self.deviate(4) {
            0 => Ok(apply()),
            1 => {
                self.say(|| "  the write is lost".to_owned());
                Err(Unavailable)
            }
            2 => {
                self.say(|| "  the answer of the write is lost, the client repeats it".to_owned());
                drop(apply());
                self.turn().await;
                Ok(apply())
            }
            3 => {
                self.say(|| "  the write is done, its answer is lost".to_owned());
                drop(apply());
                Err(Unavailable)
            }
            _ => {
                let at = self.now() + self.between(30 * SECOND, 3 * MINUTE);
                self.say(|| "  the write is on its way, the client gives up".to_owned());
                self.store.borrow_mut().late.push((at, request));
                Err(Unavailable)
            }
        }
    }

    /// Reads one item, strongly consistent.
    pub(crate) async fn read(&self, key: &DocumentKey) -> Result<Option<Document>, Unavailable> {
        self.turn().await;
        match self.deviate(1) {
            0 => Ok(self.store.borrow().get(key).cloned()),
            _ => Err(Unavailable),
        }
    }
}
