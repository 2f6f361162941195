//! Documents whose message may be gone: what no worker will come back to by itself.

use dougong_values::{BusinessDay, DocumentKey, DocumentKind, SchemeId};

use crate::codec::{ItemReader, number, scheme_day, text};
use crate::document::{Document, State};
use crate::error::LedgerError;
use crate::item_store::Write;
use crate::queries::{Page, PageToken};
use crate::schema::BY_DAY_INDEX;
use crate::{EpochMs, Ledger};

impl Document {
    /// Tells whether nobody has touched it since an instant though somebody should have: queued, or posting with
    /// its lease over. What waits in a group is the closing's.
    pub fn is_stuck(&self, quiet_since_ms: EpochMs, now_ms: EpochMs) -> bool {
        let open = match self.state {
            State::Queued => self.merged.is_none(),
            State::Posting => self.lease.as_ref().is_none_or(|lease| lease.until_ms <= now_ms),
            State::Posted | State::Parked | State::Skipped => false,
        };
        open && self.updated_at <= quiet_since_ms && !self.is_expired(now_ms)
    }
}

impl Ledger {
    /// Lists the documents of a scheme's business day that are queued or posting and were last written at
    /// `quiet_since_ms` or before, by key, eventually consistent. A page may hold no row: go on until `next` is
    /// `None`.
    pub async fn open_on_day(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
        quiet_since_ms: EpochMs,
        page: Option<PageToken>,
    ) -> Result<Page<DocumentKey>, LedgerError> {
        let partition = scheme_day(scheme, day);
        let reply = self
            .client
            .query()
            .table_name(&self.tables.documents)
            .index_name(BY_DAY_INDEX)
            .key_condition_expression("scheme_day = :day")
            .filter_expression(
                "#state IN (:queued, :posting) AND updated_at <= :quiet_since AND NOT begins_with(#reason, :group)",
            )
            .projection_expression("pk")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#reason", "reason")
            // What waits in a group says so as its reason.
            .expression_attribute_values(":group", text(format_args!("{}#", DocumentKind::Merged)))
            .expression_attribute_values(":day", text(&partition))
            .expression_attribute_values(":queued", text(State::Queued))
            .expression_attribute_values(":posting", text(State::Posting))
            .expression_attribute_values(":quiet_since", number(quiet_since_ms))
            .set_exclusive_start_key(page.map(PageToken::into_start))
            .send()
            .await
            .map_err(|error| LedgerError::store("list the open documents of", &partition, error))?;
        let rows = reply.items().iter().map(|item| ItemReader::new(item).required("pk"));
        Ok(Page {
            rows: rows.collect::<Result<_, LedgerError>>()?,
            next: reply.last_evaluated_key.map(PageToken::of),
        })
    }

    /// Reads a document that is stuck, strongly consistent; `None` if it is not, or no longer.
    pub async fn stuck(
        &self,
        key: &DocumentKey,
        quiet_since_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<Option<Document>, LedgerError> {
        let document = self.read(key, "read").await?;
        Ok(document.filter(|document| document.is_stuck(quiet_since_ms, now_ms)))
    }

    /// Notes that a stuck document has a message again, so that the next look leaves it alone; `false` if somebody
    /// else wrote it in between, which is as good. Call it after the message was sent, never before.
    pub async fn note_sent_again(&self, document: &Document, now_ms: EpochMs) -> Result<bool, LedgerError> {
        let next = Document { fence: document.fence + 1, updated_at: now_ms, ..document.clone() };
        Ok(matches!(self.swap(Some(document), &next, "note").await?, Write::Done(_)))
    }
}
