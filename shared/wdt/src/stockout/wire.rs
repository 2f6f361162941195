//! The row as it travels: every field whatever it is, then judged one by one.

use std::ops::Range;
use std::sync::Arc;

use dougong_values::{Money, Quantity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Line, Position, Stockout};
use crate::field::{FieldProblem, Fields, Place};

type Raw<'a> = Option<&'a RawValue>;

#[derive(Deserialize)]
struct WireStockout<'a> {
    #[serde(borrow)]
    stockout_id: Raw<'a>,
    stockout_no: Raw<'a>,
    order_no: Raw<'a>,
    src_order_no: Raw<'a>,
    trade_no: Raw<'a>,
    src_tids: Raw<'a>,
    shop_no: Raw<'a>,
    shop_name: Raw<'a>,
    warehouse_no: Raw<'a>,
    warehouse_name: Raw<'a>,
    status: Raw<'a>,
    trade_status: Raw<'a>,
    trade_type: Raw<'a>,
    refund_status: Raw<'a>,
    platform_id: Raw<'a>,
    customer_no: Raw<'a>,
    trade_time: Raw<'a>,
    pay_time: Raw<'a>,
    consign_time: Raw<'a>,
    modified: Raw<'a>,
    goods_count: Raw<'a>,
    discount: Raw<'a>,
    post_amount: Raw<'a>,
    receivable: Raw<'a>,
    paid: Raw<'a>,
    cod_amount: Raw<'a>,
    currency: Raw<'a>,
    details_list: Raw<'a>,
}

#[derive(Deserialize)]
struct WireLine<'a> {
    #[serde(borrow)]
    rec_id: Raw<'a>,
    spec_no: Raw<'a>,
    goods_count: Raw<'a>,
    num: Raw<'a>,
    num2: Raw<'a>,
    share_amount: Raw<'a>,
    share_post: Raw<'a>,
    discount: Raw<'a>,
    paid: Raw<'a>,
    price: Raw<'a>,
    sell_price: Raw<'a>,
    gift_type: Raw<'a>,
    refund_status: Raw<'a>,
    tax_rate: Raw<'a>,
    suite_no: Raw<'a>,
    goods_name: Raw<'a>,
    goods_no: Raw<'a>,
    spec_name: Raw<'a>,
    barcode: Raw<'a>,
    unit_name: Raw<'a>,
    unit_ratio: Raw<'a>,
    src_tid: Raw<'a>,
    src_oid: Raw<'a>,
    batch_no: Raw<'a>,
    expire_date: Raw<'a>,
    remark: Raw<'a>,
    position_list: Raw<'a>,
}

#[derive(Deserialize)]
struct WirePosition<'a> {
    #[serde(borrow)]
    rec_id: Raw<'a>,
    position_no: Raw<'a>,
    batch_no: Raw<'a>,
    num: Raw<'a>,
    position_goods_count: Raw<'a>,
    expire_date: Raw<'a>,
}

/// Reads a row, or tells everything that is wrong with it.
pub(super) fn read(json: &str) -> Result<Stockout, Vec<FieldProblem>> {
    let json: Arc<str> = Arc::from(json);
    let mut problems = Vec::new();
    match stockout(&json, &mut problems) {
        Some(read) if problems.is_empty() => Ok(read),
        _ => Err(problems),
    }
}

fn stockout(json: &Arc<str>, problems: &mut Vec<FieldProblem>) -> Option<Stockout> {
    let mut fields = Fields { place: Place::Head, problems };
    let wire: WireStockout<'_> = object(&mut fields, "row", json)?;
    let stockout_id = fields.required("stockout_id", wire.stockout_id);
    let stockout_no = fields.text(wire.stockout_no).or_else(|| fields.text(wire.order_no));
    let src_tids = fields.text(wire.src_tids).unwrap_or_default();
    let src_tids = src_tids.split(',').map(str::trim).filter(|tid| !tid.is_empty());
    let mut read = Stockout {
        // A placeholder never leaves this file: its absence is a problem, and problems refuse the row.
        stockout_id: stockout_id.or_else(|| "0".parse().ok())?,
        stockout_no,
        src_order_no: fields.text(wire.src_order_no),
        trade_no: fields.text(wire.trade_no),
        src_tids: src_tids.map(str::to_owned).collect(),
        shop_no: fields.optional("shop_no", wire.shop_no),
        shop_name: fields.text(wire.shop_name),
        warehouse_no: fields.optional("warehouse_no", wire.warehouse_no),
        warehouse_name: fields.text(wire.warehouse_name),
        status: fields.code("status", wire.status),
        trade_status: fields.code("trade_status", wire.trade_status),
        trade_type: fields.code("trade_type", wire.trade_type),
        refund_status: fields.code("refund_status", wire.refund_status).unwrap_or_default(),
        platform_id: fields.code("platform_id", wire.platform_id),
        customer_no: fields.text(wire.customer_no),
        trade_time: fields.time("trade_time", wire.trade_time),
        pay_time: fields.time("pay_time", wire.pay_time),
        consign_time: fields.time("consign_time", wire.consign_time),
        modified: fields.time("modified", wire.modified),
        goods_count: fields.optional("goods_count", wire.goods_count),
        discount: fields.optional("discount", wire.discount).unwrap_or_default(),
        post_amount: fields.optional("post_amount", wire.post_amount).unwrap_or_default(),
        receivable: fields.optional("receivable", wire.receivable),
        paid: fields.optional("paid", wire.paid).unwrap_or_default(),
        cod_amount: fields.optional("cod_amount", wire.cod_amount).unwrap_or_default(),
        currency: fields.text(wire.currency),
        details: Vec::new(),
        json: Arc::clone(json),
        list: wire.details_list.map_or(0..0, |list| range(json, list.get())),
    };
    let rows = list(&mut fields, "details_list", wire.details_list);
    read.details = rows
        .into_iter()
        .enumerate()
        .filter_map(|(index, row)| line(json, row.get(), index, fields.problems))
        .collect();
    Some(read)
}

fn line(json: &Arc<str>, row: &str, index: usize, problems: &mut Vec<FieldProblem>) -> Option<Line> {
    let mut fields = Fields { place: Place::Line(index), problems };
    let wire: WireLine<'_> = object(&mut fields, "row", row)?;
    let rec_id = fields.text(wire.rec_id);
    if rec_id.is_none() {
        fields.problem("rec_id", "is missing or empty".to_owned());
    }
    let spec_no = fields.required("spec_no", wire.spec_no);
    let share_amount = fields.required("share_amount", wire.share_amount);
    let num: Option<Quantity> = fields.optional("num", wire.num);
    let goods_count = match (num, fields.optional("goods_count", wire.goods_count)) {
        (None, None) => fields.required("goods_count", wire.goods_count),
        (num, goods_count) => goods_count.or(num),
    };
    let mut money = |name, raw| fields.optional::<Money>(name, raw).unwrap_or_default();
    let share_post = money("share_post", wire.share_post);
    let discount = money("discount", wire.discount);
    let paid = money("paid", wire.paid);
    let price = money("price", wire.price);
    let sell_price = money("sell_price", wire.sell_price);
    let gift_type = fields.code("gift_type", wire.gift_type).unwrap_or_default();
    let refund_status = fields.code("refund_status", wire.refund_status).unwrap_or_default();
    let num2 = fields.optional("num2", wire.num2);
    let tax_rate = fields.optional("tax_rate", wire.tax_rate);
    let unit_ratio = fields.optional("unit_ratio", wire.unit_ratio);
    let expire_date = fields.time("expire_date", wire.expire_date);
    let positions = list(&mut fields, "position_list", wire.position_list)
        .into_iter()
        .enumerate()
        .filter_map(|(at, row)| position(json, row.get(), Place::Position(index, at), fields.problems))
        .collect();
    Some(Line {
        rec_id: rec_id?,
        spec_no: spec_no?,
        goods_count: goods_count?,
        num: num.or(goods_count)?,
        num2,
        share_amount: share_amount?,
        share_post,
        discount,
        paid,
        price,
        sell_price,
        gift_type,
        refund_status,
        tax_rate,
        suite_no: fields.text(wire.suite_no),
        goods_name: fields.text(wire.goods_name),
        goods_no: fields.text(wire.goods_no),
        spec_name: fields.text(wire.spec_name),
        barcode: fields.text(wire.barcode),
        unit_name: fields.text(wire.unit_name),
        unit_ratio,
        src_tid: fields.text(wire.src_tid),
        src_oid: fields.text(wire.src_oid),
        batch_no: fields.text(wire.batch_no),
        expire_date,
        remark: fields.text(wire.remark),
        positions,
        json: Arc::clone(json),
        range: range(json, row),
    })
}

fn position(json: &Arc<str>, row: &str, place: Place, problems: &mut Vec<FieldProblem>) -> Option<Position> {
    let mut fields = Fields { place, problems };
    let wire: WirePosition<'_> = object(&mut fields, "row", row)?;
    Some(Position {
        rec_id: fields.text(wire.rec_id),
        position_no: fields.text(wire.position_no),
        batch_no: fields.text(wire.batch_no),
        num: fields.optional("num", wire.num),
        position_goods_count: fields.optional("position_goods_count", wire.position_goods_count),
        expire_date: fields.time("expire_date", wire.expire_date),
        json: Arc::clone(json),
        range: range(json, row),
    })
}

/// Reads a JSON object. The words of the problem are our own: the parser's would quote what is there instead.
fn object<'a, T: Deserialize<'a>>(fields: &mut Fields<'_>, name: &str, json: &'a str) -> Option<T> {
    if !json.trim_start().starts_with('{') {
        fields.problem(name, "is not a JSON object".to_owned());
        return None;
    }
    match serde_json::from_str(json) {
        Ok(read) => Some(read),
        Err(error) => {
            fields.problem(name, format!("is not a JSON object of this kind: {error}"));
            None
        }
    }
}

/// Reads a list; absent, null and the empty text that PHP makes of an empty list are empty.
fn list<'a>(fields: &mut Fields<'_>, name: &str, raw: Raw<'a>) -> Vec<&'a RawValue> {
    let Some(raw) = raw.filter(|raw| !matches!(raw.get(), "\"\"" | "{}")) else {
        return Vec::new();
    };
    serde_json::from_str(raw.get()).unwrap_or_else(|_| {
        fields.problem(name, "is not a list".to_owned());
        Vec::new()
    })
}

/// Returns where a part stands in the text it was borrowed from.
fn range(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}
