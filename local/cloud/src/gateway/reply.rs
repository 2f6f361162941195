//! A function's answer as the caller sees it.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::message;

/// An answer that names its status. `multiValueHeaders` is format 1.0 and ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Maps an answer: one with `statusCode` says everything itself, any other JSON is the body of a 200. An answer that
/// is neither is the function's fault.
pub(super) fn of(payload: &Bytes) -> Response {
    let Ok(value) = serde_json::from_slice::<Value>(payload) else {
        return malformed();
    };
    if value.get("statusCode").is_none() {
        let headers = [(header::CONTENT_TYPE, "application/json")];
        return (headers, payload.clone()).into_response();
    }
    let reply = serde_json::from_value::<Reply>(value);
    reply.ok().and_then(respond).unwrap_or_else(malformed)
}

fn respond(reply: Reply) -> Option<Response> {
    let body = reply.body.unwrap_or_default();
    let body = if reply.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, value) in reply.headers.unwrap_or_default() {
        let text = match value {
            Value::String(text) => text,
            Value::Null => continue,
            other => other.to_string(),
        };
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(&text).ok()?);
    }
    for cookie in reply.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain;charset=UTF-8"));
    Some(response)
}

fn malformed() -> Response {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}
