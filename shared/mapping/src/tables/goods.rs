//! The goods table: what a goods code of WDT (商家编码) is in BIP, in which units, taxes and batches.

use std::collections::HashMap;

use dougong_values::{Quantity, SpecNo};
use rust_decimal::Decimal;

use crate::nearest::did_you_mean;

use super::sheet::{self, Column, Problems, Row};
use super::{TableProblem, TaxIndex, UnitIndex, insert};

/// A goods row. References to taxes and units are resolved; empty ones come from the rules' constants.
#[derive(Debug)]
pub(crate) struct Goods {
    pub(crate) product: String,
    pub(crate) sku: Option<String>,
    pub(crate) tax: Option<TaxIndex>,
    pub(crate) main_unit: Option<UnitIndex>,
    /// The unit it is sold in, and main units per sales unit; the main unit where empty.
    pub(crate) sales_unit: Option<OtherUnit>,
    /// The unit it is priced in, and main units per pricing unit; the main unit where empty.
    pub(crate) price_unit: Option<OtherUnit>,
    pub(crate) counted_in: CountedIn,
    pub(crate) batch_managed: bool,
    pub(crate) expiry_managed: bool,
    pub(crate) shelf_life_days: Option<u32>,
    /// Its code in the store system; the goods code itself where empty.
    pub(crate) in_store: Option<String>,
    /// Its id in the store system, for bills that name no code.
    pub(crate) id_in_store: Option<String>,
    pub(crate) line: u32,
}

/// A unit beside the main one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OtherUnit {
    pub(crate) unit: UnitIndex,
    pub(crate) rate: Quantity,
}

/// The unit that WDT's `goods_count` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedIn {
    Main,
    Sales,
}

const COLUMNS: &[Column] = &[
    Column { name: "spec_no", required: true },
    Column { name: "name", required: false },
    Column { name: "product", required: true },
    Column { name: "sku", required: false },
    Column { name: "tax", required: false },
    Column { name: "main_unit", required: false },
    Column { name: "sales_unit", required: false },
    Column { name: "sales_rate", required: false },
    Column { name: "price_unit", required: false },
    Column { name: "price_rate", required: false },
    Column { name: "counted_in", required: false },
    Column { name: "batch_managed", required: false },
    Column { name: "expiry_managed", required: false },
    Column { name: "shelf_life_days", required: false },
    Column { name: "store_goods", required: false },
    Column { name: "store_goods_id", required: false },
];

/// The keys that goods may refer to, and the files a wrong reference should be looked for in.
pub(super) struct References<'a> {
    pub(super) taxes: &'a HashMap<String, usize>,
    pub(super) taxes_file: &'a str,
    pub(super) units: &'a HashMap<String, usize>,
    pub(super) units_file: &'a str,
}

pub(super) fn read(
    (file, bytes): (&str, &[u8]),
    references: &References<'_>,
    found: &mut Vec<TableProblem>,
) -> HashMap<SpecNo, Goods> {
    let mut goods = HashMap::with_capacity(sheet::about_rows(bytes));
    if file.is_empty() {
        return goods;
    }
    sheet::read(bytes, COLUMNS, &mut Problems { file, found }, |row| {
        let key = row.id::<SpecNo>("spec_no");
        let read = read_row(row, references);
        if let Some(Err(twice)) = key.map(|key| insert(&mut goods, key, read, |goods| goods.line)) {
            row.note("spec_no", twice, None);
        }
    });
    goods
}

fn read_row(row: &mut Row<'_, '_>, references: &References<'_>) -> Goods {
    let product = row.required("product").unwrap_or_default().to_owned();
    let tax = refer(row, "tax", references.taxes, references.taxes_file).map(TaxIndex);
    let main_unit = refer(row, "main_unit", references.units, references.units_file).map(UnitIndex);
    let sales_unit = other_unit(row, "sales_unit", "sales_rate", main_unit, references);
    let price_unit = other_unit(row, "price_unit", "price_rate", main_unit, references);
    let shelf_life_days = row.whole("shelf_life_days");
    if shelf_life_days == Some(0) {
        row.note("shelf_life_days", "`shelf_life_days` must be above 0, or empty".to_owned(), None);
    }
    Goods {
        product,
        sku: row.text("sku"),
        tax,
        main_unit,
        sales_unit,
        price_unit,
        counted_in: counted_in(row, sales_unit),
        batch_managed: row.flag("batch_managed"),
        expiry_managed: row.flag("expiry_managed"),
        shelf_life_days,
        in_store: row.text("store_goods"),
        id_in_store: row.text("store_goods_id"),
        line: row.line,
    }
}

/// Resolves a key of another table; `None` if the cell is empty or the key unknown (then noted).
fn refer(row: &mut Row<'_, '_>, column: &str, keys: &HashMap<String, usize>, file: &str) -> Option<usize> {
    let key = row.borrowed(column)?;
    let index = keys.get(key).copied();
    // Without the other table every reference would dangle; its absence is a problem of its own.
    if index.is_none() && !keys.is_empty() {
        let message = format!("`{column}` is `{key}`, which {file} does not have");
        let hint = did_you_mean(key, keys.keys().map(String::as_str))
            .unwrap_or_else(|| format!("add a row for `{key}` to {file}"));
        row.note(column, message, Some(hint));
    }
    index
}

const ONE: Quantity = Quantity::new(Decimal::ONE);

fn other_unit(
    row: &mut Row<'_, '_>,
    unit_column: &str,
    rate_column: &str,
    main_unit: Option<UnitIndex>,
    references: &References<'_>,
) -> Option<OtherUnit> {
    let unit = refer(row, unit_column, references.units, references.units_file).map(UnitIndex);
    let is_empty = row.borrowed(rate_column).is_none();
    let rate = row.rate(rate_column, "write the main units in one of it, such as 6");
    if rate.is_none() && !is_empty {
        return None;
    }
    match (unit, rate) {
        (None, None) => None,
        (None, Some(rate)) => {
            // An unknown unit is noted already, and a rate of 1 says what an empty cell says.
            if row.borrowed(unit_column).is_none() && rate != ONE {
                row.note(
                    unit_column,
                    format!("`{rate_column}` is {rate}, but `{unit_column}` is empty"),
                    None,
                );
            }
            None
        }
        (Some(unit), rate) if Some(unit) == main_unit => {
            if rate.is_some_and(|rate| rate != ONE) {
                let message = format!("`{unit_column}` is the main unit, so `{rate_column}` can only be 1");
                row.note(rate_column, message, None);
            }
            None
        }
        (Some(_), None) => {
            let message = format!("`{rate_column}` is empty: how many main units are one `{unit_column}`?");
            row.note(rate_column, message, Some("such as 6 for a box of 6".to_owned()));
            None
        }
        (Some(unit), Some(rate)) => Some(OtherUnit { unit, rate }),
    }
}

fn counted_in(row: &mut Row<'_, '_>, sales_unit: Option<OtherUnit>) -> CountedIn {
    match row.borrowed("counted_in") {
        None | Some("main") => CountedIn::Main,
        Some("sales") if sales_unit.is_some() => CountedIn::Sales,
        Some("sales") => {
            let message = "`counted_in` is `sales`, but there is no sales unit beside the main unit";
            row.note("counted_in", message.to_owned(), None);
            CountedIn::Main
        }
        Some(other) => {
            let message = format!("`counted_in` is `{other}`");
            let hint = "write main or sales: the unit that goods_count of WDT counts".to_owned();
            row.note("counted_in", message, Some(hint));
            CountedIn::Main
        }
    }
}
