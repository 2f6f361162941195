//! Look-ups in the tenant's own tables. What is not found parks the document, unless what holds then is written out.

use std::sync::Arc;

use dougong_values::BeijingTime;
use rhai::{Dynamic, Engine, ImmutableString};

use super::cells::number;
use super::engine::{Fault, Ran, charge, kind};
use crate::lookup::{Miss, MissKind};
use crate::tables::Tables;

/// A row that was found, as an expression holds it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    tables: Arc<Tables>,
    table: ImmutableString,
    keys: Vec<String>,
    at: Option<BeijingTime>,
}

impl Row {
    /// Returns a cell; an empty one is not found.
    pub(crate) fn get(&self, column: &str) -> Result<Dynamic, Fault> {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let cell = self.tables.lookup_value(&self.table, &keys, self.at, column).map_err(Fault::miss)?;
        Ok(ImmutableString::from(cell).into())
    }
}

/// Registers the look-ups: of a cell or of a row, at a time, and with what holds when nothing is found.
pub(crate) fn register(engine: &mut Engine, tables: &Arc<Tables>) {
    let own = Arc::clone(tables);
    engine.register_fn("lookup", move |table: ImmutableString, key: Dynamic, column: ImmutableString| {
        cell(&own, &table, &key, None, &column)
    });
    let own = Arc::clone(tables);
    engine.register_fn(
        "lookup_at",
        move |table: ImmutableString, key: Dynamic, at: BeijingTime, column: ImmutableString| {
            cell(&own, &table, &key, Some(at), &column)
        },
    );
    let own = Arc::clone(tables);
    engine.register_fn(
        "lookup_or",
        move |table: ImmutableString, key: Dynamic, column: ImmutableString, otherwise: Dynamic| {
            or(cell(&own, &table, &key, None, &column), otherwise)
        },
    );
    let own = Arc::clone(tables);
    engine.register_fn(
        "lookup_at_or",
        move |table: ImmutableString,
              key: Dynamic,
              at: BeijingTime,
              column: ImmutableString,
              otherwise: Dynamic| { or(cell(&own, &table, &key, Some(at), &column), otherwise) },
    );
    let own = Arc::clone(tables);
    engine.register_fn("row", move |table: ImmutableString, key: Dynamic| row(&own, table, &key, None));
    let own = Arc::clone(tables);
    engine.register_fn("row_at", move |table: ImmutableString, key: Dynamic, at: BeijingTime| {
        row(&own, table, &key, Some(at))
    });
}

fn row(tables: &Arc<Tables>, table: ImmutableString, key: &Dynamic, at: Option<BeijingTime>) -> Ran<Row> {
    let keys = keys(key)?;
    let written: Vec<&str> = keys.iter().map(String::as_str).collect();
    tables.lookup(&table, &written, at).map_err(Fault::miss)?;
    Ok(Row { tables: Arc::clone(tables), table, keys, at })
}

fn cell(
    tables: &Arc<Tables>,
    table: &str,
    key: &Dynamic,
    at: Option<BeijingTime>,
    column: &str,
) -> Ran<Dynamic> {
    let keys = keys(key)?;
    let written: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = tables.lookup_value(table, &written, at, column).map_err(Fault::miss)?;
    Ok(ImmutableString::from(found).into())
}

/// Takes what was written out where there is no row, or no value in it; a table or column that does not exist is wrong
/// whatever is written.
fn or(found: Ran<Dynamic>, otherwise: Dynamic) -> Ran<Dynamic> {
    let Err(error) = found else { return found };
    let missed = |miss: &Arc<Miss>| {
        matches!(miss.kind, MissKind::NoRow { .. } | MissKind::NotThen { .. } | MissKind::EmptyCell { .. })
    };
    let is_missed = match &*error {
        rhai::EvalAltResult::ErrorRuntime(value, _) => {
            value.read_lock::<Fault>().is_some_and(|fault| fault.miss.as_ref().is_some_and(missed))
        }
        _ => false,
    };
    if is_missed { Ok(otherwise) } else { Err(error) }
}

/// Reads a key: one value, or a list with one for each key column.
fn keys(key: &Dynamic) -> Result<Vec<String>, Fault> {
    charge(20)?;
    match key.as_array_ref() {
        Ok(list) => list.iter().map(part).collect(),
        Err(_) => part(key).map(|part| vec![part]),
    }
}

fn part(value: &Dynamic) -> Result<String, Fault> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.to_string());
    }
    if let Some(number) = number(value) {
        return Ok(number.normalize().to_string());
    }
    let hint = "write what to look for where it is missing, behind `??`";
    Err(Fault::new(format!("a key of the look-up is {}", kind(value)), Some(hint)))
}
