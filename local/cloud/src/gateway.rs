//! An HTTP gateway in front of a function, as an HTTP API of API Gateway is: requests become events of payload format
//! 2.0, answers become responses.
//!
//! What the function does not answer itself is said in API Gateway's words, `{"message":…}`: 404 without a route, 413
//! for a body of more than 10 MB (or an event of more than Lambda's 6 MB), 429 over [`Throttling`], 500 when the
//! function fails, crashes or takes longer than its own timeout, 503 when it is not ready after 30 seconds or when no
//! environment is free: a synchronous invocation over the function's reserved concurrency is refused, never queued.
//! On one machine a request may wait for an environment instead ([`GatewaySettings::patience`]).

mod event;
mod reply;
mod route;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::function::{FunctionHost, InvokeError};
use crate::traffic::stop_signal;
use crate::{StartError, ids};
pub use route::{InvalidRoute, Route};

/// The largest body that API Gateway takes: 10 MB.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// The header in which API Gateway names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// What a gateway lets through, and how.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// What it is called where it cannot listen.
    pub name: &'static str,
    /// Where it listens; port 0 for one of its own choosing.
    pub listen: SocketAddr,
    /// Whom the function is told a request comes from.
    pub source: Source,
    /// The routes, most specific first.
    pub routes: Vec<Route>,
    /// How many requests are let through; `None` for all.
    pub throttling: Option<Throttling>,
    /// How long a request waits for a free environment before it is answered with 503. Zero is what AWS does.
    pub patience: Duration,
    /// How long the function may take, waiting included: 30 s at AWS.
    pub timeout: Duration,
}

impl GatewaySettings {
    /// Returns the settings of AWS for these routes.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self {
            name: "the HTTP gateway",
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            source: Source::Peer,
            routes: routes.into_iter().collect(),
            throttling: None,
            patience: Duration::ZERO,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Whom the function is told a request comes from (`sourceIp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The other end of the connection, as at AWS.
    Peer,
    /// The last address of `X-Forwarded-For`, which a reverse proxy in front adds; else the other end. Only where
    /// nobody reaches the gateway but through the proxy: anybody can send the header.
    Forwarded,
}

/// The throttling settings of a stage: a bucket of `burst` requests that fills at `rate_per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttling {
    /// Requests a second in the long run; 0 lets none through.
    pub rate_per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

/// A running gateway. It ends when it is dropped: it takes no more connections and lets the requests at work finish.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    front: Arc<Front>,
    _stop: oneshot::Sender<()>,
}

impl Gateway {
    /// Starts to listen.
    pub async fn start(host: FunctionHost, settings: GatewaySettings) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { service: settings.name, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let front = Arc::new(Front {
            host,
            bucket: settings.throttling.map(Bucket::new),
            settings,
            answered: Mutex::default(),
        });
        let app = Router::new().fallback(handle).with_state(Arc::clone(&front));
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let (stop, stopped) = stop_signal();
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the HTTP gateway stopped");
            }
        });
        Ok(Self { address, front, _stop: stop })
    }

    /// Returns where it listens: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many requests have been answered with each status.
    pub fn answered(&self) -> BTreeMap<u16, u64> {
        self.front.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Front {
    host: FunctionHost,
    settings: GatewaySettings,
    bucket: Option<Bucket>,
    answered: Mutex<BTreeMap<u16, u64>>,
}

async fn handle(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = ids::request_id();
    let mut response = front.answer(peer, request, &request_id).await;
    *front
        .answered
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(response.status().as_u16())
        .or_default() += 1;
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    response
}

impl Front {
    async fn answer(&self, peer: SocketAddr, request: Request, request_id: &str) -> Response {
        let (parts, body) = request.into_parts();
        let path = event::decoded(parts.uri.path());
        let matched = self.settings.routes.iter().find_map(|route| route.matches(&parts.method, &path));
        let Some(matched) = matched else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.take(Instant::now())) {
            return message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        }
        let Some(body) = read(body).await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let caller = event::Caller::of(&parts.headers, peer.ip(), self.settings.source);
        let event = event::of(&matched, &parts, &path, &body, &caller, request_id).to_string();
        let (host, patience) = (self.host.clone(), self.settings.patience);
        // A task of its own: a function goes on when the caller hangs up or the gateway has waited long enough.
        let invoked = tokio::spawn(async move { host.invoke_within(event, patience).await });
        match tokio::time::timeout(self.settings.timeout, invoked).await {
            Ok(Ok(Ok(invocation))) => reply::of(&invocation.payload),
            Ok(Ok(Err(error))) => refuse(&error, request_id),
            Ok(Err(_)) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Err(_) => {
                tracing::warn!(function = self.host.name(), request_id, "the gateway has waited long enough");
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
        }
    }
}

/// Reads a body; `None` when it is too large. It is read to its end all the same, so that the caller hears the answer.
async fn read(body: Body) -> Option<Bytes> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut fits = true;
    while let Some(Ok(chunk)) = chunks.next().await {
        fits = fits && bytes.len() + chunk.len() <= LARGEST_BODY;
        if fits {
            bytes.extend_from_slice(&chunk);
        }
    }
    fits.then(|| bytes.into())
}

/// Says what API Gateway says when Lambda has no answer of the function.
fn refuse(error: &InvokeError, request_id: &str) -> Response {
    tracing::warn!(%error, request_id, "a request was not answered by its function");
    match error {
        InvokeError::Throttled | InvokeError::Stopped => {
            message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        InvokeError::TooLarge { .. } => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        InvokeError::Init { .. }
        | InvokeError::FunctionError { .. }
        | InvokeError::Crashed { .. }
        | InvokeError::TimedOut { .. } => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json!({ "message": text }).to_string())
        .into_response()
}

/// A token bucket, kept as the instant at which it would be full again.
#[derive(Debug)]
struct Bucket {
    /// How long one token takes; `None` when none ever comes.
    interval: Option<Duration>,
    /// How long an empty bucket takes to be full.
    depth: Duration,
    full_at: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(throttling: Throttling) -> Self {
        let interval = Duration::from_secs(1).checked_div(throttling.rate_per_second);
        let depth = interval.unwrap_or_default().saturating_mul(throttling.burst);
        Self { interval, depth, full_at: Mutex::default() }
    }

    fn take(&self, now: Instant) -> bool {
        let Some(interval) = self.interval else {
            return false;
        };
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let after = full_at.map_or(now, |full_at| full_at.max(now)) + interval;
        let taken = after.duration_since(now) <= self.depth;
        if taken {
            *full_at = Some(after);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let bucket = Bucket::new(Throttling { rate_per_second: 10, burst: 3 });
        let start = Instant::now();
        let taken = |ms| bucket.take(start + Duration::from_millis(ms));
        assert_eq!([0, 0, 0, 0].map(taken), [true, true, true, false]);
        assert_eq!([50, 100, 150].map(taken), [false, true, false]);
        assert_eq!([5_000, 5_000, 5_000, 5_000].map(taken), [true, true, true, false]);
        let shut = Bucket::new(Throttling { rate_per_second: 0, burst: 5 });
        assert!(!shut.take(start));
    }
}
