//! The day at a glance.

use dougong_operate::{Mark, MarksOf, OperateError, Operator, Overview, Place};
use maud::{Markup, html};

use super::{Sum, curve, largest_first};
use crate::http::{Answer, link};
use crate::page::{ATTENTION, DOCUMENTS, FLOW, PACE, ROOT, Visit, amount, at};
use crate::router::PageError;

/// From when on a watermark is shown as late, seconds: what the alarm says, too.
const LATE_SECONDS: i64 = 1_800;
/// Groups of what needs a person that are shown here.
const GROUPS: usize = 8;

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let day = super::day(visit)?;
    let paces = async {
        match operator.paces().await {
            Err(OperateError::NoSecrets { .. }) => Ok(Vec::new()),
            paces => paces,
        }
    };
    let (overview, paces) = tokio::try_join!(operator.overview(day), paces)?;
    let is_today = day == visit.now.day();
    let title = if is_today { format!("{} {day}", visit.t("Today,", "今天")) } else { day.to_string() };
    let (earlier, later) = (day.start().plus_seconds(-86_400).day(), day.start().plus_seconds(86_400).day());
    let content = html! {
        nav.days aria-label=(visit.t("Days", "日期")) {
            a rel="prev" href=(link(ROOT, &[("day", &earlier.to_string())])) { "← " (earlier) }
            form action=(ROOT) method="get" {
                label.quiet for="day" { (visit.t("Business day", "业务日期")) }
                input #day type="date" name="day" value=(day) required;
                button type="submit" { (visit.t("Show", "查看")) }
            }
            @if !is_today { a rel="next" href=(link(ROOT, &[("day", &later.to_string())])) { (later) " →" } }
        }
        (alarms(visit, &overview))
        @for pace in &paces {
            @if let Some(paused) = &pace.paused {
                p.alert { strong { (pace.system.as_str()) } ": " (visit.t("calls are stopped until", "已暂停调用，直至")) " "
                    (at(paused.until)) " · " (visit.said(&paused.reason)) " " a href=(FLOW) { (visit.t("see", "查看")) } }
            }
        }
        (cards(visit, &overview, &day.to_string()))
        (schemes(visit, operator, &overview, &day.to_string()))
        (needs(visit, &overview))
        section aria-labelledby="curves" {
            h2 #curves { (visit.t("The day's curve", "当日曲线")) }
            @for of in &overview.day {
                @if !of.marks.is_empty() {
                    (curve::figure(visit, of.scheme.as_str(), &of.marks, day))
                }
            }
            @if overview.day.iter().all(|of| of.marks.is_empty()) {
                p { (visit.t("No document of this day yet.", "当日尚无单据。")) }
            }
        }
    };
    Ok(Answer::page(200, visit.page(&title, ROOT, &content)))
}

fn alarms(visit: &Visit<'_>, overview: &Overview) -> Markup {
    let dead = overview.dead_letters.total();
    html! {
        @for status in &overview.watermarks {
            @if status.age_seconds.is_some_and(|age| age > LATE_SECONDS) {
                p.alert { strong { (status.scheme) } ": " (visit.t("read up to", "已读取至")) " "
                    @if let Some(watermark) = status.watermark { (at(watermark)) " (" (visit.ago(watermark)) ")" }
                    " " a href=(FLOW) { (visit.t("see", "查看")) } }
            }
        }
        @if dead > 0 {
            p.alert { (visit.t("Dead letters: ", "死信：")) (dead) " "
                a href=(link(PACE, &[("do", "redrive")])) { (visit.t("see whose they are, send them again…", "查看所属单据、重新发送…")) } }
        }
    }
}

fn cards(visit: &Visit<'_>, overview: &Overview, day: &str) -> Markup {
    let marks = || overview.day.iter().flat_map(|of| &of.marks);
    let complete = overview.day.iter().all(|of| of.complete);
    let booked = booked(marks());
    let coming = Sum::of(marks().filter(|mark| is_coming(mark)).map(|mark| mark.amount));
    let needs = Sum {
        count: overview.needs.groups.iter().map(|group| group.count).sum(),
        amount: overview.needs.groups.iter().map(|group| group.amount).sum(),
    };
    let card =
        |kind: &'static str, name: &'static str, sum: Sum, complete: bool, href: String, below: &str| {
            html! {
                a.card.(kind) href=(href) {
                    span.name { (name) }
                    span.count { (visit.count(sum.count, complete)) }
                    span.amount { (amount(sum.amount)) }
                    span.below { (below) }
                }
            }
        };
    let of_day = |place: &str| link(DOCUMENTS, &[("day", day), ("place", place)]);
    let queue = match overview.queue.total() {
        0 => visit.t("the queue is empty", "队列为空").to_owned(),
        messages => format!("{} {messages}", visit.t("messages in the queue:", "队列消息数：")),
    };
    html! {
        div.cards {
            (card("good", visit.t("Booked", "已入账"), booked, complete, of_day("posted"), visit.t("of this business day", "本业务日")))
            (card("calm", visit.t("On the way", "在途"), coming, complete, of_day("queued"), &queue))
            (card(if needs.count > 0 { "bad" } else { "good" }, visit.t("Needs a person", "待人工处理"), needs,
                overview.needs.complete, ATTENTION.to_owned(), visit.t("of all days", "全部日期")))
        }
        @if !complete || !overview.needs.complete { (visit.incomplete()) }
    }
}

fn booked<'a>(marks: impl Iterator<Item = &'a Mark>) -> Sum {
    Sum::of(marks.filter(|mark| mark.is_booked()).map(|mark| mark.amount))
}

fn is_coming(mark: &Mark) -> bool {
    matches!(mark.place, Place::Queued | Place::Waiting | Place::Posting)
}

fn schemes(visit: &Visit<'_>, operator: &Operator, overview: &Overview, day: &str) -> Markup {
    let config = &operator.system().config;
    // Without a store system there is nothing to say of its schemes.
    let is_shown = |of: &&MarksOf| {
        let is_live = config.schemes.contains_key(&of.scheme)
            || (config.store.is_some() && config.bill_schemes.contains_key(&of.scheme));
        is_live || !of.marks.is_empty()
    };
    html! {
        section aria-labelledby="schemes" {
            h2 #schemes { (visit.t("By scheme", "按方案")) }
            div.wide {
                table.stacked {
                    caption { (visit.t("Documents of this business day by scheme", "本业务日各方案单据")) }
                    thead { tr {
                        th scope="col" { (visit.t("Scheme", "方案")) }
                        th.number scope="col" { (visit.t("Booked", "已入账")) }
                        th.number scope="col" { (visit.t("Amount", "金额")) }
                        th.number scope="col" { (visit.t("On the way", "在途")) }
                        th.number scope="col" { (visit.t("Needs a person", "待处理")) }
                        th.number scope="col" { (visit.t("Skipped", "不入账")) }
                        th scope="col" { (visit.t("Read up to", "已读取至")) }
                    } }
                    tbody {
                        @for of in overview.day.iter().filter(is_shown) {
                            @let booked = booked(of.marks.iter());
                            @let complete = of.complete;
                            @let count = |wanted: &dyn Fn(&Mark) -> bool| visit.count(of.marks.iter().filter(|mark| wanted(mark)).count() as u64, complete);
                            @let needs = |mark: &Mark| matches!(mark.place, Place::Parked | Place::Held | Place::Unknown);
                            tr {
                                th scope="row" { a href=(link(DOCUMENTS, &[("day", day), ("scheme", of.scheme.as_str())])) { (of.scheme) } }
                                td.number data-name=(visit.t("Booked", "已入账")) { (visit.count(booked.count, complete)) }
                                td.number data-name=(visit.t("Amount", "金额")) { (amount(booked.amount)) }
                                td.number data-name=(visit.t("On the way", "在途")) { (count(&is_coming)) }
                                td.number data-name=(visit.t("Needs a person", "待处理")) { (count(&needs)) }
                                td.number data-name=(visit.t("Skipped", "不入账")) { (count(&|mark| mark.place == Place::Skipped)) }
                                td data-name=(visit.t("Read up to", "已读取至")) {
                                    @if let Some(status) = overview.watermarks.iter().find(|status| status.scheme == of.scheme) {
                                        @if let Some(watermark) = status.watermark { (at(watermark)) } @else { (visit.t("not yet", "尚未开始")) }
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

fn needs(visit: &Visit<'_>, overview: &Overview) -> Markup {
    let groups = largest_first(overview.needs.groups.clone());
    html! {
        section aria-labelledby="needs" {
            h2 #needs { (visit.t("What needs a person", "待人工处理")) }
            @if groups.is_empty() {
                p.good { (visit.t("Nothing. Everything goes by itself.", "没有。一切自动进行。")) }
            } @else {
                (super::attention::group_table(visit, groups.iter().take(GROUPS), overview.needs.complete))
                @if groups.len() > GROUPS { p { a href=(ATTENTION) { (visit.t("All of them", "查看全部")) } } }
            }
        }
    }
}
