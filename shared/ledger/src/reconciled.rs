//! What reconciling a scheme's business day came to (对账结果): the latest result of each day.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use dougong_values::{BusinessDay, SchemeId};

use crate::codec::{Attributes, ItemReader, ItemWriter, text};
use crate::document::Source;
use crate::error::LedgerError;
use crate::schema::TTL_ATTRIBUTE;
use crate::transition::KEEP_SECONDS;
use crate::watermarks::SINGLE;
use crate::{EpochMs, Ledger};

/// A result in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciledRow {
    /// The business day.
    pub day: BusinessDay,
    /// When it was compared.
    pub at_ms: EpochMs,
    /// Who compared it.
    pub by: String,
    /// Its counts and sums, as JSON.
    pub summary: String,
}

/// A result as a whole.
#[derive(Debug, Clone)]
pub struct Reconciled {
    /// What its list shows of it.
    pub row: ReconciledRow,
    /// Everything, compressed JSON.
    pub result: Source,
}

fn partition(scheme: &SchemeId) -> String {
    format!("reconciled#{scheme}")
}

/// The result itself has a partition of its own: a list of days that read results would be as long as these.
fn whole(scheme: &SchemeId, day: BusinessDay) -> String {
    format!("reconciled#{scheme}#{day}")
}

impl Ledger {
    /// Keeps a result in the place of the day's last one, for 400 days: one transaction of two items.
    pub async fn keep_reconciled(
        &self,
        scheme: &SchemeId,
        reconciled: &Reconciled,
    ) -> Result<(), LedgerError> {
        let Reconciled { row, result } = reconciled;
        let item = |pk: &str, sk: &str| {
            ItemWriter::default()
                .text("pk", pk)
                .text("sk", sk)
                .text("day", row.day)
                .number("at", row.at_ms)
                .text("by", &row.by)
                .text("summary", &row.summary)
                .number(TTL_ATTRIBUTE, row.at_ms.div_euclid(1000) + KEEP_SECONDS)
        };
        let listed = item(&partition(scheme), &row.day.to_string()).finish();
        let kept = item(&whole(scheme, row.day), SINGLE).packed("result", result).finish();
        let mut writes = Vec::new();
        for attributes in [listed, kept] {
            let put = Put::builder().table_name(&self.tables.watermarks).set_item(Some(attributes)).build();
            writes.extend(put.ok().map(|put| TransactWriteItem::builder().put(put).build()));
        }
        self.client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await
            .map_err(|error| LedgerError::store("keep what was reconciled of", scheme.as_str(), error))?;
        Ok(())
    }

    /// Lists the results of a scheme from a day on, the latest day first, a hundred at most: one request.
    pub async fn reconciled_since(
        &self,
        scheme: &SchemeId,
        since: BusinessDay,
    ) -> Result<Vec<ReconciledRow>, LedgerError> {
        let key = partition(scheme);
        let reply = self
            .client
            .query()
            .table_name(&self.tables.watermarks)
            .key_condition_expression("pk = :pk AND sk >= :since")
            .expression_attribute_values(":pk", text(&key))
            .expression_attribute_values(":since", text(since))
            .scan_index_forward(false)
            .limit(100)
            .send()
            .await
            .map_err(|error| LedgerError::store("list what was reconciled of", &key, error))?;
        reply.items().iter().map(read_row).collect()
    }

    /// Reads the result of a scheme's day; `None` if there is none.
    pub async fn reconciled(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
    ) -> Result<Option<Reconciled>, LedgerError> {
        let item = self.single(&whole(scheme, day), "read what was reconciled of").await?;
        if item.is_empty() {
            return Ok(None);
        }
        let read = ItemReader::new(&item);
        let result = read.maybe_bytes("result")?.map(Source::from_packed);
        let result = result.ok_or_else(|| read.problem("result", "missing"))?;
        Ok(Some(Reconciled { row: read_row(&item)?, result }))
    }
}

fn read_row(item: &Attributes) -> Result<ReconciledRow, LedgerError> {
    let read = ItemReader::new(item);
    Ok(ReconciledRow {
        day: read.required("day")?,
        at_ms: read.required("at")?,
        by: read.required("by")?,
        summary: read.required("summary")?,
    })
}
