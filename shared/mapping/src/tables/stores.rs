//! The tables that only store bills need: the stores, and the ways of paying in them.

use std::collections::HashMap;

use dougong_store::BillKind;
use dougong_values::StoreCode;

use super::sheet::{self, Column, Problems, Row};
use super::{Parties, TableProblem, insert};
use crate::rules::Choice;

/// How a store belongs to the chain (门店类型), which decides whether and how its bills are booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreType {
    /// The chain's own store (自营).
    Own,
    /// A franchised store (加盟).
    Franchise,
    /// A jointly run store (联营).
    Joint,
}

impl Choice for StoreType {
    const NAMES: &'static [(&'static str, Self)] =
        &[("own", Self::Own), ("franchise", Self::Franchise), ("joint", Self::Joint)];
}

impl StoreType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Own, Self::Franchise, Self::Joint];

    /// Returns the name in settings and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Franchise => "franchise",
            Self::Joint => "joint",
        }
    }

    /// Reads a cell: the name, or the Chinese term that people write.
    fn written(text: &str) -> Option<Self> {
        let chinese = || match text {
            "自营" => Some(Self::Own),
            "加盟" => Some(Self::Franchise),
            "联营" => Some(Self::Joint),
            _ => None,
        };
        Self::named(text).or_else(chinese)
    }
}

/// A store (门店) as the tables know it.
#[derive(Debug)]
pub struct Store {
    /// Its id in the store system (`storeuid`), which downloads are asked by.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// How it belongs to the chain.
    pub store_type: StoreType,
    pub(crate) parties: Parties,
    /// Where its own goods are kept: stock organisation and warehouse in BIP.
    pub(crate) stock_org: Option<String>,
    pub(crate) stock: Option<String>,
    not_booked: Vec<BillKind>,
    pub(crate) line: u32,
}

impl Store {
    /// Tells whether its bills of a kind are booked.
    pub fn books(&self, kind: BillKind) -> bool {
        !self.not_booked.contains(&kind)
    }
}

/// A way of paying (支付方式): what it is settled as in BIP.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) name: Option<String>,
    pub(crate) settlement: String,
    line: u32,
}

const STORES: &[Column] = &[
    Column { name: "store", required: true },
    Column { name: "name", required: false },
    Column { name: "store_id", required: false },
    Column { name: "type", required: true },
    Column { name: "customer", required: false },
    Column { name: "invoice_customer", required: false },
    Column { name: "sales_org", required: false },
    Column { name: "settlement_org", required: false },
    Column { name: "stock_org", required: false },
    Column { name: "stock", required: false },
    Column { name: "declare", required: false },
    Column { name: "rec", required: false },
    Column { name: "req", required: false },
    Column { name: "outbound", required: false },
    Column { name: "sale", required: false },
];

const PAYMENTS: &[Column] = &[
    Column { name: "pay_code", required: true },
    Column { name: "name", required: false },
    Column { name: "settlement", required: true },
];

pub(super) fn read_stores(
    (file, bytes): (&str, &[u8]),
    found: &mut Vec<TableProblem>,
) -> HashMap<StoreCode, Store> {
    let mut stores: HashMap<StoreCode, Store> = HashMap::new();
    let mut ids: HashMap<String, u32> = HashMap::new();
    sheet::read(bytes, STORES, &mut Problems { file, found }, |row| {
        let key = row.id::<StoreCode>("store");
        let store = read_store(row);
        if let Some(id) = &store.id
            && let Some(first) = ids.insert(id.clone(), row.line)
        {
            row.note("store_id", format!("`{id}` is in line {first} already"), None);
        }
        if let Some(Err(twice)) = key.map(|key| insert(&mut stores, key, store, |store| store.line)) {
            row.note("store", twice, None);
        }
    });
    stores
}

fn read_store(row: &mut Row<'_, '_>) -> Store {
    const TYPES: &str = "write own, franchise or joint (自营 / 加盟 / 联营)";
    let store_type = row.required("type").and_then(|text| {
        let read = StoreType::written(text);
        if read.is_none() {
            row.note("type", format!("`type` is `{text}`"), Some(TYPES.to_owned()));
        }
        read
    });
    let not_booked = BillKind::ALL.into_iter().filter(|kind| !row.flag_or(kind.as_str(), true)).collect();
    Store {
        id: row.text("store_id"),
        name: row.text("name"),
        // A row without a type is noted: nothing is booked by it.
        store_type: store_type.unwrap_or(StoreType::Own),
        parties: Parties {
            customer: row.text("customer"),
            invoice_customer: row.text("invoice_customer"),
            sales_org: row.text("sales_org"),
            settlement_org: row.text("settlement_org"),
            // Orders and returns have types of their own: the scheme gives them.
            transaction_type: None,
            currency: None,
            exchange_rate: None,
        },
        stock_org: row.text("stock_org"),
        stock: row.text("stock"),
        not_booked,
        line: row.line,
    }
}

pub(super) fn read_payments(
    (file, bytes): (&str, &[u8]),
    found: &mut Vec<TableProblem>,
) -> HashMap<String, Payment> {
    let mut payments = HashMap::new();
    sheet::read(bytes, PAYMENTS, &mut Problems { file, found }, |row| {
        let key = row.required("pay_code").map(str::to_owned);
        let settlement = row.required("settlement").unwrap_or_default().to_owned();
        let payment = Payment { name: row.text("name"), settlement, line: row.line };
        if let Some(Err(twice)) = key.map(|key| insert(&mut payments, key, payment, |row| row.line)) {
            row.note("pay_code", twice, None);
        }
    });
    payments
}
