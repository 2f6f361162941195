//! The access token, and how it is sealed before it is shared.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use secrecy::{ExposeSecret, SecretString};

use crate::client::{ClientError, Credential};
use crate::sign::hmac_sha256;
use crate::state::SealedToken;

/// A token is replaced so long before BIP lets it expire, in milliseconds.
const MARGIN_MS: i64 = 5 * 60 * 1000;
/// What the sealing key is derived for; a new form of sealed token gets a new label.
const LABEL: &[u8] = b"dougong shared BIP access token, form 1";
/// Bytes of the nonce at the start of a sealed token.
const NONCE: usize = 12;
/// Bytes of the time of refresh at the start of what is sealed.
const TIME: usize = 8;

/// An access token (§1.3).
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: SecretString,
    expires_at_ms: i64,
    refresh_at_ms: i64,
}

impl Token {
    /// Wraps a token that was asked for at `now_ms` and lives for so many seconds.
    pub(crate) fn granted(text: SecretString, now_ms: i64, life_seconds: i64) -> Self {
        let life_ms = life_seconds.clamp(0, 86_400 * 365) * 1000;
        // A life shorter than the margin would have every call ask for a token of its own.
        let margin_ms = MARGIN_MS.min(life_ms / 2);
        Self { text, expires_at_ms: now_ms + life_ms, refresh_at_ms: now_ms + life_ms - margin_ms }
    }

    /// Tells whether a call may use this token: not about to expire, and not the one BIP just refused.
    pub(crate) fn usable(&self, now_ms: i64, refused: Option<&Self>) -> bool {
        now_ms < self.refresh_at_ms && !refused.is_some_and(|refused| self.same(refused))
    }

    /// Tells whether it is the same token.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.text.expose_secret() == other.text.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(expires at {})", self.expires_at_ms)
    }
}

/// Seals tokens with AES-256-GCM under a key that follows from the app secret, so that who reads the shared
/// state without it reads nothing.
pub(crate) struct Seal {
    key: RandomizedNonceKey,
    app_key: String,
}

impl Seal {
    /// Derives the key: HMAC-SHA256 of a fixed label under the app secret.
    pub(crate) fn new(credential: &Credential) -> Result<Self, ClientError> {
        let key = hmac_sha256(credential.app_secret.expose_secret().as_bytes(), LABEL);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| ClientError::Seal)?;
        Ok(Self { key, app_key: credential.app_key.clone() })
    }

    /// Seals a token; `None` only if the system has no random numbers.
    pub(crate) fn seal(&self, token: &Token) -> Option<SealedToken> {
        let mut content = token.refresh_at_ms.to_be_bytes().to_vec();
        content.extend_from_slice(token.text.expose_secret().as_bytes());
        let nonce =
            self.key.seal_in_place_append_tag(Aad::from(self.app_key.as_bytes()), &mut content).ok()?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.extend_from_slice(&content);
        Some(SealedToken { bytes, expires_at_ms: token.expires_at_ms })
    }

    /// Opens a sealed token; `None` if it was sealed under another secret or application, or altered.
    pub(crate) fn open(&self, sealed: &SealedToken) -> Option<Token> {
        let (nonce, content) = sealed.bytes.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = content.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(self.app_key.as_bytes()), &mut content).ok()?;
        let (time, text) = opened.split_at_checked(TIME)?;
        Some(Token {
            text: SecretString::from(std::str::from_utf8(text).ok()?),
            expires_at_ms: sealed.expires_at_ms,
            refresh_at_ms: i64::from_be_bytes(time.try_into().ok()?),
        })
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(app_key: &str, secret: &str) -> Seal {
        Seal::new(&Credential::new(app_key, SecretString::from(secret))).unwrap()
    }

    #[test]
    fn a_sealed_token_opens_under_the_same_secret_and_application_alone() {
        let token = Token::granted(SecretString::from("a-token"), 1_000, 7200);
        let sealed = seal("key", "secret").seal(&token).unwrap();
        assert!(!sealed.bytes.windows(7).any(|window| window == b"a-token"));

        let opened = seal("key", "secret").open(&sealed).unwrap();
        assert_eq!(opened.text.expose_secret(), "a-token");
        assert_eq!((opened.expires_at_ms, opened.refresh_at_ms), (7_201_000, 6_901_000));

        assert!(seal("key", "other").open(&sealed).is_none());
        assert!(seal("other", "secret").open(&sealed).is_none());
        let mut altered = sealed.clone();
        altered.bytes[NONCE + 1] ^= 1;
        assert!(seal("key", "secret").open(&altered).is_none());
        let cut = SealedToken { bytes: vec![1, 2, 3], expires_at_ms: 0 };
        assert!(seal("key", "secret").open(&cut).is_none());
    }

    #[test]
    fn a_token_is_used_until_five_minutes_before_its_end_and_never_once_refused() {
        let token = Token::granted(SecretString::from("a-token"), 0, 7200);
        assert!(token.usable(6_899_999, None));
        assert!(!token.usable(6_900_000, None));
        assert!(!token.usable(0, Some(&token.clone())));
        let short = Token::granted(SecretString::from("short"), 0, 60);
        assert!(short.usable(29_999, None) && !short.usable(30_000, None));
    }
}
