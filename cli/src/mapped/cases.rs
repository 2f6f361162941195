//! `dougong test`: a tenant's own cases, `tests/*.toml` in the configuration's folder. Each names a document and what is
//! expected of its voucher, or why it is not booked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dougong_config::Config;
use dougong_values::{Quantity, SchemeId};
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use dougong_operate::{Field, fields};

use super::{Outcome, configuration, document, in_language, outcome, scheme_of, usual_folder};
use crate::arguments::TestArguments;
use crate::chinese;
use crate::lang::{Lang, Texts};

const PASSED: Texts = Texts { en: "passed", zh: "通过" };
const FAILED: Texts = Texts { en: "failed", zh: "失败" };
const NO_CASES: Texts = Texts {
    en: "error: there are no cases\nhint: write tests/NAME.toml in the configuration's folder: a document and what is expected of it (docs/mapping.md)\n",
    zh: "错误：没有用例\n提示：请在配置目录中编写 tests/名称.toml：一张单据和期望的结果（docs/mapping.zh-CN.md）\n",
};

/// The keys of a case.
const KEYS: &str = "document or json; scheme; expect, absent, problem or excluded";

/// Runs every case: 0 if all pass.
pub(crate) fn run(options: &TestArguments) -> ExitCode {
    let lang = Lang::choose(options.lang, &|name| std::env::var(name).ok());
    let folder = usual_folder(options.folder.as_ref());
    let config = match configuration(&folder, lang) {
        Ok(config) => config,
        Err(text) => {
            eprint!("{text}");
            return ExitCode::FAILURE;
        }
    };
    let cases = cases(&folder.join("tests"));
    if cases.is_empty() {
        eprint!("{}", lang.pick(NO_CASES));
        return ExitCode::FAILURE;
    }
    let results: Vec<(&PathBuf, Vec<String>)> =
        cases.iter().map(|file| (file, failures(&config, file, lang))).collect();
    let failed = results.iter().filter(|(_, failures)| !failures.is_empty()).count();
    let text = if options.json {
        let case = |(file, failures): &(&PathBuf, Vec<String>)| json!({ "case": file, "passed": failures.is_empty(), "failures": failures });
        format!("{:#}\n", Value::Array(results.iter().map(case).collect()))
    } else {
        let mut lines = Vec::new();
        for (file, failures) in &results {
            let word = lang.pick(if failures.is_empty() { PASSED } else { FAILED });
            lines.push(format!("{word}  {}\n", file.display()));
            lines.extend(failures.iter().map(|failure| format!("  {failure}\n")));
        }
        let passed = results.len() - failed;
        lines.push(format!("\n{passed} {}, {failed} {}\n", lang.pick(PASSED), lang.pick(FAILED)));
        lines.concat()
    };
    let printed = io::stdout().lock().write_all(text.as_bytes());
    if failed == 0 && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns the files of the cases, sorted by name.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort_unstable();
    files
}

/// Returns everything in which a document does not become what its case expects.
fn failures(config: &Config, file: &Path, lang: Lang) -> Vec<String> {
    let failures = checked(config, file, lang).unwrap_or_else(|problem| vec![problem]);
    match lang {
        Lang::En => failures,
        Lang::Zh => failures.iter().map(|failure| chinese::said(failure)).collect(),
    }
}

fn checked(config: &Config, file: &Path, lang: Lang) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let (case, syntax) = DeTable::parse_recoverable(&text);
    if let Some(error) = syntax.first() {
        return Err(error.to_string());
    }
    let case = case.get_ref();
    let known = ["document", "json", "scheme", "expect", "absent", "problem", "excluded"];
    if let Some(key) = case.keys().find(|key| !known.contains(&key.get_ref().as_ref())) {
        return Err(format!("unknown key `{}`: a case has {KEYS}", key.get_ref()));
    }
    let named = |key: &str| case.get(key).and_then(|value| value.get_ref().as_str());
    let scheme: Option<SchemeId> = named("scheme")
        .map(str::parse)
        .transpose()
        .map_err(|error: dougong_values::InvalidId| error.to_string())?;
    let json = match (named("json"), named("document")) {
        (Some(json), _) => json.to_owned(),
        (None, Some(name)) => {
            let path = file.parent().unwrap_or(Path::new("")).join(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        (None, None) => return Err(format!("the case has no document: a case has {KEYS}")),
    };
    let document = document(config, &json, scheme.as_ref())?;
    let scheme =
        scheme_of(config, &document, scheme.as_ref(), lang).map_err(|failure| failure.to_string())?;
    let outcome = outcome(config, &scheme, &document);
    if let Some(reason) = named("problem") {
        return Ok(match &outcome {
            Outcome::Parked(problems) if problems.iter().any(|problem| problem.reason() == reason) => {
                Vec::new()
            }
            other => vec![format!("problem: {reason} expected, but {}", became(other, lang))],
        });
    }
    if let Some(reason) = named("excluded") {
        return Ok(match &outcome {
            Outcome::Excluded(found) if found == reason => Vec::new(),
            other => vec![format!("excluded: {reason} expected, but {}", became(other, lang))],
        });
    }
    let Outcome::Booked(explained) = &outcome else {
        return Ok(vec![format!("a voucher was expected, but {}", became(&outcome, lang))]);
    };
    let pair = |Field { field, value }: Field| (field, value);
    let found: BTreeMap<String, String> = fields(&explained.voucher).into_iter().map(pair).collect();
    let mut failures = Vec::new();
    let expected = case.get("expect").and_then(|value| value.get_ref().as_table());
    for (path, value) in expected.into_iter().flatten() {
        let path = path.get_ref().as_ref();
        let wanted = wanted(value.get_ref());
        match found.get(path) {
            Some(is) if agrees(&wanted, is) => {}
            Some(is) => failures.push(format!("{path}: {wanted} expected, but it is {is}")),
            None => failures.push(format!("{path}: {wanted} expected, but it is not sent")),
        }
    }
    let absent = case.get("absent").and_then(|value| value.get_ref().as_array());
    for name in absent.into_iter().flatten().filter_map(|value| value.get_ref().as_str()) {
        if let Some(is) = found.get(name) {
            failures.push(format!("{name}: expected not to be sent, but it is {is}"));
        }
    }
    Ok(failures)
}

fn became(outcome: &Outcome, lang: Lang) -> String {
    match outcome {
        Outcome::Booked(_) => "it is booked".to_owned(),
        Outcome::Excluded(reason) => format!("it is excluded: {reason}"),
        Outcome::Parked(problems) => {
            let told: Vec<String> = problems.iter().map(|problem| in_language(problem, lang)).collect();
            format!("it is parked: {}", told.join("; "))
        }
    }
}

/// Returns what is expected as it would be written in JSON.
fn wanted(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => serde_json::to_string(text.as_ref()).unwrap_or_default(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        _ => "?".to_owned(),
    }
}

/// Numbers agree by value, everything else as it is written.
fn agrees(wanted: &str, is: &str) -> bool {
    match (wanted.parse::<Quantity>(), is.parse::<Quantity>()) {
        (Ok(wanted), Ok(is)) => wanted == is,
        _ => wanted == is,
    }
}
