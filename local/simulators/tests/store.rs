//! The simulated store platform, called by hand and pushing to a small server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use dougong_simulators::day::{STORES, StorePlan};
use dougong_simulators::faults::wire::Server;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::store::push::{Order, PushAnswer, PushSettings, Pusher, RetrySeq, Why};
use dougong_simulators::store::{
    Auth, AuthPreset, COMMANDS, Dialect, Done, Drain, Marked, Settings, Simulator, StoreBill, code,
};
use serde_json::{Value, json};

const SECRET: &str = "store-demo-secret-0001";

async fn simulator(change: impl FnOnce(&mut Settings)) -> Simulator {
    let mut settings = Settings::default();
    change(&mut settings);
    Simulator::start(settings).await.unwrap()
}

fn plan(bills: usize) -> StorePlan {
    StorePlan::new(3, bills, "2026-11-22".parse().unwrap())
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap()
}

/// Posts a command with its parameters and returns the reply.
async fn call(simulator: &Simulator, command: &str, parameters: Value) -> Value {
    let mut body = json!({ "cmd": command, "seq": "seq-1" });
    body.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
    let url = format!("{}/{SECRET}", simulator.url());
    let response = http().post(url).body(body.to_string()).send().await.unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn numbers(reply: &Value, list: &str) -> Vec<String> {
    let rows = reply[list].as_array().unwrap_or_else(|| panic!("{reply}"));
    rows.iter().map(|row| row["billno"].as_str().unwrap().to_owned()).collect()
}

fn outbounds(count: usize) -> Vec<StoreBill> {
    let mut plan = StorePlan { outbounds: count, ..plan(0) };
    plan.dialect = Some(Dialect::Example);
    let mut bills = plan.generate();
    for bill in &mut bills {
        bill.from = dougong_simulators::store::warehouses()[0].clone();
    }
    bills
}

fn outbound_question(stores: &[u64]) -> Value {
    json!({ "startday": "2026-11-22", "endday": "2026-11-22", "stock": 1001, "storeuiditems": stores })
}

fn every_store() -> Vec<u64> {
    STORES.iter().map(|store| store.uid).collect()
}

#[tokio::test]
async fn payments_are_told_and_the_number_comes_back() {
    let simulator = simulator(|_| ()).await;
    let reply = call(&simulator, "QueryAllPay", json!({})).await;
    assert_eq!((&reply["code"], &reply["seq"]), (&json!(0), &json!("seq-1")));
    assert_eq!(reply["items"][0], json!({ "paycode": "1", "payname": "现金" }));
    assert_eq!(simulator.counts(), BTreeMap::from([("QueryAllPay", 1)]));
}

#[tokio::test]
async fn who_does_not_prove_itself_or_asks_for_nothing_known_is_told_so() {
    let simulator = simulator(|_| ()).await;
    let post = async |path: &str, body: &str| {
        let url = format!("{}{path}", simulator.url());
        let text = http().post(url).body(body.to_owned()).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["code"].as_i64().unwrap()
    };
    let good = format!("/{SECRET}");
    assert_eq!(post("/wrong", r#"{"cmd":"QueryAllPay","seq":"1"}"#).await, code::UNAUTHORIZED);
    assert_eq!(post(&good, r#"{"cmd":"Nonsense","seq":"1"}"#).await, code::UNKNOWN_COMMAND);
    assert_eq!(post(&good, r#"{"cmd":"QueryAllPay"}"#).await, code::MALFORMED);
    assert_eq!(post(&good, "no json").await, code::MALFORMED);
    assert!(simulator.calls().iter().all(|call| matches!(call.done, Done::Refused(_))));
}

#[tokio::test]
async fn a_download_starts_after_the_condition_covers_three_days_and_jumps_forward() {
    let simulator = simulator(|_| ()).await;
    let mut bills = StorePlan { declares: 6, ..plan(0) }.generate();
    let times = ["2026-11-10 08:00:00", "2026-11-20 00:00:00", "2026-11-20 00:00:01", "2026-11-22 23:59:59"];
    for (bill, time) in
        bills.iter_mut().zip(times.iter().chain(&["2026-11-23 00:00:01", "2026-11-22 09:00:00"]))
    {
        bill.submitted_at = time.parse().unwrap();
    }
    bills[5].voided = true;
    let number = |index: usize| bills[index].number.clone();
    simulator.add(bills.clone());
    let ask = async |start: &str, end: &str, more: Value| {
        let mut parameters = json!({ "storetype": 0, "startday": start, "endday": end });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&simulator, "DownloadStoreDeclareGoodsByBatch", parameters).await
    };
    let all = ask("2026-11-20", "2026-11-30", json!({})).await;
    assert_eq!(numbers(&all, "items"), [number(2), number(3)], "exclusive, and cut off after three days");
    assert_eq!(numbers(&ask("2026-11-20", "2026-11-20", json!({})).await, "items"), [number(2)]);
    let forward = ask("2026-11-01", "2026-11-03", json!({})).await;
    assert_eq!(numbers(&forward, "items"), [number(0)], "from the first bill on, whatever was asked for");
    let store = bills[2].to.uid;
    let of_store = ask(
        "2026-11-20",
        "2026-11-22",
        json!({ "storeuid": store, "storetype": bills[2].store_type.number() }),
    );
    assert!(numbers(&of_store.await, "items").contains(&number(2)));
    assert_eq!(ask("2026-11-20", "2026-11-22", json!({ "storeuid": "101" })).await["code"], code::PARAMETER);
    assert_eq!(ask("2026-11-22", "2026-11-20", json!({})).await["code"], code::PARAMETER);
}

#[tokio::test]
async fn rows_of_a_batch_are_gone_until_it_is_read_again_by_name_committed_or_cancelled() {
    let simulator = simulator(|settings| settings.batch_size = 3).await;
    let bills = outbounds(5);
    simulator.add(bills.clone());
    let query = "QueryTransferringOrderInfo";
    let first = call(&simulator, query, outbound_question(&every_store())).await;
    let batch = first["sumbatch"].as_str().unwrap();
    assert_eq!(numbers(&first, "billnoitems").len(), 3);
    assert_eq!(simulator.marked(bills[0].uid), Some(Marked::HandedOut));
    let mut again = outbound_question(&every_store());
    again["sumbatch"] = batch.into();
    assert_eq!(call(&simulator, query, again.clone()).await["billnoitems"], first["billnoitems"]);

    let second = call(&simulator, query, outbound_question(&every_store())).await;
    assert_eq!(numbers(&second, "billnoitems").len(), 2, "marked rows are not shown under another name");
    let third = call(&simulator, query, outbound_question(&every_store())).await;
    assert!(third.get("sumbatch").is_none() && numbers(&third, "billnoitems").is_empty());

    let commit = json!({ "sumbatch": batch });
    for _ in 0..2 {
        assert_eq!(call(&simulator, "AchieveQueryTransferringOrderInfo", commit.clone()).await["code"], 0);
    }
    assert!(numbers(&call(&simulator, query, again).await, "billnoitems").is_empty());
    assert_eq!(simulator.uncommitted(), [second["sumbatch"].as_str().unwrap()]);
    let unknown = json!({ "sumbatch": "none" });
    let refused = call(&simulator, "AchieveQueryTransferringOrderInfo", unknown).await;
    assert_eq!(refused["code"], code::UNKNOWN_BATCH);

    let cancel = "AchieveRetQueryTransferringOrderInfo";
    assert_eq!(call(&simulator, cancel, json!({ "buid": [bills[0].uid] })).await["code"], 0);
    let back = call(&simulator, query, outbound_question(&every_store())).await;
    assert_eq!(numbers(&back, "billnoitems"), [bills[0].number.clone()]);
    assert_eq!(simulator.cancelled_everything(), 0);
    assert_eq!(call(&simulator, cancel, json!({ "buid": [] })).await["code"], 0);
    assert_eq!(simulator.cancelled_everything(), 1, "the platform cancels everything, and says that it did");
    assert!(bills.iter().all(|bill| simulator.marked(bill.uid).is_none()));
}

#[tokio::test]
async fn a_platform_whose_batches_advance_hands_every_row_out() {
    let simulator = simulator(|settings| {
        settings.batch_size = 2;
        settings.drain = Drain::Advances;
        settings.dialect = Dialect::Table;
    })
    .await;
    simulator.add(outbounds(5));
    let query = "QueryTransferringOrderInfo";
    let mut reply = call(&simulator, query, outbound_question(&every_store())).await;
    let mut question = outbound_question(&every_store());
    question["sumbatch"] = reply["sumbatch"].clone();
    let mut seen = BTreeSet::new();
    loop {
        let rows = numbers(&reply, "billnoitmes");
        if rows.is_empty() {
            break;
        }
        seen.extend(rows);
        reply = call(&simulator, query, question.clone()).await;
    }
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn exactly_one_selector_is_taken_and_the_stores_to_ask_for_are_told() {
    let simulator = simulator(|_| ()).await;
    let bills = outbounds(6);
    simulator.add(bills.clone());
    let mut both = outbound_question(&every_store());
    both["dluiditems"] = json!([3432]);
    let mut none = outbound_question(&[]);
    none.as_object_mut().unwrap().remove("storeuiditems");
    for wrong in [both, none, outbound_question(&[])] {
        let reply = call(&simulator, "QueryTransferringOrderInfo", wrong).await;
        assert_eq!(reply["code"], code::PARAMETER);
    }
    let window = json!({ "startday": "2026-11-21", "endday": "2026-11-23", "stock": 1001 });
    let stores = call(&simulator, "GetTransferringStores", window).await;
    let told: BTreeSet<u64> =
        stores["items"].as_array().unwrap().iter().map(|uid| uid.as_u64().unwrap()).collect();
    assert_eq!(told, bills.iter().map(|bill| bill.to.uid).collect());
    assert_eq!(stores["cmd"], "GetTransferringStoresResp");
    let one = *told.first().unwrap();
    let rows = call(&simulator, "QueryTransferringOrderInfo", outbound_question(&[one])).await;
    assert_eq!(numbers(&rows, "billnoitems").len(), bills.iter().filter(|bill| bill.to.uid == one).count());
}

#[tokio::test]
async fn sales_are_told_per_store_and_day_in_batches_if_the_platform_has_them() {
    let simulator = simulator(|settings| settings.sale_batches = true).await;
    let bills = StorePlan { sales: 12, ..plan(0) }.generate();
    simulator.add(bills.clone());
    let store = STORES[2].uid;
    let own = bills.iter().filter(|bill| bill.to.uid == store).count();
    let ask = |start: &str, end: &str, (from, to): (&str, &str)| json!({ "date": "2026-11-22", "storeuid": store, from: start, to: end });
    let early =
        call(&simulator, "QuerySaleOrderInfo", ask("00:00:00", "07:59:59", ("starttime", "endtime"))).await;
    assert!(numbers(&early, "billnoitems").is_empty());
    let all =
        call(&simulator, "QuerySaleOrderInfo", ask("00:00:00", "23:59:59", ("startday", "endday"))).await;
    assert_eq!(numbers(&all, "billnoitems").len(), own);
    let commit = json!({ "sumbatch": all["sumbatch"] });
    assert_eq!(call(&simulator, "AchieveQueryTransferringOrderInfo", commit).await["code"], 0);
    let wrong = ask("8:00", "23:59:59", ("starttime", "endtime"));
    assert_eq!(call(&simulator, "QuerySaleOrderInfo", wrong).await["code"], code::PARAMETER);
}

fn announcement(number: &str) -> Value {
    json!({ "items": {
        "tbillno": number, "parebillno": "BH1", "rdate": "2026-11-22", "billingdate": "2026-11-22 10:00:00",
        "refertime": "2026-11-22 10:00:01", "outstorecode": "WH01", "instorecode": "0101",
        "amounttotal": 2, "dealtotal": 120.5, "billitems": [{
            "prodcode": "SKU-0001", "prodname": "龙井茶", "unit": "件", "dealpri": 60.25, "amount": 2,
            "trademoney": 120.5, "additionalunit": "", "additionalunit_amount": 0, "remark": "" }],
    } })
}

#[tokio::test]
async fn an_announcement_is_taken_once_and_shown_without_our_number() {
    let simulator = simulator(|_| ()).await;
    let reply = call(&simulator, "AddSTOBill", announcement("T1")).await;
    assert_eq!((&reply["code"], &reply["items"]["tbillno"]), (&json!(0), &json!("T1")));
    assert_eq!(call(&simulator, "AddSTOBill", announcement("T1")).await["code"], code::DUPLICATE);
    let announced = simulator.announced();
    assert_eq!(announced.len(), 1);
    assert_eq!((announced[0].request_no.as_deref(), announced[0].to.as_str()), (Some("BH1"), "0101"));
    assert_eq!(announced[0].claimed.1.to_string(), "120.5");
    let shown = call(&simulator, "QueryTransferringOrderInfo", outbound_question(&[STORES[0].uid])).await;
    assert_eq!(numbers(&shown, "billnoitems"), [reply["items"]["billno"].as_str().unwrap()]);
    assert!(!shown.to_string().contains("T1"));
    for (key, wrong) in
        [("instorecode", json!("9999")), ("billitems", json!([])), ("rdate", json!("22.11.2026"))]
    {
        let mut bad = announcement("T2");
        bad["items"][key] = wrong;
        assert_eq!(call(&simulator, "AddSTOBill", bad).await["code"], code::PARAMETER, "{key}");
    }
}

#[tokio::test]
async fn shipped_quantities_are_written_to_bills_and_lines_that_exist() {
    let simulator = simulator(|_| ()).await;
    let bill = outbounds(1).remove(0);
    simulator.add([bill.clone()]);
    let line = |uid: u64| {
        json!({ "ibiuid": uid, "produid": bill.lines[0].product_uid, "prodname": "x", "unit": "件", "amount": 1,
                "tamount": 1.1, "additional_unit": "", "additionalunit_amount": 0, "additionalunit_tamount": 0 })
    };
    let update = async |buid: Value, line: Value| {
        let parameters = json!({ "buid": buid, "cbill": "斗拱", "billnoitems": [line] });
        call(&simulator, "UpdateTransferringOrderInfo", parameters).await["code"].as_i64().unwrap()
    };
    let own = bill.lines[0].uid;
    assert_eq!(update(json!(bill.uid), line(own)).await, 0);
    assert_eq!(update(json!(bill.uid), line(own)).await, 0, "repeating it is safe");
    assert_eq!(update(json!(bill.number), line(own)).await, code::PARAMETER, "a number is no id");
    assert_eq!(update(json!(1), line(own)).await, code::UNKNOWN_BILL);
    assert_eq!(update(json!(bill.uid), line(1)).await, code::PARAMETER);
    assert_eq!(simulator.shipped().len(), 2);
    assert_eq!(simulator.shipped()[0].lines[0].2.to_string(), "1.1");
}

#[tokio::test]
async fn faults_spoil_the_answer_before_or_after_the_work() {
    let simulator = simulator(|_| ()).await;
    let add = async |number: &str| {
        let mut body = announcement(number);
        body["cmd"] = "AddSTOBill".into();
        body["seq"] = "seq-7".into();
        let url = format!("{}/{SECRET}", simulator.url());
        let response = http().post(url).body(body.to_string()).send().await?;
        response.text().await
    };
    let faults = [
        (Fault::Timeout(Strikes::BeforeCommit), 0),
        (Fault::Timeout(Strikes::AfterCommit), 1),
        (Fault::Reset(Strikes::AfterCommit), 1),
        (Fault::Status(502, Strikes::BeforeCommit), 0),
        (Fault::Html(Strikes::AfterCommit), 1),
        (Fault::TruncatedJson(Strikes::AfterCommit), 1),
        (Fault::Code("4711".to_owned(), Strikes::BeforeCommit), 0),
        (Fault::Throttle, 0),
        (Fault::TokenExpired, 0),
        (Fault::Slow(Duration::from_millis(50)), 1),
        (Fault::WrongEcho, 1),
        (Fault::ExtraKeys, 1),
    ];
    for (index, (fault, committed)) in faults.into_iter().enumerate() {
        let before = simulator.announced().len();
        let rule = simulator.faults().add(Rule::on("AddSTOBill", When::Always, fault.clone()));
        let answer = add(&format!("T{index}")).await;
        simulator.faults().remove(rule);
        assert_eq!(simulator.announced().len() - before, committed, "{fault:?}");
        match fault {
            Fault::Timeout(_) | Fault::Reset(_) => assert!(answer.is_err(), "{fault:?}"),
            Fault::Status(..) | Fault::Html(_) | Fault::TruncatedJson(_) => {
                assert!(serde_json::from_str::<Value>(&answer.unwrap()).is_err(), "{fault:?}");
            }
            Fault::WrongEcho => assert!(!answer.unwrap().contains("seq-7")),
            Fault::Code(..) => assert!(answer.unwrap().contains("4711")),
            _ => assert!(serde_json::from_str::<Value>(&answer.unwrap()).is_ok(), "{fault:?}"),
        }
    }
}

#[tokio::test]
async fn every_bill_is_valid_json_in_both_dialects_and_every_command_has_an_answer() {
    for dialect in [Dialect::Table, Dialect::Example] {
        let bills =
            StorePlan { dialect: Some(dialect), canary: Some("canary".to_owned()), ..plan(100) }.generate();
        for bill in &bills {
            let body = Pusher::body(bill.kind, "s", std::slice::from_ref(bill));
            let value: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(value["items"][0]["billno"], Value::from(bill.number.as_str()));
            assert!(body.contains("canary-mobileno"));
        }
    }
    let simulator = simulator(|_| ()).await;
    for command in COMMANDS {
        let reply = call(&simulator, command, json!({})).await;
        assert_ne!(reply["code"], code::UNKNOWN_COMMAND, "{command}");
    }
    assert_eq!(simulator.cancelled_everything(), 1, "a cancellation without a list is one of everything");
}

/// A push as it arrived.
#[derive(Debug, Clone)]
struct Arrived {
    path: String,
    headers: HeaderMap,
    body: Value,
}

/// What a receiver does with a push: the nth of all, from 1.
type Behaviour = fn(nth: usize) -> (StatusCode, &'static str);

#[derive(Clone)]
struct Receiver {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    behaviour: Behaviour,
}

impl Receiver {
    async fn start(behaviour: Behaviour) -> (Server, Self) {
        async fn take(
            State(receiver): State<Receiver>,
            uri: Uri,
            headers: HeaderMap,
            body: Bytes,
        ) -> (StatusCode, String) {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let seq = body["seq"].as_str().unwrap_or_default().to_owned();
            let nth = {
                let mut arrived = receiver.arrived.lock().unwrap();
                arrived.push(Arrived { path: uri.to_string(), headers, body });
                arrived.len()
            };
            let (status, answer) = (receiver.behaviour)(nth);
            (status, answer.replace("SEQ", &seq))
        }
        let receiver = Self { arrived: Arc::default(), behaviour };
        let router = Router::new().fallback(take).with_state(receiver.clone());
        (Server::start(router).await.unwrap(), receiver)
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

const GOOD: (StatusCode, &str) = (StatusCode::OK, r#"{"code":0,"msg":"","seq":"SEQ"}"#);

fn settings(server: &Server, preset: AuthPreset) -> PushSettings {
    let mut settings = PushSettings::new(&format!("{}/store", server.url()), Auth::new(preset, SECRET));
    settings.pause = Duration::from_millis(1);
    settings
}

#[tokio::test]
async fn bills_of_the_kinds_that_are_pushed_are_pushed_once_each() {
    let (server, receiver) = Receiver::start(|_| GOOD).await;
    let simulator = simulator(|_| ()).await;
    let bills = plan(100).generate();
    let pushed = simulator.push(settings(&server, AuthPreset::UrlToken), &bills).await.unwrap();
    assert_eq!((pushed.acknowledged(), pushed.given_up().count(), pushed.dropped().count()), (60, 0, 0));
    assert_eq!(simulator.bills().len(), 100);
    let arrived = receiver.arrived();
    assert!(arrived.iter().all(|push| push.path == format!("/store/{SECRET}")));
    let seqs: BTreeSet<&str> = arrived.iter().map(|push| push.body["seq"].as_str().unwrap()).collect();
    assert_eq!(seqs.len(), 60);
    assert!(seqs.iter().all(|seq| seq.len() == 36));
    let echoed = |push: &dougong_simulators::store::push::Push| {
        push.attempts
            .iter()
            .all(|attempt| attempt.answer == PushAnswer::Acknowledged { seq: Some(attempt.seq.clone()) })
    };
    assert!(pushed.pushes.iter().all(echoed));
}

#[tokio::test]
async fn a_push_is_tried_again_with_its_number_or_a_new_one_until_it_is_acknowledged_or_given_up() {
    for retry_seq in [RetrySeq::Same, RetrySeq::New] {
        let (server, receiver) = Receiver::start(|nth| match nth {
            1 => (StatusCode::SERVICE_UNAVAILABLE, r#"{"code":1500,"msg":"retry","seq":"SEQ"}"#),
            2 => (StatusCode::OK, "success"),
            _ => GOOD,
        })
        .await;
        let simulator = simulator(|_| ()).await;
        let bills = StorePlan { declares: 1, ..plan(0) }.generate();
        let settings = PushSettings { retry_seq, ..settings(&server, AuthPreset::None) };
        let pushed = simulator.push(settings, &bills).await.unwrap();
        let attempts = &pushed.pushes[0].attempts;
        assert!(matches!(attempts[0].answer, PushAnswer::Refused { status: 503, code: Some(1500), .. }));
        assert_eq!(attempts[1].answer, PushAnswer::Unreadable { status: 200 });
        assert!(pushed.pushes[0].is_acknowledged());
        let seqs: BTreeSet<String> =
            receiver.arrived().iter().map(|push| push.body["seq"].to_string()).collect();
        assert_eq!(seqs.len(), if retry_seq == RetrySeq::Same { 1 } else { 3 });
    }
    let (server, _) = Receiver::start(|_| (StatusCode::OK, r#"{"code":1001}"#)).await;
    let bills = StorePlan { declares: 1, ..plan(0) }.generate();
    let simulator = simulator(|_| ()).await;
    let pushed = simulator.push(settings(&server, AuthPreset::None), &bills).await.unwrap();
    assert_eq!((pushed.given_up().count(), pushed.attempts().count()), (1, 3));
}

#[tokio::test]
async fn pushes_are_dropped_repeated_changed_and_out_of_order_as_the_seed_says() {
    let (server, receiver) = Receiver::start(|_| GOOD).await;
    let simulator = simulator(|_| ()).await;
    let bills = StorePlan { declares: 200, ..plan(0) }.generate();
    let settings = PushSettings {
        dropped_per_mille: 200,
        repeated_per_mille: 200,
        changed_per_mille: 100,
        order: Order::Shuffled,
        connections: 8,
        ..settings(&server, AuthPreset::None)
    };
    let pushed = simulator.push(settings, &bills).await.unwrap();
    let why = |why: Why| pushed.pushes.iter().filter(|push| push.why == why).count();
    let dropped = pushed.dropped().count();
    assert!((20..60).contains(&dropped), "{dropped}");
    assert!((10..60).contains(&why(Why::Repeated)), "{}", why(Why::Repeated));
    assert!((5..40).contains(&why(Why::Changed)), "{}", why(Why::Changed));
    assert_eq!(why(Why::New), 200);
    assert_eq!(receiver.arrived().len(), pushed.acknowledged());
    assert_eq!(simulator.bills().len(), 200, "a corrected bill replaces the first");
    for push in pushed.pushes.iter().filter(|push| push.why == Why::Changed) {
        let now = simulator.bills().into_iter().find(|bill| bill.number == push.numbers[0]).unwrap();
        let before = bills.iter().find(|bill| bill.number == push.numbers[0]).unwrap();
        assert_eq!(now, before.changed());
    }
    let first: Vec<String> =
        receiver.arrived().iter().map(|push| push.body["items"][0]["billno"].to_string()).collect();
    assert!(!first.is_sorted());
}

#[tokio::test]
async fn every_preset_signs_what_the_platform_itself_accepts() {
    for preset in [
        AuthPreset::None,
        AuthPreset::UrlToken,
        AuthPreset::HeaderToken,
        AuthPreset::SortedMd5,
        AuthPreset::HmacSha256,
    ] {
        let simulator = simulator(|settings| settings.auth = Auth::new(preset, SECRET)).await;
        let pusher = |secret: &str| {
            Pusher::new(PushSettings::new(&simulator.url(), Auth::new(preset, secret))).unwrap()
        };
        let body = r#"{"cmd":"QueryAllPay","seq":"1"}"#;
        let good = pusher(SECRET).post("1", body).await;
        assert_eq!(good.answer, PushAnswer::Acknowledged { seq: Some("1".to_owned()) }, "{preset:?}");
        if preset == AuthPreset::None {
            continue;
        }
        let forged = pusher("another-secret-000001").post("1", body).await;
        assert!(
            matches!(forged.answer, PushAnswer::Refused { code: Some(code::UNAUTHORIZED), .. }),
            "{preset:?}: {:?}",
            forged.answer
        );
        if matches!(preset, AuthPreset::SortedMd5 | AuthPreset::HmacSha256) {
            let stale = pusher(SECRET).with_clock_offset(-3600).post("1", body).await;
            assert!(matches!(stale.answer, PushAnswer::Refused { .. }), "{preset:?}");
        }
    }
    let (server, receiver) = Receiver::start(|_| GOOD).await;
    let pusher = Pusher::new(settings(&server, AuthPreset::HmacSha256)).unwrap();
    pusher.post("1", "{}").await;
    assert!(receiver.arrived()[0].headers.contains_key("x-signature"));
}
