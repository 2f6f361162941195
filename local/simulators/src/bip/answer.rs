//! Answers in BIP's envelope, and what comes instead of it.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Done;

/// An answer, and what was done to earn it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) done: Done,
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Answer {
    /// A success in the envelope of business calls; `data` is JSON. The code comes as string or number.
    pub(super) fn success(done: Done, data: &str, numeric: bool) -> Self {
        let code = if numeric { "200" } else { "\"200\"" };
        let body = format!(r#"{{"code":{code},"message":"操作成功","data":{data},"uploadable":"0"}}"#);
        Self { done, status: 200, content_type: "application/json;charset=UTF-8", body }
    }

    /// A success in the envelope of tokens and addresses.
    pub(super) fn granted(done: Done, data: &str) -> Self {
        let body = format!(r#"{{"code":"00000","message":"成功！","data":{data}}}"#);
        Self { done, status: 200, content_type: "application/json;charset=UTF-8", body }
    }

    /// A refusal.
    pub(super) fn refusal(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            r#"{{"code":"{code}","message":{},"displayCode":"","level":0,"data":null,"traceId":"885b076633edc3db"}}"#,
            Value::from(message)
        );
        let done = Done::Refused(code.to_owned());
        Self { done, status, content_type: "application/json;charset=UTF-8", body }
    }

    /// 100004: the key has saved this document before, too long ago for the full answer.
    pub(super) fn repeated(id: &str) -> Self {
        let body = format!(r#"{{"code":"100004","message":"重复提交请求","data":{{"id":{id}}}}}"#);
        let done = Done::Repeated(id.to_owned());
        Self { done, status: 200, content_type: "application/json;charset=UTF-8", body }
    }

    /// A refused token in plain text.
    pub(super) fn plain_token_refusal() -> Self {
        let done = Done::Refused("310036".to_owned());
        Self { done, status: 200, content_type: "text/plain;charset=UTF-8", body: "非法token".to_owned() }
    }

    /// Cuts the answer off in the middle.
    pub(super) fn cut(mut self) -> Self {
        let middle = self.body.len() / 2;
        let end = (0..=middle).rev().find(|at| self.body.is_char_boundary(*at)).unwrap_or(0);
        self.body.truncate(end);
        self
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, answer.content_type)], Body::from(answer.body)).into_response()
    }
}

/// A status with a text that is no JSON.
pub(super) fn plain(status: u16, text: &'static str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "text/plain")], text).into_response()
}

/// A page for people, with HTTP 200.
pub(super) fn html() -> Response {
    ([(header::CONTENT_TYPE, "text/html;charset=UTF-8")], "<html><body>系统维护中</body></html>")
        .into_response()
}
