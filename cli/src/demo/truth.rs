//! What each side of a running demo holds, read from the simulators and the ledger themselves.

use std::collections::HashMap;

use dougong_config::Config;
use dougong_ledger::{Ledger, LedgerError};
use dougong_simulators::wdt::WdtOrder;
use dougong_values::{BusinessDay, DocumentKey, ResubmitKey, SchemeId, Sid, StockoutId, TenantId};
use dougong_wdt::{ReadError, Stockout};
use serde_json::json;

use crate::demo::audit::{Entry, Original};

/// The status of an order that WDT shows as completed (已完成).
const COMPLETED: u32 = 110;

/// The names that make a document's key and its idempotency key.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) tenant: TenantId,
    pub(crate) scheme: SchemeId,
    pub(crate) sid: Sid,
}

impl Names {
    /// Returns the key of a stockout in the ledger.
    pub(crate) fn key(&self, stockout_id: &StockoutId) -> DocumentKey {
        DocumentKey::stockout(&self.sid, stockout_id)
    }
}

/// Describes an order of WDT as its end must show it.
pub(crate) fn shipped(order: &WdtOrder, names: &Names, config: &Config) -> Result<Original, ReadError> {
    let stockout = as_filtered(order)?;
    let key = names.key(&stockout.stockout_id);
    let scheme = config.schemes.get(&names.scheme);
    // The status is the source query's own business: an order that is not completed is not asked for at all.
    let completed = order.status == COMPLETED;
    let excluded = scheme.filter(|_| completed).and_then(|scheme| scheme.mapping.excluded(&stockout));
    Ok(Original {
        resubmit_key: ResubmitKey::derive(&names.tenant, &names.scheme, &key).to_string(),
        key,
        amount: order.expected_gross(),
        completed,
        excluded: excluded.map(|exclusion| exclusion.reason),
    })
}

/// Builds what the filter judges by.
fn as_filtered(order: &WdtOrder) -> Result<Stockout, ReadError> {
    let row = json!({
        "stockout_id": order.stockout_id,
        "status": order.status,
        "trade_type": order.trade_type,
        "refund_status": order.refund_status,
        "shop_no": order.shop_no,
        "warehouse_no": order.warehouse_no,
        "consign_time": order.consign_time.to_string(),
        "details_list": [],
    });
    Stockout::from_json(&row.to_string())
}

/// Reads the documents of a day from the ledger; the number of requests comes along.
pub(crate) async fn documents(
    ledger: &Ledger,
    scheme: &SchemeId,
    day: BusinessDay,
) -> Result<(HashMap<DocumentKey, Entry>, u64), LedgerError> {
    let mut documents = HashMap::new();
    let (mut requests, mut next) = (0, None);
    loop {
        let page = ledger.by_day(scheme, day, None, next).await?;
        requests += 1;
        let entries =
            page.rows.into_iter().map(|row| (row.key, Entry { state: row.state, reason: row.reason }));
        documents.extend(entries);
        next = page.next;
        if next.is_none() {
            return Ok((documents, requests));
        }
    }
}
