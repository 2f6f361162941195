//! Who may: tokens, sessions, roles, and the proof that a form is ours.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dougong_ledger::{Ledger, LedgerError};
use dougong_runtime::{ConsoleSecrets, StartError};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::http::Request;

/// How long a session lasts, seconds: a working day.
const SESSION_SECONDS: i64 = 12 * 3_600;
/// How long the form to sign in may be looked at, seconds.
const VISIT_SECONDS: i64 = 3_600;
/// How often one address may try to sign in within [`WINDOW_MS`].
const TRIES: u32 = 20;
/// The time that tries are counted for.
const WINDOW_MS: i64 = 15 * 60_000;
/// The shortest token: nobody guesses that many characters at this pace.
const SHORTEST_TOKEN: usize = 20;
/// The longest name of a person.
const LONGEST_NAME: usize = 40;

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Look and do.
    Operator,
    /// Look.
    Reader,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Reader => "reader",
        }
    }
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) role: Role,
    /// The name they gave; it stands beside whatever they do.
    pub(crate) name: String,
    /// What every form of this session carries.
    pub(crate) csrf: String,
}

/// A token and the key that is derived from it: whoever changes a token ends its sessions.
struct Pass {
    role: Role,
    token: SecretString,
    key: [u8; 32],
}

/// How an attempt to sign in ended.
#[derive(Debug)]
pub(crate) enum SignIn {
    /// The session's cookie.
    Done(String),
    /// No such token.
    Wrong,
    /// The name is missing or too long.
    NoName,
    /// The form is not ours, or too old.
    Stale,
    /// Too many tries from this address.
    TooMany,
}

/// Lets people in.
pub(crate) struct Door {
    passes: Vec<Pass>,
    ledger: Ledger,
}

impl Door {
    pub(crate) fn new(secrets: &ConsoleSecrets, ledger: Ledger) -> Result<Self, StartError> {
        let own = [
            (Role::Operator, &secrets.token, "token"),
            (Role::Reader, &secrets.read_only_token, "read_only_token"),
        ];
        let mut problems = Vec::new();
        let mut passes: Vec<Pass> = Vec::new();
        for (role, token, name) in own {
            let Some(token) = token else { continue };
            if token.expose_secret().chars().count() < SHORTEST_TOKEN {
                problems.push(format!(
                    "console.{name} in the secrets is shorter than {SHORTEST_TOKEN} characters\n\
                     hint: make one with `openssl rand -hex 32`"
                ));
            }
            if passes.iter().any(|pass| is_same(pass.token.expose_secret(), token.expose_secret()).into()) {
                problems
                    .push("console.token and console.read_only_token in the secrets are the same".to_owned());
            }
            let key = mac(token.expose_secret().as_bytes(), &["dougong console", role.name()]);
            passes.push(Pass { role, token: token.clone(), key });
        }
        if passes.is_empty() {
            problems.push(
                "the secrets have no console.token, so nobody could sign in\n\
                 hint: make one with `openssl rand -hex 32` and put it there: \"console\":{\"token\":\"…\"}"
                    .to_owned(),
            );
        }
        if problems.is_empty() { Ok(Self { passes, ledger }) } else { Err(StartError { problems }) }
    }

    /// Returns the session of a request, if its cookie is one of ours and has not run out.
    pub(crate) fn session(&self, request: &Request, now_ms: i64) -> Option<Session> {
        let cookie = request.cookie(session_cookie(request))?;
        let (text, signature) = cookie.rsplit_once('.')?;
        let mut parts = text.split('.');
        let (role, until, _nonce, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let pass = self.passes.iter().find(|pass| pass.role.name() == role)?;
        let own = hex(&mac(&pass.key, &["session", text]));
        let valid = is_same(&own, signature) & Choice::from(u8::from(parts.next().is_none()));
        if !bool::from(valid) || until.parse::<i64>().ok()? <= now_ms.div_euclid(1_000) {
            return None;
        }
        let name = String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()?;
        Some(Session { role: pass.role, name, csrf: hex(&mac(&pass.key, &["form", text])) })
    }

    /// Begins a visit of somebody who is not signed in: the cookie, and what the form carries.
    pub(crate) fn visit(&self, request: &Request, now_ms: i64) -> (String, String) {
        let visit = format!("{}.{}", now_ms.div_euclid(1_000) + VISIT_SECONDS, nonce());
        let proof = self.proof(&visit);
        (cookie(request, visit_cookie(request), &visit, VISIT_SECONDS), proof)
    }

    fn proof(&self, visit: &str) -> String {
        let key = self.passes.first().map_or([0; 32], |pass| pass.key);
        hex(&mac(&key, &["visit", visit]))
    }

    /// Lets somebody in who shows a token. Every try counts, for every function together.
    pub(crate) async fn sign_in(&self, request: &Request, now_ms: i64) -> Result<SignIn, LedgerError> {
        let visit = request.cookie(visit_cookie(request)).unwrap_or_default();
        let shown = request.form.get("csrf").unwrap_or_default();
        let fresh = visit.split_once('.').and_then(|(until, _)| until.parse::<i64>().ok());
        let fresh = fresh.is_some_and(|until| until > now_ms.div_euclid(1_000));
        if !fresh || !bool::from(is_same(&self.proof(visit), shown)) {
            return Ok(SignIn::Stale);
        }
        let name = request.form.get("name").unwrap_or_default();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Ok(SignIn::NoName);
        }
        let address = self.address(&request.source_ip);
        if !self.ledger.try_again(&format!("sign-in#{address}"), TRIES, WINDOW_MS, now_ms).await? {
            return Ok(SignIn::TooMany);
        }
        let token = request.form.get("token").unwrap_or_default();
        // All of them are compared: how long it takes says nothing.
        let mut found = None;
        for pass in &self.passes {
            if bool::from(is_same(pass.token.expose_secret(), token)) {
                found = Some(pass);
            }
        }
        let Some(pass) = found else { return Ok(SignIn::Wrong) };
        let until = now_ms.div_euclid(1_000) + SESSION_SECONDS;
        let text = format!("{}.{until}.{}.{}", pass.role.name(), nonce(), URL_SAFE_NO_PAD.encode(name));
        let signature = hex(&mac(&pass.key, &["session", &text]));
        let value = format!("{text}.{signature}");
        Ok(SignIn::Done(cookie(request, session_cookie(request), &value, SESSION_SECONDS)))
    }

    /// Names an address without saying it: of IPv6 the network, since one person has all of it.
    fn address(&self, source: &str) -> String {
        let network = match source.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) => format!("{:x?}", &v6.segments()[..4]),
            _ => source.to_owned(),
        };
        let key = self.passes.first().map_or([0; 32], |pass| pass.key);
        hex(&mac(&key, &["address", &network]))
    }
}

/// Ends the session of a browser.
pub(crate) fn sign_out(request: &Request) -> String {
    cookie(request, session_cookie(request), "", 0)
}

/// Tells whether a form carries what the session's own forms carry, and no other site sends it.
pub(crate) fn is_own_form(request: &Request, session: &Session) -> bool {
    let shown = request.form.get("csrf").unwrap_or_default();
    !request.is_from_elsewhere() && bool::from(is_same(&session.csrf, shown))
}

fn session_cookie(request: &Request) -> &'static str {
    if request.is_loopback() { "dougong" } else { "__Host-dougong" }
}

fn visit_cookie(request: &Request) -> &'static str {
    if request.is_loopback() { "dougong_visit" } else { "__Host-dougong_visit" }
}

/// Writes a cookie that no script reads and no other site sends.
pub(crate) fn cookie(request: &Request, name: &str, value: &str, seconds: i64) -> String {
    let secure = if request.is_loopback() { "" } else { "; Secure" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Compares in a time that depends on neither text.
fn is_same(own: &str, shown: &str) -> Choice {
    let digest = |text: &str| -> [u8; 32] { Sha256::digest(text.as_bytes()).into() };
    digest(own).ct_eq(&digest(shown))
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(b"\n");
    }
    mac.finalize().into_bytes().into()
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    // It fails on no system that has got so far; a session is signed and bound to its person and time all the same.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
