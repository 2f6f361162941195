//! Lists of documents.

use dougong_ledger::{Attention, AttentionRow, DayRow, State};
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, VoucherCode, VoucherId};
use serde::{Deserialize, Serialize};

use crate::{OperateError, Operator, at, day_after};

/// Where a document stands, as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the queue.
    Queued,
    /// Waits to be merged.
    Waiting,
    /// Being sent to BIP.
    Posting,
    /// Sent, and nobody knows what became of it.
    Unknown,
    /// Waits for a person.
    Parked,
    /// A change is held back behind a booked one.
    Held,
    /// Booked.
    Posted,
    /// Deliberately not booked.
    Skipped,
}

impl Place {
    /// Every place, in the order of a document's way.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Waiting,
        Self::Posting,
        Self::Unknown,
        Self::Parked,
        Self::Held,
        Self::Posted,
        Self::Skipped,
    ];

    /// Returns the stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Posting => "posting",
            Self::Unknown => "unknown",
            Self::Parked => "parked",
            Self::Held => "held",
            Self::Posted => "posted",
            Self::Skipped => "skipped",
        }
    }

    /// Reads what a day's list says of a document.
    pub(crate) fn of(state: State, reason: Option<&str>) -> Self {
        match state {
            // What waits in a group names it as its reason; nothing else has a reason while it is queued.
            State::Queued if reason.is_some() => Self::Waiting,
            State::Queued => Self::Queued,
            State::Posting if reason.is_some() => Self::Unknown,
            State::Posting => Self::Posting,
            State::Parked if reason == Some(dougong_ledger::CHANGED) => Self::Held,
            State::Parked => Self::Parked,
            State::Posted => Self::Posted,
            State::Skipped => Self::Skipped,
        }
    }

    const fn state(self) -> State {
        match self {
            Self::Queued | Self::Waiting => State::Queued,
            Self::Posting | Self::Unknown => State::Posting,
            Self::Parked | Self::Held => State::Parked,
            Self::Posted => State::Posted,
            Self::Skipped => State::Skipped,
        }
    }
}

impl From<Attention> for Place {
    fn from(kind: Attention) -> Self {
        match kind {
            Attention::Parked => Self::Parked,
            Attention::Unknown => Self::Unknown,
            Attention::Held => Self::Held,
        }
    }
}

/// Which documents are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that stand there. Without it and without a day: whatever needs a person.
    pub place: Option<Place>,
    /// Only those with this reason.
    pub reason: Option<String>,
    /// Only those of this business day.
    pub day: Option<BusinessDay>,
    /// Only those of this scheme.
    pub scheme: Option<SchemeId>,
}

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The document.
    pub key: DocumentKey,
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// Where it stands.
    pub place: Place,
    /// The stable name of why.
    pub reason: Option<String>,
    /// Its amount.
    pub amount: Option<Money>,
    /// Since when it needs a person; of a day's list, when it was last written.
    pub since: BeijingTime,
    /// The voucher's code.
    pub voucher_code: Option<VoucherCode>,
    /// The voucher's id, once booked.
    pub voucher_id: Option<VoucherId>,
}

/// A list of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The documents.
    pub documents: Vec<Row>,
    /// Whether these are all there are.
    pub complete: bool,
}

/// Pages of an index that one question reads at most.
const PAGES: usize = 100;

impl Operator {
    /// Returns every scheme of the configuration, and what stands for one where none books a bill.
    pub fn schemes(&self) -> Vec<SchemeId> {
        let config = &self.system.config;
        let mut schemes: Vec<SchemeId> =
            config.schemes.keys().chain(config.bill_schemes.keys()).cloned().collect();
        if !config.bill_schemes.is_empty() {
            schemes.push(SchemeId::unassigned());
        }
        schemes
    }

    /// Lists documents, `most` at most: of a day where the filter names one, else what needs a person, the oldest first. What
    /// has no such list is looked for today and yesterday.
    pub async fn list(&self, filter: &Filter, most: usize) -> Result<Listed, OperateError> {
        let today = BeijingTime::now().day();
        match (filter.day, filter.place) {
            (Some(day), _) => self.of_days(filter, &[day], most).await,
            (None, None) => self.of_attention(filter, &Attention::ALL, most).await,
            (None, Some(Place::Parked)) => self.of_attention(filter, &[Attention::Parked], most).await,
            (None, Some(Place::Held)) => self.of_attention(filter, &[Attention::Held], most).await,
            (None, Some(Place::Unknown)) => self.of_attention(filter, &[Attention::Unknown], most).await,
            // Any other place has no list but a day's.
            (None, Some(_)) => self.of_days(filter, &[today, day_after(today, -1)], most).await,
        }
    }

    async fn of_attention(
        &self,
        filter: &Filter,
        kinds: &[Attention],
        most: usize,
    ) -> Result<Listed, OperateError> {
        let mut found = Listed { documents: Vec::new(), complete: true };
        let mut pages = 0;
        for &kind in kinds {
            let mut page = None;
            loop {
                if pages >= PAGES || found.documents.len() >= most {
                    found.complete = false;
                    found.documents.truncate(most);
                    return Ok(found);
                }
                pages += 1;
                let read = self.ledger().attention(kind, filter.reason.as_deref(), page).await?;
                let rows = read.rows.into_iter().filter(|row| fits(filter, &row.scheme)).map(Row::from);
                found.documents.extend(rows);
                page = read.next;
                if page.is_none() {
                    break;
                }
            }
        }
        found.complete = found.documents.len() <= most;
        found.documents.truncate(most);
        Ok(found)
    }

    async fn of_days(
        &self,
        filter: &Filter,
        days: &[BusinessDay],
        most: usize,
    ) -> Result<Listed, OperateError> {
        let mut found = Listed { documents: Vec::new(), complete: true };
        let mut pages = 0;
        let state = filter.place.map(Place::state);
        let schemes: Vec<SchemeId> =
            self.schemes().into_iter().filter(|scheme| fits(filter, scheme)).collect();
        for (day, scheme) in days.iter().flat_map(|day| schemes.iter().map(move |scheme| (*day, scheme))) {
            let mut page = None;
            loop {
                if pages >= PAGES || found.documents.len() >= most {
                    found.complete = false;
                    found.documents.truncate(most);
                    return Ok(found);
                }
                pages += 1;
                let read = self.ledger().by_day(scheme, day, state, page).await?;
                let rows = read.rows.into_iter().map(|row| Row::of(row, scheme));
                found.documents.extend(rows.filter(|row| {
                    filter.place.is_none_or(|place| place == row.place)
                        && filter.reason.as_ref().is_none_or(|reason| row.reason.as_ref() == Some(reason))
                }));
                page = read.next;
                if page.is_none() {
                    break;
                }
            }
        }
        found.complete = found.documents.len() <= most;
        found.documents.truncate(most);
        Ok(found)
    }
}

fn fits(filter: &Filter, scheme: &SchemeId) -> bool {
    filter.scheme.as_ref().is_none_or(|only| only == scheme)
}

impl From<AttentionRow> for Row {
    fn from(row: AttentionRow) -> Self {
        Self {
            key: row.key,
            scheme: row.scheme,
            place: row.kind.into(),
            reason: row.reason,
            amount: row.amount,
            since: at(row.since),
            voucher_code: None,
            voucher_id: None,
        }
    }
}

impl Row {
    pub(crate) fn of(row: DayRow, scheme: &SchemeId) -> Self {
        Self {
            key: row.key,
            scheme: scheme.clone(),
            place: Place::of(row.state, row.reason.as_deref()),
            reason: row.reason,
            amount: row.amount,
            since: at(row.updated_at),
            voucher_code: row.voucher_code,
            voucher_id: row.voucher_id,
        }
    }
}
