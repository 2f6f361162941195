//! Remarks: a text with places for a closed set of fields, `WDT {stockout_no}`.
//!
//! A field that does not exist is found when the configuration is loaded; one that the document lacks leaves its
//! place empty. So the template's own text, braces and names included, never reaches BIP.

use std::fmt;
use std::str::FromStr;

use dougong_store::{Bill, BillLine};
use dougong_wdt::{Line, Stockout};

use crate::nearest::did_you_mean;
use crate::rules::Choice;

/// The most characters a remark has: what is longer is cut. BIP does not publish its limit.
const MOST: usize = 200;

/// A field of the document's head that a remark may name. No personal data is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadField {
    /// The stockout's number (出库单号).
    StockoutNo,
    /// The stockout's primary key (出库单主键).
    StockoutId,
    /// The order's number in WDT (系统订单编号).
    SrcOrderNo,
    /// The order's number (订单编号).
    TradeNo,
    /// The platform's order numbers (原始单号).
    SrcTids,
    /// The shop (店铺编号).
    ShopNo,
    /// The warehouse (仓库编号).
    WarehouseNo,
    /// The time of shipping (发货时间).
    ConsignTime,
}

/// A field of the document's line that a line's remark may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineField {
    /// The line's primary key (出库明细主键).
    RecId,
    /// The goods code (商家编码).
    SpecNo,
    /// The goods' name (货品名称).
    GoodsName,
    /// The suite it came from (来源组合装编码).
    SuiteNo,
    /// The platform's order number (原始订单号).
    SrcTid,
    /// The platform's line number (原始子订单号).
    SrcOid,
}

impl Choice for HeadField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("stockout_no", Self::StockoutNo),
        ("stockout_id", Self::StockoutId),
        ("src_order_no", Self::SrcOrderNo),
        ("trade_no", Self::TradeNo),
        ("src_tids", Self::SrcTids),
        ("shop_no", Self::ShopNo),
        ("warehouse_no", Self::WarehouseNo),
        ("consign_time", Self::ConsignTime),
    ];
}

impl Choice for LineField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("rec_id", Self::RecId),
        ("spec_no", Self::SpecNo),
        ("goods_name", Self::GoodsName),
        ("suite_no", Self::SuiteNo),
        ("src_tid", Self::SrcTid),
        ("src_oid", Self::SrcOid),
    ];
}

/// A field of a store bill's head that a remark may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillField {
    /// The bill's number (单据号).
    BillNo,
    /// Its number in a third system (第三方单据号).
    ThirdPartyNo,
    /// The bill it follows (来源单号): the request, or the delivery.
    SourceNo,
    /// The day of the books (单据日期).
    BusinessDate,
    /// The store's code (门店编码).
    StoreCode,
    /// The store's name (门店名称).
    StoreName,
    /// The warehouse's name (仓库名称).
    WarehouseName,
    /// The remark (备注).
    Remark,
    /// The payments, each as what it is settled as and its amount: `ALIPAY 200, CASH 12.5`.
    Payments,
}

/// A field of a store bill's line that a line's remark may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillLineField {
    /// The line's own id (流水ID).
    LineId,
    /// The goods' code in the store system (商品编码).
    ProductCode,
    /// The goods' name (商品名称).
    ProductName,
    /// The remark (备注).
    Remark,
}

impl Choice for BillField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("billno", Self::BillNo),
        ("third_party_no", Self::ThirdPartyNo),
        ("source_no", Self::SourceNo),
        ("business_date", Self::BusinessDate),
        ("store_code", Self::StoreCode),
        ("store_name", Self::StoreName),
        ("warehouse_name", Self::WarehouseName),
        ("remark", Self::Remark),
        ("payments", Self::Payments),
    ];
}

impl Choice for BillLineField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("line_id", Self::LineId),
        ("product_code", Self::ProductCode),
        ("product_name", Self::ProductName),
        ("remark", Self::Remark),
    ];
}

/// A field of a merged voucher that its remark may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergedField {
    /// What its orders have in common: `TM001 WH01 2026-11-22`.
    Group,
    /// The number of the part within its group.
    Part,
    /// How many orders it sums.
    Orders,
}

impl Choice for MergedField {
    const NAMES: &'static [(&'static str, Self)] =
        &[("group", Self::Group), ("part", Self::Part), ("orders", Self::Orders)];
}

/// A remark's text, cut at its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<F> {
    /// Each piece of literal text and the field that follows it.
    pieces: Vec<(String, F)>,
    /// The literal text behind the last field.
    rest: String,
}

/// A remark's text that cannot be a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidTemplate {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl<F: Choice> FromStr for Template<F> {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let names = || F::NAMES.iter().map(|&(name, _)| name);
        let invalid = |message: String, close: Option<String>| {
            let fields = || format!("the fields are {}", names().collect::<Vec<_>>().join(", "));
            InvalidTemplate { message, hint: close.unwrap_or_else(fields) }
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, opened)) = rest.split_once('{') {
            let Some((name, behind)) = opened.split_once('}') else {
                return Err(invalid("a `{` is not closed by a `}`".to_owned(), None));
            };
            let Some(field) = F::named(name.trim()) else {
                return Err(invalid(format!("there is no field `{name}` here"), did_you_mean(name, names())));
            };
            pieces.push((literal.to_owned(), field));
            rest = behind;
        }
        if pieces.iter().any(|(literal, _)| literal.contains('}')) || rest.contains('}') {
            return Err(invalid("a `}` closes no `{`".to_owned(), None));
        }
        Ok(Self { pieces, rest: rest.to_owned() })
    }
}

impl<F: Copy> Template<F> {
    /// Fills in the fields; `None` if nothing is left but blanks.
    pub(crate) fn fill(&self, mut write: impl FnMut(F, &mut String) -> fmt::Result) -> Option<String> {
        let mut text = String::with_capacity(64);
        for (literal, field) in &self.pieces {
            text.push_str(literal);
            // Writing into a String does not fail.
            let _ = write(*field, &mut text);
        }
        text.push_str(&self.rest);
        if let Some((end, _)) = text.char_indices().nth(MOST) {
            text.truncate(end);
        }
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }
}

fn put(text: &mut String, value: Option<impl fmt::Display>) -> fmt::Result {
    use fmt::Write as _;
    value.map_or(Ok(()), |value| write!(text, "{value}"))
}

impl Template<HeadField> {
    pub(crate) fn render(&self, stockout: &Stockout) -> Option<String> {
        self.fill(|field, text| match field {
            HeadField::StockoutNo => put(text, stockout.stockout_no.as_ref()),
            HeadField::StockoutId => put(text, Some(&stockout.stockout_id)),
            HeadField::SrcOrderNo => put(text, stockout.src_order_no.as_ref()),
            HeadField::TradeNo => put(text, stockout.trade_no.as_ref()),
            HeadField::SrcTids => put(text, Some(stockout.src_tids.join(","))),
            HeadField::ShopNo => put(text, stockout.shop_no.as_ref()),
            HeadField::WarehouseNo => put(text, stockout.warehouse_no.as_ref()),
            HeadField::ConsignTime => put(text, stockout.consign_time),
        })
    }
}

impl Template<LineField> {
    pub(crate) fn render(&self, line: &Line) -> Option<String> {
        self.fill(|field, text| match field {
            LineField::RecId => put(text, Some(&line.rec_id)),
            LineField::SpecNo => put(text, Some(&line.spec_no)),
            LineField::GoodsName => put(text, line.goods_name.as_ref()),
            LineField::SuiteNo => put(text, line.suite_no.as_ref()),
            LineField::SrcTid => put(text, line.src_tid.as_ref()),
            LineField::SrcOid => put(text, line.src_oid.as_ref()),
        })
    }
}

impl Template<BillField> {
    pub(crate) fn render(&self, bill: &Bill, payments: &str) -> Option<String> {
        self.fill(|field, text| match field {
            BillField::BillNo => put(text, Some(bill.name())),
            BillField::ThirdPartyNo => put(text, bill.third_party_no.as_ref()),
            BillField::SourceNo => put(text, bill.source_no.as_ref()),
            BillField::BusinessDate => put(text, bill.day()),
            BillField::StoreCode => put(text, bill.to.code.as_ref().or(bill.to.id.as_ref())),
            BillField::StoreName => put(text, bill.to.name.as_ref()),
            BillField::WarehouseName => put(text, bill.from.name.as_ref()),
            BillField::Remark => put(text, bill.remark.as_ref()),
            BillField::Payments => put(text, Some(payments)),
        })
    }
}

impl Template<BillLineField> {
    pub(crate) fn render(&self, line: &BillLine) -> Option<String> {
        self.fill(|field, text| match field {
            BillLineField::LineId => put(text, line.id.as_ref()),
            BillLineField::ProductCode => put(text, line.product_code.as_ref()),
            BillLineField::ProductName => put(text, line.product_name.as_ref()),
            BillLineField::Remark => put(text, line.remark.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_that_names_an_unknown_field_is_refused_with_the_right_name() {
        let wrong = "WDT {stockout_on}".parse::<Template<HeadField>>().unwrap_err();
        assert_eq!(wrong.to_string(), "there is no field `stockout_on` here");
        assert_eq!(wrong.hint, "did you mean `stockout_no`?");
        for text in ["{", "a {stockout_no", "a }", "{receiver_name}", "{}", "{{stockout_no}}"] {
            assert!(text.parse::<Template<HeadField>>().is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn the_text_of_a_remark_is_cut_at_its_fields() {
        let template: Template<LineField> = "rec {rec_id}/{ suite_no }.".parse().unwrap();
        assert_eq!(
            template.fill(|field, text| put(text, Some(format!("{field:?}")))).unwrap(),
            "rec RecId/SuiteNo."
        );
        assert_eq!("{suite_no} ".parse::<Template<LineField>>().unwrap().fill(|_, _| Ok(())), None);
    }
}
