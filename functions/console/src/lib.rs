#![doc = include_str!("../README.md")]

mod csv;
mod door;
mod http;
mod lang;
mod page;
mod pages;
mod router;

use std::process::ExitCode;
use std::sync::Arc;

use dougong_runtime::{Parts, StartError};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::http::{HttpAnswer, HttpRequest, Request};
use crate::router::Router;

/// Serves the function: polls the Lambda runtime until the environment ends.
pub async fn serve() -> ExitCode {
    dougong_runtime::serve_caller("console", async |parts: Parts| {
        let router = Arc::new(Router::new(parts)?);
        let handler = service_fn(move |event: LambdaEvent<HttpRequest>| {
            let router = Arc::clone(&router);
            async move {
                let answer = router.answer(&Request::from(event.payload)).await;
                Ok::<_, Error>(HttpAnswer::from(answer))
            }
        });
        lambda_runtime::run(handler).await.map_err(StartError::runtime)
    })
    .await
}
