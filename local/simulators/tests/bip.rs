//! The simulated BIP, called by the real client: what it promises, and what it refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

#[path = "../../../shared/bip/tests/bip/order.rs"]
mod order;

use std::time::{Duration, Instant};

use dougong_bip::{
    Alone, CallError, Client, Clock, Credential, Gateway, Likeness, ListQuery, Lookup, Order, Pauses,
    RefusalReason, ReturnSource, SaleReturn, SaveOutcome, Session, Slot, Timeouts, Voucher, VoucherKind,
    discover,
};
use dougong_simulators::bip::{
    Done, Given, MasterData, Numbering, OldTokens, SAVE, Settings, Simulator, TOKEN,
};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_values::{DocumentKey, ResubmitKey, VoucherCode};
use order::{money, order, quantity};
use secrecy::SecretString;

async fn simulator(change: impl FnOnce(&mut Settings)) -> Simulator {
    let mut settings = Settings { calls_per_minute: None, ..Settings::default() };
    change(&mut settings);
    Simulator::start(settings).await.unwrap()
}

fn session_as(simulator: &Simulator, app_secret: &str) -> Session<Alone> {
    let gateway = Gateway { token_url: simulator.token_url(), gateway_url: simulator.gateway_url() };
    let credential = Credential::new(simulator.settings().app_key.clone(), SecretString::from(app_secret));
    let quick = Duration::from_millis(400);
    let timeouts = Timeouts { connect: quick, read: quick, total: quick };
    let none = Duration::ZERO;
    Session::new(Client::new(gateway, credential, timeouts).unwrap(), Alone::new(60_000, Clock::System))
        .with_pauses(Pauses { throttled: none, misconfigured: none, no_token: none, jitter: none })
}

fn session(simulator: &Simulator) -> Session<Alone> {
    session_as(simulator, &simulator.settings().app_secret)
}

async fn slot(session: &Session<Alone>) -> Slot {
    // A pause of no length may still be running for a millisecond.
    loop {
        match session.reserve(1, Duration::from_secs(5)).await {
            Ok(mut slots) => break slots.pop().unwrap(),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

async fn save(session: &Session<Alone>, order: &Order) -> SaveOutcome {
    session.save_order(slot(session).await, order).await
}

/// Another order than `order()`: its own key and code.
fn numbered(number: u32) -> Order {
    let mut order = order();
    let document: DocumentKey = format!("stockout#demo2#{number}").parse().unwrap();
    order.resubmit_check_key =
        ResubmitKey::derive(&"demo".parse().unwrap(), &"online-sales".parse().unwrap(), &document);
    order.code = Some(format!("OCK{number:010}").parse().unwrap());
    order
}

fn archives() -> MasterData {
    let set = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    MasterData {
        organisations: set(&["ORG01"]),
        customers: set(&["CUST-TMALL01"]),
        warehouses: set(&["WH001"]),
        products: set(&["SKU-1001", "SKU-2002", "SKU-GIFT"]),
        skus: set(&["SKU-1001", "SKU-2002", "SKU-GIFT"]),
        units: set(&["PCS", "BOX"]),
        taxes: [("VAT13".to_owned(), quantity("0.13"))].into(),
        transaction_types: set(&["SO021"]),
    }
}

#[tokio::test]
async fn an_order_is_kept_as_it_was_sent() {
    let simulator = simulator(|settings| settings.master = Some(archives())).await;
    let mut sent = order();
    sent.order_details[1].scheme_batch_no = Some("LOT".to_owned());
    let outcome = save(&session(&simulator), &sent).await;
    let SaveOutcome::Saved { id, code } = outcome else { panic!("{outcome:?}") };

    let orders = simulator.orders();
    let [kept] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(
        (kept.id.as_str(), Some(kept.code.as_str())),
        (id.as_str(), code.as_ref().map(VoucherCode::as_str))
    );
    assert_eq!(kept.id.len(), 19);
    assert_eq!(kept.resubmit_key.as_deref(), Some(sent.resubmit_check_key.as_str()));
    assert_eq!(kept.pay_money, money("229.90"));
    assert_eq!(kept.head.text("agentId"), Some("CUST-TMALL01"));
    assert_eq!(kept.head.flag("orderPrices!taxInclusive"), Some(true));
    assert_eq!(kept.lines[1].number("oriTaxUnitPrice"), Some(money("10.83333333")));
    assert_eq!(kept.lines[1].get("batchNo"), Some(&Given::Text("LOT20260901".to_owned())));
    assert_eq!(kept.dropped, ["orderDetails[1].batch_no"]);
    assert!(kept.nulls.is_empty());
}

#[tokio::test]
async fn only_the_application_itself_gets_a_token() {
    let simulator = simulator(|_| {}).await;
    let stranger = session_as(&simulator, "another secret");
    let outcome = save(&stranger, &order()).await;
    assert!(
        matches!(&outcome, SaveOutcome::Misconfigured { message, .. } if message == "签名不正确"),
        "{outcome:?}"
    );
    assert!(simulator.tokens().is_empty());

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |query: &str| {
        let base = simulator.token_url();
        let url = format!("{base}/open-auth/selfAppAuth/base/v1/getAccessToken?{query}");
        http.get(url).send().await.unwrap().text().await.unwrap()
    };
    assert!(get("appKey=unknown&timestamp=1&signature=x").await.contains("10018"));
    let late = get("appKey=bip-demo-app-key&timestamp=1700000000000&signature=x").await;
    assert!(late.contains("timestamp"), "{late}");
    let made_up = http
        .post(format!("{}/yonbip/sd/voucherorder/singleSave?access_token=made-up", simulator.gateway_url()))
        .body(order().to_body());
    assert!(made_up.send().await.unwrap().text().await.unwrap().contains("310036"));
    assert_eq!(simulator.order_count(), 0);
}

#[tokio::test]
async fn a_tenant_finds_its_gateway() {
    let simulator = simulator(|_| {}).await;
    let found = discover(&simulator.meta_url(), "demo", Timeouts::default()).await.unwrap();
    assert_eq!(found.gateway_url, simulator.gateway_url());
    let unknown = discover(&simulator.meta_url(), "nobody", Timeouts::default()).await;
    assert!(matches!(unknown, Err(CallError::Misconfigured { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_key_saves_once_and_is_forgotten_after_a_month() {
    let simulator = simulator(|settings| settings.numbering = Numbering::Automatic).await;
    let session = session(&simulator);
    let mut sent = order();
    sent.code = None;
    let SaveOutcome::Saved { id, .. } = save(&session, &sent).await else { panic!("not saved") };

    // Within the hour: the first answer, whatever the document says now.
    sent.memo = Some("another memo".to_owned());
    let again = save(&session, &sent).await;
    assert!(matches!(&again, SaveOutcome::Saved { id: same, .. } if *same == id), "{again:?}");
    simulator.set_clock_offset(2 * 3600);
    assert_eq!(save(&session, &sent).await, SaveOutcome::AlreadySaved { id: id.clone() });
    assert_eq!((simulator.order_count(), simulator.orders()[0].repeats), (1, 2));

    simulator.set_clock_offset(31 * 24 * 3600);
    let anew = save(&session, &sent).await;
    assert!(matches!(&anew, SaveOutcome::Saved { id: other, .. } if *other != id), "{anew:?}");
    assert_eq!(simulator.order_count(), 2);
}

#[tokio::test]
async fn a_code_is_taken_once_even_when_the_key_is_forgotten() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    assert_eq!(save(&session, &order()).await.name(), "saved");
    simulator.set_clock_offset(31 * 24 * 3600);
    let outcome = save(&session, &order()).await;
    assert!(matches!(outcome, SaveOutcome::Refused { reason: RefusalReason::CodeTaken, .. }), "{outcome:?}");
    let found =
        session.find_by_code(slot(&session).await, VoucherKind::Order, order().code.as_ref().unwrap()).await;
    let Lookup::Found(found) = found else { panic!("{found:?}") };
    assert_eq!(found.compare(&Voucher::Order(order())), Likeness::Same);
}

#[tokio::test]
async fn a_return_is_looked_up_among_the_returns_alone() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    let voucher = Voucher::Return(SaleReturn::of(order(), ReturnSource::None));
    let saved = session.save(slot(&session).await, &voucher).await;
    assert_eq!(saved.name(), "saved", "{saved:?}");
    let code = voucher.code().unwrap();
    let found = session.find_by_code(slot(&session).await, VoucherKind::Return, code).await;
    let Lookup::Found(found) = found else { panic!("{found:?}") };
    assert_eq!(found.compare(&voucher), Likeness::Same);
    let among_orders = session.find_by_code(slot(&session).await, VoucherKind::Order, code).await;
    assert_eq!(among_orders, Lookup::Absent);
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_leaves_one_order() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    let after = Strikes::AfterCommit;
    let faults = [
        Fault::Timeout(after),
        Fault::Reset(after),
        Fault::Status(502, after),
        Fault::Code("202".to_owned(), after),
        Fault::Code("310504".to_owned(), after),
        Fault::Html(after),
        Fault::TruncatedJson(after),
        Fault::Slow(Duration::from_millis(600)),
    ];
    for (number, fault) in (1..).zip(faults) {
        let rule = simulator.add_fault(Rule::on(SAVE, When::Nth(1), fault.clone()));
        let lost = save(&session, &numbered(number)).await;
        assert_eq!(lost.name(), "unknown", "{fault:?}: {lost:?}");
        simulator.faults().remove(rule);
        // The slow one is still being worked on, which the same key is told.
        let again = loop {
            match save(&session, &numbered(number)).await {
                SaveOutcome::Unknown { .. } => tokio::time::sleep(Duration::from_millis(50)).await,
                outcome => break outcome,
            }
        };
        assert_eq!(again.name(), "saved", "{fault:?}: {again:?}");
        assert_eq!(simulator.order_count(), number as usize, "{fault:?}");
    }
    assert_eq!(simulator.faults().log().len(), 8);
}

#[tokio::test]
async fn a_fault_before_the_commit_leaves_nothing() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    let before = Strikes::BeforeCommit;
    let faults = [
        (Fault::Timeout(before), "unknown"),
        (Fault::Reset(before), "unknown"),
        (Fault::Status(503, before), "unknown"),
        (Fault::Code("999".to_owned(), before), "refused"),
        (Fault::Html(before), "unknown"),
        (Fault::TruncatedJson(before), "unknown"),
        (Fault::Throttle, "throttled"),
    ];
    for (fault, expected) in faults {
        let rule = simulator.add_fault(Rule::on(SAVE, When::Always, fault.clone()));
        let outcome = save(&session, &order()).await;
        assert_eq!(outcome.name(), expected, "{fault:?}: {outcome:?}");
        assert_eq!(simulator.order_count(), 0, "{fault:?}");
        simulator.faults().remove(rule);
    }
    assert_eq!(save(&session, &order()).await.name(), "saved");
}

#[tokio::test]
async fn dead_tokens_are_replaced_once() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    assert_eq!(save(&session, &numbered(1)).await.name(), "saved");
    simulator.revoke_tokens();
    assert_eq!(save(&session, &numbered(2)).await.name(), "saved");
    simulator.add_fault(Rule::on(SAVE, When::Nth(1), Fault::TokenExpired));
    assert_eq!(save(&session, &numbered(3)).await.name(), "saved");
    // Expired by the books' clock, while the caller thinks it has hours left; the list says so in plain text.
    simulator.set_clock_offset(7201);
    assert!(
        session
            .list(slot(&session).await, VoucherKind::Order, &ListQuery::of_code(&"OCK".parse().unwrap()))
            .await
            .is_ok()
    );
    assert_eq!(simulator.tokens().len(), 4);
}

#[tokio::test]
async fn a_second_token_kills_the_first_unless_it_is_told_not_to() {
    for (old_tokens, expected) in [(OldTokens::Die, 3), (OldTokens::Live, 2)] {
        let simulator = simulator(|settings| settings.old_tokens = old_tokens).await;
        // Two applications that do not share their state.
        let (first, second) = (session(&simulator), session(&simulator));
        for (number, session) in [(1, &first), (2, &second), (3, &first)] {
            assert_eq!(save(session, &numbered(number)).await.name(), "saved");
        }
        assert_eq!(simulator.tokens().len(), expected, "{old_tokens:?}");
    }
}

#[tokio::test]
async fn more_calls_in_a_minute_than_allowed_are_throttled_and_counted() {
    let simulator = simulator(|settings| settings.calls_per_minute = Some(3)).await;
    let session = session(&simulator);
    for (number, expected) in [(1, "saved"), (2, "saved"), (3, "throttled"), (4, "throttled")] {
        assert_eq!(save(&session, &numbered(number)).await.name(), expected);
    }
    // The token is a call as any other.
    let calls = simulator.calls();
    assert_eq!(calls.iter().map(|call| call.operation).collect::<Vec<_>>(), [TOKEN, SAVE, SAVE, SAVE, SAVE]);
    assert_eq!(calls[3].done, Done::Refused("310046".to_owned()));
    assert_eq!((simulator.busiest_minute(), simulator.order_count()), (5, 2));
    simulator.set_calls_per_minute(None);
    assert_eq!(save(&session, &numbered(3)).await.name(), "saved");
}

type Change = fn(&mut Order);

#[tokio::test]
async fn every_broken_identity_is_refused() {
    let simulator = simulator(|settings| settings.master = Some(archives())).await;
    let session = session(&simulator);
    let changes: [(Change, &str); 13] = [
        (|order| order.pay_money += money("0.01"), "合计不一致"),
        (|order| order.real_money = Some(money("1")), "合计不一致"),
        (|order| order.order_details[0].ori_tax += money("0.01"), "无税金额+税额≠含税金额"),
        (|order| order.order_details[0].nat_tax += money("0.01"), "无税金额+税额≠含税金额"),
        (|order| order.order_details[0].ori_tax_unit_price += money("0.01"), "单价×数量≠金额"),
        (|order| order.order_details[0].ori_unit_price += money("0.01"), "单价×数量≠金额"),
        (|order| order.order_details[0].ori_tax_unit_price += money("0.0000000004"), "单价精度"),
        (|order| order.order_details[0].ori_sum += money("0.001"), "金额精度"),
        (|order| order.order_details[1].sub_qty = quantity("3"), "换算率不一致"),
        (|order| order.order_details[2].qty = quantity("0"), "数量只能为正数"),
        (|order| order.exch_rate = quantity("2"), "原币、汇率不一致"),
        (
            |order| {
                // Six per cent where the item says thirteen.
                order.order_details[0] = order::line("SKU-1001", "3", "99.90", "94.25");
            },
            "税额与税率不一致",
        ),
        (|order| order.sales_org_id.clear(), "salesOrgId"),
    ];
    for (index, (change, words)) in changes.into_iter().enumerate() {
        let mut broken = order();
        change(&mut broken);
        let outcome = save(&session, &broken).await;
        assert!(
            matches!(&outcome, SaveOutcome::Refused { message, .. } if message.contains(words)),
            "change {index}: {outcome:?}"
        );
    }
    assert_eq!(save(&session, &order()).await.name(), "saved");
}

#[tokio::test]
async fn codes_that_no_archive_has_are_refused() {
    let simulator = simulator(|settings| settings.master = Some(archives())).await;
    let session = session(&simulator);
    let changes: [(Change, &str); 7] = [
        (|order| "C?".clone_into(&mut order.agent_id), "客户:C? 不存在！"),
        (|order| "O?".clone_into(&mut order.settlement_org_id), "组织:O? 不存在！"),
        (|order| "T?".clone_into(&mut order.transaction_type_id), "交易类型:T? 不存在！"),
        (|order| "P?".clone_into(&mut order.order_details[2].product_id), "商品:P? 不存在！"),
        (|order| order.order_details[0].stock_id = Some("W?".to_owned()), "仓库:W? 不存在！"),
        (|order| "U?".clone_into(&mut order.order_details[1].product_aux_unit_id), "计量单位:U? 不存在！"),
        (|order| "V?".clone_into(&mut order.order_details[1].tax_id), "税目税率:V? 不存在！"),
    ];
    for (change, words) in changes {
        let mut broken = order();
        change(&mut broken);
        let outcome = save(&session, &broken).await;
        assert!(
            matches!(&outcome, SaveOutcome::Refused { code, message, .. } if code == "999" && message == words),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn bodies_that_are_no_order_are_refused_in_bips_words() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    assert_eq!(save(&session, &numbered(1)).await.name(), "saved");
    let token = simulator.tokens().pop().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |body: String| {
        let url = format!("{}/yonbip/sd/voucherorder/singleSave", simulator.gateway_url());
        let request = http.post(url).query(&[("access_token", token.as_str())]).body(body);
        request.send().await.unwrap().text().await.unwrap()
    };
    let whole = numbered(2).to_body();
    for (body, words) in [
        ("{".to_owned(), "310002"),
        (r#"{"orderDetails":[]}"#.to_owned(), "参数[data]是必填的"),
        (whole.replacen("\"agentId\":\"CUST-TMALL01\",", "", 1), "参数[agentId]是必填的"),
        (whole.replacen("\"agentId\":\"CUST-TMALL01\"", "\"agentId\":null", 1), "参数[agentId]是必填的"),
        (whole.replace("\"taxId\":\"VAT13\",", ""), "第1行：taxId不能为空"),
        (whole.replace("2026-11-21 00:00:00", "2026-11-21"), "单据日期格式不正确"),
        (whole.replacen("\"oriSum\":99.9", "\"oriSum\":99.90000000000000568", 1), "类型不正确"),
        (whole.replacen("\"code\":\"OCK0000000002\",", "", 1), "单据编码不能为空"),
        (whole.replacen(numbered(2).resubmit_check_key.as_str(), &"x".repeat(33), 1), "长度不能超过32"),
    ] {
        let answer = post(body).await;
        assert!(answer.contains(words), "{words}: {answer}");
    }
    assert_eq!(simulator.order_count(), 1);
    // Numbers as strings and optional nulls are taken, as production scripts send them.
    let odd = whole.replacen("\"oriSum\":99.9", "\"oriSum\":\"99.90\"", 1).replacen(
        "\"source\":4",
        "\"source\":null",
        1,
    );
    assert!(post(odd).await.contains("操作成功"));
    assert_eq!(simulator.orders()[1].nulls, ["source"]);
}

#[tokio::test]
async fn orders_are_found_by_code_by_date_and_by_id() {
    let simulator = simulator(|_| {}).await;
    let session = session(&simulator);
    for number in [1, 10, 11] {
        assert_eq!(save(&session, &numbered(number)).await.name(), "saved");
    }
    let code = |text: &str| text.parse().unwrap();
    let found = session.find_by_code(slot(&session).await, VoucherKind::Order, &code("OCK0000000001")).await;
    let Lookup::Found(found) = found else { panic!("{found:?}") };
    assert_eq!(found.pay_money, Some(money("229.90")));
    assert_eq!(
        session.find_by_code(slot(&session).await, VoucherKind::Order, &code("OCK000000000")).await,
        Lookup::Absent
    );

    let detail = session.detail(slot(&session).await, &found.id).await;
    assert!(matches!(detail, Lookup::Found(same) if same.code == found.code));
    assert_eq!(session.detail(slot(&session).await, &"1".parse().unwrap()).await, Lookup::Absent);

    let day = order().vouchdate;
    let by_day = ListQuery { page_size: 2, ..ListQuery::between(day, day.plus_seconds(86_399)) };
    let page = session.list(slot(&session).await, VoucherKind::Order, &by_day).await.unwrap();
    assert_eq!((page.page_count, page.rows.len()), (Some(2), 2));
    // One row per line, but each order once.
    let lines = ListQuery { is_sum: false, ..ListQuery::between(day, day) };
    assert_eq!(session.list(slot(&session).await, VoucherKind::Order, &lines).await.unwrap().rows.len(), 3);
}

#[tokio::test]
async fn a_thousand_orders_take_no_time() {
    let simulator = simulator(|settings| settings.master = Some(archives())).await;
    let session = std::sync::Arc::new(session(&simulator));
    let started = Instant::now();
    let mut savers = tokio::task::JoinSet::new();
    for lane in 0..4_u32 {
        let session = std::sync::Arc::clone(&session);
        savers.spawn(async move {
            for number in 0..250 {
                assert_eq!(save(&session, &numbered(lane * 1000 + number)).await.name(), "saved");
            }
        });
    }
    savers.join_all().await;
    assert_eq!(simulator.order_count(), 1000);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
