//! `dougong up` as a merchant runs it: the real program, its functions as processes, killed, stopped, and short of room.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod days;
mod operate;
mod store;
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Rule, When};
use dougong_simulators::wdt::WdtOrder;
use dougong_values::{BeijingTime, Money};

use world::{World, assert_no_secret_in, is_alive, is_function, signal, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_booked_once_each_although_up_is_killed_with_messages_in_its_queue() {
    let world = World::start(600).await;
    // Always somebody is in the middle of a call.
    world.bip.add_fault(Rule::on(bip::SAVE, When::Always, Fault::Slow(Duration::from_millis(300))));
    let orders = world.ship(1, 60);
    let mut up = world.up().await;
    world.until_booked(20).await;
    let functions = up.functions();
    assert!(functions.iter().any(|pid| is_function(*pid, "deliver")));
    up.kill();

    // The functions end with it, in the middle of their calls: nobody works without a ledger.
    let killed = Instant::now();
    until("the functions have ended", || !functions.iter().any(|pid| is_alive(*pid))).await;
    assert!(killed.elapsed() < Duration::from_secs(5));
    assert!(world.bip.order_count() < orders.len(), "there was nothing left to be lost");

    // The lock of the dead is no obstacle, and what waited in the queue waits there again.
    let mut up = world.up().await;
    let started = up.event("it has started", |event| event["event"] == "started").await;
    assert!(started["messages_put_back"].as_u64() > Some(0), "{started}");
    world.until_booked(orders.len()).await;
    world.until_nothing_waits().await;
    assert_eq!(up.stop().await, Some(0));
    world.assert_booked_once_each(&orders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waited_in_the_queue_of_a_killed_up_is_held_and_not_lost() {
    let world = World::start(60_000).await;
    let orders = world.ship(2, 3);
    let mut up = world.up().await;
    world.until_booked(orders.len()).await;
    world.until_nothing_waits().await;

    // Nobody takes messages from the queue, and the ledger knows nothing of what waits there.
    let frozen: Vec<u32> = up.functions().into_iter().filter(|pid| is_function(*pid, "deliver")).collect();
    assert!(!frozen.is_empty());
    for pid in &frozen {
        signal("STOP", &pid.to_string());
    }
    let dearer = |order: &mut WdtOrder| {
        let more: Money = "10.00".parse().unwrap();
        order.receivable += more;
        order.lines[0].share_amount += more;
    };
    let before = up.events().len();
    assert!(world.wdt.modify(orders[1].stockout_id, BeijingTime::now(), dearer));
    until("the change is queued", || {
        up.events().iter().skip(before).any(|event| event["event"] == "pulled" && event["queued"] == 1)
    })
    .await;
    up.kill();
    // The functions of the dead wake up late, beside those of the next start.
    let mut up = world.up().await;
    for pid in &frozen {
        signal("CONT", &pid.to_string());
    }
    let told = up.event("the change is held", |event| event["reasons"]["changed"] == 1).await;
    assert_eq!(told["posted"], 0, "{told}");
    until("the woken functions have ended", || !frozen.iter().any(|pid| is_alive(*pid))).await;
    assert_eq!(up.stop().await, Some(0));
    world.assert_booked_once_each(&orders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_up_with_0_leaves_no_process_and_the_rest_for_the_next_start() {
    let world = World::start(600).await;
    let orders = world.ship(3, 100);
    let service_manager = UnixDatagram::bind(world.path("notify")).unwrap();
    service_manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let told = || {
        let mut text = [0; 64];
        let length = service_manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    for (name, booked) in [("TERM", 5), ("INT", 15)] {
        let mut command = world.command();
        command.env("NOTIFY_SOCKET", world.path("notify"));
        let mut up = world.up_as(command).await;
        assert_eq!(told(), "READY=1");
        world.until_booked(booked).await;
        let functions = up.functions();
        // As Ctrl-C in a terminal does: to the whole process group.
        signal(name, &format!("-{}", up.pid()));
        assert_eq!(up.ended().await, Some(0), "{name}");
        assert!(!functions.is_empty() && !functions.iter().any(|pid| is_alive(*pid)), "{name}");
        assert_eq!(up.events().last().unwrap()["event"], "stopped");
        assert_eq!(told(), "STOPPING=1");
        // What was at work was let finish: nobody has to find out what BIP has done.
        assert!(!world.logs().iter().any(|(_, log)| log.contains("outcome unknown")), "{name}");
    }
    assert!(world.bip.order_count() < orders.len(), "there was nothing left for the next start");
    let mut up = world.up().await;
    world.until_booked(orders.len()).await;
    world.until_nothing_waits().await;
    assert_eq!(up.stop().await, Some(0));
    world.assert_booked_once_each(&orders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_on_the_same_data_is_refused_and_told_who_is_there() {
    let world = World::start(60_000).await;
    let mut first = world.up().await;
    let second = world.command().output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8(second.stderr).unwrap();
    let data = world.path("data").display().to_string();
    let who =
        format!("error: the data folder {data} is in use: process {} has run there since ", first.pid());
    assert!(words.starts_with(&who) && words.contains("\nhint: stop it first"), "{words}");
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);

    // The first never noticed.
    let orders = world.ship(4, 3);
    world.until_booked(orders.len()).await;
    assert_eq!(first.stop().await, Some(0));
    world.assert_booked_once_each(&orders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_nothing_is_lost_and_the_work_goes_on_when_there_is_room() {
    let world = World::start(1_200).await;
    let orders = world.ship(5, 60);
    // A limit on the size of files stands for the disk: it needs no rights and can be lifted while the program runs.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_dougong")]);
    world.equip(&mut shell);
    let mut up = world.up_as(shell).await;
    world.until_booked(10).await;
    limit_file_size(up.pid(), "0");
    let problem = up.event("the full disk is said", |event| {
        event["problem"].as_str().is_some_and(|problem| problem.starts_with("the ledger cannot be written: "))
    });
    let problem = problem.await;
    assert!(problem["hint"].as_str().unwrap().starts_with("free space on the disk of "), "{problem}");
    assert!(world.bip.order_count() < orders.len(), "the disk was full too late");

    limit_file_size(up.pid(), "unlimited");
    up.event("there is room again", |event| event["event"] == "recovered").await;
    world.until_booked(orders.len()).await;
    world.until_nothing_waits().await;
    assert_eq!(up.stop().await, Some(0));
    world.assert_booked_once_each(&orders);
}

/// Sets the soft limit alone: it can be lifted again.
fn limit_file_size(pid: u32, bytes: &str) {
    let limit = [format!("--pid={pid}"), format!("--fsize={bytes}:")];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_stay_within_their_bounds_and_hold_no_secret() {
    let world = World::start(60_000).await;
    let mut orders = world.ship(6, 20);
    // One that is parked, so that there is something to say of it.
    let odd = orders.pop().unwrap();
    assert!(world.wdt.modify(odd.stockout_id, odd.modified, |order| order.shop_no = "NEW99".to_owned()));
    let mut command = world.command();
    command.args(["--log-size", "4K", "--log-files", "3"]).env("AWS_LAMBDA_LOG_LEVEL", "debug");
    let mut up = world.up_as(command).await;
    up.event("the odd one is parked", |event| event["reasons"]["unknown_shop"] == 1).await;
    world.until_booked(orders.len()).await;
    world.until_nothing_waits().await;
    assert_eq!(up.stop().await, Some(0));

    let logs = world.logs();
    let mut names: Vec<_> = logs.iter().filter_map(|(file, _)| file.file_name()?.to_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["dougong.log", "dougong.log.1", "dougong.log.2"]);
    for (file, text) in &logs {
        assert!(
            text.lines().count() == 1 || text.len() <= 4_096,
            "{} has {} bytes",
            file.display(),
            text.len()
        );
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
        assert_no_secret_in(text);
        for line in text.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "no JSON: {line}");
        }
    }
    world.assert_booked_once_each(&orders);
}

#[test]
fn everything_that_keeps_up_from_starting_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, secrets) = (folder.path().join("data"), folder.path().join("secrets.json"));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("holiday.jpg"), "").unwrap();
    fs::write(&secrets, "{}").unwrap();
    let start = |lang: &str, mode: u32| {
        fs::set_permissions(&secrets, fs::Permissions::from_mode(mode)).unwrap();
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../config");
        let mut command = Command::new(env!("CARGO_BIN_EXE_dougong"));
        command.env_clear().args(["up", "--lang", lang, "--config", config, "--data"]).arg(&data);
        let output = command.arg("--secrets").arg(&secrets).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let words = start("en", 0o644);
    let secrets_name = secrets.display();
    for part in [
        "DOUGONG_TENANT",
        "DOUGONG_WDT_URL",
        &format!("hint: close it: chmod 600 {secrets_name}"),
        "holds other files",
    ] {
        assert!(words.contains(part), "{part} is missing in {words}");
    }
    let words = start("zh", 0o600);
    for part in ["the secrets lack wdt.app_key, wdt.app_secret, bip.app_key, bip.app_secret", "中有其他文件"]
    {
        assert!(words.contains(part), "{part} is missing in {words}");
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "nothing was touched");
}
