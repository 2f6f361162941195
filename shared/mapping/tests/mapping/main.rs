//! What the mapping promises, on real shapes of stockouts.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod bills;
mod formulas;
mod given;
mod merged;
mod own_tables;
mod parked;
mod properties;
mod reading_tables;
mod rules_and_tables;
mod simple_formulas;
mod vouchers;
