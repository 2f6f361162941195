//! Every answer of `payloads/responses.json`, and those BIP gives when something stands in between.

use crate::gateway::{Answer, Gateway, SAVED, alone, slot};
use crate::order::{money, order};
use dougong_bip::{CallError, Likeness, Lookup, RefusalReason, SaveOutcome, Voucher, VoucherKind};
use dougong_values::VoucherId;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Fixture {
    name: String,
    http_status: u16,
    expect: String,
    #[serde(default = "json")]
    content_type: String,
    body: Option<Box<RawValue>>,
    body_text: Option<String>,
}

fn json() -> String {
    "application/json".to_owned()
}

impl Fixture {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("payloads/responses.json")).unwrap()
    }

    fn answer(&self) -> Answer {
        let body = self.body.as_ref().map(|raw| raw.get().to_owned()).or_else(|| self.body_text.clone());
        Answer { status: self.http_status, content_type: self.content_type.clone(), body: body.unwrap() }
    }
}

async fn outcome_of(answer: Answer) -> SaveOutcome {
    let gateway = Gateway::start().await;
    // A refused token is tried twice.
    gateway.says(answer.clone());
    gateway.says(answer);
    let session = gateway.session(alone());
    session.save_order(slot(&session).await, &order()).await
}

async fn outcome_of_json(body: &str) -> SaveOutcome {
    outcome_of(Answer::json(200, body)).await
}

async fn outcome_of_fixture(name: &str) -> SaveOutcome {
    let fixture = Fixture::all().into_iter().find(|fixture| fixture.name == name).unwrap();
    outcome_of(fixture.answer()).await
}

#[tokio::test]
async fn every_sample_answer_leads_to_the_outcome_it_names() {
    for fixture in Fixture::all() {
        let outcome = outcome_of(fixture.answer()).await;
        let expected = match fixture.expect.as_str() {
            "permanent" | "permanent_payload" => "refused",
            "permanent_config" => "misconfigured",
            "transient" => "busy",
            "unknown_retry_same_key" => "unknown",
            same => same,
        };
        assert_eq!(outcome.name(), expected, "{}: {outcome:?}", fixture.name);
    }
}

#[tokio::test]
async fn ids_of_nineteen_digits_survive_as_numbers_and_as_strings() {
    let id: VoucherId = "2517234900202422278".parse().unwrap();
    let code = Some("OCK202611210001".parse().unwrap());
    for name in ["success", "success_numeric_code_and_id"] {
        assert_eq!(outcome_of_fixture(name).await, SaveOutcome::Saved { id: id.clone(), code: code.clone() });
    }
    for name in ["replay_100004", "replay_10004"] {
        assert_eq!(outcome_of_fixture(name).await, SaveOutcome::AlreadySaved { id: id.clone() });
    }
    let in_infos = r#"{"code":"200","data":{"count":1,"sucessCount":1,"failCount":0,"messages":[],"infos":[{"id":2517234900202422278}]}}"#;
    assert_eq!(outcome_of_json(in_infos).await, SaveOutcome::Saved { id, code: None });
}

#[tokio::test]
async fn refusals_keep_bips_words_and_trace_id() {
    let SaveOutcome::Refused { code, message, trace_id, reason } =
        outcome_of_fixture("business_999_with_trace").await
    else {
        panic!("not refused")
    };
    assert_eq!((code.as_str(), message.as_str()), ("999", "会计主体ID:3未找到"));
    assert_eq!(trace_id.as_deref(), Some("885b076633edc3dc"));
    assert_eq!(reason, RefusalReason::Business);

    for (name, words) in [
        ("partial_failcount", "单据日期不能为空！"),
        ("partial_failcount_string_messages", "单据日期不能为空！"),
        ("partial_failcount_object_messages", "OCK202611210002: 编码已经存在"),
    ] {
        let outcome = outcome_of_fixture(name).await;
        assert!(
            matches!(&outcome, SaveOutcome::Refused { message, .. } if message == words),
            "{name}: {outcome:?}"
        );
    }
    let outcome = outcome_of_json(r#"{"code":"200","success":false,"message":"保存失败","data":null}"#).await;
    assert!(matches!(&outcome, SaveOutcome::Refused { message, .. } if message == "保存失败"), "{outcome:?}");
}

#[tokio::test]
async fn a_taken_code_is_told_from_other_refusals() {
    for words in ["编码已经存在", "单据编号[OCK1]重复", "单据号 OCK1 已存在，请检查", "单号重复"]
    {
        let outcome = outcome_of_json(&format!(r#"{{"code":"999","message":"{words}"}}"#)).await;
        assert!(
            matches!(outcome, SaveOutcome::Refused { reason: RefusalReason::CodeTaken, .. }),
            "{words}: {outcome:?}"
        );
    }
    for words in ["商品:SKU-1 不存在！", "重复的单据日期", "客户已存在"] {
        let outcome = outcome_of_json(&format!(r#"{{"code":"999","message":"{words}"}}"#)).await;
        assert!(
            matches!(outcome, SaveOutcome::Refused { reason: RefusalReason::Business, .. }),
            "{words}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_may_have_been_saved_is_unknown() {
    let truncated = &SAVED[..SAVED.len() / 2];
    for (status, content_type, body) in [
        (200, "application/json", truncated),
        (200, "application/json", ""),
        (200, "text/html", "<html>维护中</html>"),
        (200, "application/json", "[]"),
        (200, "application/json", r#"{"data":{"id":"1"}}"#),
        (200, "application/json", r#"{"code":"","data":null}"#),
        (200, "application/json", r#"{"code":"200","message":"操作成功","data":{}}"#),
        (200, "application/json", r#"{"code":"100004","message":"重复提交请求"}"#),
        (200, "application/json", r#"{"code":"310071","message":"后端服务异常"}"#),
        (200, "application/json", r#"{"code":"999","message":"调用服务超时"}"#),
        (500, "application/json", r#"{"code":"999","message":"服务端逻辑异常"}"#),
        (502, "text/html", "<html>Bad Gateway</html>"),
        (504, "text/plain", ""),
        (408, "text/plain", ""),
    ] {
        let answer = Answer { status, content_type: content_type.to_owned(), body: body.to_owned() };
        let outcome = outcome_of(answer).await;
        assert_eq!(outcome.name(), "unknown", "HTTP {status} {body:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_never_reached_bip_is_told_from_what_may_have() {
    for (status, body, expected) in [
        (404, "<html>Not Found</html>", "misconfigured"),
        (403, "<html>Forbidden</html>", "misconfigured"),
        (302, "", "misconfigured"),
        (429, "slow down", "throttled"),
        (413, "too large", "refused"),
        (503, r#"{"code":"310046","message":"API被限流"}"#, "throttled"),
        (200, r#"{"code":310043,"message":"熔断"}"#, "busy"),
        (200, r#"{"code":"310072","message":"拒绝连接"}"#, "busy"),
        (200, r#"{"code":"10018","message":"应用不存在或appKey已停用"}"#, "misconfigured"),
    ] {
        let outcome = outcome_of(Answer::json(status, body)).await;
        assert_eq!(outcome.name(), expected, "HTTP {status} {body:?}: {outcome:?}");
    }
}

async fn look_up(body: &str) -> Lookup {
    let gateway = Gateway::start().await;
    gateway.says(Answer::json(200, body));
    let session = gateway.session(alone());
    session.find_by_code(slot(&session).await, VoucherKind::Order, &"OCK202611210001".parse().unwrap()).await
}

#[tokio::test]
async fn a_look_up_finds_the_exact_code_alone_however_many_rows_it_has() {
    let rows = r#"{"code":"200","data":{"pageIndex":1,"pageCount":1,"recordCount":3,"recordList":[
        {"id":2517234900202422279,"code":"OCK2026112100011","payMoney":1},
        {"id":2517234900202422278,"code":"OCK202611210001","payMoney":229.90,"agentId":2460607732090667012},
        {"id":"2517234900202422278","code":"OCK202611210001","payMoney":229.90}]}}"#;
    let Lookup::Found(found) = look_up(rows).await else { panic!("not found") };
    assert_eq!(found.id.as_str(), "2517234900202422278");
    assert_eq!(found.pay_money, Some(money("229.90")));
    // The customer was sent by code and came back by id: that says nothing.
    assert_eq!(found.compare(&Voucher::Order(order())), Likeness::Same);

    let empty = r#"{"code":"200","data":{"pageIndex":1,"pageCount":0,"recordCount":0,"recordList":[]}}"#;
    assert_eq!(look_up(empty).await, Lookup::Absent);
}

#[tokio::test]
async fn a_look_up_that_cannot_tell_never_says_absent() {
    let two = r#"{"code":"200","data":{"recordList":[{"id":1,"code":"OCK202611210001"},{"id":2,"code":"OCK202611210001"}]}}"#;
    let long = r#"{"code":"200","data":{"pageCount":2,"recordList":[{"id":1,"code":"OCK2026112100012"}]}}"#;
    let unreadable = r#"{"code":"200","data":{"recordList":[{"id":1}]}}"#;
    let no_list = r#"{"code":"200","data":null}"#;
    for body in [two, long, unreadable, no_list, r#"{"code":"999","message":"服务端逻辑异常"}"#, "<html>"]
    {
        assert!(matches!(look_up(body).await, Lookup::Failed(_)), "{body}");
    }
}

#[tokio::test]
async fn another_voucher_under_our_code_is_not_taken_for_ours() {
    let row = |row: &str| format!(r#"{{"code":"200","data":{{"recordList":[{row}]}}}}"#);
    let dearer = row(r#"{"id":1,"code":"OCK202611210001","payMoney":230.9}"#);
    let Lookup::Found(found) = look_up(&dearer).await else { panic!("not found") };
    assert_eq!(
        found.compare(&Voucher::Order(order())),
        Likeness::Different(vec!["payMoney: sent 229.9, found 230.9".to_owned()])
    );
    let elsewhere = row(r#"{"id":1,"code":"OCK202611210001","payMoney":"229.90","agentId_code":"CUST-JD"}"#);
    let Lookup::Found(found) = look_up(&elsewhere).await else { panic!("not found") };
    assert!(matches!(found.compare(&Voucher::Order(order())), Likeness::Different(_)));
    let bare = row(r#"{"id":1,"code":"OCK202611210001"}"#);
    let Lookup::Found(found) = look_up(&bare).await else { panic!("not found") };
    assert_eq!(found.compare(&Voucher::Order(order())), Likeness::Unclear);
}

#[tokio::test]
async fn the_detail_of_an_order_that_does_not_exist_is_absent() {
    let gateway = Gateway::start().await;
    let session = gateway.session(alone());
    let id = "2517234900202422278".parse().unwrap();
    gateway.says(Answer::json(200, r#"{"code":"999","message":"未获取到当前订单商品信息"}"#));
    assert_eq!(session.detail(slot(&session).await, &id).await, Lookup::Absent);
    gateway.says(Answer::json(200, r#"{"code":"310071","message":"后端服务异常"}"#));
    let failed = session.detail(slot(&session).await, &id).await;
    assert!(matches!(failed, Lookup::Failed(CallError::Unknown { .. })), "{failed:?}");
    let found = session.detail(slot(&session).await, &id).await;
    assert!(matches!(found, Lookup::Found(_)), "{found:?}");
}
