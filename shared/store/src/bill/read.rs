//! Reading a bill: tolerant about spelling, strict about meaning.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use dougong_values::{BeijingTime, Money, Quantity, mask};

use super::names::{self, Header, Names, PartyNames};
use super::{Bill, BillKind, BillLine, FieldProblem, Party, Payment, Reading, UnreadableBill};
use crate::json::{self, Form, Found, Object};
use crate::scalar::{self, Exact};
use crate::warning::{Warning, WarningName, Warnings};

/// The largest bill that is read, in bytes.
const LARGEST: usize = 4 << 20;
/// The most lines, and the most payments, a bill may have.
const MOST_LINES: usize = 10_000;
/// The most problems that are told of one bill.
const MOST_PROBLEMS: usize = 50;
/// The longest number, id or code, in characters.
const LONGEST_ID: usize = 80;

/// Reads a bill, or tells everything that is wrong with it.
pub(super) fn read(kind: BillKind, json: &str) -> Result<Reading, UnreadableBill> {
    let json = json.trim().trim_start_matches('\u{feff}');
    let mut reader = Reader::default();
    let bill = match object(json) {
        Ok(object) => reader.bill(kind, json, &Part { object, path: String::new() }),
        Err(message) => {
            let problem = FieldProblem { path: String::new(), message };
            return Err(UnreadableBill { kind, number: None, key: None, problems: vec![problem] });
        }
    };
    if reader.problems.is_empty() {
        mismatches_into(&bill, &mut reader.warnings);
        Ok(Reading { bill, warnings: reader.warnings.into_vec() })
    } else {
        let left_out = reader.problems.len().saturating_sub(MOST_PROBLEMS);
        reader.problems.truncate(MOST_PROBLEMS);
        if left_out > 0 {
            reader.problem(String::new(), format!("and {left_out} more problems"));
        }
        let named = bill.number.is_some() || bill.buid.is_some();
        let key = named.then(|| bill.key());
        Err(UnreadableBill { kind, number: bill.number, key, problems: reader.problems })
    }
}

fn object(json: &str) -> Result<Object<'_>, String> {
    if json.len() > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes"));
    }
    if json::is_too_deep(json) {
        return Err("nests deeper than any bill does".to_owned());
    }
    Object::read(json)
}

/// An object and its place in the bill, such as `billitems[0].`.
struct Part<'a> {
    object: Object<'a>,
    path: String,
}

impl Part<'_> {
    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

/// Whether a field that cannot be read refuses the bill, or is left out with a warning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Decisive,
    Minor,
}

#[derive(Default)]
struct Reader {
    warnings: Warnings,
    problems: Vec<FieldProblem>,
    /// The fields of the part being read, under every name they go by.
    fields: BTreeMap<String, String>,
}

impl Reader {
    fn problem(&mut self, path: String, message: impl Into<String>) {
        self.problems.push(FieldProblem { path, message: message.into() });
    }

    fn warn(&mut self, name: WarningName, path: &str, detail: impl FnOnce() -> String) {
        self.warnings.add(name, path, detail);
    }

    fn bill(&mut self, kind: BillKind, json: &str, head: &Part<'_>) -> Bill {
        let names = names::header(kind);
        let number = self.id(head, names::NUMBER);
        let buid = self.id(head, names::BUID);
        let from = self.party(head, &names.from);
        let to = self.party(head, &names.to);
        let mut bill = Bill {
            kind,
            number,
            buid,
            third_party_no: self.id(head, names::THIRD_PARTY_NO),
            source_no: self.id(head, names.source_no),
            business_date: self.time(head, names::BUSINESS_DATE, Weight::Decisive).map(BeijingTime::day),
            created_at: self.time(head, names::CREATED_AT, Weight::Minor),
            submitted_at: self.time(head, names::SUBMITTED_AT, Weight::Minor),
            creator: self.text(head, names::CREATOR),
            business_id: self.id(head, names::BUSINESS_ID),
            from,
            to,
            quantity_total: self.decimal(head, names.quantity_total, Weight::Minor),
            amount_total: self.decimal(head, names::AMOUNT_TOTAL, Weight::Minor),
            remark: self.remark(head, names::HEADER_REMARK),
            lines: Vec::new(),
            payments: Vec::new(),
            extra: BTreeMap::new(),
            fields: BTreeMap::new(),
            json: Arc::from(json),
        };
        self.missing(head, names.required);
        bill.fields = std::mem::take(&mut self.fields);
        if says_nothing(head, "billno") && says_nothing(head, "buid") {
            self.problem("billno".to_owned(), "is missing or empty, and so is buid");
        }

        let lines = self.list(head, names.lines);
        bill.lines = lines.iter().filter_map(|(path, json)| self.line(&names, path, json)).collect();
        if lines.is_empty() {
            self.problem(
                names.lines.first().map_or_else(String::new, |name| head.at(name)),
                "there is no line",
            );
        }
        let payments = self.list(head, names.payments);
        bill.payments = payments.iter().filter_map(|(path, json)| self.payment(path, json)).collect();
        bill.extra = self.unknown(head, &mut bill.fields);
        bill
    }

    fn party(&mut self, head: &Part<'_>, names: &PartyNames) -> Party {
        let external_id = self.id(head, names.external_id);
        Party {
            // The table of the differences has the warehouse's id twice: the text is the third party's (N5).
            external_id: external_id.or_else(|| repeated_text(head, names.id)),
            id: self.id(head, names.id),
            code: self.id(head, names.code),
            name: self.text(head, names.name),
        }
    }

    fn line(&mut self, names: &Header, path: &str, json: &str) -> Option<BillLine> {
        let part = self.part(path, json)?;
        let goods =
            [self.id(&part, &["produid"]), self.id(&part, &["prodcode"]), self.id(&part, &["extproduid"])];
        let quantity = self.decimal(&part, &["amount"], Weight::Decisive);
        if goods.iter().all(Option::is_none) {
            self.problem(part.at("prodcode"), "is missing or empty, and so are the goods' ids");
        }
        if says_nothing(&part, "amount") {
            self.problem(part.at("amount"), "is missing or empty: a line needs a quantity");
        }
        let [product_id, product_code, external_product_id] = goods;
        let line = BillLine {
            id: self.id(&part, &["ibiuid"]),
            product_id,
            product_code,
            external_product_id,
            product_name: self.text(&part, &["prodname"]),
            unit: self.text(&part, &["unit"]),
            price: self.decimal(&part, &["dealpri"], Weight::Decisive),
            // A placeholder never leaves this file: its absence is a problem, and problems refuse the bill.
            quantity: quantity.unwrap_or(Quantity::ZERO),
            amount: self.decimal(&part, &["trademoney"], Weight::Decisive),
            additional_unit: self.text(&part, names::ADDITIONAL_UNIT),
            additional_quantity: self.decimal(&part, &["additionalunit_amount"], Weight::Minor),
            remark: self.remark(&part, names::LINE_REMARK),
            standard: self.text(&part, &["standard"]),
            extra: BTreeMap::new(),
            fields: BTreeMap::new(),
        };
        self.missing(&part, names.required_in_lines);
        let mut fields = std::mem::take(&mut self.fields);
        let extra = self.unknown(&part, &mut fields);
        Some(BillLine { extra, fields, ..line })
    }

    fn payment(&mut self, path: &str, json: &str) -> Option<Payment> {
        let part = self.part(path, json)?;
        let (code, name) = (self.id(&part, &["paycode"]), self.text(&part, &["payname"]));
        let amount = self.decimal(&part, &["paymoney"], Weight::Decisive);
        if says_nothing(&part, "paymoney") {
            self.problem(part.at("paymoney"), "is missing or empty: a payment needs an amount");
        }
        let discount = self.decimal(&part, &["discsum"], Weight::Minor);
        let owed = self.decimal(&part, &["ordersum"], Weight::Minor);
        self.missing(&part, names::REQUIRED_IN_PAYMENTS);
        let mut fields = std::mem::take(&mut self.fields);
        self.unknown(&part, &mut fields);
        Some(Payment { code, name, amount: amount.unwrap_or(Money::ZERO), discount, owed })
    }

    fn part<'a>(&mut self, path: &str, json: &'a str) -> Option<Part<'a>> {
        match Object::read(json) {
            Ok(object) => Some(Part { object, path: format!("{path}.") }),
            Err(message) => {
                self.problem(path.to_owned(), message);
                None
            }
        }
    }

    /// Picks the value of a field among its names: the first that says something.
    fn pick<'o, 'a>(&mut self, part: &'o Part<'a>, names: Names) -> Option<Found<'o, 'a>> {
        let saying = |found: &Found<'_, '_>| !json::is_blank(found.json);
        let all: Vec<(&str, Found<'o, 'a>)> =
            names.iter().filter_map(|name| Some((*name, part.object.get(name)?))).collect();
        let (name, chosen) = *all.iter().find(|(_, found)| saying(found))?;
        let documented = names.first().copied().unwrap_or(name);
        let path = part.at(chosen.written);

        if chosen.written != documented {
            self.warn(WarningName::OtherName, &path, || format!("read as {documented}"));
        }
        if chosen.all.len() > 1 {
            self.warn(WarningName::DuplicateKey, &path, || {
                let rule = if json::form(chosen.json) == Form::Number { "last number" } else { "last value" };
                format!("came {} times; the {rule} counts", chosen.all.len())
            });
        }
        for (_, other) in all.iter().filter(|(other, found)| *other != name && saying(found)) {
            if !scalar::same(chosen.json, other.json) {
                self.warn(WarningName::AliasConflict, &part.at(other.written), || {
                    format!("differs from {}, which counts", chosen.written)
                });
            }
        }
        Some(chosen)
    }

    /// Reads a text whose absence nothing depends on.
    fn text(&mut self, part: &Part<'_>, names: Names) -> Option<String> {
        let found = self.pick(part, names)?;
        self.trimmed(part, names, found, Weight::Minor)
    }

    /// Reads a number, id or code: a text that keeps its zeros.
    fn id(&mut self, part: &Part<'_>, names: Names) -> Option<String> {
        let found = self.pick(part, names)?;
        let id = self.trimmed(part, names, found, Weight::Decisive)?;
        if id.chars().count() > LONGEST_ID {
            self.problem(part.at(found.written), format!("is longer than {LONGEST_ID} characters"));
            return None;
        }
        if id.chars().any(char::is_control) {
            self.problem(part.at(found.written), "contains line breaks or other control characters");
            return None;
        }
        Some(id)
    }

    fn trimmed(
        &mut self,
        part: &Part<'_>,
        names: Names,
        found: Found<'_, '_>,
        weight: Weight,
    ) -> Option<String> {
        let path = part.at(found.written);
        let form = json::form(found.json);
        let Some(text) = json::scalar(found.json).filter(|_| form != Form::Bool) else {
            self.unreadable(path, weight, format!("is {}, not a text", form.name()));
            return None;
        };
        let documented_as_number =
            names.first().is_some_and(|name| name.ends_with("uid") || name.ends_with("id"));
        if form == Form::Number && !documented_as_number {
            self.warn(WarningName::UnquotedText, &path, || "a number where a text is documented".to_owned());
        }
        let trimmed = text.trim();
        if trimmed.len() != text.len() {
            self.warn(WarningName::OuterBlanks, &path, || "the blanks around it were dropped".to_owned());
        }
        for name in names {
            self.fields.insert((*name).to_owned(), trimmed.to_owned());
        }
        Some(trimmed.to_owned())
    }

    fn unreadable(&mut self, path: String, weight: Weight, message: String) {
        match weight {
            Weight::Decisive => self.problem(path, message),
            Weight::Minor => {
                self.warn(WarningName::UnreadableValue, &path, || format!("{message}; left out"));
            }
        }
    }

    /// Reads an exact decimal.
    fn decimal<T: Exact>(&mut self, part: &Part<'_>, names: Names, weight: Weight) -> Option<T> {
        let found = self.pick(part, names)?;
        let path = part.at(found.written);
        let form = json::form(found.json);
        let text = json::scalar(found.json).filter(|_| matches!(form, Form::Number | Form::Text));
        let Some(text) = text else {
            self.unreadable(path, weight, format!("is {}, not a number", form.name()));
            return None;
        };
        if form == Form::Text {
            self.warn(WarningName::QuotedNumber, &path, || "a text where a number is documented".to_owned());
        }
        let trimmed = text.trim();
        if trimmed.len() != text.len() {
            self.warn(WarningName::OuterBlanks, &path, || "the blanks around it were dropped".to_owned());
        }
        for name in names {
            self.fields.insert((*name).to_owned(), trimmed.to_owned());
        }
        match scalar::decimal(trimmed) {
            Ok(number) => Some(number),
            Err(message) => {
                self.unreadable(path, weight, message);
                None
            }
        }
    }

    /// Reads a date or a time; the zero date is none.
    fn time(&mut self, part: &Part<'_>, names: Names, weight: Weight) -> Option<BeijingTime> {
        let found = self.pick(part, names)?;
        let text = self.trimmed(part, names, found, weight)?;
        let path = part.at(found.written);
        let is_date = names == names::BUSINESS_DATE;
        match scalar::time(&text, is_date) {
            Ok(read) => {
                if !read.as_documented {
                    let written = text.clone();
                    self.warn(WarningName::TimeForm, &path, || match read.time {
                        Some(time) => format!("{written:?} was read as {time}"),
                        None => format!("{written:?} was read as no time"),
                    });
                }
                read.time
            }
            Err(message) => {
                self.unreadable(path, weight, message);
                None
            }
        }
    }

    /// Reads the remark, which goes by several names, sometimes at once (N3, N4).
    fn remark(&mut self, part: &Part<'_>, names: Names) -> Option<String> {
        let mut texts: Vec<String> = Vec::new();
        for name in names {
            let Some(found) = part.object.get(name).filter(|found| !json::is_blank(found.json)) else {
                continue;
            };
            if Some(name) != names.first() || found.written != *name {
                let documented = names.first().copied().unwrap_or_default();
                self.warn(WarningName::OtherName, &part.at(found.written), || {
                    format!("read as {documented}")
                });
            }
            if found.all.len() > 1 {
                let count = found.all.len();
                self.warn(WarningName::DuplicateKey, &part.at(found.written), || {
                    format!("came {count} times; the last value counts")
                });
            }
            if let Some(text) = self.trimmed(part, names, found, Weight::Minor)
                && !texts.contains(&text)
            {
                texts.push(text);
            }
        }
        if let [first, .., last] = texts.as_slice() {
            self.warn(
                WarningName::JoinedRemarks,
                &part.at(names.first().copied().unwrap_or_default()),
                || format!("{} and {} were joined", mask(first), mask(last)),
            );
        }
        let joined = texts.join("; ");
        for name in names.iter().filter(|_| !joined.is_empty()) {
            self.fields.insert((*name).to_owned(), joined.clone());
        }
        (!joined.is_empty()).then_some(joined)
    }

    /// Reads a list whichever way it was written, with the path of each element.
    fn list<'a>(&mut self, part: &Part<'a>, names: Names) -> Vec<(String, Cow<'a, str>)> {
        // An empty list under one name must not hide a full one under another.
        let (mut read, mut counts) = (Vec::new(), None);
        for name in names {
            let Some(found) = part.object.get(name) else { continue };
            let path = part.at(found.written);
            let (elements, listed) = match json::list(found.json) {
                Ok(list) => list,
                Err(message) => {
                    self.problem(path, message);
                    continue;
                }
            };
            if let Some((name, detail)) = listed.tolerance() {
                self.warn(name, &path, || detail.to_owned());
            }
            if elements.is_empty() {
                continue;
            }
            if found.all.len() > 1 {
                let count = found.all.len();
                self.warn(WarningName::DuplicateKey, &path, || {
                    format!("came {count} times; the last value counts")
                });
            }
            if elements.len() > MOST_LINES {
                self.problem(path, format!("has {} elements, more than {MOST_LINES}", elements.len()));
                continue;
            }
            if let Some(first) = counts {
                if first != found.json {
                    self.problem(path, "is a second list of the same kind");
                }
                continue;
            }
            counts = Some(found.json);
            let documented = names.first().copied().unwrap_or(name);
            if found.written != documented {
                self.warn(WarningName::OtherName, &path, || format!("read as {documented}"));
            }
            let with_path = |(index, json)| (format!("{path}[{index}]"), json);
            read = elements.into_iter().enumerate().map(with_path).collect();
        }
        read
    }

    /// Warns about every field that the vendor's table requires and nobody sent under any of its names.
    fn missing(&mut self, part: &Part<'_>, required: Names) {
        for name in required {
            if !self.fields.contains_key(*name) {
                self.warn(WarningName::MissingField, &part.at(name), || {
                    "required by the vendor's table, but missing or empty".to_owned()
                });
            }
        }
    }

    /// Keeps what nobody asked for; a scalar of it can be asked for by its name.
    fn unknown(
        &mut self,
        part: &Part<'_>,
        fields: &mut BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut extra = BTreeMap::new();
        for (name, json) in part.object.unknown() {
            self.warn(WarningName::UnknownField, &part.at(name), || "kept as it is".to_owned());
            extra.insert(name.to_owned(), json.to_owned());
            if let Some(text) = json::scalar(json).filter(|_| !json::is_blank(json)) {
                fields.insert(name.trim().to_ascii_lowercase(), text.trim().to_owned());
            }
        }
        extra
    }
}

fn says_nothing(part: &Part<'_>, name: &str) -> bool {
    part.object.get(name).is_none_or(|found| json::is_blank(found.json))
}

/// Returns the text among the values of a repeated id that is a number otherwise (N5). The same value twice is
/// a repetition and nothing else.
fn repeated_text(part: &Part<'_>, names: Names) -> Option<String> {
    let found = names.contains(&names::REPEATED).then(|| part.object.get(names::REPEATED)).flatten()?;
    let numbers = |json: &&&str| json::form(json) == Form::Number;
    let texts = |json: &&&str| json::form(json) == Form::Text && !json::is_blank(json);
    let number = found.all.iter().rev().find(numbers)?;
    let text = found.all.iter().rev().find(texts).filter(|text| !scalar::same(text, number))?;
    json::scalar(text).map(|text| text.trim().to_owned())
}

/// Returns what does not add up in a bill.
pub(super) fn mismatches(bill: &Bill) -> Vec<Warning> {
    let mut warnings = Warnings::default();
    mismatches_into(bill, &mut warnings);
    warnings.into_vec()
}

fn mismatches_into(bill: &Bill, warnings: &mut Warnings) {
    let names = names::header(bill.kind);
    let path = |names: Names| names.first().copied().unwrap_or_default();
    let quantities: Quantity = bill.lines.iter().map(|line| line.quantity).sum();
    if let Some(total) = bill.quantity_total.filter(|total| *total != quantities) {
        warnings.add(WarningName::TotalMismatch, path(names.quantity_total), || {
            format!("{total}, but the lines' quantities sum up to {quantities}")
        });
    }
    let amounts: Option<Money> = bill.lines.iter().map(|line| line.amount).sum();
    if let (Some(total), Some(amounts)) = (bill.amount_total, amounts)
        && total != amounts
    {
        warnings.add(WarningName::TotalMismatch, path(names::AMOUNT_TOTAL), || {
            format!("{total}, but the lines' amounts sum up to {amounts}")
        });
    }
    let paid: Money = bill.payments.iter().map(|payment| payment.amount).sum();
    if let Some(total) = bill.amount_total.filter(|total| !bill.payments.is_empty() && *total != paid) {
        warnings.add(WarningName::PaymentMismatch, path(names.payments), || {
            format!("sum up to {paid}, but the bill's amount is {total}")
        });
    }
    for (index, line) in bill.lines.iter().enumerate() {
        if let (Some(price), Some(amount)) = (line.price, line.amount)
            && !scalar::is_product(price, line.quantity, amount)
        {
            let path = format!("{}[{index}].trademoney", path(names.lines));
            warnings.add(WarningName::LineMismatch, &path, || {
                format!("{amount}, but {} × {price} is something else", line.quantity)
            });
        }
    }
}
