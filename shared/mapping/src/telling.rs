//! What a store is told about a stockout that is shipped to it: the delivery that is coming, or what was shipped of a
//! transferring order.

use std::collections::BTreeMap;

use dougong_store::{Bill, BillLine, Delivery, DeliveryLine, Party, Shipment, ShipmentLine};
use dougong_values::{BusinessDay, DocumentKey, Money, Quantity, SpecNo, StoreCode, Version, spread_cents};
use dougong_wdt::{Line, Stockout};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::head::{missing, unknown};
use crate::mapping::Mapping;
use crate::problem::{Problem, Reason};
use crate::rules::RequestField;
use crate::tables::{CountedIn, Goods, Store, Tables};

/// Decimals of a price that is computed from an amount.
const PRICE_PLACES: u32 = 4;

/// What a store is told about a stockout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telling {
    /// A delivery is coming (`AddSTOBill`), for this request where the stockout names one.
    Delivery {
        /// The number of the request (报货单号).
        request_no: Option<String>,
    },
    /// This transferring order was shipped (`UpdateTransferringOrderInfo`). The store system has its bill already.
    Shipped {
        /// The number of the transferring order (调拨出库单号).
        number: String,
    },
}

/// Where to look for a delivery whose announcement may have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// The warehouse, by its id in the store system.
    pub warehouse: String,
    /// The store, by its id in the store system.
    pub store: String,
}

impl Mapping {
    /// Tells what the store is to be told about a stockout; `None` for shops that ship to no store.
    pub fn telling(&self, stockout: &Stockout) -> Option<Telling> {
        self.store_of_shop(stockout)?;
        let rules = &self.rules.announce;
        let number = match rules.request {
            RequestField::SrcTids => stockout.src_tids.first().map(String::as_str),
            RequestField::TradeNo => stockout.trade_no.as_deref(),
            RequestField::SrcOrderNo => stockout.src_order_no.as_deref(),
            RequestField::None => None,
        };
        let number = number.map(str::trim).filter(|number| !number.is_empty());
        let prefix = rules.transfer_prefix.as_deref().filter(|prefix| !prefix.is_empty());
        Some(match (number, prefix) {
            (Some(number), Some(prefix)) if number.starts_with(prefix) => {
                Telling::Shipped { number: number.to_owned() }
            }
            (number, _) => Telling::Delivery { request_no: number.map(str::to_owned) },
        })
    }

    fn store_of_shop(&self, stockout: &Stockout) -> Option<(&StoreCode, &Store)> {
        let shop = self.tables.shops.get(stockout.shop_no.as_ref()?)?;
        let code = shop.store.as_ref()?;
        self.tables.stores.as_ref()?.get_key_value(code)
    }

    /// Tells where to look for a stockout's delivery; `None` where the tables lack an id.
    pub fn look_up(&self, stockout: &Stockout) -> Option<LookUp> {
        let (_, store) = self.store_of_shop(stockout)?;
        let warehouse = self.tables.warehouses.get(stockout.warehouse_no.as_ref()?)?;
        Some(LookUp { warehouse: warehouse.id_in_store.clone()?, store: store.id.clone()? })
    }

    /// Makes the delivery that a store is told of (`AddSTOBill`), under the number that the key gives it; or says
    /// everything that is wrong.
    pub fn delivery(
        &self,
        stockout: &Stockout,
        key: &DocumentKey,
        request_no: Option<String>,
    ) -> Result<Delivery, Vec<Problem>> {
        let mut problems = Vec::new();
        let store = self.store_of_shop(stockout);
        if store.is_none() {
            let hint = "fill the column store of tables/shops.csv, or skip the announcement";
            problems.push(missing("shops.csv", "instorecode", "shop_no", hint));
        }
        let warehouse = self.warehouse(stockout, &mut problems);
        if stockout.consign_time.is_none() {
            problems.push(missing("announce", "rdate", "consign_time", "set the time of shipping in WDT"));
        }
        let lines = self.delivery_lines(stockout, &mut problems);
        match (store, warehouse, stockout.warehouse_no.as_ref(), stockout.consign_time) {
            (Some((code, store)), Some(warehouse), Some(warehouse_no), Some(shipped))
                if problems.is_empty() =>
            {
                let own = || warehouse_no.to_string();
                Ok(Delivery {
                    number: delivery_number(key),
                    request_no,
                    business_date: shipped.day(),
                    created_at: shipped,
                    submitted_at: shipped,
                    from: Party {
                        id: warehouse.id_in_store.clone(),
                        code: Some(warehouse.in_store.clone().unwrap_or_else(own)),
                        name: stockout.warehouse_name.clone(),
                        external_id: None,
                    },
                    to: Party {
                        id: store.id.clone(),
                        code: Some(code.to_string()),
                        name: store.name.clone(),
                        external_id: None,
                    },
                    remark: stockout.stockout_no.clone(),
                    lines,
                    payments: Vec::new(),
                })
            }
            _ => Err(problems),
        }
    }

    fn delivery_lines(&self, stockout: &Stockout, problems: &mut Vec<Problem>) -> Vec<DeliveryLine> {
        let shipped: Vec<(usize, &Line)> =
            stockout.details.iter().enumerate().filter(|(_, line)| !line.goods_count.is_zero()).collect();
        let shares: Vec<Money> = shipped.iter().map(|(_, line)| line.share_amount).collect();
        let mut lines = Vec::with_capacity(shipped.len());
        for ((index, line), amount) in shipped.into_iter().zip(spread_cents(&shares)) {
            let Some((goods, count)) = self.counted(index, line, problems) else { continue };
            let unit = goods.main_unit.or(self.defaults.unit).map(|unit| self.tables.unit_name(unit));
            let code = goods.in_store.clone().unwrap_or_else(|| line.spec_no.to_string());
            lines.push(DeliveryLine {
                product_id: goods.id_in_store.clone(),
                product_name: line.goods_name.clone().unwrap_or_else(|| code.clone()),
                product_code: code,
                unit: unit.unwrap_or_default().to_owned(),
                price: Money::new(rounded(amount.decimal() / count, PRICE_PLACES)),
                quantity: Quantity::new(count),
                amount,
                additional_unit: None,
                additional_quantity: None,
                remark: None,
            });
        }
        lines
    }

    /// Counts a line in main units; `None` (and a problem) for unknown goods and impossible counts.
    fn counted(&self, index: usize, line: &Line, problems: &mut Vec<Problem>) -> Option<(&Goods, Decimal)> {
        let source = |field: &str| format!("details_list[{index}].{field}");
        let Some(goods) = self.tables.goods.get(&line.spec_no) else {
            let keys = self.tables.goods.keys().map(SpecNo::as_str);
            let (reason, value) = (Reason::UnknownGoods, line.spec_no.as_str());
            problems.push(unknown(
                reason,
                "goods.csv",
                "billitems[].prodcode",
                source("spec_no"),
                value,
                keys,
            ));
            return None;
        };
        let per_count = match (goods.counted_in, goods.sales_unit) {
            (CountedIn::Sales, Some(sales)) => sales.rate.decimal(),
            _ => Decimal::ONE,
        };
        let count = line.goods_count.decimal() * per_count;
        if count < Decimal::ZERO || count >= crate::draft::MOST_COUNT {
            problems.push(Problem {
                reason: Reason::BadQuantity,
                rule: "announce".to_owned(),
                target: "billitems[].amount".to_owned(),
                source: source("goods_count"),
                value: line.goods_count.to_string(),
                message: "a count must be above 0 and below a thousand million".to_owned(),
                hint: None,
            });
            return None;
        }
        Some((goods, count))
    }

    /// Makes what is written back about a transferring order (`UpdateTransferringOrderInfo`): every line of its bill
    /// with what the stockout shipped of it; or says everything that is wrong.
    pub fn shipment(&self, stockout: &Stockout, bill: &Bill) -> Result<Shipment, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut shipped: BTreeMap<&SpecNo, (usize, Decimal)> = BTreeMap::new();
        for (index, line) in stockout.details.iter().enumerate() {
            if let Some((_, count)) = self.counted(index, line, &mut problems) {
                shipped.entry(&line.spec_no).or_insert((index, Decimal::ZERO)).1 += count;
            }
        }
        let goods: Vec<Option<(&SpecNo, &Goods)>> =
            bill.lines.iter().map(|line| self.tables.goods_of(line)).collect();
        let last_of =
            |spec_no: &SpecNo| goods.iter().rposition(|found| found.is_some_and(|(own, _)| own == spec_no));
        let mut lines = Vec::with_capacity(bill.lines.len());
        for (place, (line, found)) in bill.lines.iter().zip(&goods).enumerate() {
            let rate = found.map_or(Decimal::ONE, |(_, goods)| self.tables.main_units(line, goods));
            let mut taken = Decimal::ZERO;
            if let Some((spec_no, _)) = found
                && let Some((_, left)) = shipped.get_mut(spec_no)
            {
                // The last line of the goods has what is over: more may be shipped than ordered (S21).
                let ordered = line.quantity.decimal() * rate;
                taken = if last_of(spec_no) == Some(place) { *left } else { ordered.min(*left) };
                *left -= taken;
            }
            lines.push(ShipmentLine {
                id: line.id.clone().unwrap_or_default(),
                product_id: line.product_id.clone().unwrap_or_default(),
                product_name: line.product_name.clone().unwrap_or_default(),
                unit: line.unit.clone().unwrap_or_default(),
                ordered: line.quantity,
                shipped: Quantity::new(rounded(taken / rate, 8)),
                additional_unit: line.additional_unit.clone(),
                additional_ordered: line.additional_quantity,
                additional_shipped: None,
                extra: BTreeMap::new(),
            });
        }
        for (spec_no, (index, left)) in shipped {
            if !left.is_zero() {
                problems.push(Problem {
                    reason: Reason::UnknownGoods,
                    rule: "announce".to_owned(),
                    target: "billnoitems[].produid".to_owned(),
                    source: format!("details_list[{index}].spec_no"),
                    value: spec_no.to_string(),
                    message: format!("the transferring order {} does not have these goods", bill.name()),
                    hint: Some("correct the order, or write the quantities by hand".to_owned()),
                });
            }
        }
        let buid = bill.buid.clone().or_else(|| bill.number.clone()).unwrap_or_default();
        let creator = self.rules.announce.creator.clone();
        if problems.is_empty() { Ok(Shipment { buid, creator, lines }) } else { Err(problems) }
    }
}

impl Tables {
    /// Returns what a delivery brings from where to where on which day: an outbound bill of the same content may be its
    /// own, which carries no number of ours (`protocols/store.md` §7.2). `None` where the tables lack an id.
    pub fn content_of_delivery(&self, delivery: &Delivery) -> Option<Version> {
        let mut counts = BTreeMap::new();
        for line in &delivery.lines {
            let id = line.product_id.as_deref();
            let (spec_no, _) = self.goods_in_store(Some(&line.product_code), None, id)?;
            *counts.entry(spec_no).or_default() += line.quantity.decimal();
        }
        content(delivery.from.id.as_ref()?, delivery.to.id.as_ref()?, delivery.business_date, &counts)
    }

    /// Returns the content of an outbound bill, to be compared with that of deliveries; `None` where it names goods that
    /// the tables do not have.
    pub fn content_of_bill(&self, bill: &Bill) -> Option<Version> {
        let mut counts = BTreeMap::new();
        for line in &bill.lines {
            let (spec_no, goods) = self.goods_of(line)?;
            *counts.entry(spec_no).or_default() += line.quantity.decimal() * self.main_units(line, goods);
        }
        content(bill.from.id.as_ref()?, bill.to.id.as_ref()?, bill.day()?, &counts)
    }

    fn goods_of(&self, line: &BillLine) -> Option<(&SpecNo, &Goods)> {
        let own = line.external_product_id.as_deref();
        self.goods_in_store(line.product_code.as_deref(), own, line.product_id.as_deref())
    }

    /// Returns how many main units one of a bill line's count is; one where its unit says nothing.
    fn main_units(&self, line: &BillLine, goods: &Goods) -> Decimal {
        let unit = line.unit.as_deref().and_then(|unit| self.unit_written(unit));
        let mut others = [goods.sales_unit, goods.price_unit].into_iter().flatten();
        let known = unit.and_then(|unit| others.find(|other| other.unit == unit));
        known.map_or(Decimal::ONE, |other| other.rate.decimal())
    }
}

fn content(from: &str, to: &str, day: BusinessDay, counts: &BTreeMap<&SpecNo, Decimal>) -> Option<Version> {
    let goods: Vec<(&str, String)> = counts
        .iter()
        .filter(|(_, count)| !count.is_zero())
        .map(|(spec_no, count)| (spec_no.as_str(), count.normalize().to_string()))
        .collect();
    (!goods.is_empty()).then(|| Version::of(&format!("{:?}", (from, to, day.to_string(), goods))))
}

/// Returns the number that a delivery goes by: `announce#demo2#80012345` is `demo2-80012345` to the store system.
fn delivery_number(key: &DocumentKey) -> String {
    key.as_str().split_once('#').map_or("", |(_, identity)| identity).replace('#', "-")
}

fn rounded(number: Decimal, places: u32) -> Decimal {
    number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero).normalize()
}
