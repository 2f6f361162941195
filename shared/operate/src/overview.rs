//! What a screen shows at once: a bounded, concurrent look at the lists.

use dougong_ledger::{Attention, DayMark};
use dougong_runtime::epoch_ms;
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, DocumentKind, Money, SchemeId};
use futures_util::future::try_join_all;

use crate::documents::{Place, Row};
use crate::{Listed, OperateError, Operator, QueueStatus, WatermarkStatus, at};

/// One scheme's documents of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOf {
    /// The scheme.
    pub scheme: SchemeId,
    /// Its documents, by key, and whether these are all there are.
    pub listed: Listed,
}

/// A document of a day as far as counts, sums and curves ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What it is.
    pub kind: DocumentKind,
    /// Where it stands.
    pub place: Place,
    /// Its amount.
    pub amount: Option<Money>,
    /// When it was last written.
    pub since: BeijingTime,
}

impl From<DayMark> for Mark {
    fn from(mark: DayMark) -> Self {
        let place = Place::of(mark.state, mark.reason.as_deref());
        Self { kind: mark.kind, place, amount: mark.amount, since: at(mark.updated_at) }
    }
}

impl Mark {
    /// Tells whether it is booked and counts.
    pub fn is_booked(&self) -> bool {
        self.place == Place::Posted && self.kind.counts()
    }
}

/// One scheme's documents of a day, without their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarksOf {
    /// The scheme.
    pub scheme: SchemeId,
    /// Its documents.
    pub marks: Vec<Mark>,
    /// Whether these are all there are.
    pub complete: bool,
}

/// Documents that need a person for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedGroup {
    /// Where they stand.
    pub place: Place,
    /// Their scheme.
    pub scheme: SchemeId,
    /// The stable name of why.
    pub reason: Option<String>,
    /// How many.
    pub count: u64,
    /// What they are worth together.
    pub amount: Money,
    /// Since when the oldest of them.
    pub oldest: BeijingTime,
}

/// What needs a person, by scheme and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The groups.
    pub groups: Vec<NeedGroup>,
    /// Whether everything was counted.
    pub complete: bool,
}

/// How it goes, at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// What needs a person, of all days.
    pub needs: Needs,
    /// The day's documents, scheme by scheme.
    pub day: Vec<MarksOf>,
    /// The watermark of every scheme that pulls or downloads.
    pub watermarks: Vec<WatermarkStatus>,
    /// The order queue.
    pub queue: QueueStatus,
    /// Its dead-letter queue.
    pub dead_letters: QueueStatus,
}

/// Documents of each list of what needs a person that a screen reads at most: more than anybody works through.
const ATTENTION_ROWS: i32 = 3_000;
/// Pages of a scheme's day that a screen reads at most.
const DAY_PAGES: u32 = 2;

impl Operator {
    /// Lists what needs a person: its beginning, the oldest first of each kind. Three requests, however much there is.
    pub async fn needs(&self) -> Result<Listed, OperateError> {
        let kinds = Attention::ALL.map(|kind| self.ledger().attention_beginning(kind, ATTENTION_ROWS));
        let read = try_join_all(kinds).await?;
        let complete = read.iter().all(|list| list.complete);
        let documents = read.into_iter().flat_map(|list| list.rows).map(Row::from).collect();
        Ok(Listed { documents, complete })
    }

    /// Counts the same documents by scheme and reason: the same requests, and less to send and to read.
    async fn need_groups(&self) -> Result<Needs, OperateError> {
        let kinds = Attention::ALL.map(async |kind| {
            let tally = self.ledger().attention_tally_beginning(kind, ATTENTION_ROWS).await?;
            Ok::<_, OperateError>((Place::from(kind), tally))
        });
        let tallies = try_join_all(kinds).await?;
        let complete = tallies.iter().all(|(_, tally)| tally.complete);
        let mut groups = Vec::new();
        for (place, tally) in tallies {
            groups.extend(tally.rows.into_iter().map(|row| NeedGroup {
                place,
                scheme: row.scheme,
                reason: row.reason,
                count: row.count,
                amount: row.amount,
                oldest: at(row.oldest),
            }));
        }
        Ok(Needs { groups, complete })
    }

    /// Reads the beginning of a day's documents of every scheme as [`Operator::day`] does, without their names.
    async fn day_marks(&self, day: BusinessDay) -> Result<Vec<MarksOf>, OperateError> {
        let of_scheme = async |scheme: SchemeId| {
            let list = self.ledger().day_marks(&scheme, day, DAY_PAGES).await?;
            let marks = list.rows.into_iter().map(Mark::from).collect();
            Ok::<_, OperateError>(MarksOf { scheme, marks, complete: list.complete })
        };
        try_join_all(self.schemes().into_iter().map(of_scheme)).await
    }

    /// Lists the beginning of a day's documents, of every scheme or of one: so many requests per scheme at most.
    pub async fn day(&self, day: BusinessDay, only: Option<&SchemeId>) -> Result<Vec<DayOf>, OperateError> {
        let schemes = self.schemes().into_iter().filter(|scheme| only.is_none_or(|only| only == scheme));
        let of_scheme = async |scheme: SchemeId| {
            let list = self.ledger().day_beginning(&scheme, day, DAY_PAGES).await?;
            let documents = list.rows.into_iter().map(|row| Row::of(row, &scheme)).collect();
            let listed = Listed { documents, complete: list.complete };
            Ok::<_, OperateError>(DayOf { scheme, listed })
        };
        try_join_all(schemes.map(of_scheme)).await
    }

    /// Reads the watermark of every scheme that pulls or downloads, and its last `windows`.
    pub async fn watermarks(&self, windows: usize) -> Result<Vec<WatermarkStatus>, OperateError> {
        let config = &self.system.config;
        let downloads = config.bill_schemes.iter().filter(|(_, own)| own.source.download).map(|(id, _)| id);
        let schemes: Vec<&SchemeId> = config.schemes.keys().chain(downloads).collect();
        try_join_all(schemes.into_iter().map(|scheme| self.watermark(scheme, windows))).await
    }

    /// Tells how it goes at a glance, everything at the same time.
    pub async fn overview(&self, day: BusinessDay) -> Result<Overview, OperateError> {
        let (needs, day, watermarks, (queue, dead_letters)) =
            tokio::try_join!(self.need_groups(), self.day_marks(day), self.watermarks(0), self.queues())?;
        Ok(Overview { needs, day, watermarks, queue, dead_letters })
    }

    /// Tells how full the order queue and its dead-letter queue are.
    pub async fn queues(&self) -> Result<(QueueStatus, QueueStatus), OperateError> {
        let queue = &self.system.queue;
        let (live, dead) = tokio::try_join!(queue.depth(), queue.dead_letter_depth())?;
        Ok((live.into(), dead.into()))
    }

    /// Returns the text of a document as it is kept; `None` if it is not.
    pub async fn source(&self, key: &DocumentKey) -> Result<Option<String>, OperateError> {
        let document = self.ledger().document(key, epoch_ms()).await?;
        Ok(document.and_then(|document| document.source?.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_is_told_and_a_merged_voucher_are_not_counted_beside_their_orders() {
        let mark = |kind| Mark {
            kind,
            place: Place::Posted,
            amount: None,
            since: "2026-11-22 08:00:00".parse().unwrap(),
        };
        let counted: Vec<&str> = DocumentKind::ALL
            .into_iter()
            .filter(|kind| mark(*kind).is_booked())
            .map(DocumentKind::as_str)
            .collect();
        assert_eq!(counted, ["stockout", "declare", "rec", "req", "outbound", "sale"]);
        let queued = Mark { place: Place::Queued, ..mark(DocumentKind::Stockout) };
        assert!(!queued.is_booked());
    }
}
