//! What we ask and tell, under the names and in the types the vendor documents.

use std::collections::BTreeMap;
use std::fmt;

use dougong_values::{BeijingTime, BusinessDay, Money, Quantity, Window};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::bill::{BillKind, Party, Payment};
use crate::failure::InvalidCall;

/// The stores a download is limited to by their type (门店类型 `storetype`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StoreType {
    /// All (全部).
    #[default]
    All,
    /// The merchant's own (自营).
    Own,
    /// Franchised (加盟).
    Franchise,
    /// Jointly run (联营).
    Joint,
}

impl StoreType {
    const fn code(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Own => 1,
            Self::Franchise => 2,
            Self::Joint => 3,
        }
    }
}

/// A kind of bill that can be downloaded by the time it was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Download {
    /// Requests for goods: `DownloadStoreDeclareGoodsByBatch`.
    Declared,
    /// Receiving differences: `DownloadRECBill`.
    Received,
    /// Returns: `DownloadREQBill`, whose example in the vendor's page has another command (N20).
    Returned,
}

impl Download {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Declared, Self::Received, Self::Returned];

    /// Returns the command.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Declared => "DownloadStoreDeclareGoodsByBatch",
            Self::Received => "DownloadRECBill",
            Self::Returned => "DownloadREQBill",
        }
    }

    /// Returns what the bills are.
    pub const fn kind(self) -> BillKind {
        match self {
            Self::Declared => BillKind::Declare,
            Self::Received => BillKind::Receipt,
            Self::Returned => BillKind::Return,
        }
    }
}

/// The most days between the first and the last of a download (S2).
const LONGEST_SPAN_DAYS: i64 = 3;

/// Which bills to download: submitted in these days, at most three apart. Rows from outside may come, and bounds may be
/// exclusive: let spans overlap by a day, and move a watermark to `end` alone (S2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadQuery {
    /// The first day (`startday`).
    pub start: BusinessDay,
    /// The last day (`endday`).
    pub end: BusinessDay,
    /// Stores of this type.
    pub store_type: StoreType,
    /// One store, by its id (`storeuid`).
    pub store: Option<String>,
    /// One type of complaint (`businessid`: 0 quantity, 1 quality); receiving differences alone have it.
    pub business_id: Option<u8>,
    /// The batch to continue (`sumbatch`), where one was given.
    pub sumbatch: Option<String>,
}

impl DownloadQuery {
    /// Asks for the bills of all stores in these days.
    pub const fn new(start: BusinessDay, end: BusinessDay) -> Self {
        Self { start, end, store_type: StoreType::All, store: None, business_id: None, sumbatch: None }
    }
}

/// Which outbound bills are meant; the vendor wants exactly one of the three (N17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Of these delivery routes (`dluiditems`).
    Routes(Vec<String>),
    /// Of these areas (`areauiditems`), which only the vendor's example knows.
    Areas(Vec<String>),
    /// For these stores (`storeuiditems`).
    Stores(Vec<String>),
}

/// Which outbound bills to ask for (`QueryTransferringOrderInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundQuery {
    /// The first day.
    pub start: BusinessDay,
    /// The last day.
    pub end: BusinessDay,
    /// The warehouse, by its id (`stock`).
    pub warehouse: String,
    /// Which bills.
    pub selector: Selector,
    /// The batch to go on with; `None` opens a new one.
    pub sumbatch: Option<String>,
}

/// Which sales to ask for (`QuerySaleOrderInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleQuery {
    /// The store, by its id (`storeuid`).
    pub store: String,
    /// The time, within one day.
    pub window: Window,
    /// The batch to go on with; `None` opens a new one.
    pub sumbatch: Option<String>,
}

/// Under which names the times of a [`SaleQuery`] travel (N16).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SaleWindowKeys {
    /// `starttime` and `endtime`, as the table has them.
    #[default]
    Time,
    /// `startday` and `endday`, as the example has them.
    Day,
    /// Both.
    Both,
}

/// Goods on their way to a store (配送出库单, `AddSTOBill`). Totals are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Our number (`tbillno`): the platform knows the delivery by it, so every attempt carries the same.
    pub number: String,
    /// The request it fulfils (`parebillno`).
    pub request_no: Option<String>,
    /// The day of the books.
    pub business_date: BusinessDay,
    /// When it was written.
    pub created_at: BeijingTime,
    /// When it was submitted.
    pub submitted_at: BeijingTime,
    /// The warehouse; its code is required.
    pub from: Party,
    /// The store; its code is required.
    pub to: Party,
    /// A remark.
    pub remark: Option<String>,
    /// The lines, at least one.
    pub lines: Vec<DeliveryLine>,
    /// Payments, if any.
    pub payments: Vec<Payment>,
}

/// A line of a [`Delivery`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLine {
    /// The goods' id in the store system.
    pub product_id: Option<String>,
    /// The goods' code; required.
    pub product_code: String,
    /// The goods' name; required.
    pub product_name: String,
    /// The unit; required.
    pub unit: String,
    /// The price.
    pub price: Money,
    /// The quantity.
    pub quantity: Quantity,
    /// The amount.
    pub amount: Money,
    /// The second unit.
    pub additional_unit: Option<String>,
    /// The quantity in the second unit; zero where there is none (P2).
    pub additional_quantity: Option<Quantity>,
    /// A remark.
    pub remark: Option<String>,
}

/// What was really shipped of an outbound bill (`UpdateTransferringOrderInfo`). It sets values: sending the same again
/// changes nothing. Send one at a time per `buid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// The bill, by the store system's id.
    pub buid: String,
    /// Who says so (`cbill`).
    pub creator: String,
    /// The lines, at least one.
    pub lines: Vec<ShipmentLine>,
}

/// A line of a [`Shipment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentLine {
    /// The line's id (`ibiuid`).
    pub id: String,
    /// The goods' id (`produid`).
    pub product_id: String,
    /// The goods' name.
    pub product_name: String,
    /// The unit.
    pub unit: String,
    /// What was ordered.
    pub ordered: Quantity,
    /// What was shipped; may be more (S21).
    pub shipped: Quantity,
    /// The second unit; empty where there is none (P7).
    pub additional_unit: Option<String>,
    /// What was ordered, in the second unit.
    pub additional_ordered: Option<Quantity>,
    /// What was shipped, in the second unit.
    pub additional_shipped: Option<Quantity>,
    /// More fields, name → JSON text: the vendor demands a conversion rate and names no field for it (P6).
    pub extra: BTreeMap<String, String>,
}

/// A body that is ready to be sent.
type Body = Result<String, InvalidCall>;

/// The choices a platform leaves open that change a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices {
    pub(crate) sale_window_keys: SaleWindowKeys,
    pub(crate) allow_number_as_buid: bool,
    pub(crate) misspell_remarks: bool,
}

pub(crate) fn plain(command: &'static str, seq: &str) -> String {
    Fields::new(command, seq).finish()
}

pub(crate) fn download(what: Download, query: &DownloadQuery, seq: &str) -> Body {
    span(query.start, query.end)?;
    let mut fields = Fields::new(what.command(), seq);
    fields.put("storetype", &query.store_type.code());
    fields.put("startday", &query.start.to_string());
    fields.put("endday", &query.end.to_string());
    if let Some(store) = &query.store {
        fields.put("storeuid", &Id(store));
    }
    if let Some(business_id) = query.business_id.filter(|_| what == Download::Received) {
        fields.put("businessid", &business_id);
    }
    if let Some(sumbatch) = &query.sumbatch {
        fields.put("sumbatch", sumbatch);
    }
    Ok(fields.finish())
}

pub(crate) fn outbound_stores(start: BusinessDay, end: BusinessDay, warehouse: &str, seq: &str) -> Body {
    required("stock", warehouse)?;
    ordered(start, end)?;
    let mut fields = Fields::new("GetTransferringStores", seq);
    fields.put("startday", &start.to_string());
    fields.put("endday", &end.to_string());
    fields.put("stock", &Id(warehouse));
    Ok(fields.finish())
}

pub(crate) fn outbound(query: &OutboundQuery, seq: &str) -> Body {
    required("stock", &query.warehouse)?;
    ordered(query.start, query.end)?;
    let (name, ids) = match &query.selector {
        Selector::Routes(ids) => ("dluiditems", ids),
        Selector::Areas(ids) => ("areauiditems", ids),
        Selector::Stores(ids) => ("storeuiditems", ids),
    };
    let mut fields = Fields::new("QueryTransferringOrderInfo", seq);
    fields.put("startday", &query.start.to_string());
    fields.put("endday", &query.end.to_string());
    fields.put("stock", &Id(&query.warehouse));
    fields.put("sumbatch", &query.sumbatch.as_deref().unwrap_or_default());
    fields.put(name, &ids_of(name, ids)?);
    Ok(fields.finish())
}

pub(crate) fn finish(sumbatch: &str, seq: &str) -> Body {
    required("sumbatch", sumbatch)?;
    let mut fields = Fields::new("AchieveQueryTransferringOrderInfo", seq);
    fields.put("sumbatch", &sumbatch);
    Ok(fields.finish())
}

pub(crate) fn take_back(buids: &[String], choices: Choices, seq: &str) -> Body {
    let mut checked = Vec::new();
    for buid in buids {
        checked.push(Id(self::buid(buid, choices)?));
    }
    if checked.is_empty() {
        return Err(InvalidCall::Empty { field: "buid" });
    }
    let mut fields = Fields::new("AchieveRetQueryTransferringOrderInfo", seq);
    fields.put("buid", &checked);
    Ok(fields.finish())
}

pub(crate) fn sales(query: &SaleQuery, choices: Choices, seq: &str) -> Body {
    required("storeuid", &query.store)?;
    let (start, end) = (query.window.start(), query.window.end());
    if start.day() != end.day() {
        return Err(InvalidCall::Window { window: query.window.to_string() });
    }
    let clock = |time: BeijingTime| time.to_string().split_off("yyyy-mm-dd ".len());
    let mut fields = Fields::new("QuerySaleOrderInfo", seq);
    fields.put("date", &start.day().to_string());
    if matches!(choices.sale_window_keys, SaleWindowKeys::Time | SaleWindowKeys::Both) {
        fields.put("starttime", &clock(start));
        fields.put("endtime", &clock(end));
    }
    if matches!(choices.sale_window_keys, SaleWindowKeys::Day | SaleWindowKeys::Both) {
        fields.put("startday", &clock(start));
        fields.put("endday", &clock(end));
    }
    fields.put("storeuid", &Id(&query.store));
    fields.put("sumbatch", &query.sumbatch.as_deref().unwrap_or_default());
    Ok(fields.finish())
}

pub(crate) fn delivery(delivery: &Delivery, choices: Choices, seq: &str) -> Body {
    required("tbillno", &delivery.number)?;
    required("outstorecode", delivery.from.code.as_deref().unwrap_or_default())?;
    required("instorecode", delivery.to.code.as_deref().unwrap_or_default())?;
    if delivery.lines.is_empty() {
        return Err(InvalidCall::Empty { field: "billitems" });
    }
    let lines: Vec<Box<RawValue>> = delivery
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| delivery_line(index, line))
        .collect::<Result<_, _>>()?;

    let mut bill = Fields::default();
    bill.put("tbillno", &delivery.number);
    bill.put_some("parebillno", delivery.request_no.as_ref());
    bill.put("rdate", &delivery.business_date.to_string());
    bill.put("billingdate", &delivery.created_at);
    bill.put("refertime", &delivery.submitted_at);
    for (names, party) in [
        (["outstoreuid", "outstorecode", "outstorename"], &delivery.from),
        (["instoreuid", "instorecode", "instorename"], &delivery.to),
    ] {
        let [id, code, name] = names;
        bill.put_some(id, party.id.as_deref().map(Id).as_ref());
        bill.put_some(code, party.code.as_ref());
        bill.put_some(name, party.name.as_ref());
    }
    bill.put("amounttotal", &delivery.lines.iter().map(|line| line.quantity).sum::<Quantity>());
    bill.put("dealtotal", &delivery.lines.iter().map(|line| line.amount).sum::<Money>());
    let remark = delivery.remark.as_deref().unwrap_or_default();
    bill.put("remarks", &remark);
    if choices.misspell_remarks {
        bill.put("reamrks", &remark);
    }
    bill.put("billitems", &lines);
    if !delivery.payments.is_empty() {
        let payments: Vec<Box<RawValue>> = delivery.payments.iter().map(payment).collect();
        bill.put("payitems", &payments);
    }
    let mut fields = Fields::new("AddSTOBill", seq);
    fields.put("items", &bill.raw());
    Ok(fields.finish())
}

fn delivery_line(index: usize, line: &DeliveryLine) -> Result<Box<RawValue>, InvalidCall> {
    for (name, value) in
        [("prodcode", &line.product_code), ("prodname", &line.product_name), ("unit", &line.unit)]
    {
        required(&format!("billitems[{index}].{name}"), value)?;
    }
    let mut fields = Fields::default();
    fields.put_some("produid", line.product_id.as_deref().map(Id).as_ref());
    fields.put("prodcode", &line.product_code);
    fields.put("prodname", &line.product_name);
    fields.put("unit", &line.unit);
    fields.put("dealpri", &line.price);
    fields.put("amount", &line.quantity);
    fields.put("trademoney", &line.amount);
    fields.put_some("additionalunit", line.additional_unit.as_ref());
    fields.put("additionalunit_amount", &line.additional_quantity.unwrap_or(Quantity::ZERO));
    fields.put("remark", &line.remark.as_deref().unwrap_or_default());
    Ok(fields.raw())
}

fn payment(payment: &Payment) -> Box<RawValue> {
    let mut fields = Fields::default();
    fields.put("paycode", &payment.code.as_deref().unwrap_or_default());
    fields.put("payname", &payment.name.as_deref().unwrap_or_default());
    fields.put("paymoney", &payment.amount);
    fields.raw()
}

pub(crate) fn shipment(shipment: &Shipment, choices: Choices, seq: &str) -> Body {
    required("cbill", &shipment.creator)?;
    if shipment.lines.is_empty() {
        return Err(InvalidCall::Empty { field: "billnoitems" });
    }
    let lines: Vec<Box<RawValue>> = shipment
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| shipment_line(index, line))
        .collect::<Result<_, _>>()?;
    let mut fields = Fields::new("UpdateTransferringOrderInfo", seq);
    fields.put("buid", &Id(buid(&shipment.buid, choices)?));
    fields.put("cbill", &shipment.creator);
    fields.put("billnoitems", &lines);
    Ok(fields.finish())
}

fn shipment_line(index: usize, line: &ShipmentLine) -> Result<Box<RawValue>, InvalidCall> {
    for (name, value) in [("ibiuid", &line.id), ("produid", &line.product_id)] {
        required(&format!("billnoitems[{index}].{name}"), value)?;
    }
    let mut fields = Fields::default();
    fields.put("ibiuid", &Id(&line.id));
    fields.put("produid", &Id(&line.product_id));
    fields.put("prodname", &line.product_name);
    fields.put("unit", &line.unit);
    fields.put("amount", &line.ordered);
    fields.put("tamount", &line.shipped);
    fields.put("additional_unit", &line.additional_unit.as_deref().unwrap_or_default());
    fields.put("additionalunit_amount", &line.additional_ordered.unwrap_or(Quantity::ZERO));
    fields.put("additionalunit_tamount", &line.additional_shipped.unwrap_or(Quantity::ZERO));
    for (name, json) in &line.extra {
        match RawValue::from_string(json.clone()) {
            Ok(value) => fields.put(name, &value),
            Err(_) => fields.put(name, json),
        }
    }
    Ok(fields.raw())
}

fn required(field: &str, value: &str) -> Result<(), InvalidCall> {
    if value.trim().is_empty() { Err(InvalidCall::Missing { field: field.to_owned() }) } else { Ok(()) }
}

fn ordered(start: BusinessDay, end: BusinessDay) -> Result<(), InvalidCall> {
    if end < start {
        return Err(InvalidCall::Span { start: start.to_string(), end: end.to_string() });
    }
    Ok(())
}

fn span(start: BusinessDay, end: BusinessDay) -> Result<(), InvalidCall> {
    let days = end.start().seconds_since(start.start()) / 86_400;
    if (0..=LONGEST_SPAN_DAYS).contains(&days) {
        Ok(())
    } else {
        Err(InvalidCall::Span { start: start.to_string(), end: end.to_string() })
    }
}

fn ids_of<'a>(field: &'static str, ids: &'a [String]) -> Result<Vec<Id<'a>>, InvalidCall> {
    if ids.is_empty() || ids.iter().any(|id| id.trim().is_empty()) {
        return Err(InvalidCall::Empty { field });
    }
    Ok(ids.iter().map(|id| Id(id)).collect())
}

/// Checks an id that is documented as a whole number, where the vendor's own example has something else (N23).
fn buid(text: &str, choices: Choices) -> Result<&str, InvalidCall> {
    required("buid", text)?;
    if choices.allow_number_as_buid || text.parse::<u64>().is_ok() {
        return Ok(text);
    }
    Err(InvalidCall::Buid { value: text.chars().take(40).collect() })
}

/// An id that is documented as a whole number: sent as one where nothing is lost by it, as a text otherwise.
struct Id<'a>(&'a str);

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<u64>() {
            Ok(number) if number.to_string() == self.0 => serializer.serialize_u64(number),
            _ => serializer.serialize_str(self.0),
        }
    }
}

/// A JSON object that is being written, its fields in the order they were put.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn new(command: &str, seq: &str) -> Self {
        let mut fields = Self::default();
        fields.put("cmd", &command);
        fields.put("seq", &seq);
        fields
    }

    fn put(&mut self, name: &str, value: &impl Serialize) {
        // Texts, numbers and lists of them can always be written.
        let (Ok(name), Ok(value)) = (serde_json::to_string(name), serde_json::to_string(value)) else {
            return;
        };
        self.0.push_str(if self.0.is_empty() { "{" } else { "," });
        self.0.push_str(&name);
        self.0.push(':');
        self.0.push_str(&value);
    }

    fn put_some(&mut self, name: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }

    #[expect(clippy::expect_used, reason = "what was written field by field is JSON")]
    fn raw(self) -> Box<RawValue> {
        RawValue::from_string(self.finish()).expect("a JSON object")
    }
}

impl fmt::Display for StoreType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::All => "all",
            Self::Own => "own",
            Self::Franchise => "franchise",
            Self::Joint => "joint",
        })
    }
}
