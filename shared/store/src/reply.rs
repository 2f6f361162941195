//! What the platform answers: an envelope with a code, and what was asked for.

use crate::bill::BillKind;
use crate::failure::{CallError, Codes, Effect};
use crate::json::{self, Form, Object};
use crate::push::{Encoding, decode};
use crate::rows::{self, Row};
use crate::seq::Seq;
use crate::warning::Warnings;

/// The most rows of one answer.
const MOST_ROWS: usize = 100_000;

/// A way of paying that the merchant has opened (`QueryAllPay`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethod {
    /// Its code (支付编码).
    pub code: String,
    /// Its name (支付名称).
    pub name: Option<String>,
}

/// Bills that were handed out together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The batch they belong to (`sumbatch`), opaque: write it down before the rows are read on, go on with it, and
    /// finish it when every row is stored.
    pub sumbatch: Option<String>,
    /// The bills.
    pub rows: Vec<Row>,
}

/// A delivery that the platform knows now (`AddSTOBill`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The platform's number for it (甩手掌柜单据号), where it tells.
    pub number: Option<String>,
    /// Whether it was there before: the code says so.
    pub was_there: bool,
}

/// One answer being read.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) command: &'static str,
    pub(crate) effect: Effect,
    pub(crate) codes: &'a Codes,
    pub(crate) encoding: Encoding,
}

impl Asked<'_> {
    fn unreadable(&self, problem: impl Into<String>) -> CallError {
        CallError::unreadable(self.command, self.effect, problem.into())
    }

    /// Reads the envelope and returns what `read` finds in it, if the code is 0.
    pub(crate) fn read<T>(
        &self,
        status: u16,
        body: &[u8],
        seq: &Seq,
        read: impl FnOnce(&Object<'_>, Warnings) -> Result<T, String>,
    ) -> Result<T, CallError> {
        let mut warnings = Warnings::default();
        let broken = |problem: String| match status {
            200..=299 => self.unreadable(problem),
            _ => CallError::http(self.command, self.effect, status),
        };
        let text = decode(body, self.encoding, &mut warnings)
            .ok_or_else(|| broken("is not UTF-8 text".to_owned()))?;
        let text = text.trim();
        if json::is_too_deep(text) {
            return Err(broken("nests deeper than any bill does".to_owned()));
        }
        let envelope = Object::read(text).map_err(broken)?;
        let code = envelope.get("code").and_then(|found| json::scalar(found.json));
        let code = code.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty());
        let Some(code) = code else { return Err(broken("has no code".to_owned())) };
        // A refusal in the platform's words says more than the status it came with.
        if code != "0" {
            let message = envelope.get("msg").and_then(|found| json::scalar(found.json)).unwrap_or_default();
            return Err(CallError::refused(self.command, self.effect, self.codes, code, message.trim()));
        }
        if !(200..=299).contains(&status) {
            return Err(CallError::http(self.command, self.effect, status));
        }
        let echoed = envelope.get("seq").and_then(|found| Seq::from_json(found.json));
        if echoed.as_ref().is_some_and(|echoed| echoed.text() != seq.text()) {
            tracing::debug!(command = self.command, "the store system's answer carries another seq");
        }
        envelope.get("cmd");
        read(&envelope, warnings).map_err(|problem| self.unreadable(problem))
    }
}

/// Reads downloaded bills.
pub(crate) fn bills(
    kind: BillKind,
    names: &[&'static str],
    envelope: &Object<'_>,
    mut warnings: Warnings,
) -> Result<Batch, String> {
    let elements = rows::elements(envelope, names, MOST_ROWS, &mut warnings)?.unwrap_or_default();
    let sumbatch = text(envelope, "sumbatch");
    Ok(Batch { sumbatch, rows: rows::read(kind, &elements, warnings) })
}

pub(crate) fn payment_methods(
    envelope: &Object<'_>,
    mut warnings: Warnings,
) -> Result<Vec<PaymentMethod>, String> {
    let mut methods = Vec::new();
    for element in rows::elements(envelope, &["items"], MOST_ROWS, &mut warnings)?.unwrap_or_default() {
        let object =
            Object::read(&element).map_err(|problem| format!("has an element of items that {problem}"))?;
        let code = text(&object, "paycode").ok_or("has a way of paying without paycode")?;
        methods.push(PaymentMethod { code, name: text(&object, "payname") });
    }
    Ok(methods)
}

/// Reads the ids of stores, as scalars or in objects (N19).
pub(crate) fn stores(envelope: &Object<'_>, mut warnings: Warnings) -> Result<Vec<String>, String> {
    let mut stores = Vec::new();
    for element in rows::elements(envelope, &["items"], MOST_ROWS, &mut warnings)?.unwrap_or_default() {
        let id = match json::form(&element) {
            Form::Object => text(&Object::read(&element)?, "storeuid"),
            Form::Text | Form::Number => json::scalar(&element).map(|id| id.trim().to_owned()),
            Form::Null | Form::Bool | Form::List => None,
        };
        stores.push(id.filter(|id| !id.is_empty()).ok_or("has a store without an id")?);
    }
    Ok(stores)
}

pub(crate) fn announced(number: &str, envelope: &Object<'_>) -> Result<Announced, String> {
    let elements =
        rows::elements(envelope, &["items"], MOST_ROWS, &mut Warnings::default())?.unwrap_or_default();
    let Some(element) = elements.first() else { return Ok(Announced { number: None, was_there: false }) };
    let object = Object::read(element)?;
    // The answer to another delivery says nothing about this one.
    if text(&object, "tbillno").is_some_and(|answered| answered != number) {
        return Err("is about another tbillno".to_owned());
    }
    Ok(Announced { number: text(&object, "billno"), was_there: false })
}

fn text(object: &Object<'_>, name: &str) -> Option<String> {
    let text = json::scalar(object.get(name)?.json)?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
