//! `[schemes.<id>]`: what is read from WDT, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dougong_mapping::rules::Choice;
use dougong_mapping::{Mapping, RuleProblem, Tables};
use dougong_values::{BeijingTime, SchemeId};

use crate::rules;
use crate::section::{Report, Section};

/// An integration scheme (集成方案).
#[derive(Debug, Clone)]
pub struct Scheme {
    /// What is asked for.
    pub source: Source,
    /// What becomes of a document that changes after it was booked.
    pub on_change: OnChange,
    /// How a document becomes a voucher.
    pub mapping: Mapping,
}

/// `[schemes.<id>.source]`: which documents are asked for, and on which clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The status asked for (出库单状态); absent, shipped and completed ones come.
    pub status: Option<u32>,
    /// Whether the clock is `modified` where a status alone would make it the time of shipping.
    pub by_modified: bool,
    /// Where the very first run begins.
    pub start: BeijingTime,
    /// How far behind the present a run stays, in seconds: WDT writes late.
    pub lag_seconds: i64,
    /// How much of the last run's time is read again, in seconds.
    pub overlap_seconds: i64,
    /// The longest window, in seconds.
    pub max_span_seconds: i64,
    /// The days that the nightly re-scan reads again.
    pub rescan_days: i64,
}

/// What becomes of a document that changes after it was booked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnChange {
    /// It is parked with both versions: a person decides (default).
    #[default]
    Hold,
    /// The first version stays booked, the change is only counted.
    Ignore,
}

impl Choice for OnChange {
    const NAMES: &'static [(&'static str, Self)] = &[("hold", Self::Hold), ("ignore", Self::Ignore)];
}

const DAY: i64 = 86_400;

/// Reads all schemes. Without tables (their problems are noted) the rules are still checked by themselves.
pub(crate) fn schemes(
    root: &Section<'_>,
    report: &Report<'_>,
    tables: Option<&Arc<Tables>>,
    table_problem: &mut dyn FnMut(dougong_mapping::TableProblem),
) -> BTreeMap<SchemeId, Scheme> {
    let sections = root.named_sections("schemes");
    if sections.is_empty() {
        let hint = "write at least [schemes.online-sales] with its source and mapping".to_owned();
        root.note("schemes", "there is no scheme".to_owned(), Some(hint));
    }
    let mut schemes = BTreeMap::new();
    for (name, span, section) in sections {
        let id = name.parse::<SchemeId>();
        if let Err(error) = &id {
            report.note(span, error.to_string(), None);
        }
        let read = scheme(section, tables, table_problem);
        if let (Ok(id), Some(read)) = (id, read) {
            schemes.insert(id, read);
        }
    }
    schemes
}

fn scheme(
    section: Section<'_>,
    tables: Option<&Arc<Tables>>,
    table_problem: &mut dyn FnMut(dougong_mapping::TableProblem),
) -> Option<Scheme> {
    let on_change = section.choice("on_change").unwrap_or_default();
    let source = source(section.section("source"));
    let mapping_section = section.section("mapping");
    let rules = rules::rules(&mapping_section);
    section.finish();
    let mapping = match (tables, rules) {
        (Some(tables), Some(rules)) => match Mapping::new(rules, Arc::clone(tables)) {
            Ok(mapping) => Some(mapping),
            Err(problems) => {
                for problem in problems {
                    match problem {
                        RuleProblem::Table(problem) => table_problem(problem),
                        RuleProblem::Rule { path, message, hint } => {
                            mapping_section.note_below(path, &message, hint);
                        }
                    }
                }
                None
            }
        },
        _ => None,
    };
    mapping_section.finish();
    Some(Scheme { source: source?, on_change, mapping: mapping? })
}

fn source(section: Section<'_>) -> Option<Source> {
    if !section.is_there() {
        section.missing("source", "write [schemes.<id>.source] with at least `start`");
        return None;
    }
    let start = section
        .required_parsed::<BeijingTime>("start", "where the first run begins: \"2026-11-01 00:00:00\"");
    let source = Source {
        status: section.whole("status", 0..=999),
        by_modified: section.flag("by_modified").unwrap_or(true),
        start: start.unwrap_or_else(|| BeijingTime::from_epoch_seconds(0).unwrap_or_else(BeijingTime::now)),
        lag_seconds: section.seconds("lag", 0..=DAY).unwrap_or(5 * 60),
        overlap_seconds: section.seconds("overlap", 0..=DAY).unwrap_or(2 * 60),
        max_span_seconds: section.seconds("max_span", 60..=30 * DAY).unwrap_or(DAY),
        rescan_days: section.whole("rescan_days", 0..=30).map_or(2, i64::from),
    };
    section.finish();
    start.map(|_| source)
}
