//! How many documents stand where, counted from the indexes in a bounded number of requests.

use std::collections::BTreeMap;

use dougong_values::{BusinessDay, Money, SchemeId};

use crate::codec::{Attributes, ItemReader, scheme_day, text, waiting_partition};
use crate::document::{Attention, State};
use crate::error::LedgerError;
use crate::schema::{ATTENTION_INDEX, BY_DAY_INDEX};
use crate::{EpochMs, Ledger};

/// Documents of one scheme that stand in the same place for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyRow {
    /// Their scheme.
    pub scheme: SchemeId,
    /// Where they stand.
    pub state: State,
    /// The stable name of why.
    pub reason: Option<String>,
    /// How many.
    pub count: u64,
    /// What they are worth together; those without an amount are left out.
    pub amount: Money,
    /// Since when the oldest needs a person; of a day's list, when the one that was written first was written last.
    pub oldest: EpochMs,
}

/// Counts by scheme, state and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The groups, in the order of scheme, state's name and reason.
    pub rows: Vec<TallyRow>,
    /// Whether everything was counted; if not, there are more than these.
    pub complete: bool,
}

/// Rows by scheme, state's name and reason.
type Groups = BTreeMap<(SchemeId, &'static str, Option<String>), TallyRow>;

impl Ledger {
    /// Counts what needs a person, of one kind, by scheme and reason: `pages` requests at most, each some thousands of
    /// documents (1 MB of the index).
    pub async fn attention_tally(&self, kind: Attention, pages: u32) -> Result<Tally, LedgerError> {
        self.tally_of(kind.as_str(), ATTENTION_INDEX, "attention", "attention_at", None, pages).await
    }

    /// Counts what waits in groups of a scheme to be merged: `pages` requests at most.
    pub async fn waiting_tally(&self, scheme: &SchemeId, pages: u32) -> Result<Tally, LedgerError> {
        let partition = waiting_partition(scheme);
        self.tally_of(&partition, ATTENTION_INDEX, "attention", "attention_at", None, pages).await
    }

    /// Counts the documents of a scheme's business day by state and reason: `pages` requests at most.
    pub async fn day_tally(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        pages: u32,
    ) -> Result<Tally, LedgerError> {
        let partition = scheme_day(scheme, day);
        self.tally_of(&partition, BY_DAY_INDEX, "scheme_day", "updated_at", Some(scheme), pages).await
    }

    async fn tally_of(
        &self,
        partition: &str,
        index: &'static str,
        key: &'static str,
        since: &'static str,
        scheme: Option<&SchemeId>,
        pages: u32,
    ) -> Result<Tally, LedgerError> {
        let mut groups = Groups::new();
        let mut start = None;
        for _ in 0..pages {
            let columns = if scheme.is_some() { "" } else { "#scheme, " };
            let query = self
                .client
                .query()
                .table_name(&self.tables.documents)
                .index_name(index)
                .key_condition_expression(format!("{key} = :partition"))
                .expression_attribute_values(":partition", text(partition))
                .projection_expression(format!("{columns}#state, #reason, amount, {since}"))
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#reason", "reason")
                .set_exclusive_start_key(start);
            let query = match scheme {
                Some(_) => query,
                None => query.expression_attribute_names("#scheme", "scheme"),
            };
            let page = query.send().await.map_err(|error| LedgerError::store("count", partition, error))?;
            for item in page.items() {
                add(&mut groups, item, since, scheme)?;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(Tally { rows: groups.into_values().collect(), complete: true });
            }
        }
        Ok(Tally { rows: groups.into_values().collect(), complete: false })
    }
}

fn add(
    groups: &mut Groups,
    item: &Attributes,
    since: &'static str,
    scheme: Option<&SchemeId>,
) -> Result<(), LedgerError> {
    let read = ItemReader::new(item);
    let scheme = match scheme {
        Some(scheme) => scheme.clone(),
        None => read.required("scheme")?,
    };
    let state: State = read.required("state")?;
    let reason: Option<String> = read.maybe("reason")?;
    let amount = read.maybe("amount")?.unwrap_or(Money::ZERO);
    let at: EpochMs = read.required(since)?;
    let row = groups.entry((scheme.clone(), state.as_str(), reason.clone())).or_insert_with(|| TallyRow {
        scheme,
        state,
        reason,
        count: 0,
        amount: Money::ZERO,
        oldest: at,
    });
    row.count += 1;
    row.amount += amount;
    row.oldest = row.oldest.min(at);
    Ok(())
}
