#![doc = include_str!("../README.md")]

mod error;
mod event;
mod pages;
mod plan;
mod rows;
mod window;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use dougong_config::Scheme;
use dougong_ledger::{Cursor, HistoryEntry, Lease, LedgerError, TakeLease};
use dougong_runtime::{Deadline, Metrics, Parts, Unit, epoch_ms, run_id};
use dougong_values::{BeijingTime, RunId, SchemeId, Window};
use dougong_wdt::Client;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use tracing::{info, warn};

pub use error::PullError;
pub use event::{InvalidEvent, Request, Span};
pub use rows::Tally;

use crate::pages::{Pages, Stop, WIND_UP};
use crate::rows::Rows;
use crate::window::{read_window, within};

/// The lease outlives the invocation's own deadline by this much, milliseconds.
const LEASE_MARGIN_MS: i64 = 5_000;

/// What a pull did: the function's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The scheme.
    pub scheme: SchemeId,
    /// Whether everything up to the end is queued; if not, the next run goes on.
    pub complete: bool,
    /// Whether another run holds the lease, and nothing was done.
    pub held: bool,
    /// The cursor's watermark at the end.
    pub watermark: Option<BeijingTime>,
    /// Windows finished.
    pub windows: u64,
    /// Rows read, repeats left out.
    pub rows: u64,
    /// Orders put into the queue.
    pub queued: u64,
    /// Orders the ledger already held in the same version.
    pub known: u64,
    /// Orders that a filter leaves out.
    pub excluded: u64,
    /// Rows kept and parked.
    pub parked: u64,
    /// Calls made to WDT.
    pub calls: u64,
}

/// Everything a pull works with.
#[derive(Debug)]
pub struct Pull {
    parts: Parts,
    client: Client,
}

/// Serves the function: polls the Lambda runtime until the environment ends.
pub async fn serve() -> ExitCode {
    dougong_runtime::serve("pull", async |parts: Parts| {
        let client = parts.wdt_client()?;
        let pull = Arc::new(Pull { parts, client });
        lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<Value>| {
            let pull = Arc::clone(&pull);
            async move {
                let deadline = Deadline::at_epoch_ms(event.context.deadline);
                let run = run_id(&event.context.request_id);
                pull.handle(event.payload, deadline, run).await.map_err(|error| Diagnostic {
                    error_type: error.name().to_owned(),
                    error_message: dougong_runtime::with_causes(&error),
                })
            }
        }))
        .await
        .map_err(dougong_runtime::StartError::runtime)
    })
    .await
}

impl Pull {
    /// Pulls what the event asks for.
    pub async fn handle(&self, event: Value, deadline: Deadline, run: RunId) -> Result<Summary, PullError> {
        let started = Instant::now();
        let request = Request::read(event)?;
        let schemes = &self.parts.config.schemes;
        let Some(scheme) = schemes.get(&request.scheme) else {
            let known = schemes.keys().map(ToString::to_string).collect();
            return Err(PullError::UnknownScheme { scheme: request.scheme, known });
        };
        let result = self.pull(&request, scheme, deadline, &run).await;
        if let Ok(summary) = &result {
            info!(
                scheme = %summary.scheme, complete = summary.complete, held = summary.held,
                windows = summary.windows, rows = summary.rows, queued = summary.queued,
                known = summary.known, excluded = summary.excluded, parked = summary.parked,
                wdt_calls = summary.calls, "pulled"
            );
            emit(&request, summary, started);
        }
        result
    }

    async fn pull(
        &self,
        request: &Request,
        scheme: &Scheme,
        deadline: Deadline,
        run: &RunId,
    ) -> Result<Summary, PullError> {
        let ledger = &self.parts.ledger;
        let source = &scheme.source;
        let now = BeijingTime::now();
        let newest = now.plus_seconds(-source.lag_seconds);
        let (cursor, end) = match request.span {
            Span::Live => (Cursor::Live, newest),
            Span::Rescan => {
                let from = newest.plus_seconds(-source.rescan_days * 86_400).day().start();
                (Cursor::Backfill { from, to: newest }, newest)
            }
            Span::Backfill(window) => {
                (Cursor::Backfill { from: window.start(), to: window.end() }, window.end().min(newest))
            }
        };
        let lease_until = deadline.epoch_ms().saturating_add(LEASE_MARGIN_MS);
        let taken = ledger.take_lease(&request.scheme, cursor, run, lease_until, epoch_ms()).await;
        let mut lease = match taken.map_err(failed("take the lease of the scheme"))? {
            TakeLease::Taken(lease) => lease,
            TakeLease::HeldBy { owner, until_ms } => {
                info!(scheme = %request.scheme, %owner, until_ms, "another run holds the lease");
                return Ok(Summary::new(&request.scheme, true));
            }
        };
        let begin = match cursor {
            Cursor::Live | Cursor::Closing => {
                lease.watermark().map_or(source.start, |at| at.plus_seconds(-source.overlap_seconds))
            }
            Cursor::Backfill { from, .. } => lease.watermark().map_or(from, |at| at.plus_seconds(1)),
        };
        let walked = self.walk(request, scheme, deadline, run, &mut lease, begin, end).await;
        let watermark = lease.watermark();
        // A lease that is not given back ends by itself: failing to do so must not hide the result.
        if let Err(error) = ledger.release(lease, epoch_ms()).await {
            warn!(error = error.name(), "the lease was not given back, it ends by itself");
        }
        let mut summary = walked?;
        summary.watermark = watermark;
        Ok(summary)
    }

    /// Walks from `begin` to `end`, window by window, moving the watermark behind each.
    #[expect(
        clippy::too_many_arguments,
        reason = "one walk of one run; a struct for it would only rename them"
    )]
    async fn walk(
        &self,
        request: &Request,
        scheme: &Scheme,
        deadline: Deadline,
        run: &RunId,
        lease: &mut Lease,
        begin: BeijingTime,
        end: BeijingTime,
    ) -> Result<Summary, PullError> {
        let Parts { config, ledger, secrets, .. } = &self.parts;
        let account = secrets.wdt.app_key.clone();
        let mut pages = Pages::new(&self.client, ledger, account, config.wdt.calls_per_minute, deadline);
        let sid = self.client.account().sid();
        let mut rows = Rows::new(&self.parts, &scheme.mapping, &request.scheme, sid, deadline);
        let mut span = plan::Span::new(scheme.source.max_span_seconds);
        let mut page_size = config.wdt.page_size;
        let mut summary = Summary::new(&request.scheme, false);
        let mut total = Tally::default();
        let mut next = begin;

        summary.complete = loop {
            let Some(window) = plan::next_window(next, end, span.seconds()) else { break true };
            if deadline.left_after(WIND_UP).is_zero() {
                break false;
            }
            let filter = within(window, scheme.source.status, scheme.source.by_modified);
            match read_window(&mut pages, &mut rows, &filter, page_size).await {
                Ok(read) => {
                    let tally = rows.finish_window();
                    self.advance(lease, window, read, &tally, run).await?;
                    total.add(&tally);
                    summary.windows += 1;
                    next = window.end().plus_seconds(1);
                    span.grow();
                    page_size = config.wdt.page_size;
                }
                Err(Stop::TooMuch(_)) if span.shrink(window) => {
                    info!(%window, span_seconds = span.seconds(), "the window is cut");
                }
                Err(Stop::TooMuch(Some(source))) => match page_size.halved() {
                    Some(smaller) => page_size = smaller,
                    None => return Err(PullError::TooDense { window, source }),
                },
                Err(Stop::TooMuch(None) | Stop::OutOfTime) => break false,
                Err(Stop::Failed(error)) => return Err(error),
            }
        };
        total.add(&rows.finish_window());
        summary.calls = pages.calls();
        Ok(summary.with(&total))
    }

    async fn advance(
        &self,
        lease: &mut Lease,
        window: Window,
        pages: u64,
        tally: &Tally,
        run: &RunId,
    ) -> Result<(), PullError> {
        let entry = HistoryEntry {
            window,
            pages,
            rows: tally.rows,
            queued: tally.queued,
            skipped: tally.known,
            excluded: tally.excluded_total(),
            run: run.clone(),
        };
        let moved = self.parts.ledger.advance(lease, window.end(), &entry, epoch_ms()).await;
        moved.map_err(failed("move the watermark"))?;
        info!(%window, pages, rows = tally.rows, queued = tally.queued, known = tally.known, "window done");
        for (reason, count) in &tally.excluded {
            info!(%window, reason, count, "orders excluded");
        }
        Ok(())
    }
}

impl Summary {
    fn new(scheme: &SchemeId, held: bool) -> Self {
        Self {
            scheme: scheme.clone(),
            complete: held,
            held,
            watermark: None,
            windows: 0,
            rows: 0,
            queued: 0,
            known: 0,
            excluded: 0,
            parked: 0,
            calls: 0,
        }
    }

    fn with(mut self, total: &Tally) -> Self {
        self.rows = total.rows;
        self.queued = total.queued;
        self.known = total.known;
        self.excluded = total.excluded_total();
        self.parked = total.parked;
        self
    }
}

fn failed(operation: &'static str) -> impl Fn(LedgerError) -> PullError {
    move |source| PullError::Ledger { operation, source }
}

fn emit(request: &Request, summary: &Summary, started: Instant) {
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut metrics = Metrics::new("pull", request.scheme.as_str());
    metrics.add("rows", Unit::Count, count(summary.rows));
    metrics.add("queued", Unit::Count, count(summary.queued));
    metrics.add("known", Unit::Count, count(summary.known));
    metrics.add("excluded", Unit::Count, count(summary.excluded));
    metrics.add("parked", Unit::Count, count(summary.parked));
    metrics.add("windows", Unit::Count, count(summary.windows));
    metrics.add("wdt_calls", Unit::Count, count(summary.calls));
    if let (Span::Live, Some(watermark)) = (&request.span, summary.watermark) {
        metrics.add("watermark_age", Unit::Seconds, BeijingTime::now().seconds_since(watermark));
    }
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}
