//! A message of the queue as the ledger's document.

use dougong_ledger::NewDocument;
use dougong_queue::Message;

/// Returns what a message says about its document, in the ledger's words.
pub fn new_document(message: &Message) -> NewDocument {
    NewDocument {
        key: message.key.clone(),
        scheme: message.scheme.clone(),
        version: message.version.clone(),
        modified: message.modified,
        day: message.day,
        amount: message.amount,
        source_json: message.document.clone(),
    }
}
