//! The JSON Schema of `dougong.toml`, for editors: drawn from what the reader asks for, described in both languages.
//!
//! Nobody lists the keys a second time. The reader is led through its branches without a file ([`Keys::ask`]) and every
//! key it asks for is in the schema, with the shape it asks for. `descriptions.toml` says what each key means; a test
//! finds keys without a description and descriptions without a key.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::error::Page;
use crate::load::ask_root;
use crate::section::{Report, Section};
use crate::shape::{Keys, Shape};

#[cfg(test)]
mod tests;

const DESCRIPTIONS: &str = include_str!("descriptions.toml");

/// What a value from the environment looks like; the schema cannot know more of it.
const FROM_ENVIRONMENT: &str = "\\$\\{";
/// The same, or an empty text: what counts as absent.
const FROM_ENVIRONMENT_OR_NONE: &str = "\\$\\{|^\\s*$";

/// Returns the JSON Schema (draft 7, which editors know) of `dougong.toml` as a text.
pub fn schema() -> String {
    let descriptions = descriptions();
    let stockouts = keys(false);
    let bills = keys(true);
    let mut root = Drawing { keys: &stockouts, descriptions: &descriptions }.table("");
    let of_bills = Drawing { keys: &bills, descriptions: &descriptions }.table(SCHEME);
    if let Some(schemes) = root.pointer_mut("/properties/schemes/additionalProperties") {
        let of_stockouts = schemes.take();
        *schemes = json!({ "anyOf": [of_stockouts, of_bills] });
    }
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("dougong.toml");
    format!("{root:#}\n")
}

/// The path of a scheme, whose keys depend on its source.
const SCHEME: &str = "schemes.*";

/// Returns every key, with the schemes for stockouts or those for store bills.
fn keys(bills: bool) -> Keys {
    Keys::ask(bills, |sketch| {
        let page = Page { file: "", text: "" };
        let report = Report { sketch: Some(sketch), ..Report::new(page, &|_| None) };
        ask_root(Section::root(&report, None), &report);
    })
}

/// Returns what each key means, by its path: in Chinese and in English.
fn descriptions() -> BTreeMap<String, String> {
    let (document, _) = DeTable::parse_recoverable(DESCRIPTIONS);
    let mut descriptions = BTreeMap::new();
    for (path, value) in document.get_ref() {
        let DeValue::Array(texts) = value.get_ref() else { continue };
        let texts: Vec<&str> = texts.iter().filter_map(|text| text.get_ref().as_str()).collect();
        descriptions.insert(path.get_ref().to_string(), texts.join("\n"));
    }
    descriptions
}

struct Drawing<'a> {
    keys: &'a Keys,
    descriptions: &'a BTreeMap<String, String>,
}

impl Drawing<'_> {
    /// Draws a table of known keys; the path of the whole file is empty.
    fn table(&self, path: &str) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (below, shape) in self.children(path) {
            let key = below.rsplit('.').next().unwrap_or(below);
            properties.insert(key.to_owned(), self.value(below, shape));
            if self.is_required(below) {
                required.push(key);
            }
        }
        let mut table = json!({ "type": "object", "additionalProperties": false, "properties": properties });
        if !required.is_empty() {
            table["required"] = json!(required);
        }
        table
    }

    fn children<'s>(&'s self, path: &'s str) -> impl Iterator<Item = (&'s str, &'s Shape)> {
        self.keys.shapes.iter().filter_map(move |(below, shape)| {
            let parent = below.rsplit_once('.').map_or("", |(parent, _)| parent);
            (parent == path).then_some((below.as_str(), shape))
        })
    }

    /// Tells whether a key must be there: it is needed, or it is the section of one that is.
    fn is_required(&self, path: &str) -> bool {
        if self.keys.needed.contains(path) {
            return true;
        }
        !self.keys.may_be_missing.contains(path)
            && self.keys.shapes.get(path) == Some(&Shape::Section)
            && self.children(path).any(|(below, _)| self.is_required(below))
    }

    fn value(&self, path: &str, shape: &Shape) -> Value {
        let mut value = match shape {
            Shape::Text | Shape::Template(_) => json!({ "type": "string" }),
            Shape::Url => {
                json!({ "type": "string", "pattern": format!("^https?://|{FROM_ENVIRONMENT_OR_NONE}") })
            }
            Shape::Choice(names) => or_text(&json!({ "enum": names }), FROM_ENVIRONMENT_OR_NONE),
            Shape::List => json!({ "type": "array", "items": { "type": ["string", "integer"] } }),
            Shape::Flag => or_text(&json!({ "type": "boolean" }), FROM_ENVIRONMENT),
            Shape::Whole(range) => {
                let number = json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() });
                or_text(&number, FROM_ENVIRONMENT)
            }
            Shape::Decimal => or_text(&json!({ "type": "number" }), FROM_ENVIRONMENT),
            Shape::Duration => {
                let pattern = format!("^\\s*[0-9]+\\s*[dhms]\\s*$|{FROM_ENVIRONMENT_OR_NONE}");
                json!({ "type": "string", "pattern": pattern })
            }
            Shape::Section => self.table(path),
            Shape::Named => {
                json!({ "type": "object", "additionalProperties": self.table(&format!("{path}.*")) })
            }
            Shape::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Shape::Fields(names) => {
                let text = |name: &&str| ((*name).to_owned(), json!({ "type": "string" }));
                let fields: Map<String, Value> = names.iter().map(text).collect();
                json!({ "type": "object", "additionalProperties": false, "properties": fields })
            }
        };
        if let Some(description) = self.descriptions.get(path) {
            let fields = match shape {
                Shape::Template(fields) => format!(" {{{}}}", fields.join("} {")),
                _ => String::new(),
            };
            value["description"] = json!(format!("{description}{fields}"));
        }
        value
    }
}

/// Draws a value that may come from the environment instead.
fn or_text(value: &Value, pattern: &str) -> Value {
    json!({ "anyOf": [value, { "type": "string", "pattern": pattern }] })
}
