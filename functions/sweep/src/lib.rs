#![doc = include_str!("../README.md")]

mod batch;
mod calls;
mod close;
mod download;
mod error;
mod event;
mod payments;
mod plan;
mod stuck;

use std::process::ExitCode;
use std::sync::Arc;

use dougong_runtime::{Deadline, Parts, StartError, run_id};
use dougong_store::{BillKind, Client};
use dougong_values::{Account, RunId, SchemeId};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use tracing::warn;

pub use close::{CloseSummary, DissolveSummary};
pub use download::DownloadSummary;
pub use error::SweepError;
pub use event::{InvalidEvent, Request};
pub use payments::PaymentsSummary;
pub use stuck::StuckSummary;

use crate::calls::Calls;
use crate::error::Stop;

/// What a sweep did: the function's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Summary {
    /// Bills were downloaded.
    Downloaded(DownloadSummary),
    /// So many bills will be handed out again.
    TakenBack {
        /// Their number.
        taken_back: usize,
    },
    /// Stuck documents were looked for.
    Stuck(StuckSummary),
    /// Payment methods were compared.
    Payments(PaymentsSummary),
    /// Waiting orders were put together.
    Closed(CloseSummary),
    /// A part was given up.
    Dissolved(DissolveSummary),
}

/// Everything a sweep works with.
struct Sweep {
    parts: Parts,
    /// None where the configuration has no store system: our own side is swept nevertheless.
    client: Option<Client>,
}

/// Serves the function: polls the Lambda runtime until the environment ends.
pub async fn serve() -> ExitCode {
    dougong_runtime::serve("sweep", async |parts: Parts| {
        let client = parts.store_client()?;
        let sweep = Arc::new(Sweep { parts, client });
        let handler = service_fn(move |event: LambdaEvent<Value>| {
            let sweep = Arc::clone(&sweep);
            async move {
                let deadline = Deadline::at_epoch_ms(event.context.deadline);
                let run = run_id(&event.context.request_id);
                sweep.handle(event.payload, deadline, &run).await.map_err(|error| Diagnostic {
                    error_type: error.name().to_owned(),
                    error_message: dougong_runtime::with_causes(&error),
                })
            }
        });
        lambda_runtime::run(handler).await.map_err(StartError::runtime)
    })
    .await
}

impl Sweep {
    /// Does what the event asks for.
    async fn handle(&self, event: Value, deadline: Deadline, run: &RunId) -> Result<Summary, SweepError> {
        let parts = &self.parts;
        match Request::read(event)? {
            Request::Download { scheme } => {
                let client = self.client()?;
                let done = download::download(parts, client, &scheme, None, deadline, run).await?;
                Ok(Summary::Downloaded(done))
            }
            Request::Backfill { scheme, window } => {
                let client = self.client()?;
                let done = download::download(parts, client, &scheme, Some(window), deadline, run).await?;
                Ok(Summary::Downloaded(done))
            }
            Request::TakeBack { scheme, buids } => self.take_back(&scheme, &buids, deadline).await,
            Request::Stuck { older_than_minutes, days } => {
                let done = stuck::send_again(parts, older_than_minutes, days, deadline).await?;
                Ok(Summary::Stuck(done))
            }
            Request::Close { early } => Ok(Summary::Closed(close::close(parts, early, deadline, run).await?)),
            Request::Dissolve { part } => Ok(Summary::Dissolved(close::dissolve(parts, &part).await?)),
            Request::Payments => {
                let done = payments::compare(parts, calls(parts, self.client()?, deadline)?).await?;
                Ok(Summary::Payments(done))
            }
        }
    }

    fn client(&self) -> Result<&Client, SweepError> {
        self.client.as_ref().ok_or(SweepError::NoStore)
    }

    /// Has bills handed out again, on an operator's word.
    async fn take_back(
        &self,
        id: &SchemeId,
        buids: &[String],
        deadline: Deadline,
    ) -> Result<Summary, SweepError> {
        let scheme = download::scheme(&self.parts.config, id)?;
        if scheme.source.kind != BillKind::Outbound {
            return Err(SweepError::NotInBatches { scheme: id.clone() });
        }
        let mut calls = calls(&self.parts, self.client()?, deadline)?;
        match calls.make(async |client| client.take_back(buids).await).await {
            Ok(()) => {
                warn!(scheme = %id, buids = buids.join(","), "bills taken back, they will be handed out again");
                Ok(Summary::TakenBack { taken_back: buids.len() })
            }
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::OutOfTime) => Err(SweepError::OutOfTime),
        }
    }
}

/// Makes calls at the pace of the store system.
pub(crate) fn calls<'a>(
    parts: &'a Parts,
    client: &'a Client,
    deadline: Deadline,
) -> Result<Calls<'a>, SweepError> {
    let store = parts.config.store.as_ref().ok_or(SweepError::NoStore)?;
    Ok(Calls::new(client, &parts.ledger, Account::store_system(), store.calls_per_minute, deadline))
}
