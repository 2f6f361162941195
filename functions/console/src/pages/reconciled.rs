//! What reconciling came to: the results that are kept. Nothing outside is asked from here.

use dougong_operate::{Difference, KeptDay, Operator, Place, Reconciliation, SettledBy, SourceSide};
use dougong_values::{BusinessDay, Money, SchemeId};
use maud::{Markup, html};

use super::attention::turning;
use super::{PAGE_ROWS, first_row};
use crate::http::{Answer, link};
use crate::page::{NOTHING, RECONCILED, RECONCILED_CSV, REPLAY, Visit, amount, at, to_document};
use crate::router::PageError;

/// Days before today whose results are listed.
const DAYS: i64 = 31;

/// Which result a page is about; `None` for the list of them.
fn wanted(visit: &Visit<'_>) -> Result<Option<(SchemeId, BusinessDay)>, PageError> {
    let Some(scheme) = visit.request.query.get("scheme") else { return Ok(None) };
    let scheme =
        scheme.parse().map_err(|_| PageError::nonsense("the scheme is no name of one", "方案名称有误"))?;
    Ok(Some((scheme, super::day(visit)?)))
}

async fn kept_days(visit: &Visit<'_>, operator: &Operator) -> Result<Vec<KeptDay>, PageError> {
    Ok(operator.kept_days(None, visit.now.day().plus_days(-DAYS)).await?.days)
}

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    match wanted(visit)? {
        Some((scheme, day)) => {
            let found = operator.kept(&scheme, day).await?.ok_or(PageError::NotFound)?;
            Ok(Answer::page(200, result(visit, &found)))
        }
        None => Ok(Answer::page(200, list(visit, operator, &kept_days(visit, operator).await?))),
    }
}

pub(crate) async fn csv(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    if let Some((scheme, day)) = wanted(visit)? {
        let found = operator.kept(&scheme, day).await?.ok_or(PageError::NotFound)?;
        let name = format!("reconciliation-{scheme}-{day}.csv");
        return Ok(Answer::csv(&name, table_of_differences(visit, &found)));
    }
    let days = kept_days(visit, operator).await?;
    let name = format!("reconciliation-{}.csv", visit.now.day());
    Ok(Answer::csv(&name, table_of_days(visit, &days)))
}

fn list(visit: &Visit<'_>, operator: &Operator, days: &[KeptDay]) -> Markup {
    let content = html! {
        p { (visit.t(
            "What the source reports, what the ledger holds and what BIP has, compared every night. The results of the last 31 days:",
            "每晚比对来源系统、台账与 BIP。最近 31 天的结果：",
        )) " " a href=(RECONCILED_CSV) { (visit.t("Save as CSV", "导出 CSV")) } }
        @if days.is_empty() {
            p.note { (visit.t("Nothing was compared yet. By hand:", "尚未对账。手工对账：")) " " code { "dougong reconcile --day …" } }
        }
        @for scheme in operator.reconciled_schemes() {
            @let of_scheme: Vec<&KeptDay> = days.iter().filter(|day| day.scheme == scheme).collect();
            @if !of_scheme.is_empty() { (scheme_days(visit, &scheme, &of_scheme)) }
        }
    };
    visit.page(visit.t("Reconciliation", "对账"), RECONCILED, &content)
}

fn scheme_days(visit: &Visit<'_>, scheme: &SchemeId, days: &[&KeptDay]) -> Markup {
    let id = format!("scheme-{scheme}");
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (scheme) }
            div.wide {
                table.stacked {
                    caption { (visit.t("The latest day first", "由近及远")) }
                    thead { tr {
                        th scope="col" { (visit.t("Business day", "业务日期")) }
                        th.number scope="col" { (visit.t("Differences", "差异")) }
                        th.number scope="col" { (visit.t("To book", "应入账")) }
                        th.number scope="col" { (visit.t("Amount", "金额")) }
                        th.number scope="col" { (visit.t("Booked", "已入账")) }
                        th.number scope="col" { (visit.t("Amount", "金额")) }
                        th.number scope="col" { "BIP" }
                        th scope="col" { (visit.t("Compared", "对账时间")) }
                        th scope="col" { (visit.t("By", "操作人")) }
                    } }
                    tbody {
                        @for kept in days {
                            @let summary = &kept.summary;
                            tr {
                                th scope="row" { a href=(to_result(scheme, kept.day)) { (kept.day) } }
                                td.number data-name=(visit.t("Differences", "差异")) {
                                    @if summary.differences > 0 { span.badge.parked { (summary.differences) } } @else { span.badge.posted { "0" } }
                                }
                                td.number data-name=(visit.t("To book", "应入账")) { (summary.reported.count) }
                                (named(visit.t("Amount", "金额"), Some(summary.reported.amount)))
                                td.number data-name=(visit.t("Booked", "已入账")) { (summary.booked.count) }
                                (named(visit.t("Amount", "金额"), Some(summary.booked.amount)))
                                (named("BIP", Some(summary.bip.amount)))
                                td data-name=(visit.t("Compared", "对账时间")) { (at(kept.at)) }
                                td data-name=(visit.t("By", "操作人")) { (kept.by) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Writes an amount in a cell that is named where there is no room for a head; nothing has no name.
fn named(name: &str, money: Option<Money>) -> Markup {
    html! {
        td.number data-name=[money.map(|_| name)] { @if let Some(money) = money { (amount(money)) } }
    }
}

fn to_result(scheme: &SchemeId, day: BusinessDay) -> String {
    link(RECONCILED, &[("scheme", scheme.as_str()), ("day", &day.to_string())])
}

fn result(visit: &Visit<'_>, found: &Reconciliation) -> Markup {
    let Reconciliation { scheme, day, .. } = found;
    let day_text = day.to_string();
    let fields = [("scheme", scheme.as_str()), ("day", day_text.as_str())];
    let left_out = found.difference_count.saturating_sub(found.differences.len() as u64);
    let title = format!("{} {scheme} {day}", visit.t("Reconciliation", "对账"));
    let content = html! {
        p { (visit.t("Compared", "对账时间")) " " (at(found.at)) " · " (found.by) " · "
            a href=(link(RECONCILED_CSV, &fields)) { (visit.t("Save as CSV", "导出 CSV")) } " · "
            a href=(RECONCILED) { (visit.t("All days", "全部日期")) } }
        @if found.source == SourceSide::Ledger {
            p.note { (visit.t(
                "The store system hands these bills out once: what the downloads brought is compared with BIP.",
                "门店系统只给出一次这类单据：以下载所得与 BIP 比对。",
            )) }
        }
        section aria-labelledby="differences" {
            h2 #differences { (visit.t("Differences", "差异")) ": " (found.difference_count) }
            @if found.difference_count == 0 { p.good { (visit.t("None.", "没有。")) } }
            @if left_out > 0 {
                p.note { (visit.t("More than a result has room for; not shown:", "超出结果的保存上限，未显示：")) " " (left_out) }
            }
            (differences(visit, found))
            (turning(visit, RECONCILED, &fields, first_row(visit), found.differences.len()))
        }
        (sums(visit, found))
        (shops(visit, found))
    };
    visit.page(&title, RECONCILED, &content)
}

fn differences(visit: &Visit<'_>, found: &Reconciliation) -> Markup {
    let all = found.differences.len();
    let from = first_row(visit).min(all);
    let to = (from + PAGE_ROWS).min(all);
    if from == to {
        return NOTHING;
    }
    html! {
        div.wide {
            table.stacked {
                caption { (from + 1) "–" (to) " / " (all) }
                thead { tr {
                    th scope="col" { (visit.t("Document", "单据")) }
                    th scope="col" { (visit.t("What differs", "差异")) }
                    th.number scope="col" { (visit.t("Expected", "应为")) }
                    th.number scope="col" { "BIP" }
                    th scope="col" { (visit.t("What settles it", "如何处理")) }
                } }
                tbody {
                    @for difference in found.differences.get(from..to).unwrap_or_default() {
                        tr {
                            th scope="row" {
                                @match &difference.key {
                                    Some(key) if difference.place.is_some() => (to_document(key.as_str())),
                                    Some(key) => code { (key) },
                                    None => (visit.t("the whole day", "整日")),
                                }
                            }
                            td { (visit.lang.of_texts(difference.kind.words()))
                                @if let Some(place) = difference.place { " " (visit.badge(place)) }
                                @if let Some(name) = &difference.reason { " " (reason(visit, difference, name)) } }
                            (named(visit.t("Expected", "应为"), difference.expected))
                            (named("BIP", difference.in_bip))
                            td { (settles(visit, found, difference)) }
                        }
                    }
                }
            }
        }
    }
}

/// Names why: in words where this version has them.
fn reason<'a>(visit: &Visit<'_>, difference: &Difference, name: &'a str) -> &'a str {
    difference.reason_words().map_or(name, |texts| visit.lang.of_texts(texts))
}

/// Says what settles a difference: here where that can be done, else what to ask for.
fn settles(visit: &Visit<'_>, found: &Reconciliation, difference: &Difference) -> Markup {
    let key = difference.key.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_parked = difference.place == Some(Place::Parked);
    match found.settled_by(difference) {
        SettledBy::Words(texts) => html! { (visit.lang.of_texts(texts)) },
        SettledBy::Command(command) if command.starts_with("orders ") => html! {
            (visit.t("see the document: it says why, and what may be done", "见单据页：原因及可执行的操作"))
            @if is_parked && visit.may_do() {
                " · " a href=(link(REPLAY, &[("key", &key)])) { (visit.t("Send again…", "重新发送…")) }
            }
        },
        SettledBy::Command(command) => html! {
            (visit.t("ask for it to be read again:", "请运维重新读取：")) " " code { "dougong " (command) }
        },
    }
}

fn sums(visit: &Visit<'_>, found: &Reconciliation) -> Markup {
    let worth = |count: u64, money: Money| html! { (count) " (" (amount(money)) ")" };
    html! {
        section aria-labelledby="sums" {
            h2 #sums { (visit.t("In all", "合计")) }
            dl.fields.two {
                @for place in &found.ledger {
                    div { dt { (visit.t("Ledger:", "台账：")) " " (visit.place(place.place)) } dd { (worth(place.count, place.amount)) } }
                }
                div { dt { (visit.t("BIP: vouchers of this scheme", "BIP：本方案单据")) } dd { (worth(found.bip.count, found.bip.amount)) } }
                div { dt { (visit.t("BIP: others of the day", "BIP：当日其他单据")) } dd { (worth(found.bip_others.count, found.bip_others.amount)) } }
                div { dt { (visit.t("Left out by the scheme", "按方案规则不入账")) } dd { (worth(found.excluded.count, found.excluded.amount)) } }
            }
        }
    }
}

fn shops(visit: &Visit<'_>, found: &Reconciliation) -> Markup {
    if found.shops.is_empty() {
        return NOTHING;
    }
    let (name, source) = (visit.t("Shop or store", "店铺或门店"), visit.lang.of_texts(found.source.words()));
    html! {
        section aria-labelledby="shops" {
            h2 #shops { (visit.t("By shop or store", "按店铺或门店")) }
            div.wide {
                table.stacked {
                    caption { (source) " / " (visit.t("booked", "已入账")) }
                    thead { tr {
                        th scope="col" { (name) }
                        th.number scope="col" { (source) }
                        th.number scope="col" { (visit.t("Amount", "金额")) }
                        th.number scope="col" { (visit.t("Booked", "已入账")) }
                        th.number scope="col" { (visit.t("Amount", "金额")) }
                        th.number scope="col" { (visit.t("Difference", "差额")) }
                    } }
                    tbody {
                        @for shop in &found.shops {
                            tr {
                                th scope="row" { (shop.shop) }
                                td.number data-name=(source) { (shop.source.count) }
                                (named(visit.t("Amount", "金额"), Some(shop.source.amount)))
                                td.number data-name=(visit.t("Booked", "已入账")) { (shop.booked.count) }
                                (named(visit.t("Amount", "金额"), Some(shop.booked.amount)))
                                (named(visit.t("Difference", "差额"), Some(shop.source.amount - shop.booked.amount)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn table_of_days(visit: &Visit<'_>, days: &[KeptDay]) -> String {
    let heads = [
        visit.t("scheme", "方案"),
        visit.t("business day", "业务日期"),
        visit.t("differences", "差异"),
        visit.t("to book", "应入账"),
        visit.t("amount", "金额"),
        visit.t("booked", "已入账"),
        visit.t("booked amount", "已入账金额"),
        visit.t("BIP amount", "BIP 金额"),
        visit.t("compared", "对账时间"),
        visit.t("by", "操作人"),
    ];
    let cells = days.iter().map(|kept| {
        let summary = &kept.summary;
        [
            kept.scheme.to_string(),
            kept.day.to_string(),
            summary.differences.to_string(),
            summary.reported.count.to_string(),
            summary.reported.amount.to_string(),
            summary.booked.count.to_string(),
            summary.booked.amount.to_string(),
            summary.bip.amount.to_string(),
            kept.at.to_string(),
            kept.by.clone(),
        ]
    });
    crate::csv::write(heads, cells)
}

fn table_of_differences(visit: &Visit<'_>, found: &Reconciliation) -> String {
    let heads = [
        visit.t("document", "单据"),
        visit.t("difference", "差异"),
        visit.t("in words", "说明"),
        visit.t("where it stands", "状态"),
        visit.t("reason", "原因"),
        visit.t("expected", "应为"),
        "BIP",
        visit.t("voucher code", "凭证号"),
        visit.t("what settles it", "如何处理"),
    ];
    let money = |amount: Option<Money>| amount.map_or_else(String::new, |amount| amount.to_string());
    let cells = found.differences.iter().map(|difference| {
        let settled_by = match found.settled_by(difference) {
            SettledBy::Words(texts) => visit.lang.of_texts(texts).to_owned(),
            SettledBy::Command(command) => format!("dougong {command}"),
        };
        [
            difference.key.as_ref().map(ToString::to_string).unwrap_or_default(),
            difference.kind.as_str().to_owned(),
            visit.lang.of_texts(difference.kind.words()).to_owned(),
            difference.place.map_or_else(String::new, |place| visit.place(place).to_owned()),
            difference.reason.as_deref().map_or("", |name| reason(visit, difference, name)).to_owned(),
            money(difference.expected),
            money(difference.in_bip),
            difference.voucher_code.as_ref().map(ToString::to_string).unwrap_or_default(),
            settled_by,
        ]
    });
    crate::csv::write(heads, cells)
}
