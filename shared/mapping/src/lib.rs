#![doc = include_str!("../README.md")]

mod amounts;
mod complete;
mod draft;
mod excluded;
mod head;
mod mapping;
mod nearest;
mod postage;
mod problem;
pub mod rules;
mod tables;
mod template;

pub use excluded::Exclusion;
pub use mapping::{Identity, Mapping, RuleProblem};
pub use nearest::{did_you_mean, nearest};
pub use problem::{Problem, Reason};
pub use rules::Rules;
pub use tables::{TABLE_FILES, TableProblem, Tables};
pub use template::{HeadField, InvalidTemplate, LineField, Template};
