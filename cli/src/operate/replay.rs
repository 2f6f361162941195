//! `dougong orders replay`: shows what documents would become today, asks, and sends them again.

use std::collections::BTreeMap;

use comfy_table::Cell;
use dougong_operate::{Becomes, Filter, Place, Preview, Sent};
use dougong_values::{DocumentKey, Money};
use serde::Serialize;

use super::arguments::{Common, ReplayArguments};
use super::connection::Connection;
use super::status::table;
use super::story::{problems, write_fields};
use super::words::{self, say};
use super::{Said, agreed, failed, orders};
use crate::failure::Failure;
use crate::lang::{Lang, Texts};
use crate::progress::Progress;
use crate::tables::{explained, money, plain, right};

/// Documents that are looked at together.
const AT_ONCE: usize = 100;
/// More documents than this are summed up rather than shown one by one.
const FEW: usize = 3;

pub(super) async fn run(options: &ReplayArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let keys = chosen(options, connection).await?;
    let mut previews = Vec::with_capacity(keys.len());
    let mut looking = Progress::start(lang, Texts { en: "documents mapped", zh: "已映射单据" });
    for some in keys.chunks(AT_ONCE) {
        looking.step(previews.len(), keys.len());
        previews.extend(operator.preview(some).await.map_err(failed(lang))?);
    }
    drop(looking);
    let sendable: Vec<DocumentKey> =
        previews.iter().filter(|preview| preview.sendable).map(|preview| preview.key.clone()).collect();
    let shown = shown(&previews, options.fields, lang);
    if options.dry_run {
        return Ok(result(&options.common, &previews, &[], 0, shown));
    }
    if sendable.is_empty() {
        let nothing = say!(lang, "\nnothing can be sent\n", "\n没有可发送的单据\n");
        return Ok(result(&options.common, &previews, &[], 1, format!("{shown}{nothing}")));
    }
    if connection.config_changed {
        return Err(words::config_changed(lang));
    }
    if !options.yes {
        eprint!("{shown}");
    }
    let count = sendable.len();
    if !agreed(lang, options.yes, &say!(lang, "\nsend {count} of them again?", "\n重新发送其中 {count} 张？"))
    {
        return Ok(Said::not(""));
    }
    let why = options.reason.as_ref().map(|reason| format!("--reason {reason}"));
    let mut sending = Progress::start(lang, Texts { en: "documents sent", zh: "已发送单据" });
    let replayed = operator.replay(&sendable, why.as_deref(), |done| sending.step(done, count)).await;
    drop(sending);
    let replayed = replayed.map_err(failed(lang))?;
    let queued = replayed.documents.iter().filter(|(_, sent)| *sent == Sent::Queued).count();
    let said = say!(
        lang,
        "\nsent again: {queued}; `dougong orders show` tells what becomes of each\n",
        "\n已重新发送 {queued} 张；结果可用 `dougong orders show` 查看\n"
    );
    let mut text = if options.yes { shown } else { String::new() };
    text += &said;
    for (key, sent) in replayed.documents.iter().filter(|(_, sent)| *sent != Sent::Queued) {
        text += &say!(lang, "not sent: {key} ({sent:?})\n", "未发送：{key}（{sent:?}）\n");
    }
    let code = u8::from(queued < previews.len());
    Ok(result(&options.common, &previews, &replayed.documents, code, text))
}

fn result(
    common: &Common,
    previews: &[Preview],
    sent: &[(DocumentKey, Sent)],
    code: u8,
    text: String,
) -> Said {
    let sent = sent.iter().map(|(key, sent)| (key.as_str(), *sent)).collect();
    Said::of(common, &Whole { documents: previews, sent }, code, || text)
}

#[derive(Serialize)]
struct Whole<'a> {
    documents: &'a [Preview],
    sent: BTreeMap<&'a str, Sent>,
}

/// Finds the documents that are meant.
async fn chosen(options: &ReplayArguments, connection: &Connection) -> Result<Vec<DocumentKey>, Failure> {
    if !options.keys.is_empty() {
        return orders::keys(&options.keys, connection);
    }
    let most = usize::try_from(options.most).unwrap_or(usize::MAX);
    let filter = Filter {
        place: Some(Place::Parked),
        reason: options.reason.clone(),
        day: options.day,
        scheme: options.scheme.clone(),
    };
    let listed = connection.operator.list(&filter, most).await.map_err(failed(connection.lang))?;
    Ok(listed.documents.into_iter().map(|row| row.key).collect())
}

fn shown(previews: &[Preview], all_fields: bool, lang: Lang) -> String {
    if previews.is_empty() {
        return format!("{}\n", lang.pick(words::NOTHING_FOUND));
    }
    if previews.len() <= FEW || all_fields {
        let texts: Vec<String> = previews.iter().map(|preview| one(preview, all_fields, lang)).collect();
        return texts.join("\n");
    }
    summed(previews, lang)
}

fn one(preview: &Preview, all_fields: bool, lang: Lang) -> String {
    let key = &preview.key;
    let Some(place) = preview.place else {
        return say!(lang, "{key}: the ledger does not know it\n", "{key}：台账中没有\n");
    };
    let place = lang.pick(words::place(place));
    let (meaning, _) = explained(lang, preview.reason.as_deref().unwrap_or_default());
    let was = words::with_reason(lang, place, &meaning);
    let mut text = say!(lang, "{key}\n  was: {was}\n", "{key}\n  原状态：{was}\n");
    text += &problems(&preview.problems, lang)
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect::<Vec<_>>()
        .concat();
    let now = becomes(preview, lang);
    text += &say!(lang, "  now: {now}\n", "  现在：{now}\n");
    match &preview.becomes {
        Becomes::Voucher { fields, .. } if all_fields => write_fields(&mut text, fields),
        Becomes::Parked { problems: found } => {
            text +=
                &problems(found, lang).lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat();
        }
        _ => {}
    }
    text
}

/// Says in a few words what a document would become.
fn becomes(preview: &Preview, lang: Lang) -> String {
    match &preview.becomes {
        Becomes::Voucher { code, amount, .. } => {
            let code = code.as_ref().map(ToString::to_string).unwrap_or_default();
            let amount = money(*amount);
            say!(lang, "would be booked as {code}, {amount}", "将入账为 {code}，{amount}")
        }
        Becomes::Parked { problems } => {
            let reason = problems.first().and_then(|problem| problem.get("reason")?.as_str());
            let (meaning, _) = explained(lang, reason.unwrap_or("unmappable"));
            say!(lang, "would be parked again: {meaning}", "仍将待人工处理：{meaning}")
        }
        Becomes::Skipped { reason } => {
            let (meaning, _) = explained(lang, reason);
            say!(lang, "would be skipped: {meaning}", "将不入账：{meaning}")
        }
        Becomes::Settled => {
            say!(lang, "BIP is asked whether it has it", "先向 BIP 查询是否已入账")
        }
        Becomes::Sent => say!(lang, "is put together and sent", "将重新组成并发送"),
        Becomes::Nothing => {
            say!(lang, "nothing can be sent again of it", "无可重新发送的内容")
        }
    }
}

fn summed(previews: &[Preview], lang: Lang) -> String {
    let mut groups: BTreeMap<(String, String), (u64, Money)> = BTreeMap::new();
    for preview in previews {
        let (was, _) = explained(lang, preview.reason.as_deref().unwrap_or_default());
        let now = match &preview.becomes {
            Becomes::Voucher { .. } => say!(lang, "would be booked", "将入账"),
            _ => becomes(preview, lang),
        };
        let group = groups.entry((was, now)).or_insert((0, Money::ZERO));
        group.0 += 1;
        group.1 += preview.amount.unwrap_or(Money::ZERO);
    }
    let mut rows = plain();
    rows.set_header([
        Cell::new(say!(lang, "was", "原因")),
        Cell::new(say!(lang, "now", "现在")),
        right(lang.pick(words::DOCUMENTS)),
        right(lang.pick(words::AMOUNT)),
    ]);
    for ((was, now), (count, amount)) in groups {
        rows.add_row([Cell::new(was), Cell::new(now), right(count), right(money(amount))]);
    }
    table(&rows)
}
