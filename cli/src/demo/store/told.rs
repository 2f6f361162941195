//! What the store was told of deliveries, beside what it should have been told: each once, and only what is booked.

use std::collections::{BTreeMap, HashMap, HashSet};

use dougong_ledger::State;
use dougong_simulators::store;
use dougong_simulators::wdt::WdtOrder;
use dougong_values::{DocumentKey, DocumentKind, StockoutId};

use super::goods_in::SHOP;
use crate::demo::audit::{Entry, Original};
use crate::demo::report::{Problem, Trouble};
use crate::demo::truth::Names;

/// How a transferring order's number begins.
const TRANSFERRING: &str = "ZFH";

/// What a stockout that ships to the store has the store told.
#[derive(Debug)]
struct Due {
    key: DocumentKey,
    /// The stockout's own key for BIP: only what is booked is told.
    resubmit_key: String,
    /// What the platform knows it by: our number of a delivery, its own of a transferring order.
    number: String,
}

/// What of one sort was due and what was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Count {
    pub(crate) due: u64,
    pub(crate) told: u64,
    pub(crate) parked: u64,
}

/// What the store was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Deliveries announced (`AddSTOBill`).
    pub(super) announced: Count,
    /// Transferring orders whose shipped quantities were written (`UpdateTransferringOrderInfo`).
    pub(super) written: Count,
    pub(super) parked: BTreeMap<String, u64>,
    pub(super) unaccounted: Vec<Trouble>,
}

impl Told {
    pub(super) fn is_clean(&self) -> bool {
        self.unaccounted.is_empty()
    }

    /// Compares what the platform was told with what is booked: the vouchers' keys, and the ledger of the orders.
    pub(crate) fn compare(
        platform: &store::Simulator,
        orders: &[WdtOrder],
        originals: &[Original],
        booked: &HashSet<String>,
        ledger: &HashMap<DocumentKey, Entry>,
        names: &Names,
    ) -> Self {
        let heard = heard(platform);
        let mut told = Self::default();
        for due in orders.iter().zip(originals).filter_map(|(order, original)| due(order, original, names)) {
            let times = heard.get(&due.number).copied().unwrap_or(0);
            let is_announcement = due.key.kind() == DocumentKind::Announce;
            let count = if is_announcement { &mut told.announced } else { &mut told.written };
            let entry = ledger.get(&due.key);
            let says = || entry.map_or_else(|| "nothing".to_owned(), |entry| entry.state.to_string());
            let problem = if booked.contains(&due.resubmit_key) {
                count.due += 1;
                count.told += u64::from(times > 0);
                match (times, entry.map(|entry| entry.state)) {
                    (0, Some(State::Parked)) => {
                        count.parked += 1;
                        let reason = entry.and_then(|entry| entry.reason.clone());
                        *told.parked.entry(reason.unwrap_or_else(|| "parked".to_owned())).or_default() += 1;
                        None
                    }
                    (0, _) => Some(Problem::NotTold { ledger: says() }),
                    // Quantities are set: the same again changes nothing. A delivery is there twice.
                    (2.., _) if is_announcement => Some(Problem::ToldAgain { times }),
                    (_, Some(State::Posted)) => None,
                    _ => Some(Problem::NotRecorded { ledger: says() }),
                }
            } else {
                (times > 0).then_some(Problem::ToldInVain)
            };
            told.unaccounted.extend(problem.map(|problem| Trouble { order: due.key.to_string(), problem }));
        }
        told
    }
}

/// Says what an order that ships to the store has it told; `None` for every other.
fn due(order: &WdtOrder, original: &Original, names: &Names) -> Option<Due> {
    if order.shop_no != SHOP || !original.completed {
        return None;
    }
    let id: StockoutId = order.stockout_id.to_string().parse().ok()?;
    let transferring = order.src_tids.first().filter(|number| number.starts_with(TRANSFERRING));
    let (key, number) = match transferring {
        Some(number) => (DocumentKey::shipped(number), number.clone()),
        None => (DocumentKey::announcing(&names.sid, &id), format!("{}-{id}", names.sid)),
    };
    Some(Due { key, resubmit_key: original.resubmit_key.clone(), number })
}

/// Counts what the platform was told, by number.
fn heard(platform: &store::Simulator) -> HashMap<String, usize> {
    let numbers: HashMap<u64, String> = platform
        .bills_of(store::BillKind::Outbound)
        .into_iter()
        .map(|bill| (bill.uid, bill.number))
        .collect();
    let announced = platform.announced().into_iter().map(|told| told.third_party_no);
    let written = platform.shipped().into_iter().filter_map(|told| numbers.get(&told.uid).cloned());
    let mut heard = HashMap::new();
    for number in announced.chain(written) {
        *heard.entry(number).or_default() += 1;
    }
    heard
}
