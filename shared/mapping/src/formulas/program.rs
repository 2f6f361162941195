//! Compiling the formulas of a scheme, and running them on one voucher.

use std::sync::{Arc, Mutex, PoisonError};

use dougong_bip::{Order, OrderLine};
use dougong_values::Quantity;
use dougong_wdt::is_personal;
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, ParseErrorType, Position, Scope};

use super::catalogue::Document;
use super::direct::{Direct, Here};
use super::engine::{Fault, Field, Item, Voucher, Work, closed, engine, locked, take_steps};
use super::lexed::{Words, words};
use super::source::{Doc, Source, Wanted};
use super::targets::Side;
use super::{Draw, FormulaProblem, FormulaText, FormulaTexts, LONGEST, Program};
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
        match parsed(&engine, side, &name, formula) {
            Ok(ast) => {
                let sets = match side {
                    Side::Head => Field::of_head(&formula.target).map(Sets::Head),
                    Side::Lines => Field::of_line(&formula.target).map(Sets::Line),
                };
                let direct = sets.as_ref().and_then(|_| Direct::of(&ast, &wanted));
                let words = words(&formula.text);
                let named = words.uses.iter().map(|field| &field.name).chain(&words.texts);
                let personal = named.into_iter().any(|name| is_personal(name));
                formulas.push(Formula { side, name, sets, ast, direct, text: formula.clone(), personal });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let tables = Arc::clone(tables);
    let nothing = wanted.nothing();
    Ok(Arc::new(Compiled { file: texts.file.clone(), engine, formulas, wanted, nothing, tables }))
}

/// Parses every formula; returns those that are none. What is empty or too long is told without the engine.
pub(super) fn syntax(texts: &FormulaTexts) -> Vec<FormulaProblem> {
    let engine = closed();
    let is_whole = |text: &str| !text.trim().is_empty() && text.len() <= LONGEST;
    let formulas = texts.all().filter(|(.., formula)| is_whole(&formula.text));
    formulas.filter_map(|(side, name, formula)| parsed(&engine, side, &name, formula).err()).collect()
}

fn parsed(engine: &Engine, side: Side, name: &str, formula: &FormulaText) -> Result<AST, FormulaProblem> {
    let (scope, is_script) = (known(side), formula.target.is_empty());
    let parsed = if is_script {
        engine.compile_with_scope(&scope, &formula.text)
    } else {
        engine.compile_expression_with_scope(&scope, &formula.text)
    };
    parsed.map_err(|error| {
        let (message, hint) = unparsed(error.err_type(), side, is_script);
        placed(formula, name, error.position(), message, hint)
    })
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
    sets: Option<Sets>,
    ast: AST,
    /// The same without the engine, where it is simple.
    direct: Option<Direct>,
    text: FormulaText,
    /// Whether it reads personal data, which no message repeats.
    personal: bool,
}

enum Sets {
    Head(Field<Order>),
    Line(Field<OrderLine>),
}

impl Sets {
    const fn name(&self) -> &'static str {
        match self {
            Self::Head(field) => field.target.name,
            Self::Line(field) => field.target.name,
        }
    }
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
    work: &'r Mutex<Work>,
    problems: Vec<Problem>,
    steps: u64,
    /// Formulas that ran into a limit: they would on the next line, too.
    exhausted: Vec<usize>,
}

impl Here<'_> {
    /// Makes the variables as the engine takes them, in the order of [`variables`].
    fn scope(&self) -> Scope<'static> {
        let item = |index| Dynamic::from(Item(Arc::clone(self.work), index));
        let count = match self.line {
            Some((index, _)) => index,
            None => locked(self.work).draw.order.order_details.len(),
        };
        let mut scope = Scope::new();
        scope.push_dynamic("order", Dynamic::from(self.order.clone()));
        scope.push_dynamic("voucher", Dynamic::from(Voucher(Arc::clone(self.work))));
        scope.push_dynamic("lines", (0..count).map(item).collect::<Array>().into());
        if let Some((index, line)) = self.line {
            scope.push_dynamic("line", Dynamic::from(line.clone()));
            scope.push_dynamic("item", item(index));
        }
        scope
    }
}

impl Program for Compiled {
    fn run(&self, source: &Source<'_>, draw: Draw) -> Result<Draw, Vec<Problem>> {
        let followers = Followers::of(&draw);
        let origins = draw.origins.clone();
        let exch_rate = draw.order.exch_rate;
        let work = Arc::new(Mutex::new(Work { draw, running: 0 }));
        let (head, lines) = self.wanted.read(source);
        let mut run = Run {
            compiled: self,
            source,
            work: &work,
            problems: Vec::new(),
            steps: 0,
            exhausted: Vec::new(),
        };
        if self.formulas.iter().any(|formula| formula.side == Side::Lines) {
            for (index, origin) in origins.iter().enumerate() {
                let line = origin.and_then(|origin| lines.get(origin)).unwrap_or(&self.nothing);
                run.side(
                    Side::Lines,
                    &Here { order: &head, line: Some((index, line)), work: &work },
                    *origin,
                );
            }
        }
        run.side(Side::Head, &Here { order: &head, line: None, work: &work }, None);
        let mut problems = run.problems;
        // Nobody else holds the voucher any more.
        let mut draw = match Arc::try_unwrap(work) {
            Ok(work) => work.into_inner().unwrap_or_else(PoisonError::into_inner).draw,
            Err(work) => locked(&work).draw.clone(),
        };
        if problems.is_empty() {
            followers.follow(&mut draw);
            finish(&mut draw, exch_rate, &mut problems);
        }
        if problems.is_empty() { Ok(draw) } else { Err(problems) }
    }
}

impl Run<'_> {
    /// Runs every formula of a side, and then its script.
    fn side(&mut self, side: Side, here: &Here<'_>, origin: Option<usize>) {
        let line = here.line.map(|(index, _)| (index, origin));
        let mut scope = None;
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
            locked(self.work).running = index;
            let known = formula.direct.as_ref().and_then(|direct| Some((direct.value(here)?, direct.nodes)));
            self.steps += take_steps();
            let ran = if let Some((value, nodes)) = known {
                self.steps += nodes;
                Ok(value)
            } else {
                let scope = scope.get_or_insert_with(|| here.scope());
                let ran = self.compiled.engine.eval_ast_with_scope::<Dynamic>(scope, &formula.ast);
                self.steps += take_steps();
                scope.rewind(variables(side).len());
                ran
            };
            let fault = match (ran, &formula.sets) {
                (Ok(value), Some(sets)) => {
                    let set = match (sets, line) {
                        (Sets::Line(field), Some((line, _))) => {
                            field.set(self.work, line, &value, &self.compiled.tables)
                        }
                        (Sets::Head(field), _) => field.set(self.work, &value),
                        (Sets::Line(_), None) => Ok(()),
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
        let name = formula.sets.as_ref().map_or("", Sets::name);
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

/// What was the same before the formulas, and is again behind them unless a formula has set it.
struct Followers {
    settlement_org: bool,
    invoice_agent: bool,
}

impl Followers {
    fn of(draw: &Draw) -> Self {
        let order = &draw.order;
        Self {
            settlement_org: order.settlement_org_id == order.sales_org_id,
            invoice_agent: order.invoice_agent_id == order.agent_id,
        }
    }

    /// Lets the invoicing parties follow the others, and the organisations that lines repeat those of the head.
    fn follow(self, draw: &mut Draw) {
        let Draw { order, set, .. } = draw;
        let is_set = |line, name: &str| set.iter().any(|(set, _)| *set == (line, name));
        if !is_set(None, "invoiceAgentId") && self.invoice_agent {
            order.invoice_agent_id.clone_from(&order.agent_id);
        }
        if !is_set(None, "settlementOrgId") && self.settlement_org {
            order.settlement_org_id.clone_from(&order.sales_org_id);
        }
        for (index, line) in order.order_details.iter_mut().enumerate() {
            if !is_set(Some(index), "salesOrgId") && line.sales_org_id.as_ref() != Some(&order.sales_org_id) {
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
