//! The beginning of an operator's list, read whole pages at a time (1 MB each, some thousands of documents): for a screen,
//! which must not take longer the more documents there are.

use dougong_values::{BusinessDay, SchemeId};

use crate::Ledger;
use crate::codec::{Attributes, scheme_day, text};
use crate::document::Attention;
use crate::error::LedgerError;
use crate::queries::{AttentionRow, DayRow, read_attention_row, read_day_row};
use crate::schema::{ATTENTION_INDEX, BY_DAY_INDEX};

/// The beginning of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning<T> {
    /// The rows, in the order of the index.
    pub rows: Vec<T>,
    /// Whether that is the whole list.
    pub complete: bool,
}

impl Ledger {
    /// Lists what a person should look at, the oldest first: `pages` requests at most.
    pub async fn attention_beginning(
        &self,
        kind: Attention,
        pages: u32,
    ) -> Result<Beginning<AttentionRow>, LedgerError> {
        let read = |item: &Attributes| read_attention_row(item, kind);
        self.beginning(ATTENTION_INDEX, "attention", kind.as_str(), pages, read).await
    }

    /// Lists the documents of a scheme's business day by key: `pages` requests at most.
    pub async fn day_beginning(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        pages: u32,
    ) -> Result<Beginning<DayRow>, LedgerError> {
        self.beginning(BY_DAY_INDEX, "scheme_day", &scheme_day(scheme, day), pages, read_day_row).await
    }

    async fn beginning<T>(
        &self,
        index: &'static str,
        key: &'static str,
        partition: &str,
        pages: u32,
        read: impl Fn(&Attributes) -> Result<T, LedgerError>,
    ) -> Result<Beginning<T>, LedgerError> {
        let mut found = Beginning { rows: Vec::new(), complete: false };
        let mut start = None;
        for _ in 0..pages {
            let page = self
                .client
                .query()
                .table_name(&self.tables.documents)
                .index_name(index)
                .key_condition_expression(format!("{key} = :partition"))
                .expression_attribute_values(":partition", text(partition))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| LedgerError::store("list the beginning of", partition, error))?;
            for item in page.items() {
                found.rows.push(read(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                found.complete = true;
                break;
            }
        }
        Ok(found)
    }
}
