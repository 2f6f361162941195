//! What comes back: the envelopes of both channels (`protocols/wdt.md` §3) and the rows of a page.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use dougong_values::{BeijingTime, StockoutId};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::failure::{Failure, Origin, QueryError};
use crate::field::{self, FieldText};
use crate::personal;
use crate::stockout::Stockout;

/// One page of stockouts.
#[derive(Debug, Clone)]
pub struct Page {
    /// The number of documents in the whole window; WDT tells it on page 0 alone.
    pub total: Option<u64>,
    /// The rows, in WDT's order.
    pub rows: Vec<Row>,
}

/// One row of a page, read alone.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "almost every row is a stockout: a box would cost each of them"
)]
pub enum Row {
    /// A row that could be read.
    Stockout(Stockout),
    /// A row that could not, for a person to look at; its neighbours are whole.
    Unreadable(UnreadableRow),
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Its primary key, if at least that could be read.
    pub stockout_id: Option<StockoutId>,
    /// When WDT last touched it, if that could be read.
    pub modified: Option<BeijingTime>,
    /// Its text without personal data; empty when it is not even an object.
    pub json: String,
    /// Everything that is wrong with it.
    pub problem: String,
}

/// The outermost object: the Qimen reply is in `response`, TOP's own errors in `error_response`, and the direct
/// channel answers without an envelope.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    response: Option<Body<'a>>,
    error_response: Option<Body<'a>>,
    code: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    total_count: Option<&'a RawValue>,
    stockout_list: Option<List<'a>>,
}

#[derive(Deserialize, Default)]
struct Body<'a> {
    #[serde(borrow)]
    flag: Option<&'a RawValue>,
    errorcode: Option<&'a RawValue>,
    code: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    msg: Option<&'a RawValue>,
    sub_code: Option<&'a RawValue>,
    sub_message: Option<&'a RawValue>,
    sub_msg: Option<&'a RawValue>,
    request_id: Option<&'a RawValue>,
    total_count: Option<&'a RawValue>,
    stockout_list: Option<List<'a>>,
}

/// Reads the body of a reply to the question for `page_no`, and cuts personal data except the fields in `keep`.
pub fn read(bytes: &[u8], page_no: u32, keep: &BTreeSet<String>) -> Result<Page, QueryError> {
    // The whole body is checked once; rows that only a repaired text could be read from are not trusted below.
    let (text, encoding) = match str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), Encoding::Utf8),
        Err(_) => (String::from_utf8_lossy(bytes), Encoding::Broken),
    };
    let reply: Reply<'_> = serde_json::from_str(&text).map_err(|error| {
        QueryError::unreadable(format!("it is no JSON of a known shape ({})", kind(&error)))
    })?;

    if let Some(error) = reply.error_response {
        return Err(failure(&error, error.code, Origin::Gateway));
    }
    let (body, status) = if let Some(response) = reply.response {
        let failed = text_of(response.flag).is_some_and(|flag| flag.eq_ignore_ascii_case("failure"));
        if failed || (response.errorcode.is_none() && response.code.is_some()) {
            return Err(failure(&response, response.code, Origin::Gateway));
        }
        let status = response.errorcode;
        (response, status)
    } else {
        let Reply { code, message, total_count, stockout_list, .. } = reply;
        (Body { message, total_count, stockout_list, ..Body::default() }, code)
    };
    match number(status) {
        Some(0) => page(body, page_no, encoding, keep),
        Some(_) => Err(failure(&body, status, Origin::Erp)),
        None => Err(QueryError::unreadable("it says neither success nor failure".to_owned())),
    }
}

/// Tells what kind of text it was without quoting it: a reply may hold personal data.
fn kind(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "cut off",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "not JSON",
        serde_json::error::Category::Data => "another shape",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

fn text_of(raw: Option<&RawValue>) -> Option<String> {
    let text = raw.and_then(FieldText::of)?.into_owned();
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn number(raw: Option<&RawValue>) -> Option<i64> {
    text_of(raw)?.parse().ok()
}

fn failure(body: &Body<'_>, code: Option<&RawValue>, origin: Origin) -> QueryError {
    let message = text_of(body.message).or_else(|| text_of(body.msg));
    let sub_message = text_of(body.sub_message).or_else(|| text_of(body.sub_msg));
    QueryError::Answered(Box::new(Failure::new(
        origin,
        text_of(code),
        text_of(body.sub_code),
        [message, sub_message],
        text_of(body.request_id),
    )))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Broken,
}

fn page(
    body: Body<'_>,
    page_no: u32,
    encoding: Encoding,
    keep: &BTreeSet<String>,
) -> Result<Page, QueryError> {
    let total = match (number(body.total_count), body.total_count) {
        (Some(total), _) => Some(u64::try_from(total).map_err(|_| odd_total())?),
        (None, Some(raw)) if text_of(Some(raw)).is_some() => return Err(odd_total()),
        (None, _) => None,
    };
    let rows = body.stockout_list.unwrap_or_default().0;
    if page_no == 0 && rows.is_empty() && total.is_some_and(|total| total > 0) {
        // Taking this for an empty window would lose its documents.
        return Err(QueryError::unreadable("it counts documents and holds none".to_owned()));
    }
    Ok(Page { total, rows: rows.into_iter().map(|row| read_row(row.get(), encoding, keep)).collect() })
}

fn odd_total() -> QueryError {
    QueryError::unreadable("its total_count is no number of documents".to_owned())
}

fn read_row(raw: &str, encoding: Encoding, keep: &BTreeSet<String>) -> Row {
    if !raw.starts_with('{') {
        let problem = "the row is not a JSON object".to_owned();
        return Row::Unreadable(UnreadableRow {
            stockout_id: None,
            modified: None,
            json: String::new(),
            problem,
        });
    }
    let json = personal::strip(raw, keep);
    let problem = if encoding == Encoding::Broken && json.contains(char::REPLACEMENT_CHARACTER) {
        "the row is not UTF-8".to_owned()
    } else {
        match Stockout::from_json(&json) {
            Ok(stockout) => return Row::Stockout(stockout),
            Err(error) => error.to_string(),
        }
    };
    let text = |name| field::find(&json, name).map(FieldText::into_owned);
    Row::Unreadable(UnreadableRow {
        stockout_id: text("stockout_id").and_then(|id| id.parse().ok()),
        modified: text("modified").and_then(|time| time.parse().ok()),
        json,
        problem,
    })
}

/// The rows of a page, each left unread. Absent, null, and what PHP makes of an empty list are all empty.
#[derive(Default)]
struct List<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of documents")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(List::default()) } else { Err(E::custom("a text instead of a list")) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        match fields.next_key::<serde::de::IgnoredAny>()? {
            None => Ok(List::default()),
            Some(_) => Err(serde::de::Error::custom("an object instead of a list")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = items.next_element()? {
            rows.push(row);
        }
        Ok(List(rows))
    }
}
