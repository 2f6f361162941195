//! Closing: orders that wait in groups and are due are put together into parts, one merged voucher each.
//!
//! What is in a part follows from the parts alone, which are read strongly consistent; the index only says where to
//! look. One run per scheme closes at a time, and whatever a run that died left undone the next one finds: parts
//! without a message, members that do not know their voucher, orders that no part lists.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use dougong_bip::Order;
use dougong_config::{OnChange, Scheme};
use dougong_ledger::{
    Booked, Cursor, Document, HeldBecomes, Lease, LedgerError, NewDocument, State, TakeLease,
};
use dougong_mapping::Identity;
use dougong_mapping::merge::{Full, Member, Packing, Part};
use dougong_queue::Message;
use dougong_runtime::{Deadline, Metrics, Parts, Unit, epoch_ms, message_again};
use dougong_values::{DocumentKey, RunId, SchemeId};
use dougong_wdt::Stockout;
use serde::Serialize;
use tracing::{error, info, warn};

use crate::error::{SweepError, failed};

/// Kept back of the invocation's time for one group.
const WIND_UP: Duration = Duration::from_secs(20);
/// The lease outlives the invocation's own deadline by this much, milliseconds.
const LEASE_MARGIN_MS: i64 = 5_000;
/// A part that nobody has touched for so long gets a message again.
const QUIET_MS: i64 = 15 * 60_000;
/// Orders that are read at once.
const AT_ONCE: usize = 100;

/// What a closing did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CloseSummary {
    /// Whether every group was looked at; if not, the next run goes on.
    pub complete: bool,
    /// Schemes that another run is closing.
    pub held: u64,
    /// Orders that were due, members of parts that are not booked yet included.
    pub waiting: u64,
    /// Parts made.
    pub parts: u64,
    /// Orders in them.
    pub members: u64,
    /// Orders that start anew: changed since they came, no longer mapped, or no longer merged.
    pub taken_out: u64,
    /// Parts that had no message for long and have one again.
    pub sent_again: u64,
    /// Members that were told their voucher late.
    pub told_late: u64,
}

/// What giving up a part came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DissolveSummary {
    /// The part.
    pub part: String,
    /// Whether its members are free again.
    pub dissolved: bool,
    /// Where it stands; `absent` if there is none.
    pub state: String,
}

/// Puts together what is due in every scheme, or with `early` whatever waits.
pub(crate) async fn close(
    parts: &Parts,
    early: bool,
    deadline: Deadline,
    run: &RunId,
) -> Result<CloseSummary, SweepError> {
    let started = Instant::now();
    let mut summary = CloseSummary { complete: true, ..CloseSummary::default() };
    for (id, scheme) in &parts.config.schemes {
        let due_ms = if early || scheme.mapping.merging().is_none() { i64::MAX } else { epoch_ms() };
        let groups = waiting(parts, id, due_ms).await?;
        if groups.is_empty() {
            continue;
        }
        summary.waiting += groups.values().map(|keys| keys.len() as u64).sum::<u64>();
        let until_ms = deadline.epoch_ms().saturating_add(LEASE_MARGIN_MS);
        let taken = parts.ledger.take_lease(id, Cursor::Closing, run, until_ms, epoch_ms()).await;
        let lease = match taken.map_err(failed("take the lease of the closing"))? {
            TakeLease::Taken(lease) => lease,
            TakeLease::HeldBy { owner, until_ms } => {
                info!(scheme = %id, %owner, until_ms, "another run is closing");
                summary.held += 1;
                continue;
            }
        };
        let mut closing = Closing { parts, id, scheme, lease, deadline, summary: &mut summary };
        let closed = closing.all(groups).await;
        let Closing { lease, .. } = closing;
        if let Err(error) = parts.ledger.release(lease, epoch_ms()).await {
            warn!(error = error.name(), "the lease was not given back, it ends by itself");
        }
        closed?;
    }
    if summary.waiting == 0 {
        return Ok(summary);
    }
    info!(
        complete = summary.complete,
        waiting = summary.waiting,
        parts = summary.parts,
        members = summary.members,
        taken_out = summary.taken_out,
        sent_again = summary.sent_again,
        told_late = summary.told_late,
        "groups closed"
    );
    emit(&summary, started);
    Ok(summary)
}

/// Gives up a parked part: its members wait again.
pub(crate) async fn dissolve(parts: &Parts, part: &DocumentKey) -> Result<DissolveSummary, SweepError> {
    let done = parts.ledger.dissolve(part, epoch_ms()).await.map_err(failed("dissolve a part"))?;
    let state = done.as_ref().map(|document| document.state);
    let dissolved = state == Some(State::Skipped);
    let state = state.map_or_else(|| "absent".to_owned(), |state| state.to_string());
    warn!(document = %part, dissolved, state, "part dissolved on an operator's word");
    Ok(DissolveSummary { part: part.to_string(), dissolved, state })
}

/// Lists what is due, by group.
async fn waiting(
    parts: &Parts,
    id: &SchemeId,
    due_ms: i64,
) -> Result<BTreeMap<DocumentKey, Vec<DocumentKey>>, SweepError> {
    let mut groups: BTreeMap<DocumentKey, Vec<DocumentKey>> = BTreeMap::new();
    let mut page = None;
    loop {
        let rows = parts.ledger.waiting(id, due_ms, page).await.map_err(failed("list waiting orders"))?;
        for row in rows.rows {
            groups.entry(row.group).or_default().push(row.key);
        }
        page = rows.next;
        if page.is_none() {
            return Ok(groups);
        }
    }
}

/// One scheme on its way.
struct Closing<'a> {
    parts: &'a Parts,
    id: &'a SchemeId,
    scheme: &'a Scheme,
    lease: Lease,
    deadline: Deadline,
    summary: &'a mut CloseSummary,
}

/// A group, and the number of its next part.
struct Group<'k> {
    key: &'k DocumentKey,
    next: u32,
}

impl Closing<'_> {
    async fn all(&mut self, groups: BTreeMap<DocumentKey, Vec<DocumentKey>>) -> Result<(), SweepError> {
        for (group, mut keys) in groups {
            if self.deadline.left_after(WIND_UP).is_zero() {
                self.summary.complete = false;
                return Ok(());
            }
            keys.sort_unstable();
            self.group(&group, &keys).await?;
        }
        Ok(())
    }

    async fn group(&mut self, key: &DocumentKey, waiting: &[DocumentKey]) -> Result<(), SweepError> {
        let made =
            self.parts.ledger.parts(key, epoch_ms()).await.map_err(failed("read the parts of a group"))?;
        let next = u32::try_from(made.len()).unwrap_or(u32::MAX).saturating_add(1);
        let mut group = Group { key, next };
        let wanted: HashSet<&DocumentKey> = waiting.iter().collect();
        let mut listed: HashSet<DocumentKey> = HashSet::new();
        for document in &made {
            let Some(members) = members_of(document)? else { continue };
            if document.state == State::Posted {
                if members.iter().any(|member| wanted.contains(&member.key)) {
                    self.tell_members(document, &members).await?;
                }
            } else {
                self.send_if_quiet(document).await?;
            }
            listed.extend(members.into_iter().map(|member| member.key));
        }
        let fresh: Vec<DocumentKey> = waiting.iter().filter(|key| !listed.contains(key)).cloned().collect();
        self.pack(&mut group, &fresh).await
    }

    /// Fills parts with the orders that no part lists, in the order of their keys.
    async fn pack(&mut self, group: &mut Group<'_>, fresh: &[DocumentKey]) -> Result<(), SweepError> {
        let scheme = self.scheme;
        let rules = scheme.mapping.merging();
        let mut packing = rules.map(Packing::new);
        for keys in fresh.chunks(AT_ONCE) {
            let mut documents =
                self.parts.ledger.members(keys).await.map_err(failed("read waiting orders"))?;
            for key in keys {
                // The index may be behind: what the item says counts.
                let there = documents
                    .remove(key)
                    .filter(|there| there.is_waiting() && there.merged.as_ref() == Some(group.key));
                let Some(document) = there else { continue };
                let order = self.order(&document);
                let (Some(packing), Some(order)) = (packing.as_mut(), order) else {
                    self.start_anew(&document).await?;
                    continue;
                };
                let member = Member { key: document.key, version: document.version };
                if let Some(full) = packing.add(member, &order) {
                    self.make(group, full).await?;
                }
            }
        }
        for full in packing.into_iter().flat_map(Packing::finish) {
            self.make(group, full).await?;
        }
        Ok(())
    }

    /// Maps a waiting order with today's mapping; `None` if it cannot go into a part as it is.
    fn order(&self, document: &Document) -> Option<Order> {
        if document.held.is_some() {
            return None;
        }
        let stockout = Stockout::from_json(&document.source.as_ref()?.text()?).ok()?;
        let identity = Identity { tenant: &self.parts.config.tenant, scheme: self.id, key: &document.key };
        self.scheme.mapping.map(&stockout, &identity).ok()
    }

    /// Makes a part and sends its message.
    async fn make(&mut self, group: &mut Group<'_>, full: Full) -> Result<(), SweepError> {
        let part = Part::new(group.key.clone(), group.next, full.members);
        let document = NewDocument {
            key: part.key(),
            scheme: self.id.clone(),
            version: part.version(),
            modified: None,
            day: full.day,
            amount: None,
            source_json: part.to_json(),
            warnings: None,
        };
        let made = self.parts.ledger.make_part(&document, &self.lease, epoch_ms()).await;
        made.map_err(failed("make a part"))?;
        group.next += 1;
        self.summary.parts += 1;
        self.summary.members += part.members.len() as u64;
        info!(document = %document.key, members = part.members.len(), "part made");
        let message = Message {
            scheme: document.scheme,
            key: document.key,
            version: document.version,
            modified: None,
            day: document.day,
            amount: None,
            document: document.source_json,
        };
        self.send(&[message]).await
    }

    /// Lets an order start anew: with the version that came after it, or because it cannot be merged today.
    async fn start_anew(&mut self, document: &Document) -> Result<(), SweepError> {
        let taken = self.parts.ledger.take_out(document, &self.lease, epoch_ms()).await;
        let document = match taken {
            Ok(document) => document,
            // A version was attached to it in between: the next closing sees it.
            Err(LedgerError::LostLease { item, .. }) if item == document.key.as_str() => return Ok(()),
            Err(error) => return Err(failed("take an order out of its group")(error)),
        };
        self.summary.taken_out += 1;
        let Some(message) = message_again(&document) else {
            error!(document = %document.key, "it waits to start anew, and its text is gone");
            return Ok(());
        };
        self.send(&[message]).await
    }

    async fn tell_members(&mut self, part: &Document, members: &[Member]) -> Result<(), SweepError> {
        let members: Vec<_> =
            members.iter().map(|member| (member.key.clone(), member.version.clone())).collect();
        let held = match self.scheme.on_change {
            OnChange::Hold => HeldBecomes::Held,
            OnChange::Ignore => HeldBecomes::Ignored,
        };
        let booked = Booked { part, members: &members, held };
        let done = self.parts.ledger.book_members(booked, epoch_ms()).await;
        let done = done.map_err(failed("tell members their voucher"))?;
        for member in &done.astray {
            error!(document = %part.key, member = %member, "a member of a booked part stands otherwise");
        }
        self.summary.told_late += done.booked;
        Ok(())
    }

    /// Sends a part again whose message may never have been sent, or is gone.
    async fn send_if_quiet(&mut self, part: &Document) -> Result<(), SweepError> {
        let now = epoch_ms();
        if !part.is_stuck(now - QUIET_MS, now) {
            return Ok(());
        }
        let Some(message) = message_again(part) else { return Ok(()) };
        warn!(document = %part.key, state = %part.state, "quiet for long, sent again");
        self.send(&[message]).await?;
        self.parts.ledger.note_sent_again(part, now).await.map_err(failed("note a document"))?;
        self.summary.sent_again += 1;
        Ok(())
    }

    async fn send(&self, messages: &[Message]) -> Result<(), SweepError> {
        let time_left = tokio::time::Instant::now() + self.deadline.left_after(Duration::from_secs(3));
        let sent = self.parts.queue.send(messages, time_left).await?;
        for too_large in &sent.too_large {
            error!(document = %messages[too_large.index].key, bytes = too_large.bytes, "too large for the queue");
        }
        Ok(())
    }
}

/// Reads the members of a part; `None` of one that was dissolved.
fn members_of(document: &Document) -> Result<Option<Vec<Member>>, SweepError> {
    if document.state == State::Skipped {
        return Ok(None);
    }
    let text = document.source.as_ref().and_then(dougong_ledger::Source::text).unwrap_or_default();
    // A part whose list is not known might list anything: nothing of its group may go on.
    let part = Part::from_json(&text)
        .map_err(|error| SweepError::Part { part: document.key.clone(), source: error })?;
    Ok(Some(part.members))
}

fn emit(summary: &CloseSummary, started: Instant) {
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut metrics = Metrics::new("sweep", "all");
    metrics.add("merged_parts", Unit::Count, count(summary.parts));
    metrics.add("merged_members", Unit::Count, count(summary.members));
    metrics.add("taken_out", Unit::Count, count(summary.taken_out));
    metrics.add("told_late", Unit::Count, count(summary.told_late));
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}
