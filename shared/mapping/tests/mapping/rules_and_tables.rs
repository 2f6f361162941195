//! Filters, and rules that do not fit the tables.

use std::sync::Arc;

use dougong_mapping::rules::{FilterRules, Postage};
use dougong_mapping::{Mapping, Rules, Tables};

use crate::given::{rules, rules_with, stockout, tables};

#[test]
fn a_document_is_excluded_by_the_first_filter_it_fails() {
    // Status 110, trade type 1, refund status 0, shop TM001, warehouse WH01.
    let sample = stockout("wdt_qimen_sample");
    let excluded = |filter: FilterRules| {
        let mapping = Mapping::new(rules_with(|rules| rules.filter = filter), tables()).unwrap();
        mapping.excluded(&sample).map(|exclusion| format!("{} {}", exclusion.reason, exclusion.value))
    };
    let none = FilterRules::default;
    assert_eq!(excluded(none()), None);
    assert_eq!(excluded(FilterRules { status: vec![95, 110], trade_type: vec![1], ..none() }), None);
    assert_eq!(excluded(FilterRules { status: vec![95], ..none() }).unwrap(), "status 110");
    assert_eq!(excluded(FilterRules { trade_type: vec![2, 4], ..none() }).unwrap(), "trade_type 1");
    assert_eq!(excluded(FilterRules { not_refund_status: vec![0], ..none() }).unwrap(), "refund_status 0");
    let shop = || vec!["TM001".parse().unwrap()];
    assert_eq!(excluded(FilterRules { shops: shop(), ..none() }), None);
    assert_eq!(excluded(FilterRules { not_shops: shop(), ..none() }).unwrap(), "shop TM001");
    assert_eq!(
        excluded(FilterRules { shops: vec!["JD001".parse().unwrap()], ..none() }).unwrap(),
        "shop TM001"
    );
    let warehouse = || vec!["WH01".parse().unwrap()];
    assert_eq!(excluded(FilterRules { warehouses: warehouse(), ..none() }), None);
    assert_eq!(excluded(FilterRules { not_warehouses: warehouse(), ..none() }).unwrap(), "warehouse WH01");
}

#[test]
fn rules_that_name_what_no_table_has_do_not_load() {
    let wrong = rules_with(|rules| {
        rules.postage.policy = Postage::Line { goods: "SKU-FRIEGHT".parse().unwrap() };
        rules.lines.constants.tax = Some("VAT31".to_owned());
        rules.lines.constants.unit = Some("STERE".to_owned());
        rules.filter.shops = vec!["TM01".parse().unwrap()];
        rules.filter.warehouses = vec!["WH1".parse().unwrap()];
    });
    let problems = Mapping::new(wrong, tables()).unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_neither_tables_nor_rules_give_is_found_at_load() {
    let files: [(&str, &[u8]); 5] = [
        ("shops.csv", b"shop_no,customer,currency\nTM001,C1,\nTM002,,USD\n"),
        ("warehouses.csv", b"warehouse_no\nWH01\nWH02\n"),
        ("goods.csv", b"spec_no,product,tax,batch_managed\nSKU-FREIGHT,P1,V13,yes\nSKU-2,P2,,\n"),
        ("taxes.csv", b"tax,tax_id,rate\nV13,V13,0.13\n"),
        ("units.csv", b"unit,unit_id\nPCS,PCS\n"),
    ];
    let tables = Arc::new(Tables::read(&files).unwrap());
    let problems = Mapping::new(rules(), Arc::clone(&tables)).unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"));

    let constants = |rules: &mut Rules| {
        rules.postage.policy = Postage::Spread;
        rules.head.constants.customer = Some("C0".to_owned());
        rules.head.constants.sales_org = Some("ORG".to_owned());
        rules.head.constants.transaction_type = Some("SO".to_owned());
        rules.head.constants.exchange_rate = Some("7.1".parse().unwrap());
        rules.lines.constants.stock_org = Some("ORG".to_owned());
        rules.lines.constants.tax = Some("V13".to_owned());
        rules.lines.constants.unit = Some("PCS".to_owned());
    };
    assert!(Mapping::new(rules_with(constants), tables).is_ok());
}
