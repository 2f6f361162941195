//! The check of a voucher before it is sent: every rule BIP is known to hold (§2), all violations at once.
//!
//! Amounts must agree exactly at two decimals. A unit price has eight, so that price times quantity may miss
//! the amount by the amount's own rounding (0.005) and the price's (half of 10⁻⁸ for every unit priced).
//! The tax rate is not sent, so that nothing but the split itself can be checked about taxes.

use std::fmt;

use dougong_values::{Money, Quantity};
use rust_decimal::Decimal;

use crate::order::{Order, OrderLine, ProductType};
use crate::sale_return::{SaleReturn, SaleReturnLine};

/// Half a cent: what rounding to the cent may move an amount by.
const HALF_A_CENT: Decimal = Decimal::from_parts(5, 0, 0, false, 3);
/// Half of the last decimal of a unit price.
const HALF_A_PRICE_STEP: Decimal = Decimal::from_parts(5, 0, 0, false, 9);
/// A count or rate with so many decimals is taken for a rounded one.
const ROUNDED_FROM: u32 = 6;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// A figure in local currency is not the original times the exchange rate.
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

/// Checks a sales order; returns all violations at once.
///
/// What the types hold needs no check: `resubmitCheckKey` has 32 characters, `_status` is always there,
/// dates are date-times.
pub fn order(order: &Order) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut head = Place::head(&mut found);
    head.texts(&[
        ("salesOrgId", &order.sales_org_id),
        ("settlementOrgId", &order.settlement_org_id),
        ("transactionTypeId", &order.transaction_type_id),
        ("agentId", &order.agent_id),
        ("invoiceAgentId", &order.invoice_agent_id),
        ("orderPrices!currency", &order.currency),
        ("orderPrices!natCurrency", &order.nat_currency),
        ("orderPrices!exchangeRateType", &order.exchange_rate_type),
    ]);
    let rate = order.exch_rate;
    head.exchange_rate("orderPrices!exchRate", rate, order.currency == order.nat_currency);
    head.total(order.pay_money, "orderDetails", order.order_details.iter().map(|line| line.ori_sum));
    if let Some(real_money) = order.real_money {
        head.agree(
            "realMoney",
            Rule::Total,
            real_money.decimal(),
            order.pay_money.decimal(),
            Decimal::ZERO,
            "payMoney",
        );
    }
    if let Some(reight) = order.reight {
        head.scale("reight", reight.decimal(), Money::CENTS);
    }
    for (index, line) in order.order_details.iter().enumerate() {
        let path = format!("orderDetails[{index}].");
        Place { path, prices: "orderDetailPrices!", found: &mut found }.line(&Figures::from(line), rate);
    }
    found
}

/// Checks a sales return; returns all violations at once. Counts are positive in a return, too.
pub fn sale_return(sale_return: &SaleReturn) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut head = Place::head(&mut found);
    head.texts(&[
        ("salesOrgId", &sale_return.sales_org_id),
        ("settlementOrgId", &sale_return.settlement_org_id),
        ("transactionTypeId", &sale_return.transaction_type_id),
        ("agentId", &sale_return.agent_id),
        ("invoiceAgentId", &sale_return.invoice_agent_id),
        ("currency", &sale_return.currency),
        ("natCurrency", &sale_return.nat_currency),
        ("exchangeRateType", &sale_return.exchange_rate_type),
    ]);
    let rate = sale_return.exch_rate;
    head.exchange_rate("exchRate", rate, sale_return.currency == sale_return.nat_currency);
    let sums = sale_return.sale_return_details.iter().map(|line| line.ori_sum);
    head.total(sale_return.pay_money, "saleReturnDetails", sums);
    for (index, line) in sale_return.sale_return_details.iter().enumerate() {
        let path = format!("saleReturnDetails[{index}].");
        Place { path, prices: "", found: &mut found }.line(&Figures::from(line), rate);
    }
    found
}

/// What is checked about a line, whichever voucher it belongs to.
struct Figures<'a> {
    texts: [(&'static str, &'a String); 7],
    optional_texts: [(&'static str, &'a Option<String>); 4],
    rebate: bool,
    qty: Quantity,
    sub_qty: Quantity,
    price_qty: Quantity,
    inv_exch_rate: Quantity,
    inv_price_exch_rate: Quantity,
    original: Side,
    national: Side,
}

/// The money of a line in one currency.
struct Side {
    tax_unit_price: Money,
    unit_price: Money,
    sum: Money,
    money: Money,
    tax: Money,
}

macro_rules! figures {
    ($line:ident, [$($optional:expr),*]) => {
        Figures {
            texts: [
                ("productId", &$line.product_id),
                ("stockOrgId", &$line.stock_org_id),
                ("settlementOrgId", &$line.settlement_org_id),
                ("masterUnitId", &$line.master_unit_id),
                ("iProductAuxUnitId", &$line.product_aux_unit_id),
                ("iProductUnitId", &$line.product_unit_id),
                ("taxId", &$line.tax_id),
            ],
            optional_texts: [$($optional),*],
            rebate: $line.order_product_type == ProductType::Rebate,
            qty: $line.qty,
            sub_qty: $line.sub_qty,
            price_qty: $line.price_qty,
            inv_exch_rate: $line.inv_exch_rate,
            inv_price_exch_rate: $line.inv_price_exch_rate,
            original: Side {
                tax_unit_price: $line.ori_tax_unit_price,
                unit_price: $line.ori_unit_price,
                sum: $line.ori_sum,
                money: $line.ori_money,
                tax: $line.ori_tax,
            },
            national: Side {
                tax_unit_price: $line.nat_tax_unit_price,
                unit_price: $line.nat_unit_price,
                sum: $line.nat_sum,
                money: $line.nat_money,
                tax: $line.nat_tax,
            },
        }
    };
}

impl<'a> From<&'a OrderLine> for Figures<'a> {
    fn from(line: &'a OrderLine) -> Self {
        figures!(
            line,
            [
                ("skuId", &line.sku_id),
                ("stockId", &line.stock_id),
                ("batchNo", &line.batch_no),
                ("batch_no", &line.scheme_batch_no)
            ]
        )
    }
}

impl<'a> From<&'a SaleReturnLine> for Figures<'a> {
    fn from(line: &'a SaleReturnLine) -> Self {
        figures!(
            line,
            [
                ("skuId", &line.sku_id),
                ("stockId", &line.stock_id),
                ("batchNo", &line.batch_no),
                ("memo", &line.memo)
            ]
        )
    }
}

/// A head or a line under check: where it is, and where violations go.
struct Place<'a> {
    path: String,
    prices: &'static str,
    found: &'a mut Vec<Violation>,
}

impl<'a> Place<'a> {
    fn head(found: &'a mut Vec<Violation>) -> Self {
        Self { path: String::new(), prices: "", found }
    }

    fn break_rule(&mut self, field: &str, rule: Rule, message: String) {
        self.found.push(Violation { path: format!("{}{field}", self.path), rule, message });
    }

    fn texts(&mut self, texts: &[(&str, &String)]) {
        for (field, text) in texts {
            if text.trim().is_empty() {
                self.break_rule(field, Rule::Missing, "is required and empty".to_owned());
            }
        }
    }

    fn scale(&mut self, field: &str, value: Decimal, most: u32) {
        let value = value.normalize();
        if value.scale() > most {
            let message = format!("{value} has more than {most} decimals");
            self.break_rule(field, Rule::Scale, message);
        }
    }

    fn positive(&mut self, field: &str, value: Quantity) {
        if value <= Quantity::ZERO {
            self.break_rule(field, Rule::Sign, format!("{value} must be greater than 0"));
        }
    }

    fn agree(
        &mut self,
        field: &str,
        rule: Rule,
        value: Decimal,
        expected: Decimal,
        tolerance: Decimal,
        formula: &str,
    ) {
        if (value - expected).abs() > tolerance {
            let (value, expected) = (value.normalize(), expected.normalize());
            self.break_rule(field, rule, format!("{value} must be {formula} = {expected}"));
        }
    }

    fn exchange_rate(&mut self, field: &str, rate: Quantity, same_currency: bool) {
        self.positive(field, rate);
        if same_currency && rate.decimal() != Decimal::ONE {
            let message = format!("{rate} must be 1 where both currencies are the same");
            self.break_rule(field, Rule::LocalCurrency, message);
        }
    }

    fn total(&mut self, pay_money: Money, lines: &str, sums: impl ExactSizeIterator<Item = Money>) {
        self.scale("payMoney", pay_money.decimal(), Money::CENTS);
        if sums.len() == 0 {
            self.break_rule(lines, Rule::Missing, "there must be a line".to_owned());
        }
        let sum: Money = sums.sum();
        let formula = "the sum of oriSum";
        self.agree("payMoney", Rule::Total, pay_money.decimal(), sum.decimal(), Decimal::ZERO, formula);
    }

    fn line(&mut self, line: &Figures<'_>, rate: Quantity) {
        self.texts(&line.texts);
        for (field, text) in line.optional_texts {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                self.break_rule(field, Rule::Missing, "is empty: leave it out".to_owned());
            }
        }
        for (field, count) in [
            ("qty", line.qty),
            ("subQty", line.sub_qty),
            ("priceQty", line.price_qty),
            ("invExchRate", line.inv_exch_rate),
            ("invPriceExchRate", line.inv_price_exch_rate),
        ] {
            self.positive(field, count);
        }
        self.conversion(line.qty, line.sub_qty, line.inv_exch_rate, "subQty × invExchRate");
        self.conversion(line.qty, line.price_qty, line.inv_price_exch_rate, "priceQty × invPriceExchRate");
        // The amount with tax and its price stand at the top level of an order line, the rest below.
        let names = |nat: bool| {
            let (top, below) = if nat { (self.prices, "nat") } else { ("", "ori") };
            let price = |name: &str| format!("{}{below}{name}", self.prices);
            Names {
                tax_unit_price: format!("{top}{below}TaxUnitPrice"),
                sum: format!("{top}{below}Sum"),
                unit_price: price("UnitPrice"),
                money: price("Money"),
                tax: price("Tax"),
            }
        };
        let (ori, nat) = (names(false), names(true));
        let (count, rate) = (line.price_qty.decimal(), rate.decimal());
        let tolerance = HALF_A_CENT + HALF_A_PRICE_STEP * count.abs();
        // Converted, the original's distance grows with the rate, and both figures are rounded once more.
        let converted = if rate == Decimal::ONE { tolerance } else { tolerance * rate.abs() + tolerance };
        self.side(&line.original, &ori, line, tolerance);
        self.side(&line.national, &nat, line, converted);
        self.local_currency(line, &nat, rate);
    }

    fn conversion(&mut self, qty: Quantity, count: Quantity, rate: Quantity, formula: &str) {
        let (count, rate) = (count.decimal().normalize(), rate.decimal().normalize());
        // 7 pieces in boxes of 6 are 1.16666667 boxes: what was rounded may miss by its last decimal.
        let half_a_step = |value: Decimal| {
            if value.scale() < ROUNDED_FROM { Decimal::ZERO } else { Decimal::new(5, value.scale() + 1) }
        };
        let tolerance = half_a_step(count) * rate.abs() + half_a_step(rate) * count.abs();
        self.agree("qty", Rule::UnitConversion, qty.decimal(), count * rate, tolerance, formula);
    }

    /// Checks scales, signs, price times quantity and the tax split in one currency.
    fn side(&mut self, side: &Side, names: &Names, line: &Figures<'_>, tolerance: Decimal) {
        let count = line.price_qty.decimal();
        for (field, amount) in [(&names.sum, side.sum), (&names.money, side.money), (&names.tax, side.tax)] {
            self.scale(field, amount.decimal(), Money::CENTS);
            if amount < Money::ZERO && !line.rebate {
                self.break_rule(field, Rule::Sign, format!("{amount} must not be negative"));
            }
        }
        for (field, price, amount, names_of_both) in [
            (
                &names.sum,
                (&names.tax_unit_price, side.tax_unit_price),
                side.sum,
                "unit price with tax × priceQty",
            ),
            (&names.money, (&names.unit_price, side.unit_price), side.money, "unit price × priceQty"),
        ] {
            let (price_field, price) = price;
            self.scale(price_field, price.decimal(), Money::PRICE);
            let expected = price.decimal() * count;
            self.agree(field, Rule::PriceTimesQuantity, amount.decimal(), expected, tolerance, names_of_both);
        }
        let split = (side.sum - side.money).decimal();
        let formula = "the amount with tax less the amount without";
        self.agree(&names.tax, Rule::TaxSplit, side.tax.decimal(), split, Decimal::ZERO, formula);
    }

    /// Checks that local figures are the original ones times the exchange rate. The tax follows from the
    /// two amounts, each rounded for itself.
    fn local_currency(&mut self, line: &Figures<'_>, names: &Names, rate: Decimal) {
        let (original, national) = (&line.original, &line.national);
        let exact = rate == Decimal::ONE;
        let within = |tolerance: Decimal| if exact { Decimal::ZERO } else { tolerance };
        for (field, local, origin, tolerance) in [
            (&names.tax_unit_price, national.tax_unit_price, original.tax_unit_price, HALF_A_PRICE_STEP),
            (&names.unit_price, national.unit_price, original.unit_price, HALF_A_PRICE_STEP),
            (&names.sum, national.sum, original.sum, HALF_A_CENT),
            (&names.money, national.money, original.money, HALF_A_CENT),
            (&names.tax, national.tax, original.tax, HALF_A_CENT + HALF_A_CENT),
        ] {
            let expected = origin.decimal() * rate;
            let formula = "the original × exchRate";
            self.agree(field, Rule::LocalCurrency, local.decimal(), expected, within(tolerance), formula);
        }
    }
}

/// The wire names of a line's money in one currency.
struct Names {
    tax_unit_price: String,
    unit_price: String,
    sum: String,
    money: String,
    tax: String,
}
