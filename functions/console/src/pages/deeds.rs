//! What people did.

use dougong_operate::{Deed, Operator};
use maud::{Markup, html};

use super::day;
use crate::http::Answer;
use crate::page::{DEEDS, Visit, at, to_document};
use crate::router::PageError;

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let day = day(visit)?;
    let deeds = operator.deeds_on(day).await?;
    let title = format!("{} {day}", visit.t("History of", "操作记录"));
    let content = html! {
        form.filters action=(DEEDS) method="get" {
            div { label for="day" { (visit.t("Day", "日期")) } input #day type="date" name="day" value=(day) required; }
            div { button type="submit" { (visit.t("Show", "查看")) } }
        }
        (table(visit, &deeds))
    };
    Ok(Answer::page(200, visit.page(&title, DEEDS, &content)))
}

fn words<'a>(visit: &Visit<'_>, what: &'a str) -> &'a str {
    match what {
        "replay" => visit.t("sent again", "重新发送"),
        "skip" => visit.t("decided not to book", "决定不入账"),
        "accept" => visit.t("took the change as booked", "确认 BIP 已更正"),
        "dismiss" => visit.t("left the voucher as it is", "保持原凭单"),
        "dissolve" => visit.t("gave the merged voucher up", "解散汇总单"),
        "pause" => visit.t("stopped calls", "暂停调用"),
        "resume" => visit.t("let calls go on", "恢复调用"),
        "watermark" => visit.t("set the watermark", "设置水位"),
        "redrive" => visit.t("sent dead letters again", "重发死信"),
        "doctor" => visit.t("looked whether all is well", "体检"),
        "reconcile" => visit.t("reconciled", "对账"),
        "pull" => visit.t("pulled by hand", "手工拉取"),
        other => other,
    }
}

/// Says why, or with which values: a person's own words stay.
fn why(visit: &Visit<'_>, deed: &Deed) -> String {
    let words = deed.words.as_deref().unwrap_or_default();
    if deed.has_values() { visit.said(words) } else { words.to_owned() }
}

/// Writes deeds as a table.
pub(super) fn table(visit: &Visit<'_>, deeds: &[Deed]) -> Markup {
    html! {
        @if deeds.is_empty() {
            p.note { (visit.t("Nothing.", "没有。")) }
        } @else {
            div.wide {
                table.stacked {
                    caption { (visit.t("The latest first", "由近及远")) }
                    thead { tr {
                        th scope="col" { (visit.t("When", "时间")) }
                        th scope="col" { (visit.t("Who", "何人")) }
                        th scope="col" { (visit.t("What", "操作")) }
                        th scope="col" { (visit.t("To what", "对象")) }
                        th scope="col" { (visit.t("Why", "原因")) }
                    } }
                    tbody {
                        @for deed in deeds {
                            tr {
                                th scope="row" { (at(deed.at)) }
                                td { (deed.who) }
                                td { (words(visit, &deed.what)) }
                                td { @if deed.subject.parse::<dougong_values::DocumentKey>().is_ok() { (to_document(&deed.subject)) } @else { code { (deed.subject) } } }
                                td { (why(visit, deed)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
