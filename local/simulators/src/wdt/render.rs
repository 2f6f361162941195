//! An order as WDT writes it: every field of the integration scheme, in either channel's dialect.

use std::fmt::Display;

use dougong_values::BeijingTime;
use dougong_wdt::PERSONAL_FIELDS;

use super::order::{WdtLine, WdtOrder, WdtPosition};

/// How a channel writes values (`protocols/wdt.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Qimen: ids, codes and amounts are JSON numbers.
    Numbers,
    /// Direct: everything is a string.
    Strings,
}

/// Fields that are there and say nothing: whole numbers, amounts, and texts.
const HEAD_ZEROS: &str = "custom_type subtype consign_status wms_status block_reason bad_reason freeze_reason \
    customer_id invoice_id invoice_type invoice_print_status fenxiao_type is_allocated ebill_status operator_id \
    has_invoice printer_id pick_error_count picker_id sorter_id examiner_id consigner_id packager_id pack_score \
    pick_score checkouter_id watcher_id picklist_seq flag_id logistics_template_id sendbill_template_id \
    pos_allocate_mode note_count reason_id lock_id package_id sendbill_print_status logistics_print_status \
    picklist_print_status";
const HEAD_AMOUNTS: &str = "goods_total_cost post_fee package_fee cod_amount tax tax_rate unknown_goods_amount \
    calc_post_cost post_cost calc_weight post_weight package_cost";
const HEAD_TEXTS: &str = "error_info shop_remark invoice_content fenxiao_nick salesman_no fullname stockout_reason \
    outer_no to_deliver_time pre_charge_time packager_no packager_name picker_no picker_name printer_no printer_name \
    examiner_no examiner_name operator_name picklist_no print_batch_no batch_no md5_str reserve currency";
const HEAD_NULLS: &str = "salesman_name flag_name";
const LINE_ZEROS: &str = "from_mask unit_id base_unit_id batch_id is_examined is_package scan_type";
const LINE_AMOUNTS: &str = "tax_rate cost_price";
const LINE_TEXTS: &str = "spec_code remark batch_remark good_prop1 good_prop2 good_prop3 good_prop4 good_prop5 \
    good_prop6 prop1 prop2 prop3 prop4 prop5 prop6";

/// Names that are personal by their beginning alone, or known from other interfaces of WDT.
const NOT_YET_KNOWN: [&str; 8] = [
    "receiver_nick",
    "buyer_email",
    "alipay_no",
    "id_card_front",
    "invoice_title_kind",
    "mobile",
    "email",
    "real_name",
];

/// Writes orders in one dialect. What never changes is put together once.
#[derive(Debug)]
pub(crate) struct Renderer {
    dialect: Dialect,
    head: String,
    line: String,
}

impl Renderer {
    /// Prepares a dialect. Personal fields are empty, as over Qimen; with a canary each holds it and its own name.
    pub(crate) fn new(dialect: Dialect, canary: Option<&str>) -> Self {
        use std::fmt::Write as _;

        let mut head = Writer { dialect, out: String::new() };
        head.numbers(HEAD_ZEROS, "0");
        head.numbers(HEAD_AMOUNTS, "0.0000");
        head.texts(HEAD_TEXTS);
        for name in HEAD_NULLS.split_whitespace() {
            head.key(name);
            head.out.push_str("null");
        }
        for name in PERSONAL_FIELDS {
            let value = canary.map_or_else(String::new, |canary| format!("{canary}-{name}"));
            head.text(name, &value);
        }
        if let Some(canary) = canary {
            // What WDT may send tomorrow: names nobody knows yet, and data below them.
            for name in NOT_YET_KNOWN {
                head.text(name, &format!("{canary}-{name}"));
            }
            head.key("receiver_info");
            let _ = write!(head.out, r#"{{"name":"{canary}-nested","phones":["{canary}-in-a-list"]}}"#);
        }
        let mut line = Writer { dialect, out: String::new() };
        line.numbers(LINE_ZEROS, "0");
        line.numbers(LINE_AMOUNTS, "0.0000");
        line.texts(LINE_TEXTS);
        if let Some(canary) = canary {
            for name in PERSONAL_FIELDS {
                line.text(name, &format!("{canary}-line-{name}"));
            }
        }
        Self { dialect, head: head.out, line: line.out }
    }

    /// Returns the dialect.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Appends an order to a page.
    pub(crate) fn order(&self, order: &WdtOrder, out: &mut String) {
        if let Some(raw) = &order.raw {
            out.push_str(raw);
            return;
        }
        let mut w = Writer { dialect: self.dialect, out: std::mem::take(out) };
        w.out.push('{');
        w.number("stockout_id", order.stockout_id);
        for name in ["order_no", "stockout_no"] {
            w.text(name, &order.stockout_no);
        }
        for name in ["src_order_no", "trade_no"] {
            w.text(name, &order.src_order_no);
        }
        w.number("trade_id", order.stockout_id - order.stockout_id / 4);
        let src_tids = order.src_tids.join(",");
        for name in ["src_trade_no", "src_tids"] {
            w.text(name, &src_tids);
        }
        w.number("src_order_type", 1);
        w.number("order_type", 1);
        w.text("order_type_name", "销售出库");
        w.number("status", order.status);
        w.number("trade_status", order.status);
        w.number("trade_type", order.trade_type);
        w.number("refund_status", order.refund_status);
        w.number("warehouse_id", 3);
        w.text("warehouse_no", &order.warehouse_no);
        w.text("warehouse_name", &order.warehouse_name);
        w.number("warehouse_type", 1);
        w.text("shop_no", &order.shop_no);
        w.text("shop_name", &order.shop_name);
        w.number("platform_id", order.platform_id);
        w.text("customer_no", &order.customer_no);
        w.amount("goods_count", order.goods_count());
        w.number("goods_type_count", order.lines.len());
        w.amount("goods_total_amount", order.share_total());
        w.amount("discount", order.discount());
        w.amount("post_amount", order.post_amount);
        w.amount("receivable", order.receivable);
        w.amount("paid", order.receivable);
        w.amount("weight", "1.2000");
        w.number("logistics_id", 5);
        w.number("logistics_type", 5);
        w.text("logistics_code", "ZTO");
        w.text("logistics_name", "中通快递");
        w.text("logistics_no", &format!("789{:011}", order.stockout_id));
        w.number("delivery_term", 1);
        w.text("employee_no", "demo");
        w.text("checker_name", "demo");
        w.text("remark", &order.remark);
        w.time("trade_time", Some(order.trade_time));
        w.time("pay_time", order.pay_time);
        w.time("created", Some(order.trade_time.plus_seconds(180)));
        w.time("stock_check_time", Some(order.trade_time.plus_seconds(300)));
        w.time("consign_time", Some(order.consign_time));
        w.time("modified", Some(order.modified));
        w.fixed(&self.head);
        w.key("details_list");
        w.out.push('[');
        for (index, line) in order.lines.iter().enumerate() {
            w.separate(index);
            self.line(order, line, &mut w);
        }
        w.out.push_str("]}");
        *out = w.out;
    }

    fn line(&self, order: &WdtOrder, line: &WdtLine, w: &mut Writer) {
        w.out.push('{');
        w.number("rec_id", line.rec_id);
        w.number("stockout_id", order.stockout_id);
        w.text("spec_no", &line.spec_no);
        w.amount("goods_count", line.count);
        w.amount("num", line.count);
        w.amount("num2", line.num2);
        w.amount("sell_price", line.price());
        w.amount("price", line.price());
        w.amount("market_price", line.list_price);
        w.amount("discount", line.discount());
        w.amount("share_amount", line.share_amount);
        w.amount("share_post", line.share_post);
        w.amount("paid", line.share_amount + line.share_post);
        w.amount("total_amount", line.share_amount);
        w.amount("weight", "0.5000");
        w.number("gift_type", line.gift_type);
        w.number("goods_type", 1);
        w.number("refund_status", line.refund_status);
        w.text("goods_name", &line.goods_name);
        w.text("goods_no", line.spec_no.get(4..).map_or(line.spec_no.as_str(), |number| number));
        w.text("spec_name", "默认");
        w.text("suite_no", &line.suite_no);
        w.text("brand_no", "BRAND");
        w.text("brand_name", "无");
        w.number("goods_id", line.rec_id / 7);
        w.number("spec_id", line.rec_id / 5);
        w.text("barcode", &format!("690{}", line.rec_id));
        w.text("unit_name", &line.unit_name);
        w.amount("unit_ratio", line.unit_ratio);
        w.number("sale_order_id", line.rec_id + 1);
        w.number("src_order_detail_id", line.rec_id + 1);
        w.number("src_order_type", 1);
        w.text("src_oid", &format!("{}-{}", line.src_tid, line.rec_id % 10));
        w.text("src_tid", &line.src_tid);
        w.number("platform_id", order.platform_id);
        w.text("batch_no", &line.batch_no);
        w.time("expire_date", line.expire_date);
        w.number("is_zero_cost", 1);
        w.time("created", Some(order.trade_time));
        w.time("modified", Some(order.modified));
        w.fixed(&self.line);
        w.key("position_list");
        w.out.push('[');
        for (index, position) in line.positions.iter().enumerate() {
            w.separate(index);
            Self::position(order, line, position, w);
        }
        w.out.push_str("]}");
    }

    fn position(order: &WdtOrder, line: &WdtLine, position: &WdtPosition, w: &mut Writer) {
        w.out.push('{');
        w.number("rec_id", position.rec_id);
        w.number("position_id", position.rec_id / 3);
        w.text("position_no", &position.position_no);
        w.number("stockout_order_detail_id", line.rec_id);
        w.number("stockin_detail_id", position.rec_id / 2);
        w.number("stock_spec_detail_id", position.rec_id / 2);
        w.amount("num", position.count);
        w.amount("position_goods_count", position.count);
        w.number("batch_id", position.rec_id / 11);
        w.text("batch_no", &position.batch_no);
        w.amount("cost_price", "0.0000");
        w.time("modified", Some(order.modified));
        w.out.push('}');
    }
}

/// Appends fields to an object that is open at the end of `out`.
struct Writer {
    dialect: Dialect,
    out: String,
}

impl Writer {
    fn key(&mut self, name: &str) {
        if !self.out.is_empty() && !self.out.ends_with('{') {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
    }

    fn fixed(&mut self, fields: &str) {
        self.out.push(',');
        self.out.push_str(fields);
    }

    fn number(&mut self, name: &str, value: impl Display) {
        use std::fmt::Write as _;
        self.key(name);
        let _ = match self.dialect {
            Dialect::Numbers => write!(self.out, "{value}"),
            Dialect::Strings => write!(self.out, "\"{value}\""),
        };
    }

    /// Writes an amount or a count with WDT's four decimals.
    fn amount(&mut self, name: &str, value: impl Amount) {
        self.number(name, value.four_decimals());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        quote(value, &mut self.out);
    }

    fn time(&mut self, name: &str, time: Option<BeijingTime>) {
        use std::fmt::Write as _;
        self.key(name);
        let _ = match time {
            Some(time) => write!(self.out, "\"{time}\""),
            None => write!(self.out, "\"0000-00-00 00:00:00\""),
        };
    }

    fn numbers(&mut self, names: &str, value: &str) {
        for name in names.split_whitespace() {
            self.number(name, value);
        }
    }

    fn texts(&mut self, names: &str) {
        for name in names.split_whitespace() {
            self.text(name, "");
        }
    }
}

/// A value that is written with four decimals.
trait Amount {
    fn four_decimals(self) -> impl Display;
}

impl Amount for dougong_values::Money {
    fn four_decimals(self) -> impl Display {
        FourDecimals(self.decimal())
    }
}

impl Amount for dougong_values::Quantity {
    fn four_decimals(self) -> impl Display {
        FourDecimals(self.decimal())
    }
}

impl Amount for &'static str {
    fn four_decimals(self) -> impl Display {
        self
    }
}

struct FourDecimals(rust_decimal::Decimal);

impl Display for FourDecimals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4}", self.0)
    }
}

fn quote(text: &str, out: &mut String) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dougong_wdt::Stockout;

    const SEED_RESPONSE_FIELDS: &str =
        include_str!("../../../../shared/wdt/tests/payloads/seed_response_fields.txt");

    #[test]
    fn every_response_field_of_the_scheme_is_sent_in_both_dialects() {
        let day = "2024-11-11".parse().unwrap();
        let orders = crate::day::orders(1, 300, day);
        let with_positions = orders
            .iter()
            .find(|order| !order.lines[0].positions.is_empty())
            .expect("an order with positions");
        for dialect in [Dialect::Numbers, Dialect::Strings] {
            let mut row = String::new();
            Renderer::new(dialect, Some("canary")).order(with_positions, &mut row);
            let value: serde_json::Value = serde_json::from_str(&row).unwrap();
            for path in SEED_RESPONSE_FIELDS.lines() {
                let pointer = format!("/{}", path.replace("_list.", "_list/0/"));
                assert!(value.pointer(&pointer).is_some(), "{path} is not sent");
            }
        }
    }

    #[test]
    fn both_dialects_tell_the_same_stockout_to_the_client() {
        let day = "2024-11-11".parse().unwrap();
        for order in crate::day::orders(2, 200, day) {
            let [numbers, strings] = [Dialect::Numbers, Dialect::Strings].map(|dialect| {
                let mut row = String::new();
                Renderer::new(dialect, None).order(&order, &mut row);
                Stockout::from_json(&row).unwrap()
            });
            assert_eq!(numbers.version(), strings.version());
            assert_eq!(numbers.share_total(), order.share_total());
            assert_eq!(numbers.receivable, Some(order.receivable));
            assert_eq!(numbers.details.len(), order.lines.len());
            assert_eq!(numbers.modified, Some(order.modified));
        }
    }
}
