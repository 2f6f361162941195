//! The client of WDT 旺店通·企业奇门: asks `wdt.stockout.order.query.trade` (查询销售出库单) page by page.
//!
//! ```text
//! Account + Query ──► signed request ──► one HTTP attempt ──► envelope ──► Page { total, rows }
//!                     (fresh clock                            └► QueryError, by class
//!                      and sign)
//! ```
//!
//! - Both channels: the Qimen gateway (奇门) and the direct OpenAPI, each with its own signature ([`sign`]).
//! - One call is one attempt. What to do about a failure is told by [`QueryError::class`] and done by the caller,
//!   who also keeps the pace. Every call is a read: repeating one is always safe.
//! - Personal data is cut out of the text before any row is read ([`is_personal`]); nothing behind this crate sees it.
//! - Each row is read alone: one that cannot be read is handed over as [`Row::Unreadable`], its neighbours are whole.
//!
//! Facts and their certainty: `protocols/wdt.md`.

mod account;
mod client;
mod failure;
mod field;
mod personal;
mod query;
mod reply;
mod request;
pub mod sign;
mod stockout;
mod version;

pub use account::{Account, Channel};
pub use client::{Client, ClientError, Timeouts};
pub use failure::{ErrorClass, Failure, QueryError};
pub use field::{FieldProblem, FieldText};
pub use personal::{PERSONAL_FIELDS, is_personal};
pub use query::{Filter, InvalidPageSize, PageSize, Query};
pub use reply::{Page, Row, UnreadableRow, read as read_page};
pub use sign::SignMethod;
pub use stockout::{Line, Position, ReadError, Stockout};

/// The method of the interface: the only one this crate calls.
pub const METHOD: &str = "wdt.stockout.order.query.trade";
