//! SQS inside the process: in memory, and if asked for, written down in the database too.

mod kept;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_http::response::error_to_response;
use rustack_sqs_http::router::resolve_operation;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::kept::{KeepError, Kept, Written};
use crate::traffic::{Refusal, Server, Service, Traffic, operation, refuse};
use crate::{ACCOUNT_ID, DynamoDb, REGION, StartError, TEST_ACCESS_KEY};

/// A running SQS. It stops, and forgets its messages unless they are kept, when it is dropped.
pub struct Sqs {
    endpoint: String,
    client: aws_sdk_sqs::Client,
    traffic: Traffic,
    emulator: Emulator,
    _server: Server,
}

impl std::fmt::Debug for Sqs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqs").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// How many messages a queue holds, by what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Ready to be received.
    pub visible: u64,
    /// Received and neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that is not over.
    pub delayed: u64,
}

impl QueueDepth {
    /// Returns whether the queue holds nothing at all.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Sqs {
    /// Starts on a loopback port of its own.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(None).await
    }

    /// Starts on a loopback port of its own, and keeps every message in the database until it is deleted: no message
    /// that was sent is lost when the process dies. [`Sqs::put_back`] brings back those of the last one.
    pub async fn start_kept(dynamodb: &DynamoDb) -> Result<Self, StartError> {
        let kept =
            Kept::open(dynamodb.database()).map_err(|error| StartError::Messages(error.to_string()))?;
        Self::start_with(Some(Arc::new(kept))).await
    }

    async fn start_with(kept: Option<Arc<Kept>>) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let endpoint = format!("http://{address}");
        let provider = Arc::new(RustackSqs::new(SqsConfig {
            skip_signature_validation: true,
            default_region: REGION.to_owned(),
            account_id: ACCOUNT_ID.to_owned(),
            host: address.ip().to_string(),
            port: address.port(),
        }));
        let emulator = Emulator { handler: Arc::new(RustackSqsHandler::new(provider)), kept };
        let traffic = Traffic::default();
        let server = Server::start(listener, traffic.clone(), emulator.clone());
        let client = client(&endpoint)?;
        Ok(Self { endpoint, client, traffic, emulator, _server: server })
    }

    /// Returns the address that `AWS_ENDPOINT_URL_SQS` takes.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns an SDK client of this SQS. Clones share one connection pool.
    pub fn client(&self) -> aws_sdk_sqs::Client {
        self.client.clone()
    }

    /// Returns what was asked of this SQS.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Sends the messages that an earlier process kept to the queues whose URLs `url_of` gives for their names, without
    /// counting as requests; a message of a queue without a URL stays where it is. Returns how many are back.
    pub async fn put_back(&self, url_of: impl Fn(&str) -> Option<String>) -> Result<usize, StartError> {
        let Some(kept) = &self.emulator.kept else { return Ok(0) };
        let failed = |error: KeepError| StartError::Messages(error.to_string());
        let mut back = 0;
        for Written { row, queue, body } in kept.written().map_err(failed)? {
            let Some(url) = url_of(&queue) else { continue };
            let request = json!({ "QueueUrl": url, "MessageBody": body });
            let reply = self.emulator.call("SendMessage", &request).await;
            let Some(message) = reply.and_then(|reply| text(&reply, "MessageId")) else {
                return Err(StartError::Messages(format!("the queue {queue} does not take them back")));
            };
            kept.put_back(row, message);
            back += 1;
        }
        Ok(back)
    }

    /// Returns how many messages a queue holds, without counting as a request. `None` for an unknown queue.
    pub async fn depth(&self, queue_url: &str) -> Option<QueueDepth> {
        let ask = json!({ "QueueUrl": queue_url, "AttributeNames": ["All"] });
        let reply = self.emulator.call("GetQueueAttributes", &ask).await?;
        let attributes = reply.get("Attributes")?;
        let number = |name: &str| attributes.get(name)?.as_str()?.parse().ok();
        Some(QueueDepth {
            visible: number("ApproximateNumberOfMessages")?,
            in_flight: number("ApproximateNumberOfMessagesNotVisible")?,
            delayed: number("ApproximateNumberOfMessagesDelayed")?,
        })
    }

    /// Returns the bodies of the messages that a queue could give out now, without counting as requests. They stay
    /// in the queue, but are received once more.
    pub async fn peek(&self, queue_url: &str) -> Vec<String> {
        let receive = json!({ "QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30 });
        let mut received = Vec::new();
        while let Some(reply) = self.emulator.call("ReceiveMessage", &receive).await {
            let messages = reply.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            received.extend(messages);
        }
        for message in &received {
            let handle = text(message, "ReceiptHandle");
            let put_back = json!({ "QueueUrl": queue_url, "ReceiptHandle": handle, "VisibilityTimeout": 0 });
            self.emulator.call("ChangeMessageVisibility", &put_back).await;
        }
        received.iter().filter_map(|message| text(message, "Body")).collect()
    }
}

/// Returns the text that a reply has under a name.
fn text(reply: &Value, name: &str) -> Option<String> {
    reply.get(name)?.as_str().map(str::to_owned)
}

/// Returns the ARN of the queue that a URL names.
pub(crate) fn queue_arn(queue_url: &str) -> String {
    let name = queue_url.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
}

fn cannot_listen(source: std::io::Error) -> StartError {
    StartError::Listen { service: "SQS", source }
}

fn client(endpoint: &str) -> Result<aws_sdk_sqs::Client, StartError> {
    let (id, secret) = TEST_ACCESS_KEY;
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(id, secret, None, None, "dougong-cloud"))
        .endpoint_url(endpoint)
        .http_client(dougong_aws::http_client()?)
        .build();
    Ok(aws_sdk_sqs::Client::from_conf(config))
}

/// The emulator, called without a network between.
#[derive(Clone)]
struct Emulator {
    handler: Arc<RustackSqsHandler>,
    kept: Option<Arc<Kept>>,
}

impl Emulator {
    async fn carry_out(&self, headers: &HeaderMap, body: Bytes) -> Response {
        let request_id = crate::ids::request_id();
        let response = match resolve_operation(headers) {
            Ok(operation) => self.handler.handle_operation(operation, body).await,
            Err(error) => Err(error),
        };
        response.unwrap_or_else(|error| error_to_response(&error, &request_id)).map(Body::new)
    }

    async fn call(&self, operation: &str, body: &Value) -> Option<Value> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", HeaderValue::from_str(&format!("AmazonSQS.{operation}")).ok()?);
        let response = self.carry_out(&headers, body.to_string().into()).await;
        let succeeded = response.status().is_success();
        let text = to_bytes(response.into_body(), usize::MAX).await.ok()?;
        serde_json::from_slice(&text).ok().filter(|_| succeeded)
    }

    /// Carries a request out and keeps what is written down in step with it.
    async fn carry_out_and_keep(
        &self,
        kept: &Kept,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, KeepError> {
        let operation = operation(headers);
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let sends = matches!(operation, "SendMessage" | "SendMessageBatch");
        let rows = if sends { kept.write(&request)? } else { HashMap::new() };
        let (head, body) = self.carry_out(headers, body).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
        match operation {
            _ if sends => kept.sent(rows, &reply),
            "ReceiveMessage" => kept.received(&reply),
            "DeleteMessage" | "DeleteMessageBatch" if head.status.is_success() => {
                kept.deleted(&request, &reply)?;
            }
            _ => {}
        }
        Ok(Response::from_parts(head, Body::from(body)))
    }
}

impl Service for Emulator {
    async fn answer(&self, parts: Parts, body: Bytes) -> Response {
        let Some(kept) = &self.kept else { return self.carry_out(&parts.headers, body).await };
        match self.carry_out_and_keep(kept, &parts.headers, body).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "a message is neither taken nor given up");
                refuse(&Refusal::UNAVAILABLE)
            }
        }
    }
}
