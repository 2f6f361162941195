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
    /// This version was sent and parked without its outcome being known: it may be booked in BIP.
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
        State::Queued => Meaning::Free,
        State::Posting => Meaning::Not(match &item.lease {
            Some(lease) if lease.until_ms > now_ms => Standing::Busy { until_ms: lease.until_ms },
            _ => Standing::Unsettled,
        }),
        State::Posted => Meaning::Not(Standing::Changed(Earlier::Posted(item.version.clone()))),
        State::Parked if same || is_held(item.held.as_ref(), &offered.version) => {
            Meaning::Not(Standing::Parked)
        }
        State::Parked if item.posted_at.is_some() => {
            Meaning::Not(Standing::Changed(Earlier::Posted(item.version.clone())))
        }
        State::Parked if item.is_unsettled() => {
            Meaning::Not(Standing::Changed(Earlier::InFlight(item.version.clone())))
        }
        State::Skipped if same => Meaning::Not(Standing::Skipped),
        State::Parked | State::Skipped => Meaning::Free,
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
