//! What goes through to an emulated service: counted by operation, and disturbed when a test asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

/// Neither service takes a larger request.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;

/// One request as it arrives, before it is carried out.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation's name, such as `PutItem` or `SendMessageBatch`.
    pub operation: String,
    /// How many requests of this operation have come, this one included. Counts from 1.
    pub nth: u64,
    /// The request's JSON.
    pub body: Bytes,
}

/// A refusal in the service's own words.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error's name, such as `ProvisionedThroughputExceededException`.
    pub error: &'static str,
}

impl Refusal {
    /// Returns DynamoDB's answer to more requests than a table takes.
    pub const DYNAMODB_THROTTLED: Self = Self {
        status: 400,
        error: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    };
    /// Returns SQS's answer to more requests than it takes.
    pub const SQS_THROTTLED: Self = Self { status: 403, error: "com.amazonaws.sqs#RequestThrottled" };
    /// Returns either service's answer when it is not itself.
    pub const UNAVAILABLE: Self = Self { status: 503, error: "ServiceUnavailable" };
}

/// What becomes of a request.
pub enum Verdict {
    /// Carried out.
    Pass,
    /// Not carried out.
    Refuse(Refusal),
    /// Carried out after a while.
    Slow(Duration),
    /// Carried out, but the connection breaks before the reply.
    LoseReply,
    /// Carried out, and the reply waits until this is done: the place to kill a caller between the two.
    Then(BoxFuture<'static, ()>),
    /// Carried out but for these entries (positions from 0) of an SQS batch, which are reported as failed.
    FailEntries(BTreeSet<usize>),
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("Pass"),
            Self::Refuse(refusal) => f.debug_tuple("Refuse").field(refusal).finish(),
            Self::Slow(delay) => f.debug_tuple("Slow").field(delay).finish(),
            Self::LoseReply => f.write_str("LoseReply"),
            Self::Then(_) => f.write_str("Then"),
            Self::FailEntries(entries) => f.debug_tuple("FailEntries").field(entries).finish(),
        }
    }
}

type Rule = Arc<dyn Fn(Call) -> BoxFuture<'static, Verdict> + Send + Sync>;

/// The requests that one emulated service got. Clones share the counts.
#[derive(Clone, Default)]
pub struct Traffic {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    counts: Mutex<BTreeMap<String, u64>>,
    rule: Mutex<Option<Rule>>,
    answered: watch::Sender<u64>,
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Traffic {
    /// Returns how many requests of each operation have come, refused ones and the SDK's retries included: a user
    /// pays for each.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many requests of one operation have come.
    pub fn count(&self, operation: &str) -> u64 {
        self.counts().get(operation).copied().unwrap_or(0)
    }

    /// Begins to count from zero again.
    pub fn reset(&self) {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Asks `rule` about every request from now on. The request waits for the answer, so a rule may also wait, or
    /// kill the caller, before anything is carried out.
    pub fn disturb<R, F>(&self, rule: R)
    where
        R: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Verdict> + Send + 'static,
    {
        self.set_rule(Some(Arc::new(move |call| Box::pin(rule(call)))));
    }

    /// Lets every request pass again.
    pub fn calm(&self) {
        self.set_rule(None);
    }

    /// Returns a number that changes whenever a request has been answered.
    pub(crate) fn answered(&self) -> watch::Receiver<u64> {
        self.shared.answered.subscribe()
    }

    fn set_rule(&self, rule: Option<Rule>) {
        *self.shared.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    fn record(&self, operation: &str, body: &Bytes) -> Call {
        let mut counts = self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = counts.entry(operation.to_owned()).or_default();
        *nth += 1;
        Call { operation: operation.to_owned(), nth: *nth, body: body.clone() }
    }

    async fn verdict(&self, call: Call) -> Verdict {
        let rule = self.shared.rule.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match rule {
            Some(rule) => rule(call).await,
            None => Verdict::Pass,
        }
    }
}

/// An emulated service behind its traffic.
pub(crate) trait Service: Clone + Send + Sync + 'static {
    /// Carries one request out.
    fn answer(&self, parts: Parts, body: Bytes) -> impl Future<Output = Response> + Send;
}

/// A server that stops when it is dropped: it takes no more connections and lets the requests at work finish.
#[derive(Debug)]
pub(crate) struct Server {
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves `service` on `listener`, every request through `traffic`.
    pub(crate) fn start<S: Service>(listener: TcpListener, traffic: Traffic, service: S) -> Self {
        let (stop, stopped) = stop_signal();
        let app = Router::new().fallback(handle::<S>).with_state(Front { traffic, service });
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "an emulated service stopped");
            }
        });
        Self { _stop: stop }
    }
}

/// Returns a sender whose drop resolves the future.
pub(crate) fn stop_signal() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send + 'static) {
    let (stop, stopped) = oneshot::channel::<()>();
    (stop, async move {
        // An error means that the sender was dropped, which is the signal.
        let _ = stopped.await;
    })
}

#[derive(Clone)]
struct Front<S> {
    traffic: Traffic,
    service: S,
}

async fn handle<S: Service>(State(front): State<Front<S>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = front.traffic.record(operation(&parts.headers), &body);
    let response = match front.traffic.verdict(call).await {
        Verdict::Pass => front.service.answer(parts, body).await,
        Verdict::Refuse(refusal) => refuse(&refusal),
        Verdict::Slow(delay) => {
            tokio::time::sleep(delay).await;
            front.service.answer(parts, body).await
        }
        Verdict::LoseReply => {
            front.service.answer(parts, body).await;
            broken()
        }
        Verdict::Then(after) => {
            let response = front.service.answer(parts, body).await;
            after.await;
            response
        }
        Verdict::FailEntries(positions) => without_entries(&front.service, parts, &body, &positions).await,
    };
    front.traffic.shared.answered.send_modify(|answered| *answered += 1);
    response
}

/// Returns the operation that `X-Amz-Target: <service>.<operation>` names.
pub(crate) fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| target.rsplit('.').next()).unwrap_or("Unknown")
}

pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let body = json!({ "__type": refusal.error, "message": "refused on purpose by a test" });
    aws_json(status, &body)
}

fn aws_json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}

/// Returns a response whose body fails at once, which makes the server cut the connection.
fn broken() -> Response {
    let failure = std::io::Error::other("the connection breaks here on purpose");
    Response::new(Body::from_stream(futures_util::stream::once(async { Err::<Bytes, _>(failure) })))
}

/// Carries an SQS batch out without some entries and reports those as failed on the service's side.
async fn without_entries<S: Service>(
    service: &S,
    parts: Parts,
    body: &Bytes,
    positions: &BTreeSet<usize>,
) -> Response {
    let Ok(mut batch) = serde_json::from_slice::<Value>(body) else {
        return service.answer(parts, body.clone()).await;
    };
    let Some(entries) = batch.get_mut("Entries").and_then(Value::as_array_mut) else {
        return service.answer(parts, body.clone()).await;
    };
    let (kept, taken_out) = split(std::mem::take(entries), positions);
    let nothing_left = kept.is_empty();
    *entries = kept;

    let mut reply = json!({ "Successful": [], "Failed": [] });
    if !nothing_left {
        let mut parts = parts;
        parts.headers.remove(header::CONTENT_LENGTH);
        let response = service.answer(parts, batch.to_string().into()).await;
        let status = response.status();
        let text = to_bytes(response.into_body(), LARGEST_REQUEST).await.unwrap_or_default();
        reply = serde_json::from_slice(&text).unwrap_or(reply);
        if !status.is_success() {
            return aws_json(status, &reply);
        }
    }
    let failed = taken_out.iter().map(|entry| {
        json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false, "Message": "refused on purpose by a test" })
    });
    match reply.get_mut("Failed").and_then(Value::as_array_mut) {
        Some(list) => list.extend(failed),
        None => reply["Failed"] = failed.collect(),
    }
    aws_json(StatusCode::OK, &reply)
}

fn split(entries: Vec<Value>, positions: &BTreeSet<usize>) -> (Vec<Value>, Vec<Value>) {
    let (mut kept, mut taken_out) = (Vec::new(), Vec::new());
    for (position, entry) in entries.into_iter().enumerate() {
        if positions.contains(&position) {
            taken_out.push(entry);
        } else {
            kept.push(entry);
        }
    }
    (kept, taken_out)
}
