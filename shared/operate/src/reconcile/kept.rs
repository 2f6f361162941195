//! Results that are kept: the latest of each scheme and day.

use dougong_ledger::{Reconciled, ReconciledRow, Source};
use dougong_runtime::epoch_ms;
use dougong_values::{BeijingTime, BusinessDay, SchemeId};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{Reconciliation, SourceSide, Sum};
use crate::{OperateError, Operator, at};

/// A kept result in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDay {
    /// The scheme.
    pub scheme: SchemeId,
    /// The business day.
    pub day: BusinessDay,
    /// When it was compared.
    pub at: BeijingTime,
    /// Who compared it.
    pub by: String,
    /// Its counts and sums.
    pub summary: Summary,
}

/// The counts and sums of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Where what was to be booked was asked for.
    pub source: SourceSide,
    /// What was to be booked.
    pub reported: Sum,
    /// What of it the ledger holds as booked.
    pub booked: Sum,
    /// The vouchers in BIP that the ledger knows.
    pub bip: Sum,
    /// How many differences there are.
    pub differences: u64,
}

/// The kept results of some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDays {
    /// The first day that was asked for.
    pub since: BusinessDay,
    /// Scheme by scheme, the latest day first.
    pub days: Vec<KeptDay>,
}

impl Reconciliation {
    /// Returns its counts and sums.
    pub fn summary(&self) -> Summary {
        let total = |sums: &mut dyn Iterator<Item = Sum>| {
            sums.fold(Sum::default(), |all, sum| Sum {
                count: all.count + sum.count,
                amount: all.amount + sum.amount,
            })
        };
        let places = || self.ledger.iter().map(|place| (place.place, place.count, place.amount));
        let held = |is_wanted: fn(crate::Place) -> bool| {
            let wanted = places().filter(|(place, ..)| is_wanted(*place));
            total(&mut wanted.map(|(_, count, amount)| Sum { count, amount }))
        };
        let (reported, booked) = if self.source == SourceSide::Ledger {
            let booked = |place| matches!(place, crate::Place::Posted | crate::Place::Held);
            (held(|place| place != crate::Place::Skipped), held(booked))
        } else {
            let shops = || self.shops.iter();
            (total(&mut shops().map(|shop| shop.source)), total(&mut shops().map(|shop| shop.booked)))
        };
        Summary { source: self.source, reported, booked, bip: self.bip, differences: self.difference_count }
    }

    /// Packs it; of differences that do not fit the first ones are kept.
    fn packed(&self) -> Option<Source> {
        let text = |found: &Self| serde_json::to_string(found).ok();
        if let Some(packed) = text(self).as_deref().and_then(Source::pack) {
            return Some(packed);
        }
        let mut cut = self.clone();
        while !cut.differences.is_empty() {
            cut.differences.truncate(cut.differences.len() / 2);
            if let Some(packed) = text(&cut).as_deref().and_then(Source::pack) {
                return Some(packed);
            }
        }
        None
    }
}

impl Operator {
    /// Keeps a result in the place of the day's last one.
    pub(super) async fn keep(&self, found: &Reconciliation) -> Result<(), OperateError> {
        let summary = serde_json::to_string(&found.summary());
        let (Ok(summary), Some(result)) = (summary, found.packed()) else {
            return Err(OperateError::TooLargeToKeep);
        };
        let row = ReconciledRow { day: found.day, at_ms: epoch_ms(), by: found.by.clone(), summary };
        Ok(self.ledger().keep_reconciled(&found.scheme, &Reconciled { row, result }).await?)
    }

    /// Lists the kept results of every scheme, or of one, from a day on: one request per scheme.
    pub async fn kept_days(
        &self,
        only: Option<&SchemeId>,
        since: BusinessDay,
    ) -> Result<KeptDays, OperateError> {
        let schemes = self.reconciled_schemes().into_iter();
        let schemes = schemes.filter(|scheme| only.is_none_or(|only| only == scheme));
        let of_scheme = async |scheme: SchemeId| {
            let rows = self.ledger().reconciled_since(&scheme, since).await?;
            let days = rows.into_iter().map(|row| {
                let summary = serde_json::from_str(&row.summary).map_err(|_| OperateError::DamagedResult)?;
                let (day, at, by) = (row.day, at(row.at_ms), row.by);
                Ok(KeptDay { scheme: scheme.clone(), day, at, by, summary })
            });
            days.collect::<Result<Vec<KeptDay>, OperateError>>()
        };
        let days = try_join_all(schemes.map(of_scheme)).await?;
        Ok(KeptDays { since, days: days.into_iter().flatten().collect() })
    }

    /// Reads the kept result of a scheme's day: one request; `None` if there is none.
    pub async fn kept(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
    ) -> Result<Option<Reconciliation>, OperateError> {
        let Some(kept) = self.ledger().reconciled(scheme, day).await? else { return Ok(None) };
        let result = kept.result.text().and_then(|text| serde_json::from_str(&text).ok());
        result.map(Some).ok_or(OperateError::DamagedResult)
    }
}

#[cfg(test)]
mod tests {
    use dougong_values::{DocumentKey, Version};

    use super::*;
    use crate::{Difference, DifferenceKind};

    #[test]
    fn a_result_with_more_differences_than_fit_keeps_the_first_ones_and_their_true_number() {
        let difference = |number: u32| {
            let id = Version::of(&number.to_string());
            let key: DocumentKey = format!("stockout#demo2#{id}").parse().unwrap();
            Difference { key: Some(key), ..Difference::of_day(DifferenceKind::NotInLedger) }
        };
        let differences: Vec<Difference> = (0..20_000).map(difference).collect();
        let found = Reconciliation {
            scheme: "online-sales".parse().unwrap(),
            day: "2026-11-22".parse().unwrap(),
            at: "2026-11-23 06:00:00".parse().unwrap(),
            by: "reconcile".to_owned(),
            source: SourceSide::Wdt,
            shops: Vec::new(),
            excluded: Sum::default(),
            ledger: Vec::new(),
            bip: Sum { count: 1, amount: "10.10".parse().unwrap() },
            bip_others: Sum::default(),
            difference_count: 20_000,
            differences,
        };
        let read = |found: &Reconciliation| -> Reconciliation {
            serde_json::from_str(&found.packed().unwrap().text().unwrap()).unwrap()
        };
        let kept = read(&found);
        let left = kept.differences.len();
        assert!((1_000..20_000).contains(&left), "{left}");
        assert_eq!(kept.differences, found.differences[..left]);
        let whole = Reconciliation { differences: kept.differences.clone(), ..found };
        assert_eq!(kept, whole);
        assert_eq!(kept.summary().differences, 20_000);
        // What fits is kept as it is.
        assert_eq!(read(&whole), whole);
    }
}
