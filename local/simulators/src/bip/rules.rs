//! The rules of the books, written for this side alone: archives, counts, money, dates.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::MasterData;
use super::document::{Document, Fields, Kind};

/// Why a call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }
}

fn business(message: String) -> Refusal {
    Refusal { code: "999", message }
}

/// Ten decimals, all that any number of a document may have: figures are compared as whole numbers of this.
const UNIT: i128 = 10_000_000_000;
const CENT: i128 = UNIT / 100;
/// A thousand million: products of two figures stay whole numbers.
const MOST: i128 = 1_000_000_000 * UNIT;
/// Half of the eighth decimal of a price.
const HALF_A_PRICE_STEP: i128 = UNIT / 200_000_000;

/// Checks a document against all rules; the first that is broken is told.
pub(super) fn verify(kind: &Kind, document: &Document, master: Option<&MasterData>) -> Result<(), Refusal> {
    head(kind, document)?;
    if let Some(master) = master {
        archives(document, master)?;
    }
    let exchange = units(&document.head, &format!("{}exchRate", kind.head_prices))?;
    let mut total = 0;
    for (index, line) in document.lines.iter().enumerate() {
        let line = Line { number: index + 1, fields: line, prices: kind.line_prices };
        line.counts()?;
        line.money("ori", "", exchange)?;
        line.money("nat", kind.line_prices, exchange)?;
        line.exchanged(exchange)?;
        if let Some(master) = master {
            line.tax(master)?;
        }
        total += line.units("oriSum")?;
    }
    for key in ["payMoney", "realMoney", "orderPayMoney", "orderRealMoney"] {
        if document.head.get(key).is_some() && units(&document.head, key)? != total {
            return Err(business(format!("表头{key}与表体含税金额合计不一致")));
        }
    }
    Ok(())
}

fn head(kind: &Kind, document: &Document) -> Result<(), Refusal> {
    let head = &document.head;
    let all = std::iter::once(head).chain(&document.lines);
    if !all.into_iter().all(|fields| fields.text("_status") == Some("Insert")) {
        return Err(Refusal::new("999", "服务端逻辑异常"));
    }
    if head.text("resubmitCheckKey").is_some_and(|key| key.chars().count() > 32) {
        return Err(Refusal::new("310025", "参数[resubmitCheckKey]长度不能超过32"));
    }
    let date = head.text("vouchdate").unwrap_or_default();
    if date.len() != 19 || date.parse::<dougong_values::BeijingTime>().is_err() {
        return Err(business(format!("单据日期格式不正确：{date}")));
    }
    if head.flag(&format!("{}taxInclusive", kind.head_prices)).is_none() {
        return Err(Refusal::new("310023", "参数[taxInclusive]类型不正确"));
    }
    Ok(())
}

/// Refuses codes that no archive has.
fn archives(document: &Document, master: &MasterData) -> Result<(), Refusal> {
    let head: &[(&str, &str, &BTreeSet<String>)] = &[
        ("组织", "salesOrgId", &master.organisations),
        ("组织", "settlementOrgId", &master.organisations),
        ("交易类型", "transactionTypeId", &master.transaction_types),
        ("客户", "agentId", &master.customers),
        ("客户", "invoiceAgentId", &master.customers),
    ];
    known(&document.head, head)?;
    let taxes: BTreeSet<String> = master.taxes.keys().cloned().collect();
    let line: &[(&str, &str, &BTreeSet<String>)] = &[
        ("商品", "productId", &master.products),
        ("商品SKU", "skuId", &master.skus),
        ("库存组织", "stockOrgId", &master.organisations),
        ("组织", "settlementOrgId", &master.organisations),
        ("组织", "salesOrgId", &master.organisations),
        ("仓库", "stockId", &master.warehouses),
        ("计量单位", "masterUnitId", &master.units),
        ("计量单位", "iProductAuxUnitId", &master.units),
        ("计量单位", "iProductUnitId", &master.units),
        ("税目税率", "taxId", &taxes),
    ];
    document.lines.iter().try_for_each(|fields| known(fields, line))
}

fn known(fields: &Fields, archives: &[(&str, &str, &BTreeSet<String>)]) -> Result<(), Refusal> {
    for (name, key, codes) in archives {
        match fields.text(key) {
            Some(code) if !codes.is_empty() && !codes.contains(code) => {
                return Err(business(format!("{name}:{code} 不存在！")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a number as a whole number of ten-billionths.
fn units(fields: &Fields, key: &str) -> Result<i128, Refusal> {
    let number = fields
        .number(key)
        .ok_or_else(|| Refusal { code: "310023", message: format!("参数[{key}]类型不正确") })?;
    let units = (number.decimal() * Decimal::from(10_000_000_000_u64)).to_i128();
    units.filter(|units| units.abs() <= MOST).ok_or_else(|| business(format!("{key}超出范围")))
}

struct Line<'a> {
    number: usize,
    fields: &'a Fields,
    prices: &'static str,
}

impl Line<'_> {
    fn units(&self, key: &str) -> Result<i128, Refusal> {
        units(self.fields, key)
    }

    fn broken(&self, words: &str) -> Refusal {
        business(format!("第{}行：{words}", self.number))
    }

    /// Counts are positive and agree between units.
    fn counts(&self) -> Result<(), Refusal> {
        let qty = self.units("qty")?;
        for (count, rate) in [("subQty", "invExchRate"), ("priceQty", "invPriceExchRate")] {
            let (count, rate) = (self.units(count)?, self.units(rate)?);
            if qty <= 0 || count <= 0 || rate <= 0 {
                return Err(business("数量只能为正数，请检查导入数据！".to_owned()));
            }
            // A count in the other unit may be rounded at its sixth decimal.
            if (count * rate - qty * UNIT).abs() > rate.max(UNIT) * (UNIT / 1_000_000) {
                return Err(self.broken("数量与换算率不一致"));
            }
        }
        Ok(())
    }

    /// Money of one currency: its scales, price times quantity, and the split into amount and tax. The
    /// amount with tax and its price have a prefix of their own.
    fn money(&self, currency: &str, top: &str, exchange: i128) -> Result<(), Refusal> {
        let below = |name: &str| self.units(&format!("{}{currency}{name}", self.prices));
        let (sum, without, tax) =
            (self.units(&format!("{top}{currency}Sum"))?, below("Money")?, below("Tax")?);
        if [sum, without, tax].iter().any(|amount| amount % CENT != 0 || *amount < 0) {
            return Err(self.broken("金额精度不正确"));
        }
        let prices =
            [(self.units(&format!("{top}{currency}TaxUnitPrice"))?, sum), (below("UnitPrice")?, without)];
        let count = self.units("priceQty")?;
        for (price, amount) in prices {
            if price % (2 * HALF_A_PRICE_STEP) != 0 {
                return Err(self.broken("单价精度不正确"));
            }
            let own = CENT / 2 * UNIT + HALF_A_PRICE_STEP * count;
            let tolerance =
                if currency == "nat" && exchange != UNIT { own + own / UNIT * exchange } else { own };
            if (price * count - amount * UNIT).abs() > tolerance {
                return Err(self.broken("单价×数量≠金额"));
            }
        }
        if without + tax != sum {
            return Err(self.broken("无税金额+税额≠含税金额"));
        }
        Ok(())
    }

    /// Local amounts are the original ones times the rate, to the cent.
    fn exchanged(&self, exchange: i128) -> Result<(), Refusal> {
        let prefixed = |name: &str| format!("{}{name}", self.prices);
        let pairs = [
            ("oriSum".to_owned(), prefixed("natSum"), CENT),
            (prefixed("oriMoney"), prefixed("natMoney"), CENT),
            (prefixed("oriTax"), prefixed("natTax"), CENT),
            ("oriTaxUnitPrice".to_owned(), prefixed("natTaxUnitPrice"), 2 * HALF_A_PRICE_STEP),
            (prefixed("oriUnitPrice"), prefixed("natUnitPrice"), 2 * HALF_A_PRICE_STEP),
        ];
        for (original, local, step) in pairs {
            let distance = (self.units(&original)? * exchange - self.units(&local)? * UNIT).abs();
            let tolerance = if exchange == UNIT { 0 } else { step * UNIT };
            if distance > tolerance {
                return Err(self.broken(&format!("{local}与原币、汇率不一致")));
            }
        }
        Ok(())
    }

    /// The tax is what its rate makes of the amount, to the cent.
    fn tax(&self, master: &MasterData) -> Result<(), Refusal> {
        let rates: &BTreeMap<_, _> = &master.taxes;
        let Some(rate) = self.fields.text("taxId").and_then(|tax| rates.get(tax)) else { return Ok(()) };
        let whole = (rate.decimal() * Decimal::from(1_000_000)).to_i128().unwrap_or_default() + 1_000_000;
        let (sum, without) = (self.units("oriSum")?, self.units(&format!("{}oriMoney", self.prices))?);
        if (without * whole - sum * 1_000_000).abs() > CENT * whole {
            return Err(self.broken("税额与税率不一致"));
        }
        Ok(())
    }
}
