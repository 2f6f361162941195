//! The simulated WDT, seen by the real client and by a hand-made one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use dougong_simulators::day::{self, Plan};
use dougong_simulators::faults::{Fault, Faults, Rule, Strikes, When};
use dougong_simulators::wdt::{Answer, Door, OPERATION, Settings, Simulator, WdtOrder, World};
use dougong_values::{BeijingTime, BusinessDay, StockoutId, Window};
use dougong_wdt::{
    Account, Channel, Client, ErrorClass, Filter, METHOD, Page, PageSize, Query, QueryError, Row, SignMethod,
    Timeouts, sign,
};

fn a_day() -> BusinessDay {
    "2024-11-11".parse().unwrap()
}

fn at(text: &str) -> BeijingTime {
    text.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

fn whole_day() -> Filter {
    Filter::within(window("2024-11-11 00:00:00", "2024-11-11 23:59:59"))
}

async fn simulator(orders: impl IntoIterator<Item = WdtOrder>) -> Simulator {
    let simulator =
        Simulator::start(Settings { calls_per_minute: None, ..Settings::default() }).await.unwrap();
    simulator.add(orders);
    simulator
}

fn client(simulator: &Simulator, door: Door) -> Client {
    let timeouts = Timeouts { read: Duration::from_millis(500), ..Timeouts::default() };
    Client::new(simulator.account(door, SignMethod::Md5).unwrap(), timeouts).unwrap()
}

async fn ask(client: &Client, filter: &Filter, page_no: u32) -> Result<Page, QueryError> {
    client.query(&Query { filter: filter.clone(), page_no, page_size: PageSize::MAX }).await
}

fn ids(page: &Page) -> Vec<u64> {
    page.rows
        .iter()
        .map(|row| match row {
            Row::Stockout(stockout) => stockout.stockout_id.as_str().parse().unwrap(),
            Row::Unreadable(row) => panic!("{}", row.problem),
        })
        .collect()
}

#[tokio::test]
async fn every_channel_and_sign_method_tells_the_whole_day() {
    let orders = day::orders(1, 250, a_day());
    let simulator = simulator(orders.clone()).await;
    let shipped: BTreeSet<u64> = orders.iter().map(|order| order.stockout_id).collect();
    for (door, sign_method) in [
        (Door::Qimen, SignMethod::Md5),
        (Door::Qimen, SignMethod::Hmac),
        (Door::Qimen, SignMethod::HmacSha256),
        (Door::Direct, SignMethod::Md5),
    ] {
        let account = simulator.account(door, sign_method).unwrap();
        let client = Client::new(account, Timeouts::default()).unwrap();
        let mut seen = BTreeSet::new();
        for page_no in (0..3).rev() {
            let page = ask(&client, &whole_day(), page_no).await.unwrap();
            assert_eq!(page.total, (page_no == 0).then_some(250), "total_count comes on page 0 alone");
            assert_eq!(page.rows.len(), if page_no == 2 { 50 } else { 100 });
            seen.extend(ids(&page));
        }
        assert_eq!(seen, shipped);
        let beyond = ask(&client, &whole_day(), 3).await.unwrap();
        assert!(beyond.rows.is_empty() && beyond.total.is_none());
    }
    let by_door = |door| simulator.calls().iter().filter(|call| call.door == door).count();
    assert_eq!((by_door(Door::Qimen), by_door(Door::Direct)), (12, 4));
}

#[tokio::test]
async fn what_the_client_reads_is_what_the_books_should_show() {
    let orders = day::orders(9, 100, a_day());
    let simulator = simulator(orders.clone()).await;
    for door in [Door::Qimen, Door::Direct] {
        let page = ask(&client(&simulator, door), &whole_day(), 0).await.unwrap();
        for row in &page.rows {
            let Row::Stockout(stockout) = row else { panic!("unreadable") };
            let id: u64 = stockout.stockout_id.as_str().parse().unwrap();
            let order = orders.iter().find(|order| order.stockout_id == id).unwrap();
            let gross = (stockout.share_total() + stockout.post_amount).rounded(2);
            assert_eq!(gross, order.expected_gross());
        }
    }
}

#[tokio::test]
async fn who_may_not_come_in_is_told_why() {
    let simulator = simulator([]).await;
    let qimen = |app_key: &str, target_app_key: &str, sid: &str, secret: &str| {
        let channel = Channel::Qimen {
            url: simulator.url(Door::Qimen),
            app_key: app_key.to_owned(),
            target_app_key: target_app_key.to_owned(),
            sid: sid.parse().unwrap(),
            sign_method: SignMethod::HmacSha256,
        };
        Account::new(channel, secret.to_owned().into())
    };
    let direct = |app_key: &str, sid: &str, secret: &str| {
        let channel = Channel::Direct {
            url: simulator.url(Door::Direct),
            app_key: app_key.to_owned(),
            sid: sid.parse().unwrap(),
        };
        Account::new(channel, secret.to_owned().into())
    };
    for (account, code) in [
        (qimen("1", "87654321", "demo2", "qimen-demo-secret"), "29"),
        (qimen("12345678", "87654321", "demo2", "wrong"), "25"),
        (qimen("12345678", "1", "demo2", "qimen-demo-secret"), "sign-check-failure"),
        (qimen("12345678", "87654321", "other", "qimen-demo-secret"), "1"),
        (direct("1", "demo2", "direct-demo-secret"), "100"),
        (direct("demo2-gw", "demo2", "wrong"), "100"),
        (direct("demo2-gw", "other", "direct-demo-secret"), "1"),
    ] {
        let client = Client::new(account, Timeouts::default()).unwrap();
        let error = ask(&client, &whole_day(), 0).await.unwrap_err();
        assert_eq!((error.code(), error.class()), (Some(code), ErrorClass::Misconfigured), "{error}");
    }
}

#[tokio::test]
async fn a_clock_too_far_away_is_refused() {
    let simulator = simulator([]).await;
    for (door, tolerated, refused, code) in
        [(Door::Qimen, 9 * 60, 11 * 60, "31"), (Door::Direct, 4 * 60, 6 * 60, "100")]
    {
        for sign in [1, -1] {
            simulator.set_clock_offset(sign * tolerated);
            assert!(ask(&client(&simulator, door), &whole_day(), 0).await.is_ok(), "{door:?}");
            simulator.set_clock_offset(sign * refused);
            let error = ask(&client(&simulator, door), &whole_day(), 0).await.unwrap_err();
            assert_eq!((error.code(), error.class()), (Some(code), ErrorClass::Misconfigured));
        }
    }
}

/// Five orders: shipped, completed on the day, completed the day after, cancelled, audited.
fn orders_of_every_status() -> Vec<WdtOrder> {
    let mut orders = day::orders(4, 5, a_day());
    for (order, (id, status, consign, modified)) in orders.iter_mut().zip([
        (1, 95, "2024-11-11 10:00:00", "2024-11-11 10:00:00"),
        (2, 110, "2024-11-11 10:00:00", "2024-11-11 12:00:00"),
        (3, 110, "2024-11-11 10:00:00", "2024-11-12 09:00:00"),
        (4, 5, "2024-11-11 10:00:00", "2024-11-11 11:00:00"),
        (5, 55, "2024-11-09 10:00:00", "2024-11-11 11:00:00"),
    ]) {
        (order.stockout_id, order.status) = (id, status);
        (order.consign_time, order.modified) = (at(consign), at(modified));
    }
    orders
}

#[tokio::test]
async fn the_status_decides_the_clock() {
    let simulator = simulator(orders_of_every_status()).await;
    let client = client(&simulator, Door::Qimen);
    for (status, is_by_modified, expected) in [
        (None, false, vec![1, 2, 3]),
        (None, true, vec![1, 2]),
        (Some(95), false, vec![1]),
        (Some(110), false, vec![2, 3]),
        (Some(110), true, vec![2]),
        (Some(5), false, vec![4]),
        (Some(55), false, vec![5]),
        (Some(113), false, vec![]),
    ] {
        let filter = Filter { status, is_by_modified, ..whole_day() };
        let page = ask(&client, &filter, 0).await.unwrap();
        assert_eq!(ids(&page), expected, "status {status:?}, by modified {is_by_modified}");
    }
}

#[tokio::test]
async fn an_order_that_completes_later_moves_on_the_clock_of_modified_alone() {
    let simulator = simulator(orders_of_every_status()).await;
    let client = client(&simulator, Door::Qimen);
    assert!(simulator.complete(1, at("2024-11-20 08:00:00")));
    assert!(!simulator.complete(2, at("2024-11-20 08:00:00")), "it was completed before");
    let later = window("2024-11-20 00:00:00", "2024-11-20 23:59:59");
    let by_consign = Filter { status: Some(110), ..Filter::within(later) };
    let by_modified = Filter { is_by_modified: true, ..by_consign.clone() };
    assert!(ask(&client, &by_consign, 0).await.unwrap().rows.is_empty());
    assert_eq!(ids(&ask(&client, &by_modified, 0).await.unwrap()), [1]);
}

#[tokio::test]
async fn both_ends_of_an_interval_are_inside() {
    let simulator = simulator(orders_of_every_status()).await;
    let client = client(&simulator, Door::Direct);
    for (start, end, found) in [
        ("2024-11-11 10:00:00", "2024-11-11 10:00:00", 3),
        ("2024-11-11 09:00:00", "2024-11-11 10:00:00", 3),
        ("2024-11-11 10:00:00", "2024-11-11 11:00:00", 3),
        ("2024-11-11 09:00:00", "2024-11-11 09:59:59", 0),
        ("2024-11-11 10:00:01", "2024-11-11 11:00:00", 0),
    ] {
        let page = ask(&client, &Filter::within(window(start, end)), 0).await.unwrap();
        assert_eq!((page.rows.len(), page.total), (found, Some(found as u64)), "{start} to {end}");
    }
}

#[tokio::test]
async fn every_filter_restricts() {
    let orders = day::orders(6, 300, a_day());
    let simulator = simulator(orders.clone()).await;
    let client = client(&simulator, Door::Qimen);
    let of = |wanted: &dyn Fn(&WdtOrder) -> bool| orders.iter().filter(|order| wanted(order)).count() as u64;
    let one = &orders[17];
    let text = |value: &String| Some(value.clone());
    for (filter, expected) in [
        (
            Filter { shop_no: Some("DY001".parse().unwrap()), ..whole_day() },
            of(&|order| order.shop_no == "DY001"),
        ),
        (
            Filter { warehouse_no: Some("WH02".parse().unwrap()), ..whole_day() },
            of(&|order| order.warehouse_no == "WH02"),
        ),
        (Filter { status: Some(95), ..whole_day() }, of(&|order| order.status == 95)),
        (Filter { src_order_no: text(&one.src_order_no), ..whole_day() }, 1),
        (Filter { stockout_no: text(&one.stockout_no), ..whole_day() }, 1),
        (Filter { src_tid: text(&one.src_tids[0]), ..whole_day() }, 1),
        (Filter { src_tid: Some("no such order".to_owned()), ..whole_day() }, 0),
    ] {
        assert_eq!(ask(&client, &filter, 0).await.unwrap().total, Some(expected), "{filter:?}");
    }
}

#[tokio::test]
async fn rows_come_oldest_first_by_the_clock_of_the_question() {
    let simulator = simulator(day::orders(8, 100, a_day())).await;
    let filter = Filter { is_by_modified: true, ..whole_day() };
    let page = ask(&client(&simulator, Door::Qimen), &filter, 0).await.unwrap();
    let times: Vec<BeijingTime> = page
        .rows
        .iter()
        .map(|row| match row {
            Row::Stockout(stockout) => stockout.modified.unwrap(),
            Row::Unreadable(_) => panic!("unreadable"),
        })
        .collect();
    assert_eq!(times.len(), 100);
    assert!(times.is_sorted());
}

#[tokio::test]
async fn more_calls_a_minute_than_allowed_are_answered_with_1012() {
    let simulator =
        Simulator::start(Settings { calls_per_minute: Some(3), ..Settings::default() }).await.unwrap();
    for door in [Door::Qimen, Door::Direct, Door::Qimen] {
        assert!(ask(&client(&simulator, door), &whole_day(), 0).await.is_ok());
    }
    for door in [Door::Qimen, Door::Direct] {
        let error = ask(&client(&simulator, door), &whole_day(), 0).await.unwrap_err();
        assert_eq!(error.code(), Some("1012"));
        assert_eq!(error.class(), ErrorClass::RetryAfter(Duration::from_secs(31)));
    }
    simulator.set_calls_per_minute(None);
    assert!(ask(&client(&simulator, Door::Qimen), &whole_day(), 0).await.is_ok());
}

#[tokio::test]
async fn a_span_over_thirty_days_is_to_be_shrunk() {
    let simulator = simulator([]).await;
    for (end, answered) in [("2024-12-11 00:00:00", true), ("2024-12-11 00:00:01", false)] {
        for door in [Door::Qimen, Door::Direct] {
            let filter = Filter::within(window("2024-11-11 00:00:00", end));
            match ask(&client(&simulator, door), &filter, 0).await {
                Ok(_) => assert!(answered, "{end}"),
                Err(error) => {
                    assert!(!answered, "{end}");
                    assert_eq!((error.code(), error.class()), (Some("2104"), ErrorClass::ShrinkWindow));
                }
            }
        }
    }
}

/// Asks by hand over Qimen, with everything in the URL, and returns the body.
async fn by_hand(simulator: &Simulator, business: &[(&str, &str)]) -> String {
    let now = BeijingTime::now().to_string();
    let mut params = vec![
        ("method", METHOD),
        ("app_key", "12345678"),
        ("target_app_key", "87654321"),
        ("timestamp", &now),
        ("format", "json"),
        ("v", "2.0"),
        ("sign_method", "md5"),
        ("sid", "demo2"),
    ];
    params.extend(business);
    let sign = sign::top(&params, "qimen-demo-secret", SignMethod::Md5);
    params.push(("sign", &sign));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.get(simulator.url(Door::Qimen)).query(&params);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn questions_of_the_wrong_form_are_refused_with_wdts_codes() {
    let simulator = simulator(day::orders(1, 60, a_day())).await;
    let start = ("start_time", "2024-11-11 00:00:00");
    let end = ("end_time", "2024-11-11 23:59:59");
    for (business, code) in [
        (vec![start, end], 0),
        (vec![start, end, ("page_size", "101")], 2220),
        (vec![start, end, ("page_size", "0")], 2220),
        (vec![start, end, ("page_no", "-1")], 2220),
        (vec![start, end, ("status", "done")], 2830),
        (vec![start], 2160),
        (vec![], 2160),
        (vec![start, ("end_time", "2024-11-10 00:00:00")], 2160),
        (vec![("start_time", "yesterday"), end], 2160),
        (vec![("stockout_no", "CK202411110000001")], 0),
    ] {
        let body = by_hand(&simulator, &business).await;
        assert!(
            body.contains(&format!("\"errorcode\":{code},")),
            "{business:?}: {}",
            &body[..90.min(body.len())]
        );
    }
    let forty = by_hand(&simulator, &[start, end]).await;
    assert_eq!(forty.matches("\"details_list\"").count(), 40, "the default page size");
}

#[tokio::test]
async fn a_wrong_path_is_answered_as_the_gateways_host_does() {
    let simulator = simulator([]).await;
    let channel = Channel::Direct {
        url: simulator.url(Door::Direct).replace(".php", ".html"),
        app_key: "demo2-gw".to_owned(),
        sid: "demo2".parse().unwrap(),
    };
    let account = Account::new(channel, "direct-demo-secret".to_owned().into());
    let error = ask(&Client::new(account, Timeouts::default()).unwrap(), &whole_day(), 0).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Misconfigured);
}

#[tokio::test]
async fn rows_move_while_they_are_being_paged() {
    let orders = day::orders(2, 250, a_day());
    let oldest = orders[0].stockout_id;
    let simulator = simulator(orders).await;
    let client = client(&simulator, Door::Qimen);
    let filter = Filter { is_by_modified: true, ..whole_day() };
    simulator.after_page(2, move |world: &mut World| {
        assert!(world.modify(oldest, at("2024-11-12 00:00:01"), |_| {}));
    });
    let before = ask(&client, &filter, 1).await.unwrap();
    assert_eq!(ask(&client, &filter, 0).await.unwrap().total, Some(250));
    let _moves = ask(&client, &filter, 2).await.unwrap();
    let after = ask(&client, &filter, 1).await.unwrap();
    assert_eq!(ids(&before)[1..], ids(&after)[..99], "every row moved one place towards page 0");
    assert_eq!(ask(&client, &filter, 0).await.unwrap().total, Some(249));
}

#[tokio::test]
async fn orders_can_be_renumbered_and_removed() {
    let simulator = simulator(day::orders(2, 3, a_day())).await;
    let before = simulator.orders();
    assert!(simulator.renumber(before[2].stockout_id, at("2024-11-11 23:00:00")));
    assert!(simulator.remove(before[0].stockout_id).is_some());
    let after = simulator.orders();
    assert_eq!(after.len(), 2);
    assert_ne!(after[1].stockout_no, before[2].stockout_no);
    assert_eq!(after[1].modified, at("2024-11-11 23:00:00"));
    assert!(!simulator.modify(before[0].stockout_id, at("2024-11-11 23:00:00"), |_| {}));
}

#[tokio::test]
async fn every_fault_reaches_the_client_as_its_class() {
    let before = Strikes::BeforeCommit;
    let faults = [
        (Fault::Timeout(before), "wdt_timeout"),
        (Fault::Reset(before), "wdt_connection_failed"),
        (Fault::Status(502, before), "wdt_server_error"),
        (Fault::Html(before), "wdt_unreadable_reply"),
        (Fault::TruncatedJson(before), "wdt_unreadable_reply"),
        (Fault::Throttle, "wdt_busy"),
        (Fault::TokenExpired, "wdt_misconfigured"),
        (Fault::Code("1020".to_owned(), before), "wdt_busy"),
        (Fault::Code("2104".to_owned(), before), "wdt_window_too_large"),
    ];
    for door in [Door::Qimen, Door::Direct] {
        for (fault, name) in &faults {
            let rule = Rule::on(OPERATION, When::Nth(1), fault.clone());
            let settings = Settings { faults: Faults::script(1, [rule]), ..Settings::default() };
            let simulator = Simulator::start(settings).await.unwrap();
            simulator.add(day::orders(1, 2, a_day()));
            let client = client(&simulator, door);
            let error = ask(&client, &whole_day(), 0).await.unwrap_err();
            assert_eq!(error.name(), *name, "{fault:?}: {error}");
            assert!(ask(&client, &whole_day(), 0).await.is_ok(), "the second call is sound");
            assert_eq!(simulator.calls()[0].answer, Answer::Fault(fault.clone()));
        }
    }
}

#[tokio::test]
async fn a_named_code_reaches_the_client_as_the_gateways_sub_code() {
    let too_large = Fault::Code("isp.runtime-max-limit".to_owned(), Strikes::BeforeCommit);
    let rule = Rule::on(OPERATION, When::Nth(1), too_large);
    let settings = Settings { faults: Faults::script(1, [rule]), ..Settings::default() };
    let simulator = Simulator::start(settings).await.unwrap();
    let client = client(&simulator, Door::Qimen);
    let error = ask(&client, &whole_day(), 0).await.unwrap_err();
    assert_eq!((error.name(), error.code()), ("wdt_window_too_large", Some("isp.runtime-max-limit")));
}

#[tokio::test]
async fn a_slow_answer_is_still_the_right_one() {
    let slow = Rule::on(OPERATION, When::Always, Fault::Slow(Duration::from_millis(30)));
    let settings = Settings { faults: Faults::script(1, [slow]), ..Settings::default() };
    let simulator = Simulator::start(settings).await.unwrap();
    simulator.add(day::orders(1, 2, a_day()));
    assert_eq!(ask(&client(&simulator, Door::Qimen), &whole_day(), 0).await.unwrap().rows.len(), 2);
}

#[tokio::test]
async fn calls_are_noted_with_question_and_answer() {
    let simulator = simulator(day::orders(1, 120, a_day())).await;
    let client = client(&simulator, Door::Qimen);
    let filter = Filter { status: Some(110), is_by_modified: true, ..whole_day() };
    let page = ask(&client, &filter, 1).await.unwrap();
    let calls = simulator.calls();
    let asked = calls[0].asked.as_ref().unwrap();
    assert_eq!(asked.window, Some(filter.window));
    assert_eq!(
        (asked.status, asked.is_by_modified, asked.page_no, asked.page_size),
        (Some(110), true, 1, 100)
    );
    assert_eq!(calls[0].answer, Answer::Page { total: None, stockout_ids: ids(&page) });
    simulator.clear_calls();
    assert!(simulator.calls().is_empty());
}

#[tokio::test]
async fn canaries_travel_and_the_client_lets_none_through() {
    let settings = Settings { canary: Some("canary".to_owned()), ..Settings::default() };
    let simulator = Simulator::start(settings).await.unwrap();
    simulator.add(day::orders(1, 20, a_day()));
    let start = ("start_time", "2024-11-11 00:00:00");
    let wire = by_hand(&simulator, &[start, ("end_time", "2024-11-11 23:59:59")]).await;
    assert!(wire.matches("canary-receiver_mobile").count() >= 18);
    for door in [Door::Qimen, Door::Direct] {
        let page = ask(&client(&simulator, door), &whole_day(), 0).await.unwrap();
        assert!(!format!("{page:?}").contains("canary"));
        for row in &page.rows {
            let Row::Stockout(stockout) = row else { panic!("unreadable") };
            assert!(!stockout.json().contains("canary"));
        }
    }
}

#[tokio::test]
async fn an_unreadable_row_stands_among_readable_ones() {
    let mut orders = Plan { shipped_percent: 0, ..Plan::new(1, 3, a_day()) }.generate();
    orders[1].raw = Some("{\"stockout_id\":77,\"consign_time\":\"soon\"}".to_owned());
    let simulator = simulator(orders).await;
    let page = ask(&client(&simulator, Door::Qimen), &whole_day(), 0).await.unwrap();
    let unreadable: Vec<&str> = page
        .rows
        .iter()
        .filter_map(|row| match row {
            Row::Unreadable(row) => row.stockout_id.as_ref().map(StockoutId::as_str),
            Row::Stockout(_) => None,
        })
        .collect();
    assert_eq!((page.rows.len(), unreadable), (3, vec!["77"]));
}
