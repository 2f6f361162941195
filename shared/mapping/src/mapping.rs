//! The mapping of one scheme: rules and tables that fit each other, applied to one document at a time.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use dougong_bip::{Order, Voucher, check};
use dougong_values::{DocumentKey, SchemeId, TenantId};
use dougong_wdt::Stockout;

use crate::amounts::{LineFacts, Taxed};
use crate::complete::check_complete;
use crate::core::{Core, Defaults};
use crate::draft::Draft;
use crate::excluded::Exclusion;
use crate::formulas::{Document, Draw, FormulaProblem, FormulaTexts, Formulas, Place, Source};
use crate::head::{HeadFacts, cell_or};
use crate::nearest::did_you_mean;
use crate::problem::{Problem, Reason};
use crate::provenance::{Explained, Facts};
use crate::rules::{Choice, Postage, Rules};
use crate::tables::{TableProblem, Tables};

/// Whose document it is: what the idempotency key is derived from.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The merchant.
    pub tenant: &'a TenantId,
    /// The scheme that books it.
    pub scheme: &'a SchemeId,
    /// The document's key in the ledger.
    pub key: &'a DocumentKey,
}

/// A rule and a table that do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleProblem {
    /// A rule names what no table has.
    Rule {
        /// The rule below `[schemes.<id>.mapping]`: `postage.goods`.
        path: &'static str,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A row lacks what no rule gives either.
    Table(TableProblem),
    /// A formula sets or names what there is not.
    Formula(FormulaProblem),
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(problem) => fmt::Display::fmt(problem, f),
            Self::Formula(FormulaProblem { name, line, column, message, hint, .. }) => {
                write!(f, "{name}:{line}:{column}: {message}")?;
                hint.iter().try_for_each(|hint| write!(f, "; hint: {hint}"))
            }
            Self::Rule { path, message, hint } => {
                write!(f, "{path}: {message}")?;
                hint.iter().try_for_each(|hint| write!(f, "; hint: {hint}"))
            }
        }
    }
}

/// The mapping of one scheme.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) rules: Rules,
    pub(crate) tables: Arc<Tables>,
    pub(crate) defaults: Defaults,
    formulas: Formulas,
}

impl Mapping {
    /// Joins rules and tables; every place where they do not fit is returned at once.
    pub fn new(mut rules: Rules, tables: Arc<Tables>) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let defaults = Defaults::find(&rules.lines.constants, &tables, &mut problems);
        if let Postage::Line { goods } = &rules.postage.policy {
            check_names("postage.goods", [goods], &tables.goods, "tables/goods.csv", &mut problems);
        }
        let filter = &rules.filter;
        let (shops, warehouses) = (&tables.shops, &tables.warehouses);
        check_names("filter.shops", &filter.shops, shops, "tables/shops.csv", &mut problems);
        check_names(
            "filter.warehouses",
            &filter.warehouses,
            warehouses,
            "tables/warehouses.csv",
            &mut problems,
        );
        check_complete(&rules, &tables, &mut problems);
        let texts = std::mem::take(&mut rules.formulas);
        problems.extend(Self::formula_problems(&texts, Some(&tables)).into_iter().map(RuleProblem::Formula));
        let formulas = Formulas::new(texts);
        if problems.is_empty() { Ok(Self { rules, tables, defaults, formulas }) } else { Err(problems) }
    }

    /// Tells what is wrong with formulas for stockouts, as far as it shows before they are compiled, also where other
    /// rules or the tables cannot be read.
    pub fn formula_problems(texts: &FormulaTexts, tables: Option<&Tables>) -> Vec<FormulaProblem> {
        Formulas::problems(texts, Document::Stockout, Place::Orders, tables)
    }

    /// Compiles the formulas, once; returns everything that is wrong with them. A mapping whose formulas were not
    /// compiled does so with its first document.
    pub fn compile(&self) -> Result<(), Vec<FormulaProblem>> {
        self.formulas.compile(Document::Stockout, &self.tables)
    }

    /// Returns the personal fields of WDT that formulas name.
    pub fn personal_fields(&self) -> BTreeSet<String> {
        self.formulas.texts().personal_fields()
    }

    pub(crate) fn core(&self) -> Core<'_> {
        Core {
            head: &self.rules.head.constants,
            lines: &self.rules.lines.constants,
            tables: &self.tables,
            defaults: self.defaults,
        }
    }

    /// Tells whether the scheme leaves this document alone, and why.
    pub fn excluded(&self, stockout: &Stockout) -> Option<Exclusion> {
        self.rules.filter.excluded(stockout)
    }

    /// Makes a voucher of a document, checked against every rule of BIP; or says everything that is wrong.
    ///
    /// The filter is not asked again: what was queued is booked.
    pub fn map(&self, stockout: &Stockout, identity: &Identity<'_>) -> Result<Order, Vec<Problem>> {
        self.drawn(stockout, identity).map(|(draw, _)| draw.order)
    }

    /// Makes a voucher as [`Mapping::map`] does, and says where each of its fields came from.
    pub fn explain(&self, stockout: &Stockout, identity: &Identity<'_>) -> Result<Explained, Vec<Problem>> {
        let (draw, drafts) = self.drawn(stockout, identity)?;
        let mut problems = Vec::new();
        let shop = self.shop(stockout, &mut problems);
        let warehouse = self.warehouse(stockout, &mut problems);
        let Some(shop) = shop else { return Err(problems) };
        let files = &self.tables.files;
        let stock = warehouse
            .map(|row| (files.warehouses.as_str(), row.line, row.stock_org.is_some(), row.stock.is_some()));
        let facts = Facts {
            core: self.core(),
            parties: (&files.shops, shop.line, &shop.parties),
            stock,
            code: named(self.rules.head.code),
            date: named(self.rules.head.voucher_date),
            dispatch: "consign_time",
        };
        let voucher = Voucher::Order(draw.order.clone());
        Ok(facts.explain(&draw, self.formulas.texts(), &drafts, voucher))
    }

    fn drawn<'a>(
        &'a self,
        stockout: &'a Stockout,
        identity: &Identity<'_>,
    ) -> Result<(Draw, Vec<Draft<'a>>), Vec<Problem>> {
        let mut problems = Vec::new();
        let shop = self.shop(stockout, &mut problems);
        let warehouse = self.warehouse(stockout, &mut problems);
        let vouchdate = self.voucher_date(stockout, &mut problems);
        let code = self.code(stockout, &mut problems);
        self.check_receivable(stockout, &mut problems);
        let mut drafts = self.drafts(stockout, &mut problems);
        if drafts.is_empty() && problems.is_empty() {
            problems.push(no_lines(stockout));
        }
        // Lines with problems are not among the drafts: the postage can only be placed when all are.
        if problems.is_empty() {
            self.place_postage(stockout, &mut drafts, &mut problems);
        }

        let shared = self.core();
        let parties = shop.map(|shop| &shop.parties);
        let exch_rate = parties.map_or_else(Default::default, |parties| shared.currency(parties).1);
        let head = match (parties, vouchdate) {
            (Some(parties), Some(vouchdate)) => {
                let memo = self.rules.head.memo.as_ref().and_then(|memo| memo.render(stockout));
                Some(shared.order_head(identity, HeadFacts { parties, vouchdate, code, memo }))
            }
            _ => None,
        };
        let stock_org = warehouse.and_then(|warehouse| warehouse.stock_org.as_ref());
        let stock = warehouse.and_then(|warehouse| warehouse.stock.as_deref());
        let facts = LineFacts {
            sales_org: head.as_ref().map_or("", |head| &head.sales_org_id),
            settlement_org: head.as_ref().map_or("", |head| &head.settlement_org_id),
            stock_org: &cell_or(stock_org, shared.lines.stock_org.as_ref()),
            stock: stock.or(shared.lines.stock.as_deref()),
            consign_time: stockout.consign_time,
            exch_rate,
        };
        let lines = shared.order_lines(&drafts, &facts, &mut problems);
        let head = match head {
            Some(head) if problems.is_empty() => head,
            _ => return Err(problems),
        };
        let draw = Draw::of(head, lines, &drafts);
        let draw = self.formulas.run(&Source::Stockout(stockout), &self.tables, draw)?;
        let violations = violated(check::order(&draw.order), &drafts);
        if violations.is_empty() { Ok((draw, drafts)) } else { Err(violations) }
    }
}

/// Returns the name of a choice in the rules.
pub(crate) fn named<T: Choice + PartialEq>(choice: T) -> &'static str {
    T::NAMES.iter().find(|(_, known)| *known == choice).map_or("", |&(name, _)| name)
}

impl Draw {
    /// Adds the lines to the head.
    pub(crate) fn of(head: Order, lines: Vec<Taxed>, drafts: &[Draft<'_>]) -> Self {
        let tax_rates = lines.iter().map(|taxed| taxed.rate).collect();
        let lines: Vec<_> = lines.into_iter().map(|taxed| taxed.line).collect();
        let pay_money = lines.iter().map(|line| line.ori_sum).sum();
        Self {
            order: Order { pay_money, order_details: lines, ..head },
            tax_rates,
            origins: drafts.iter().map(|draft| draft.origin.map(|origin| origin.index)).collect(),
            set: Vec::new(),
        }
    }
}

/// Tells which lines of the document the broken rules of BIP are about.
pub(crate) fn violated(violations: Vec<check::Violation>, drafts: &[Draft<'_>]) -> Vec<Problem> {
    let problem = |violation: check::Violation| {
        let line = violation.path.split_once("Details[").and_then(|(_, rest)| rest.split_once(']'));
        let draft = line.and_then(|(index, _)| drafts.get(index.parse::<usize>().ok()?));
        Problem {
            reason: Reason::CheckFailed,
            rule: format!("check.{}", violation.rule.name()),
            target: violation.path,
            source: draft.map_or_else(String::new, Draft::amount_source),
            value: String::new(),
            message: violation.message,
            hint: None,
        }
    };
    violations.into_iter().map(problem).collect()
}

fn no_lines(stockout: &Stockout) -> Problem {
    Problem {
        reason: Reason::NoLines,
        rule: "lines".to_owned(),
        target: "orderDetails".to_owned(),
        source: "details_list".to_owned(),
        value: format!("{} lines", stockout.details.len()),
        message: "no line is left to be booked".to_owned(),
        hint: Some(
            "every line is empty or left out by the rules; exclude such documents by the filter".to_owned(),
        ),
    }
}

/// A rule that names a row which its table does not have.
pub(crate) fn absent<'a>(
    path: &'static str,
    key: &str,
    table: &str,
    keys: impl Iterator<Item = &'a str>,
) -> RuleProblem {
    let hint = did_you_mean(key, keys).unwrap_or_else(|| format!("add a row for `{key}` to {table}"));
    RuleProblem::Rule { path, message: format!("`{key}` is not in {table}"), hint: Some(hint) }
}

fn check_names<'n, K: Hash + Eq + fmt::Display + 'n, T>(
    path: &'static str,
    names: impl IntoIterator<Item = &'n K>,
    rows: &HashMap<K, T>,
    table: &str,
    problems: &mut Vec<RuleProblem>,
) {
    for name in names {
        if !rows.contains_key(name) {
            let keys: Vec<String> = rows.keys().map(ToString::to_string).collect();
            problems.push(absent(path, &name.to_string(), table, keys.iter().map(String::as_str)));
        }
    }
}
