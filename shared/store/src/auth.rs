//! Who is speaking: how pushes are verified and our own calls are signed (`protocols/store.md` §0, §2.1).
//!
//! The vendor's public pages name no authentication at all, so it is a setting, the same for both directions: a
//! [`Scheme`], and for pushes a list of [`Network`]s beside it. Secrets are compared in constant time, over the bytes
//! as they were received, and appear in no error and no `Debug`.

mod network;
mod signature;

use std::net::IpAddr;

use dougong_values::BeijingTime;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

pub use network::{InvalidNetwork, Network};
pub use reqwest::header::{HeaderMap, HeaderName};
pub use signature::{Digest, Part, Place, Signature, SignatureEncoding, TimestampForm, TimestampPlace};

use signature::Signed;

/// The shortest secret that may travel as it is, in characters.
const SHORTEST_TOKEN: usize = 16;

/// How a request proves where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Not at all; for pushes only beside a list of networks.
    None,
    /// The secret is the last part of the URL's path: what any platform can do that can be given a URL.
    UrlToken,
    /// The secret is the value of a header, with or without `Bearer ` before it.
    HeaderToken {
        /// The header's name.
        header: String,
    },
    /// The request is signed with the secret.
    Signed(Signature),
}

impl Scheme {
    /// The header token with its usual header, `X-Token`.
    pub fn header_token() -> Self {
        Self::HeaderToken { header: "X-Token".to_owned() }
    }

    /// MD5 over secret, sorted query parameters, body, secret, as the Taobao family signs: `sign` and `timestamp` in
    /// the query, ten minutes of grace.
    pub fn sorted_md5() -> Self {
        Self::Signed(Signature::sorted_md5())
    }

    /// HMAC-SHA256 over timestamp, `.` and raw body: `X-Signature` in hex and `X-Timestamp` in seconds, five minutes
    /// of grace.
    pub fn hmac_sha256() -> Self {
        Self::Signed(Signature::hmac_sha256())
    }

    /// Returns the preset of this name: `none`, `url`, `header`, `md5` or `hmac-sha256`.
    pub fn preset(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "url" => Self::UrlToken,
            "header" => Self::header_token(),
            "md5" => Self::sorted_md5(),
            "hmac-sha256" => Self::hmac_sha256(),
            _ => return None,
        })
    }
}

/// Settings that would authenticate nobody, or everybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A scheme that needs a secret has none.
    #[error("there is no secret for the store system: set `store.secrets` in the secret store")]
    NoSecret,
    /// A secret that travels as it is can be guessed.
    #[error(
        "a secret of the store system is shorter than {SHORTEST_TOKEN} characters: use a longer, random one"
    )]
    ShortSecret,
    /// Everybody would be let in.
    #[error("pushes would be taken from anybody: choose an auth scheme, or list the networks they come from")]
    Open,
    /// A header's name is none.
    #[error("{name:?} is no name of a header")]
    HeaderName {
        /// The name.
        name: String,
    },
    /// The signature would leave something open.
    #[error("the signature does not cover {what}: anybody could change it")]
    Uncovered {
        /// What it leaves open.
        what: &'static str,
    },
}

/// A push as it arrived, before anything is read from it.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path, as it was requested.
    pub path: &'a str,
    /// What stands for `{token}` in the route `/store/{token}`.
    pub token: Option<&'a str>,
    /// The query string, still encoded, without `?`.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// The address of the caller, as the gateway saw it.
    pub source: Option<IpAddr>,
}

/// A push that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// For signed pushes with a timestamp: what to remember so that nobody can send it again. Remember it when the
    /// push is stored, not before: the platform's own second attempt after a failure is the same request.
    pub replay: Option<ReplayMark>,
}

/// What makes a signed push recognisable for as long as its timestamp would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayMark {
    /// 32 hex digits; says nothing about the signature.
    pub digest: String,
    /// The last second at which the push would be accepted: forget the digest after it.
    pub until: BeijingTime,
}

/// Why a push was not let in. Says nothing about what would have been right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It comes from elsewhere.
    #[error("the push comes from an address that is not in the allowed networks")]
    Source,
    /// It carries no token or signature, or no timestamp.
    #[error("the push carries no {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// Its token or signature is wrong.
    #[error("the push carries a wrong {what}")]
    Wrong {
        /// What is wrong.
        what: &'static str,
    },
    /// It is signed, but for another time.
    #[error("the push was signed {seconds} s away from now: check both clocks")]
    Stale {
        /// How far its timestamp is from now; negative in the future.
        seconds: i64,
    },
}

impl Refused {
    /// Returns the stable name, for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "push_from_elsewhere",
            Self::Missing { .. } => "push_unsigned",
            Self::Wrong { .. } => "push_forged",
            Self::Stale { .. } => "push_stale",
        }
    }
}

/// Lets pushes in, or not. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Verifier {
    scheme: Scheme,
    networks: Vec<Network>,
    secrets: Vec<SecretString>,
}

impl Verifier {
    /// Builds a verifier. Every secret is live, so that one can be replaced without a gap: first here, then at the
    /// platform, then the old one is taken out.
    pub fn new(
        scheme: Scheme,
        networks: Vec<Network>,
        secrets: Vec<SecretString>,
    ) -> Result<Self, AuthError> {
        sound(&scheme, &secrets)?;
        if scheme == Scheme::None && networks.is_empty() {
            return Err(AuthError::Open);
        }
        if let Scheme::Signed(signature) = &scheme {
            signature.covers_everything()?;
        }
        Ok(Self { scheme, networks, secrets })
    }

    /// Verifies a push at a time.
    pub fn verify(&self, push: &Incoming<'_>, now: BeijingTime) -> Result<Verified, Refused> {
        let inside = |source: IpAddr| self.networks.iter().any(|network| network.contains(source));
        if !self.networks.is_empty() && !push.source.is_some_and(inside) {
            return Err(Refused::Source);
        }
        match &self.scheme {
            Scheme::None => Ok(Verified { replay: None }),
            Scheme::UrlToken => self.token(push.token, "token in its URL"),
            Scheme::HeaderToken { header } => {
                let value = push.headers.get(header).and_then(|value| value.to_str().ok());
                self.token(value.map(|value| value.strip_prefix("Bearer ").unwrap_or(value)), "token")
            }
            Scheme::Signed(signature) => self.signed(signature, push, now),
        }
    }

    fn token(&self, token: Option<&str>, what: &'static str) -> Result<Verified, Refused> {
        let token = token.filter(|token| !token.is_empty()).ok_or(Refused::Missing { what })?;
        if self.any_secret(|secret| same(token.as_bytes(), secret.as_bytes())) {
            Ok(Verified { replay: None })
        } else {
            Err(Refused::Wrong { what })
        }
    }

    fn signed(
        &self,
        signature: &Signature,
        push: &Incoming<'_>,
        now: BeijingTime,
    ) -> Result<Verified, Refused> {
        let query: Vec<(String, String)> =
            form_urlencoded::parse(push.query.as_bytes()).into_owned().collect();
        let at = |place: &Place| place.find(push.headers, &query);
        let received = at(&signature.place).ok_or(Refused::Missing { what: "signature" })?;
        let timestamp = match &signature.timestamp {
            Some(timestamp) => Some(at(&timestamp.place).ok_or(Refused::Missing { what: "timestamp" })?),
            None => None,
        };
        let signed = Signed {
            method: push.method,
            path: push.path,
            query: &query,
            timestamp: timestamp.as_deref().unwrap_or_default(),
            body: push.body,
        };
        let received = signature.decode(&received).ok_or(Refused::Wrong { what: "signature" })?;
        if !self.any_secret(|secret| same(&received, &signature.mac(&signed, secret))) {
            return Err(Refused::Wrong { what: "signature" });
        }

        let Some((text, setting)) = timestamp.as_deref().zip(signature.timestamp.as_ref()) else {
            return Ok(Verified { replay: None });
        };
        let time = signature::read_timestamp(text).ok_or(Refused::Wrong { what: "timestamp" })?;
        let seconds = now.seconds_since(time);
        if seconds.abs() > setting.grace_seconds {
            return Err(Refused::Stale { seconds });
        }
        let until = time.plus_seconds(setting.grace_seconds);
        Ok(Verified { replay: Some(ReplayMark { digest: mark(&received), until }) })
    }

    /// Tries every secret, the first match or not, so that time does not tell which one fits.
    fn any_secret(&self, fits: impl Fn(&str) -> Choice) -> bool {
        let tried = self.secrets.iter().map(|secret| fits(secret.expose_secret()));
        tried.fold(Choice::from(0), |any, one| any | one).into()
    }
}

/// Compares in time that depends on neither content nor length.
fn same(one: &[u8], other: &[u8]) -> Choice {
    Sha256::digest(one).as_slice().ct_eq(Sha256::digest(other).as_slice())
}

fn mark(mac: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"push seen before: ").chain_update(mac).finalize();
    signature::hex(digest.get(..16).unwrap_or_default())
}

/// Checks what holds for both directions.
fn sound(scheme: &Scheme, secrets: &[SecretString]) -> Result<(), AuthError> {
    let lengths: Vec<usize> = secrets.iter().map(|secret| secret.expose_secret().chars().count()).collect();
    let needs_secret = *scheme != Scheme::None;
    if needs_secret && (lengths.is_empty() || lengths.contains(&0)) {
        return Err(AuthError::NoSecret);
    }
    let travels = matches!(scheme, Scheme::UrlToken | Scheme::HeaderToken { .. });
    if travels && lengths.iter().any(|length| *length < SHORTEST_TOKEN) {
        return Err(AuthError::ShortSecret);
    }
    let headers: Vec<&String> = match scheme {
        Scheme::HeaderToken { header } => vec![header],
        Scheme::Signed(signature) => signature.headers(),
        Scheme::None | Scheme::UrlToken => Vec::new(),
    };
    match headers.into_iter().find(|name| name.parse::<HeaderName>().is_err()) {
        Some(name) => Err(AuthError::HeaderName { name: name.clone() }),
        None => Ok(()),
    }
}

/// Signs our own calls. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Signer {
    scheme: Scheme,
    secret: SecretString,
    parameters: Vec<(String, String)>,
}

impl Signer {
    /// Builds a signer. The parameters, such as an app id, travel in the query of every call and are signed with it.
    pub fn new(
        scheme: Scheme,
        secret: Option<SecretString>,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, AuthError> {
        let secrets: Vec<SecretString> = secret.into_iter().collect();
        sound(&scheme, &secrets)?;
        let secret = secrets.into_iter().next().unwrap_or_default();
        Ok(Self { scheme, secret, parameters })
    }

    /// A signer that adds nothing.
    pub fn none() -> Self {
        Self { scheme: Scheme::None, secret: SecretString::default(), parameters: Vec::new() }
    }

    /// Signs a POST of a body as of a time: what travels in the URL is added to it, what travels in headers is
    /// returned.
    pub(crate) fn sign(&self, url: &mut Url, body: &[u8], now: BeijingTime) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: &str, value: &str| {
            if let (Ok(name), Ok(mut value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        };
        let mut query = self.parameters.clone();
        match &self.scheme {
            Scheme::None => {}
            Scheme::UrlToken => {
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().push(self.secret.expose_secret());
                }
            }
            Scheme::HeaderToken { header } => put(header, self.secret.expose_secret()),
            Scheme::Signed(signature) => {
                let timestamp =
                    signature.timestamp.as_ref().map(|setting| (setting.form.write(now), setting));
                if let Some((text, setting)) = &timestamp {
                    match &setting.place {
                        Place::Header(name) => put(name, text),
                        Place::Query(name) => query.push((name.clone(), text.clone())),
                    }
                }
                let existing: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                let all = [existing, query.clone()].concat();
                let signed = Signed {
                    method: "POST",
                    path: url.path(),
                    query: &all,
                    timestamp: timestamp.as_ref().map_or("", |(text, _)| text),
                    body,
                };
                let text = signature.encode(&signature.mac(&signed, self.secret.expose_secret()));
                match &signature.place {
                    Place::Header(name) => put(name, &text),
                    Place::Query(name) => query.push((name.clone(), text)),
                }
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        headers
    }
}
