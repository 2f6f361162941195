//! `dougong up` with a store system: pushes taken, lost ones swept, and everything booked once.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use dougong_simulators::day::StorePlan;
use dougong_simulators::store::push::{PushAnswer, PushSettings, Pusher};
use dougong_simulators::store::{self, Auth, AuthPreset, BillKind, StoreBill};
use dougong_values::BeijingTime;
use serde_json::{Value, json};

use crate::world::{World, assert_no_secret_in, until};

const SECRET: &str = "CANARY-STORE-SECRET";

/// Gives the program a store system.
fn with_store(world: &World, platform: &store::Simulator) -> Command {
    let secrets = world.path("secrets.json");
    let text = std::fs::read_to_string(&secrets).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["store"] = json!({ "secrets": [SECRET] });
    std::fs::write(&secrets, value.to_string()).unwrap();
    let mut command = world.command();
    command
        .env("DOUGONG_STORE_URL", platform.url())
        .env("DOUGONG_STORE_OUTGOING_AUTH", "url")
        .env("DOUGONG_STORE_CALLS_PER_MINUTE", "6000");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stores_push_is_booked_and_what_a_push_lost_is_found() {
    let world = World::start(60_000).await;
    let auth = Auth::new(AuthPreset::UrlToken, SECRET);
    let settings = store::Settings { auth: auth.clone(), ..store::Settings::default() };
    let platform = store::Simulator::start(settings).await.unwrap();
    let mut command = with_store(&world, &platform);
    command.args(["--listen", "127.0.0.1:0", "--sweep-every", "2s"]);
    let mut up = world.up_as(command).await;
    let started = up.event("it has started", |event| event["event"] == "started").await;
    let url = started["store_url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/store"), "{started}");

    let yesterday = BeijingTime::now().plus_seconds(-86_400).day();
    let bills = StorePlan::new(4, 20, yesterday).generate();
    let pushing = PushSettings {
        timeout: Duration::from_secs(20),
        dropped_per_mille: 300,
        ..PushSettings::new(url, auth)
    };
    let pushed = platform.push(pushing, &bills).await.unwrap();
    assert!(pushed.dropped().count() > 0 && pushed.given_up().count() == 0, "{pushed:?}");

    // Somebody else knows the address and not the secret.
    let stranger =
        Pusher::new(PushSettings::new(url, Auth::new(AuthPreset::UrlToken, "guessed-guessed-1"))).unwrap();
    let answer = stranger.post("1", Pusher::body(BillKind::Declare, "1", &bills[..1])).await.answer;
    assert!(matches!(answer, PushAnswer::Refused { .. }), "{answer:?}");
    up.event("the stranger is said", |event| event["event"] == "accepted" && event["refused"] == 1).await;

    let booked = || world.bip.order_count() + world.bip.returns().len();
    until("all bills are booked", || booked() >= bills.len()).await;
    world.until_nothing_waits().await;
    for scheme in ["store-sales", "transferred"] {
        let found = |event: &Value| {
            event["event"] == "swept" && event["scheme"] == scheme && event["queued"].as_u64() > Some(0)
        };
        up.event("what a push never brings was swept", found).await;
    }
    assert_eq!(up.stop().await, Some(0));
    assert_eq!(booked(), bills.len(), "something is doubled");
    for (_, log) in world.logs() {
        assert_no_secret_in(&log);
        assert!(!log.contains(SECRET), "the store's secret is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_a_voided_and_a_corrected_bill_are_each_told_with_what_settles_them() {
    let world = World::start(60_000).await;
    let auth = Auth::new(AuthPreset::UrlToken, SECRET);
    let settings = store::Settings { auth, ..store::Settings::default() };
    let platform = store::Simulator::start(settings).await.unwrap();
    let yesterday = BeijingTime::now().plus_seconds(-86_400).day();
    let mut plan = StorePlan::new(5, 0, yesterday);
    (plan.declares, plan.returns) = (4, 2);
    let mut bills = plan.generate();
    let lost = bills.remove(0);
    platform.add(bills.clone());
    // Bills are downloaded when it starts; then not before everything here is over.
    let mut command = with_store(&world, &platform);
    command.args(["--listen", "127.0.0.1:0", "--sweep-every", "12h"]);
    let mut up = world.up_as(command).await;
    let booked = || world.bip.order_count() + world.bip.returns().len();
    until("all bills are booked", || booked() == bills.len()).await;
    world.until_nothing_waits().await;

    let day = yesterday.to_string();
    let reconcile = ["reconcile", "--scheme", "declared", "--day", day.as_str()];
    world.says(&reconcile, 0, &["no difference", "in the store system"], &["没有差异", "门店系统单数"]);
    let (voided, corrected) = (&bills[0], &bills[1]);
    platform.add([lost.clone(), corrected.changed()]);
    assert!(platform.modify(voided.kind, &voided.number, |bill| bill.voided = true));
    let key = |bill: &StoreBill| format!("declare#{}", bill.number);
    let pull = |bill: &StoreBill| {
        let of = bill.submitted_at.day();
        format!("dougong pull --scheme declared --from {of} --to {of} --data")
    };
    let en = [
        "never read",
        "changed in the source since it was booked",
        "not in the source any more",
        "delete the voucher in BIP",
    ];
    let zh = ["未曾读到", "入账后来源单据有变更", "来源系统中已没有", "请在 BIP 删除该单据"];
    let told = [key(&lost), pull(&lost), key(corrected), pull(corrected), key(voided)];
    let with = |words: [&'static str; 4]| told.iter().map(String::as_str).chain(words).collect::<Vec<_>>();
    world.says(&reconcile, 3, &with(en), &with(zh));

    // What the commands say settles them: reading again brings the lost one, and holds the change for a person.
    let of = lost.submitted_at.day().to_string();
    let read = ["pull", "--scheme", "declared", "--from", &of, "--to", &of, "--yes"];
    world.says(&read, 0, &["queued"], &["入队"]);
    until("the lost bill is booked", || booked() == bills.len() + 1).await;
    world.until_nothing_waits().await;
    let explain = format!("dougong orders explain '{}'", key(corrected));
    world.says(&reconcile, 3, &[&explain], &[&explain]);
    let left = world.json(&reconcile);
    assert_eq!(left["differences"].as_array().unwrap().len(), 2, "{left}");
    // The returns are none of theirs.
    let returned = ["reconcile", "--scheme", "returned", "--day", day.as_str()];
    world.says(&returned, 0, &["no difference"], &["没有差异"]);
    let kept = world.json(&["reconcile"]);
    assert_eq!(kept["days"].as_array().unwrap().len(), 2, "{kept}");
    assert_eq!(up.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_days_of_store_bills_are_pulled_once_by_hand() {
    let world = World::start(60_000).await;
    let auth = Auth::new(AuthPreset::UrlToken, SECRET);
    let settings = store::Settings { auth, ..store::Settings::default() };
    let platform = store::Simulator::start(settings).await.unwrap();
    let mut command = with_store(&world, &platform);
    command.args(["--listen", "127.0.0.1:0", "--sweep-every", "6h"]);
    let mut up = world.up_as(command).await;
    // The downloads of the start: what comes later is found by nobody until tomorrow.
    until("the first downloads are done", || {
        let watermarks = world.json(&["watermark", "show", "--scheme", "declared", "--windows", "1"]);
        watermarks[0]["last_run_ended"].is_string() && watermarks[0]["running"] == false
    })
    .await;
    let day = BeijingTime::now().plus_seconds(-9 * 86_400).day();
    let bills: Vec<StoreBill> = StorePlan::new(5, 20, day).generate();
    platform.add(bills);

    let day = day.to_string();
    let pull = ["pull", "--scheme", "declared", "--from", &day, "--to", &day];
    let with = |more: &'static str| pull.iter().copied().chain([more]).collect::<Vec<&str>>();
    world.says(&with("--dry-run"), 0, &[&day], &[&day]);
    assert_eq!(world.bip.order_count(), 0);
    let pulled = world.json(&with("--yes"))["pulled"].clone();
    let declared = usize::try_from(pulled["queued"].as_u64().unwrap()).unwrap();
    assert!(declared > 3 && pulled["rows"] == pulled["queued"], "{pulled}");
    world.until_booked(declared).await;
    // A span that was read to its end is done.
    world.says(&with("--yes"), 0, &["0 read, 0 queued"], &["读取 0，入队 0"]);
    world.until_nothing_waits().await;
    world.says(&["history"], 0, &["pulled by hand", "scheme#declared"], &["手工拉取"]);
    assert_eq!(up.stop().await, Some(0));
    assert_eq!(world.bip.order_count(), declared, "something is doubled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_pushes_out_is_said_before_anything_runs() {
    let world = World::start(60_000).await;
    let ended = |mut command: Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let mut command = world.command();
    command.args(["--listen", "127.0.0.1:0"]);
    let words = ended(command);
    assert!(words.contains("the configuration has none\nhint: set the url of [store]"), "{words}");

    let mut command = world.command();
    command.env("DOUGONG_STORE_URL", "http://127.0.0.1:9/openapi");
    let words = ended(command);
    assert!(words.contains("secrets do not fit") && words.contains("store.secrets"), "{words}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let platform = store::Simulator::start(store::Settings::default()).await.unwrap();
    let mut command = with_store(&world, &platform);
    command.args(["--listen", &address]);
    let words = ended(command);
    assert!(words.starts_with(&format!("error: cannot listen on {address} for")), "{words}");
    assert!(words.contains("\nhint: name with --listen a free port"), "{words}");
}
