//! What a demo came to: one value, printed as a table for a merchant or as JSON for a program.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{Cell, Table};
use dougong_values::Money;
use serde::{Serialize, Serializer};

use crate::demo::store::StoreReport;
use crate::lang::{Lang, Texts};
use crate::tables::{explained, money, plain, right};
use crate::words;

/// A number of orders and what they are worth in WDT; or of bills and what they are in the store system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sum {
    pub(crate) orders: u64,
    #[serde(rename = "wdt_amount")]
    pub(crate) amount: Money,
}

impl Sum {
    /// Adds one order.
    pub(crate) fn add(&mut self, amount: Money) {
        self.orders += 1;
        self.amount += amount;
    }
}

/// The orders that BIP holds, and their amounts on both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Booked {
    pub(crate) orders: u64,
    #[serde(rename = "wdt_amount")]
    pub(crate) amount: Money,
    pub(crate) bip_amount: Money,
    pub(crate) difference: Money,
}

/// Orders that are not booked for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// The stable name of the reason.
    pub(crate) reason: String,
    pub(crate) orders: u64,
    #[serde(rename = "wdt_amount")]
    pub(crate) amount: Money,
}

/// Calls made, by what they cost: each system has its own limit or price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Calls {
    pub(crate) wdt: u64,
    pub(crate) store: u64,
    pub(crate) bip_save: u64,
    pub(crate) bip_token: u64,
    pub(crate) bip_lookup: u64,
    pub(crate) dynamodb: u64,
    pub(crate) sqs: u64,
}

/// What happened on the way that could have lost or doubled an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OnTheWay {
    /// Orders that reached "completed" only while the demo ran.
    pub(crate) completed_late: u64,
    /// Orders that changed their place in WDT's list while it was paged.
    pub(crate) moved_while_paged: u64,
    /// Faults that the simulators made.
    pub(crate) faults: u64,
    /// Function processes that were killed.
    pub(crate) killed: u64,
    /// How often WDT listed an order again that it had listed before.
    pub(crate) listed_again: u64,
    /// How often the store system pushed what it had pushed before.
    pub(crate) pushed_again: u64,
    /// How often BIP was asked to save under a key it already knew.
    pub(crate) saved_again: u64,
}

/// An order whose end is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trouble {
    /// The document's key, or the voucher's code when BIP holds what WDT never had.
    pub(crate) order: String,
    /// What is wrong with it.
    pub(crate) problem: Problem,
}

/// What can be wrong with an order's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Neither booked, nor parked, nor left out by a rule; the ledger says this much.
    Lost { ledger: String },
    /// BIP holds it more than once.
    Doubled { times: usize },
    /// BIP holds it with another amount.
    WrongAmount { original: Money, bip: Money },
    /// BIP holds it, but the ledger does not say so.
    NotRecorded { ledger: String },
    /// BIP holds what a rule leaves out.
    BookedAgainstRule { reason: String },
    /// BIP holds what neither WDT nor the store system has.
    Unknown,
    /// It is booked, and its store was not told of it; the ledger says this much.
    NotTold { ledger: String },
    /// Its store was told more than once.
    ToldAgain { times: usize },
    /// Its store was told, and it is not booked.
    ToldInVain,
}

impl Problem {
    /// Says it in one line.
    pub(crate) fn text(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Lost { ledger }, Lang::En) => {
                format!("neither booked, parked nor left out (ledger: {ledger})")
            }
            (Self::Lost { ledger }, Lang::Zh) => format!("既未入账，也未待处理或排除（台账：{ledger}）"),
            (Self::Doubled { times }, Lang::En) => format!("booked {times} times"),
            (Self::Doubled { times }, Lang::Zh) => format!("重复入账 {times} 次"),
            (Self::WrongAmount { original, bip }, Lang::En) => {
                format!("booked with {bip:.2} instead of {original:.2}")
            }
            (Self::WrongAmount { original, bip }, Lang::Zh) => {
                format!("入账金额 {bip:.2}，应为 {original:.2}")
            }
            (Self::NotRecorded { ledger }, Lang::En) => format!("done, but the ledger says {ledger}"),
            (Self::NotRecorded { ledger }, Lang::Zh) => format!("已完成，但台账为 {ledger}"),
            (Self::BookedAgainstRule { reason }, Lang::En) => format!("booked against the rule {reason}"),
            (Self::BookedAgainstRule { reason }, Lang::Zh) => format!("违反规则 {reason} 而入账"),
            (Self::Unknown, Lang::En) => "booked, but neither WDT nor the store system has it".to_owned(),
            (Self::Unknown, Lang::Zh) => "已入账，但旺店通和门店系统均无此单".to_owned(),
            (Self::NotTold { ledger }, Lang::En) => {
                format!("booked, but its store was not told (ledger: {ledger})")
            }
            (Self::NotTold { ledger }, Lang::Zh) => format!("已入账，但未通知门店（台账：{ledger}）"),
            (Self::ToldAgain { times }, Lang::En) => format!("its store was told {times} times"),
            (Self::ToldAgain { times }, Lang::Zh) => format!("重复通知门店 {times} 次"),
            (Self::ToldInVain, Lang::En) => "its store was told, but it is not booked".to_owned(),
            (Self::ToldInVain, Lang::Zh) => "已通知门店，但并未入账".to_owned(),
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text(Lang::En))
    }
}

/// The whole result of a demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// Whether every order and every bill ended exactly once as it should: the exit code.
    pub(crate) accounted: bool,
    pub(crate) day: String,
    pub(crate) seed: u64,
    pub(crate) faults: &'static str,
    pub(crate) pace: &'static str,
    /// Orders that WDT shows as completed.
    pub(crate) shipped: Sum,
    /// Orders that WDT does not show as completed: not ours to book yet.
    pub(crate) not_completed: Sum,
    pub(crate) booked: Booked,
    pub(crate) parked: Vec<Group>,
    pub(crate) excluded: Vec<Group>,
    pub(crate) unaccounted: Vec<Trouble>,
    /// The chain's day; none in a demo without bills.
    pub(crate) store: Option<StoreReport>,
    pub(crate) calls: Calls,
    pub(crate) on_the_way: OnTheWay,
    pub(crate) took_ms: u64,
}

impl Report {
    /// Writes the report for a person.
    pub(crate) fn table(&self, lang: Lang) -> String {
        let mut text = words::title(lang, &self.day, self.seed, self.faults, self.pace);
        let of_store = self.store.iter().flat_map(|store| store.tables(lang));
        let counts = [self.call_counts(lang), self.events(lang)];
        for table in std::iter::once(self.orders(lang)).chain(of_store).chain(counts) {
            text.push_str("\n\n");
            text.push_str(&table.trim_fmt());
        }
        text.push_str("\n\n");
        text.push_str(lang.pick(if self.accounted { words::GOOD } else { words::BAD }));
        text.push('\n');
        let of_store = self.store.iter().flat_map(StoreReport::unaccounted);
        for trouble in self.unaccounted.iter().chain(of_store) {
            let _ = writeln!(text, "  {}: {}", trouble.order, trouble.problem.text(lang));
        }
        text
    }

    fn orders(&self, lang: Lang) -> Table {
        let say = |texts| lang.pick(texts);
        let mut table = plain();
        table.set_header([
            Cell::new(say(words::ORDERS)),
            right(say(words::COUNT)),
            right(say(words::WDT_AMOUNT)),
            right(say(words::BIP_AMOUNT)),
            right(say(words::DIFFERENCE)),
            Cell::new(say(words::WHAT_TO_DO)),
        ]);
        table.add_row(sum_row(say(words::SHIPPED).to_owned(), self.shipped, String::new()));
        table.add_row([
            Cell::new(say(words::BOOKED)),
            right(self.booked.orders),
            right(money(self.booked.amount)),
            right(money(self.booked.bip_amount)),
            right(money(self.booked.difference)),
        ]);
        for group in &self.parked {
            let (reason, what_to_do) = explained(lang, &group.reason);
            table.add_row(group_row(format!("{}{reason}", say(words::PARKED)), group, what_to_do));
        }
        for group in &self.excluded {
            let reason = dougong_operate::exclusion(&group.reason).map_or(group.reason.as_str(), say);
            table.add_row(group_row(say(words::EXCLUDED).to_owned() + reason, group, String::new()));
        }
        if self.not_completed.orders > 0 {
            table.add_row(sum_row(say(words::NOT_YET).to_owned(), self.not_completed, String::new()));
        }
        table.add_row([Cell::new(say(words::UNACCOUNTED)), right(self.unaccounted.len())]);
        table
    }

    fn call_counts(&self, lang: Lang) -> Table {
        let say = |texts| lang.pick(texts);
        let mut table = plain();
        table.set_header([
            Cell::new(say(words::CALLS)),
            right(say(words::TIMES)),
            right(say(words::PER_DOCUMENT)),
        ]);
        let mut rows: Vec<(Texts, u64)> = vec![
            (words::CALLS_WDT, self.calls.wdt),
            (words::CALLS_SAVE, self.calls.bip_save),
            (words::CALLS_TOKEN, self.calls.bip_token),
            (words::CALLS_LOOKUP, self.calls.bip_lookup),
            (words::CALLS_DYNAMODB, self.calls.dynamodb),
            (words::CALLS_SQS, self.calls.sqs),
        ];
        if self.store.is_some() {
            rows.insert(1, (words::CALLS_STORE, self.calls.store));
        }
        let documents = self.shipped.orders + self.store.as_ref().map_or(0, StoreReport::bills);
        for (name, times) in rows {
            table.add_row([Cell::new(say(name)), right(times), right(ratio(times, documents))]);
        }
        table
    }

    fn events(&self, lang: Lang) -> Table {
        let say = |texts| lang.pick(texts);
        let mut table = plain();
        table.set_header([Cell::new(say(words::HAPPENED)), right("")]);
        let way = self.on_the_way;
        let mut rows: Vec<(Texts, u64)> = vec![
            (words::LATE, way.completed_late),
            (words::MOVED, way.moved_while_paged),
            (words::FAULTS_MET, way.faults),
            (words::KILLED, way.killed),
            (words::REPEATED_ROWS, way.listed_again),
            (words::REPEATED_SAVES, way.saved_again),
        ];
        if self.store.is_some() {
            rows.insert(5, (words::REPEATED_PUSHES, way.pushed_again));
        }
        for (name, times) in rows {
            table.add_row([Cell::new(say(name)), right(times)]);
        }
        table.add_row([Cell::new(say(words::TIME)), right(words::seconds(lang, &tenths(self.took_ms)))]);
        table
    }
}

fn sum_row(name: String, sum: Sum, what_to_do: String) -> Vec<Cell> {
    vec![
        Cell::new(name),
        right(sum.orders),
        right(money(sum.amount)),
        Cell::new(""),
        Cell::new(""),
        Cell::new(what_to_do),
    ]
}

fn group_row(name: String, group: &Group, what_to_do: String) -> Vec<Cell> {
    sum_row(name, Sum { orders: group.orders, amount: group.amount }, what_to_do)
}

/// Writes `part / whole` with two places.
fn ratio(part: u64, whole: u64) -> String {
    let hundredths = (part * 100 + whole / 2).checked_div(whole).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn tenths(milliseconds: u64) -> String {
    let tenths = Duration::from_millis(milliseconds).as_millis() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_written_exactly() {
        assert_eq!(ratio(301, 300), "1.00");
        assert_eq!(ratio(7, 0), "0.00");
        assert_eq!(tenths(12_345), "12.3");
    }
}
