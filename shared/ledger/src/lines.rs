//! Lines of an index, read from the text of DynamoDB's own reply.
//!
//! The SDK makes a map of owned texts of every item. Of a screen's some thousands of items that takes longer than everything
//! else about the screen, so the reply is taken out of the SDK's hands: it signs, sends, tries again and reads refusals.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;

use crate::Ledger;
use crate::codec::{Attributes, number, text};
use crate::error::LedgerError;

/// A value: the indexes hold texts and numbers alone.
#[derive(Debug, Deserialize)]
pub(crate) enum Value<'a> {
    S(#[serde(borrow)] Cow<'a, str>),
    N(#[serde(borrow)] Cow<'a, str>),
}

/// One item of an index; what was not asked for is absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    #[serde(borrow)]
    pub(crate) pk: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) state: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) scheme: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) reason: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) amount: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) attention_at: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) updated_at: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) voucher_code: Option<Value<'a>>,
    #[serde(borrow)]
    pub(crate) voucher_id: Option<Value<'a>>,
}

impl Value<'_> {
    /// Returns the text of either type.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::S(text) | Self::N(text) => text,
        }
    }
}

impl Line<'_> {
    /// Reads a value that may be absent.
    pub(crate) fn maybe<T: FromStr>(
        &self,
        value: Option<&Value<'_>>,
        attribute: &'static str,
    ) -> Result<Option<T>, LedgerError> {
        let Some(value) = value else { return Ok(None) };
        value.as_str().parse().map(Some).map_err(|_| self.problem(attribute, "not what it should be"))
    }

    /// Reads a value that must be there.
    pub(crate) fn required<T: FromStr>(
        &self,
        value: Option<&Value<'_>>,
        attribute: &'static str,
    ) -> Result<T, LedgerError> {
        self.maybe(value, attribute)?.ok_or_else(|| self.problem(attribute, "missing"))
    }

    fn problem(&self, attribute: &'static str, problem: &'static str) -> LedgerError {
        let item = self.pk.as_ref().map_or("an item of an index", Value::as_str).to_owned();
        LedgerError::Unreadable { item, attribute, problem }
    }
}

/// A partition of an index, and what of it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partition<'a> {
    pub(crate) index: &'static str,
    /// The attribute that is the index's partition key.
    pub(crate) key: &'static str,
    pub(crate) name: &'a str,
    /// The attributes that come back: what is not sent need not be read.
    pub(crate) columns: &'static [&'static str],
    /// The most lines of one request; without it as many as fit into 1 MB of the index, some thousands.
    pub(crate) at_once: Option<i32>,
}

/// What a query's reply says, as far as it is read here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    #[serde(borrow, default)]
    items: Vec<Line<'a>>,
    #[serde(borrow, default)]
    last_evaluated_key: Option<HashMap<Cow<'a, str>, Value<'a>>>,
}

impl Ledger {
    /// Reads a partition of an index line by line: `pages` requests at most. Tells whether that is all of it.
    pub(crate) async fn lines(
        &self,
        partition: Partition<'_>,
        pages: u32,
        mut take: impl FnMut(&Line<'_>) -> Result<(), LedgerError>,
    ) -> Result<bool, LedgerError> {
        let operation = "list";
        let names = partition.columns.iter().map(|&column| (format!("#{column}"), column.to_owned()));
        let names: HashMap<String, String> = names.collect();
        let columns = partition.columns.iter().map(|column| format!("#{column}"));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let mut start = None;
        for _ in 0..pages {
            let reply = Reply::default();
            self.client
                .query()
                .table_name(&self.tables.documents)
                .index_name(partition.index)
                .key_condition_expression(format!("{} = :partition", partition.key))
                .expression_attribute_values(":partition", text(partition.name))
                .projection_expression(&columns)
                .set_expression_attribute_names(Some(names.clone()))
                .set_limit(partition.at_once)
                .set_exclusive_start_key(start)
                .customize()
                .interceptor(reply.clone())
                .send()
                .await
                .map_err(|error| LedgerError::store(operation, partition.name, error))?;
            let body = reply.take();
            let page: Page<'_> = serde_json::from_slice(&body).map_err(|error| LedgerError::Unavailable {
                operation,
                item: partition.name.to_owned(),
                source: Box::new(error),
            })?;
            for line in &page.items {
                take(line)?;
            }
            start = page.last_evaluated_key.map(key);
            if start.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn key(read: HashMap<Cow<'_, str>, Value<'_>>) -> Attributes {
    let attribute = |value| match value {
        Value::S(value) => text(value),
        Value::N(value) => number(value),
    };
    read.into_iter().map(|(name, value)| (name.into_owned(), attribute(value))).collect()
}

/// The body of a successful reply, which the SDK gets to see as an empty one.
#[derive(Debug, Clone, Default)]
struct Reply(Arc<Mutex<Vec<u8>>>);

impl Reply {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Reply {
    fn name(&self) -> &'static str {
        "Reply"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.status().is_success() {
            let body = response.body().bytes().ok_or("a reply that is streamed")?.to_vec();
            *response.body_mut() = SdkBody::from("{}");
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_whatever_its_texts_hold_and_whatever_else_is_in_it() {
        let reply = br#"{"Count": 2, "ScannedCount": 2, "Items": [
            {"pk": {"S": "stockout#s#1"}, "amount": {"S": "12.50"}, "attention_at": {"N": "7"}, "more": {"BOOL": true}},
            {"pk": {"S": "stockout#\u8336\n2"}, "reason": {"S": "a \"b\""}}],
            "LastEvaluatedKey": {"pk": {"S": "stockout#\u8336\n2"}, "attention_at": {"N": "9"}}}"#;
        let page: Page<'_> = serde_json::from_slice(reply).unwrap();
        let [first, second] = page.items.as_slice() else { panic!("{page:?}") };
        assert_eq!(first.required::<i64>(first.attention_at.as_ref(), "attention_at").unwrap(), 7);
        assert_eq!(second.pk.as_ref().map(Value::as_str), Some("stockout#茶\n2"));
        assert_eq!(second.reason.as_ref().map(Value::as_str), Some("a \"b\""));
        let problem = second.required::<i64>(second.attention_at.as_ref(), "attention_at").unwrap_err();
        assert!(matches!(problem, LedgerError::Unreadable { attribute: "attention_at", .. }), "{problem}");
        let start = key(page.last_evaluated_key.unwrap());
        assert_eq!(start["pk"], text("stockout#茶\n2"));
        assert_eq!(start["attention_at"], number(9));
        let last: Page<'_> = serde_json::from_slice(br#"{"Items": []}"#).unwrap();
        assert!(last.items.is_empty() && last.last_evaluated_key.is_none());
    }
}
