//! 用友BIP (YonBIP, YonSuite): sales orders and their returns, saved once each and looked up again.
//!
//! A [`Session`] is the only way to call: it holds the token, keeps the shared pace ([`SharedState`]), and
//! turns what BIP answers into a [`SaveOutcome`] or [`Lookup`] by what the caller must do next.
//! [`check`] finds everything BIP would refuse about a voucher's figures before it is sent.
//!
//! The facts, with their certainty, are in `protocols/bip.md` of the design; sections are named as §.

mod alone;
mod call;
pub mod check;
mod client;
mod clock;
mod order;
mod outcome;
mod reply;
mod sale_return;
mod session;
pub mod sign;
mod state;
mod token;
mod voucher;

pub use alone::Alone;
pub use call::{ListPage, ListQuery};
pub use client::{Client, ClientError, Credential, Gateway, META_URL, Timeouts, discover};
pub use clock::Clock;
pub use order::{Order, OrderLine, Personal, ProductType, RowStatus, UnitExchange};
pub use outcome::{CallError, FoundVoucher, Likeness, Lookup, RefusalReason, SaveOutcome};
pub use sale_return::{ReturnSource, SaleReturn, SaleReturnLine};
pub use session::{NoSlot, Pauses, Session, Slot};
pub use state::{PauseCause, Reservation, SealedToken, SharedState, StateError};
pub use voucher::{Voucher, VoucherKind};
