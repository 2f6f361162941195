//! JSON as the store system writes it: keys that repeat, lists that are none. Nothing is converted here; every
//! value stays the text it was.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::warning::WarningName;

/// How deep a text may nest: a push needs seven levels.
const DEEPEST: usize = 24;

/// Tells whether a text nests deeper than any bill does.
pub(crate) fn is_too_deep(json: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What a JSON value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Null,
    Text,
    Number,
    Bool,
    List,
    Object,
}

impl Form {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// Returns the form of a valid JSON value.
pub(crate) fn form(json: &str) -> Form {
    match json.trim_start().bytes().next() {
        Some(b'"') => Form::Text,
        Some(b'{') => Form::Object,
        Some(b'[') => Form::List,
        Some(b't' | b'f') => Form::Bool,
        Some(b'n') | None => Form::Null,
        Some(_) => Form::Number,
    }
}

/// Reads the text of a scalar; `None` for null, lists and objects. A text with an escape that means nothing
/// (half a surrogate pair) stays as it was written.
pub(crate) fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match form(json) {
        Form::Text => {
            let inner = json.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))?;
            let unescaped = inner.contains('\\').then(|| serde_json::from_str(json).ok()).flatten();
            Some(unescaped.map_or(Cow::Borrowed(inner), Cow::Owned))
        }
        Form::Number | Form::Bool => Some(Cow::Borrowed(json.trim())),
        Form::Null | Form::List | Form::Object => None,
    }
}

/// Tells whether a value says nothing: null or an empty text.
pub(crate) fn is_blank(json: &str) -> bool {
    form(json) == Form::Null
        || (form(json) == Form::Text && scalar(json).is_some_and(|text| text.trim().is_empty()))
}

/// An object with every value it holds, repeated keys included. Names are found without regard to case.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    fields: BTreeMap<String, Values<'a>>,
}

/// The values of one name.
#[derive(Debug)]
struct Values<'a> {
    written: Cow<'a, str>,
    all: Vec<&'a str>,
    asked: Cell<bool>,
}

/// The value of a field that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'o, 'a> {
    /// The name as it was written.
    pub(crate) written: &'o str,
    /// The value's JSON text.
    pub(crate) json: &'a str,
    /// All values of the name, in the order they came.
    pub(crate) all: &'o [&'a str],
}

impl<'a> Object<'a> {
    /// Reads an object; `Err` has no part of the text.
    pub(crate) fn read(json: &'a str) -> Result<Self, String> {
        if form(json) != Form::Object {
            return Err(format!("is {}, not a JSON object", form(json).name()));
        }
        serde_json::from_str(json).map_err(|error| {
            format!("is not a whole JSON object (line {}, column {})", error.line(), error.column())
        })
    }

    /// Returns the value of a name that counts: of several the last number, else the last that says something,
    /// else the last (N5). The name counts as known from now on.
    pub(crate) fn get(&self, name: &str) -> Option<Found<'_, 'a>> {
        let values = self.fields.get(name)?;
        values.asked.set(true);
        let by = |rule: fn(&str) -> bool| values.all.iter().rev().find(|json| rule(json));
        let json = by(|json| form(json) == Form::Number)
            .or_else(|| by(|json| !is_blank(json)))
            .or_else(|| by(|_| true))?;
        Some(Found { written: &values.written, json, all: &values.all })
    }

    /// Returns every name nobody asked for, as it was written, with its last value.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = (&str, &'a str)> {
        let unasked = self.fields.values().filter(|values| !values.asked.get());
        unasked.filter_map(|values| Some((values.written.as_ref(), *values.all.last()?)))
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object<'de>, A::Error> {
        let mut fields: BTreeMap<String, Values<'de>> = BTreeMap::new();
        while let Some(Name(name)) = access.next_key()? {
            let value: &RawValue = access.next_value()?;
            let values = fields.entry(name.trim().to_ascii_lowercase()).or_insert_with(|| Values {
                written: name,
                all: Vec::new(),
                asked: Cell::new(false),
            });
            values.all.push(value.get());
        }
        Ok(Object { fields })
    }
}

/// A key, borrowed where it holds no escape.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// How a list was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    /// As a list, or not at all.
    Plainly,
    /// As one object.
    One,
    /// As a JSON text inside a string.
    InText,
    /// As a list in a list.
    Nested,
    /// As an empty text.
    Blank,
}

impl Listed {
    /// Returns the tolerance that reading the list used, and its words.
    pub(crate) const fn tolerance(self) -> Option<(WarningName, &'static str)> {
        match self {
            Self::Plainly => None,
            Self::One => Some((WarningName::OneForList, "one object where a list is documented")),
            Self::InText => Some((WarningName::ListInText, "a list inside a text")),
            Self::Nested => Some((WarningName::NestedList, "a list inside a list")),
            Self::Blank => Some((WarningName::BlankForList, "an empty text where a list is documented")),
        }
    }
}

/// Reads a list whichever way it was written (`OneOrMany`); `Err` says what else it is.
pub(crate) fn list(json: &str) -> Result<(Vec<Cow<'_, str>>, Listed), String> {
    match form(json) {
        Form::Null => Ok((Vec::new(), Listed::Plainly)),
        Form::Object => Ok((vec![Cow::Borrowed(json)], Listed::One)),
        Form::List => {
            let elements = elements(json)?;
            let nested = elements.iter().any(|element| form(element) == Form::List);
            if !nested {
                return Ok((elements.into_iter().map(Cow::Borrowed).collect(), Listed::Plainly));
            }
            let mut flat = Vec::new();
            for element in elements {
                match form(element) {
                    Form::List => flat.extend(self::elements(element)?.into_iter().map(Cow::Borrowed)),
                    _ => flat.push(Cow::Borrowed(element)),
                }
            }
            Ok((flat, Listed::Nested))
        }
        Form::Text if is_blank(json) => Ok((Vec::new(), Listed::Blank)),
        Form::Text => {
            let text = scalar(json).unwrap_or_default().trim().to_owned();
            let inside = if matches!(form(&text), Form::List | Form::Object) && !is_too_deep(&text) {
                list(&text).ok()
            } else {
                None
            };
            let (elements, _) = inside.ok_or("is a text, not a list")?;
            let owned = elements.into_iter().map(|element| Cow::Owned(element.into_owned())).collect();
            Ok((owned, Listed::InText))
        }
        other => Err(format!("is {}, not a list", other.name())),
    }
}

fn elements(json: &str) -> Result<Vec<&str>, String> {
    let raw: Vec<&RawValue> = serde_json::from_str(json)
        .map_err(|error| format!("is not a whole list (line {}, column {})", error.line(), error.column()))?;
    Ok(raw.into_iter().map(RawValue::get).collect())
}
