//! How many documents stand where, counted from the indexes in a bounded number of requests.

use std::collections::BTreeMap;

use dougong_values::{BusinessDay, Money, SchemeId};

use crate::codec::{scheme_day, waiting_partition};
use crate::document::{Attention, State};
use crate::error::LedgerError;
use crate::lines::{Line, Partition};
use crate::lists::KindOfKey;
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
        self.tally_of(of_attention(kind.as_str(), None), None, pages).await
    }

    /// Counts the beginning of the same list, `most` documents at most: one request.
    pub async fn attention_tally_beginning(&self, kind: Attention, most: i32) -> Result<Tally, LedgerError> {
        self.tally_of(of_attention(kind.as_str(), Some(most)), None, 1).await
    }

    /// Counts what waits in groups of a scheme to be merged: `pages` requests at most.
    pub async fn waiting_tally(&self, scheme: &SchemeId, pages: u32) -> Result<Tally, LedgerError> {
        let partition = waiting_partition(scheme);
        self.tally_of(of_attention(&partition, None), None, pages).await
    }

    /// Counts the documents of a scheme's business day by state and reason: `pages` requests at most. Of what is booked only
    /// what counts ([`dougong_values::DocumentKind::counts`]).
    pub async fn day_tally(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        pages: u32,
    ) -> Result<Tally, LedgerError> {
        let name = scheme_day(scheme, day);
        let columns = &["pk", "state", "reason", "amount", "updated_at"];
        let of = Partition { index: BY_DAY_INDEX, key: "scheme_day", name: &name, columns, at_once: None };
        self.tally_of(of, Some(scheme), pages).await
    }

    async fn tally_of(
        &self,
        partition: Partition<'_>,
        scheme: Option<&SchemeId>,
        pages: u32,
    ) -> Result<Tally, LedgerError> {
        let mut groups = Groups::new();
        let complete = self.lines(partition, pages, |line| add(&mut groups, line, scheme)).await?;
        Ok(Tally { rows: groups.into_values().collect(), complete })
    }
}

const fn of_attention(name: &str, at_once: Option<i32>) -> Partition<'_> {
    let columns = &["scheme", "state", "reason", "amount", "attention_at"];
    Partition { index: ATTENTION_INDEX, key: "attention", name, columns, at_once }
}

fn add(groups: &mut Groups, line: &Line<'_>, scheme: Option<&SchemeId>) -> Result<(), LedgerError> {
    let (scheme, at): (SchemeId, EpochMs) = match scheme {
        Some(scheme) => (scheme.clone(), line.required(line.updated_at.as_ref(), "updated_at")?),
        None => (
            line.required(line.scheme.as_ref(), "scheme")?,
            line.required(line.attention_at.as_ref(), "attention_at")?,
        ),
    };
    let state: State = line.required(line.state.as_ref(), "state")?;
    let kind: Option<KindOfKey> = line.maybe(line.pk.as_ref(), "pk")?;
    if state == State::Posted && kind.is_some_and(|KindOfKey(kind)| !kind.counts()) {
        return Ok(());
    }
    let reason: Option<String> = line.maybe(line.reason.as_ref(), "reason")?;
    let amount = line.maybe(line.amount.as_ref(), "amount")?.unwrap_or(Money::ZERO);
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
