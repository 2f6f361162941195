//! The filter: which documents a scheme leaves alone.

use std::fmt::Display;

use dougong_wdt::Stockout;

use crate::rules::FilterRules;

/// Why a document is not booked by this scheme. It is counted by its reason, not parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The stable name of the reason: `status`, `trade_type`, `refund_status`, `shop` or `warehouse`.
    pub reason: &'static str,
    /// The value in the document that the filter names.
    pub value: String,
}

impl FilterRules {
    /// Tells whether the filter excludes a document. A field that the document lacks excludes nothing: a document
    /// that cannot be judged is mapped, and parked if it has to be.
    pub(crate) fn excluded(&self, stockout: &Stockout) -> Option<Exclusion> {
        let not_among = |reason, value: Option<u32>, only: &[u32]| {
            value
                .filter(|value| !only.is_empty() && !only.contains(value))
                .map(|value| exclusion(reason, value))
        };
        not_among("status", stockout.status, &self.status)
            .or_else(|| not_among("trade_type", stockout.trade_type, &self.trade_type))
            .or_else(|| {
                let status = stockout.refund_status;
                self.not_refund_status.contains(&status).then(|| exclusion("refund_status", status))
            })
            .or_else(|| outside("shop", stockout.shop_no.as_ref(), &self.shops, &self.not_shops))
            .or_else(|| {
                outside("warehouse", stockout.warehouse_no.as_ref(), &self.warehouses, &self.not_warehouses)
            })
    }
}

fn outside<T: PartialEq + Display>(
    reason: &'static str,
    value: Option<&T>,
    only: &[T],
    never: &[T],
) -> Option<Exclusion> {
    let value = value?;
    let unwanted = !only.is_empty() && !only.contains(value);
    (unwanted || never.contains(value)).then(|| exclusion(reason, value))
}

fn exclusion(reason: &'static str, value: impl Display) -> Exclusion {
    Exclusion { reason, value: value.to_string() }
}
