//! Finding a delivery of ours again among the platform's outbound bills, which do not show our number
//! (`protocols/store.md` §7.2).

use crate::bill::{Bill, BillLine, Party};
use crate::request::{Delivery, DeliveryLine};

/// How far an outbound bill is a delivery of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Likeness {
    /// It carries our number, in its own field or in its remark.
    Same,
    /// It says nothing of a number, and its store, day, goods and quantities are those of the delivery. Two
    /// deliveries of a day may be alike.
    Alike,
    /// Nothing contradicts, but too little can be compared: a person is needed.
    Unclear,
    /// It is another.
    Other,
}

impl Delivery {
    /// Compares an outbound bill with this delivery, by every field that both have. A delivery whose
    /// [`remark`](Self::remark) holds its number is found again for certain by platforms that show remarks.
    pub fn compare(&self, bill: &Bill) -> Likeness {
        if let Some(number) = &bill.third_party_no {
            return if *number == self.number { Likeness::Same } else { Likeness::Other };
        }
        if bill.remark.as_deref().is_some_and(|remark| names(remark, &self.number)) {
            return Likeness::Same;
        }
        let day = bill.business_date.map(|day| day == self.business_date);
        let (store, warehouse) = (party(&self.to, &bill.to), party(&self.from, &bill.from));
        if [day, store, warehouse].contains(&Some(false)) {
            return Likeness::Other;
        }
        let counted = sorted(&self.lines, |line| Some(line.quantity))
            == sorted(&bill.lines, |line| Some(line.quantity));
        if !counted {
            return Likeness::Other;
        }
        match (goods(self, bill), store) {
            (Some(false), _) => Likeness::Other,
            (Some(true), Some(true)) => Likeness::Alike,
            _ => Likeness::Unclear,
        }
    }
}

/// Tells whether a remark names a number, not as a part of a longer one.
fn names(remark: &str, number: &str) -> bool {
    let part_of_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !number.is_empty()
        && remark.match_indices(number).any(|(at, _)| {
            let before = remark.get(..at).and_then(|before| before.chars().next_back());
            let after = remark.get(at + number.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(part_of_one) && !after.is_some_and(part_of_one)
        })
}

/// Compares parties by id, else by code, else by name; `None` where they have none of them in common.
fn party(ours: &Party, theirs: &Party) -> Option<bool> {
    let pairs = [(&ours.id, &theirs.id), (&ours.code, &theirs.code), (&ours.name, &theirs.name)];
    pairs.into_iter().find_map(|(ours, theirs)| Some(ours.as_ref()? == theirs.as_ref()?))
}

/// Compares goods and their quantities, by id, else by code; by name only in agreement: the same goods may go by
/// another name.
fn goods(ours: &Delivery, theirs: &Bill) -> Option<bool> {
    let by = |ours_by: fn(&DeliveryLine) -> Option<&str>, theirs_by: fn(&BillLine) -> Option<&str>| {
        let ours = sorted(&ours.lines, |line| Some((ours_by(line)?, line.quantity)))?;
        let theirs = sorted(&theirs.lines, |line| Some((theirs_by(line)?, line.quantity)))?;
        Some(ours == theirs)
    };
    let by_id = by(|line| line.product_id.as_deref(), |line| line.product_id.as_deref());
    let by_code = || by(|line| Some(&line.product_code), |line| line.product_code.as_deref());
    let by_name =
        || by(|line| Some(&line.product_name), |line| line.product_name.as_deref()).filter(|same| *same);
    by_id.or_else(by_code).or_else(by_name)
}

/// Returns what is asked of every line, sorted; `None` where a line does not have it.
fn sorted<'a, L, T: Ord>(lines: &'a [L], of: impl Fn(&'a L) -> Option<T>) -> Option<Vec<T>> {
    let mut all: Vec<T> = lines.iter().map(of).collect::<Option<_>>()?;
    all.sort_unstable();
    Some(all)
}
