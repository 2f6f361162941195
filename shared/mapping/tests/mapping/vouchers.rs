//! Whole vouchers, as they leave for BIP.

use dougong_bip::Order;
use dougong_mapping::Rules;
use dougong_mapping::rules::{
    BatchFields, CodeSource, EqualLines, Postage, PricedGift, RefundedLines, TimeSource,
};
use dougong_values::Money;

use crate::given::{mapped, rules, rules_with, stockout};

fn voucher(rules: Rules, name: &str) -> Order {
    mapped(rules, &stockout(name)).unwrap()
}

/// The wire text, with exact decimals, indented for the eye.
fn wire(order: &Order) -> String {
    serde_json::to_string_pretty(order).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn the_sample_stockout_becomes_goods_a_gift_and_a_postage_line() {
    insta::assert_snapshot!(wire(&voucher(rules(), "wdt_qimen_sample")));
}

#[test]
fn batches_boxes_and_kilograms_keep_their_counts() {
    let rules = rules_with(|rules| {
        rules.lines.memo = Some("rec {rec_id}".parse().unwrap());
        rules.lines.constants.stock = Some("WH-DEFAULT".to_owned());
    });
    insta::assert_snapshot!(wire(&voucher(rules, "batches_boxes_and_kilograms")));
}

#[test]
fn a_foreign_currency_is_converted_figure_by_figure() {
    insta::assert_snapshot!(wire(&voucher(rules(), "foreign_currency")));
}

#[test]
fn a_hundred_over_seven_lines_and_ten_of_postage_keep_their_cents() {
    for (policy, lines, total) in [
        (Postage::Line { goods: "SKU-FREIGHT".parse().unwrap() }, 8, "110"),
        (Postage::Spread, 7, "110"),
        (Postage::Drop, 7, "100"),
    ] {
        let order = voucher(rules_with(|rules| rules.postage.policy = policy), "suite_of_seven_with_postage");
        assert_eq!(order.order_details.len(), lines);
        assert_eq!(order.pay_money, money(total));
    }
}

#[test]
fn a_priced_gift_is_sold_or_stays_a_gift_but_keeps_its_amount() {
    for (priced, types) in [(PricedGift::Sale, "Sale Gift Sale"), (PricedGift::Keep, "Sale Gift Gift")] {
        let order = voucher(rules_with(|rules| rules.gifts.priced = priced), "gifts_free_and_priced");
        let found: Vec<String> =
            order.order_details.iter().map(|line| format!("{:?}", line.order_product_type)).collect();
        assert_eq!(found.join(" "), types);
        assert_eq!(order.pay_money, money("88.01"));
    }
}

#[test]
fn equal_lines_are_merged_only_where_the_rule_says_so() {
    let json = |specs: &[(&str, &str, &str)]| {
        let lines: Vec<String> = specs
            .iter()
            .enumerate()
            .map(|(index, (spec_no, count, share))| {
                format!(r#"{{"rec_id":{index},"spec_no":"{spec_no}","goods_count":"{count}","share_amount":"{share}"}}"#)
            })
            .collect();
        let head = r#""stockout_id":1,"stockout_no":"CK1","shop_no":"TM001","warehouse_no":"WH01","consign_time":"2026-11-20 18:30:00""#;
        dougong_wdt::Stockout::from_json(&format!("{{{head},\"details_list\":[{}]}}", lines.join(",")))
            .unwrap()
    };
    let stockout = json(&[
        ("SKU-0001", "1", "14.2857"),
        ("SKU-0001", "2", "28.5714"),
        ("SKU-0001", "1", "9.9"),
        ("SKU-0002", "1", "14.2857"),
    ]);
    let kept = mapped(rules(), &stockout).unwrap();
    let merged = mapped(rules_with(|rules| rules.lines.equal = EqualLines::Merge), &stockout).unwrap();
    assert_eq!((kept.order_details.len(), merged.order_details.len()), (4, 3));
    assert_eq!(kept.pay_money, merged.pay_money);
    assert_eq!(merged.order_details[0].qty, "3".parse().unwrap());
    assert_eq!(merged.order_details[0].ori_sum, money("42.86"));
}

#[test]
fn every_constant_of_the_rules_arrives_under_its_wire_name() {
    let constants = rules_with(|rules| {
        rules.head.code = CodeSource::StockoutId;
        rules.head.code_prefix = "WDT-".to_owned();
        rules.head.voucher_date = TimeSource::PayTime;
        rules.head.constants.invoice_type = Some(1);
        rules.head.constants.bd_invoice_type = Some("INV".to_owned());
        rules.head.constants.biz_flow = Some("flow-uuid".to_owned());
        rules.head.constants.biz_flow_version = Some("V1.0".to_owned());
        rules.head.constants.flow_core_bill = Some(true);
        rules.head.constants.department = Some("D1".to_owned());
        rules.head.constants.salesman = Some("S1".to_owned());
        rules.head.constants.shipping = Some("SHIP".to_owned());
        rules.head.constants.exchange_rate_type = "03".to_owned();
        rules.head.constants.tax_inclusive = false;
        rules.head.constants.source = Some(3);
        rules.lines.constants.floating_sales_unit = true;
        rules.lines.constants.floating_price_unit = true;
        rules.lines.constants.send_status = true;
        rules.lines.constants.batch_fields = BatchFields::Scheme;
    });
    let body = voucher(constants, "batches_boxes_and_kilograms").to_body();
    for field in [
        r#""code":"WDT-90000008""#,
        r#""vouchdate":"2026-11-19 20:11:05""#,
        r#""invoiceUpcType":1"#,
        r#""bdInvoiceTypeId":"INV""#,
        r#""bizFlow":"flow-uuid""#,
        r#""bizFlow_version":"V1.0""#,
        r#""isFlowCoreBill":true"#,
        r#""saleDepartmentId":"D1""#,
        r#""corpContact":"S1""#,
        r#""shippingChoiceId":"SHIP""#,
        r#""orderPrices!exchangeRateType":"03""#,
        r#""orderPrices!taxInclusive":false"#,
        r#""source":3"#,
        r#""unitExchangeType":1"#,
        r#""unitExchangeTypePrice":1"#,
        r#""status":"Insert""#,
        r#""batch_no":"LOT-A""#,
        r#""producedate":"2026-11-20 00:00:00""#,
        r#""invaliddate":"2027-11-20 00:00:00""#,
    ] {
        assert!(body.contains(field), "{field} is not in {body}");
    }
    assert!(!body.contains("batchNo"), "{body}");
}

#[test]
fn refunded_lines_are_kept_or_left_out_by_rule() {
    let refunded = stockout("suite_of_seven_with_postage").json().replacen(
        r#""refund_status": "0""#,
        r#""refund_status": "5""#,
        3,
    );
    // The first is the head's; so two lines are refunded.
    let refunded = refunded.replacen(r#""refund_status": "5""#, r#""refund_status": "2""#, 1);
    let refunded = dougong_wdt::Stockout::from_json(&refunded).unwrap();
    let count = |rule| {
        let order = mapped(rules_with(|rules| rules.lines.refunded = rule), &refunded);
        order.map(|order| order.order_details.len()).map_err(|problems| problems.len())
    };
    assert_eq!(count(RefundedLines::Keep), Ok(8));
    assert_eq!(count(RefundedLines::Drop), Ok(6));
    assert_eq!(count(RefundedLines::Park), Err(2));
}

#[test]
fn the_code_is_left_out_where_bip_numbers_by_itself() {
    let order = voucher(rules_with(|rules| rules.head.code = CodeSource::Automatic), "wdt_qimen_sample");
    assert_eq!(order.code, None);
    assert!(!order.to_body().contains("\"code\""));
}
