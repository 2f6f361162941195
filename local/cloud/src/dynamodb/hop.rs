//! The hop between the traffic counter and the emulator's own server, in the least HTTP that both understand.
//!
//! A whole HTTP client costs more here than the emulator itself, and every request of a test or a demo pays it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::traffic::{Service, operation};

type Connection = BufReader<TcpStream>;

/// Forwards requests to a server on this machine that answers each with a `Content-Length`.
#[derive(Clone)]
pub(super) struct Hop {
    upstream: SocketAddr,
    /// Connections without a request on them.
    free: Arc<Mutex<Vec<Connection>>>,
    /// What the database said when it last could not carry out a request.
    trouble: watch::Sender<Option<String>>,
}

impl Hop {
    pub(super) fn new(upstream: SocketAddr, trouble: watch::Sender<Option<String>>) -> Self {
        Self { upstream, free: Arc::default(), trouble }
    }

    async fn forward(&self, parts: &Parts, body: &[u8]) -> io::Result<Response<Bytes>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match free {
            Some(connection) => connection,
            None => BufReader::new(connect(self.upstream).await?),
        };
        connection.write_all(&request(parts, body)).await?;
        let response = response(&mut connection).await?;
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(response)
    }

    /// Learns from a reply whether the database is in trouble, or out of it: reading proves nothing.
    fn note_trouble(&self, operation: &str, reply: &Response<Bytes>) {
        let now = if reply.status() == StatusCode::INTERNAL_SERVER_ERROR {
            let said: serde_json::Value = serde_json::from_slice(reply.body()).unwrap_or_default();
            let message = said["message"].as_str().or(said["Message"].as_str());
            Some(message.unwrap_or("it failed without a word").to_owned())
        } else if reply.status().is_success() && WRITES.contains(&operation) {
            None
        } else {
            return;
        };
        self.trouble.send_if_modified(|trouble| {
            let changed = *trouble != now;
            *trouble = now;
            changed
        });
    }
}

/// The operations that leave something in the file.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];

impl Service for Hop {
    async fn answer(&self, parts: Parts, body: Bytes) -> Response<Body> {
        match self.forward(&parts, &body).await {
            Ok(reply) => {
                self.note_trouble(operation(&parts.headers), &reply);
                reply.map(Body::from)
            }
            Err(problem) => {
                tracing::error!(%problem, "the emulated DynamoDB does not answer");
                StatusCode::BAD_GATEWAY.into_response()
            }
        }
    }
}

async fn connect(upstream: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect(upstream).await?;
    connection.set_nodelay(true)?;
    Ok(connection)
}

fn request(parts: &Parts, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len() + 1024);
    let mut line = |pieces: &[&[u8]]| {
        text.extend(pieces.iter().flat_map(|piece| piece.iter()));
        text.extend(b"\r\n");
    };
    line(&[parts.method.as_str().as_bytes(), b" ", parts.uri.path().as_bytes(), b" HTTP/1.1"]);
    for (name, value) in &parts.headers {
        if !matches!(*name, header::CONTENT_LENGTH | header::CONNECTION | header::TRANSFER_ENCODING) {
            line(&[name.as_str().as_bytes(), b": ", value.as_bytes()]);
        }
    }
    line(&[b"content-length: ", body.len().to_string().as_bytes()]);
    line(&[]);
    text.extend(body);
    text
}

async fn response(connection: &mut Connection) -> io::Result<Response<Bytes>> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a reply that is not HTTP");
    let status_line = head_line(connection).await?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let mut length = 0;
    loop {
        let line = head_line(connection).await?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").ok_or_else(malformed)?;
        if name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str()) {
            length = value.parse().map_err(|_| malformed())?;
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
        response.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|_| malformed())?);
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    *response.body_mut() = Bytes::from(body);
    Ok(response)
}

async fn head_line(connection: &mut Connection) -> io::Result<String> {
    let mut line = String::new();
    connection.read_line(&mut line).await?;
    line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
