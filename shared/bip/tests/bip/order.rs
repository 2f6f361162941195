//! The order of `payloads/request.json`, as types.

use dougong_bip::{Order, OrderLine, ProductType, RowStatus, UnitExchange};
use dougong_values::{BeijingTime, DocumentKey, Money, Quantity, ResubmitKey};

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(crate) fn resubmit_key() -> ResubmitKey {
    let document: DocumentKey = "stockout#demo2#80012345".parse().unwrap();
    ResubmitKey::derive(&"demo".parse().unwrap(), &"online-sales".parse().unwrap(), &document)
}

/// Two kinds of goods, one of them in boxes of six, and a gift.
pub(crate) fn order() -> Order {
    let day: BeijingTime = "2026-11-21 00:00:00".parse().unwrap();
    let mut boxes = line("SKU-2002", "12", "130", "115.04");
    "BOX".clone_into(&mut boxes.product_aux_unit_id);
    boxes.sub_qty = quantity("2");
    boxes.inv_exch_rate = quantity("6");
    boxes.memo = Some("rec_id=90002".to_owned());
    boxes.is_batch_manage = Some(true);
    boxes.is_expiry_date_manage = Some(true);
    boxes.batch_no = Some("LOT20260901".to_owned());
    let mut pieces = line("SKU-1001", "3", "99.90", "88.41");
    pieces.memo = Some("rec_id=90001".to_owned());
    let mut gift = line("SKU-GIFT", "1", "0", "0");
    gift.order_product_type = ProductType::Gift;
    gift.memo = Some("rec_id=90003".to_owned());
    Order {
        row_status: RowStatus::Insert,
        resubmit_check_key: resubmit_key(),
        code: Some("OCK202611210001".parse().unwrap()),
        sales_org_id: "ORG01".to_owned(),
        settlement_org_id: "ORG01".to_owned(),
        transaction_type_id: "SO021".to_owned(),
        vouchdate: day,
        agent_id: "CUST-TMALL01".to_owned(),
        invoice_agent_id: "CUST-TMALL01".to_owned(),
        currency: "CNY".to_owned(),
        nat_currency: "CNY".to_owned(),
        exch_rate: quantity("1"),
        exchange_rate_type: "01".to_owned(),
        tax_inclusive: true,
        pay_money: money("229.90"),
        source: Some(4),
        invoice_upc_type: Some(0),
        bd_invoice_type_id: None,
        biz_flow: None,
        biz_flow_version: None,
        is_flow_core_bill: None,
        real_money: None,
        memo: Some("WDT OCK202611210001 / JY202611200009".to_owned()),
        corp_contact: None,
        sale_department_id: None,
        hope_receive_date: None,
        send_date: None,
        receiver: None,
        receive_mobile: None,
        receive_address: None,
        shipping_choice_id: None,
        reight: None,
        order_details: vec![pieces, boxes, gift],
    }
}

/// A line in CNY, in pieces, its prices derived from its amounts as §2.3 says.
pub(crate) fn line(product: &str, count: &str, sum: &str, without_tax: &str) -> OrderLine {
    let (qty, ori_sum, ori_money) = (quantity(count), money(sum), money(without_tax));
    let price = |amount: Money| Money::new(amount.decimal() / qty.decimal()).rounded(Money::PRICE);
    OrderLine {
        row_status: RowStatus::Insert,
        status: None,
        order_product_type: ProductType::Sale,
        product_id: product.to_owned(),
        sku_id: Some(product.to_owned()),
        master_unit_id: "PCS".to_owned(),
        product_aux_unit_id: "PCS".to_owned(),
        product_unit_id: "PCS".to_owned(),
        qty,
        sub_qty: qty,
        price_qty: qty,
        inv_exch_rate: quantity("1"),
        inv_price_exch_rate: quantity("1"),
        unit_exchange_type: UnitExchange::Fixed,
        unit_exchange_type_price: UnitExchange::Fixed,
        sales_org_id: Some("ORG01".to_owned()),
        stock_org_id: "ORG01".to_owned(),
        settlement_org_id: "ORG01".to_owned(),
        stock_id: Some("WH001".to_owned()),
        consign_time: Some("2026-11-21 00:00:00".parse().unwrap()),
        tax_id: "VAT13".to_owned(),
        ori_tax_unit_price: price(ori_sum),
        ori_sum,
        ori_unit_price: price(ori_money),
        ori_money,
        ori_tax: ori_sum - ori_money,
        nat_tax_unit_price: price(ori_sum),
        nat_unit_price: price(ori_money),
        nat_sum: ori_sum,
        nat_money: ori_money,
        nat_tax: ori_sum - ori_money,
        is_batch_manage: None,
        is_expiry_date_manage: None,
        batch_no: None,
        product_date: None,
        invalid_date: None,
        scheme_batch_no: None,
        scheme_produce_date: None,
        scheme_invalid_date: None,
        memo: None,
    }
}
