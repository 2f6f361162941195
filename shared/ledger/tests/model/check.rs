//! What must be true of every world whose queue has drained.

use dougong_ledger::{Document, State};
use dougong_values::{BeijingTime, Money};

use crate::bip::Voucher;
use crate::world::{Order, World};

impl World {
    /// Checks every document, and the sums of both sides.
    pub(crate) fn check(&self) {
        let mut booked = Money::ZERO;
        let mut doubtful = Money::ZERO;
        for document in 0..self.documents.len() {
            let Some(newest) = self.newest(document) else { continue };
            let key = &self.facts(newest).key;
            let Some(row) = self.store.borrow().get(key).cloned() else {
                self.wrong(|| format!("document {document} is lost: the ledger has never heard of it"));
                return;
            };
            let vouchers = self.vouchers_with(document);
            if let Err(what) =
                self.check_row(&row, &vouchers).and_then(|()| self.check_versions(newest, &row))
            {
                self.wrong(|| format!("document {document} {what}: {row:#?}, in BIP: {vouchers:?}"));
                return;
            }
            let in_bip = vouchers.first().and_then(|voucher| self.facts(voucher.order).amount);
            match row.posted_at {
                Some(_) => booked += row.amount.unwrap_or_default(),
                None => doubtful += in_bip.unwrap_or_default(),
            }
        }
        let all = (0..self.documents.len()).flat_map(|document| self.vouchers_with(document));
        let sum = all
            .filter_map(|voucher| self.facts(voucher.order).amount)
            .fold(Money::ZERO, |sum, one| sum + one);
        if sum != booked + doubtful {
            self.wrong(|| format!("BIP has {sum}, the ledger {booked} and {doubtful} to be looked at"));
        }
    }

    /// Booked exactly once, or waiting for a person with a reason.
    fn check_row(&self, row: &Document, vouchers: &[Voucher]) -> Result<(), &'static str> {
        let same = |voucher: &Voucher| self.facts(voucher.order).version == row.version;
        if vouchers.len() > 1 {
            return Err("is booked twice");
        }
        if row.is_waiting() {
            return self.check_waiting(row, vouchers);
        }
        match row.state {
            State::Queued | State::Posting => return Err("is forgotten: no message is left for it"),
            State::Parked if row.reason.is_none() || row.attention().is_none() => {
                return Err("is parked without a reason that anybody sees");
            }
            State::Posted | State::Parked | State::Skipped => {}
        }
        match (row.posted_at, vouchers) {
            (Some(_), [voucher]) if Some(&voucher.id) != row.voucher_id.as_ref() => {
                Err("has another voucher")
            }
            (Some(_), [voucher]) if !same(voucher) => Err("is booked in another version"),
            (Some(_), []) => Err("is not in BIP though the ledger says so"),
            // The ledger forgets after 400 days; then BIP's codes alone keep it from being booked again.
            (None, [voucher]) if !voucher.is_fresh(self) => Ok(()),
            (None, [_, ..]) if !row.is_unsettled() => Err("is in BIP though the ledger says it cannot be"),
            (None, [voucher]) if !same(voucher) && row.reason.as_deref() != Some("code_taken") => {
                Err("is in BIP in a version that nobody is shown")
            }
            _ => Ok(()),
        }
    }

    /// Listed by a part that a person is shown.
    fn check_waiting(&self, row: &Document, vouchers: &[Voucher]) -> Result<(), &'static str> {
        let document = self.documents.iter().position(|script| script.versions[0].key == row.key);
        let part = document.and_then(|document| self.part_of(self.order(document, &row.version)));
        let Some(part) = part else { return Err("is forgotten: it waits in no part") };
        match part.state {
            State::Parked if part.reason.is_none() => Err("waits in a part that is parked without a reason"),
            State::Parked if !vouchers.is_empty() && !part.is_unsettled() => {
                Err("is in BIP though the ledger says its part cannot be")
            }
            State::Parked => Ok(()),
            _ => Err("is forgotten: its part is, or has not told it"),
        }
    }

    /// No version is lost: it is booked, held or parked, or a version that is not older is.
    fn check_versions(&self, newest: Order, row: &Document) -> Result<(), &'static str> {
        let mut shown = vec![(&row.version, row.modified)];
        shown.extend(row.held.iter().map(|held| (&held.version, held.modified)));
        let older = |one: Option<BeijingTime>, other: Option<BeijingTime>| matches!((one, other), (Some(one), Some(other)) if one < other);
        let queue = self.queue.borrow();
        let of_document = |order: &&Order| order.document == newest.document;
        // Versions without a time stand in no order: each may stand for each.
        let timed =
            queue.orders.iter().filter(of_document).all(|&order| self.facts(order).modified.is_some());
        for &order in queue.orders.iter().filter(of_document).filter(|_| timed) {
            let modified = self.facts(order).modified;
            if shown.iter().all(|(_, shown)| older(*shown, modified)) {
                return Err("has lost a version");
            }
        }
        let alone = |order: &Order| {
            let sent = queue.orders.iter().filter(of_document).filter(|other| *other != order);
            sent.clone().all(|&other| older(self.facts(other).modified, self.facts(*order).modified))
        };
        if alone(&newest) && shown.iter().all(|(version, _)| **version != self.facts(newest).version) {
            return Err("hides its newest version");
        }
        Ok(())
    }
}
