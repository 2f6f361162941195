//! The sales return (销售退货) as `/yonbip/sd/vouchersalereturn/singleSave` takes it (§5.2).
//!
//! Currency and money keys are plain here, without `orderPrices!`, and quantities are positive. The line's
//! required keys are those of a sales order line (inferred: the official page lists only the head).

use dougong_values::{BeijingTime, Money, Quantity, ResubmitKey, VoucherCode};
use serde::Serialize;

use crate::order::{ProductType, RowStatus, UnitExchange};

/// What a return comes from (退货来源 `saleReturnSourceType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReturnSource {
    /// Nothing BIP knows (无来源).
    None,
    /// A sales order (销售订单).
    Order,
    /// A completed delivery (发货完成).
    DeliveryEnd,
}

/// The head of a sales return and its lines: the `data` of `singleSave`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleReturn {
    /// Operation (操作标识).
    #[serde(rename = "_status")]
    pub row_status: RowStatus,
    /// Idempotency key (保证请求的幂等性).
    pub resubmit_check_key: ResubmitKey,
    /// Voucher code (单据编码); `None` where the tenant numbers automatically.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<VoucherCode>,
    /// Sales organisation (销售组织).
    pub sales_org_id: String,
    /// Invoicing organisation (开票组织).
    pub settlement_org_id: String,
    /// Transaction type (交易类型).
    pub transaction_type_id: String,
    /// Voucher date (单据日期).
    pub vouchdate: BeijingTime,
    /// Customer (客户).
    pub agent_id: String,
    /// Invoicing customer (开票客户).
    pub invoice_agent_id: String,
    /// What the return comes from (退货来源).
    pub sale_return_source_type: ReturnSource,
    /// Currency (币种).
    pub currency: String,
    /// Local currency (本币).
    pub nat_currency: String,
    /// Exchange rate (汇率).
    pub exch_rate: Quantity,
    /// Exchange rate type (汇率类型).
    pub exchange_rate_type: String,
    /// Whether prices include tax (单价含税).
    pub tax_inclusive: bool,
    /// Total with tax: exactly the sum of the lines' `ori_sum`.
    pub pay_money: Money,
    /// Remark (备注).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    /// Lines (退货子表).
    pub sale_return_details: Vec<SaleReturnLine>,
}

/// A line of a sales return (`saleReturnDetails[]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleReturnLine {
    /// Operation (操作标识).
    #[serde(rename = "_status")]
    pub row_status: RowStatus,
    /// How the goods were sold (商品售卖类型).
    pub order_product_type: ProductType,
    /// Material (商品).
    pub product_id: String,
    /// SKU (商品SKU).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<String>,
    /// Main unit (主计量单位).
    pub master_unit_id: String,
    /// Sales unit (销售单位).
    #[serde(rename = "iProductAuxUnitId")]
    pub product_aux_unit_id: String,
    /// Pricing unit (计价单位).
    #[serde(rename = "iProductUnitId")]
    pub product_unit_id: String,
    /// Count in main units (数量), positive.
    pub qty: Quantity,
    /// Count in sales units (销售数量).
    pub sub_qty: Quantity,
    /// Count in pricing units (计价数量).
    pub price_qty: Quantity,
    /// Main units per sales unit (销售换算率).
    pub inv_exch_rate: Quantity,
    /// Main units per pricing unit (计价换算率).
    pub inv_price_exch_rate: Quantity,
    /// Conversion of the sales unit.
    pub unit_exchange_type: UnitExchange,
    /// Conversion of the pricing unit.
    pub unit_exchange_type_price: UnitExchange,
    /// Stock organisation (库存组织).
    pub stock_org_id: String,
    /// Invoicing organisation (开票组织).
    pub settlement_org_id: String,
    /// Warehouse (仓库).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock_id: Option<String>,
    /// Tax item (税目税率).
    pub tax_id: String,
    /// Unit price with tax (含税成交价).
    pub ori_tax_unit_price: Money,
    /// Amount with tax (含税金额).
    pub ori_sum: Money,
    /// Unit price without tax (无税成交价).
    pub ori_unit_price: Money,
    /// Amount without tax (无税金额).
    pub ori_money: Money,
    /// Tax (税额).
    pub ori_tax: Money,
    /// Unit price with tax in local currency (本币含税单价).
    pub nat_tax_unit_price: Money,
    /// Unit price without tax in local currency (本币无税单价).
    pub nat_unit_price: Money,
    /// Amount with tax in local currency (本币含税金额).
    pub nat_sum: Money,
    /// Amount without tax in local currency (本币无税金额).
    pub nat_money: Money,
    /// Tax in local currency (本币税额).
    pub nat_tax: Money,
    /// Batch (批次号).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_no: Option<String>,
    /// Remark (备注).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}
