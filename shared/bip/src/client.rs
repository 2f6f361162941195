//! One HTTP attempt per call; who may call, and when, is the [`Session`](crate::Session)'s business.

use std::fmt;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::{Call, Content};
use crate::outcome::{CallError, with_causes};
use crate::reply::{self, Reply, text};
use crate::sign::signature;
use crate::token::{Seal, Token};

/// Where tenants are told their data centre (§1.1).
pub const META_URL: &str = "https://apigateway.yonyoucloud.com/open-auth/dataCenter/getGatewayAddress";

/// An answer longer than this, in bytes, is not read to its end.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The addresses of a tenant's data centre (§1.1). Both contain their path prefix already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Where tokens come from, such as `https://c4.yonyoucloud.com/iuap-api-auth`.
    pub token_url: String,
    /// Where everything else is, such as `https://c4.yonyoucloud.com/iuap-api-gateway`.
    pub gateway_url: String,
}

/// The application's key and secret at the open platform (开放平台).
#[derive(Clone)]
pub struct Credential {
    pub(crate) app_key: String,
    pub(crate) app_secret: SecretString,
}

impl Credential {
    /// Puts key and secret together.
    pub fn new(app_key: impl Into<String>, app_secret: SecretString) -> Self {
        Self { app_key: app_key.into(), app_secret }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Without a byte.
    pub read: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 5 s to connect and 40 s in all: BIP's own chain budget is 30 s (§4).
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(35),
            total: Duration::from_secs(40),
        }
    }
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS or the system's trust store is unusable.
    #[error("the HTTP client for BIP could not be built")]
    Http(#[source] reqwest::Error),
    /// The token cannot be sealed with this secret.
    #[error("the key that seals the shared BIP token could not be derived")]
    Seal,
}

/// Speaks HTTP with one tenant's BIP. Calls are made through a [`Session`](crate::Session) alone, so that
/// none is made without a slot.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    gateway: Gateway,
    credential: Credential,
    pub(crate) seal: Seal,
}

impl Client {
    /// Builds a client. Nothing is sent yet.
    pub fn new(
        mut gateway: Gateway,
        credential: Credential,
        timeouts: Timeouts,
    ) -> Result<Self, ClientError> {
        for url in [&mut gateway.token_url, &mut gateway.gateway_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        let seal = Seal::new(&credential)?;
        Ok(Self { http: http(timeouts)?, gateway, credential, seal })
    }

    /// Asks for a new access token; `now_ms` is the clock in milliseconds since the Unix epoch.
    pub(crate) async fn request_token(&self, now_ms: i64) -> Result<Token, CallError> {
        #[derive(Deserialize)]
        struct Granted<'a> {
            access_token: String,
            #[serde(borrow)]
            expire: &'a RawValue,
        }

        let timestamp = now_ms.to_string();
        let key = self.credential.app_key.as_str();
        let params = [("appKey", key), ("timestamp", timestamp.as_str())];
        let signed = signature(&params, &self.credential.app_secret);
        let url = format!("{}/open-auth/selfAppAuth/base/v1/getAccessToken", self.gateway.token_url);
        let request = self
            .http
            .get(url)
            .header(CONTENT_TYPE, "application/json")
            .query(&params)
            .query(&[("signature", signed)]);
        let reply = exchange(request, "00000").await?;

        let unreadable = || CallError::Unknown { reason: "the token answer cannot be read".to_owned() };
        let granted: Granted<'_> = serde_json::from_str(&reply.data).map_err(|_| unreadable())?;
        let seconds: i64 = text(granted.expire).and_then(|life| life.parse().ok()).ok_or_else(unreadable)?;
        Ok(Token::granted(SecretString::from(granted.access_token), now_ms, seconds))
    }

    /// Makes one call with a token. There is no retry, neither here nor below.
    pub(crate) async fn send(&self, token: &Token, call: &Call) -> Result<Reply, CallError> {
        exchange(self.request(token, call), "200").await
    }

    fn request(&self, token: &Token, call: &Call) -> reqwest::RequestBuilder {
        let url = format!("{}{}", self.gateway.gateway_url, call.path);
        let request = match &call.content {
            Content::Body(body) => self.http.post(url).body(body.clone()),
            Content::Query(key, value) => self.http.get(url).query(&[(key, value)]),
        };
        // `query` encodes once; BIP wants the token there and nowhere else.
        request
            .header(CONTENT_TYPE, "application/json;charset=UTF-8")
            .query(&[("access_token", token.text.expose_secret())])
    }
}

/// Asks where a tenant's data centre is. No credential is involved, and the call counts against no
/// application, so it needs no slot; ask once per start.
pub async fn discover(meta_url: &str, tenant_id: &str, timeouts: Timeouts) -> Result<Gateway, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Addresses {
        gateway_url: String,
        token_url: String,
    }

    let http = http(timeouts).map_err(|error| CallError::NotSent { reason: error.to_string() })?;
    let request = http.get(meta_url).query(&[("tenantId", tenant_id)]);
    let reply = exchange(request, "00000").await.map_err(|error| match error {
        // An unknown tenant is answered with code 500: the tenant id is wrong, not BIP.
        CallError::Refused { code, message, .. } => CallError::Misconfigured { code, message },
        other => other,
    })?;
    let addresses: Addresses = serde_json::from_str(&reply.data).map_err(|_| CallError::Unknown {
        reason: "the gateway address answer names no gatewayUrl and tokenUrl".to_owned(),
    })?;
    Ok(Gateway { token_url: addresses.token_url, gateway_url: addresses.gateway_url })
}

fn http(timeouts: Timeouts) -> Result<reqwest::Client, ClientError> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // A pooled connection that BIP closed meanwhile would turn a POST into an unknown outcome.
        .pool_max_idle_per_host(0)
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
        .timeout(timeouts.total)
        .build()
        .map_err(ClientError::Http)
}

async fn exchange(request: reqwest::RequestBuilder, success_code: &str) -> Result<Reply, CallError> {
    let mut response = request.send().await.map_err(no_answer)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(CallError::Unknown {
                reason: format!("the answer is longer than {MOST_BYTES} bytes"),
            });
        }
    }
    reply::read(status, &body, success_code)
}

/// Classifies a call without an answer. A connection that never stood (refused, DNS, TLS, connect timeout)
/// has sent nothing: the client has no idle connections it could have used instead. All else may have.
fn no_answer(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let nothing_left = error.is_connect() || error.is_builder();
    let prefix = if error.is_timeout() { "timeout: " } else { "" };
    let reason = format!("{prefix}{}", with_causes(&error));
    if nothing_left { CallError::NotSent { reason } } else { CallError::Unknown { reason } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(gateway_url: &str) -> Client {
        let gateway = Gateway { token_url: gateway_url.to_owned(), gateway_url: gateway_url.to_owned() };
        let secret = SecretString::from("test-secret-0001");
        Client::new(gateway, Credential::new("key", secret), Timeouts::default()).unwrap()
    }

    #[test]
    fn the_token_is_percent_encoded_exactly_once_and_in_the_query() {
        let token = Token::granted(SecretString::from("a+b/c=d%e&f 中"), 0, 7200);
        let call = Call::detail(&"2517234900202422278".parse().unwrap());
        let request = client("http://127.0.0.1/gateway/").request(&token, &call).build().unwrap();
        assert_eq!(
            request.url().as_str(),
            "http://127.0.0.1/gateway/yonbip/sd/voucherorder/detail\
             ?id=2517234900202422278&access_token=a%2Bb%2Fc%3Dd%25e%26f+%E4%B8%AD"
        );
    }

    #[tokio::test]
    async fn a_refused_connection_is_known_to_have_sent_nothing_and_shows_no_token() {
        // A port that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let token = Token::granted(SecretString::from("very-secret"), 0, 7200);
        let call = Call::detail(&"1".parse().unwrap());
        let error = client(&format!("http://{free}")).send(&token, &call).await.unwrap_err();
        assert!(matches!(error, CallError::NotSent { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("very-secret"));
        assert!(!format!("{token:?}").contains("very-secret"));
    }
}
