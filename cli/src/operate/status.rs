//! `dougong status`: how it goes, as a whole.

use comfy_table::Cell;
use dougong_operate::{Health, Place, QueueStatus, SchemeStatus, Status};
use serde::Serialize;
use std::fmt::Write as _;

use super::arguments::StatusArguments;
use super::connection::Connection;
use super::words::{self, say};
use super::{DOES_NOT_FLOW, NEEDS_PERSON, Said, failed};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::tables::{explained, money, plain, right};

/// The places that have a column.
const COLUMNS: [Place; 7] = [
    Place::Queued,
    Place::Waiting,
    Place::Posting,
    Place::Unknown,
    Place::Held,
    Place::Parked,
    Place::Posted,
];

pub(super) async fn run(options: &StatusArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let status = connection.operator.status(options.days).await.map_err(failed(lang))?;
    let oldest = i64::try_from(options.max_age.as_secs()).unwrap_or(i64::MAX);
    let health = status.health(oldest);
    let code = match health {
        Health::Well => 0,
        Health::NeedsPerson => NEEDS_PERSON,
        Health::DoesNotFlow => DOES_NOT_FLOW,
    };
    let whole = Whole { health, status: &status };
    Ok(Said::of(&options.common, &whole, code, || written(&status, health, lang)))
}

#[derive(Serialize)]
struct Whole<'a> {
    health: Health,
    #[serde(flatten)]
    status: &'a Status,
}

fn written(status: &Status, health: Health, lang: Lang) -> String {
    let Status { version, tenant, now, .. } = status;
    let mut text =
        say!(lang, "{tenant}, {now}, dougong {version}\n\n", "{tenant}，{now}，dougong {version}\n\n");
    text += &table(&schemes(status, lang));
    let days = status.days;
    text += &say!(
        lang,
        "\ncounted: what needs a person; the rest of the last {days} business days\n",
        "\n统计范围：全部待人工处理的单据，其余为最近 {days} 个业务日\n"
    );
    if !status.complete {
        let _ = writeln!(text, "{}", lang.pick(words::AT_LEAST));
    }
    if status.schemes.iter().any(|scheme| waits(scheme) > 0) {
        let _ = write!(text, "\n{}", table(&reasons(status, lang)));
    }
    let _ = write!(text, "\n{}", flow(status, lang));
    let _ = write!(text, "\n{}\n", words::health(lang, health));
    text
}

/// Writes a table without blanks at the ends of its lines.
pub(super) fn table(table: &comfy_table::Table) -> String {
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect::<Vec<_>>().concat()
}

fn schemes(status: &Status, lang: Lang) -> comfy_table::Table {
    let mut table = plain();
    let heads = [words::SCHEME, words::WATERMARK, words::BEHIND, words::LAST_RUN];
    let mut header: Vec<Cell> = heads.iter().map(|head| Cell::new(lang.pick(*head))).collect();
    header.extend(COLUMNS.iter().map(|place| right(lang.pick(words::place(*place)))));
    table.set_header(header);
    for scheme in &status.schemes {
        let watermark = scheme.watermark.as_ref();
        let time = |time: Option<dougong_values::BeijingTime>| {
            time.map_or_else(|| "–".to_owned(), |time| time.to_string())
        };
        let age = watermark.and_then(|watermark| watermark.age_seconds);
        let mut row = vec![
            Cell::new(&scheme.scheme),
            Cell::new(time(watermark.and_then(|watermark| watermark.watermark))),
            Cell::new(age.map_or_else(|| "–".to_owned(), |age| words::seconds(lang, age))),
            Cell::new(time(watermark.and_then(|watermark| watermark.last_run_ended))),
        ];
        row.extend(COLUMNS.iter().map(|place| right(scheme.count(*place))));
        table.add_row(row);
    }
    table
}

fn waits(scheme: &SchemeStatus) -> u64 {
    [Place::Unknown, Place::Held, Place::Parked].into_iter().map(|place| scheme.count(place)).sum()
}

fn reasons(status: &Status, lang: Lang) -> comfy_table::Table {
    let mut table = plain();
    table.set_header([
        Cell::new(lang.pick(words::NEEDS_PERSON)),
        right(lang.pick(words::DOCUMENTS)),
        right(lang.pick(words::AMOUNT)),
        Cell::new(lang.pick(words::OLDEST)),
        Cell::new(lang.pick(words::REASON)),
        Cell::new(lang.pick(words::WHAT_TO_DO)),
    ]);
    for scheme in &status.schemes {
        let waiting = scheme
            .counts
            .iter()
            .filter(|row| matches!(row.place, Place::Unknown | Place::Held | Place::Parked));
        for row in waiting {
            let name = row.reason.as_deref().unwrap_or_default();
            let (meaning, what_to_do) = explained(lang, name);
            let what =
                if meaning.is_empty() { lang.pick(words::place(row.place)).to_owned() } else { meaning };
            table.add_row([
                Cell::new(format!("{}: {what}", scheme.scheme)),
                right(row.count),
                right(money(row.amount)),
                Cell::new(row.oldest),
                Cell::new(name),
                Cell::new(what_to_do),
            ]);
        }
    }
    table
}

fn flow(status: &Status, lang: Lang) -> String {
    let QueueStatus { visible, in_flight, delayed } = status.queue;
    let dead = status.dead_letters.total();
    let mut text = say!(
        lang,
        "order queue: {visible} ready, {in_flight} at work, {delayed} delayed; dead letters: {dead}\n",
        "订单队列：待处理 {visible}，处理中 {in_flight}，延迟 {delayed}；死信 {dead}\n"
    );
    for pace in &status.paces {
        let what = lang.pick(words::system(pace.system));
        let calls = pace.calls_per_minute;
        let said = match &pace.paused {
            Some(paused) => {
                words::calls_stopped(lang, what, paused.until, &words::said(lang, &paused.reason))
            }
            None => say!(lang, "{what}: at most {calls} calls a minute", "{what}：每分钟最多调用 {calls} 次"),
        };
        let _ = writeln!(text, "{said}");
    }
    if let Some(problem) = &status.paces_unknown {
        let problem = words::said(lang, problem);
        text += &say!(
            lang,
            "whether calls are stopped is not known: {problem}\n",
            "无法得知调用是否暂停：{problem}\n"
        );
        let hint = words::secrets_hint(lang);
        text += &say!(lang, "hint: {hint}\n", "提示：{hint}\n");
    }
    text
}
