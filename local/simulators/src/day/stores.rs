//! A day of the retailer's own chain: what its stores ask for, receive, send back and sell.

use dougong_values::{BeijingTime, BusinessDay, Money, Quantity};
use rust_decimal::Decimal;

use super::draw::Draw;
use super::{GOODS, Goods, Kind};
use crate::store::{
    BillKind, Dialect, Place, StoreBill, StoreLine, StorePayment, StoreType, product_uid, warehouses,
};

/// A store of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store {
    /// Its id on the platform.
    pub uid: u64,
    /// Its code; the zeros in front count.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Who runs it.
    pub kind: StoreType,
    /// The delivery route it is on.
    pub route: u64,
    /// The area it is in.
    pub area: u64,
}

impl Store {
    /// Returns the store as bills name it.
    pub fn place(&self) -> Place {
        Place {
            uid: self.uid,
            code: self.code.to_owned(),
            name: self.name.to_owned(),
            external_id: String::new(),
        }
    }

    /// Tells whether the company itself runs it.
    pub const fn is_own(&self) -> bool {
        matches!(self.kind, StoreType::Own)
    }
}

/// The stores: two of the company's own, three franchises, one joint.
pub const STORES: [Store; 6] = [
    Store { uid: 38_485, code: "0101", name: "山间湖滨店", kind: StoreType::Own, route: 3432, area: 34 },
    Store { uid: 38_489, code: "0102", name: "山间城西店", kind: StoreType::Own, route: 3432, area: 34 },
    Store {
        uid: 38_503,
        code: "0201",
        name: "山间解放路加盟店",
        kind: StoreType::Franchise,
        route: 454,
        area: 34,
    },
    Store {
        uid: 38_552,
        code: "0202",
        name: "山间大学城加盟店",
        kind: StoreType::Franchise,
        route: 454,
        area: 755,
    },
    Store {
        uid: 38_560,
        code: "0203",
        name: "山间高铁站加盟店",
        kind: StoreType::Franchise,
        route: 455,
        area: 755,
    },
    Store {
        uid: 38_571,
        code: "0301",
        name: "山间博物馆联营店",
        kind: StoreType::Joint,
        route: 455,
        area: 755,
    },
];

/// The payment methods of the stores: code and name.
pub const PAYMENTS: [(&str, &str); 5] =
    [("1", "现金"), ("101", "支付宝"), ("102", "微信支付"), ("201", "银行卡"), ("301", "预存款")];

/// Seconds in a day.
const DAY: i64 = 24 * 3600;

/// What kind of day to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlan {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// The day on which bills are made and submitted.
    pub day: BusinessDay,
    /// How many requests (报货单).
    pub declares: usize,
    /// How many receiving differences (收货差异单).
    pub receipts: usize,
    /// How many returns (退仓单).
    pub returns: usize,
    /// How many outbound bills (出库单).
    pub outbounds: usize,
    /// How many sales (销售单).
    pub sales: usize,
    /// How bills are written; `None` for every other way.
    pub dialect: Option<Dialect>,
    /// A text in every member that names or reaches a person, so that a test can look for leaks.
    pub canary: Option<String>,
}

impl StorePlan {
    /// Plans a day of so many bills: of ten, four requests, one difference, one return, one outbound bill, three sales.
    pub const fn new(seed: u64, bills: usize, day: BusinessDay) -> Self {
        let tenth = bills / 10;
        let sales = 3 * tenth;
        let declares = bills - 3 * tenth - sales;
        let (receipts, returns, outbounds) = (tenth, tenth, tenth);
        Self { seed, day, declares, receipts, returns, outbounds, sales, dialect: None, canary: None }
    }

    /// Makes the bills, kind by kind. The sums of every head are those of its lines, and payments add up. The first
    /// request is submitted in the day's first second and the second in its last.
    pub fn generate(&self) -> Vec<StoreBill> {
        let kinds = [
            (BillKind::Declare, self.declares),
            (BillKind::Outbound, self.outbounds),
            (BillKind::Receipt, self.receipts),
            (BillKind::Return, self.returns),
            (BillKind::Sale, self.sales),
        ];
        let numbered = kinds.into_iter().flat_map(|(kind, count)| (0..count).map(move |index| (kind, index)));
        numbered.zip(0_u64..).map(|((kind, index), place)| self.bill(kind, index, place)).collect()
    }

    fn bill(&self, kind: BillKind, index: usize, place: u64) -> StoreBill {
        let mut draw = Draw::of(self.seed ^ 0x0570_12E5, place);
        // Every store rings up its first sale under the same number.
        let store = match kind {
            BillKind::Sale => &STORES[index % STORES.len()],
            _ => draw.of_list(&STORES),
        };
        let warehouses = warehouses();
        let from = if kind == BillKind::Sale {
            Place::default()
        } else {
            // Some are known by the id of a third system, too.
            let place = draw.of_list(&warehouses).clone();
            let external_id = if draw.percent(30) { format!("X{}", place.uid) } else { String::new() };
            Place { external_id, ..place }
        };
        let uid = self.uid(place);
        let lines = lines(&mut draw, kind, uid);
        let amount: Money = lines.iter().map(|line| line.amount).sum();
        let (created_at, submitted_at) = self.times(&mut draw, kind, index);
        let mut bill = StoreBill {
            kind,
            number: self.number(kind, index),
            uid,
            third_party_no: String::new(),
            source_no: String::new(),
            day: self.day,
            created_at,
            submitted_at,
            creator: self.person(&mut draw),
            from,
            to: store.place(),
            store_type: store.kind,
            route: store.route,
            area: store.area,
            complaint: 0,
            remark: if draw.percent(10) { "\"急\"用\n周末活动".to_owned() } else { String::new() },
            lines,
            payments: Vec::new(),
            claimed: None,
            extra: String::new(),
            dialect: self.dialect.unwrap_or(if place.is_multiple_of(2) {
                Dialect::Example
            } else {
                Dialect::Table
            }),
            voided: false,
            raw: None,
        };
        match kind {
            BillKind::Receipt => {
                // The outbound bill it speaks of, when the day has one.
                let of = index.checked_rem(self.outbounds).unwrap_or(index);
                bill.source_no = self.number(BillKind::Outbound, of);
                bill.complaint = u8::from(draw.percent(30));
            }
            BillKind::Declare if !store.is_own() => bill.payments = vec![paid(4, amount)],
            BillKind::Sale => bill.payments = payments(&mut draw, amount),
            BillKind::Declare | BillKind::Return | BillKind::Outbound => {}
        }
        if let Some(canary) = &self.canary {
            bill.extra =
                format!("\"mobileno\":\"{canary}-mobileno\",\"customername\":\"{canary}-customername\"");
        }
        bill
    }

    fn person(&self, draw: &mut Draw) -> String {
        let name = *draw.of_list(&["张三", "李四", "王五"]);
        self.canary.as_ref().map_or_else(|| name.to_owned(), |canary| format!("{canary}-cname"))
    }

    fn uid(&self, place: u64) -> u64 {
        let days = u64::try_from(self.day.start().epoch_seconds().div_euclid(DAY)).unwrap_or(0);
        (days % 1_000) * 1_000_000 + (self.seed % 10) * 100_000 + place + 1
    }

    /// Numbers are counted per kind; those of sales per store, so that those of different stores are alike.
    fn number(&self, kind: BillKind, index: usize) -> String {
        let day = self.day.to_string().replace('-', "");
        match kind {
            BillKind::Declare => format!("BH{day}{:05}", index + 1),
            BillKind::Receipt => format!("SC{day}{:05}", index + 1),
            BillKind::Return => format!("TC{day}{:05}", index + 1),
            BillKind::Outbound => format!("ZFH{day}{:05}", index + 1),
            BillKind::Sale => format!("XS{day}{:05}", index / STORES.len() + 1),
        }
    }

    fn times(&self, draw: &mut Draw, kind: BillKind, index: usize) -> (BeijingTime, BeijingTime) {
        let start = self.day.start();
        match (kind, index) {
            (BillKind::Declare, 0) => (start.plus_seconds(-60), start),
            (BillKind::Declare, 1) => (start.plus_seconds(DAY - 61), start.plus_seconds(DAY - 1)),
            _ => {
                let created = start.plus_seconds(i64::from(draw.between(8 * 3600, 22 * 3600)));
                (created, created.plus_seconds(i64::from(draw.between(1, 900))))
            }
        }
    }
}

fn lines(draw: &mut Draw, kind: BillKind, uid: u64) -> Vec<StoreLine> {
    let count = match kind {
        BillKind::Declare | BillKind::Outbound => draw.between(1, 6),
        BillKind::Sale => draw.between(1, 4),
        BillKind::Receipt | BillKind::Return => draw.between(1, 2),
    };
    let first = draw.below(60);
    // Seven steps further each time: goods of a bill are apart.
    (0..count)
        .map(|place| {
            let index = (first + 7 * place) as usize % GOODS.len();
            line(draw, kind, &GOODS[index], uid * 100 + u64::from(place) + 1)
        })
        .collect()
}

fn line(draw: &mut Draw, kind: BillKind, goods: &Goods, uid: u64) -> StoreLine {
    let (unit_size, additional_unit) = match goods.kind {
        Kind::Box(size) => (size, "箱"),
        Kind::Plain | Kind::Batches | Kind::Gift => (1, ""),
    };
    let count = match kind {
        BillKind::Declare | BillKind::Outbound => unit_size * draw.between(1, 12),
        BillKind::Sale | BillKind::Receipt | BillKind::Return => draw.between(1, 3),
    };
    // Stores buy at six tenths of the list price.
    let cents = match kind {
        BillKind::Sale => goods.cents,
        _ => goods.cents * 6 / 10,
    };
    let price = Decimal::new(i64::from(cents), 2);
    let boxes = if additional_unit.is_empty() { 0 } else { count / unit_size };
    StoreLine {
        uid,
        product_uid: product_uid(goods.spec_no).unwrap_or_default(),
        product_code: goods.spec_no.to_owned(),
        external_product_id: String::new(),
        product_name: goods.name.to_owned(),
        unit: goods.unit.to_owned(),
        price: Money::new(price),
        quantity: Quantity::new(Decimal::from(count)),
        amount: Money::new(price * Decimal::from(count)),
        additional_unit: additional_unit.to_owned(),
        additional_quantity: Quantity::new(Decimal::from(boxes)),
        remark: String::new(),
    }
}

fn paid(method: usize, amount: Money) -> StorePayment {
    let (code, name) = PAYMENTS[method];
    StorePayment { code: code.to_owned(), name: name.to_owned(), amount }
}

/// Pays a sale one way, or the first ten yuan in cash.
fn payments(draw: &mut Draw, amount: Money) -> Vec<StorePayment> {
    let ten = Money::new(Decimal::TEN);
    let method = draw.between(1, 3) as usize;
    if draw.percent(20) && amount > ten {
        vec![paid(0, ten), paid(method, amount - ten)]
    } else {
        vec![paid(method, amount)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(bills: usize) -> StorePlan {
        StorePlan::new(7, bills, "2026-11-22".parse().unwrap())
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_seed_another() {
        assert_eq!(plan(50).generate(), plan(50).generate());
        assert_ne!(plan(50).generate(), StorePlan { seed: 8, ..plan(50) }.generate());
        assert_eq!(plan(57).generate().len(), 57);
    }

    #[test]
    fn stores_payments_and_warehouses_are_those_of_the_shipped_tables() {
        let stores = include_str!("../../../../config/tables/stores.csv");
        for Store { uid, code, name, kind, .. } in STORES {
            let kind = match kind {
                StoreType::Own => "own",
                StoreType::Franchise => "franchise",
                StoreType::Joint => "joint",
            };
            let row = format!("\n{code},{name},{uid},{kind},");
            assert!(stores.contains(&row), "no row {row:?} in stores.csv");
        }
        let payments = include_str!("../../../../config/tables/payments.csv");
        for (code, name) in PAYMENTS {
            assert!(payments.contains(&format!("\n{code},{name},")), "no {name} in payments.csv");
        }
        let shipped = include_str!("../../../../config/tables/warehouses.csv");
        for Place { code, name, uid, .. } in warehouses() {
            let row = shipped.lines().find(|line| line.starts_with(&format!("{code},{name},")));
            assert!(row.is_some_and(|row| row.ends_with(&format!(",{uid}"))), "no {name} in warehouses.csv");
        }
        let goods = include_str!("../../../../config/tables/goods.csv");
        for one in &GOODS {
            let uid = product_uid(one.spec_no).unwrap();
            let row = goods.lines().find(|line| line.starts_with(&format!("{},", one.spec_no)));
            assert!(row.is_some_and(|row| row.ends_with(&format!(",{uid}"))), "{} in goods.csv", one.spec_no);
        }
    }

    #[test]
    fn what_is_paid_is_what_is_sold_and_ids_are_apart() {
        let bills = plan(1000).generate();
        let uids: BTreeSet<u64> = bills.iter().map(|bill| bill.uid).collect();
        assert_eq!(uids.len(), 1000);
        for bill in &bills {
            let paid: Money = bill.payments.iter().map(|payment| payment.amount).sum();
            if !bill.payments.is_empty() {
                assert_eq!(paid, bill.amount_total(), "{}", bill.number);
            }
            assert!(
                bill.lines.iter().all(|line| line.quantity > Quantity::ZERO && line.amount > Money::ZERO)
            );
            let changed = bill.changed();
            let paid: Money = changed.payments.iter().map(|payment| payment.amount).sum();
            assert!(changed.payments.is_empty() || paid == changed.amount_total());
        }
    }

    #[test]
    fn everything_that_makes_a_day_hard_happens() {
        let bills = plan(1000).generate();
        let share = |wanted: &dyn Fn(&StoreBill) -> bool| bills.iter().filter(|bill| wanted(bill)).count();
        for kind in
            [BillKind::Declare, BillKind::Receipt, BillKind::Return, BillKind::Outbound, BillKind::Sale]
        {
            for dialect in [Dialect::Table, Dialect::Example] {
                assert!(
                    share(&|bill| bill.kind == kind && bill.dialect == dialect) > 30,
                    "{kind:?} {dialect:?}"
                );
            }
        }
        for store in STORES {
            assert!(share(&|bill| bill.to.code == store.code) > 100, "{}", store.name);
        }
        for warehouse in warehouses() {
            assert!(share(&|bill| bill.from.code == warehouse.code) > 180, "{}", warehouse.name);
        }
        assert!(share(&|bill| !bill.from.external_id.is_empty()) > 150);
        assert!(share(&|bill| bill.payments.len() == 2) > 20);
        assert!(share(&|bill| !bill.remark.is_empty()) > 50);
        assert!(share(&|bill| bill.lines.iter().any(|line| !line.additional_unit.is_empty())) > 30);
        let sales: Vec<_> = bills.iter().filter(|bill| bill.kind == BillKind::Sale).collect();
        let numbers: BTreeSet<&str> = sales.iter().map(|bill| bill.number.as_str()).collect();
        let keys: BTreeSet<_> = sales.iter().map(|bill| (bill.number.as_str(), bill.to.uid)).collect();
        assert!(numbers.len() < sales.len(), "stores have the same numbers");
        assert_eq!(keys.len(), sales.len(), "but a store has none twice");
        assert_eq!(bills[0].submitted_at.to_string(), "2026-11-22 00:00:00");
        assert_eq!(bills[1].submitted_at.to_string(), "2026-11-22 23:59:59");
    }
}
