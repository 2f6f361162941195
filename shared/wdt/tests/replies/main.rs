//! What comes back over the wire, from the sample replies and from a server that answers whatever it is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

mod server;

use std::time::Duration;

use dougong_values::{Money, Window};
use dougong_wdt::{
    Account, Channel, Client, ErrorClass, Filter, Page, PageSize, Query, QueryError, Row, SignMethod,
    Stockout, Timeouts,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use server::Server;

const QIMEN: &str = include_str!("../payloads/wdt_qimen.json");
const DIRECT: &str = include_str!("../payloads/wdt_direct.json");
const FAILURES: &str = include_str!("../payloads/wdt_failures.json");

fn query(page_no: u32) -> Query {
    let at = |text: &str| text.parse().unwrap();
    let window = Window::new(at("2024-11-11 00:00:00"), at("2024-11-11 00:04:00")).unwrap();
    Query { filter: Filter::within(window), page_no, page_size: PageSize::MAX }
}

fn timeouts() -> Timeouts {
    let second = Duration::from_secs(1);
    Timeouts { connect: second, read: second, total: second }
}

fn client(url: String) -> Client {
    let channel = Channel::Qimen {
        url,
        app_key: "12345678".to_owned(),
        target_app_key: "87654321".to_owned(),
        sid: "demo2".parse().unwrap(),
        sign_method: SignMethod::Md5,
    };
    Client::new(Account::new(channel, "very-secret".to_owned().into()), timeouts()).unwrap()
}

async fn ask(status: u16, body: &str, page_no: u32) -> Result<Page, QueryError> {
    let server = Server::answering(status, body.as_bytes().to_vec()).await;
    client(server.url()).query(&query(page_no)).await
}

fn only_stockout(page: Page) -> Stockout {
    let [Row::Stockout(stockout)] = <[Row; 1]>::try_from(page.rows).unwrap() else {
        panic!("the row is unreadable");
    };
    stockout
}

#[tokio::test]
async fn both_channels_tell_the_same_document() {
    let qimen = ask(200, QIMEN, 0).await.unwrap();
    let direct = ask(200, DIRECT, 0).await.unwrap();
    assert_eq!((qimen.total, direct.total), (Some(1), Some(1)));
    let (qimen, direct) = (only_stockout(qimen), only_stockout(direct));
    assert_eq!(qimen.version(), direct.version());
    assert_eq!(qimen.stockout_id.as_str(), "80012345");
    assert_eq!(qimen.receivable, Some(qimen.share_total() + qimen.post_amount));
    assert_eq!(direct.details[0].share_amount, "180".parse::<Money>().unwrap());
    assert_eq!(direct.details[0].expire_date, None);
    assert!(direct.details[1].is_gift());
}

#[derive(Deserialize)]
struct Failure {
    name: String,
    expect: String,
    body: Box<RawValue>,
}

#[tokio::test]
async fn every_row_of_the_failure_samples_has_its_class() {
    let failures: Vec<Failure> = serde_json::from_str(FAILURES).unwrap();
    assert_eq!(failures.len(), 16);
    for failure in failures {
        let page_no = u32::from(failure.name == "later_page_without_total_count");
        let answer = ask(200, failure.body.get(), page_no).await;
        let name = failure.name;
        match (failure.expect.as_str(), &answer) {
            ("success_empty", Ok(page)) => {
                assert!(page.rows.is_empty(), "{name}");
                assert_eq!(page.total, (page_no == 0).then_some(0), "{name}");
            }
            (expect, Err(error)) => {
                let class = error.class();
                let fits = match expect {
                    "fatal_config" => class == ErrorClass::Misconfigured,
                    "retry" | "failure" => matches!(class, ErrorClass::RetryAfter(_)),
                    "retry_after_wait" | "classify_by_sub_code" => {
                        class == ErrorClass::RetryAfter(Duration::from_secs(31))
                    }
                    "shrink_page_or_window" | "shrink_window" => class == ErrorClass::ShrinkWindow,
                    _ => false,
                };
                assert!(fits, "{name} should be {expect}, is {class:?}");
            }
            (expect, answer) => panic!("{name} should be {expect}, is {answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_failure_is_told_in_the_vendors_words() {
    let failures: Vec<Failure> = serde_json::from_str(FAILURES).unwrap();
    let error = ask(200, failures[5].body.get(), 0).await.unwrap_err();
    assert_eq!(error.code(), Some("1012"));
    assert_eq!(error.name(), "wdt_busy");
    assert_eq!(
        error.to_string(),
        "asking WDT for stockouts: answered with code 15 / 1012: Remote service error: \
         超过每分钟最大调用频率限制，请稍后重试 (request 15demo0000006)"
    );
}

#[tokio::test]
async fn what_is_no_reply_is_asked_for_again() {
    for (status, body) in [
        (200, ""),
        (200, "<html>维护中</html>"),
        (200, "{\"response\":{\"errorcode\":0,\"stockout_list\":[{\"stockout_id\":1"),
        (200, "[]"),
        (200, "{}"),
        (200, "{\"response\":{\"errorcode\":0,\"total_count\":\"many\"}}"),
        (200, "{\"response\":{\"errorcode\":0,\"total_count\":3,\"stockout_list\":[]}}"),
        (200, "{\"response\":{\"errorcode\":0,\"stockout_list\":\"x\"}}"),
        (500, "oops"),
        (502, ""),
        (503, QIMEN),
        (429, ""),
    ] {
        let error = ask(status, body, 0).await.unwrap_err();
        assert!(matches!(error.class(), ErrorClass::RetryAfter(_)), "{status} {body:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_wrong_url_is_a_wrong_setting() {
    for status in [301, 302, 403, 404] {
        let error = ask(status, "<html>", 0).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Misconfigured, "HTTP {status}");
    }
    let error =
        ask(404, "{\"error_response\":{\"code\":22,\"msg\":\"Invalid Method\"}}", 0).await.unwrap_err();
    assert_eq!(error.code(), Some("22"));

    for url in ["", "api.wangdian.cn/openapi2", "ftp://example.com", "https://"] {
        let channel =
            Channel::Direct { url: url.to_owned(), app_key: "a".to_owned(), sid: "demo2".parse().unwrap() };
        let account = Account::new(channel, "s".to_owned().into());
        assert!(Client::new(account, Timeouts::default()).is_err(), "{url:?} was taken");
    }
}

#[tokio::test]
async fn a_silent_server_and_a_closed_port_are_asked_again_and_show_no_signature() {
    let server = Server::silent().await;
    let error = client(server.url()).query(&query(0)).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.name(), "wdt_timeout");
    assert!(matches!(error.class(), ErrorClass::RetryAfter(_)));

    let url = server.url();
    drop(server);
    let error = client(url).query(&query(0)).await.unwrap_err();
    assert!(matches!(error.class(), ErrorClass::RetryAfter(_)));
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("sign=") && !shown.contains("very-secret"), "{shown}");
}

#[tokio::test]
async fn an_unreadable_row_does_not_lose_its_neighbours() {
    let body = r#"{"response":{"errorcode":0,"total_count":5,"stockout_list":[
        {"stockout_id":1,"details_list":[{"rec_id":1,"spec_no":"A","num":1,"share_amount":"1.0000"}]},
        {"stockout_id":2,"receiver_name":"王小明","modified":"2024-11-11 00:00:01",
         "details_list":[{"rec_id":"","spec_no":"A","num":1,"share_amount":"1,00"},{"spec_no":null}]},
        "王小明",
        {"order_no":"CK3","consign_time":"soon"},
        {"stockout_id":"4","details_list":null}]}}"#;
    let page = ask(200, body, 0).await.unwrap();
    let told: Vec<String> = page
        .rows
        .iter()
        .map(|row| match row {
            Row::Stockout(stockout) => format!("{} read", stockout.stockout_id),
            Row::Unreadable(row) => row.problem.clone(),
        })
        .collect();
    assert_eq!(
        told,
        [
            "1 read",
            "the row cannot be read as a stockout: details_list[0].rec_id: is missing or empty; \
             details_list[0].share_amount: \"1,00\" is not a decimal number (at most 15 digits before and 10 after \
             the point); details_list[1].rec_id: is missing or empty; details_list[1].spec_no: is missing or empty; \
             details_list[1].share_amount: is missing or empty; details_list[1].goods_count: is missing or empty",
            "the row is not a JSON object",
            "the row cannot be read as a stockout: stockout_id: is missing or empty; \
             consign_time: \"soon\" is not a Beijing time: write it as `2026-11-22 08:30:00`",
            "4 read",
        ]
    );
    let Row::Unreadable(second) = &page.rows[1] else { panic!("the second row was read") };
    assert_eq!(second.stockout_id, Some("2".parse().unwrap()));
    assert_eq!(second.modified, Some("2024-11-11 00:00:01".parse().unwrap()));
    assert!(!format!("{:?}", page.rows).contains("王小明"));
}

#[tokio::test]
async fn one_row_that_is_not_utf8_does_not_lose_its_neighbours() {
    let mut body = br#"{"code":0,"stockout_list":[{"stockout_id":1},{"stockout_id":2,"remark":""#.to_vec();
    body.extend([0xE4, 0xB8]);
    body.extend(br#""},{"stockout_id":3,"cs_remark":""#);
    body.push(0xFF);
    body.extend(br#""}]}"#);
    let server = Server::answering(200, body).await;
    let page = client(server.url()).query(&query(1)).await.unwrap();
    let readable: Vec<bool> = page.rows.iter().map(|row| matches!(row, Row::Stockout(_))).collect();
    assert_eq!(readable, [true, false, true]);
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for() {
    let server = Server::answering_with(503, &[("retry-after", "120")], Vec::new()).await;
    let error = client(server.url()).query(&query(0)).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::RetryAfter(Duration::from_mins(2)));
}
