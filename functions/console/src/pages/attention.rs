//! What needs a person, grouped by reason.

use dougong_operate::{NeedGroup, Operator, Place, Row};
use maud::{Markup, html};

use super::{PAGE_ROWS, Wanted, first_row, grouped};
use crate::http::{Answer, link};
use crate::page::{ATTENTION, ATTENTION_CSV, REPLAY, Visit, amount, amount_cell, at, option, to_document};
use crate::router::PageError;

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let needs = operator.needs().await?;
    let wanted = Wanted::of(visit);
    let fitting: Vec<&Row> = needs.documents.iter().filter(|row| wanted.fits(row)).collect();
    let groups = grouped(fitting.iter().copied());
    let title = visit.t("Needs a person", "待人工处理");
    let content = html! {
        (sent(visit))
        (filters(visit, &needs.documents, &wanted))
        @if !needs.complete { (visit.incomplete()) }
        @if groups.is_empty() {
            p.good { (visit.t("Nothing to do here.", "没有需要处理的单据。")) }
        } @else {
            section aria-labelledby="reasons" {
                h2 #reasons { (visit.t("By reason", "按原因")) }
                (group_table(visit, groups.iter(), needs.complete))
            }
            section aria-labelledby="list" {
                h2 #list { (visit.t("Documents", "单据")) }
                p { a href=(link(ATTENTION_CSV, &wanted.fields())) { (visit.t("Save as CSV", "导出 CSV")) } }
                (list(visit, &fitting, &wanted))
            }
        }
    };
    Ok(Answer::page(200, visit.page(title, ATTENTION, &content)))
}

/// Says what was just sent, after the browser was sent here.
fn sent(visit: &Visit<'_>) -> Markup {
    let query = &visit.request.query;
    let number = |name| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let Some(sent) = number("sent") else { return crate::page::NOTHING };
    let not = number("not").unwrap_or(0);
    html! {
        p.done role="status" {
            (visit.t("Sent again:", "已重新发送：")) " " (sent)
            @if not > 0 { " · " (visit.t("could not be sent:", "未能发送：")) " " (not) }
            ". " (visit.t("They leave this list within a moment.", "稍后即从本列表中消失。"))
        }
    }
}

fn filters(visit: &Visit<'_>, rows: &[Row], wanted: &Wanted<'_>) -> Markup {
    let mut reasons: Vec<&str> = rows.iter().filter_map(|row| row.reason.as_deref()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let mut schemes: Vec<&str> = rows.iter().map(|row| row.scheme.as_str()).collect();
    schemes.sort_unstable();
    schemes.dedup();
    let any = visit.t("any", "全部");
    html! {
        form.filters action=(ATTENTION) method="get" {
            div { label for="place" { (visit.t("Where it stands", "状态")) }
                select #place name="place" {
                    (option("", any, None))
                    @for place in [Place::Parked, Place::Held, Place::Unknown] { (option(place.as_str(), visit.place(place), wanted.place)) }
                } }
            div { label for="reason" { (visit.t("Reason", "原因")) }
                select #reason name="reason" {
                    (option("", any, None))
                    @for reason in reasons { (option(reason, &visit.reason(Some(reason)), wanted.reason)) }
                } }
            div { label for="scheme" { (visit.t("Scheme", "方案")) }
                select #scheme name="scheme" {
                    (option("", any, None))
                    @for scheme in schemes { (option(scheme, scheme, wanted.scheme)) }
                } }
            div { label for="q" { (visit.t("Contains", "包含")) }
                input #q name="q" type="search" value=(wanted.text.unwrap_or_default()) autocomplete="off"
                    placeholder=(visit.t("part of a key", "单据键的一部分")); }
            div { button type="submit" { (visit.t("Filter", "筛选")) } " " a href=(ATTENTION) { (visit.t("Clear", "清除")) } }
        }
    }
}

/// Writes the groups with what to do about each.
pub(crate) fn group_table<'a>(
    visit: &Visit<'_>,
    groups: impl Iterator<Item = &'a NeedGroup>,
    complete: bool,
) -> Markup {
    html! {
        div.wide {
            table.stacked {
                caption { (visit.t("Documents that need a person, by reason", "待人工处理的单据，按原因")) }
                thead { tr {
                    th scope="col" { (visit.t("Reason", "原因")) }
                    th scope="col" { (visit.t("What to do", "处理办法")) }
                    th scope="col" { (visit.t("Scheme", "方案")) }
                    th.number scope="col" { (visit.t("Documents", "单据数")) }
                    th.number scope="col" { (visit.t("Amount", "金额")) }
                    th scope="col" { (visit.t("Oldest", "最早")) }
                    @if visit.may_do() { th scope="col" { (visit.t("Do", "操作")) } }
                } }
                tbody {
                    @for group in groups {
                        @let reason = group.reason.as_deref();
                        @let fields = [("place", group.place.as_str()), ("scheme", group.scheme.as_str()), ("reason", reason.unwrap_or_default())];
                        tr {
                            th scope="row" { a href=(link(ATTENTION, &fields)) { (visit.reason(reason)) } " " (visit.badge(group.place)) }
                            td data-name=(visit.t("What to do", "处理办法")) { (visit.what_to_do(reason)) }
                            td data-name=(visit.t("Scheme", "方案")) { (group.scheme) }
                            td.number data-name=(visit.t("Documents", "单据数")) { (visit.count(group.count, complete)) }
                            td.number data-name=(visit.t("Amount", "金额")) { (amount(group.amount)) }
                            td data-name=(visit.t("Oldest", "最早")) { (visit.ago(group.oldest)) }
                            @if visit.may_do() {
                                td {
                                    @if group.place == Place::Parked || group.place == Place::Unknown {
                                        a href=(link(REPLAY, &fields)) { (visit.t("Send again…", "重新发送…")) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn list(visit: &Visit<'_>, rows: &[&Row], wanted: &Wanted<'_>) -> Markup {
    let from = first_row(visit).min(rows.len());
    let to = (from + PAGE_ROWS).min(rows.len());
    html! {
        div.wide {
            table.stacked {
                caption { (from + 1) "–" (to) " / " (rows.len()) }
                thead { tr {
                    th scope="col" { (visit.t("Document", "单据")) }
                    th scope="col" { (visit.t("Reason", "原因")) }
                    th scope="col" { (visit.t("Scheme", "方案")) }
                    th.number scope="col" { (visit.t("Amount", "金额")) }
                    th scope="col" { (visit.t("Since", "起始时间")) }
                } }
                tbody {
                    @for row in &rows[from..to] {
                        tr {
                            th scope="row" { (to_document(row.key.as_str())) }
                            td { (visit.badge(row.place)) " " (visit.reason(row.reason.as_deref())) }
                            td { (row.scheme) }
                            (amount_cell(row.amount))
                            td { (at(row.since)) }
                        }
                    }
                }
            }
        }
        (turning(visit, ATTENTION, &wanted.fields(), from, rows.len()))
    }
}

/// Writes the links to the pages before and after.
pub(crate) fn turning(
    visit: &Visit<'_>,
    path: &str,
    fields: &[(&str, &str)],
    from: usize,
    all: usize,
) -> Markup {
    let starting = |from: usize| {
        let from = from.to_string();
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("from", from.as_str())]).collect();
        link(path, &fields)
    };
    html! {
        @if from > 0 || from + PAGE_ROWS < all {
            nav.turning aria-label=(visit.t("Pages of the list", "翻页")) {
                @if from > 0 { a rel="prev" href=(starting(from.saturating_sub(PAGE_ROWS))) { "← " (visit.t("Before", "上一页")) } }
                @if from + PAGE_ROWS < all { a rel="next" href=(starting(from + PAGE_ROWS)) { (visit.t("After", "下一页")) " →" } }
            }
        }
    }
}

pub(crate) async fn csv(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let needs = operator.needs().await?;
    let wanted = Wanted::of(visit);
    let fitting = needs.documents.iter().filter(|row| wanted.fits(row));
    Ok(Answer::csv("attention.csv", super::documents::table(visit, fitting)))
}
