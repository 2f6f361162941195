//! `dougong orders show` and `explain`: one document's story, and what to do about it.

use comfy_table::{Cell, Table};
use dougong_operate::{Becomes, Field, Merging, Story, problem_in_chinese, source_fields};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

use super::arguments::{DocumentArguments, ShowArguments};
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use super::{Said, failed, orders};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::tables::{explained, money};

async fn found(options: &DocumentArguments, connection: &Connection) -> Result<Result<Story, Said>, Failure> {
    let lang = connection.lang;
    let keys = orders::keys(std::slice::from_ref(&options.key), connection)?;
    let Some(key) = keys.first() else { return Err(words::no_key(lang, &options.key)) };
    let story = connection.operator.story(key).await.map_err(failed(lang))?;
    let absent = || {
        let command = connection.typed("watermark explain 'yyyy-MM-dd HH:mm:ss'");
        let text = if options.common.json {
            format!("{:#}\n", json!({ "key": key, "known": false }))
        } else {
            words::absent(lang, key, &command)
        };
        Said::not(text)
    };
    Ok(story.ok_or_else(absent))
}

/// A story with what was read and what would be sent.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    story: &'a Story,
    /// What was read, field by field; `None` where its text is no longer kept.
    source: Option<Vec<Field>>,
    /// What it becomes with the configuration of today.
    becomes: Option<Becomes>,
}

pub(super) async fn show(options: &ShowArguments, connection: &Connection) -> Result<Said, Failure> {
    let (common, lang) = (&options.document.common, connection.lang);
    let story = match found(&options.document, connection).await? {
        Ok(story) => story,
        Err(absent) => return Ok(absent),
    };
    let mut text = told(&story, lang);
    if !options.fields && !common.json {
        return Ok(Said::well(text));
    }
    let source = connection.operator.source(&story.key).await.map_err(failed(lang))?;
    let previews = connection.operator.preview(std::slice::from_ref(&story.key)).await;
    let becomes = previews.map_err(failed(lang))?.pop().map(|preview| preview.becomes);
    let whole = Whole { story: &story, source: source.as_deref().map(source_fields), becomes };
    text += &read_and_sent(&whole, lang);
    Ok(Said::of(common, &whole, 0, || text))
}

/// Writes what was read, and the voucher it becomes, field by field.
fn read_and_sent(whole: &Whole<'_>, lang: Lang) -> String {
    let mut text = String::new();
    match &whole.source {
        Some(fields) if fields.is_empty() => {
            text += &say!(lang, "\nwhat was read is no readable text\n", "\n读入的内容无法解析\n");
        }
        Some(fields) => {
            text += &say!(lang, "\nwhat was read:\n", "\n读入的内容：\n");
            write_fields(&mut text, fields);
        }
        None => {
            text += &say!(
                lang,
                "\nwhat was read is no longer kept: it is dropped once the document is booked\n",
                "\n读入的内容不再保留：入账后即删除\n"
            );
        }
    }
    if let Some(Becomes::Voucher { fields, .. }) = &whole.becomes {
        text += &say!(lang, "\nits voucher with the configuration of today:\n", "\n按当前配置生成的凭单：\n");
        write_fields(&mut text, fields);
    }
    text
}

/// Writes fields, a line each.
pub(super) fn write_fields(text: &mut String, fields: &[Field]) {
    for Field { field, value } in fields {
        // Writing into a String does not fail.
        let _ = writeln!(text, "  {field} = {value}");
    }
}

pub(super) async fn explain(options: &DocumentArguments, connection: &Connection) -> Result<Said, Failure> {
    let story = match found(options, connection).await? {
        Ok(story) => story,
        Err(absent) => return Ok(absent),
    };
    let lang = connection.lang;
    let reason = story.reason.clone().unwrap_or_default();
    let (meaning, what_to_do) = explained(lang, &reason);
    let steps: Vec<(String, Option<String>)> = story
        .advice
        .next
        .iter()
        .map(|next| words::next(lang, *next, &story.key))
        .map(|(words, command)| (words, command.map(|command| connection.typed(&command))))
        .collect();
    if options.common.json {
        let steps: Vec<Value> =
            steps.iter().map(|(words, command)| json!({ "words": words, "command": command })).collect();
        let whole = json!({
            "key": story.key, "place": story.place, "reason": story.reason, "meaning": meaning,
            "what_to_do": what_to_do, "problems": story.problems, "steps": steps,
        });
        return Ok(Said::well(format!("{whole:#}\n")));
    }
    let place = lang.pick(words::place(story.place));
    let meaning = if meaning.is_empty() { meaning } else { format!("{meaning} ({reason})") };
    let state = words::with_reason(lang, place, &meaning);
    let mut text = format!("{}\n  {state}\n", story.key);
    text += &problems(&story.problems, lang);
    if !what_to_do.is_empty() {
        text += &say!(lang, "\nwhat to do: {what_to_do}\n", "\n处理办法：{what_to_do}\n");
    }
    for (words, command) in steps {
        let _ = write!(text, "\n{words}\n");
        text += &command.map(|command| format!("  {command}\n")).unwrap_or_default();
    }
    Ok(Said::well(text))
}

/// Writes what was found wrong with a document, or what BIP said.
pub(super) fn problems(problems: &[Value], lang: Lang) -> String {
    let mut text = String::new();
    for problem in problems {
        let problem = &match lang {
            Lang::En => problem.clone(),
            Lang::Zh => problem_in_chinese(problem),
        };
        let part = |name: &str| match problem.get(name) {
            Some(Value::String(words)) => words.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let _ = write!(text, "  {}", part("message"));
        let place = [("source", "target")].iter().find_map(|(source, target)| {
            let (source, target) = (part(source), part(target));
            (!source.is_empty() || !target.is_empty())
                .then(|| format!(" ({source} = {:?} → {target})", part("value")))
        });
        text += &place.unwrap_or_default();
        let code = part("code");
        if !code.is_empty() {
            text += &say!(lang, ", BIP's code {code}", "，BIP 代码 {code}");
        }
        let trace = part("trace_id");
        if !trace.is_empty() {
            let _ = write!(text, ", traceId {trace}");
        }
        text.push('\n');
        let hint = part("hint");
        if !hint.is_empty() {
            text += &say!(lang, "    hint: {hint}\n", "    提示：{hint}\n");
        }
    }
    text
}

/// Writes what the reader of a bill forgave, a line each.
fn forgiven(warnings: &Value, lang: Lang) -> String {
    let mut text = String::new();
    for warning in warnings.as_array().into_iter().flatten() {
        let part = |name: &str| warning.get(name).and_then(Value::as_str).unwrap_or_default();
        let (path, detail) = (part("path"), words::said(lang, part("detail")));
        let _ = write!(text, "  {path}: {detail}");
        if let Some(count) = warning.get("count").and_then(Value::as_u64).filter(|count| *count > 1) {
            text += &say!(lang, " (in {count} places)", "（共 {count} 处）");
        }
        text.push('\n');
    }
    text
}

fn told(story: &Story, lang: Lang) -> String {
    let mut lines = Table::new();
    lines.load_style(comfy_table::TableStyle::new());
    let mut line = |name: String, value: String| {
        lines.add_row([Cell::new(name), Cell::new(value)]);
    };
    line(say!(lang, "document", "单据"), story.key.to_string());
    line(say!(lang, "scheme", "方案"), story.scheme.to_string());
    let (meaning, _) = explained(lang, story.reason.as_deref().unwrap_or_default());
    let place = lang.pick(words::place(story.place));
    let state = words::with_reason(lang, place, &meaning);
    line(say!(lang, "state", "状态"), state);
    line(say!(lang, "business day", "业务日期"), story.day.clone());
    if let Some(amount) = story.amount {
        line(say!(lang, "amount", "金额"), money(amount));
    }
    if let Some(modified) = story.modified {
        line(say!(lang, "changed in its system", "源系统修改时间"), modified.to_string());
    }
    line(say!(lang, "first seen", "首次发现"), story.first_seen.to_string());
    if let Some(window) = story.window.as_ref().map(|window| &window.0) {
        let (start, end, rows, queued) = (window.start, window.end, window.rows, window.queued);
        let run = &window.run;
        line(
            say!(lang, "in the window", "所在窗口"),
            say!(
                lang,
                "{start} to {end}: {rows} rows read, {queued} queued, run {run}",
                "{start} 至 {end}：读取 {rows} 行，入队 {queued}，运行 {run}"
            ),
        );
    }
    line(say!(lang, "attempts", "尝试次数"), story.attempts.to_string());
    if let (Some(first), Some(last)) = (story.first_attempt, story.last_attempt) {
        line(say!(lang, "first and last attempt", "首次与末次尝试"), format!("{first}, {last}"));
    }
    if let Some(since) = story.unknown_since {
        line(say!(lang, "outcome unknown since", "结果未知自"), since.to_string());
    }
    if let Some(until) = story.busy_until {
        line(say!(lang, "busy until", "占用至"), until.to_string());
    }
    if let Some(code) = &story.voucher_code {
        line(say!(lang, "voucher code", "单据编码"), code.to_string());
    }
    if let Some(id) = &story.voucher_id {
        line(say!(lang, "voucher id in BIP", "BIP 单据主键"), id.to_string());
    }
    if let Some(booked) = story.booked {
        line(say!(lang, "booked", "入账时间"), booked.to_string());
    }
    if let Some(parked) = story.parked {
        line(say!(lang, "waits for a person since", "待人工处理自"), parked.to_string());
    }
    if let Some(held) = &story.held {
        let amount = held.amount.map(money).unwrap_or_default();
        let when = held.modified.map(|time| time.to_string()).unwrap_or_default();
        line(say!(lang, "another version", "另一版本"), format!("{amount} {when}"));
    }
    match &story.merged {
        Some(Merging::Waits { group, due }) => {
            let due = due.map(|due| due.to_string()).unwrap_or_default();
            line(say!(lang, "waits to be merged", "等待汇总"), format!("{group} {due}"));
        }
        Some(Merging::BookedIn { part }) => {
            line(say!(lang, "booked in", "汇总于"), part.to_string());
        }
        Some(Merging::Members { members }) => {
            let names: Vec<&str> = members.iter().map(dougong_values::DocumentKey::as_str).collect();
            line(say!(lang, "members", "成员"), names.join(" "));
        }
        None => {}
    }
    line(say!(lang, "version", "版本"), story.version.to_string());
    let mut text = table(&lines);
    if !story.problems.is_empty() {
        text += &say!(lang, "\nwhat was wrong, or BIP's answer:\n", "\n问题或 BIP 的答复：\n");
        text += &problems(&story.problems, lang);
    }
    if let Some(warnings) = &story.warnings {
        text += &say!(lang, "\nforgiven while it was read:\n", "\n读取时兼容处理：\n");
        text += &forgiven(warnings, lang);
    }
    if !story.deeds.is_empty() {
        text += &say!(lang, "\nwhat people did:\n", "\n人工操作：\n");
        for deed in &story.deeds {
            let what = words::deed(&deed.what).map_or(deed.what.as_str(), |texts| lang.pick(texts));
            let (at, who) = (deed.at, &deed.who);
            let why = words::deed_words(lang, deed);
            text += format!("  {at}  {who}  {what}  {why}").trim_end();
            text.push('\n');
        }
    }
    text
}
