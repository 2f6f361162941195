//! A document as the ledger holds it, and the facts a message brings about one.

use std::cell::RefCell;
use std::fmt;
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;

use dougong_values::{
    BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, Version, VoucherCode, VoucherId,
};
use flate2::read::GzDecoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::EpochMs;

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// In the queue; nothing of it can have reached BIP.
    Queued,
    /// A worker holds it, or held it and did not learn what BIP did: it may be in BIP.
    Posting,
    /// Booked in BIP.
    Posted,
    /// Needs a person (待人工处理).
    Parked,
    /// Deliberately not booked.
    Skipped,
}

impl State {
    /// Returns the name kept in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Posting => "posting",
            Self::Posted => "posted",
            Self::Parked => "parked",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state: queued, posting, posted, parked or skipped")]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        [Self::Queued, Self::Posting, Self::Posted, Self::Parked, Self::Skipped]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// A document's JSON text, gzip-compressed as the ledger keeps it until the document is posted.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<[u8]>);

impl Source {
    /// The most a source may take of DynamoDB's 400 KB per item.
    pub const MAX_BYTES: usize = 350 * 1024;

    /// Compresses a text; `None` if it stays above [`Source::MAX_BYTES`] even so.
    pub fn pack(json: &str) -> Option<Self> {
        let packed = DEFLATE.with_borrow_mut(|deflate| gzip(deflate, json.as_bytes()))?;
        (packed.len() <= Self::MAX_BYTES).then(|| Self(packed.into()))
    }

    /// Takes compressed bytes as they come from the ledger.
    pub fn from_packed(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Returns the compressed bytes.
    pub fn packed(&self) -> &[u8] {
        &self.0
    }

    /// Decompresses the text; `None` if the bytes are damaged.
    pub fn text(&self) -> Option<String> {
        let mut text = String::new();
        GzDecoder::new(&*self.0).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

thread_local! {
    /// Kept between sources: its tables take 300 KB, more to set up than a document takes to compress.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// A gzip member's beginning (RFC 1952): deflate, no name, no time, fastest, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];

/// Writes `bytes` as one gzip member with a compressor that was used before.
fn gzip(deflate: &mut Compress, bytes: &[u8]) -> Option<Vec<u8>> {
    let room = 64 + bytes.len() / 4;
    let mut packed = Vec::with_capacity(room);
    packed.extend_from_slice(&GZIP_HEADER);
    deflate.reset();
    loop {
        let read = usize::try_from(deflate.total_in()).ok()?;
        match deflate.compress_vec(bytes.get(read..)?, &mut packed, FlushCompress::Finish).ok()? {
            Status::StreamEnd => break,
            Status::Ok | Status::BufError => packed.reserve(room),
        }
    }
    let mut crc = Crc::new();
    crc.update(bytes);
    packed.extend_from_slice(&crc.sum().to_le_bytes());
    packed.extend_from_slice(&crc.amount().to_le_bytes());
    Some(packed)
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({} bytes)", self.0.len())
    }
}

/// What a message, or a page of WDT, or the store system says about a document.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// The document.
    pub key: DocumentKey,
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// The version of its content.
    pub version: Version,
    /// When its system last changed it: tells which of two versions is the newer one.
    pub modified: Option<BeijingTime>,
    /// The business day it counts for.
    pub day: BusinessDay,
    /// Its amount, for the day's sums.
    pub amount: Option<Money>,
    /// Its JSON text without personal data.
    pub source_json: String,
    /// What was doubtful about reading it, as JSON; `None` when nothing was.
    pub warnings: Option<String>,
}

impl fmt::Debug for NewDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modified = self.modified.map(|time| time.to_string()).unwrap_or_default();
        write!(f, "NewDocument({} version {} modified {modified:?})", self.key, self.version)
    }
}

/// The lease on a document in [`State::Posting`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLease {
    /// The one attempt that holds it; nobody after an unknown outcome, while the wait for the next try lasts.
    pub owner: Option<String>,
    /// When it ends.
    pub until_ms: EpochMs,
}

/// A changed version that came after another one was booked, or may have been: kept for a person to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldChange {
    /// The version that is held back.
    pub version: Version,
    /// When WDT changed it.
    pub modified: Option<BeijingTime>,
    /// Its amount.
    pub amount: Option<Money>,
    /// Its text.
    pub source: Option<Source>,
}

/// A document as the ledger holds it: the whole of one item.
///
/// `version`, `amount` and `source` speak of the version that is booked, in flight, queued or parked;
/// a version that must not be booked over it stands beside it in `held`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The document.
    pub key: DocumentKey,
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// Where it stands.
    pub state: State,
    /// The version it stands there with.
    pub version: Version,
    /// When WDT last changed that version.
    pub modified: Option<BeijingTime>,
    /// The business day it counts for.
    pub day: BusinessDay,
    /// The amount of that version.
    pub amount: Option<Money>,
    /// The text of that version; gone once it is posted, but for a transferring order, whose lines are told
    /// again when it is shipped.
    pub source: Option<Source>,
    /// What was doubtful about reading that version, as JSON.
    pub warnings: Option<String>,
    /// Attempts that counted.
    pub attempts: u32,
    /// Grows with every write; a worker whose fence is not the current one can record nothing.
    pub fence: u64,
    /// Who works on it, in [`State::Posting`].
    pub lease: Option<DocumentLease>,
    /// When the first attempt began that may have reached BIP; `None` when certainly none has.
    pub first_posting_at: Option<EpochMs>,
    /// When the last attempt began that may have reached BIP.
    pub last_posting_at: Option<EpochMs>,
    /// Since when an outcome is unknown.
    pub unknown_since: Option<EpochMs>,
    /// The voucher's code: the one sent, or once posted the one BIP gave.
    pub voucher_code: Option<VoucherCode>,
    /// The voucher's id in BIP, once posted.
    pub voucher_id: Option<VoucherId>,
    /// When it was posted.
    pub posted_at: Option<EpochMs>,
    /// When it was parked.
    pub parked_at: Option<EpochMs>,
    /// The stable name of why it is parked, skipped or unknown.
    pub reason: Option<String>,
    /// Every problem found, as JSON.
    pub problems: Option<String>,
    /// A changed version that is held back.
    pub held: Option<HeldChange>,
    /// While it is queued: the group it waits in to be merged. Once it is posted: the merged voucher it is in.
    pub merged: Option<DocumentKey>,
    /// From when on it may be put together with the others of its group.
    pub due_at: Option<EpochMs>,
    /// When the ledger first heard of it.
    pub first_seen: EpochMs,
    /// When it was last written.
    pub updated_at: EpochMs,
    /// Seconds since the epoch after which the row is no longer trusted (TTL).
    pub expires_at: Option<i64>,
}

/// What a person should look at: the partitions of the index `attention`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attention {
    /// Parked: it could not be mapped, or BIP refused it.
    Parked,
    /// An outcome is unknown and not settled yet.
    Unknown,
    /// A changed version is held back behind a booked one.
    Held,
}

impl Attention {
    /// All kinds, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Held, Self::Parked];

    /// Returns the name kept in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Unknown => "unknown",
            Self::Held => "held",
        }
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Document {
    /// Returns the version that is booked in BIP, if one is.
    pub fn posted_version(&self) -> Option<&Version> {
        self.posted_at.map(|_| &self.version)
    }

    /// Tells whether an attempt may have reached BIP without its outcome being known.
    pub const fn is_unsettled(&self) -> bool {
        self.posted_at.is_none() && self.first_posting_at.is_some()
    }

    /// Tells whether sending it again can help: its text is there, and no voucher of it is known. What is held as a change
    /// takes its place where nothing of it can be in BIP; otherwise what was sent is settled first.
    pub fn is_replayable(&self) -> bool {
        let held = self.held.as_ref().filter(|_| !self.is_unsettled());
        let text = held.map_or(self.source.as_ref(), |held| held.source.as_ref());
        self.posted_at.is_none() && text.is_some()
    }

    /// Tells whether it waits in a group, or is in a part of it that is not booked yet.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Queued && self.merged.is_some()
    }

    /// Tells whether the row is past its TTL: DynamoDB deletes late, so such a row is treated as absent.
    pub fn is_expired(&self, now_ms: EpochMs) -> bool {
        self.expires_at.is_some_and(|seconds| seconds <= now_ms.div_euclid(1000))
    }

    /// Returns why a person should look at it, and since when.
    pub fn attention(&self) -> Option<(Attention, EpochMs)> {
        match self.state {
            State::Parked => {
                let kind = if self.held.is_some() { Attention::Held } else { Attention::Parked };
                Some((kind, self.parked_at.unwrap_or(self.updated_at)))
            }
            State::Posting => self.unknown_since.map(|since| (Attention::Unknown, since)),
            State::Queued | State::Posted | State::Skipped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_source_comes_back_as_it_was() {
        let json = r#"{"stockout_id":"1","goods":"茶"}"#.repeat(100);
        let source = Source::pack(&json).unwrap();
        assert!(source.packed().len() < json.len() / 10);
        assert_eq!(Source::from_packed(source.packed()).text().as_deref(), Some(json.as_str()));
        assert_eq!(Source::from_packed(b"not gzip").text(), None);
    }

    #[test]
    fn a_source_is_gzip_whatever_was_packed_before_it() {
        // From nothing to what does not compress, so that the output outgrows its first guess.
        let letter = |at: u32| u8::try_from(at.wrapping_mul(2_654_435_761) >> 26).unwrap();
        let noise = |bytes: u32| -> String { (0..bytes).map(|at| char::from(b'!' + letter(at))).collect() };
        for json in [String::new(), "\"茶\"".to_owned(), noise(300_000), "7".repeat(100_000), noise(9)] {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(json.as_bytes()).unwrap();
            let source = Source::pack(&json).unwrap();
            assert_eq!(source.packed(), encoder.finish().unwrap(), "{} bytes", json.len());
            assert_eq!(source.text(), Some(json));
        }
    }

    #[test]
    fn states_are_read_by_the_name_they_are_written_with() {
        for state in [State::Queued, State::Posting, State::Posted, State::Parked, State::Skipped] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("Queued".parse::<State>().is_err());
    }
}
