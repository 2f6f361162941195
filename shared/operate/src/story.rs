//! One document's whole story.

use dougong_ledger::{Action, Document, State};
use dougong_mapping::merge::Part;
use dougong_runtime::epoch_ms;
use dougong_values::{
    BeijingTime, DocumentKey, DocumentKind, Money, SchemeId, Version, VoucherCode, VoucherId,
};
use serde::Serialize;
use serde_json::Value;

use crate::advice::Advice;
use crate::documents::Place;
use crate::watermarks::WindowRow;
use crate::{OperateError, Operator, at};

/// Everything the ledger knows about one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The document.
    pub key: DocumentKey,
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// Where it stands.
    pub place: Place,
    /// The stable name of why.
    pub reason: Option<String>,
    /// The business day it counts for.
    pub day: String,
    /// Its amount.
    pub amount: Option<Money>,
    /// The version it stands there with.
    pub version: Version,
    /// When its system last changed that version.
    pub modified: Option<BeijingTime>,
    /// When the ledger first heard of it.
    pub first_seen: BeijingTime,
    /// The window it was read in first, as far as that is kept.
    pub window: Option<InWindow>,
    /// What was doubtful about reading it.
    pub warnings: Option<Value>,
    /// Attempts that counted.
    pub attempts: u32,
    /// When the first attempt began that may have reached BIP; `None` when certainly none has, or its outcome is known.
    pub first_attempt: Option<BeijingTime>,
    /// When the last one began.
    pub last_attempt: Option<BeijingTime>,
    /// Since when an outcome is unknown.
    pub unknown_since: Option<BeijingTime>,
    /// Until when a worker holds it, or the wait after an unknown outcome lasts.
    pub busy_until: Option<BeijingTime>,
    /// Since when it waits for a person.
    pub parked: Option<BeijingTime>,
    /// Every problem that was found, or BIP's words.
    pub problems: Vec<Value>,
    /// The voucher's code: sent, or given by BIP.
    pub voucher_code: Option<VoucherCode>,
    /// The voucher's id in BIP.
    pub voucher_id: Option<VoucherId>,
    /// When it was booked.
    pub booked: Option<BeijingTime>,
    /// A changed version that is held back, or was dismissed.
    pub held: Option<HeldVersion>,
    /// What it has to do with merged vouchers.
    pub merged: Option<Merging>,
    /// When it was last written.
    pub updated: BeijingTime,
    /// Whether its text is kept: then it can be sent again.
    pub has_source: bool,
    /// What people did to it, the latest first.
    pub deeds: Vec<Deed>,
    /// What may be done next.
    #[serde(flatten)]
    pub advice: Advice,
}

/// The window in which a document was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct InWindow(pub WindowRow);

/// A changed version beside the one that is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldVersion {
    /// The version.
    pub version: Version,
    /// When its system changed it.
    pub modified: Option<BeijingTime>,
    /// Its amount.
    pub amount: Option<Money>,
}

/// What a document has to do with merged vouchers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Merging {
    /// It waits in this group, until it is put together with others.
    Waits {
        /// The group.
        group: DocumentKey,
        /// From when on.
        due: Option<BeijingTime>,
    },
    /// It is booked in this merged voucher.
    BookedIn {
        /// The merged voucher's document.
        part: DocumentKey,
    },
    /// It is a merged voucher of these documents.
    Members {
        /// Its members.
        members: Vec<DocumentKey>,
    },
}

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// When.
    pub at: BeijingTime,
    /// Who.
    pub who: String,
    /// The stable name of what.
    pub what: String,
    /// To what.
    pub subject: String,
    /// Why, or with which values.
    pub words: Option<String>,
}

impl Deed {
    /// Tells whether its words are values that the program wrote down, rather than a person's reason alone.
    pub fn has_values(&self) -> bool {
        ["watermark", "pause", "resume", "pull", "redrive"].contains(&self.what.as_str())
    }
}

impl From<Action> for Deed {
    fn from(action: Action) -> Self {
        let Action { at_ms, actor, what, subject, words } = action;
        Self { at: at(at_ms), who: actor, what, subject, words }
    }
}

/// How long after a document was first seen its window is looked for, milliseconds: a window is finished soon after its
/// documents are in the queue, and written down then.
const WINDOW_WITHIN_MS: i64 = 2 * 3_600_000;

impl Operator {
    /// Tells one document's whole story; `None` if the ledger does not know it.
    pub async fn story(&self, key: &DocumentKey) -> Result<Option<Story>, OperateError> {
        let Some(document) = self.ledger().document(key, epoch_ms()).await? else { return Ok(None) };
        let window = self.first_window(&document).await?;
        let deeds = self.ledger().actions(key.as_str()).await?.into_iter().map(Deed::from).collect();
        Ok(Some(Story::of(document, window, deeds)))
    }

    /// Finds the first window after a document was noted that holds the time of its change.
    async fn first_window(&self, document: &Document) -> Result<Option<InWindow>, OperateError> {
        let seen = document.first_seen;
        let rows = self.ledger().history(&document.scheme, seen - 1_000, seen + WINDOW_WITHIN_MS).await?;
        let found = rows
            .into_iter()
            .find(|row| document.modified.is_none_or(|modified| row.entry.window.contains(modified)));
        Ok(found.map(|row| InWindow(row.into())))
    }
}

/// Returns where a document stands, as an operator sees it.
pub fn standing(document: &Document) -> Place {
    match document.state {
        State::Queued if document.merged.is_some() => Place::Waiting,
        State::Queued => Place::Queued,
        State::Posting if document.unknown_since.is_some() => Place::Unknown,
        State::Posting => Place::Posting,
        State::Parked if document.held.is_some() => Place::Held,
        State::Parked => Place::Parked,
        State::Posted => Place::Posted,
        State::Skipped => Place::Skipped,
    }
}

impl Story {
    fn of(document: Document, window: Option<InWindow>, deeds: Vec<Deed>) -> Self {
        let merged = merging(&document);
        let text = |json: &Option<String>| json.as_ref().and_then(|json| serde_json::from_str(json).ok());
        let held = document.held.as_ref().map(|held| HeldVersion {
            version: held.version.clone(),
            modified: held.modified,
            amount: held.amount,
        });
        Self {
            place: standing(&document),
            advice: Advice::about(&document),
            merged,
            held,
            warnings: text(&document.warnings),
            problems: problems(&document),
            reason: document.reason.filter(|_| document.merged.is_none() || document.posted_at.is_some()),
            day: document.day.to_string(),
            amount: document.amount,
            version: document.version,
            modified: document.modified,
            first_seen: at(document.first_seen),
            window,
            attempts: document.attempts,
            first_attempt: document.first_posting_at.map(at),
            last_attempt: document.last_posting_at.map(at),
            unknown_since: document.unknown_since.map(at),
            busy_until: document.lease.as_ref().map(|lease| at(lease.until_ms)),
            parked: document.parked_at.map(at),
            voucher_code: document.voucher_code,
            voucher_id: document.voucher_id,
            booked: document.posted_at.map(at),
            updated: at(document.updated_at),
            has_source: document.source.is_some(),
            deeds,
            scheme: document.scheme,
            key: document.key,
        }
    }
}

/// Reads the problems that were written down with a document.
pub(crate) fn problems(document: &Document) -> Vec<Value> {
    let read = document.problems.as_ref().and_then(|json| serde_json::from_str(json).ok());
    read.unwrap_or_default()
}

fn merging(document: &Document) -> Option<Merging> {
    if document.key.kind() == DocumentKind::Merged {
        let part = Part::from_json(&document.source.as_ref()?.text()?).ok()?;
        return Some(Merging::Members {
            members: part.members.into_iter().map(|member| member.key).collect(),
        });
    }
    let merged = document.merged.clone()?;
    Some(if document.is_waiting() {
        Merging::Waits { group: merged, due: document.due_at.map(at) }
    } else {
        Merging::BookedIn { part: merged }
    })
}
