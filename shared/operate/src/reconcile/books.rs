//! What BIP has of a day.

use std::collections::{BTreeMap, BTreeSet};

use dougong_bip::{FoundVoucher, ListQuery, Slot, VoucherKind};
use dougong_ledger::DayRow;
use dougong_runtime::BipSession;
use dougong_values::{BusinessDay, VoucherCode, VoucherId};

use super::source::Reported;
use super::{Asked, Reconciler, SLOT_WAIT, answered};
use crate::{OperateError, System};

/// Further days whose lists are read because vouchers are dated there, at most.
const OTHER_DAYS: usize = 10;
/// As many missing vouchers are looked up one by one; of more, the lists of the neighbouring days are read first.
const FEW: usize = 5;
/// Vouchers that are looked up by their code because no list that was read has them, at most.
const LOOK_UPS: usize = 50;

/// A voucher in BIP.
#[derive(Debug, Clone)]
pub(super) struct InBip {
    pub(super) kind: VoucherKind,
    /// Whether it is dated to the day.
    pub(super) of_day: bool,
    pub(super) voucher: FoundVoucher,
}

/// The lists that were read: several schemes need the same.
#[derive(Debug, Default)]
pub(super) struct Books {
    lists: BTreeMap<(VoucherKind, BusinessDay), Vec<FoundVoucher>>,
}

impl Books {
    /// Forgets the lists of days that are far from one: a month of them would not fit into a function.
    pub(super) fn keep_near(&mut self, day: BusinessDay) {
        let near = day.plus_days(-1)..=day.plus_days(1);
        self.lists.retain(|(_, listed), _| near.contains(listed));
    }
}

impl Reconciler<'_> {
    /// Finds BIP's vouchers of a day, and those that the ledger knows and BIP has dated otherwise.
    pub(super) async fn vouchers(
        &mut self,
        kinds: &[VoucherKind],
        day: BusinessDay,
        documents: &[Reported],
        rows: [&[DayRow]; 2],
    ) -> Result<Vec<InBip>, OperateError> {
        let mut found = Found::default();
        let others: BTreeSet<BusinessDay> =
            documents.iter().filter_map(|document| document.voucher_day).collect();
        let others = others.into_iter().filter(|other| *other != day).take(OTHER_DAYS);
        for listed in std::iter::once(day).chain(others) {
            self.read(kinds, day, listed, &mut found).await?;
        }
        for neighbour in [1, -1] {
            if found.lacks(rows).len() > FEW {
                self.read(kinds, day, day.plus_days(neighbour), &mut found).await?;
            }
        }
        let lacking: Vec<VoucherCode> = found.lacks(rows).into_values().take(LOOK_UPS).collect();
        let all = lacking.len();
        for (asked, code) in lacking.into_iter().enumerate() {
            for &kind in kinds {
                let session = &self.session;
                let query = ListQuery::of_code(&code);
                let page = answered(async || {
                    let page = session.list(slot(session).await?, kind, &query).await;
                    page.map_err(|error| OperateError::Bip(Box::new(error)))
                });
                // The list matches a code anywhere in a code.
                for voucher in page.await?.rows.into_iter().filter(|row| row.code == code) {
                    found.add(kind, false, voucher);
                }
            }
            (self.heard)(Asked { system: System::Bip, done: asked + 1, all });
        }
        Ok(found.vouchers)
    }

    /// Reads the lists of a date, each once however many schemes ask.
    async fn read(
        &mut self,
        kinds: &[VoucherKind],
        day: BusinessDay,
        listed: BusinessDay,
        found: &mut Found,
    ) -> Result<(), OperateError> {
        for &kind in kinds {
            if !self.books.lists.contains_key(&(kind, listed)) {
                let list = self.list(kind, listed).await?;
                self.books.lists.insert((kind, listed), list);
            }
            for voucher in self.books.lists.get(&(kind, listed)).into_iter().flatten() {
                found.add(kind, listed == day, voucher.clone());
            }
        }
        Ok(())
    }

    /// Reads BIP's list of a kind by the voucher date, page by page.
    async fn list(&mut self, kind: VoucherKind, day: BusinessDay) -> Result<Vec<FoundVoucher>, OperateError> {
        let mut vouchers: BTreeMap<String, FoundVoucher> = BTreeMap::new();
        let mut query = ListQuery::between(day.start(), day.plus_days(1).start().plus_seconds(-1));
        loop {
            let session = &self.session;
            let page = answered(async || {
                let page = session.list(slot(session).await?, kind, &query).await;
                page.map_err(|error| OperateError::Bip(Box::new(error)))
            });
            let page = page.await?;
            let done = usize::try_from(query.page_index).unwrap_or(usize::MAX);
            let all = page.page_count.and_then(|count| usize::try_from(count).ok());
            (self.heard)(Asked { system: System::Bip, done, all: all.unwrap_or(done).max(done) });
            let is_last = all.map_or(page.rows.is_empty(), |all| done >= all);
            vouchers.extend(page.rows.into_iter().map(|row| (row.id.to_string(), row)));
            if is_last {
                return Ok(vouchers.into_values().collect());
            }
            query.page_index += 1;
        }
    }
}

/// Reserves the slot of one call.
async fn slot(session: &BipSession) -> Result<Slot, OperateError> {
    let no_slot = |reason: String| OperateError::NoSlot { reason };
    let slots = session.reserve(1, SLOT_WAIT).await.map_err(|error| no_slot(error.to_string()))?;
    slots.into_iter().next().ok_or_else(|| no_slot("none was given".to_owned()))
}

/// The vouchers found so far, each once.
#[derive(Default)]
struct Found {
    ids: BTreeSet<String>,
    vouchers: Vec<InBip>,
}

impl Found {
    fn add(&mut self, kind: VoucherKind, of_day: bool, voucher: FoundVoucher) {
        if self.ids.insert(voucher.id.to_string()) {
            self.vouchers.push(InBip { kind, of_day, voucher });
        }
    }

    /// Returns the codes of booked vouchers that were not found, by their ids.
    fn lacks(&self, rows: [&[DayRow]; 2]) -> BTreeMap<String, VoucherCode> {
        let lacking = |row: &DayRow| {
            let id = row.voucher_id.as_ref().map(VoucherId::to_string)?;
            (!self.ids.contains(&id)).then_some(())?;
            Some((id, row.voucher_code.clone()?))
        };
        rows.into_iter().flatten().filter_map(lacking).collect()
    }
}
