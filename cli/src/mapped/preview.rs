//! `dougong preview`: the voucher that would be sent, each field with where it came from.

use std::io::{self, Write as _};
use std::process::ExitCode;

use comfy_table::Table;
use dougong_config::Config;
use dougong_mapping::Explained;
use dougong_operate::{Field, exclusion, fields, in_chinese};
use dougong_values::{BeijingTime, SchemeId, Window};
use dougong_wdt::{Client, Filter, PageSize, Query, Row, Stockout};
use serde_json::{Value, json};

use super::{Document, Outcome, configuration, kind, outcome, read, scheme_of, told, usual_folder};
use crate::arguments::PreviewArguments;
use crate::failure::Failure;
use crate::lang::{Lang, Texts};
use crate::up;

const DAY: i64 = 86_400;

const WOULD_BE: Texts = Texts { en: "would be booked as", zh: "将入账为" };
const PARKED: Texts = Texts { en: "would be parked for a person:", zh: "将待人工处理：" };
const EXCLUDED: Texts = Texts { en: "is not booked by this scheme:", zh: "不由本方案入账：" };
const NO_DOCUMENT: Texts = Texts { en: "which document?", zh: "哪张单据？" };
const NAME_ONE: Texts = Texts {
    en: "name a file, or a stockout with --stockout",
    zh: "请指定文件，或用 --stockout 指定出库单号",
};
const NOT_FOUND: Texts = Texts { en: "WDT has no such stockout", zh: "旺店通没有此出库单" };
const ASK_AGAIN: Texts = Texts {
    en: "check the number and the rights of the interface account; archived stockouts are not found",
    zh: "请核对单号与接口账号的权限；已归档的出库单查不到",
};

/// Shows what becomes of a document: 0 if it would be booked, 1 if not.
pub(crate) async fn run(options: PreviewArguments) -> ExitCode {
    let lang = Lang::choose(options.lang, &|name| std::env::var(name).ok());
    match previewed(&options, lang).await {
        Ok((text, is_booked)) => {
            let printed = io::stdout().lock().write_all(text.as_bytes());
            if is_booked && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}

async fn previewed(options: &PreviewArguments, lang: Lang) -> Result<(String, bool), String> {
    let folder = usual_folder(options.config.as_ref());
    let config = configuration(&folder, lang)?;
    let named = options.scheme.as_ref();
    let document = match (&options.file, &options.stockout) {
        (Some(file), _) => read(&config, file, named, lang),
        (None, Some(number)) => asked(&config, options, number, lang).await,
        (None, None) => Err(Failure::new(lang, lang.pick(NO_DOCUMENT), lang.pick(NAME_ONE))),
    };
    let document = document.map_err(|failure| failure.to_string())?;
    let scheme = scheme_of(&config, &document, named, lang).map_err(|failure| failure.to_string())?;
    let outcome = outcome(&config, &scheme, &document);
    let is_booked = matches!(outcome, Outcome::Booked(_));
    let text = if options.json { as_json(&scheme, &outcome) } else { shown(&scheme, &outcome, lang) };
    Ok((text, is_booked))
}

/// Asks WDT for one stockout.
async fn asked(
    config: &Config,
    options: &PreviewArguments,
    number: &str,
    lang: Lang,
) -> Result<Document, Failure> {
    let (_, secrets) = up::secrets(options.secrets.as_ref(), lang)?;
    let account = config.wdt.account(&secrets.wdt.app_key, secrets.wdt.app_secret);
    let client = Client::new(account, config.wdt.timeouts);
    let client = client.map_err(|error| Failure::caused(lang, &error, lang.pick(ASK_AGAIN)))?;
    let client = client.keeping(config.personal_fields());
    let now = BeijingTime::now();
    let window = Window::new(now.plus_seconds(-29 * DAY), now);
    let window = window.map_err(|error| Failure::caused(lang, &error, lang.pick(ASK_AGAIN)))?;
    let filter = Filter { stockout_no: Some(number.to_owned()), ..Filter::within(window) };
    let query = Query { filter, page_no: 0, page_size: PageSize::MAX };
    let page =
        client.query(&query).await.map_err(|error| Failure::caused(lang, &error, lang.pick(ASK_AGAIN)))?;
    let stockout = page.rows.into_iter().find_map(|row| match row {
        Row::Stockout(stockout) => is_it(&stockout, number).then_some(stockout),
        Row::Unreadable(_) => None,
    });
    let missing = || Failure::new(lang, format!("{number}: {}", lang.pick(NOT_FOUND)), lang.pick(ASK_AGAIN));
    stockout.map(|stockout| Document::Stockout(Box::new(stockout))).ok_or_else(missing)
}

fn is_it(stockout: &Stockout, number: &str) -> bool {
    stockout.stockout_no.as_deref() == Some(number)
}

fn shown(scheme: &SchemeId, outcome: &Outcome, lang: Lang) -> String {
    match outcome {
        Outcome::Booked(explained) => {
            let what = kind(&explained.voucher, lang);
            let mut table = Table::new();
            table.load_style(comfy_table::TableStyle::new());
            for Field { field, value } in fields(&explained.voucher) {
                let origin = explained.origins.get(&field).map(ToString::to_string).unwrap_or_default();
                let origin = if lang == Lang::Zh { in_chinese(&origin) } else { origin };
                table.add_row([field, value, origin]);
            }
            let rows: Vec<String> =
                table.to_string().lines().map(|line| format!("  {}\n", line.trim_end())).collect();
            format!("{scheme}: {} {what}\n\n{}", lang.pick(WOULD_BE), rows.concat())
        }
        Outcome::Excluded(reason) => {
            let words = exclusion(reason).map(|texts| format!("{} ", lang.pick(texts))).unwrap_or_default();
            format!("{scheme}: {} {words}({reason})\n", lang.pick(EXCLUDED))
        }
        Outcome::Parked(problems) => format!("{scheme}: {}\n\n{}", lang.pick(PARKED), told(problems, lang)),
    }
}

fn as_json(scheme: &SchemeId, outcome: &Outcome) -> String {
    let value = match outcome {
        Outcome::Booked(explained) => json!({ "scheme": scheme, "booked": true, "fields": rows(explained) }),
        Outcome::Excluded(reason) => json!({ "scheme": scheme, "booked": false, "excluded": reason }),
        Outcome::Parked(problems) => json!({ "scheme": scheme, "booked": false, "problems": problems }),
    };
    format!("{value:#}\n")
}

/// Values are texts here, with the digits that are sent: JSON's own numbers would pass through binary ones.
fn rows(explained: &Explained) -> Vec<Value> {
    let row = |Field { field, value }: Field| {
        let mut row = serde_json::to_value(explained.origins.get(&field)).unwrap_or_default();
        if !row.is_object() {
            row = json!({});
        }
        row["field"] = json!(field);
        row["value"] = json!(value.trim_matches('"'));
        row
    };
    fields(&explained.voucher).into_iter().map(row).collect()
}
