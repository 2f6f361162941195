//! Signatures as settings: what is signed, how, and where it travels.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dougong_values::BeijingTime;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::AuthError;

/// How requests are signed, for both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Where the signature travels.
    pub place: Place,
    /// Where the time of signing travels; without one, a request can be sent again for ever.
    pub timestamp: Option<TimestampPlace>,
    /// What is signed, joined without separators.
    pub parts: Vec<Part>,
    /// The function.
    pub digest: Digest,
    /// How its result is written. Hex is accepted in either case.
    pub encoding: SignatureEncoding,
    /// What stands before it, such as `sha256=`; accepted without, too.
    pub prefix: String,
}

/// Where a value travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a header of this name.
    Header(String),
    /// In a query parameter of this name.
    Query(String),
}

/// The time of signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampPlace {
    /// Where it travels.
    pub place: Place,
    /// How ours is written. Theirs is accepted in every form.
    pub form: TimestampForm,
    /// How far it may be from now, either way, in seconds.
    pub grace_seconds: i64,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampForm {
    /// Seconds since the Unix epoch.
    Seconds,
    /// Milliseconds since the Unix epoch.
    Milliseconds,
    /// `yyyy-MM-dd HH:mm:ss` in Beijing.
    Text,
}

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The secret. HMACs have it as their key and need it nowhere else.
    Secret,
    /// This text.
    Literal(String),
    /// The time of signing, as it travels.
    Timestamp,
    /// The HTTP method, in capitals.
    Method,
    /// The path of the URL.
    Path,
    /// The query parameters that have a value, without the signature, by name.
    SortedQuery {
        /// Between name and value.
        equals: String,
        /// Between parameters.
        and: String,
    },
    /// The body, byte for byte.
    Body,
}

/// The function that signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// MD5 of everything, the secret included.
    Md5,
    /// SHA-256 of everything, the secret included.
    Sha256,
    /// HMAC-MD5.
    HmacMd5,
    /// HMAC-SHA256.
    HmacSha256,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Hex digits in small letters.
    HexLower,
    /// Hex digits in capitals.
    HexUpper,
    /// Base64 with padding.
    Base64,
}

/// What a signature is made over.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) timestamp: &'a str,
    pub(super) body: &'a [u8],
}

impl Place {
    pub(super) fn find(&self, headers: &HeaderMap, query: &[(String, String)]) -> Option<String> {
        let found = match self {
            Self::Header(name) => headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned),
            Self::Query(name) => query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
        };
        found.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

impl TimestampForm {
    pub(super) fn write(self, time: BeijingTime) -> String {
        match self {
            Self::Seconds => time.epoch_seconds().to_string(),
            Self::Milliseconds => time.epoch_seconds().saturating_mul(1000).to_string(),
            Self::Text => time.to_string(),
        }
    }
}

/// Reads a time in any of the forms: up to eleven digits are seconds, more are milliseconds.
pub(super) fn read_timestamp(text: &str) -> Option<BeijingTime> {
    let numeric = text.len() <= 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(number) if numeric && text.len() > 11 => BeijingTime::from_epoch_seconds(number / 1000),
        Ok(number) if numeric => BeijingTime::from_epoch_seconds(number),
        _ => text.parse().ok().filter(|_| text.len() == 19),
    }
}

impl Signature {
    pub(super) fn sorted_md5() -> Self {
        let pairs = Part::SortedQuery { equals: String::new(), and: String::new() };
        Self {
            place: Place::Query("sign".to_owned()),
            timestamp: Some(TimestampPlace {
                place: Place::Query("timestamp".to_owned()),
                form: TimestampForm::Text,
                grace_seconds: 600,
            }),
            parts: vec![Part::Secret, pairs, Part::Body, Part::Secret],
            digest: Digest::Md5,
            encoding: SignatureEncoding::HexUpper,
            prefix: String::new(),
        }
    }

    pub(super) fn hmac_sha256() -> Self {
        Self {
            place: Place::Header("X-Signature".to_owned()),
            timestamp: Some(TimestampPlace {
                place: Place::Header("X-Timestamp".to_owned()),
                form: TimestampForm::Seconds,
                grace_seconds: 300,
            }),
            parts: vec![Part::Timestamp, Part::Literal(".".to_owned()), Part::Body],
            digest: Digest::HmacSha256,
            encoding: SignatureEncoding::HexLower,
            prefix: String::new(),
        }
    }

    /// Checks that nothing that decides is left out of what is signed.
    pub(super) fn covers_everything(&self) -> Result<(), AuthError> {
        let has = |part: fn(&Part) -> bool| self.parts.iter().any(part);
        let uncovered = |what| Err(AuthError::Uncovered { what });
        let keyed = matches!(self.digest, Digest::HmacMd5 | Digest::HmacSha256);
        // A plain digest that ends with what the sender chooses can be extended without the secret.
        let ends_with_secret = self.parts.last() == Some(&Part::Secret);
        if !keyed && !ends_with_secret {
            return uncovered("its own end with the secret");
        }
        if !has(|part| matches!(part, Part::Body)) {
            return uncovered("the body");
        }
        let queried = has(|part| matches!(part, Part::SortedQuery { .. }));
        let stamped = has(|part| matches!(part, Part::Timestamp));
        match self.timestamp.as_ref().map(|timestamp| &timestamp.place) {
            Some(Place::Query(_)) if !queried && !stamped => uncovered("the timestamp"),
            Some(Place::Header(_)) if !stamped => uncovered("the timestamp"),
            _ => Ok(()),
        }
    }

    pub(super) fn headers(&self) -> Vec<&String> {
        let timestamp = self.timestamp.as_ref().map(|timestamp| &timestamp.place);
        let mut headers = Vec::new();
        for place in [Some(&self.place), timestamp].into_iter().flatten() {
            if let Place::Header(name) = place {
                headers.push(name);
            }
        }
        headers
    }

    /// Computes the signature's bytes.
    pub(super) fn mac(&self, signed: &Signed<'_>, secret: &str) -> Vec<u8> {
        let message = self.message(signed, secret);
        match self.digest {
            Digest::Md5 => Md5::digest(&message).to_vec(),
            Digest::Sha256 => Sha256::digest(&message).to_vec(),
            Digest::HmacMd5 => keyed::<Hmac<Md5>>(secret, &message),
            Digest::HmacSha256 => keyed::<Hmac<Sha256>>(secret, &message),
        }
    }

    fn message(&self, signed: &Signed<'_>, secret: &str) -> Vec<u8> {
        let mut message = Vec::with_capacity(signed.body.len() + 256);
        for part in &self.parts {
            match part {
                Part::Secret => message.extend_from_slice(secret.as_bytes()),
                Part::Literal(text) => message.extend_from_slice(text.as_bytes()),
                Part::Timestamp => message.extend_from_slice(signed.timestamp.as_bytes()),
                Part::Method => message.extend_from_slice(signed.method.to_ascii_uppercase().as_bytes()),
                Part::Path => message.extend_from_slice(signed.path.as_bytes()),
                Part::SortedQuery { equals, and } => {
                    message.extend_from_slice(self.sorted(signed.query, equals, and).as_bytes());
                }
                Part::Body => message.extend_from_slice(signed.body),
            }
        }
        message
    }

    fn sorted(&self, query: &[(String, String)], equals: &str, and: &str) -> String {
        let is_signature = |name: &str| matches!(&self.place, Place::Query(place) if place == name);
        let mut pairs: Vec<&(String, String)> =
            query.iter().filter(|(name, value)| !value.is_empty() && !is_signature(name)).collect();
        pairs.sort_unstable();
        let pairs: Vec<String> =
            pairs.into_iter().map(|(name, value)| format!("{name}{equals}{value}")).collect();
        pairs.join(and)
    }

    pub(super) fn encode(&self, mac: &[u8]) -> String {
        let text = match self.encoding {
            SignatureEncoding::HexLower => hex(mac),
            SignatureEncoding::HexUpper => hex(mac).to_ascii_uppercase(),
            SignatureEncoding::Base64 => STANDARD.encode(mac),
        };
        format!("{}{text}", self.prefix)
    }

    /// Reads a signature; `None` where it cannot be one.
    pub(super) fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let text = text.strip_prefix(self.prefix.as_str()).unwrap_or(text);
        match self.encoding {
            SignatureEncoding::Base64 => STANDARD.decode(text).ok(),
            SignatureEncoding::HexLower | SignatureEncoding::HexUpper => unhex(text),
        }
    }
}

#[expect(clippy::expect_used, reason = "an HMAC takes a key of any length")]
fn keyed<M: Mac + KeyInit>(secret: &str, message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let bytes = pairs.map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| 16 * sum + digit)).ok());
    bytes.collect::<Option<_>>().filter(|_| whole)
}
