//! The business content of a stockout as one canonical text, to tell a changed document from a touched one.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use dougong_values::Quantity;

use crate::stockout::{Line, Stockout};

/// Writes the business content: fields in a fixed order, decimals by value, lines by `rec_id`, batches by name.
pub(crate) fn canonical(stockout: &Stockout) -> String {
    let mut text = Canonical(String::with_capacity(256 + 160 * stockout.details.len()));
    text.field("stockout_id", Some(&stockout.stockout_id));
    text.field("src_order_no", stockout.src_order_no.as_ref());
    text.field("trade_no", stockout.trade_no.as_ref());
    let mut src_tids: Vec<&str> = stockout.src_tids.iter().map(String::as_str).collect();
    src_tids.sort_unstable();
    text.field("src_tids", Some(&src_tids.join(",")));
    text.field("shop_no", stockout.shop_no.as_ref());
    text.field("warehouse_no", stockout.warehouse_no.as_ref());
    text.field("customer_no", stockout.customer_no.as_ref());
    text.field("trade_type", stockout.trade_type.as_ref());
    text.field("refund_status", Some(&stockout.refund_status));
    text.field("consign_time", stockout.consign_time.as_ref());
    text.field("post_amount", Some(&stockout.post_amount));
    text.field("receivable", stockout.receivable.as_ref());
    text.field("discount", Some(&stockout.discount));

    let mut lines: Vec<&Line> = stockout.details.iter().collect();
    lines.sort_by_key(|line| line.rec_id.as_str());
    for line in lines {
        text.line(line);
    }
    text.0
}

struct Canonical(String);

impl Canonical {
    /// Writes `name=length:value;`. The length keeps a value from imitating the next field.
    fn field(&mut self, name: &str, value: Option<&impl fmt::Display>) {
        let value = value.map(ToString::to_string).unwrap_or_default();
        let _ = write!(self.0, "{name}={}:{value};", value.len());
    }

    fn line(&mut self, line: &Line) {
        self.field("rec_id", Some(&line.rec_id));
        self.field("spec_no", Some(&line.spec_no));
        self.field("goods_count", Some(&line.goods_count));
        self.field("share_amount", Some(&line.share_amount));
        self.field("share_post", Some(&line.share_post));
        self.field("gift_type", Some(&line.gift_type));
        self.field("refund_status", Some(&line.refund_status));
        self.field("batch_no", line.batch_no.as_ref());
        self.field("expire_date", line.expire_date.as_ref());

        let mut batches: BTreeMap<(&str, Option<String>), Quantity> = BTreeMap::new();
        for position in &line.positions {
            let batch = position.batch_no.as_deref().unwrap_or_default();
            let expiry = position.expire_date.map(|time| time.to_string());
            *batches.entry((batch, expiry)).or_default() += position.quantity().unwrap_or_default();
        }
        for ((batch_no, expire_date), quantity) in batches {
            self.field("position.batch_no", Some(&batch_no));
            self.field("position.expire_date", expire_date.as_ref());
            self.field("position.quantity", Some(&quantity));
        }
    }
}
