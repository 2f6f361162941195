//! `dougong check`: everything that is wrong with a configuration, or what it consists of.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::Table;
use dougong_config::{Config, ConfigError};
use serde_json::{Value, json};

use crate::arguments::CheckArguments;
use crate::chinese;
use crate::lang::{Lang, Texts};

/// The folder that is checked unless another one is named, here or by the environment.
const USUAL_FOLDER: &str = "config";

const ERROR: Texts = Texts { en: "error: ", zh: "错误：" };
const HINT: Texts = Texts { en: "hint: ", zh: "提示：" };
const TENANT: Texts = Texts { en: "tenant", zh: "商户" };
const SCHEME: Texts = Texts { en: "scheme", zh: "方案" };
const TABLE: Texts = Texts { en: "table", zh: "表" };
const STOCKOUTS: Texts = Texts { en: "stockouts of WDT", zh: "旺店通出库单" };
const BILLS: Texts = Texts { en: "store bills: ", zh: "门店单据：" };
const KEPT: Texts = Texts { en: ", kept without booking", zh: "，只留存不入账" };
const OWN: Texts = Texts { en: ", a table of your own", zh: "，自定义" };

/// Checks a configuration: 0 when nothing is wrong, 1 when something is.
pub(crate) fn run(options: &CheckArguments) -> ExitCode {
    if options.schema {
        return printed(&dougong_config::schema(), true);
    }
    let lang = Lang::choose(options.lang, &|name| std::env::var(name).ok());
    let named = || std::env::var_os("DOUGONG_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
    let folder = options.folder.clone().or_else(named).unwrap_or_else(|| PathBuf::from(USUAL_FOLDER));
    let config = Config::load_compiled(&folder, &|name| std::env::var(name).ok());
    let text = match (&config, options.json) {
        (Ok(config), true) => format!("{:#}\n", found(config)),
        (Ok(config), false) => summary(lang, &folder, config),
        (Err(errors), true) => format!("{:#}\n", wrong(&errors.0)),
        (Err(errors), false) => problems(lang, &errors.0),
    };
    printed(&text, config.is_ok())
}

/// Prints the whole result, which is data, however bad the news.
fn printed(text: &str, is_good: bool) -> ExitCode {
    let told = io::stdout().lock().write_all(text.as_bytes());
    if is_good && told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes every problem with its place, each as a paragraph.
pub(crate) fn told(lang: Lang, errors: &[ConfigError]) -> String {
    let paragraph = |error| {
        let mut text = String::new();
        // A String takes everything.
        let _ = in_language(lang, error).write(&mut text, lang.pick(ERROR), lang.pick(HINT));
        text
    };
    errors.iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// Writes every problem, and how many there are.
fn problems(lang: Lang, errors: &[ConfigError]) -> String {
    let text = told(lang, errors);
    let files = errors.iter().map(|error| error.file.as_str()).collect::<BTreeSet<_>>().len();
    let count = errors.len();
    let sum = match (lang, count, files) {
        (Lang::En, 1, _) => "1 problem".to_owned(),
        (Lang::En, _, 1) => format!("{count} problems in 1 file"),
        (Lang::En, ..) => format!("{count} problems in {files} files"),
        (Lang::Zh, ..) => format!("{files} 个文件中有 {count} 个问题"),
    };
    format!("{text}\n\n{sum}\n")
}

/// Says a problem in a language.
fn in_language(lang: Lang, error: &ConfigError) -> Cow<'_, ConfigError> {
    match lang {
        Lang::En => Cow::Borrowed(error),
        Lang::Zh => Cow::Owned(ConfigError {
            message: chinese::said(&error.message),
            hint: error.hint.as_deref().map(chinese::said),
            ..error.clone()
        }),
    }
}

/// Says what a configuration consists of.
fn summary(lang: Lang, folder: &Path, config: &Config) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::TableStyle::new());
    table.add_row([lang.pick(TENANT), config.tenant.as_str()]);
    for id in config.schemes.keys() {
        table.add_row([lang.pick(SCHEME), id.as_str(), lang.pick(STOCKOUTS)]);
    }
    for (id, scheme) in &config.bill_schemes {
        let kept = if scheme.source.book { "" } else { lang.pick(KEPT) };
        let source = format!("{}{}{kept}", lang.pick(BILLS), scheme.source.kind);
        table.add_row([lang.pick(SCHEME), id.as_str(), &source]);
    }
    for size in config.tables.sizes() {
        let own = if size.own { lang.pick(OWN) } else { "" };
        let rows = match (lang, size.rows) {
            (Lang::En, 1) => format!("1 row{own}"),
            (Lang::En, rows) => format!("{rows} rows{own}"),
            (Lang::Zh, rows) => format!("{rows} 行{own}"),
        };
        table.add_row([lang.pick(TABLE), &size.table, &rows]);
    }
    let folder = folder.display();
    let good = match lang {
        Lang::En => format!("{folder}: nothing is wrong"),
        Lang::Zh => format!("{folder}：没有问题"),
    };
    let rows: Vec<String> = table.to_string().lines().map(|line| format!("  {}\n", line.trim())).collect();
    format!("{good}\n\n{}", rows.concat())
}

/// Returns what a configuration consists of, for programs.
fn found(config: &Config) -> Value {
    let stockouts = config.schemes.keys().map(|id| json!({ "id": id, "source": "stockout" }));
    let bills = config.bill_schemes.iter().map(
        |(id, scheme)| json!({ "id": id, "source": scheme.source.kind.as_str(), "book": scheme.source.book }),
    );
    let sizes = config.tables.sizes();
    let tables = sizes.iter().map(|size| json!({ "table": size.table, "rows": size.rows, "own": size.own }));
    json!({
        "ok": true,
        "problems": [],
        "tenant": config.tenant,
        "schemes": stockouts.chain(bills).collect::<Vec<_>>(),
        "tables": tables.collect::<Vec<_>>(),
    })
}

/// Returns every problem, for programs; `line` and `column` are absent when the whole file is meant.
fn wrong(errors: &[ConfigError]) -> Value {
    let place = |number: u32| (number > 0).then_some(number);
    let problem = |error: &ConfigError| {
        json!({
            "file": error.file,
            "line": place(error.line),
            "column": place(error.column),
            "message": error.message,
            "hint": error.hint,
            "text": error.snippet.as_ref().map(|snippet| &snippet.text),
        })
    };
    json!({ "ok": false, "problems": errors.iter().map(problem).collect::<Vec<_>>() })
}
