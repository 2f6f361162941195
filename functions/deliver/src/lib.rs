#![doc = include_str!("../README.md")]

mod backoff;
mod batch;
mod ending;
mod merged;
mod prepare;
mod settle;
mod source;
mod tell;

use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use dougong_runtime::{BipSession, Deadline, Parts, StartError, run_id};
use dougong_values::RunId;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::batch::KnownPause;

/// A document's lease outlives the invocation's own deadline by this much, milliseconds.
const LEASE_MARGIN_MS: i64 = 5_000;

/// What all messages of an invocation share.
#[derive(Debug, Clone)]
struct Invocation {
    run: RunId,
    deadline: Deadline,
}

impl Invocation {
    fn lease_until_ms(&self) -> i64 {
        self.deadline.epoch_ms().saturating_add(LEASE_MARGIN_MS)
    }
}

/// Everything a delivery works with.
struct Deliver {
    parts: Parts,
    session: BipSession,
    /// The store system, where there is one.
    store: Option<dougong_store::Client>,
    pause: KnownPause,
}

/// Serves the function: polls the Lambda runtime until the environment ends.
pub async fn serve() -> ExitCode {
    dougong_runtime::serve("deliver", async |parts: Parts| {
        parts.compile_formulas()?;
        let session = parts.bip_session("deliver").await?;
        let store = parts.store_client()?;
        let deliver = Arc::new(Deliver { parts, session, store, pause: KnownPause::default() });
        let handler = service_fn(move |event: LambdaEvent<SqsEvent>| {
            let deliver = Arc::clone(&deliver);
            async move {
                let invocation = Invocation {
                    run: run_id(&event.context.request_id),
                    deadline: Deadline::at_epoch_ms(event.context.deadline),
                };
                Ok::<_, Error>(deliver.deliver(&event.payload, &invocation).await)
            }
        });
        lambda_runtime::run(handler).await.map_err(StartError::runtime)
    })
    .await
}
