//! One scheme's watermark: whether an instant was ever inside a window, and setting it by hand.

use dougong_ledger::WatermarkSet;
use dougong_operate::{Explained, OperateError, Operator};
use dougong_values::{BeijingTime, SchemeId};
use maud::{Markup, html};

use super::flow::windows;
use crate::http::{Answer, link};
use crate::lang::Lang;
use crate::page::{FLOW, SET_WATERMARK, Visit, WATERMARK, at};
use crate::router::PageError;

/// Shows it, and answers whether an instant was ever read.
pub(crate) async fn page(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let query = &visit.request.query;
    let scheme = scheme(query.get("scheme"), operator)?;
    let asked = query.get("at").map(instant).transpose()?;
    let status = operator.watermark(&scheme, 0).await?;
    let explained = match asked {
        Some(asked) => Some(operator.explain_instant(&scheme, asked).await?),
        None => None,
    };
    let content = html! {
        @match query.get("done") {
            Some("set") => p.done role="status" { (visit.t("The watermark is set.", "水位已设置。")) },
            Some("not") => p.alert role="status" { (visit.t(
                "Nothing was done: the watermark has moved in the meantime. It is shown below as it is now.",
                "未执行：水位在此期间已变动，下面是现值。",
            )) },
            _ => {}
        }
        p {
            (visit.t("Read up to", "已读取至")) " "
            @match status.watermark {
                Some(watermark) => { strong { (at(watermark)) } " (" (visit.ago(watermark)) ")" }
                None => strong { (visit.t("not yet", "尚未开始")) },
            }
            " · " a href=(FLOW) { (visit.t("all schemes", "全部方案")) }
        }
        section aria-labelledby="ever" {
            h2 #ever { (visit.t("Was an instant ever read?", "某一时刻是否读取过？")) }
            form.filters action=(WATERMARK) method="get" {
                input type="hidden" name="scheme" value=(scheme);
                div { label for="at" { (visit.t("When the document was changed in its system", "单据在源系统的修改时间")) }
                    input #at type="datetime-local" name="at" step="1" required value=(field(asked)); }
                div { button type="submit" { (visit.t("Look", "查询")) } }
            }
            @if let Some(explained) = &explained { (told(visit, explained)) }
        }
        @if visit.may_do() {
            section aria-labelledby="by-hand" {
                h2 #by-hand { (visit.t("Set the watermark by hand", "手工设置水位")) }
                p.note { (visit.t(
                    "An earlier one reads everything since then again; what is booked is not booked again. The next page says what it means before anything is done.",
                    "改早：自该时刻起重新读取，已入账的不会重复入账。执行之前，下一页会说明后果。",
                )) }
                form.filters action=(SET_WATERMARK) method="get" {
                    input type="hidden" name="scheme" value=(scheme);
                    div { label for="to" { (visit.t("To", "设为")) }
                        input #to type="datetime-local" name="to" step="1" required value=(field(status.watermark)); }
                    div { button type="submit" { (visit.t("Set…", "设置…")) } }
                }
            }
        }
    };
    Ok(Answer::page(200, visit.page(&title(visit, &scheme), FLOW, &content)))
}

fn told(visit: &Visit<'_>, explained: &Explained) -> Markup {
    let Explained { instant, watermark, windows: rows, complete, .. } = explained;
    let is_ahead = watermark.is_none_or(|watermark| watermark < *instant);
    html! {
        @if !rows.is_empty() {
            p.good role="status" { (at(*instant)) " " (visit.t("was inside these windows; the rows are what came back.", "曾在以下窗口之内；行数即当时返回的单据数。")) }
            (windows(visit, rows, visit.t("windows that held it", "包含该时刻的窗口")))
        } @else {
            p.alert role="status" { (at(*instant)) " " (visit.t("was in no window. ", "不在任何窗口之内。"))
                @if is_ahead {
                    (visit.t("The watermark has not come there yet.", "水位尚未到达该时刻。"))
                } @else if !complete {
                    (visit.t("The history is longer than what was searched.", "历史过长，未全部查找。"))
                } @else {
                    (visit.t(
                        "It lies before the first window, or its history is older than 400 days. Set the watermark back to before it, or have somebody read the day with dougong pull.",
                        "早于第一个窗口，或历史已超过 400 天。可把水位设到该时刻之前，或请人用 dougong pull 命令补拉当天。",
                    ))
                }
            }
        }
    }
}

/// Asks before it is set.
pub(crate) async fn confirm(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let query = &visit.request.query;
    let scheme = scheme(query.get("scheme"), operator)?;
    let to = to(query.get("to"))?;
    let now = operator.watermark(&scheme, 0).await?.watermark;
    let back = link(WATERMARK, &[("scheme", scheme.as_str())]);
    let ahead = now.map(|now| to.seconds_since(now));
    let content = html! {
        dl.fields.two {
            div { dt { (visit.t("Now", "现值")) } dd { @match now { Some(now) => (at(now)), None => (visit.t("not yet", "尚未开始")) } } }
            div { dt { (visit.t("To be", "设为")) } dd { (at(to)) } }
        }
        @match ahead {
            Some(0) => p.alert { (visit.t("That is what it is.", "与现值相同。")) },
            Some(..0) => p { (visit.t("Back by", "改早")) " " strong { (visit.span(-ahead.unwrap_or_default())) } (visit.t(
                ": everything that changed since then is read again. What is booked in the same version is known and not booked again; what was missed is found.",
                "：此后有变动的单据全部重新读取。版本相同且已入账的不会重复入账，遗漏的会找回。",
            )) },
            Some(_) => p.alert { (visit.t("Forward by", "改晚")) " " strong { (visit.span(ahead.unwrap_or_default())) } (visit.t(
                ": what changed in between is not read by itself. Only the nightly re-scan or a backfill finds it.",
                "：其间有变动的单据不会自动读取，只有夜间重扫或补拉才能找到。",
            )) },
            None => p.alert { (visit.t(
                "Nothing was read yet: what changed before is not read by itself.",
                "尚未读取过：此前有变动的单据不会自动读取。",
            )) },
        }
        @if visit.may_do() && ahead != Some(0) {
            form method="post" action=(SET_WATERMARK) {
                (visit.csrf())
                input type="hidden" name="scheme" value=(scheme);
                input type="hidden" name="expect" value=(now.map(|now| now.to_string()).unwrap_or_default());
                input type="hidden" name="to" value=(to);
                p { label for="why" { (visit.t("Why (kept beside your name)", "原因（与您的姓名一并留痕）")) }
                    input #why name="why" required maxlength="200" autocomplete="off"; }
                p.actions {
                    button type="submit" { (visit.t("Set the watermark", "设置水位")) }
                    a href=(back) { (visit.t("Leave it", "取消")) }
                }
            }
        } @else {
            p { a href=(back) { (visit.t("Back", "返回")) } }
        }
    };
    let title = match visit.lang {
        Lang::En => format!("Set the watermark of {scheme}?"),
        Lang::Zh => format!("设置 {scheme} 的水位？"),
    };
    Ok(Answer::page(200, visit.page(&title, FLOW, &content)))
}

/// Sets it, if it still is what the person was shown.
pub(crate) async fn act(visit: &Visit<'_>, operator: &Operator) -> Result<Answer, PageError> {
    let form = &visit.request.form;
    let scheme = scheme(form.get("scheme"), operator)?;
    let to = to(form.get("to"))?;
    let expected = form.get("expect").map(instant).transpose()?;
    let why = form.get("why").ok_or(PageError::nonsense("say why", "请填写原因"))?;
    let done = match operator.set_watermark(&scheme, expected, to, Some(why)).await? {
        WatermarkSet::Done => "set",
        WatermarkSet::Other { .. } => "not",
    };
    Ok(Answer::see(link(WATERMARK, &[("scheme", scheme.as_str()), ("done", done)])))
}

fn title(visit: &Visit<'_>, scheme: &SchemeId) -> String {
    match visit.lang {
        Lang::En => format!("Watermark of {scheme}"),
        Lang::Zh => format!("{scheme} 的水位"),
    }
}

fn scheme(text: Option<&str>, operator: &Operator) -> Result<SchemeId, PageError> {
    let named: SchemeId = text.and_then(|text| text.parse().ok()).ok_or(PageError::NotFound)?;
    operator.scheme(Some(&named)).map_err(|error| match error {
        OperateError::NoScheme { .. } => PageError::NotFound,
        other => PageError::Operate(other),
    })
}

fn to(text: Option<&str>) -> Result<BeijingTime, PageError> {
    let to = instant(text.unwrap_or_default())?;
    if to > BeijingTime::now() {
        return Err(PageError::nonsense(
            "a watermark in the future would leave out what comes until then",
            "水位不能设在将来：在此之前到来的单据会被漏掉",
        ));
    }
    Ok(to)
}

/// Reads an instant as browsers and people write it: `2026-11-22T08:30`, `2026-11-22 08:30:00`.
fn instant(text: &str) -> Result<BeijingTime, PageError> {
    let spaced = text.replacen('T', " ", 1);
    let whole = if spaced.len() == "2026-11-22 08:30".len() { format!("{spaced}:00") } else { spaced };
    whole.parse().map_err(|_| {
        PageError::nonsense(
            "a time is written yyyy-MM-dd HH:mm:ss, in Beijing time",
            "时间写作 yyyy-MM-dd HH:mm:ss（北京时间）",
        )
    })
}

/// Writes an instant as the field of a form takes it.
fn field(time: Option<BeijingTime>) -> String {
    time.map(|time| time.to_string().replacen(' ', "T", 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_browsers_and_people_write_it() {
        for text in ["2026-11-22T08:30", "2026-11-22T08:30:00", "2026-11-22 08:30:00"] {
            assert_eq!(instant(text).unwrap().to_string(), "2026-11-22 08:30:00", "{text}");
        }
        assert_eq!(instant("2026-11-22").unwrap().to_string(), "2026-11-22 00:00:00");
        for text in ["", "yesterday", "2026-11-22T25:00"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
