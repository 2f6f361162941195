//! `dougong pull`: a backfill, previewed, at low priority, with a cursor of its own.

use std::time::Duration;

use comfy_table::Cell;
use dougong_cloud::{Function, FunctionHost, LogSink};
use dougong_operate::{PullPreview, PullSpan, Pulled};
use dougong_values::SchemeId;
use serde::Serialize;
use serde_json::json;

use super::arguments::PullArguments;
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use super::{Said, agreed, failed};
use crate::failure::Failure;
use crate::lang::{Lang, Texts};
use crate::progress::Progress;
use crate::tables::{plain, right};

/// As long as Lambda gives a function.
const TIMEOUT: Duration = Duration::from_mins(15);
/// What the function is told to have.
const MEMORY_MB: u32 = 256;
/// While so many messages wait, a backfill puts no more into the queue: what comes now goes first.
const CROWDED: u64 = 200;
/// How often the queue is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Whole<'a> {
    preview: &'a PullPreview,
    pulled: Option<Pulled>,
}

pub(super) async fn run(options: &PullArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let scheme = operator.scheme(options.scheme.as_ref()).map_err(failed(lang))?;
    let mut counting = Progress::start(lang, Texts { en: "days counted", zh: "已统计天数" });
    let counted = |done, all| counting.step(done, all);
    let preview = operator.preview_pull(&scheme, options.from, options.to, counted).await;
    let preview = preview.map_err(failed(lang))?;
    drop(counting);
    let shown = shown(&preview, lang);
    if options.dry_run {
        let whole = Whole { preview: &preview, pulled: None };
        return Ok(Said::of(&options.common, &whole, 0, || shown));
    }
    if !options.yes {
        eprint!("{shown}");
    }
    if !agreed(lang, options.yes, &say!(lang, "\npull them?", "\n开始拉取？")) {
        return Ok(Said::not(""));
    }
    operator.note_pull(&scheme, options.from, options.to).await.map_err(failed(lang))?;
    let mut pulled = Pulled::default();
    let mut pulling = Progress::start(lang, Texts { en: "days pulled", zh: "已拉取天数" });
    for (done, span) in preview.spans.iter().enumerate() {
        pulling.step(done, preview.spans.len());
        wait_for_room(connection, &pulling).await?;
        pull(connection, &scheme, span, preview.of_bills, &mut pulled).await?;
    }
    drop(pulling);
    let whole = Whole { preview: &preview, pulled: Some(pulled) };
    Ok(Said::of(&options.common, &whole, 0, || {
        let Pulled { rows, queued, known, excluded, parked, .. } = pulled;
        let shown = if options.yes { format!("{shown}\n") } else { String::new() };
        say!(
            lang,
            "{shown}{rows} read, {queued} queued, {known} known, {excluded} left out, {parked} parked\n",
            "{shown}读取 {rows}，入队 {queued}，已知 {known}，按规则不入账 {excluded}，待人工处理 {parked}\n"
        )
    }))
}

fn shown(preview: &PullPreview, lang: Lang) -> String {
    let mut rows = plain();
    rows.set_header([
        Cell::new(lang.pick(words::WINDOW)),
        right(lang.pick(words::READ)),
        right(say!(lang, "calls", "调用")),
    ]);
    for span in &preview.spans {
        let count = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
        rows.add_row([
            Cell::new(format!("{} – {}", span.from, span.to)),
            right(count(span.rows)),
            right(count(span.calls)),
        ]);
    }
    let mut text = table(&rows);
    let times = preview.minutes.zip(preview.bip_minutes);
    if let (Some(total), Some(calls), Some((minutes, booking))) = (preview.rows, preview.calls, times) {
        text += &say!(
            lang,
            "\n{total} orders; {calls} calls to WDT, about {minutes} min; booking what is new of them, at most {booking} min at BIP's pace\n",
            "\n共 {total} 单；调用旺店通 {calls} 次，约 {minutes} 分钟；其中新单入账按 BIP 节奏最多 {booking} 分钟\n"
        );
    }
    text
}

/// Waits until the queue is short: what comes now is booked before what is old.
async fn wait_for_room(connection: &Connection, pulling: &Progress) -> Result<(), Failure> {
    let lang = connection.lang;
    let mut said = false;
    loop {
        let waiting = connection.operator.waiting().await.map_err(failed(lang))?;
        if waiting <= CROWDED {
            return Ok(());
        }
        if !said {
            let line =
                say!(lang, "{waiting} messages wait, they go first", "队列中有 {waiting} 条，先处理它们");
            pulling.line(&line);
            said = true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Runs the function on one span, as often as it takes to finish.
async fn pull(
    connection: &Connection,
    scheme: &SchemeId,
    span: &PullSpan,
    of_bills: bool,
    pulled: &mut Pulled,
) -> Result<(), Failure> {
    let lang = connection.lang;
    let name = if of_bills { "sweep" } else { "pull" };
    let program = std::env::current_exe();
    let program = program.map_err(|error| Failure::caused(lang, &error, words::reach_hint(lang)))?;
    let function = Function {
        name: name.to_owned(),
        command: vec![program.into_os_string(), "function".into(), name.into()],
        env: connection.environment.clone(),
        timeout: TIMEOUT,
        max_environments: 1,
        memory_mb: MEMORY_MB,
    };
    let (sink, logs) = LogSink::collecting();
    let host = FunctionHost::start(function, sink);
    let event = if of_bills {
        json!({ "scheme": scheme, "from": span.from.day().to_string(), "to": span.to.day().to_string() })
    } else {
        json!({ "scheme": scheme, "from": span.from, "to": span.to })
    };
    loop {
        let answered = host.invoke(event.to_string()).await;
        let answered = answered.map_err(|error| {
            let said = logs.lines().into_iter().rev().find(|line| line.text.contains("ERROR"));
            let said = said.map(|line| line.text).unwrap_or_default();
            Failure::new(lang, format!("{error} {said}"), words::pull_hint(lang))
        })?;
        let summary: serde_json::Value = serde_json::from_slice(&answered.payload).unwrap_or_default();
        if summary["held"] == true {
            return Err(Failure::new(
                lang,
                say!(lang, "another run pulls {scheme} in this span", "另一个运行正在拉取 {scheme} 的这一段"),
                words::pull_hint(lang),
            ));
        }
        pulled.add(&summary);
        if summary["complete"] == true {
            return Ok(());
        }
    }
}
