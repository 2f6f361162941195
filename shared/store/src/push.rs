//! Pushes: the bills the store system sends by itself (`protocols/store.md` §7).

use std::borrow::Cow;

use crate::acknowledgement::Answer;
use crate::bill::BillKind;
use crate::json::{self, Form, Object};
use crate::rows::{self, Row};
use crate::seq::Seq;
use crate::warning::{WarningName, Warnings};

/// The largest push that is read, in bytes.
pub const LARGEST_PUSH: usize = 1 << 20;

/// The most bills of one push.
const MOST_BILLS: usize = 5_000;

/// The names a list of bills goes by in a push; the vendor documents the first.
const LISTS: [&str; 4] = ["items", "billnoitems", "billnoitmes", "bills"];

/// How the bytes of a push may be encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-8, else GBK (GB 18030).
    Utf8OrGbk,
}

/// A push that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The command, such as `PushStoreDeclareGoods`.
    pub command: String,
    /// What its bills are.
    pub kind: BillKind,
    /// The sequence number, to be echoed; `None` where none came.
    pub seq: Option<Seq>,
    /// The bills in the order they came, each read alone. One that cannot be read leaves its neighbours whole.
    /// What had to be forgiven about the envelope is among the warnings of each.
    pub rows: Vec<Row>,
}

/// A push that could not be taken at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The body is too large.
    #[error("the push has {bytes} bytes, more than {LARGEST_PUSH}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The body is not in an encoding that is accepted.
    #[error("the push is not UTF-8 text")]
    Encoding,
    /// The body is not one JSON object.
    #[error("the push {problem}")]
    Malformed {
        /// What is wrong with it, without its text.
        problem: String,
    },
    /// The body names no command.
    #[error("the push has no cmd")]
    NoCommand {
        /// The sequence number.
        seq: Option<Seq>,
    },
    /// The command is none of the three that bring bills.
    #[error("the push has the unknown cmd {command:?}")]
    UnknownCommand {
        /// The command, cut to 64 characters.
        command: String,
        /// The sequence number.
        seq: Option<Seq>,
    },
    /// The command is known, but there is no list of bills.
    #[error("the push {command} brings no bills that can be taken: {problem}")]
    NoBills {
        /// The command.
        command: String,
        /// What is there instead.
        problem: String,
        /// The sequence number.
        seq: Option<Seq>,
    },
}

impl PushError {
    /// Returns the sequence number to echo, if that much could be read.
    pub const fn seq(&self) -> Option<&Seq> {
        match self {
            Self::TooLarge { .. } | Self::Encoding | Self::Malformed { .. } => None,
            Self::NoCommand { seq } | Self::UnknownCommand { seq, .. } | Self::NoBills { seq, .. } => {
                seq.as_ref()
            }
        }
    }

    /// Returns how to answer it.
    pub const fn answer(&self) -> Answer {
        match self {
            Self::UnknownCommand { .. } => Answer::UnknownCommand,
            _ => Answer::Malformed,
        }
    }

    /// Returns the stable name of the error, for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "push_too_large",
            Self::Encoding => "push_encoding",
            Self::Malformed { .. } => "push_malformed",
            Self::NoCommand { .. } => "push_without_cmd",
            Self::UnknownCommand { .. } => "push_unknown_cmd",
            Self::NoBills { .. } => "push_without_bills",
        }
    }
}

/// Returns the kind of bill a command brings; the case of its letters does not count.
fn kind_of(command: &str) -> Option<BillKind> {
    let pushes = [
        ("PushStoreDeclareGoods", BillKind::Declare),
        ("PushRECBill", BillKind::Receipt),
        ("PushREQBill", BillKind::Return),
    ];
    pushes.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(command)).map(|(_, kind)| kind)
}

/// Reads the body of a push, as it was received. Authenticate it before.
pub fn read_push(body: &[u8], encoding: Encoding) -> Result<Push, PushError> {
    if body.len() > LARGEST_PUSH {
        return Err(PushError::TooLarge { bytes: body.len() });
    }
    let mut warnings = Warnings::default();
    let text = decode(body, encoding, &mut warnings).ok_or(PushError::Encoding)?;
    let text = text.trim();
    if json::is_too_deep(text) {
        return Err(PushError::Malformed { problem: "nests deeper than any bill does".to_owned() });
    }
    let envelope = Object::read(text).map_err(|problem| PushError::Malformed { problem })?;
    let seq = envelope.get("seq").and_then(|found| Seq::from_json(found.json));
    let command = envelope.get("cmd").filter(|found| json::form(found.json) == Form::Text);
    let command = command.and_then(|found| json::scalar(found.json)).unwrap_or_default();
    let command: String = command.trim().chars().take(64).collect();
    if command.is_empty() {
        return Err(PushError::NoCommand { seq });
    }
    let Some(kind) = kind_of(&command) else { return Err(PushError::UnknownCommand { command, seq }) };

    let elements = match elements(&envelope, text, &mut warnings) {
        Ok(elements) => elements,
        Err(problem) => return Err(PushError::NoBills { command, problem, seq }),
    };
    let rows = rows::read(kind, &elements, warnings);
    Ok(Push { command, kind, seq, rows })
}

fn elements<'a>(
    envelope: &Object<'a>,
    text: &'a str,
    warnings: &mut Warnings,
) -> Result<Vec<Cow<'a, str>>, String> {
    match rows::elements(envelope, &LISTS, MOST_BILLS, warnings)? {
        Some(elements) => Ok(elements),
        // Some commands have their fields at the top level (§3): then the envelope is the bill.
        None if envelope.get("billno").is_some() => {
            warnings.add(WarningName::OneForList, "", || "the bill's fields beside cmd and seq".to_owned());
            Ok(vec![Cow::Borrowed(text)])
        }
        None => Err("there is no items".to_owned()),
    }
}

/// Decodes what came over the wire, with or without a byte order mark.
pub(crate) fn decode<'b>(
    body: &'b [u8],
    encoding: Encoding,
    warnings: &mut Warnings,
) -> Option<Cow<'b, str>> {
    let without_mark = body.strip_prefix(b"\xef\xbb\xbf".as_slice());
    if without_mark.is_some() {
        warnings.add(WarningName::ByteOrderMark, "", || "the text began with one".to_owned());
    }
    if let Ok(text) = std::str::from_utf8(without_mark.unwrap_or(body)) {
        return Some(Cow::Borrowed(text));
    }
    let (text, broken) = encoding_rs::GB18030.decode_without_bom_handling(body);
    if encoding == Encoding::Utf8 || broken {
        return None;
    }
    warnings.add(WarningName::OtherEncoding, "", || "the text was GBK, not UTF-8".to_owned());
    Some(text)
}
