//! What a push is told, and what becomes of it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dougong_cloud::{Call, Point, Refusal, Verdict};
use dougong_ledger::{Attention, State};
use dougong_simulators::store::push::{PushAnswer, PushSettings, Pusher, RetrySeq};
use dougong_simulators::store::{Auth, AuthPreset, BillKind};
use serde_json::{Value, json};

use crate::chain::{Chain, ChainSettings, SECRET, bills, key};

fn sample(name: &str) -> String {
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/store/tests/samples");
    fs::read_to_string(samples.join(name)).unwrap()
}

fn acknowledged(seq: &str) -> PushAnswer {
    PushAnswer::Acknowledged { seq: Some(seq.to_owned()) }
}

fn refused(answer: &PushAnswer) -> Option<(u16, i64)> {
    match answer {
        PushAnswer::Refused { status, code, .. } => Some((*status, (*code)?)),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_push_and_its_table_twin_is_accepted_stored_once_and_booked() {
    let chain = Chain::start(ChainSettings::default()).await;
    let pusher = chain.pusher();
    for name in [
        "03_PushStoreDeclareGoods_request.json",
        "09_PushRECBill_request.json",
        "13_PushREQBill_request.json",
    ] {
        for body in [sample(name), sample(&format!("tables/{name}"))] {
            let seq = serde_json::from_str::<Value>(&body).unwrap()["seq"].as_str().unwrap().to_owned();
            for _ in 0..2 {
                assert_eq!(pusher.post("-", body.clone()).await.answer, acknowledged(&seq), "{name}");
            }
        }
    }
    chain.world.settle().await;
    for kind in ["declare", "rec", "req"] {
        let document = chain.document(&format!("{kind}#XS20161010001").parse().unwrap()).await.unwrap();
        assert_eq!(document.state, State::Posted, "{document:?}");
        let warnings = document.warnings.expect("the vendor's examples take tolerance");
        assert!(warnings.contains("total_mismatch"), "{warnings}");
    }
    assert_eq!(chain.world.bip.order_count() + chain.world.bip.returns().len(), 3);
    chain.assert_nothing_needs_a_person().await;
    assert_eq!(chain.world.queue.messages().len(), 3, "one message per bill, however often it came");
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_stale_and_replayed_pushes_are_refused() {
    let chain =
        Chain::start(ChainSettings { auth: AuthPreset::HmacSha256, ..ChainSettings::default() }).await;
    let bill = bills(11, |plan| plan.declares = 3);
    let body = |index: usize, seq: &str| Pusher::body(BillKind::Declare, seq, &bill[index..=index]);

    let stranger = Auth::new(AuthPreset::HmacSha256, "not the secret of this chain");
    let forger = Pusher::new(PushSettings { auth: stranger, ..chain.pushing() }).unwrap();
    assert_eq!(refused(&forger.post("s-1", body(0, "s-1")).await.answer), Some((200, 1002)));
    let unsigned = Auth::new(AuthPreset::None, "");
    let stray = Pusher::new(PushSettings { auth: unsigned, ..chain.pushing() }).unwrap();
    assert_eq!(refused(&stray.post("s-1", body(0, "s-1")).await.answer), Some((200, 1002)));
    for offset in [-400, 400] {
        let late = chain.pusher().with_clock_offset(offset);
        assert_eq!(refused(&late.post("s-1", body(0, "s-1")).await.answer), Some((200, 1002)));
    }
    assert!(chain.document(&key(&bill[0])).await.is_none(), "nothing of it was taken");

    // A second may end between two attempts; the signature then is a fresh one. Offsets keep it the same.
    let pusher = chain.pusher();
    let mut replays = 0;
    for attempt in 0..20 {
        let answer = pusher.post("s-2", body(1, "s-2")).await.answer;
        match (attempt, refused(&answer)) {
            (0, _) => assert_eq!(answer, acknowledged("s-2")),
            (_, Some((200, 1002))) => replays += 1,
            (_, None) => assert_eq!(answer, acknowledged("s-2"), "with a fresh signature it is a duplicate"),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert!(replays >= 10, "only {replays} of 19 came under a signature of before");
    chain.assert_each_booked_once(&bill[1..2]).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_in_the_url_is_refused_and_the_right_one_appears_nowhere() {
    let chain = Chain::start(ChainSettings::default()).await;
    let bill = bills(12, |plan| plan.declares = 1);
    for wrong in ["", "CANARY-STORE-SECRET", "CANARY-STORE-SECRET-0b7e2"] {
        let auth = Auth::new(AuthPreset::UrlToken, wrong);
        let pusher = Pusher::new(PushSettings { auth, ..chain.pushing() }).unwrap();
        let answer = pusher.post("s", Pusher::body(BillKind::Declare, "s", &bill)).await.answer;
        // A path that ends with a slash is no route at all.
        assert!(
            matches!(refused(&answer), Some((200, 1002)))
                || matches!(answer, PushAnswer::Refused { status: 404, .. }),
            "{wrong:?}: {answer:?}"
        );
    }
    let answer = chain.pusher().post("s", Pusher::body(BillKind::Declare, "s", &bill)).await.answer;
    assert_eq!(answer, acknowledged("s"));
    chain.assert_each_booked_once(&bill).await;
    assert!(!chain.world.log().iter().any(|line| line.contains(SECRET)));
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_two_thousand_pushes_from_fifty_connections_is_answered_without_error_loses_and_doubles_nothing()
 {
    let settings = ChainSettings { accept_environments: 8, alone: true, ..ChainSettings::default() };
    let chain = Chain::start(settings).await;
    let day = bills(13, |plan| (plan.declares, plan.receipts, plan.returns) = (1_000, 350, 350));
    let settings = PushSettings {
        connections: 50,
        attempts: 1,
        repeated_per_mille: 200,
        order: dougong_simulators::store::push::Order::Shuffled,
        ..chain.pushing()
    };
    let pushed = chain.store.push(settings, &day).await.unwrap();
    let made = pushed.pushes.len();
    assert!(made >= 2_000, "only {made} pushes");
    assert_eq!(pushed.acknowledged(), made, "{:?}", pushed.given_up().next());
    println!(
        "{made} pushes over 50 connections: p50 {:?}, p99 {:?}",
        pushed.took_per_mille(500),
        pushed.took_per_mille(990)
    );
    let mut took: Vec<u64> = chain
        .world
        .log()
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["function"] == "accept")
        .filter_map(|line| line["duration"].as_u64())
        .collect();
    took.sort_unstable();
    println!(
        "of these accept itself: p50 {} ms, p99 {} ms",
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
    chain.assert_each_booked_once(&day).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accept_killed_between_storing_and_answering_loses_and_doubles_nothing() {
    let chain = Chain::start(ChainSettings::default()).await;
    let day = bills(14, |plan| (plan.declares, plan.receipts, plan.returns) = (8, 4, 4));
    // Every other answer is lost with its process: the platform pushes again.
    let answers = AtomicUsize::new(0);
    chain.side().accept_host().kill_during(move |moment| {
        matches!(moment.point, Point::Responded) && answers.fetch_add(1, Ordering::SeqCst).is_multiple_of(2)
    });
    let settings = PushSettings { connections: 1, attempts: 6, retry_seq: RetrySeq::New, ..chain.pushing() };
    let pushed = chain.store.push(settings, &day).await.unwrap();
    assert_eq!(pushed.acknowledged(), day.len(), "{:?}", pushed.given_up().next());
    assert!(pushed.attempts().count() >= day.len() + day.len() / 2, "the case is not made");
    chain.assert_each_booked_once(&day).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_queue_or_ledger_is_away_pushes_are_told_to_come_again_and_then_everything_is_booked() {
    let chain = Chain::start(ChainSettings::default()).await;
    let day = bills(15, |plan| (plan.declares, plan.receipts, plan.returns) = (4, 2, 2));
    let once = PushSettings { attempts: 1, connections: 4, ..chain.pushing() };
    let away = |_: Call| async { Verdict::Refuse(Refusal::UNAVAILABLE) };
    for part in 0..3 {
        match part {
            0 => chain.world.disturb_queue(away),
            1 => chain.world.disturb_tables(away),
            // The message is in the queue; only its note fails.
            _ => chain.world.disturb_tables(|call| async move {
                if call.operation == "UpdateItem" {
                    Verdict::Refuse(Refusal::UNAVAILABLE)
                } else {
                    Verdict::Pass
                }
            }),
        }
        let pushed = chain.store.push(once.clone(), &day).await.unwrap();
        for push in &pushed.pushes {
            assert_eq!(refused(&push.attempts[0].answer), Some((503, 1500)), "{part}: {push:?}");
            assert!(push.attempts[0].took < Duration::from_secs(5), "{:?}", push.attempts[0].took);
        }
        chain.world.calm();
    }
    let pushed = chain.store.push(once, &day).await.unwrap();
    assert_eq!(pushed.acknowledged(), day.len());
    chain.assert_each_booked_once(&day).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_cannot_be_read_is_parked_as_it_came_and_its_neighbours_are_booked() {
    let chain = Chain::start(ChainSettings::default()).await;
    let mut three = bills(16, |plan| plan.declares = 3);
    let raw =
        r#"{"billno":"BROKEN-1","storecode":"0101","billitems":[{"prodcode":"SKU-0001","amount":"many"}]}"#;
    three[1].raw = Some(raw.to_owned());
    let attempts = chain.pusher().push(BillKind::Declare, &three, 1).await;
    assert!(matches!(attempts[0].answer, PushAnswer::Acknowledged { .. }), "{attempts:?}");
    chain.world.settle().await;
    let broken = chain.document(&"declare#BROKEN-1".parse().unwrap()).await.unwrap();
    assert_eq!((broken.state, broken.reason.as_deref()), (State::Parked, Some("unreadable")));
    assert_eq!(broken.source.unwrap().text().unwrap(), raw);
    assert!(broken.problems.unwrap().contains("billitems[0].amount"));
    for index in [0, 2] {
        assert_eq!(chain.document(&key(&three[index])).await.unwrap().state, State::Posted);
    }
    assert_eq!(chain.world.bip.order_count(), 2);
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_bill_is_held_with_both_versions_and_the_first_one_stays_booked() {
    let chain = Chain::start(ChainSettings::default()).await;
    let bill = bills(17, |plan| plan.declares = 1);
    chain.pusher().push(BillKind::Declare, &bill, 1).await;
    chain.assert_each_booked_once(&bill).await;
    let changed = [bill[0].changed()];
    for draw in 2..4 {
        let attempts = chain.pusher().push(BillKind::Declare, &changed, draw).await;
        assert!(matches!(attempts[0].answer, PushAnswer::Acknowledged { .. }), "{attempts:?}");
        chain.world.settle().await;
    }
    let document = chain.document(&key(&bill[0])).await.unwrap();
    assert_eq!(document.attention().map(|(kind, _)| kind), Some(Attention::Held));
    let (held, booked) = (document.held.as_ref().unwrap(), document.posted_version().unwrap());
    assert_ne!(&held.version, booked);
    assert_eq!(chain.world.bip.order_count(), 1);
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_command_is_refused_kept_and_shown_once() {
    let chain = Chain::start(ChainSettings::default()).await;
    let pusher = chain.pusher();
    for seq in ["a", "b", "c"] {
        let body =
            json!({"cmd": "CaptureSaleOrderBill", "seq": seq, "items": {"scanno": "1234"}}).to_string();
        let answer = pusher.post(seq, body).await.answer;
        let PushAnswer::Refused { status: 200, code: Some(1003), .. } = answer else { panic!("{answer:?}") };
    }
    let document = chain.document(&"command#CaptureSaleOrderBill".parse().unwrap()).await.unwrap();
    assert_eq!((document.state, document.reason.as_deref()), (State::Parked, Some("unknown_command")));
    assert!(document.source.unwrap().text().unwrap().contains("scanno"));
    let alarms = chain.world.log().iter().filter(|line| line.contains("sends an unknown command")).count();
    assert_eq!(alarms, 1);
    let counted = chain.world.log().iter().filter(|line| line.contains("\"unknown_commands\":1")).count();
    assert_eq!(counted, 3);
    // Searching all it left needs something left.
    chain.pusher().push(BillKind::Declare, &bills(18, |plan| plan.declares = 1), 1).await;
    chain.world.settle().await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_gets_a_well_formed_answer_and_the_next_push_is_taken() {
    let chain = Chain::start(ChainSettings { accept_environments: 1, ..ChainSettings::default() }).await;
    let pusher = chain.pusher();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"null".to_vec(),
        b"{".to_vec(),
        b"{}".to_vec(),
        b"{\"cmd\":5,\"seq\":\"s\"}".to_vec(),
        b"{\"cmd\":\"PushRECBill\",\"seq\":\"s\"}".to_vec(),
        vec![0xff, 0xfe, 0x00],
        vec![b'x'; 1024 * 1024 + 1],
        vec![b' '; 5 * 1024 * 1024],
        deep.into_bytes(),
        // The head of a gzip bomb: what is compressed is not unpacked.
        vec![0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 0xed],
        "{\"cmd\":\"PushRECBill\",\"items\":[{\"billno\":\"\u{0}\"}],\"seq\":\"茶\"".as_bytes().to_vec(),
    ];
    for body in bodies {
        let head: Vec<u8> = body.iter().copied().take(20).collect();
        let answer = pusher.post("-", body).await.answer;
        assert_eq!(refused(&answer), Some((200, 1001)), "{:?}: {answer:?}", String::from_utf8_lossy(&head));
    }
    let starts = chain.world.log().iter().filter(|line| line.contains("panicked")).count();
    assert_eq!(starts, 0, "nothing crashed");
    let bill = bills(19, |plan| plan.declares = 1);
    let attempts = pusher.push(BillKind::Declare, &bill, 1).await;
    assert!(matches!(attempts[0].answer, PushAnswer::Acknowledged { .. }));
    chain.assert_each_booked_once(&bill).await;
    chain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_is_an_invitation_to_come_again() {
    let chain = Chain::start(ChainSettings::default()).await;
    let bill = bills(20, |plan| plan.declares = 2);
    let pusher = Pusher::new(PushSettings { attempts: 1, ..chain.pushing() }).unwrap();
    // The queue hangs, for as long as it is asked.
    let hanging = |call: Call| async move {
        if call.operation == "SendMessageBatch" {
            tokio::time::sleep(Duration::from_secs(8)).await;
        }
        Verdict::Pass
    };
    chain.world.disturb_queue(hanging);
    let attempts = pusher.push(BillKind::Declare, &bill[..1], 1).await;
    assert_eq!(refused(&attempts[0].answer), Some((503, 1500)), "{attempts:?}");
    assert!(attempts[0].took < Duration::from_secs(4), "{:?}", attempts[0].took);

    // It hangs once: there is time to ask it again.
    let asked = Arc::new(AtomicUsize::new(0));
    chain.world.disturb_queue(move |call| {
        let first = call.operation == "SendMessageBatch" && asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                tokio::time::sleep(Duration::from_secs(8)).await;
            }
            Verdict::Pass
        }
    });
    let attempts = pusher.push(BillKind::Declare, &bill, 2).await;
    assert!(matches!(attempts[0].answer, PushAnswer::Acknowledged { .. }), "{attempts:?}");
    chain.world.calm();
    chain.assert_each_booked_once(&bill).await;
    chain.end().await;
}
