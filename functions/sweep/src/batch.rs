//! Bills that the store system hands out in batches (`protocols/store.md` §6): each batch is written down before its
//! rows are read on, and committed only when every row is in.

use std::collections::HashSet;

use dougong_config::FinishSales;
use dougong_ledger::OpenBatch;
use dougong_runtime::epoch_ms;
use dougong_store::{
    Batch, BillKind, CallClass, CallError, Client, Days, OutboundQuery, Row, SaleQuery, Selector,
};
use dougong_values::{BusinessDay, Version, Window};
use tracing::{error, info, warn};

use crate::download::Walk;
use crate::error::{Stop, SweepError, failed};
use crate::plan::DAY_SECONDS;

/// How often one batch is asked for more rows, and how many batches of one question are read in one run.
const MOST_CALLS: usize = 200;
/// A batch that is open for so long needs a person, milliseconds.
const TOO_LONG_MS: i64 = 6 * 3_600_000;

/// What a batch was asked for with.
#[derive(Debug, Clone)]
struct Question {
    /// A warehouse or a store.
    scope: String,
    window: Window,
    /// The stores of a warehouse's bills.
    stores: Vec<String>,
}

impl Walk<'_> {
    /// Finishes what earlier runs left open, whatever days it was about.
    pub(crate) async fn finish_open_batches(&mut self) -> Result<(), Stop> {
        let open = self.parts.ledger.open_batches(self.id).await.map_err(failed("list open batches"))?;
        for batch in open {
            if epoch_ms() - batch.opened_at > TOO_LONG_MS {
                error!(
                    scheme = %self.id, scope = batch.scope, sumbatch = batch.name, opened_at = batch.opened_at,
                    buids = batch.rows.join(","), "a batch has been open for long"
                );
            }
            let question =
                Question { scope: batch.scope.clone(), window: batch.window, stores: batch.asked.clone() };
            match self.finish(&question, batch, HashSet::new()).await {
                // Its rows are not lost to us: they are taken back by a person. The other batches are not held up.
                Err(Stop::Failed(SweepError::Store(error @ CallError::Refused { .. }))) => {
                    error!(scheme = %self.id, scope = question.scope, error = error.name(), code = error.code(), "the store system refuses to go on with a batch");
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Asks every warehouse for its transferring orders.
    pub(crate) async fn outbound(&mut self, span: Days) -> Result<(), Stop> {
        let warehouses: Vec<String> =
            self.config.tables.store_warehouse_ids().into_iter().map(str::to_owned).collect();
        let Some(window) = window(span.first, span.last) else { return Ok(()) };
        for warehouse in warehouses {
            let stores = self
                .calls
                .make(async |client| client.outbound_stores(span.first, span.last, &warehouse).await)
                .await?;
            if stores.is_empty() {
                continue;
            }
            self.batches(&Question { scope: warehouse, window, stores }).await?;
        }
        Ok(())
    }

    /// Asks every store for its sales, day by day.
    pub(crate) async fn sales(&mut self, span: Days) -> Result<(), Stop> {
        let types = &self.scheme.source.store_types;
        let stores: Vec<String> = self
            .config
            .tables
            .stores()
            .filter(|(_, store)| types.contains(&store.store_type))
            .filter_map(|(_, store)| store.id.clone())
            .collect();
        let today = dougong_values::BeijingTime::now().day();
        for day in span.each().filter(|day| *day <= today) {
            let Some(window) = window(day, day) else { continue };
            for store in &stores {
                let question = Question { scope: store.clone(), window, stores: Vec::new() };
                self.batches(&question).await?;
            }
        }
        Ok(())
    }

    /// Reads batch after batch until the store system has no more rows for a question.
    async fn batches(&mut self, question: &Question) -> Result<(), Stop> {
        for _ in 0..MOST_CALLS {
            if self.calls.out_of_time() {
                return Err(Stop::OutOfTime);
            }
            let Batch { sumbatch, rows } = self.ask(question, None).await?;
            let Some(name) = sumbatch else {
                let finish_sales = self.config.store.as_ref().map(|store| store.finish_sales);
                if !rows.is_empty() && finish_sales == Some(FinishSales::Always) {
                    error!(scheme = %self.id, scope = question.scope, "rows came without the batch they should be finished with");
                }
                // Without a batch nothing is marked: all rows came at once.
                return self.take(rows).await;
            };
            let empty = rows.is_empty();
            let batch = OpenBatch {
                scope: question.scope.clone(),
                name,
                window: question.window,
                asked: question.stores.clone(),
                rows: rows.iter().filter_map(buid).collect(),
                opened_at: epoch_ms(),
            };
            // Before anything else: the rows come again under this name alone.
            let written = self.parts.ledger.open_batch(self.id, &batch).await;
            written.map_err(failed("write down a batch"))?;
            let seen = identities(&rows);
            self.take(rows).await?;
            self.finish(question, batch, seen).await?;
            if empty {
                return Ok(());
            }
        }
        warn!(scheme = %self.id, scope = question.scope, "more batches than one run reads; the next run goes on");
        Err(Stop::OutOfTime)
    }

    /// Reads a batch to its end and commits it. `seen` is what of it is in already.
    async fn finish(
        &mut self,
        question: &Question,
        batch: OpenBatch,
        mut seen: HashSet<Version>,
    ) -> Result<(), Stop> {
        // Of a batch that another run opened nothing was seen: what it read first may come last, after an empty answer.
        let mut barren_left = if seen.is_empty() { 2 } else { 1 };
        for _ in 0..MOST_CALLS {
            let rows = match self.ask(question, Some(&batch.name)).await {
                Ok(more) => more.rows,
                Err(Stop::Failed(SweepError::Store(error))) if error.class() == CallClass::Final => {
                    // It is committed, or was taken back: what is still to be handed out comes in a new batch.
                    warn!(scheme = %self.id, sumbatch = batch.name, error = error.name(), code = error.code(), "the store system no longer knows a batch");
                    return self.close(&batch).await;
                }
                Err(stop) => return Err(stop),
            };
            let new: Vec<Row> = rows.into_iter().filter(|row| seen.insert(identity(row))).collect();
            if !new.is_empty() {
                self.take(new).await?;
                continue;
            }
            barren_left -= 1;
            if barren_left == 0 {
                return self.commit(&batch, seen.len()).await;
            }
        }
        warn!(scheme = %self.id, sumbatch = batch.name, "a batch has no end; the next run goes on with it");
        Err(Stop::OutOfTime)
    }

    /// Commits a batch whose every row is in; of sales, as the settings say (S15).
    async fn commit(&mut self, batch: &OpenBatch, rows: usize) -> Result<(), Stop> {
        let finish_sales = self.config.store.as_ref().map(|store| store.finish_sales).unwrap_or_default();
        if self.scheme.source.kind == BillKind::Sale && finish_sales == FinishSales::Never {
            return self.close(batch).await;
        }
        let finished = self.calls.make(async |client| client.finish_batch(&batch.name).await).await;
        match finished {
            Ok(()) => {}
            Err(Stop::Failed(SweepError::Store(error))) if error.class() == CallClass::Duplicate => {}
            Err(stop) => return Err(stop),
        }
        info!(scheme = %self.id, scope = batch.scope, sumbatch = batch.name, rows, "batch committed");
        self.summary.batches += 1;
        self.close(batch).await
    }

    async fn close(&self, batch: &OpenBatch) -> Result<(), Stop> {
        let closed = self.parts.ledger.close_batch(self.id, batch).await;
        Ok(closed.map_err(failed("strike out a batch"))?)
    }

    async fn ask(&mut self, question: &Question, sumbatch: Option<&str>) -> Result<Batch, Stop> {
        let sumbatch = sumbatch.map(str::to_owned);
        if self.scheme.source.kind == BillKind::Sale {
            let query = SaleQuery { store: question.scope.clone(), window: question.window, sumbatch };
            let finish_sales = self.config.store.as_ref().map(|store| store.finish_sales).unwrap_or_default();
            let opens = query.sumbatch.is_none() && finish_sales != FinishSales::Never;
            let ask = async |client: &Client| watched(question, opens, client.sales(&query).await);
            return self.calls.make(ask).await;
        }
        let query = OutboundQuery {
            start: question.window.start().day(),
            end: question.window.end().day(),
            warehouse: question.scope.clone(),
            selector: Selector::Stores(question.stores.clone()),
            sumbatch,
        };
        let opens = query.sumbatch.is_none();
        let ask = async |client: &Client| watched(question, opens, client.outbound(&query).await);
        self.calls.make(ask).await
    }
}

/// Tells a person when the answer to a question that opens a batch is lost: a platform that shows rows once only, under
/// the batch's name, holds those rows back until it releases them itself.
fn watched(question: &Question, opens: bool, answer: Result<Batch, CallError>) -> Result<Batch, CallError> {
    if let Err(error) = &answer
        && opens
        && error.answer_was_lost()
    {
        error!(
            command = error.command(),
            scope = question.scope,
            window = %question.window,
            error = error.name(),
            "a batch may have been opened whose name was lost; if its bills do not come, the platform must release them"
        );
    }
    answer
}

fn window(first: BusinessDay, last: BusinessDay) -> Option<Window> {
    Window::new(first.start(), last.start().plus_seconds(DAY_SECONDS - 1)).ok()
}

fn buid(row: &Row) -> Option<String> {
    row.as_ref().ok().and_then(|reading| reading.bill.buid.clone())
}

/// What makes a row the same row when a batch is shown again.
fn identity(row: &Row) -> Version {
    match row {
        Ok(reading) => Version::of(reading.bill.json()),
        Err(row) => row.version(),
    }
}

fn identities(rows: &[Row]) -> HashSet<Version> {
    rows.iter().map(identity).collect()
}
