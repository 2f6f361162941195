//! What ties a chain's day to WDT's: requests and transferring orders that are shipped by an order of WDT.

use dougong_simulators::day::STORES;
use dougong_simulators::store::{BillKind, Place, StoreBill, StoreLine, product_uid, warehouses};
use dougong_simulators::wdt::{WdtLine, WdtOrder};
use dougong_values::{Money, Quantity};
use rust_decimal::Decimal;

/// The shop of WDT that ships to a store, and the store, as `shops.csv` has them.
pub(crate) const SHOP: &str = "OFF01";
const STORE: &str = "0101";
/// One delivery in so many is shipped on a transferring order instead of a request.
const TRANSFERRED_EVERY: usize = 4;

/// Makes a bill name goods that no table knows.
pub(super) fn make_unknown(bill: &mut StoreBill) {
    if let Some(line) = bill.lines.first_mut() {
        "NEW-8801".clone_into(&mut line.product_code);
        line.product_uid = 8_801;
    }
}

/// Makes the orders that ship to the store name what they fulfil: a request of the store, or a transferring order of
/// just these goods, which is added to the bills.
pub(super) fn fulfil(bills: &mut Vec<StoreBill>, orders: &mut [WdtOrder]) {
    let requests: Vec<String> = bills
        .iter()
        .filter(|bill| bill.kind == BillKind::Declare && bill.to.code == STORE)
        .map(|bill| bill.number.clone())
        .collect();
    let Some(model) = bills.iter().find(|bill| bill.kind == BillKind::Outbound).cloned() else {
        return;
    };
    let shipped = orders.iter_mut().filter(|order| order.shop_no == SHOP && order.raw.is_none());
    let mut added = Vec::new();
    for (place, order) in shipped.enumerate() {
        let number = if place % TRANSFERRED_EVERY == TRANSFERRED_EVERY - 1 {
            transferring_order(&model, order, added.len()).map(|bill| {
                let number = bill.number.clone();
                added.push(bill);
                number
            })
        } else {
            requests.get(place % requests.len().max(1)).cloned()
        };
        if let Some(number) = number {
            order.src_tids = vec![number];
        }
    }
    bills.extend(added);
}

/// Makes the transferring order that an order of WDT ships; `None` where the chain does not know the goods.
fn transferring_order(model: &StoreBill, order: &WdtOrder, place: usize) -> Option<StoreBill> {
    let store = STORES.iter().find(|store| store.code == STORE)?;
    let from = warehouses().into_iter().find(|one| one.code == order.warehouse_no)?;
    let uid = 800_000_000 + place as u64;
    let lines = order.lines.iter().zip(1..).map(|(line, nth)| line_of(line, uid * 100 + nth));
    Some(StoreBill {
        number: format!("ZFH{}{:05}", order.consign_time.day().to_string().replace('-', ""), 90_001 + place),
        uid,
        from,
        to: Place {
            uid: store.uid,
            code: store.code.to_owned(),
            name: store.name.to_owned(),
            ..Place::default()
        },
        store_type: store.kind,
        route: store.route,
        area: store.area,
        lines: lines.collect::<Option<Vec<_>>>()?,
        ..model.clone()
    })
}

fn line_of(line: &WdtLine, uid: u64) -> Option<StoreLine> {
    // Stores buy below the list price, in whole cents.
    let price = (line.list_price.decimal() * Decimal::new(6, 1)).round_dp(2);
    Some(StoreLine {
        uid,
        product_uid: product_uid(&line.spec_no)?,
        product_code: line.spec_no.clone(),
        external_product_id: String::new(),
        product_name: line.goods_name.clone(),
        unit: line.unit_name.clone(),
        price: Money::new(price),
        quantity: line.count,
        amount: Money::new(price * line.count.decimal()),
        additional_unit: String::new(),
        additional_quantity: Quantity::ZERO,
        remark: String::new(),
    })
}
