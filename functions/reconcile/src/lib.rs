#![doc = include_str!("../README.md")]

mod event;
mod work;

use std::process::ExitCode;
use std::sync::Arc;

use dougong_operate::Operator;
use dougong_runtime::{Deadline, Parts, Reached, StartError};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

pub use event::{InvalidEvent, Request};
pub use work::{Compared, ReconcileError, Summary};

/// Under which name results are kept.
const NAME: &str = "reconcile";

/// Serves the function: polls the Lambda runtime until the environment ends.
pub async fn serve() -> ExitCode {
    dougong_runtime::serve(NAME, async |parts: Parts| {
        parts.compile_formulas()?;
        let Parts { config, secrets, ledger, queue } = parts;
        let reached = Reached { config, secrets: Ok(secrets), ledger, queue };
        let operator = Arc::new(Operator::new(reached, NAME));
        let handler = service_fn(move |event: LambdaEvent<Value>| {
            let operator = Arc::clone(&operator);
            async move {
                let deadline = Deadline::at_epoch_ms(event.context.deadline);
                work::reconcile(&operator, event.payload, deadline).await.map_err(|error| Diagnostic {
                    error_type: error.name().to_owned(),
                    error_message: dougong_runtime::with_causes(&error),
                })
            }
        });
        lambda_runtime::run(handler).await.map_err(StartError::runtime)
    })
    .await
}
