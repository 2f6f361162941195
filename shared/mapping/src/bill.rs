//! The mapping of a scheme that books store bills: to sales orders and sale returns.

use std::sync::Arc;

use dougong_bip::{ProductType, ReturnSource, SaleReturn, Voucher, VoucherKind, check};
use dougong_store::{Bill, BillKind, BillLine, Warning};
use dougong_values::{BusinessDay, Money, Quantity, SpecNo, StoreCode, VoucherCode};
use rust_decimal::Decimal;

use crate::amounts::LineFacts;
use crate::bill_rules::{
    BillCode, BillRules, BillTime, FreeGoods, Negative, PaymentsRule, StockOf, Target, Totals, UnknownUnit,
};
use crate::complete::{check_goods, check_parties};
use crate::core::{Core, Defaults};
use crate::draft::{Draft, LineNames, MOST_AMOUNT, MOST_COUNT, Origin};
use crate::excluded::Exclusion;
use crate::formulas::{Document, Draw, FormulaProblem, FormulaTexts, Formulas, Place, Source};
use crate::head::{HeadFacts, cell_or, missing, no_code, unknown};
use crate::mapping::{Identity, RuleProblem, named, violated};
use crate::problem::{Problem, Reason};
use crate::provenance::{Explained, Facts};
use crate::tables::{CountedIn, Goods, Store, Tables, Warehouse};

/// The mapping of one scheme of store bills.
#[derive(Debug, Clone)]
pub struct BillMapping {
    rules: BillRules,
    tables: Arc<Tables>,
    defaults: Defaults,
    formulas: Formulas,
}

/// A voucher made of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedBill {
    /// What is saved.
    pub voucher: Voucher,
    /// What does not add up about the bill, where the rule lets that pass.
    pub warnings: Vec<Warning>,
}

/// A voucher made of a bill, and what it was made with.
struct Drawn<'a> {
    mapped: MappedBill,
    draw: Draw,
    drafts: Vec<Draft<'a>>,
}

/// What a kind of bill calls the fields that problems are about.
struct Names {
    store: &'static str,
    warehouse: &'static str,
    lines: LineNames,
}

const fn names(kind: BillKind) -> Names {
    const fn lines(list: &'static str) -> LineNames {
        LineNames { list, count: "amount", amount: "trademoney" }
    }
    let (store, warehouse, list) = match kind {
        BillKind::Declare => ("storecode", "deliverywhcode", "billitems"),
        BillKind::Receipt | BillKind::Return => ("instorecode", "outstorecode", "billitems"),
        BillKind::Outbound => ("shopid", "storeid", "billnoproductsitems"),
        BillKind::Sale => ("storecode", "outstorecode", "billnoproductsitems"),
    };
    Names { store, warehouse, lines: lines(list) }
}

impl BillMapping {
    /// Joins rules and tables; every place where they do not fit is returned at once.
    pub fn new(mut rules: BillRules, tables: Arc<Tables>) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let constants = &rules.lines.constants;
        let defaults = Defaults::find(constants, &tables, &mut problems);
        let rule = |path, message: &str, hint: &str| RuleProblem::Rule {
            path,
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        };
        if let Some(stores) = &tables.stores {
            let rows: Vec<_> =
                stores.iter().map(|(code, store)| (code.to_string(), &store.parties, store.line)).collect();
            check_parties(&rules.head.constants, &tables.files.stores, &rows, &mut problems);
        } else {
            let hint = "add tables/stores.csv: store,type,customer,…, one row per store";
            problems.push(rule("head", "store bills need tables/stores.csv, which is missing", hint));
        }
        if rules.payments == PaymentsRule::Table && tables.payments.is_none() {
            let hint = "add tables/payments.csv: pay_code,name,settlement; or set payments to ignore";
            problems.push(rule("payments", "payments need tables/payments.csv, which is missing", hint));
        }
        check_goods(constants, &tables, &mut problems);
        let texts = std::mem::take(&mut rules.formulas);
        let of_formulas = Self::formula_problems(&texts, rules.target, Some(&tables));
        problems.extend(of_formulas.into_iter().map(RuleProblem::Formula));
        let formulas = Formulas::new(texts);
        if problems.is_empty() { Ok(Self { rules, tables, defaults, formulas }) } else { Err(problems) }
    }

    /// Tells what is wrong with formulas for bills, as far as it shows before they are compiled, also where the tables
    /// cannot be read.
    pub fn formula_problems(
        texts: &FormulaTexts,
        target: Target,
        tables: Option<&Tables>,
    ) -> Vec<FormulaProblem> {
        let vouchers = match target {
            Target::Order => Place::Orders,
            Target::Return => Place::Both,
        };
        Formulas::problems(texts, Document::Bill, vouchers, tables)
    }

    /// Compiles the formulas, once; returns everything that is wrong with them. A mapping whose formulas were not
    /// compiled does so with its first bill.
    pub fn compile(&self) -> Result<(), Vec<FormulaProblem>> {
        self.formulas.compile(Document::Bill, &self.tables)
    }

    fn core(&self) -> Core<'_> {
        Core {
            head: &self.rules.head.constants,
            lines: &self.rules.lines.constants,
            tables: &self.tables,
            defaults: self.defaults,
        }
    }

    /// Tells whether the bill's store leaves bills of this kind alone. An unknown store leaves nothing alone: its
    /// bills are mapped, and parked.
    pub fn excluded(&self, bill: &Bill) -> Option<Exclusion> {
        let (code, store) = self.tables.store_of(bill)?;
        let not_booked = !store.books(bill.kind);
        not_booked.then(|| Exclusion { reason: "store_not_booked", value: code.to_string() })
    }

    /// Makes a voucher of a bill, checked against every rule of BIP; or says everything that is wrong.
    pub fn map(&self, bill: &Bill, identity: &Identity<'_>) -> Result<MappedBill, Vec<Problem>> {
        self.drawn(bill, identity).map(|drawn| drawn.mapped)
    }

    /// Makes a voucher as [`BillMapping::map`] does, and says where each of its fields came from.
    pub fn explain(&self, bill: &Bill, identity: &Identity<'_>) -> Result<Explained, Vec<Problem>> {
        let Drawn { mapped, draw, drafts } = self.drawn(bill, identity)?;
        let mut problems = Vec::new();
        let names = names(bill.kind);
        let store = self.store(bill, names.store, &mut problems);
        let warehouse = self.warehouse(bill, names.warehouse, &mut problems);
        let Some(store) = store else { return Err(problems) };
        let files = &self.tables.files;
        let stock = match self.rules.lines.stock_of {
            StockOf::Warehouse => warehouse.map(|row| {
                (files.warehouses.as_str(), row.line, row.stock_org.is_some(), row.stock.is_some())
            }),
            StockOf::Store => {
                Some((files.stores.as_str(), store.line, store.stock_org.is_some(), store.stock.is_some()))
            }
        };
        let facts = Facts {
            core: self.core(),
            parties: (&files.stores, store.line, &store.parties),
            stock,
            code: named(self.rules.head.code),
            date: named(self.rules.head.voucher_date),
            dispatch: "refertime",
        };
        Ok(facts.explain(&draw, self.formulas.texts(), &drafts, mapped.voucher))
    }

    fn drawn<'a>(&'a self, bill: &'a Bill, identity: &Identity<'_>) -> Result<Drawn<'a>, Vec<Problem>> {
        let mut problems = Vec::new();
        let names = names(bill.kind);
        let negative = self.is_negative(bill);
        let store = self.store(bill, names.store, &mut problems);
        let warehouse = self.warehouse(bill, names.warehouse, &mut problems);
        let payments = self.payments(bill, &mut problems);
        let code = self.code(bill, &mut problems);
        let vouchdate = self.voucher_date(bill, &mut problems);
        let warnings = self.mismatches(bill, &mut problems);
        let drafts = self.drafts(bill, names.lines, negative, &mut problems);

        let shared = self.core();
        let exch_rate = store.map_or_else(Default::default, |store| shared.currency(&store.parties).1);
        let head = match (store, vouchdate) {
            (Some(store), Some(vouchdate)) => {
                let memo = self.rules.head.memo.as_ref().and_then(|memo| memo.render(bill, &payments));
                Some(
                    shared.order_head(identity, HeadFacts { parties: &store.parties, vouchdate, code, memo }),
                )
            }
            _ => None,
        };
        let (stock_org, stock) = match self.rules.lines.stock_of {
            StockOf::Warehouse => (
                warehouse.and_then(|row| row.stock_org.as_ref()),
                warehouse.and_then(|row| row.stock.as_deref()),
            ),
            StockOf::Store => {
                (store.and_then(|row| row.stock_org.as_ref()), store.and_then(|row| row.stock.as_deref()))
            }
        };
        let facts = LineFacts {
            sales_org: head.as_ref().map_or("", |head| &head.sales_org_id),
            settlement_org: head.as_ref().map_or("", |head| &head.settlement_org_id),
            stock_org: &cell_or(stock_org, shared.lines.stock_org.as_ref()),
            stock: stock.or(shared.lines.stock.as_deref()),
            consign_time: bill.submitted_at.or(bill.created_at),
            exch_rate,
        };
        let lines = shared.order_lines(&drafts, &facts, &mut problems);
        let head = match head {
            Some(head) if problems.is_empty() => head,
            _ => return Err(problems),
        };
        let draw = Draw::of(head, lines, &drafts);
        let draw = self.formulas.run(&Source::Bill(bill), &self.tables, draw)?;
        let order = draw.order.clone();
        let voucher = match self.voucher_kind(bill) {
            VoucherKind::Order => Voucher::Order(order),
            VoucherKind::Return => Voucher::Return(SaleReturn::of(order, ReturnSource::None)),
        };
        let violations = match &voucher {
            Voucher::Order(order) => check::order(order),
            Voucher::Return(sale_return) => check::sale_return(sale_return),
        };
        let violated = violated(violations, &drafts);
        if violated.is_empty() {
            Ok(Drawn { mapped: MappedBill { voucher, warnings }, draw, drafts })
        } else {
            Err(violated)
        }
    }

    /// Tells which kind of voucher a bill becomes.
    pub fn voucher_kind(&self, bill: &Bill) -> VoucherKind {
        match (self.rules.target, self.is_negative(bill)) {
            (Target::Order, false) | (Target::Return, true) => VoucherKind::Order,
            (Target::Return, false) | (Target::Order, true) => VoucherKind::Return,
        }
    }

    /// Returns the kinds of vouchers that bills may become.
    pub const fn voucher_kinds(&self) -> &'static [VoucherKind] {
        match (self.rules.target, self.rules.negative) {
            (_, Negative::Opposite) => &[VoucherKind::Order, VoucherKind::Return],
            (Target::Order, Negative::Park) => &[VoucherKind::Order],
            (Target::Return, Negative::Park) => &[VoucherKind::Return],
        }
    }

    /// Tells whether every line is negative, and the rule makes the opposite voucher of such a bill.
    fn is_negative(&self, bill: &Bill) -> bool {
        self.rules.negative == Negative::Opposite
            && bill.lines.iter().all(|line| line.quantity <= Quantity::ZERO)
            && bill.lines.iter().any(|line| line.quantity < Quantity::ZERO)
    }

    /// Looks up the store; notes a problem if there is none.
    fn store(&self, bill: &Bill, source: &str, problems: &mut Vec<Problem>) -> Option<&Store> {
        let found = self.tables.store_of(bill);
        if found.is_none() {
            let Some(name) = bill.to.code.as_deref().or(bill.to.id.as_deref()) else {
                let hint = "name the store of the bill in the store system";
                problems.push(missing("stores.csv", "agentId", source, hint));
                return None;
            };
            // Who has an id only is looked for among the ids.
            let keys: Vec<&str> = match &bill.to.code {
                Some(_) => self.tables.stores().map(|(code, _)| code.as_str()).collect(),
                None => self.tables.stores().filter_map(|(_, store)| store.id.as_deref()).collect(),
            };
            let (target, source) = ("agentId, salesOrgId", source.to_owned());
            problems.push(unknown(
                Reason::UnknownStore,
                "stores.csv",
                target,
                source,
                name,
                keys.into_iter(),
            ));
        }
        found.map(|(_, store)| store)
    }

    /// Looks up the warehouse whose stock is moved; notes a problem if it is named and unknown, or needed and not
    /// named.
    fn warehouse(&self, bill: &Bill, source: &str, problems: &mut Vec<Problem>) -> Option<&Warehouse> {
        if self.rules.lines.stock_of == StockOf::Store {
            return None;
        }
        let (code, id) = (bill.from.code.as_deref(), bill.from.id.as_deref());
        let found = self.tables.warehouse_in_store(code, id);
        if found.is_none() {
            match code.or(id) {
                Some(name) => {
                    let keys = self.tables.warehouse_keys_in_store();
                    let (target, source) = ("saleReturnDetails[].stockOrgId", source.to_owned());
                    let target = if self.rules.target == Target::Order { ORDER_STOCK } else { target };
                    let reason = Reason::UnknownWarehouse;
                    problems.push(unknown(reason, "warehouses.csv", target, source, name, keys));
                }
                None if self.rules.lines.constants.stock_org.is_none() => {
                    let hint = "set lines.stock_org, or lines.stock_of to store";
                    problems.push(missing("warehouses.csv", ORDER_STOCK, source, hint));
                }
                None => {}
            }
        }
        found
    }

    /// Looks up the payments, and writes them for the remark: what each is settled as, and its amount.
    fn payments(&self, bill: &Bill, problems: &mut Vec<Problem>) -> String {
        let Some(table) =
            self.tables.payments.as_ref().filter(|_| self.rules.payments == PaymentsRule::Table)
        else {
            return String::new();
        };
        let mut written = Vec::new();
        for (index, payment) in bill.payments.iter().enumerate() {
            let (code, name) = (payment.code.as_deref(), payment.name.as_deref());
            // The codes of the sources disagree (S17): the name decides where the code is unknown.
            let row = code
                .and_then(|code| table.get(code))
                .or_else(|| table.values().find(|row| row.name.is_some() && row.name.as_deref() == name));
            if let Some(row) = row {
                written.push(format!("{} {}", row.settlement, payment.amount));
            } else {
                let source =
                    format!("payitems[{index}].{}", if code.is_some() { "paycode" } else { "payname" });
                let value = code.or(name).unwrap_or_default();
                let keys = table.keys().map(String::as_str);
                problems.push(unknown(Reason::UnknownPayment, "payments.csv", "memo", source, value, keys));
            }
        }
        written.join(", ")
    }

    fn code(&self, bill: &Bill, problems: &mut Vec<Problem>) -> Option<VoucherCode> {
        let number = match self.rules.head.code {
            BillCode::Automatic => return None,
            BillCode::BillNo => bill.name().to_owned(),
            BillCode::Key => {
                let key = bill.key();
                key.as_str().split_once('#').map_or("", |(_, identity)| identity).replace('#', "-")
            }
        };
        match format!("{}{number}", self.rules.head.code_prefix).parse() {
            Ok(code) => Some(code),
            Err(error) => {
                problems.push(no_code("billno", &number, &error));
                None
            }
        }
    }

    fn voucher_date(&self, bill: &Bill, problems: &mut Vec<Problem>) -> Option<dougong_values::BeijingTime> {
        let (source, time) = match self.rules.head.voucher_date {
            BillTime::BusinessDate => ("rdate", bill.day().map(BusinessDay::start)),
            BillTime::CreatedAt => ("billingdate", bill.created_at),
            BillTime::SubmittedAt => ("refertime", bill.submitted_at),
        };
        if time.is_none() {
            let hint = "set head.voucher_date to a time that every bill has";
            problems.push(missing("head.voucher_date", "vouchdate", source, hint));
        }
        time
    }

    /// Returns what does not add up as warnings, or notes it as problems, as the rule says.
    fn mismatches(&self, bill: &Bill, problems: &mut Vec<Problem>) -> Vec<Warning> {
        let found = bill.mismatches();
        if self.rules.totals == Totals::Warn {
            return found;
        }
        problems.extend(found.into_iter().map(|Warning { name, path, detail, .. }| Problem {
            reason: Reason::TotalMismatch,
            rule: "totals".to_owned(),
            target: "payMoney".to_owned(),
            source: path,
            value: String::new(),
            message: format!("{name}: {detail}"),
            hint: Some("correct the bill in the store system, or set totals to warn".to_owned()),
        }));
        Vec::new()
    }

    fn drafts<'a>(
        &'a self,
        bill: &'a Bill,
        names: LineNames,
        negative: bool,
        problems: &mut Vec<Problem>,
    ) -> Vec<Draft<'a>> {
        let before = problems.len();
        let mut drafts = Vec::with_capacity(bill.lines.len());
        for (index, line) in bill.lines.iter().enumerate() {
            let origin = Origin { index, names };
            if line.quantity.is_zero() && line.amount.is_none_or(Money::is_zero) {
                // Nothing was received too few, nothing was sold.
                continue;
            }
            drafts.extend(self.draft(line, origin, negative, problems));
        }
        if drafts.is_empty() && problems.len() == before {
            problems.push(Problem {
                reason: Reason::NoLines,
                rule: "lines".to_owned(),
                target: "orderDetails".to_owned(),
                source: names.list.to_owned(),
                value: format!("{} lines", bill.lines.len()),
                message: "no line has a quantity to be booked".to_owned(),
                hint: Some("look at the bill in the store system".to_owned()),
            });
        }
        drafts
    }

    fn draft<'a>(
        &'a self,
        line: &'a BillLine,
        origin: Origin,
        negative: bool,
        problems: &mut Vec<Problem>,
    ) -> Option<Draft<'a>> {
        let goods = self.goods(line, origin, problems);
        let amount = self.amount(line, negative, origin, problems);
        let (spec_no, goods) = goods?;
        let per_count = self.per_count(line, goods, origin, problems);
        let share = amount?;
        let product_type = self.product_type(share, origin, problems);
        Some(Draft {
            origin: Some(origin),
            spec_no: Some(spec_no),
            goods,
            product_type,
            qty: line.quantity.decimal().abs() * per_count?,
            share,
            share_post: Money::ZERO,
            batch: None,
            expires: None,
            memo: self.rules.lines.memo.as_ref().and_then(|memo| memo.render(line)),
        })
    }

    fn goods(
        &self,
        line: &BillLine,
        origin: Origin,
        problems: &mut Vec<Problem>,
    ) -> Option<(&SpecNo, &Goods)> {
        let (code, id) = (line.product_code.as_deref(), line.product_id.as_deref());
        let own = line.external_product_id.as_deref();
        let found = self.tables.goods_in_store(code, own, id);
        if found.is_none() {
            let (field, value) = match (code, own, id) {
                (Some(code), ..) => ("prodcode", code),
                (None, Some(own), _) => ("extproduid", own),
                (None, None, id) => ("produid", id.unwrap_or_default()),
            };
            let (source, target) = (origin.names.path(origin.index, field), "orderDetails[].productId");
            let keys = self.tables.goods_keys_in_store();
            problems.push(unknown(Reason::UnknownGoods, "goods.csv", target, source, value, keys));
        }
        found
    }

    /// Returns the amount of a line, above or equal to zero; `None` (and a problem) if it cannot be booked.
    fn amount(
        &self,
        line: &BillLine,
        negative: bool,
        origin: Origin,
        problems: &mut Vec<Problem>,
    ) -> Option<Money> {
        let mut note = |reason, field: &str, value: String, message: &str, hint: &str| {
            problems.push(Problem {
                reason,
                rule: "amounts".to_owned(),
                target: "orderDetails[]".to_owned(),
                source: origin.names.path(origin.index, field),
                value,
                message: message.to_owned(),
                hint: Some(hint.to_owned()),
            });
            None
        };
        let sign = |decimal: Decimal| if negative { -decimal } else { decimal };
        let quantity = line.quantity.decimal();
        let count = sign(quantity);
        if count <= Decimal::ZERO || count >= MOST_COUNT {
            let message = "a count must be above 0 and below a thousand million";
            let hint = match self.rules.negative {
                Negative::Park => {
                    "set negative to opposite to book bills whose lines are all negative the other way round"
                }
                Negative::Opposite => "a bill of both directions is booked by hand",
            };
            return note(Reason::BadQuantity, "amount", quantity.normalize().to_string(), message, hint);
        }
        let computed = || line.price.map(|price| Money::new(price.decimal() * quantity));
        let amount = sign(line.amount.or_else(computed).unwrap_or_default().decimal());
        if amount < Decimal::ZERO || amount >= MOST_AMOUNT {
            let message =
                "the amount's sign is not the quantity's, or it is beyond what can be computed exactly";
            let hint = "correct the bill in the store system";
            return note(Reason::BadAmount, "trademoney", amount.normalize().to_string(), message, hint);
        }
        Some(Money::new(amount))
    }

    /// Returns how many main units one of the bill's count is; `None` (and a problem) if nobody can say.
    fn per_count(
        &self,
        line: &BillLine,
        goods: &Goods,
        origin: Origin,
        problems: &mut Vec<Problem>,
    ) -> Option<Decimal> {
        let of_sales = goods.sales_unit.map(|sales| sales.rate.decimal());
        let Some(written) = line.unit.as_deref() else {
            let sales = of_sales.filter(|_| goods.counted_in == CountedIn::Sales);
            return Some(sales.unwrap_or(Decimal::ONE));
        };
        let main = goods.main_unit.or(self.defaults.unit);
        let unit = self.tables.unit_written(written);
        let other = [goods.sales_unit, goods.price_unit].into_iter().flatten();
        match unit {
            Some(unit) if Some(unit) == main => return Some(Decimal::ONE),
            Some(unit) => {
                if let Some(known) = other.into_iter().find(|other| other.unit == unit) {
                    return Some(known.rate.decimal());
                }
            }
            None => {}
        }
        if self.rules.lines.unknown_unit == UnknownUnit::Main {
            return Some(Decimal::ONE);
        }
        problems.push(Problem {
            reason: Reason::UnknownUnit,
            rule: "lines.unknown_unit".to_owned(),
            target: "orderDetails[].masterUnitId".to_owned(),
            source: origin.names.path(origin.index, "unit"),
            value: written.to_owned(),
            message: format!("`{written}` is none of the goods' units"),
            hint: Some(
                "name it in tables/units.csv and give it to the goods, or set lines.unknown_unit to main"
                    .to_owned(),
            ),
        });
        None
    }

    fn product_type(&self, share: Money, origin: Origin, problems: &mut Vec<Problem>) -> ProductType {
        match self.rules.lines.free {
            _ if !share.is_zero() => ProductType::Sale,
            FreeGoods::Sale => ProductType::Sale,
            FreeGoods::Gift => ProductType::Gift,
            FreeGoods::Park => {
                problems.push(Problem {
                    reason: Reason::FreeGoods,
                    rule: "lines.free".to_owned(),
                    target: "orderDetails[].orderProductType".to_owned(),
                    source: origin.names.path(origin.index, "trademoney"),
                    value: share.to_string(),
                    message: "the goods have no amount".to_owned(),
                    hint: Some("set lines.free to sale or gift to book such goods".to_owned()),
                });
                ProductType::Sale
            }
        }
    }
}

const ORDER_STOCK: &str = "orderDetails[].stockOrgId";

impl Tables {
    /// Returns the store of a bill: by its code, else by its id in the store system.
    pub fn store_of(&self, bill: &Bill) -> Option<(&StoreCode, &Store)> {
        let by_code = || {
            let code: StoreCode = bill.to.code.as_deref()?.parse().ok()?;
            self.stores.as_ref()?.get_key_value(&code)
        };
        by_code().or_else(|| self.store_of_id(bill.to.id.as_deref()?))
    }
}
