//! Where every field of a voucher came from: a rule, the document, a table's row, a formula, or a computation.

use std::collections::BTreeMap;
use std::fmt;

use dougong_bip::{Voucher, VoucherKind};
use serde::Serialize;

use crate::core::Core;
use crate::draft::{Draft, LineNames};
use crate::formulas::{Draw, FormulaTexts, Side};
use crate::tables::{FileNames, Parties};

/// Where a field came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Provenance {
    /// A rule below `[schemes.<id>.mapping]`, or its default.
    Rule {
        /// The rule: `head.customer`.
        rule: String,
    },
    /// A field of the document.
    Source {
        /// Its path: `details_list[0].goods_count`.
        path: String,
    },
    /// A cell of a table.
    Table {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The column.
        column: &'static str,
    },
    /// A formula or a script.
    Formula {
        /// Which one: `formulas.head.memo`.
        formula: String,
        /// The line of the configuration where it begins.
        line: u32,
    },
    /// Computed from other fields.
    Computed {
        /// From what.
        of: &'static str,
    },
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule } => write!(f, "{rule}"),
            Self::Source { path } => write!(f, "{path}"),
            Self::Table { file, line, column } => write!(f, "{file}:{line} {column}"),
            Self::Formula { formula, line } => write!(f, "{formula}, line {line}"),
            Self::Computed { of } => write!(f, "= {of}"),
        }
    }
}

/// A voucher, and where each of its fields came from.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The voucher that would be sent.
    pub voucher: Voucher,
    /// Where each field came from, by its path in the voucher: `orderDetails[0].oriSum`.
    pub origins: BTreeMap<String, Provenance>,
}

/// What is known of a document besides its draw.
pub(crate) struct Facts<'a> {
    pub(crate) core: Core<'a>,
    /// Who buys: the table's file, the row's line, the row.
    pub(crate) parties: (&'a str, u32, &'a Parties),
    /// Whose stock: the table's file, the row's line, whether it has the organisation and the warehouse.
    pub(crate) stock: Option<(&'a str, u32, bool, bool)>,
    /// The fields of the document that code, date and planned dispatch are.
    pub(crate) code: &'a str,
    pub(crate) date: &'a str,
    pub(crate) dispatch: &'a str,
}

impl Facts<'_> {
    /// Says where each field of a finished voucher came from.
    pub(crate) fn explain(
        &self,
        draw: &Draw,
        texts: &FormulaTexts,
        drafts: &[Draft<'_>],
        voucher: Voucher,
    ) -> Explained {
        let kind = voucher.kind();
        let formulas: Vec<(String, u32)> =
            texts.all().map(|(_, name, formula)| (name, formula.line)).collect();
        let set = |line: Option<usize>, name: &str| {
            let found = draw.set.iter().find(|((at, set), _)| *at == line && *set == name);
            let (formula, line) = formulas.get(found?.1)?.clone();
            Some(Provenance::Formula { formula, line })
        };
        let wire = |name: &'static str, short: &'static str| match kind {
            VoucherKind::Return if !short.is_empty() => short,
            _ => name,
        };
        let mut origins = BTreeMap::new();
        for target in Side::Head.targets() {
            let origin = set(None, target.name).unwrap_or_else(|| self.head(target.name));
            origins.insert(wire(target.name, target.short).to_owned(), origin);
        }
        let list = match kind {
            VoucherKind::Order => "orderDetails",
            VoucherKind::Return => "saleReturnDetails",
        };
        for (index, draft) in drafts.iter().enumerate() {
            for target in Side::Lines.targets() {
                let origin = set(Some(index), target.name).unwrap_or_else(|| self.line(target.name, draft));
                origins.insert(format!("{list}[{index}].{}", wire(target.name, target.short)), origin);
            }
        }
        Explained { voucher, origins }
    }

    /// A cell where the row has one, else the rule.
    fn party(&self, cell: Option<&String>, column: &'static str, rule: &str) -> Provenance {
        let (file, line, _) = self.parties;
        match cell {
            Some(_) => Provenance::Table { file: file.to_owned(), line, column },
            None => Provenance::Rule { rule: rule.to_owned() },
        }
    }

    fn head(&self, name: &str) -> Provenance {
        let (.., parties) = self.parties;
        let rule = |rule: &str| Provenance::Rule { rule: rule.to_owned() };
        let source = |path: &str| Provenance::Source { path: path.to_owned() };
        let rules = self.core.head;
        match name {
            "_status" => Provenance::Computed { of: "a new voucher" },
            "resubmitCheckKey" => Provenance::Computed { of: "tenant, scheme and document" },
            "payMoney" | "realMoney" => Provenance::Computed { of: "the sum of oriSum" },
            "code" => source(self.code),
            "vouchdate" => source(self.date),
            "salesOrgId" => self.party(parties.sales_org.as_ref(), "sales_org", "head.sales_org"),
            "settlementOrgId" => match (&parties.settlement_org, &rules.settlement_org) {
                (None, None) => Provenance::Computed { of: "salesOrgId" },
                (cell, _) => self.party(cell.as_ref(), "settlement_org", "head.settlement_org"),
            },
            "agentId" => self.party(parties.customer.as_ref(), "customer", "head.customer"),
            "invoiceAgentId" => match (&parties.invoice_customer, &rules.invoice_customer) {
                (None, None) => Provenance::Computed { of: "agentId" },
                (cell, _) => self.party(cell.as_ref(), "invoice_customer", "head.invoice_customer"),
            },
            "transactionTypeId" => {
                self.party(parties.transaction_type.as_ref(), "transaction_type", "head.transaction_type")
            }
            "orderPrices!currency" => self.party(parties.currency.as_ref(), "currency", "head.currency"),
            "orderPrices!natCurrency" => rule("head.nat_currency"),
            "orderPrices!exchRate" => match parties.exchange_rate {
                Some(_) => self.party(Some(&String::new()), "exchange_rate", ""),
                None => rule("head.exchange_rate"),
            },
            "orderPrices!exchangeRateType" => rule("head.exchange_rate_type"),
            "orderPrices!taxInclusive" => rule("head.tax_inclusive"),
            "invoiceUpcType" => rule("head.invoice_type"),
            "bdInvoiceTypeId" => rule("head.bd_invoice_type"),
            "bizFlow" => rule("head.biz_flow"),
            "bizFlow_version" => rule("head.biz_flow_version"),
            "isFlowCoreBill" => rule("head.flow_core_bill"),
            "corpContact" => rule("head.salesman"),
            "saleDepartmentId" => rule("head.department"),
            "shippingChoiceId" => rule("head.shipping"),
            other => Provenance::Rule { rule: format!("head.{other}") },
        }
    }

    fn line(&self, name: &str, draft: &Draft<'_>) -> Provenance {
        let FileNames { goods, .. } = &self.core.tables.files;
        let cell = |column| Provenance::Table { file: goods.clone(), line: draft.goods.line, column };
        let rule = |rule: &str| Provenance::Rule { rule: rule.to_owned() };
        let cell_or = |is_there: bool, column, other: &str| if is_there { cell(column) } else { rule(other) };
        let source = |path: String| Provenance::Source { path };
        let stock = |has: bool, column, other: &str| match self.stock {
            Some((file, line, ..)) if has => Provenance::Table { file: file.to_owned(), line, column },
            _ => rule(other),
        };
        let (has_org, has_stock) = self.stock.map_or((false, false), |(_, _, org, stock)| (org, stock));
        let row = draft.goods;
        match name {
            "_status" => Provenance::Computed { of: "a new line" },
            "status" => rule("lines.send_status"),
            "orderProductType" => match draft.origin {
                Some(origin) if origin.names.list == LineNames::STOCKOUT.list => {
                    source(origin.names.path(origin.index, "gift_type"))
                }
                Some(_) => rule("lines.free"),
                None => rule("postage.policy"),
            },
            "productId" => cell("product"),
            "skuId" => cell("sku"),
            "masterUnitId" => cell_or(row.main_unit.is_some(), "main_unit", "lines.unit"),
            "iProductAuxUnitId" | "invExchRate" if row.sales_unit.is_some() => cell("sales_unit"),
            "iProductUnitId" | "invPriceExchRate" if row.price_unit.is_some() => cell("price_unit"),
            "iProductAuxUnitId" | "iProductUnitId" | "invExchRate" | "invPriceExchRate" => {
                Provenance::Computed { of: "the main unit" }
            }
            "qty" => source(draft.count_source()),
            "subQty" => Provenance::Computed { of: "qty ÷ invExchRate" },
            "priceQty" => Provenance::Computed { of: "qty ÷ invPriceExchRate" },
            "unitExchangeType" => rule("lines.floating_sales_unit"),
            "unitExchangeTypePrice" => rule("lines.floating_price_unit"),
            "salesOrgId" | "settlementOrgId" => Provenance::Computed { of: "the head" },
            "stockOrgId" => stock(has_org, "stock_org", "lines.stock_org"),
            "stockId" => stock(has_stock, "stock", "lines.stock"),
            "consignTime" => source(self.dispatch.to_owned()),
            "taxId" => cell_or(row.tax.is_some(), "tax", "lines.tax"),
            "oriSum" => source(draft.amount_source()),
            "isBatchManage" => cell("batch_managed"),
            "isExpiryDateManage" => cell("expiry_managed"),
            "batchNo" | "batch_no" => source(draft.path("batch_no")),
            "invalidDate" | "invaliddate" => source(draft.path("expire_date")),
            "productDate" | "producedate" => cell("shelf_life_days"),
            "memo" => rule("lines.memo"),
            "oriTaxUnitPrice" | "orderDetailPrices!oriUnitPrice" => {
                Provenance::Computed { of: "amount ÷ priceQty" }
            }
            "orderDetailPrices!oriMoney" | "orderDetailPrices!oriTax" => {
                Provenance::Computed { of: "oriSum and the tax rate" }
            }
            _ => Provenance::Computed { of: "the original × exchRate" },
        }
    }
}
