//! How each order has ended.

use std::collections::BTreeMap;

use dougong_ledger::Attention;
use dougong_simulators::bip::StoredVoucher;
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{Parked, World, is_sold};
use dougong_values::{DocumentKey, Money};

/// The amounts that changed orders had before.
#[derive(Debug, Default)]
pub(crate) struct Versions(BTreeMap<u64, Money>);

impl Versions {
    /// Notes an order that is about to change.
    pub(crate) fn note(&mut self, order: &WdtOrder) {
        self.0.insert(order.stockout_id, order.expected_gross());
    }
}

/// What became of the day.
#[derive(Debug, Default)]
struct Tally {
    booked: usize,
    parked: usize,
    held: usize,
    wrong: Vec<String>,
}

/// Checks that each order is booked once, with its amount to the cent, or parked with a reason, that nothing else is
/// booked, and that the sums agree.
pub(crate) async fn every_order_has_ended(world: &World, versions: &Versions) {
    let mut vouchers: BTreeMap<String, Vec<StoredVoucher>> = BTreeMap::new();
    let mut total = Money::ZERO;
    for voucher in world.bip.orders() {
        total += voucher.pay_money;
        vouchers.entry(voucher.resubmit_key.clone().unwrap_or_default()).or_default().push(voucher);
    }
    let mut parked: BTreeMap<DocumentKey, Parked> =
        world.parked().await.into_iter().map(|parked| (parked.key.clone(), parked)).collect();

    let (mut tally, mut expected) = (Tally::default(), Money::ZERO);
    for order in world.wdt.orders() {
        let id = order.stockout_id;
        let booked = vouchers.remove(world.resubmit_key(id).as_str()).unwrap_or_default();
        let waits = parked.remove(&world.key(id));
        expected += ended(&order, &booked, waits.as_ref(), versions.0.get(&id).copied(), &mut tally);
    }
    let Tally { booked, parked: set_aside, held, mut wrong } = tally;
    wrong.extend(vouchers.values().flatten().map(|voucher| format!("voucher {} is nobody's", voucher.id)));
    wrong.extend(parked.keys().map(|key| format!("{key} is parked and nobody's")));
    if expected != total {
        wrong.push(format!("the orders that are booked amount to {expected}, their vouchers to {total}"));
    }
    crate::say(&format!(
        "{booked} booked once, of these {held} held for a change; {set_aside} parked; {total} in all"
    ));
    let first: Vec<&String> = wrong.iter().take(20).collect();
    assert!(wrong.is_empty(), "{} orders and more: {first:#?}", wrong.len());
}

/// Judges one order's end; returns the amount that is to be in BIP for it.
fn ended(
    order: &WdtOrder,
    booked: &[StoredVoucher],
    waits: Option<&Parked>,
    before: Option<Money>,
    tally: &mut Tally,
) -> Money {
    let id = order.stockout_id;
    let passes_filter = is_sold(&WdtOrder { flaw: None, raw: None, ..order.clone() });
    let cannot_be_booked =
        (order.flaw.is_some() && passes_filter) || (order.raw.is_some() && order.status == 110);
    match (booked, waits) {
        ([], None) if !is_sold(order) && !cannot_be_booked => Money::ZERO,
        ([], Some(parked))
            if (is_sold(order) || cannot_be_booked)
                && parked.kind == Attention::Parked
                && !parked.reason.is_empty() =>
        {
            tally.parked += 1;
            Money::ZERO
        }
        ([voucher], _) if is_sold(order) => {
            tally.booked += 1;
            let amount = voucher.pay_money;
            let lines: Money = voucher.lines.iter().filter_map(|line| line.number("oriSum")).sum();
            if lines != amount {
                tally.wrong.push(format!("stockout {id}: {amount} is not the sum of its lines, {lines}"));
            }
            let is_held = waits.is_some_and(|parked| parked.kind == Attention::Held);
            if amount == order.expected_gross() && waits.is_none() {
                return amount;
            }
            // Booked before it changed: the change is shown, whatever its amount.
            if before == Some(amount) && is_held {
                tally.held += 1;
                return amount;
            }
            tally.wrong.push(format!(
                "stockout {id} of {}, before {before:?}, is booked as {amount} and waits as {waits:?}",
                order.expected_gross()
            ));
            amount
        }
        _ => {
            tally.wrong.push(format!(
                "stockout {id} (status {}, flaw {:?}) is booked {} times and waits as {waits:?}",
                order.status,
                order.flaw,
                booked.len()
            ));
            booked.iter().map(|voucher| voucher.pay_money).sum()
        }
    }
}
