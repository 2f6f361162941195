//! Windows: their edges, their pages, and what moves while they are read.

use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{World, WorldSettings};
use dougong_values::BeijingTime;

use crate::{at, sold, yesterday};

const HOUR: i64 = 3_600;

fn pages_of(size: u32, start: BeijingTime) -> WorldSettings {
    let rules = vec![
        ("page_size = 100", format!("page_size = {size}")),
        ("max_span = \"24h\"", "max_span = \"1h\"".to_owned()),
    ];
    WorldSettings { rules, ..WorldSettings::from(start) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_the_exact_second_of_a_windows_edge_is_booked() {
    let start = yesterday().start();
    let world = World::start(pages_of(5, start)).await;
    // Windows are closed: the first ends on the hour, the second begins one second later. On each edge as many
    // orders as fill no page, a page, and more than one page.
    let edges = [
        (0, 1),
        (HOUR, 4),
        (HOUR + 1, 5),
        (2 * HOUR + 1, 6),
        (2 * HOUR + 2, 10),
        (3 * HOUR + 2, 1),
        (3 * HOUR + 3, 11),
    ];
    let mut orders = sold(1_201, 60).into_iter();
    for (offset, count) in edges {
        world.wdt.add(orders.by_ref().take(count).map(|order| at(order, start.plus_seconds(offset))));
    }
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 38);

    // On the very second that the watermark has reached, written by WDT only after it was read.
    let watermark: BeijingTime = world.watermark().await.unwrap().parse().unwrap();
    world.wdt.add(orders.by_ref().take(2).map(|order| at(order, watermark)));
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 40);

    // On both edges of a backfill, and not one second outside of it.
    let (from, to) = (start.plus_seconds(-9 * HOUR), start.plus_seconds(-7 * HOUR));
    let before = at(orders.next().unwrap(), from.plus_seconds(-1));
    let after = at(orders.next().unwrap(), to.plus_seconds(1));
    world.wdt.add([before.clone(), after.clone()]);
    world.wdt.add([at(orders.next().unwrap(), from), at(orders.next().unwrap(), to)]);
    let backfill = world.backfill(from, to).await;
    assert_eq!((backfill.complete, backfill.queued), (true, 2), "{backfill:?}");
    world.settle().await;
    world.wdt.remove(before.stockout_id);
    world.wdt.remove(after.stockout_id);
    assert_eq!(world.assert_books_agree(), 42);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_move_while_wdt_is_paged_are_not_missed() {
    let start = yesterday().start();
    let world = World::start(pages_of(10, start)).await;
    let second = |n: i64| start.plus_seconds(600 + n);
    let mut orders: Vec<WdtOrder> =
        sold(1_202, 50).into_iter().zip(0..).map(|(order, n)| at(order, second(n))).collect();
    let late: Vec<WdtOrder> = orders.split_off(45);
    let (first, third) = (orders[0].stockout_id, orders[2].stockout_id);
    world.wdt.add(orders);
    // Pages are read 0 4 3 2 1 0. A row leaves the first page for the present; the rows behind it move forward.
    world.wdt.after_page(4, move |wdt| assert!(wdt.modify(first, BeijingTime::now(), |_| ())));
    // A row comes in before all others; those behind it move to pages that were read already.
    let early = at(late[0].clone(), start);
    world.wdt.after_page(3, move |wdt| wdt.add([early]));
    // One goes and one comes: the total stays as it was.
    let middle = at(late[1].clone(), second(4));
    world.wdt.after_page(2, move |wdt| {
        assert!(wdt.modify(third, BeijingTime::now(), |_| ()));
        wdt.add([middle]);
    });
    // The last page grows a page behind it.
    let last: Vec<WdtOrder> = late[2..].iter().map(|order| at(order.clone(), second(200))).collect();
    world.wdt.after_page(1, move |wdt| wdt.add(last));
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 50);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_reading_cannot_see_the_nightly_rescan_finds() {
    let start = yesterday().start();
    let world = World::start(pages_of(10, start)).await;
    let second = |n: i64| start.plus_seconds(600 + 2 * n);
    let mut orders: Vec<WdtOrder> =
        sold(1_203, 41).into_iter().zip(0..).map(|(order, n)| at(order, second(n))).collect();
    let late = orders.pop().unwrap();
    let gone = orders[33].stockout_id;
    world.wdt.add(orders);
    // One comes on page 1 and one goes from page 3: total and first page stay as they were, while the rows between
    // move back by one, onto pages that were read already.
    let comes = at(late, second(15).plus_seconds(1));
    world.wdt.after_page(2, move |wdt| {
        wdt.add([comes]);
        assert!(wdt.modify(gone, BeijingTime::now(), |_| ()));
    });
    world.pull_and_settle().await;
    assert_eq!(world.vouchers(), 40, "the case is not made: the row was seen");

    let event = serde_json::json!({ "scheme": dougong_tests::SCHEME, "rescan": true });
    let rescan = world.try_pull(&event).await.unwrap();
    assert!(rescan.complete, "{rescan:?}");
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 41);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_books_old_orders_and_does_not_move_the_live_watermark() {
    let start = yesterday().start();
    let world = World::start(WorldSettings::from(start)).await;
    let old = start.plus_seconds(-5 * 86_400);
    let mut orders = sold(1_204, 8).into_iter();
    world.wdt.add(orders.by_ref().take(4).map(|order| at(order, old.plus_seconds(77))));
    world.wdt.add(orders);
    world.pull_and_settle().await;
    assert_eq!(world.vouchers(), 4);
    let watermark = world.watermark().await;
    assert!(watermark.is_some());

    let backfill = world.backfill(old, old.plus_seconds(86_399)).await;
    assert_eq!((backfill.complete, backfill.queued), (true, 4), "{backfill:?}");
    world.settle().await;
    assert_eq!(world.assert_books_agree(), 8);
    assert_eq!(world.watermark().await, watermark);
    world.end().await;
}
