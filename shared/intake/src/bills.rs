//! Bills of the store system, pushed or downloaded: the same way in, so that they are the same documents.

use dougong_config::Config;
use dougong_ledger::NewDocument;
use dougong_queue::Message;
use dougong_runtime::bill_message;
use dougong_store::{BillKind, Reading, Row, UnreadableRow};
use dougong_values::{BeijingTime, DocumentKey, SchemeId};
use tokio::time::Instant;
use tracing::info;

use crate::{Intake, IntakeError, Taken};

impl Intake<'_> {
    /// Takes bills of one kind in, each for the scheme that books it. When this returns, each is in the queue and
    /// noted, known in this version, or parked.
    pub async fn take_bills(
        &self,
        config: &Config,
        kind: BillKind,
        rows: Vec<Row>,
        deadline: Instant,
    ) -> Result<Taken, IntakeError> {
        let mut messages = Vec::with_capacity(rows.len());
        let mut unreadable = Vec::new();
        for row in rows {
            match row {
                Ok(reading) => messages.push(message(config, &reading)),
                Err(row) => unreadable.push(row),
            }
        }
        let mut taken = self.take(messages, deadline).await?;
        for row in unreadable {
            let problem = row.error.to_string();
            let document = unreadable_document(config, kind, row);
            taken.parked += u64::from(self.park(&document, "unreadable", &problem).await?);
        }
        Ok(taken)
    }
}

fn message(config: &Config, reading: &Reading) -> Message {
    let message = bill_message(config, &reading.bill, BeijingTime::now().day());
    if !reading.warnings.is_empty() {
        // Without their details: a remark may name a person.
        let names: Vec<&str> = reading.warnings.iter().map(|warning| warning.name.as_str()).collect();
        info!(document = %message.key, warnings = names.join(","), "read with tolerance");
    }
    message
}

/// A bill that cannot be read, as it came, for the first scheme of its kind.
fn unreadable_document(config: &Config, kind: BillKind, row: UnreadableRow) -> NewDocument {
    let version = row.version();
    let mut of_kind = config.bill_schemes.iter().filter(|(_, scheme)| scheme.source.kind == kind);
    let scheme = of_kind.next().map_or_else(SchemeId::unassigned, |(id, _)| id.clone());
    // Under its own key where that can be read, so that the corrected bill takes its place.
    let key = row.error.key.clone().unwrap_or_else(|| DocumentKey::unreadable(kind.into(), &version));
    NewDocument {
        key,
        scheme,
        version,
        modified: None,
        day: BeijingTime::now().day(),
        amount: None,
        source_json: row.json,
        warnings: None,
    }
}
