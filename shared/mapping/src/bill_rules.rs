//! The rules of a scheme that books store bills, as `[schemes.<id>.mapping]` states them.

use dougong_store::BillKind;

use crate::formulas::FormulaTexts;
use crate::rules::{Choice, HeadConstants, LineConstants, choice};
use crate::template::{BillField, BillLineField, Template};

/// All rules of one scheme's mapping of store bills.
#[derive(Debug, Clone)]
pub struct BillRules {
    /// The kind of bill.
    pub kind: BillKind,
    /// What a bill becomes.
    pub target: Target,
    /// What becomes of a bill whose totals, lines and payments do not agree.
    pub totals: Totals,
    /// What becomes of a bill whose quantities are all negative.
    pub negative: Negative,
    /// What the payments are for.
    pub payments: PaymentsRule,
    /// The head of the voucher.
    pub head: BillHeadRules,
    /// The lines of the voucher.
    pub lines: BillLineRules,
    /// What formulas and scripts set.
    pub formulas: FormulaTexts,
}

impl Choice for BillKind {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("declare", Self::Declare),
        ("rec", Self::Receipt),
        ("req", Self::Return),
        ("outbound", Self::Outbound),
        ("sale", Self::Sale),
    ];
}

impl BillRules {
    /// Returns the defaults for a kind: differences and returns become sale returns, everything else sales orders;
    /// a sale takes its goods from the store and its code from its key, everything else from the warehouse and from
    /// the bill's number.
    pub fn of(kind: BillKind) -> Self {
        let returned = matches!(kind, BillKind::Receipt | BillKind::Return);
        let (stock_of, code) = match kind {
            BillKind::Sale => (StockOf::Store, BillCode::Key),
            _ => (StockOf::Warehouse, BillCode::BillNo),
        };
        Self {
            kind,
            target: if returned { Target::Return } else { Target::Order },
            totals: Totals::default(),
            negative: Negative::default(),
            payments: PaymentsRule::default(),
            head: BillHeadRules { code, ..BillHeadRules::default() },
            lines: BillLineRules { stock_of, ..BillLineRules::default() },
            formulas: FormulaTexts::default(),
        }
    }
}

choice! {
    /// What a bill becomes in BIP.
    Target {
        /// A sales order (销售订单).
        #[default]
        Order = "order",
        /// A sale return (销售退货).
        Return = "return",
    }
}

choice! {
    /// What becomes of a bill that does not add up (`protocols/store.md` S7).
    Totals {
        /// It is booked by its lines, and the difference is logged.
        #[default]
        Warn = "warn",
        /// It is parked.
        Park = "park",
    }
}

choice! {
    /// What becomes of a bill whose quantities are all negative: goods brought back to a till, more received than sent.
    Negative {
        /// It is parked.
        #[default]
        Park = "park",
        /// It becomes the opposite voucher: a return instead of an order, an order instead of a return.
        Opposite = "opposite",
    }
}

choice! {
    /// What a bill's payments are for.
    PaymentsRule {
        /// Each is looked up in the payments table, for `{payments}` in the remark; an unknown one parks the bill.
        #[default]
        Table = "table",
        /// They are left alone.
        Ignore = "ignore",
    }
}

/// The head's constants and choices. A cell of the stores table wins over a constant of the same name.
#[derive(Debug, Clone, Default)]
pub struct BillHeadRules {
    /// Where the voucher's code comes from.
    pub code: BillCode,
    /// What is put before the code.
    pub code_prefix: String,
    /// Which time of the bill is the voucher's date (单据日期).
    pub voucher_date: BillTime,
    /// What every voucher of the scheme carries.
    pub constants: HeadConstants,
    /// Remark (备注).
    pub memo: Option<Template<BillField>>,
}

choice! {
    /// Where the voucher's code (单据编码) comes from.
    BillCode {
        /// The number of the bill (单据号). Numbers of different kinds may be equal: give each scheme a prefix.
        #[default]
        BillNo = "billno",
        /// What makes the bill unique (`38485-2026-11-20-XS1`): sales of different stores share their numbers.
        Key = "key",
        /// BIP numbers by itself (自动编号): no code is sent.
        Automatic = "automatic",
    }
}

choice! {
    /// Which time of the bill is the voucher's date.
    BillTime {
        /// The day of the books (单据日期), at midnight.
        #[default]
        BusinessDate = "business_date",
        /// When it was written (制单时间).
        CreatedAt = "created_at",
        /// When it was submitted (提交时间).
        SubmittedAt = "submitted_at",
    }
}

/// The lines' constants and choices. A cell of the goods, warehouses or stores table wins over a constant.
#[derive(Debug, Clone, Default)]
pub struct BillLineRules {
    /// Whose stock the goods leave, or come back to.
    pub stock_of: StockOf,
    /// What becomes of goods without an amount.
    pub free: FreeGoods,
    /// What becomes of a unit that is none of the goods' units.
    pub unknown_unit: UnknownUnit,
    /// What every line of the scheme carries.
    pub constants: LineConstants,
    /// Remark (备注) of a line.
    pub memo: Option<Template<BillLineField>>,
}

choice! {
    /// Whose stock the goods leave, or come back to.
    StockOf {
        /// The warehouse's (`from`), by the warehouses table.
        #[default]
        Warehouse = "warehouse",
        /// The store's own (`to`), by the stores table.
        Store = "store",
    }
}

choice! {
    /// What becomes of goods without an amount.
    FreeGoods {
        /// They are sold goods (销售品) at no price.
        #[default]
        Sale = "sale",
        /// They are gifts (赠品).
        Gift = "gift",
        /// The bill is parked.
        Park = "park",
    }
}

choice! {
    /// What becomes of a unit that is none of the goods' units: it says how much one of the count is.
    UnknownUnit {
        /// The bill is parked.
        #[default]
        Park = "park",
        /// The main unit is meant.
        Main = "main",
    }
}
