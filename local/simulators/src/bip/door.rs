//! Who is let in: paths, addresses, tokens and the limit.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::document::Kind;
use super::{DETAIL, Done, GATEWAY, LIST, LIST_RETURNS, OldTokens, SAVE, SAVE_RETURN, Settings, TOKEN};

pub(super) const GATEWAY_PATH: &str = "/open-auth/dataCenter/getGatewayAddress";
pub(super) const TOKEN_BASE: &str = "/iuap-api-auth";
pub(super) const GATEWAY_BASE: &str = "/iuap-api-gateway";

/// How far a caller's clock may be off.
const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1000;
const MINUTE: Duration = Duration::from_mins(1);

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Gateway,
    Token,
    Save,
    List,
    ListReturns,
    Detail,
    SaveReturn,
    WrongMethod,
    Unknown,
}

impl Operation {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let (operation, expected) = match path {
            GATEWAY_PATH => (Self::Gateway, Method::GET),
            "/iuap-api-auth/open-auth/selfAppAuth/base/v1/getAccessToken"
            | "/iuap-api-auth/open-auth/selfAppAuth/getAccessToken" => (Self::Token, Method::GET),
            "/iuap-api-gateway/yonbip/sd/voucherorder/singleSave" => (Self::Save, Method::POST),
            "/iuap-api-gateway/yonbip/sd/voucherorder/list" => (Self::List, Method::POST),
            "/iuap-api-gateway/yonbip/sd/voucherorder/detail" => (Self::Detail, Method::GET),
            "/iuap-api-gateway/yonbip/sd/vouchersalereturn/list" => (Self::ListReturns, Method::POST),
            "/iuap-api-gateway/yonbip/sd/vouchersalereturn/singleSave" => (Self::SaveReturn, Method::POST),
            _ => return Self::Unknown,
        };
        if *method == expected { operation } else { Self::WrongMethod }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => GATEWAY,
            Self::Token => TOKEN,
            Self::Save => SAVE,
            Self::List => LIST,
            Self::ListReturns => LIST_RETURNS,
            Self::Detail => DETAIL,
            Self::SaveReturn => SAVE_RETURN,
            Self::WrongMethod | Self::Unknown => "unknown",
        }
    }

    /// Returns what kind of document the operation saves, if it saves one.
    pub(super) const fn kind(self) -> Option<&'static Kind> {
        match self {
            Self::Save => Some(&Kind::ORDER),
            Self::SaveReturn => Some(&Kind::SALE_RETURN),
            _ => None,
        }
    }
}

/// Tokens and the limit.
#[derive(Debug)]
pub(super) struct Door {
    limit: Option<usize>,
    /// Calls of the last minute that were let in.
    let_in: VecDeque<Instant>,
    /// All calls of the last minute.
    seen: VecDeque<Instant>,
    busiest: usize,
    given: Vec<String>,
    /// Living tokens and when they expire, by the books' clock.
    living: BTreeMap<String, i64>,
}

impl Door {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            let_in: VecDeque::new(),
            seen: VecDeque::new(),
            busiest: 0,
            given: Vec::new(),
            living: BTreeMap::new(),
        }
    }

    pub(super) fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

    /// Counts a call; `false` if it is one too many.
    pub(super) fn count(&mut self, now: Instant) -> bool {
        for minute in [&mut self.seen, &mut self.let_in] {
            while minute.front().is_some_and(|first| now.duration_since(*first) >= MINUTE) {
                minute.pop_front();
            }
        }
        self.seen.push_back(now);
        self.busiest = self.busiest.max(self.seen.len());
        let room = self.limit.is_none_or(|limit| self.let_in.len() < limit);
        if room {
            self.let_in.push_back(now);
        }
        room
    }

    pub(super) const fn busiest_minute(&self) -> usize {
        self.busiest
    }

    pub(super) fn tokens(&self) -> Vec<String> {
        self.given.clone()
    }

    pub(super) fn revoke(&mut self) {
        self.living.clear();
    }

    /// Gives a token to who signs as the application.
    pub(super) fn give_token(
        &mut self,
        settings: &Settings,
        query: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Answer {
        let refuse = |code: &str, message: &str| Answer::refusal(200, code, message);
        let parameter = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        if parameter("appKey") != settings.app_key {
            return refuse("10018", "应用不存在或appKey已停用");
        }
        let sent_ms: i64 = parameter("timestamp").parse().unwrap_or_default();
        if (Timestamp::now().as_millisecond() - sent_ms).abs() > CLOCK_TOLERANCE_MS {
            return refuse("10019", "请求已过期，请检查timestamp");
        }
        let plain: String = query
            .iter()
            .filter(|(key, _)| *key != "signature")
            .flat_map(|(key, value)| [key.as_str(), value])
            .collect();
        if !signed(settings.app_secret.as_bytes(), plain.as_bytes(), parameter("signature")) {
            return refuse("10020", "签名不正确");
        }
        let token = self.issue(settings, now_ms);
        let data = json!({ "access_token": token, "expire": settings.token_life_seconds });
        Answer::granted(Done::TokenGiven, &data.to_string())
    }

    /// Makes a token.
    pub(super) fn issue(&mut self, settings: &Settings, now_ms: i64) -> String {
        if settings.old_tokens == OldTokens::Die {
            self.living.clear();
        }
        // Long, and with characters that must be encoded in a URL, once.
        let digest = Sha256::digest(format!("{}|{}|{now_ms}", settings.app_secret, self.given.len()));
        let token = format!("YT{}+/=={}", STANDARD.encode(digest), self.given.len());
        self.given.push(token.clone());
        self.living.insert(token.clone(), now_ms + settings.token_life_seconds * 1000);
        token
    }

    /// Checks the token of a business call.
    pub(super) fn verify(
        &self,
        token: Option<&str>,
        operation: Operation,
        now_ms: i64,
    ) -> Result<(), Answer> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(Answer::refusal(200, "310001", "access_token不能为空。"));
        };
        if self.living.get(token).is_some_and(|expires_ms| now_ms < *expires_ms) {
            return Ok(());
        }
        Err(match operation {
            Operation::List => Answer::plain_token_refusal(),
            _ => Answer::refusal(200, "310036", "非法token"),
        })
    }
}

/// Verifies a Base64 HMAC-SHA256.
fn signed(secret: &[u8], plain: &[u8], signature: &str) -> bool {
    let (Ok(mut mac), Ok(signature)) = (Hmac::<Sha256>::new_from_slice(secret), STANDARD.decode(signature))
    else {
        return false;
    };
    mac.update(plain);
    mac.verify_slice(&signature).is_ok()
}

pub(super) fn addresses(settings: &Settings, url: &str, query: &BTreeMap<String, String>) -> Answer {
    if query.get("tenantId") != Some(&settings.tenant_id) {
        return Answer::refusal(200, "500", "根据租户id获取网关地址出现异常");
    }
    let data =
        json!({ "gatewayUrl": format!("{url}{GATEWAY_BASE}"), "tokenUrl": format!("{url}{TOKEN_BASE}") });
    Answer::granted(Done::Shown, &data.to_string())
}

pub(super) fn throttled() -> Answer {
    Answer::refusal(429, "310046", words_of("310046"))
}

pub(super) fn unregistered() -> Answer {
    Answer::refusal(404, "310404", words_of("310404"))
}

pub(super) fn wrong_method() -> Answer {
    Answer::refusal(200, "310405", words_of("310405"))
}

/// Returns the words that go with a code.
pub(super) fn words_of(code: &str) -> &'static str {
    match code {
        "202" => "幂等接口，后端服务正在处理中",
        "310504" => "后端服务处理超时",
        "310046" | "310039" | "310042" | "310032" => "API被限流",
        "310036" => "非法token",
        "310404" => "网关上没有注册此API，请确认后重新调用",
        "310405" => "请求方式不正确",
        "310037" => "API未被授权：APPKEY[x]未获得要调用的API的授权",
        "310005" => "应用不存在",
        "310043" => "API已熔断",
        _ => "服务端逻辑异常",
    }
}
