//! Orders that wait for each other and the vouchers that are made of them (汇总).
//!
//! An order of a merging scheme is `queued` with the group it waits in. A part is a document of its own: the frozen
//! list of its members, written once, under the lease of the scheme's closing. What is in a part follows from the
//! parts alone; members are written again only when their part is booked. From being grouped to being booked a member
//! may be taken out by the holder of that lease only: everybody else can at most attach a newer version to it.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use dougong_values::{DocumentKey, SchemeId, Version};
use futures_util::{StreamExt, stream};

use crate::codec::{Attributes, ItemReader, number, read_document, text, waiting_partition, write_document};
use crate::decide::{Meaning, Standing};
use crate::document::{Document, NewDocument, State};
use crate::documents::SetAside;
use crate::error::LedgerError;
use crate::item_store::Write;
use crate::queries::{BATCH, PAUSE, Page, PageToken, TRIES};
use crate::schema::ATTENTION_INDEX;
use crate::transition::HeldBecomes;
use crate::watermarks::{CONDITION_FAILED, Lease, SINGLE, cursor_key};
use crate::{EpochMs, Ledger};

/// Members that are written at the same time when their voucher is booked.
const AT_ONCE: usize = 16;

/// An order that waits in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// The order.
    pub key: DocumentKey,
    /// The group it waits in.
    pub group: DocumentKey,
}

/// A merged voucher that is booked: what its members are to know.
#[derive(Debug, Clone, Copy)]
pub struct Booked<'a> {
    /// The document of the part, in [`State::Posted`].
    pub part: &'a Document,
    /// Its members in the versions that were summed.
    pub members: &'a [(DocumentKey, Version)],
    /// What becomes of newer versions that came in between.
    pub held: HeldBecomes,
}

/// What booking the members of a part came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembersBooked {
    /// Members that know their voucher now.
    pub booked: u64,
    /// Of these, members of which a newer version is held for a person.
    pub held: u64,
    /// Members that stand otherwise than they must: a person has to look.
    pub astray: Vec<DocumentKey>,
}

impl Ledger {
    /// Notes that a version waits in a group, to be put together with others from `due_ms` on: one conditional write
    /// when nothing is in the way. Another version that waits already is in the way ([`Standing::Grouped`]).
    pub async fn group(
        &self,
        document: &NewDocument,
        group: &DocumentKey,
        due_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<SetAside, LedgerError> {
        let fresh = Document::grouped(None, document, group, due_ms, now_ms);
        if let Write::Done(_) = self.write_grouped(&fresh).await? {
            return Ok(SetAside::Done);
        }
        let grouped = |prior: Option<&Document>, meaning: Meaning| match meaning {
            Meaning::Free => Ok(Document::grouped(prior, document, group, due_ms, now_ms)),
            Meaning::Not(standing) => Err(SetAside::Not(standing)),
        };
        self.set_aside(document, "group", now_ms, grouped).await
    }

    /// Attaches a newer version to one that waits in a group ([`Standing::Grouped`]). Whoever closes the group lets it
    /// take the older one's place, unless that one is in a part already.
    pub async fn attach(&self, document: &NewDocument, now_ms: EpochMs) -> Result<SetAside, LedgerError> {
        let attached = |prior: Option<&Document>, meaning: Meaning| match (meaning, prior) {
            (Meaning::Not(Standing::Grouped), Some(prior)) => Ok(prior.attaching(document, now_ms)),
            (Meaning::Not(standing), _) => Err(SetAside::Not(standing)),
            (Meaning::Free, _) => Err(SetAside::Free),
        };
        self.set_aside(document, "attach a version to", now_ms, attached).await
    }

    /// Lists the orders of a scheme that wait in groups and were due at `due_ms` or before, the earliest first,
    /// eventually consistent; members of parts that are not booked yet are among them.
    pub async fn waiting(
        &self,
        scheme: &SchemeId,
        due_ms: EpochMs,
        page: Option<PageToken>,
    ) -> Result<Page<WaitingRow>, LedgerError> {
        let partition = waiting_partition(scheme);
        let reply = self
            .client
            .query()
            .table_name(&self.tables.documents)
            .index_name(ATTENTION_INDEX)
            .key_condition_expression("attention = :waiting AND attention_at <= :due")
            .expression_attribute_values(":waiting", text(&partition))
            .expression_attribute_values(":due", number(due_ms))
            .set_exclusive_start_key(page.map(PageToken::into_start))
            .send()
            .await
            .map_err(|error| LedgerError::store("list the orders of", &partition, error))?;
        let rows = reply.items().iter().map(|item| {
            let read = ItemReader::new(item);
            Ok(WaitingRow { key: read.required("pk")?, group: read.required("reason")? })
        });
        Ok(Page {
            rows: rows.collect::<Result<_, LedgerError>>()?,
            next: reply.last_evaluated_key.map(PageToken::of),
        })
    }

    /// Reads all parts of a group in their order, strongly consistent.
    pub async fn parts(&self, group: &DocumentKey, now_ms: EpochMs) -> Result<Vec<Document>, LedgerError> {
        let mut parts = Vec::new();
        for part in 1_u32.. {
            let Some(part) = self.document(&group.part(part), now_ms).await? else { break };
            parts.push(part);
        }
        Ok(parts)
    }

    /// Reads documents as a whole, strongly consistent, 100 per request; absent ones are left out.
    pub async fn members(&self, keys: &[DocumentKey]) -> Result<HashMap<DocumentKey, Document>, LedgerError> {
        let distinct: Vec<&DocumentKey> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut members = HashMap::with_capacity(distinct.len());
        for batch in distinct.chunks(BATCH) {
            let keys = batch.iter().map(|key| Attributes::from([("pk".to_owned(), text(key))])).collect();
            self.read_batch(keys, &mut members).await?;
        }
        Ok(members)
    }

    async fn read_batch(
        &self,
        keys: Vec<Attributes>,
        members: &mut HashMap<DocumentKey, Document>,
    ) -> Result<(), LedgerError> {
        let operation = "read";
        let item = format!("{} documents", keys.len());
        let mut wanted = keys;
        let mut attempt = 0;
        while attempt < TRIES {
            let left = wanted.len();
            let Ok(request) =
                KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build()
            else {
                return Ok(());
            };
            let mut reply = self
                .client
                .batch_get_item()
                .request_items(&self.tables.documents, request)
                .send()
                .await
                .map_err(|error| LedgerError::store(operation, &item, error))?;
            let found = reply.responses.as_mut().and_then(|tables| tables.remove(&self.tables.documents));
            for item in found.into_iter().flatten() {
                let document = read_document(&item)?;
                members.insert(document.key.clone(), document);
            }
            let unprocessed =
                reply.unprocessed_keys.as_mut().and_then(|left| left.remove(&self.tables.documents));
            wanted = unprocessed.map(|left| left.keys).unwrap_or_default();
            if wanted.is_empty() {
                return Ok(());
            }
            // An answer holds 16 MB at most: what is left out of a full one is asked for at once.
            if wanted.len() == left {
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
                attempt += 1;
            }
        }
        Err(LedgerError::Contended { operation, item })
    }

    /// Makes a part where none of its number is, while the lease of the closing is held: one transaction. Its message
    /// is sent afterwards. Once more by the same closing is no error.
    pub async fn make_part(
        &self,
        part: &NewDocument,
        lease: &Lease,
        now_ms: EpochMs,
    ) -> Result<(), LedgerError> {
        let document = Document { amount: None, ..Document::queued(part, now_ms) };
        let put = Put::builder()
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(now_ms.div_euclid(1000)));
        self.write_under(lease, put, &document, "make").await
    }

    /// Takes an order out of its group so that it starts anew: with the version that was attached to it, if one was.
    /// Only what is in no part may be taken out; the caller then sends it to the queue.
    pub async fn take_out(
        &self,
        member: &Document,
        lease: &Lease,
        now_ms: EpochMs,
    ) -> Result<Document, LedgerError> {
        let next = member.released(now_ms);
        let put = Put::builder()
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", number(member.fence));
        self.write_under(lease, put, &next, "take out").await?;
        Ok(next)
    }

    /// Writes a whole item on its own condition and while a lease is held.
    async fn write_under(
        &self,
        lease: &Lease,
        put: aws_sdk_dynamodb::types::builders::PutBuilder,
        next: &Document,
        operation: &'static str,
    ) -> Result<(), LedgerError> {
        let key = next.key.as_str();
        let held = ConditionCheck::builder()
            .table_name(&self.tables.watermarks)
            .key("pk", text(cursor_key(lease.scheme(), lease.cursor())))
            .key("sk", text(SINGLE))
            .condition_expression("fence = :lease")
            .expression_attribute_values(":lease", number(lease.fence()));
        let put = put
            .table_name(&self.tables.documents)
            .set_item(Some(write_document(next)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (Ok(held), Ok(put)) = (held.build(), put.build()) else {
            return Err(LedgerError::Contended { operation, item: key.to_owned() });
        };
        let result = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().condition_check(held).build())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .send()
            .await;
        let Err(error) = result else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error()
        else {
            return Err(LedgerError::store(operation, key, error));
        };
        let failed = |place: usize| {
            let reason = canceled.cancellation_reasons().get(place)?;
            (reason.code() == Some(CONDITION_FAILED)).then_some(reason)
        };
        if failed(0).is_some() {
            return Err(LedgerError::LostLease { operation, item: lease.scheme().to_string() });
        }
        match failed(1) {
            // The client repeated a write whose answer was lost; the first one had been done.
            Some(reason) => match reason.item().map(read_document).transpose()? {
                Some(there) if there == *next => Ok(()),
                _ => Err(LedgerError::LostLease { operation, item: key.to_owned() }),
            },
            None => Err(LedgerError::store(operation, key, error)),
        }
    }

    /// Tells the members of a booked part their voucher. Once more is no error, and what was told stays.
    pub async fn book_members(
        &self,
        booked: Booked<'_>,
        now_ms: EpochMs,
    ) -> Result<MembersBooked, LedgerError> {
        let keys: Vec<DocumentKey> = booked.members.iter().map(|(key, _)| key.clone()).collect();
        let mut documents = self.members(&keys).await?;
        let mut done = MembersBooked::default();
        let mut open = Vec::new();
        for (key, version) in booked.members {
            match documents.remove(key).map(Box::new) {
                Some(document) => open.push((document, version)),
                None => done.astray.push(key.clone()),
            }
        }
        let mut writes = stream::iter(open)
            .map(|(document, version)| self.book_member(document, version, booked, now_ms))
            .buffer_unordered(AT_ONCE);
        let mut failed = None;
        while let Some(written) = writes.next().await {
            match written {
                Ok(Ok(member)) => {
                    done.booked += 1;
                    done.held += u64::from(member.held.is_some());
                }
                Ok(Err(key)) => done.astray.push(key),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Tells one member its voucher; its key if it stands otherwise than it must.
    async fn book_member(
        &self,
        document: Box<Document>,
        version: &Version,
        Booked { part, held, .. }: Booked<'_>,
        now_ms: EpochMs,
    ) -> Result<Result<Box<Document>, DocumentKey>, LedgerError> {
        let key = document.key.clone();
        let mut found = Some(document);
        for _ in 0..TRIES {
            let Some(there) = found.take_if(|there| there.version == *version) else { return Ok(Err(key)) };
            if there.posted_at.is_some() && there.merged.as_ref() == Some(&part.key) {
                return Ok(Ok(there));
            }
            if !there.is_waiting() {
                return Ok(Err(key));
            }
            let next = there.booked_in(part, held, now_ms);
            match self.swap(Some(&there), &next, "record as posted").await? {
                Write::Done(written) => return Ok(Ok(written)),
                Write::Conflict(conflict) => found = conflict,
            }
        }
        Err(LedgerError::Contended { operation: "record as posted", item: key.to_string() })
    }

    /// Gives up a parked part of which BIP certainly has nothing: its members wait again, and the next closing puts
    /// them together anew, in the versions they have then. Returns what it is now.
    pub async fn dissolve(
        &self,
        part: &DocumentKey,
        now_ms: EpochMs,
    ) -> Result<Option<Document>, LedgerError> {
        let mut found = self.document(part, now_ms).await?.map(Box::new);
        for _ in 0..TRIES {
            let Some(there) = found.take() else { return Ok(None) };
            let certain = there.state == State::Parked && !there.is_unsettled() && there.posted_at.is_none();
            if !certain {
                return Ok(Some(*there));
            }
            match self.swap(Some(&there), &there.dissolved(now_ms), "dissolve").await? {
                Write::Done(written) => return Ok(Some(*written)),
                Write::Conflict(conflict) => found = conflict,
            }
        }
        Err(LedgerError::Contended { operation: "dissolve", item: part.to_string() })
    }
}
