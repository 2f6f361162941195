//! What twenty formulas cost an order: the same order mapped with and without them.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a bench that cannot start has nothing to measure"
)]

use std::sync::Arc;

use dougong_mapping::rules::{Postage, PostageRules};
use dougong_mapping::{FormulaText, FormulaTexts, Identity, Mapping, Rules, Tables};
use dougong_values::{DocumentKey, SchemeId, TenantId};
use dougong_wdt::Stockout;

/// Twenty formulas as tenants write them: texts put together, choices, dates, rounding, sums.
const HEAD: [(&str, &str); 12] = [
    ("memo", r#"order.stockout_no + " / " + (order.src_order_no ?? "")"#),
    ("agentId", r#"if order.shop_no == "TM001" { "C-TMALL" } else { "C-OTHER" }"#),
    ("transactionTypeId", r#"switch order.trade_type { 1 => "SO021", 4 => "SO022", _ => "SO023" }"#),
    ("vouchdate", "start_of_day(order.consign_time)"),
    ("hopeReceiveDate", "add_days(order.consign_time, 3)"),
    ("sendDate", "order.pay_time ?? order.consign_time"),
    ("corpContact", r#"order.salesman_no ?? "S-0000""#),
    ("saleDepartmentId", r#""D-" + left(order.shop_no, 2)"#),
    ("isFlowCoreBill", "order.status == 110"),
    ("reight", "round_half_up(order.post_amount, 2)"),
    ("bizFlow", "replace(order.trade_no, \"JY\", \"F\")"),
    ("shippingChoiceId", "upper(order.logistics_code ?? \"ZTO\")"),
];

const LINES: [(&str, &str); 8] = [
    ("oriSum", "round_half_up(item.oriSum * 0.98, 2)"),
    ("memo", "`${line.rec_id}/${line.spec_no}`"),
    ("consignTime", "add_days(order.consign_time, 1)"),
    ("skuId", r#"trim(line.spec_no) + "-1""#),
    ("taxId", r#"if item.oriSum > 1000 { "VAT9" } else { "VAT13" }"#),
    ("stockId", "order.warehouse_no"),
    ("productId", r#""P-" + line.spec_no"#),
    ("orderProductType", r#"if line.gift_type == 0 { "SALE" } else { "GIFT" }"#),
];

/// An order with one line, of all the fields that WDT sends.
const ORDER: &str = include_str!("order.json");

/// A mapping and the order that it maps.
#[derive(Debug)]
pub struct Work {
    mapping: Mapping,
    order: Stockout,
    tenant: TenantId,
    scheme: SchemeId,
    key: DocumentKey,
}

impl Work {
    /// Compiles the formulas, or leaves them out.
    pub fn new(formulas: &str) -> Self {
        let formulas = match formulas {
            "none" => FormulaTexts::default(),
            _ => FormulaTexts {
                head: HEAD.map(text).into(),
                lines: LINES.map(text).into(),
                ..FormulaTexts::default()
            },
        };
        let postage = PostageRules { policy: Postage::Drop, ..PostageRules::default() };
        let mapping = Mapping::new(Rules { postage, formulas, ..Rules::default() }, tables()).unwrap();
        mapping.compile().unwrap();
        let order = Stockout::from_json(ORDER).unwrap();
        let key = DocumentKey::stockout(&"demo2".parse().unwrap(), &order.stockout_id);
        let work =
            Self { mapping, order, tenant: "demo".parse().unwrap(), scheme: "bench".parse().unwrap(), key };
        assert!(work.run() > 0, "the order is mapped");
        work
    }

    /// Maps the order; returns how many lines its voucher has.
    pub fn run(&self) -> usize {
        let identity = Identity { tenant: &self.tenant, scheme: &self.scheme, key: &self.key };
        self.mapping.map(&self.order, &identity).map_or(0, |order| order.order_details.len())
    }
}

fn text((target, text): (&str, &str)) -> FormulaText {
    FormulaText {
        target: target.to_owned(),
        key: 0..0,
        text: text.to_owned(),
        value: 0..text.len(),
        start: Some(0),
        line: 1,
        column: 1,
    }
}

fn tables() -> Arc<Tables> {
    let files: [(&str, &[u8]); 5] = [
        ("shops.csv", b"shop_no,customer,sales_org,transaction_type\nTM001,C1,O1,SO\n"),
        ("warehouses.csv", b"warehouse_no,stock_org,stock\nWH01,O1,W1\n"),
        ("goods.csv", b"spec_no,product,tax,main_unit\nSKU-0001,P1,VAT13,PCS\n"),
        ("taxes.csv", b"tax,tax_id,rate\nVAT13,VAT13,0.13\nVAT9,VAT9,0.09\n"),
        ("units.csv", b"unit,unit_id\nPCS,PCS\n"),
    ];
    Arc::new(Tables::read(&files).unwrap())
}
