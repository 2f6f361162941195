//! Bills as the platform writes them: the tables' words or the examples', a bill at a time.

use std::fmt::Display;

use serde_json::Value;

use super::bill::{BillKind, Dialect, Place, StoreBill, StoreLine, StorePayment};

/// Writes a bill.
pub(super) fn bill(bill: &StoreBill) -> String {
    if let Some(raw) = &bill.raw {
        return raw.clone();
    }
    let mut out = Object::default();
    match bill.kind {
        BillKind::Declare => declare(bill, &mut out),
        BillKind::Receipt => receipt(bill, &mut out),
        BillKind::Return => goods_back(bill, &mut out),
        BillKind::Outbound => outbound(bill, &mut out),
        BillKind::Sale => sale(bill, &mut out),
    }
    out.verbatim(&bill.extra);
    out.end()
}

fn declare(bill: &StoreBill, out: &mut Object) {
    out.text("billno", &bill.number);
    times(bill, out);
    match bill.dialect {
        Dialect::Table => {
            place(out, &bill.from, ["extdeliverywhid", "deliverywhid", "deliverywhcode", "deliverywhname"]);
            place(out, &bill.to, ["extstoreuid", "storeuid", "storecode", "storename"]);
        }
        Dialect::Example => places(bill, out),
    }
    totals(bill, out);
    out.text(remark_key(bill.dialect), &bill.remark);
    out.list("billitems", bill.lines.iter().map(|line| item(bill, line, Shown::AdditionalUnits)));
    out.list("payitems", bill.payments.iter().map(|one| payment(one, Shown::Plain)));
}

fn receipt(bill: &StoreBill, out: &mut Object) {
    out.text_if_any("tbillno", &bill.third_party_no);
    out.text_if_any("stobillno", &bill.source_no);
    match bill.dialect {
        Dialect::Table => {
            out.text("billno", &bill.number);
            times(bill, out);
            // The table names this key twice: the warehouse of a third system first, as a string.
            place(out, &bill.from, ["outstoreuid", "outstoreuid", "outstorecode", "outstorename"]);
            place(out, &bill.to, ["extinstoreuid", "instoreuid", "instorecode", "instorename"]);
        }
        Dialect::Example => {
            out.text("rdate", &format!("{} ", bill.day));
            out.text("billingdate", &bill.created_at.to_string());
            places(bill, out);
            out.text("remark", "");
            out.text("billno", &bill.number);
            out.text("refertime", &bill.submitted_at.to_string());
        }
    }
    totals(bill, out);
    out.text(remark_key(bill.dialect), &bill.remark);
    out.list("billitems", bill.lines.iter().map(|line| item(bill, line, Shown::Plain)));
}

fn goods_back(bill: &StoreBill, out: &mut Object) {
    out.text("billno", &bill.number);
    times(bill, out);
    match bill.dialect {
        Dialect::Table => {
            place(out, &bill.from, ["extoutstoreuid", "outstoreuid", "outstorecode", "outstorename"]);
            place(out, &bill.to, ["extinstoreuid", "instoreuid", "instorecode", "instorename"]);
        }
        Dialect::Example => {
            places(bill, out);
            out.text("remark", "");
        }
    }
    totals(bill, out);
    out.text(remark_key(bill.dialect), &bill.remark);
    let shown = match bill.dialect {
        Dialect::Table => Shown::Plain,
        Dialect::Example => Shown::AdditionalUnits,
    };
    out.list("billitems", bill.lines.iter().map(|line| item(bill, line, shown)));
}

fn outbound(bill: &StoreBill, out: &mut Object) {
    let (quantity, amount) = claimed(bill);
    out.text("billno", &bill.number);
    out.plain("buid", bill.uid);
    out.text("rdate", &bill.day.to_string());
    match bill.dialect {
        Dialect::Table => {
            out.text("billingdate", &bill.created_at.to_string());
            out.plain("amount", quantity);
            out.plain("dealtotal", amount);
        }
        Dialect::Example => {
            out.text("cdate", &bill.created_at.to_string());
            out.plain("tnum", quantity);
        }
    }
    out.text("cname", &bill.creator);
    out.plain("shopid", bill.to.uid);
    out.text("shopname", &bill.to.name);
    out.plain("storeid", bill.from.uid);
    out.text("storename", &bill.from.name);
    if bill.dialect == Dialect::Table {
        out.text("remarks", &bill.remark);
    }
    let lines = bill.lines.iter().map(|line| product(bill, line, Shown::AdditionalUnits));
    out.list("billnoproductsitems", lines);
}

fn sale(bill: &StoreBill, out: &mut Object) {
    let (quantity, amount) = claimed(bill);
    out.text("billno", &bill.number);
    out.plain("buid", bill.uid);
    out.text("rdate", &bill.day.to_string());
    let (payments, shown) = match bill.dialect {
        Dialect::Table => {
            out.text("billingdate", &bill.created_at.to_string());
            out.plain("storeuid", bill.to.uid);
            out.text("storecode", &bill.to.code);
            out.text("storename", &bill.to.name);
            out.plain("amounttotal", quantity);
            out.plain("dealtotal", amount);
            out.text("cname", &bill.creator);
            out.text("remarks", &bill.remark);
            ("billnopyaitems", Shown::Plain)
        }
        Dialect::Example => {
            out.text("cdate", &bill.created_at.to_string());
            out.plain("tnum", quantity);
            out.text("cname", &bill.creator);
            out.plain("shopid", bill.to.uid);
            out.text("shopname", &bill.to.name);
            ("billnoPayitems", Shown::Discounts)
        }
    };
    out.list("billnoproductsitems", bill.lines.iter().map(|line| product(bill, line, Shown::Plain)));
    out.list(payments, bill.payments.iter().map(|one| payment(one, shown)));
}

/// What is shown beside the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Plain,
    AdditionalUnits,
    Discounts,
}

fn times(bill: &StoreBill, out: &mut Object) {
    out.text("rdate", &bill.day.to_string());
    out.text("billingdate", &bill.created_at.to_string());
    out.text("refertime", &bill.submitted_at.to_string());
}

fn places(bill: &StoreBill, out: &mut Object) {
    for (prefix, place) in [("out", &bill.from), ("in", &bill.to)] {
        out.text_if_any(&format!("ext{prefix}storeuid"), &place.external_id);
        out.plain(&format!("{prefix}storeuid"), place.uid);
        out.text(&format!("{prefix}storecode"), &place.code);
        out.text(&format!("{prefix}storename"), &place.name);
    }
}

fn place(out: &mut Object, place: &Place, [external, uid, code, name]: [&str; 4]) {
    out.text_if_any(external, &place.external_id);
    out.plain(uid, place.uid);
    out.text(code, &place.code);
    out.text(name, &place.name);
}

fn claimed(bill: &StoreBill) -> (dougong_values::Quantity, dougong_values::Money) {
    bill.claimed.unwrap_or_else(|| (bill.quantity_total(), bill.amount_total()))
}

fn totals(bill: &StoreBill, out: &mut Object) {
    let (quantity, amount) = claimed(bill);
    out.plain("amounttotal", quantity);
    out.plain("dealtotal", format_args!("{amount:.2}"));
}

const fn remark_key(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Table => "remarks",
        Dialect::Example => "reamrks",
    }
}

/// A line of the kinds that are pushed.
fn item(bill: &StoreBill, line: &StoreLine, shown: Shown) -> String {
    let mut out = Object::default();
    if bill.dialect == Dialect::Table {
        out.text_if_any("extproduid", &line.external_product_id);
    }
    out.plain("produid", line.product_uid);
    out.text("prodcode", &line.product_code);
    out.text("prodname", &line.product_name);
    out.text("unit", &line.unit);
    out.plain("dealpri", line.price);
    out.plain("amount", line.quantity);
    out.plain("trademoney", format_args!("{:.2}", line.amount));
    if shown == Shown::AdditionalUnits {
        out.text("additionalunit", &line.additional_unit);
        out.plain("additionalunit_amount", line.additional_quantity);
    }
    out.text("remark", &line.remark);
    out.end()
}

/// A line of the kinds that are asked for.
fn product(bill: &StoreBill, line: &StoreLine, shown: Shown) -> String {
    let mut out = Object::default();
    out.plain("ibiuid", line.uid);
    out.plain("produid", line.product_uid);
    if bill.dialect == Dialect::Table {
        out.text("prodcode", &line.product_code);
    }
    out.text("prodname", &line.product_name);
    out.text("unit", &line.unit);
    out.text("standard", "1*1");
    out.plain("amount", line.quantity);
    out.plain("dealpri", line.price);
    out.plain("trademoney", line.amount);
    if shown == Shown::AdditionalUnits {
        out.plain("additionalunit_amount", line.additional_quantity);
    }
    out.end()
}

fn payment(payment: &StorePayment, shown: Shown) -> String {
    let mut out = Object::default();
    out.text("paycode", &payment.code);
    out.text("payname", &payment.name);
    if shown == Shown::Discounts {
        out.plain("discsum", 0);
        out.plain("ordersum", payment.amount);
    }
    out.plain("paymoney", payment.amount);
    out.end()
}

/// A JSON object while it is written. A key may come twice, and numbers keep their digits.
#[derive(Default)]
pub(super) struct Object(String);

impl Object {
    fn key(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.0.push_str(&Value::from(value).to_string());
    }

    pub(super) fn text_if_any(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.text(name, value);
        }
    }

    /// Writes a number, or JSON, as it is.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        use std::fmt::Write as _;
        self.key(name);
        let _ = write!(self.0, "{value}");
    }

    pub(super) fn list(&mut self, name: &str, values: impl Iterator<Item = String>) {
        let values: Vec<String> = values.collect();
        self.plain(name, format_args!("[{}]", values.join(",")));
    }

    /// Writes members that are JSON already.
    pub(super) fn verbatim(&mut self, members: &str) {
        if !members.is_empty() {
            self.0.push(if self.0.is_empty() { '{' } else { ',' });
            self.0.push_str(members);
        }
    }

    pub(super) fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}
