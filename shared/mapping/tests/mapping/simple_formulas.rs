//! Simple formulas are worked out without the engine, and mean what they mean to it.

use dougong_bip::Order;
use dougong_mapping::{Mapping, Problem};
use dougong_wdt::Stockout;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::given::{map_by, tables, with_formulas};

/// What is mapped with an expression in fields of every type, of the head and of the lines.
fn outcome(document: &Stockout, head: &str, line: &str) -> Result<Order, Vec<String>> {
    let of_head = ["memo", "reight", "isFlowCoreBill", "sendDate", "source"].map(|field| (field, head));
    let of_lines = ["memo", "oriSum", "isBatchManage", "consignTime", "taxId"].map(|field| (field, line));
    let mapping = Mapping::new(with_formulas(&of_head, &of_lines), tables()).unwrap();
    let told = |problem: Problem| {
        // Without the place: the expressions compared stand in different columns.
        let message = problem.message.splitn(4, ':').last().unwrap_or_default().to_owned();
        format!("{} {} {message} {:?}", problem.rule, problem.target, problem.hint)
    };
    map_by(&mapping, document).map_err(|problems| problems.into_iter().map(told).collect())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!("")),
        Just(json!("x".repeat(5_000))),
        Just(json!("2026-11-20 10:00:00")),
        Just(json!("0000-00-00 00:00:00")),
        "[a-cß]{1,3}| a ".prop_map(Value::from),
        (-9_i64..9).prop_map(Value::from),
        (0_i64..2_000).prop_map(|cents| json!(format!("{}.{:02}", cents / 100, cents % 100))),
        Just(json!("79228162514264337593543950335")),
    ]
}

fn document() -> impl Strategy<Value = Stockout> {
    let fields = ["remark", "outer_no", "weight", "pack_score", "to_deliver_time"];
    let of_line = ["prop1", "weight", "scan_type", "created"];
    (prop::array::uniform5(value()), prop::array::uniform4(value())).prop_map(move |(head, line)| {
        let mut document: Value =
            serde_json::from_str(include_str!("../stockouts/wdt_qimen_sample.json")).unwrap();
        for (field, value) in fields.iter().zip(head) {
            document[field] = value;
        }
        for (field, value) in of_line.iter().zip(line) {
            document["details_list"][0][field] = value;
        }
        Stockout::from_json(&document.to_string()).unwrap()
    })
}

fn expression(leaves: &'static [&'static str]) -> impl Strategy<Value = String> {
    let literals = ["()", "0", "2", "1.50", "\"\"", "\"ab\"", "true", "false", "[1]", "-1"];
    let leaf = prop::sample::select([leaves, literals.as_slice()].concat()).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator =
            prop::sample::select(vec!["+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??"]);
        let one = prop::sample::select(vec!["trim", "upper", "lower", "start_of_day", "text", "is_empty", "-", "!"]);
        let two = prop::sample::select(vec!["left", "right", "round_half_up", "add_days", "min", "contains"]);
        let three = prop::sample::select(vec!["replace", "sub_text", "pad_left"]);
        prop_oneof![
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            2 => (one, inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            2 => (two, inner.clone(), inner.clone()).prop_map(|(name, a, b)| format!("{name}({a}, {b})")),
            1 => (three, inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(name, a, b, c)| format!("{name}({a}, {b}, {c})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("`a ${{{a}}} b ${{{b}}}`")),
            2 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("if {a} {{ {b} }} else {{ {c} }}")),
        ]
    })
}

const HEAD: &[&str] = &[
    "order.remark",
    "order.outer_no",
    "order.weight",
    "order.pack_score",
    "order.to_deliver_time",
    "order.lines",
    "voucher.agentId",
    "voucher.exchRate",
    "voucher.hopeReceiveDate",
];

const LINE: &[&str] = &[
    "order?.remark",
    "order.weight",
    "line.prop1",
    "line.weight",
    "line.scan_type",
    "line.created",
    "line.is_postage",
    "item.oriSum",
    "item.productId",
    "item.taxRate",
    "item.consignTime",
    "voucher.memo",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn simple_formulas_mean_what_they_mean_to_the_engine(
        document in document(),
        head in expression(HEAD),
        line in expression(LINE),
    ) {
        let by_engine = outcome(&document, &format!("[{head}][0]"), &format!("[{line}][0]"));
        prop_assert_eq!(outcome(&document, &head, &line), by_engine);
    }
}
