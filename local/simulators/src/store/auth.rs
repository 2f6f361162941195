//! How the platform and we prove who we are to each other: the presets, in the platform's own hand.

use axum::http::HeaderMap;
use dougong_values::BeijingTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// Seconds that the time of a signed query may be off.
const MD5_GRACE: i64 = 600;
/// Seconds that the time of a signed header may be off.
const HMAC_GRACE: i64 = 300;

/// A way to prove who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthPreset {
    /// None at all.
    None,
    /// The secret is the last part of the path.
    #[default]
    UrlToken,
    /// The secret is the value of `X-Token`, with or without `Bearer `.
    HeaderToken,
    /// `timestamp` (text) and `sign` in the query: MD5 in capitals over secret, sorted parameters, body, secret.
    SortedMd5,
    /// `X-Timestamp` (seconds) and `X-Signature`: HMAC-SHA256 in hex over timestamp, `.`, body.
    HmacSha256,
}

/// A preset and its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The preset.
    pub preset: AuthPreset,
    /// The live secrets. All are accepted, the first signs.
    pub secrets: Vec<String>,
}

/// What a signed request carries beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Auth {
    /// A preset with one secret.
    pub fn new(preset: AuthPreset, secret: &str) -> Self {
        Self { preset, secrets: vec![secret.to_owned()] }
    }

    /// Lets a request in, or says what it lacks.
    pub(super) fn verify(
        &self,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: BeijingTime,
    ) -> Result<(), &'static str> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let any = |is: &dyn Fn(&str) -> bool, problem| {
            if self.secrets.iter().any(|secret| is(secret)) { Ok(()) } else { Err(problem) }
        };
        match self.preset {
            AuthPreset::None => Ok(()),
            AuthPreset::UrlToken => {
                let token = path.rsplit('/').next().unwrap_or_default();
                any(&|secret| secret == token, "地址无效")
            }
            AuthPreset::HeaderToken => {
                let token = header("x-token").unwrap_or_default();
                any(&|secret| secret == token.strip_prefix("Bearer ").unwrap_or(token), "令牌无效")
            }
            AuthPreset::SortedMd5 => {
                let parameters: Vec<(String, String)> =
                    form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let of = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value);
                let time = of("timestamp").and_then(|text| text.parse::<BeijingTime>().ok());
                fresh(time, now, MD5_GRACE)?;
                let sign = of("sign").ok_or("缺少签名")?;
                any(&|secret| sorted_md5(&parameters, body, secret).eq_ignore_ascii_case(sign), "签名错误")
            }
            AuthPreset::HmacSha256 => {
                let text = header("x-timestamp").ok_or("缺少时间戳")?;
                let time = text.parse().ok().and_then(BeijingTime::from_epoch_seconds);
                fresh(time, now, HMAC_GRACE)?;
                let sign = header("x-signature").ok_or("缺少签名")?;
                any(&|secret| hmac(text, body, secret).eq_ignore_ascii_case(sign), "签名错误")
            }
        }
    }

    /// Signs a request of the platform's own.
    pub(super) fn sign(&self, url: &str, body: &[u8], now: BeijingTime) -> Signed {
        let secret = self.secrets.first().map_or("", String::as_str);
        let (mut url, mut headers) = (url.to_owned(), Vec::new());
        match self.preset {
            AuthPreset::None => {}
            AuthPreset::UrlToken => {
                url.push('/');
                url.push_str(secret);
            }
            AuthPreset::HeaderToken => headers.push(("x-token", secret.to_owned())),
            AuthPreset::SortedMd5 => {
                let parameters = [("timestamp".to_owned(), now.to_string())];
                let sign = sorted_md5(&parameters, body, secret);
                let query = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(&parameters)
                    .append_pair("sign", &sign)
                    .finish();
                url.push('?');
                url.push_str(&query);
            }
            AuthPreset::HmacSha256 => {
                let time = now.epoch_seconds().to_string();
                headers.push(("x-signature", hmac(&time, body, secret)));
                headers.push(("x-timestamp", time));
            }
        }
        Signed { url, headers }
    }
}

fn fresh(time: Option<BeijingTime>, now: BeijingTime, grace: i64) -> Result<(), &'static str> {
    let age = time.map(|time| now.seconds_since(time).abs()).ok_or("时间戳错误")?;
    if age <= grace { Ok(()) } else { Err("请求已过期") }
}

fn sorted_md5(parameters: &[(String, String)], body: &[u8], secret: &str) -> String {
    let mut signed: Vec<_> =
        parameters.iter().filter(|(key, value)| key != "sign" && !value.is_empty()).collect();
    signed.sort_unstable();
    let mut digest = Md5::new().chain_update(secret);
    for (key, value) in signed {
        digest.update(key);
        digest.update(value);
    }
    hex(&digest.chain_update(body).chain_update(secret).finalize()).to_ascii_uppercase()
}

#[expect(clippy::expect_used, reason = "an HMAC takes a key of any length")]
fn hmac(time: &str, body: &[u8], secret: &str) -> String {
    let mac = <Hmac<Sha256>>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    hex(&mac.chain_update(time).chain_update(".").chain_update(body).finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
