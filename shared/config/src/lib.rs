#![doc = include_str!("../README.md")]

mod bill_scheme;
mod config;
mod error;
mod formats;
mod load;
mod rules;
mod schema;
mod scheme;
mod section;
mod shape;
mod store;
mod substitute;
mod systems;
mod tables;

pub use bill_scheme::{BillScheme, BillSource, NotBooked};
pub use config::Config;
pub use error::{ConfigError, ConfigErrors, Snippet};
pub use load::{Files, NamedFile};
pub use schema::schema;
pub use scheme::{OnChange, Scheme, Source};
pub use store::{FinishSales, StoreSettings};
pub use systems::{BipSettings, WdtChannel, WdtSettings};
