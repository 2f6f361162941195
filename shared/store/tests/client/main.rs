//! The client: what it sends for each of our eleven commands, what it understands, and what a failure means.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

mod failures;
mod server;

use std::collections::BTreeMap;

use dougong_store::auth::{Incoming, Scheme, Signer, Verifier};
use dougong_store::{
    Bill, BillKind, Client, Delivery, DeliveryLine, Download, DownloadQuery, Likeness, OutboundQuery, Party,
    Platform, SaleQuery, SaleWindowKeys, Selector, Shipment, ShipmentLine, WarningName,
};
use dougong_values::{BeijingTime, BusinessDay, Window};
use reqwest::header::{HeaderMap, HeaderName};
use secrecy::SecretString;
use serde_json::Value;

use server::Server;

const OK: &str = r#"{"code":0,"msg":"","seq":"123123-abc12"}"#;

fn client(server: &Server) -> Client {
    Client::new(Platform::new(server.url(), Signer::none())).unwrap()
}

fn day(text: &str) -> BusinessDay {
    text.parse().unwrap()
}

fn at(text: &str) -> BeijingTime {
    text.parse().unwrap()
}

fn delivery() -> Delivery {
    let party = Party {
        id: Some("1".to_owned()),
        code: Some("001".to_owned()),
        name: Some("湘阴一店".to_owned()),
        external_id: None,
    };
    let line = DeliveryLine {
        product_id: Some("1".to_owned()),
        product_code: "001".to_owned(),
        product_name: "BooK".to_owned(),
        unit: "本".to_owned(),
        price: "9.9".parse().unwrap(),
        quantity: "1.0".parse().unwrap(),
        amount: "9.9".parse().unwrap(),
        additional_unit: Some("盒".to_owned()),
        additional_quantity: Some("1".parse().unwrap()),
        remark: None,
    };
    Delivery {
        number: "XS20161010001".to_owned(),
        request_no: None,
        business_date: day("2016-02-01"),
        created_at: at("2016-02-01 12:02:34"),
        submitted_at: at("2016-02-01 12:02:35"),
        from: party.clone(),
        to: party,
        remark: None,
        lines: vec![line],
        payments: Vec::new(),
    }
}

fn shipment(buid: &str) -> Shipment {
    let line = |id: &str, name: &str, ordered: &str, additional: &str| ShipmentLine {
        id: format!("20{id}"),
        product_id: id.to_owned(),
        product_name: name.to_owned(),
        unit: "盒".to_owned(),
        ordered: ordered.parse().unwrap(),
        shipped: "1.1".parse().unwrap(),
        additional_unit: Some("包".to_owned()),
        additional_ordered: Some(additional.parse().unwrap()),
        additional_shipped: Some("10.01".parse().unwrap()),
        extra: BTreeMap::new(),
    };
    Shipment {
        buid: buid.to_owned(),
        creator: "龙龙".to_owned(),
        lines: vec![line("1", "黄小鸭", "1", "10"), line("2", "黄鸭", "1.1", "10.1")],
    }
}

fn downloading(business_id: Option<u8>) -> DownloadQuery {
    DownloadQuery {
        store: Some("101".to_owned()),
        sumbatch: Some("123456".to_owned()),
        business_id,
        ..DownloadQuery::new(day("2018-01-10"), day("2018-01-10"))
    }
}

fn outbound(selector: Selector) -> OutboundQuery {
    OutboundQuery {
        start: day("2018-01-01"),
        end: day("2018-01-01"),
        warehouse: "102".to_owned(),
        selector,
        sumbatch: Some("2018-01-01".to_owned()),
    }
}

fn selling() -> SaleQuery {
    SaleQuery {
        store: "102".to_owned(),
        window: Window::new(at("2018-05-01 08:00:00"), at("2018-05-01 23:00:00")).unwrap(),
        sumbatch: Some("1423454".to_owned()),
    }
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Checks the one request a server got against an example; the sequence number is our own, and what the example
/// leaves out or gets wrong is `but`.
#[track_caller]
fn is_like(server: &Server, example: &str, but: &[(&str, &str)]) {
    let [asked] = server.asked().try_into().unwrap();
    let sent: Value = serde_json::from_str(&asked.body).unwrap();
    let mut expected: Value = serde_json::from_str(example).unwrap();
    expected["seq"] = sent["seq"].clone();
    expected.as_object_mut().unwrap().remove("msg");
    for (pointer, value) in but {
        *expected.pointer_mut(pointer).unwrap() = serde_json::from_str(value).unwrap();
    }
    assert_eq!(plain(&sent), plain(&expected));
    assert_eq!(sent["seq"].as_str().unwrap().len(), 36);
    let content_type = asked.headers.iter().find(|(name, _)| name == "content-type").unwrap();
    assert_eq!(content_type.1, "application/json; charset=utf-8");
}

/// Writes numbers by value, so that 1.0 is 1.
fn plain(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{}", number.as_f64().unwrap()),
        Value::Array(elements) => format!("{:?}", elements.iter().map(plain).collect::<Vec<_>>()),
        Value::Object(fields) => {
            format!(
                "{:?}",
                fields.iter().map(|(name, value)| (name, plain(value))).collect::<BTreeMap<_, _>>()
            )
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn every_read_is_sent_under_the_names_and_in_the_types_of_its_section() {
    let server = Server::answering(200, OK).await;
    client(&server).payment_methods().await.unwrap();
    is_like(&server, include_str!("../samples/01_QueryAllPay_request.json"), &[]);

    for (what, example) in [
        (Download::Declared, include_str!("../samples/05_DownloadStoreDeclareGoodsByBatch_request.json")),
        (Download::Received, include_str!("../samples/11_DownloadRECBill_request.json")),
        // The example itself has the command of another section (N20); its twin has its own.
        (Download::Returned, include_str!("../samples/tables/15_DownloadREQBill_request.json")),
    ] {
        let server = Server::answering(200, OK).await;
        client(&server).download(what, &downloading(None)).await.unwrap();
        is_like(&server, example, &[]);
    }

    let server = Server::answering(200, OK).await;
    client(&server).outbound_stores(day("2018-01-01"), day("2018-01-10"), "202").await.unwrap();
    is_like(&server, include_str!("../samples/17_GetTransferringStores_request.json"), &[]);

    let server = Server::answering(200, OK).await;
    client(&server).outbound(&outbound(Selector::Routes(ids(&["3432", "454"])))).await.unwrap();
    is_like(&server, include_str!("../samples/tables/19_QueryTransferringOrderInfo_request.json"), &[]);

    let server = Server::answering(200, OK).await;
    client(&server).finish_batch("123456").await.unwrap();
    is_like(&server, include_str!("../samples/21_AchieveQueryTransferringOrderInfo_request.json"), &[]);

    let server = Server::answering(200, OK).await;
    client(&server).take_back(&ids(&["123", "124", "243"])).await.unwrap();
    is_like(&server, include_str!("../samples/23_AchieveRetQueryTransferringOrderInfo_request.json"), &[]);

    for (keys, example) in [
        (SaleWindowKeys::Time, include_str!("../samples/tables/27_QuerySaleOrderInfo_request.json")),
        (SaleWindowKeys::Day, include_str!("../samples/27_QuerySaleOrderInfo_request.json")),
    ] {
        let server = Server::answering(200, OK).await;
        let platform = Platform { sale_window_keys: keys, ..Platform::new(server.url(), Signer::none()) };
        Client::new(platform).unwrap().sales(&selling()).await.unwrap();
        is_like(&server, example, &[]);
    }
}

#[tokio::test]
async fn every_write_is_sent_under_the_names_and_in_the_types_of_its_section() {
    // The example's totals are not those of its line (S7); ours are.
    let totals = [("/items/amounttotal", "1"), ("/items/dealtotal", "9.9")];
    let server = Server::answering(200, OK).await;
    client(&server).announce(&delivery()).await.unwrap();
    is_like(&server, include_str!("../samples/tables/07_AddSTOBill_request.json"), &totals);
    let server = Server::answering(200, OK).await;
    let misspelling = Platform { misspell_remarks: true, ..Platform::new(server.url(), Signer::none()) };
    Client::new(misspelling).unwrap().announce(&delivery()).await.unwrap();
    assert!(server.asked()[0].body.contains(r#""remarks":"","reamrks":"""#));

    let server = Server::answering(200, OK).await;
    client(&server).write_shipped(&shipment("121451")).await.unwrap();
    is_like(&server, include_str!("../samples/tables/25_UpdateTransferringOrderInfo_request.json"), &[]);
    // The example has the bill's number where the table wants its id (N23): only by a setting.
    let server = Server::answering(200, OK).await;
    let lenient = Platform { allow_number_as_buid: true, ..Platform::new(server.url(), Signer::none()) };
    Client::new(lenient).unwrap().write_shipped(&shipment("ZFH201612090001")).await.unwrap();
    is_like(&server, include_str!("../samples/25_UpdateTransferringOrderInfo_request.json"), &[]);
}

#[tokio::test]
async fn ids_are_sent_as_documented_unless_that_would_lose_something() {
    let server = Server::answering(200, OK).await;
    let query = DownloadQuery { store: Some("007".to_owned()), ..downloading(Some(1)) };
    client(&server).download(Download::Received, &query).await.unwrap();
    client(&server).download(Download::Returned, &query).await.unwrap();
    let asked = server.asked();
    assert!(asked[0].body.contains(r#""storeuid":"007","businessid":1"#), "{}", asked[0].body);
    assert!(!asked[1].body.contains("businessid"), "only differences have it");
}

#[tokio::test]
async fn the_answers_of_the_vendor_and_their_twins_are_read_alike() {
    let server = Server::answering(200, include_str!("../samples/02_QueryAllPay_reply.json")).await;
    let methods = client(&server).payment_methods().await.unwrap();
    assert_eq!((methods[0].code.as_str(), methods[0].name.as_deref()), ("301", Some("支付宝")));

    let server = Server::answering(200, include_str!("../samples/08_AddSTOBill_reply.json")).await;
    let announced = client(&server).announce(&delivery()).await.unwrap();
    assert_eq!((announced.number.as_deref(), announced.was_there), (Some("XS20161010001"), false));

    for reply in [
        include_str!("../samples/18_GetTransferringStores_reply.json"),
        include_str!("../samples/tables/18_GetTransferringStores_reply.json"),
    ] {
        let server = Server::answering(200, reply).await;
        let stores = client(&server).outbound_stores(day("2018-01-01"), day("2018-01-10"), "1").await;
        assert_eq!(stores.unwrap(), ["38503", "38485", "38552", "38489"]);
    }

    for (what, example, twin) in [
        (
            Download::Declared,
            include_str!("../samples/06_DownloadStoreDeclareGoodsByBatch_reply.json"),
            include_str!("../samples/tables/06_DownloadStoreDeclareGoodsByBatch_reply.json"),
        ),
        (
            Download::Received,
            include_str!("../samples/12_DownloadRECBill_reply.json"),
            include_str!("../samples/tables/12_DownloadRECBill_reply.json"),
        ),
        (
            Download::Returned,
            include_str!("../samples/16_DownloadREQBill_reply.json"),
            include_str!("../samples/tables/16_DownloadREQBill_reply.json"),
        ),
    ] {
        let mut versions = Vec::new();
        for reply in [example, twin] {
            let server = Server::answering(200, reply).await;
            let rows = client(&server).download(what, &downloading(None)).await.unwrap();
            let bill = &rows[0].as_ref().unwrap().bill;
            assert_eq!(bill.kind, what.kind());
            versions.push(bill.version());
        }
        assert_eq!(versions[0], versions[1]);
    }

    for (kind, example, twin) in [
        (
            BillKind::Outbound,
            include_str!("../samples/20_QueryTransferringOrderInfo_reply.json"),
            include_str!("../samples/tables/20_QueryTransferringOrderInfo_reply.json"),
        ),
        (
            BillKind::Sale,
            include_str!("../samples/28_QuerySaleOrderInfo_reply.json"),
            include_str!("../samples/tables/28_QuerySaleOrderInfo_reply.json"),
        ),
    ] {
        let mut versions = Vec::new();
        for reply in [example, twin] {
            let server = Server::answering(200, reply.replacen('{', r#"{"sumbatch":"B-7","#, 1)).await;
            let client = client(&server);
            let batch = match kind {
                BillKind::Sale => client.sales(&selling()).await.unwrap(),
                _ => client.outbound(&outbound(Selector::Stores(ids(&["234"])))).await.unwrap(),
            };
            assert_eq!(batch.sumbatch.as_deref(), Some("B-7"));
            versions.push(batch.rows[0].as_ref().unwrap().bill.version());
        }
        assert_eq!(versions[0], versions[1]);
    }

    for reply in [
        include_str!("../samples/04_PushStoreDeclareGoods_reply.json"),
        include_str!("../samples/10_PushRECBill_reply.json"),
        include_str!("../samples/14_PushREQBill_reply.json"),
        include_str!("../samples/22_AchieveQueryTransferringOrderInfo_reply.json"),
        include_str!("../samples/24_AchieveRetQueryTransferringOrderInfo_reply.json"),
        include_str!("../samples/26_UpdateTransferringOrderInfo_reply.json"),
    ] {
        let server = Server::answering(200, reply).await;
        client(&server).finish_batch("1").await.unwrap();
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_and_a_count_for_a_list_lose_nothing() {
    let reply = r#"{"code":"0","sumbatch":8,"billnoitmes":2,"billnoitems":[{"buid":1},
        {"buid":2,"billnoproductsitems":[{"produid":1,"amount":1}]}]}"#;
    let server = Server::answering(200, reply).await;
    let batch = client(&server).outbound(&outbound(Selector::Areas(ids(&["1"])))).await.unwrap();
    assert_eq!((batch.sumbatch.as_deref(), batch.rows.len()), (Some("8"), 2));
    assert_eq!(batch.rows[0].as_ref().unwrap_err().json, r#"{"buid":1}"#);
    let warnings = &batch.rows[1].as_ref().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.name == WarningName::CountForList));

    for nothing in ["", r#","items":null"#, r#","items":"""#, r#","items":[]"#, r#","billnoitmes":0"#] {
        let server = Server::answering(200, format!(r#"{{"code":0{nothing}}}"#)).await;
        assert_eq!(client(&server).sales(&selling()).await.unwrap().rows.len(), 0, "{nothing}");
    }
}

#[tokio::test]
async fn what_our_signer_signs_our_verifier_accepts() {
    const SECRET: &str = "a-secret-of-our-own-0001";
    for name in ["url", "header", "md5", "hmac-sha256"] {
        let server = Server::answering(200, OK).await;
        let scheme = Scheme::preset(name).unwrap();
        let parameters = vec![("app_id".to_owned(), "门店 7&8".to_owned())];
        let signer = Signer::new(scheme.clone(), Some(SecretString::from(SECRET)), parameters).unwrap();
        Client::new(Platform::new(server.url(), signer)).unwrap().payment_methods().await.unwrap();

        let [asked] = server.asked().try_into().unwrap();
        let (path, query) = asked.target.split_once('?').unwrap();
        let headers: HeaderMap = asked
            .headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let token = path.strip_prefix("/openapi/");
        let body = asked.body.as_bytes();
        let push = Incoming { method: "POST", path, token, query, headers: &headers, body, source: None };
        let verifier = Verifier::new(scheme, Vec::new(), vec![SecretString::from(SECRET)]).unwrap();
        verifier.verify(&push, BeijingTime::now()).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert!(query.starts_with("shop=7&app_id="), "{name}: {query}");
        let other = Incoming { body: b"{}", ..push };
        let covers_the_body = matches!(name, "md5" | "hmac-sha256");
        assert_eq!(verifier.verify(&other, BeijingTime::now()).is_err(), covers_the_body, "{name}");
    }
}

#[test]
fn a_delivery_is_found_again_by_its_number_else_by_what_it_holds() {
    let outbound = |head: &str, line: &str| {
        let json = format!(
            r#"{{"buid":7,"billno":"PS1",{head}"rdate":"2016-02-01","billnoproductsitems":[{{{line}}}]}}"#
        );
        Bill::from_json(BillKind::Outbound, &json).unwrap()
    };
    let compare = |head: &str, line: &str| delivery().compare(&outbound(head, line));
    let by_id = r#""produid":1,"amount":1"#;
    let store = r#""shopid":1,"#;
    assert_eq!(compare(r#""tbillno":"XS20161010001","#, r#""produid":9,"amount":9"#), Likeness::Same);
    assert_eq!(compare(r#""tbillno":"XS2","shopid":1,"#, by_id), Likeness::Other);
    assert_eq!(compare(r#""remarks":"单号 XS20161010001。","#, by_id), Likeness::Same);
    assert_eq!(compare(r#""remarks":"XS201610100011","shopid":2,"#, by_id), Likeness::Other);
    assert_eq!(compare(store, by_id), Likeness::Alike);
    assert_eq!(compare(store, r#""prodcode":"001","amount":"1.00""#), Likeness::Alike);
    assert_eq!(compare(store, r#""extproduid":"x","prodname":"BooK","amount":1"#), Likeness::Alike);
    assert_eq!(compare(store, r#""extproduid":"x","prodname":"Bk","amount":1"#), Likeness::Unclear);
    assert_eq!(compare("", by_id), Likeness::Unclear);
    assert_eq!(compare(r#""shopid":2,"#, by_id), Likeness::Other);
    assert_eq!(compare(store, r#""produid":1,"amount":2"#), Likeness::Other);
    assert_eq!(compare(store, r#""produid":2,"amount":1"#), Likeness::Other);
}
