//! Cutting personal data (个人信息) out of a row's text before anything reads it.

use std::collections::BTreeSet;

/// The personal fields of the interface. [`is_personal`] is the rule; these are the names known today.
pub const PERSONAL_FIELDS: &[&str] = &[
    "buyer_message",
    "buyer_nick",
    "cs_remark",
    "customer_name",
    "id_card",
    "id_card_type",
    "invoice_title",
    "nick_name",
    "print_remark",
    "receiver_address",
    "receiver_area",
    "receiver_city",
    "receiver_city_code",
    "receiver_country",
    "receiver_district",
    "receiver_district_code",
    "receiver_dtb",
    "receiver_mobile",
    "receiver_name",
    "receiver_province",
    "receiver_province_code",
    "receiver_ring",
    "receiver_telno",
    "receiver_zip",
    "stockout_receiver_dtb",
];

/// Tells whether a field holds personal data, at whatever depth of a row it stands.
///
/// The beginnings are those that WDT gives to data about a person, so that a new field is not let through; the whole
/// names are free text about a buyer, and how a person is reached. Codes that name a business party (`customer_no`,
/// `fenxiao_nick`) or a member of the merchant's staff are not personal in this sense: vouchers may need them.
pub fn is_personal(name: &str) -> bool {
    let begins = |beginning: &str| {
        name.get(..beginning.len()).is_some_and(|part| part.eq_ignore_ascii_case(beginning))
    };
    let is = |whole: &str| name.eq_ignore_ascii_case(whole);
    // Told apart by the first letter, because every key of every row comes through here.
    match name.bytes().next().unwrap_or_default().to_ascii_lowercase() {
        b'a' => begins("alipay") || is("address"),
        b'b' => begins("buyer"),
        b'c' => is("cs_remark") || is("customer_name"),
        b'e' => is("email"),
        b'i' => begins("id_card") || begins("invoice_title"),
        b'm' => is("mobile"),
        b'n' => is("nick_name"),
        b'p' => is("print_remark") || is("phone"),
        b'r' => begins("receiver") || is("real_name"),
        b's' => begins("stockout_receiver"),
        b't' => is("telno"),
        _ => false,
    }
}

/// Writes a JSON text anew without its personal fields, except those in `keep`, and without blanks.
///
/// Everything else passes byte for byte: numbers keep their digits, texts their escapes. One pass, no tree.
/// The text must be valid JSON, as every raw value of a parsed page is.
pub(crate) fn strip(json: &str, keep: &BTreeSet<String>) -> String {
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len());
    let mut inside_object: Vec<bool> = Vec::new();
    let mut key_comes = false;
    // Everything before `copied` is in `out` or cut; everything from there to `at` is still to be copied.
    let (mut copied, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = text_end(bytes, at);
                let is_key = std::mem::take(&mut key_comes);
                if is_key && is_cut(&json[at..end], keep) {
                    out.push_str(&json[copied..at]);
                    at = blanks_end(bytes, value_end(bytes, end));
                    if bytes.get(at) == Some(&b',') {
                        at += 1;
                        key_comes = true;
                    } else if out.ends_with(',') {
                        out.pop();
                    }
                    copied = at;
                } else {
                    at = end;
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&json[copied..at]);
                at = blanks_end(bytes, at);
                copied = at;
            }
            b'{' | b'[' => {
                key_comes = byte == b'{';
                inside_object.push(key_comes);
                at += 1;
            }
            b'}' | b']' => {
                key_comes = false;
                inside_object.pop();
                at += 1;
            }
            b',' => {
                key_comes = inside_object.last() == Some(&true);
                at += 1;
            }
            _ => at += 1,
        }
    }
    out.push_str(&json[copied..]);
    out
}

/// Tells whether a key, in its quotes, names a field to cut.
fn is_cut(quoted: &str, keep: &BTreeSet<String>) -> bool {
    let cut = |name: &str| is_personal(name) && !keep.contains(name);
    if quoted.contains('\\') {
        // An escaped name is read before it is judged; one that cannot be read is not let through.
        serde_json::from_str::<String>(quoted).map_or(true, |name| cut(&name))
    } else {
        cut(quoted.trim_matches('"'))
    }
}

/// Returns the index behind the text that opens at `at`.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn blanks_end(bytes: &[u8], at: usize) -> usize {
    let blanks = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    at + blanks
}

/// Returns the index behind a number, `true`, `false` or `null`.
fn word_end(bytes: &[u8], at: usize) -> usize {
    let ends = |byte: &&u8| !matches!(**byte, b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
    at + bytes[at..].iter().take_while(ends).count().max(1)
}

/// Returns the index behind the value of the key that ended at `at`.
fn value_end(bytes: &[u8], at: usize) -> usize {
    let mut at = blanks_end(bytes, at);
    if bytes.get(at) == Some(&b':') {
        at = blanks_end(bytes, at + 1);
    }
    let mut depth = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'"' => text_end(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at + 1,
            _ => word_end(bytes, at),
        };
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stripped(json: &str) -> String {
        strip(json, &BTreeSet::new())
    }

    #[test]
    fn personal_fields_are_cut_wherever_they_stand() {
        for (json, expected) in [
            (r#"{"receiver_name":"x","a":1}"#, r#"{"a":1}"#),
            (r#"{"a":1,"receiver_name":"x"}"#, r#"{"a":1}"#),
            (r#"{"receiver_name":"x"}"#, "{}"),
            (r#"{"nick_name":null,"buyer_message":"a","id_card":[1,{"b":"}"}]}"#, "{}"),
            (r#"{ "a" : [ { "receiver_mobile" : "1" , "b" : 2.0000 } , 3 ] }"#, r#"{"a":[{"b":2.0000},3]}"#),
            (
                r#"{"a":"receiver_name","b":["receiver_name"]}"#,
                r#"{"a":"receiver_name","b":["receiver_name"]}"#,
            ),
            (r#"{"receiver\u005fname":"x","b":"\"}"}"#, r#"{"b":"\"}"}"#),
            (r#"{"Receiver_Name":"x","receiverPhone":"x"}"#, "{}"),
            (r#"{"a":"x","cs_remark":"\\","b":true}"#, r#"{"a":"x","b":true}"#),
            ("null", "null"),
            ("[]", "[]"),
        ] {
            assert_eq!(stripped(json), expected, "from {json}");
        }
    }

    #[test]
    fn a_field_that_is_asked_for_is_kept() {
        let keep = BTreeSet::from(["receiver_province".to_owned()]);
        assert_eq!(
            strip(r#"{"receiver_name":"x","receiver_province":330000}"#, &keep),
            r#"{"receiver_province":330000}"#
        );
    }

    #[test]
    fn every_listed_field_is_personal_and_business_fields_are_not() {
        for name in PERSONAL_FIELDS {
            assert!(is_personal(name), "{name}");
        }
        for name in
            ["customer_no", "remark", "shop_no", "src_tids", "invoice_type", "logistics_no", "fenxiao_nick"]
        {
            assert!(!is_personal(name), "{name}");
        }
    }

    /// JSON of any shape, with personal and other names at every depth.
    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let name = prop_oneof![Just("receiver_name".to_owned()), Just("id_card".to_owned()), ".{0,6}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map(name, inner, 0..5)
                    .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn without_personal(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Array(items) => items.into_iter().map(without_personal).collect(),
            serde_json::Value::Object(fields) => fields
                .into_iter()
                .filter(|(name, _)| !is_personal(name))
                .map(|(name, value)| (name, without_personal(value)))
                .collect(),
            leaf => leaf,
        }
    }

    proptest! {
        #[test]
        fn nothing_but_the_personal_fields_is_cut(value in any_json()) {
            for text in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
                let left: serde_json::Value = serde_json::from_str(&stripped(&text)).unwrap();
                prop_assert_eq!(left, without_personal(value.clone()));
            }
        }
    }
}
