//! Documents whose message may be gone get one again.

use std::time::{Duration, Instant};

use dougong_ledger::{Attention, Document, Ledger};
use dougong_queue::Message;
use dougong_runtime::{Deadline, Metrics, Parts, Unit, epoch_ms, message_again};
use dougong_values::{BeijingTime, BusinessDay, DocumentKey, SchemeId};
use serde::Serialize;
use tracing::{error, info, warn};

use crate::error::{SweepError, failed};

/// Kept back of the invocation's time for noting what was sent and answering.
const WIND_UP: Duration = Duration::from_secs(10);
/// Documents that are read, sent and noted together: one batch of the queue.
const AT_ONCE: usize = 10;
/// What a person should have settled by then, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Business days may lie ahead: a store asks for goods for the day after tomorrow.
const DAYS_AHEAD: i64 = 7;
const DAY_SECONDS: i64 = 86_400;

/// What became of the stuck documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StuckSummary {
    /// Whether all of them were looked at; if not, the next run goes on.
    pub complete: bool,
    /// Whether calls to BIP are paused: then every message waits, and nothing is sent.
    pub paused: bool,
    /// Documents that have been parked or held for more than a day: nobody has settled them.
    pub parked_for_a_day: u64,
    /// Documents that nobody had touched for long.
    pub stuck: u64,
    /// Documents that have a message again.
    pub sent: u64,
    /// Documents whose text the ledger no longer has: a person has to look.
    pub without_text: u64,
}

/// Looks for stuck documents and sends them again.
pub(crate) struct Stuck<'a> {
    parts: &'a Parts,
    deadline: Deadline,
    quiet_since_ms: i64,
    waiting: Vec<Document>,
    summary: StuckSummary,
}

/// Sends every document again that nobody has touched for `older_than_minutes`, of the last `days` business days and
/// of any day where an outcome is unknown.
pub(crate) async fn send_again(
    parts: &Parts,
    older_than_minutes: u32,
    days: u32,
    deadline: Deadline,
) -> Result<StuckSummary, SweepError> {
    let started = Instant::now();
    let mut summary = StuckSummary { parked_for_a_day: parked_for_a_day(parts).await?, ..Default::default() };
    let account = &parts.secrets.bip.app_key;
    let paused = parts.ledger.paused(account, epoch_ms()).await.map_err(failed("read the pause"))?;
    if let Some((until_ms, reason)) = paused {
        info!(until_ms, reason, "calls to BIP are paused, stuck documents wait");
        (summary.complete, summary.paused) = (true, true);
        emit(&summary, started);
        return Ok(summary);
    }
    let quiet_since_ms = epoch_ms() - i64::from(older_than_minutes) * 60_000;
    let mut stuck = Stuck { parts, deadline, quiet_since_ms, waiting: Vec::new(), summary };
    stuck.summary.complete = stuck.look_through(days).await?;
    stuck.send().await?;
    let summary = stuck.summary;
    info!(
        complete = summary.complete,
        parked_for_a_day = summary.parked_for_a_day,
        stuck = summary.stuck,
        sent = summary.sent,
        without_text = summary.without_text,
        "stuck documents sent again"
    );
    emit(&summary, started);
    Ok(summary)
}

async fn parked_for_a_day(parts: &Parts) -> Result<u64, SweepError> {
    let (mut count, until) = (0, epoch_ms() - DAY_MS);
    for kind in [Attention::Parked, Attention::Held] {
        count +=
            parts.ledger.count_attention(kind, until).await.map_err(failed("count what needs a person"))?;
    }
    Ok(count)
}

impl Stuck<'_> {
    fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    /// Goes through both indexes; `false` if the time was up before the end.
    async fn look_through(&mut self, days: u32) -> Result<bool, SweepError> {
        let mut page = None;
        loop {
            let rows = self.ledger().attention(Attention::Unknown, None, page).await;
            let rows = rows.map_err(failed("list unknown outcomes"))?;
            let quiet_since_ms = self.quiet_since_ms;
            for row in rows.rows.iter().filter(|row| row.since <= quiet_since_ms) {
                self.look_at(&row.key).await?;
            }
            page = rows.next;
            if page.is_none() {
                break;
            }
        }
        let config = &self.parts.config;
        let mut schemes: Vec<SchemeId> =
            config.schemes.keys().chain(config.bill_schemes.keys()).cloned().collect();
        schemes.push(SchemeId::unassigned());
        for day in business_days(BeijingTime::now(), days) {
            for scheme in &schemes {
                if self.deadline.left_after(WIND_UP).is_zero() {
                    return Ok(false);
                }
                self.look_at_day(scheme, day).await?;
            }
        }
        Ok(true)
    }

    async fn look_at_day(&mut self, scheme: &SchemeId, day: BusinessDay) -> Result<(), SweepError> {
        let mut page = None;
        loop {
            let open = self.ledger().open_on_day(scheme, day, self.quiet_since_ms, page).await;
            let open = open.map_err(failed("list open documents"))?;
            for key in &open.rows {
                self.look_at(key).await?;
            }
            page = open.next;
            if page.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads a document that an index named: the index may be behind.
    async fn look_at(&mut self, key: &DocumentKey) -> Result<(), SweepError> {
        let stuck = self.ledger().stuck(key, self.quiet_since_ms, epoch_ms()).await;
        let Some(document) = stuck.map_err(failed("read a document"))? else { return Ok(()) };
        if self.waiting.iter().any(|waiting| waiting.key == document.key) {
            return Ok(());
        }
        self.summary.stuck += 1;
        self.waiting.push(document);
        if self.waiting.len() >= AT_ONCE {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends the waiting documents, and only then notes that they have a message.
    async fn send(&mut self) -> Result<(), SweepError> {
        let mut documents = Vec::new();
        let mut messages: Vec<Message> = Vec::new();
        for document in std::mem::take(&mut self.waiting) {
            if let Some(message) = message_again(&document) {
                messages.push(message);
                documents.push(document);
            } else {
                error!(document = %document.key, state = %document.state, "stuck, and its text is gone");
                self.summary.without_text += 1;
            }
        }
        let time_left = tokio::time::Instant::now() + self.deadline.left_after(Duration::from_secs(3));
        let sent = self.parts.queue.send(&messages, time_left).await?;
        for too_large in &sent.too_large {
            // It was queued once, so that it cannot have grown; were it to, the next run says so again.
            error!(document = %messages[too_large.index].key, bytes = too_large.bytes, "too large for the queue");
        }
        for &index in &sent.queued {
            let document = &documents[index];
            warn!(document = %document.key, state = %document.state, "stuck, sent again");
            let noted = self.ledger().note_sent_again(document, epoch_ms()).await;
            noted.map_err(failed("note a document"))?;
            self.summary.sent += 1;
        }
        Ok(())
    }
}

/// The business days to look through, the newest first: today, `days` in all, and those ahead.
fn business_days(now: BeijingTime, days: u32) -> impl Iterator<Item = BusinessDay> {
    let today = now.day().start();
    (1 - i64::from(days)..=DAYS_AHEAD).rev().map(move |offset| today.plus_seconds(offset * DAY_SECONDS).day())
}

fn emit(summary: &StuckSummary, started: Instant) {
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut metrics = Metrics::new("sweep", "all");
    metrics.add("parked_for_a_day", Unit::Count, count(summary.parked_for_a_day));
    metrics.add("stuck", Unit::Count, count(summary.stuck));
    metrics.add("sent_again", Unit::Count, count(summary.sent));
    metrics.add("without_text", Unit::Count, count(summary.without_text));
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_business_days_reach_from_next_week_back_to_the_first_asked_for() {
        let days: Vec<String> =
            business_days("2026-11-02 08:00:00".parse().unwrap(), 3).map(|day| day.to_string()).collect();
        assert_eq!(days.first().map(String::as_str), Some("2026-11-09"));
        assert_eq!(days.last().map(String::as_str), Some("2026-10-31"));
        assert_eq!(days.len(), 10);
    }
}
