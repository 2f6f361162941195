//! The fields of a voucher that formulas may set or read, under the names that BIP gives them.

/// Which vouchers have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Sales orders and sale returns.
    Both,
    /// Sales orders alone.
    Orders,
}

/// What setting a field entails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Nothing else.
    Plain,
    /// Amounts, prices and counts that follow from it are computed anew.
    Money,
    /// It names a row of the taxes table, whose rate the amounts are split with.
    Tax,
    /// It is computed and cannot be set; this is what to set instead.
    Derived(&'static str),
}

/// A field of a voucher.
#[derive(Debug)]
pub(crate) struct Target {
    /// The name on the wire of a sales order.
    pub(crate) name: &'static str,
    /// The name without its prefix, as in sale returns and in expressions; empty where there is none.
    pub(crate) short: &'static str,
    pub(crate) place: Place,
    pub(crate) class: Class,
}

impl Target {
    fn is(&self, name: &str) -> bool {
        self.name == name || (!self.short.is_empty() && self.short == name)
    }
}

use Class::{Derived, Money, Plain, Tax};

const KEY: &str =
    "it is made of tenant, scheme and document, so that no attempt books twice; a formula cannot set it";
const STATUS: &str = "a new voucher and its lines are always inserted";
const SUM: &str = "it is the sum of the lines' oriSum: set `oriSum` of the lines";
const SPLIT: &str =
    "it is computed from oriSum and the tax rate: set `oriSum`, or `taxId` (a key of tables/taxes.csv)";
const PRICE: &str = "it is computed as amount ÷ priceQty: set `oriSum`, `qty` or `invPriceExchRate`";
const LOCAL: &str = "it is computed with the exchange rate: set `oriSum`, or `exchRate` of the head";
const SALES_COUNT: &str = "it is computed as qty ÷ invExchRate: set `qty` or `invExchRate`";
const PRICED_COUNT: &str = "it is computed as qty ÷ invPriceExchRate: set `qty` or `invPriceExchRate`";

/// Calls a macro with every field of the head: wire name, short name, vouchers, class, field of the struct.
macro_rules! head_targets {
    ($do:ident) => {
        $do! {
        "_status" "" Both Derived(STATUS) => row_status;
        "resubmitCheckKey" "" Both Derived(KEY) => resubmit_check_key;
        "code" "" Both Plain => code;
        "salesOrgId" "" Both Plain => sales_org_id;
        "settlementOrgId" "" Both Plain => settlement_org_id;
        "transactionTypeId" "" Both Plain => transaction_type_id;
        "vouchdate" "" Both Plain => vouchdate;
        "agentId" "" Both Plain => agent_id;
        "invoiceAgentId" "" Both Plain => invoice_agent_id;
        "orderPrices!currency" "currency" Both Plain => currency;
        "orderPrices!natCurrency" "natCurrency" Both Plain => nat_currency;
        "orderPrices!exchRate" "exchRate" Both Money => exch_rate;
        "orderPrices!exchangeRateType" "exchangeRateType" Both Plain => exchange_rate_type;
        "orderPrices!taxInclusive" "taxInclusive" Both Plain => tax_inclusive;
        "payMoney" "" Both Derived(SUM) => pay_money;
        "source" "" Orders Plain => source;
        "invoiceUpcType" "" Orders Plain => invoice_upc_type;
        "bdInvoiceTypeId" "" Orders Plain => bd_invoice_type_id;
        "bizFlow" "" Orders Plain => biz_flow;
        "bizFlow_version" "" Orders Plain => biz_flow_version;
        "isFlowCoreBill" "" Orders Plain => is_flow_core_bill;
        "realMoney" "" Orders Derived(SUM) => real_money;
        "memo" "" Both Plain => memo;
        "corpContact" "" Orders Plain => corp_contact;
        "saleDepartmentId" "" Orders Plain => sale_department_id;
        "hopeReceiveDate" "" Orders Plain => hope_receive_date;
        "sendDate" "" Orders Plain => send_date;
        "receiver" "" Orders Plain => receiver;
        "receiveMobile" "" Orders Plain => receive_mobile;
        "receiveAddress" "" Orders Plain => receive_address;
        "shippingChoiceId" "" Orders Plain => shipping_choice_id;
        "reight" "" Orders Plain => reight;
        }
    };
}
pub(crate) use head_targets;

/// Calls a macro with every field of a line, as `head_targets` does.
macro_rules! line_targets {
    ($do:ident) => {
        $do! {
        "_status" "" Both Derived(STATUS) => row_status;
        "status" "" Orders Derived("set `lines.send_status` in the rules") => status;
        "orderProductType" "" Both Plain => order_product_type;
        "productId" "" Both Plain => product_id;
        "skuId" "" Both Plain => sku_id;
        "masterUnitId" "" Both Plain => master_unit_id;
        "iProductAuxUnitId" "" Both Plain => product_aux_unit_id;
        "iProductUnitId" "" Both Plain => product_unit_id;
        "qty" "" Both Money => qty;
        "subQty" "" Both Derived(SALES_COUNT) => sub_qty;
        "priceQty" "" Both Derived(PRICED_COUNT) => price_qty;
        "invExchRate" "" Both Money => inv_exch_rate;
        "invPriceExchRate" "" Both Money => inv_price_exch_rate;
        "unitExchangeType" "" Both Plain => unit_exchange_type;
        "unitExchangeTypePrice" "" Both Plain => unit_exchange_type_price;
        "salesOrgId" "" Orders Plain => sales_org_id;
        "stockOrgId" "" Both Plain => stock_org_id;
        "settlementOrgId" "" Both Plain => settlement_org_id;
        "stockId" "" Both Plain => stock_id;
        "consignTime" "" Orders Plain => consign_time;
        "taxId" "" Both Tax => tax_id;
        "oriTaxUnitPrice" "" Both Derived(PRICE) => ori_tax_unit_price;
        "oriSum" "" Both Money => ori_sum;
        "orderDetailPrices!oriUnitPrice" "oriUnitPrice" Both Derived(PRICE) => ori_unit_price;
        "orderDetailPrices!oriMoney" "oriMoney" Both Derived(SPLIT) => ori_money;
        "orderDetailPrices!oriTax" "oriTax" Both Derived(SPLIT) => ori_tax;
        "orderDetailPrices!natTaxUnitPrice" "natTaxUnitPrice" Both Derived(LOCAL) => nat_tax_unit_price;
        "orderDetailPrices!natUnitPrice" "natUnitPrice" Both Derived(LOCAL) => nat_unit_price;
        "orderDetailPrices!natSum" "natSum" Both Derived(LOCAL) => nat_sum;
        "orderDetailPrices!natMoney" "natMoney" Both Derived(LOCAL) => nat_money;
        "orderDetailPrices!natTax" "natTax" Both Derived(LOCAL) => nat_tax;
        "isBatchManage" "" Orders Plain => is_batch_manage;
        "isExpiryDateManage" "" Orders Plain => is_expiry_date_manage;
        "batchNo" "" Both Plain => batch_no;
        "productDate" "" Orders Plain => product_date;
        "invalidDate" "" Orders Plain => invalid_date;
        "batch_no" "" Orders Plain => scheme_batch_no;
        "producedate" "" Orders Plain => scheme_produce_date;
        "invaliddate" "" Orders Plain => scheme_invalid_date;
        "memo" "" Both Plain => memo;
        }
    };
}
pub(crate) use line_targets;

macro_rules! table {
    ($($name:literal $short:literal $place:ident $class:expr => $field:ident;)+) => {
        &[$(Target { name: $name, short: $short, place: Place::$place, class: $class }),+]
    };
}

static HEAD: &[Target] = head_targets!(table);
static LINE: &[Target] = line_targets!(table);

/// The two parts of a voucher that formulas are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    /// The head.
    Head,
    /// Every line.
    Lines,
}

impl Side {
    /// Returns the name in the configuration: `formulas.head`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Lines => "lines",
        }
    }

    /// Returns the fields.
    pub(crate) fn targets(self) -> &'static [Target] {
        match self {
            Self::Head => HEAD,
            Self::Lines => LINE,
        }
    }

    /// Finds a field by its wire name or its short one.
    pub(crate) fn find(self, name: &str) -> Option<&'static Target> {
        self.targets().iter().find(|target| target.is(name))
    }

    /// Returns every name of every field that may be set.
    pub(crate) fn settable(self) -> impl Iterator<Item = &'static str> {
        let settable = self.targets().iter().filter(|target| !matches!(target.class, Class::Derived(_)));
        settable.flat_map(|target| [target.name, target.short]).filter(|name| !name.is_empty())
    }

    /// Returns every name that a field goes by.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.targets().iter().flat_map(|target| [target.name, target.short]).filter(|name| !name.is_empty())
    }
}
