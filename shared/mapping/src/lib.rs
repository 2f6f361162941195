#![doc = include_str!("../README.md")]

mod amounts;
mod bill;
pub mod bill_rules;
mod complete;
mod core;
mod draft;
mod excluded;
mod formulas;
mod head;
mod lookup;
mod mapping;
pub mod merge;
mod nearest;
mod postage;
mod problem;
mod provenance;
pub mod rules;
mod tables;
mod telling;
mod template;

pub use bill::{BillMapping, MappedBill};
pub use bill_rules::BillRules;
pub use excluded::Exclusion;
pub use formulas::{FormulaProblem, FormulaText, FormulaTexts, formula_syntax, head_targets, line_targets};
pub use lookup::{Miss, MissKind};
pub use mapping::{Identity, Mapping, RuleProblem};
pub use nearest::{did_you_mean, nearest};
pub use problem::{Problem, Reason};
pub use provenance::{Explained, Provenance};
pub use rules::Rules;
pub use tables::{
    OwnTable, Reference, STANDARD_TABLES, STORE_TABLE_FILES, Store, StoreType, TABLE_FILES, TableProblem,
    TableRow, TableSize, Tables, decode_table,
};
pub use telling::{LookUp, Telling};
pub use template::{BillField, BillLineField, HeadField, InvalidTemplate, LineField, MergedField, Template};
