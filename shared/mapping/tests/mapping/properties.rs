//! Money, for any document: what is booked is what was owed.

use std::sync::LazyLock;

use dougong_mapping::rules::{EqualLines, Postage};
use dougong_mapping::{Mapping, Reason};
use dougong_values::Money;
use dougong_wdt::Stockout;
use proptest::prelude::*;
use serde_json::Value;

use crate::given::{formulas, map_by, rules_with, tables};

fn mapping(policy: Postage, equal: EqualLines) -> Mapping {
    let rules = rules_with(|rules| {
        rules.postage.policy = policy;
        rules.lines.equal = equal;
    });
    Mapping::new(rules, tables()).unwrap()
}

static BY_LINE: LazyLock<Mapping> =
    LazyLock::new(|| mapping(Postage::Line { goods: "SKU-FREIGHT".parse().unwrap() }, EqualLines::Keep));
static BY_SPREAD: LazyLock<Mapping> = LazyLock::new(|| mapping(Postage::Spread, EqualLines::Keep));
static MERGED: LazyLock<Mapping> = LazyLock::new(|| mapping(Postage::Spread, EqualLines::Merge));
static DROPPED: LazyLock<Mapping> = LazyLock::new(|| mapping(Postage::Drop, EqualLines::Keep));

/// A line of any goods, count and four-decimal share.
#[derive(Debug, Clone)]
pub(crate) struct AnyLine {
    goods: &'static str,
    count: i64,
    share: i64,
    share_post: i64,
    gift: bool,
}

const GOODS: [&str; 9] = [
    "SKU-0001",
    "SKU-0002",
    "SKU-0003",
    "SKU-0004",
    "SKU-BATCH",
    "SKU-BOX",
    "SKU-BOX-COUNTED",
    "SKU-KG",
    "SKU-DOZEN-PRICE",
];

pub(crate) fn any_line() -> impl Strategy<Value = AnyLine> {
    let share = prop_oneof![0..200_i64, 1..99_999_999_i64, 1..9_999_999_999_999_i64];
    (prop::sample::select(&GOODS[..]), 1..2_000_i64, share, 0..50_000_i64, prop::bool::weighted(0.2))
        .prop_map(|(goods, count, share, share_post, gift)| {
            let (share, share_post) = if gift { (0, 0) } else { (share, share_post) };
            AnyLine { goods, count, share, share_post, gift }
        })
}

/// Units of a ten-thousandth, as WDT writes them.
fn four_decimals(units: i64) -> String {
    format!("{}.{:04}", units / 10_000, units % 10_000)
}

/// A stockout of these lines; its receivable is exactly what they and the postage add up to.
pub(crate) fn document(lines: &[AnyLine], postage: i64, shop: &str) -> Stockout {
    let texts: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let AnyLine { goods, count, share, share_post, gift } = line;
            let first = count / 3;
            let positions = if *goods == "SKU-BATCH" && first > 0 {
                format!(
                    r#"[{{"batch_no":"L1","position_goods_count":{first}}},{{"batch_no":"L2","position_goods_count":{}}}]"#,
                    count - first
                )
            } else {
                "[]".to_owned()
            };
            format!(
                r#"{{"rec_id":{},"spec_no":"{goods}","goods_count":"{count}.0000","share_amount":{},"share_post":"{}","gift_type":{},"batch_no":"L0","expire_date":"2027-05-01","position_list":{positions}}}"#,
                1_000 + index,
                four_decimals(*share),
                four_decimals(*share_post),
                u8::from(*gift),
            )
        })
        .collect();
    let owed = lines.iter().map(|line| line.share).sum::<i64>() + postage;
    let (postage, owed) = (four_decimals(postage), four_decimals(owed));
    Stockout::from_json(&format!(
        r#"{{"stockout_id":7,"stockout_no":"CK7","shop_no":"{shop}","warehouse_no":"WH01","consign_time":"2026-11-20 18:30:00","post_amount":{postage},"receivable":{owed},"details_list":[{}]}}"#,
        texts.join(",")
    ))
    .unwrap()
}

fn shuffled(stockout: &Stockout) -> Stockout {
    let (head, lines) = stockout.json().split_once(r#""details_list":["#).unwrap();
    let lines = lines.strip_suffix("]}").unwrap();
    let mut parts: Vec<String> =
        lines.split(r#"{"rec_id""#).skip(1).map(|part| part.trim_end_matches(',').to_owned()).collect();
    parts.reverse();
    let mid = parts.len() / 2;
    parts.rotate_left(mid);
    let lines: Vec<String> = parts.into_iter().map(|part| format!(r#"{{"rec_id"{part}"#)).collect();
    Stockout::from_json(&format!("{head}\"details_list\":[{}]}}", lines.join(","))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// `map` runs `bip::check` itself: a voucher that comes out keeps every identity.
    #[test]
    fn what_is_booked_is_the_rounded_receivable(
        lines in prop::collection::vec(any_line(), 1..24),
        postage in prop_oneof![Just(0_i64), 1..500_000_i64],
        shop in prop::sample::select(vec!["TM001", "JD001", "US001"]),
    ) {
        let document = document(&lines, postage, shop);
        let owed = document.receivable.unwrap().rounded(Money::CENTS);
        let by_line = map_by(&BY_LINE, &document);
        prop_assert!(by_line.is_ok(), "{:?}", by_line);
        prop_assert_eq!(by_line.unwrap().pay_money, owed);
        for mapping in [&*BY_SPREAD, &*MERGED] {
            match map_by(mapping, &document) {
                Ok(order) => prop_assert_eq!(order.pay_money, owed),
                Err(problems) => prop_assert!(problems.iter().all(|problem| problem.reason == Reason::PostageNowhere), "{:?}", problems),
            }
        }
        let dropped = map_by(&DROPPED, &document).unwrap();
        prop_assert_eq!(dropped.pay_money, document.share_total().rounded(Money::CENTS));
    }

    #[test]
    fn the_order_of_lines_changes_nothing(
        lines in prop::collection::vec(any_line(), 1..16), postage in 0..500_000_i64,
    ) {
        let document = document(&lines, postage, "TM001");
        let moved = shuffled(&document);
        prop_assert_eq!(moved.details.len(), document.details.len());
        for mapping in [&*BY_LINE, &*BY_SPREAD, &*MERGED] {
            let (one, other) = (map_by(mapping, &document), map_by(mapping, &moved));
            prop_assert_eq!(one.map_err(|_| ()), other.map_err(|_| ()));
        }
    }

    #[test]
    fn no_line_moves_by_more_than_its_cent(lines in prop::collection::vec(any_line(), 1..16)) {
        let document = document(&lines, 0, "TM001");
        let order = map_by(&DROPPED, &document).unwrap();
        let booked: Money = order.order_details.iter().map(|line| line.ori_money + line.ori_tax).sum();
        prop_assert_eq!(booked, order.pay_money);
        let gifts = order.order_details.iter().filter(|line| format!("{:?}", line.order_product_type) == "Gift");
        for gift in gifts {
            prop_assert!(gift.ori_sum.is_zero());
        }
    }
}

/// Expressions for a head field; some have no value for some documents, or one that the field cannot take.
const HEAD: &[&[(&str, &str)]] = &[
    &[("memo", r#"order.stockout_no + "/" + order.shop_no"#), ("agentId", "order.shop_no")],
    &[("memo", "order.remark"), ("vouchdate", "start_of_month(order.consign_time)")],
    &[("memo", "text(sum(lines, \"oriSum\") / lines.len())"), ("code", "left(order.stockout_no, 0)")],
    &[
        ("exchRate", r#"if order.shop_no == "US001" { 7.0312 } else { 1 }"#),
        ("memo", "`${order.post_amount * 1.1}`"),
    ],
    &[("bizFlow", "order.trade_no"), ("sendDate", "order.consign_time")],
    &[
        ("agentId", "order.customer_no ?? order.shop_no"),
        ("reight", "round_half_up(order.post_amount / 3, 2)"),
    ],
];

/// Expressions for the lines, money among them.
const LINES: &[&[(&str, &str)]] = &[
    &[("oriSum", "round_half_up(item.oriSum * 0.95, 2)"), ("memo", r#"line.rec_id ?? "postage""#)],
    &[("oriSum", "item.oriSum / 3"), ("qty", "item.qty")],
    &[("qty", "round_half_up(item.qty * 1.5, 3)"), ("invExchRate", "3")],
    &[("taxId", r#"if item.oriSum > 100 { "VAT9" } else { "VAT13" }"#), ("invPriceExchRate", "0.7")],
    &[("productId", r#"line.spec_no + "-" + line.batch_no"#)],
    &[(
        "script",
        r#"if item.oriSum == 0 { item.orderProductType = "GIFT"; } item.oriSum += 0.01; item.memo = `${lines.len()}`;"#,
    )],
    &[("skuId", "line.goods_name"), ("consignTime", "add_days(order.consign_time, 90)")],
];

static BY_FORMULAS: LazyLock<Vec<Mapping>> = LazyLock::new(|| {
    let both = HEAD.iter().flat_map(|head| LINES.iter().map(move |lines| (head, lines)));
    let mapping = |(head, lines): (&&[_], &&[_])| {
        let rules = rules_with(|rules| {
            rules.postage.policy = Postage::Line { goods: "SKU-FREIGHT".parse().unwrap() };
            rules.formulas = formulas(head, lines);
        });
        let mapping = Mapping::new(rules, tables()).unwrap();
        mapping.compile().unwrap();
        mapping
    };
    both.map(mapping).collect()
});

/// Every text of a voucher, and every number as it is written.
fn leaves(json: &str) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| walk(field, found)),
            Value::String(text) => found.push(text.clone()),
            other => found.push(other.to_string()),
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(json).unwrap(), &mut found);
    found
}

/// What only a formula's own text holds, or a value that is none.
const TRACES: [&str; 10] = ["order.", "line.", "item.", "sum(", "??", "${", "()", "null", "NaN", "e+"];

fn orders() -> u32 {
    std::env::var("DOUGONG_PROPERTY_ORDERS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: orders(), ..ProptestConfig::default() })]

    /// `map` runs `bip::check` on what the formulas leave: a voucher that comes out keeps every identity.
    #[test]
    fn whatever_formulas_do_the_identities_hold_and_no_text_of_theirs_is_sent(
        lines in prop::collection::vec(any_line(), 1..5),
        postage in prop_oneof![Just(0_i64), 1..500_000_i64],
        shop in prop::sample::select(vec!["TM001", "JD001", "US001"]),
        formulas in 0..HEAD.len() * LINES.len(),
    ) {
        let document = document(&lines, postage, shop);
        match map_by(&BY_FORMULAS[formulas], &document) {
            Ok(order) => {
                let sum: Money = order.order_details.iter().map(|line| line.ori_money + line.ori_tax).sum();
                prop_assert_eq!(sum, order.pay_money);
                for leaf in leaves(&serde_json::to_string(&order).unwrap()) {
                    prop_assert!(!leaf.trim().is_empty());
                    prop_assert!(TRACES.iter().all(|trace| !leaf.contains(trace)), "{}", leaf);
                }
            }
            Err(problems) => {
                for problem in problems {
                    prop_assert_eq!(problem.reason, Reason::FormulaFailed, "{}", problem);
                    prop_assert!(problem.message.starts_with("dougong.toml:"), "{}", problem);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_discount_by_formula_is_to_the_cent(
        lines in prop::collection::vec(any_line(), 1..5), shop in prop::sample::select(vec!["TM001", "US001"]),
    ) {
        let document = document(&lines, 0, shop);
        let plain = map_by(&BY_LINE, &document).unwrap();
        let reduced = map_by(&BY_FORMULAS[0], &document).unwrap();
        for (line, reduced) in plain.order_details.iter().zip(&reduced.order_details) {
            let ninety_five = Money::new(line.ori_sum.decimal() * rust_decimal::Decimal::new(95, 2)).rounded(Money::CENTS);
            prop_assert_eq!(reduced.ori_sum, ninety_five);
        }
        let sum: Money = reduced.order_details.iter().map(|line| line.ori_sum).sum();
        prop_assert_eq!(reduced.pay_money, sum);
    }
}
