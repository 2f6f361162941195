//! One pace, one token, one pause for everyone.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::gateway::{Answer, Gateway, SAVED, SECRET, alone, slot};
use crate::order::order;
use dougong_bip::{Alone, CallError, Clock, NoSlot, SaveOutcome, Session, SharedState, discover};

const SAVE: &str = "/voucherorder/singleSave";
const TOKEN: &str = "/getAccessToken";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_callers_ask_for_one_token() {
    let gateway = Gateway::start().await;
    let session = Arc::new(gateway.session(alone()));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let session = Arc::clone(&session);
        callers.spawn(async move { session.save_order(slot(&session).await, &order()).await });
    }
    for outcome in callers.join_all().await {
        assert_eq!(outcome.name(), "saved", "{outcome:?}");
    }
    assert_eq!((gateway.calls(TOKEN), gateway.calls(SAVE)), (1, 50));
}

#[tokio::test]
async fn environments_that_share_their_state_share_the_token() {
    let gateway = Gateway::start().await;
    let state = alone();
    let (first, second) = (gateway.session(&state), gateway.session(&state));
    let (one, other) = tokio::join!(async { first.save_order(slot(&first).await, &order()).await }, async {
        second.save_order(slot(&second).await, &order()).await
    },);
    assert_eq!((one.name(), other.name()), ("saved", "saved"));
    assert_eq!(gateway.calls(TOKEN), 1);
    let shared = state.load_token().await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&shared.bytes).contains("to+ken"), "the shared token is readable");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_call_made_again() {
    let gateway = Gateway::start().await;
    gateway.script.lock().unwrap().strict = true;
    let session = gateway.session(alone());
    assert_eq!(session.save_order(slot(&session).await, &order()).await.name(), "saved");
    // BIP forgets the token.
    gateway.script.lock().unwrap().tokens += 1;
    assert_eq!(session.save_order(slot(&session).await, &order()).await.name(), "saved");
    assert_eq!((gateway.calls(TOKEN), gateway.calls(SAVE)), (2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_callers_whose_token_died_ask_for_one_successor() {
    let gateway = Gateway::start().await;
    gateway.script.lock().unwrap().strict = true;
    let session = Arc::new(gateway.session(alone()));
    assert_eq!(session.save_order(slot(&session).await, &order()).await.name(), "saved");
    gateway.script.lock().unwrap().tokens += 1;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let session = Arc::clone(&session);
        callers.spawn(async move { session.save_order(slot(&session).await, &order()).await });
    }
    for outcome in callers.join_all().await {
        assert_eq!(outcome.name(), "saved", "{outcome:?}");
    }
    assert_eq!(gateway.calls(TOKEN), 2);
}

#[tokio::test]
async fn a_token_is_asked_for_in_the_first_slot_whoever_comes_first() {
    let gateway = Gateway::start().await;
    let session = gateway.session(Alone::new(300, Clock::System)); // one call in 200 ms
    let mut slots = session.reserve(4, Duration::from_secs(2)).await.unwrap();
    let started_ms = Clock::System.now_ms();
    let (last, first) = (slots.pop().unwrap(), slots.remove(0));
    let (late, early) = tokio::join!(
        async { session.save_order(last, &order()).await },
        // A little later, so that the one with the last slot is there first.
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            session.save_order(first, &order()).await
        },
    );
    assert_eq!((late.name(), early.name()), ("saved", "saved"));
    // Slots 1 (token), 4 and 5 (the first caller's new one): nobody had to exchange a stale one.
    assert!(Clock::System.now_ms() - started_ms < 1_000);
    assert_eq!(gateway.calls(TOKEN), 1);
}

#[tokio::test]
async fn a_token_that_another_environment_refreshed_is_taken_not_asked_for() {
    let gateway = Gateway::start().await;
    gateway.script.lock().unwrap().strict = true;
    let state = alone();
    let (slow, quick) = (gateway.session(&state), gateway.session(&state));
    assert_eq!(slow.save_order(slot(&slow).await, &order()).await.name(), "saved");
    gateway.script.lock().unwrap().tokens += 1;
    assert_eq!(quick.save_order(slot(&quick).await, &order()).await.name(), "saved");
    let before = gateway.calls(TOKEN);
    // This one still holds the dead token in memory.
    assert_eq!(slow.save_order(slot(&slow).await, &order()).await.name(), "saved");
    assert_eq!(gateway.calls(TOKEN), before);
}

#[tokio::test]
async fn a_token_refused_twice_is_given_up_and_everyone_pauses() {
    let gateway = Gateway::start().await;
    for _ in 0..2 {
        gateway.says(Answer::json(200, "非法token"));
    }
    let session = gateway.session(alone());
    assert_eq!(session.save_order(slot(&session).await, &order()).await, SaveOutcome::TokenInvalid);
    assert_eq!((gateway.calls(TOKEN), gateway.calls(SAVE)), (2, 2));
    assert!(matches!(session.reserve(1, Duration::ZERO).await, Err(NoSlot::Paused { .. })));
}

#[tokio::test]
async fn throttling_pauses_every_environment_and_stops_slots_already_given() {
    let gateway = Gateway::start().await;
    let state = alone();
    let (here, there) = (gateway.session(&state), gateway.session(&state));
    let mut slots = here.reserve(2, Duration::from_secs(1)).await.unwrap();
    gateway.says(Answer::json(429, r#"{"code":"310046","message":"API被限流"}"#));
    let outcome = here.save_order(slots.remove(0), &order()).await;
    assert_eq!(outcome, SaveOutcome::Throttled { code: "310046".to_owned() });

    let stopped = here.save_order(slots.remove(0), &order()).await;
    assert_eq!(stopped.name(), "not_sent", "{stopped:?}");
    let Err(NoSlot::Paused { until_ms, .. }) = there.reserve(1, Duration::from_secs(90)).await else {
        panic!("the other environment goes on")
    };
    let left_ms = until_ms - Clock::System.now_ms();
    assert!((55_000..=60_000).contains(&left_ms), "paused for {left_ms} ms");
    assert_eq!(gateway.calls(SAVE), 1);
}

#[tokio::test]
async fn an_application_bip_does_not_serve_stops_everyone_with_the_reason() {
    let gateway = Gateway::start().await;
    gateway.says(Answer::json(200, r#"{"code":"310037","message":"API未被授权"}"#));
    let session = gateway.session(alone());
    let outcome = session.save_order(slot(&session).await, &order()).await;
    assert_eq!(outcome.name(), "misconfigured");
    let Err(NoSlot::Paused { reason, .. }) = session.reserve(1, Duration::ZERO).await else {
        panic!("calls go on")
    };
    assert!(reason.contains("310037") && reason.contains("API未被授权"), "{reason}");
}

#[tokio::test]
async fn a_token_that_is_not_given_is_asked_for_once_more_and_no_more() {
    let gateway = Gateway::start().await;
    let refusal = r#"{"code":"10018","message":"应用不存在或appKey已停用"}"#;
    gateway.script.lock().unwrap().token_answers = [refusal, refusal].into();
    let session = gateway.session(alone());
    let outcome = session.save_order(slot(&session).await, &order()).await;
    assert_eq!(outcome.name(), "misconfigured", "{outcome:?}");
    assert_eq!((gateway.calls(TOKEN), gateway.calls(SAVE)), (2, 0));

    let gateway = Gateway::start().await;
    gateway.script.lock().unwrap().token_answers = [r#"{"code":"50000","message":"签名不正确"}"#].into();
    let session = gateway.session(alone());
    assert_eq!(session.save_order(slot(&session).await, &order()).await.name(), "saved");
    assert_eq!(gateway.calls(TOKEN), 2);
}

#[tokio::test]
async fn every_call_has_a_slot_of_its_own_tokens_included() {
    let gateway = Gateway::start().await;
    let state = Alone::new(600, Clock::System); // one call in 100 ms
    let session = gateway.session(&state);
    let started_ms = Clock::System.now_ms();
    assert_eq!(session.save_order(slot(&session).await, &order()).await.name(), "saved");
    // The token took the first slot, the order the second; the next is the third.
    let third = slot(&session).await.at_ms() - started_ms;
    assert!((200..400).contains(&third), "the third slot is {third} ms after the start");
}

#[tokio::test]
async fn a_tenant_is_told_its_gateway_or_what_is_wrong_with_it() {
    let gateway = Gateway::start().await;
    let ask =
        async || discover(&format!("{}/meta", gateway.url), "demo", dougong_bip::Timeouts::default()).await;
    gateway.says(Answer::json(
        200,
        r#"{"code":"00000","data":{"gatewayUrl":"https://c4/iuap-api-gateway","tokenUrl":"https://c4/iuap-api-auth"}}"#,
    ));
    let found = ask().await.unwrap();
    assert_eq!(found.gateway_url, "https://c4/iuap-api-gateway");
    assert_eq!(found.token_url, "https://c4/iuap-api-auth");
    gateway.says(Answer::json(200, r#"{"code":"500","message":"根据租户id获取网关地址出现异常"}"#));
    assert!(matches!(ask().await, Err(CallError::Misconfigured { .. })));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_token_or_signature_is_ever_logged_or_shown() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let gateway = Gateway::start().await;
    let session = gateway.session(alone());
    for answer in [Answer::json(200, SAVED), Answer::json(502, "<html>"), Answer::json(200, "非法token")] {
        gateway.says(answer);
        let _outcome = session.save_order(slot(&session).await, &order()).await;
        // Another test may have met a place of logging for the first time just before there was a subscriber for it.
        tracing::callsite::rebuild_interest_cache();
    }
    let unreachable: Session<Alone> = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nowhere = Gateway { url: format!("http://{free}"), script: Arc::default() };
        nowhere.session(alone())
    };
    let outcome = unreachable.save_order(slot(&unreachable).await, &order()).await;
    assert_eq!(outcome.name(), "not_sent");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("order.save"), "nothing was logged");
    for hidden in [SECRET, "to+ken", "to%2Bken", "access_token=", "signature="] {
        assert!(!log.contains(hidden), "{hidden} is in {log}");
        assert!(!format!("{session:?}").contains(hidden));
    }
}
