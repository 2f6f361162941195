//! What the simulated WDT holds, and how it is asked: the clocks, the filters, the order of rows.

use std::collections::BTreeMap;

use dougong_values::{BeijingTime, Window};

use super::order::WdtOrder;

/// The stockouts of the merchant. Tests change them while they are being read.
#[derive(Debug, Default)]
pub struct World {
    orders: BTreeMap<u64, WdtOrder>,
    renumbered: u64,
}

/// A question as it arrived, of valid form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The closed interval, when times were sent.
    pub window: Option<Window>,
    /// The status, exactly.
    pub status: Option<u32>,
    /// Whether `is_by_modified` was 1.
    pub is_by_modified: bool,
    /// The number of the order in WDT.
    pub src_order_no: Option<String>,
    /// The number of the platform order.
    pub src_tid: Option<String>,
    /// The number of the stockout.
    pub stockout_no: Option<String>,
    /// The shop.
    pub shop_no: Option<String>,
    /// The warehouse.
    pub warehouse_no: Option<String>,
    /// The page, from 0.
    pub page_no: u32,
    /// Documents on a page.
    pub page_size: u32,
}

/// The clock that a question filters by (`protocols/wdt.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Consign,
    Modified,
}

/// The statuses that come when none is asked for: shipped and completed.
const SHIPPED_OR_COMPLETED: [u32; 2] = [95, 110];

impl Asked {
    fn clock(&self) -> Clock {
        let not_shipped_yet = self.status.is_some_and(|status| status < 95);
        if self.is_by_modified || not_shipped_yet { Clock::Modified } else { Clock::Consign }
    }

    fn wants(&self, order: &WdtOrder) -> bool {
        let is = |asked: &Option<String>, value: &str| asked.as_deref().is_none_or(|asked| asked == value);
        let status = self
            .status
            .map_or_else(|| SHIPPED_OR_COMPLETED.contains(&order.status), |status| status == order.status);
        status
            && self.window.is_none_or(|window| window.contains(self.time_of(order)))
            && is(&self.shop_no, &order.shop_no)
            && is(&self.warehouse_no, &order.warehouse_no)
            && is(&self.src_order_no, &order.src_order_no)
            && is(&self.stockout_no, &order.stockout_no)
            && self.src_tid.as_ref().is_none_or(|tid| order.src_tids.contains(tid))
    }

    fn time_of(&self, order: &WdtOrder) -> BeijingTime {
        match self.clock() {
            Clock::Consign => order.consign_time,
            Clock::Modified => order.modified,
        }
    }
}

impl World {
    /// Adds orders; one with an id that is there replaces it.
    pub fn add(&mut self, orders: impl IntoIterator<Item = WdtOrder>) {
        self.orders.extend(orders.into_iter().map(|order| (order.stockout_id, order)));
    }

    /// Changes an order as a person or a process in WDT does: `modified` moves. `false` if it is not there.
    pub fn modify(&mut self, stockout_id: u64, at: BeijingTime, change: impl FnOnce(&mut WdtOrder)) -> bool {
        let found = self.orders.get_mut(&stockout_id);
        found.is_some_and(|order| {
            change(order);
            order.modified = at;
            true
        })
    }

    /// Completes a shipped order (95 → 110), as the settlement of its platform does. `false` if it is not shipped.
    pub fn complete(&mut self, stockout_id: u64, at: BeijingTime) -> bool {
        let shipped = self.orders.get(&stockout_id).is_some_and(|order| order.status == 95);
        shipped && self.modify(stockout_id, at, |order| order.status = 110)
    }

    /// Completes every shipped order and returns their ids.
    pub fn complete_all(&mut self, at: BeijingTime) -> Vec<u64> {
        let shipped: Vec<u64> =
            self.orders.values().filter(|order| order.status == 95).map(|order| order.stockout_id).collect();
        shipped.into_iter().filter(|&stockout_id| self.complete(stockout_id, at)).collect()
    }

    /// Rejects and re-audits an order: it gets a new stockout number. `false` if it is not there.
    pub fn renumber(&mut self, stockout_id: u64, at: BeijingTime) -> bool {
        self.renumbered += 1;
        let suffix = self.renumbered;
        self.modify(stockout_id, at, |order| order.stockout_no = format!("{}R{suffix}", order.stockout_no))
    }

    /// Takes an order away, as a cancelled shipment vanishes.
    pub fn remove(&mut self, stockout_id: u64) -> Option<WdtOrder> {
        self.orders.remove(&stockout_id)
    }

    /// Returns an order.
    pub fn order(&self, stockout_id: u64) -> Option<&WdtOrder> {
        self.orders.get(&stockout_id)
    }

    /// Returns all orders by id.
    pub fn orders(&self) -> impl Iterator<Item = &WdtOrder> {
        self.orders.values()
    }

    /// Finds what a question asks for: how many there are, and those on its page, oldest first.
    pub(crate) fn find(&self, asked: &Asked) -> (usize, Vec<&WdtOrder>) {
        let mut found: Vec<(BeijingTime, &WdtOrder)> = self
            .orders
            .values()
            .filter(|order| asked.wants(order))
            .map(|order| (asked.time_of(order), order))
            .collect();
        found.sort_by_key(|(time, order)| (*time, order.stockout_id));
        let size = asked.page_size as usize;
        let page =
            found.iter().skip(size * asked.page_no as usize).take(size).map(|(_, order)| *order).collect();
        (found.len(), page)
    }
}
