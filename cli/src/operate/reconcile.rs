//! `dougong reconcile`: WDT, ledger and BIP compared for a business day.

use comfy_table::Cell;
use dougong_operate::{Difference, DifferenceKind, Reconciliation};
use dougong_values::Money;

use super::arguments::ReconcileArguments;
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use super::{NEEDS_PERSON, Said, failed};
use crate::failure::Failure;
use crate::lang::{Lang, Texts};
use crate::tables::{explained, money, plain, right};

pub(super) async fn run(options: &ReconcileArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let scheme = operator.scheme(options.scheme.as_ref()).map_err(failed(lang))?;
    let found = operator.reconcile(&scheme, options.day).await.map_err(failed(lang))?;
    let code = if found.differences.is_empty() { 0 } else { NEEDS_PERSON };
    Ok(Said::of(&options.common, &found, code, || written(&found, connection)))
}

fn written(found: &Reconciliation, connection: &Connection) -> String {
    let lang = connection.lang;
    let (scheme, day) = (&found.scheme, &found.day);
    let mut text = format!("{scheme}, {day}\n\n");
    let mut shops = plain();
    shops.set_header([
        Cell::new(say!(lang, "shop", "店铺")),
        right(say!(lang, "shipped in WDT", "旺店通单数")),
        right(lang.pick(words::AMOUNT)),
        right(say!(lang, "booked", "已入账")),
        right(lang.pick(words::AMOUNT)),
        right(say!(lang, "difference", "差额")),
    ]);
    for shop in &found.shops {
        shops.add_row([
            Cell::new(&shop.shop),
            right(shop.wdt.count),
            right(money(shop.wdt.amount)),
            right(shop.booked.count),
            right(money(shop.booked.amount)),
            right(money(shop.wdt.amount - shop.booked.amount)),
        ]);
    }
    text += &table(&shops);
    let places: Vec<String> = found
        .ledger
        .iter()
        .map(|place| {
            let (name, count) = (lang.pick(words::place(place.place)), place.sum.count);
            format!("{name} {count} ({})", money(place.sum.amount))
        })
        .collect();
    let (bip, others, left) = (found.bip.count, found.bip_others.count, found.excluded.count);
    let places = places.join(", ");
    let (bip_amount, others_amount) = (money(found.bip.amount), money(found.bip_others.amount));
    text += &say!(
        lang,
        "\nledger: {places}\nBIP: {bip} vouchers of ours, {bip_amount}; {others} of others, {others_amount}\nleft out by the scheme's filter: {left}\n",
        "\n台账：{places}\nBIP：我方单据 {bip} 张，{bip_amount}；其他 {others} 张，{others_amount}\n按方案过滤不入账：{left}\n"
    );
    if found.differences.is_empty() {
        text += &say!(lang, "\nno difference\n", "\n没有差异\n");
        return text;
    }
    text.push('\n');
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
        rows.add_row([
            Cell::new(difference.key.as_ref().map(ToString::to_string).unwrap_or_default()),
            Cell::new(what(difference, lang)),
            right(amount(difference.expected)),
            right(amount(difference.in_bip)),
            Cell::new(settles(difference, connection)),
        ]);
    }
    text += &table(&rows);
    text
}

/// Says what differs, and why as far as it is known.
fn what(difference: &Difference, lang: Lang) -> String {
    let texts = match difference.kind {
        DifferenceKind::NotInLedger => Texts { en: "never read", zh: "未曾读到" },
        DifferenceKind::NotBooked => Texts { en: "not booked", zh: "未入账" },
        DifferenceKind::NotInBip => Texts { en: "not in BIP any more", zh: "BIP 中已没有" },
        DifferenceKind::OtherAmount => Texts { en: "another amount in BIP", zh: "BIP 金额不同" },
        DifferenceKind::UnknownVoucher => {
            Texts { en: "in BIP, and not booked from here", zh: "BIP 中有，但不是由此入账" }
        }
        DifferenceKind::NotInWdt => Texts { en: "not in WDT any more", zh: "旺店通中已没有" },
    };
    let name = lang.pick(texts);
    let (reason, _) = explained(lang, difference.reason.as_deref().unwrap_or_default());
    let place = difference.place.filter(|_| difference.kind == DifferenceKind::NotBooked);
    match place {
        Some(place) => {
            let place = words::with_reason(lang, lang.pick(words::place(place)), &reason);
            say!(lang, "{name}, {place}", "{name}，{place}")
        }
        None => name.to_owned(),
    }
}

/// Gives the command, or the words, that settle it.
fn settles(difference: &Difference, connection: &Connection) -> String {
    let lang = connection.lang;
    let key = difference.key.as_ref().map(ToString::to_string).unwrap_or_default();
    match difference.kind {
        DifferenceKind::NotInLedger => match difference.modified {
            Some(at) => connection.typed(&format!("pull --from '{at}' --to '{at}'")),
            None => connection.typed("pull --from … --to …"),
        },
        DifferenceKind::NotBooked => connection.typed(&format!("orders explain '{key}'")),
        DifferenceKind::UnknownVoucher => {
            connection.typed(&format!("orders skip '{key}' --looked-up --reason '…'"))
        }
        DifferenceKind::NotInBip => {
            say!(lang, "ask who deleted it in BIP", "在 BIP 查明被谁删除")
        }
        DifferenceKind::OtherAmount => {
            say!(lang, "compare the voucher in BIP with the order", "核对 BIP 单据与订单")
        }
        DifferenceKind::NotInWdt => {
            say!(lang, "look the order up in WDT: was it taken back?", "在旺店通核对：是否已撤销")
        }
    }
}
