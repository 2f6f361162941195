//! `[schemes.<id>]`: what is read from WDT, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dougong_mapping::rules::Choice;
use dougong_mapping::{FormulaProblem, Mapping, RuleProblem, Rules, Tables};
use dougong_store::BillKind;
use dougong_values::{BeijingTime, SchemeId};

use crate::bill_scheme::{BillScheme, bill_scheme};
use crate::rules;
use crate::section::{Report, Section};

/// An integration scheme (集成方案) for stockouts of WDT.
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

/// Where problems of tables are noted.
pub(crate) type TableProblems<'a> = &'a mut dyn FnMut(dougong_mapping::TableProblem);

/// The schemes of either source.
#[derive(Default)]
pub(crate) struct Schemes {
    pub(crate) stockouts: BTreeMap<SchemeId, Scheme>,
    pub(crate) bills: BTreeMap<SchemeId, BillScheme>,
}

enum AnyScheme {
    Stockouts(Box<Scheme>),
    Bills(Box<BillScheme>),
}

/// Reads all schemes. Without tables (their problems are noted) the rules are still checked by themselves.
pub(crate) fn schemes(
    root: &Section<'_>,
    report: &Report<'_>,
    tables: Option<&Arc<Tables>>,
    table_problem: TableProblems<'_>,
) -> Schemes {
    root.need("schemes");
    let sections = root.named_sections("schemes");
    if sections.is_empty() {
        let hint = "write at least [schemes.online-sales] with its source and mapping".to_owned();
        root.note("schemes", "there is no scheme".to_owned(), Some(hint));
    }
    let mut schemes = Schemes::default();
    for (name, span, section) in sections {
        let id = name.parse::<SchemeId>();
        match &id {
            Err(error) => report.note(span, error.to_string(), None),
            Ok(id) if *id == SchemeId::unassigned() => {
                let hint = Some("choose another name".to_owned());
                report.note(span, format!("`{id}` is what a bill without a scheme goes by"), hint);
            }
            Ok(_) => {}
        }
        match (id, scheme(section, tables, &mut *table_problem)) {
            (Ok(id), Some(AnyScheme::Stockouts(read))) => drop(schemes.stockouts.insert(id, *read)),
            (Ok(id), Some(AnyScheme::Bills(read))) => drop(schemes.bills.insert(id, *read)),
            // What is wrong is noted.
            _ => {}
        }
    }
    schemes
}

fn scheme(
    section: Section<'_>,
    tables: Option<&Arc<Tables>>,
    table_problem: TableProblems<'_>,
) -> Option<AnyScheme> {
    let on_change = section.choice("on_change").unwrap_or_default();
    section.need("source");
    let source_section = section.section("source");
    let mapping_section = section.section("mapping");
    let bill = source_section.variant::<BillKind>("bill");
    if let Ok(Some(kind)) = bill {
        section.finish();
        let read = bill_scheme(kind, on_change, source_section, mapping_section, tables, table_problem);
        return read.map(Box::new).map(AnyScheme::Bills);
    }
    if bill.is_err() {
        // Which keys the source may have is not known.
        return None;
    }
    section.finish();
    let source = source(source_section);
    let (rules, formulas) = rules::rules(&mapping_section);
    note_formulas(&mapping_section, mapping_section.syntax(&formulas));
    let mapping = if let (Some(rules), Some(tables)) = (rules, tables) {
        let mapping = Mapping::new(Rules { formulas, ..rules }, Arc::clone(tables));
        joined(&mapping_section, table_problem, mapping)
    } else {
        let problems = Mapping::formula_problems(&formulas, tables.map(Arc::as_ref));
        note_formulas(&mapping_section, problems);
        None
    };
    mapping_section.finish();
    Some(AnyScheme::Stockouts(Box::new(Scheme { source: source?, on_change, mapping: mapping? })))
}

/// Takes what rules and tables make together; notes every place where they do not fit.
pub(crate) fn joined<M>(
    section: &Section<'_>,
    table_problem: TableProblems<'_>,
    joined: Result<M, Vec<RuleProblem>>,
) -> Option<M> {
    match joined {
        Ok(mapping) => Some(mapping),
        Err(problems) => {
            for problem in problems {
                match problem {
                    RuleProblem::Table(problem) => table_problem(problem),
                    RuleProblem::Rule { path, message, hint } => section.note_below(path, &message, hint),
                    RuleProblem::Formula(problem) => note_formulas(section, vec![problem]),
                }
            }
            None
        }
    }
}

/// Notes what is wrong with formulas.
pub(crate) fn note_formulas(section: &Section<'_>, problems: Vec<FormulaProblem>) {
    for FormulaProblem { name, span, message, hint, .. } in problems {
        section.note_span(span, format!("`{name}`: {message}"), hint);
    }
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
