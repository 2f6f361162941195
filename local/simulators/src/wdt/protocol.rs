//! The front doors of both channels: who may come in, what may be asked, and how refusals are worded
//! (`protocols/wdt.md` §1, §2, §4).

use std::borrow::Cow;

use dougong_values::{BeijingTime, Window};
use dougong_wdt::{METHOD, SignMethod, sign};

use super::Settings;
use super::render::Dialect;
use super::world::Asked;

/// How far a request's time may be from the gateway's own.
const QIMEN_TOLERANCE_SECONDS: i64 = 10 * 60;
/// How far a request's time may be from WDT's own.
const DIRECT_TOLERANCE_SECONDS: i64 = 5 * 60;
/// The longest interval that is answered.
const LONGEST_SPAN_SECONDS: i64 = 30 * 24 * 3600;

/// A refusal in the words of whoever refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The gateway itself refuses: `flag` is `failure`.
    Gateway { code: u32, message: &'static str, sub_code: Option<Cow<'static, str>> },
    /// WDT refuses: `errorcode` over Qimen, `code` directly.
    Erp { code: String, message: String },
}

impl Refusal {
    const fn gateway(code: u32, message: &'static str) -> Self {
        Self::Gateway { code, message, sub_code: None }
    }

    pub(crate) fn erp(code: u32, message: &str) -> Self {
        Self::Erp { code: code.to_string(), message: message.to_owned() }
    }

    pub(crate) fn too_many_calls() -> Self {
        Self::erp(1012, "超过每分钟最大调用频率限制，请稍后重试")
    }

    /// Returns the code, for the log.
    pub(crate) fn code(&self) -> String {
        match self {
            Self::Gateway { code, .. } => code.to_string(),
            Self::Erp { code, .. } => code.clone(),
        }
    }

    /// Writes the body of the reply.
    pub(crate) fn body(&self, dialect: Dialect) -> String {
        match (self, dialect) {
            (Self::Gateway { code, message, sub_code }, _) => {
                let sub = sub_code.as_ref().map_or_else(String::new, |sub_code| {
                    format!(",\"sub_code\":\"{sub_code}\",\"sub_message\":\"{sub_code}\"")
                });
                format!(
                    "{{\"response\":{{\"flag\":\"failure\",\"code\":{code},\"message\":\"{message}\"{sub},\
                     \"request_id\":\"15simulated\"}}}}"
                )
            }
            (Self::Erp { code, message }, Dialect::Numbers) => {
                format!("{{\"response\":{{\"errorcode\":{},\"message\":\"{message}\"}}}}", literal(code))
            }
            (Self::Erp { code, message }, Dialect::Strings) => {
                format!("{{\"code\":{},\"message\":\"{message}\"}}", literal(code))
            }
        }
    }
}

/// Writes a code as the number it is, or as a text.
fn literal(code: &str) -> String {
    if code.parse::<i64>().is_ok() { code.to_owned() } else { format!("\"{code}\"") }
}

/// The parameters of a request, from the URL and the body alike.
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn own(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
}

/// Checks a request to the Qimen gateway the way the gateway and the system behind it do, in their order.
pub(crate) fn admit_qimen(params: &Params, settings: &Settings, now: BeijingTime) -> Result<(), Refusal> {
    let need = |name, code, message| params.get(name).ok_or(Refusal::gateway(code, message));
    if need("method", 21, "Missing Method")? != METHOD {
        return Err(Refusal::gateway(22, "Invalid Method"));
    }
    if need("app_key", 28, "Missing App Key")? != settings.qimen_app_key {
        return Err(Refusal::gateway(29, "Invalid App Key"));
    }
    let timestamp = need("timestamp", 30, "Missing Timestamp")?.parse::<BeijingTime>();
    let near = timestamp.is_ok_and(|time| time.seconds_since(now).abs() <= QIMEN_TOLERANCE_SECONDS);
    if !near {
        return Err(Refusal::gateway(31, "Invalid Timestamp"));
    }
    if need("v", 32, "Missing Version")? != "2.0" {
        return Err(Refusal::gateway(33, "Invalid Version"));
    }
    if need("format", 23, "Invalid Format")? != "json" {
        return Err(Refusal::gateway(23, "Invalid Format"));
    }
    let received = need("sign", 24, "Missing Signature")?;
    let method: SignMethod = need("sign_method", 24, "Missing Signature")?
        .parse()
        .map_err(|_| Refusal::gateway(25, "Invalid Signature"))?;
    if !sign::same(&sign::top(&params.0, &settings.qimen_secret, method), received) {
        return Err(Refusal::gateway(25, "Invalid signature"));
    }
    if params.get("target_app_key") != Some(&settings.target_app_key) {
        return Err(Refusal::Gateway {
            code: 15,
            message: "Remote service error",
            sub_code: Some(Cow::Borrowed("sign-check-failure")),
        });
    }
    sid(params, settings)
}

/// Checks a request to the direct OpenAPI.
pub(crate) fn admit_direct(params: &Params, settings: &Settings, now: BeijingTime) -> Result<(), Refusal> {
    sid(params, settings)?;
    if params.get("appkey") != Some(&settings.direct_app_key) {
        return Err(Refusal::erp(100, "invalid appkey"));
    }
    let timestamp = params.get("timestamp").and_then(|text| text.parse::<i64>().ok());
    let near = timestamp.is_some_and(|time| (time - now.epoch_seconds()).abs() <= DIRECT_TOLERANCE_SECONDS);
    if !near {
        return Err(Refusal::erp(100, "invalid timestamp"));
    }
    let received = params.get("sign").unwrap_or_default();
    if !sign::same(&sign::direct(&params.0, &settings.direct_secret), received) {
        return Err(Refusal::erp(100, "invalid sign"));
    }
    Ok(())
}

fn sid(params: &Params, settings: &Settings) -> Result<(), Refusal> {
    if params.get("sid") == Some(&settings.sid) { Ok(()) } else { Err(Refusal::erp(1, "sid not exists")) }
}

/// Reads the question, or refuses it as WDT does.
pub(crate) fn asked(params: &Params) -> Result<Asked, Refusal> {
    let number = |name: &str, default: u32, code, message: &str| {
        params.get(name).map_or(Ok(default), |text| text.parse().map_err(|_| Refusal::erp(code, message)))
    };
    let page_no = number("page_no", 0, 2220, "page_no无效")?;
    let page_size = number("page_size", 40, 2220, "page_size无效")?;
    if !(1..=100).contains(&page_size) {
        return Err(Refusal::erp(2220, "page_size无效，取值范围1-100"));
    }
    let status = params.get("status").map(|_| number("status", 0, 2830, "status无效")).transpose()?;
    let asked = Asked {
        window: window(params)?,
        status,
        is_by_modified: params.get("is_by_modified") == Some("1"),
        src_order_no: params.own("src_order_no"),
        src_tid: params.own("src_tid"),
        stockout_no: params.own("stockout_no"),
        shop_no: params.own("shop_no"),
        warehouse_no: params.own("warehouse_no"),
        page_no,
        page_size,
    };
    let by_number = asked.src_order_no.is_some() || asked.src_tid.is_some() || asked.stockout_no.is_some();
    if asked.window.is_none() && !by_number {
        return Err(Refusal::erp(2160, "start_time不能为空"));
    }
    Ok(asked)
}

fn window(params: &Params) -> Result<Option<Window>, Refusal> {
    let times = match (params.get("start_time"), params.get("end_time")) {
        (None, None) => return Ok(None),
        (start, end) => [start, end].map(|time| time.and_then(|time| time.parse::<BeijingTime>().ok())),
    };
    let [Some(start), Some(end)] = times else {
        return Err(Refusal::erp(2160, "start_time或end_time格式错误"));
    };
    let window = Window::new(start, end).map_err(|_| Refusal::erp(2160, "start_time不能大于end_time"))?;
    if window.span_seconds() > LONGEST_SPAN_SECONDS {
        return Err(Refusal::erp(2104, "start_time与end_time时间跨度不能超过最大范围 30天"));
    }
    Ok(Some(window))
}
