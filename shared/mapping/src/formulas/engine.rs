//! The engine, closed: no I/O, no clock, no functions but ours, bounded in steps, memory and depth; decimals exact.

use std::cell::Cell as StdCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dougong_bip::{Order, OrderLine};
use dougong_values::{BeijingTime, Quantity};
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Position};

use super::Draw;
use super::cells::{self, Access, number};
use super::functions;
use super::lexed::Words;
use super::lookups::{self, Row};
use super::source::{Doc, Wanted};
use super::targets::{Class, Side, Target};
use crate::amounts::settle;
use crate::lookup::Miss;
use crate::tables::Tables;

/// Steps of one run of one formula.
const MOST_STEPS: u64 = 10_000;
/// Elements and letters that the functions of one run go through, eight letters for one.
const MOST_CHARGED: usize = 50_000;
/// Bytes of one text.
pub(crate) const MOST_TEXT: usize = 4 << 10;
/// Elements of one list.
pub(crate) const MOST_ITEMS: usize = 1_000;

thread_local! {
    /// The steps of the run that is under way.
    static STEPS: StdCell<u64> = const { StdCell::new(0) };
    /// What its functions did beside them.
    static CHARGED: StdCell<usize> = const { StdCell::new(0) };
}

/// Returns the steps of the last run on this thread, and forgets them.
pub(crate) fn take_steps() -> u64 {
    CHARGED.set(0);
    STEPS.take()
}

/// Counts what a function does for each element or letter, which is no step of the engine's own.
pub(crate) fn charge(units: usize) -> Result<(), Fault> {
    let charged = CHARGED.get().saturating_add(units);
    CHARGED.set(charged);
    if charged > MOST_CHARGED { Err(Fault::limit("the formula takes too many steps")) } else { Ok(()) }
}

/// Counts what a function does with texts.
pub(crate) fn charge_text(length: usize) -> Result<(), Fault> {
    charge(length / 8)
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Whether a limit was reached, as it would be again on the next line.
    pub(crate) limit: bool,
    /// The look-up that found nothing.
    pub(crate) miss: Option<Arc<Miss>>,
}

impl Fault {
    pub(crate) fn new(message: String, hint: Option<&str>) -> Self {
        Self { message, hint: hint.map(str::to_owned), limit: false, miss: None }
    }

    /// Tells what a look-up did not find. The key is left out here: it may be personal.
    pub(crate) fn miss(miss: Miss) -> Self {
        let message = format!("the look-up in table `{}` finds nothing", miss.table);
        Self { miss: Some(Arc::new(miss)), ..Self::new(message, None) }
    }

    pub(crate) fn limit(message: &str) -> Self {
        Self { limit: true, ..Self::new(message.to_owned(), Some("simplify it; a loop may have no end")) }
    }
}

pub(crate) type Ran<T> = Result<T, Box<EvalAltResult>>;

impl Fault {
    /// Makes it an error of the engine, which adds the place.
    #[expect(clippy::unnecessary_box_returns, reason = "the form in which the engine takes errors")]
    pub(crate) fn raise(self) -> Box<EvalAltResult> {
        EvalAltResult::ErrorRuntime(Dynamic::from(self), Position::NONE).into()
    }
}

impl From<Fault> for Box<EvalAltResult> {
    fn from(fault: Fault) -> Self {
        fault.raise()
    }
}

/// What a value is, in words.
pub(crate) fn kind(value: &Dynamic) -> &'static str {
    if value.is_unit() {
        "missing, `()`"
    } else if value.is_string() {
        "a text"
    } else if value.is_int() {
        "a whole number"
    } else if value.is_decimal() {
        "a number"
    } else if value.is_bool() {
        "true or false"
    } else if value.is_array() {
        "a list"
    } else if value.is::<BeijingTime>() {
        "a time"
    } else {
        "a part of a document"
    }
}

/// The voucher that is being worked on.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) draw: Draw,
    /// The formula that is running.
    pub(crate) running: usize,
}

/// The voucher as expressions hold it: `voucher`.
#[derive(Debug, Clone)]
pub(crate) struct Voucher(pub(crate) Arc<Mutex<Work>>);

/// A line of the voucher as expressions hold it: `item`, and the elements of `lines`.
#[derive(Debug, Clone)]
pub(crate) struct Item(pub(crate) Arc<Mutex<Work>>, pub(crate) usize);

pub(crate) fn locked(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Voucher {
    pub(crate) fn get(&self, name: &str) -> Result<Dynamic, Fault> {
        let target = Side::Head.find(name).and_then(|target| cells::of_head(target.name));
        let access =
            target.ok_or_else(|| Fault::new(format!("the voucher's head has no field `{name}`"), None))?;
        Ok((access.get)(&locked(&self.0).draw.order))
    }

    fn set(&self, name: &str, value: &Dynamic) -> Result<(), Fault> {
        Field::of_head(name).ok_or_else(|| unknown(name))?.set(&self.0, value)
    }
}

impl Item {
    pub(crate) fn get(&self, name: &str) -> Result<Dynamic, Fault> {
        let work = locked(&self.0);
        let index = self.1;
        if name == "taxRate" {
            return Ok(work.draw.tax_rates.get(index).map_or(Dynamic::UNIT, |rate| rate.decimal().into()));
        }
        let target = Side::Lines.find(name).and_then(|target| cells::of_line(target.name));
        let access =
            target.ok_or_else(|| Fault::new(format!("a line of the voucher has no field `{name}`"), None))?;
        Ok(work.draw.order.order_details.get(index).map_or(Dynamic::UNIT, access.get))
    }

    fn set(&self, name: &str, value: &Dynamic, tables: &Tables) -> Result<(), Fault> {
        Field::of_line(name).ok_or_else(|| unknown(name))?.set(&self.0, self.1, value, tables)
    }
}

fn unknown(name: &str) -> Fault {
    Fault::new(format!("BIP knows no field `{name}` there"), None)
}

/// A field of the voucher's head or of its lines, and how it is reached.
#[derive(Debug)]
pub(crate) struct Field<T> {
    pub(crate) target: &'static Target,
    access: Access<T>,
}

impl<T> Field<T> {
    /// Returns the field, if it is one that may be set.
    fn settable(&self) -> Result<(), Fault> {
        match self.target.class {
            Class::Derived(instead) => {
                Err(Fault::new(format!("`{}` cannot be set", self.target.name), Some(instead)))
            }
            _ => Ok(()),
        }
    }
}

impl Field<Order> {
    /// Finds a field of the head by its name.
    pub(crate) fn of_head(name: &str) -> Option<Self> {
        let target = Side::Head.find(name)?;
        cells::of_head(target.name).map(|access| Self { target, access })
    }

    /// Sets it.
    pub(crate) fn set(&self, work: &Mutex<Work>, value: &Dynamic) -> Result<(), Fault> {
        self.settable()?;
        let mut work = locked(work);
        if self.target.class == Class::Money {
            rate_bound(value)?;
        }
        (self.access.set)(&mut work.draw.order, value)?;
        note(&mut work, None, self.target);
        Ok(())
    }
}

impl Field<OrderLine> {
    /// Finds a field of a line by its name.
    pub(crate) fn of_line(name: &str) -> Option<Self> {
        let target = Side::Lines.find(name)?;
        cells::of_line(target.name).map(|access| Self { target, access })
    }

    /// Sets it in a line; amounts, prices and counts that follow from it are computed anew.
    pub(crate) fn set(
        &self,
        work: &Mutex<Work>,
        index: usize,
        value: &Dynamic,
        tables: &Tables,
    ) -> Result<(), Fault> {
        self.settable()?;
        let Self { target, access } = self;
        let mut work = locked(work);
        let draw = &mut work.draw;
        let exch_rate = draw.order.exch_rate;
        let (Some(line), Some(rate)) =
            (draw.order.order_details.get_mut(index), draw.tax_rates.get_mut(index))
        else {
            return Ok(());
        };
        match target.class {
            Class::Tax => {
                let (id, new_rate) = tax(value, tables)?;
                settle(line, new_rate, exch_rate)?;
                (line.tax_id, *rate) = (id, new_rate);
            }
            Class::Money => {
                if matches!(target.name, "invExchRate" | "invPriceExchRate") {
                    rate_bound(value)?;
                }
                let before = (line.qty, line.inv_exch_rate, line.inv_price_exch_rate, line.ori_sum);
                (access.set)(line, value)?;
                if let Err(fault) = settle(line, *rate, exch_rate) {
                    (line.qty, line.inv_exch_rate, line.inv_price_exch_rate, line.ori_sum) = before;
                    return Err(fault);
                }
            }
            Class::Plain | Class::Derived(_) => (access.set)(line, value)?,
        }
        note(&mut work, Some(index), target);
        Ok(())
    }
}

fn note(work: &mut Work, line: Option<usize>, target: &'static Target) {
    let Work { draw, running } = work;
    match draw.set.iter_mut().find(|(set, _)| *set == (line, target.name)) {
        Some((_, formula)) => *formula = *running,
        None => draw.set.push(((line, target.name), *running)),
    }
}

/// Keeps rates so small that amounts can be computed exactly.
fn rate_bound(value: &Dynamic) -> Result<(), Fault> {
    const MOST: i64 = 1_000_000;
    match number(value) {
        Some(rate) if rate > MOST.into() => Err(Fault::new(format!("a rate is at most {MOST}"), None)),
        _ => Ok(()),
    }
}

/// Finds the row of the taxes table that a value names: its id or code in BIP, and its rate.
fn tax(value: &Dynamic, tables: &Tables) -> Result<(String, Quantity), Fault> {
    let hint = "write a key of tables/taxes.csv, such as \"VAT13\"";
    let Ok(key) = value.as_immutable_string_ref() else {
        return Err(Fault::new(format!("the result is {}, not a tax", kind(value)), Some(hint)));
    };
    let found = tables.find_tax(key.trim()).or_else(|| tables.find_tax_by_id(key.trim()));
    let row = found.map(|index| tables.tax(index));
    let row =
        row.ok_or_else(|| Fault::new(format!("`{}` is not in tables/taxes.csv", cut(&key)), Some(hint)))?;
    Ok((row.id.clone(), row.rate))
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Builds an engine that parses formulas and knows no function.
pub(crate) fn closed() -> Engine {
    // Without any package: what is not registered does not exist, `sleep`, `print` and files included.
    let mut engine = Engine::new_raw();
    engine
        .set_fast_operators(false)
        .set_strict_variables(true)
        .set_allow_shadowing(true)
        .set_max_operations(MOST_STEPS)
        .set_max_expr_depths(32)
        .set_max_variables(32)
        .set_max_string_size(MOST_TEXT)
        .set_max_array_size(MOST_ITEMS);
    for word in [
        "eval",
        "Fn",
        "call",
        "curry",
        "print",
        "debug",
        "try",
        "throw",
        "import",
        "export",
        "this",
        "is_def_var",
        "type_of",
        // Powers of decimals are slow, and not exact.
        "**",
        "**=",
        // Object maps grow past every check of their size.
        "#{",
    ] {
        engine.disable_symbol(word);
    }
    engine
}

/// Builds the engine for the formulas of a scheme, with the fields that they name.
pub(crate) fn engine(words: &[Words], wanted: &Wanted, tables: &Arc<Tables>) -> Engine {
    let mut engine = closed();
    engine.on_progress(|steps| {
        STEPS.set(steps);
        None
    });
    engine.register_type_with_name::<Doc>("document");
    engine.register_type_with_name::<Voucher>("voucher");
    engine.register_type_with_name::<Item>("item");
    engine.register_type_with_name::<BeijingTime>("time");
    engine.register_type_with_name::<Fault>("fault");
    engine.register_type_with_name::<Row>("row");
    functions::register(&mut engine);
    lookups::register(&mut engine, tables);
    fields(&mut engine, words, wanted, tables);
    engine
}

fn fields(engine: &mut Engine, words: &[Words], wanted: &Wanted, tables: &Arc<Tables>) {
    let mut names: Vec<&str> =
        words.iter().flat_map(|words| &words.uses).map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let places = Doc::places(wanted, name);
        let own: ImmutableString = name.into();
        let column = own.clone();
        engine.register_get(name, move |doc: &mut Doc| doc.at(&own, places).map_err(Fault::raise));
        engine.register_get(name, move |row: &mut Row| row.get(&column).map_err(Fault::raise));
        if let Some(field) = Field::of_head(name) {
            let get = field.access.get;
            engine.register_get(name, move |voucher: &mut Voucher| get(&locked(&voucher.0).draw.order));
            engine.register_set(name, move |voucher: &mut Voucher, value: Dynamic| {
                field.set(&voucher.0, &value).map_err(Fault::raise)
            });
        }
        if name == "taxRate" {
            engine.register_get(name, |item: &mut Item| item.get("taxRate").map_err(Fault::raise));
        }
        if let Some(field) = Field::of_line(name) {
            let get = field.access.get;
            engine.register_get(name, move |item: &mut Item| {
                locked(&item.0).draw.order.order_details.get(item.1).map_or(Dynamic::UNIT, get)
            });
            let tables = Arc::clone(tables);
            engine.register_set(name, move |item: &mut Item, value: Dynamic| {
                field.set(&item.0, item.1, &value, &tables).map_err(Fault::raise)
            });
        }
    }
    engine
        .register_indexer_get(|doc: &mut Doc, name: ImmutableString| doc.field(&name).map_err(Fault::raise));
    engine.register_indexer_get(|voucher: &mut Voucher, name: ImmutableString| {
        voucher.get(&name).map_err(Fault::raise)
    });
    engine.register_indexer_set(|voucher: &mut Voucher, name: ImmutableString, value: Dynamic| {
        voucher.set(&name, &value).map_err(Fault::raise)
    });
    engine
        .register_indexer_get(|item: &mut Item, name: ImmutableString| item.get(&name).map_err(Fault::raise));
    let tables = Arc::clone(tables);
    engine.register_indexer_set(move |item: &mut Item, name: ImmutableString, value: Dynamic| {
        item.set(&name, &value, &tables).map_err(Fault::raise)
    });
}

/// Returns a field of an element of a list, whatever it is.
pub(crate) fn field_of(element: &Dynamic, name: &str) -> Result<Dynamic, Fault> {
    if let Some(doc) = element.read_lock::<Doc>() {
        doc.field(name)
    } else if let Some(item) = element.read_lock::<Item>() {
        item.get(name)
    } else {
        Err(Fault::new(format!("an element of the list is {}: it has no `{name}`", kind(element)), None))
    }
}

/// Counts the elements of a list that has grown.
pub(crate) fn bounded(list: Array) -> Result<Array, Fault> {
    if list.len() > MOST_ITEMS {
        return Err(Fault::new(format!("the list has more than {MOST_ITEMS} elements"), None));
    }
    Ok(list)
}
