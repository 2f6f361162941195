//! Simulators of the outside systems: they answer as the real ones do, oddities and faults included.
//!
//! Tests, the demo and benchmarks share them. Facts and their certainty: `protocols/` of the design.

pub mod bip;
pub mod day;
pub mod faults;
pub mod store;
pub mod wdt;
