//! Reconciling a business day (对账): what WDT reports, what the ledger holds, what BIP has, and every difference by
//! document with what settles it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use dougong_bip::{FoundVoucher, ListQuery, Lookup, VoucherKind};
use dougong_config::Scheme;
use dougong_ledger::{DayRow, State};
use dougong_mapping::Identity;
use dougong_runtime::{BipSession, Parts};
use dougong_values::{
    BeijingTime, BusinessDay, DocumentKey, Money, SchemeId, VoucherCode, VoucherId, Window,
};
use dougong_wdt::{Client, Filter, Query, Row as WdtRow, Stockout};
use serde::Serialize;

use crate::documents::Place;
use crate::{OperateError, Operator};

/// What reconciling a scheme's business day came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// The scheme.
    pub scheme: SchemeId,
    /// The business day.
    pub day: String,
    /// What WDT reports of the day and the scheme books, by shop.
    pub shops: Vec<ShopSum>,
    /// What the scheme's filter leaves out of what WDT reports.
    pub excluded: Sum,
    /// What the ledger holds, by where it stands.
    pub ledger: Vec<PlaceSum>,
    /// The vouchers in BIP that the ledger knows.
    pub bip: Sum,
    /// Vouchers of the day in BIP that are none of ours.
    pub bip_others: Sum,
    /// Every difference, by document.
    pub differences: Vec<Difference>,
}

/// A number of documents, and what they are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// What they are worth together.
    pub amount: Money,
}

impl Sum {
    fn add(&mut self, amount: Option<Money>) {
        self.count += 1;
        self.amount += amount.unwrap_or(Money::ZERO);
    }
}

/// What one shop shipped, and what of it is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShopSum {
    /// The shop's number in WDT.
    pub shop: String,
    /// What WDT reports.
    pub wdt: Sum,
    /// What of it the ledger holds as booked.
    pub booked: Sum,
}

/// What stands in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceSum {
    /// Where.
    pub place: Place,
    /// How many.
    #[serde(flatten)]
    pub sum: Sum,
}

/// A difference between two of the three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The document; `None` for a voucher that no document is known for.
    pub key: Option<DocumentKey>,
    /// What differs.
    pub kind: DifferenceKind,
    /// Where the document stands in the ledger.
    pub place: Option<Place>,
    /// The stable name of why.
    pub reason: Option<String>,
    /// The voucher's code.
    pub voucher_code: Option<VoucherCode>,
    /// What WDT says it is worth, as the scheme books it today.
    pub expected: Option<Money>,
    /// What BIP says.
    pub in_bip: Option<Money>,
    /// When WDT changed it last: what `pull` asks for.
    pub modified: Option<BeijingTime>,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// WDT reports it, and the ledger does not know it: read it again.
    NotInLedger,
    /// The ledger knows it, and it is not booked.
    NotBooked,
    /// The ledger holds it as booked, and BIP does not have its voucher.
    NotInBip,
    /// BIP's voucher is worth something else.
    OtherAmount,
    /// A voucher has the code of an order that the ledger does not hold as booked with it.
    UnknownVoucher,
    /// The ledger holds it as booked, and WDT does not report it any more.
    NotInWdt,
}

/// An order that WDT reports.
#[derive(Debug, Clone)]
struct Shipped {
    key: DocumentKey,
    shop: String,
    /// What it is booked with today; else what WDT says it is worth.
    expected: Money,
    code: Option<VoucherCode>,
    modified: Option<BeijingTime>,
}

/// How long a slot for one call is waited for.
const SLOT_WAIT: Duration = Duration::from_mins(2);
/// Pages of the ledger's list of a day that are read at most: 200 documents each.
const PAGES: u32 = 1_000;
/// Vouchers that are looked up by their code because BIP's list of the day lacks them, at most.
const LOOK_UPS: usize = 50;

impl Operator {
    /// Reconciles a business day of a scheme for stockouts: reads WDT's day (by the time of shipping) and BIP's (by the
    /// voucher date) at their shared paces, and the ledger's list of the day. Nothing is changed.
    pub async fn reconcile(
        &self,
        scheme: &SchemeId,
        day: BusinessDay,
    ) -> Result<Reconciliation, OperateError> {
        let config = &self.system.config;
        let own = config.schemes.get(scheme).ok_or_else(|| OperateError::NoScheme {
            name: format!("{scheme} for stockouts"),
            known: config.schemes.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })?;
        let parts = self.parts()?;
        let window = Window::new(day.start(), day.start().plus_seconds(86_399));
        let window = window.map_err(|error| OperateError::Start { problem: error.to_string() })?;
        let mut excluded = Sum::default();
        let mut shipped = Vec::new();
        for stockout in self.shipped_on(own, window, &parts).await? {
            if own.mapping.excluded(&stockout).is_some() {
                excluded.add(Some(worth(&stockout)));
            } else {
                shipped.push(self.expected(own, scheme, &stockout));
            }
        }
        let ledger = self.ledger_of(scheme, day).await?;
        let session = parts.bip_session("").await.map_err(|error| OperateError::start(&error))?;
        let mut vouchers = vouchers_on(&session, window).await?;
        look_up(&session, &ledger, &mut vouchers).await?;
        let mut found = compare(&shipped, &ledger, &vouchers);
        found.scheme = scheme.clone();
        found.day = day.to_string();
        found.excluded = excluded;
        Ok(found)
    }

    /// Reads every stockout of a window, by the time of shipping.
    async fn shipped_on(
        &self,
        own: &Scheme,
        window: Window,
        parts: &Parts,
    ) -> Result<Vec<Stockout>, OperateError> {
        let client = parts.wdt_client().map_err(|error| OperateError::start(&error))?;
        let page_size = self.system.config.wdt.page_size;
        let filter = Filter { status: own.source.status, ..Filter::within(window) };
        let query = |page_no| Query { filter: filter.clone(), page_no, page_size };
        let first = self.page(&client, &query(0), parts).await?;
        let pages = page_size.pages(first.total.unwrap_or_default()).max(1);
        let mut found: BTreeMap<String, Stockout> = BTreeMap::new();
        // From the last page to the first: rows that move repeat instead of getting lost.
        for page_no in (0..u32::try_from(pages).unwrap_or(u32::MAX)).rev() {
            for row in self.page(&client, &query(page_no), parts).await?.rows {
                if let WdtRow::Stockout(stockout) = row {
                    found.insert(stockout.stockout_id.to_string(), stockout);
                }
            }
        }
        Ok(found.into_values().collect())
    }

    async fn page(
        &self,
        client: &Client,
        query: &Query,
        parts: &Parts,
    ) -> Result<dougong_wdt::Page, OperateError> {
        let pace = self.system.config.wdt.calls_per_minute;
        self.wait_for_slot(&parts.secrets.wdt.app_key, pace, SLOT_WAIT).await?;
        client.query(query).await.map_err(|error| OperateError::Wdt(Box::new(error)))
    }

    /// Maps a stockout as it would be booked today: what BIP should say it is worth.
    fn expected(&self, own: &Scheme, scheme: &SchemeId, stockout: &Stockout) -> Shipped {
        let config = &self.system.config;
        let key = DocumentKey::stockout(config.wdt.sid(), &stockout.stockout_id);
        let identity = Identity { tenant: &config.tenant, scheme, key: &key };
        let order = own.mapping.map(stockout, &identity).ok();
        Shipped {
            shop: stockout.shop_no.as_ref().map(ToString::to_string).unwrap_or_default(),
            expected: order.as_ref().map_or_else(|| worth(stockout), |order| order.pay_money),
            code: order.and_then(|order| order.code),
            modified: stockout.modified,
            key,
        }
    }

    async fn ledger_of(&self, scheme: &SchemeId, day: BusinessDay) -> Result<Vec<DayRow>, OperateError> {
        let (mut rows, mut page) = (Vec::new(), None);
        for _ in 0..PAGES {
            let read = self.ledger().by_day(scheme, day, None, page).await?;
            rows.extend(read.rows);
            page = read.next;
            if page.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}

fn worth(stockout: &Stockout) -> Money {
    stockout.receivable.unwrap_or_else(|| stockout.share_total() + stockout.post_amount)
}

/// Reads BIP's vouchers of a window, by the voucher date.
async fn vouchers_on(session: &BipSession, window: Window) -> Result<Vec<FoundVoucher>, OperateError> {
    let mut vouchers: BTreeMap<String, FoundVoucher> = BTreeMap::new();
    let mut query = ListQuery::between(window.start(), window.end());
    loop {
        let slots = session.reserve(1, SLOT_WAIT).await;
        let slots = slots.map_err(|error| OperateError::NoSlot { reason: error.to_string() })?;
        let Some(slot) = slots.into_iter().next() else { break };
        let page = session.list(slot, &query).await.map_err(|error| OperateError::Bip(Box::new(error)))?;
        let last = page.page_count.map_or(page.rows.is_empty(), |pages| u64::from(query.page_index) >= pages);
        vouchers.extend(page.rows.into_iter().map(|row| (row.id.to_string(), row)));
        if last {
            break;
        }
        query.page_index += 1;
    }
    Ok(vouchers.into_values().collect())
}

/// Looks booked vouchers up by their code that BIP's list of the day lacks: their date may be another one.
async fn look_up(
    session: &BipSession,
    ledger: &[DayRow],
    vouchers: &mut Vec<FoundVoucher>,
) -> Result<(), OperateError> {
    let known: BTreeSet<&VoucherId> = vouchers.iter().map(|voucher| &voucher.id).collect();
    let lacking: BTreeSet<VoucherCode> = ledger
        .iter()
        .filter(|row| row.voucher_id.as_ref().is_some_and(|id| !known.contains(id)))
        .filter_map(|row| row.voucher_code.clone())
        .map(|code| (code.to_string(), code))
        .collect::<BTreeMap<_, _>>()
        .into_values()
        .take(LOOK_UPS)
        .collect();
    for code in lacking {
        let slots = session.reserve(1, SLOT_WAIT).await;
        let slots = slots.map_err(|error| OperateError::NoSlot { reason: error.to_string() })?;
        let Some(slot) = slots.into_iter().next() else { break };
        if let Lookup::Found(found) = session.find_by_code(slot, VoucherKind::Order, &code).await {
            vouchers.push(found);
        }
    }
    Ok(())
}

/// Compares the three, document by document.
fn compare(shipped: &[Shipped], ledger: &[DayRow], vouchers: &[FoundVoucher]) -> Reconciliation {
    let rows: HashMap<&DocumentKey, &DayRow> = ledger.iter().map(|row| (&row.key, row)).collect();
    let in_bip: HashMap<&str, &FoundVoucher> =
        vouchers.iter().map(|voucher| (voucher.id.as_str(), voucher)).collect();
    let mut differences = Vec::new();
    let mut shops: BTreeMap<&str, ShopSum> = BTreeMap::new();
    let mut expected: BTreeMap<&str, Money> = BTreeMap::new();
    for order in shipped {
        let shop = shops.entry(&order.shop).or_insert_with(|| ShopSum {
            shop: order.shop.clone(),
            wdt: Sum::default(),
            booked: Sum::default(),
        });
        shop.wdt.add(Some(order.expected));
        let row = rows.get(&order.key).copied();
        match row.and_then(|row| row.voucher_id.as_ref()) {
            Some(voucher) => {
                shop.booked.add(Some(order.expected));
                *expected.entry(voucher.as_str()).or_insert(Money::ZERO) += order.expected;
            }
            // A person, or a rule, has decided so.
            None if row.is_some_and(|row| row.state == State::Skipped) => {}
            None => differences.push(unbooked(order, row)),
        }
    }
    let reported: BTreeSet<&DocumentKey> = shipped.iter().map(|order| &order.key).collect();
    let mut places: Vec<PlaceSum> = Vec::new();
    let mut bip = Sum::default();
    let mut ours: BTreeSet<&str> = BTreeSet::new();
    for row in ledger {
        let place = Place::of(row.state, row.reason.as_deref());
        match places.iter_mut().find(|there| there.place == place) {
            Some(there) => there.sum.add(row.amount),
            None => places
                .push(PlaceSum { place, sum: Sum { count: 1, amount: row.amount.unwrap_or(Money::ZERO) } }),
        }
        let Some(id) = row.voucher_id.as_ref() else { continue };
        let is_first = ours.insert(id.as_str());
        let voucher = in_bip.get(id.as_str()).copied();
        if let Some(voucher) = voucher.filter(|_| is_first) {
            bip.add(voucher.pay_money);
        }
        let is_merged = row.key.kind() == dougong_values::DocumentKind::Merged;
        let kind = match voucher {
            None => Some(DifferenceKind::NotInBip),
            Some(_) if !is_merged && !reported.contains(&row.key) => Some(DifferenceKind::NotInWdt),
            Some(voucher) if is_first && !is_merged => {
                let worth = expected.get(id.as_str()).copied();
                let differs = worth.zip(voucher.pay_money).is_some_and(|(ours, theirs)| ours != theirs);
                differs.then_some(DifferenceKind::OtherAmount)
            }
            Some(_) => None,
        };
        differences.extend(kind.map(|kind| Difference {
            key: Some(row.key.clone()),
            kind,
            place: Some(place),
            reason: row.reason.clone(),
            voucher_code: row.voucher_code.clone(),
            expected: expected.get(id.as_str()).copied().or(row.amount),
            in_bip: voucher.and_then(|voucher| voucher.pay_money),
            modified: None,
        }));
    }
    let codes: HashMap<&str, &Shipped> =
        shipped.iter().filter_map(|order| Some((order.code.as_ref()?.as_str(), order))).collect();
    let mut others = Sum::default();
    for voucher in vouchers.iter().filter(|voucher| !ours.contains(voucher.id.as_str())) {
        match codes.get(voucher.code.as_str()) {
            None => others.add(voucher.pay_money),
            Some(order) => differences.push(Difference {
                key: Some(order.key.clone()),
                kind: DifferenceKind::UnknownVoucher,
                place: rows.get(&order.key).map(|row| Place::of(row.state, row.reason.as_deref())),
                reason: None,
                voucher_code: Some(voucher.code.clone()),
                expected: Some(order.expected),
                in_bip: voucher.pay_money,
                modified: order.modified,
            }),
        }
    }
    differences.sort_by(|one, other| (one.kind, &one.key).cmp(&(other.kind, &other.key)));
    Reconciliation {
        scheme: SchemeId::unassigned(),
        day: String::new(),
        shops: shops.into_values().collect(),
        excluded: Sum::default(),
        ledger: places,
        bip,
        bip_others: others,
        differences,
    }
}

/// Says that an order which WDT reports is not booked.
fn unbooked(order: &Shipped, row: Option<&DayRow>) -> Difference {
    Difference {
        key: Some(order.key.clone()),
        kind: if row.is_some() { DifferenceKind::NotBooked } else { DifferenceKind::NotInLedger },
        place: row.map(|row| Place::of(row.state, row.reason.as_deref())),
        reason: row.and_then(|row| row.reason.clone()),
        voucher_code: order.code.clone(),
        expected: Some(order.expected),
        in_bip: None,
        modified: order.modified,
    }
}

#[cfg(test)]
mod tests {
    use super::DifferenceKind as Kind;
    use super::*;

    fn key(id: u32) -> DocumentKey {
        format!("stockout#demo2#{id}").parse().unwrap()
    }

    fn shipped(id: u32, amount: &str) -> Shipped {
        Shipped {
            key: key(id),
            shop: "TM001".to_owned(),
            expected: amount.parse().unwrap(),
            code: Some(format!("CK{id}").parse().unwrap()),
            modified: None,
        }
    }

    fn row(id: u32, state: State, voucher: Option<&str>, amount: &str) -> DayRow {
        DayRow {
            key: key(id),
            state,
            amount: Some(amount.parse().unwrap()),
            reason: (state == State::Parked).then(|| "unknown_goods".to_owned()),
            voucher_code: voucher.map(|_| format!("CK{id}").parse().unwrap()),
            voucher_id: voucher.map(|id| id.parse().unwrap()),
            updated_at: 0,
        }
    }

    fn voucher(id: &str, code: &str, amount: &str) -> FoundVoucher {
        FoundVoucher {
            id: id.parse().unwrap(),
            code: code.parse().unwrap(),
            pay_money: Some(amount.parse().unwrap()),
            agent_id: None,
            agent_code: None,
        }
    }

    #[test]
    fn every_difference_is_told_by_document_and_what_agrees_is_not() {
        let shipped = [
            shipped(1, "10.00"), // booked, and agrees
            shipped(2, "20.00"), // parked
            shipped(3, "30.00"), // never read
            shipped(4, "40.00"), // deleted in BIP
            shipped(5, "50.00"), // corrected in BIP
            shipped(6, "60.00"), // parked, and somebody entered it by hand
        ];
        let ledger = [
            row(1, State::Posted, Some("901"), "10.00"),
            row(2, State::Parked, None, "20.00"),
            row(4, State::Posted, Some("904"), "40.00"),
            row(5, State::Posted, Some("905"), "50.00"),
            row(6, State::Parked, None, "60.00"),
            row(7, State::Posted, Some("907"), "70.00"), // cancelled in WDT since
        ];
        let vouchers = [
            voucher("901", "CK1", "10.00"),
            voucher("905", "CK5", "55.00"),
            voucher("777", "CK6", "60.00"),
            voucher("907", "CK7", "70.00"),
            voucher("888", "MANUAL-1", "5.00"),
        ];
        let found = compare(&shipped, &ledger, &vouchers);
        let told: Vec<_> = found
            .differences
            .iter()
            .map(|difference| (difference.kind, difference.key.clone().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                (Kind::NotInLedger, key(3)),
                (Kind::NotBooked, key(2)),
                (Kind::NotBooked, key(6)),
                (Kind::NotInBip, key(4)),
                (Kind::OtherAmount, key(5)),
                (Kind::UnknownVoucher, key(6)),
                (Kind::NotInWdt, key(7)),
            ]
        );
        let sum = |count, amount: &str| Sum { count, amount: amount.parse().unwrap() };
        assert_eq!((found.shops[0].wdt, found.shops[0].booked), (sum(6, "210.00"), sum(3, "100.00")));
        assert_eq!((found.bip, found.bip_others), (sum(3, "135.00"), sum(1, "5.00")));
    }

    #[test]
    fn a_merged_voucher_is_compared_with_the_sum_of_its_orders() {
        let shipped = [shipped(1, "10.00"), shipped(2, "20.00")];
        let both = [row(1, State::Posted, Some("900"), "10.00"), row(2, State::Posted, Some("900"), "20.00")];
        assert_eq!(compare(&shipped, &both, &[voucher("900", "M1", "30.00")]).differences, []);
        let wrong = compare(&shipped, &both, &[voucher("900", "M1", "30.01")]);
        assert_eq!(wrong.differences.len(), 1);
        assert_eq!(wrong.differences[0].kind, DifferenceKind::OtherAmount);
    }
}
