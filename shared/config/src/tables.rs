//! `[tables.<name>]`: tables of the tenant's own, declared so that rules can look them up.

use dougong_mapping::{OwnTable, Reference, STANDARD_TABLES, did_you_mean};

use crate::rules::text;
use crate::section::{Report, Section};

/// Reads every declaration. One that is wrong is noted and left out.
pub(crate) fn own_tables(root: &Section<'_>, report: &Report<'_>) -> Vec<OwnTable> {
    const KEYS: &str = "name the columns that a row is found by, such as keys = [\"shop_no\"]";
    let mut declared = Vec::new();
    let sections = root.named_sections("tables");
    let names: Vec<String> = sections.iter().map(|(name, ..)| name.clone()).collect();
    for (name, span, section) in sections {
        if STANDARD_TABLES.contains(&name.as_str()) {
            let hint =
                format!("choose another name; file = \"{name}.csv\" makes it a second view of that table");
            report.note(span, format!("there is a table `{name}` already"), Some(hint));
        }
        let file = text(&section, "file").unwrap_or_else(|| format!("{name}.csv"));
        let is_file = !file.contains(['/', '\\']) && file.to_ascii_lowercase().ends_with(".csv");
        if !is_file {
            let hint = "write the name of a .csv file below tables/".to_owned();
            section.note("file", format!("`tables.{name}.file` is `{file}`"), Some(hint));
        }
        let keys: Vec<String> = section.list("keys", KEYS).unwrap_or_default();
        if keys.is_empty() {
            section.missing("keys", KEYS);
        }
        if let Some(twice) =
            keys.iter().enumerate().find_map(|(place, key)| keys[..place].contains(key).then_some(key))
        {
            section.note("keys", format!("`{twice}` is named twice"), None);
        }
        let (from, to) = (text(&section, "from"), text(&section, "to"));
        for (end, column) in [("from", &from), ("to", &to)] {
            if column.as_ref().is_some_and(|column| keys.contains(column)) {
                section.note(end, format!("`tables.{name}.{end}` is a key column, too"), None);
            }
        }
        if from.is_some() && from == to {
            section.note("to", "`from` and `to` are the same column".to_owned(), None);
        }
        let mut refers = Vec::new();
        for (column, table) in section.named_texts("refers") {
            let known = || names.iter().map(String::as_str).chain(STANDARD_TABLES);
            if known().all(|name| name != table.value) {
                let hint = did_you_mean(&table.value, known())
                    .unwrap_or_else(|| format!("the tables are {}", known().collect::<Vec<_>>().join(", ")));
                report.note(table.span, format!("there is no table `{}`", table.value), Some(hint));
            }
            refers.push(Reference { column, table: table.value });
        }
        section.finish();
        if is_file && !keys.is_empty() {
            declared.push(OwnTable { name, file, keys, from, to, refers });
        }
    }
    for table in &declared {
        for Reference { column, table: other } in &table.refers {
            if declared.iter().any(|known| known.name == *other && known.keys.len() > 1) {
                let hint = "only a table of one key column can be referred to".to_owned();
                let message = format!("`{column}` refers to `{other}`, which has several key columns");
                root.note_below(&format!("tables.{}.refers.{column}", table.name), &message, Some(hint));
            }
        }
    }
    declared
}
