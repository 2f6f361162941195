//! From drafts to lines of the voucher: cents, units, taxes, prices and local currency (`protocols/bip.md` §2.3).

use dougong_bip::{OrderLine, RowStatus, UnitExchange};
use dougong_values::{BeijingTime, Money, Quantity, spread_cents};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::core::Core;
use crate::draft::Draft;
use crate::formulas::Fault;
use crate::problem::{Problem, Reason};
use crate::rules::{BatchFields, BrokenUnits};
use crate::tables::{Goods, OtherUnit, UnitIndex};

const SECONDS_A_DAY: i64 = 86_400;

/// What every line of a voucher repeats from its head.
pub(crate) struct LineFacts<'a> {
    pub(crate) sales_org: &'a str,
    pub(crate) settlement_org: &'a str,
    pub(crate) stock_org: &'a str,
    pub(crate) stock: Option<&'a str>,
    pub(crate) consign_time: Option<BeijingTime>,
    pub(crate) exch_rate: Quantity,
}

/// A unit and the count in it.
struct Counted {
    unit: UnitIndex,
    count: Quantity,
    rate: Quantity,
}

/// The money of a line, every figure rounded where BIP rounds it.
pub(crate) struct Figures {
    pub(crate) ori_sum: Money,
    pub(crate) ori_money: Money,
    pub(crate) ori_tax: Money,
    pub(crate) ori_tax_unit_price: Money,
    pub(crate) ori_unit_price: Money,
    pub(crate) nat_sum: Money,
    pub(crate) nat_money: Money,
    pub(crate) nat_tax: Money,
    pub(crate) nat_tax_unit_price: Money,
    pub(crate) nat_unit_price: Money,
}

impl Figures {
    /// Takes the tax out of an amount.
    pub(crate) fn without_tax(ori_sum: Money, tax_rate: Quantity) -> Money {
        Money::new(ori_sum.decimal() / (Decimal::ONE + tax_rate.decimal())).rounded(Money::CENTS)
    }

    /// Derives tax, prices and local currency of an amount with and without tax.
    ///
    /// Cents first, prices from the cents: with prices rounded first, price × count misses the amount.
    pub(crate) fn of(ori_sum: Money, ori_money: Money, price_qty: Quantity, exch_rate: Quantity) -> Self {
        let (count, exchange) = (price_qty.decimal(), exch_rate.decimal());
        let cents = |amount: Decimal| Money::new(amount).rounded(Money::CENTS);
        let price = |amount: Decimal| Money::new(amount).rounded(Money::PRICE);
        let nat_sum = cents(ori_sum.decimal() * exchange);
        let nat_money = cents(ori_money.decimal() * exchange);
        let ori_tax_unit_price = price(ori_sum.decimal() / count);
        let ori_unit_price = price(ori_money.decimal() / count);
        Self {
            ori_sum,
            ori_money,
            ori_tax: ori_sum - ori_money,
            ori_tax_unit_price,
            ori_unit_price,
            nat_sum,
            nat_money,
            nat_tax: nat_sum - nat_money,
            nat_tax_unit_price: price(ori_tax_unit_price.decimal() * exchange),
            nat_unit_price: price(ori_unit_price.decimal() * exchange),
        }
    }
}

/// Computes anew what follows from a line's count, rates, amount and tax: counts in other units, tax, prices, local
/// currency. A count that rounds to nothing is refused, and nothing is changed.
pub(crate) fn settle(line: &mut OrderLine, tax_rate: Quantity, exch_rate: Quantity) -> Result<(), Fault> {
    let counted = |rate: Quantity| {
        let count = line.qty.decimal() / rate.decimal();
        let rounded =
            count.round_dp_with_strategy(Money::PRICE, RoundingStrategy::MidpointAwayFromZero).normalize();
        if rounded.is_zero() {
            let message = format!("{} in units of {rate} is less than 0.00000001", line.qty);
            return Err(Fault::new(message, None));
        }
        Ok(Quantity::new(rounded))
    };
    (line.sub_qty, line.price_qty) = (counted(line.inv_exch_rate)?, counted(line.inv_price_exch_rate)?);
    let ori_money = Figures::without_tax(line.ori_sum, tax_rate);
    let figures = Figures::of(line.ori_sum, ori_money, line.price_qty, exch_rate);
    line.ori_money = figures.ori_money;
    line.ori_tax = figures.ori_tax;
    line.ori_tax_unit_price = figures.ori_tax_unit_price;
    line.ori_unit_price = figures.ori_unit_price;
    line.nat_sum = figures.nat_sum;
    line.nat_money = figures.nat_money;
    line.nat_tax = figures.nat_tax;
    line.nat_tax_unit_price = figures.nat_tax_unit_price;
    line.nat_unit_price = figures.nat_unit_price;
    Ok(())
}

/// A line of the voucher and the rate that its amount is split with.
pub(crate) struct Taxed {
    pub(crate) line: OrderLine,
    pub(crate) rate: Quantity,
}

impl Core<'_> {
    /// Rounds the drafts' shares together and makes each a line; notes every problem.
    pub(crate) fn order_lines(
        self,
        drafts: &[Draft<'_>],
        facts: &LineFacts<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Taxed> {
        let shares: Vec<Money> = drafts.iter().map(|draft| draft.share).collect();
        let cents = spread_cents(&shares);
        let lines = drafts.iter().zip(cents);
        lines.filter_map(|(draft, ori_sum)| self.line(draft, ori_sum, facts, problems)).collect()
    }

    fn line(
        self,
        draft: &Draft<'_>,
        ori_sum: Money,
        facts: &LineFacts<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Taxed> {
        let rules = self.lines;
        let goods = draft.goods;
        let [main, sales, price] = self.counts(draft, problems)?;
        let tax = self.tables.tax(goods.tax.or(self.defaults.tax)?);
        let ori_money = Figures::without_tax(ori_sum, tax.rate);
        let figures = Figures::of(ori_sum, ori_money, price.count, facts.exch_rate);
        let unit_id = |counted: &Counted| self.tables.unit(counted.unit).id.clone();
        let exchange = |floating| if floating { UnitExchange::Floating } else { UnitExchange::Fixed };
        // Freight is a service: no warehouse ships it.
        let stock = facts.stock.filter(|_| draft.origin.is_some());
        let mut line = OrderLine {
            row_status: RowStatus::Insert,
            status: rules.send_status.then_some(RowStatus::Insert),
            order_product_type: draft.product_type,
            product_id: goods.product.clone(),
            sku_id: goods.sku.clone(),
            master_unit_id: unit_id(&main),
            product_aux_unit_id: unit_id(&sales),
            product_unit_id: unit_id(&price),
            qty: main.count,
            sub_qty: sales.count,
            price_qty: price.count,
            inv_exch_rate: sales.rate,
            inv_price_exch_rate: price.rate,
            unit_exchange_type: exchange(rules.floating_sales_unit),
            unit_exchange_type_price: exchange(rules.floating_price_unit),
            sales_org_id: Some(facts.sales_org.to_owned()),
            stock_org_id: facts.stock_org.to_owned(),
            settlement_org_id: facts.settlement_org.to_owned(),
            stock_id: stock.map(str::to_owned),
            consign_time: facts.consign_time,
            tax_id: tax.id.clone(),
            ori_tax_unit_price: figures.ori_tax_unit_price,
            ori_sum: figures.ori_sum,
            ori_unit_price: figures.ori_unit_price,
            ori_money: figures.ori_money,
            ori_tax: figures.ori_tax,
            nat_tax_unit_price: figures.nat_tax_unit_price,
            nat_unit_price: figures.nat_unit_price,
            nat_sum: figures.nat_sum,
            nat_money: figures.nat_money,
            nat_tax: figures.nat_tax,
            is_batch_manage: goods.batch_managed.then_some(true),
            is_expiry_date_manage: goods.expiry_managed.then_some(true),
            batch_no: None,
            product_date: None,
            invalid_date: None,
            scheme_batch_no: None,
            scheme_produce_date: None,
            scheme_invalid_date: None,
            memo: draft.memo.clone(),
        };
        set_batch(&mut line, draft, rules.batch_fields);
        Some(Taxed { line, rate: tax.rate })
    }

    /// Counts a draft in its main, sales and pricing units; `None` (and a problem) if a unit cannot take it.
    fn counts(self, draft: &Draft<'_>, problems: &mut Vec<Problem>) -> Option<[Counted; 3]> {
        let goods = draft.goods;
        let main_unit = goods.main_unit.or(self.defaults.unit)?;
        let decimals = self.tables.unit(main_unit).decimals;
        let qty = draft.qty.normalize();
        if qty.scale() > decimals {
            let message = format!("the count {qty} has more decimals than the unit's {decimals}");
            problems.push(bad_quantity(
                draft,
                "units.csv",
                "qty",
                message,
                "raise decimals of the unit in tables/units.csv",
            ));
            return None;
        }
        let main =
            || Counted { unit: main_unit, count: Quantity::new(qty), rate: Quantity::new(Decimal::ONE) };
        let mut whole = |other: Option<OtherUnit>, target: &str| {
            let Some(other) = other else { return Some(main()) };
            let count = (qty / other.rate.decimal()).normalize();
            let fits =
                count.scale() <= self.tables.unit(other.unit).decimals && count * other.rate.decimal() == qty;
            match self.lines.broken_units {
                _ if fits => {
                    Some(Counted { unit: other.unit, count: Quantity::new(count), rate: other.rate })
                }
                BrokenUnits::MainUnit => Some(main()),
                BrokenUnits::Park => {
                    let message = format!("{qty} is no whole number of units of {}", other.rate);
                    let hint = "set lines.broken_units to main_unit to sell such counts in the main unit";
                    problems.push(bad_quantity(draft, "lines.broken_units", target, message, hint));
                    None
                }
            }
        };
        let sales = whole(goods.sales_unit, "subQty");
        let price = whole(goods.price_unit, "priceQty");
        Some([main(), sales?, price?])
    }
}

fn bad_quantity(draft: &Draft<'_>, rule: &str, target: &str, message: String, hint: &str) -> Problem {
    Problem {
        reason: Reason::BadQuantity,
        rule: rule.to_owned(),
        target: format!("orderDetails[].{target}"),
        source: draft.count_source(),
        value: draft.qty.normalize().to_string(),
        message,
        hint: Some(hint.to_owned()),
    }
}

/// Sets batch and dates under the names that the rule wants.
fn set_batch(line: &mut OrderLine, draft: &Draft<'_>, fields: BatchFields) {
    let batch = || draft.batch.map(str::to_owned);
    let expires = draft.expires;
    let produced = produced(draft.goods, expires);
    if matches!(fields, BatchFields::Official | BatchFields::Both) {
        line.batch_no = batch();
        line.product_date = produced;
        line.invalid_date = expires;
    }
    if matches!(fields, BatchFields::Scheme | BatchFields::Both) {
        line.scheme_batch_no = batch();
        line.scheme_produce_date = produced;
        line.scheme_invalid_date = expires;
    }
}

/// Derives the date of production from the expiry and the shelf life (保质期), where the goods have one.
fn produced(goods: &Goods, expires: Option<BeijingTime>) -> Option<BeijingTime> {
    let days = goods.shelf_life_days.filter(|_| goods.expiry_managed)?;
    Some(expires?.plus_seconds(-SECONDS_A_DAY * i64::from(days)))
}
