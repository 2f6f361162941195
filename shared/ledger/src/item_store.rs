//! Writing documents: each write is conditional, and a failed condition brings the item back, so that no
//! operation has to read first.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use dougong_values::DocumentKey;

use crate::Ledger;
use crate::codec::{Attributes, DOCUMENT_ATTRIBUTES, number, read_document, text, write_document};
use crate::document::{Document, State};
use crate::documents::Hold;
use crate::error::LedgerError;

/// What a conditional write came to.
#[derive(Debug)]
pub(crate) enum Write {
    /// Done; the item as it stands now.
    Done(Box<Document>),
    /// The item was not what the condition asks for; this is what it is.
    Conflict(Option<Box<Document>>),
}

/// A whole item as an update expression: what is set, counted up and removed.
struct Upsert {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    /// What the store answers with: a worker needs the item its claim made, a note needs nothing.
    reply: ReturnValue,
}

impl Upsert {
    /// Sets every attribute of `document`, but counts `counted` up from what is there and keeps the first
    /// sighting.
    fn new(document: &Document, counted: &[&str], stale: Stale, reply: ReturnValue) -> Self {
        let mut item = write_document(document);
        item.remove("pk");
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        let mut sets = Vec::new();
        let mut removes = Vec::new();
        for name in DOCUMENT_ATTRIBUTES {
            if counted.contains(&name) {
                continue;
            }
            match item.remove(name) {
                Some(value) => {
                    names.insert(format!("#{name}"), name.to_owned());
                    values.insert(format!(":{name}"), value);
                    sets.push(match name {
                        "first_seen" => format!("#{name} = if_not_exists(#{name}, :{name})"),
                        _ => format!("#{name} = :{name}"),
                    });
                }
                None if stale == Stale::Removed => {
                    names.insert(format!("#{name}"), name.to_owned());
                    removes.push(format!("#{name}"));
                }
                None => {}
            }
        }
        let adds: Vec<String> = counted.iter().map(|name| format!("#{name} :one")).collect();
        names.extend(counted.iter().map(|&name| (format!("#{name}"), name.to_owned())));
        values.insert(":one".to_owned(), number(1));
        let mut expression = format!("SET {} ADD {}", sets.join(", "), adds.join(", "));
        if !removes.is_empty() {
            expression = format!("{expression} REMOVE {}", removes.join(", "));
        }
        Self { expression, names, values, reply }
    }
}

/// What becomes of attributes that the new state does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stale {
    /// They cannot be there: the condition admits only an absent or a queued item.
    Impossible,
    /// They are removed: an expired item may be there.
    Removed,
}

/// What waits in a group may be taken out of it by the closing only.
const ABSENT_OR_SAME_QUEUED: &str =
    "attribute_not_exists(pk) OR (#state = :queued AND #version = :version AND attribute_not_exists(merged))";

fn conflict(item: Option<&Attributes>) -> Result<Write, LedgerError> {
    let there = item.map(read_document).transpose()?;
    Ok(Write::Conflict(there.map(Box::new)))
}

impl Ledger {
    /// Writes a queued document where nothing trusted is, or an older queued version.
    pub(crate) async fn write_queued(&self, document: &Document) -> Result<Write, LedgerError> {
        let mut upsert = Upsert::new(document, &["fence"], Stale::Removed, ReturnValue::None);
        let mut condition = "attribute_not_exists(pk) OR #expires_at <= :now".to_owned();
        upsert.values.insert(":now".to_owned(), number(document.updated_at.div_euclid(1000)));
        if document.modified.is_some() {
            condition.push_str(
                " OR (#state = :state AND #modified < :modified AND attribute_not_exists(#merged))",
            );
        }
        self.upsert(document, upsert, &condition, "note").await
    }

    /// Writes a document as started where nothing is, or the same version queued.
    pub(crate) async fn write_started(&self, document: &Document) -> Result<Write, LedgerError> {
        let mut upsert =
            Upsert::new(document, &["fence", "attempts"], Stale::Impossible, ReturnValue::AllNew);
        upsert.values.insert(":queued".to_owned(), text(State::Queued));
        self.upsert(document, upsert, ABSENT_OR_SAME_QUEUED, "begin").await
    }

    /// Writes a document as waiting in its group where nothing is, or the same version queued.
    pub(crate) async fn write_grouped(&self, document: &Document) -> Result<Write, LedgerError> {
        let mut upsert = Upsert::new(document, &["fence"], Stale::Impossible, ReturnValue::None);
        upsert.values.insert(":queued".to_owned(), text(State::Queued));
        self.upsert(document, upsert, ABSENT_OR_SAME_QUEUED, "group").await
    }

    async fn upsert(
        &self,
        document: &Document,
        upsert: Upsert,
        condition: &str,
        operation: &'static str,
    ) -> Result<Write, LedgerError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.documents)
            .key("pk", text(&document.key))
            .update_expression(upsert.expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(upsert.names))
            .set_expression_attribute_values(Some(upsert.values))
            .set_return_values(Some(upsert.reply))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(done) => {
                let new = done.attributes.as_ref().map(read_document).transpose()?;
                Ok(Write::Done(Box::new(new.unwrap_or_else(|| document.clone()))))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => conflict(failed.item()),
                _ => Err(LedgerError::store(operation, document.key.as_str(), error)),
            },
        }
    }

    /// Writes the next item if the one it was made from is still there.
    pub(crate) async fn swap(
        &self,
        prior: Option<&Document>,
        next: &Document,
        operation: &'static str,
    ) -> Result<Write, LedgerError> {
        match prior {
            None => self.put(next, "attribute_not_exists(pk)", HashMap::new(), operation).await,
            Some(prior) => {
                let values = HashMap::from([(":fence".to_owned(), number(prior.fence))]);
                self.put(next, "fence = :fence", values, operation).await
            }
        }
    }

    /// Writes what became of a held document if the hold is still the current one.
    pub(crate) async fn record(
        &self,
        hold: &Hold,
        next: &Document,
        operation: &'static str,
    ) -> Result<Write, LedgerError> {
        let claimed = hold.document();
        let owner = claimed.lease.as_ref().and_then(|lease| lease.owner.as_deref()).unwrap_or_default();
        let values =
            HashMap::from([(":fence".to_owned(), number(claimed.fence)), (":owner".to_owned(), text(owner))]);
        self.put(next, "fence = :fence AND #owner = :owner", values, operation).await
    }

    async fn put(
        &self,
        next: &Document,
        condition: &str,
        values: HashMap<String, AttributeValue>,
        operation: &'static str,
    ) -> Result<Write, LedgerError> {
        let names = condition.contains("#owner").then(|| ("#owner".to_owned(), "owner".to_owned()));
        let result = self
            .client
            .put_item()
            .table_name(&self.tables.documents)
            .set_item(Some(write_document(next)))
            .condition_expression(condition)
            .set_expression_attribute_names(names.map(|name| HashMap::from([name])))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let there = match result {
            Ok(_) => return Ok(Write::Done(Box::new(next.clone()))),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => conflict(failed.item())?,
                _ => return Err(LedgerError::store(operation, next.key.as_str(), error)),
            },
        };
        Ok(match there {
            // The client repeated a write whose answer was lost; the first one had been done.
            Write::Conflict(Some(there)) if *there == *next => Write::Done(there),
            conflict => conflict,
        })
    }

    /// Reads one whole item, strongly consistent, expired or not.
    pub(crate) async fn read(
        &self,
        key: &DocumentKey,
        operation: &'static str,
    ) -> Result<Option<Document>, LedgerError> {
        let reply = self
            .client
            .get_item()
            .table_name(&self.tables.documents)
            .key("pk", text(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| LedgerError::store(operation, key.as_str(), error))?;
        reply.item.as_ref().map(read_document).transpose()
    }
}
