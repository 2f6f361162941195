//! The truth about a chain's day: what the store system has, what BIP holds and what the ledger says, kind by kind.

use std::collections::{HashMap, HashSet};

use dougong_config::Config;
use dougong_ledger::{Ledger, LedgerError};
use dougong_simulators::bip::{self, StoredVoucher};
use dougong_simulators::store::{BillKind, StoreBill};
use dougong_values::{BusinessDay, DocumentKey, DocumentKind, ResubmitKey, SchemeId};

use super::StoreDay;
use super::told::Told;
use crate::demo::audit::{Audit, Entry, Original, Voucher, audit};
use crate::demo::truth::{Names, documents};

/// The kinds of bills, as the table shows them.
pub(super) const KINDS: [(BillKind, DocumentKind); 5] = [
    (BillKind::Declare, DocumentKind::Declare),
    (BillKind::Receipt, DocumentKind::Receipt),
    (BillKind::Return, DocumentKind::Return),
    (BillKind::Outbound, DocumentKind::Outbound),
    (BillKind::Sale, DocumentKind::Sale),
];

/// What BIP holds, in its two books.
#[derive(Debug)]
pub(crate) struct Books {
    orders: Vec<Voucher>,
    returns: Vec<Voucher>,
}

impl Books {
    /// Reads both books.
    pub(crate) fn read(bip: &bip::Simulator) -> Self {
        let read = |vouchers: Vec<StoredVoucher>| vouchers.into_iter().map(voucher).collect();
        Self { orders: read(bip.orders()), returns: read(bip.returns()) }
    }

    /// Returns the keys of everything booked.
    pub(crate) fn keys(&self) -> HashSet<String> {
        self.orders.iter().chain(&self.returns).map(|voucher| voucher.resubmit_key.clone()).collect()
    }

    /// Takes the vouchers of a kind out of the book that it belongs in.
    fn take(&mut self, kind: BillKind, originals: &[Original]) -> Vec<Voucher> {
        let keys: HashSet<&str> = originals.iter().map(|original| original.resubmit_key.as_str()).collect();
        let book = match kind {
            BillKind::Receipt | BillKind::Return => &mut self.returns,
            BillKind::Declare | BillKind::Outbound | BillKind::Sale => &mut self.orders,
        };
        book.extract_if(.., |voucher| keys.contains(voucher.resubmit_key.as_str())).collect()
    }

    /// Returns what is left: the orders of WDT, and whatever nobody knows.
    pub(crate) fn rest(self) -> Vec<Voucher> {
        self.orders.into_iter().chain(self.returns).collect()
    }
}

fn voucher(stored: StoredVoucher) -> Voucher {
    Voucher {
        resubmit_key: stored.resubmit_key.unwrap_or_default(),
        code: stored.code,
        amount: stored.pay_money,
    }
}

/// The bills of one kind, compared.
#[derive(Debug)]
pub(crate) struct OfKind {
    pub(super) kind: DocumentKind,
    pub(super) audit: Audit,
    /// Bills whose push never arrived.
    pub(super) lost: u64,
    /// Bills that no push brought and the ledger has: `sweep` found them.
    pub(super) found: u64,
}

/// The chain's day, compared.
#[derive(Debug)]
pub(crate) struct StoreLook {
    pub(crate) kinds: Vec<OfKind>,
    /// What the store was told of deliveries.
    pub(crate) told: Told,
}

impl StoreLook {
    /// Tells whether every bill and every announcement ended exactly once as it should.
    pub(crate) fn is_clean(&self) -> bool {
        self.kinds.iter().all(|kind| kind.audit.is_clean()) && self.told.is_clean()
    }

    /// Counts the bills that are booked, those that are parked, and all that are to be either.
    pub(crate) fn progress(&self) -> (u64, u64, u64) {
        self.kinds.iter().map(|kind| &kind.audit).fold((0, 0, 0), |(booked, parked, total), audit| {
            let due = audit.shipped.orders - audit.excluded_orders();
            (booked + audit.booked.orders, parked + audit.parked_orders(), total + due)
        })
    }
}

/// The bills of one kind, as the ledger has them.
#[derive(Debug)]
pub(crate) struct Recorded {
    kind: BillKind,
    document: DocumentKind,
    scheme: SchemeId,
    entries: HashMap<DocumentKey, Entry>,
}

/// Reads the bills of a day from the ledger; the number of requests comes along.
pub(crate) async fn recorded(
    ledger: &Ledger,
    config: &Config,
    day: BusinessDay,
) -> Result<(Vec<Recorded>, u64), LedgerError> {
    let (mut recorded, mut requests) = (Vec::new(), 0);
    for (kind, document) in KINDS {
        let of_kind =
            config.bill_schemes.iter().find(|(_, one)| DocumentKind::from(one.source.kind) == document);
        let Some((scheme, _)) = of_kind else { continue };
        let (entries, made) = documents(ledger, scheme, day).await?;
        requests += made;
        recorded.push(Recorded { kind, document, scheme: scheme.clone(), entries });
    }
    Ok((recorded, requests))
}

impl StoreDay {
    /// Compares the bills, and takes their vouchers out of the books.
    pub(crate) fn compare(&self, recorded: Vec<Recorded>, books: &mut Books, names: &Names) -> Vec<OfKind> {
        let compare = |Recorded { kind, document, scheme, entries }| {
            let bills = self.platform.bills_of(kind);
            let originals: Vec<Original> =
                bills.iter().map(|bill| original(bill, document, &scheme, names)).collect();
            let vouchers = books.take(kind, &originals);
            let (lost, found) = self.swept(&bills, document, &entries);
            OfKind { kind: document, audit: audit(&originals, &vouchers, &entries), lost, found }
        };
        recorded.into_iter().map(compare).collect()
    }

    /// Counts the bills whose push never arrived, and those that came in without one.
    fn swept(
        &self,
        bills: &[StoreBill],
        document: DocumentKind,
        entries: &HashMap<DocumentKey, Entry>,
    ) -> (u64, u64) {
        let pushed = self.pushed();
        let without: Vec<&StoreBill> = bills
            .iter()
            .filter(|bill| pushed.ended && bill.third_party_no.is_empty())
            .filter(|bill| !pushed.arrived.contains(&(bill.kind, bill.number.clone())))
            .collect();
        let lost = without.iter().filter(|bill| bill.kind.push_command().is_some()).count();
        let found = without.iter().filter(|bill| entries.contains_key(&key(bill, document))).count();
        (lost as u64, found as u64)
    }
}

/// Describes a bill as its end must show it.
fn original(bill: &StoreBill, document: DocumentKind, scheme: &SchemeId, names: &Names) -> Original {
    let key = key(bill, document);
    Original {
        resubmit_key: ResubmitKey::derive(&names.tenant, scheme, &key).to_string(),
        key,
        amount: bill.amount_total(),
        completed: true,
        // A delivery that we announced ourselves is booked with its stockout.
        excluded: (!bill.third_party_no.is_empty()).then_some("announced_by_us"),
    }
}

/// Returns a bill's key. The number alone names it, but for sales: every till counts from one.
fn key(bill: &StoreBill, document: DocumentKind) -> DocumentKey {
    if bill.kind == BillKind::Sale {
        let (store, day) = (bill.to.uid.to_string(), bill.day.to_string());
        return DocumentKey::bill(document, &[&store, &day, &bill.number]);
    }
    DocumentKey::bill(document, &[&bill.number])
}
