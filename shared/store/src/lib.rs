#![doc = include_str!("../README.md")]

mod bill;
mod json;
mod scalar;
mod warning;

pub use bill::{
    Bill, BillKind, BillLine, FieldProblem, Party, Payment, Reading, UnknownKind, UnreadableBill,
};
pub use warning::{Warning, WarningName};
