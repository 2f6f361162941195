//! The business content of a bill as one canonical text, to tell a changed bill from one that is sent again.

use std::fmt::{Display, Write as _};

use super::{Bill, BillLine, Party, Payment};

/// Writes the business content: fields in a fixed order, decimals by value, lines and payments sorted.
pub(super) fn canonical(bill: &Bill) -> String {
    let mut text = Canonical(String::with_capacity(256 + 128 * bill.lines.len()));
    text.field("kind", Some(&bill.kind));
    text.field("number", bill.number.as_ref());
    text.field("buid", bill.buid.as_ref());
    text.field("third_party_no", bill.third_party_no.as_ref());
    text.field("source_no", bill.source_no.as_ref());
    text.field("day", bill.day().as_ref());
    text.field("business_id", bill.business_id.as_ref());
    text.party("from", &bill.from);
    text.party("to", &bill.to);
    text.field("quantity_total", bill.quantity_total.as_ref());
    text.field("amount_total", bill.amount_total.as_ref());
    text.parts(bill.lines.iter().map(line).collect());
    text.parts(bill.payments.iter().map(payment).collect());
    text.0
}

fn line(line: &BillLine) -> String {
    let mut text = Canonical(String::with_capacity(128));
    text.field("line", line.id.as_ref());
    text.field("product_id", line.product_id.as_ref());
    text.field("product_code", line.product_code.as_ref());
    text.field("external_product_id", line.external_product_id.as_ref());
    text.field("unit", line.unit.as_ref());
    text.field("quantity", Some(&line.quantity));
    text.field("price", line.price.as_ref());
    text.field("amount", line.amount.as_ref());
    text.0
}

fn payment(payment: &Payment) -> String {
    let mut text = Canonical(String::with_capacity(64));
    // The name stands in where there is no code (S17), and only there.
    let named = payment.name.as_ref().filter(|_| payment.code.is_none());
    text.field("payment", payment.code.as_ref());
    text.field("name", named);
    text.field("amount", Some(&payment.amount));
    text.field("discount", payment.discount.as_ref());
    text.field("owed", payment.owed.as_ref());
    text.0
}

struct Canonical(String);

impl Canonical {
    /// Writes `name=length:value;`. The length keeps a value from imitating the next field, and an absent value
    /// is not an empty one.
    fn field(&mut self, name: &str, value: Option<&impl Display>) {
        if let Some(value) = value.map(ToString::to_string) {
            let _ = write!(self.0, "{name}={}:{value};", value.len());
        }
    }

    fn party(&mut self, role: &str, party: &Party) {
        let Party { id, code, name, external_id } = party;
        // The name stands in where there is nothing else, and only there.
        let named = name.as_ref().filter(|_| id.is_none() && code.is_none());
        for (part, value) in [
            ("id", id.as_ref()),
            ("code", code.as_ref()),
            ("name", named),
            ("external_id", external_id.as_ref()),
        ] {
            self.field(&format!("{role}.{part}"), value);
        }
    }

    fn parts(&mut self, mut parts: Vec<String>) {
        parts.sort_unstable();
        for part in parts {
            let _ = write!(self.0, "{}:{part};", part.len());
        }
    }
}
