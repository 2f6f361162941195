//! What the platform holds, and what it answers to the eleven commands.

use std::collections::{BTreeMap, BTreeSet};

use dougong_values::{BeijingTime, BusinessDay, Money, Quantity};
use rust_decimal::Decimal;

use super::batch::{Batches, Drain, HandedOut};
use super::bill::{BillKind, Dialect, Place, StoreBill, StoreLine};
use super::render::{self, Object};
use super::request::{self, Refusal, days, read, said};
use super::{Done, Settings, code};
use crate::day::{PAYMENTS, STORES, Store};

/// Seconds in the three days that a download covers.
const THREE_DAYS: i64 = 3 * 24 * 3600;

/// A bill that we announced with `AddSTOBill`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Our number.
    pub third_party_no: String,
    /// The request that it fulfils.
    pub request_no: Option<String>,
    /// The bill's number on the platform.
    pub number: String,
    /// Its id on the platform.
    pub uid: u64,
    /// The warehouse's code.
    pub from: String,
    /// The store's code.
    pub to: String,
    /// The sums that the head claims.
    pub claimed: (Quantity, Money),
    /// The lines: product code, quantity, amount.
    pub lines: Vec<(String, Quantity, Money)>,
}

/// Quantities that we wrote with `UpdateTransferringOrderInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The bill.
    pub uid: u64,
    /// Who wrote it.
    pub by: String,
    /// The lines: id, quantity of the bill, quantity shipped.
    pub lines: Vec<(u64, Quantity, Quantity)>,
}

#[derive(Debug, Default)]
pub(super) struct Platform {
    bills: BTreeMap<(BillKind, String, u64), StoreBill>,
    pub(super) batches: Batches,
    pub(super) announced: Vec<Announced>,
    pub(super) shipped: Vec<Shipped>,
    /// How often a cancellation named no bill, and so took every mark away.
    pub(super) cancelled_everything: u32,
}

/// An answer: what was done, and the members of the reply beside `code`, `seq` and `msg`.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) done: Done,
    pub(super) members: String,
}

impl Answered {
    fn bare(done: Done) -> Self {
        Self { done, members: String::new() }
    }
}

impl Platform {
    pub(super) fn add(&mut self, bill: StoreBill) {
        self.bills.insert(bill.key(), bill);
    }

    pub(super) fn bills(&self) -> impl Iterator<Item = &StoreBill> {
        self.bills.values()
    }

    pub(super) fn bills_mut(&mut self) -> impl Iterator<Item = &mut StoreBill> {
        self.bills.values_mut()
    }

    /// Answers a command whose caller was let in; `None` when there is no such command.
    pub(super) fn answer(
        &mut self,
        command: &str,
        body: &[u8],
        settings: &Settings,
    ) -> Option<Result<Answered, Refusal>> {
        Some(match command {
            "QueryAllPay" => Ok(payments()),
            "DownloadStoreDeclareGoodsByBatch" => self.download(BillKind::Declare, body),
            "DownloadRECBill" => self.download(BillKind::Receipt, body),
            "DownloadREQBill" => self.download(BillKind::Return, body),
            "AddSTOBill" => self.announce(body, settings),
            "GetTransferringStores" => self.stores(body, settings),
            "QueryTransferringOrderInfo" => self.transferring(body, settings),
            "AchieveQueryTransferringOrderInfo" => self.commit(body),
            "AchieveRetQueryTransferringOrderInfo" => self.cancel(body),
            "UpdateTransferringOrderInfo" => self.update(body),
            "QuerySaleOrderInfo" => self.sales(body, settings),
            _ => return None,
        })
    }

    /// Bills of three days after the condition, which is not one of them; when the condition is before the first bill
    /// of all, three days from that bill on, whatever was asked for. More than three days are cut off, silently.
    fn download(&self, kind: BillKind, body: &[u8]) -> Result<Answered, Refusal> {
        let asked: request::Download = read(body)?;
        let (start, end) = days(&asked.startday, &asked.endday)?;
        if asked.storetype > 3 {
            return Err(Refusal::new(code::PARAMETER, "storetype 只能为 0-3"));
        }
        let condition = start.start();
        let shown = || self.bills().filter(|bill| bill.kind == kind && !bill.voided);
        let oldest = shown().map(|bill| bill.submitted_at).min();
        let last = condition.plus_seconds(THREE_DAYS).min(end.start().plus_seconds(24 * 3600 - 1));
        let is_in_time = |time: BeijingTime| match oldest {
            Some(oldest) if condition < oldest => time <= oldest.plus_seconds(THREE_DAYS),
            _ => time > condition && time <= last,
        };
        let mut found: Vec<&StoreBill> = shown()
            .filter(|bill| is_in_time(bill.submitted_at))
            .filter(|bill| asked.storetype == 0 || asked.storetype == bill.store_type.number())
            .filter(|bill| asked.storeuid.is_none_or(|uid| uid == bill.to.uid))
            .filter(|bill| asked.businessid.is_none_or(|complaint| complaint == bill.complaint))
            .collect();
        found.sort_by(|one, other| (one.submitted_at, &one.number).cmp(&(other.submitted_at, &other.number)));
        let mut out = Object::default();
        out.list("items", found.iter().map(|bill| render::bill(bill)));
        Ok(Answered { done: Done::Shown(found.len()), members: inside(out) })
    }

    fn outbound(&self, start: BusinessDay, end: BusinessDay, stock: u64) -> impl Iterator<Item = &StoreBill> {
        self.bills().filter(move |bill| {
            bill.kind == BillKind::Outbound
                && !bill.voided
                && bill.from.uid == stock
                && (start..=end).contains(&bill.day)
        })
    }

    fn stores(&self, body: &[u8], settings: &Settings) -> Result<Answered, Refusal> {
        let asked: request::Stores = read(body)?;
        let (start, end) = days(&asked.startday, &asked.endday)?;
        let stores: BTreeSet<u64> = self.outbound(start, end, asked.stock).map(|bill| bill.to.uid).collect();
        let mut out = Object::default();
        out.list(
            "items",
            stores.iter().map(|uid| match settings.dialect {
                Dialect::Table => format!("{{\"storeuid\":\"{uid}\"}}"),
                Dialect::Example => uid.to_string(),
            }),
        );
        if settings.dialect == Dialect::Example {
            out.text("cmd", "GetTransferringStoresResp");
        }
        Ok(Answered { done: Done::Shown(stores.len()), members: inside(out) })
    }

    fn transferring(&mut self, body: &[u8], settings: &Settings) -> Result<Answered, Refusal> {
        const COMMAND: &str = "QueryTransferringOrderInfo";
        let asked: request::Transferring = read(body)?;
        let (start, end) = days(&asked.startday, &asked.endday)?;
        let (routes, stores, areas) = (asked.dluiditems, asked.storeuiditems, asked.areauiditems);
        let selectors: Vec<&Vec<u64>> = [&routes, &stores, &areas].into_iter().flatten().collect();
        if !matches!(selectors.as_slice(), [only] if !only.is_empty()) {
            return Err(Refusal::new(code::PARAMETER, "dluiditems、areauiditems、storeuiditems 须选择一个"));
        }
        let is = |ids: &Option<Vec<u64>>, id: u64| ids.as_ref().is_none_or(|ids| ids.contains(&id));
        let found: Vec<u64> = self
            .outbound(start, end, asked.stock)
            .filter(|bill| is(&routes, bill.route) && is(&stores, bill.to.uid) && is(&areas, bill.area))
            .map(|bill| bill.uid)
            .collect();
        let handed = self.hand_out(COMMAND, asked.sumbatch.as_deref(), found, settings)?;
        Ok(self.rows(BillKind::Outbound, handed, settings))
    }

    fn sales(&mut self, body: &[u8], settings: &Settings) -> Result<Answered, Refusal> {
        const COMMAND: &str = "QuerySaleOrderInfo";
        let asked: request::Sales = read(body)?;
        let day = request::day(&asked.date)?;
        let (start, end) = settings.sale_window.of(&asked)?;
        let is_time = |text: &str| text.len() == 8 && format!("{day} {text}").parse::<BeijingTime>().is_ok();
        if !is_time(&start) || !is_time(&end) {
            return Err(Refusal::new(code::PARAMETER, "起止时间格式错误"));
        }
        let found: Vec<u64> = self
            .bills()
            .filter(|bill| {
                bill.kind == BillKind::Sale
                    && !bill.voided
                    && bill.to.uid == asked.storeuid
                    && bill.day == day
            })
            .filter(|bill| {
                let time = bill.created_at.to_string();
                (start.as_str()..=end.as_str()).contains(&time.get(11..).unwrap_or_default())
            })
            .map(|bill| bill.uid)
            .collect();
        let handed = if settings.sale_batches {
            self.hand_out(COMMAND, asked.sumbatch.as_deref(), found, settings)?
        } else {
            Some(HandedOut { batch: String::new(), rows: found })
        };
        Ok(self.rows(BillKind::Sale, handed, settings))
    }

    fn hand_out(
        &mut self,
        command: &'static str,
        batch: Option<&str>,
        found: Vec<u64>,
        settings: &Settings,
    ) -> Result<Option<HandedOut>, Refusal> {
        let (size, drain): (usize, Drain) = (settings.batch_size, settings.drain);
        match batch.filter(|batch| !batch.is_empty()) {
            None => Ok(self.batches.open(command, found.into_iter(), size, drain)),
            Some(name) => {
                let handed = self.batches.go_on(command, name, size, drain);
                handed.map(Some).ok_or_else(|| Refusal::new(code::UNKNOWN_BATCH, "批次不存在"))
            }
        }
    }

    fn rows(&self, kind: BillKind, handed: Option<HandedOut>, settings: &Settings) -> Answered {
        let mut out = Object::default();
        let handed = handed.unwrap_or(HandedOut { batch: String::new(), rows: Vec::new() });
        out.text_if_any("sumbatch", &handed.batch);
        let by_uid: BTreeMap<u64, &StoreBill> =
            self.bills().filter(|bill| bill.kind == kind).map(|bill| (bill.uid, bill)).collect();
        let rows = handed.rows.iter().filter_map(|uid| by_uid.get(uid));
        let key = match settings.dialect {
            Dialect::Table => "billnoitmes",
            Dialect::Example => "billnoitems",
        };
        out.list(key, rows.map(|bill| render::bill(bill)));
        Answered { done: Done::HandedOut { batch: handed.batch, rows: handed.rows }, members: inside(out) }
    }

    fn commit(&mut self, body: &[u8]) -> Result<Answered, Refusal> {
        let asked: request::Commit = read(body)?;
        if self.batches.commit(&asked.sumbatch) {
            Ok(Answered::bare(Done::Committed(asked.sumbatch)))
        } else {
            Err(Refusal::new(code::UNKNOWN_BATCH, "批次不存在"))
        }
    }

    fn cancel(&mut self, body: &[u8]) -> Result<Answered, Refusal> {
        let asked: request::Cancel = read(body)?;
        let rows: BTreeSet<u64> = asked.buid.unwrap_or_default().into_iter().collect();
        self.cancelled_everything += u32::from(rows.is_empty());
        Ok(Answered::bare(Done::Cancelled(self.batches.cancel(&rows))))
    }

    fn announce(&mut self, body: &[u8], settings: &Settings) -> Result<Answered, Refusal> {
        let request::Add { items: bill } = read(body)?;
        said("tbillno", &bill.tbillno)?;
        let day = request::day(&bill.rdate)?;
        let unknown = |what: &str, code: &str| Refusal::new(code::PARAMETER, format!("{what}不存在: {code}"));
        let to = STORES.iter().find(|store| store.code == bill.instorecode);
        let to = to.ok_or_else(|| unknown("收货门店", &bill.instorecode))?;
        let from = super::warehouse(&bill.outstorecode);
        let from = from.ok_or_else(|| unknown("出库仓库", &bill.outstorecode))?;
        if bill.billitems.is_empty() {
            return Err(Refusal::new(code::PARAMETER, "billitems 不能为空"));
        }
        for line in &bill.billitems {
            said("prodcode", &line.prodcode)?;
            said("prodname", &line.prodname)?;
            said("unit", &line.unit)?;
        }
        if self.announced.iter().any(|known| known.third_party_no == bill.tbillno) {
            return Err(Refusal::new(code::DUPLICATE, format!("第三方单据号已存在: {}", bill.tbillno)));
        }
        let place = u64::try_from(self.announced.len()).unwrap_or(0) + 1;
        let (uid, number) =
            (900_000_000 + place, format!("FHD{}{place:05}", day.to_string().replace('-', "")));
        let announced = Announced {
            third_party_no: bill.tbillno.clone(),
            request_no: bill.parebillno.clone().filter(|number| !number.is_empty()),
            number: number.clone(),
            uid,
            from: bill.outstorecode.clone(),
            to: bill.instorecode.clone(),
            claimed: (bill.amounttotal, bill.dealtotal),
            lines: bill
                .billitems
                .iter()
                .map(|line| (line.prodcode.clone(), line.amount, line.trademoney))
                .collect(),
        };
        if settings.announced_are_shown {
            self.add(outbound_of(&bill, (uid, &number), day, from, to, settings.dialect));
        }
        self.announced.push(announced);
        let mut out = Object::default();
        out.text("tbillno", &bill.tbillno);
        if settings.announced_are_named {
            out.text("billno", &number);
        }
        let members = format!("\"items\":{}", out.end());
        Ok(Answered { done: Done::Announced(number), members })
    }

    fn update(&mut self, body: &[u8]) -> Result<Answered, Refusal> {
        let asked: request::Update = read(body)?;
        said("cbill", &asked.cbill)?;
        let bill = self.bills().find(|bill| bill.kind == BillKind::Outbound && bill.uid == asked.buid);
        let bill = bill.ok_or_else(|| Refusal::new(code::UNKNOWN_BILL, "单据不存在"))?;
        if asked.billnoitems.is_empty() {
            return Err(Refusal::new(code::PARAMETER, "billnoitems 不能为空"));
        }
        for line in &asked.billnoitems {
            said("prodname", &line.prodname)?;
            said("unit", &line.unit)?;
            let is_same = |own: &StoreLine| own.uid == line.ibiuid && own.product_uid == line.produid;
            if !bill.lines.iter().any(is_same) || !line.additional_unit.is_string() {
                return Err(Refusal::new(code::PARAMETER, format!("流水ID错误: {}", line.ibiuid)));
            }
        }
        let lines = asked.billnoitems.iter().map(|line| (line.ibiuid, line.amount, line.tamount)).collect();
        self.shipped.push(Shipped { uid: asked.buid, by: asked.cbill, lines });
        Ok(Answered::bare(Done::Updated(asked.buid)))
    }
}

fn payments() -> Answered {
    let mut out = Object::default();
    out.list(
        "items",
        PAYMENTS.iter().map(|(code, name)| {
            let mut one = Object::default();
            one.text("paycode", code);
            one.text("payname", name);
            one.end()
        }),
    );
    Answered { done: Done::Shown(PAYMENTS.len()), members: inside(out) }
}

/// Takes the braces off.
fn inside(object: Object) -> String {
    let text = object.end();
    text.get(1..text.len() - 1).unwrap_or_default().to_owned()
}

/// The outbound bill that an announcement becomes. It does not show our number.
fn outbound_of(
    bill: &request::AddedBill,
    (uid, number): (u64, &str),
    day: BusinessDay,
    from: Place,
    to: &Store,
    dialect: Dialect,
) -> StoreBill {
    let lines = bill.billitems.iter().zip(1_u64..).map(|(line, place)| StoreLine {
        uid: uid * 100 + place,
        product_uid: super::product_uid(&line.prodcode).unwrap_or(99_999),
        product_code: line.prodcode.clone(),
        external_product_id: String::new(),
        product_name: line.prodname.clone(),
        unit: line.unit.clone(),
        price: line.dealpri,
        quantity: line.amount,
        amount: line.trademoney,
        additional_unit: line.additionalunit.clone().unwrap_or_default(),
        additional_quantity: Quantity::new(Decimal::ZERO) + line.additionalunit_amount,
        remark: line.remark.clone().unwrap_or_default(),
    });
    StoreBill {
        kind: BillKind::Outbound,
        number: number.to_owned(),
        uid,
        third_party_no: bill.tbillno.clone(),
        source_no: String::new(),
        day,
        created_at: bill.billingdate,
        submitted_at: bill.refertime,
        creator: String::new(),
        from,
        to: to.place(),
        store_type: to.kind,
        route: to.route,
        area: to.area,
        complaint: 0,
        remark: bill.remarks.clone().unwrap_or_default(),
        lines: lines.collect(),
        payments: Vec::new(),
        claimed: Some((bill.amounttotal, bill.dealtotal)),
        extra: String::new(),
        dialect,
        voided: false,
        raw: None,
    }
}
