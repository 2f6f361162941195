//! The documents of a business day.

use dougong_operate::{Operator, Place, Row};
use dougong_values::SchemeId;
use maud::html;

use super::attention::turning;
use super::{PAGE_ROWS, Sum, Wanted, day, first_row};
use crate::http::{Answer, link};
use crate::page::{DOCUMENTS, DOCUMENTS_CSV, Visit, amount, amount_cell, at, option, to_document};
use crate::router::PageError;

async fn read(visit: &Visit<'_>, operator: &Operator) -> Result<(Vec<Row>, Vec<String>, bool), PageError> {
    let day = day(visit)?;
    let only: Option<SchemeId> = visit.request.query.get("scheme").and_then(|text| text.parse().ok());
    let lists = operator.day(day, only.as_ref()).await?;
    let schemes = operator.schemes().iter().map(ToString::to_string).collect();
    let complete = lists.iter().all(|of| of.listed.complete);
    Ok((lists.into_iter().flat_map(|of| of.listed.documents).collect(), schemes, complete))
}

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let day = day(visit)?;
    let (rows, schemes, complete) = read(visit, operator).await?;
    let wanted = Wanted::of(visit);
    let fitting: Vec<&Row> = rows.iter().filter(|row| wanted.fits(row)).collect();
    let sum = Sum::of(fitting.iter().map(|row| row.amount));
    let from = first_row(visit).min(fitting.len());
    let to = (from + PAGE_ROWS).min(fitting.len());
    let day_text = day.to_string();
    let fields: Vec<(&str, &str)> = [("day", day_text.as_str())].into_iter().chain(wanted.fields()).collect();
    let any = visit.t("any", "全部");
    let title = format!("{} {day}", visit.t("Documents of", "单据"));
    let content = html! {
        form.filters action=(DOCUMENTS) method="get" {
            div { label for="day" { (visit.t("Business day", "业务日期")) } input #day type="date" name="day" value=(day) required; }
            div { label for="place" { (visit.t("Where it stands", "状态")) }
                select #place name="place" {
                    (option("", any, None))
                    @for place in Place::ALL { (option(place.as_str(), visit.place(place), wanted.place)) }
                } }
            div { label for="scheme" { (visit.t("Scheme", "方案")) }
                select #scheme name="scheme" {
                    (option("", any, None))
                    @for scheme in &schemes { (option(scheme, scheme, wanted.scheme)) }
                } }
            div { label for="q" { (visit.t("Contains", "包含")) }
                input #q name="q" type="search" value=(wanted.text.unwrap_or_default()) autocomplete="off"
                    placeholder=(visit.t("part of a key or voucher code", "单据键或单据编码的一部分")); }
            div { button type="submit" { (visit.t("Filter", "筛选")) } " " a href=(DOCUMENTS) { (visit.t("Clear", "清除")) } }
        }
        @if !complete { (visit.incomplete()) }
        p {
            (visit.count(sum.count, complete)) " " (visit.t("documents,", "张单据，金额")) " " (amount(sum.amount)) " · "
            a href=(link(DOCUMENTS_CSV, &fields)) { (visit.t("Save as CSV", "导出 CSV")) }
        }
        @if !fitting.is_empty() {
            div.wide {
                table.stacked {
                    caption { (from + 1) "–" (to) " / " (fitting.len()) }
                    thead { tr {
                        th scope="col" { (visit.t("Document", "单据")) }
                        th scope="col" { (visit.t("Where it stands", "状态")) }
                        th.number scope="col" { (visit.t("Amount", "金额")) }
                        th scope="col" { (visit.t("Voucher", "凭单")) }
                        th scope="col" { (visit.t("Last written", "最近更新")) }
                    } }
                    tbody {
                        @for row in &fitting[from..to] {
                            tr {
                                th scope="row" { (to_document(row.key.as_str())) }
                                td { (visit.badge(row.place))
                                    @if matches!(row.place, Place::Parked | Place::Held | Place::Unknown | Place::Skipped) { " " (visit.reason(row.reason.as_deref())) } }
                                (amount_cell(row.amount))
                                td { @if let Some(code) = &row.voucher_code { code { (code) } } }
                                td { (at(row.since)) }
                            }
                        }
                    }
                }
            }
            (turning(visit, DOCUMENTS, &fields, from, fitting.len()))
        }
    };
    Ok(Answer::page(200, visit.page(&title, DOCUMENTS, &content)))
}

pub(crate) async fn csv(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let day = day(visit)?;
    let (rows, _, _) = read(visit, operator).await?;
    let wanted = Wanted::of(visit);
    let fitting = rows.iter().filter(|row| wanted.fits(row));
    Ok(Answer::csv(&format!("documents-{day}.csv"), table(visit, fitting)))
}

/// Writes documents as a table for a spreadsheet.
pub(super) fn table<'a>(visit: &Visit<'_>, rows: impl Iterator<Item = &'a Row>) -> String {
    let heads = [
        visit.t("document", "单据"),
        visit.t("scheme", "方案"),
        visit.t("where it stands", "状态"),
        visit.t("reason", "原因"),
        visit.t("in words", "说明"),
        visit.t("amount", "金额"),
        visit.t("since", "时间"),
        visit.t("voucher code", "单据编码"),
        visit.t("voucher id", "凭单 ID"),
    ];
    let text = |value: Option<String>| value.unwrap_or_default();
    let cells = rows.map(|row| {
        let reason = row.reason.as_deref();
        [
            row.key.to_string(),
            row.scheme.to_string(),
            visit.place(row.place).to_owned(),
            text(row.reason.clone()),
            reason.map_or_else(String::new, |name| visit.reason(Some(name))),
            row.amount.map_or_else(String::new, |amount| amount.to_string()),
            row.since.to_string(),
            text(row.voucher_code.as_ref().map(ToString::to_string)),
            text(row.voucher_id.as_ref().map(ToString::to_string)),
        ]
    });
    crate::csv::write(heads, cells)
}
