//! `dougong dlq`: dead letters.

use comfy_table::Cell;
use dougong_operate::Letters;
use serde_json::json;

use super::arguments::{DlqListArguments, RedriveArguments};
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use super::{NEEDS_PERSON, Said, agreed, failed};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::tables::{plain, right};

pub(super) async fn list(options: &DlqListArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let most = usize::try_from(options.most).unwrap_or(usize::MAX);
    let letters = connection.operator.dead_letters(options.queue.as_deref(), most).await;
    let letters = letters.map_err(failed(lang))?;
    let code = if letters.letters.is_empty() { 0 } else { NEEDS_PERSON };
    Ok(Said::of(&options.common, &letters, code, || written(&letters, lang)))
}

fn written(letters: &Letters, lang: Lang) -> String {
    if letters.letters.is_empty() {
        return say!(lang, "no dead letters\n", "没有死信\n");
    }
    let mut rows = plain();
    rows.set_header([
        Cell::new(lang.pick(words::SENT)),
        Cell::new(lang.pick(words::DOCUMENT)),
        right(lang.pick(words::BYTES)),
        Cell::new(lang.pick(words::PROBLEM)),
    ]);
    for letter in &letters.letters {
        rows.add_row([
            Cell::new(letter.sent.map(|sent| sent.to_string()).unwrap_or_default()),
            Cell::new(letter.document.as_ref().map(ToString::to_string).unwrap_or_default()),
            right(letter.bytes),
            Cell::new(words::said(lang, letter.problem.as_deref().unwrap_or_default())),
        ]);
    }
    table(&rows)
}

pub(super) async fn redrive(options: &RedriveArguments, connection: &Connection) -> Result<Said, Failure> {
    let (operator, lang) = (&connection.operator, connection.lang);
    let question = say!(lang, "send the dead letters again?", "重新发送死信？");
    if !agreed(lang, options.yes, &question) {
        return Ok(Said::not(""));
    }
    let most = usize::try_from(options.most).unwrap_or(usize::MAX);
    let done = operator.redrive(most).await.map_err(failed(lang))?;
    let (moved, foreign) = (done.moved, done.foreign);
    Ok(Said::of(&options.common, &json!({ "moved": moved, "foreign": foreign }), 0, || {
        say!(
            lang,
            "sent again: {moved}; not ours, and left where they are: {foreign}\n",
            "已重发 {moved} 条；不是本程序的消息、原样保留 {foreign} 条\n"
        )
    }))
}
