//! `dougong orders list`.

use comfy_table::Cell;
use dougong_operate::{Filter, Listed, Place};
use dougong_values::DocumentKey;
use std::fmt::Write as _;

use super::arguments::{ListArguments, StateName};
use super::connection::Connection;
use super::status::table;
use super::words;
use super::{Said, failed};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::tables::{explained, money, plain, right};

impl From<StateName> for Place {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Queued => Self::Queued,
            StateName::Waiting => Self::Waiting,
            StateName::Posting => Self::Posting,
            StateName::Unknown => Self::Unknown,
            StateName::Parked => Self::Parked,
            StateName::Held => Self::Held,
            StateName::Posted => Self::Posted,
            StateName::Skipped => Self::Skipped,
        }
    }
}

/// Reads the documents that a person names.
pub(super) fn keys(texts: &[String], connection: &Connection) -> Result<Vec<DocumentKey>, Failure> {
    let mut keys = Vec::new();
    for text in texts {
        let key = connection.operator.key(text).ok_or_else(|| words::no_key(connection.lang, text))?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

pub(super) async fn list(options: &ListArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let filter = Filter {
        place: options.state.map(Place::from),
        reason: options.reason.clone(),
        day: options.day,
        scheme: options.scheme.clone(),
    };
    let most = usize::try_from(options.most).unwrap_or(usize::MAX);
    let listed = connection.operator.list(&filter, most).await.map_err(failed(lang))?;
    Ok(Said::of(&options.common, &listed, 0, || written(&listed, lang)))
}

fn written(listed: &Listed, lang: Lang) -> String {
    if listed.documents.is_empty() {
        return format!("{}\n", lang.pick(words::NOTHING_FOUND));
    }
    let mut rows = plain();
    rows.set_header([
        Cell::new(lang.pick(words::DOCUMENT)),
        Cell::new(lang.pick(words::SCHEME)),
        Cell::new(lang.pick(words::STATE)),
        right(lang.pick(words::AMOUNT)),
        Cell::new(lang.pick(words::SINCE)),
        Cell::new(lang.pick(words::REASON)),
        Cell::new(lang.pick(words::VOUCHER)),
    ]);
    for row in &listed.documents {
        let reason = row.reason.as_deref().unwrap_or_default();
        let (meaning, _) = explained(lang, reason);
        let reason = if meaning == reason { meaning } else { format!("{meaning} ({reason})") };
        rows.add_row([
            Cell::new(&row.key),
            Cell::new(&row.scheme),
            Cell::new(lang.pick(words::place(row.place))),
            right(row.amount.map(money).unwrap_or_default()),
            Cell::new(row.since),
            Cell::new(reason),
            Cell::new(row.voucher_code.as_ref().map(ToString::to_string).unwrap_or_default()),
        ]);
    }
    let mut text = table(&rows);
    if !listed.complete {
        let _ = write!(text, "\n{}\n", lang.pick(words::MORE));
    }
    text
}
