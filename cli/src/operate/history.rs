//! `dougong history`: who did what on a day.

use comfy_table::Cell;
use dougong_values::BeijingTime;

use super::arguments::HistoryArguments;
use super::connection::Connection;
use super::status::table;
use super::words;
use super::{Said, failed};
use crate::failure::Failure;
use crate::tables::plain;

pub(super) async fn run(options: &HistoryArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let day = options.day.unwrap_or_else(|| BeijingTime::now().day());
    let deeds = connection.operator.deeds_on(day).await.map_err(failed(lang))?;
    Ok(Said::of(&options.common, &deeds, 0, || {
        if deeds.is_empty() {
            return format!("{}\n", lang.pick(words::NONE));
        }
        let mut rows = plain();
        rows.set_header(
            [words::WHEN, words::WHO, words::WHAT, words::TO_WHAT, words::WHY]
                .map(|head| Cell::new(lang.pick(head))),
        );
        for deed in &deeds {
            let what = words::deed(&deed.what).map_or(deed.what.as_str(), |texts| lang.pick(texts));
            rows.add_row([
                Cell::new(deed.at),
                Cell::new(&deed.who),
                Cell::new(what),
                Cell::new(&deed.subject),
                Cell::new(words::deed_words(lang, deed)),
            ]);
        }
        table(&rows)
    }))
}
