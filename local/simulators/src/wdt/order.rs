//! A stockout in the simulated WDT: what a test sets, and what the books should show for it.

use dougong_values::{BeijingTime, Money, Quantity};

/// Why an order cannot be mapped with the shipped tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its shop is in no table.
    UnknownShop,
    /// A line's goods are in no table.
    UnknownGoods,
    /// Both at once.
    UnknownShopAndGoods,
}

/// A sales stockout (销售出库单). Fields that nobody varies are filled in when it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WdtOrder {
    /// The primary key, for good.
    pub stockout_id: u64,
    /// The number, sent as `stockout_no` and `order_no`; changes on a re-audit.
    pub stockout_no: String,
    /// The number of the order (`src_order_no`, `trade_no`).
    pub src_order_no: String,
    /// The platform orders merged into it.
    pub src_tids: Vec<String>,
    /// The shop.
    pub shop_no: String,
    /// The shop's name.
    pub shop_name: String,
    /// The shop's platform.
    pub platform_id: u32,
    /// The warehouse.
    pub warehouse_no: String,
    /// The warehouse's name.
    pub warehouse_name: String,
    /// 95 shipped, 110 completed, 5 cancelled.
    pub status: u32,
    /// 1 online, 2 retail, …
    pub trade_type: u32,
    /// 0 none, 1 asked for, 2 part, 3 whole, 4 closed.
    pub refund_status: u32,
    /// The buyer's code.
    pub customer_no: String,
    /// When it was bought.
    pub trade_time: BeijingTime,
    /// When it was paid; the zero date is sent for none.
    pub pay_time: Option<BeijingTime>,
    /// When it was shipped.
    pub consign_time: BeijingTime,
    /// When it was last touched.
    pub modified: BeijingTime,
    /// The postage, in whole cents.
    pub post_amount: Money,
    /// What the buyer owes, in whole cents: the sum of the shares (to within rounding) and the postage.
    pub receivable: Money,
    /// The seller's remark.
    pub remark: String,
    /// The lines.
    pub lines: Vec<WdtLine>,
    /// Why it cannot be mapped, if it cannot; not sent.
    pub flaw: Option<Flaw>,
    /// Sent as the whole row instead, when set: for rows that cannot be read. Must be JSON.
    pub raw: Option<String>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WdtLine {
    /// The primary key.
    pub rec_id: u64,
    /// The goods.
    pub spec_no: String,
    /// The goods' name.
    pub goods_name: String,
    /// The shipped quantity in the stock unit.
    pub count: Quantity,
    /// The stock unit.
    pub unit_name: String,
    /// Stock units per auxiliary unit: 1, or the size of a box.
    pub unit_ratio: Quantity,
    /// The quantity in the auxiliary unit; zero for goods without one.
    pub num2: Quantity,
    /// The list price of one.
    pub list_price: Money,
    /// What the buyer owes for the line, four decimals.
    pub share_amount: Money,
    /// Its part of the postage, four decimals.
    pub share_post: Money,
    /// 0 none, 1 automatic, 2 by hand, …
    pub gift_type: u32,
    /// 0 none, 5 refunded, …
    pub refund_status: u32,
    /// The suite it came from, or empty.
    pub suite_no: String,
    /// The number of its platform order.
    pub src_tid: String,
    /// The batch, when the whole line is of one; or empty.
    pub batch_no: String,
    /// The expiry of the (earliest) batch.
    pub expire_date: Option<BeijingTime>,
    /// The places it was taken from.
    pub positions: Vec<WdtPosition>,
}

/// A place that goods of a line were taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WdtPosition {
    /// The primary key.
    pub rec_id: u64,
    /// The place.
    pub position_no: String,
    /// The batch.
    pub batch_no: String,
    /// How many were taken.
    pub count: Quantity,
}

impl WdtOrder {
    /// Returns what the books should show for the order with its postage: the sum of all lines' shares and the
    /// postage, to the cent.
    pub fn expected_gross(&self) -> Money {
        (self.share_total() + self.post_amount).rounded(Money::CENTS)
    }

    /// Returns what the books should show without the postage.
    pub fn expected_goods_gross(&self) -> Money {
        self.share_total().rounded(Money::CENTS)
    }

    /// Returns the sum of the shares at WDT's four decimals.
    pub fn share_total(&self) -> Money {
        self.lines.iter().map(|line| line.share_amount).sum()
    }

    /// Returns how many goods were shipped.
    pub fn goods_count(&self) -> Quantity {
        self.lines.iter().map(|line| line.count).sum()
    }

    /// Returns the discount over all lines.
    pub fn discount(&self) -> Money {
        self.lines.iter().map(WdtLine::discount).sum()
    }
}

impl WdtLine {
    /// Returns the list value less the share.
    pub fn discount(&self) -> Money {
        Money::new(self.list_price.decimal() * self.count.decimal()) - self.share_amount
    }

    /// Returns the price of one that the share amounts to: derived, so it loses digits.
    pub fn price(&self) -> Money {
        let price = self.share_amount.decimal().checked_div(self.count.decimal());
        Money::new(price.unwrap_or_default()).rounded(4)
    }
}
