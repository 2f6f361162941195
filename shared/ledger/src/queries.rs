//! What functions and operators ask about documents.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{KeysAndAttributes, Select};
use dougong_values::{
    BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, Version, VoucherCode, VoucherId,
};

use crate::codec::{Attributes, ItemReader, number, scheme_day, text};
use crate::document::{Attention, Document, State};
use crate::error::LedgerError;
use crate::schema::{ATTENTION_INDEX, BY_DAY_INDEX, TTL_ATTRIBUTE};
use crate::{EpochMs, Ledger};

/// What `pull` needs to know about a document to skip it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub state: State,
    /// With which version.
    pub version: Version,
    /// When WDT changed that version.
    pub modified: Option<BeijingTime>,
    /// The version that is booked in BIP.
    pub posted_version: Option<Version>,
    /// A changed version that is held back.
    pub held_version: Option<Version>,
}

impl Known {
    /// Tells whether the ledger holds this version, in whatever state: it need not be queued again.
    pub fn holds(&self, version: &Version) -> bool {
        self.version == *version || self.held_version.as_ref() == Some(version)
    }
}

/// Where the next page of a query starts.
#[derive(Debug, Clone)]
pub struct PageToken(Attributes);

impl PageToken {
    pub(crate) const fn of(last: Attributes) -> Self {
        Self(last)
    }

    pub(crate) fn into_start(self) -> Attributes {
        self.0
    }
}

/// One page of a query.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the order of the index.
    pub rows: Vec<T>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<PageToken>,
}

/// A document that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttentionRow {
    /// The document.
    pub key: DocumentKey,
    /// Why it needs a person.
    pub kind: Attention,
    /// Since when.
    pub since: EpochMs,
    /// The scheme it came through.
    pub scheme: SchemeId,
    /// The stable name of the reason.
    pub reason: Option<String>,
    /// Its amount.
    pub amount: Option<Money>,
}

/// A document in its day's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// The document.
    pub key: DocumentKey,
    /// Where it stands.
    pub state: State,
    /// Its amount.
    pub amount: Option<Money>,
    /// The stable name of the reason why it is parked, skipped or unknown.
    pub reason: Option<String>,
    /// The voucher's code.
    pub voucher_code: Option<VoucherCode>,
    /// The voucher's id, once posted.
    pub voucher_id: Option<VoucherId>,
    /// When it was last written.
    pub updated_at: EpochMs,
}

/// The most keys a `BatchGetItem` takes.
pub(crate) const BATCH: usize = 100;
/// How often keys that the store left out of its answer are asked for again.
pub(crate) const TRIES: u32 = 6;
/// The pause before the first of these, doubled for each further one.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);
/// Rows per page of an operator's list.
const PAGE_ROWS: i32 = 200;

impl Ledger {
    /// Looks documents up, 100 per request, eventually consistent; absent and expired ones are left out.
    pub async fn known(
        &self,
        keys: &[DocumentKey],
        now_ms: EpochMs,
    ) -> Result<HashMap<DocumentKey, Known>, LedgerError> {
        let distinct: Vec<&DocumentKey> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut known = HashMap::with_capacity(distinct.len());
        for batch in distinct.chunks(BATCH) {
            let keys = batch.iter().map(|key| Attributes::from([("pk".to_owned(), text(key))])).collect();
            self.look_up(keys, now_ms, &mut known).await?;
        }
        Ok(known)
    }

    async fn look_up(
        &self,
        keys: Vec<Attributes>,
        now_ms: EpochMs,
        known: &mut HashMap<DocumentKey, Known>,
    ) -> Result<(), LedgerError> {
        let operation = "look up";
        let item = format!("{} documents", keys.len());
        let mut wanted = keys;
        for attempt in 0..TRIES {
            let projection = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .projection_expression(
                    "pk, #state, #version, modified, posted_version, held_version, expires_at",
                )
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#version", "version")
                .build();
            let Ok(projection) = projection else {
                return Ok(());
            };
            let mut reply = self
                .client
                .batch_get_item()
                .request_items(&self.tables.documents, projection)
                .send()
                .await
                .map_err(|error| LedgerError::store(operation, &item, error))?;
            for item in
                reply.responses().and_then(|tables| tables.get(&self.tables.documents)).into_iter().flatten()
            {
                if let Some((key, document)) = read_known(item, now_ms)? {
                    known.insert(key, document);
                }
            }
            let unprocessed =
                reply.unprocessed_keys.as_mut().and_then(|left| left.remove(&self.tables.documents));
            wanted = unprocessed.map(|left| left.keys).unwrap_or_default();
            if wanted.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
        }
        Err(LedgerError::Contended { operation, item })
    }

    /// Reads one document as a whole, strongly consistent; an expired one is absent.
    pub async fn document(
        &self,
        key: &DocumentKey,
        now_ms: EpochMs,
    ) -> Result<Option<Document>, LedgerError> {
        Ok(self.read(key, "read").await?.filter(|document| !document.is_expired(now_ms)))
    }

    /// Lists what a person should look at, the oldest first, optionally for one reason. A page may hold
    /// fewer rows than the next one: go on until `next` is `None`.
    pub async fn attention(
        &self,
        kind: Attention,
        reason: Option<&str>,
        page: Option<PageToken>,
    ) -> Result<Page<AttentionRow>, LedgerError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.tables.documents)
            .index_name(ATTENTION_INDEX)
            .key_condition_expression("attention = :kind")
            .expression_attribute_values(":kind", text(kind))
            .limit(PAGE_ROWS)
            .set_exclusive_start_key(page.map(|page| page.0));
        if let Some(reason) = reason {
            query = query
                .filter_expression("#reason = :reason")
                .expression_attribute_names("#reason", "reason")
                .expression_attribute_values(":reason", text(reason));
        }
        let reply = query
            .send()
            .await
            .map_err(|error| LedgerError::store("list what needs attention", kind.as_str(), error))?;
        let rows = reply.items().iter().map(|item| read_attention_row(item, kind));
        Ok(Page {
            rows: rows.collect::<Result<_, LedgerError>>()?,
            next: reply.last_evaluated_key.map(PageToken),
        })
    }

    /// Counts what has needed a person since `until` or longer, without reading it.
    pub async fn count_attention(&self, kind: Attention, until: EpochMs) -> Result<u64, LedgerError> {
        let (mut count, mut start) = (0, None);
        loop {
            let reply = self
                .client
                .query()
                .table_name(&self.tables.documents)
                .index_name(ATTENTION_INDEX)
                .key_condition_expression("attention = :kind AND attention_at <= :until")
                .expression_attribute_values(":kind", text(kind))
                .expression_attribute_values(":until", number(until))
                .select(Select::Count)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| LedgerError::store("count what needs attention", kind.as_str(), error))?;
            count += u64::try_from(reply.count).unwrap_or_default();
            start = reply.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// Lists the documents of a scheme's business day, by key, optionally in one state. A page may hold
    /// fewer rows than the next one: go on until `next` is `None`.
    pub async fn by_day(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        state: Option<State>,
        page: Option<PageToken>,
    ) -> Result<Page<DayRow>, LedgerError> {
        let partition = scheme_day(scheme, day);
        let mut query = self
            .client
            .query()
            .table_name(&self.tables.documents)
            .index_name(BY_DAY_INDEX)
            .key_condition_expression("scheme_day = :day")
            .expression_attribute_values(":day", text(&partition))
            .limit(PAGE_ROWS)
            .set_exclusive_start_key(page.map(|page| page.0));
        if let Some(state) = state {
            query = query
                .filter_expression("#state = :state")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":state", text(state));
        }
        let reply = query
            .send()
            .await
            .map_err(|error| LedgerError::store("list the documents of", &partition, error))?;
        let rows = reply.items().iter().map(read_day_row);
        Ok(Page {
            rows: rows.collect::<Result<_, LedgerError>>()?,
            next: reply.last_evaluated_key.map(PageToken),
        })
    }
}

fn read_attention_row(item: &Attributes, kind: Attention) -> Result<AttentionRow, LedgerError> {
    let read = ItemReader::new(item);
    Ok(AttentionRow {
        key: read.required("pk")?,
        kind,
        since: read.required("attention_at")?,
        scheme: read.required("scheme")?,
        reason: read.maybe("reason")?,
        amount: read.maybe("amount")?,
    })
}

fn read_day_row(item: &Attributes) -> Result<DayRow, LedgerError> {
    let read = ItemReader::new(item);
    Ok(DayRow {
        key: read.required("pk")?,
        state: read.required("state")?,
        amount: read.maybe("amount")?,
        reason: read.maybe("reason")?,
        voucher_code: read.maybe("voucher_code")?,
        voucher_id: read.maybe("voucher_id")?,
        updated_at: read.required("updated_at")?,
    })
}

/// Reads the few attributes a page of `pull` needs; `None` for an expired row.
fn read_known(item: &Attributes, now_ms: EpochMs) -> Result<Option<(DocumentKey, Known)>, LedgerError> {
    let read = ItemReader::new(item);
    let expires_at: Option<i64> = read.maybe(TTL_ATTRIBUTE)?;
    if expires_at.is_some_and(|seconds| seconds <= now_ms.div_euclid(1000)) {
        return Ok(None);
    }
    let known = Known {
        state: read.required("state")?,
        version: read.required("version")?,
        modified: read.maybe("modified")?,
        posted_version: read.maybe("posted_version")?,
        held_version: read.maybe("held_version")?,
    };
    Ok(Some((read.required("pk")?, known)))
}
