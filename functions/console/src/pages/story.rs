//! One document's story: source, voucher and answer side by side.

use std::borrow::Cow;
use std::collections::BTreeSet;

use dougong_operate::{
    Becomes, Field, Merging, Next, Operator, Place, Preview, Story, problem_in_chinese, source_fields,
};
use dougong_values::DocumentKey;
use maud::{Markup, html};
use serde_json::Value;

use super::deeds;
use crate::http::{Answer, link};
use crate::lang::Lang;
use crate::page::{DECIDE, DOCUMENTS, REPLAY, Visit, amount, at, to_document};
use crate::router::PageError;

/// Goes to the document that a person typed.
pub(crate) fn find(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let text = visit.request.query.get("key").unwrap_or_default();
    let key = operator.key(text).ok_or(PageError::NotFound)?;
    Ok(Answer::see(link(crate::page::DOCUMENT, &[("key", key.as_str())])))
}

pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let key = super::key(visit.request.query.get("key"))?;
    let keys = [key.clone()];
    let (story, previews, source) =
        tokio::try_join!(operator.story(&key), operator.preview(&keys), operator.source(&key))?;
    let story = story.ok_or(PageError::NotFound)?;
    let preview = previews.into_iter().next().ok_or(PageError::NotFound)?;
    let marked = Marked::of(&story.problems);
    let content = html! {
        (done(visit))
        p.where { (visit.badge(story.place)) " "
            @if let Some(reason) = story.reason.as_deref().filter(|_| story.place != Place::Posted) { strong { (visit.reason(Some(reason))) } " · " (visit.what_to_do(Some(reason))) }
        }
        (buttons(visit, &story))
        (problems(visit, &story.problems))
        div.sides {
            section aria-labelledby="source" {
                h2 #source { (visit.t("Source", "来源")) }
                (source_side(visit, source.as_deref(), &marked))
                @if let Some(warnings) = &story.warnings { (forgiven(visit, warnings)) }
            }
            section aria-labelledby="voucher" {
                h2 #voucher { (visit.t("Voucher", "凭单")) }
                (voucher_side(visit, &story, &preview, &marked))
            }
            section aria-labelledby="answer" {
                h2 #answer { (visit.t("Answer", "答复")) }
                (answer_side(visit, &story))
            }
        }
        (facts(visit, &story))
        section aria-labelledby="done" {
            h2 #done { (visit.t("What people did", "人工操作")) }
            (deeds::table(visit, &story.deeds))
        }
    };
    Ok(Answer::page(200, visit.page(key.as_str(), DOCUMENTS, &content)))
}

/// Says what was just done, after the browser was sent here.
fn done(visit: &Visit<'_>) -> Markup {
    let words = match visit.request.query.get("done") {
        Some("sent") => visit.t(
            "Sent again. Load the page again in a moment to see what became of it.",
            "已重新发送。稍后刷新本页查看结果。",
        ),
        Some("settled") => visit.t("Done.", "已完成。"),
        Some("not") => {
            visit.t("Nothing was done: the document stands otherwise by now.", "未执行：单据状态已改变。")
        }
        _ => return crate::page::NOTHING,
    };
    html! { p.done role="status" { (words) } }
}

fn buttons(visit: &Visit<'_>, story: &Story) -> Markup {
    let next: Vec<Next> = story.advice.next.iter().copied().filter(|next| *next != Next::Wait).collect();
    let key = story.key.as_str();
    html! {
        @if visit.may_do() && !next.is_empty() {
            p.actions {
                @for next in next {
                    @match next {
                        Next::Replay => a.button href=(link(REPLAY, &[("key", key)])) { (visit.t("Send again…", "重新发送…")) },
                        other => a.button.second href=(link(DECIDE, &[("key", key), ("do", super::decide::name(other))])) { (super::decide::words(visit, other)) "…" },
                    }
                }
            }
        }
    }
}

/// The fields that the problems are about.
struct Marked {
    sources: BTreeSet<String>,
    targets: BTreeSet<String>,
}

impl Marked {
    fn of(problems: &[Value]) -> Self {
        let all = |name: &str| {
            problems.iter().filter_map(|problem| Some(problem.get(name)?.as_str()?.to_owned())).collect()
        };
        Self { sources: all("source"), targets: all("target") }
    }
}

/// Writes a sentence whose names and values stand between backquotes.
fn quoted(sentence: &str) -> Markup {
    html! {
        @for (index, part) in sentence.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn in_language<'a>(visit: &Visit<'_>, problem: &'a Value) -> Cow<'a, Value> {
    match visit.lang {
        Lang::En => Cow::Borrowed(problem),
        Lang::Zh => Cow::Owned(problem_in_chinese(problem)),
    }
}

/// Writes what the reader of a bill forgave.
fn forgiven(visit: &Visit<'_>, warnings: &Value) -> Markup {
    let text = |warning: &Value, name: &str| {
        warning.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    html! {
        details {
            summary { (visit.t("Forgiven while it was read: ", "读取时兼容处理：")) (warnings.as_array().map_or(0, Vec::len)) }
            ul {
                @for warning in warnings.as_array().into_iter().flatten() {
                    li { code { (text(warning, "path")) } " " (visit.said(&text(warning, "detail"))) }
                }
            }
        }
    }
}

/// Writes every problem that was found, or BIP's words.
pub(super) fn problems(visit: &Visit<'_>, problems: &[Value]) -> Markup {
    let text = |problem: &Value, name: &str| match problem.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    html! {
        @if !problems.is_empty() {
            ul.problems {
                @for problem in problems {
                    @let problem = &in_language(visit, problem);
                    @let (reason, source, target) = (text(problem, "reason"), text(problem, "source"), text(problem, "target"));
                    li {
                        strong { (visit.reason(Some(&reason))) }
                        @let message = text(problem, "message");
                        @if !message.is_empty() { (visit.t(": ", "：")) (quoted(&message)) }
                        @if !source.is_empty() {
                            br; (visit.t("field", "字段")) " " code { (source) }
                            @let value = text(problem, "value");
                            @if !value.is_empty() { " = " mark { (value) } }
                            @if !target.is_empty() { " → " code { (target) } }
                        }
                        @let rule = text(problem, "rule");
                        @if !rule.is_empty() { " · " (visit.t("rule", "规则")) " " code { (rule) } }
                        @for name in ["code", "trace_id"] {
                            @let value = text(problem, name);
                            @if !value.is_empty() { " · " (name) " " code { (value) } }
                        }
                        @let hint = text(problem, "hint");
                        @if !hint.is_empty() { br; span.hint { (visit.t("hint: ", "提示：")) (quoted(&hint)) } }
                    }
                }
            }
        }
    }
}

/// Writes the fields: those of a problem first, so that nobody has to look for them.
fn field_list(fields: &[Field], marked: &BTreeSet<String>) -> Markup {
    let (problems, rest): (Vec<&Field>, Vec<&Field>) =
        fields.iter().partition(|field| marked.contains(&field.field));
    html! {
        @if !problems.is_empty() {
            dl.fields.first tabindex="0" {
                @for Field { field, value } in problems {
                    div.marked { dt { code { (field) } } dd { mark { (value) } } }
                }
            }
        }
        dl.fields tabindex="0" {
            @for Field { field, value } in rest {
                div { dt { code { (field) } } dd { (value) } }
            }
        }
    }
}

fn source_side(visit: &Visit<'_>, source: Option<&str>, marked: &Marked) -> Markup {
    match source.map(source_fields) {
        Some(fields) if !fields.is_empty() => html! {
            p.note { (visit.t("As it was read; who receives the goods is masked.", "读取时的内容；收货人信息已屏蔽。")) }
            (field_list(&fields, &marked.sources))
        },
        Some(_) => {
            html! { p.note { (visit.t("It came as text that cannot be read; it is not shown, since it may name people.", "收到的内容无法解析；其中可能含个人信息，不予显示。")) } }
        }
        None => {
            html! { p.note { (visit.t("Its text is no longer kept: it is dropped once the document is booked.", "原文不再保留：入账后即删除。")) } }
        }
    }
}

fn voucher_side(visit: &Visit<'_>, story: &Story, preview: &Preview, marked: &Marked) -> Markup {
    html! {
        @if let Some(code) = &story.voucher_code { p { (visit.t("Code", "单据编码")) " " code { (code) } } }
        @match &preview.becomes {
            Becomes::Voucher { fields, .. } => {
                p.note { (visit.t("What would be sent with the configuration of today.", "按当前配置将发送的内容。")) }
                (field_list(fields, &marked.targets))
            }
            Becomes::Parked { problems: found } if *found == story.problems => {
                p.note { (visit.t("With the configuration of today it still cannot be booked, for the same reasons.", "按当前配置仍无法入账，原因同上。")) }
            }
            Becomes::Parked { problems: found } => {
                p.note { (visit.t("With the configuration of today it cannot be booked:", "按当前配置仍无法入账：")) }
                (problems(visit, found))
            }
            Becomes::Skipped { reason } => {
                p.note { (visit.t("With the configuration of today it would be left out: ", "按当前配置将不入账：")) (visit.reason(Some(reason))) }
            }
            Becomes::Settled | Becomes::Sent => {
                p.note { (visit.t("Only sending it again shows what becomes of it.", "重新发送后才能知道结果。")) }
            }
            Becomes::Nothing => {
                @match story.place {
                    Place::Posted => p.note { (visit.t("It is in BIP.", "已在 BIP 中。")) },
                    _ => p.note { (visit.t("Nothing to be sent now.", "目前没有要发送的内容。")) },
                }
            }
        }
    }
}

fn answer_side(visit: &Visit<'_>, story: &Story) -> Markup {
    html! {
        dl.fields {
            @if let Some(id) = &story.voucher_id { div { dt { (visit.t("Id in BIP", "BIP 单据 ID")) } dd { code { (id) } } } }
            @if let Some(booked) = story.booked { div { dt { (visit.t("Booked", "入账时间")) } dd { (at(booked)) } } }
            @if let Some(since) = story.unknown_since { div { dt { (visit.t("Outcome unknown since", "结果未知始于")) } dd { (at(since)) } } }
            @if let Some(until) = story.busy_until { div { dt { (visit.t("Busy until", "处理中，预计至")) } dd { (at(until)) } } }
            div { dt { (visit.t("Attempts", "尝试次数")) } dd { (story.attempts) } }
        }
        @for problem in &story.problems {
            @if let Some(words) = problem.get("trace_id").and_then(|_| problem.get("message")).and_then(Value::as_str) {
                p { (visit.t("BIP says: ", "BIP 答复：")) q { (words) } }
            }
        }
        @if story.booked.is_none() && story.attempts == 0 {
            p.note { (visit.t("It was never sent, so there is no answer.", "尚未发送，没有答复。")) }
        }
        @if let Some(held) = &story.held {
            p { (visit.t("A change came after it was booked: ", "入账后收到变更："))
                @if let Some(modified) = held.modified { (at(modified)) }
                @if let Some(money) = held.amount { " · " (amount(money)) } }
        }
    }
}

fn facts(visit: &Visit<'_>, story: &Story) -> Markup {
    html! {
        section aria-labelledby="facts" {
            h2 #facts { (visit.t("When", "经过")) }
            dl.fields.two {
                div { dt { (visit.t("Scheme", "方案")) } dd { (story.scheme) } }
                div { dt { (visit.t("Business day", "业务日期")) } dd { (story.day) } }
                @if let Some(money) = story.amount { div { dt { (visit.t("Amount", "金额")) } dd { (amount(money)) } } }
                @if let Some(modified) = story.modified { div { dt { (visit.t("Last changed at its source", "来源最近修改")) } dd { (at(modified)) } } }
                div { dt { (visit.t("First seen", "首次收到")) } dd { (at(story.first_seen)) } }
                @if let Some(window) = &story.window {
                    div { dt { (visit.t("Read in the window", "所在窗口")) } dd { (window.0.start) " – " (window.0.end) } }
                }
                @if let Some(first) = story.first_attempt { div { dt { (visit.t("First attempt", "首次发送")) } dd { (at(first)) } } }
                @if let Some(last) = story.last_attempt { div { dt { (visit.t("Last attempt", "最近发送")) } dd { (at(last)) } } }
                @if let Some(parked) = story.parked { div { dt { (visit.t("Needs a person since", "开始待处理")) } dd { (at(parked)) } } }
                div { dt { (visit.t("Last written", "最近更新")) } dd { (at(story.updated)) } }
            }
            @match &story.merged {
                Some(Merging::Waits { group, due }) => p { (visit.t("Waits to be merged in", "等待汇总，分组")) " " code { (group) } @if let Some(due) = due { " · " (visit.t("due", "到期")) " " (at(*due)) } },
                Some(Merging::BookedIn { part }) => p { (visit.t("Booked in the merged voucher", "已并入汇总单")) " " (to_document(part.as_str())) },
                Some(Merging::Members { members }) => details {
                    summary { (visit.t("Documents in it: ", "所含单据：")) (members.len()) }
                    ul { @for member in members { li { (document(member)) } } }
                },
                None => {}
            }
        }
    }
}

fn document(key: &DocumentKey) -> Markup {
    to_document(key.as_str())
}
