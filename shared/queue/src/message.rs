//! One document on its way: what a message holds, and its JSON form.

use std::fmt;
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, Version};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format this program writes and reads.
const FORMAT: u32 = 1;
/// A body above this size carries its document compressed.
const PLAIN_LIMIT: usize = 200 * 1024;
/// The most a compressed document may come to, against bodies made to fill the memory.
const DOCUMENT_LIMIT: u64 = 32 * 1024 * 1024;

/// One version of one document on its way to `deliver`; the kind in its key says what the text is.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// The document.
    pub key: DocumentKey,
    /// The version of its content.
    pub version: Version,
    /// When its system last changed it.
    pub modified: Option<BeijingTime>,
    /// The business day it counts for.
    pub day: BusinessDay,
    /// Its amount, for the day's sums.
    pub amount: Option<Money>,
    /// Its JSON text without personal data.
    pub document: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} version {}, {} bytes)", self.key, self.version, self.document.len())
    }
}

/// A message as the body of an SQS message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// The body.
    Body(String),
    /// It does not fit into an SQS message even compressed: park the document instead.
    TooLarge {
        /// The size its body would have.
        bytes: usize,
    },
}

/// A body that is no message of ours. It can never become one: such a message belongs into the DLQ.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body is not the JSON of a message.
    #[error("the body is not a message of Dougong")]
    Json(#[source] serde_json::Error),
    /// The body was written by another version of this program.
    #[error("the message has format {0}, this program reads format 1")]
    Format(u32),
    /// The compressed document cannot be unpacked, or is not there at all.
    #[error("the document of {key} is damaged: {problem}")]
    Document {
        /// The document.
        key: DocumentKey,
        /// What is wrong.
        problem: &'static str,
    },
}

/// The body's JSON. The document travels as it is, or compressed when the body would be too long.
#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    scheme: &'a SchemeId,
    key: &'a DocumentKey,
    version: &'a Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<BeijingTime>,
    day: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gzip: Option<String>,
}

#[derive(Deserialize)]
struct Received<'a> {
    scheme: SchemeId,
    key: DocumentKey,
    version: Version,
    modified: Option<BeijingTime>,
    day: String,
    amount: Option<Money>,
    #[serde(borrow)]
    document: Option<&'a RawValue>,
    gzip: Option<&'a str>,
}

#[derive(Deserialize)]
struct Format {
    v: u32,
}

impl Message {
    /// The most the body of one message, or of one batch of messages, may come to (256 KiB).
    pub const MAX_BYTES: usize = 256 * 1024;

    /// Writes the message as the body of an SQS message.
    pub fn encode(&self) -> Encoded {
        // A document that is no JSON (an unreadable one is parked, never queued) would travel compressed.
        let plain = serde_json::from_str::<&RawValue>(&self.document).ok();
        let body = match plain.filter(|_| self.document.len() <= PLAIN_LIMIT && !has_barred(&self.document)) {
            Some(document) => self.body(Some(document), None),
            None => self.body(None, Some(STANDARD.encode(packed(&self.document)))),
        };
        if body.len() > Self::MAX_BYTES {
            Encoded::TooLarge { bytes: body.len() }
        } else {
            Encoded::Body(body)
        }
    }

    fn body(&self, document: Option<&RawValue>, gzip: Option<String>) -> String {
        let written = Written {
            v: FORMAT,
            scheme: &self.scheme,
            key: &self.key,
            version: &self.version,
            modified: self.modified,
            day: self.day.to_string(),
            amount: self.amount,
            document,
            gzip,
        };
        // Only maps with keys that are not strings fail to serialise, and there are none.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Reads the body of an SQS message.
    pub fn decode(body: &str) -> Result<Self, DecodeError> {
        let format: Format = serde_json::from_str(body).map_err(DecodeError::Json)?;
        if format.v != FORMAT {
            return Err(DecodeError::Format(format.v));
        }
        let read: Received<'_> = serde_json::from_str(body).map_err(DecodeError::Json)?;
        let document = match (read.document, read.gzip) {
            (Some(document), None) => Ok(document.get().to_owned()),
            (None, Some(gzip)) => unpacked(gzip),
            _ => Err("it is missing, or there twice"),
        };
        let damaged = |problem| DecodeError::Document { key: read.key.clone(), problem };
        Ok(Self {
            document: document.map_err(damaged)?,
            day: read.day.parse().map_err(|_| damaged("its day is no day"))?,
            scheme: read.scheme,
            key: read.key,
            version: read.version,
            modified: read.modified,
            amount: read.amount,
        })
    }
}

/// Tells whether a text holds one of the two characters that SQS refuses; it would refuse the whole batch.
/// (The control characters it refuses too are escaped in JSON.)
fn has_barred(text: &str) -> bool {
    text.contains(['\u{fffe}', '\u{ffff}'])
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail; were it to, the reader would find the document damaged.
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn unpacked(base64: &str) -> Result<String, &'static str> {
    let packed = STANDARD.decode(base64).map_err(|_| "it is not base64")?;
    let mut text = String::new();
    let read = GzDecoder::new(packed.as_slice()).take(DOCUMENT_LIMIT + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 <= DOCUMENT_LIMIT => Ok(text),
        Ok(_) => Err("it is larger than 32 MiB"),
        Err(_) => Err("it is not gzip-compressed text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(document: String) -> Message {
        Message {
            scheme: "online-sales".parse().unwrap(),
            key: "stockout#demo2#80012345".parse().unwrap(),
            version: Version::of(&document),
            modified: Some("2026-11-20 10:00:01".parse().unwrap()),
            day: "2026-11-20".parse().unwrap(),
            amount: Some("180.0000".parse().unwrap()),
            document,
        }
    }

    fn body(message: &Message) -> String {
        match message.encode() {
            Encoded::Body(body) => body,
            Encoded::TooLarge { bytes } => panic!("{bytes} bytes are too large"),
        }
    }

    /// Text that does not compress: 6 bits of noise per byte.
    fn noise(bytes: usize) -> String {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[(state >> 58) as usize]
        };
        String::from_utf8((0..bytes).map(|_| next()).collect()).unwrap()
    }

    #[test]
    fn a_message_comes_back_as_it_was_digit_by_digit() {
        let sent = message(r#"{"paid": "0.1000", "id": 12345678901234567890, "goods":"茶"}"#.to_owned());
        let body = body(&sent);
        assert!(body.contains(r#""document":{"paid": "0.1000", "id": 12345678901234567890"#), "{body}");
        assert_eq!(Message::decode(&body).unwrap(), sent);

        let bare = Message { modified: None, amount: None, ..sent };
        assert_eq!(Message::decode(&super::tests::body(&bare)).unwrap(), bare);

        for key in [
            "declare#BH1",
            "rec#BH1",
            "req#BH1",
            "outbound#ZFH1",
            "sale#35#2026-11-20#1",
            "announce#demo2#1",
            "shipped#ZFH1",
        ] {
            let any = Message { key: key.parse().unwrap(), ..bare.clone() };
            assert_eq!(Message::decode(&super::tests::body(&any)).unwrap(), any);
        }
    }

    #[test]
    fn a_large_document_travels_compressed_and_a_too_large_one_not_at_all() {
        let large = message(format!("[{}]", vec!["{\"goods_name\":\"茶叶礼盒\"}"; 20_000].join(",")));
        let body = body(&large);
        assert!(body.len() < 50_000, "{}", body.len());
        assert_eq!(Message::decode(&body).unwrap(), large);

        let barred = message("\"\u{ffff}\"".to_owned());
        let barred_body = super::tests::body(&barred);
        assert!(!barred_body.contains('\u{ffff}'), "SQS would refuse the batch");
        assert_eq!(Message::decode(&barred_body).unwrap(), barred);

        let just = message(format!("\"{}\"", noise(230_000)));
        assert_eq!(Message::decode(&super::tests::body(&just)).unwrap(), just);
        let too_large = message(format!("\"{}\"", noise(300_000)));
        assert!(matches!(too_large.encode(), Encoded::TooLarge { bytes } if bytes > Message::MAX_BYTES));
    }

    #[test]
    fn what_is_no_message_says_why() {
        let good = body(&message("{}".to_owned()));
        let error = |body: &str| Message::decode(body).unwrap_err();
        assert!(matches!(error("order 80012345"), DecodeError::Json(_)));
        assert!(matches!(error("{}"), DecodeError::Json(_)));
        assert!(matches!(error(&good.replace("\"v\":1", "\"v\":2")), DecodeError::Format(2)));
        assert!(matches!(error(&good.replace("stockout#", "invoice#")), DecodeError::Json(_)));
        for (from, to) in [
            (",\"document\":{}", ""),
            ("\"document\":{}", "\"gzip\":\"%\""),
            ("\"document\":{}", "\"gzip\":\"YWJj\""),
            ("\"document\":{}", "\"document\":{},\"gzip\":\"YWJj\""),
            ("\"day\":\"2026-11-20\"", "\"day\":\"2026-11-31\""),
        ] {
            assert!(good.contains(from), "{good}");
            assert!(matches!(error(&good.replace(from, to)), DecodeError::Document { .. }), "{to}");
        }
    }
}
