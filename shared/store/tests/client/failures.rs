//! What a failure means: for a read, for a write, and by the codes in the settings.

use std::collections::BTreeSet;
use std::time::Duration;

use dougong_store::auth::{Scheme, Signer};
use dougong_store::{
    CallClass, CallError, Client, ClientError, Codes, Delivery, Download, DownloadQuery, InvalidCall,
    OutboundQuery, Platform, SaleQuery, Selector, Timeouts,
};
use dougong_values::Window;
use secrecy::SecretString;

use crate::server::Server;
use crate::{OK, at, client, day, delivery, ids, outbound, selling, shipment};

fn codes(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

/// Asks for a read and a write, and tells what a failure of each means.
async fn classes(server: &Server, codes: Codes) -> (CallClass, CallClass) {
    let timeouts = Timeouts { total: Duration::from_millis(300), ..Timeouts::default() };
    let platform = Platform { codes, timeouts, ..Platform::new(server.url(), Signer::none()) };
    let client = Client::new(platform).unwrap();
    let read = client.payment_methods().await.unwrap_err();
    let write = client.write_shipped(&shipment("1")).await.unwrap_err();
    (read.class(), write.class())
}

#[tokio::test]
async fn without_a_clear_answer_a_read_is_repeated_and_a_write_is_unknown() {
    for server in [
        Server::silent().await,
        Server::answering(500, "oops").await,
        Server::answering(200, "").await,
        Server::answering(200, "<html>").await,
        Server::answering(200, r#"{"msg":"成功"}"#).await,
        Server::answering(200, r#"{"code":4711,"msg":"?"}"#).await,
        Server::answering(200, "[".repeat(1_000)).await,
    ] {
        assert_eq!(classes(&server, Codes::default()).await, (CallClass::Retry, CallClass::Unknown));
    }
}

#[tokio::test]
async fn codes_mean_what_the_settings_say() {
    let settings = Codes {
        duplicate: codes(&["12"]),
        retry: codes(&["13"]),
        refresh: codes(&["14"]),
        permanent: codes(&["15", "X"]),
    };
    for (code, class) in [
        ("12", CallClass::Duplicate),
        ("13", CallClass::Retry),
        ("\"14\"", CallClass::Refresh),
        ("15", CallClass::Final),
        ("\" X \"", CallClass::Final),
    ] {
        let server = Server::answering(200, format!(r#"{{"code":{code},"msg":"成功"}}"#)).await;
        assert_eq!(classes(&server, settings.clone()).await, (class, class), "{code}");
    }
    // A code says more than the status it came with.
    let server = Server::answering(500, r#"{"code":15,"msg":"门店不存在"}"#).await;
    assert_eq!(classes(&server, settings).await, (CallClass::Final, CallClass::Final));
}

#[tokio::test]
async fn a_delivery_that_is_there_already_is_as_good_as_announced() {
    let server = Server::answering(200, r#"{"code":12,"msg":"单据已存在"}"#).await;
    let settings = Codes { duplicate: codes(&["12"]), ..Codes::default() };
    let platform = Platform { codes: settings, ..Platform::new(server.url(), Signer::none()) };
    let announced = Client::new(platform).unwrap().announce(&delivery()).await.unwrap();
    assert!(announced.was_there);
}

#[tokio::test]
async fn an_answer_about_another_delivery_is_no_answer() {
    let server = Server::answering(200, r#"{"code":0,"items":{"tbillno":"other","billno":"1"}}"#).await;
    let error = client(&server).announce(&delivery()).await.unwrap_err();
    assert_eq!(error.class(), CallClass::Unknown);
}

#[tokio::test]
async fn statuses_without_an_answer_have_their_class() {
    for (status, class) in [
        (401, CallClass::Refresh),
        (403, CallClass::Refresh),
        (404, CallClass::Final),
        (302, CallClass::Final),
        (429, CallClass::Retry),
    ] {
        let server = Server::answering(status, "").await;
        assert_eq!(classes(&server, Codes::default()).await, (class, class), "{status}");
    }
}

#[tokio::test]
async fn nothing_is_shown_of_urls_and_secrets() {
    let secret = "a-secret-of-our-own-0001";
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let signer = Signer::new(Scheme::UrlToken, Some(SecretString::from(secret)), Vec::new()).unwrap();
    let platform = Platform::new(format!("http://{free}/hidden-part"), signer);
    let client = Client::new(platform).unwrap();
    let error = client.write_shipped(&shipment("1")).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error:?}");
    assert_eq!((error.class(), error.name()), (CallClass::Retry, "store_unreachable"));
    let said = format!("{error} {error:?} {client:?}");
    assert!(!said.contains(secret) && !said.contains("hidden-part"), "{said}");

    for url in ["", "store", "ftp://127.0.0.1/", "https://"] {
        let refused = Client::new(Platform::new(url, Signer::none())).unwrap_err();
        assert!(matches!(refused, ClientError::Url), "{url:?}");
    }
}

#[tokio::test]
async fn a_call_that_would_be_wrong_is_not_made() {
    let server = Server::answering(200, OK).await;
    let client = client(&server);
    let invalid = |error: CallError| match error {
        CallError::Invalid { source, .. } => source,
        other => panic!("{other:?}"),
    };
    // An empty list might take back everything (P9).
    assert_eq!(invalid(client.take_back(&[]).await.unwrap_err()), InvalidCall::Empty { field: "buid" });
    assert!(matches!(
        invalid(client.take_back(&ids(&["1", "ZFH201612090001"])).await.unwrap_err()),
        InvalidCall::Buid { .. }
    ));
    assert!(matches!(
        invalid(client.write_shipped(&shipment("ZFH201612090001")).await.unwrap_err()),
        InvalidCall::Buid { .. }
    ));
    assert!(matches!(invalid(client.finish_batch(" ").await.unwrap_err()), InvalidCall::Missing { .. }));
    for selector in [Selector::Routes(ids(&[])), Selector::Areas(ids(&[""])), Selector::Stores(ids(&[]))] {
        let error = client.outbound(&outbound(selector)).await.unwrap_err();
        assert!(matches!(invalid(error), InvalidCall::Empty { .. }));
    }
    for (start, end) in [("2018-01-01", "2018-01-05"), ("2018-01-02", "2018-01-01")] {
        let query = DownloadQuery::new(day(start), day(end));
        let error = client.download(Download::Declared, &query).await.unwrap_err();
        assert!(matches!(invalid(error), InvalidCall::Span { .. }));
    }
    let query = OutboundQuery { end: day("2017-12-31"), ..outbound(Selector::Stores(ids(&["1"]))) };
    assert!(matches!(invalid(client.outbound(&query).await.unwrap_err()), InvalidCall::Span { .. }));
    let over_midnight = Window::new(at("2018-05-01 08:00:00"), at("2018-05-02 00:00:00")).unwrap();
    let query = SaleQuery { window: over_midnight, ..selling() };
    assert!(matches!(invalid(client.sales(&query).await.unwrap_err()), InvalidCall::Window { .. }));

    let mut nameless = delivery();
    nameless.lines[0].product_code = String::new();
    let field = "billitems[0].prodcode".to_owned();
    assert_eq!(invalid(client.announce(&nameless).await.unwrap_err()), InvalidCall::Missing { field });
    let empty = Delivery { lines: Vec::new(), ..delivery() };
    assert!(matches!(invalid(client.announce(&empty).await.unwrap_err()), InvalidCall::Empty { .. }));
    assert!(server.asked().is_empty());
}
