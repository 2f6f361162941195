#![doc = include_str!("../README.md")]

mod door;
mod http;

use std::process::ExitCode;
use std::sync::Arc;

use dougong_runtime::{Deadline, Parts, StartError};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::door::Door;
use crate::http::{HttpAnswer, HttpRequest};

/// Serves the function: polls the Lambda runtime until the environment ends.
pub async fn serve() -> ExitCode {
    dougong_runtime::serve_caller("accept", async |parts: Parts| {
        let door = Arc::new(Door::new(parts)?);
        let handler = service_fn(move |event: LambdaEvent<HttpRequest>| {
            let door = Arc::clone(&door);
            async move {
                let deadline = Deadline::at_epoch_ms(event.context.deadline);
                Ok::<_, Error>(HttpAnswer::from(door.answer(&event.payload, deadline).await))
            }
        });
        lambda_runtime::run(handler).await.map_err(StartError::runtime)
    })
    .await
}
