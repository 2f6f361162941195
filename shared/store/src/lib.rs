#![doc = include_str!("../README.md")]

mod acknowledgement;
pub mod auth;
mod bill;
mod client;
mod days;
mod failure;
mod json;
mod likeness;
mod push;
mod reply;
mod request;
mod rows;
mod scalar;
mod seq;
mod warning;

pub use acknowledgement::{Acknowledgement, Answer, InvalidTemplate, Reply, Template};
pub use bill::{
    Bill, BillKind, BillLine, FieldProblem, Party, Payment, Reading, UnknownKind, UnreadableBill,
};
pub use client::{Client, ClientError, Platform, Timeouts};
pub use days::Days;
pub use failure::{CallClass, CallError, Codes, InvalidCall};
pub use likeness::Likeness;
pub use push::{Encoding, LARGEST_PUSH, Push, PushError, read_push};
pub use reply::{Announced, Batch, PaymentMethod};
pub use request::{
    Delivery, DeliveryLine, Download, DownloadQuery, OutboundQuery, SaleQuery, SaleWindowKeys, Selector,
    Shipment, ShipmentLine, StoreType,
};
pub use rows::{Row, UnreadableRow};
pub use seq::Seq;
pub use warning::{Warning, WarningName};
