//! Batches that an outside system has handed out and that are not committed there yet.
//!
//! The store platform marks the rows it hands out and gives them again only under the same `sumbatch`
//! (`protocols/store.md` §6): its name is written down here before a row is read on, and struck out when the batch is
//! committed.

use dougong_values::{SchemeId, Window};

use crate::codec::{Attributes, ItemReader, ItemWriter, text};
use crate::error::LedgerError;
use crate::{EpochMs, Ledger};

/// A batch that was handed out and is not committed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBatch {
    /// What was asked for when it was opened, such as a warehouse, or a store and a day; without `#`.
    pub scope: String,
    /// The batch's name (`sumbatch`), as the outside system gave it.
    pub name: String,
    /// The window that was asked for.
    pub window: Window,
    /// What else was asked for and must be asked for again with the batch's name, such as the stores; without `,`.
    pub asked: Vec<String>,
    /// The ids of the rows that were handed out with it first: what a person takes back; without `,`.
    pub rows: Vec<String>,
    /// When it was opened.
    pub opened_at: EpochMs,
}

fn batches_key(scheme: &SchemeId) -> String {
    format!("batch#{scheme}")
}

fn sort_key(scope: &str, name: &str) -> String {
    format!("{scope}#{name}")
}

impl Ledger {
    /// Writes a batch down; once more is no error, and the first instant stays.
    pub async fn open_batch(&self, scheme: &SchemeId, batch: &OpenBatch) -> Result<(), LedgerError> {
        let key = batches_key(scheme);
        let opened = ItemWriter::default()
            .text(":scope", &batch.scope)
            .text(":name", &batch.name)
            .text(":start", batch.window.start())
            .text(":end", batch.window.end())
            .text(":asked", batch.asked.join(","))
            .text(":rows", batch.rows.join(","))
            .number(":at", batch.opened_at)
            .finish();
        self.client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(sort_key(&batch.scope, &batch.name)))
            .update_expression(
                "SET batch_scope = :scope, batch_name = :name, window_start = :start, window_end = :end, \
                 asked = :asked, handed_out = :rows, opened_at = if_not_exists(opened_at, :at)",
            )
            .set_expression_attribute_values(Some(opened))
            .send()
            .await
            .map_err(|error| LedgerError::store("write down a batch of", &key, error))?;
        Ok(())
    }

    /// Lists the batches of a scheme that are not committed yet, strongly consistent.
    pub async fn open_batches(&self, scheme: &SchemeId) -> Result<Vec<OpenBatch>, LedgerError> {
        let key = batches_key(scheme);
        let mut batches = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.tables.watermarks)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(&key))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| LedgerError::store("list the batches of", &key, error))?;
            for item in page.items() {
                batches.push(read_batch(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(batches);
            }
        }
    }

    /// Strikes a batch out: it is committed, or the outside system no longer knows it.
    pub async fn close_batch(&self, scheme: &SchemeId, batch: &OpenBatch) -> Result<(), LedgerError> {
        let key = batches_key(scheme);
        self.client
            .delete_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(sort_key(&batch.scope, &batch.name)))
            .send()
            .await
            .map_err(|error| LedgerError::store("strike out a batch of", &key, error))?;
        Ok(())
    }
}

fn read_batch(item: &Attributes) -> Result<OpenBatch, LedgerError> {
    let read = ItemReader::new(item);
    let window = Window::new(read.required("window_start")?, read.required("window_end")?)
        .map_err(|_| read.problem("window_end", "before window_start"))?;
    Ok(OpenBatch {
        scope: read.required("batch_scope")?,
        name: read.required("batch_name")?,
        window,
        asked: list(&read.required::<String>("asked")?),
        rows: list(&read.required::<String>("handed_out")?),
        opened_at: read.required("opened_at")?,
    })
}

fn list(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::to_owned).collect() }
}
