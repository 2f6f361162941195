//! The business content of a bill as one canonical text, to tell a changed bill from one that is sent again.

use std::fmt::{Display, Write as _};

use dougong_values::{Money, Quantity};

use super::{Bill, BillKind, BillLine, Party, Payment};

/// Writes the business content: fields in a fixed order, decimals by value, lines and payments sorted.
///
/// What a dialect leaves out must not matter where it says nothing new: a header's total is part of the content
/// only where it contradicts the lines, and in the kinds whose examples have no codes an id stands for its code.
pub(super) fn canonical(bill: &Bill) -> String {
    let codes = match bill.kind {
        BillKind::Declare | BillKind::Receipt | BillKind::Return => Codes::Always,
        BillKind::Outbound | BillKind::Sale => Codes::WithoutId,
    };
    let quantities: Quantity = bill.lines.iter().map(|line| line.quantity).sum();
    let amounts: Option<Money> = bill.lines.iter().map(|line| line.amount).sum();
    let mut text = Canonical { text: String::with_capacity(256 + 128 * bill.lines.len()), codes };
    text.field("kind", Some(&bill.kind));
    text.field("number", bill.number.as_ref());
    text.field("buid", bill.buid.as_ref());
    text.field("third_party_no", bill.third_party_no.as_ref());
    text.field("source_no", bill.source_no.as_ref());
    text.field("day", bill.day().as_ref());
    text.field("business_id", bill.business_id.as_ref());
    text.party("from", &bill.from);
    text.party("to", &bill.to);
    text.field("quantity_total", bill.quantity_total.filter(|total| *total != quantities).as_ref());
    text.field("amount_total", bill.amount_total.filter(|total| Some(*total) != amounts).as_ref());
    text.parts(bill.lines.iter().map(|line| text.line(line)).collect());
    text.parts(bill.payments.iter().map(|payment| text.payment(payment)).collect());
    text.text
}

/// When a code is part of the content beside the id it belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Codes {
    Always,
    WithoutId,
}

struct Canonical {
    text: String,
    codes: Codes,
}

impl Canonical {
    /// Writes `name=length:value;`. The length keeps a value from imitating the next field, and an absent value
    /// is not an empty one.
    fn field(&mut self, name: &str, value: Option<&impl Display>) {
        if let Some(value) = value.map(ToString::to_string) {
            let _ = write!(self.text, "{name}={}:{value};", value.len());
        }
    }

    fn part(&self) -> Self {
        Self { text: String::with_capacity(128), codes: self.codes }
    }

    fn code<'c>(&self, id: Option<&String>, code: Option<&'c String>) -> Option<&'c String> {
        code.filter(|_| self.codes == Codes::Always || id.is_none())
    }

    fn line(&self, line: &BillLine) -> String {
        let mut text = self.part();
        let code = self.code(line.product_id.as_ref(), line.product_code.as_ref());
        text.field("line", line.id.as_ref());
        text.field("product_id", line.product_id.as_ref());
        text.field("product_code", code);
        text.field("external_product_id", line.external_product_id.as_ref());
        text.field("unit", line.unit.as_ref());
        text.field("quantity", Some(&line.quantity));
        text.field("price", line.price.as_ref());
        text.field("amount", line.amount.as_ref());
        text.text
    }

    /// What was paid, and how; what was taken off before, examples tell and tables do not.
    fn payment(&self, payment: &Payment) -> String {
        let mut text = self.part();
        // The name stands in where there is no code (S17), and only there.
        let named = payment.name.as_ref().filter(|_| payment.code.is_none());
        text.field("payment", payment.code.as_ref());
        text.field("name", named);
        text.field("amount", Some(&payment.amount));
        text.text
    }

    fn party(&mut self, role: &str, party: &Party) {
        let Party { id, code, name, external_id } = party;
        let code = self.code(id.as_ref(), code.as_ref());
        // The name stands in where there is nothing else, and only there.
        let named = name.as_ref().filter(|_| id.is_none() && code.is_none());
        for (part, value) in
            [("id", id.as_ref()), ("code", code), ("name", named), ("external_id", external_id.as_ref())]
        {
            self.field(&format!("{role}.{part}"), value);
        }
    }

    fn parts(&mut self, mut parts: Vec<String>) {
        parts.sort_unstable();
        for part in parts {
            let _ = write!(self.text, "{}:{part};", part.len());
        }
    }
}
