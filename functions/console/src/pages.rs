//! The pages: each asks the operator's crate and writes HTML.

pub(crate) mod attention;
mod curve;
pub(crate) mod decide;
pub(crate) mod deeds;
pub(crate) mod documents;
pub(crate) mod flow;
pub(crate) mod replay;
pub(crate) mod sign_in;
pub(crate) mod story;
pub(crate) mod today;
pub(crate) mod watermark;

use std::collections::BTreeMap;

use dougong_operate::{Place, Row};
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, DocumentKind, Money, SchemeId};

use crate::page::Visit;
use crate::router::PageError;

/// Rows of one page of a list.
const PAGE_ROWS: usize = 100;

/// How many documents there are, and what they are worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) amount: Money,
}

impl Default for Sum {
    fn default() -> Self {
        Self { count: 0, amount: Money::ZERO }
    }
}

impl Sum {
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        rows.fold(Self::default(), |mut sum, row| {
            sum.count += 1;
            sum.amount += row.amount.unwrap_or(Money::ZERO);
            sum
        })
    }
}

/// Tells whether a document is booked and worth something of its own: what a store is told of a booked order, and a merged
/// voucher beside its orders, would count the same goods twice.
pub(crate) fn is_booked(row: &Row) -> bool {
    use DocumentKind::{Announce, Command, Merged, Shipped};
    row.place == Place::Posted && !matches!(row.key.kind(), Announce | Command | Merged | Shipped)
}

/// Documents that need a person for the same reason.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) place: Place,
    pub(crate) scheme: SchemeId,
    pub(crate) reason: Option<String>,
    pub(crate) sum: Sum,
    pub(crate) oldest: BeijingTime,
}

/// Groups what needs a person: the largest group first.
pub(crate) fn grouped<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, &SchemeId, Option<&str>), Group> = BTreeMap::new();
    for row in rows {
        let key = (row.place.as_str(), &row.scheme, row.reason.as_deref());
        let group = groups.entry(key).or_insert_with(|| Group {
            place: row.place,
            scheme: row.scheme.clone(),
            reason: row.reason.clone(),
            sum: Sum::default(),
            oldest: row.since,
        });
        group.sum.count += 1;
        group.sum.amount += row.amount.unwrap_or(Money::ZERO);
        group.oldest = group.oldest.min(row.since);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.sum.count));
    groups
}

/// Which documents a list shows: what its form and its links ask for.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) place: Option<&'a str>,
    pub(crate) scheme: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(visit: &Visit<'a>) -> Self {
        let query = &visit.request.query;
        Self {
            place: query.get("place"),
            scheme: query.get("scheme"),
            reason: query.get("reason"),
            text: query.get("q"),
        }
    }

    pub(crate) fn fits(&self, row: &Row) -> bool {
        let is = |wanted: Option<&str>, own: &str| wanted.is_none_or(|wanted| wanted == own);
        let text = self.text.map(str::to_lowercase);
        let has = |own: &str| text.as_ref().is_none_or(|text| own.to_lowercase().contains(text.as_str()));
        is(self.place, row.place.as_str())
            && is(self.scheme, row.scheme.as_str())
            && is(self.reason, row.reason.as_deref().unwrap_or_default())
            && (has(row.key.as_str())
                || row.voucher_code.as_ref().is_some_and(|code| has(code.as_str()))
                || row.reason.as_deref().is_some_and(has))
    }

    /// Writes the fields of a link that asks for the same.
    pub(crate) fn fields(&self) -> [(&'static str, &'a str); 4] {
        [
            ("place", self.place.unwrap_or_default()),
            ("scheme", self.scheme.unwrap_or_default()),
            ("reason", self.reason.unwrap_or_default()),
            ("q", self.text.unwrap_or_default()),
        ]
    }
}

/// Reads the document that a query or a form names.
pub(crate) fn key(text: Option<&str>) -> Result<DocumentKey, PageError> {
    text.and_then(|text| text.parse().ok())
        .ok_or(PageError::nonsense("a document's key is missing or none", "缺少单据键或单据键有误"))
}

/// Reads the business day that a query names; today without one.
pub(crate) fn day(visit: &Visit<'_>) -> Result<BusinessDay, PageError> {
    match visit.request.query.get("day") {
        None => Ok(visit.now.day()),
        Some(text) => text
            .parse()
            .map_err(|_| PageError::nonsense("a day is written yyyy-MM-dd", "日期写作 yyyy-MM-dd")),
    }
}

/// Reads the number of the first row that a page of a list shows.
pub(crate) fn first_row(visit: &Visit<'_>) -> usize {
    visit.request.query.get("from").and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_is_told_and_a_merged_voucher_are_not_counted_beside_their_orders() {
        let row = |key: &str| Row {
            key: key.parse().unwrap(),
            scheme: "online-sales".parse().unwrap(),
            place: Place::Posted,
            reason: None,
            amount: Some("10.00".parse().unwrap()),
            since: "2026-11-22 08:00:00".parse().unwrap(),
            voucher_code: None,
            voucher_id: None,
        };
        let rows = [
            "stockout#s#1",
            "announce#s#1",
            "shipped#s#1",
            "declare#BH1",
            "merged#online-sales#a#2026-11-22#1",
        ]
        .map(row);
        let booked = Sum::of(rows.iter().filter(|row| is_booked(row)));
        assert_eq!((booked.count, booked.amount), (2, "20.00".parse().unwrap()));
        let queued = Row { place: Place::Queued, ..row("stockout#s#2") };
        assert!(!is_booked(&queued));
    }
}
