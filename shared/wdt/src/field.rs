//! Reading single fields, whose types WDT mixes: strings or numbers, nulls, empty texts, zero dates.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use dougong_values::{BeijingTime, InvalidTime};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text of one field, whichever way it was written: `110` and `"110"` are both `110`.
///
/// A list or an object is its JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldText<'a>(Cow<'a, str>);

impl<'a> FieldText<'a> {
    /// Reads a field's value; `None` for null.
    pub(crate) fn of(raw: &'a RawValue) -> Option<Self> {
        let text = raw.get();
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

/// Finds a field of a JSON object by its name.
pub(crate) fn find<'a>(object: &'a str, name: &str) -> Option<FieldText<'a>> {
    let mut reader = serde_json::Deserializer::from_str(object);
    reader.deserialize_map(Find(name)).ok().flatten().and_then(FieldText::of)
}

/// Finds several fields of a JSON object in one pass. The names are sorted.
pub(crate) fn find_all<'a>(object: &'a str, names: &[&str]) -> Vec<Option<FieldText<'a>>> {
    let mut found = vec![None; names.len()];
    if !names.is_empty() {
        let mut reader = serde_json::Deserializer::from_str(object);
        // What is no object has no fields.
        let _ = reader.deserialize_map(FindAll { names, found: &mut found });
    }
    found.into_iter().map(|raw| raw.and_then(FieldText::of)).collect()
}

struct FindAll<'n, 'f, 'de> {
    names: &'n [&'n str],
    found: &'f mut [Option<&'de RawValue>],
}

impl<'de> Visitor<'de> for FindAll<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(place) = fields.next_key_seed(OneOf(self.names))? {
            match place.and_then(|place| self.found.get_mut(place)) {
                Some(found) => *found = Some(fields.next_value()?),
                None => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Looks a key up among sorted names without keeping it.
struct OneOf<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for OneOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for OneOf<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.binary_search(&key).ok())
    }
}

struct Find<'n>(&'n str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = fields.next_key_seed(Is(self.0))? {
            if is_it {
                found = Some(fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a key without keeping it.
struct Is<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
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
        let found = find_all(object, &["b", "c", "d", "e"]);
        let texts: Vec<_> = found.iter().map(|text| text.as_ref().map(FieldText::as_str)).collect();
        assert_eq!(texts, [Some("two"), None, Some("4.0"), None]);
        assert_eq!(find_all("7", &["a"]), [None]);
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
