//! The values that every part of Dougong speaks: exact money, Beijing time, ids and document keys.
//!
//! Nothing here does I/O or reads a clock except [`BeijingTime::now`]. Each type can only be built valid,
//! so that a function which takes one need not check it again.

mod ids;
mod masked;
mod money;
mod time;

pub use ids::{
    Account, DocumentKey, DocumentKind, InvalidId, ResubmitKey, RunId, SchemeId, ShopNo, Sid, SpecNo,
    StockoutId, StoreCode, TenantId, Version, VoucherCode, VoucherId, WarehouseNo,
};
pub use masked::mask;
pub use money::{InvalidDecimal, Money, Quantity, spread_cents};
pub use time::{BeijingTime, BusinessDay, InvalidTime, InvalidWindow, Window};
