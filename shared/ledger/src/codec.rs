//! Items of DynamoDB to types and back. The attribute names stand in the crate's README.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use dougong_values::{BusinessDay, SchemeId};

use crate::EpochMs;
use crate::document::{Document, DocumentLease, HeldChange, Source};
use crate::error::LedgerError;

/// One item as the SDK hands it over.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// Makes a string attribute.
pub(crate) fn text(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// Makes a number attribute.
pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Makes a binary attribute.
pub(crate) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Builds an item attribute by attribute, leaving out what is absent: DynamoDB's indexes are sparse.
#[derive(Default)]
pub(crate) struct ItemWriter(Attributes);

impl ItemWriter {
    pub(crate) fn text(mut self, name: &str, value: impl Display) -> Self {
        self.0.insert(name.to_owned(), text(value));
        self
    }

    pub(crate) fn maybe_text(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(crate) fn number(mut self, name: &str, value: impl Display) -> Self {
        self.0.insert(name.to_owned(), number(value));
        self
    }

    pub(crate) fn maybe_number(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    fn maybe_source(mut self, name: &str, value: Option<&Source>) -> Self {
        if let Some(source) = value {
            self.0.insert(name.to_owned(), bytes(source.packed()));
        }
        self
    }

    pub(crate) fn packed(self, name: &str, value: &Source) -> Self {
        self.maybe_source(name, Some(value))
    }

    pub(crate) fn finish(self) -> Attributes {
        self.0
    }
}

/// Reads an item attribute by attribute; a problem names the item and the attribute.
pub(crate) struct ItemReader<'a> {
    item: &'a Attributes,
    key: &'a str,
}

impl<'a> ItemReader<'a> {
    /// Starts on an item; its key names it in problems.
    pub(crate) fn new(item: &'a Attributes) -> Self {
        let key = item
            .get("pk")
            .and_then(|value| value.as_s().ok())
            .map_or("an item without a key", String::as_str);
        Self { item, key }
    }

    /// Names a problem of this item.
    pub(crate) fn problem(&self, attribute: &'static str, problem: &'static str) -> LedgerError {
        LedgerError::Unreadable { item: self.key.to_owned(), attribute, problem }
    }

    /// Reads an attribute that may be absent, from a string or a number.
    pub(crate) fn maybe<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, LedgerError> {
        match self.item.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => {
                text.parse().map(Some).map_err(|_| self.problem(name, "not what it should be"))
            }
            Some(_) => Err(self.problem(name, "of another type")),
        }
    }

    /// Reads an attribute that must be there.
    pub(crate) fn required<T: FromStr>(&self, name: &'static str) -> Result<T, LedgerError> {
        self.maybe(name)?.ok_or_else(|| self.problem(name, "missing"))
    }

    /// Reads a binary attribute that may be absent.
    pub(crate) fn maybe_bytes(&self, name: &'static str) -> Result<Option<&'a [u8]>, LedgerError> {
        match self.item.get(name) {
            None => Ok(None),
            Some(AttributeValue::B(blob)) => Ok(Some(blob.as_ref())),
            Some(_) => Err(self.problem(name, "of another type")),
        }
    }
}

/// The partition of a day's documents in the index `by_day`.
pub(crate) fn scheme_day(scheme: &SchemeId, day: BusinessDay) -> String {
    format!("{scheme}#{day}")
}

/// The partition of a scheme's waiting orders in the index `attention`: no kind of attention has such a name.
pub(crate) fn waiting_partition(scheme: &SchemeId) -> String {
    format!("waiting#{scheme}")
}

/// Every attribute of a document's item besides its key.
pub(crate) const DOCUMENT_ATTRIBUTES: [&str; 34] = [
    "state",
    "scheme",
    "version",
    "modified",
    "day",
    "scheme_day",
    "amount",
    "source",
    "warnings",
    "attempts",
    "fence",
    "owner",
    "lease_until",
    "first_posting_at",
    "last_posting_at",
    "unknown_since",
    "voucher_code",
    "voucher_id",
    "posted_at",
    "parked_at",
    "reason",
    "problems",
    "held_version",
    "held_modified",
    "held_amount",
    "held_source",
    "merged",
    "due_at",
    "attention",
    "attention_at",
    "first_seen",
    "updated_at",
    "expires_at",
    "posted_version",
];

/// Writes a document as an item.
pub(crate) fn write_document(document: &Document) -> Attributes {
    let lease = document.lease.as_ref();
    let held = document.held.as_ref();
    let attention = document.attention().map(|(kind, since)| (kind.to_string(), since));
    let waiting = || Some((waiting_partition(&document.scheme), document.due_at.unwrap_or_default()));
    let attention = attention.or_else(|| if document.is_waiting() { waiting() } else { None });
    ItemWriter::default()
        .text("pk", &document.key)
        .text("state", document.state)
        .text("scheme", &document.scheme)
        .text("version", &document.version)
        .maybe_text("modified", document.modified)
        .text("day", document.day)
        .text("scheme_day", scheme_day(&document.scheme, document.day))
        .maybe_text("amount", document.amount)
        .maybe_source("source", document.source.as_ref())
        .maybe_text("warnings", document.warnings.as_ref())
        .number("attempts", document.attempts)
        .number("fence", document.fence)
        .maybe_text("owner", lease.and_then(|lease| lease.owner.as_ref()))
        .maybe_number("lease_until", lease.map(|lease| lease.until_ms))
        .maybe_number("first_posting_at", document.first_posting_at)
        .maybe_number("last_posting_at", document.last_posting_at)
        .maybe_number("unknown_since", document.unknown_since)
        .maybe_text("voucher_code", document.voucher_code.as_ref())
        .maybe_text("voucher_id", document.voucher_id.as_ref())
        .maybe_number("posted_at", document.posted_at)
        .maybe_text("posted_version", document.posted_version())
        .maybe_number("parked_at", document.parked_at)
        .maybe_text("reason", document.reason.as_ref())
        .maybe_text("problems", document.problems.as_ref())
        .maybe_text("held_version", held.map(|held| &held.version))
        .maybe_text("held_modified", held.and_then(|held| held.modified))
        .maybe_text("held_amount", held.and_then(|held| held.amount))
        .maybe_source("held_source", held.and_then(|held| held.source.as_ref()))
        .maybe_text("merged", document.merged.as_ref())
        .maybe_number("due_at", document.due_at)
        .maybe_text("attention", attention.as_ref().map(|(partition, _)| partition))
        .maybe_number("attention_at", attention.map(|(_, since)| since))
        .number("first_seen", document.first_seen)
        .number("updated_at", document.updated_at)
        .maybe_number("expires_at", document.expires_at)
        .finish()
}

/// Reads a document from its whole item.
pub(crate) fn read_document(item: &Attributes) -> Result<Document, LedgerError> {
    let read = ItemReader::new(item);
    let held = read
        .maybe("held_version")?
        .map(|version| {
            Ok::<_, LedgerError>(HeldChange {
                version,
                modified: read.maybe("held_modified")?,
                amount: read.maybe("held_amount")?,
                source: read.maybe_bytes("held_source")?.map(Source::from_packed),
            })
        })
        .transpose()?;
    let lease = read
        .maybe::<EpochMs>("lease_until")?
        .map(|until_ms| Ok::<_, LedgerError>(DocumentLease { owner: read.maybe("owner")?, until_ms }))
        .transpose()?;
    Ok(Document {
        key: read.required("pk")?,
        scheme: read.required("scheme")?,
        state: read.required("state")?,
        version: read.required("version")?,
        modified: read.maybe("modified")?,
        day: read.required("day")?,
        amount: read.maybe("amount")?,
        source: read.maybe_bytes("source")?.map(Source::from_packed),
        warnings: read.maybe("warnings")?,
        attempts: read.maybe("attempts")?.unwrap_or_default(),
        fence: read.required("fence")?,
        lease,
        first_posting_at: read.maybe("first_posting_at")?,
        last_posting_at: read.maybe("last_posting_at")?,
        unknown_since: read.maybe("unknown_since")?,
        voucher_code: read.maybe("voucher_code")?,
        voucher_id: read.maybe("voucher_id")?,
        posted_at: read.maybe("posted_at")?,
        parked_at: read.maybe("parked_at")?,
        reason: read.maybe("reason")?,
        problems: read.maybe("problems")?,
        held,
        merged: read.maybe("merged")?,
        due_at: read.maybe("due_at")?,
        first_seen: read.required("first_seen")?,
        updated_at: read.required("updated_at")?,
        expires_at: read.maybe("expires_at")?,
    })
}
