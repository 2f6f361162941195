//! The simulated store platform, seen by the real client and read by the real reader.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dougong_simulators::day::{PAYMENTS, STORES, StorePlan};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::store::push::Pusher;
use dougong_simulators::store::{
    self, Auth, AuthPreset, BillKind, COMMANDS, Dialect, Drain, Settings, Simulator, StoreBill, code,
};
use dougong_store::auth::{Scheme, Signer};
use dougong_store::{
    Batch, Bill, CallClass, Client, Codes, Delivery, DeliveryLine, Download, DownloadQuery, OutboundQuery,
    Party, Platform, Row, SaleQuery, Selector, Shipment, ShipmentLine, Timeouts, read_push,
};
use dougong_values::{BusinessDay, Money, Window};

const SECRET: &str = "store-demo-secret-0001";

fn day() -> BusinessDay {
    "2026-11-22".parse().unwrap()
}

async fn simulator(change: impl FnOnce(&mut Settings)) -> Simulator {
    let mut settings = Settings::default();
    change(&mut settings);
    Simulator::start(settings).await.unwrap()
}

fn client_of(simulator: &Simulator, scheme: Scheme) -> Client {
    let signer = Signer::new(scheme, Some(SECRET.to_owned().into()), Vec::new()).unwrap();
    let mut platform = Platform::new(simulator.url(), signer);
    let of = |codes: &[i64]| codes.iter().map(i64::to_string).collect();
    platform.codes = Codes {
        duplicate: of(&[code::DUPLICATE]),
        retry: of(&[code::BUSY]),
        refresh: of(&[code::EXPIRED, code::UNAUTHORIZED]),
        permanent: of(&[code::PARAMETER, code::UNKNOWN_BATCH, code::UNKNOWN_BILL]),
    };
    platform.timeouts = Timeouts { total: Duration::from_millis(500), ..Timeouts::default() };
    Client::new(platform).unwrap()
}

fn client(simulator: &Simulator) -> Client {
    client_of(simulator, Scheme::UrlToken)
}

fn kind(kind: BillKind) -> dougong_store::BillKind {
    match kind {
        BillKind::Declare => dougong_store::BillKind::Declare,
        BillKind::Receipt => dougong_store::BillKind::Receipt,
        BillKind::Return => dougong_store::BillKind::Return,
        BillKind::Outbound => dougong_store::BillKind::Outbound,
        BillKind::Sale => dougong_store::BillKind::Sale,
    }
}

/// Reads the rows; each must be readable.
fn bills(rows: Vec<Row>) -> Vec<Bill> {
    rows.into_iter().map(|row| row.unwrap_or_else(|row| panic!("{}: {}", row.error, row.json)).bill).collect()
}

fn numbers(bills: &[Bill]) -> BTreeSet<String> {
    bills.iter().map(|bill| bill.name().to_owned()).collect()
}

fn of_kind(bills: &[StoreBill], kind: BillKind) -> BTreeSet<String> {
    bills.iter().filter(|bill| bill.kind == kind).map(|bill| bill.number.clone()).collect()
}

#[test]
fn what_is_read_is_what_the_platform_meant_in_both_dialects() {
    let plan = StorePlan::new(5, 300, day());
    for bill in plan.generate() {
        let read = [Dialect::Table, Dialect::Example].map(|dialect| {
            let written = StoreBill { dialect, ..bill.clone() };
            let push = Pusher::body(bill.kind, "1", std::slice::from_ref(&written));
            let value: BTreeMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(&push).unwrap();
            let row = value["items"].get();
            Bill::from_json(kind(bill.kind), &row[1..row.len() - 1])
                .unwrap_or_else(|error| panic!("{error}: {row}"))
        });
        for one in &read {
            assert_eq!(one.number.as_deref(), Some(bill.number.as_str()));
            assert_eq!(one.to.id, Some(bill.to.uid.to_string()));
            assert_eq!((one.business_date, one.created_at), (Some(day()), Some(bill.created_at)));
            assert_eq!(one.quantity_total, Some(bill.quantity_total()));
            let amounts: Money = one.lines.iter().filter_map(|line| line.amount).sum();
            assert_eq!(amounts, bill.amount_total());
            let paid: Vec<Money> = one.payments.iter().map(|payment| payment.amount).collect();
            assert_eq!(paid, bill.payments.iter().map(|payment| payment.amount).collect::<Vec<_>>());
            assert!(one.mismatches().is_empty(), "{}: {:?}", bill.number, one.mismatches());
            if bill.kind.push_command().is_some() {
                assert_eq!(one.from.code.as_deref(), Some(bill.from.code.as_str()));
                let external = Some(bill.from.external_id.clone()).filter(|id| !id.is_empty());
                assert_eq!(one.from.external_id, external, "{}", one.json());
                assert_eq!(one.submitted_at, Some(bill.submitted_at));
            }
        }
        let [table, example] = read;
        // The examples of outbound bills and sales leave codes and amounts out, and nothing that says more.
        assert_eq!(table.version(), example.version(), "{}", bill.number);
    }
}

#[test]
fn a_push_of_many_bills_is_read_whole() {
    let plan = StorePlan { returns: 20, ..StorePlan::new(5, 0, day()) };
    let bills = plan.generate();
    let body = Pusher::body(BillKind::Return, "the seq", &bills);
    let push = read_push(body.as_bytes(), dougong_store::Encoding::default()).unwrap();
    assert_eq!((push.rows.len(), push.rows.iter().filter(|row| row.is_ok()).count()), (20, 20));
}

#[tokio::test]
async fn every_preset_lets_the_client_in_with_its_secret_alone() {
    for (preset, scheme) in [
        (AuthPreset::None, Scheme::None),
        (AuthPreset::UrlToken, Scheme::UrlToken),
        (AuthPreset::HeaderToken, Scheme::header_token()),
        (AuthPreset::SortedMd5, Scheme::sorted_md5()),
        (AuthPreset::HmacSha256, Scheme::hmac_sha256()),
    ] {
        let simulator = simulator(|settings| settings.auth = Auth::new(preset, SECRET)).await;
        let methods = client_of(&simulator, scheme.clone()).payment_methods().await.unwrap();
        assert_eq!(methods.len(), PAYMENTS.len(), "{preset:?}");
        if preset == AuthPreset::None {
            continue;
        }
        let other =
            self::simulator(|settings| settings.auth = Auth::new(preset, "another-secret-000001")).await;
        let refused = client_of(&other, scheme).payment_methods().await.unwrap_err();
        assert_eq!(refused.class(), CallClass::Refresh, "{preset:?}: {refused}");
    }
}

#[tokio::test]
async fn the_client_speaks_all_eleven_commands() {
    let simulator = simulator(|settings| settings.sale_batches = true).await;
    let all = StorePlan::new(9, 120, day()).generate();
    simulator.add(all.clone());
    let client = client(&simulator);
    assert_eq!(client.payment_methods().await.unwrap().len(), PAYMENTS.len());

    let before = "2026-11-21".parse().unwrap();
    for (what, kind) in [
        (Download::Declared, BillKind::Declare),
        (Download::Received, BillKind::Receipt),
        (Download::Returned, BillKind::Return),
    ] {
        let rows = client.download(what, &DownloadQuery::new(before, day())).await.unwrap();
        assert_eq!(numbers(&bills(rows)), of_kind(&all, kind), "{kind:?}");
    }

    let mut outbound = Vec::new();
    for warehouse in store::warehouses() {
        let stock = warehouse.uid.to_string();
        let stores = client.outbound_stores(day(), day(), &stock).await.unwrap();
        if stores.is_empty() {
            continue;
        }
        let selector = Selector::Stores(stores);
        let mut query =
            OutboundQuery { start: day(), end: day(), warehouse: stock, selector, sumbatch: None };
        let Batch { sumbatch, rows } = client.outbound(&query).await.unwrap();
        query.sumbatch = sumbatch;
        let again = client.outbound(&query).await.unwrap();
        assert_eq!(again.rows, rows);
        client.finish_batch(&query.sumbatch.unwrap()).await.unwrap();
        outbound.extend(bills(rows));
    }
    assert_eq!(numbers(&outbound), of_kind(&all, BillKind::Outbound));
    assert!(simulator.uncommitted().is_empty());
    client.take_back(&[outbound[0].buid.clone().unwrap()]).await.unwrap();
    assert_eq!(simulator.marked(outbound[0].buid.as_ref().unwrap().parse().unwrap()), None);
    assert_eq!(simulator.cancelled_everything(), 0);

    let line = &outbound[0].lines[0];
    let shipment = Shipment {
        buid: outbound[0].buid.clone().unwrap(),
        creator: "斗拱".to_owned(),
        lines: vec![ShipmentLine {
            id: line.id.clone().unwrap(),
            product_id: line.product_id.clone().unwrap(),
            product_name: line.product_name.clone().unwrap(),
            unit: line.unit.clone().unwrap(),
            ordered: line.quantity,
            shipped: line.quantity,
            additional_unit: None,
            additional_ordered: None,
            additional_shipped: None,
            extra: BTreeMap::new(),
        }],
    };
    client.write_shipped(&shipment).await.unwrap();
    assert_eq!(simulator.shipped()[0].lines[0].2, line.quantity);

    let mut sold = 0;
    for store in STORES {
        let window = Window::new(day().start(), "2026-11-22 23:59:59".parse().unwrap()).unwrap();
        let query = SaleQuery { store: store.uid.to_string(), window, sumbatch: None };
        let Batch { sumbatch, rows } = client.sales(&query).await.unwrap();
        sold += bills(rows).len();
        client.finish_batch(&sumbatch.unwrap()).await.unwrap();
    }
    assert_eq!(sold, all.iter().filter(|bill| bill.kind == BillKind::Sale).count());

    client.announce(&delivery("T1")).await.unwrap();
    assert!(client.announce(&delivery("T1")).await.unwrap().was_there);
    assert_eq!(simulator.announced().len(), 1);
    let counts = simulator.counts();
    assert!(COMMANDS.iter().all(|command| counts.contains_key(command)), "{counts:?}");
}

fn delivery(number: &str) -> Delivery {
    let party = |code: &str| Party { code: Some(code.to_owned()), ..Party::default() };
    Delivery {
        number: number.to_owned(),
        request_no: Some("BH1".to_owned()),
        business_date: day(),
        created_at: day().start(),
        submitted_at: day().start(),
        from: party("WH01"),
        to: party("0101"),
        remark: None,
        lines: vec![DeliveryLine {
            product_id: None,
            product_code: "SKU-0001".to_owned(),
            product_name: "龙井茶".to_owned(),
            unit: "件".to_owned(),
            price: "60".parse().unwrap(),
            quantity: "2".parse().unwrap(),
            amount: "120".parse().unwrap(),
            additional_unit: None,
            additional_quantity: None,
            remark: None,
        }],
        payments: Vec::new(),
    }
}

#[tokio::test]
async fn the_client_reads_both_dialects_and_batches_that_advance() {
    for (dialect, drain) in [(Dialect::Table, Drain::Advances), (Dialect::Example, Drain::Repeats)] {
        let simulator = simulator(|settings| {
            (settings.dialect, settings.drain, settings.batch_size) = (dialect, drain, 2);
        })
        .await;
        let mut plan = StorePlan { outbounds: 12, ..StorePlan::new(1, 0, day()) };
        plan.dialect = Some(dialect);
        simulator.add(plan.generate());
        let client = client(&simulator);
        let mut seen = BTreeSet::new();
        for warehouse in store::warehouses() {
            let warehouse = warehouse.uid.to_string();
            let stores = client.outbound_stores(day(), day(), &warehouse).await.unwrap();
            if stores.is_empty() {
                continue;
            }
            let mut query = OutboundQuery {
                start: day(),
                end: day(),
                warehouse,
                selector: Selector::Stores(stores),
                sumbatch: None,
            };
            loop {
                let batch = client.outbound(&query).await.unwrap();
                let new = numbers(&bills(batch.rows));
                let nothing_new = new.is_subset(&seen);
                seen.extend(new);
                match (&query.sumbatch, batch.sumbatch) {
                    (None, None) => break,
                    (Some(name), _) if nothing_new => {
                        client.finish_batch(name).await.unwrap();
                        query.sumbatch = None;
                    }
                    (_, name) => query.sumbatch = name,
                }
            }
        }
        assert_eq!(seen.len(), 12, "{dialect:?}");
        assert!(simulator.uncommitted().is_empty());
    }
}

#[tokio::test]
async fn what_goes_wrong_has_its_class() {
    let simulator = simulator(|_| ()).await;
    let client = client(&simulator);
    let cases = [
        (Fault::Timeout(Strikes::AfterCommit), CallClass::Unknown, CallClass::Retry),
        (Fault::Reset(Strikes::BeforeCommit), CallClass::Unknown, CallClass::Retry),
        (Fault::Status(502, Strikes::BeforeCommit), CallClass::Unknown, CallClass::Retry),
        (Fault::Html(Strikes::AfterCommit), CallClass::Unknown, CallClass::Retry),
        (Fault::TruncatedJson(Strikes::AfterCommit), CallClass::Unknown, CallClass::Retry),
        (Fault::Code("4711".to_owned(), Strikes::BeforeCommit), CallClass::Unknown, CallClass::Retry),
        (Fault::Throttle, CallClass::Retry, CallClass::Retry),
        (Fault::TokenExpired, CallClass::Refresh, CallClass::Refresh),
    ];
    for (index, (fault, of_write, of_read)) in cases.into_iter().enumerate() {
        let rule = simulator.faults().add(Rule::on_any(When::Always, fault.clone()));
        let written = client.announce(&delivery(&format!("T{index}"))).await.unwrap_err();
        assert_eq!(written.class(), of_write, "{fault:?}: {written}");
        let read = client.payment_methods().await.unwrap_err();
        assert_eq!(read.class(), of_read, "{fault:?}: {read}");
        simulator.faults().remove(rule);
    }
    for fault in [Fault::WrongEcho, Fault::ExtraKeys, Fault::Slow(Duration::from_millis(20))] {
        let rule = simulator.faults().add(Rule::on_any(When::Always, fault.clone()));
        assert!(client.payment_methods().await.is_ok(), "{fault:?}");
        simulator.faults().remove(rule);
    }
    let mut nowhere = delivery("T99");
    nowhere.to.code = Some("9999".to_owned());
    assert_eq!(client.announce(&nowhere).await.unwrap_err().class(), CallClass::Final);
}
