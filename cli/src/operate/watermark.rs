//! `dougong watermark`: how far schemes were pulled.

use comfy_table::Cell;
use dougong_ledger::WatermarkSet;
use dougong_operate::{Explained, WatermarkStatus, WindowRow};
use serde_json::json;

use super::arguments::{ExplainTimeArguments, SetArguments, WatermarkArguments};
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use super::{Said, agreed, failed};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::tables::{plain, right};

pub(super) async fn show(options: &WatermarkArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let config = &operator.system().config;
    let schemes = match &options.scheme {
        Some(named) => vec![operator.scheme(Some(named)).map_err(failed(lang))?],
        None => config.schemes.keys().chain(config.bill_schemes.keys()).cloned().collect(),
    };
    let mut all = Vec::new();
    let windows = usize::try_from(options.windows).unwrap_or(usize::MAX);
    for scheme in schemes {
        all.push(operator.watermark(&scheme, windows).await.map_err(failed(lang))?);
    }
    Ok(Said::of(&options.common, &all, 0, || {
        let texts: Vec<String> = all.iter().map(|status| written(status, lang)).collect();
        texts.join("\n")
    }))
}

fn written(status: &WatermarkStatus, lang: Lang) -> String {
    let scheme = &status.scheme;
    let mut text = match (status.watermark, status.age_seconds) {
        (Some(watermark), Some(age)) => {
            let behind = words::seconds(lang, age);
            say!(lang, "{scheme}: {watermark}, {behind} behind", "{scheme}：{watermark}，落后 {behind}")
        }
        _ => say!(lang, "{scheme}: nothing was pulled yet", "{scheme}：尚未拉取"),
    };
    if status.running {
        text += &say!(lang, ", a run is at work", "，正在运行");
    } else if let Some(ended) = status.last_run_ended {
        text += &say!(lang, ", the last run ended at {ended}", "，上次运行结束于 {ended}");
    }
    text.push('\n');
    if !status.windows.is_empty() {
        text += &windows(&status.windows, lang);
    }
    text
}

fn windows(rows: &[WindowRow], lang: Lang) -> String {
    let mut shown = plain();
    shown.set_header([
        Cell::new(lang.pick(words::WINDOW)),
        Cell::new(lang.pick(words::FINISHED)),
        right(lang.pick(words::READ)),
        right(lang.pick(words::QUEUED)),
        right(lang.pick(words::KNOWN)),
        right(lang.pick(words::LEFT_OUT)),
        Cell::new(lang.pick(words::KIND)),
    ]);
    for row in rows {
        let kind = if row.cursor == "live" { words::LIVE } else { words::AGAIN };
        shown.add_row([
            Cell::new(format!("{} – {}", row.start, row.end)),
            Cell::new(row.finished),
            right(row.rows),
            right(row.queued),
            right(row.known),
            right(row.excluded),
            Cell::new(lang.pick(kind)),
        ]);
    }
    table(&shown)
}

pub(super) async fn explain(
    options: &ExplainTimeArguments,
    connection: &Connection,
) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let scheme = operator.scheme(options.scheme.as_ref()).map_err(failed(lang))?;
    let found = operator.explain_instant(&scheme, options.time).await.map_err(failed(lang))?;
    let code = u8::from(found.windows.is_empty());
    Ok(Said::of(&options.common, &found, code, || explained(&found, connection)))
}

fn explained(found: &Explained, connection: &Connection) -> String {
    let lang = connection.lang;
    let Explained { scheme, instant, watermark, windows: rows, complete } = found;
    if !rows.is_empty() {
        let count = rows.len();
        let text = say!(
            lang,
            "{instant} was inside {count} windows of {scheme}:\n",
            "{instant} 曾在 {scheme} 的 {count} 个窗口之内：\n"
        );
        return format!("{text}{}", windows(rows, lang));
    }
    let mut text =
        say!(lang, "{instant} was in no window of {scheme}\n", "{instant} 不在 {scheme} 的任何窗口之内\n");
    let behind = watermark.is_none_or(|watermark| watermark < *instant);
    if behind {
        text += &say!(lang, "hint: the watermark has not come there yet\n", "提示：水位尚未到达该时刻\n");
    } else if !complete {
        text += &say!(
            lang,
            "hint: the history is longer than what was searched\n",
            "提示：历史过长，未全部查找\n"
        );
    } else {
        let day = instant.day();
        let command = connection.typed(&format!("pull --from '{day} 00:00:00' --to '{day} 23:59:59'"));
        text += &say!(
            lang,
            "hint: it lies before the first window, or its history is older than 400 days; read it with: {command}\n",
            "提示：早于第一个窗口，或历史已超过 400 天；可用此命令读取：{command}\n"
        );
    }
    text
}

pub(super) async fn set(options: &SetArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let scheme = operator.scheme(options.scheme.as_ref()).map_err(failed(lang))?;
    let (old, new) = (options.expect, options.to);
    let question = say!(
        lang,
        "set the watermark of {scheme} from {old} to {new}?",
        "把 {scheme} 的水位从 {old} 设为 {new}？"
    );
    if !agreed(lang, options.yes, &question) {
        return Ok(Said::not(""));
    }
    let why = options.reason.as_deref();
    let set = operator.set_watermark(&scheme, Some(old), new, why).await.map_err(failed(lang))?;
    Ok(match set {
        WatermarkSet::Done => {
            let result = json!({ "scheme": scheme, "set": true, "watermark": new });
            Said::of(&options.common, &result, 0, || {
                say!(lang, "{scheme}: the watermark is {new}\n", "{scheme}：水位已设为 {new}\n")
            })
        }
        WatermarkSet::Other { found } => {
            let result = json!({ "scheme": scheme, "set": false, "watermark": found });
            Said::of(&options.common, &result, 1, || {
                let found = found.map_or_else(|| lang.pick(words::NONE).to_owned(), |time| time.to_string());
                say!(
                    lang,
                    "{scheme}: not set, the watermark is {found}\nhint: look at `dougong watermark show` and name what it is now with --expect\n",
                    "{scheme}：未设置，现水位为 {found}\n提示：请看 `dougong watermark show`，用 --expect 写出现值\n"
                )
            })
        }
    })
}
