//! A request as the function sees it: payload format 2.0 of an HTTP API.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Source;
use super::route::Matched;
use crate::{ACCOUNT_ID, REGION, ids};

/// The name of the API.
const API_ID: &str = "dougonglocal";

/// Who sends a request, and what `X-Forwarded-For` then says.
pub(super) struct Caller {
    address: IpAddr,
    forwarded_for: String,
}

impl Caller {
    pub(super) fn of(headers: &HeaderMap, peer: IpAddr, source: Source) -> Self {
        let told: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let told = told.join(", ");
        let last = told.rsplit(',').next().and_then(|last| last.trim().parse().ok());
        match last.filter(|_| source == Source::Forwarded) {
            Some(address) => Self { address, forwarded_for: told },
            None if told.is_empty() => Self { address: peer, forwarded_for: peer.to_string() },
            None => Self { address: peer, forwarded_for: format!("{told}, {peer}") },
        }
    }
}

/// Writes the event. `path` is decoded, as API Gateway's `rawPath` is in spite of its name.
pub(super) fn of(
    matched: &Matched<'_>,
    parts: &Parts,
    path: &str,
    body: &Bytes,
    caller: &Caller,
    request_id: &str,
) -> Value {
    let now = Timestamp::now();
    let query = parts.uri.query().unwrap_or_default();
    let (headers, cookies) = headers(&parts.headers, caller);
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
                "sourceIp": caller.address.to_string(),
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
fn headers(received: &HeaderMap, caller: &Caller) -> (BTreeMap<String, String>, Vec<String>) {
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
    headers.insert("x-forwarded-for".to_owned(), caller.forwarded_for.clone());
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
    fn the_caller_is_the_peer_or_whom_a_proxy_names_last() {
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        let told = |text: Option<&'static str>, source| {
            let headers = text.map(|text| ("x-forwarded-for".parse().unwrap(), text.parse().unwrap()));
            let caller = Caller::of(&headers.into_iter().collect(), peer, source);
            (caller.address.to_string(), caller.forwarded_for)
        };
        let pair = |address: &str, header: &str| (address.to_owned(), header.to_owned());
        let chain = Some("198.51.100.9, 203.0.113.7");
        assert_eq!(told(chain, Source::Forwarded), pair("203.0.113.7", "198.51.100.9, 203.0.113.7"));
        assert_eq!(told(chain, Source::Peer), pair("127.0.0.1", "198.51.100.9, 203.0.113.7, 127.0.0.1"));
        for source in [Source::Peer, Source::Forwarded] {
            assert_eq!(told(None, source), pair("127.0.0.1", "127.0.0.1"));
            assert_eq!(told(Some("nobody"), source), pair("127.0.0.1", "nobody, 127.0.0.1"));
        }
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
