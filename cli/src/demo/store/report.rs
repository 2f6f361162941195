//! What a chain's day came to: a part of the demo's report.

use std::collections::BTreeMap;

use comfy_table::{Cell, Table};
use dougong_values::{DocumentKind, Money};
use serde::{Serialize, Serializer};

use super::books::{OfKind, StoreLook};
use super::told::Count;
use crate::demo::report::{Group, Trouble};
use crate::lang::Lang;
use crate::tables::{explained, money, plain, right};
use crate::words;

/// The chain's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StoreReport {
    kinds: Vec<KindReport>,
    /// Deliveries announced to the store.
    announced: Count,
    /// Transferring orders whose shipped quantities were written back.
    written_back: Count,
    /// Announcements that wait for a person, by reason.
    not_told: BTreeMap<String, u64>,
    unaccounted: Vec<Trouble>,
}

/// The bills of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct KindReport {
    #[serde(serialize_with = "kind_name")]
    kind: DocumentKind,
    bills: u64,
    store_amount: Money,
    booked: BookedBills,
    parked: Vec<BillGroup>,
    left_out: Vec<BillGroup>,
    /// Bills whose push never arrived.
    pushes_lost: u64,
    /// Bills that `sweep` brought in.
    found_by_sweep: u64,
}

/// The bills that BIP holds, and their amounts on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct BookedBills {
    bills: u64,
    store_amount: Money,
    bip_amount: Money,
    difference: Money,
}

/// Bills that are not booked for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct BillGroup {
    reason: String,
    bills: u64,
    store_amount: Money,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn kind_name<S: Serializer>(kind: &DocumentKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

impl StoreReport {
    /// Makes the report of a comparison.
    pub(crate) fn of(look: StoreLook) -> Self {
        let mut unaccounted = Vec::new();
        let kinds = look.kinds.into_iter().map(|of_kind| KindReport::of(of_kind, &mut unaccounted)).collect();
        unaccounted.extend(look.told.unaccounted);
        let (announced, written_back) = (look.told.announced, look.told.written);
        Self { kinds, announced, written_back, not_told: look.told.parked, unaccounted }
    }

    /// Returns what is not as it should be.
    pub(crate) fn unaccounted(&self) -> &[Trouble] {
        &self.unaccounted
    }

    /// Returns how many bills the day had.
    pub(crate) fn bills(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.bills).sum()
    }

    /// Writes the tables for a person.
    pub(crate) fn tables(&self, lang: Lang) -> [Table; 2] {
        [self.bills_table(lang), self.rest_table(lang)]
    }

    fn bills_table(&self, lang: Lang) -> Table {
        let say = |texts| lang.pick(texts);
        let mut table = plain();
        table.set_header([
            Cell::new(say(words::STORE_BILLS)),
            right(say(words::BILLS)),
            right(say(words::OF_THEM_BOOKED)),
            right(say(words::STORE_AMOUNT)),
            right(say(words::BIP_AMOUNT)),
            right(say(words::DIFFERENCE)),
            right(say(words::PUSHES_LOST)),
            right(say(words::FOUND_BY_SWEEP)),
        ]);
        for kind in &self.kinds {
            let is_pushed =
                matches!(kind.kind, DocumentKind::Declare | DocumentKind::Receipt | DocumentKind::Return);
            table.add_row([
                Cell::new(say(words::bill_kind(kind.kind))),
                right(kind.bills),
                right(kind.booked.bills),
                right(money(kind.booked.store_amount)),
                right(money(kind.booked.bip_amount)),
                right(money(kind.booked.difference)),
                right(if is_pushed { kind.pushes_lost.to_string() } else { "-".to_owned() }),
                right(kind.found_by_sweep),
            ]);
        }
        table
    }

    fn rest_table(&self, lang: Lang) -> Table {
        let say = |texts| lang.pick(texts);
        let mut table = plain();
        table.set_header([
            Cell::new(say(words::STORE_BESIDE)),
            right(say(words::BILLS)),
            right(say(words::STORE_AMOUNT)),
            Cell::new(say(words::WHAT_TO_DO)),
        ]);
        for kind in &self.kinds {
            let name = say(words::bill_kind(kind.kind));
            for group in &kind.parked {
                let (reason, what_to_do) = explained(lang, &group.reason);
                let title = words::of_kind(lang, name, &format!("{}{reason}", say(words::PARKED)));
                table.add_row([
                    Cell::new(title),
                    right(group.bills),
                    right(money(group.store_amount)),
                    Cell::new(what_to_do),
                ]);
            }
            for group in &kind.left_out {
                let reason = dougong_operate::exclusion(&group.reason).map_or(group.reason.as_str(), say);
                let title = words::of_kind(lang, name, &(say(words::EXCLUDED).to_owned() + reason));
                table.add_row([Cell::new(title), right(group.bills), right(money(group.store_amount))]);
            }
        }
        for (name, count) in [(words::ANNOUNCED, self.announced), (words::WRITTEN_BACK, self.written_back)] {
            table.add_row([Cell::new(say(name)), right(words::of_due(lang, count.told, count.due))]);
        }
        for (reason, count) in &self.not_told {
            let (reason, what_to_do) = explained(lang, reason);
            let title = format!("{}{reason}", say(words::NOT_TOLD));
            table.add_row([Cell::new(title), right(count), Cell::new(""), Cell::new(what_to_do)]);
        }
        table.add_row([Cell::new(say(words::UNACCOUNTED)), right(self.unaccounted.len())]);
        table
    }
}

impl KindReport {
    fn of(of_kind: OfKind, unaccounted: &mut Vec<Trouble>) -> Self {
        let OfKind { kind, audit, lost, found } = of_kind;
        unaccounted.extend(audit.unaccounted);
        Self {
            kind,
            bills: audit.shipped.orders,
            store_amount: audit.shipped.amount,
            booked: BookedBills {
                bills: audit.booked.orders,
                store_amount: audit.booked.amount,
                bip_amount: audit.booked.bip_amount,
                difference: audit.booked.difference,
            },
            parked: audit.parked.into_iter().map(BillGroup::of).collect(),
            left_out: audit.excluded.into_iter().map(BillGroup::of).collect(),
            pushes_lost: lost,
            found_by_sweep: found,
        }
    }
}

impl BillGroup {
    fn of(group: Group) -> Self {
        Self { reason: group.reason, bills: group.orders, store_amount: group.amount }
    }
}
