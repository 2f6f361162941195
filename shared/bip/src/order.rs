//! The sales order (销售订单) as `/yonbip/sd/voucherorder/singleSave` takes it.
//!
//! Every request field of the integration scheme under its exact wire name, and the required fields the
//! scheme's list lacks (`protocols/bip.md` §2.1, §2.2). Keys with `!` are literal, flat keys. What is `None`
//! is left out: since 2025-03-15 an explicit `null` reaches BIP's backend.

use std::fmt;

use dougong_values::{BeijingTime, Money, Quantity, ResubmitKey, VoucherCode, mask};
use serde::{Serialize, Serializer};

/// What is to be done with a head or a line (操作标识 `_status`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum RowStatus {
    /// A new row.
    #[default]
    Insert,
    /// A change of a row that exists; needs its id.
    Update,
}

/// How a line sells its goods (商品售卖类型 `orderProductType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProductType {
    /// Sold goods (销售品).
    Sale,
    /// A gift (赠品).
    Gift,
    /// Sold at a mark-up with another line (加价购).
    Markup,
    /// Goods given as a rebate (返利商品).
    Rebate,
}

/// Whether a unit's conversion rate is fixed (换算方式), sent as 0 or 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnitExchange {
    /// The archive's rate holds (固定换算): 0.
    #[default]
    Fixed,
    /// The document may carry its own rate (浮动换算): 1.
    Floating,
}

impl Serialize for UnitExchange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::Fixed => 0,
            Self::Floating => 1,
        })
    }
}

/// A personal value on its way to BIP: written to the wire, masked everywhere else.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Personal(String);

impl Personal {
    /// Wraps a personal value.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// Returns the value itself; not for logs, messages or the screen.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

/// The head of a sales order and its lines: the `data` of `singleSave`.
///
/// Archives (organisations, customers, units, …) are named by id or code; BIP takes either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Operation (操作标识); `Insert` for a new order.
    #[serde(rename = "_status")]
    pub row_status: RowStatus,
    /// Idempotency key (保证请求的幂等性), derived from the document's identity alone (§2.5).
    pub resubmit_check_key: ResubmitKey,
    /// Voucher code (单据编码); `None` where the tenant numbers automatically.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<VoucherCode>,
    /// Sales organisation (销售组织).
    pub sales_org_id: String,
    /// Invoicing organisation (开票组织).
    pub settlement_org_id: String,
    /// Transaction type (交易类型), tenant data.
    pub transaction_type_id: String,
    /// Voucher date (单据日期), a date-time on the wire.
    pub vouchdate: BeijingTime,
    /// Customer (客户).
    pub agent_id: String,
    /// Invoicing customer (开票客户).
    pub invoice_agent_id: String,
    /// Currency of the order (币种).
    #[serde(rename = "orderPrices!currency")]
    pub currency: String,
    /// Local currency (本币).
    #[serde(rename = "orderPrices!natCurrency")]
    pub nat_currency: String,
    /// Exchange rate to the local currency (汇率); 1 for CNY.
    #[serde(rename = "orderPrices!exchRate")]
    pub exch_rate: Quantity,
    /// Exchange rate type (汇率类型), tenant data.
    #[serde(rename = "orderPrices!exchangeRateType")]
    pub exchange_rate_type: String,
    /// Whether prices include tax (单价含税); `true` = the tax-inclusive basis.
    #[serde(rename = "orderPrices!taxInclusive")]
    pub tax_inclusive: bool,
    /// Total with tax (合计含税金额): exactly the sum of the lines' `ori_sum`.
    pub pay_money: Money,
    /// Origin of the voucher (单据来源); 4 = open API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<u8>,
    /// Invoice type (发票类型), 0 = receipt … 13 (§2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_upc_type: Option<u8>,
    /// Newer twin of `invoice_upc_type` with a code list of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bd_invoice_type_id: Option<String>,
    /// Business flow (业务流), a UUID of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_flow: Option<String>,
    /// Version of the business flow, `V1.0`.
    #[serde(rename = "bizFlow_version", skip_serializing_if = "Option::is_none")]
    pub biz_flow_version: Option<String>,
    /// Whether this is the flow's core voucher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_flow_core_bill: Option<bool>,
    /// Total receivable (应收金额); equals `pay_money` if sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_money: Option<Money>,
    /// Remark (备注).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    /// Salesman (销售业务员).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corp_contact: Option<String>,
    /// Sales department (销售部门).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale_department_id: Option<String>,
    /// Wanted date of arrival (期望收货日期).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hope_receive_date: Option<BeijingTime>,
    /// Planned date of dispatch (计划发货日期).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_date: Option<BeijingTime>,
    /// Receiver (收货人); sent only where a formula names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Personal>,
    /// Receiver's mobile (收货人电话); sent only where a formula names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_mobile: Option<Personal>,
    /// Receiver's address (收货地址); sent only where a formula names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_address: Option<Personal>,
    /// Way of shipping (发运方式).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_choice_id: Option<String>,
    /// Freight (运费), spelled so on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reight: Option<Money>,
    /// Lines (销售订单子表).
    pub order_details: Vec<OrderLine>,
}

/// A line of a sales order (`orderDetails[]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// Operation (操作标识); every line needs it.
    #[serde(rename = "_status")]
    pub row_status: RowStatus,
    /// `orderDetails.status` of the integration scheme's list; BIP's page does not know it, so it is `None`
    /// unless a rule insists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RowStatus>,
    /// How the goods are sold (商品售卖类型).
    pub order_product_type: ProductType,
    /// Material (商品).
    pub product_id: String,
    /// SKU (商品SKU), where the material has specifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<String>,
    /// Main unit (主计量单位), the unit of `qty`.
    pub master_unit_id: String,
    /// Sales unit (销售单位), the unit of `sub_qty`.
    #[serde(rename = "iProductAuxUnitId")]
    pub product_aux_unit_id: String,
    /// Pricing unit (计价单位), the unit of `price_qty`.
    #[serde(rename = "iProductUnitId")]
    pub product_unit_id: String,
    /// Count in main units (数量).
    pub qty: Quantity,
    /// Count in sales units (销售数量).
    pub sub_qty: Quantity,
    /// Count in pricing units (计价数量).
    pub price_qty: Quantity,
    /// Main units per sales unit (销售换算率).
    pub inv_exch_rate: Quantity,
    /// Main units per pricing unit (计价换算率).
    pub inv_price_exch_rate: Quantity,
    /// Conversion of the sales unit (the scheme's list calls it 浮动(计价)).
    pub unit_exchange_type: UnitExchange,
    /// Conversion of the pricing unit (the scheme's list calls it 浮动(销售)).
    pub unit_exchange_type_price: UnitExchange,
    /// Sales organisation (销售组织) of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales_org_id: Option<String>,
    /// Stock organisation (库存组织).
    pub stock_org_id: String,
    /// Invoicing organisation (开票组织) of the line.
    pub settlement_org_id: String,
    /// Warehouse (仓库).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock_id: Option<String>,
    /// Planned date of dispatch (计划发货日期), a date-time on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consign_time: Option<BeijingTime>,
    /// Tax item (税目税率); the rate itself is not sent.
    pub tax_id: String,
    /// Unit price with tax (含税成交价), 8 decimals.
    pub ori_tax_unit_price: Money,
    /// Amount with tax (含税金额), 2 decimals.
    pub ori_sum: Money,
    /// Unit price without tax (无税成交价), 8 decimals.
    #[serde(rename = "orderDetailPrices!oriUnitPrice")]
    pub ori_unit_price: Money,
    /// Amount without tax (无税金额).
    #[serde(rename = "orderDetailPrices!oriMoney")]
    pub ori_money: Money,
    /// Tax (税额).
    #[serde(rename = "orderDetailPrices!oriTax")]
    pub ori_tax: Money,
    /// Unit price with tax in local currency (本币含税单价).
    #[serde(rename = "orderDetailPrices!natTaxUnitPrice")]
    pub nat_tax_unit_price: Money,
    /// Unit price without tax in local currency (本币无税单价).
    #[serde(rename = "orderDetailPrices!natUnitPrice")]
    pub nat_unit_price: Money,
    /// Amount with tax in local currency (本币含税金额).
    #[serde(rename = "orderDetailPrices!natSum")]
    pub nat_sum: Money,
    /// Amount without tax in local currency (本币无税金额).
    #[serde(rename = "orderDetailPrices!natMoney")]
    pub nat_money: Money,
    /// Tax in local currency (本币税额).
    #[serde(rename = "orderDetailPrices!natTax")]
    pub nat_tax: Money,
    /// Whether the material is managed by batch (是否批次管理).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_batch_manage: Option<bool>,
    /// Whether the material is managed by expiry date (是否有效期管理).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_expiry_date_manage: Option<bool>,
    /// Batch (批次号) under the name of the official page, `batchNo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_no: Option<String>,
    /// Date of production under the entity's name, `productDate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_date: Option<BeijingTime>,
    /// Date of expiry under the entity's name, `invalidDate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid_date: Option<BeijingTime>,
    /// Batch under the name of the integration scheme's list, `batch_no`.
    #[serde(rename = "batch_no", skip_serializing_if = "Option::is_none")]
    pub scheme_batch_no: Option<String>,
    /// Date of production under the name of the integration scheme's list, `producedate`.
    #[serde(rename = "producedate", skip_serializing_if = "Option::is_none")]
    pub scheme_produce_date: Option<BeijingTime>,
    /// Date of expiry under the name of the integration scheme's list, `invaliddate`.
    #[serde(rename = "invaliddate", skip_serializing_if = "Option::is_none")]
    pub scheme_invalid_date: Option<BeijingTime>,
    /// Remark (备注).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Body<T> {
    pub(crate) data: T,
}

impl Order {
    /// Writes the body of the request: `{"data":{…}}`, money and counts as exact JSON decimals.
    pub fn to_body(&self) -> String {
        body(self)
    }
}

/// Wraps a document in `data` and writes it.
pub(crate) fn body<T: Serialize>(data: &T) -> String {
    // The types hold nothing that JSON cannot: texts, exact decimals, enums. An empty body would be refused.
    serde_json::to_string(&Body { data }).unwrap_or_default()
}
