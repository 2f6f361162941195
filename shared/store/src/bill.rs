//! A bill of the store system (单据), the same whichever way it was written.

mod names;
mod read;
mod version;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use dougong_values::{BeijingTime, BusinessDay, DocumentKey, DocumentKind, Money, Quantity, Version};

use crate::warning::Warning;

/// The kind of a bill: which command it comes with, and how its fields are named (N13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillKind {
    /// A store's request for goods (报货单).
    Declare,
    /// A receiving difference (收货差异单): sent minus received.
    Receipt,
    /// Goods sent back for their quality (退仓单).
    Return,
    /// Goods that leave a warehouse for a store (调拨出库单).
    Outbound,
    /// A sale at a store's till (销售单).
    Sale,
}

impl BillKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Declare, Self::Receipt, Self::Return, Self::Outbound, Self::Sale];

    /// Returns the name as in document keys and settings: `declare`, `rec`, `req`, `outbound`, `sale`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declare => "declare",
            Self::Receipt => "rec",
            Self::Return => "req",
            Self::Outbound => "outbound",
            Self::Sale => "sale",
        }
    }
}

impl fmt::Display for BillKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<BillKind> for DocumentKind {
    fn from(kind: BillKind) -> Self {
        match kind {
            BillKind::Declare => Self::Declare,
            BillKind::Receipt => Self::Receipt,
            BillKind::Return => Self::Return,
            BillKind::Outbound => Self::Outbound,
            BillKind::Sale => Self::Sale,
        }
    }
}

impl BillKind {
    /// Returns the kind of bill that a document is; `None` for what is no bill.
    pub const fn of_document(kind: DocumentKind) -> Option<Self> {
        match kind {
            DocumentKind::Declare => Some(Self::Declare),
            DocumentKind::Receipt => Some(Self::Receipt),
            DocumentKind::Return => Some(Self::Return),
            DocumentKind::Outbound => Some(Self::Outbound),
            DocumentKind::Sale => Some(Self::Sale),
            DocumentKind::Stockout
            | DocumentKind::Announce
            | DocumentKind::Shipped
            | DocumentKind::Merged
            | DocumentKind::Command => None,
        }
    }
}

/// A text that names no kind of bill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of store bill: write `declare`, `rec`, `req`, `outbound` or `sale`")]
pub struct UnknownKind(String);

impl FromStr for BillKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| UnknownKind(text.chars().take(40).collect()))
    }
}

/// A bill. `Debug` shows its identity only.
#[derive(Clone, PartialEq, Eq)]
pub struct Bill {
    /// What it is.
    pub kind: BillKind,
    /// The number people know it by (单据号 `billno`). A bill has this or a `buid`, nearly always both or this.
    pub number: Option<String>,
    /// The store system's own id (单据ID `buid`); only outbound and sale bills have one.
    pub buid: Option<String>,
    /// The number in a third system, such as ours (第三方单据号 `tbillno`).
    pub third_party_no: Option<String>,
    /// The bill this one follows: the delivery a difference is about (`stobillno`), or the request (`parebillno`).
    pub source_no: Option<String>,
    /// The day of the books (单据日期 `rdate`).
    pub business_date: Option<BusinessDay>,
    /// When it was written (制单时间 `billingdate`, `cdate`).
    pub created_at: Option<BeijingTime>,
    /// When it was submitted (提交时间 `refertime`); what downloads filter on.
    pub submitted_at: Option<BeijingTime>,
    /// Who wrote it (制单人 `cname`): a person's name, not for logs.
    pub creator: Option<String>,
    /// The type of complaint (投诉类型 `businessid`), where it is sent: 0 quantity, 1 quality.
    pub business_id: Option<String>,
    /// The warehouse (N24): it delivers the goods, or for returns and differences had delivered them.
    pub from: Party,
    /// The store.
    pub to: Party,
    /// The header's quantity (总数量), as sent.
    pub quantity_total: Option<Quantity>,
    /// The header's amount (总金额), as sent.
    pub amount_total: Option<Money>,
    /// The remark (备注); several different ones joined with `; `.
    pub remark: Option<String>,
    /// The lines (单据明细), at least one, in the order they came.
    pub lines: Vec<BillLine>,
    /// The payments (支付信息).
    pub payments: Vec<Payment>,
    /// Fields of the header that no table and no example knows: name → JSON text.
    pub extra: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
    json: Arc<str>,
}

/// A warehouse or a store as a bill names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// Its id in the store system.
    pub id: Option<String>,
    /// Its code (编码); zeros in front count.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its id in a third system, such as ours (第三方).
    pub external_id: Option<String>,
}

/// A line of a bill. `Debug` shows its identity only.
#[derive(Clone, PartialEq, Eq)]
pub struct BillLine {
    /// The line's own id (流水ID `ibiuid`); only outbound and sale bills have one.
    pub id: Option<String>,
    /// The goods' id in the store system (商品ID `produid`).
    pub product_id: Option<String>,
    /// The goods' code (商品编码 `prodcode`). A line has this or one of the ids.
    pub product_code: Option<String>,
    /// The goods' id in a third system, such as ours (`extproduid`).
    pub external_product_id: Option<String>,
    /// The goods' name (商品名称).
    pub product_name: Option<String>,
    /// The unit, as a code or a name (单位; S19).
    pub unit: Option<String>,
    /// The price (单价 `dealpri`).
    pub price: Option<Money>,
    /// The quantity (数量 `amount`).
    pub quantity: Quantity,
    /// The amount (金额 `trademoney`).
    pub amount: Option<Money>,
    /// The second unit (辅单位).
    pub additional_unit: Option<String>,
    /// The quantity in the second unit (辅单位数量); the same goods, not more of them.
    pub additional_quantity: Option<Quantity>,
    /// The remark (备注).
    pub remark: Option<String>,
    /// The specification (规格).
    pub standard: Option<String>,
    /// Fields that no table and no example knows: name → JSON text.
    pub extra: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
}

/// A payment of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The way of paying (支付编码 `paycode`), as `QueryAllPay` lists them.
    pub code: Option<String>,
    /// Its name (支付名称 `payname`).
    pub name: Option<String>,
    /// What was paid (`paymoney`).
    pub amount: Money,
    /// What was taken off (`discsum`); only in examples of sales.
    pub discount: Option<Money>,
    /// What was owed before that (`ordersum`); only in examples of sales.
    pub owed: Option<Money>,
}

/// A bill and what had to be forgiven to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The bill.
    pub bill: Bill,
    /// One for each tolerance used, in the order of the text.
    pub warnings: Vec<Warning>,
}

/// A field that could not be read, with its path in the bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where, under the name on the wire: `billitems[0].amount`; empty for the bill itself.
    pub path: String,
    /// What is wrong with it, with its value where that is a number or a code.
    pub message: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path, self.message)
    }
}

/// A bill that cannot be read, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableBill {
    /// What it was said to be.
    pub kind: BillKind,
    /// Its number, if that much could be read.
    pub number: Option<String>,
    /// The key of its document ([`Bill::key`]), if that much could be read: the corrected bill has the same.
    pub key: Option<DocumentKey>,
    /// Every problem, in the order of the text; at least one.
    pub problems: Vec<FieldProblem>,
}

impl fmt::Display for UnreadableBill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} bill {} cannot be read",
            self.kind,
            self.number.as_deref().unwrap_or("without a number")
        )?;
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnreadableBill {}

impl Bill {
    /// Reads a bill of a kind from its JSON object, in either dialect.
    pub fn read(kind: BillKind, json: &str) -> Result<Reading, UnreadableBill> {
        read::read(kind, json)
    }

    /// Reads a bill from the text that [`Bill::json`] gave: what the queue and the ledger keep.
    pub fn from_json(kind: BillKind, json: &str) -> Result<Self, UnreadableBill> {
        Self::read(kind, json).map(|reading| reading.bill)
    }

    /// Returns the bill's own JSON object, as it was received.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Returns the version: a hash of the business content, the same for both dialects.
    ///
    /// Part of it: kind, numbers, day, ids and codes of both parties, the lines and payments in any order, decimals
    /// by value, and header totals that contradict the lines. Not part of it: names, remarks, times, who wrote it, the
    /// quantity in the second unit (downloads send it where pushes do not), unknown fields. In outbound bills and
    /// sales, whose examples have no codes, a code counts only where there is no id.
    pub fn version(&self) -> Version {
        Version::of(&version::canonical(self))
    }

    /// Returns the key of its document: `declare#<billno>`; for sales `sale#<store>#<day>#<billno>`, since tills
    /// count each for themselves and some anew every day. What stands in for a missing part is marked, so that it
    /// cannot be mistaken for it.
    pub fn key(&self) -> DocumentKey {
        let mut parts = Vec::with_capacity(5);
        let day = self.day().map(|day| day.to_string());
        if self.kind == BillKind::Sale {
            match (&self.to.id, &self.to.code) {
                (Some(id), _) => parts.push(id.as_str()),
                (None, code) => parts.extend(["code", code.as_deref().unwrap_or_default()]),
            }
            parts.push(day.as_deref().unwrap_or_default());
        }
        match (&self.number, &self.buid) {
            (Some(number), _) => parts.push(number),
            (None, buid) => parts.extend(["buid", buid.as_deref().unwrap_or_default()]),
        }
        DocumentKey::bill(self.kind.into(), &parts)
    }

    /// Returns the number people know the bill by, else its `buid`.
    pub fn name(&self) -> &str {
        self.number.as_deref().or(self.buid.as_deref()).unwrap_or_default()
    }

    /// Returns the day the bill belongs to: its own, else the day it was submitted, else written.
    pub fn day(&self) -> Option<BusinessDay> {
        self.business_date.or_else(|| self.submitted_at.or(self.created_at).map(BeijingTime::day))
    }

    /// Returns a field of the header by any of its names on the wire, in either dialect, or by a name nobody
    /// documents; `None` when it is absent, null, empty or a list.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Returns what does not add up: header totals, payments and line amounts (S7), each with both figures.
    pub fn mismatches(&self) -> Vec<Warning> {
        read::mismatches(self)
    }
}

impl BillLine {
    /// Returns a field of the line by any of its names on the wire, in either dialect, or by a name nobody
    /// documents; `None` when it is absent, null, empty or a list.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

impl fmt::Debug for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bill")
            .field("kind", &self.kind)
            .field("number", &self.number)
            .field("buid", &self.buid)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BillLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goods = self.product_code.as_deref().or(self.product_id.as_deref()).unwrap_or("?");
        write!(f, "BillLine({goods} × {})", self.quantity)
    }
}
