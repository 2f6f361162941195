//! What an offered version of a document means, given what the ledger holds: pure, without a store.
//!
//! The condition expressions of the store are a shortcut for the one frequent answer ([`Meaning::Free`] with
//! nothing or the same queued version there); every other answer is given here, from the item that comes back.

use dougong_values::{BeijingTime, Version};

use crate::EpochMs;
use crate::document::{Document, HeldChange, NewDocument, State};

/// BIP answers a repeated key with its first result for an hour (`protocols/bip.md` §2.5). After that an
/// attempt that may have arrived is looked up by its code before it is sent again.
pub const KEY_WINDOW_MS: EpochMs = 3_600_000;

/// Which other version stands in the way of a changed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// This version is booked in BIP.
    Posted(Version),
    /// This version was sent and set aside without its outcome being known: it may be booked in BIP. Or it was refused,
    /// and a change of it is held.
    InFlight(Version),
}

impl Earlier {
    /// Returns that version.
    pub const fn version(&self) -> &Version {
        match self {
            Self::Posted(version) | Self::InFlight(version) => version,
        }
    }
}

/// Why an offered version is not free to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// This very version is booked: the message is done.
    AlreadyPosted,
    /// The ledger knows a newer version, which has a message of its own: this message is done.
    Superseded,
    /// Another worker holds the document, or the wait after an unknown outcome lasts: come back then.
    Busy {
        /// When the lease ends.
        until_ms: EpochMs,
    },
    /// An earlier attempt may have reached BIP: it has to be settled before anything else.
    Unsettled,
    /// This version is parked already (or held back as a change): the message is done.
    Parked,
    /// This version is deliberately not booked: the message is done.
    Skipped,
    /// This version waits in a group to be merged, or is attached to one that does: the message is done.
    Waiting,
    /// Another version waits in a group, or is in a part that is not booked yet: attach this one to it.
    Grouped,
    /// Another version is booked, or may be: the scheme's `on_change` decides.
    Changed(Earlier),
}

/// What an offered version means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It may be taken: nothing of this document is in BIP or on its way there.
    Free,
    /// It may not.
    Not(Standing),
}

/// Tells whether `offered` is certainly older than `known`. Without both times nothing is certain, and an
/// equal second proves nothing: such a version is taken seriously.
fn is_older(offered: Option<BeijingTime>, known: Option<BeijingTime>) -> bool {
    matches!((offered, known), (Some(offered), Some(known)) if offered < known)
}

/// Decides what an offered version means, given the item the ledger holds.
pub fn decide(item: Option<&Document>, offered: &NewDocument, now_ms: EpochMs) -> Meaning {
    let Some(item) = item.filter(|item| !item.is_expired(now_ms)) else {
        return Meaning::Free;
    };
    let same = item.version == offered.version;
    if same && item.posted_at.is_some() {
        return Meaning::Not(Standing::AlreadyPosted);
    }
    let latest = item.held.as_ref().map_or(item.modified, |held| held.modified);
    if !same && !is_held(item.held.as_ref(), &offered.version) && is_older(offered.modified, latest) {
        return Meaning::Not(Standing::Superseded);
    }
    match item.state {
        State::Posting => Meaning::Not(match &item.lease {
            Some(lease) if lease.until_ms > now_ms => Standing::Busy { until_ms: lease.until_ms },
            _ => Standing::Unsettled,
        }),
        // A person has seen that change and left the voucher as it is.
        State::Posted if is_held(item.held.as_ref(), &offered.version) => Meaning::Not(Standing::Skipped),
        State::Posted => Meaning::Not(Standing::Changed(Earlier::Posted(item.version.clone()))),
        State::Parked if same || is_held(item.held.as_ref(), &offered.version) => {
            Meaning::Not(Standing::Parked)
        }
        State::Parked if item.posted_at.is_some() => {
            Meaning::Not(Standing::Changed(Earlier::Posted(item.version.clone())))
        }
        State::Skipped if same => Meaning::Not(Standing::Skipped),
        // One that is held stays until a person has decided, or a newer one is held in its place.
        State::Parked | State::Skipped if item.is_unsettled() || item.held.is_some() => {
            Meaning::Not(Standing::Changed(Earlier::InFlight(item.version.clone())))
        }
        State::Queued if item.merged.is_some() => {
            let known = same || is_held(item.held.as_ref(), &offered.version);
            Meaning::Not(if known { Standing::Waiting } else { Standing::Grouped })
        }
        // Nothing of it can be in BIP: the offered version takes its place.
        State::Queued | State::Parked | State::Skipped => Meaning::Free,
    }
}

fn is_held(held: Option<&HeldChange>, version: &Version) -> bool {
    held.is_some_and(|held| held.version == *version)
}

/// Tells whether an attempt that may have reached BIP is so old that its key no longer surely answers
/// with the first result: then the order is looked up by its code before it is sent again.
pub fn is_late(first_posting_at: Option<EpochMs>, now_ms: EpochMs) -> bool {
    first_posting_at.is_some_and(|first| now_ms - first >= KEY_WINDOW_MS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use dougong_values::{DocumentKey, RunId, VoucherId};

    use super::*;
    use crate::codec::{read_document, write_document};
    use crate::transition::{Attempt, Begin, Certainty, HeldBecomes, Parking};

    const NOW: EpochMs = 1_795_334_400_000;
    const AGAIN: EpochMs = NOW + 5_000;
    const LEASE: EpochMs = NOW + 10_000;
    /// While leases last, after the pause of an unknown outcome, and after every lease.
    const LOOKS: [EpochMs; 3] = [NOW, AGAIN, LEASE];
    const PARKING: Parking<'_> = Parking { reason: "refused", problems: "[]" };

    /// Four versions: an older one, two of the same second, and one without a time.
    fn versions() -> Vec<NewDocument> {
        [("older", Some(1)), ("newer", Some(2)), ("same second", Some(2)), ("timeless", None)]
            .map(|(text, second)| NewDocument {
                key: "stockout#demo2#1".parse().unwrap(),
                scheme: "online-sales".parse().unwrap(),
                version: Version::of(text),
                modified: second.map(|second| format!("2026-11-22 15:30:0{second}").parse().unwrap()),
                day: "2026-11-22".parse().unwrap(),
                amount: Some("1.50".parse().unwrap()),
                source_json: format!("\"{text}\""),
                warnings: None,
            })
            .to_vec()
    }

    fn group() -> DocumentKey {
        DocumentKey::group(&"online-sales".parse().unwrap(), &["TM001", "2026-11-22"])
    }

    /// A part that is booked.
    fn part() -> Document {
        let new = NewDocument { key: group().part(1), ..versions().swap_remove(0) };
        Document::queued(&new, NOW).posted(&"2001".parse().unwrap(), None, NOW)
    }

    /// One reachable world: what the ledger holds, what its worker knows of earlier attempts, and what BIP
    /// really holds, which nobody else can see.
    #[derive(Debug, Clone)]
    struct World {
        item: Option<Document>,
        earlier: Certainty,
        saved: Option<Version>,
        /// The version that a part of its group lists: it must be booked as it is listed.
        listed: Option<Version>,
    }

    impl World {
        fn then(&self, item: Document, earlier: Certainty) -> Self {
            // Fences and counts grow without end; nothing is decided by them.
            let item = Document { fence: 1, attempts: item.attempts.min(1), ..item };
            Self { item: Some(item), earlier, ..self.clone() }
        }

        fn name(&self) -> String {
            format!("{self:?}")
        }

        /// Everything that can happen to this world in one step.
        fn steps(&self) -> Vec<Self> {
            let mut steps = Vec::new();
            for offered in versions() {
                for look in LOOKS {
                    steps.extend(self.offered(&offered, look));
                }
            }
            let Some(item) = &self.item else { return steps };
            if item.state == State::Posting && self.saved.is_none() {
                // The call arrives, from a live worker, a slow one, or one that died since.
                steps.push(Self { saved: Some(item.version.clone()), ..self.clone() });
            }
            let held_by_worker = item.lease.as_ref().is_some_and(|lease| lease.owner.is_some());
            if item.state == State::Posting && held_by_worker {
                steps.extend(self.recorded(item));
            }
            steps.extend(self.decided(item));
            if item.is_waiting() {
                steps.extend(self.closed(item));
            }
            steps
        }

        /// What a person may decide.
        fn decided(&self, item: &Document) -> Vec<Self> {
            let nothing = Certainty::NothingSaved;
            match (item.state, &item.held) {
                (State::Parked, Some(held)) if item.posted_at.is_some() => {
                    let corrected = Self { saved: Some(held.version.clone()), ..self.clone() };
                    vec![
                        corrected.then(item.change_accepted(NOW), nothing),
                        self.then(item.change_dismissed(NOW), nothing),
                    ]
                }
                (State::Parked, held) if held.is_none() || !item.is_unsettled() => vec![
                    self.then(item.requeued(NOW), nothing),
                    self.then(item.skipped_by_hand(NOW), nothing),
                ],
                (State::Parked | State::Skipped, _) => vec![self.then(item.requeued(NOW), nothing)],
                _ => Vec::new(),
            }
        }

        /// What whoever closes the group, and the part that the order is in, may do.
        fn closed(&self, item: &Document) -> Vec<Self> {
            let nothing = Certainty::NothingSaved;
            match (&self.listed, &self.saved) {
                (None, _) => vec![
                    Self { listed: Some(item.version.clone()), ..self.clone() },
                    self.then(item.released(NOW), nothing),
                ],
                // Refused and dissolved, or saved.
                (Some(version), None) => vec![
                    Self { listed: None, ..self.clone() },
                    Self { saved: Some(version.clone()), ..self.clone() },
                ],
                (Some(_), Some(_)) => [HeldBecomes::Held, HeldBecomes::Ignored]
                    .map(|held| self.then(item.booked_in(&part(), held, NOW), nothing))
                    .map(|world| Self { listed: None, ..world })
                    .to_vec(),
            }
        }

        /// What a message, or a look at a page, leads to.
        fn offered(&self, offered: &NewDocument, look: EpochMs) -> Vec<Self> {
            let owner: RunId = "run".parse().unwrap();
            let begin = Begin { document: offered, voucher_code: None, owner: &owner, lease_until_ms: LEASE };
            let prior = self.item.as_ref();
            match (decide(prior, offered, look), prior) {
                (Meaning::Free, _) => vec![
                    self.then(Document::started(prior, &begin, "run/1", NOW), Certainty::NothingSaved),
                    self.then(Document::set_aside(prior, offered, &PARKING, NOW), Certainty::NothingSaved),
                    self.then(Document::skipped(prior, offered, "excluded", NOW), Certainty::NothingSaved),
                    self.then(Document::queued(offered, NOW), Certainty::NothingSaved),
                    self.then(
                        Document::grouped(prior, offered, &group(), AGAIN, NOW),
                        Certainty::NothingSaved,
                    ),
                ],
                (Meaning::Not(Standing::Grouped), Some(item)) => {
                    vec![self.then(item.attaching(offered, NOW), Certainty::NothingSaved)]
                }
                (Meaning::Not(Standing::Unsettled), Some(item)) => {
                    vec![self.then(item.taken_over("run/2", LEASE, NOW), Certainty::PerhapsSaved)]
                }
                (Meaning::Not(Standing::Changed(_)), Some(item)) => {
                    vec![self.then(item.holding(offered, NOW), Certainty::NothingSaved)]
                }
                _ => Vec::new(),
            }
        }

        /// What the worker that holds the item may record, honest about what BIP said.
        fn recorded(&self, item: &Document) -> Vec<Self> {
            let mut steps = vec![
                self.then(item.unknown("timeout", AGAIN, NOW), Certainty::NothingSaved),
                self.then(item.parked(&PARKING, Certainty::PerhapsSaved, NOW), Certainty::NothingSaved),
            ];
            if self.saved.is_some() {
                let id: VoucherId = "2001".parse().unwrap();
                steps.push(self.then(item.posted(&id, None, NOW), Certainty::NothingSaved));
            } else {
                // Refused, or found absent by a late look-up.
                let nothing = Certainty::NothingSaved;
                steps.push(self.then(item.parked(&PARKING, nothing, NOW), nothing));
                steps.push(self.then(item.queued_again(nothing, Attempt::Counted, NOW), nothing));
            }
            if self.saved.is_none() || self.earlier == Certainty::PerhapsSaved {
                steps.push(self.then(item.queued_again(self.earlier, Attempt::Uncounted, NOW), self.earlier));
            }
            steps
        }
    }

    /// Walks through every reachable world.
    fn every_world(mut visit: impl FnMut(&World, &[World])) -> usize {
        let start = World { item: None, earlier: Certainty::NothingSaved, saved: None, listed: None };
        let mut seen = HashSet::from([start.name()]);
        let mut open = vec![start];
        while let Some(world) = open.pop() {
            let steps = world.steps();
            visit(&world, &steps);
            open.extend(steps.into_iter().filter(|step| seen.insert(step.name())));
        }
        seen.len()
    }

    #[test]
    fn in_every_reachable_world_the_answer_is_true() {
        let worlds = every_world(|world, _| {
            for offered in versions() {
                for look in LOOKS {
                    check(world, &offered, look);
                }
            }
        });
        assert!(worlds > 150, "only {worlds} worlds: the walk is broken");
    }

    /// Compares an answer with what BIP really holds and with what the ledger shows a person.
    fn check(world: &World, offered: &NewDocument, look: EpochMs) {
        let meaning = decide(world.item.as_ref(), offered, look);
        let Some(item) = &world.item else {
            return assert_eq!(meaning, Meaning::Free);
        };
        let told = || format!("{meaning:?} for {offered:?} at {look} in {world:#?}");
        let live = item.lease.as_ref().is_some_and(|lease| lease.until_ms > look);
        let shown = |version: &Version| {
            item.version == *version || item.held.as_ref().is_some_and(|held| held.version == *version)
        };
        let certainly_newer =
            |modified: Option<BeijingTime>| modified > offered.modified && offered.modified.is_some();
        let holds = match &meaning {
            // The one that matters most: whatever is begun afresh cannot be in BIP already.
            Meaning::Free => world.saved.is_none() && world.listed.is_none() && item.state != State::Posting,
            Meaning::Not(Standing::Waiting) => item.is_waiting() && shown(&offered.version),
            Meaning::Not(Standing::Grouped) => item.is_waiting() && !shown(&offered.version),
            Meaning::Not(Standing::AlreadyPosted) => world.saved.as_ref() == Some(&offered.version),
            Meaning::Not(Standing::Superseded) => {
                !shown(&offered.version)
                    && (certainly_newer(item.modified)
                        || item.held.as_ref().is_some_and(|held| certainly_newer(held.modified)))
            }
            Meaning::Not(Standing::Busy { until_ms }) => {
                live && item.state == State::Posting && *until_ms > look
            }
            Meaning::Not(Standing::Unsettled) => !live && item.state == State::Posting,
            Meaning::Not(Standing::Parked) => item.attention().is_some() && shown(&offered.version),
            Meaning::Not(Standing::Skipped) => {
                (item.state == State::Skipped && item.version == offered.version)
                    || (item.state == State::Posted
                        && item.version != offered.version
                        && shown(&offered.version))
            }
            Meaning::Not(Standing::Changed(Earlier::Posted(version))) => {
                world.saved.as_ref() == Some(version) && *version != offered.version
            }
            Meaning::Not(Standing::Changed(Earlier::InFlight(version))) => {
                (item.is_unsettled() || item.held.is_some())
                    && item.version == *version
                    && *version != offered.version
            }
        };
        assert!(holds, "{}", told());
    }

    #[test]
    fn in_every_reachable_world_what_is_booked_stays_booked() {
        every_world(|world, steps| {
            let Some(item) = &world.item else { return };
            let booked = item.posted_version();
            assert!(booked.is_none() || booked == world.saved.as_ref(), "{world:#?}");
            assert!(item.state != State::Queued || !item.is_unsettled(), "{world:#?}");
            assert!(item.state != State::Parked || item.attention().is_some(), "{world:#?}");
            assert!(
                item.expires_at.is_none() || matches!(item.state, State::Posted | State::Skipped),
                "{world:#?}"
            );
            // What a part lists is there to be booked.
            let listed = world.listed.as_ref();
            assert!(listed.is_none() || (item.is_waiting() && listed == Some(&item.version)), "{world:#?}");
            // A person can see, and a worker can settle, whatever is saved.
            assert!(world.saved.is_none() || world.saved.as_ref() == Some(&item.version), "{world:#?}");
            for step in steps.iter().filter_map(|step| step.item.as_ref()) {
                let took_held = item.held.as_ref().is_some_and(|held| held.version == step.version);
                if booked.is_some() {
                    assert!(took_held || step.posted_version() == booked, "{world:#?}");
                    assert_eq!(step.voucher_id, item.voucher_id);
                }
                // A waiting order may be released with what is attached to it, or booked where changes are ignored; a
                // person may let a change take its place.
                if let Some(held) = item.held.as_ref().filter(|_| !item.is_waiting() && !took_held) {
                    let kept = step.held.as_ref().is_some_and(|next| !is_older(next.modified, held.modified));
                    assert!(kept, "a held change was dropped: {world:#?} {step:#?}");
                }
            }
        });
    }

    #[test]
    fn every_reachable_document_comes_back_from_the_store_as_it_was() {
        every_world(|world, _| {
            if let Some(item) = &world.item {
                assert_eq!(read_document(&write_document(item)).unwrap(), *item);
            }
        });
    }

    #[test]
    fn an_expired_document_is_as_good_as_absent() {
        every_world(|world, _| {
            let Some(item) = world.item.as_ref() else { return };
            let Some(expires_at) = item.expires_at else { return };
            for offered in versions() {
                assert_eq!(decide(Some(item), &offered, expires_at * 1000), Meaning::Free);
                let fresh = Document::set_aside(Some(item), &offered, &PARKING, expires_at * 1000);
                assert_eq!((fresh.voucher_id, fresh.posted_at, fresh.attempts), (None, None, 0));
                assert_eq!(fresh.first_seen, expires_at * 1000);
            }
        });
    }

    #[test]
    fn an_attempt_is_late_after_the_key_window() {
        assert!(!is_late(None, NOW));
        assert!(!is_late(Some(NOW), NOW + KEY_WINDOW_MS - 1));
        assert!(is_late(Some(NOW), NOW + KEY_WINDOW_MS));
    }
}
