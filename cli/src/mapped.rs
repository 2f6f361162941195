//! Documents and the vouchers they would become, for `preview`, `diff` and `test`. Nothing is sent.

pub(crate) mod cases;
pub(crate) mod diff;
pub(crate) mod preview;

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use dougong_bip::{Voucher, VoucherKind};
use dougong_config::Config;
use dougong_mapping::{Explained, Identity, Problem};
use dougong_store::{Bill, BillKind};
use dougong_values::{DocumentKey, SchemeId, mask};
use dougong_wdt::Stockout;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::check;
use crate::failure::Failure;
use crate::lang::{Lang, Texts};

const SCHEMES: Texts = Texts {
    en: "name one of the configuration's schemes with --scheme: ",
    zh: "请用 --scheme 指定配置中的方案：",
};
const READABLE: Texts = Texts {
    en: "give the document as JSON: one stockout of WDT, or one bill of the store system with --scheme",
    zh: "请提供一张单据的 JSON：旺店通出库单，或门店单据（并用 --scheme 指定方案）",
};

/// A document as it was read.
pub(crate) enum Document {
    Stockout(Box<Stockout>),
    Bill(Box<Bill>),
}

/// What becomes of a document.
pub(crate) enum Outcome {
    /// It is booked with this voucher.
    Booked(Box<Explained>),
    /// The scheme leaves it alone, for this reason.
    Excluded(String),
    /// It is parked, with everything that is wrong.
    Parked(Vec<Problem>),
}

/// Reads and compiles a configuration.
pub(crate) fn configuration(folder: &Path, lang: Lang) -> Result<Config, String> {
    let config = Config::load(folder, &|name| std::env::var(name).ok());
    let config = config.and_then(|config| config.compile().map(|()| config));
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
    let text =
        text.map_err(|error| Failure::new(format!("{}: {error}", file.display()), lang.pick(READABLE)))?;
    let document = document(config, &text, scheme);
    document.map_err(|error| Failure::new(format!("{}: {error}", file.display()), lang.pick(READABLE)))
}

/// Reads a document from its text: a bill where the scheme is for bills, else a stockout.
pub(crate) fn document(config: &Config, text: &str, scheme: Option<&SchemeId>) -> Result<Document, String> {
    let text = text.trim_start_matches('\u{feff}');
    let of_scheme: Option<BillKind> =
        scheme.and_then(|id| config.bill_schemes.get(id)).map(|scheme| scheme.source.kind);
    if let Some(kind) = of_scheme {
        let bill = Bill::from_json(kind, text).map_err(|error| error.to_string())?;
        return Ok(Document::Bill(Box::new(bill)));
    }
    let stockout = Stockout::from_json(text).map_err(|error| error.to_string())?;
    Ok(Document::Stockout(Box::new(stockout)))
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
        let unfit = || Failure::new(format!("{id}: {}", lang.pick(NO_SCHEME)), all());
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
    first.cloned().ok_or_else(|| Failure::new(lang.pick(NO_SCHEME), all()))
}

const NO_SCHEME: Texts = Texts {
    en: "no scheme of the configuration books such a document",
    zh: "配置中没有处理此类单据的方案",
};

/// Tells what becomes of a document.
pub(crate) fn outcome(config: &Config, scheme: &SchemeId, document: &Document) -> Outcome {
    let (excluded, explained) = match document {
        Document::Stockout(stockout) => {
            let Some(own) = config.schemes.get(scheme) else {
                return Outcome::Excluded("no_scheme".to_owned());
            };
            let key = DocumentKey::stockout(config.wdt.sid(), &stockout.stockout_id);
            let identity = Identity { tenant: &config.tenant, scheme, key: &key };
            (own.mapping.excluded(stockout), own.mapping.explain(stockout, &identity))
        }
        Document::Bill(bill) => {
            let Some(own) = config.bill_schemes.get(scheme) else {
                return Outcome::Excluded("no_scheme".to_owned());
            };
            if !own.source.book {
                return Outcome::Excluded("kind_not_booked".to_owned());
            }
            let key = bill.key();
            let identity = Identity { tenant: &config.tenant, scheme, key: &key };
            (own.mapping.excluded(bill), own.mapping.explain(bill, &identity))
        }
    };
    match (excluded, explained) {
        (Some(exclusion), _) => Outcome::Excluded(exclusion.reason.to_owned()),
        (None, Ok(explained)) => Outcome::Booked(Box::new(explained)),
        (None, Err(problems)) => Outcome::Parked(problems),
    }
}

/// Returns what kind of voucher it is, in words.
pub(crate) fn kind(voucher: &Voucher, lang: Lang) -> &'static str {
    lang.pick(match voucher.kind() {
        VoucherKind::Order => Texts { en: "sales order", zh: "销售订单" },
        VoucherKind::Return => Texts { en: "sale return", zh: "销售退货" },
    })
}

/// Returns every field of a voucher as it is sent, in its order: path and JSON text. Who receives the goods is masked.
pub(crate) fn fields(voucher: &Voucher) -> Vec<(String, String)> {
    let json = match voucher {
        Voucher::Order(order) => serde_json::to_string(order),
        Voucher::Return(sale_return) => serde_json::to_string(sale_return),
    };
    let mut found = Vec::new();
    flatten("", &json.unwrap_or_default(), &mut found);
    found
}

fn flatten(path: &str, json: &str, found: &mut Vec<(String, String)>) {
    for (name, value) in serde_json::from_str::<Pairs<'_>>(json).map(|pairs| pairs.0).unwrap_or_default() {
        let path = format!("{path}{name}");
        let raw = value.get();
        if let Ok(lines) = serde_json::from_str::<Vec<&RawValue>>(raw) {
            for (index, line) in lines.into_iter().enumerate() {
                flatten(&format!("{path}[{index}]."), line.get(), found);
            }
        } else if matches!(name.as_ref(), "receiver" | "receiveMobile" | "receiveAddress") {
            let text: String = serde_json::from_str(raw).unwrap_or_default();
            found.push((path, format!("\"{}\"", mask(&text))));
        } else {
            found.push((path, raw.to_owned()));
        }
    }
}

/// An object's fields in their order, each value as it is written.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

/// Writes problems, one a paragraph.
pub(crate) fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}\n")).collect::<Vec<_>>().concat()
}
