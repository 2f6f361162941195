//! Who did what by hand: kept for as long as documents are.

use std::fmt::Display;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use dougong_values::{BeijingTime, BusinessDay};

use crate::codec::{Attributes, ItemReader, ItemWriter, text};
use crate::error::LedgerError;
use crate::queries::{Page, PageToken};
use crate::schema::TTL_ATTRIBUTE;
use crate::transition::KEEP_SECONDS;
use crate::{EpochMs, Ledger};

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// When.
    pub at_ms: EpochMs,
    /// Who.
    pub actor: String,
    /// The stable name of what: `replay`, `skip`, `accept`, `dismiss`, `dissolve`, `pause`, `resume`, `watermark`, `redrive`,
    /// `pull`, `doctor`.
    pub what: String,
    /// Which document (its key), scheme (`scheme#<id>`), pace (`pace#<system>`) or queue (`queue#<name>`), or `doctor`.
    pub subject: String,
    /// Why, or with which values, in the person's words.
    pub words: Option<String>,
}

/// Rows per page of what was done.
const PAGE_ROWS: i32 = 100;

fn partition(subject: impl Display) -> String {
    format!("actions#{subject}")
}

impl Ledger {
    /// Writes down what a person is about to do, under its subject and under its day, so that nothing is done without a
    /// trace.
    pub async fn note_action(&self, action: &Action) -> Result<(), LedgerError> {
        let day = BeijingTime::from_epoch_seconds(action.at_ms.div_euclid(1000)).map(BeijingTime::day);
        let of_day = day.map(|day| partition(format_args!("day#{day}")));
        let mut writes = Vec::new();
        for partition in of_day.into_iter().chain([partition(&action.subject)]) {
            let put = Put::builder()
                .table_name(&self.tables.watermarks)
                .set_item(Some(write_action(action, &partition)))
                .build();
            writes.extend(put.ok().map(|put| TransactWriteItem::builder().put(put).build()));
        }
        self.client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await
            .map_err(|error| LedgerError::store("note what is done to", &action.subject, error))?;
        Ok(())
    }

    /// Lists what was done to a document, scheme, pace or queue, the latest first, a hundred at most.
    pub async fn actions(&self, subject: &str) -> Result<Vec<Action>, LedgerError> {
        Ok(self.list_actions(partition(subject), None).await?.rows)
    }

    /// Lists what was done on a day, the latest first, page by page.
    pub async fn actions_on(
        &self,
        day: BusinessDay,
        page: Option<PageToken>,
    ) -> Result<Page<Action>, LedgerError> {
        self.list_actions(partition(format_args!("day#{day}")), page).await
    }

    async fn list_actions(
        &self,
        partition: String,
        page: Option<PageToken>,
    ) -> Result<Page<Action>, LedgerError> {
        let reply = self
            .client
            .query()
            .table_name(&self.tables.watermarks)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&partition))
            .scan_index_forward(false)
            .limit(PAGE_ROWS)
            .set_exclusive_start_key(page.map(PageToken::into_start))
            .send()
            .await
            .map_err(|error| LedgerError::store("list", &partition, error))?;
        let rows = reply.items().iter().map(read_action);
        Ok(Page {
            rows: rows.collect::<Result<_, LedgerError>>()?,
            next: reply.last_evaluated_key.map(PageToken::of),
        })
    }
}

fn write_action(action: &Action, partition: &str) -> Attributes {
    let Action { at_ms, actor, what, subject, words } = action;
    ItemWriter::default()
        .text("pk", partition)
        .text("sk", format_args!("{at_ms:013}#{what}#{subject}"))
        .number("at", at_ms)
        .text("actor", actor)
        .text("what", what)
        .text("subject", subject)
        .maybe_text("words", words.as_ref())
        .number(TTL_ATTRIBUTE, at_ms.div_euclid(1000) + KEEP_SECONDS)
        .finish()
}

fn read_action(item: &Attributes) -> Result<Action, LedgerError> {
    let read = ItemReader::new(item);
    Ok(Action {
        at_ms: read.required("at")?,
        actor: read.required("actor")?,
        what: read.required("what")?,
        subject: read.required("subject")?,
        words: read.maybe("words")?,
    })
}
