//! The signature of a token request (§1.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Signs the parameters of a request: keys ascending, keys and values without separators, HMAC-SHA256 with
/// the app secret, padded Base64. The result is raw: the query encodes it, once.
pub fn signature(params: &[(&str, &str)], secret: &SecretString) -> String {
    let mut sorted = params.to_vec();
    sorted.sort_unstable();
    let plain: String = sorted.iter().flat_map(|(key, value)| [*key, *value]).collect();
    STANDARD.encode(hmac_sha256(secret.expose_secret().as_bytes(), plain.as_bytes()))
}

/// Computes HMAC-SHA256.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_protocol_notes_are_reproduced() {
        for (params, secret, base64, in_url) in [
            (
                // Out of order on purpose: sorting is part of the rule.
                vec![("timestamp", "1568098531823"), ("appKey", "41832a3d2df94989b500da6a22268747")],
                "test-secret-0001",
                "bPvZ4QwFhIOL9bpuOfehY79c3tRVtE6IuKKyjE8BFZk=",
                "bPvZ4QwFhIOL9bpuOfehY79c3tRVtE6IuKKyjE8BFZk%3D",
            ),
            (
                vec![("appKey", "a1b2c3d4e5f60718293a4b5c6d7e8f90"), ("timestamp", "1700000000002")],
                "0123456789abcdef0123456789abcdef01234567",
                "BGxaVS2dflvjL/zWohxaLlUFuDjy+Mr6t1ws1urFpI0=",
                "BGxaVS2dflvjL%2FzWohxaLlUFuDjy%2BMr6t1ws1urFpI0%3D",
            ),
            (
                vec![
                    ("tenantId", "abcd1234"),
                    ("suiteKey", "suite-demo-key"),
                    ("timestamp", "1700000000000"),
                ],
                "suite-secret-demo",
                "sh7mcBZAtA6r5f7X7+pn2hVinOTU6Ezni+tiMukyUsg=",
                "sh7mcBZAtA6r5f7X7%2Bpn2hVinOTU6Ezni%2BtiMukyUsg%3D",
            ),
        ] {
            let signed = signature(&params, &SecretString::from(secret));
            assert_eq!(signed, base64);
            let url = reqwest::Client::new()
                .get("http://127.0.0.1/")
                .query(&[("signature", signed.as_str())])
                .build()
                .unwrap();
            assert_eq!(url.url().query(), Some(format!("signature={in_url}").as_str()));
        }
    }
}
