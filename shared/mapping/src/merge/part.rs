//! A part: the frozen list of the orders that one merged voucher sums.

use dougong_values::{DocumentKey, Version};
use serde::{Deserialize, Serialize};

/// An order in a merged voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The order's document.
    pub key: DocumentKey,
    /// The version that is summed.
    pub version: Version,
}

/// One voucher's worth of a group: what is kept, queued and booked. It never changes once it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The group it belongs to.
    pub group: DocumentKey,
    /// Which part of it, from 1.
    pub number: u32,
    /// Its orders, by key.
    pub members: Vec<Member>,
}

/// A text that is no part's.
#[derive(Debug, thiserror::Error)]
#[error("the list of the merged voucher's members cannot be read")]
pub struct UnreadablePart(#[source] serde_json::Error);

impl Part {
    /// Makes a part of these members, whatever order they come in.
    pub fn new(group: DocumentKey, number: u32, mut members: Vec<Member>) -> Self {
        members.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Self { group, number, members }
    }

    /// Returns its key in the ledger.
    pub fn key(&self) -> DocumentKey {
        self.group.part(self.number)
    }

    /// Returns its version: its members in their versions.
    pub fn version(&self) -> Version {
        let lines: Vec<String> =
            self.members.iter().map(|member| format!("{} {}", member.key, member.version)).collect();
        Version::of(&format!("{}\n{}", self.group, lines.join("\n")))
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        // Only maps with keys that are not strings fail to serialise, and there are none.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Part::to_json`] wrote.
    pub fn from_json(json: &str) -> Result<Self, UnreadablePart> {
        serde_json::from_str(json).map_err(UnreadablePart)
    }
}
