//! A request and its answer as an HTTP API of API Gateway writes them (payload format 2.0), as far as the page reads
//! them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::Markup;
use serde::{Deserialize, Serialize};

/// The largest form that is read.
const LARGEST_FORM: usize = 256 * 1024;

/// A request as it comes. Whatever is missing is empty: an odd event is answered like an odd request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpRequest {
    raw_path: String,
    raw_query_string: String,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    request_context: Context,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Context {
    http: Http,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Http {
    method: String,
    source_ip: String,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Other,
}

/// A request, read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Fields,
    /// The form of a `POST`; empty if there is none, or it cannot be read.
    pub(crate) form: Fields,
    pub(crate) source_ip: String,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
}

/// The fields of a query or of a form, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// Returns a field's value without blanks around it; `None` if it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let own = self.0.iter().filter(|(field, _)| field == name);
        own.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }

    /// Returns every value of a field that is not empty.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.0.iter().filter(move |(field, _)| field == name);
        own.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Writes the fields as a query again, without those of one name.
    pub(crate) fn without(&self, name: &str) -> String {
        let rest = self.0.iter().filter(|(field, _)| field != name);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()
    }
}

/// Writes a path with a query.
pub(crate) fn link(path: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

impl From<HttpRequest> for Request {
    fn from(request: HttpRequest) -> Self {
        let HttpRequest { raw_path, raw_query_string, headers, cookies, request_context, body, .. } = request;
        let Http { method, source_ip } = request_context.http;
        let body = match (body, request.is_base64_encoded) {
            (Some(text), true) => STANDARD.decode(text).unwrap_or_default(),
            (Some(text), false) => text.into_bytes(),
            (None, _) => Vec::new(),
        };
        let form = if body.len() > LARGEST_FORM { Fields::default() } else { Fields::read(&body) };
        Self {
            method: match method.as_str() {
                "GET" | "HEAD" => Method::Get,
                "POST" => Method::Post,
                _ => Method::Other,
            },
            path: raw_path,
            query: Fields::read(raw_query_string.as_bytes()),
            form,
            source_ip,
            headers,
            cookies,
        }
    }
}

impl Request {
    /// Returns a header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Returns a cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))
    }

    /// Tells whether the browser speaks to its own machine: no TLS there, so cookies cannot be for TLS alone.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.header("host").unwrap_or_default();
        let name = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        matches!(name, "localhost" | "127.0.0.1" | "::1")
    }

    /// Tells whether a browser says that another site sends this.
    pub(crate) fn is_from_elsewhere(&self) -> bool {
        let site = self.header("sec-fetch-site");
        site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
    }
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    content_type: &'static str,
    body: String,
    cookies: Vec<String>,
    more: Vec<(&'static str, String)>,
    is_kept: bool,
}

impl Answer {
    /// A page.
    pub(crate) fn page(status: u16, page: Markup) -> Self {
        Self { status, content_type: "text/html; charset=utf-8", body: page.into_string(), ..Self::default() }
    }

    /// A file of this program, which a browser may keep.
    pub(crate) fn file(content_type: &'static str, body: &str) -> Self {
        Self { status: 200, content_type, body: body.to_owned(), is_kept: true, ..Self::default() }
    }

    /// A table to be saved as a file.
    pub(crate) fn csv(name: &str, body: String) -> Self {
        let answer = Self { status: 200, content_type: "text/csv; charset=utf-8", body, ..Self::default() };
        answer.with("content-disposition", format!("attachment; filename=\"{name}\""))
    }

    /// Sends the browser to another page, with `GET`.
    pub(crate) fn see(location: impl Into<String>) -> Self {
        let answer = Self { status: 303, content_type: "text/plain; charset=utf-8", ..Self::default() };
        answer.with("location", location.into())
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.more.push((name, value));
        self
    }

    /// Sets a cookie.
    pub(crate) fn setting(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }
}

/// What a page may load and do: its own style and picture, its own forms, nothing else, and no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// An answer as API Gateway takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl From<Answer> for HttpAnswer {
    fn from(answer: Answer) -> Self {
        let cache = if answer.is_kept { "public, max-age=31536000, immutable" } else { "no-store" };
        let mut headers = BTreeMap::from(
            [
                ("content-type", answer.content_type),
                ("cache-control", cache),
                ("content-security-policy", POLICY),
                ("strict-transport-security", "max-age=31536000"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
                ("x-robots-tag", "noindex, nofollow"),
            ]
            .map(|(name, value)| (name, value.to_owned())),
        );
        headers.extend(answer.more);
        Self {
            status_code: answer.status,
            headers,
            cookies: answer.cookies,
            body: answer.body,
            is_base64_encoded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(event: serde_json::Value) -> Request {
        serde_json::from_value::<HttpRequest>(event).unwrap().into()
    }

    #[test]
    fn a_form_is_read_whether_encoded_or_not() {
        let event = |body: &str, encoded: bool| {
            json!({"rawPath": "/console/replay", "body": body, "isBase64Encoded": encoded,
                   "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.7"}}})
        };
        let plain = request(event("key=stockout%23s%231&key=b&why=+%E8%8C%B6+&empty=", false));
        assert_eq!(plain.form.all("key").collect::<Vec<_>>(), ["stockout#s#1", "b"]);
        assert_eq!((plain.form.get("why"), plain.form.get("empty")), (Some("茶"), None));
        let encoded = request(event("a2V5PTE=", true));
        assert_eq!((encoded.form.get("key"), encoded.method), (Some("1"), Method::Post));
        let huge = request(event(&format!("key={}", "1".repeat(LARGEST_FORM)), false));
        assert_eq!(huge.form.get("key"), None);
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let request = request(json!({"cookies": ["xdougong=1", "dougong=2", "dougong_lang=zh"]}));
        assert_eq!((request.cookie("dougong"), request.cookie("dougong_lang")), (Some("2"), Some("zh")));
        assert_eq!(request.cookie("other"), None);
    }

    #[test]
    fn only_the_machine_itself_is_loopback() {
        let of = |host: &str| request(json!({"headers": {"host": host}})).is_loopback();
        assert!(of("127.0.0.1:8788") && of("localhost") && of("[::1]:80"));
        assert!(
            !of("localhost.example.com")
                && !of("127.0.0.1.example.com:80")
                && !of("")
                && !of("[2001:db8::1]")
        );
    }

    #[test]
    fn every_answer_forbids_scripts_frames_and_keeping() {
        let answer = HttpAnswer::from(Answer::see("/console"));
        let policy = &answer.headers["content-security-policy"];
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("script") && !policy.contains("unsafe")
        );
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["location"], "/console");
    }
}
