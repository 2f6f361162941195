//! Both sides' books: what WDT shipped against what BIP has booked, to the cent.

use std::collections::BTreeMap;

use dougong_ledger::Attention;
use dougong_simulators::wdt::WdtOrder;
use dougong_simulators::{bip, wdt};
use dougong_values::{DocumentKey, Money, ResubmitKey, Sid, StockoutId};
use serde_json::Value;

use crate::world::{SCHEME, TENANT, World, now_ms};

/// A document that waits for a person.
#[derive(Debug, Clone)]
pub struct Parked {
    /// The document.
    pub key: DocumentKey,
    /// Which list it is in.
    pub kind: Attention,
    /// The stable name of the reason.
    pub reason: String,
    /// Every problem that was found, each with its own `reason`.
    pub problems: Vec<Value>,
}

impl Parked {
    /// Returns the reasons of all problems.
    pub fn reasons(&self) -> Vec<&str> {
        self.problems.iter().filter_map(|problem| problem["reason"].as_str()).collect()
    }
}

/// Tells whether the shipped configuration books an order: completed, sold, not refunded as a whole, and in the tables.
pub fn is_sold(order: &WdtOrder) -> bool {
    order.status == 110
        && [1, 2, 4].contains(&order.trade_type)
        && ![3, 4].contains(&order.refund_status)
        && order.flaw.is_none()
        && order.raw.is_none()
}

/// What a look at both sides finds.
#[derive(Debug, Clone)]
pub struct Books {
    /// How many orders are to be booked.
    pub due: usize,
    /// Everything in which the two sides differ.
    pub wrong: Vec<String>,
}

/// Compares what the shipped configuration books of a WDT with what a BIP holds.
///
/// # Panics
/// If the simulated WDT has no account.
pub fn books_of(wdt: &wdt::Simulator, bip: &bip::Simulator) -> Books {
    let sold: Vec<WdtOrder> = wdt.orders().into_iter().filter(is_sold).collect();
    let sid = wdt.settings().sid.parse().expect("the simulator has an account");
    Books { due: sold.len(), wrong: differences(&sold, bip, |id| key_for_bip(&stockout(&sid, id))) }
}

/// Finds what keeps BIP from holding exactly these orders, each once with its amount to the cent.
fn differences(orders: &[WdtOrder], bip: &bip::Simulator, key: impl Fn(u64) -> ResubmitKey) -> Vec<String> {
    let vouchers = bip.orders();
    let total: Money = vouchers.iter().map(|voucher| voucher.pay_money).sum();
    let mut by_key: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for voucher in vouchers {
        by_key.entry(voucher.resubmit_key.clone().unwrap_or_default()).or_default().push(voucher);
    }
    let mut wrong = Vec::new();
    for order in orders {
        let id = order.stockout_id;
        let expected = order.expected_gross();
        let booked = by_key.remove(key(id).as_str()).unwrap_or_default();
        let [voucher] = booked.as_slice() else {
            wrong.push(format!("stockout {id} is booked {} times", booked.len()));
            continue;
        };
        let lines: Money = voucher.lines.iter().filter_map(|line| line.number("oriSum")).sum();
        if voucher.pay_money != expected || lines != expected {
            let booked = voucher.pay_money;
            wrong.push(format!("stockout {id} of {expected} is booked as {booked}, its lines as {lines}"));
        }
    }
    for voucher in bip.orders() {
        // BIP drops what it does not know, and null is no way to leave a field out.
        wrong.extend(voucher.dropped.iter().map(|key| format!("voucher {}: BIP knows no {key}", voucher.id)));
        wrong.extend(voucher.nulls.iter().map(|key| format!("voucher {}: {key} is null", voucher.id)));
    }
    wrong.extend(by_key.values().flatten().map(|voucher| format!("voucher {} is nobody's", voucher.id)));
    let shipped: Money = orders.iter().map(WdtOrder::expected_gross).sum();
    if shipped != total {
        wrong.push(format!("shipped {shipped} in all, booked {total}"));
    }
    wrong
}

/// Returns the key of an order's document.
pub(crate) fn stockout(sid: &Sid, stockout_id: u64) -> DocumentKey {
    let id: StockoutId = stockout_id.to_string().parse().expect("a number is an id");
    DocumentKey::stockout(sid, &id)
}

fn key_for_bip(document: &DocumentKey) -> ResubmitKey {
    let tenant = TENANT.parse().expect("the tenant has a good name");
    let scheme = SCHEME.parse().expect("the scheme has a good name");
    ResubmitKey::derive(&tenant, &scheme, document)
}

impl World {
    /// Checks that each order of WDT that is to be booked is in BIP exactly once with its amount to the cent, nothing
    /// else is, and the sums of both sides agree. Returns how many orders that are.
    ///
    /// # Panics
    /// With everything that is wrong.
    #[track_caller]
    pub fn assert_books_agree(&self) -> usize {
        let sold: Vec<WdtOrder> = self.wdt.orders().into_iter().filter(is_sold).collect();
        self.assert_booked(&sold);
        sold.len()
    }

    /// Checks that exactly these orders are in BIP, each once with its amount to the cent, and nothing else.
    ///
    /// # Panics
    /// With everything that is wrong.
    #[track_caller]
    pub fn assert_booked(&self, orders: &[WdtOrder]) {
        let wrong = differences(orders, &self.bip, |id| self.resubmit_key(id));
        let first: Vec<&String> = wrong.iter().take(20).collect();
        assert!(wrong.is_empty(), "{} of {} orders and more: {first:#?}", wrong.len(), orders.len());
    }

    /// Returns how many vouchers BIP has.
    pub fn vouchers(&self) -> usize {
        self.bip.order_count()
    }

    /// Returns the idempotency key of an order.
    pub fn resubmit_key(&self, stockout_id: u64) -> ResubmitKey {
        key_for_bip(&self.key(stockout_id))
    }

    /// Returns everything that waits for a person, by key.
    pub async fn parked(&self) -> Vec<Parked> {
        let mut parked = Vec::new();
        for kind in Attention::ALL {
            let mut next = None;
            loop {
                let page = self.ledger.attention(kind, None, next).await.expect("the ledger answers");
                for row in page.rows {
                    let document =
                        self.ledger.document(&row.key, now_ms()).await.expect("the ledger answers");
                    let problems = document.and_then(|document| document.problems).unwrap_or_default();
                    let problems = serde_json::from_str(&problems).unwrap_or_default();
                    let reason = row.reason.unwrap_or_default();
                    parked.push(Parked { key: row.key, kind, reason, problems });
                }
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        parked.sort_by(|one, other| one.key.cmp(&other.key));
        parked
    }

    /// Checks that nobody has to look at anything.
    ///
    /// # Panics
    /// If somebody has to.
    pub async fn assert_nothing_parked(&self) {
        let parked = self.parked().await;
        assert!(parked.is_empty(), "a person is asked to look at {parked:#?}");
    }
}
