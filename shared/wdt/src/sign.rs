//! The signatures of both channels (`protocols/wdt.md` §1.1, §1.2), as a client makes and a server checks them.
//!
//! Every function takes the raw values, before URL encoding, in any order. The parameter `sign` itself and
//! parameters without key or value never enter a signature.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;

/// How a request over the Qimen channel is signed (`sign_method`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignMethod {
    /// MD5 with the secret before and after: what hand-written WDT clients use.
    #[default]
    Md5,
    /// HMAC-MD5.
    Hmac,
    /// HMAC-SHA256: what the official Qimen SDK uses.
    HmacSha256,
}

impl SignMethod {
    /// Returns the value of `sign_method` on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Hmac => "hmac",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

impl fmt::Display for SignMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no way to sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no sign method: write `md5`, `hmac` or `hmac-sha256`")]
pub struct InvalidSignMethod(String);

impl FromStr for SignMethod {
    type Err = InvalidSignMethod;

    fn from_str(text: &str) -> Result<Self, InvalidSignMethod> {
        [Self::Md5, Self::Hmac, Self::HmacSha256]
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| InvalidSignMethod(text.chars().take(40).collect()))
    }
}

impl<'de> Deserialize<'de> for SignMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Signs a request to the Qimen gateway (TOP 签名): upper-case hex.
pub fn top<K: AsRef<str>, V: AsRef<str>>(params: &[(K, V)], secret: &str, method: SignMethod) -> String {
    let text = top_text(params);
    match method {
        SignMethod::Md5 => {
            let digest = Md5::new().chain_update(secret).chain_update(&text).chain_update(secret).finalize();
            hex(&digest, Case::Upper)
        }
        SignMethod::Hmac => keyed::<Hmac<Md5>>(secret, &text),
        SignMethod::HmacSha256 => keyed::<Hmac<Sha256>>(secret, &text),
    }
}

/// Signs a request to the direct OpenAPI: lower-case hex of MD5 over the length-packed parameters and the secret.
pub fn direct<K: AsRef<str>, V: AsRef<str>>(params: &[(K, V)], secret: &str) -> String {
    let digest = Md5::new().chain_update(direct_text(params)).chain_update(secret).finalize();
    hex(&digest, Case::Lower)
}

/// Tells whether a received signature is the expected one, in time that does not depend on where they differ.
pub fn same(expected: &str, received: &str) -> bool {
    let differing = expected.bytes().zip(received.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    expected.len() == received.len() && differing == 0
}

/// Joins `k1v1k2v2…` in the byte order of the keys.
fn top_text<K: AsRef<str>, V: AsRef<str>>(params: &[(K, V)]) -> String {
    signed(params).into_iter().fold(String::new(), |text, (key, value)| text + key + value)
}

/// Packs `KK-key:VVVV-value;…`. The lengths count Unicode characters, as WDT's own SDK does, not bytes.
fn direct_text<K: AsRef<str>, V: AsRef<str>>(params: &[(K, V)]) -> String {
    let mut text = String::new();
    for (key, value) in signed(params) {
        let separator = if text.is_empty() { "" } else { ";" };
        let (key_chars, value_chars) = (key.chars().count(), value.chars().count());
        let _ = write!(text, "{separator}{key_chars:02}-{key}:{value_chars:04}-{value}");
    }
    text
}

/// Sorts the parameters that enter a signature by key.
fn signed<K: AsRef<str>, V: AsRef<str>>(params: &[(K, V)]) -> Vec<(&str, &str)> {
    let mut signed: Vec<(&str, &str)> = params
        .iter()
        .map(|(key, value)| (key.as_ref(), value.as_ref()))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty() && *key != "sign")
        .collect();
    signed.sort_unstable();
    signed
}

#[expect(clippy::expect_used, reason = "an HMAC takes a key of any length")]
fn keyed<M: Mac + KeyInit>(secret: &str, text: &str) -> String {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes(), Case::Upper)
}

#[derive(Clone, Copy)]
enum Case {
    Upper,
    Lower,
}

fn hex(bytes: &[u8], case: Case) -> String {
    let digits = match case {
        Case::Upper => b"0123456789ABCDEF",
        Case::Lower => b"0123456789abcdef",
    };
    let digit = |nibble: u8| char::from(digits[usize::from(nibble & 0xF)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P1: the example of WDT's own signature guide.
    #[test]
    fn the_official_example_of_the_direct_channel_is_reproduced() {
        let params = [
            ("sid", "test2"),
            ("appkey", "test2-xx"),
            ("page_no", "0"),
            ("page_size", "40"),
            ("start_time", "2016-08-01 12:00:00"),
            ("end_time", "2016-08-01 13:00:00"),
            ("timestamp", "1470042310"),
        ];
        assert_eq!(
            direct_text(&params),
            "06-appkey:0008-test2-xx;08-end_time:0019-2016-08-01 13:00:00;07-page_no:0001-0;09-page_size:0002-40;\
             03-sid:0005-test2;10-start_time:0019-2016-08-01 12:00:00;09-timestamp:0010-1470042310"
        );
        assert_eq!(direct(&params, "12345"), "ad4e6fe037ea6e3ba4768317be9d1309");
    }

    /// P2: the example of the TOP documentation.
    #[test]
    fn the_example_of_the_top_documentation_is_reproduced() {
        let params = [
            ("method", "taobao.item.seller.get"),
            ("app_key", "12345678"),
            ("session", "test"),
            ("timestamp", "2016-01-01 12:00:00"),
            ("format", "json"),
            ("v", "2.0"),
            ("sign_method", "md5"),
            ("fields", "num_iid,title,nick,price,num"),
            ("num_iid", "11223344"),
        ];
        assert_eq!(top(&params, "helloworld", SignMethod::Md5), "66987CB115214E59E6EC978214934FB8");
    }

    fn q1(method: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![
            ("method", "wdt.stockout.order.query.trade"),
            ("app_key", "12345678"),
            ("target_app_key", "87654321"),
            ("format", "json"),
            ("v", "2.0"),
            ("sid", "demo2"),
            ("timestamp", "2024-11-11 00:05:00"),
            ("start_time", "2024-11-11 00:00:00"),
            ("end_time", "2024-11-11 00:04:00"),
            ("page_no", "0"),
            ("page_size", "100"),
            ("status", "110"),
            ("sign_method", method),
        ]
    }

    /// Q1 in its three methods.
    #[test]
    fn the_query_of_this_interface_is_signed_in_all_three_methods() {
        assert_eq!(
            top_text(&q1("md5")),
            "app_key12345678end_time2024-11-11 00:04:00formatjsonmethodwdt.stockout.order.query.tradepage_no0\
             page_size100siddemo2sign_methodmd5start_time2024-11-11 00:00:00status110target_app_key87654321\
             timestamp2024-11-11 00:05:00v2.0"
        );
        for (method, expected) in [
            (SignMethod::Md5, "4593D0395882A303F78D689F67238C66"),
            (SignMethod::Hmac, "3FBD3E8F72F698C64DB2D6F218B93619"),
            (SignMethod::HmacSha256, "3F74C5F34E9ADFA715A19C73FDB920B68EA10AFB921DA6371F0E7538EF1A612D"),
        ] {
            let sign = top(&q1(method.as_str()), "testsecret0123456789abcdef012345", method);
            assert_eq!(sign, expected, "signed with {method}");
        }
    }

    /// D1.
    #[test]
    fn the_query_of_this_interface_is_signed_for_the_direct_channel() {
        let params = [
            ("sid", "demo2"),
            ("appkey", "demo2-gw"),
            ("timestamp", "1731254700"),
            ("start_time", "2024-11-11 00:00:00"),
            ("end_time", "2024-11-11 00:04:00"),
            ("page_no", "0"),
            ("page_size", "100"),
            ("status", "110"),
        ];
        assert_eq!(direct(&params, "12345"), "60cadc4e1845e9095dcfb14f51d4d659");
    }

    #[test]
    fn lengths_count_characters_and_grow_beyond_their_digits() {
        assert_eq!(direct_text(&[("shop_no", "天猫店")]), "07-shop_no:0003-天猫店");
        let long = "x".repeat(12_345);
        assert_eq!(direct_text(&[("k", long.as_str())]), format!("01-k:12345-{long}"));
    }

    #[test]
    fn empty_parameters_and_the_sign_itself_never_enter_a_signature() {
        let plain = [("sid", "demo2"), ("status", "110")];
        let padded = [("sign", "ABC"), ("status", "110"), ("shop_no", ""), ("", "x"), ("sid", "demo2")];
        assert_eq!(top_text(&plain), top_text(&padded));
        assert_eq!(direct_text(&plain), direct_text(&padded));
    }

    #[test]
    fn a_sign_method_is_read_by_its_wire_name_alone() {
        assert_eq!("hmac-sha256".parse(), Ok(SignMethod::HmacSha256));
        assert!("MD5".parse::<SignMethod>().is_err());
    }

    #[test]
    fn signatures_are_compared_whole() {
        assert!(same("AB12", "AB12"));
        assert!(!same("AB12", "AB13"));
        assert!(!same("AB12", "AB1"));
        assert!(!same("AB12", ""));
    }
}
