//! Reading what BIP answers: one envelope for everything, and as many ways to leave it (§3).

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::outcome::{CallError, RefusalReason};

/// BIP's words are kept up to here, in characters.
const MOST_WORDS: usize = 500;

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The envelope's `data` as it came; `null` if there was none.
    pub(crate) data: String,
    /// BIP only repeats that the work was done before (100004, 10004).
    pub(crate) replayed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(default, borrow)]
    code: Option<&'a RawValue>,
    #[serde(default, borrow)]
    message: Option<&'a RawValue>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, borrow)]
    success: Option<&'a RawValue>,
    #[serde(default, borrow)]
    trace_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts<'a> {
    #[serde(default, borrow)]
    fail_count: Option<&'a RawValue>,
    #[serde(default, borrow)]
    messages: Option<&'a RawValue>,
}

/// Reads an answer, whatever its form. `success_code` is `200`, for tokens and gateways `00000`.
pub(crate) fn read(http_status: u16, body: &[u8], success_code: &str) -> Result<Reply, CallError> {
    let body = String::from_utf8_lossy(body);
    let Some((envelope, code)) = open(&body) else {
        return Err(without_envelope(http_status, &body));
    };
    let message = envelope.message.map(words).unwrap_or_default();
    let trace_id = envelope.trace_id.and_then(text);
    if http_status == 429 {
        return Err(CallError::Throttled { code });
    }
    if let Some(error) = from_the_gateway(&code, &message, trace_id.as_deref()) {
        return Err(error);
    }
    if http_status >= 500 {
        return Err(CallError::Unknown { reason: format!("HTTP {http_status} with {code}: {message}") });
    }
    let data = envelope.data.map_or("null", RawValue::get);
    if code == "100004" || code == "10004" {
        return Ok(Reply { data: data.to_owned(), replayed: true });
    }
    if code != success_code {
        return Err(from_the_business(code, message, trace_id));
    }
    if let Some(words) = failures(data) {
        return Err(from_the_business(code, words, trace_id));
    }
    if envelope.success.is_some_and(|success| success.get() == "false") {
        return Err(from_the_business(code, message, trace_id));
    }
    Ok(Reply { data: data.to_owned(), replayed: false })
}

/// Opens the envelope; `None` if there is none, or it has no code.
fn open(body: &str) -> Option<(Envelope<'_>, String)> {
    let envelope: Envelope<'_> = serde_json::from_str(body).ok()?;
    // Some official samples show an empty code; it says nothing.
    let code = envelope.code.and_then(text).filter(|code| !code.is_empty())?;
    Some((envelope, code))
}

/// Classifies an answer that is not BIP's envelope.
fn without_envelope(http_status: u16, body: &str) -> CallError {
    let code = format!("HTTP {http_status}");
    // Some endpoints answer a refused token as text/plain, without a code.
    if body.contains("非法token") {
        return CallError::TokenInvalid { code: "非法token".to_owned() };
    }
    match http_status {
        429 => CallError::Throttled { code },
        413 => CallError::Refused {
            code,
            message: "the request is too large".to_owned(),
            trace_id: None,
            reason: RefusalReason::Payload,
        },
        // Redirects, missing rights and missing paths come from what stands before BIP: it never ran.
        300..=399 | 401 | 403 | 404 | 405 => {
            CallError::Misconfigured { code, message: "no BIP gateway answers at this address".to_owned() }
        }
        _ => CallError::Unknown { reason: format!("HTTP {http_status} with a body that cannot be read") },
    }
}

/// Classifies the codes of the API gateway, which mean the same whatever the HTTP status (§3.2).
fn from_the_gateway(code: &str, message: &str, trace_id: Option<&str>) -> Option<CallError> {
    let (code, message) = (code.to_owned(), message.to_owned());
    Some(match code.as_str() {
        "310046" | "310039" | "310042" | "310032" => CallError::Throttled { code },
        "310036" | "310001" | "310003" => CallError::TokenInvalid { code },
        _ if message == "非法token" => CallError::TokenInvalid { code },
        "310005" | "310006" | "310037" | "310031" | "310038" | "310041" | "310047" | "310404" | "310405"
        | "10018" => CallError::Misconfigured { code, message },
        // The gateway or the idempotency layer lost sight of the backend, which may have worked on.
        "202" | "310504" | "310071" | "310007" | "315001" => {
            CallError::Unknown { reason: format!("{code}: {message}") }
        }
        // The circuit is open, or the backend took no connection: it never ran.
        "310043" | "310072" => CallError::Busy { code, message },
        "310002" | "310008" | "310009" | "310015" | "310023" | "310025" => CallError::Refused {
            code,
            message,
            trace_id: trace_id.map(str::to_owned),
            reason: RefusalReason::Payload,
        },
        _ => return None,
    })
}

/// Classifies a refusal of the business by its words: the codes (999, 1002, …) say nothing.
fn from_the_business(code: String, message: String, trace_id: Option<String>) -> CallError {
    if names_a_taken_code(&message) {
        return CallError::Refused { code, message, trace_id, reason: RefusalReason::CodeTaken };
    }
    if message.contains("超时") {
        return CallError::Unknown { reason: format!("{code}: {message}") };
    }
    let transient =
        ["正在被", "稍后", "锁", "并发", "系统繁忙", "网络上有其他人操作", "当前单据不是最新状态"];
    if transient.iter().any(|words| message.contains(words)) {
        return CallError::Busy { code, message };
    }
    CallError::Refused { code, message, trace_id, reason: RefusalReason::Business }
}

/// Matches `(编码|单据号|单号|编号).*(已存在|已经存在|重复)`.
fn names_a_taken_code(message: &str) -> bool {
    let subject = ["编码", "单据号", "单号", "编号"].iter().filter_map(|word| message.find(word)).min();
    subject.is_some_and(|at| {
        let rest = &message[at..];
        ["已存在", "已经存在", "重复"].iter().any(|word| rest.contains(word))
    })
}

/// Returns BIP's words when `data` counts failures (200 with `failCount` > 0).
fn failures(data: &str) -> Option<String> {
    let counts: Counts<'_> = serde_json::from_str(data).ok()?;
    let failed = counts.fail_count.and_then(text)?;
    if failed.parse::<u64>() == Ok(0) {
        return None;
    }
    let said = counts.messages.map(words).filter(|said| !said.is_empty());
    Some(said.unwrap_or_else(|| format!("failCount is {failed}, without a message")))
}

/// Reads a JSON string or number as text: codes and ids come as either, ids with up to 19 digits.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    match json.bytes().next()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' => Some(json.to_owned()),
        _ => None,
    }
}

/// Reads BIP's words: a string, an object with a message, or a list of either.
fn words(raw: &RawValue) -> String {
    let mut said = gather(raw);
    if let Some((end, _)) = said.char_indices().nth(MOST_WORDS) {
        said.truncate(end);
        said.push('…');
    }
    said
}

fn gather(raw: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(default, borrow)]
        code: Option<&'a RawValue>,
        #[serde(default, borrow, alias = "msg")]
        message: Option<&'a RawValue>,
    }

    let json = raw.get();
    if let Some(plain) = text(raw) {
        return plain.trim().to_owned();
    }
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(json) {
        return list.into_iter().map(gather).collect::<Vec<_>>().join("; ");
    }
    match serde_json::from_str::<Said<'_>>(json) {
        Ok(Said { code, message: Some(message) }) => {
            match code.and_then(text).filter(|code| !code.is_empty()) {
                Some(code) => format!("{code}: {}", gather(message)),
                None => gather(message),
            }
        }
        _ if json == "null" => String::new(),
        _ => json.to_owned(),
    }
}
