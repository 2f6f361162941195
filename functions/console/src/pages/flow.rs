//! How far each scheme was read, and at which pace the outside systems are called.

use std::time::Duration;

use dougong_operate::{
    Letters, OperateError, Operator, PaceStatus, QueueStatus, System, WatermarkStatus, WindowRow,
};
use maud::{Markup, html};

use crate::http::{Answer, link};
use crate::lang::Lang;
use crate::page::{FLOW, PACE, Visit, WATERMARK, at, to_document};
use crate::router::PageError;

/// Windows that are shown of each scheme.
const WINDOWS: usize = 10;
/// The longest pause that a person may order here, minutes.
const LONGEST_PAUSE: u64 = 24 * 60;
/// Dead letters that are sent again at once: so many fit into the time of one answer.
const LETTERS: usize = 100;
/// Dead letters that are shown before that.
const LETTERS_SHOWN: usize = 20;
const SYSTEMS: [System; 3] = [System::Bip, System::Wdt, System::Store];

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let paces = async {
        match operator.paces().await {
            Err(OperateError::NoSecrets { .. }) => Ok(Vec::new()),
            paces => paces,
        }
    };
    let (watermarks, paces, (queue, dead)) =
        tokio::try_join!(operator.watermarks(WINDOWS), paces, operator.queues())?;
    let content = html! {
        @match visit.request.query.get("done") {
            Some("changed") => p.done role="status" { (visit.t("Done.", "已完成。")) },
            Some(moved) if moved.bytes().all(|byte| byte.is_ascii_digit()) => p.done role="status" { (visit.t("Dead letters sent again: ", "已重发死信：")) (moved) },
            _ => {}
        }
        section aria-labelledby="paces" {
            h2 #paces { (visit.t("Pace of calls", "调用频率")) }
            (pace_table(visit, &paces))
        }
        section aria-labelledby="queues" {
            h2 #queues { (visit.t("Queues", "队列")) }
            dl.fields.two {
                div { dt { (visit.t("Order queue", "订单队列")) } dd { (queue_words(visit, queue)) } }
                div { dt { (visit.t("Dead letters", "死信")) } dd { (dead.total())
                    @if dead.total() > 0 && visit.may_do() { " " a href=(link(PACE, &[("do", "redrive")])) { (visit.t("Send again…", "重新发送…")) } } } }
            }
        }
        @for status in watermarks.iter().filter(|status| has_source(operator, status)) { (watermark(visit, status)) }
    };
    Ok(Answer::page(200, visit.page(visit.t("Watermarks and pace", "水位与频率"), FLOW, &content)))
}

/// Tells whether a scheme has a system to read from: without a store system those of its bills have none.
fn has_source(operator: &Operator, status: &WatermarkStatus) -> bool {
    let config = &operator.system().config;
    config.store.is_some() || config.schemes.contains_key(&status.scheme) || status.watermark.is_some()
}

fn pace_table(visit: &Visit<'_>, paces: &[PaceStatus]) -> Markup {
    html! {
        div.wide {
            table.stacked {
                caption { (visit.t("All functions together", "全部函数合计")) }
                thead { tr {
                    th scope="col" { (visit.t("System", "系统")) }
                    th.number scope="col" { (visit.t("Calls a minute", "每分钟调用")) }
                    th scope="col" { (visit.t("Now", "目前")) }
                    @if visit.may_do() { th scope="col" { (visit.t("Do", "操作")) } }
                } }
                tbody {
                    @for pace in paces {
                        @let system = pace.system.as_str();
                        tr {
                            th scope="row" { (name(visit, pace.system)) }
                            td.number data-name=(visit.t("Calls a minute", "每分钟调用")) { (pace.calls_per_minute) }
                            td {
                                @match &pace.paused {
                                    Some(paused) => { span.badge.parked { (visit.t("stopped", "已暂停")) } " " (visit.t("until", "至")) " " (at(paused.until)) " · " (visit.said(&paused.reason)) }
                                    None => span.badge.posted { (visit.t("flows", "正常")) },
                                }
                            }
                            @if visit.may_do() {
                                td {
                                    @if pace.paused.is_some() {
                                        a href=(link(PACE, &[("do", "resume"), ("system", system)])) { (visit.t("Go on…", "恢复…")) }
                                    } @else {
                                        a href=(link(PACE, &[("do", "pause"), ("system", system)])) { (visit.t("Stop…", "暂停…")) }
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

/// Writes what is done to the calls of a system.
fn of_system(visit: &Visit<'_>, system: System, en: &'static str, zh: &'static str) -> String {
    let (what, name) = (visit.t(en, zh), name(visit, system));
    match visit.lang {
        Lang::En => format!("{what} {name}"),
        Lang::Zh => format!("{what}：{name}"),
    }
}

const fn name(visit: &Visit<'_>, system: System) -> &'static str {
    match system {
        System::Bip => visit.t("BIP", "用友 BIP"),
        System::Wdt => visit.t("WDT", "旺店通"),
        System::Store => visit.t("store system", "甩手掌柜"),
    }
}

fn watermark(visit: &Visit<'_>, status: &WatermarkStatus) -> Markup {
    let id = format!("scheme-{}", status.scheme);
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (status.scheme) }
            p {
                (visit.t("Read up to", "已读取至")) " "
                @match status.watermark {
                    Some(watermark) => { strong { (at(watermark)) } " (" (visit.ago(watermark)) ")" }
                    None => strong { (visit.t("not yet", "尚未开始")) },
                }
                @if status.running { " · " (visit.t("a run is at work", "正在运行")) }
                @if let Some(ended) = status.last_run_ended { " · " (visit.t("last run ended", "上次运行结束")) " " (at(ended)) }
            }
            p.actions { a href=(link(WATERMARK, &[("scheme", status.scheme.as_str())])) { @if visit.may_do() { (visit.t("Was an instant ever read? Set it by hand…", "查询某一时刻、手工设置…")) } @else { (visit.t("Was an instant ever read?", "查询某一时刻是否读取过")) } } }
            @if !status.windows.is_empty() {
                @let caption = format!("{} · {}", status.scheme, visit.t("windows read last", "最近读取的窗口"));
                (windows(visit, &status.windows, &caption))
            }
        }
    }
}

fn queue_words(visit: &Visit<'_>, queue: QueueStatus) -> String {
    let (total, QueueStatus { visible, in_flight, delayed }) = (queue.total(), queue);
    match visit.lang {
        Lang::En => format!("{total} ({visible} ready, {in_flight} being worked on, {delayed} delayed)"),
        Lang::Zh => format!("{total}（待取 {visible}，处理中 {in_flight}，延迟 {delayed}）"),
    }
}

/// Writes windows as a table.
pub(super) fn windows(visit: &Visit<'_>, rows: &[WindowRow], caption: &str) -> Markup {
    html! {
        div.wide {
            table.stacked {
                caption { (caption) }
                thead { tr {
                    th scope="col" { (visit.t("Window", "窗口")) }
                    th.number scope="col" { (visit.t("Rows", "行")) }
                    th.number scope="col" { (visit.t("Queued", "入队")) }
                    th.number scope="col" { (visit.t("Known", "已知")) }
                    th.number scope="col" { (visit.t("Left out", "排除")) }
                    th scope="col" { (visit.t("Finished", "完成")) }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (row.start) " – " (row.end) @if row.cursor != "live" { " " span.badge { (visit.t("by hand or again", "补拉或重扫")) } } }
                            td.number data-name=(visit.t("Rows", "行")) { (row.rows) }
                            td.number data-name=(visit.t("Queued", "入队")) { (row.queued) }
                            td.number data-name=(visit.t("Known", "已知")) { (row.known) }
                            td.number data-name=(visit.t("Left out", "排除")) { (row.excluded) }
                            td data-name=(visit.t("Finished", "完成")) { (at(row.finished)) }
                        }
                    }
                }
            }
        }
    }
}

/// What may be done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Pause(System),
    Resume(System),
    Redrive,
}

impl Deed {
    fn of(what: Option<&str>, system: Option<&str>) -> Result<Self, PageError> {
        let system = SYSTEMS.into_iter().find(|own| Some(own.as_str()) == system);
        match (what, system) {
            (Some("pause"), Some(system)) => Ok(Self::Pause(system)),
            (Some("resume"), Some(system)) => Ok(Self::Resume(system)),
            (Some("redrive"), _) => Ok(Self::Redrive),
            _ => Err(PageError::nonsense("there is no such deed", "没有这种操作")),
        }
    }
}

/// Asks before anything is stopped, let go on, or sent.
pub(crate) async fn confirm(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let query = &visit.request.query;
    let (what, system) = (query.get("do"), query.get("system"));
    let deed = Deed::of(what, system)?;
    let held = match deed {
        Deed::Resume(system) => operator
            .paces()
            .await?
            .into_iter()
            .find(|pace| pace.system == system)
            .and_then(|pace| pace.paused),
        Deed::Pause(_) | Deed::Redrive => None,
    };
    let letters = match deed {
        Deed::Redrive => Some(operator.dead_letters(None, LETTERS_SHOWN).await?),
        Deed::Pause(_) | Deed::Resume(_) => None,
    };
    let (title, meaning) = match deed {
        Deed::Pause(system) => (
            of_system(visit, system, "Stop calls to", "暂停调用"),
            visit.t(
                "Nobody calls the system until then. Orders wait in the queue; nothing is lost.",
                "在此之前不再调用该系统。订单在队列中等待，不会丢失。",
            ),
        ),
        Deed::Resume(system) => (
            of_system(visit, system, "Let calls go on:", "恢复调用"),
            visit.t(
                "Calls go on at once, at their usual pace. Mend the cause of the pause first.",
                "立即按正常频率恢复调用。请先排除暂停的原因。",
            ),
        ),
        Deed::Redrive => (
            visit.t("Send the dead letters again?", "重发死信？").to_owned(),
            visit.t(
                "They go back into the order queue, a hundred at a time; what was booked meanwhile is not booked again.",
                "死信将回到订单队列，每次最多一百条；期间已入账的不会重复入账。",
            ),
        ),
    };
    let content = html! {
        p { (meaning) }
        @if let Some(held) = &held { p.note { (visit.t("Stopped until", "暂停至")) " " (at(held.until)) " · " (visit.said(&held.reason)) } }
        @if let Some(letters) = &letters { (letter_table(visit, letters)) }
        @if visit.may_do() {
            form method="post" action=(PACE) {
                (visit.csrf())
                input type="hidden" name="do" value=(what.unwrap_or_default());
                input type="hidden" name="system" value=(system.unwrap_or_default());
                @if matches!(deed, Deed::Pause(_)) {
                    p { label for="minutes" { (visit.t("For how many minutes", "多少分钟")) }
                        input #minutes name="minutes" type="number" min="1" max=(LONGEST_PAUSE) value="30" required; }
                    p { label for="why" { (visit.t("Why (kept beside your name)", "原因（与您的姓名一并留痕）")) }
                        input #why name="why" required maxlength="200" autocomplete="off"; }
                }
                p.actions {
                    button type="submit" { (visit.t("Do it", "确认执行")) }
                    a href=(FLOW) { (visit.t("Leave it", "取消")) }
                }
            }
        }
    };
    Ok(Answer::page(200, visit.page(&title, FLOW, &content)))
}

/// Writes what is in the dead-letter queue: whose document it is, or why it is none of ours, never the message itself.
fn letter_table(visit: &Visit<'_>, letters: &Letters) -> Markup {
    html! {
        div.wide {
            table.stacked {
                caption { (visit.t("The first of", "最前面的，共")) " " (letters.count) }
                thead { tr {
                    th scope="col" { (visit.t("Document", "单据")) }
                    th.number scope="col" { (visit.t("Bytes", "字节")) }
                    th scope="col" { (visit.t("Sent", "发送时间")) }
                } }
                tbody {
                    @for letter in &letters.letters {
                        tr {
                            th scope="row" {
                                @match (&letter.document, &letter.problem) {
                                    (Some(key), _) => (to_document(key.as_str())),
                                    (None, problem) => { (visit.t("not ours, it stays here: ", "不是本程序的消息，将原样保留：")) (visit.said(problem.as_deref().unwrap_or_default())) }
                                }
                            }
                            td.number data-name=(visit.t("Bytes", "字节")) { (letter.bytes) }
                            td data-name=(visit.t("Sent", "发送时间")) { @if let Some(sent) = letter.sent { (at(sent)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Does it.
pub(crate) async fn act(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let form = &visit.request.form;
    let done = match Deed::of(form.get("do"), form.get("system"))? {
        Deed::Pause(system) => {
            let minutes: u64 = form.get("minutes").and_then(|text| text.parse().ok()).unwrap_or(0);
            if minutes == 0 || minutes > LONGEST_PAUSE {
                return Err(PageError::nonsense(
                    "a pause lasts from one minute to a day",
                    "暂停时长为一分钟至一天",
                ));
            }
            let why = form.get("why").ok_or(PageError::nonsense("say why", "请填写原因"))?;
            operator.pause(system, Duration::from_mins(minutes), why).await?;
            "changed".to_owned()
        }
        Deed::Resume(system) => {
            operator.resume(system).await?;
            "changed".to_owned()
        }
        Deed::Redrive => operator.redrive(LETTERS).await?.moved.to_string(),
    };
    Ok(Answer::see(link(FLOW, &[("done", &done)])))
}
