//! A look-up in a table of the tenant's own that finds nothing: what was looked for, and what there is instead.
//!
//! Nothing found is never an empty text: it parks the document, unless the rule writes out what holds then.

use std::fmt;

use dougong_values::BeijingTime;

use crate::problem::{Problem, Reason};
use crate::tables::joined;

/// A look-up that found no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The table's name.
    pub table: String,
    /// The table's file; the name again if there is no such table.
    pub file: String,
    /// What was looked for, column by column.
    pub keys: Vec<String>,
    /// What is missing.
    pub kind: MissKind,
}

/// What a look-up did not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissKind {
    /// No table has this name. A rule that names its tables in full is told so when it is loaded.
    NoTable {
        /// The names most like it.
        closest: Vec<String>,
    },
    /// The table has another number of key columns.
    KeyCount {
        /// Its key columns.
        columns: Vec<String>,
    },
    /// No row has this key.
    NoRow {
        /// The existing keys most like it.
        closest: Vec<String>,
    },
    /// The rows of this key hold at other times.
    NotThen {
        /// When a row was looked for.
        at: BeijingTime,
        /// When there are rows.
        ranges: Vec<String>,
    },
    /// The rows hold for a time only, and the document lacks the time to look for.
    NoTime,
    /// The table has no such column.
    NoColumn {
        /// The column.
        column: String,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// The row is there and its cell is empty.
    EmptyCell {
        /// The column.
        column: String,
        /// The row's line in the file.
        line: u32,
    },
}

impl Miss {
    /// Says what to do about it.
    pub fn hint(&self) -> String {
        let file = &self.file;
        let key = joined(self.keys.iter().map(String::as_str));
        match &self.kind {
            MissKind::NoTable { closest } => suggested(closest, "declare it in dougong.toml: [tables.…]"),
            MissKind::KeyCount { columns } => format!("give one value for each of {}", columns.join(", ")),
            MissKind::NoRow { closest } => suggested(closest, &format!("add a row for `{key}` to {file}")),
            MissKind::NotThen { .. } => format!("add a row for `{key}` that holds then to {file}"),
            MissKind::NoTime => "say which time of the document counts".to_owned(),
            MissKind::NoColumn { columns, .. } => format!("its columns are {}", columns.join(", ")),
            MissKind::EmptyCell { column, line } => format!("fill `{column}` in line {line} of {file}"),
        }
    }

    /// Makes it a problem of a document: `rule` as a person finds it in the configuration, `target` and `source` the
    /// fields under their wire names.
    pub fn problem(&self, rule: &str, target: &str, source: &str) -> Problem {
        Problem {
            reason: Reason::LookupMissed,
            rule: rule.to_owned(),
            target: target.to_owned(),
            source: source.to_owned(),
            value: joined(self.keys.iter().map(String::as_str)),
            message: self.to_string(),
            hint: Some(self.hint()),
        }
    }
}

fn suggested(closest: &[String], otherwise: &str) -> String {
    let names: Vec<String> = closest.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        otherwise.to_owned()
    } else {
        format!("did you mean {}? Otherwise {otherwise}", names.join(" or "))
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, file, keys, kind } = self;
        let key = joined(keys.iter().map(String::as_str));
        match kind {
            MissKind::NoTable { .. } => write!(f, "there is no table `{table}`"),
            MissKind::KeyCount { columns } => {
                write!(f, "table `{table}` has {} key columns, {} were given", columns.len(), keys.len())
            }
            MissKind::NoRow { .. } => write!(f, "`{key}` is not in table `{table}` ({file})"),
            MissKind::NotThen { at, ranges } => {
                write!(f, "`{key}` is in table `{table}` ({file}) {}, not at {at}", ranges.join(" and "))
            }
            MissKind::NoTime => {
                write!(f, "rows of table `{table}` hold for a time only, and no time is given")
            }
            MissKind::NoColumn { column, .. } => {
                write!(f, "table `{table}` ({file}) has no column `{column}`")
            }
            MissKind::EmptyCell { column, .. } => {
                write!(f, "`{column}` of `{key}` is empty in table `{table}` ({file})")
            }
        }
    }
}

impl std::error::Error for Miss {}
