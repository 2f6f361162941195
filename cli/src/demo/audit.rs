//! The truth about a day: what WDT shipped (or the store system has), what BIP holds and what the ledger says, laid side
//! by side.
//!
//! Nothing here trusts a count of the functions: each document is looked for on both sides.

use std::collections::{BTreeMap, HashMap};

use dougong_ledger::State;
use dougong_values::{DocumentKey, Money};

use crate::demo::report::{Booked, Group, Problem, Sum, Trouble};

/// An order as WDT holds it, or a bill as the store system does.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub(crate) key: DocumentKey,
    /// The idempotency key that BIP must know it under.
    pub(crate) resubmit_key: String,
    /// What it is worth there: what the buyer owes (应收), or the sum of a bill's lines.
    pub(crate) amount: Money,
    /// Whether WDT shows it in the status that the scheme asks for; bills have none.
    pub(crate) completed: bool,
    /// The rule that leaves it out.
    pub(crate) excluded: Option<&'static str>,
}

/// A sales order, or a return, as BIP holds it.
#[derive(Debug, Clone)]
pub(crate) struct Voucher {
    pub(crate) resubmit_key: String,
    pub(crate) code: String,
    pub(crate) amount: Money,
}

/// A document as the ledger holds it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
}

/// What the comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) shipped: Sum,
    pub(crate) not_completed: Sum,
    pub(crate) booked: Booked,
    pub(crate) parked: Vec<Group>,
    pub(crate) excluded: Vec<Group>,
    pub(crate) unaccounted: Vec<Trouble>,
}

impl Audit {
    /// Tells whether every order ended exactly once as it should.
    pub(crate) fn is_clean(&self) -> bool {
        self.unaccounted.is_empty() && self.booked.difference.is_zero()
    }

    /// How many are parked.
    pub(crate) fn parked_orders(&self) -> u64 {
        self.parked.iter().map(|group| group.orders).sum()
    }

    /// How many are left out by a rule.
    pub(crate) fn excluded_orders(&self) -> u64 {
        self.excluded.iter().map(|group| group.orders).sum()
    }
}

/// Compares the three sides, document by document.
pub(crate) fn audit(
    originals: &[Original],
    vouchers: &[Voucher],
    ledger: &HashMap<DocumentKey, Entry>,
) -> Audit {
    let mut by_key: HashMap<&str, Vec<&Voucher>> = HashMap::new();
    for voucher in vouchers {
        by_key.entry(&voucher.resubmit_key).or_default().push(voucher);
    }
    let mut audit = Audit::default();
    let mut parked: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut excluded: BTreeMap<&str, Sum> = BTreeMap::new();
    for order in originals {
        let found = by_key.remove(order.resubmit_key.as_str()).unwrap_or_default();
        let against_rule = if order.completed {
            audit.shipped.add(order.amount);
            order.excluded
        } else {
            audit.not_completed.add(order.amount);
            Some("not_completed")
        };
        for voucher in &found {
            audit.booked.orders += 1;
            audit.booked.bip_amount += voucher.amount;
        }
        if !found.is_empty() {
            audit.booked.amount += order.amount;
        }
        let entry = ledger.get(&order.key);
        let problem = match (against_rule, found.as_slice()) {
            (Some(rule), []) => {
                if order.completed {
                    excluded.entry(rule).or_default().add(order.amount);
                }
                None
            }
            (Some(rule), _) => Some(Problem::BookedAgainstRule { reason: rule.to_owned() }),
            (None, []) => match entry {
                Some(Entry { state: State::Parked, reason }) => {
                    parked.entry(reason.as_deref().unwrap_or("parked")).or_default().add(order.amount);
                    None
                }
                _ => Some(Problem::Lost { ledger: says(entry) }),
            },
            (None, [voucher]) => wrong_with(order, voucher, entry),
            (None, several) => Some(Problem::Doubled { times: several.len() }),
        };
        audit.unaccounted.extend(problem.map(|problem| Trouble { order: order.key.to_string(), problem }));
    }
    for voucher in by_key.into_values().flatten() {
        audit.booked.orders += 1;
        audit.booked.bip_amount += voucher.amount;
        audit.unaccounted.push(Trouble { order: voucher.code.clone(), problem: Problem::Unknown });
    }
    audit.unaccounted.sort_by(|a, b| a.order.cmp(&b.order));
    audit.booked.difference = audit.booked.bip_amount - audit.booked.amount;
    audit.parked = groups(parked);
    audit.excluded = groups(excluded);
    audit
}

/// What is wrong with an order that BIP holds once.
fn wrong_with(order: &Original, voucher: &Voucher, entry: Option<&Entry>) -> Option<Problem> {
    if voucher.amount != order.amount {
        return Some(Problem::WrongAmount { original: order.amount, bip: voucher.amount });
    }
    let recorded = entry.is_some_and(|entry| entry.state == State::Posted);
    (!recorded).then(|| Problem::NotRecorded { ledger: says(entry) })
}

fn says(entry: Option<&Entry>) -> String {
    entry.map_or_else(|| "nothing".to_owned(), |entry| entry.state.to_string())
}

fn groups(sums: BTreeMap<&str, Sum>) -> Vec<Group> {
    let mut groups: Vec<Group> = sums
        .into_iter()
        .map(|(reason, sum)| Group { reason: reason.to_owned(), orders: sum.orders, amount: sum.amount })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.orders));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u32) -> DocumentKey {
        format!("stockout#demo#{id}").parse().unwrap()
    }

    fn shipped(id: u32) -> Original {
        Original {
            key: key(id),
            resubmit_key: format!("k{id}"),
            amount: "10.50".parse().unwrap(),
            completed: true,
            excluded: None,
        }
    }

    fn voucher(id: u32, amount: &str) -> Voucher {
        Voucher { resubmit_key: format!("k{id}"), code: format!("CK{id}"), amount: amount.parse().unwrap() }
    }

    fn ledger(rows: &[(u32, State)]) -> HashMap<DocumentKey, Entry> {
        let entry =
            |state| Entry { state, reason: (state == State::Parked).then(|| "unknown_goods".to_owned()) };
        rows.iter().map(|&(id, state)| (key(id), entry(state))).collect()
    }

    fn problems(audit: &Audit) -> Vec<&Problem> {
        audit.unaccounted.iter().map(|trouble| &trouble.problem).collect()
    }

    #[test]
    fn a_day_in_which_every_order_ends_once_is_clean() {
        let left_out = Original { excluded: Some("refund_status"), ..shipped(3) };
        let waiting = Original { completed: false, ..shipped(4) };
        let audit = audit(
            &[shipped(1), shipped(2), left_out, waiting],
            &[voucher(1, "10.5")],
            &ledger(&[(1, State::Posted), (2, State::Parked)]),
        );
        assert!(audit.is_clean(), "{audit:?}");
        assert_eq!((audit.shipped.orders, audit.not_completed.orders, audit.booked.orders), (3, 1, 1));
        assert_eq!(audit.parked[0].reason, "unknown_goods");
        assert_eq!(audit.excluded[0].reason, "refund_status");
    }

    #[test]
    fn a_lost_a_doubled_a_wrong_and_an_unknown_order_are_named() {
        let audit = audit(
            &[shipped(1), shipped(2), shipped(3), shipped(4)],
            &[
                voucher(2, "10.5"),
                voucher(2, "10.5"),
                voucher(3, "10.49"),
                voucher(4, "10.5"),
                voucher(9, "1"),
            ],
            &ledger(&[(1, State::Queued), (2, State::Posted), (3, State::Posted), (4, State::Posting)]),
        );
        assert_eq!(
            problems(&audit),
            [
                &Problem::Unknown,
                &Problem::Lost { ledger: "queued".to_owned() },
                &Problem::Doubled { times: 2 },
                &Problem::WrongAmount { original: "10.5".parse().unwrap(), bip: "10.49".parse().unwrap() },
                &Problem::NotRecorded { ledger: "posting".to_owned() },
            ]
        );
        assert!(!audit.is_clean());
    }

    #[test]
    fn what_a_rule_leaves_out_must_not_be_in_bip() {
        let left_out = Original { excluded: Some("shop"), ..shipped(1) };
        let audit = audit(&[left_out], &[voucher(1, "10.5")], &HashMap::new());
        assert_eq!(problems(&audit), [&Problem::BookedAgainstRule { reason: "shop".to_owned() }]);
    }
}
