//! How it goes, as a whole.

use dougong_ledger::{Attention, Tally, TallyRow};
use dougong_queue::Depth;
use dougong_values::{BeijingTime, Money, SchemeId, TenantId};
use serde::Serialize;

use crate::documents::Place;
use crate::pace::PaceStatus;
use crate::watermarks::WatermarkStatus;
use crate::{OperateError, Operator, at, day_after};

/// How it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The version of this program.
    pub version: &'static str,
    /// Whose books are kept.
    pub tenant: TenantId,
    /// When this was asked.
    pub now: BeijingTime,
    /// Every scheme.
    pub schemes: Vec<SchemeStatus>,
    /// The order queue.
    pub queue: QueueStatus,
    /// Its dead-letter queue.
    pub dead_letters: QueueStatus,
    /// The paces; empty when the secrets cannot be read.
    pub paces: Vec<PaceStatus>,
    /// Why the paces are not known.
    pub paces_unknown: Option<String>,
    /// Business days whose documents were counted, today included.
    pub days: u32,
    /// Whether everything was counted; if not, there are more than these.
    pub complete: bool,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct QueueStatus {
    /// Ready to be received.
    pub visible: u64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that is not over.
    pub delayed: u64,
}

impl QueueStatus {
    /// Returns how many messages there are in all.
    pub const fn total(self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }
}

impl From<Depth> for QueueStatus {
    fn from(Depth { visible, in_flight, delayed }: Depth) -> Self {
        Self { visible, in_flight, delayed }
    }
}

/// How one scheme goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemeStatus {
    /// Its watermark; of a scheme that pulls or downloads nothing, `None`.
    pub watermark: Option<WatermarkStatus>,
    /// The scheme.
    pub scheme: SchemeId,
    /// How many documents stand where, and what they are worth: what needs a person of all days, the rest of the days that
    /// were counted.
    pub counts: Vec<ReasonCount>,
    /// Whether the age of its watermark says anything: stores are downloaded by the day.
    #[serde(skip)]
    pub is_pulled: bool,
}

/// How many documents stand in one place for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// Where.
    pub place: Place,
    /// The stable name of why.
    pub reason: Option<String>,
    /// How many.
    pub count: u64,
    /// What they are worth together.
    pub amount: Money,
    /// Since when the oldest of them.
    pub oldest: BeijingTime,
}

impl SchemeStatus {
    /// Counts the documents in one place.
    pub fn count(&self, place: Place) -> u64 {
        self.counts.iter().filter(|row| row.place == place).map(|row| row.count).sum()
    }

    /// Adds up what the documents in one place are worth.
    pub fn amount(&self, place: Place) -> Money {
        self.counts.iter().filter(|row| row.place == place).map(|row| row.amount).sum()
    }
}

/// What a monitor makes of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing is to be done.
    Well,
    /// Documents or dead letters wait for a person; the rest flows on.
    NeedsPerson,
    /// A watermark is too old, or calls are stopped.
    DoesNotFlow,
}

impl Status {
    /// Sums up, with the age in seconds from which on a watermark is too old.
    pub fn health(&self, oldest_seconds: i64) -> Health {
        let late = self.schemes.iter().filter(|scheme| scheme.is_pulled).any(|scheme| {
            let age = scheme.watermark.as_ref().and_then(|watermark| watermark.age_seconds);
            age.is_none_or(|age| age > oldest_seconds)
        });
        let paused = self.paces.iter().any(|pace| pace.paused.is_some());
        let waits = |scheme: &SchemeStatus| {
            [Place::Parked, Place::Held, Place::Unknown].into_iter().any(|place| scheme.count(place) > 0)
        };
        if late || paused {
            Health::DoesNotFlow
        } else if self.dead_letters.total() > 0 || self.schemes.iter().any(waits) {
            Health::NeedsPerson
        } else {
            Health::Well
        }
    }
}

/// Pages of each index that are counted at most: some thousands of documents each.
const PAGES: u32 = 20;

impl Operator {
    /// Tells how it goes; documents of the last `days` business days are counted, today included.
    pub async fn status(&self, days: u32) -> Result<Status, OperateError> {
        let config = &self.system.config;
        let now = BeijingTime::now();
        let (paces, paces_unknown) = match self.paces().await {
            Ok(paces) => (paces, None),
            Err(OperateError::NoSecrets { problem }) => (Vec::new(), Some(problem)),
            Err(error) => return Err(error),
        };
        let mut attention = Vec::new();
        for kind in Attention::ALL {
            attention.push((Place::from(kind), self.ledger().attention_tally(kind, PAGES).await?));
        }
        let mut complete = attention.iter().all(|(_, tally)| tally.complete);
        let mut schemes = Vec::new();
        for scheme in self.schemes() {
            let downloads = config.bill_schemes.get(&scheme).is_some_and(|own| own.source.download);
            let is_pulled = config.schemes.contains_key(&scheme);
            let watermark =
                if is_pulled || downloads { Some(self.watermark(&scheme, 0).await?) } else { None };
            let mut counts = self.count_days(&scheme, now, days, &mut complete).await?;
            if is_pulled {
                let tally = self.ledger().waiting_tally(&scheme, PAGES).await?;
                complete &= tally.complete;
                let merged = |row: TallyRow| ReasonCount { reason: None, ..counted(Place::Waiting, row) };
                merge_counts(&mut counts, tally.rows.into_iter().map(merged));
            }
            for (place, tally) in &attention {
                let own = tally.rows.iter().filter(|row| row.scheme == scheme).cloned();
                merge_counts(&mut counts, own.map(|row| counted(*place, row)));
            }
            schemes.push(SchemeStatus { watermark, scheme, counts, is_pulled });
        }
        // Without a store system there is nothing to say of its schemes.
        let is_idle = |status: &SchemeStatus| {
            let of_store = !status.is_pulled && config.store.is_none();
            (of_store || status.scheme == SchemeId::unassigned()) && status.counts.is_empty()
        };
        schemes.retain(|status| !is_idle(status));
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            tenant: config.tenant.clone(),
            now,
            schemes,
            queue: self.system.queue.depth().await?.into(),
            dead_letters: self.system.queue.dead_letter_depth().await?.into(),
            paces,
            paces_unknown,
            days,
            complete,
        })
    }

    /// Counts what stands elsewhere than in the lists of what needs a person, or of what waits to be merged.
    async fn count_days(
        &self,
        scheme: &SchemeId,
        now: BeijingTime,
        days: u32,
        complete: &mut bool,
    ) -> Result<Vec<ReasonCount>, OperateError> {
        let mut counts = Vec::new();
        for back in 0..days {
            let day = day_after(now.day(), -i64::from(back));
            let Tally { rows, complete: whole } = self.ledger().day_tally(scheme, day, PAGES).await?;
            *complete &= whole;
            let rows = rows.into_iter().map(|row| counted(Place::of(row.state, row.reason.as_deref()), row));
            let listed_elsewhere =
                |place: Place| matches!(place, Place::Parked | Place::Held | Place::Unknown | Place::Waiting);
            merge_counts(&mut counts, rows.filter(|row| !listed_elsewhere(row.place)));
        }
        Ok(counts)
    }
}

fn counted(place: Place, row: TallyRow) -> ReasonCount {
    ReasonCount { place, reason: row.reason, count: row.count, amount: row.amount, oldest: at(row.oldest) }
}

fn merge_counts(counts: &mut Vec<ReasonCount>, more: impl Iterator<Item = ReasonCount>) {
    for row in more {
        match counts.iter_mut().find(|there| there.place == row.place && there.reason == row.reason) {
            Some(there) => {
                there.count += row.count;
                there.amount += row.amount;
                there.oldest = there.oldest.min(row.oldest);
            }
            None => counts.push(row),
        }
    }
}
