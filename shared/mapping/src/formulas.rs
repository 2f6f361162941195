//! Formulas (公式) and scripts (脚本): fields of the voucher that a tenant sets by expressions over the document.
//!
//! ```text
//! text ──► words: which fields it names ──► checked when the configuration is loaded (no engine)
//!   └────► program, compiled once ──► run on each finished voucher ──► fields set, or every problem
//! ```
//!
//! The engine stands behind [`Program`], and only what maps documents makes one: a function that maps nothing does not
//! carry the engine.

mod catalogue;
mod cells;
mod direct;
mod engine;
mod functions;
mod lexed;
mod lookups;
mod program;
mod source;
mod targets;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use dougong_bip::Order;
use dougong_values::Quantity;
use dougong_wdt::is_personal;

use crate::nearest::did_you_mean;
use crate::problem::Problem;
use crate::tables::Tables;

pub(crate) use catalogue::Document;
pub(crate) use engine::Fault;
pub(crate) use source::Source;
pub(crate) use targets::{Place, Side};

use catalogue::Part;
use lexed::{Column, Use};
use targets::Class;

/// The longest formula or script, in bytes.
const LONGEST: usize = 16 << 10;

/// Returns the fields of the head that formulas may set, under all their names.
pub fn head_targets() -> Vec<&'static str> {
    Side::Head.settable().collect()
}

/// Returns the fields of a line that formulas may set, under all their names.
pub fn line_targets() -> Vec<&'static str> {
    Side::Lines.settable().collect()
}

/// A formula or a script as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormulaText {
    /// The field of the voucher that it sets; empty for a script, which names the fields it sets itself.
    pub target: String,
    /// Where the field's name (of a script: its key) stands, in bytes of the file.
    pub key: Range<usize>,
    /// The text.
    pub text: String,
    /// Where the text stands with its quotes, in bytes of the file.
    pub value: Range<usize>,
    /// Where its first letter stands, in bytes of the file; none where escapes make text and file differ.
    pub start: Option<usize>,
    /// The line of its first letter, from 1.
    pub line: u32,
    /// The column of its first letter, from 1.
    pub column: u32,
}

/// The formulas of a scheme, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct FormulaTexts {
    /// The file, as messages call it.
    pub file: String,
    /// What sets fields of the head.
    pub head: Vec<FormulaText>,
    /// What sets fields of every line.
    pub lines: Vec<FormulaText>,
    /// The script for the head.
    pub head_script: Option<FormulaText>,
    /// The script for every line.
    pub lines_script: Option<FormulaText>,
}

/// What is wrong with a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormulaProblem {
    /// Which formula, below `[schemes.<id>.mapping]`: `formulas.lines.memo`, `scripts.head`.
    pub name: String,
    /// What is meant, in bytes of the file.
    pub span: Range<usize>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl FormulaTexts {
    /// Returns every formula and script with its name and what it is written for, in the order they are run.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Side, String, &FormulaText)> {
        let formula = |side: Side| move |formula| (side, FormulaText::name(formula, side), formula);
        let lines = self.lines.iter().chain(&self.lines_script).map(formula(Side::Lines));
        let head = self.head.iter().chain(&self.head_script).map(formula(Side::Head));
        lines.chain(head)
    }

    fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Returns the personal fields of WDT that formulas name: those survive the cut when pages are read.
    pub fn personal_fields(&self) -> BTreeSet<String> {
        let mut personal = BTreeSet::new();
        for (.., formula) in self.all() {
            let words = lexed::words(&formula.text);
            let named = words.uses.into_iter().map(|field| field.name).chain(words.texts);
            personal.extend(named.filter(|name| is_personal(name)));
        }
        personal
    }
}

impl FormulaText {
    fn name(&self, side: Side) -> String {
        match self.target.as_str() {
            "" => format!("scripts.{}", side.as_str()),
            target => format!("formulas.{}.{target}", side.as_str()),
        }
    }

    /// Returns what a place of the text, in bytes, is in the file.
    fn at(
        &self,
        name: &str,
        at: usize,
        length: usize,
        message: String,
        hint: Option<String>,
    ) -> FormulaProblem {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let breaks = before.matches('\n').count();
        let letters = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let (line, column) = self.place(breaks + 1, letters + 1);
        let span = match self.start {
            Some(start) => start + at..start + at + length.max(1),
            None => self.value.clone(),
        };
        FormulaProblem { name: name.to_owned(), span, line, column, message, hint }
    }

    /// Returns what a line and a column of the text, both from 1, are in the file.
    fn place(&self, line: usize, column: usize) -> (u32, u32) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        match (self.start, line) {
            (None, _) => (self.line, self.column),
            (Some(_), 0 | 1) => (self.line, self.column + count(column.saturating_sub(1))),
            (Some(_), _) => (self.line + count(line - 1), count(column)),
        }
    }
}

/// Formulas with what they are compiled to.
#[derive(Clone, Default)]
pub(crate) struct Formulas {
    texts: Arc<FormulaTexts>,
    compiled: Arc<OnceLock<Compiled>>,
}

type Compiled = Result<Arc<dyn Program>, Vec<FormulaProblem>>;

impl std::fmt::Debug for Formulas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Formulas").field("texts", &self.texts).finish_non_exhaustive()
    }
}

/// Parses every formula and script, whatever else is wrong with the configuration; returns what is none. For a program
/// that maps documents: it brings the engine with it.
pub fn formula_syntax(texts: &FormulaTexts) -> Vec<FormulaProblem> {
    program::syntax(texts)
}

/// A finished voucher on its way through the formulas.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    /// The voucher.
    pub(crate) order: Order,
    /// The tax rate of each line.
    pub(crate) tax_rates: Vec<Quantity>,
    /// The line of the document that each line was made of; none for the postage.
    pub(crate) origins: Vec<Option<usize>>,
    /// Which formula set which field: `(line, wire name)` → place in [`FormulaTexts::all`]. No line is the head.
    pub(crate) set: Vec<((Option<usize>, &'static str), usize)>,
}

/// Compiled formulas.
pub(crate) trait Program: Send + Sync {
    /// Sets the fields; or tells every problem of every formula.
    fn run(&self, source: &Source<'_>, draw: Draw) -> Result<Draw, Vec<Problem>>;
}

impl Formulas {
    /// Takes texts in which nothing is wrong.
    pub(crate) fn new(texts: FormulaTexts) -> Self {
        Self { texts: Arc::new(texts), compiled: Arc::default() }
    }

    /// Checks what can be checked without the engine; tables that cannot be read are not asked.
    pub(crate) fn problems(
        texts: &FormulaTexts,
        document: Document,
        vouchers: Place,
        tables: Option<&Tables>,
    ) -> Vec<FormulaProblem> {
        let mut problems = Vec::new();
        let mut seen: Vec<(Side, &str)> = Vec::new();
        for (side, name, formula) in texts.all() {
            if let Some((message, hint)) = wrong_target(side, formula, vouchers, &mut seen) {
                let FormulaText { key, line, column, .. } = formula;
                let (span, line, column) = (key.clone(), *line, *column);
                problems.push(FormulaProblem { name: name.clone(), span, line, column, message, hint });
            }
            let mut note =
                |at, length, message, hint| problems.push(formula.at(&name, at, length, message, hint));
            if formula.text.trim().is_empty() {
                note(0, 0, "the formula is empty".to_owned(), Some("leave its line out".to_owned()));
            } else if formula.text.len() > LONGEST {
                note(0, 0, format!("the formula is longer than {LONGEST} bytes"), None);
            }
            let words = lexed::words(&formula.text);
            for (called, at) in
                words.calls.iter().filter(|(called, _)| !lexed::FUNCTIONS.contains(&called.as_str()))
            {
                let close = did_you_mean(called, lexed::FUNCTIONS.iter().copied());
                let hint = close.unwrap_or_else(|| "the functions are listed in docs/mapping.md".to_owned());
                note(*at, called.len(), format!("there is no function `{called}`"), Some(hint));
            }
            if let Some(tables) = tables {
                for (table, at) in words.tables.iter().filter(|(table, _)| !tables.is_declared(table)) {
                    let names = || tables.declared().map(|declared| declared.name.as_str());
                    let declare = || "declare it in dougong.toml: [tables.…]".to_owned();
                    let hint = did_you_mean(table, names()).unwrap_or_else(declare);
                    note(*at, table.len(), format!("there is no table `{table}`"), Some(hint));
                }
                for Column { table, name, at } in &words.columns {
                    if let Some(miss) = tables.column_miss(table, name) {
                        let columns = tables.columns(table).unwrap_or_default();
                        let hint = did_you_mean(name, columns).unwrap_or_else(|| miss.hint());
                        note(*at, name.len(), miss.to_string(), Some(hint));
                    }
                }
            }
            for field in words.uses {
                if let Some((message, hint)) = unknown_field(&field, document) {
                    note(field.at, field.name.len(), message, hint);
                }
            }
        }
        problems
    }

    /// Returns the texts.
    pub(crate) fn texts(&self) -> &FormulaTexts {
        &self.texts
    }

    /// Compiles the formulas, once; returns everything that is wrong with them.
    pub(crate) fn compile(
        &self,
        document: Document,
        tables: &Arc<Tables>,
    ) -> Result<(), Vec<FormulaProblem>> {
        self.program(document, tables).map(drop)
    }

    fn program(
        &self,
        document: Document,
        tables: &Arc<Tables>,
    ) -> Result<Option<&Arc<dyn Program>>, Vec<FormulaProblem>> {
        if self.texts.is_empty() {
            return Ok(None);
        }
        let compiled = self.compiled.get_or_init(|| program::compile(&self.texts, document, tables));
        compiled.as_ref().map(Some).map_err(Clone::clone)
    }

    /// Runs the formulas on a finished voucher.
    pub(crate) fn run(
        &self,
        source: &Source<'_>,
        tables: &Arc<Tables>,
        draw: Draw,
    ) -> Result<Draw, Vec<Problem>> {
        match self.program(source.document(), tables) {
            Ok(None) => Ok(draw),
            Ok(Some(program)) => program.run(source, draw),
            Err(problems) => Err(problems
                .iter()
                .map(|problem| program::problem(&self.texts.file, problem, "", ""))
                .collect()),
        }
    }
}

/// Tells what keeps a formula from setting its field.
fn wrong_target<'t>(
    side: Side,
    formula: &'t FormulaText,
    vouchers: Place,
    seen: &mut Vec<(Side, &'t str)>,
) -> Option<(String, Option<String>)> {
    let name = formula.target.as_str();
    if name.is_empty() {
        return None;
    }
    let Some(target) = side.find(name) else {
        let other = if side == Side::Head { Side::Lines } else { Side::Head };
        let elsewhere = other
            .find(name)
            .map(|_| format!("it is a field of the {0}: write it in formulas.{0}", other.as_str()));
        let hint = elsewhere.or_else(|| did_you_mean(name, side.names()));
        return Some((format!("BIP knows no field `{name}` in the {}", side.as_str()), hint));
    };
    if seen.contains(&(side, target.name)) {
        return Some((format!("`{name}` is set by another formula already"), None));
    }
    seen.push((side, target.name));
    match target.class {
        Class::Derived(instead) => {
            Some((format!("`{name}` cannot be set by a formula"), Some(instead.to_owned())))
        }
        _ if vouchers == Place::Both && target.place == Place::Orders => {
            Some((format!("a sale return has no field `{name}`"), None))
        }
        _ => None,
    }
}

/// Tells what is wrong with a field that a formula names; a base that is not one of ours is judged when it is run.
fn unknown_field(field: &Use, document: Document) -> Option<(String, Option<String>)> {
    let name = field.name.as_str();
    let unknown = |what: &str, names: &mut dyn Iterator<Item = &'static str>, elsewhere: Option<String>| {
        let hint = elsewhere.or_else(|| did_you_mean(name, names));
        Some((format!("{what} has no field `{name}`"), hint))
    };
    let in_source =
        |part: Part| catalogue::find(document, part, name).is_some() || source::alias(part, name).is_some();
    let names_of = |part: Part| catalogue::fields(document, part).map(|(name, _)| name);
    match field.base.as_deref()? {
        "order" if !in_source(Part::Head) => {
            let elsewhere = in_source(Part::Line).then(|| format!("a line of it has: write `line.{name}`"));
            unknown("the document", &mut names_of(Part::Head), elsewhere)
        }
        "line" if !in_source(Part::Line) => {
            let elsewhere = in_source(Part::Head).then(|| format!("the document has: write `order.{name}`"));
            unknown("a line of the document", &mut names_of(Part::Line), elsewhere)
        }
        "voucher" if Side::Head.find(name).is_none() => {
            let elsewhere = Side::Lines.find(name).map(|_| format!("a line has: write `item.{name}`"));
            unknown("the voucher's head", &mut Side::Head.names(), elsewhere)
        }
        "item" if Side::Lines.find(name).is_none() && name != "taxRate" => {
            let elsewhere = Side::Head.find(name).map(|_| format!("the head has: write `voucher.{name}`"));
            unknown("a line of the voucher", &mut Side::Lines.names(), elsewhere)
        }
        _ => None,
    }
}
