//! Messages written down in the database until they are deleted, so that a queue in memory outlives its process.
//!
//! A message is written down before it is sent and crossed out after it was deleted. Whatever happens in between, it is
//! still written down: put back at the next start it comes once more at worst, which SQS never promised not to happen.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dynoxide::Database;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::text;

/// The table of written messages: `pk` (the row's own id), `queue` (its name), `body`, `sent` (milliseconds).
const TABLE: &str = "dougong-messages";

/// The most rows of one `BatchWriteItem`; a batch of SQS has 10.
const BATCH: usize = 25;

/// The database would not take, give or delete a row; the text is the database's own.
#[derive(Debug, thiserror::Error)]
#[error("the messages cannot be kept: {0}")]
pub(crate) struct KeepError(String);

/// A message that an earlier process wrote down and nobody deleted.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) row: String,
    /// The name of the queue that it was sent to.
    pub(super) queue: String,
    pub(super) body: String,
}

/// The written messages of all queues.
pub(super) struct Kept {
    database: Database,
    receipts: Mutex<Receipts>,
}

/// Which row belongs to which receipt: SQS deletes by receipt, never by message.
#[derive(Default)]
struct Receipts {
    /// Row and last receipt, by message id. An older receipt may still delete the message; then its row stays, and the
    /// message comes once more after a restart.
    messages: HashMap<String, Sent>,
    by_receipt: HashMap<String, String>,
}

struct Sent {
    row: String,
    receipt: Option<String>,
}

impl Kept {
    /// Opens the table; makes it when it is missing.
    pub(super) fn open(database: Database) -> Result<Self, KeepError> {
        let tables = database.list_tables(request(json!({}))?).map_err(failed)?;
        if !tables.table_names.iter().any(|name| name == TABLE) {
            let table = json!({
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
                "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
            });
            database.create_table(request(table)?).map_err(failed)?;
        }
        Ok(Self { database, receipts: Mutex::default() })
    }

    /// Returns every message that is still written down, the oldest first.
    pub(super) fn written(&self) -> Result<Vec<Written>, KeepError> {
        let mut written = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut scan = json!({ "TableName": TABLE });
            if !start.is_null() {
                scan["ExclusiveStartKey"] = start;
            }
            let page = self.database.scan(request(scan)?).map_err(failed)?;
            let page = serde_json::to_value(page).map_err(failed)?;
            for item in page["Items"].as_array().into_iter().flatten() {
                let attribute = |name: &str| text(&item[name], "S");
                if let (Some(row), Some(queue), Some(body)) =
                    (attribute("pk"), attribute("queue"), attribute("body"))
                {
                    let sent: u64 = text(&item["sent"], "N").and_then(|sent| sent.parse().ok()).unwrap_or(0);
                    written.push((sent, Written { row, queue, body }));
                }
            }
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
        written.sort_by_key(|(sent, _)| *sent);
        Ok(written.into_iter().map(|(_, written)| written).collect())
    }

    /// Writes down what a `SendMessage` or `SendMessageBatch` sends. Returns the rows by the entries' ids (`""` for the
    /// one of a `SendMessage`).
    pub(super) fn write(&self, request: &Value) -> Result<HashMap<String, String>, KeepError> {
        let queue = queue_of(request);
        let sent = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis().to_string();
        let mut rows = HashMap::new();
        let mut puts = Vec::new();
        for entry in entries(request) {
            let row = crate::ids::request_id();
            puts.push(json!({ "PutRequest": { "Item": {
                "pk": { "S": row },
                "queue": { "S": queue },
                "body": { "S": text(entry, "MessageBody").unwrap_or_default() },
                "sent": { "N": sent },
            } } }));
            rows.insert(text(entry, "Id").unwrap_or_default(), row);
        }
        self.change(&puts)?;
        Ok(rows)
    }

    /// Notes which messages the rows have become, and crosses out those that were refused.
    pub(super) fn sent(&self, mut rows: HashMap<String, String>, reply: &Value) {
        let mut receipts = self.receipts();
        let single = reply.get("MessageId").map(|_| reply);
        for entry in reply["Successful"].as_array().into_iter().flatten().chain(single) {
            let row = rows.remove(text(entry, "Id").unwrap_or_default().as_str());
            if let (Some(row), Some(message)) = (row, text(entry, "MessageId")) {
                receipts.messages.insert(message, Sent { row, receipt: None });
            }
        }
        drop(receipts);
        if let Err(error) = self.change(&rows.values().map(|row| delete(row)).collect::<Vec<_>>()) {
            // It then comes after a restart, though its sender was told that it is not there: and sends it again.
            tracing::warn!(%error, "refused messages stay written down");
        }
    }

    /// Notes that a written message is in a queue again, under this id.
    pub(super) fn put_back(&self, row: String, message: String) {
        self.receipts().messages.insert(message, Sent { row, receipt: None });
    }

    /// Notes the receipts that a `ReceiveMessage` gave out.
    pub(super) fn received(&self, reply: &Value) {
        let mut receipts = self.receipts();
        let receipts = &mut *receipts;
        for message in reply["Messages"].as_array().into_iter().flatten() {
            let (Some(id), Some(receipt)) = (text(message, "MessageId"), text(message, "ReceiptHandle"))
            else {
                continue;
            };
            if let Some(sent) = receipts.messages.get_mut(&id) {
                if let Some(older) = sent.receipt.replace(receipt.clone()) {
                    receipts.by_receipt.remove(&older);
                }
                receipts.by_receipt.insert(receipt, id);
            }
        }
    }

    /// Crosses out what a `DeleteMessage` or `DeleteMessageBatch` has deleted.
    pub(super) fn deleted(&self, request: &Value, reply: &Value) -> Result<(), KeepError> {
        let refused = |entry: &Value| {
            let failed = reply["Failed"].as_array().into_iter().flatten();
            failed.into_iter().any(|failed| failed["Id"] == entry["Id"])
        };
        let gone: Vec<String> = {
            let receipts = self.receipts();
            let entries = entries(request).into_iter().filter(|entry| !refused(entry));
            let receipt = entries.filter_map(|entry| text(entry, "ReceiptHandle"));
            receipt.filter_map(|receipt| receipts.by_receipt.get(&receipt).cloned()).collect()
        };
        let rows: Vec<Value> = {
            let receipts = self.receipts();
            let row = |message: &String| Some(delete(&receipts.messages.get(message)?.row));
            gone.iter().filter_map(row).collect()
        };
        self.change(&rows)?;
        let mut receipts = self.receipts();
        for message in gone {
            if let Some(receipt) = receipts.messages.remove(&message).and_then(|sent| sent.receipt) {
                receipts.by_receipt.remove(&receipt);
            }
        }
        Ok(())
    }

    fn change(&self, changes: &[Value]) -> Result<(), KeepError> {
        for batch in changes.chunks(BATCH) {
            let items = Map::from_iter([(TABLE.to_owned(), Value::from(batch))]);
            self.database.batch_write_item(request(json!({ "RequestItems": items }))?).map_err(failed)?;
        }
        Ok(())
    }

    fn receipts(&self) -> MutexGuard<'_, Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delete(row: &str) -> Value {
    json!({ "DeleteRequest": { "Key": { "pk": { "S": row } } } })
}

/// Returns the entries of a batch; a request without a batch is its only entry.
fn entries(request: &Value) -> Vec<&Value> {
    request["Entries"].as_array().map_or_else(|| vec![request], |entries| entries.iter().collect())
}

fn queue_of(request: &Value) -> String {
    let url = text(request, "QueueUrl").unwrap_or_default();
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

fn request<T: DeserializeOwned>(json: Value) -> Result<T, KeepError> {
    serde_json::from_value(json).map_err(failed)
}

fn failed(problem: impl std::fmt::Display) -> KeepError {
    KeepError(problem.to_string())
}
