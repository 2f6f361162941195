//! The Lambda Runtime API of one environment: HTTP in, [`ApiRequest`]s out. It decides nothing; the environment does.
//!
//! The paths and headers are those of the
//! [Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).

use std::net::{Ipv4Addr, SocketAddr};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::traffic::stop_signal;

/// The largest response that Lambda takes: 6 MB and a little.
pub(super) const LARGEST_RESPONSE: usize = 6_291_556;

/// What the function's process asks or tells.
#[derive(Debug)]
pub(super) enum ApiRequest {
    /// It is ready for the next event.
    Next { reply: oneshot::Sender<Event> },
    /// It answers an event.
    Response { request_id: String, body: Result<Bytes, TooLarge>, reply: oneshot::Sender<Answer> },
    /// It failed on an event.
    Error { request_id: String, report: ErrorReport, reply: oneshot::Sender<Answer> },
    /// It cannot start.
    InitError { report: ErrorReport, reply: oneshot::Sender<Answer> },
}

/// A response larger than Lambda takes.
#[derive(Debug)]
pub(super) struct TooLarge;

/// An event on its way to the function.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) request_id: String,
    pub(super) deadline_ms: u64,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
    pub(super) payload: Bytes,
}

/// What an environment says to a response or an error.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Accepted,
    /// The request id is not the one at work: it is over, or was never given out.
    UnknownRequest,
    TooLarge,
    /// This cannot be said now.
    WrongState,
}

/// An error as the function words it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ErrorReport {
    pub(super) error_type: String,
    pub(super) error_message: String,
}

/// A listening Runtime API. It stops when it is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl RuntimeApi {
    pub(super) async fn start() -> std::io::Result<(Self, mpsc::Receiver<ApiRequest>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (requests, received) = mpsc::channel(8);
        let (stop, stopped) = stop_signal();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{request_id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(requests);
        tokio::spawn(async move {
            let served = axum::serve(listener, app).with_graceful_shutdown(stopped).await;
            if let Err(error) = served {
                tracing::error!(%error, "a runtime API stopped");
            }
        });
        Ok((Self { address, _stop: stop }, received))
    }
}

type Requests = State<mpsc::Sender<ApiRequest>>;

async fn next(State(requests): Requests) -> Response {
    let (reply, event) = oneshot::channel();
    if requests.send(ApiRequest::Next { reply }).await.is_err() {
        return answer(Answer::WrongState);
    }
    let Ok(event) = event.await else {
        return answer(Answer::WrongState);
    };
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", event.request_id),
        ("Lambda-Runtime-Deadline-Ms", event.deadline_ms.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", event.function_arn),
        ("Lambda-Runtime-Trace-Id", event.trace_id),
        ("Content-Type", "application/json".to_owned()),
    ];
    (headers, event.payload).into_response()
}

async fn response(State(requests): Requests, Path(request_id): Path<String>, body: Body) -> Response {
    let body = to_bytes(body, LARGEST_RESPONSE).await.map_err(|_| TooLarge);
    tell(&requests, |reply| ApiRequest::Response { request_id, body, reply }).await
}

async fn error(
    State(requests): Requests,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let report = report(&headers, body).await;
    tell(&requests, |reply| ApiRequest::Error { request_id, report, reply }).await
}

async fn init_error(State(requests): Requests, headers: HeaderMap, body: Body) -> Response {
    let report = report(&headers, body).await;
    tell(&requests, |reply| ApiRequest::InitError { report, reply }).await
}

async fn tell(
    requests: &mpsc::Sender<ApiRequest>,
    request: impl FnOnce(oneshot::Sender<Answer>) -> ApiRequest,
) -> Response {
    let (reply, answered) = oneshot::channel();
    if requests.send(request(reply)).await.is_err() {
        return answer(Answer::WrongState);
    }
    answer(answered.await.unwrap_or(Answer::WrongState))
}

/// Reads an error report; what the body does not say, the header does.
async fn report(headers: &HeaderMap, body: Body) -> ErrorReport {
    let text = to_bytes(body, LARGEST_RESPONSE).await.unwrap_or_default();
    let mut report: ErrorReport = serde_json::from_slice(&text).unwrap_or_default();
    if report.error_type.is_empty() {
        let named = headers.get("lambda-runtime-function-error-type").and_then(|name| name.to_str().ok());
        named.unwrap_or("Unhandled").clone_into(&mut report.error_type);
    }
    report
}

fn answer(answer: Answer) -> Response {
    let (status, kind, message) = match answer {
        Answer::Accepted => return (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response(),
        Answer::UnknownRequest => (StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        Answer::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "Exceeded maximum allowed payload size (6291556 bytes).",
        ),
        Answer::WrongState => {
            (StatusCode::FORBIDDEN, "InvalidStateTransition", "State transition not allowed")
        }
    };
    (status, Json(json!({ "errorType": kind, "errorMessage": message }))).into_response()
}
