//! Documents as they come in: every value exactly as it was written, unknown keys dropped and noted.

use std::collections::BTreeMap;

use dougong_values::Money;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rules::Refusal;

/// A value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A JSON string.
    Text(String),
    /// A JSON number, exact.
    Number(Money),
    /// `true` or `false`.
    Flag(bool),
    /// An object or an array, as JSON.
    Nested(String),
}

/// The values of a head or a line by wire name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, Given>);

impl Fields {
    /// Returns a value.
    pub fn get(&self, key: &str) -> Option<&Given> {
        self.0.get(key)
    }

    /// Returns a value that was sent as a JSON string.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Given::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a number, sent as such or as a string.
    pub fn number(&self, key: &str) -> Option<Money> {
        match self.0.get(key)? {
            Given::Number(number) => Some(*number),
            Given::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns a boolean.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.0.get(key)? {
            Given::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns all keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Given)> {
        self.0.iter().map(|(key, given)| (key.as_str(), given))
    }
}

/// What a kind of document looks like.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) lines: &'static str,
    /// Prefix of the head's currency keys.
    pub(super) head_prices: &'static str,
    /// Prefix of a line's money keys.
    pub(super) line_prices: &'static str,
    head_required: &'static [&'static str],
}

impl Kind {
    pub(super) const ORDER: Self = Self {
        lines: "orderDetails",
        head_prices: "orderPrices!",
        line_prices: "orderDetailPrices!",
        head_required: HEAD_REQUIRED,
    };
    pub(super) const SALE_RETURN: Self = Self {
        lines: "saleReturnDetails",
        head_prices: "",
        line_prices: "",
        head_required: &[
            "_status",
            "salesOrgId",
            "settlementOrgId",
            "transactionTypeId",
            "vouchdate",
            "agentId",
            "invoiceAgentId",
            "payMoney",
            "saleReturnSourceType",
        ],
    };

    fn head_price_keys(&self) -> impl Iterator<Item = String> {
        HEAD_PRICES.iter().map(|key| format!("{}{key}", self.head_prices))
    }

    fn line_price_keys(&self) -> impl Iterator<Item = String> {
        LINE_PRICES.iter().map(|key| format!("{}{key}", self.line_prices))
    }
}

const HEAD_REQUIRED: &[&str] = &[
    "_status",
    "salesOrgId",
    "settlementOrgId",
    "transactionTypeId",
    "vouchdate",
    "agentId",
    "invoiceAgentId",
    "payMoney",
];
const HEAD_PRICES: &[&str] = &["currency", "natCurrency", "exchRate", "exchangeRateType", "taxInclusive"];
const HEAD_OPTIONAL: &[&str] = &[
    "resubmitCheckKey",
    "code",
    "source",
    "invoiceUpcType",
    "bdInvoiceTypeId",
    "bizFlow",
    "bizFlow_version",
    "isFlowCoreBill",
    "realMoney",
    "orderPayMoney",
    "orderRealMoney",
    "memo",
    "corpContact",
    "saleDepartmentId",
    "hopeReceiveDate",
    "sendDate",
    "receiver",
    "receiveMobile",
    "receiveAddress",
    "shippingChoiceId",
    "retailInvestors",
    "retailAgentName",
    "reight",
    "headItem",
    "headFreeItem",
    "paymentSchedules",
    "orderDefineCharacter",
];
const LINE_REQUIRED: &[&str] = &[
    "_status",
    "productId",
    "stockOrgId",
    "settlementOrgId",
    "masterUnitId",
    "iProductAuxUnitId",
    "iProductUnitId",
    "qty",
    "subQty",
    "priceQty",
    "invExchRate",
    "invPriceExchRate",
    "unitExchangeType",
    "unitExchangeTypePrice",
    "taxId",
    "orderProductType",
    "oriTaxUnitPrice",
    "oriSum",
];
const LINE_PRICES: &[&str] = &[
    "oriUnitPrice",
    "oriMoney",
    "oriTax",
    "natUnitPrice",
    "natTaxUnitPrice",
    "natMoney",
    "natSum",
    "natTax",
];
const LINE_OPTIONAL: &[&str] = &[
    "skuId",
    "stockId",
    "consignTime",
    "isBatchManage",
    "isExpiryDateManage",
    "batchNo",
    "batchId",
    "productDate",
    "invalidDate",
    "salesOrgId",
    "memo",
    "projectId",
    "bodyItem",
    "bodyFreeItem",
    "orderDetailDefineCharacter",
];

/// A document that has everything it must have.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) head: Fields,
    pub(super) lines: Vec<Fields>,
    pub(super) dropped: Vec<String>,
    pub(super) nulls: Vec<String>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default, borrow)]
    data: Option<BTreeMap<String, &'a RawValue>>,
}

/// Finds the idempotency key of a save, however broken the rest may be.
pub(super) fn resubmit_key(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Keyed {
        data: Key,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Key {
        resubmit_check_key: String,
    }

    serde_json::from_slice::<Keyed>(body).ok().map(|body| body.data.resubmit_check_key)
}

/// Reads a document: JSON first, then what must be there.
pub(super) fn read(kind: &Kind, body: &[u8]) -> Result<Document, Refusal> {
    let not_json = || Refusal::new("310002", "请求体不是合法的JSON");
    let text = std::str::from_utf8(body).map_err(|_| not_json())?;
    let body: Body<'_> = serde_json::from_str(text).map_err(|_| not_json())?;
    let mut data = body.data.ok_or_else(|| missing_in_head("data"))?;
    let raw_lines = data.remove(kind.lines).ok_or_else(|| missing_in_head(kind.lines))?;
    let raw_lines: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(raw_lines.get())
        .map_err(|_| Refusal::new("310023", &format!("参数[{}]类型不正确", kind.lines)))?;

    let (mut dropped, mut nulls) = (Vec::new(), Vec::new());
    let head_prices: Vec<String> = kind.head_price_keys().collect();
    let line_prices: Vec<String> = kind.line_price_keys().collect();
    let known = |key: &str| {
        kind.head_required.contains(&key)
            || HEAD_OPTIONAL.contains(&key)
            || head_prices.iter().any(|price| price == key)
            || key.starts_with("orderDefineCharacter!")
    };
    let head = fields("", data, known, &mut dropped, &mut nulls)?;
    if let Some(key) = lacking(&head, kind.head_required, &head_prices) {
        return Err(missing_in_head(&key));
    }
    let mut lines = Vec::with_capacity(raw_lines.len());
    for (index, raw) in raw_lines.into_iter().enumerate() {
        let known = |key: &str| {
            LINE_REQUIRED.contains(&key)
                || LINE_OPTIONAL.contains(&key)
                || line_prices.iter().any(|price| price == key)
                || key.starts_with("orderDetailDefineCharacter!")
        };
        let path = format!("{}[{index}].", kind.lines);
        let line = fields(&path, raw, known, &mut dropped, &mut nulls)?;
        if let Some(key) = lacking(&line, LINE_REQUIRED, &line_prices) {
            return Err(Refusal::new("999", &format!("第{}行：{key}不能为空", index + 1)));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err(Refusal::new("999", "未获取到当前订单商品信息"));
    }
    Ok(Document { head, lines, dropped, nulls })
}

fn missing_in_head(key: &str) -> Refusal {
    Refusal::new("310008", &format!("参数校验失败，参数[{key}]是必填的。"))
}

/// Returns the first required key that is absent or empty.
fn lacking(fields: &Fields, required: &[&str], prices: &[String]) -> Option<String> {
    let mut keys = required.iter().copied().chain(prices.iter().map(String::as_str));
    let empty = |key: &str| match fields.get(key) {
        None => true,
        Some(Given::Text(text)) => text.trim().is_empty(),
        Some(_) => false,
    };
    keys.find(|key| empty(key)).map(str::to_owned)
}

fn fields(
    path: &str,
    raw: BTreeMap<String, &RawValue>,
    known: impl Fn(&str) -> bool,
    dropped: &mut Vec<String>,
    nulls: &mut Vec<String>,
) -> Result<Fields, Refusal> {
    let mut fields = BTreeMap::new();
    for (key, raw) in raw {
        if !known(&key) {
            dropped.push(format!("{path}{key}"));
            continue;
        }
        let json = raw.get();
        let given = match json.as_bytes().first() {
            Some(b'n') => {
                nulls.push(format!("{path}{key}"));
                continue;
            }
            Some(b'"') => serde_json::from_str(json).ok().map(Given::Text),
            Some(b't' | b'f') => Some(Given::Flag(json == "true")),
            Some(b'{' | b'[') => Some(Given::Nested(json.to_owned())),
            _ => json.parse().ok().map(Given::Number),
        };
        // A number with more digits than money has is a binary fraction: c4 checks for decimal equality.
        let given =
            given.ok_or_else(|| Refusal::new("310023", &format!("参数[{path}{key}]类型不正确：{json}")))?;
        fields.insert(key, given);
    }
    Ok(Fields(fields))
}
