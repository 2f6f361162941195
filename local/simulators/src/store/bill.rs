//! A bill in the simulated store system: what a test sets, and what the books should show for it.

use dougong_values::{BeijingTime, BusinessDay, Money, Quantity};
use rust_decimal::Decimal;

/// The kinds of bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillKind {
    /// What a store asks for (报货单).
    Declare,
    /// What was sent less what was received (收货差异单).
    Receipt,
    /// What a store sends back (退仓单).
    Return,
    /// What a warehouse sends to a store (调拨/配送出库单).
    Outbound,
    /// What a store sold (销售单).
    Sale,
}

impl BillKind {
    /// Returns the command that pushes bills of this kind; `None` for kinds that are never pushed.
    pub const fn push_command(self) -> Option<&'static str> {
        match self {
            Self::Declare => Some("PushStoreDeclareGoods"),
            Self::Receipt => Some("PushRECBill"),
            Self::Return => Some("PushREQBill"),
            Self::Outbound | Self::Sale => None,
        }
    }
}

/// How a bill is written: as the tables of the vendor's page have it, or as its examples do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// As the tables: `deliverywhid`, `storeuid`, `remarks`, `billingdate`, an `outstoreuid` twice.
    Table,
    /// As the examples: `outstoreuid`, `instoreuid`, `reamrks`, `cdate`, `tnum`, lines without codes.
    #[default]
    Example,
}

/// Who runs a store (门店类型).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreType {
    /// 自营
    Own,
    /// 加盟
    Franchise,
    /// 联营
    Joint,
}

impl StoreType {
    /// Returns the number of `storetype`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Own => 1,
            Self::Franchise => 2,
            Self::Joint => 3,
        }
    }
}

/// A store or a warehouse, as a bill names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The platform's id.
    pub uid: u64,
    /// The code.
    pub code: String,
    /// The name.
    pub name: String,
    /// The id in a third system; not sent when empty.
    pub external_id: String,
}

/// A line of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreLine {
    /// The line's own id (`ibiuid`).
    pub uid: u64,
    /// The product's id.
    pub product_uid: u64,
    /// The product's code.
    pub product_code: String,
    /// The product's id in a third system; not sent when empty.
    pub external_product_id: String,
    /// The product's name.
    pub product_name: String,
    /// The unit.
    pub unit: String,
    /// The price of one.
    pub price: Money,
    /// How many.
    pub quantity: Quantity,
    /// The amount.
    pub amount: Money,
    /// The second unit, or nothing.
    pub additional_unit: String,
    /// How many of the second unit.
    pub additional_quantity: Quantity,
    /// The line's remark.
    pub remark: String,
}

/// A payment of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePayment {
    /// The method's code.
    pub code: String,
    /// The method's name.
    pub name: String,
    /// The amount.
    pub amount: Money,
}

/// A bill of the store system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreBill {
    /// Its kind.
    pub kind: BillKind,
    /// Its number; numbers of different kinds, and sales of different stores, may be alike.
    pub number: String,
    /// Its id; outbound bills and sales alone show it.
    pub uid: u64,
    /// `tbillno`; receiving differences alone show it.
    pub third_party_no: String,
    /// `stobillno`, the outbound bill that a receiving difference speaks of.
    pub source_no: String,
    /// Its day (`rdate`).
    pub day: BusinessDay,
    /// When it was made.
    pub created_at: BeijingTime,
    /// When it was submitted: the clock that downloads go by.
    pub submitted_at: BeijingTime,
    /// Who made it; outbound bills and sales alone show it.
    pub creator: String,
    /// The warehouse; a sale has none.
    pub from: Place,
    /// The store.
    pub to: Place,
    /// Who runs the store.
    pub store_type: StoreType,
    /// The delivery route (`dluid`) and the area that the store is on.
    pub route: u64,
    /// See `route`.
    pub area: u64,
    /// 0 a complaint about quantity, 1 about quality; receiving differences alone are asked for by it.
    pub complaint: u8,
    /// The remark.
    pub remark: String,
    /// The lines.
    pub lines: Vec<StoreLine>,
    /// The payments.
    pub payments: Vec<StorePayment>,
    /// The sums that the head claims, if they are not those of the lines.
    pub claimed: Option<(Quantity, Money)>,
    /// Members that no page documents, as JSON: `"mobileno":"…"`; nothing when empty.
    pub extra: String,
    /// How it is written.
    pub dialect: Dialect,
    /// Whether it was voided (作废): it is neither pushed nor shown any more, and nobody is told.
    pub voided: bool,
    /// The bill's JSON instead of all this, for what no platform should send.
    pub raw: Option<String>,
}

impl StoreBill {
    /// Returns the sum of the lines' quantities.
    pub fn quantity_total(&self) -> Quantity {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Returns the sum of the lines' amounts.
    pub fn amount_total(&self) -> Money {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// Returns the bill as somebody corrected it: the first line counts one more, and every sum follows.
    #[must_use]
    pub fn changed(&self) -> Self {
        let mut changed = self.clone();
        if let Some(line) = changed.lines.first_mut() {
            line.quantity += Quantity::new(Decimal::ONE);
            line.amount += line.price;
            if let Some(payment) = changed.payments.first_mut() {
                payment.amount += line.price;
            }
        }
        changed
    }

    /// Returns what tells it from every other bill of the platform.
    pub(super) fn key(&self) -> (BillKind, String, u64) {
        (self.kind, self.number.clone(), self.to.uid)
    }
}
