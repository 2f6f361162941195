//! What a person may do about a document next.

use dougong_ledger::{Document, State};
use dougong_values::DocumentKind;
use serde::Serialize;

/// One thing that a person may do: a command to type, or a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Nothing: it goes on by itself.
    Wait,
    /// Send it again with the configuration of today.
    Replay,
    /// Decide not to book it.
    Skip,
    /// Decide not to book it after having looked into BIP: something of it may be there.
    SkipUnsettled,
    /// Say that the voucher in BIP was corrected by hand.
    Accept,
    /// Leave the voucher in BIP as it is.
    Dismiss,
    /// Give a merged voucher up: its orders are put together anew.
    Dissolve,
}

/// What a person may do about a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What may be done, the most usual first; empty when there is nothing to do.
    pub next: Vec<Next>,
}

impl Advice {
    /// Looks at how a document stands.
    pub fn about(document: &Document) -> Self {
        let next = match document.state {
            State::Queued | State::Posting => vec![Next::Wait],
            State::Skipped if document.is_replayable() => vec![Next::Replay],
            State::Posted | State::Skipped => Vec::new(),
            State::Parked if document.posted_at.is_some() => vec![Next::Accept, Next::Dismiss],
            State::Parked => parked(document),
        };
        Self { next }
    }

    /// Tells whether something may be done.
    pub fn has(&self, next: Next) -> bool {
        self.next.contains(&next)
    }
}

fn parked(document: &Document) -> Vec<Next> {
    let mut next = Vec::new();
    // Nobody knows what a command of that name means: there is nothing to be booked.
    if document.is_replayable() && document.key.kind() != DocumentKind::Command {
        next.push(Next::Replay);
    }
    let unsettled = document.is_unsettled();
    if document.key.kind() == DocumentKind::Merged {
        if !unsettled {
            next.push(Next::Dissolve);
        }
    } else if !unsettled {
        next.push(Next::Skip);
    } else if document.held.is_none() {
        next.push(Next::SkipUnsettled);
    }
    next
}
