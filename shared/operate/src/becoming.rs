//! What a document becomes under a configuration: nothing is sent.

use std::borrow::Cow;
use std::fmt;

use dougong_bip::Voucher;
use dougong_config::Config;
use dougong_mapping::{Explained, Identity, Problem};
use dougong_store::{Bill, BillKind};
use dougong_values::{DocumentKey, SchemeId, mask};
use dougong_wdt::Stockout;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A document as it was read.
#[derive(Debug)]
pub enum Kept {
    /// A stockout of WDT.
    Stockout(Box<Stockout>),
    /// A bill of the store system.
    Bill(Box<Bill>),
}

/// What becomes of a document.
#[derive(Debug)]
pub enum Outcome {
    /// It is booked with this voucher.
    Booked(Box<Explained>),
    /// The scheme leaves it alone, for this reason.
    Excluded(String),
    /// It is parked, with everything that is wrong.
    Parked(Vec<Problem>),
}

/// A field of a voucher as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its path: `orderDetails[0].oriSum`.
    pub field: String,
    /// Its JSON text; who receives the goods is masked.
    pub value: String,
}

/// Reads a document from its text: a bill where the scheme is for bills, else a stockout.
///
/// # Errors
/// What is wrong with the text.
pub fn document(config: &Config, text: &str, scheme: Option<&SchemeId>) -> Result<Kept, String> {
    let text = text.trim_start_matches('\u{feff}');
    let of_scheme: Option<BillKind> =
        scheme.and_then(|id| config.bill_schemes.get(id)).map(|scheme| scheme.source.kind);
    match of_scheme {
        Some(kind) => bill(kind, text),
        None => stockout(text),
    }
}

/// Reads the kept text of a document of the ledger, by the kind in its key.
pub(crate) fn kept(key: &DocumentKey, text: &str) -> Result<Kept, String> {
    BillKind::of_document(key.kind()).map_or_else(|| stockout(text), |kind| bill(kind, text))
}

fn bill(kind: BillKind, text: &str) -> Result<Kept, String> {
    Bill::from_json(kind, text).map(|bill| Kept::Bill(Box::new(bill))).map_err(|error| error.to_string())
}

fn stockout(text: &str) -> Result<Kept, String> {
    let read = Stockout::from_json(text).map_err(|error| error.to_string())?;
    Ok(Kept::Stockout(Box::new(read)))
}

/// Tells what becomes of a document that comes anew: the scheme's filter is asked.
pub fn outcome(config: &Config, scheme: &SchemeId, document: &Kept) -> Outcome {
    if let Kept::Stockout(stockout) = document
        && let Some(own) = config.schemes.get(scheme)
        && let Some(exclusion) = own.mapping.excluded(stockout)
    {
        return Outcome::Excluded(exclusion.reason.to_owned());
    }
    let key = match document {
        Kept::Stockout(stockout) => DocumentKey::stockout(config.wdt.sid(), &stockout.stockout_id),
        Kept::Bill(bill) => bill.key(),
    };
    outcome_again(config, scheme, &key, document)
}

/// Tells what becomes of a document that was queued before: a stockout's filter is not asked again, as `deliver` does not.
pub(crate) fn outcome_again(
    config: &Config,
    scheme: &SchemeId,
    key: &DocumentKey,
    document: &Kept,
) -> Outcome {
    let identity = Identity { tenant: &config.tenant, scheme, key };
    let explained = match document {
        Kept::Stockout(stockout) => {
            let Some(own) = config.schemes.get(scheme) else { return no_scheme() };
            own.mapping.explain(stockout, &identity)
        }
        Kept::Bill(bill) => {
            let Some(own) = config.bill_schemes.get(scheme) else { return no_scheme() };
            if !own.source.book {
                return Outcome::Excluded("kind_not_booked".to_owned());
            }
            if let Some(exclusion) = own.mapping.excluded(bill) {
                return Outcome::Excluded(exclusion.reason.to_owned());
            }
            own.mapping.explain(bill, &identity)
        }
    };
    explained.map_or_else(Outcome::Parked, |explained| Outcome::Booked(Box::new(explained)))
}

fn no_scheme() -> Outcome {
    Outcome::Excluded("no_scheme".to_owned())
}

/// Returns every field of a voucher as it is sent, in its order. Who receives the goods is masked.
pub fn fields(voucher: &Voucher) -> Vec<Field> {
    let json = match voucher {
        Voucher::Order(order) => serde_json::to_string(order),
        Voucher::Return(sale_return) => serde_json::to_string(sale_return),
    };
    let mut found = Vec::new();
    flatten("", &json.unwrap_or_default(), &mut found);
    found
}

fn flatten(path: &str, json: &str, found: &mut Vec<Field>) {
    for (name, value) in serde_json::from_str::<Pairs<'_>>(json).map(|pairs| pairs.0).unwrap_or_default() {
        let field = format!("{path}{name}");
        let raw = value.get();
        if let Ok(lines) = serde_json::from_str::<Vec<&RawValue>>(raw) {
            for (index, line) in lines.into_iter().enumerate() {
                flatten(&format!("{field}[{index}]."), line.get(), found);
            }
        } else if matches!(name.as_ref(), "receiver" | "receiveMobile" | "receiveAddress") {
            let text: String = serde_json::from_str(raw).unwrap_or_default();
            found.push(Field { field, value: format!("\"{}\"", mask(&text)) });
        } else {
            found.push(Field { field, value: raw.to_owned() });
        }
    }
}

/// Returns every field of a kept document in its order, by its path; who receives the goods is masked. Empty for what is no
/// JSON object.
pub fn source_fields(json: &str) -> Vec<Field> {
    let mut found = Vec::new();
    if json.trim_start().starts_with('{') {
        unfold("", "", json, &mut found);
    }
    found
}

fn unfold(path: &str, name: &str, json: &str, found: &mut Vec<Field>) {
    let json = json.trim();
    if let Some(Pairs(pairs)) = serde_json::from_str(json).ok().filter(|_| json.starts_with('{')) {
        for (name, value) in pairs {
            let field = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            unfold(&field, &name, value.get(), found);
        }
    } else if let Some(items) =
        serde_json::from_str::<Vec<&RawValue>>(json).ok().filter(|items| !items.is_empty())
    {
        for (index, item) in items.into_iter().enumerate() {
            unfold(&format!("{path}[{index}]"), name, item.get(), found);
        }
    } else {
        let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
        let value = if dougong_wdt::is_personal(name) { mask(&text) } else { text };
        found.push(Field { field: path.to_owned(), value });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_document_is_shown_field_by_field_without_the_person() {
        let json = r#"{"order_no":"X1","receiver_name":"张三丰","paid":12.10,"empty":[],
                       "details_list":[{"spec_no":"A","buyer_message":"call 13800138000"}],"tags":["a","b"]}"#;
        let shown: Vec<String> =
            source_fields(json).into_iter().map(|field| format!("{}={}", field.field, field.value)).collect();
        assert_eq!(
            shown,
            [
                "order_no=X1",
                "receiver_name=张** (3 chars)",
                "paid=12.10",
                "empty=[]",
                "details_list[0].spec_no=A",
                "details_list[0].buyer_message=c** (16 chars)",
                "tags[0]=a",
                "tags[1]=b",
            ]
        );
        assert!(source_fields("receiver_name=张三丰").is_empty() && source_fields("[1]").is_empty());
    }
}
