//! Compiling the formulas of a scheme, and running them on one voucher.

use std::sync::{Arc, Mutex};

use dougong_values::Quantity;
use dougong_wdt::is_personal;
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, ParseErrorType, Position, Scope};

use super::catalogue::Document;
use super::engine::{Fault, Item, Voucher, Work, engine, locked, take_steps};
use super::lexed::{Words, words};
use super::source::{Doc, Source, Wanted};
use super::targets::{Side, Target};
use super::{Draw, FormulaProblem, FormulaText, FormulaTexts, Program};
use crate::amounts::settle;
use crate::nearest::did_you_mean;
use crate::problem::{Problem, Reason};
use crate::tables::Tables;

/// Steps of all formulas together on one document.
const MOST_STEPS: u64 = 400_000;

/// Compiles every formula; returns everything that is wrong.
pub(super) fn compile(
    texts: &Arc<FormulaTexts>,
    document: Document,
    tables: &Arc<Tables>,
) -> Result<Arc<dyn Program>, Vec<FormulaProblem>> {
    let all: Vec<Words> = texts.all().map(|(.., formula)| words(&formula.text)).collect();
    let wanted = Arc::new(Wanted::of(document, &all));
    let engine = engine(&all, &wanted, tables);
    let mut problems = Vec::new();
    let mut formulas = Vec::new();
    for (side, name, formula) in texts.all() {
        let scope = known(side);
        let compiled = if formula.target.is_empty() {
            engine.compile_with_scope(&scope, &formula.text)
        } else {
            engine.compile_expression_with_scope(&scope, &formula.text)
        };
        match compiled {
            Ok(ast) => {
                let target = side.find(&formula.target);
                let words = words(&formula.text);
                let named = words.uses.iter().map(|field| &field.name).chain(&words.texts);
                let personal = named.into_iter().any(|name| is_personal(name));
                formulas.push(Formula { side, name, target, ast, text: formula.clone(), personal });
            }
            Err(error) => {
                let (message, hint) = unparsed(error.err_type(), side, formula.target.is_empty());
                problems.push(placed(formula, &name, error.position(), message, hint));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let tables = Arc::clone(tables);
    let nothing = wanted.nothing();
    Ok(Arc::new(Compiled { file: texts.file.clone(), engine, formulas, wanted, nothing, tables }))
}

/// The variables that a formula may name.
fn known(side: Side) -> Scope<'static> {
    let mut scope = Scope::new();
    for name in variables(side) {
        scope.push(*name, ());
    }
    scope
}

const fn variables(side: Side) -> &'static [&'static str] {
    match side {
        Side::Head => &["order", "voucher", "lines"],
        Side::Lines => &["order", "voucher", "lines", "line", "item"],
    }
}

struct Formula {
    side: Side,
    name: String,
    /// What it sets; none for a script.
    target: Option<&'static Target>,
    ast: AST,
    text: FormulaText,
    /// Whether it reads personal data, which no message repeats.
    personal: bool,
}

struct Compiled {
    file: String,
    engine: Engine,
    formulas: Vec<Formula>,
    wanted: Arc<Wanted>,
    nothing: Doc,
    tables: Arc<Tables>,
}

/// One document under way.
struct Run<'r> {
    compiled: &'r Compiled,
    source: &'r Source<'r>,
    work: Arc<Mutex<Work>>,
    problems: Vec<Problem>,
    steps: u64,
    /// Formulas that ran into a limit: they would on the next line, too.
    exhausted: Vec<usize>,
}

impl Program for Compiled {
    fn run(&self, source: &Source<'_>, draw: Draw) -> Result<Draw, Vec<Problem>> {
        let parties = Parties::of(&draw);
        let count = draw.order.order_details.len();
        let origins = draw.origins.clone();
        let exch_rate = draw.order.exch_rate;
        let work = Arc::new(Mutex::new(Work { draw, running: 0 }));
        let (order, lines) = self.wanted.read(source);
        let mut run = Run {
            compiled: self,
            source,
            work: Arc::clone(&work),
            problems: Vec::new(),
            steps: 0,
            exhausted: Vec::new(),
        };
        let order = Dynamic::from(order);
        let voucher = Dynamic::from(Voucher(Arc::clone(&work)));
        let mut so_far = Array::with_capacity(count);
        if self.formulas.iter().any(|formula| formula.side == Side::Lines) {
            for (index, origin) in origins.iter().enumerate() {
                let line = origin.and_then(|origin| lines.get(origin)).unwrap_or(&self.nothing);
                let item = Dynamic::from(Item(Arc::clone(&work), index));
                let mut scope = Scope::new();
                scope.push_dynamic("order", order.clone());
                scope.push_dynamic("voucher", voucher.clone());
                scope.push_dynamic("lines", so_far.clone().into());
                scope.push_dynamic("line", Dynamic::from(line.clone()));
                scope.push_dynamic("item", item.clone());
                run.side(Side::Lines, Some((index, *origin)), &mut scope);
                so_far.push(item);
            }
        } else {
            so_far.extend((0..count).map(|index| Dynamic::from(Item(Arc::clone(&work), index))));
        }
        if self.formulas.iter().any(|formula| formula.side == Side::Head) {
            let mut scope = Scope::new();
            scope.push_dynamic("order", order);
            scope.push_dynamic("voucher", voucher);
            scope.push_dynamic("lines", so_far.into());
            run.side(Side::Head, None, &mut scope);
        }
        let Run { mut problems, .. } = run;
        let mut draw = locked(&work).draw.clone();
        if problems.is_empty() {
            parties.follow(&mut draw);
            finish(&mut draw, exch_rate, &mut problems);
        }
        if problems.is_empty() { Ok(draw) } else { Err(problems) }
    }
}

impl Run<'_> {
    /// Runs every formula of a side, and then its script.
    fn side(&mut self, side: Side, line: Option<(usize, Option<usize>)>, scope: &mut Scope<'_>) {
        let base = scope.len();
        for (index, formula) in self.compiled.formulas.iter().enumerate() {
            if formula.side != side || self.exhausted.contains(&index) {
                continue;
            }
            if self.steps > MOST_STEPS {
                self.exhausted.push(index);
                let message = "the formulas of this document take too many steps together".to_owned();
                self.note(formula, line, Position::NONE, Fault::new(message, Some("simplify the formulas")));
                continue;
            }
            locked(&self.work).running = index;
            let ran = self.compiled.engine.eval_ast_with_scope::<Dynamic>(scope, &formula.ast);
            self.steps += take_steps();
            scope.rewind(base);
            let fault = match (ran, formula.target) {
                (Ok(value), Some(target)) => {
                    let set = match line {
                        Some((line, _)) => {
                            Item(Arc::clone(&self.work), line).set(target.name, &value, &self.compiled.tables)
                        }
                        None => Voucher(Arc::clone(&self.work)).set(target.name, &value),
                    };
                    set.err().map(|fault| (fault, Position::NONE))
                }
                (Ok(_), None) => None,
                (Err(error), _) => Some(failed(*error)),
            };
            if let Some((fault, position)) = fault {
                if fault.limit {
                    self.exhausted.push(index);
                }
                self.note(formula, line, position, fault);
            }
        }
    }

    fn note(
        &mut self,
        formula: &Formula,
        line: Option<(usize, Option<usize>)>,
        position: Position,
        Fault { message, hint, miss, .. }: Fault,
    ) {
        let problem = placed(&formula.text, &formula.name, position, message, hint);
        let name = formula.target.map_or("", |target| target.name);
        let details = match self.source {
            Source::Stockout(_) => "details_list",
            Source::Bill(_) => "billitems",
        };
        let (target, source) = match line {
            Some((index, origin)) => {
                let source =
                    origin.map_or_else(|| "post_amount".to_owned(), |origin| format!("{details}[{origin}]"));
                (format!("orderDetails[{index}].{name}"), source)
            }
            None => (name.to_owned(), String::new()),
        };
        let target = target.trim_end_matches('.');
        let file = &self.compiled.file;
        let told = super::program::problem(file, &problem, target, &source);
        self.problems.push(match miss {
            Some(miss) if !formula.personal => {
                let FormulaProblem { line, column, .. } = problem;
                let missed = miss.problem(&formula.name, target, &source);
                Problem { message: format!("{file}:{line}:{column}: {}", missed.message), ..missed }
            }
            Some(_) => Problem { reason: Reason::LookupMissed, ..told },
            None => told,
        });
    }
}

/// Who buys and sells before formulas, and what follows them where nothing else says so.
struct Parties {
    sales_org: String,
    settlement_org: String,
    agent: String,
    invoice_agent: String,
}

impl Parties {
    fn of(draw: &Draw) -> Self {
        let order = &draw.order;
        Self {
            sales_org: order.sales_org_id.clone(),
            settlement_org: order.settlement_org_id.clone(),
            agent: order.agent_id.clone(),
            invoice_agent: order.invoice_agent_id.clone(),
        }
    }

    /// Lets what was the same as a field that a formula has set be the same again: the invoicing parties, and the
    /// organisations that lines repeat.
    fn follow(self, draw: &mut Draw) {
        let set: Vec<(Option<usize>, &str)> = draw.set.iter().map(|(place, _)| *place).collect();
        let is_set = |line, name: &str| set.contains(&(line, name));
        let order = &mut draw.order;
        if !is_set(None, "invoiceAgentId") && self.invoice_agent == self.agent {
            order.invoice_agent_id.clone_from(&order.agent_id);
        }
        if !is_set(None, "settlementOrgId") && self.settlement_org == self.sales_org {
            order.settlement_org_id.clone_from(&order.sales_org_id);
        }
        for (index, line) in order.order_details.iter_mut().enumerate() {
            if !is_set(Some(index), "salesOrgId") {
                line.sales_org_id = Some(order.sales_org_id.clone());
            }
            if !is_set(Some(index), "settlementOrgId") {
                line.settlement_org_id.clone_from(&order.settlement_org_id);
            }
        }
    }
}

/// Computes what follows from the formulas: local currency at a new rate, and the total.
fn finish(draw: &mut Draw, exch_rate: Quantity, problems: &mut Vec<Problem>) {
    let rate = draw.order.exch_rate;
    if rate != exch_rate {
        for (index, (line, tax_rate)) in draw.order.order_details.iter_mut().zip(&draw.tax_rates).enumerate()
        {
            if let Err(Fault { message, hint, .. }) = settle(line, *tax_rate, rate) {
                problems.push(Problem {
                    reason: Reason::FormulaFailed,
                    rule: "formulas.head.exchRate".to_owned(),
                    target: format!("orderDetails[{index}]"),
                    source: String::new(),
                    value: String::new(),
                    message,
                    hint,
                });
            }
        }
    }
    draw.order.pay_money = draw.order.order_details.iter().map(|line| line.ori_sum).sum();
}

/// Writes a problem of a formula as one of the document.
pub(super) fn problem(file: &str, problem: &FormulaProblem, target: &str, source: &str) -> Problem {
    let FormulaProblem { name, line, column, message, hint, .. } = problem;
    Problem {
        reason: Reason::FormulaFailed,
        rule: name.clone(),
        target: target.to_owned(),
        source: source.to_owned(),
        value: String::new(),
        message: format!("{file}:{line}:{column}: {message}"),
        hint: hint.clone(),
    }
}

/// Finds the place of an engine's position in the file.
fn placed(
    formula: &FormulaText,
    name: &str,
    position: Position,
    message: String,
    hint: Option<String>,
) -> FormulaProblem {
    let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
    let start: usize = formula.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = formula.text.get(start..).unwrap_or_default();
    let within: usize = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    let at = (start + within).min(formula.text.len());
    let length = formula.text.get(at..).map_or(0, |rest| {
        rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())
    });
    if position.is_none() {
        return formula.at(name, 0, formula.text.lines().next().unwrap_or_default().len(), message, hint);
    }
    formula.at(name, at, length, message, hint)
}

/// Says in our words why a formula failed. No value is repeated: it may be personal.
fn failed(error: EvalAltResult) -> (Fault, Position) {
    let position = error.position();
    let with = |message: &str, hint: Option<&str>| Fault::new(message.to_owned(), hint);
    let fault = match error {
        EvalAltResult::ErrorRuntime(value, _) => match value.try_cast::<Fault>() {
            Some(fault) => fault,
            None => with("the formula stopped", None),
        },
        EvalAltResult::ErrorTooManyOperations(_) => Fault::limit("the formula takes too many steps"),
        EvalAltResult::ErrorDataTooLarge(..) => Fault::limit("a text or a list becomes too large"),
        EvalAltResult::ErrorTooManyVariables(_) => Fault::limit("the script has too many variables"),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => no_function(&signature),
        EvalAltResult::ErrorDotExpr(message, _) | EvalAltResult::ErrorPropertyNotFound(message, _)
            if message.contains("'()'") || message.contains("for type '()'") =>
        {
            let _ = message;
            with("a field of a missing value is named", Some("write `?.` for the point, or look first"))
        }
        EvalAltResult::ErrorDotExpr(message, _) => Fault::new(plain(&message), None),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
            Fault::new(format!("{} stands where {} belongs", plain(&found), plain(&wanted)), None)
        }
        EvalAltResult::ErrorArrayBounds(length, index, _) => Fault::new(
            format!("the list has {length} elements, and number {index} is asked for"),
            Some("the first is [0]"),
        ),
        EvalAltResult::ErrorArithmetic(message, _) => {
            let _ = message;
            with("a number becomes too large, or is divided by zero", None)
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => Fault::new(format!("there is no `{name}`"), None),
        EvalAltResult::ErrorFor(_) => with("`for` goes through a list or a range", None),
        other => {
            let unplaced = other.unwrap_inner().to_string();
            let message = unplaced.split(" (line ").next().unwrap_or_default();
            Fault::new(plain(message), None)
        }
    };
    (fault, position)
}

/// Says which function there is not, for which values.
fn no_function(signature: &str) -> Fault {
    let signature = plain(signature);
    let name = signature.split(" (").next().unwrap_or(&signature).to_owned();
    let values = signature.split_once(" (").map(|(_, values)| values.trim_end_matches(')').to_owned());
    if let Some(field) = name.strip_prefix("get$").or_else(|| name.strip_prefix("set$")) {
        let what = values.as_deref().unwrap_or("that");
        return Fault::new(format!("{what} has no field `{field}`"), None);
    }
    match values {
        Some(values) if values.contains("nothing") => {
            let hint = "write what holds where it is missing, behind `??`";
            Fault::new(format!("`{name}` is applied to a missing value ({values})"), Some(hint))
        }
        Some(values) => {
            let hint = "the functions and what they take are in docs/mapping.md; `number(…)` and `text(…)` change the type";
            Fault::new(format!("`{name}` does not take ({values})"), Some(hint))
        }
        None => {
            Fault::new(format!("there is no function `{name}`"), Some("the functions are in docs/mapping.md"))
        }
    }
}

/// Says types the way people do.
fn plain(text: &str) -> String {
    [
        ("&str | ImmutableString | String", "text"),
        ("rust_decimal::decimal::Decimal", "number"),
        ("rust_decimal::Decimal", "number"),
        ("decimal", "number"),
        ("i64", "whole number"),
        ("alloc::string::String", "text"),
        ("string", "text"),
        ("array", "list"),
        ("bool", "true or false"),
        ("()", "nothing"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Says what keeps a text from being a formula.
fn unparsed(error: &ParseErrorType, side: Side, script: bool) -> (String, Option<String>) {
    let hint = match error {
        ParseErrorType::VariableUndefined(name) => {
            let names = variables(side);
            let of_lines = variables(Side::Lines).contains(&name.as_str());
            let elsewhere =
                of_lines.then(|| format!("`{name}` is there for the lines alone; the head has `lines`"));
            let close = || did_you_mean(name, names.iter().copied());
            let hint =
                elsewhere.or_else(close).unwrap_or_else(|| format!("the variables are {}", names.join(", ")));
            return (format!("there is no `{name}` here"), Some(hint));
        }
        ParseErrorType::Reserved(word) => {
            return (format!("`{word}` cannot be used in formulas"), None);
        }
        _ if !script => Some("a formula is one expression; what takes several steps is a script".to_owned()),
        _ => None,
    };
    (error.to_string().replace("Script", "the formula"), hint)
}
