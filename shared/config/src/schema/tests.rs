//! The schema and the reader agree: every key of one is in the other, and what is shipped keeps to both.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use toml::Spanned;

use super::*;
use crate::section::Section;
use crate::shape::Sketch;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

fn drawn() -> Value {
    serde_json::from_str(&schema()).unwrap()
}

/// The paths of all keys.
fn paths(keys: &Keys) -> BTreeSet<String> {
    keys.shapes.keys().cloned().collect()
}

#[test]
fn every_key_is_described_in_both_languages_and_nothing_else_is() {
    let keys: BTreeSet<String> = &paths(&keys(false)) | &paths(&keys(true));
    let (document, errors) = DeTable::parse_recoverable(DESCRIPTIONS);
    assert!(errors.is_empty(), "{errors:?}");
    let described: BTreeSet<String> =
        document.get_ref().keys().map(|key| key.get_ref().to_string()).collect();
    let not: Vec<&String> = keys.difference(&described).collect();
    assert!(not.is_empty(), "describe these keys in descriptions.toml: {not:#?}");
    let none: Vec<&String> = described.difference(&keys).collect();
    assert!(none.is_empty(), "the reader asks for no such keys: {none:#?}");
    for (path, text) in descriptions() {
        let (zh, en) = text.split_once('\n').unwrap_or_else(|| panic!("{path} has one language"));
        assert!(!zh.is_ascii() && en.is_ascii(), "{path}: Chinese first, then English");
    }
}

#[test]
fn the_shipped_schema_is_the_one_that_the_reader_draws() {
    let shipped = fs::read_to_string(folder().join("dougong.schema.json")).unwrap_or_default();
    let hint = "cargo run -p dougong-config --example schema > config/dougong.schema.json";
    assert!(shipped == schema(), "config/dougong.schema.json is not what the reader asks for: {hint}");
    let rules = fs::read_to_string(folder().join("dougong.toml")).unwrap();
    assert!(rules.starts_with("#:schema ./dougong.schema.json\n"), "editors find the schema by this line");
}

/// Writes a value that a shape allows.
fn sample(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Template(_) => "\"x\"".to_owned(),
        Shape::Url => "\"https://example.cn\"".to_owned(),
        Shape::Choice(names) => format!("{:?}", names[0]),
        Shape::List => "[1]".to_owned(),
        Shape::Flag => "true".to_owned(),
        Shape::Whole(range) => range.start().to_string(),
        Shape::Decimal => "0.5".to_owned(),
        Shape::Duration => "\"60s\"".to_owned(),
        Shape::Section | Shape::Named => "{}".to_owned(),
        Shape::Texts => "{ a = \"goods\" }".to_owned(),
        Shape::Fields(names) => format!("{{ {} = \"1\" }}", names[0]),
    }
}

/// What the reader says of a text, and every key it asked for.
fn read(text: &str) -> (Vec<String>, Keys) {
    let sketch = Sketch::default();
    let (document, syntax) = DeTable::parse_recoverable(text);
    assert!(syntax.is_empty(), "{syntax:?} in {text}");
    let env = |_: &str| Some("x".to_owned());
    let report = Report { sketch: Some(&sketch), ..Report::new(Page { file: "", text }, &env) };
    crate::load::ask_root(Section::root(&report, Some(&document)), &report);
    let messages = report.errors.into_inner().into_iter().map(|error| error.message).collect();
    (messages, sketch.into_keys())
}

#[test]
fn every_key_of_the_schema_is_one_that_the_reader_takes() {
    for (bills, extra) in [(false, ""), (true, "schemes.s.source.bill = \"rec\"\n")] {
        for (path, shape) in keys(bills).shapes {
            if matches!(shape, Shape::Section | Shape::Named) {
                continue;
            }
            let path = path.replace("schemes.*", "schemes.s").replace("tables.*", "tables.t");
            // What a section's keys depend on stands beside them.
            let auth = path.starts_with("store.incoming.sig").then_some("store.incoming.auth = \"md5\"\n");
            let outgoing =
                path.starts_with("store.outgoing.sig").then_some("store.outgoing.auth = \"md5\"\n");
            let extra = if path == "schemes.s.source.bill" { "" } else { extra };
            let beside = [auth, outgoing].into_iter().flatten().collect::<String>();
            let (messages, _) = read(&format!("{extra}{beside}{path} = {}\n", sample(&shape)));
            let wrong: Vec<&String> = messages
                .iter()
                .filter(|message| message.contains("unknown key") || message.contains("is a "))
                .collect();
            assert!(wrong.is_empty(), "{path}: {wrong:?}");
        }
    }
}

#[test]
fn every_key_that_the_reader_asks_for_is_in_the_schema() {
    let known = &paths(&keys(false)) | &paths(&keys(true));
    let shipped = fs::read_to_string(folder().join("dougong.toml")).unwrap();
    let more = "[store]\nincoming = { auth = \"md5\" }\noutgoing = { auth = \"hmac-sha256\" }\n\
                [tables.departments]\nkeys = [\"a\"]\n[schemes.s.source]\nbill = \"sale\"\n";
    for text in [shipped.as_str(), more, ""] {
        for path in read(text).1.shapes.into_keys() {
            let mut path = path;
            for named in ["schemes.", "tables."] {
                if let Some(rest) = path.strip_prefix(named) {
                    let below = rest.split_once('.').map(|(_, below)| format!(".{below}"));
                    path = format!("{named}*{}", below.unwrap_or_default());
                }
            }
            assert!(known.contains(&path), "the reader asks for `{path}`, which the schema does not have");
        }
    }
}

/// Turns what stands in a file into what the schema is about.
fn json(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(number.as_str().replace('_', "").parse::<i64>().unwrap()),
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(time) => json!(time.to_string()),
        DeValue::Array(items) => items.iter().map(json).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value))).collect()
        }
    }
}

/// Checks a value against the keywords that our schema uses, and panics at any other.
fn violations(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64(),
                    "number" => value.is_number(),
                    other => panic!("type {other}"),
                };
                rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is))
            }
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(text, rule.as_str().unwrap())),
            "required" => {
                rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "items" => {
                value.as_array().into_iter().flatten().for_each(|item| violations(item, rule, path, found));
                true
            }
            "properties" => {
                for (key, below) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(key) {
                        violations(below, rule, &format!("{path}.{key}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = |key: &str| schema["properties"].get(key).is_some();
                for (key, below) in value.as_object().into_iter().flatten().filter(|(key, _)| !known(key)) {
                    match rule {
                        Value::Bool(false) => found.push(format!("{path}.{key}: unknown")),
                        rule => violations(below, rule, &format!("{path}.{key}"), found),
                    }
                }
                true
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|rule| {
                let mut wrong = Vec::new();
                violations(value, rule, path, &mut wrong);
                wrong.is_empty()
            }),
            other => panic!("keyword {other}"),
        };
        if !holds {
            found.push(format!("{path}: {keyword}"));
        }
    }
}

/// Matches the few patterns of our schema.
fn matches(text: &str, pattern: &str) -> bool {
    pattern.split('|').any(|one| match one {
        "\\$\\{" => text.contains("${"),
        "^\\s*$" => text.trim().is_empty(),
        "^https?://" => text.starts_with("http://") || text.starts_with("https://"),
        "^\\s*[0-9]+\\s*[dhms]\\s*$" => text
            .trim()
            .strip_suffix(['d', 'h', 'm', 's'])
            .is_some_and(|count| count.trim().parse::<u64>().is_ok()),
        other => panic!("pattern {other}"),
    })
}

fn judged(text: &str) -> Vec<String> {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    let document: Value =
        document.get_ref().iter().map(|(key, value)| (key.get_ref().to_string(), json(value))).collect();
    violations(&document, &drawn(), "", &mut found);
    found
}

#[test]
fn what_is_shipped_keeps_to_the_schema_and_a_slip_does_not() {
    let shipped = fs::read_to_string(folder().join("dougong.toml")).unwrap();
    assert_eq!(judged(&shipped), Vec::<String>::new());
    for (right, wrong, found) in [
        ("tenant = ", "tenent = ", ".tenent: unknown"),
        ("page_size = 100", "page_size = 101", ".wdt.page_size: anyOf"),
        ("sign_method = \"md5\"", "sign_method = \"md4\"", ".wdt.sign_method: anyOf"),
        ("read_timeout = \"60s\"", "read_timeout = 60", ".wdt.read_timeout: type"),
        ("policy = \"line\"", "", ".schemes.online-sales: anyOf"),
        ("bill = \"declare\"", "bill = \"declared\"", ".schemes.declared: anyOf"),
        ("rescan_days = 2", "book = true", ".schemes.online-sales: anyOf"),
    ] {
        assert!(shipped.contains(right), "{right}");
        let told = judged(&shipped.replacen(right, wrong, 1));
        assert!(told.iter().any(|told| told == found), "{wrong}: {told:?}");
    }
}
