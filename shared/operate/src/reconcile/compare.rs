//! Compares source, ledger and BIP, document by document. Asks nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dougong_bip::VoucherKind;
use dougong_ledger::{DayRow, Known, State};
use dougong_values::{DocumentKey, DocumentKind, Money, VoucherId};

use super::books::InBip;
use super::source::Reported;
use super::{Difference, DifferenceKind, PlaceSum, ShopSum, SourceSide, Sum};
use crate::documents::Place;

/// The three sides.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) source: SourceSide,
    pub(super) documents: &'a [Reported],
    pub(super) ledger: &'a [DayRow],
    /// What the source reports of the day and the ledger lists on another one.
    pub(super) elsewhere: &'a [DayRow],
    pub(super) known: &'a HashMap<DocumentKey, Known>,
    /// What the source reports and the scheme leaves out, and why.
    pub(super) left_out: &'a HashMap<DocumentKey, &'static str>,
    pub(super) vouchers: &'a [InBip],
}

/// What comparing them came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) shops: Vec<ShopSum>,
    pub(super) places: Vec<PlaceSum>,
    pub(super) bip: Sum,
    pub(super) others: Sum,
    pub(super) differences: Vec<Difference>,
}

pub(super) fn compare(sides: &Sides<'_>) -> Compared {
    let rows: HashMap<&DocumentKey, &DayRow> =
        sides.ledger.iter().chain(sides.elsewhere).map(|row| (&row.key, row)).collect();
    let mut compared = Compared { places: places(sides.ledger), ..Compared::default() };
    let expected = reported(sides, &rows, &mut compared);
    let ours = booked(sides, &expected, &mut compared);
    unknown(sides, &rows, &ours, &mut compared);
    compared.differences.sort_by(|one, other| (one.kind, &one.key).cmp(&(other.kind, &other.key)));
    compared
}

fn place(row: &DayRow) -> Place {
    Place::of(row.state, row.reason.as_deref())
}

fn places(ledger: &[DayRow]) -> Vec<PlaceSum> {
    let mut places: Vec<PlaceSum> = Vec::new();
    for row in ledger {
        let (place, amount) = (place(row), row.amount.unwrap_or(Money::ZERO));
        match places.iter_mut().find(|there| there.place == place) {
            Some(there) => {
                there.count += 1;
                there.amount += amount;
            }
            None => places.push(PlaceSum { place, count: 1, amount }),
        }
    }
    places
}

/// Goes through what the source reports: sums by shop, and what is not booked. Returns what each voucher should be worth.
fn reported<'a>(
    sides: &Sides<'a>,
    rows: &HashMap<&DocumentKey, &'a DayRow>,
    compared: &mut Compared,
) -> HashMap<&'a str, Money> {
    let mut shops: BTreeMap<&str, ShopSum> = BTreeMap::new();
    let mut expected: HashMap<&str, Money> = HashMap::new();
    for document in sides.documents {
        let shop = shops.entry(&document.shop).or_insert_with(|| ShopSum {
            shop: document.shop.clone(),
            source: Sum::default(),
            booked: Sum::default(),
        });
        shop.source.add(Some(document.expected));
        let row = rows.get(&document.key).copied();
        if let Some(voucher) = row.and_then(|row| row.voucher_id.as_ref()) {
            shop.booked.add(Some(document.expected));
            *expected.entry(voucher.as_str()).or_insert(Money::ZERO) += document.expected;
            continue;
        }
        // Beyond what is read of other days' lists, its state is known and no more.
        let known = sides.known.get(&document.key).map(|known| known.state);
        let kind = match row.map(|row| row.state).or(known) {
            // A person, or a rule, has decided so.
            Some(State::Skipped) => continue,
            Some(State::Posted) if row.is_none() => continue,
            Some(_) => DifferenceKind::NotBooked,
            None => DifferenceKind::NotInLedger,
        };
        compared.differences.push(Difference { kind, ..of_document(document, row) });
    }
    compared.shops = shops.into_values().collect();
    expected
}

fn of_document(document: &Reported, row: Option<&DayRow>) -> Difference {
    Difference {
        key: Some(document.key.clone()),
        place: row.map(place),
        reason: row.and_then(|row| row.reason.clone()),
        voucher_code: document.code.as_ref().map(|(_, code)| code.clone()),
        expected: Some(document.expected),
        modified: document.modified,
        ..Difference::of_day(DifferenceKind::NotBooked)
    }
}

/// Goes through what the ledger holds. Returns the ids of its vouchers.
fn booked<'a>(
    sides: &Sides<'a>,
    expected: &HashMap<&'a str, Money>,
    compared: &mut Compared,
) -> BTreeSet<&'a str> {
    let in_bip: HashMap<&str, &InBip> =
        sides.vouchers.iter().map(|there| (there.voucher.id.as_str(), there)).collect();
    let reported: HashMap<&DocumentKey, &Reported> =
        sides.documents.iter().map(|document| (&document.key, document)).collect();
    let mut ours: BTreeSet<&str> = BTreeSet::new();
    for row in sides.ledger.iter().chain(sides.elsewhere) {
        let document = reported.get(&row.key).copied();
        let is_merged = row.key.kind() == DocumentKind::Merged;
        let is_absent = sides.source != SourceSide::Ledger && !is_merged && document.is_none();
        let left_out = sides.left_out.get(&row.key).copied();
        let gone = is_absent.then(|| match left_out {
            Some(reason) => (DifferenceKind::LeftOut, Some(reason.to_owned())),
            None => (DifferenceKind::NotInSource, row.reason.clone()),
        });
        let Some(id) = row.voucher_id.as_ref().map(VoucherId::as_str) else {
            let (kind, reason) = match (sides.source, gone) {
                (SourceSide::Ledger, _) => (DifferenceKind::NotBooked, row.reason.clone()),
                (_, Some(gone)) => gone,
                // What the source reports was told with it.
                (_, None) => continue,
            };
            if row.state != State::Skipped {
                compared.differences.push(Difference { kind, reason, ..of_row(row) });
            }
            continue;
        };
        let is_first = ours.insert(id);
        let there = in_bip.get(id).copied();
        let worth = there.and_then(|there| there.voucher.pay_money);
        if is_first && there.is_some() {
            compared.bip.add(worth);
        }
        // A bill that came in batches is worth what it came with, whichever way it was booked.
        let of_row_itself = row.amount.filter(|_| sides.source == SourceSide::Ledger).map(Money::abs);
        let due = expected.get(id).copied().or(of_row_itself);
        let differs = || due.zip(worth).is_some_and(|(due, worth)| due != worth);
        let own = row.reason.clone();
        let (kind, reason) = match (there, gone) {
            (None, None) => (DifferenceKind::NotInBip, own),
            (Some(_), Some(gone)) => gone,
            (Some(_), None) if has_changed(document, row, sides.known) => (DifferenceKind::Changed, own),
            (Some(_), None) if is_first && !is_merged && differs() => (DifferenceKind::OtherAmount, own),
            // Taken back on both sides; or all three agree.
            (None, Some(_)) | (Some(_), None) => continue,
        };
        compared.differences.push(Difference {
            kind,
            reason,
            expected: due.or(row.amount),
            in_bip: worth,
            modified: document.and_then(|document| document.modified),
            ..of_row(row)
        });
    }
    ours
}

fn of_row(row: &DayRow) -> Difference {
    Difference {
        key: Some(row.key.clone()),
        place: Some(place(row)),
        reason: row.reason.clone(),
        voucher_code: row.voucher_code.clone(),
        expected: row.amount,
        ..Difference::of_day(DifferenceKind::NotBooked)
    }
}

/// Tells whether a change of a booked document waits for a person, or was never read.
fn has_changed(document: Option<&Reported>, row: &DayRow, known: &HashMap<DocumentKey, Known>) -> bool {
    let is_unread =
        |document: &Reported| known.get(&document.key).is_some_and(|known| !known.holds(&document.version));
    place(row) == Place::Held || document.is_some_and(is_unread)
}

/// Goes through what BIP has besides: somebody else's, or booked past us.
fn unknown(
    sides: &Sides<'_>,
    rows: &HashMap<&DocumentKey, &DayRow>,
    ours: &BTreeSet<&str>,
    compared: &mut Compared,
) {
    let by_code: HashMap<(VoucherKind, &str), &Reported> = sides
        .documents
        .iter()
        .filter_map(|document| {
            let (kind, code) = document.code.as_ref()?;
            Some(((*kind, code.as_str()), document))
        })
        .collect();
    for there in sides.vouchers.iter().filter(|there| !ours.contains(there.voucher.id.as_str())) {
        let voucher = &there.voucher;
        match by_code.get(&(there.kind, voucher.code.as_str())) {
            None if there.of_day => compared.others.add(voucher.pay_money),
            None => {}
            Some(document) => compared.differences.push(Difference {
                kind: DifferenceKind::UnknownVoucher,
                reason: None,
                voucher_code: Some(voucher.code.clone()),
                in_bip: voucher.pay_money,
                ..of_document(document, rows.get(&document.key).copied())
            }),
        }
    }
}

#[cfg(test)]
mod tests;
