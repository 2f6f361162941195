//! The JSON between the mapping and the function, both ways.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::REGION;
use crate::sqs::queue_arn;

/// Returns the event of a batch, as
/// [AWS documents it](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
pub(super) fn sqs_event(batch: &[Message], queue_url: &str) -> String {
    let arn = queue_arn(queue_url);
    let records: Vec<Value> = batch.iter().map(|message| record(message, &arn)).collect();
    json!({ "Records": records }).to_string()
}

fn record(message: &Message, arn: &str) -> Value {
    let attributes: Map<String, Value> = message
        .attributes
        .iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
        .collect();
    let message_attributes: Map<String, Value> = message
        .message_attributes
        .iter()
        .flatten()
        .map(|(name, value)| (name.clone(), message_attribute(value)))
        .collect();
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    });
    if let Some(md5) = &message.md5_of_message_attributes {
        record["md5OfMessageAttributes"] = Value::from(md5.as_str());
    }
    record
}

fn message_attribute(value: &MessageAttributeValue) -> Value {
    let mut attribute =
        json!({ "stringListValues": [], "binaryListValues": [], "dataType": value.data_type });
    if let Some(text) = &value.string_value {
        attribute["stringValue"] = Value::from(text.as_str());
    }
    if let Some(bytes) = &value.binary_value {
        attribute["binaryValue"] = Value::from(STANDARD.encode(bytes));
    }
    attribute
}

/// An answer that Lambda does not understand: the whole batch counts as failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidAnswer {
    #[error("the answer is not JSON")]
    NotJson,
    #[error("`batchItemFailures` is not a list of objects with a text `itemIdentifier`")]
    NotAList,
    #[error("the answer names the message id {id:?}, which is not in the batch")]
    UnknownMessage { id: String },
}

/// Returns the messages of a batch that the function has done, by its answer (`ReportBatchItemFailures`). An empty
/// answer, `null`, and an empty or missing list say that all are done.
pub(super) fn done<'a>(batch: &'a [Message], answer: &[u8]) -> Result<Vec<&'a Message>, InvalidAnswer> {
    let failed = failed(answer)?;
    let known = |id: &&String| batch.iter().any(|message| message.message_id.as_ref() == Some(*id));
    if let Some(unknown) = failed.iter().find(|id| !known(id)) {
        return Err(InvalidAnswer::UnknownMessage { id: unknown.clone() });
    }
    Ok(batch
        .iter()
        .filter(|message| !message.message_id.as_ref().is_some_and(|id| failed.contains(id)))
        .collect())
}

fn failed(answer: &[u8]) -> Result<BTreeSet<String>, InvalidAnswer> {
    if answer.trim_ascii().is_empty() {
        return Ok(BTreeSet::new());
    }
    let answer: Value = serde_json::from_slice(answer).map_err(|_| InvalidAnswer::NotJson)?;
    match answer.get("batchItemFailures") {
        None | Some(Value::Null) => Ok(BTreeSet::new()),
        Some(Value::Array(items)) => {
            let id = |item: &Value| item.get("itemIdentifier")?.as_str().map(str::to_owned);
            items.iter().map(|item| id(item).ok_or(InvalidAnswer::NotAList)).collect()
        }
        Some(_) => Err(InvalidAnswer::NotAList),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Vec<Message> {
        ["a", "b", "c"].map(|id| Message::builder().message_id(id).body("{}").build()).to_vec()
    }

    fn done_ids(answer: &str) -> Result<Vec<String>, InvalidAnswer> {
        let batch = batch();
        let done = done(&batch, answer.as_bytes())?;
        Ok(done.iter().filter_map(|message| message.message_id.clone()).collect())
    }

    #[test]
    fn an_answer_without_failures_finishes_the_whole_batch() {
        for answer in ["", " ", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#]
        {
            assert_eq!(done_ids(answer).unwrap(), ["a", "b", "c"], "{answer}");
        }
    }

    #[test]
    fn a_named_message_alone_is_not_done() {
        assert_eq!(done_ids(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#).unwrap(), ["a", "c"]);
    }

    #[test]
    fn an_answer_that_cannot_be_understood_fails_the_whole_batch() {
        let bad_item = r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"item":"b"}]}"#;
        let cases = [
            ("{", InvalidAnswer::NotJson),
            (r#"{"batchItemFailures":"a"}"#, InvalidAnswer::NotAList),
            (bad_item, InvalidAnswer::NotAList),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, InvalidAnswer::NotAList),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
                InvalidAnswer::UnknownMessage { id: String::new() },
            ),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"x"}]}"#,
                InvalidAnswer::UnknownMessage { id: "x".to_owned() },
            ),
        ];
        for (answer, problem) in cases {
            assert_eq!(done_ids(answer).unwrap_err(), problem, "{answer}");
        }
    }
}
