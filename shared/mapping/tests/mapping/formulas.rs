//! Formulas and scripts: what they set, what they refuse, and how they stop.

use std::sync::Arc;

use dougong_bip::{Order, ProductType};
use dougong_mapping::{Identity, Mapping, OwnTable, Problem, Reason, Tables};
use dougong_values::{DocumentKey, Money};
use dougong_wdt::Stockout;

use crate::given::{
    self, formulas, map_by, mapped, rules, rules_with, shown, stockout, tables, with_formulas,
};

fn sample() -> Stockout {
    stockout("wdt_qimen_sample")
}

fn voucher(head: &[(&str, &str)], lines: &[(&str, &str)]) -> Order {
    mapped(with_formulas(head, lines), &sample()).map_err(|problems| shown(&problems)).unwrap()
}

/// The head's remark that an expression makes.
fn memo(expression: &str) -> String {
    voucher(&[("memo", expression)], &[]).memo.unwrap()
}

fn problems(head: &[(&str, &str)], lines: &[(&str, &str)]) -> Vec<Problem> {
    mapped(with_formulas(head, lines), &sample()).unwrap_err()
}

/// What keeps a remark from being made.
fn failure(expression: &str) -> String {
    shown(&problems(&[("memo", expression)], &[]))
}

/// What keeps rules with formulas from being loaded.
fn refused(head: &[(&str, &str)], lines: &[(&str, &str)]) -> String {
    let problems = Mapping::new(with_formulas(head, lines), tables()).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What keeps formulas from being compiled.
fn uncompiled(head: &[(&str, &str)], lines: &[(&str, &str)]) -> String {
    let mapping = Mapping::new(with_formulas(head, lines), tables()).unwrap();
    let problems = mapping.compile().unwrap_err();
    let written = |problem: &dougong_mapping::FormulaProblem| {
        let hint = problem.hint.as_deref().unwrap_or_default();
        format!("{}:{}:{}: {} ({hint})", problem.name, problem.line, problem.column, problem.message)
    };
    problems.iter().map(written).collect::<Vec<_>>().join("\n")
}

#[test]
fn fields_of_the_document_have_their_types() {
    for (expression, expected) in [
        ("order.trade_no", "JY2024111000987"),
        ("text(order.receivable + order.post_amount)", "200"),
        ("text(order.receivable * 1.13)", "214.7"),
        ("text(order.status + 1)", "111"),
        ("text(order.consign_time)", "2024-11-11 00:02:58"),
        (r#"format_time(order.consign_time, "yyyyMMdd")"#, "20241111"),
        (r#"order.to_deliver_time ?? "none""#, "none"),
        (r#"order.currency ?? "CNY""#, "CNY"),
    ] {
        assert_eq!(memo(expression), expected, "from {expression}");
    }
}

#[test]
fn every_function_does_what_it_says() {
    for (expression, expected) in [
        ("text(round_half_up(2.345, 2))", "2.35"),
        ("text(round_half_up(-2.345, 2))", "-2.35"),
        ("text(round_down(2.349, 2))", "2.34"),
        ("text(1 / 4)", "0.25"),
        ("text(100 / 3 * 3)", "100"),
        ("text(round_half_up(100 / 3 * 3, 2))", "100"),
        ("text(7 % 4)", "3"),
        ("text(abs(-5) + max(1, 2.5) + min(3, 2))", "9.5"),
        (r#"text(number("12.50") + whole("7"))"#, "19.5"),
        (r#"text(is_number("12a"))"#, "false"),
        (r#"trim("  a ") + upper("bc") + lower("DE")"#, "aBCde"),
        (r#"left("出库单号", 2) + "|" + right("ABCDE", 2) + "|" + sub_text("ABCDE", 1, 2)"#, "出库|DE|BC"),
        (r#"text(len("出库")) + text("ABC".len)"#, "23"),
        (r#"text(index_of("ABCDE", "CD")) + text(index_of("ABC", "X"))"#, "2-1"),
        (r#"replace("a-b-c", "-", "/")"#, "a/b/c"),
        (r#"split("a, b,c", ",")[1]"#, "b"),
        (r#"pad_left("7", 3, "0") + pad_right("a", 3, ".")"#, "007a.."),
        (r#"text("ABC".contains("B") && "ABC".starts_with("A") && "ABC".ends_with("C"))"#, "true"),
        ("`${order.trade_no}/${1 + 1}`", "JY2024111000987/2"),
        (r#"if order.status == 110 { "done" } else { "open" }"#, "done"),
        (r#"switch order.shop_no { "TM001" => "tmall", _ => "other" }"#, "tmall"),
        (r#"switch order.trade_type { 1 => "online", 2 => "retail", _ => park("?") }"#, "online"),
        (r#"order["trade_no"]"#, "JY2024111000987"),
        (r#"format_time(time("2026-01-31 23:59:59"), "yyyy/MM/dd HH-mm-ss")"#, "2026/01/31 23-59-59"),
        (r#"text(add_days(time("2026-02-27"), 2)) "#, "2026-03-01 00:00:00"),
        (r#"text(end_of_month(time("2028-02-03 10:00:00")))"#, "2028-02-29 00:00:00"),
        (r#"text(start_of_month(time("2028-02-03 10:00:00")))"#, "2028-02-01 00:00:00"),
        (r#"text(start_of_day(time("2028-02-03 10:00:00")))"#, "2028-02-03 00:00:00"),
        (r#"text(days_between(time("2026-01-31 23:00:00"), time("2026-02-01 01:00:00")))"#, "1"),
        (r#"text(year(time("2026-01-31")) + month(time("2026-01-31")) + day(time("2026-01-31")))"#, "2058"),
        (r#"text(time("2026-01-31") < time("2026-02-01"))"#, "true"),
        (r#"text(sum(order.details_list, "share_amount"))"#, "180"),
        (r#"text(sum(lines, "oriSum"))"#, "190"),
        ("text(order.lines.len()) + text(lines.len())", "23"),
        (r#"join(order.details_list, "spec_no", "+")"#, "SKU-0001+SKU-0002"),
        (r#"text(len(where(order.details_list, "gift_type", 0)))"#, "1"),
        (r#"join(distinct(order.details_list, "src_tid"), ",")"#, "2245873456789012345"),
        (r#"text("b" in ["a", "b"])"#, "true"),
        ("text(-order.status) + text(-order.receivable)", "-110-190"),
        (r#"text(!(order.shop_no == "X") || false)"#, "true"),
        (r#"text("a" < "b" && 1 < 2.5 && order.receivable >= 190 && true != false)"#, "true"),
        (r"text(order.outer_no == () && order.trade_no != ())", "true"),
        ("text(sum([1, 2.5, ()]))", "3.5"),
    ] {
        assert_eq!(memo(expression), expected, "from {expression}");
    }
}

#[test]
fn what_a_formula_sets_is_what_is_sent_and_the_amounts_follow() {
    let order = voucher(
        &[
            ("agentId", r#""CUST-9""#),
            ("salesOrgId", r#""ORG9""#),
            ("vouchdate", "start_of_month(order.consign_time)"),
            ("isFlowCoreBill", "order.status == 110"),
            ("invoiceUpcType", "3"),
            ("memo", r#""total " + sum(lines, "oriSum")"#),
        ],
        &[
            ("oriSum", "round_half_up(item.oriSum * 0.9, 2)"),
            ("qty", "item.qty * 2"),
            ("taxId", r#"if line.is_postage { "VAT6" } else { "VAT9" }"#),
            ("memo", r#"`${lines.len()}: ${line.rec_id ?? "postage"}`"#),
        ],
    );
    assert_eq!((order.agent_id.as_str(), order.invoice_agent_id.as_str()), ("CUST-9", "CUST-9"));
    assert_eq!((order.sales_org_id.as_str(), order.settlement_org_id.as_str()), ("ORG9", "ORG9"));
    assert!(order.order_details.iter().all(|line| line.sales_org_id.as_deref() == Some("ORG9")));
    assert_eq!(order.memo.as_deref(), Some("total 171"));
    assert_eq!(order.pay_money, "171".parse::<Money>().unwrap());
    insta::assert_snapshot!(serde_json::to_string_pretty(&order).unwrap());
}

#[test]
fn scripts_set_fields_in_several_steps() {
    let order = voucher(
        &[(
            "script",
            r#"
            let names = [];
            for line in order.details_list {
                if line.gift_type == 0 { names.push(line.spec_no); }
            }
            voucher.memo = join(names, ",");
            voucher["orderPrices!exchangeRateType"] = "02";
            "#,
        )],
        &[(
            "script",
            r#"
            if line.is_postage { return; }
            item.memo = line.spec_no;
            if item.oriSum == 0 { item.orderProductType = "REBATE"; }
            item.oriSum -= 0;
            "#,
        )],
    );
    assert_eq!(order.memo.as_deref(), Some("SKU-0001"));
    assert_eq!(order.exchange_rate_type, "02");
    assert_eq!(order.order_details[1].memo.as_deref(), Some("SKU-0002"));
    assert_eq!(order.order_details[1].order_product_type, ProductType::Rebate);
}

#[test]
fn what_cannot_be_is_found_when_the_configuration_is_loaded() {
    let text = refused(
        &[
            ("payMoney", "1"),
            ("resubmitCheckKey", "order.trade_no"),
            ("memmo", "order.trade_no"),
            ("productId", "order.trade_no"),
            ("memo", "order.trade_on + order.spec_no"),
            ("memo", "voucher.qty"),
            ("code", ""),
            ("bizFlow", "lef(order.trade_no, 2)"),
        ],
        &[
            ("orderDetailPrices!oriTax", "1"),
            ("natSum", "1"),
            ("subQty", "1"),
            ("memo", "line.shop_no\n + item.oriSun"),
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn what_does_not_compile_names_line_and_column() {
    let text = uncompiled(
        &[
            ("memo", "order.trade_no +"),
            ("code", "let x = 1; x"),
            ("agentId", "ordr.trade_no"),
            ("source", "import \"x\""),
            ("bizFlow", "item.memo"),
            ("script", "voucher.memo = 1;\n  let y = ;"),
        ],
        &[("memo", "|x| x")],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn every_problem_of_every_formula_is_told_at_once() {
    let text = shown(&problems(
        &[
            ("agentId", "order.outer_no"),
            ("memo", "order.status"),
            ("code", r#""""#),
            ("vouchdate", r#""2026-11-20""#),
            ("taxInclusive", "1"),
            ("source", "256"),
            ("corpContact", r#"park("no salesman for this shop")"#),
            ("bizFlow", r#""a" + order.outer_no"#),
            ("reight", "1 / 0"),
            ("shippingChoiceId", "order.details_list[9].spec_no"),
            ("sendDate", "order.receivable + 1"),
            ("receiver", "left(order.trade_no, order.receivable)"),
        ],
        &[
            ("oriSum", "item.oriSum / 3"),
            ("qty", "0"),
            ("taxId", r#""VAT99""#),
            ("orderProductType", r#""GIVEN""#),
            ("productId", r#"order.trade_no + 1 * "x""#),
        ],
    ));
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_is_set_of_a_document_one_of_whose_formulas_fails() {
    let found = problems(&[("memo", "order.trade_no"), ("code", "order.outer_no + 1")], &[]);
    assert!(found.iter().all(|problem| problem.reason == Reason::FormulaFailed), "{found:?}");
}

#[test]
fn what_a_formula_breaks_is_caught_by_the_check_of_bip() {
    // CNY to CNY at 7: BIP would refuse it.
    let found = problems(&[("orderPrices!exchRate", "7")], &[]);
    assert!(found.iter().any(|problem| problem.reason == Reason::CheckFailed), "{found:?}");
}

#[test]
fn a_foreign_rate_converts_every_figure_anew() {
    let document = stockout("foreign_currency");
    let order = mapped(with_formulas(&[("exchRate", "7.5")], &[]), &document).unwrap();
    assert!(order.order_details.iter().all(|line| {
        line.nat_sum == Money::new(line.ori_sum.decimal() * rust_decimal::Decimal::new(75, 1)).rounded(2)
    }));
}

#[test]
fn without_formulas_nothing_changes() {
    let with_none = rules_with(|rules| rules.formulas = formulas(&[], &[]));
    assert_eq!(mapped(with_none, &sample()).unwrap(), mapped(rules(), &sample()).unwrap());
}

#[test]
fn the_doors_are_closed() {
    for expression in [
        "sleep(10)",
        "print(1)",
        "debug(1)",
        "eval(\"1\")",
        "Fn(\"sleep\").call(10)",
        "timestamp()",
        "open_file(\"/etc/passwd\")",
        "env(\"AWS_SECRET_ACCESS_KEY\")",
        "import \"x\" as y",
        "this",
        "call(\"sleep\")",
        "type_of(order)",
        "|x| x",
        "1.5e3.to_float()",
    ] {
        let mapping = Mapping::new(with_formulas(&[("memo", expression)], &[]), tables());
        let stopped = mapping
            .map_or(true, |mapping| mapping.compile().is_err() || map_by(&mapping, &sample()).is_err());
        assert!(stopped, "{expression} went through");
    }
}

#[test]
fn personal_fields_are_kept_only_where_a_formula_names_them() {
    let mapping =
        |expression: &str| Mapping::new(with_formulas(&[("memo", expression)], &[]), tables()).unwrap();
    let kept =
        |expression: &str| mapping(expression).personal_fields().into_iter().collect::<Vec<_>>().join(",");
    assert_eq!(kept("order.trade_no"), "");
    assert_eq!(
        kept("order.receiver_province ?? order[\"buyer_message\"]"),
        "buyer_message,receiver_province"
    );
    assert_eq!(kept("`${order.receiver_city}` // order.receiver_name"), "receiver_city");
    let computed = failure(r#"order["receiver_" + "name"]"#);
    assert!(computed.contains("personal"), "{computed}");
}

const DEPARTMENTS: &[u8] = b"shop_no,kind,department\nTM001,1,D01\nTM001,2,\nJD001,1,D03\n";
const RATES: &[u8] = b"shop_no,since,until,rate\nTM001,2024-01-01,2024-12-31,0.95\nTM001,2025-01-01,,0.9\n";

fn own_tables() -> Arc<Tables> {
    let own = |name: &str, keys: &[&str]| OwnTable {
        name: name.to_owned(),
        file: format!("{name}.csv"),
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        ..OwnTable::default()
    };
    let rates = OwnTable {
        from: Some("since".to_owned()),
        to: Some("until".to_owned()),
        ..own("rates", &["shop_no"])
    };
    let declared = [own("departments", &["shop_no", "kind"]), rates];
    let files = [("departments.csv", DEPARTMENTS), ("rates.csv", RATES)];
    Arc::new(Tables::read_with(&[&given::FILES[..], &files[..]].concat(), &declared).unwrap())
}

fn looked_up(head: &[(&str, &str)], lines: &[(&str, &str)]) -> Result<Order, String> {
    let mapping = Mapping::new(with_formulas(head, lines), own_tables()).unwrap();
    map_by(&mapping, &sample()).map_err(|problems| shown(&problems))
}

#[test]
fn rows_are_looked_up_by_several_keys_at_a_time_and_chained() {
    let order = looked_up(
        &[
            ("saleDepartmentId", r#"lookup("departments", [order.shop_no, order.trade_type], "department")"#),
            ("corpContact", r#"lookup_or("departments", ["X", 1], "department", "D00")"#),
            ("shippingChoiceId", r#"row("departments", [order.shop_no, 1]).department"#),
            ("bizFlow", r#"lookup_or("departments", [order.shop_no, 2], "department", "none")"#),
            ("sendDate", r#"lookup_at_or("rates", "JD001", order.consign_time, "rate", ())"#),
        ],
        &[("oriSum", r#"round_half_up(item.oriSum * number(lookup_at("rates", order.shop_no, order.consign_time, "rate")), 2)"#)],
    )
    .unwrap();
    assert_eq!(order.sale_department_id.as_deref(), Some("D01"));
    assert_eq!(order.corp_contact.as_deref(), Some("D00"));
    assert_eq!((order.shipping_choice_id.as_deref(), order.biz_flow.as_deref()), (Some("D01"), Some("none")));
    assert_eq!((order.send_date, order.pay_money), (None, "180.5".parse().unwrap()));
}

#[test]
fn a_look_up_in_a_formula_that_finds_nothing_parks_with_table_key_and_the_closest_keys() {
    let text = looked_up(
        &[
            ("saleDepartmentId", r#"lookup("departments", ["TM01", 1], "department")"#),
            ("corpContact", r#"lookup("departments", [order.shop_no, 2], "department")"#),
            (
                "shippingChoiceId",
                r#"lookup_or("departments", [order.shop_no, 2], "departe" + "ment", "D00")"#,
            ),
            ("bizFlow", r#"lookup("departments", order.outer_no, "department")"#),
            ("bdInvoiceTypeId", r#"lookup_at("rates", order.shop_no, time("2020-01-01"), "rate")"#),
            ("receiver", r#"lookup("departments", [order.receiver_area, 1], "department")"#),
        ],
        &[],
    )
    .unwrap_err();
    assert!(!text.contains("西湖"), "{text}");
    insta::assert_snapshot!(text);
    let unknown = refused(&[("memo", r#"lookup("department", "a", "b")"#)], &[]);
    assert!(unknown.contains("formulas.head.memo:1:9: there is no table `department`"), "{unknown}");
}

#[test]
fn a_column_that_a_table_does_not_have_is_told_before_an_order_meets_it() {
    let columns = with_formulas(
        &[
            ("memo", r#"lookup_or("departments", [order.shop_no, 2], "departement", "D00")"#),
            ("bizFlow", r#"row("departments", [order.shop_no, 1]).deparment"#),
            ("corpContact", r#"lookup("departments", [order.shop_no, 1], "department")"#),
        ],
        &[("memo", r#"`${lookup_at("rates", order.shop_no, order.consign_time, "price")}`"#)],
    );
    let problems = Mapping::new(columns, own_tables()).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "formulas.lines.memo:1:59: table `rates` (rates.csv) has no column `price`; \
             hint: its columns are shop_no, since, until, rate",
            "formulas.head.memo:1:47: table `departments` (departments.csv) has no column `departement`; \
             hint: did you mean `department`?",
            "formulas.head.bizFlow:2:40: table `departments` (departments.csv) has no column `deparment`; \
             hint: did you mean `department`?",
        ]
    );
}

#[test]
fn every_field_of_a_voucher_says_where_it_came_from() {
    let formulas = with_formulas(
        &[("memo", "order.trade_no")],
        &[("script", r#"if !line.is_postage { item.batchNo = "L1"; }"#)],
    );
    let mapping = Mapping::new(formulas, tables()).unwrap();
    let document = sample();
    let (tenant, scheme) = ("demo".parse().unwrap(), "online-sales".parse().unwrap());
    let key = DocumentKey::stockout(&"demo2".parse().unwrap(), &document.stockout_id);
    let identity = Identity { tenant: &tenant, scheme: &scheme, key: &key };
    let explained = mapping.explain(&document, &identity).unwrap();
    let origins: Vec<String> =
        explained.origins.iter().map(|(path, origin)| format!("{path}: {origin}")).collect();
    insta::assert_snapshot!(origins.join("\n"));
}
