//! A stockout (销售出库单): the typed core that the pipeline uses, and every other field by its own name.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use dougong_values::{BeijingTime, Money, Quantity, ShopNo, SpecNo, StockoutId, Version, WarehouseNo};

use crate::field::{self, FieldProblem, FieldText};
use crate::version;

mod wire;

/// A row that cannot be read as a stockout, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row cannot be read as a stockout: {}", joined(.problems))]
pub struct ReadError {
    /// The fields that cannot be read; one problem with the path `row` when it is no JSON object.
    pub problems: Vec<FieldProblem>,
}

fn joined(problems: &[FieldProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A shipped sales document of WDT, without personal data.
///
/// An absent, null or empty field is `None`, or zero where the doc says so. `Debug` shows its identity only.
#[derive(Clone)]
pub struct Stockout {
    /// The primary key (出库单主键): with the `sid` the identity of the document, for good.
    pub stockout_id: StockoutId,
    /// The number of the stockout (出库单号, `stockout_no` or `order_no`). WDT changes it on a re-audit.
    pub stockout_no: Option<String>,
    /// The number of the order in WDT (源单号, JY…); an order may be shipped as several stockouts.
    pub src_order_no: Option<String>,
    /// The number of the order (订单编号).
    pub trade_no: Option<String>,
    /// The numbers of the platform orders in it (原始单号), in WDT's order. WDT cuts a long list.
    pub src_tids: Vec<String>,
    /// The shop (店铺编号).
    pub shop_no: Option<ShopNo>,
    /// The shop's name (店铺名称).
    pub shop_name: Option<String>,
    /// The warehouse that shipped it (仓库编号).
    pub warehouse_no: Option<WarehouseNo>,
    /// The warehouse's name (仓库).
    pub warehouse_name: Option<String>,
    /// The status of the stockout (出库单状态): 95 shipped, 110 completed, 5 cancelled.
    pub status: Option<u32>,
    /// The status of the order (订单状态).
    pub trade_status: Option<u32>,
    /// The type of the order (订单类型): 1 online, 2 retail, 3 exchange, 4 wholesale, 7 sent again, …
    pub trade_type: Option<u32>,
    /// The refund status (退款状态): 0 none, 1 asked for, 2 part, 3 whole, 4 closed; 0 when absent.
    pub refund_status: u32,
    /// The platform (平台id): 0 offline, 1 Taobao and Tmall, 3 JD, 39 Pinduoduo, 69 Douyin, …
    pub platform_id: Option<u32>,
    /// The buyer's code as a customer (客户编号).
    pub customer_no: Option<String>,
    /// When it was bought (交易时间).
    pub trade_time: Option<BeijingTime>,
    /// When it was paid (付款时间).
    pub pay_time: Option<BeijingTime>,
    /// When it was shipped (发货时间).
    pub consign_time: Option<BeijingTime>,
    /// When WDT last touched it (最后修改时间).
    pub modified: Option<BeijingTime>,
    /// The number of goods (数量), over all lines.
    pub goods_count: Option<Quantity>,
    /// The discount over all lines (优惠金额); zero when absent.
    pub discount: Money,
    /// The postage that the buyer paid (邮费): revenue; zero when absent.
    pub post_amount: Money,
    /// What the buyer owes (应收金额): the sum of all shares and the postage. Not sent by every product.
    pub receivable: Option<Money>,
    /// What the buyer paid (已付金额), postage included; zero when absent.
    pub paid: Money,
    /// What is collected on delivery (货到付款金额); zero when absent.
    pub cod_amount: Money,
    /// The currency (币种); none means CNY.
    pub currency: Option<String>,
    /// The lines (货品列表节点), in WDT's order.
    pub details: Vec<Line>,
    json: Arc<str>,
    /// Where `details_list` stands in the text.
    list: Range<usize>,
}

/// A line of a stockout. `Debug` shows its identity only.
#[derive(Clone)]
pub struct Line {
    /// The primary key of the line (出库明细主键).
    pub rec_id: String,
    /// The goods (商家编码); may repeat within a document.
    pub spec_no: SpecNo,
    /// The shipped quantity (货品数量, `goods_count`, else `num`) in the stock unit.
    pub goods_count: Quantity,
    /// The quantity in the stock unit (货品数量); as `goods_count` when absent.
    pub num: Quantity,
    /// The quantity in the auxiliary unit (辅助数量).
    pub num2: Option<Quantity>,
    /// What the buyer owes for the line (分摊后合计应收), four decimals: the truth about its amount.
    pub share_amount: Money,
    /// Its part of the postage (邮费分摊); zero when absent.
    pub share_post: Money,
    /// Its discount (总折扣金额); zero when absent.
    pub discount: Money,
    /// What was paid for it (已支付金额), postage included; zero when absent.
    pub paid: Money,
    /// The final price (最终价格), derived and rounded; zero when absent.
    pub price: Money,
    /// The price agreed on (销售价); zero when absent.
    pub sell_price: Money,
    /// Whether it is a gift (是否是赠品): see [`Line::is_gift`]; 0 when absent.
    pub gift_type: u32,
    /// The refund status (退款状态): 0 none, 1 taken back, 2–4 under way, 5 refunded, 6 closed; 0 when absent.
    pub refund_status: u32,
    /// The tax rate (税率); usually 0, and then it says nothing.
    pub tax_rate: Option<Quantity>,
    /// The suite it came from (来源组合装编码).
    pub suite_no: Option<String>,
    /// The goods' name (货品名称).
    pub goods_name: Option<String>,
    /// The goods' number (货品编号).
    pub goods_no: Option<String>,
    /// The specification's name (规格名称).
    pub spec_name: Option<String>,
    /// The barcode (条码).
    pub barcode: Option<String>,
    /// The stock unit (基本单位).
    pub unit_name: Option<String>,
    /// Stock units per auxiliary unit (单位换算).
    pub unit_ratio: Option<Quantity>,
    /// The number of its platform order (原始订单号).
    pub src_tid: Option<String>,
    /// The number of its line on the platform (原始子订单号).
    pub src_oid: Option<String>,
    /// The batch (批次号), when the whole line is of one.
    pub batch_no: Option<String>,
    /// The expiry of the batch (有效期).
    pub expire_date: Option<BeijingTime>,
    /// A remark on the line (备注).
    pub remark: Option<String>,
    /// The places it was taken from (货位节点列表), each with its batch.
    pub positions: Vec<Position>,
    json: Arc<str>,
    range: Range<usize>,
}

/// A place in the warehouse that goods were taken from. `Debug` shows its identity only.
#[derive(Clone)]
pub struct Position {
    /// The primary key (货位主键id).
    pub rec_id: Option<String>,
    /// The place (货位编号).
    pub position_no: Option<String>,
    /// The batch (批次号).
    pub batch_no: Option<String>,
    /// The quantity (货品数量).
    pub num: Option<Quantity>,
    /// The quantity taken from this place (货位出库数量).
    pub position_goods_count: Option<Quantity>,
    /// The expiry of the batch (有效期), where it is sent.
    pub expire_date: Option<BeijingTime>,
    json: Arc<str>,
    range: Range<usize>,
}

impl Stockout {
    /// Reads a stockout from the text that [`Stockout::json`] gave: what the queue and the ledger keep.
    ///
    /// The text is taken as it is. Personal data is cut where pages are read, not here, so that a field a formula
    /// names survives the queue.
    pub fn from_json(json: &str) -> Result<Self, ReadError> {
        wire::read(json).map_err(|problems| ReadError { problems })
    }

    /// Returns the whole JSON text without personal data.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Returns a field of the head by its name on the wire; `None` when it is absent, null or personal.
    pub fn field(&self, name: &str) -> Option<FieldText<'_>> {
        field::find(&self.json, name)
    }

    /// Returns several fields of the head in one pass, as [`Stockout::field`] does; the names are sorted.
    pub fn fields(&self, names: &[&str]) -> Vec<Option<FieldText<'_>>> {
        field::find_all(&self.json, names, self.list.clone())
    }

    /// Returns the version: a hash of the business content (`design.md` §2).
    ///
    /// Decimals are compared as numbers, lines by their `rec_id`, positions by batch. Not part of it: `modified`,
    /// the statuses, the stockout's number (renumbered on a re-audit), printing, packing, shipping, personal data.
    pub fn version(&self) -> Version {
        Version::of(&version::canonical(self))
    }

    /// Returns the sum of all lines' shares, at WDT's four decimals.
    pub fn share_total(&self) -> Money {
        self.details.iter().map(|line| line.share_amount).sum()
    }
}

impl Line {
    /// Returns a field of the line by its name on the wire; `None` when it is absent, null or personal.
    pub fn field(&self, name: &str) -> Option<FieldText<'_>> {
        field::find(self.json.get(self.range.clone())?, name)
    }

    /// Returns several fields of the line in one pass, as [`Line::field`] does; the names are sorted.
    pub fn fields(&self, names: &[&str]) -> Vec<Option<FieldText<'_>>> {
        field::find_all(self.json.get(self.range.clone()).unwrap_or_default(), names, 0..0)
    }

    /// Tells whether the line is a gift: every `gift_type` but 0 (none) and 65 (the goods that bring the gift).
    /// A gift may carry a price.
    pub const fn is_gift(&self) -> bool {
        !matches!(self.gift_type, 0 | 65)
    }
}

impl Position {
    /// Returns a field of the position by its name on the wire; `None` when it is absent, null or personal.
    pub fn field(&self, name: &str) -> Option<FieldText<'_>> {
        field::find(self.json.get(self.range.clone())?, name)
    }

    /// Returns several fields of the position in one pass, as [`Position::field`] does; the names are sorted.
    pub fn fields(&self, names: &[&str]) -> Vec<Option<FieldText<'_>>> {
        field::find_all(self.json.get(self.range.clone()).unwrap_or_default(), names, 0..0)
    }

    /// Returns the quantity taken from this place: `position_goods_count`, else `num`.
    pub fn quantity(&self) -> Option<Quantity> {
        self.position_goods_count.or(self.num)
    }
}

impl fmt::Debug for Stockout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stockout")
            .field("stockout_id", &self.stockout_id)
            .field("modified", &self.modified)
            .field("details", &self.details)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} {} × {})", self.rec_id, self.spec_no, self.goods_count)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({:?} batch {:?})", self.rec_id, self.batch_no)
    }
}

impl PartialEq for Stockout {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Stockout {}
