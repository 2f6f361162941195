//! The orders of a day, one at a time.

use dougong_values::{BeijingTime, Money, Quantity};
use rust_decimal::Decimal;

use super::draw::Draw;
use super::shares::{CENT, Remainder, YUAN, spread};
use super::{GOODS, Goods, Kind, Plan, SHOPS, Shop, WAREHOUSES};
use crate::wdt::{Flaw, WdtLine, WdtOrder, WdtPosition};

/// Seconds in a day.
const DAY: i64 = 24 * 3600;

pub(super) fn generate(plan: &Plan) -> Vec<WdtOrder> {
    (0_u64..).take(plan.orders).map(|index| order(plan, index)).collect()
}

/// A line while its order is put together; amounts in ten-thousandths of a yuan.
struct Draft {
    goods: &'static Goods,
    count: u32,
    share: i64,
    gift_type: u32,
    refund_status: u32,
    suite_no: &'static str,
}

impl Draft {
    fn of(goods: &'static Goods, count: u32) -> Self {
        let list = i64::from(goods.cents) * CENT * i64::from(count);
        Self { goods, count, share: list, gift_type: 0, refund_status: 0, suite_no: "" }
    }

    const fn is_refunded(&self) -> bool {
        self.refund_status == 5
    }
}

fn order(plan: &Plan, index: u64) -> WdtOrder {
    let mut draw = Draw::of(plan.seed, index);
    let shop = shop(&mut draw);
    let warehouse = draw.of_list(&WAREHOUSES);
    let (mut drafts, remainder) = goods(&mut draw);
    discount(&mut draw, &mut drafts, remainder);
    gifts(&mut draw, &mut drafts);
    let refund_status = refunds(&mut draw, &mut drafts);

    // Refunded lines carry no postage, unless there are no others.
    let all_refunded = drafts.iter().all(Draft::is_refunded);
    let weights: Vec<i64> = drafts
        .iter()
        .map(|draft| if draft.is_refunded() && !all_refunded { 0 } else { draft.share })
        .collect();
    let has_postage = draw.percent(22) && weights.iter().any(|&weight| weight > 0);
    let postage = if has_postage { i64::from(draw.between(10, 30)) * YUAN / 2 } else { 0 };
    let posts = spread(postage, &weights, Remainder::ToLast);
    // What the buyer owes is in whole cents, whatever the shares lost to their fourth decimal.
    let owed: i64 = drafts.iter().map(|draft| draft.share).sum();
    let owed = (owed + CENT / 2).div_euclid(CENT) * CENT + postage;

    let times = Times::draw(&mut draw, plan, index);
    let stockout_id = id(plan, index);
    let src_tids = tids(&mut draw, shop, stockout_id);
    let lines = drafts
        .iter()
        .zip(posts)
        .zip(1_u64..)
        .map(|((draft, post), place)| {
            let src_tid = src_tids[draft.count as usize % src_tids.len()].clone();
            line(&mut draw, plan, draft, post, stockout_id * 100 + place, src_tid)
        })
        .collect();
    let mut order = WdtOrder {
        stockout_id,
        stockout_no: format!("CK{}{:07}", times.compact_day(), index + 1),
        src_order_no: format!("JY{}{:07}", times.compact_day(), index + 1),
        src_tids,
        shop_no: shop.no.to_owned(),
        shop_name: shop.name.to_owned(),
        platform_id: shop.platform_id,
        warehouse_no: warehouse.no.to_owned(),
        warehouse_name: warehouse.name.to_owned(),
        status: times.status,
        trade_type: if shop.platform_id == 0 { 2 } else { 1 },
        refund_status,
        customer_no: format!("KH{:08}", draw.below(99_999_999)),
        trade_time: times.trade,
        pay_time: Some(times.trade.plus_seconds(45)),
        consign_time: times.consign,
        modified: times.modified,
        post_amount: money(postage),
        receivable: money(owed),
        remark: if draw.percent(3) { "加急\"当日\"发\n易碎".to_owned() } else { String::new() },
        lines,
        flaw: None,
        raw: None,
    };
    spoil(plan, &mut draw, &mut order);
    order
}

fn money(ten_thousandths: i64) -> Money {
    Money::new(Decimal::new(ten_thousandths, 4))
}

fn quantity(count: u32) -> Quantity {
    Quantity::new(Decimal::from(count))
}

/// Days since the epoch and the seed keep the ids of different days and seeds apart.
fn id(plan: &Plan, index: u64) -> u64 {
    let days = u64::try_from(plan.day.start().epoch_seconds().div_euclid(DAY)).unwrap_or(0);
    (days % 100_000) * 100_000_000 + (plan.seed % 100) * 1_000_000 + index + 1
}

fn shop(draw: &mut Draw) -> &'static Shop {
    let mut drawn = draw.below(SHOPS.iter().map(|shop| shop.weight).sum());
    for shop in &SHOPS {
        if drawn < shop.weight {
            return shop;
        }
        drawn -= shop.weight;
    }
    &SHOPS[0]
}

/// Suites (组合装) and what is in them.
const SUITES: [(&str, [usize; 3]); 3] =
    [("SUITE-TEA", [0, 7, 15]), ("SUITE-SNACK", [40, 42, 46]), ("SUITE-TRAVEL", [20, 13, 38])];
/// The seven teas that are sold together for 100.00, each at a seventh.
const SEVEN_TEAS: [usize; 7] = [3, 7, 9, 10, 11, 12, 13];

/// Draws what is bought.
fn goods(draw: &mut Draw) -> (Vec<Draft>, Remainder) {
    let remainder = if draw.percent(75) { Remainder::ToLast } else { Remainder::Dropped };
    if draw.percent(3) {
        let mut drafts: Vec<Draft> = SEVEN_TEAS.iter().map(|&at| Draft::of(&GOODS[at], 1)).collect();
        for (draft, share) in drafts.iter_mut().zip(spread(100 * YUAN, &[1; 7], remainder)) {
            draft.share = share;
            draft.suite_no = "SUITE-SEVEN";
        }
        return (drafts, remainder);
    }
    let mut drafts = Vec::new();
    for _ in 0..*draw.of_list(&[1, 1, 1, 2, 2, 3, 3, 4, 5, 7]) {
        if draw.percent(10) {
            let (suite_no, parts) = draw.of_list(&SUITES);
            drafts.extend(parts.iter().map(|&at| Draft { suite_no, ..Draft::of(&GOODS[at], 1) }));
            continue;
        }
        let goods = draw.of_list(&GOODS);
        let count = match goods.kind {
            Kind::Box(size) => size * draw.between(1, 4),
            _ => *draw.of_list(&[1, 1, 1, 1, 2, 2, 3, 6]),
        };
        drafts.push(Draft::of(goods, count));
        if draw.percent(5) {
            // The same goods once more, as another line.
            drafts.push(Draft::of(goods, count));
        }
    }
    (drafts, remainder)
}

/// Takes a coupon off and spreads what is left over the lines.
fn discount(draw: &mut Draw, drafts: &mut [Draft], remainder: Remainder) {
    if drafts.iter().any(|draft| draft.suite_no == "SUITE-SEVEN") || !draw.percent(60) {
        return;
    }
    let list: i64 = drafts.iter().map(|draft| draft.share).sum();
    let off = if draw.percent(50) {
        list * i64::from(draw.between(3, 35)) / 100
    } else {
        i64::from(draw.between(1, 30)) * YUAN
    };
    let left = ((list - off) / CENT * CENT).max(YUAN);
    let weights: Vec<i64> = drafts.iter().map(|draft| draft.share).collect();
    for (draft, share) in drafts.iter_mut().zip(spread(left, &weights, remainder)) {
        draft.share = share;
    }
}

/// Adds what is given away; some gifts carry a price.
fn gifts(draw: &mut Draw, drafts: &mut Vec<Draft>) {
    if draw.percent(18) {
        let goods = draw.of_list(&GOODS[50..55]);
        drafts.push(Draft { share: 0, gift_type: 1, ..Draft::of(goods, draw.between(1, 2)) });
    }
    if draw.percent(3) {
        let goods = draw.of_list(&GOODS[50..55]);
        let share = *draw.of_list(&[CENT, YUAN, 99 * CENT]);
        drafts.push(Draft { share, gift_type: 2, ..Draft::of(goods, 1) });
    }
}

/// Refunds a line, or the whole order, and returns the order's refund status.
fn refunds(draw: &mut Draw, drafts: &mut [Draft]) -> u32 {
    let whole = draw.percent(1);
    let part = draw.percent(4) && drafts.len() > 1;
    if whole {
        for draft in drafts.iter_mut() {
            draft.refund_status = 5;
        }
        return 3;
    }
    match drafts.first_mut() {
        Some(draft) if part => {
            draft.refund_status = 5;
            2
        }
        _ => 0,
    }
}

/// The numbers of the platform orders: one, or two merged into one shipment.
fn tids(draw: &mut Draw, shop: &Shop, stockout_id: u64) -> Vec<String> {
    let merged = draw.percent(5);
    (1..=if merged { 2 } else { 1 })
        .map(|place| match shop.platform_id {
            0 => format!("XS{stockout_id}-{place}"),
            1 => format!("2{:018}", stockout_id * 10 + place),
            _ => format!("{}{:016}", shop.platform_id, stockout_id * 10 + place),
        })
        .collect()
}

fn line(draw: &mut Draw, plan: &Plan, draft: &Draft, post: i64, rec_id: u64, src_tid: String) -> WdtLine {
    let goods = draft.goods;
    let (unit_ratio, num2) = match goods.kind {
        Kind::Box(size) => (quantity(size), quantity(draft.count / size)),
        _ => (quantity(1), Quantity::ZERO),
    };
    let mut line = WdtLine {
        rec_id,
        spec_no: goods.spec_no.to_owned(),
        goods_name: goods.name.to_owned(),
        count: quantity(draft.count),
        unit_name: goods.unit.to_owned(),
        unit_ratio,
        num2,
        list_price: money(i64::from(goods.cents) * CENT),
        share_amount: money(draft.share),
        share_post: money(post),
        gift_type: draft.gift_type,
        refund_status: draft.refund_status,
        suite_no: draft.suite_no.to_owned(),
        src_tid,
        batch_no: String::new(),
        expire_date: None,
        positions: Vec::new(),
    };
    if goods.kind == Kind::Batches {
        batches(draw, plan, draft.count, &mut line);
    }
    line
}

/// Takes the goods from one batch, or, when there are several, sometimes from two.
fn batches(draw: &mut Draw, plan: &Plan, count: u32, line: &mut WdtLine) {
    let mut take = |place: u64, count: u32| {
        let age = i64::from(draw.between(5, 60));
        let made = plan.day.start().plus_seconds(-age * DAY);
        let day = made.day().to_string().replace('-', "");
        let position = WdtPosition {
            rec_id: line.rec_id * 10 + place,
            position_no: format!("A{:02}-{:02}", age % 20, place),
            batch_no: format!("B{day}"),
            count: quantity(count),
        };
        (position, made.plus_seconds(270 * DAY))
    };
    let (first, expires) = take(1, if count > 1 { count - count / 2 } else { count });
    let second = (count > 1).then(|| take(2, count / 2));
    match second {
        Some((second, second_expires)) if second.batch_no != first.batch_no => {
            line.expire_date = Some(expires.min(second_expires));
            line.positions = vec![first, second];
        }
        _ => {
            line.batch_no.clone_from(&first.batch_no);
            line.expire_date = Some(expires);
            line.positions = vec![WdtPosition { count: line.count, ..first }];
        }
    }
}

/// Makes an order impossible to map, if the plan wants it and chance agrees.
fn spoil(plan: &Plan, draw: &mut Draw, order: &mut WdtOrder) {
    if !draw.percent(plan.unmappable_percent) {
        return;
    }
    let flaw = *draw.of_list(&[Flaw::UnknownShop, Flaw::UnknownGoods, Flaw::UnknownShopAndGoods]);
    if flaw != Flaw::UnknownGoods {
        "NEW99".clone_into(&mut order.shop_no);
        "新开店铺".clone_into(&mut order.shop_name);
    }
    if flaw != Flaw::UnknownShop {
        for line in order.lines.iter_mut().take(1) {
            "SKU-9999".clone_into(&mut line.spec_no);
        }
    }
    order.flaw = Some(flaw);
}

struct Times {
    trade: BeijingTime,
    consign: BeijingTime,
    modified: BeijingTime,
    status: u32,
}

impl Times {
    /// Draws when an order was bought, shipped and last touched. Orders are shipped in waves: many share a second.
    fn draw(draw: &mut Draw, plan: &Plan, index: u64) -> Self {
        let start = plan.day.start();
        let last = start.plus_seconds(DAY - 1);
        let trade_age = i64::from(draw.between(3 * 3600, 30 * 3600));
        let shipped = i64::from(draw.between(8 * 3600, 22 * 3600));
        let wave = draw.percent(40);
        let shipped = if wave { shipped / 60 * 60 } else { shipped };
        let settled = i64::from(draw.between(0, 5400));
        let still_shipped = draw.percent(plan.shipped_percent);
        let (consign, modified, status) = match index {
            0 => (start, start, 110),
            1 => (last, last, 110),
            _ => {
                let consign = start.plus_seconds(shipped);
                let completed = consign.plus_seconds(settled).min(last);
                if still_shipped { (consign, consign, 95) } else { (consign, completed, 110) }
            }
        };
        Self { trade: consign.plus_seconds(-trade_age), consign, modified, status }
    }

    fn compact_day(&self) -> String {
        self.consign.day().to_string().replace('-', "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::orders;

    fn day() -> dougong_values::BusinessDay {
        "2024-11-11".parse().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_seed_another() {
        assert_eq!(orders(7, 50, day()), orders(7, 50, day()));
        assert_ne!(orders(7, 50, day())[5].lines, orders(8, 50, day())[5].lines);
        assert_eq!(orders(7, 50, day())[..20], orders(7, 20, day()));
    }

    #[test]
    fn what_is_owed_is_the_shares_and_the_postage_to_the_cent() {
        for order in orders(3, 3000, day()) {
            let gap = (order.share_total() + order.post_amount - order.receivable).abs();
            assert!(gap < "0.005".parse().unwrap(), "{}: {gap}", order.stockout_id);
            assert_eq!(order.expected_gross(), order.receivable);
            assert_eq!(order.receivable, order.receivable.rounded(2));
            assert_eq!(order.post_amount, order.post_amount.rounded(2));
            let posts: Money = order.lines.iter().map(|line| line.share_post).sum();
            assert_eq!(posts, order.post_amount, "{}", order.stockout_id);
            assert!(order.lines.iter().all(|line| line.share_amount >= Money::ZERO), "{order:?}");
        }
    }

    #[test]
    fn everything_that_makes_an_order_hard_happens() {
        let orders = orders(1, 1000, day());
        let share = |wanted: &dyn Fn(&WdtOrder) -> bool| orders.iter().filter(|order| wanted(order)).count();
        let line = |wanted: &dyn Fn(&WdtLine) -> bool| share(&|order| order.lines.iter().any(wanted));
        assert!(line(&|line| line.gift_type == 1 && line.share_amount.is_zero()) > 100);
        assert!(line(&|line| line.gift_type == 2 && !line.share_amount.is_zero()) > 10);
        assert!(line(&|line| !line.suite_no.is_empty()) > 100);
        assert!(line(&|line| line.positions.len() == 2) > 20);
        assert!(line(&|line| line.positions.len() == 1 && !line.batch_no.is_empty()) > 100);
        assert!(line(&|line| line.num2 > Quantity::ZERO) > 50);
        assert!(line(&|line| line.share_amount != line.share_amount.rounded(2)) > 200);
        assert!(share(&|order| !order.post_amount.is_zero()) > 150);
        assert!(share(&|order| order.refund_status == 2) > 10);
        assert!(share(&|order| order.refund_status == 3) > 3);
        assert!(share(&|order| order.status == 95) > 20);
        assert!(share(&|order| order.src_tids.len() == 2) > 20);
        assert!(share(&|order| order.share_total() != order.share_total().rounded(2)) > 20);
        let repeated = |order: &WdtOrder| {
            let mut codes: Vec<&str> = order.lines.iter().map(|line| line.spec_no.as_str()).collect();
            codes.sort_unstable();
            codes.windows(2).any(|pair| pair[0] == pair[1])
        };
        assert!(share(&repeated) > 50);
        for shop in SHOPS {
            assert!(share(&|order| order.shop_no == shop.no) > 30, "{}", shop.no);
        }
        for warehouse in WAREHOUSES {
            assert!(share(&|order| order.warehouse_no == warehouse.no) > 200, "{}", warehouse.no);
        }
        assert_eq!(share(&|order| order.flaw.is_some()), 0);
    }

    #[test]
    fn goods_are_numbered_as_the_tables_number_them() {
        for (number, goods) in (1..).zip(&GOODS) {
            assert_eq!(goods.spec_no, format!("SKU-{number:04}"));
            let kind = match number {
                41..=50 => "batches",
                51..=55 => "gift",
                56..=60 => "box",
                _ => "plain",
            };
            let is = match goods.kind {
                Kind::Plain => "plain",
                Kind::Batches => "batches",
                Kind::Gift => "gift",
                Kind::Box(_) => "box",
            };
            assert_eq!(is, kind, "{}", goods.spec_no);
        }
    }

    #[test]
    fn ids_are_apart_and_batches_add_up() {
        let orders = orders(5, 2000, day());
        let mut ids: Vec<u64> = orders.iter().map(|order| order.stockout_id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 2000);
        for line in orders.iter().flat_map(|order| &order.lines).filter(|line| !line.positions.is_empty()) {
            assert_eq!(line.positions.iter().map(|position| position.count).sum::<Quantity>(), line.count);
            assert!(line.expire_date.is_some());
        }
    }

    #[test]
    fn the_first_and_the_last_second_of_the_day_have_an_order() {
        let orders = orders(5, 3, day());
        assert_eq!(orders[0].modified.to_string(), "2024-11-11 00:00:00");
        assert_eq!(orders[1].consign_time.to_string(), "2024-11-11 23:59:59");
        assert!(orders.iter().all(|order| order.modified.day() == day()));
    }

    #[test]
    fn orders_that_cannot_be_mapped_come_when_asked_for() {
        let plan = Plan { unmappable_percent: 10, ..Plan::new(5, 1000, day()) };
        let orders = plan.generate();
        for flaw in [Flaw::UnknownShop, Flaw::UnknownGoods, Flaw::UnknownShopAndGoods] {
            assert!(orders.iter().filter(|order| order.flaw == Some(flaw)).count() > 15, "{flaw:?}");
        }
        let flawless = orders.iter().filter(|order| order.flaw.is_none());
        assert!(flawless.clone().all(|order| order.shop_no != "NEW99"));
        assert!(flawless.count() > 850);
    }
}
