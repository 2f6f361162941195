//! The check of vouchers: what BIP accepts passes, what it refuses is found, with its place.

use crate::order::{line, money, order, quantity, resubmit_key};
use dougong_bip::check::{self, Rule};
use dougong_bip::{Order, OrderLine, ReturnSource, RowStatus, SaleReturn, SaleReturnLine};
use dougong_values::{Money, Quantity};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn found(order: &Order) -> Vec<(String, Rule)> {
    check::order(order).into_iter().map(|violation| (violation.path, violation.rule)).collect()
}

fn broken(change: impl FnOnce(&mut Order)) -> Vec<(String, Rule)> {
    let mut order = order();
    change(&mut order);
    found(&order)
}

fn one(path: &str, rule: Rule) -> Vec<(String, Rule)> {
    vec![(path.to_owned(), rule)]
}

#[test]
fn the_sample_order_breaks_no_rule() {
    assert_eq!(check::order(&order()), []);
}

#[test]
fn the_official_sample_with_units_and_the_real_reply_hold() {
    let mut official = line("P", "23", "77.28", "73.60");
    official.sub_qty = quantity("5.75");
    official.inv_exch_rate = quantity("4");
    assert_eq!(official.ori_tax_unit_price, money("3.36"));
    assert_eq!(official.ori_unit_price, money("3.2"));
    let real = line("P", "1", "798", "760");
    let mut order = order();
    order.order_details = vec![official, real];
    order.pay_money = money("875.28");
    assert_eq!(found(&order), []);
}

#[test]
fn each_broken_rule_is_named_at_its_place() {
    assert_eq!(broken(|order| order.agent_id = " ".to_owned()), one("agentId", Rule::Missing));
    assert_eq!(
        broken(|order| order.order_details[1].tax_id.clear()),
        one("orderDetails[1].taxId", Rule::Missing)
    );
    assert_eq!(
        broken(|order| order.order_details[1].batch_no = Some(String::new())),
        one("orderDetails[1].batchNo", Rule::Missing)
    );
    assert_eq!(broken(|order| order.pay_money += money("0.01")), one("payMoney", Rule::Total));
    assert_eq!(broken(|order| order.real_money = Some(money("1"))), one("realMoney", Rule::Total));
    assert_eq!(
        broken(|order| order.order_details[1].inv_exch_rate = quantity("5")),
        one("orderDetails[1].qty", Rule::UnitConversion)
    );
    assert_eq!(
        broken(|order| order.order_details[0].ori_tax_unit_price = money("33.31")),
        vec![
            ("orderDetails[0].oriSum".to_owned(), Rule::PriceTimesQuantity),
            ("orderDetails[0].orderDetailPrices!natTaxUnitPrice".to_owned(), Rule::LocalCurrency),
        ]
    );
    assert_eq!(
        broken(|order| order.order_details[0].nat_tax = money("11.50")),
        vec![
            ("orderDetails[0].orderDetailPrices!natTax".to_owned(), Rule::TaxSplit),
            ("orderDetails[0].orderDetailPrices!natTax".to_owned(), Rule::LocalCurrency),
        ]
    );
    assert_eq!(
        broken(|order| order.exch_rate = quantity("1.5"))[0],
        ("orderPrices!exchRate".to_owned(), Rule::LocalCurrency)
    );
}

#[test]
fn an_order_without_lines_or_with_counts_of_nothing_is_refused() {
    let empty = broken(|order| {
        order.order_details.clear();
        order.pay_money = Money::ZERO;
    });
    assert_eq!(empty, one("orderDetails", Rule::Missing));
    let nothing = broken(|order| {
        let gift = &mut order.order_details[2];
        (gift.qty, gift.sub_qty, gift.price_qty) = (Quantity::ZERO, Quantity::ZERO, Quantity::ZERO);
    });
    let places: Vec<_> = nothing.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(places, ["orderDetails[2].qty", "orderDetails[2].subQty", "orderDetails[2].priceQty"]);
}

#[test]
fn binary_fractions_and_mills_are_found_by_their_decimals() {
    let mills = broken(|order| {
        for line in &mut order.order_details[..1] {
            line.ori_sum = money("99.904");
        }
        order.pay_money = money("229.904");
    });
    assert!(mills.contains(&("payMoney".to_owned(), Rule::Scale)), "{mills:?}");
    assert!(mills.contains(&("orderDetails[0].oriSum".to_owned(), Rule::Scale)), "{mills:?}");
    let fraction = broken(|order| order.order_details[0].ori_tax_unit_price = money("33.3000000006"));
    assert!(fraction.contains(&("orderDetails[0].oriTaxUnitPrice".to_owned(), Rule::Scale)), "{fraction:?}");
}

#[test]
fn everything_that_is_wrong_is_found_at_once() {
    let all = broken(|order| {
        order.sales_org_id.clear();
        order.pay_money = money("1.001");
        order.order_details[0].product_id.clear();
        order.order_details[2].qty = quantity("-1");
    });
    for expected in [
        ("salesOrgId", Rule::Missing),
        ("payMoney", Rule::Scale),
        ("payMoney", Rule::Total),
        ("orderDetails[0].productId", Rule::Missing),
        ("orderDetails[2].qty", Rule::Sign),
        ("orderDetails[2].qty", Rule::UnitConversion),
    ] {
        assert!(all.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} is not in {all:?}");
    }
    let first = &check::order(&{
        let mut order = order();
        order.pay_money = money("229.91");
        order
    })[0];
    assert_eq!(first.to_string(), "payMoney: 229.91 must be the sum of oriSum = 229.9");
}

#[test]
fn counts_in_a_unit_that_does_not_divide_them_may_miss_by_their_last_decimal() {
    let mut boxes = line("P", "7", "70", "61.95");
    boxes.sub_qty = quantity("1.16666667");
    boxes.inv_exch_rate = quantity("6");
    let mut order = order();
    order.pay_money = money("70");
    order.order_details = vec![boxes];
    assert_eq!(found(&order), []);
    order.order_details[0].sub_qty = quantity("1.1667");
    assert_eq!(found(&order), one("orderDetails[0].qty", Rule::UnitConversion));
}

#[test]
fn a_return_is_checked_under_its_own_names() {
    let sold = line("P", "3", "99.90", "88.41");
    let mut sale_return = SaleReturn {
        row_status: RowStatus::Insert,
        resubmit_check_key: resubmit_key(),
        code: None,
        sales_org_id: "ORG01".to_owned(),
        settlement_org_id: "ORG01".to_owned(),
        transaction_type_id: "SR01".to_owned(),
        vouchdate: "2026-11-21 00:00:00".parse().unwrap(),
        agent_id: "C".to_owned(),
        invoice_agent_id: "C".to_owned(),
        sale_return_source_type: ReturnSource::None,
        currency: "CNY".to_owned(),
        nat_currency: "CNY".to_owned(),
        exch_rate: quantity("1"),
        exchange_rate_type: "01".to_owned(),
        tax_inclusive: true,
        pay_money: money("99.90"),
        memo: None,
        sale_return_details: vec![returned(sold)],
    };
    assert_eq!(check::sale_return(&sale_return), []);
    sale_return.sale_return_details[0].ori_tax = money("11.48");
    let violations = check::sale_return(&sale_return);
    assert_eq!(violations[0].path, "saleReturnDetails[0].oriTax");
    assert_eq!(violations[0].rule, Rule::TaxSplit);
    let json = serde_json::to_string(&sale_return).unwrap();
    assert!(
        json.contains("\"saleReturnSourceType\":\"NONE\"") && json.contains("\"natTax\":11.49"),
        "{json}"
    );
}

fn returned(line: OrderLine) -> SaleReturnLine {
    SaleReturnLine {
        row_status: line.row_status,
        order_product_type: line.order_product_type,
        product_id: line.product_id,
        sku_id: line.sku_id,
        master_unit_id: line.master_unit_id,
        product_aux_unit_id: line.product_aux_unit_id,
        product_unit_id: line.product_unit_id,
        qty: line.qty,
        sub_qty: line.sub_qty,
        price_qty: line.price_qty,
        inv_exch_rate: line.inv_exch_rate,
        inv_price_exch_rate: line.inv_price_exch_rate,
        unit_exchange_type: line.unit_exchange_type,
        unit_exchange_type_price: line.unit_exchange_type_price,
        stock_org_id: line.stock_org_id,
        settlement_org_id: line.settlement_org_id,
        stock_id: line.stock_id,
        tax_id: line.tax_id,
        ori_tax_unit_price: line.ori_tax_unit_price,
        ori_sum: line.ori_sum,
        ori_unit_price: line.ori_unit_price,
        ori_money: line.ori_money,
        ori_tax: line.ori_tax,
        nat_tax_unit_price: line.nat_tax_unit_price,
        nat_unit_price: line.nat_unit_price,
        nat_sum: line.nat_sum,
        nat_money: line.nat_money,
        nat_tax: line.nat_tax,
        batch_no: None,
        memo: None,
    }
}

/// A line computed as §2.3 says, in a foreign currency when the rate is not 1.
fn computed(cents: i64, thousandths: i64, tax_percent: i64, rate: Decimal) -> OrderLine {
    let sum = Decimal::new(cents, 2);
    let without_tax = Money::new(sum / (Decimal::ONE + Decimal::new(tax_percent, 2))).rounded(2);
    let count = Decimal::new(thousandths, 3).to_string();
    let mut line = line("P", &count, &sum.to_string(), &without_tax.to_string());
    let nat = |amount: Money, places: u32| Money::new(amount.decimal() * rate).rounded(places);
    line.nat_sum = nat(line.ori_sum, 2);
    line.nat_money = nat(line.ori_money, 2);
    line.nat_tax = line.nat_sum - line.nat_money;
    line.nat_tax_unit_price = nat(line.ori_tax_unit_price, 8);
    line.nat_unit_price = nat(line.ori_unit_price, 8);
    line
}

fn any_order() -> impl Strategy<Value = Order> {
    let lines = prop::collection::vec((0_i64..100_000_000, 1_i64..5_000_000, 0_i64..17), 1..12);
    (lines, prop_oneof![Just(Decimal::ONE), (1_i64..99_999).prop_map(|rate| Decimal::new(rate, 4))]).prop_map(
        |(lines, rate)| {
            let mut order = order();
            order.exch_rate = Quantity::new(rate);
            let local = if rate == Decimal::ONE { "CNY" } else { "USD" };
            local.clone_into(&mut order.nat_currency);
            order.order_details =
                lines.into_iter().map(|(cents, count, tax)| computed(cents, count, tax, rate)).collect();
            order.pay_money = order.order_details.iter().map(|line| line.ori_sum).sum();
            order
        },
    )
}

proptest! {
    #[test]
    fn what_is_computed_as_the_protocol_says_breaks_no_rule(order in any_order()) {
        prop_assert_eq!(check::order(&order), []);
    }

    #[test]
    fn a_cent_more_anywhere_is_found(order in any_order(), line in any::<prop::sample::Index>(), field in 0..8) {
        let mut order = order;
        let at = line.index(order.order_details.len());
        let line = &mut order.order_details[at];
        let cent = money("0.01");
        let amount = match field {
            0 => &mut line.ori_sum,
            1 => &mut line.ori_money,
            2 => &mut line.ori_tax,
            3 => &mut line.nat_sum,
            4 => &mut line.nat_money,
            5 => &mut line.nat_tax,
            6 => &mut order.pay_money,
            _ => &mut order.real_money.insert(order.pay_money),
        };
        *amount += cent;
        prop_assert!(!check::order(&order).is_empty());
    }
}
