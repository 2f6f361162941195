//! The bills of one scheme, asked for by the day: what a push lost comes in here.

use std::time::Instant;

use dougong_config::{BillScheme, Config};
use dougong_intake::{Intake, Taken};
use dougong_ledger::{Cursor, HistoryEntry, Lease, TakeLease};
use dougong_runtime::{Deadline, Metrics, Parts, Unit, epoch_ms};
use dougong_store::{BillKind, Client, Days, Download, DownloadQuery, Row};
use dougong_values::{BeijingTime, RunId, SchemeId, Window};
use serde::Serialize;
use tracing::{info, warn};

use crate::calls::Calls;
use crate::error::{Stop, SweepError, failed};
use crate::plan::{DAY_SECONDS, reached};

/// The lease outlives the invocation's own deadline by this much, milliseconds.
const LEASE_MARGIN_MS: i64 = 5_000;

/// What a download did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DownloadSummary {
    /// The scheme.
    pub scheme: SchemeId,
    /// Whether everything up to the end is in; if not, the next run goes on.
    pub complete: bool,
    /// Whether another run holds the lease, and nothing was done.
    pub held: bool,
    /// The cursor's watermark at the end.
    pub watermark: Option<BeijingTime>,
    /// Rows read, repeats included.
    pub rows: u64,
    /// Bills put into the queue: what no push had brought.
    pub queued: u64,
    /// Bills the ledger already held in the same version.
    pub known: u64,
    /// Bills kept and parked: unreadable, or too large for the queue.
    pub parked: u64,
    /// Batches committed.
    pub batches: u64,
    /// Calls made to the store system.
    pub calls: u64,
}

/// One download on its way.
pub(crate) struct Walk<'a> {
    pub(crate) config: &'a Config,
    pub(crate) parts: &'a Parts,
    pub(crate) id: &'a SchemeId,
    pub(crate) scheme: &'a BillScheme,
    pub(crate) calls: Calls<'a>,
    pub(crate) deadline: Deadline,
    pub(crate) summary: DownloadSummary,
    run: &'a RunId,
    lease: Lease,
}

/// Downloads the bills of a scheme: from its watermark to now, or those of a backfill's days.
pub(crate) async fn download(
    parts: &Parts,
    client: &Client,
    id: &SchemeId,
    backfill: Option<Window>,
    deadline: Deadline,
    run: &RunId,
) -> Result<DownloadSummary, SweepError> {
    let started = Instant::now();
    let config: &Config = &parts.config;
    let scheme = scheme(config, id)?;
    let mut summary = DownloadSummary::new(id);
    if backfill.is_none() && !scheme.source.download {
        info!(scheme = %id, "the scheme's bills are not downloaded");
        summary.complete = true;
        return Ok(summary);
    }
    let cursor = match backfill {
        None => Cursor::Live,
        Some(window) => Cursor::Backfill { from: window.start(), to: window.end() },
    };
    let until_ms = deadline.epoch_ms().saturating_add(LEASE_MARGIN_MS);
    let taken = parts.ledger.take_lease(id, cursor, run, until_ms, epoch_ms()).await;
    let lease = match taken.map_err(failed("take the lease of the scheme"))? {
        TakeLease::Taken(lease) => lease,
        TakeLease::HeldBy { owner, until_ms } => {
            info!(scheme = %id, %owner, until_ms, "another run holds the lease");
            summary.held = true;
            summary.complete = true;
            return Ok(summary);
        }
    };
    let days = days(scheme, lease.watermark(), backfill, BeijingTime::now());
    let calls = crate::calls(parts, client, deadline)?;
    let mut walk = Walk { config, parts, id, scheme, calls, deadline, summary, run, lease };
    let walked = walk.through(days).await;
    let Walk { lease, calls, mut summary, .. } = walk;
    summary.watermark = lease.watermark();
    summary.calls = calls.made();
    // A lease that is not given back ends by itself: failing to do so must not hide the result.
    if let Err(error) = parts.ledger.release(lease, epoch_ms()).await {
        warn!(error = error.name(), "the lease was not given back, it ends by itself");
    }
    match walked {
        Ok(()) => summary.complete = true,
        Err(Stop::OutOfTime) => {}
        Err(Stop::Failed(error)) => return Err(error),
    }
    info!(
        scheme = %id, complete = summary.complete, rows = summary.rows, queued = summary.queued,
        known = summary.known, parked = summary.parked, batches = summary.batches, calls = summary.calls,
        "bills downloaded"
    );
    emit(&summary, backfill.is_none(), started);
    Ok(summary)
}

/// Returns the scheme of store bills by that id.
pub(crate) fn scheme<'a>(config: &'a Config, id: &SchemeId) -> Result<&'a BillScheme, SweepError> {
    config.bill_schemes.get(id).ok_or_else(|| {
        let known = config.bill_schemes.keys().map(ToString::to_string).collect();
        SweepError::UnknownScheme { scheme: id.clone(), known }
    })
}

/// The days to ask for. A live download asks for tomorrow, too: whether the last day is inside is not known.
fn days(
    scheme: &BillScheme,
    watermark: Option<BeijingTime>,
    backfill: Option<Window>,
    now: BeijingTime,
) -> Days {
    let source = &scheme.source;
    let tomorrow = now.day().plus_days(1);
    if let Some(window) = backfill {
        // A day more in front, where nothing was read yet: the first bound may be exclusive, too (S2).
        let first = watermark.map_or_else(|| window.start().day().plus_days(-1), BeijingTime::day);
        return Days { first, last: window.end().day().plus_days(1).min(tomorrow) };
    }
    let first = match (watermark, source.start) {
        (Some(watermark), _) => watermark.plus_seconds(-source.overlap_seconds.max(DAY_SECONDS)).day(),
        (None, Some(start)) => start.day(),
        (None, None) => now.day().plus_days(-source.rescan_days),
    };
    Days { first, last: tomorrow }
}

impl Walk<'_> {
    /// Asks for all days, span by span, and moves the watermark behind each.
    async fn through(&mut self, days: Days) -> Result<(), Stop> {
        let kind = self.scheme.source.kind;
        if matches!(kind, BillKind::Outbound | BillKind::Sale) {
            self.finish_open_batches().await?;
        }
        let most = self.scheme.source.max_span_seconds.div_euclid(DAY_SECONDS);
        for span in days.spans(most) {
            if self.calls.out_of_time() {
                return Err(Stop::OutOfTime);
            }
            let before = self.summary.clone();
            match kind {
                BillKind::Declare => self.plainly(Download::Declared, span).await?,
                BillKind::Receipt => self.plainly(Download::Received, span).await?,
                BillKind::Return => self.plainly(Download::Returned, span).await?,
                BillKind::Outbound => self.outbound(span).await?,
                BillKind::Sale => self.sales(span).await?,
            }
            self.advance(span, &before).await?;
        }
        Ok(())
    }

    /// Downloads a span that has no batches. Rows from beyond it are taken, too (S2).
    async fn plainly(&mut self, what: Download, span: Days) -> Result<(), Stop> {
        let query = DownloadQuery::new(span.first, span.last);
        let rows = self.calls.make(async |client| client.download(what, &query).await).await?;
        self.take(rows).await
    }

    /// Takes rows in. When this returns, each is in the queue and noted, known, or parked.
    pub(crate) async fn take(&mut self, rows: Vec<Row>) -> Result<(), Stop> {
        self.summary.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let intake = Intake::new(&self.parts.ledger, &self.parts.queue);
        let time_left = self.deadline.left_after(std::time::Duration::from_secs(3));
        let Taken { queued, known, parked } = intake
            .take_bills(self.config, self.scheme.source.kind, rows, tokio::time::Instant::now() + time_left)
            .await?;
        self.summary.queued += queued;
        self.summary.known += known;
        self.summary.parked += parked;
        Ok(())
    }

    /// Moves the watermark to the span's end, never to the newest row (S2).
    async fn advance(&mut self, span: Days, before: &DownloadSummary) -> Result<(), SweepError> {
        let to = reached(span.last, BeijingTime::now());
        let Ok(window) = Window::new(span.first.start(), span.last.start().plus_seconds(DAY_SECONDS - 1))
        else {
            return Ok(());
        };
        let entry = HistoryEntry {
            window,
            pages: 1,
            rows: self.summary.rows - before.rows,
            queued: self.summary.queued - before.queued,
            skipped: self.summary.known - before.known,
            excluded: 0,
            run: self.run.clone(),
        };
        let moved = self.parts.ledger.advance(&mut self.lease, to, &entry, epoch_ms()).await;
        moved.map_err(failed("move the watermark"))
    }
}

impl DownloadSummary {
    fn new(scheme: &SchemeId) -> Self {
        Self {
            scheme: scheme.clone(),
            complete: false,
            held: false,
            watermark: None,
            rows: 0,
            queued: 0,
            known: 0,
            parked: 0,
            batches: 0,
            calls: 0,
        }
    }
}

fn emit(summary: &DownloadSummary, live: bool, started: Instant) {
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut metrics = Metrics::new("sweep", summary.scheme.as_str());
    metrics.add("rows", Unit::Count, count(summary.rows));
    metrics.add("queued", Unit::Count, count(summary.queued));
    metrics.add("known", Unit::Count, count(summary.known));
    metrics.add("parked", Unit::Count, count(summary.parked));
    metrics.add("batches", Unit::Count, count(summary.batches));
    metrics.add("store_calls", Unit::Count, count(summary.calls));
    if let (true, Some(watermark)) = (live, summary.watermark) {
        metrics.add("watermark_age", Unit::Seconds, BeijingTime::now().seconds_since(watermark));
    }
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}
