//! Every order once, and both sides' sums equal to the cent.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use dougong_cloud::Verdict;
use dougong_ledger::{Attention, State};
use dougong_simulators::faults::{Fault, Faults, Rule, Strikes, When};
use dougong_simulators::wdt::{Door, Flaw, WdtOrder};
use dougong_simulators::{bip, day, wdt};
use dougong_tests::{World, WorldSettings};
use dougong_values::{BeijingTime, Money};
use serde_json::json;

use crate::{impatient, short_leases, sold, yesterday};

/// Books a whole day over one channel, the orders that complete late included, and returns how many.
async fn books_a_day(door: Door, seed: u64, orders: usize) -> usize {
    let world = World::start(WorldSettings { door, ..WorldSettings::from(yesterday().start()) }).await;
    let day = day::orders(seed, orders, yesterday());
    // Whatever makes an order hard to book is in the day.
    let lines = || day.iter().flat_map(|order| &order.lines);
    assert!(lines().any(|line| line.gift_type == 1) && lines().any(|line| !line.suite_no.is_empty()));
    assert!(
        lines().any(|line| !line.batch_no.is_empty()) && lines().any(|line| line.discount() > Money::ZERO)
    );
    assert!(day.iter().any(|order| order.post_amount > Money::ZERO));
    let distinct = |name: fn(&WdtOrder) -> &String| day.iter().map(name).collect::<BTreeSet<_>>().len();
    assert!(distinct(|order| &order.shop_no) > 3 && distinct(|order| &order.warehouse_no) > 2);
    world.wdt.add(day);

    world.pull_and_settle().await;
    let at_first = world.assert_books_agree();
    let completed = world.wdt.change(|wdt| wdt.complete_all(BeijingTime::now()));
    assert!(!completed.is_empty(), "some orders are only shipped at first");
    world.pull_and_settle().await;
    let booked = world.assert_books_agree();
    assert!(booked > at_first && booked > orders * 9 / 10, "{booked} of {orders}, {at_first} at first");
    world.assert_nothing_parked().await;
    world.end().await;
    booked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_orders_through_qimen_are_booked_once_each_and_the_sums_agree_to_the_cent() {
    books_a_day(Door::Qimen, 1_101, 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_through_the_direct_channel_are_booked_once_each_and_the_sums_agree_to_the_cent() {
    books_a_day(Door::Direct, 1_102, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_completes_long_after_shipping_is_booked() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    let mut orders = sold(1_103, 3);
    let long_ago = yesterday().start().plus_seconds(-25 * 86_400);
    let late = orders[0].stockout_id;
    orders[0] = WdtOrder { status: 95, consign_time: long_ago, modified: long_ago, ..orders[0].clone() };
    world.wdt.add(orders);
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 2);

    assert!(world.wdt.complete(late, BeijingTime::now()));
    world.pull_and_settle().await;
    assert_eq!(world.assert_books_agree(), 3);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_windows_repeated_messages_and_two_pulls_at_once_book_nothing_twice() {
    // A duplicate that meets its twin at work waits until that one's lease must be over.
    let world = World::start(impatient()).await;
    let orders = 60;
    world.wdt.add(sold(1_104, orders));
    // Nothing is sent until the run that finds the lease held has ended: all three are at work at once. Two of the
    // batches lose their answer, so that the same messages are sent again.
    let (pull, sent) = (world.stack.pull_host().clone(), AtomicU64::new(0));
    world.disturb_queue(move |call| {
        let sends = call.operation == "SendMessageBatch";
        let loses_reply = sends && sent.fetch_add(1, Ordering::Relaxed) < 2;
        let mut open = pull.watch_open_events();
        async move {
            if sends {
                open.wait_for(|open| *open <= 2).await.expect("the host lives on");
            }
            if loses_reply { Verdict::LoseReply } else { Verdict::Pass }
        }
    });
    let (from, to) = (yesterday().start(), yesterday().start().plus_seconds(86_399));
    let (one, other, backfill) = tokio::join!(world.pull(), world.pull(), world.backfill(from, to));
    assert!(one.held != other.held, "one of two live pulls finds the lease held: {one:?} {other:?}");
    assert!(backfill.complete && !backfill.held, "a backfill has a cursor of its own: {backfill:?}");
    world.settle().await;
    world.calm();
    world.assert_books_agree();

    // Every message once more, as SQS may do at any time.
    let messages = world.queue.messages();
    assert!(messages.len() > orders, "{} messages for {orders} orders", messages.len());
    for batch in messages.chunks(10) {
        world.send(batch).await;
    }
    // The same windows once more: nothing is even queued.
    let again = world.backfill(from.plus_seconds(-60), to).await;
    assert_eq!((again.queued, again.known), (0, orders as u64), "{again:?}");
    let live = world.pull().await;
    assert_eq!((live.queued, live.held), (0, false), "{live:?}");
    world.settle().await;
    assert_eq!(world.assert_books_agree(), orders);
    let again = world.bip.orders().iter().filter(|voucher| voucher.repeats > 0).count();
    assert_eq!(again, 0, "the ledger knows a duplicate before BIP is asked");
    world.assert_nothing_parked().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_order_is_held_with_both_versions_and_never_booked_over() {
    let world = World::start(WorldSettings::from(yesterday().start())).await;
    let orders = sold(1_105, 5);
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    world.assert_booked(&orders);

    let changed = orders[2].stockout_id;
    let dearer = |order: &mut WdtOrder| {
        let more: Money = "10.00".parse().unwrap();
        order.receivable += more;
        order.lines[0].share_amount += more;
    };
    assert!(world.wdt.modify(changed, BeijingTime::now(), dearer));
    // A change of no business content is none.
    let renumbered = orders[3].stockout_id;
    assert!(world.wdt.renumber(renumbered, BeijingTime::now()));
    let pulled = world.pull_and_settle().await;
    assert_eq!(pulled.queued, 1, "{pulled:?}");

    // The books are those of before, and a person is told.
    world.assert_booked(&orders);
    let parked = world.parked().await;
    assert_eq!(parked.len(), 1, "{parked:#?}");
    assert_eq!((&parked[0].key, parked[0].kind), (&world.key(changed), Attention::Held));
    assert_eq!(parked[0].reason, "changed");
    let document = world.ledger.document(&world.key(changed), 0).await.unwrap().unwrap();
    assert_eq!(document.state, State::Parked);
    assert!(document.voucher_id.is_some(), "the voucher of the first version is remembered");
    let held = document.held.expect("the second version is kept");
    assert_ne!(held.version, document.version);
    assert!(held.source.and_then(|source| source.text()).is_some());

    // The same change seen again is no second one.
    let again = world.pull_and_settle().await;
    assert_eq!(again.queued, 0, "{again:?}");
    assert_eq!(world.parked().await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_personal_data_appear_in_no_log_line_message_table_item_or_voucher() {
    let mut settings = impatient();
    // Everything is said that can be said, and everything goes wrong that makes functions talk.
    settings.stack = Box::new(|stack| {
        short_leases(stack);
        stack.env.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned());
    });
    let (before, after) = (Strikes::BeforeCommit, Strikes::AfterCommit);
    let once = |operation, fault| Rule::on(operation, When::Nth(2), fault);
    settings.wdt.faults = Faults::script(0, [once(wdt::OPERATION, Fault::Reset(before))]);
    settings.bip.faults = Faults::script(
        0,
        [
            Rule::on(bip::TOKEN, When::Nth(1), Fault::TruncatedJson(before)),
            once(bip::SAVE, Fault::Reset(after)),
            Rule::on(bip::SAVE, When::Nth(5), Fault::TruncatedJson(after)),
            Rule::on(bip::SAVE, When::Nth(7), Fault::TokenExpired),
            Rule::on(bip::SAVE, When::Nth(9), Fault::Code("999".to_owned(), before)),
        ],
    );
    let world = World::start(settings).await;
    let mut orders = sold(1_106, 20);
    orders[3].shop_no = "NEW99".to_owned();
    orders[3].flaw = Some(Flaw::UnknownShop);
    let line = json!({ "rec_id": "1", "goods_count": "many", "buyer_message": "CANARY-PERSON" });
    let whole = json!({ "stockout_id": "5", "receiver_name": "CANARY-PERSON", "details_list": [line] });
    orders[4].raw = Some(whole.to_string());
    world.wdt.add(orders);
    world.send(&["{\"v\":1,\"receiver_name\":".to_owned()]).await;
    world.pull_and_settle().await;
    assert_eq!(world.parked().await.len(), 3, "unmappable, unreadable, refused");
    assert_eq!(world.vouchers(), 17);
    assert!(world.log().iter().any(|line| line.contains("\"level\":\"DEBUG\"")), "everything was to be said");
    // It ends with the search, as every world does.
    world.end().await;
}
