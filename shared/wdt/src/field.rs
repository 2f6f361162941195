//! Reading single fields, whose types WDT mixes: strings or numbers, nulls, empty texts, zero dates.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use dougong_values::{BeijingTime, InvalidTime};
use serde_json::value::RawValue;

/// The text of one field, whichever way it was written: `110` and `"110"` are both `110`.
///
/// A list or an object is its JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldText<'a>(Cow<'a, str>);

impl<'a> FieldText<'a> {
    /// Reads a field's value; `None` for null.
    pub(crate) fn of(raw: &'a RawValue) -> Option<Self> {
        Self::of_json(raw.get())
    }

    fn of_json(text: &'a str) -> Option<Self> {
        let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return (text != "null").then_some(Self(Cow::Borrowed(text)));
        };
        // A text with an escape that means nothing (half a surrogate pair) stays as it was written.
        let unescaped = inner.contains('\\').then(|| serde_json::from_str(text).ok()).flatten();
        Some(Self(unescaped.map_or(Cow::Borrowed(inner), Cow::Owned)))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a time, in every form that WDT sends; `None` for the zero date and for an empty text.
    pub fn time(&self) -> Result<Option<BeijingTime>, InvalidTime> {
        let text = self.0.trim();
        if text.is_empty() { Ok(None) } else { time(text) }
    }

    /// Returns the text as its own.
    pub fn into_owned(self) -> String {
        self.0.into_owned()
    }
}

impl fmt::Display for FieldText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Finds a field of a JSON object by its name. The text was read as JSON before.
pub(crate) fn find<'a>(object: &'a str, name: &str) -> Option<FieldText<'a>> {
    find_all(object, &[name], 0..0).pop().flatten()
}

/// Finds several fields of a JSON object in one pass; of a name that is there twice, the last. The names are sorted,
/// and the text was read as JSON before; `list` is where a long value stands, if that is known.
pub(crate) fn find_all<'a>(
    object: &'a str,
    names: &[&str],
    list: Range<usize>,
) -> Vec<Option<FieldText<'a>>> {
    let mut found = vec![None; names.len()];
    // What is no object has no fields.
    if let (Some(mut members), false) = (Members::of(object, list), names.is_empty()) {
        let kinds = names.iter().fold(0, |kinds, name| kinds | kind(name.as_bytes()));
        while let Some((key, value)) = members.next() {
            if let Some(found) = key.place(names, kinds).and_then(|place| found.get_mut(place)) {
                *found = object.get(value);
            }
        }
    }
    found.into_iter().map(|raw| raw.and_then(FieldText::of_json)).collect()
}

/// A key as it is written between its quotes.
struct Key<'a> {
    written: &'a [u8],
    is_escaped: bool,
}

impl Key<'_> {
    /// Finds it among sorted names; `kinds` are those of the names.
    fn place(&self, names: &[&str], kinds: u64) -> Option<usize> {
        if self.is_escaped {
            let quoted = format!("\"{}\"", str::from_utf8(self.written).ok()?);
            let unescaped: String = serde_json::from_str(&quoted).ok()?;
            return names.binary_search(&unescaped.as_str()).ok();
        }
        // Most keys are none of the names, and this tells so at once.
        if kind(self.written) & kinds == 0 {
            return None;
        }
        names.binary_search_by(|name| name.as_bytes().cmp(self.written)).ok()
    }
}

/// One bit of 64 for names of the same length, first and last letter.
fn kind(name: &[u8]) -> u64 {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 1 };
    1 << ((usize::from(first.wrapping_mul(7) ^ last) ^ (name.len() << 2)) & 63)
}

/// The members of a JSON object, one after the other: the key, and where the value stands. Text that is no JSON ends
/// them.
struct Members<'a> {
    text: &'a [u8],
    at: usize,
    /// A value whose end is known.
    list: Range<usize>,
}

impl<'a> Members<'a> {
    fn of(object: &'a str, list: Range<usize>) -> Option<Self> {
        let mut members = Self { text: object.as_bytes(), at: 0, list };
        members.blanks();
        members.mark(b'{').then_some(members)
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// Goes behind a mark, if it stands here.
    fn mark(&mut self, mark: u8) -> bool {
        let is_here = self.byte() == Some(mark);
        self.at += usize::from(is_here);
        is_here
    }

    /// Goes behind the next of these bytes and returns it.
    #[inline]
    fn next_of<const N: usize>(&mut self, bytes: [u8; N]) -> Option<u8> {
        // Eight bytes at a time; the lowest of those that are equal is told exactly.
        const LOW: u64 = u64::from_le_bytes([1; 8]);
        const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
        while let Some(eight) = self.text.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*eight);
            let equal = bytes.iter().fold(0, |equal, &byte| {
                let other = word ^ u64::from_le_bytes([byte; 8]);
                equal | (other.wrapping_sub(LOW) & !other & HIGH)
            });
            if equal != 0 {
                let place = equal.trailing_zeros() as usize / 8;
                self.at += place + 1;
                return eight.get(place).copied();
            }
            self.at += 8;
        }
        loop {
            let byte = self.byte()?;
            self.at += 1;
            if bytes.contains(&byte) {
                return Some(byte);
            }
        }
    }

    /// Goes behind the quote that ends a text; tells whether there are escapes in it.
    fn text(&mut self) -> Option<bool> {
        let mut is_escaped = false;
        while self.next_of([b'"', b'\\'])? == b'\\' {
            is_escaped = true;
            self.at += 1;
        }
        Some(is_escaped)
    }

    /// Goes behind the value here.
    fn value(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' => {
                self.at += 1;
                self.text().map(drop)
            }
            b'{' | b'[' if self.at == self.list.start => {
                self.at = self.list.end;
                Some(())
            }
            b'{' | b'[' => self.nested(),
            _ => {
                while !matches!(self.byte()?, b',' | b'}' | 0..=b' ') {
                    self.at += 1;
                }
                Some(())
            }
        }
    }

    /// Goes behind the bracket that closes the one here.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next_of([b'"', b'{', b'}', b'[', b']'])? {
                b'"' => drop(self.text()?),
                b'{' | b'[' => depth += 1,
                _ if depth == 1 => return Some(()),
                _ => depth -= 1,
            }
        }
    }

    fn next(&mut self) -> Option<(Key<'a>, Range<usize>)> {
        self.blanks();
        if self.mark(b',') {
            self.blanks();
        }
        let start = self.at + 1;
        if !self.mark(b'"') {
            return None;
        }
        let is_escaped = self.text()?;
        let key = Key { written: self.text.get(start..self.at - 1)?, is_escaped };
        self.blanks();
        if !self.mark(b':') {
            return None;
        }
        self.blanks();
        let start = self.at;
        self.value()?;
        Some((key, start..self.at))
    }
}

/// A field that could not be read, with its path in the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where: `details_list[0].share_amount`.
    pub path: String,
    /// What is wrong with it, with its value.
    pub message: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Where in a row the fields being read stand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Head,
    Line(usize),
    Position(usize, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => Ok(()),
            Self::Line(line) => write!(f, "details_list[{line}]."),
            Self::Position(line, position) => {
                write!(f, "details_list[{line}].position_list[{position}].")
            }
        }
    }
}

/// Reads the fields of one place and notes every problem, so that a person sees all of them at once.
pub(crate) struct Fields<'p> {
    pub(crate) place: Place,
    pub(crate) problems: &'p mut Vec<FieldProblem>,
}

type Raw<'a> = Option<&'a RawValue>;

impl Fields<'_> {
    /// Reads a text without its outer blanks; an empty one is none.
    #[expect(clippy::unused_self, reason = "reads like its sisters, which note problems")]
    pub(crate) fn text(&self, raw: Raw<'_>) -> Option<String> {
        let text = raw.and_then(FieldText::of)?;
        let trimmed = text.as_str().trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// Reads a field that may be absent, null or empty.
    pub(crate) fn optional<T>(&mut self, name: &str, raw: Raw<'_>) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.read(name, raw, T::from_str)
    }

    /// Reads a field that must be there; its absence is a problem.
    pub(crate) fn required<T>(&mut self, name: &str, raw: Raw<'_>) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let problems_before = self.problems.len();
        let read = self.optional(name, raw);
        if read.is_none() && self.problems.len() == problems_before {
            self.problem(name, "is missing or empty".to_owned());
        }
        read
    }

    /// Reads a code of WDT's enumerations (状态, 类型); the zero of "0" is a code like any other.
    pub(crate) fn code(&mut self, name: &str, raw: Raw<'_>) -> Option<u32> {
        self.read(name, raw, |text| text.parse().map_err(|_| format!("{:?} is not a code", cut(text))))
    }

    /// Reads a time; the zero date means none.
    pub(crate) fn time(&mut self, name: &str, raw: Raw<'_>) -> Option<BeijingTime> {
        self.read(name, raw, time).flatten()
    }

    fn read<T, E: fmt::Display>(
        &mut self,
        name: &str,
        raw: Raw<'_>,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = raw.and_then(FieldText::of)?;
        let trimmed = text.as_str().trim();
        if trimmed.is_empty() {
            return None;
        }
        match read(trimmed) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, error.to_string());
                None
            }
        }
    }

    pub(crate) fn problem(&mut self, name: &str, message: String) {
        self.problems.push(FieldProblem { path: format!("{}{name}", self.place), message });
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Reads `yyyy-MM-dd HH:mm:ss`, a date alone, fractions of a second (dropped), and the epoch seconds or
/// milliseconds that a sibling product sends.
fn time(text: &str) -> Result<Option<BeijingTime>, InvalidTime> {
    if text.starts_with("0000-00-00") || text == "0" {
        return Ok(None);
    }
    if text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: Option<i64> = text.parse().ok();
        let seconds = number.map(|number| if text.len() > 10 { number / 1000 } else { number });
        let read = seconds.and_then(BeijingTime::from_epoch_seconds);
        return read.map(Some).ok_or_else(|| InvalidTime { text: cut(text) });
    }
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn strings_and_numbers_are_the_same_text() {
        for (json, expected) in [
            ("110", Some("110")),
            ("\"110\"", Some("110")),
            ("180.0000", Some("180.0000")),
            ("9007199254740993123", Some("9007199254740993123")),
            ("\"\"", Some("")),
            ("null", None),
            (r#""a\"b\u4e2d""#, Some("a\"b中")),
            (r#""\ud800""#, Some("\\ud800")),
            ("true", Some("true")),
            (r#"[{"a":1}]"#, Some(r#"[{"a":1}]"#)),
        ] {
            let raw = raw(json);
            assert_eq!(FieldText::of(&raw).as_ref().map(FieldText::as_str), expected, "from {json}");
        }
    }

    #[test]
    fn a_field_is_found_by_its_name_alone() {
        let object = r#"{"a":{"b":1},"b":"two","c":null}"#;
        assert_eq!(find(object, "b").unwrap().as_str(), "two");
        assert_eq!(find(object, "c"), None);
        assert_eq!(find(object, "d"), None);
        assert_eq!(find("7", "a"), None);
    }

    #[test]
    fn several_fields_are_found_in_one_pass() {
        let object = r#"{"a":{"b":1},"b":"two","c":null,"d":4.0}"#;
        let found = find_all(object, &["b", "c", "d", "e"], 0..0);
        let texts: Vec<_> = found.iter().map(|text| text.as_ref().map(FieldText::as_str)).collect();
        assert_eq!(texts, [Some("two"), None, Some("4.0"), None]);
        assert_eq!(find_all("7", &["a"], 0..0), [None]);
    }

    #[test]
    fn keys_and_values_are_found_however_they_are_written() {
        let object = " {\n \"a\\u0062\" : \"x\\\"}\" , \"c\":[{\"ab\":\"]\"},\"\\\\\"] ,\"d\" :-1.5e3\t,\"d\":null,\"e\":{}}";
        let found = find_all(object, &["ab", "c", "d", "e"], 0..0);
        let texts: Vec<_> = found.iter().map(|text| text.as_ref().map(FieldText::as_str)).collect();
        assert_eq!(texts, [Some("x\"}"), Some(r#"[{"ab":"]"},"\\"]"#), None, Some("{}")]);
    }

    #[test]
    fn text_that_is_no_json_has_no_fields() {
        for text in [
            "",
            "{",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{\"a\":[",
            "{\"a\":7",
            "[]",
            "{,",
        ] {
            assert_eq!(find_all(text, &["a"], 0..0), [None], "in {text}");
        }
    }

    /// A JSON object in every way of writing it: blanks, escapes, nesting, keys that are there twice.
    fn objects() -> impl Strategy<Value = String> {
        let blank = "[ \n\t\r]{0,2}";
        let text = prop_oneof![
            3 => "[a-e]{1,2}",
            1 => r#"([a-e 中{}\[\],:]|\\["\\/bfnrt]|\\u00[2-7][0-9a-f]|\\ud83d\\ude00){0,8}"#,
        ];
        let text = text.prop_map(|inner| format!("\"{inner}\"")).boxed();
        let scalar = prop_oneof![
            text.clone(),
            "(null|true|false)",
            r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        ];
        let object = |value: BoxedStrategy<String>| {
            let member = (blank, text.clone(), blank, blank, value, blank);
            let member = member.prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
            (blank, vec(member, 0..8)).prop_map(|(inside, members)| {
                format!("{{{}}}", if members.is_empty() { inside } else { members.join(",") })
            })
        };
        let value = scalar.boxed().prop_recursive(3, 24, 4, move |value| {
            let list = vec((blank, value.clone(), blank), 0..4);
            let list = list.prop_map(|items| {
                let items: Vec<_> = items.into_iter().map(|(a, value, b)| format!("{a}{value}{b}")).collect();
                format!("[{}]", items.join(","))
            });
            let member = (vec("[a-e]", 0..4), value).prop_map(|(keys, value)| {
                let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(", "))
            });
            prop_oneof![list, member]
        });
        (blank, object(value.boxed())).prop_map(|(before, object)| format!("{before}{object}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn fields_are_found_as_serde_json_finds_them(object in objects()) {
            let whole: HashMap<String, Box<RawValue>> = serde_json::from_str(&object).unwrap();
            let mut names: Vec<&str> = whole.keys().map(String::as_str).chain(["a", "bb", "zz"]).collect();
            names.sort_unstable();
            names.dedup();
            let expected: Vec<_> =
                names.iter().map(|&name| whole.get(name).and_then(|raw| FieldText::of(raw))).collect();
            prop_assert_eq!(&find_all(&object, &names, 0..0), &expected);
            for (name, expected) in names.iter().zip(expected) {
                prop_assert_eq!(find(&object, name), expected);
            }
        }

        #[test]
        fn any_text_is_searched_without_a_panic(text in r#"[{}\[\]",:\\ab中 ]{0,24}"#) {
            find_all(&text, &["a", "b"], 0..0);
        }
    }

    #[test]
    fn times_are_read_in_every_form_they_come_in() {
        let noon: BeijingTime = "2024-11-11 12:00:00".parse().unwrap();
        for text in ["2024-11-11 12:00:00", "2024-11-11 12:00:00.0", "1731297600000", "1731297600"] {
            assert_eq!(time(text), Ok(Some(noon)), "from {text}");
        }
        assert_eq!(time("2026-05-01"), Ok(Some("2026-05-01 00:00:00".parse().unwrap())));
        for none in ["0000-00-00 00:00:00", "0000-00-00", "0"] {
            assert_eq!(time(none), Ok(None), "from {none}");
        }
        assert!(time("soon").is_err());
        assert!(time("2024-02-30 00:00:00").is_err());
    }
}
