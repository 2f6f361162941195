//! The document as formulas see it: the fields that they name, each of its own type, read once.

use std::sync::Arc;

use dougong_store::{Bill, BillLine, Payment};
use dougong_values::{BusinessDay, Quantity};
use dougong_wdt::{FieldText, Line, Stockout, is_personal};
use rhai::{Array, Dynamic, ImmutableString};

use super::catalogue::{self, Document, Kind, Part};
use super::engine::Fault;
use super::lexed::Words;

/// A document whose voucher formulas work on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    Stockout(&'a Stockout),
    Bill(&'a Bill),
}

impl Source<'_> {
    pub(crate) const fn document(&self) -> Document {
        match self {
            Self::Stockout(_) => Document::Stockout,
            Self::Bill(_) => Document::Bill,
        }
    }
}

/// Tells whether a part has a field by this name that the interface does not send: the lines under a short name, and
/// whether the voucher's line is the postage, which no line of the document stands for.
pub(crate) fn alias(part: Part, name: &str) -> Option<&'static str> {
    match (part, name) {
        (Part::Head, "lines") => Some("details_list"),
        (Part::Line, "is_postage") => Some("is_postage"),
        _ => None,
    }
}

/// The fields that the formulas of a scheme name, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    head: Fields,
    line: Fields,
    detail: Fields,
}

#[derive(Debug, Default)]
struct Fields {
    names: Vec<&'static str>,
    kinds: Vec<Kind>,
    /// Whether the list within is named.
    list: bool,
}

impl Wanted {
    /// Collects what formulas name; where a name is computed, every field but the personal ones.
    pub(crate) fn of(document: Document, words: &[Words]) -> Self {
        let mut wanted = Self::default();
        let computed = words.iter().any(|words| words.computed);
        let mut named: Vec<&str> = words
            .iter()
            .flat_map(|words| words.uses.iter().map(|field| &field.name).chain(&words.texts))
            .map(String::as_str)
            .collect();
        named.sort_unstable();
        named.dedup();
        for part in Part::ALL {
            let fields = wanted.part_mut(part);
            let all = catalogue::fields(document, part).filter(|_| computed);
            let literal = named.iter().filter_map(|name| catalogue::find(document, part, name));
            let mut found: Vec<(&'static str, Kind)> = all.chain(literal).collect();
            found.sort_unstable_by_key(|&(name, _)| name);
            found.dedup_by_key(|&mut (name, _)| name);
            fields.list = named.iter().any(|name| alias(part, name) == Some("details_list"));
            for (name, kind) in found {
                if kind == Kind::List {
                    fields.list = true;
                } else {
                    fields.names.push(name);
                    fields.kinds.push(kind);
                }
            }
        }
        wanted
    }

    fn part(&self, part: Part) -> &Fields {
        match part {
            Part::Head => &self.head,
            Part::Line => &self.line,
            Part::Detail => &self.detail,
        }
    }

    fn part_mut(&mut self, part: Part) -> &mut Fields {
        match part {
            Part::Head => &mut self.head,
            Part::Line => &mut self.line,
            Part::Detail => &mut self.detail,
        }
    }

    /// Reads the document and its lines.
    pub(crate) fn read(self: &Arc<Self>, source: &Source<'_>) -> (Doc, Vec<Doc>) {
        match source {
            Source::Stockout(stockout) => {
                let lines: Vec<Doc> = stockout.details.iter().map(|line| self.line(line)).collect();
                let texts = stockout.fields(&self.head.names);
                (self.doc(Part::Head, &texts, list(self.head.list, &lines)), lines)
            }
            Source::Bill(bill) => {
                let lines: Vec<Doc> = bill
                    .lines
                    .iter()
                    .map(|line| self.cells(Part::Line, None, |name| bill_line(line, name)))
                    .collect();
                let payments = bill.payments.iter().map(|payment| {
                    Dynamic::from(self.cells(Part::Detail, None, |name| bill_payment(payment, name)))
                });
                let both = self
                    .head
                    .list
                    .then(|| (list(true, &lines).unwrap_or_default(), payments.collect::<Array>().into()));
                let mut head = self.cells(Part::Head, None, |name| bill_head(bill, name));
                if let Some((lines, payments)) = both {
                    head = head.with(lines, Some(payments));
                }
                (head, lines)
            }
        }
    }

    /// The line of the document that a voucher's line without one has: every field of it is absent.
    pub(crate) fn nothing(self: &Arc<Self>) -> Doc {
        let mut doc = self.cells(Part::Line, None, |_| Dynamic::UNIT);
        if let Some(inner) = Arc::get_mut(&mut doc.0) {
            inner.is_nothing = true;
        }
        doc
    }

    fn line(self: &Arc<Self>, line: &Line) -> Doc {
        let places = self.line.list.then(|| {
            let place = |place: &dougong_wdt::Position| {
                Dynamic::from(self.doc(Part::Detail, &place.fields(&self.detail.names), None))
            };
            line.positions.iter().map(place).collect::<Array>().into()
        });
        self.doc(Part::Line, &line.fields(&self.line.names), places)
    }

    fn doc(self: &Arc<Self>, part: Part, texts: &[Option<FieldText<'_>>], list: Option<Dynamic>) -> Doc {
        let fields = self.part(part);
        let cells = texts.iter().zip(&fields.names).zip(&fields.kinds);
        let cells = cells.map(|((text, name), kind)| cell(name, *kind, text.as_ref())).collect();
        Doc(Arc::new(Inner {
            wanted: Arc::clone(self),
            part,
            cells,
            list,
            payments: None,
            is_nothing: false,
        }))
    }

    fn cells(self: &Arc<Self>, part: Part, list: Option<Dynamic>, value: impl Fn(&str) -> Dynamic) -> Doc {
        let cells = self.part(part).names.iter().map(|name| Ok(value(name))).collect();
        Doc(Arc::new(Inner {
            wanted: Arc::clone(self),
            part,
            cells,
            list,
            payments: None,
            is_nothing: false,
        }))
    }
}

fn list(wanted: bool, docs: &[Doc]) -> Option<Dynamic> {
    wanted.then(|| docs.iter().cloned().map(Dynamic::from).collect::<Array>().into())
}

/// A document or a part of it, as an expression holds it.
#[derive(Debug, Clone)]
pub(crate) struct Doc(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    wanted: Arc<Wanted>,
    part: Part,
    cells: Vec<Result<Dynamic, Fault>>,
    list: Option<Dynamic>,
    payments: Option<Dynamic>,
    is_nothing: bool,
}

impl Doc {
    fn with(self, list: Dynamic, payments: Option<Dynamic>) -> Self {
        let inner = Inner { list: Some(list), payments, ..(*self.0).clone() };
        Self(Arc::new(inner))
    }

    /// Where a name's value stands in each part.
    pub(crate) fn places(wanted: &Wanted, name: &str) -> Places {
        let place = |part| wanted.part(part).names.binary_search(&name).ok();
        Places(Part::ALL.map(place))
    }

    fn place(&self, places: Places) -> Option<usize> {
        match self.0.part {
            Part::Head => places.0[0],
            Part::Line => places.0[1],
            Part::Detail => places.0[2],
        }
    }

    /// Returns a field that could be read, by its place; none where [`Doc::at`] says what is wrong, or knows more.
    pub(crate) fn cell(&self, places: Places) -> Option<Dynamic> {
        self.0.cells.get(self.place(places)?)?.as_ref().ok().cloned()
    }

    /// Returns a field by its place; the fields of a postage line are all absent.
    pub(crate) fn at(&self, name: &str, places: Places) -> Result<Dynamic, Fault> {
        match self.place(places).and_then(|place| self.0.cells.get(place)) {
            Some(Ok(value)) => Ok(value.clone()),
            Some(Err(fault)) => Err(fault.clone()),
            None => self.other(name),
        }
    }

    /// Returns a field by its name.
    pub(crate) fn field(&self, name: &str) -> Result<Dynamic, Fault> {
        self.at(name, Self::places(&self.0.wanted, name))
    }

    fn other(&self, name: &str) -> Result<Dynamic, Fault> {
        let empty = || Dynamic::from(Array::new());
        match (self.0.part, name) {
            (Part::Head, "details_list" | "lines") | (Part::Line, "position_list") => {
                Ok(self.0.list.clone().unwrap_or_else(empty))
            }
            (Part::Head, "payments") => Ok(self.0.payments.clone().unwrap_or_else(empty)),
            (Part::Line, "is_postage") => Ok(self.0.is_nothing.into()),
            _ if is_personal(name) => {
                let hint = "personal data is read only where a formula names it: write `order.receiver_name`";
                Err(Fault::new("a personal field cannot be named by a computed name".to_owned(), Some(hint)))
            }
            (part, _) => {
                let whole = match part {
                    Part::Head => "the document",
                    Part::Line => "a line of the document",
                    Part::Detail => "this part of the document",
                };
                Err(Fault::new(format!("{whole} has no field `{name}`"), None))
            }
        }
    }
}

/// The places of a name's value: in the head, in a line, in a part of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places([Option<usize>; 3]);

/// Reads a field of WDT as its type.
fn cell(name: &str, kind: Kind, text: Option<&FieldText<'_>>) -> Result<Dynamic, Fault> {
    let Some(field) = text else { return Ok(Dynamic::UNIT) };
    let trimmed = field.as_str().trim();
    if trimmed.is_empty() {
        return Ok(Dynamic::UNIT);
    }
    let wrong = |what: &str| {
        Fault::new(format!("`{name}` of the document is {what}"), Some("look at the order in WDT"))
    };
    let number = || trimmed.parse::<Quantity>().map(Quantity::decimal);
    match kind {
        Kind::Text | Kind::List => Ok(ImmutableString::from(trimmed).into()),
        Kind::Number => number().map(Dynamic::from).map_err(|_| wrong("no decimal number")),
        Kind::Whole => {
            let whole = trimmed.parse().ok().or_else(|| {
                let number = number().ok()?;
                i64::try_from(number).ok().filter(|_| number.is_integer())
            });
            whole.map(Dynamic::from_int).ok_or_else(|| wrong("no whole number"))
        }
        Kind::Time => match field.time() {
            Ok(time) => Ok(time.map_or(Dynamic::UNIT, Dynamic::from)),
            Err(_) => Err(wrong("no time")),
        },
    }
}

fn some<T: Clone>(value: Option<&T>, read: impl Fn(&T) -> Dynamic) -> Dynamic {
    value.map_or(Dynamic::UNIT, read)
}

fn text(value: Option<&String>) -> Dynamic {
    some(value, |text| text.clone().into())
}

fn bill_head(bill: &Bill, name: &str) -> Dynamic {
    match name {
        "kind" => bill.kind.as_str().into(),
        "billno" => text(bill.number.as_ref()),
        "buid" => text(bill.buid.as_ref()),
        "third_party_no" => text(bill.third_party_no.as_ref()),
        "source_no" => text(bill.source_no.as_ref()),
        "business_id" => text(bill.business_id.as_ref()),
        "store_id" => text(bill.to.id.as_ref()),
        "store_code" => text(bill.to.code.as_ref()),
        "store_name" => text(bill.to.name.as_ref()),
        "store_external_id" => text(bill.to.external_id.as_ref()),
        "warehouse_id" => text(bill.from.id.as_ref()),
        "warehouse_code" => text(bill.from.code.as_ref()),
        "warehouse_name" => text(bill.from.name.as_ref()),
        "warehouse_external_id" => text(bill.from.external_id.as_ref()),
        "remark" => text(bill.remark.as_ref()),
        "quantity_total" => some(bill.quantity_total.as_ref(), |count| count.decimal().into()),
        "amount_total" => some(bill.amount_total.as_ref(), |amount| amount.decimal().into()),
        "business_date" => bill.day().map_or(Dynamic::UNIT, |day: BusinessDay| Dynamic::from(day.start())),
        "created_at" => bill.created_at.map_or(Dynamic::UNIT, Dynamic::from),
        "submitted_at" => bill.submitted_at.map_or(Dynamic::UNIT, Dynamic::from),
        _ => Dynamic::UNIT,
    }
}

fn bill_line(line: &BillLine, name: &str) -> Dynamic {
    match name {
        "line_id" => text(line.id.as_ref()),
        "product_id" => text(line.product_id.as_ref()),
        "product_code" => text(line.product_code.as_ref()),
        "external_product_id" => text(line.external_product_id.as_ref()),
        "product_name" => text(line.product_name.as_ref()),
        "unit" => text(line.unit.as_ref()),
        "additional_unit" => text(line.additional_unit.as_ref()),
        "remark" => text(line.remark.as_ref()),
        "standard" => text(line.standard.as_ref()),
        "price" => some(line.price.as_ref(), |price| price.decimal().into()),
        "quantity" => line.quantity.decimal().into(),
        "amount" => some(line.amount.as_ref(), |amount| amount.decimal().into()),
        "additional_quantity" => some(line.additional_quantity.as_ref(), |count| count.decimal().into()),
        _ => Dynamic::UNIT,
    }
}

fn bill_payment(payment: &Payment, name: &str) -> Dynamic {
    match name {
        "code" => text(payment.code.as_ref()),
        "name" => text(payment.name.as_ref()),
        "amount" => payment.amount.decimal().into(),
        "discount" => some(payment.discount.as_ref(), |amount| amount.decimal().into()),
        "owed" => some(payment.owed.as_ref(), |amount| amount.decimal().into()),
        _ => Dynamic::UNIT,
    }
}
