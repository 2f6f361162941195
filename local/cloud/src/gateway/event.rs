//! A request as the function sees it: payload format 2.0 of an HTTP API.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::route::Matched;
use crate::{ACCOUNT_ID, REGION, ids};

/// The name of the API.
const API_ID: &str = "dougonglocal";

/// Writes the event. `path` is decoded, as API Gateway's `rawPath` is in spite of its name.
pub(super) fn of(
    matched: &Matched<'_>,
    parts: &Parts,
    path: &str,
    body: &Bytes,
    peer: SocketAddr,
    request_id: &str,
) -> Value {
    let now = Timestamp::now();
    let query = parts.uri.query().unwrap_or_default();
    let (headers, cookies) = headers(&parts.headers, peer);
    let mut event = Map::new();
    event.insert("version".to_owned(), "2.0".into());
    event.insert("routeKey".to_owned(), matched.route_key.into());
    event.insert("rawPath".to_owned(), path.into());
    event.insert("rawQueryString".to_owned(), query.into());
    if !cookies.is_empty() {
        event.insert("cookies".to_owned(), cookies.into());
    }
    let user_agent = headers.get("user-agent").cloned().unwrap_or_default();
    event.insert("headers".to_owned(), json!(headers));
    let parameters = query_parameters(query);
    if !parameters.is_empty() {
        event.insert("queryStringParameters".to_owned(), json!(parameters));
    }
    event.insert(
        "requestContext".to_owned(),
        json!({
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": format!("{API_ID}.execute-api.{REGION}.amazonaws.com.cn"),
            "domainPrefix": API_ID,
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": protocol(parts.version),
                "sourceIp": peer.ip().to_string(),
                "userAgent": user_agent,
            },
            "requestId": request_id,
            "routeKey": matched.route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        }),
    );
    if !matched.parameters.is_empty() {
        event.insert("pathParameters".to_owned(), json!(matched.parameters));
    }
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
    if !body.is_empty() {
        let text = text.map_or_else(|| STANDARD.encode(body), str::to_owned);
        event.insert("body".to_owned(), text.into());
    }
    event.insert("isBase64Encoded".to_owned(), (!body.is_empty() && text.is_none()).into());
    event.into()
}

/// Decodes the percent signs of a path.
pub(super) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after
            .first_chunk::<2>()
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

/// Joins repeated headers with commas, takes the cookies out, and adds what the way to the gateway adds.
fn headers(received: &HeaderMap, peer: SocketAddr) -> (BTreeMap<String, String>, Vec<String>) {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in received {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == header::COOKIE {
            cookies.extend(value.split("; ").map(str::to_owned));
            continue;
        }
        let joined = headers.entry(name.as_str().to_owned()).or_default();
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&value);
    }
    let mut add = |name: &str, value: String| {
        headers.entry(name.to_owned()).or_insert(value);
    };
    add("content-length", "0".to_owned());
    add("x-amzn-trace-id", ids::trace_id());
    add("x-forwarded-port", "443".to_owned());
    add("x-forwarded-proto", "https".to_owned());
    let forwarded = headers.entry("x-forwarded-for".to_owned()).or_default();
    if !forwarded.is_empty() {
        forwarded.push_str(", ");
    }
    forwarded.push_str(&peer.ip().to_string());
    (headers, cookies)
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match parameters.get_mut(name.as_ref()) {
            Some(joined) => {
                joined.push(',');
                joined.push_str(&value);
            }
            None => {
                parameters.insert(name.into_owned(), value.into_owned());
            }
        }
    }
    parameters
}

/// Tells by the content type whether a body travels as text. Forms, compressed bodies and those of no type do not;
/// nor does here what calls itself text and is no UTF-8, although AWS does not say what becomes of that.
fn is_text(headers: &HeaderMap) -> bool {
    let compressed =
        headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes() != b"identity");
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let application = essence.strip_prefix("application/").unwrap_or_default();
    let is_text = essence.starts_with("text/")
        || matches!(application, "json" | "xml" | "javascript")
        || application.ends_with("+json")
        || application.ends_with("+xml");
    is_text && !compressed
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_and_a_broken_escape_stays() {
        assert_eq!(decoded("/store/a%20b%E5%BA%97"), "/store/a b店");
        assert_eq!(decoded("/store/50%"), "/store/50%");
        assert_eq!(decoded("/store/%zz%2"), "/store/%zz%2");
        assert_eq!(decoded("/store/%ff"), "/store/%ff");
    }

    #[test]
    fn text_is_told_by_its_type() {
        let of = |content_type: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            is_text(&headers)
        };
        assert!(of("application/json; charset=utf-8"));
        assert!(of("Text/Plain"));
        assert!(of("application/problem+json"));
        assert!(!of("application/x-www-form-urlencoded"));
        assert!(!of("application/octet-stream"));
        assert!(!is_text(&HeaderMap::new()));
        let mut gzip = HeaderMap::new();
        gzip.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        gzip.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(!is_text(&gzip));
    }
}
