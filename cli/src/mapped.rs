//! Documents and the vouchers they would become, for `preview`, `diff` and `test`. Nothing is sent.

pub(crate) mod cases;
pub(crate) mod diff;
pub(crate) mod preview;

use std::fs;
use std::path::{Path, PathBuf};

use dougong_bip::{Voucher, VoucherKind};
use dougong_config::Config;
use dougong_mapping::Problem;
use dougong_operate::{document, in_chinese};
use dougong_values::SchemeId;

use crate::check;
use crate::failure::Failure;
use crate::lang::{Lang, Texts};

pub(crate) use dougong_operate::{Kept as Document, Outcome, outcome};

const SCHEMES: Texts = Texts {
    en: "name one of the configuration's schemes with --scheme: ",
    zh: "请用 --scheme 指定配置中的方案：",
};
const READABLE: Texts = Texts {
    en: "give the document as JSON: one stockout of WDT, or one bill of the store system with --scheme",
    zh: "请提供一张单据的 JSON：旺店通出库单，或门店单据（并用 --scheme 指定方案）",
};

/// Reads and compiles a configuration.
pub(crate) fn configuration(folder: &Path, lang: Lang) -> Result<Config, String> {
    let config = Config::load_compiled(folder, &|name| std::env::var(name).ok());
    config.map_err(|errors| check::told(lang, &errors.0) + "\n")
}

/// Returns the folder that is meant where none is named.
pub(crate) fn usual_folder(named: Option<&PathBuf>) -> PathBuf {
    let from_env = || std::env::var_os("DOUGONG_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
    named.cloned().or_else(from_env).unwrap_or_else(|| PathBuf::from("config"))
}

/// Reads a document from a file.
pub(crate) fn read(
    config: &Config,
    file: &Path,
    scheme: Option<&SchemeId>,
    lang: Lang,
) -> Result<Document, Failure> {
    let text = fs::read_to_string(file);
    let text = text
        .map_err(|error| Failure::new(lang, format!("{}: {error}", file.display()), lang.pick(READABLE)))?;
    let document = document(config, &text, scheme);
    let said = |error: String| match lang {
        Lang::En => error,
        Lang::Zh => in_chinese(&error),
    };
    document.map_err(|error| {
        Failure::new(lang, format!("{}: {}", file.display(), said(error)), lang.pick(READABLE))
    })
}

/// Returns the scheme that books a document: the one that is named, else the only one there is, else the first that
/// does not leave it out.
pub(crate) fn scheme_of(
    config: &Config,
    document: &Document,
    named: Option<&SchemeId>,
    lang: Lang,
) -> Result<SchemeId, Failure> {
    let all = || {
        let ids: Vec<&str> =
            config.schemes.keys().chain(config.bill_schemes.keys()).map(SchemeId::as_str).collect();
        format!("{}{}", lang.pick(SCHEMES), ids.join(", "))
    };
    let fits = |id: &SchemeId| match document {
        Document::Stockout(_) => config.schemes.contains_key(id),
        Document::Bill(_) => config.bill_schemes.contains_key(id),
    };
    if let Some(id) = named {
        let unfit = || Failure::new(lang, format!("{id}: {}", lang.pick(NO_SCHEME)), all());
        return fits(id).then(|| id.clone()).ok_or_else(unfit);
    }
    let first = match document {
        Document::Stockout(stockout) => {
            let booked =
                config.schemes.iter().find(|(_, scheme)| scheme.mapping.excluded(stockout).is_none());
            booked.map(|(id, _)| id).or_else(|| config.schemes.keys().next())
        }
        Document::Bill(bill) => config.route(bill).ok(),
    };
    first.cloned().ok_or_else(|| Failure::new(lang, lang.pick(NO_SCHEME), all()))
}

const NO_SCHEME: Texts = Texts {
    en: "no scheme of the configuration books such a document",
    zh: "配置中没有处理此类单据的方案",
};

/// Returns what kind of voucher it is, in words.
pub(crate) fn kind(voucher: &Voucher, lang: Lang) -> &'static str {
    lang.pick(match voucher.kind() {
        VoucherKind::Order => Texts { en: "sales order", zh: "销售订单" },
        VoucherKind::Return => Texts { en: "sale return", zh: "销售退货" },
    })
}

/// Writes problems, one a paragraph.
pub(crate) fn told(problems: &[Problem], lang: Lang) -> String {
    problems.iter().map(|problem| format!("  {}\n", in_language(problem, lang))).collect::<Vec<_>>().concat()
}

/// Says a problem in a language.
pub(crate) fn in_language(problem: &Problem, lang: Lang) -> String {
    let Problem { reason, rule, target, source, value, message, hint } = problem;
    match lang {
        Lang::En => problem.to_string(),
        Lang::Zh => {
            let hint = hint.as_ref().map(|hint| format!("；提示：{}", in_chinese(hint))).unwrap_or_default();
            let message = in_chinese(message);
            format!("{reason}：{message}（{source} = {value:?} → {target}，规则 {rule}）{hint}")
        }
    }
}
