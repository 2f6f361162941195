//! What vouchers of every source share: the tables, and the constants where a table says nothing.

use crate::mapping::{RuleProblem, absent};
use crate::rules::{HeadConstants, LineConstants};
use crate::tables::{Tables, TaxIndex, UnitIndex};

/// Makes heads and lines of any document's parties and drafts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Core<'a> {
    pub(crate) head: &'a HeadConstants,
    pub(crate) lines: &'a LineConstants,
    pub(crate) tables: &'a Tables,
    pub(crate) defaults: Defaults,
}

/// The tax and the unit of goods whose row names none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) tax: Option<TaxIndex>,
    pub(crate) unit: Option<UnitIndex>,
}

impl Defaults {
    /// Looks up what the rules name; notes what is not there.
    pub(crate) fn find(lines: &LineConstants, tables: &Tables, problems: &mut Vec<RuleProblem>) -> Self {
        let tax = lines.tax.as_deref().and_then(|key| {
            let found = tables.find_tax(key);
            if found.is_none() {
                problems.push(absent("lines.tax", key, "tables/taxes.csv", tables.tax_keys()));
            }
            found
        });
        let unit = lines.unit.as_deref().and_then(|key| {
            let found = tables.find_unit(key);
            if found.is_none() {
                problems.push(absent("lines.unit", key, "tables/units.csv", tables.unit_keys()));
            }
            found
        });
        Self { tax, unit }
    }
}
