//! The rules of a scheme's mapping: constants, policies and filters, as `[schemes.<id>.mapping]` states them.
//!
//! Plain values with the defaults that are safe: a doubtful document is parked rather than booked. Amounts,
//! counts and the idempotency key are computed and cannot be set.

use dougong_values::{Money, Quantity, ShopNo, SpecNo, WarehouseNo};

use crate::formulas::FormulaTexts;
use crate::merge::MergeRules;
use crate::template::{HeadField, LineField, Template};

/// A choice between named policies, as a rule writes it.
pub trait Choice: Sized + Copy + 'static {
    /// Every choice under its name, in the order a message lists them.
    const NAMES: &'static [(&'static str, Self)];

    /// Returns the choice of this name.
    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, choice)| choice)
    }
}

macro_rules! choice {
    (
        $(#[$doc:meta])* $name:ident
        { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl Choice for $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];
        }
    };
}
pub(crate) use choice;

/// All rules of one scheme's mapping.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Which documents are booked at all.
    pub filter: FilterRules,
    /// The head of the voucher.
    pub head: HeadRules,
    /// The lines of the voucher.
    pub lines: LineRules,
    /// What a gift (赠品) is, and what to do with one that has a price.
    pub gifts: GiftRules,
    /// What becomes of the postage the buyer paid (邮费).
    pub postage: PostageRules,
    /// What a store is told about stockouts that are shipped to it.
    pub announce: AnnounceRules,
    /// How orders are merged into vouchers (汇总); `None` where every order is a voucher of its own.
    pub merge: Option<MergeRules>,
    /// What formulas and scripts set.
    pub formulas: FormulaTexts,
}

/// What a store is told about stockouts that are shipped to it: those of shops with a store in the shops table.
#[derive(Debug, Clone)]
pub struct AnnounceRules {
    /// Where the stockout names the request (报货单号) or the transferring order (调拨出库单号) that it fulfils.
    pub request: RequestField,
    /// A number that begins so is a transferring order's; none is where this is absent.
    pub transfer_prefix: Option<String>,
    /// Who writes shipped quantities back (制单人 `cbill`).
    pub creator: String,
}

impl Default for AnnounceRules {
    fn default() -> Self {
        Self { request: RequestField::default(), transfer_prefix: None, creator: "dougong".to_owned() }
    }
}

choice! {
    /// Where the stockout names what it fulfils.
    RequestField {
        /// The first original order number (原始单号).
        #[default]
        SrcTids = "src_tids",
        /// The order number (订单编号).
        TradeNo = "trade_no",
        /// The order's number in WDT (系统订单编号).
        SrcOrderNo = "src_order_no",
        /// Nowhere.
        None = "none",
    }
}

/// Which documents are booked. An empty list excludes nothing; what is excluded is counted, never parked.
#[derive(Debug, Clone, Default)]
pub struct FilterRules {
    /// Only stockouts of these statuses (出库单状态).
    pub status: Vec<u32>,
    /// Only orders of these types (订单类型 `trade_type`).
    pub trade_type: Vec<u32>,
    /// No orders of these refund statuses (退款状态).
    pub not_refund_status: Vec<u32>,
    /// Only these shops.
    pub shops: Vec<ShopNo>,
    /// All shops but these.
    pub not_shops: Vec<ShopNo>,
    /// Only these warehouses.
    pub warehouses: Vec<WarehouseNo>,
    /// All warehouses but these.
    pub not_warehouses: Vec<WarehouseNo>,
}

/// The head's constants and choices. A cell of the shops table wins over a constant of the same name.
#[derive(Debug, Clone, Default)]
pub struct HeadRules {
    /// Where the voucher's code comes from.
    pub code: CodeSource,
    /// What is put before the code.
    pub code_prefix: String,
    /// Which time of the document is the voucher's date (单据日期).
    pub voucher_date: TimeSource,
    /// What every voucher of the scheme carries.
    pub constants: HeadConstants,
    /// Remark (备注).
    pub memo: Option<Template<HeadField>>,
}

/// What every voucher of a scheme carries, where no table says otherwise.
#[derive(Debug, Clone)]
pub struct HeadConstants {
    /// Customer (客户 `agentId`).
    pub customer: Option<String>,
    /// Invoicing customer (开票客户 `invoiceAgentId`); the customer where nothing says otherwise.
    pub invoice_customer: Option<String>,
    /// Sales organisation (销售组织 `salesOrgId`).
    pub sales_org: Option<String>,
    /// Invoicing organisation (开票组织 `settlementOrgId`); the sales organisation where nothing says otherwise.
    pub settlement_org: Option<String>,
    /// Transaction type (交易类型 `transactionTypeId`).
    pub transaction_type: Option<String>,
    /// Currency (币种).
    pub currency: String,
    /// Local currency (本币).
    pub nat_currency: String,
    /// Exchange rate (汇率) of a currency that is not the local one.
    pub exchange_rate: Option<Quantity>,
    /// Exchange rate type (汇率类型), tenant data.
    pub exchange_rate_type: String,
    /// Whether BIP takes the price with tax as the basis (单价含税).
    pub tax_inclusive: bool,
    /// Origin of the voucher (单据来源); 4 = open API.
    pub source: Option<u8>,
    /// Invoice type (发票类型 `invoiceUpcType`).
    pub invoice_type: Option<u8>,
    /// Newer twin of the invoice type (`bdInvoiceTypeId`).
    pub bd_invoice_type: Option<String>,
    /// Business flow (业务流 `bizFlow`).
    pub biz_flow: Option<String>,
    /// Version of the business flow (`bizFlow_version`).
    pub biz_flow_version: Option<String>,
    /// Whether it is the flow's core voucher (`isFlowCoreBill`).
    pub flow_core_bill: Option<bool>,
    /// Sales department (销售部门 `saleDepartmentId`).
    pub department: Option<String>,
    /// Salesman (业务员 `corpContact`).
    pub salesman: Option<String>,
    /// Way of shipping (发运方式 `shippingChoiceId`).
    pub shipping: Option<String>,
}

impl Default for HeadConstants {
    fn default() -> Self {
        Self {
            customer: None,
            invoice_customer: None,
            sales_org: None,
            settlement_org: None,
            transaction_type: None,
            currency: "CNY".to_owned(),
            nat_currency: "CNY".to_owned(),
            exchange_rate: None,
            exchange_rate_type: "01".to_owned(),
            tax_inclusive: true,
            source: Some(4),
            invoice_type: None,
            bd_invoice_type: None,
            biz_flow: None,
            biz_flow_version: None,
            flow_core_bill: None,
            department: None,
            salesman: None,
            shipping: None,
        }
    }
}

choice! {
    /// Where the voucher's code (单据编码) comes from.
    CodeSource {
        /// The number of the stockout (出库单号). WDT renumbers on a re-audit; the ledger keeps the first.
        #[default]
        StockoutNo = "stockout_no",
        /// The primary key of the stockout (出库单主键), which never changes.
        StockoutId = "stockout_id",
        /// BIP numbers by itself (自动编号): no code is sent.
        Automatic = "automatic",
    }
}

choice! {
    /// Which time of the document is the voucher's date.
    TimeSource {
        /// When it was shipped (发货时间).
        #[default]
        ConsignTime = "consign_time",
        /// When it was paid (付款时间).
        PayTime = "pay_time",
        /// When it was bought (交易时间).
        TradeTime = "trade_time",
    }
}

/// The lines' constants and choices. A cell of the goods or warehouses table wins over a constant.
#[derive(Debug, Clone)]
pub struct LineRules {
    /// Whether equal lines (same goods, price, gift and batch) are merged.
    pub equal: EqualLines,
    /// What becomes of a line without quantity and amount.
    pub zero_quantity: ZeroQuantity,
    /// What becomes of a line whose goods were refunded.
    pub refunded: RefundedLines,
    /// The statuses of a line (退款状态) that count as refunded.
    pub refunded_status: Vec<u32>,
    /// What every line of the scheme carries.
    pub constants: LineConstants,
    /// What becomes of batch-managed goods that come without a batch or an expiry date.
    pub missing_batch: MissingBatch,
    /// Remark (备注) of a line; merged lines carry the first one's.
    pub memo: Option<Template<LineField>>,
}

impl Default for LineRules {
    fn default() -> Self {
        Self {
            equal: EqualLines::default(),
            zero_quantity: ZeroQuantity::default(),
            refunded: RefundedLines::default(),
            refunded_status: vec![5],
            constants: LineConstants::default(),
            missing_batch: MissingBatch::default(),
            memo: None,
        }
    }
}

/// What every line of a scheme's vouchers carries, where no table says otherwise.
#[derive(Debug, Clone, Default)]
pub struct LineConstants {
    /// What becomes of a count that is no whole number of sales or pricing units.
    pub broken_units: BrokenUnits,
    /// The tax of goods whose row names none, by its key in the taxes table.
    pub tax: Option<String>,
    /// The main unit of goods whose row names none, by its key in the units table.
    pub unit: Option<String>,
    /// The stock organisation (库存组织) of warehouses whose row names none.
    pub stock_org: Option<String>,
    /// The warehouse code (仓库) of warehouses whose row names none; may stay empty.
    pub stock: Option<String>,
    /// Whether the sales unit's rate is a floating one (`unitExchangeType`).
    pub floating_sales_unit: bool,
    /// Whether the pricing unit's rate is a floating one (`unitExchangeTypePrice`).
    pub floating_price_unit: bool,
    /// Under which names batch and dates are sent.
    pub batch_fields: BatchFields,
    /// Whether `orderDetails.status` of the integration scheme's field list is sent as well.
    pub send_status: bool,
}

choice! {
    /// Whether lines of the same goods, price, gift and batch become one.
    EqualLines {
        /// Every line of WDT stays a line.
        #[default]
        Keep = "keep",
        /// They become one line with the sum of counts and amounts.
        Merge = "merge",
    }
}

choice! {
    /// What becomes of a line that ships nothing and costs nothing. One with an amount is always parked.
    ZeroQuantity {
        /// It is left out: BIP takes no count of 0.
        #[default]
        Drop = "drop",
        /// The document is parked.
        Park = "park",
    }
}

choice! {
    /// What becomes of a line that was refunded.
    RefundedLines {
        /// It is booked: the goods were shipped, the return is a document of its own.
        #[default]
        Keep = "keep",
        /// It is left out, with its amount.
        Drop = "drop",
        /// The document is parked.
        Park = "park",
    }
}

choice! {
    /// What becomes of a count that is no whole number of the unit it is sold or priced in: 7 pieces in boxes of 6.
    BrokenUnits {
        /// The line is sold (priced) in its main unit instead.
        #[default]
        MainUnit = "main_unit",
        /// The document is parked.
        Park = "park",
    }
}

choice! {
    /// Under which names batch and dates are sent (`protocols/bip.md` §2.2: the sources disagree).
    BatchFields {
        /// `batchNo`, `productDate`, `invalidDate`, as on the official page and in the entity.
        #[default]
        Official = "official",
        /// `batch_no`, `producedate`, `invaliddate`, as in the integration scheme's field list.
        Scheme = "scheme",
        /// Both.
        Both = "both",
    }
}

choice! {
    /// What becomes of batch-managed goods without a batch, and of expiry-managed goods without a date.
    MissingBatch {
        /// The document is parked.
        #[default]
        Park = "park",
        /// The line is sent without; BIP may fill it in, or refuse.
        Omit = "omit",
    }
}

/// What a gift is, and what to do with one that has a price.
#[derive(Debug, Clone)]
pub struct GiftRules {
    /// The `gift_type`s that are no gifts: 0, and 65 for the goods that bring the gift.
    pub not_gifts: Vec<u32>,
    /// What becomes of a gift with an amount.
    pub priced: PricedGift,
}

impl Default for GiftRules {
    fn default() -> Self {
        Self { not_gifts: vec![0, 65], priced: PricedGift::default() }
    }
}

choice! {
    /// What becomes of a gift with an amount; dropping the amount is no choice, since the total would be wrong.
    PricedGift {
        /// The document is parked.
        #[default]
        Park = "park",
        /// It is booked as sold goods (销售品) with its amount.
        Sale = "sale",
        /// It stays a gift (赠品) with its amount.
        Keep = "keep",
    }
}

/// What becomes of the postage.
#[derive(Debug, Clone)]
pub struct PostageRules {
    /// The policy.
    pub policy: Postage,
    /// How far Σ shares + postage may be from the receivable: four-decimal shares miss it by a cent.
    pub tolerance: Money,
}

impl Default for PostageRules {
    fn default() -> Self {
        Self { policy: Postage::default(), tolerance: Money::new(rust_decimal::Decimal::new(1, 2)) }
    }
}

/// The policy for the postage that the buyer paid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Postage {
    /// It is a line of its own with these goods, one row of the goods table (运费).
    Line {
        /// The goods code of the row.
        goods: SpecNo,
    },
    /// It is spread over the lines by `share_post`, the remainder on the largest.
    #[default]
    Spread,
    /// It is not booked at all.
    Drop,
}
