//! What a screen shows at once: a bounded, concurrent look at the lists.

use dougong_ledger::Attention;
use dougong_runtime::epoch_ms;
use dougong_values::{BusinessDay, DocumentKey, SchemeId};
use futures_util::future::try_join_all;

use crate::documents::Row;
use crate::{Listed, OperateError, Operator, QueueStatus, WatermarkStatus};

/// One scheme's documents of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOf {
    /// The scheme.
    pub scheme: SchemeId,
    /// Its documents, by key, and whether these are all there are.
    pub listed: Listed,
}

/// How it goes, at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// What needs a person, of all days.
    pub needs: Listed,
    /// The day's documents, scheme by scheme.
    pub day: Vec<DayOf>,
    /// The watermark of every scheme that pulls or downloads.
    pub watermarks: Vec<WatermarkStatus>,
    /// The order queue.
    pub queue: QueueStatus,
    /// Its dead-letter queue.
    pub dead_letters: QueueStatus,
}

/// Pages of a list of what needs a person that a screen reads at most: some thousands of documents each.
const ATTENTION_PAGES: u32 = 1;
/// Pages of a scheme's day that a screen reads at most.
const DAY_PAGES: u32 = 2;

impl Operator {
    /// Lists what needs a person: its beginning, the oldest first of each kind. Three requests, however much there is.
    pub async fn needs(&self) -> Result<Listed, OperateError> {
        let kinds = Attention::ALL.map(|kind| self.ledger().attention_beginning(kind, ATTENTION_PAGES));
        let read = try_join_all(kinds).await?;
        let complete = read.iter().all(|list| list.complete);
        let documents = read.into_iter().flat_map(|list| list.rows).map(Row::from).collect();
        Ok(Listed { documents, complete })
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
            tokio::try_join!(self.needs(), self.day(day, None), self.watermarks(0), self.queues())?;
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
