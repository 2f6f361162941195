//! What can go wrong with a question, and what to do about it (`protocols/wdt.md` §4).

use std::time::Duration;

/// What the caller does about a failure. Every call is a read: asking again is always safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// It passes: ask the same again, after this time at the earliest.
    RetryAfter(Duration),
    /// The answer is too large: ask for a smaller page, then a shorter window.
    ShrinkWindow,
    /// Nothing will work until a person has corrected the settings or the authorisation.
    Misconfigured,
    /// This question is refused; another may be answered.
    Refused,
}

/// The pause after a broken connection or a timeout.
const AFTER_BREAK: Duration = Duration::from_secs(2);
/// The pause after a server error, or a reply that says nothing.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// The pause after a passing failure that WDT or the gateway reports.
const AFTER_TRANSIENT: Duration = Duration::from_secs(30);
/// The pause after too many calls a minute: WDT's minute rolls, half of it and a second have proved enough.
const AFTER_LIMIT: Duration = Duration::from_secs(31);
/// The pause after a limit without a known length, and the longest pause of all.
const AFTER_LONG_LIMIT: Duration = Duration::from_mins(5);

/// One question that was not answered with a page.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The connection broke or timed out. The URL, which holds the signature, is not part of the source.
    #[error("asking WDT for stockouts: the connection failed")]
    Connection(#[source] reqwest::Error),
    /// A status that says more than the body does.
    #[error("asking WDT for stockouts: answered with HTTP {status}")]
    Http {
        /// The status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// A body that is no reply of this interface.
    #[error("asking WDT for stockouts: the reply cannot be read: {problem}")]
    Unreadable {
        /// What is wrong with it, without its text.
        problem: String,
    },
    /// A body larger than a page can be.
    #[error("asking WDT for stockouts: the reply is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The gateway or WDT said no.
    #[error("asking WDT for stockouts: {0}")]
    Answered(Box<Failure>),
}

impl QueryError {
    pub(crate) const fn unreadable(problem: String) -> Self {
        Self::Unreadable { problem }
    }

    /// Returns what to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Connection(_) => ErrorClass::RetryAfter(AFTER_BREAK),
            Self::Http { status: 500.. | 408 | 425 | 429, retry_after } => {
                let asked = retry_after.unwrap_or(AFTER_FAULT);
                ErrorClass::RetryAfter(asked.clamp(AFTER_FAULT, AFTER_LONG_LIMIT))
            }
            // A redirection or a page that is not there: the URL is wrong.
            Self::Http { .. } => ErrorClass::Misconfigured,
            Self::Unreadable { .. } => ErrorClass::RetryAfter(AFTER_FAULT),
            Self::TooLarge { .. } => ErrorClass::ShrinkWindow,
            Self::Answered(failure) => failure.class,
        }
    }

    /// Returns the code that decided the class, as the vendor wrote it; `None` when there was none.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Answered(failure) => failure.sub_code.as_deref().or(failure.code.as_deref()),
            _ => None,
        }
    }

    /// Returns the stable name of the error, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match (self, self.class()) {
            (Self::Connection(error), _) if error.is_timeout() => "wdt_timeout",
            (Self::Connection(_), _) => "wdt_connection_failed",
            (Self::Http { .. }, ErrorClass::RetryAfter(_)) => "wdt_server_error",
            (Self::Http { .. }, _) => "wdt_wrong_url",
            (Self::Unreadable { .. }, _) => "wdt_unreadable_reply",
            (Self::TooLarge { .. }, _) | (_, ErrorClass::ShrinkWindow) => "wdt_window_too_large",
            (_, ErrorClass::RetryAfter(_)) => "wdt_busy",
            (_, ErrorClass::Misconfigured) => "wdt_misconfigured",
            (_, ErrorClass::Refused) => "wdt_refused",
        }
    }

    /// Tells whether the reply took too long: a smaller page, then a shorter window may help.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_timeout())
    }
}

/// Who speaks in a failure: their codes overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The Taobao gateway.
    Gateway,
    /// WDT itself.
    Erp,
}

/// A failure that was answered, in the vendor's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: Option<String>,
    sub_code: Option<String>,
    words: String,
    request_id: Option<String>,
    class: ErrorClass,
}

impl Failure {
    /// Classifies by sub code, then code, then words.
    pub(crate) fn new(
        origin: Origin,
        code: Option<String>,
        sub_code: Option<String>,
        words: [Option<String>; 2],
        request_id: Option<String>,
    ) -> Self {
        let words: Vec<String> = words.into_iter().flatten().collect();
        let words: String = words.join(": ").chars().take(300).collect();
        let class = classify(origin, code.as_deref(), sub_code.as_deref(), &words);
        Self { code, sub_code, words, request_id, class }
    }

    /// Returns the vendor's words.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Returns the gateway's id of the request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "answered with code {}", self.code.as_deref().unwrap_or("(none)"))?;
        if let Some(sub_code) = &self.sub_code {
            write!(f, " / {sub_code}")?;
        }
        if !self.words.is_empty() {
            write!(f, ": {}", self.words)?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " (request {request_id})")?;
        }
        Ok(())
    }
}

fn classify(origin: Origin, code: Option<&str>, sub_code: Option<&str>, words: &str) -> ErrorClass {
    if let Some(class) = sub_code.and_then(|sub_code| by_name(sub_code, code, words)) {
        return class;
    }
    let Some(code) = code else {
        return by_words(words).unwrap_or(ErrorClass::Refused);
    };
    match (origin, code.parse::<i64>()) {
        // Below a hundred the platform speaks, above it the system behind it.
        (Origin::Gateway, Ok(number)) if number < 100 => by_gateway_code(number, words),
        (_, Ok(number)) => by_erp_code(number, words),
        (_, Err(_)) => by_name(code, None, words).unwrap_or(ErrorClass::Refused),
    }
}

/// Classifies a sub code: a name of TOP's, or a number of WDT's that the gateway passes on.
fn by_name(name: &str, code: Option<&str>, words: &str) -> Option<ErrorClass> {
    if let Ok(number) = name.parse::<i64>() {
        return Some(by_erp_code(number, words));
    }
    let has = |part: &str| name.contains(part);
    if has("runtime-max-limit") {
        Some(ErrorClass::ShrinkWindow)
    } else if has("limited-by") {
        Some(ErrorClass::RetryAfter(ban(words).unwrap_or(AFTER_LIMIT)))
    } else if name.starts_with("isp.") || name.starts_with("ism.") {
        Some(ErrorClass::RetryAfter(AFTER_TRANSIENT))
    } else if ["sign", "permission", "session", "app-key", "appkey", "target"].into_iter().any(has) {
        Some(ErrorClass::Misconfigured)
    } else if name.starts_with("isv.") && code.is_none_or(|code| code == "15") {
        Some(ErrorClass::Refused)
    } else {
        None
    }
}

fn by_gateway_code(code: i64, words: &str) -> ErrorClass {
    match code {
        4..=8 => ErrorClass::RetryAfter(ban(words).unwrap_or(AFTER_LIMIT)),
        10 => ErrorClass::RetryAfter(AFTER_TRANSIENT),
        15 => by_words(words).unwrap_or(ErrorClass::RetryAfter(AFTER_TRANSIENT)),
        9 | 11..=13 | 21..=34 => ErrorClass::Misconfigured,
        _ => by_words(words).unwrap_or(ErrorClass::Refused),
    }
}

fn by_erp_code(code: i64, words: &str) -> ErrorClass {
    match code {
        1012 => ErrorClass::RetryAfter(AFTER_LIMIT),
        501 | 1013 | 1020 | 1030 | 1040 | 1200 | 1610 => ErrorClass::RetryAfter(AFTER_TRANSIENT),
        2104 | 2180 => ErrorClass::ShrinkWindow,
        1007 | 1060 | 2030 | 2060 | 2090 | 2100 => ErrorClass::Misconfigured,
        2160 | 2220 | 2310 | 2830 | 2900 => ErrorClass::Refused,
        // One code for everything about the account, rate limits included: only the words tell them apart.
        1 | 100 => by_words(words).unwrap_or(ErrorClass::Misconfigured),
        _ => by_words(words).unwrap_or(ErrorClass::Refused),
    }
}

/// Classifies by the words that WDT's products use, for codes that say nothing by themselves.
fn by_words(words: &str) -> Option<ErrorClass> {
    let lower = words.to_lowercase();
    let has = |part: &&str| lower.contains(*part);
    if ["频率", "并发"].iter().any(has) {
        Some(ErrorClass::RetryAfter(AFTER_LONG_LIMIT))
    } else if ["稍后", "系统异常", "超时", "timeout"].iter().any(has) {
        Some(ErrorClass::RetryAfter(AFTER_TRANSIENT))
    } else if ["跨度", "最大范围"].iter().any(has) {
        Some(ErrorClass::ShrinkWindow)
    } else if [
        "动态口令",
        "ip限制",
        "时间戳",
        "签名",
        "停用",
        "欠费",
        "余额",
        "权限",
        "sid",
        "sign",
        "appkey",
    ]
    .iter()
    .any(has)
    {
        Some(ErrorClass::Misconfigured)
    } else {
        None
    }
}

/// Reads how long a ban lasts: `This ban will last for 12 more seconds`.
fn ban(words: &str) -> Option<Duration> {
    let (before, _) = words.split_once("more seconds").or_else(|| words.split_once('秒'))?;
    let seconds: u64 = before.split_whitespace().next_back()?.parse().ok()?;
    Some(Duration::from_secs(seconds + 1).min(AFTER_LONG_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(origin: Origin, code: &str, sub_code: Option<&str>, words: &str) -> ErrorClass {
        classify(origin, Some(code), sub_code, words)
    }

    #[test]
    fn every_gateway_code_has_its_class() {
        for code in
            ["9", "11", "12", "13", "21", "22", "23", "24", "25", "26", "28", "29", "30", "31", "32", "34"]
        {
            assert_eq!(class(Origin::Gateway, code, None, ""), ErrorClass::Misconfigured, "code {code}");
        }
        for code in ["4", "5", "6", "7", "8"] {
            assert_eq!(
                class(Origin::Gateway, code, None, ""),
                ErrorClass::RetryAfter(AFTER_LIMIT),
                "code {code}"
            );
        }
        assert_eq!(class(Origin::Gateway, "10", None, ""), ErrorClass::RetryAfter(AFTER_TRANSIENT));
        for code in ["40", "41", "42", "43"] {
            assert_eq!(class(Origin::Gateway, code, None, ""), ErrorClass::Refused, "code {code}");
        }
    }

    #[test]
    fn every_code_of_wdt_has_its_class() {
        for code in ["1013", "1020", "1030", "1040", "1200", "1610", "501"] {
            assert_eq!(class(Origin::Erp, code, None, ""), ErrorClass::RetryAfter(AFTER_TRANSIENT), "{code}");
        }
        for code in ["2104", "2180"] {
            assert_eq!(class(Origin::Erp, code, None, ""), ErrorClass::ShrinkWindow, "{code}");
        }
        for code in ["1", "100", "1007", "1060", "2030", "2060", "2090", "2100"] {
            assert_eq!(class(Origin::Erp, code, None, "验证失败"), ErrorClass::Misconfigured, "{code}");
        }
        for code in ["2160", "2220", "2310", "2830", "2900", "77777"] {
            assert_eq!(class(Origin::Erp, code, None, ""), ErrorClass::Refused, "{code}");
        }
    }

    #[test]
    fn a_code_that_means_everything_is_told_apart_by_its_words() {
        let long = ErrorClass::RetryAfter(AFTER_LONG_LIMIT);
        assert_eq!(class(Origin::Erp, "100", None, "超过每分钟最大调用频率限制，请稍后重试"), long);
        assert_eq!(class(Origin::Erp, "100", None, "超过每分钟最大并发次数限制"), long);
        assert_eq!(class(Origin::Erp, "100", None, "系统异常"), ErrorClass::RetryAfter(AFTER_TRANSIENT));
        assert_eq!(class(Origin::Erp, "100", None, "ip限制"), ErrorClass::Misconfigured);
        assert_eq!(class(Origin::Erp, "9999", None, "时间跨度过大"), ErrorClass::ShrinkWindow);
    }

    #[test]
    fn a_ban_lasts_as_long_as_the_gateway_says_but_never_for_ever() {
        let words = "This ban will last for 12 more seconds";
        let limited =
            |words| class(Origin::Gateway, "7", Some("accesscontrol.limited-by-app-access-count"), words);
        assert_eq!(limited(words), ErrorClass::RetryAfter(Duration::from_secs(13)));
        assert_eq!(limited("last for 86400 more seconds"), ErrorClass::RetryAfter(AFTER_LONG_LIMIT));
    }

    #[test]
    fn a_sub_code_decides_before_the_code() {
        let named = |sub_code| class(Origin::Gateway, "15", Some(sub_code), "");
        assert_eq!(named("isp.remote-connection-error-tmall"), ErrorClass::RetryAfter(AFTER_TRANSIENT));
        assert_eq!(named("ism.json-decode-error"), ErrorClass::RetryAfter(AFTER_TRANSIENT));
        assert_eq!(named("isv.invalid-parameter"), ErrorClass::Refused);
        assert_eq!(named("2104"), ErrorClass::ShrinkWindow);
        assert_eq!(named("sign-check-failure"), ErrorClass::Misconfigured);
        assert_eq!(class(Origin::Gateway, "sign-check-failure", None, ""), ErrorClass::Misconfigured);
        assert_eq!(class(Origin::Gateway, "25", Some("isv.unheard-of"), ""), ErrorClass::Misconfigured);
    }
}
