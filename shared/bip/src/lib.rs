//! 用友BIP (YonBIP, YonSuite): sales orders and their returns, saved once each and looked up again.
//!
//! The facts, with their certainty, are in `protocols/bip.md` of the design; sections are named as §.

pub mod check;
mod order;
mod outcome;
mod session;
mod state;

pub use order::{Order, OrderLine, Personal, ProductType, RowStatus, UnitExchange};
pub use outcome::{CallError, FoundVoucher, Likeness, Lookup, RefusalReason, SaveOutcome};
pub use session::{NoSlot, Slot};
pub use state::{Reservation, SealedToken, SharedState, StateError};
