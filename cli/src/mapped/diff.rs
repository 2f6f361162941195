//! `dougong diff`: the same documents under two configurations, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::process::ExitCode;

use dougong_mapping::Problem;
use dougong_operate::{Field, fields};
use serde_json::{Value, json};

use super::{Outcome, configuration, in_language, outcome, read, scheme_of};
use crate::arguments::DiffArguments;
use crate::lang::{Lang, Texts};

const SAME: Texts = Texts { en: "nothing changes", zh: "没有变化" };
const CHANGED: Texts = Texts { en: "documents change, of", zh: "张单据有变化，共" };
const NONE: &str = "–";

/// Compares: 0 if no voucher changes, 1 if one does.
pub(crate) fn run(options: &DiffArguments) -> ExitCode {
    let lang = Lang::choose(options.lang, &|name| std::env::var(name).ok());
    match compared(options, lang) {
        Ok((text, changed)) => {
            let printed = io::stdout().lock().write_all(text.as_bytes());
            if changed == 0 && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the report, and how many documents change.
fn compared(options: &DiffArguments, lang: Lang) -> Result<(String, usize), String> {
    let configs = [configuration(&options.before, lang)?, configuration(&options.after, lang)?];
    let mut lines = Vec::new();
    let mut all: Vec<Value> = Vec::new();
    for file in &options.documents {
        let mut sides = Vec::new();
        for config in &configs {
            let document =
                read(config, file, options.scheme.as_ref(), lang).map_err(|failure| failure.to_string())?;
            let scheme = scheme_of(config, &document, options.scheme.as_ref(), lang);
            let scheme = scheme.map_err(|failure| failure.to_string())?;
            sides.push(said(&outcome(config, &scheme, &document), lang));
        }
        let paths: BTreeSet<&String> = sides.iter().flat_map(BTreeMap::keys).collect();
        let value = |side: usize, path: &String| sides[side].get(path).map_or(NONE, String::as_str);
        let changes: Vec<_> = paths
            .into_iter()
            .map(|path| (path, value(0, path), value(1, path)))
            .filter(|(_, before, after)| before != after)
            .collect();
        if changes.is_empty() {
            continue;
        }
        lines.push(format!("{}\n", file.display()));
        lines.extend(changes.iter().map(|(path, before, after)| format!("  {path}: {before} → {after}\n")));
        let changes: Vec<Value> = changes
            .iter()
            .map(|(path, before, after)| json!({ "field": path, "before": before, "after": after }))
            .collect();
        all.push(json!({ "document": file, "changes": changes }));
    }
    let changed = all.len();
    if options.json {
        return Ok((format!("{:#}\n", Value::Array(all)), changed));
    }
    match changed {
        0 => lines.push(format!("{}\n", lang.pick(SAME))),
        _ => lines.push(format!("\n{changed} {} {}\n", lang.pick(CHANGED), options.documents.len())),
    }
    Ok((lines.concat(), changed))
}

/// Everything that can differ about what becomes of a document.
fn said(outcome: &Outcome, lang: Lang) -> BTreeMap<String, String> {
    match outcome {
        Outcome::Booked(explained) => {
            let pair = |Field { field, value }: Field| (field, value);
            fields(&explained.voucher).into_iter().map(pair).collect()
        }
        Outcome::Excluded(reason) => BTreeMap::from([("excluded".to_owned(), reason.clone())]),
        Outcome::Parked(problems) => {
            let problem = |(index, problem): (usize, &Problem)| {
                (format!("problem[{index}]"), in_language(problem, lang))
            };
            problems.iter().enumerate().map(problem).collect()
        }
    }
}
