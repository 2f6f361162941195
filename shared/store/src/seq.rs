//! The sequence number of a request (`seq`): theirs is echoed as it came, ours is a fresh GUID.

use std::fmt;

use crate::json::{self, Form};

/// The longest `seq` that is echoed, in characters: the vendor's own have 35 or 36.
const LONGEST: usize = 128;

/// A sequence number, opaque, kept as the JSON it was written in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seq(String);

impl Seq {
    /// Makes a new one: a random GUID.
    pub fn fresh() -> Self {
        let mut bytes = [0; 16];
        // Without randomness the number is not unique; it only pairs an answer with its question.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        let number = u128::from_be_bytes(bytes) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
        let hex = format!("{:032x}", number | (0x4000_u128 << 64) | (0x8000_u128 << 48));
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
        let guid = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
        Self(format!("\"{guid}\""))
    }

    /// Takes a number or a text that says something and is not too long.
    pub(crate) fn from_json(json: &str) -> Option<Self> {
        let plain = matches!(json::form(json), Form::Number | Form::Text) && !json::is_blank(json);
        (plain
            && json.chars().count() <= LONGEST + 2
            && serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok())
        .then(|| Self(json.to_owned()))
    }

    /// Returns the JSON text, quotes included where it had them.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Returns the bare text.
    pub fn text(&self) -> String {
        json::scalar(&self.0).unwrap_or_default().into_owned()
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_number_is_a_random_guid_and_one_of_theirs_stays_as_it_was() {
        let (one, other) = (Seq::fresh().text(), Seq::fresh().text());
        assert_ne!(one, other);
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(one.as_bytes()[14], b'4');
        for json in ["\"123123-abc12\"", "17", r#""a\"b""#] {
            assert_eq!(Seq::from_json(json).unwrap().as_json(), json);
        }
        for json in ["\"\"", "null", "{}", "[1]", "true", &format!("\"{}\"", "x".repeat(129))] {
            assert!(Seq::from_json(json).is_none(), "{json}");
        }
    }
}
