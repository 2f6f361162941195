//! What leaves: wire names, exact decimals, nothing that is null.

use std::collections::BTreeSet;

use crate::order::{money, order, resubmit_key};
use dougong_bip::{Personal, RowStatus};
use serde_json::Value;

/// Every request field of the integration scheme's list.
const SCHEME_HEAD: &[&str] = &[
    "invoiceAgentId",
    "code",
    "vouchdate",
    "transactionTypeId",
    "orderDetails",
    "invoiceUpcType",
    "source",
    "orderPrices!currency",
    "orderPrices!exchangeRateType",
    "orderPrices!taxInclusive",
    "resubmitCheckKey",
    "bizFlow_version",
    "bizFlow",
    "settlementOrgId",
    "orderPrices!natCurrency",
    "orderPrices!exchRate",
    "payMoney",
    "agentId",
    "salesOrgId",
];

/// Every line field of the integration scheme's list.
const SCHEME_LINE: &[&str] = &[
    "taxId",
    "orderDetailPrices!oriUnitPrice",
    "status",
    "qty",
    "orderDetailPrices!natTaxUnitPrice",
    "orderDetailPrices!natSum",
    "orderProductType",
    "invExchRate",
    "skuId",
    "masterUnitId",
    "invaliddate",
    "memo",
    "orderDetailPrices!natTax",
    "salesOrgId",
    "orderDetailPrices!oriTax",
    "stockId",
    "subQty",
    "consignTime",
    "invPriceExchRate",
    "orderDetailPrices!natMoney",
    "iProductUnitId",
    "isExpiryDateManage",
    "stockOrgId",
    "_status",
    "iProductAuxUnitId",
    "orderDetailPrices!natUnitPrice",
    "isBatchManage",
    "orderDetailPrices!oriMoney",
    "unitExchangeTypePrice",
    "batch_no",
    "oriTaxUnitPrice",
    "settlementOrgId",
    "oriSum",
    "producedate",
    "unitExchangeType",
    "priceQty",
    "productId",
];

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_sample_request_is_written_as_it_stands() {
    let mut sample: Value = serde_json::from_str(include_str!("payloads/request.json")).unwrap();
    // The sample's key is of another document.
    sample["data"]["resubmitCheckKey"] = Value::from(resubmit_key().as_str());
    let written: Value = serde_json::from_str(&order().to_body()).unwrap();
    assert_eq!(written, sample);
}

#[test]
fn every_field_of_the_schemes_list_has_its_place_under_its_wire_name() {
    let mut order = order();
    order.biz_flow = Some("flow".to_owned());
    order.biz_flow_version = Some("V1.0".to_owned());
    let day = order.vouchdate;
    let line = &mut order.order_details[1];
    line.status = Some(RowStatus::Insert);
    line.scheme_batch_no = Some("LOT".to_owned());
    line.scheme_produce_date = Some(day);
    line.scheme_invalid_date = Some(day);
    let written: Value = serde_json::from_str(&order.to_body()).unwrap();

    let (head, line) = (keys(&written["data"]), keys(&written["data"]["orderDetails"][1]));
    let missing: Vec<_> = SCHEME_HEAD.iter().filter(|key| !head.contains(**key)).collect();
    assert!(missing.is_empty(), "head lacks {missing:?}");
    let missing: Vec<_> = SCHEME_LINE.iter().filter(|key| !line.contains(**key)).collect();
    assert!(missing.is_empty(), "line lacks {missing:?}");
    assert!(head.contains("_status"));
}

#[test]
fn money_leaves_with_exactly_its_digits_and_nothing_leaves_as_null() {
    let mut order = order();
    order.order_details[0].ori_sum = money("123456789012.34");
    order.order_details[0].ori_tax_unit_price = money("23.40000000");
    let body = order.to_body();
    assert!(body.contains("\"oriSum\":123456789012.34,"), "{body}");
    assert!(body.contains("\"oriTaxUnitPrice\":23.4,"), "{body}");
    assert!(body.contains("\"oriTaxUnitPrice\":10.83333333,"), "{body}");
    assert!(!body.contains("null"), "{body}");
    assert!(body.contains("\"vouchdate\":\"2026-11-21 00:00:00\""), "{body}");
}

#[test]
fn personal_values_are_sent_and_never_shown() {
    let mut order = order();
    order.receiver = Some(Personal::new("张三丰".to_owned()));
    assert!(order.to_body().contains("\"receiver\":\"张三丰\""));
    let shown = format!("{order:?}");
    assert!(shown.contains("张** (3 chars)") && !shown.contains("张三丰"), "{shown}");
}
