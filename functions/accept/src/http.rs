//! A request and its answer as an HTTP API of API Gateway writes them (payload format 2.0), as far as `accept`
//! reads them.
//!
//! Types of our own: those of `aws_lambda_events` bring crates of their own for fields that nobody here reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dougong_store::Reply;
use serde::{Deserialize, Serialize};

/// A request. Whatever is missing is empty: an odd event is answered like an odd request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpRequest {
    pub(crate) raw_path: String,
    pub(crate) raw_query_string: String,
    /// Names in lower case; several values of one name are joined by commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) path_parameters: BTreeMap<String, String>,
    pub(crate) request_context: Context,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) http: Http,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) source_ip: String,
}

/// A body that says it is base64 and is not: API Gateway writes no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotBase64;

impl HttpRequest {
    /// Returns the body's bytes as the caller sent them.
    pub(crate) fn body(&self) -> Result<Cow<'_, [u8]>, NotBase64> {
        let body = self.body.as_deref().unwrap_or_default();
        if self.is_base64_encoded {
            STANDARD.decode(body).map(Cow::Owned).map_err(|_| NotBase64)
        } else {
            Ok(Cow::Borrowed(body.as_bytes()))
        }
    }

    /// Returns the secret that the caller's URL carries (`POST /store/{token}`).
    pub(crate) fn path_token(&self) -> Option<&str> {
        self.path_parameters.get("token").map(String::as_str).filter(|token| !token.is_empty())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<&'static str, &'static str>,
    body: String,
    is_base64_encoded: bool,
}

impl From<Reply> for HttpAnswer {
    fn from(reply: Reply) -> Self {
        Self {
            status_code: reply.status,
            headers: BTreeMap::from([("content-type", reply.content_type), ("cache-control", "no-store")]),
            body: reply.body,
            is_base64_encoded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(event: serde_json::Value) -> HttpRequest {
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn a_body_is_the_callers_bytes_whether_encoded_or_not() {
        let plain = request(json!({"body": "{\"cmd\":\"茶\"}", "isBase64Encoded": false}));
        assert_eq!(plain.body().unwrap().as_ref(), "{\"cmd\":\"茶\"}".as_bytes());
        let encoded = request(json!({"body": "sui/6g==", "isBase64Encoded": true}));
        assert_eq!(encoded.body().unwrap().as_ref(), [0xb2, 0xe8, 0xbf, 0xea]);
        assert_eq!(request(json!({"body": "%", "isBase64Encoded": true})).body(), Err(NotBase64));
        assert_eq!(request(json!({})).body().unwrap().as_ref(), b"");
    }

    #[test]
    fn what_says_nothing_is_empty_and_what_nobody_reads_is_left_alone() {
        let request = request(json!({
            "version": "2.0", "routeKey": "POST /store/{token}", "rawPath": "/store/t",
            "pathParameters": {"token": "t"}, "cookies": ["a=b"], "stageVariables": null,
            "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.7", "path": "/store/t"},
                               "authentication": null, "timeEpoch": 1},
        }));
        assert_eq!(request.path_token(), Some("t"));
        assert_eq!(request.request_context.http.source_ip, "203.0.113.7");
        assert_eq!(super::tests::request(json!({"pathParameters": {"token": ""}})).path_token(), None);
    }

    #[test]
    fn an_answer_is_what_api_gateway_expects() {
        let reply = Reply { status: 503, content_type: "text/plain", body: "{\"code\":1500}".to_owned() };
        let answer = serde_json::to_value(HttpAnswer::from(reply)).unwrap();
        assert_eq!(
            answer,
            json!({
                "statusCode": 503,
                "headers": {"content-type": "text/plain", "cache-control": "no-store"},
                "body": "{\"code\":1500}",
                "isBase64Encoded": false,
            })
        );
    }
}
