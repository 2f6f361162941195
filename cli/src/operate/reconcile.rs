//! `dougong reconcile`: source, ledger and BIP compared for a business day, and the results that are kept.

use comfy_table::Cell;
use dougong_operate::{
    Asked, Difference, DifferenceKind, KeptDays, Reconciliation, SettledBy, SourceSide, System,
};
use dougong_values::{BeijingTime, BusinessDay, Money};

use super::arguments::ReconcileArguments;
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use super::{NEEDS_PERSON, Said, failed};
use crate::failure::Failure;
use crate::lang::{Lang, Texts};
use crate::progress::Progress;
use crate::tables::{money, plain, right};

pub(super) async fn run(options: &ReconcileArguments, connection: &Connection) -> Result<Said, Failure> {
    match options.day {
        Some(day) => compared(options, connection, day).await,
        None => listed(options, connection).await,
    }
}

async fn compared(
    options: &ReconcileArguments,
    connection: &Connection,
    day: BusinessDay,
) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let scheme = operator.scheme(options.scheme.as_ref()).map_err(failed(lang))?;
    let mut asking = None;
    let reconciler = operator.reconciler("", |asked: Asked| show_progress(&mut asking, lang, asked)).await;
    let found = reconciler.map_err(failed(lang))?.reconcile(&scheme, day).await.map_err(failed(lang))?;
    let code = if found.difference_count == 0 { 0 } else { NEEDS_PERSON };
    Ok(Said::of(&options.common, &found, code, || written(&found, connection)))
}

async fn listed(options: &ReconcileArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let named = options.scheme.as_ref().map(|named| operator.scheme(Some(named)));
    let scheme = named.transpose().map_err(failed(lang))?;
    let since = BeijingTime::now().day().plus_days(-i64::from(options.days));
    let kept = operator.kept_days(scheme.as_ref(), since).await.map_err(failed(lang))?;
    let differs = kept.days.iter().any(|day| day.summary.differences > 0);
    let code = if differs { NEEDS_PERSON } else { 0 };
    Ok(Said::of(&options.common, &kept, code, || list(&kept, lang)))
}

/// Shows how far a system was asked; each has a bar of its own.
fn show_progress(asking: &mut Option<(System, Progress)>, lang: Lang, asked: Asked) {
    let Asked { system, done, all } = asked;
    let what = match system {
        System::Bip => Texts { en: "pages of BIP", zh: "BIP 页" },
        System::Wdt => Texts { en: "pages of WDT", zh: "旺店通页" },
        System::Store => Texts { en: "downloads of the store system", zh: "门店系统下载" },
    };
    let current = asking.take().filter(|(of, _)| *of == system);
    let (_, progress) = asking.insert(current.unwrap_or_else(|| (system, Progress::start(lang, what))));
    progress.step(done, all);
}

fn list(kept: &KeptDays, lang: Lang) -> String {
    if kept.days.is_empty() {
        let since = kept.since;
        return say!(
            lang,
            "nothing was reconciled of the days since {since}\n",
            "{since} 以来没有对账结果\n"
        );
    }
    let mut rows = plain();
    rows.set_header([
        Cell::new(say!(lang, "scheme", "方案")),
        Cell::new(say!(lang, "day", "业务日")),
        right(say!(lang, "to book", "应入账")),
        right(lang.pick(words::AMOUNT)),
        right(say!(lang, "booked", "已入账")),
        right(lang.pick(words::AMOUNT)),
        right(say!(lang, "differences", "差异")),
        Cell::new(say!(lang, "compared", "对账时间")),
        Cell::new(say!(lang, "by", "操作人")),
    ]);
    for day in &kept.days {
        let summary = &day.summary;
        rows.add_row([
            Cell::new(&day.scheme),
            Cell::new(day.day),
            right(summary.reported.count),
            right(money(summary.reported.amount)),
            right(summary.booked.count),
            right(money(summary.booked.amount)),
            right(summary.differences),
            Cell::new(day.at),
            Cell::new(&day.by),
        ]);
    }
    table(&rows)
}

fn written(found: &Reconciliation, connection: &Connection) -> String {
    let lang = connection.lang;
    let (scheme, day) = (&found.scheme, found.day);
    let mut text = format!("{scheme}, {day}\n\n");
    if found.source == SourceSide::Ledger {
        text += &say!(
            lang,
            "the store system hands these bills out once: what the downloads brought is compared with BIP\n",
            "门店系统只给出一次这类单据：以下载所得与 BIP 比对\n"
        );
    } else {
        text += &shops(found, lang);
    }
    let places: Vec<String> = found
        .ledger
        .iter()
        .map(|place| {
            let (name, count) = (lang.pick(words::place(place.place)), place.count);
            format!("{name} {count} ({})", money(place.amount))
        })
        .collect();
    let (bip, others, left) = (found.bip.count, found.bip_others.count, found.excluded.count);
    let places = places.join(", ");
    let (bip_amount, others_amount) = (money(found.bip.amount), money(found.bip_others.amount));
    text += &say!(
        lang,
        "\nledger: {places}\nBIP: {bip} vouchers of this scheme, {bip_amount}; {others} others of the day, {others_amount}\nleft out by the scheme: {left}\n",
        "\n台账：{places}\nBIP：本方案单据 {bip} 张，{bip_amount}；当日其他单据 {others} 张，{others_amount}\n按方案规则不入账：{left}\n"
    );
    if found.differences.is_empty() {
        text += &say!(lang, "\nno difference\n", "\n没有差异\n");
        return text;
    }
    text.push('\n');
    text += &differences(found, connection);
    text
}

fn shops(found: &Reconciliation, lang: Lang) -> String {
    let (shop, reported) = match found.source {
        SourceSide::Wdt => (say!(lang, "shop", "店铺"), say!(lang, "shipped in WDT", "旺店通单数")),
        SourceSide::Store | SourceSide::Ledger => {
            (say!(lang, "store", "门店"), say!(lang, "in the store system", "门店系统单数"))
        }
    };
    let mut rows = plain();
    rows.set_header([
        Cell::new(shop),
        right(reported),
        right(lang.pick(words::AMOUNT)),
        right(say!(lang, "booked", "已入账")),
        right(lang.pick(words::AMOUNT)),
        right(say!(lang, "difference", "差额")),
    ]);
    for shop in &found.shops {
        rows.add_row([
            Cell::new(&shop.shop),
            right(shop.source.count),
            right(money(shop.source.amount)),
            right(shop.booked.count),
            right(money(shop.booked.amount)),
            right(money(shop.source.amount - shop.booked.amount)),
        ]);
    }
    table(&rows)
}

fn differences(found: &Reconciliation, connection: &Connection) -> String {
    let lang = connection.lang;
    let mut rows = plain();
    rows.set_header([
        Cell::new(lang.pick(words::DOCUMENT)),
        Cell::new(say!(lang, "difference", "差异")),
        right(say!(lang, "expected", "应为")),
        right("BIP"),
        Cell::new(lang.pick(words::WHAT_TO_DO)),
    ]);
    for difference in &found.differences {
        let amount = |amount: Option<Money>| amount.map(money).unwrap_or_default();
        let settled_by = match found.settled_by(difference) {
            SettledBy::Command(command) => connection.typed(&command),
            SettledBy::Words(texts) => lang.pick(texts).to_owned(),
        };
        rows.add_row([
            Cell::new(difference.key.as_ref().map(ToString::to_string).unwrap_or_default()),
            Cell::new(what(difference, lang)),
            right(amount(difference.expected)),
            right(amount(difference.in_bip)),
            Cell::new(settled_by),
        ]);
    }
    table(&rows)
}

/// Says what differs, and why as far as it is known.
fn what(difference: &Difference, lang: Lang) -> String {
    let name = lang.pick(difference.kind.words());
    let reason = difference.reason_words().map(|texts| lang.pick(texts).to_owned());
    let reason = reason.or_else(|| difference.reason.clone()).unwrap_or_default();
    let told = match difference.kind {
        DifferenceKind::NotBooked => {
            let place = difference.place.map(words::place).map(|texts| lang.pick(texts));
            place.map(|place| words::with_reason(lang, place, &reason))
        }
        DifferenceKind::LeftOut => Some(reason),
        _ => None,
    };
    match told.filter(|told| !told.is_empty()) {
        Some(told) => say!(lang, "{name}, {told}", "{name}，{told}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    /// Cuts a command as a shell does that knows single quotes alone.
    fn words_of(command: &str) -> Vec<String> {
        let quoted = command.split('\'').enumerate();
        let words = quoted.flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        std::iter::once("dougong".to_owned()).chain(words).collect()
    }

    #[test]
    fn whatever_settles_a_difference_is_a_command_that_there_is_or_words_in_both_languages() {
        const KINDS: [&str; 9] = [
            "not_read_yet",
            "not_in_ledger",
            "not_booked",
            "not_in_bip",
            "changed",
            "other_amount",
            "unknown_voucher",
            "left_out",
            "not_in_source",
        ];
        let (mut commands, mut others) = (0, 0);
        for source in ["wdt", "store", "ledger"] {
            for kind in KINDS {
                for place in ["null", "\"parked\"", "\"held\"", "\"posted\"", "\"queued\""] {
                    for modified in ["null", "\"2026-11-22 08:00:00\""] {
                        let text = format!(
                            r#"{{"scheme":"declared","day":"2026-11-22","at":"2026-11-23 06:00:00","by":"x","source":"{source}",
                            "shops":[],"excluded":{{"count":0,"amount":0}},"ledger":[],"bip":{{"count":0,"amount":0}},
                            "bip_others":{{"count":0,"amount":0}},"difference_count":1,"differences":[{{"key":"declare#BH1",
                            "kind":"{kind}","place":{place},"reason":null,"voucher_code":null,"expected":1.5,"in_bip":null,
                            "modified":{modified}}}]}}"#
                        );
                        let found: Reconciliation = serde_json::from_str(&text).unwrap();
                        match found.settled_by(&found.differences[0]) {
                            SettledBy::Command(command) => {
                                commands += 1;
                                let read = Arguments::try_parse_from(words_of(&command));
                                assert!(read.is_ok(), "{command}: {}", read.unwrap_err());
                            }
                            SettledBy::Words(texts) => {
                                others += 1;
                                assert!(!texts.en.is_empty() && !texts.zh.is_ascii(), "{texts:?}");
                            }
                        }
                    }
                }
            }
        }
        assert!(commands > 100 && others > 50, "{commands} {others}");
    }
}
