//! What is wrong with a document: every problem names the rule, both fields, the value and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a document cannot be booked, for grouping: one stable name per kind of repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The shops table has no row for the shop.
    UnknownShop,
    /// The warehouses table has no row for the warehouse.
    UnknownWarehouse,
    /// The goods table has no row for the goods code.
    UnknownGoods,
    /// The stores table has no row for the store.
    UnknownStore,
    /// The payments table has no row for the way of paying.
    UnknownPayment,
    /// The unit that a bill counts in is none of its goods' units.
    UnknownUnit,
    /// The totals of a bill, its lines and its payments do not agree, and the rule wants a person to look at it.
    TotalMismatch,
    /// Goods without an amount, and the rule wants a person to look at it.
    FreeGoods,
    /// A look-up in a table of the tenant's own finds nothing.
    LookupMissed,
    /// A field that the voucher needs is missing or empty in the document.
    MissingField,
    /// Σ shares + postage is not the receivable that WDT sends (应收).
    PostageMismatch,
    /// No line can carry the postage that is to be spread.
    PostageNowhere,
    /// A gift (赠品) has a price, and the rule wants a person to look at it.
    PricedGift,
    /// A line's goods were refunded (退款), and the rule wants a person to look at it.
    RefundedLine,
    /// A count of goods is negative, zero with an amount, or finer than its unit allows.
    BadQuantity,
    /// An amount is negative, or too large to be exact.
    BadAmount,
    /// Batch-managed goods (批次管理) came without a batch number.
    BatchMissing,
    /// The counts of the batches do not add up to the line's count.
    BatchMismatch,
    /// Expiry-managed goods (效期管理) came without an expiry date.
    ExpiryMissing,
    /// No line is left to be booked.
    NoLines,
    /// The orders of a merged voucher do not agree in its head.
    MembersDiffer,
    /// A formula or a script has no value, or one that its field cannot take.
    FormulaFailed,
    /// The finished voucher breaks a rule of BIP (`protocols/bip.md` §2.3).
    CheckFailed,
}

impl Reason {
    /// Returns the stable name, as in logs and reports: `unknown_goods`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownShop => "unknown_shop",
            Self::UnknownWarehouse => "unknown_warehouse",
            Self::UnknownGoods => "unknown_goods",
            Self::UnknownStore => "unknown_store",
            Self::UnknownPayment => "unknown_payment",
            Self::UnknownUnit => "unknown_unit",
            Self::TotalMismatch => "total_mismatch",
            Self::FreeGoods => "free_goods",
            Self::LookupMissed => "lookup_missed",
            Self::MissingField => "missing_field",
            Self::PostageMismatch => "postage_mismatch",
            Self::PostageNowhere => "postage_nowhere",
            Self::PricedGift => "priced_gift",
            Self::RefundedLine => "refunded_line",
            Self::BadQuantity => "bad_quantity",
            Self::BadAmount => "bad_amount",
            Self::BatchMissing => "batch_missing",
            Self::BatchMismatch => "batch_mismatch",
            Self::ExpiryMissing => "expiry_missing",
            Self::NoLines => "no_lines",
            Self::MembersDiffer => "members_differ",
            Self::FormulaFailed => "formula_failed",
            Self::CheckFailed => "check_failed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One reason why a document cannot be booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem.
    pub reason: Reason,
    /// The rule or table that could not be applied, as a person finds it in `config/`.
    pub rule: String,
    /// The field of the voucher that stays without a value, under its wire name.
    pub target: String,
    /// The field of the document it comes from, under its wire name.
    pub source: String,
    /// The value found there; masked if personal.
    pub value: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// Returns the stable name problems are grouped by.
    pub const fn reason(&self) -> &'static str {
        self.reason.as_str()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, rule, target, source, value, message, hint } = self;
        write!(f, "{reason}: {message} ({source} = {value:?} → {target}, rule {rule})")?;
        hint.iter().try_for_each(|hint| write!(f, "; hint: {hint}"))
    }
}
