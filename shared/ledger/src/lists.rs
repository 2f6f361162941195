//! The beginning of an operator's list, some thousands of documents: for a screen, which must not take longer the more
//! documents there are.

use std::str::FromStr;

use dougong_values::{BusinessDay, DocumentKind, InvalidId, Money, SchemeId};

use crate::codec::scheme_day;
use crate::document::{Attention, State};
use crate::error::LedgerError;
use crate::lines::{Line, Partition};
use crate::queries::{AttentionRow, DayRow};
use crate::schema::{ATTENTION_INDEX, BY_DAY_INDEX};
use crate::{EpochMs, Ledger};

/// The beginning of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning<T> {
    /// The rows, in the order of the index.
    pub rows: Vec<T>,
    /// Whether that is the whole list.
    pub complete: bool,
}

/// A document in its day's list as far as counts, sums and curves ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayMark {
    /// What it is.
    pub kind: DocumentKind,
    /// Where it stands.
    pub state: State,
    /// The stable name of the reason why it is parked, skipped, unknown or waiting.
    pub reason: Option<String>,
    /// Its amount.
    pub amount: Option<Money>,
    /// When it was last written.
    pub updated_at: EpochMs,
}

impl Ledger {
    /// Lists what a person should look at, the oldest first, `most` at most: one request.
    pub async fn attention_beginning(
        &self,
        kind: Attention,
        most: i32,
    ) -> Result<Beginning<AttentionRow>, LedgerError> {
        let partition = Partition {
            index: ATTENTION_INDEX,
            key: "attention",
            name: kind.as_str(),
            columns: &["pk", "scheme", "reason", "amount", "attention_at"],
            at_once: Some(most),
        };
        self.beginning(partition, 1, |line| attention_row(line, kind)).await
    }

    /// Lists the documents of a scheme's business day by key: `pages` requests at most.
    pub async fn day_beginning(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        pages: u32,
    ) -> Result<Beginning<DayRow>, LedgerError> {
        let columns = &["pk", "state", "reason", "amount", "voucher_code", "voucher_id", "updated_at"];
        self.beginning(of_day(&scheme_day(scheme, day), columns), pages, day_row).await
    }

    /// Lists the same documents without what only a list of them shows: half as much to send and to read.
    pub async fn day_marks(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        pages: u32,
    ) -> Result<Beginning<DayMark>, LedgerError> {
        let columns = &["pk", "state", "reason", "amount", "updated_at"];
        self.beginning(of_day(&scheme_day(scheme, day), columns), pages, day_mark).await
    }

    async fn beginning<T>(
        &self,
        partition: Partition<'_>,
        pages: u32,
        read: impl Fn(&Line<'_>) -> Result<T, LedgerError>,
    ) -> Result<Beginning<T>, LedgerError> {
        let mut rows = Vec::new();
        let take = |line: &Line<'_>| {
            rows.push(read(line)?);
            Ok(())
        };
        let complete = self.lines(partition, pages, take).await?;
        Ok(Beginning { rows, complete })
    }
}

const fn of_day<'a>(name: &'a str, columns: &'static [&'static str]) -> Partition<'a> {
    Partition { index: BY_DAY_INDEX, key: "scheme_day", name, columns, at_once: None }
}

fn attention_row(line: &Line<'_>, kind: Attention) -> Result<AttentionRow, LedgerError> {
    Ok(AttentionRow {
        key: line.required(line.pk.as_ref(), "pk")?,
        kind,
        since: line.required(line.attention_at.as_ref(), "attention_at")?,
        scheme: line.required(line.scheme.as_ref(), "scheme")?,
        reason: line.maybe(line.reason.as_ref(), "reason")?,
        amount: line.maybe(line.amount.as_ref(), "amount")?,
    })
}

fn day_row(line: &Line<'_>) -> Result<DayRow, LedgerError> {
    Ok(DayRow {
        key: line.required(line.pk.as_ref(), "pk")?,
        state: line.required(line.state.as_ref(), "state")?,
        amount: line.maybe(line.amount.as_ref(), "amount")?,
        reason: line.maybe(line.reason.as_ref(), "reason")?,
        voucher_code: line.maybe(line.voucher_code.as_ref(), "voucher_code")?,
        voucher_id: line.maybe(line.voucher_id.as_ref(), "voucher_id")?,
        updated_at: line.required(line.updated_at.as_ref(), "updated_at")?,
    })
}

fn day_mark(line: &Line<'_>) -> Result<DayMark, LedgerError> {
    let KindOfKey(kind) = line.required(line.pk.as_ref(), "pk")?;
    Ok(DayMark {
        kind,
        state: line.required(line.state.as_ref(), "state")?,
        reason: line.maybe(line.reason.as_ref(), "reason")?,
        amount: line.maybe(line.amount.as_ref(), "amount")?,
        updated_at: line.required(line.updated_at.as_ref(), "updated_at")?,
    })
}

/// The kind in a document's key, read without keeping the key.
pub(crate) struct KindOfKey(pub(crate) DocumentKind);

impl FromStr for KindOfKey {
    type Err = InvalidId;

    fn from_str(key: &str) -> Result<Self, InvalidId> {
        key.split_once('#').map_or(key, |(kind, _)| kind).parse().map(Self)
    }
}
