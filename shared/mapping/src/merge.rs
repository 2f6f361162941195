//! Merged vouchers (汇总单): which orders belong together, how many fit into one voucher, and the voucher of a part.
//!
//! An order is mapped alone first, to the cent, and only then summed: what is wrong with one order is its own problem,
//! and a merged voucher is worth exactly what its orders would have been worth.

mod part;
mod rules;
mod sums;

use dougong_bip::{Order, check};
use dougong_values::{
    BeijingTime, BusinessDay, DocumentKey, Money, ResubmitKey, SchemeId, TenantId, VoucherCode,
};
use dougong_wdt::Stockout;

pub use part::{Member, Part, UnreadablePart};
pub use rules::{CloseTime, GroupField, InvalidCloseTime, InvalidGroupField, MergeRules, MergedPrice};

use self::sums::Lines;
use crate::head::missing;
use crate::mapping::Mapping;
use crate::problem::{Problem, Reason};
use crate::rules::CodeSource;

/// The most members of a part: their list has to fit into a message and an item of the ledger.
pub const MOST_MEMBERS: usize = 1_500;
/// The most characters of a merged voucher's code; BIP does not publish its limit.
const CODE_LENGTH: usize = 50;

impl Mapping {
    /// Returns how vouchers are merged; `None` where every order is a voucher of its own.
    pub const fn merging(&self) -> Option<&MergeRules> {
        self.rules.merge.as_ref()
    }

    /// Tells which group an order belongs to, given the voucher it would be alone; `None` where nothing is merged.
    ///
    /// # Errors
    /// Every field of the document that the rule names and that is missing or empty.
    pub fn group(
        &self,
        stockout: &Stockout,
        order: &Order,
        scheme: &SchemeId,
    ) -> Result<Option<DocumentKey>, Vec<Problem>> {
        let Some(rules) = self.merging() else { return Ok(None) };
        let mut problems = Vec::new();
        let mut values = Vec::with_capacity(rules.by.len());
        for field in &rules.by {
            let value = match field {
                GroupField::Day => Some(order.vouchdate.day().to_string()),
                GroupField::Shop => stockout.shop_no.as_ref().map(ToString::to_string),
                GroupField::Warehouse => stockout.warehouse_no.as_ref().map(ToString::to_string),
                GroupField::Field(name) => stockout.field(name).map(|text| text.as_str().trim().to_owned()),
            };
            match value.filter(|value| !value.is_empty()) {
                Some(value) => values.push(value),
                None => problems.push(missing(
                    "merge.by",
                    "code",
                    field.wire_name(),
                    "name fields in merge.by that every order has",
                )),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        Ok(Some(DocumentKey::group(scheme, &values)))
    }

    /// Makes the voucher of a part from what each of its members is mapped to, in the members' order.
    ///
    /// # Errors
    /// Members whose heads do not agree (the tables changed since the part was made), and every rule of BIP that the
    /// sum breaks.
    pub fn merge(
        &self,
        part: &Part,
        orders: &[Order],
        tenant: &TenantId,
        scheme: &SchemeId,
    ) -> Result<Order, Vec<Problem>> {
        let default = MergeRules::default();
        let rules = self.merging().unwrap_or(&default);
        let Some((first, _)) = orders.split_first() else { return Err(vec![no_members()]) };
        let common = CommonHead::of(first);
        let named = part.members.iter().map(|member| &member.key);
        let strangers = orders.iter().zip(named.clone()).filter(|(order, _)| !common.is_of(order));
        let problems: Vec<Problem> = strangers.map(|(order, key)| stranger(first, order, key)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut lines = Lines::default();
        for line in orders.iter().flat_map(|order| &order.order_details) {
            lines.add(line, rules.price);
        }
        let order_details = lines.into_lines(&self.tables, first.exch_rate);
        let latest = |time: fn(&Order) -> Option<BeijingTime>| orders.iter().filter_map(time).max();
        let order = Order {
            resubmit_check_key: ResubmitKey::of_members(tenant, scheme, &part.group, named),
            code: self.part_code(part),
            vouchdate: latest(|order| Some(order.vouchdate)).unwrap_or(first.vouchdate),
            hope_receive_date: latest(|order| order.hope_receive_date),
            send_date: latest(|order| order.send_date),
            pay_money: order_details.iter().map(|line| line.ori_sum).sum(),
            real_money: sum_of(orders, |order| order.real_money),
            reight: sum_of(orders, |order| order.reight),
            memo: rules.memo.as_ref().and_then(|memo| memo.render(part)),
            order_details,
            ..first.clone()
        };
        let violations = check::order(&order);
        if violations.is_empty() { Ok(order) } else { Err(violations.into_iter().map(violated).collect()) }
    }

    /// Builds a part's code from its group and number: `online-sales-TM001-20261122-1`. Where the group's values could
    /// be confused so, or are too long, their hash stands for them.
    pub fn part_code(&self, part: &Part) -> Option<VoucherCode> {
        if self.rules.head.code == CodeSource::Automatic {
            return None;
        }
        let prefix = &self.rules.head.code_prefix;
        let number = part.number;
        let mut values = part.group.as_str().split('#').skip(1);
        let scheme = values.next().unwrap_or_default();
        let values: Vec<String> = values.map(compact_day).collect();
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
        let readable = format!("{prefix}{scheme}-{}-{number}", values.join("-"));
        let fits =
            scheme.is_ascii() && values.iter().all(|value| plain(value)) && readable.len() <= CODE_LENGTH;
        let hash = || dougong_values::Version::of(part.group.as_str());
        let text = if fits {
            readable
        } else {
            let hash = hash();
            format!("{prefix}M{}-{number}", hash.as_str().get(..20).unwrap_or_default())
        };
        text.parse().ok()
    }
}

/// Writes a day without its dashes; anything else stays as it is.
fn compact_day(value: &str) -> String {
    match value.parse::<dougong_values::BusinessDay>() {
        Ok(day) => day.to_string().replace('-', ""),
        Err(_) => value.to_owned(),
    }
}

/// Adds up an amount of the heads that all of them have.
fn sum_of(orders: &[Order], amount: fn(&Order) -> Option<Money>) -> Option<Money> {
    orders.iter().map(amount).sum::<Option<Money>>()
}

/// What the heads of one voucher's orders must have in common: all but their identity, dates, amounts and remarks.
#[derive(Debug)]
struct CommonHead(Order);

impl CommonHead {
    fn of(order: &Order) -> Self {
        Self::under(&order.resubmit_check_key, order)
    }

    fn under(key: &ResubmitKey, order: &Order) -> Self {
        Self(Order {
            resubmit_check_key: key.clone(),
            code: None,
            vouchdate: order.vouchdate.day().start(),
            hope_receive_date: None,
            send_date: None,
            pay_money: Money::ZERO,
            real_money: order.real_money.map(|_| Money::ZERO),
            reight: order.reight.map(|_| Money::ZERO),
            memo: None,
            order_details: Vec::new(),
            ..order.clone()
        })
    }

    fn is_of(&self, order: &Order) -> bool {
        Self::under(&self.0.resubmit_check_key, order).0 == self.0
    }
}

fn no_members() -> Problem {
    Problem {
        reason: Reason::NoLines,
        rule: "merge".to_owned(),
        target: "orderDetails".to_owned(),
        source: "members".to_owned(),
        value: String::new(),
        message: "the merged voucher has no member".to_owned(),
        hint: None,
    }
}

/// A field of the head under its wire name, and how it is read.
type HeadText = (&'static str, fn(&Order) -> String);

/// Where heads usually differ.
const HEAD_FIELDS: &[HeadText] = &[
    ("agentId", |order| order.agent_id.clone()),
    ("salesOrgId", |order| order.sales_org_id.clone()),
    ("settlementOrgId", |order| order.settlement_org_id.clone()),
    ("transactionTypeId", |order| order.transaction_type_id.clone()),
    ("invoiceAgentId", |order| order.invoice_agent_id.clone()),
    ("vouchdate", |order| order.vouchdate.day().to_string()),
    ("orderPrices!currency", |order| order.currency.clone()),
    ("orderPrices!exchRate", |order| order.exch_rate.to_string()),
    ("saleDepartmentId", |order| order.sale_department_id.clone().unwrap_or_default()),
];

/// A member whose head differs from the first one's, by the field that says so.
fn stranger(first: &Order, order: &Order, key: &DocumentKey) -> Problem {
    let (target, value) = HEAD_FIELDS
        .iter()
        .find(|(_, value)| value(first) != value(order))
        .map_or(("data", String::new()), |(target, value)| (*target, value(order)));
    Problem {
        reason: Reason::MembersDiffer,
        rule: "merge.by".to_owned(),
        target: target.to_owned(),
        source: key.to_string(),
        value,
        message: "the members of the merged voucher do not agree in its head".to_owned(),
        hint: Some(
            "the tables or rules changed since it was put together: mend them, then send it again".to_owned(),
        ),
    }
}

fn violated(violation: check::Violation) -> Problem {
    Problem {
        reason: Reason::CheckFailed,
        rule: format!("check.{}", violation.rule.name()),
        target: violation.path,
        source: "members".to_owned(),
        value: String::new(),
        message: violation.message,
        hint: None,
    }
}

/// Orders that share a voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// The orders.
    pub members: Vec<Member>,
    /// The day of the voucher's date.
    pub day: BusinessDay,
}

/// Fills parts with a group's orders, one after the other: whole orders, until one more would have too many lines.
#[derive(Debug)]
pub struct Packing<'r> {
    rules: &'r MergeRules,
    /// One for each head: orders of different customers never share a voucher.
    piles: Vec<Pile>,
}

/// A part that is being filled.
#[derive(Debug)]
struct Pile {
    head: CommonHead,
    lines: Lines,
    members: Vec<Member>,
}

impl<'r> Packing<'r> {
    /// Begins to fill parts.
    pub const fn new(rules: &'r MergeRules) -> Self {
        Self { rules, piles: Vec::new() }
    }

    /// Adds an order; returns a part that is full without it.
    #[must_use]
    pub fn add(&mut self, member: Member, order: &Order) -> Option<Full> {
        let price = self.rules.price;
        let Some(pile) = self.piles.iter_mut().find(|pile| pile.head.is_of(order)) else {
            self.piles.push(Pile::with(member, order, price));
            return None;
        };
        let lines = pile.lines.len() + pile.lines.new_among(&order.order_details, price);
        if lines <= self.rules.max_lines && pile.members.len() < MOST_MEMBERS {
            pile.add(member, order, price);
            return None;
        }
        Some(std::mem::replace(pile, Pile::with(member, order, price)).into_full())
    }

    /// Returns the parts that are not full.
    pub fn finish(self) -> impl Iterator<Item = Full> {
        self.piles.into_iter().map(Pile::into_full)
    }
}

impl Pile {
    fn into_full(self) -> Full {
        Full { members: self.members, day: self.head.0.vouchdate.day() }
    }

    fn with(member: Member, order: &Order, price: MergedPrice) -> Self {
        let mut pile = Self { head: CommonHead::of(order), lines: Lines::default(), members: Vec::new() };
        pile.add(member, order, price);
        pile
    }

    fn add(&mut self, member: Member, order: &Order, price: MergedPrice) {
        for line in &order.order_details {
            self.lines.add(line, price);
        }
        self.members.push(member);
    }
}
