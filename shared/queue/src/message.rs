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

/// One version of one document on its way from `pull` to `deliver`.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// The document.
    pub key: DocumentKey,
    /// The version of its content.
    pub version: Version,
    /// When WDT last changed it.
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

impl Message {
    /// Writes the message as the body of an SQS message.
    pub fn encode(&self) -> Encoded {
        todo!()
    }

    /// Reads the body of an SQS message.
    pub fn decode(body: &str) -> Result<Self, DecodeError> {
        todo!("{body}")
    }
}
