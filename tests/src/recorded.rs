//! Every request of the functions to DynamoDB and SQS: what an order costs, and what a message says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dougong_cloud::{Call, Traffic, Verdict};
use serde_json::Value;

use crate::secrets::Canaries;

/// A kind of request: the operation and, towards DynamoDB, the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The operation, such as `UpdateItem`.
    pub name: String,
    /// The table; empty towards SQS.
    pub table: String,
}

/// The requests to one service.
#[derive(Debug, Clone, Default)]
pub struct Recorded(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    counts: BTreeMap<Operation, u64>,
    messages: Vec<String>,
    leaks: Vec<(String, String)>,
}

impl Recorded {
    /// Records everything that passes from now on, and lets it pass.
    pub(crate) fn listen(traffic: &Traffic) -> Self {
        let recorded = Self::default();
        recorded.disturb(traffic, |_| async { Verdict::Pass });
        recorded
    }

    /// Goes on recording, and asks `rule` about every request.
    pub(crate) fn disturb<R, F>(&self, traffic: &Traffic, rule: R)
    where
        R: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Verdict> + Send + 'static,
    {
        let recorded = self.clone();
        traffic.disturb(move |call| {
            recorded.note(&call);
            rule(call)
        });
    }

    /// Returns the bodies of all messages that were sent, refused and repeated ones included.
    pub fn messages(&self) -> Vec<String> {
        self.seen(|seen| seen.messages.clone())
    }

    /// Returns the requests that hold a secret or personal data in plain text, each with its operation: what is
    /// overwritten or deleted later was written nevertheless.
    pub(crate) fn leaks(&self) -> Vec<(String, String)> {
        self.seen(|seen| seen.leaks.clone())
    }

    /// Returns how many requests of each kind came. An action of a transaction counts as one: a user pays for it.
    pub fn counts(&self) -> BTreeMap<Operation, u64> {
        self.seen(|seen| seen.counts.clone())
    }

    /// Counts from zero again.
    pub fn reset_counts(&self) {
        self.seen(|seen| seen.counts.clear());
    }

    fn note(&self, call: &Call) {
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let text = String::from_utf8_lossy(&call.body);
        let leaks = Canaries::of_every_world().is_in(&text);
        self.seen(|seen| {
            if leaks {
                seen.leaks.push((format!("a request {}", call.operation), text.into_owned()));
            }
            for table in tables(&body) {
                *seen.counts.entry(Operation { name: call.operation.clone(), table }).or_default() += 1;
            }
            let batch = body["Entries"].as_array().into_iter().flatten();
            let bodies = batch.chain([&body]).filter_map(|entry| entry["MessageBody"].as_str());
            seen.messages.extend(bodies.map(str::to_owned));
        });
    }

    fn seen<R>(&self, look: impl FnOnce(&mut Seen) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The table of each part of a request.
fn tables(body: &Value) -> Vec<String> {
    if let Some(items) = body["RequestItems"].as_object() {
        return items.keys().cloned().collect();
    }
    if let Some(actions) = body["TransactItems"].as_array() {
        let actions = actions.iter().filter_map(Value::as_object).flat_map(|action| action.values());
        return actions.map(|action| text(&action["TableName"])).collect();
    }
    vec![text(&body["TableName"])]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
