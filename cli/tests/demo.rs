//! The demo as a person runs it: the real binary, its functions as processes, the books compared.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn dougong(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dougong"));
    command.args(arguments).env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C.UTF-8");
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {value:#}"))
}

fn orders(value: &Value, pointer: &str) -> u64 {
    let groups = value.pointer(pointer).and_then(Value::as_array).unwrap();
    groups.iter().map(|group| number(group, "/orders")).sum()
}

/// Every order is in exactly one place, and both sides show the same amount.
fn adds_up(report: &Value, orders_of_the_day: u64) {
    assert_eq!(report["accounted"], true, "{report:#}");
    assert_eq!(report["unaccounted"], Value::Array(Vec::new()));
    let shipped = number(report, "/shipped/orders");
    assert_eq!(shipped + number(report, "/not_completed/orders"), orders_of_the_day);
    let booked = number(report, "/booked/orders");
    assert_eq!(booked + orders(report, "/parked") + orders(report, "/excluded"), shipped);
    assert_eq!(report["booked"]["wdt_amount"], report["booked"]["bip_amount"]);
    assert_eq!(number(report, "/booked/difference"), 0);
    assert!(number(report, "/on_the_way/completed_late") > 0, "{report:#}");
    assert!(number(report, "/on_the_way/moved_while_paged") > 0, "{report:#}");
}

/// Every bill is in exactly one place, and both sides show the same amount; returns how many were booked.
fn bills_add_up(report: &Value, of_the_day: u64) -> u64 {
    let bills =
        |groups: &Value| groups.as_array().unwrap().iter().map(|group| number(group, "/bills")).sum::<u64>();
    let kinds = report.pointer("/store/kinds").and_then(Value::as_array).unwrap();
    let names: Vec<_> = kinds.iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(names, ["declare", "rec", "req", "outbound", "sale"]);
    let (mut all, mut all_booked) = (0, 0);
    for kind in kinds {
        let (left_out, booked) = (bills(&kind["left_out"]), number(kind, "/booked/bills"));
        assert_eq!(booked + bills(&kind["parked"]) + left_out, number(kind, "/bills"), "{kind:#}");
        assert_eq!(kind["booked"]["store_amount"], kind["booked"]["bip_amount"]);
        assert!(kind["kind"] == "outbound" || left_out == 0, "{kind:#}");
        (all, all_booked) = (all + number(kind, "/bills") - left_out, all_booked + booked);
    }
    // Transferring orders that an order of WDT ships come on top.
    assert!(all >= of_the_day, "{report:#}");
    assert_eq!(report.pointer("/store/unaccounted"), Some(&Value::Array(Vec::new())));
    all_booked
}

#[test]
fn a_quiet_day_is_booked_once_with_one_save_per_document() {
    let output = dougong(&["demo", "--orders", "60", "--bills", "30", "--json"]);
    let report = report(&output);
    assert!(output.status.success(), "{}", said(&output));
    adds_up(&report, 60);
    let bills = bills_add_up(&report, 30);
    let kinds = report.pointer("/store/kinds").and_then(Value::as_array).unwrap();
    for kind in kinds {
        let due = if number(kind, "/pushes_lost") > 0 { "/pushes_lost" } else { "/found_by_sweep" };
        assert_eq!(number(kind, "/found_by_sweep"), number(kind, due), "{kind:#}");
    }
    assert!(kinds.iter().any(|kind| number(kind, "/pushes_lost") > 0), "a demo shows what sweep is for");
    assert_eq!(number(&report, "/store/announced/told"), number(&report, "/store/announced/due"));
    assert!(number(&report, "/store/announced/told") > 0, "{report:#}");
    assert!(number(&report, "/store/written_back/told") > 0, "{report:#}");
    assert!(orders(&report, "/parked") > 0, "a demo shows what parked orders look like");
    assert_eq!(number(&report, "/calls/bip_save"), number(&report, "/booked/orders") + bills);
    assert_eq!(number(&report, "/on_the_way/saved_again"), 0);
}

#[test]
fn a_day_with_faults_is_booked_once_although_saves_are_repeated() {
    let output = dougong(&["demo", "--orders", "60", "--bills", "30", "--faults", "mild", "--json"]);
    let report = report(&output);
    assert!(output.status.success(), "{}", said(&output));
    adds_up(&report, 60);
    bills_add_up(&report, 30);
    assert!(number(&report, "/on_the_way/faults") >= 5, "{report:#}");
    assert!(number(&report, "/on_the_way/saved_again") > 0, "{report:#}");
    assert!(number(&report, "/calls/bip_save") > number(&report, "/booked/orders"));
}

#[test]
fn a_day_without_bills_has_no_store_system() {
    let output = dougong(&["demo", "--orders", "20", "--bills", "0", "--json"]);
    let report = report(&output);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((&report["store"], number(&report, "/calls/store")), (&Value::Null, 0));
    assert_eq!(number(&report, "/calls/bip_save"), number(&report, "/booked/orders"));
}

#[test]
fn a_chinese_reader_gets_the_table_in_chinese() {
    let output = dougong(&["demo", "--orders", "60", "--bills", "30", "--lang", "zh"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    // How often the schedule fired, and when, is not the same twice.
    let (books, calls) = text.split_once("\n 调用").unwrap();
    let (_day, books) = books.split_once("（种子").unwrap();
    insta::assert_snapshot!(books);
    for name in ["旺店通：读取页数", "BIP：保存订单", "演示期间才完成的订单", "用时"]
    {
        assert!(calls.contains(name), "{name} is missing in {text}");
    }
    assert!(text.ends_with("每张单据都有着落，且只记一次，没有重复。\n"), "{text}");
}

#[test]
fn what_is_kept_is_where_it_says_and_a_folder_in_use_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("day");
    let keep = folder.to_str().unwrap();
    let output = dougong(&["demo", "--orders", "10", "--bills", "0", "--keep", keep]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(keep));
    for file in ["config/dougong.toml", "config/tables/goods.csv", "ledger.sqlite", "functions.log"] {
        assert!(folder.join(file).is_file(), "{file} was not kept");
    }
    let log = std::fs::read_to_string(folder.join("functions.log")).unwrap();
    assert!(log.lines().count() > 10);
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "no JSON: {line}");
    }

    let again = dougong(&["demo", "--orders", "10", "--keep", keep]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(
        said(&again).lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>(),
        [
            format!("error: the folder {keep} is not empty"),
            "hint: name a folder that does not exist yet, or an empty one".to_owned(),
        ]
    );
}

#[test]
fn ctrl_c_stops_at_once_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dougong"));
    command.args(["demo", "--orders", "2000", "--lang", "en"]).env("TMPDIR", temporary.path());
    let mut demo = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stderr.take().unwrap()).lines();
    // The first line of progress: the functions are at work.
    assert!(lines.any(|line| line.unwrap().contains(" booked and ")));

    let asked = Instant::now();
    assert!(Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(lines.any(|line| line.unwrap() == "stopped; nothing was left running"));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn a_wrong_option_says_what_to_write_instead() {
    let output = dougong(&["demo", "--fault", "mild"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let words = said(&output);
    assert!(words.starts_with("error: unexpected argument '--fault' found\n"), "{words}");
    assert!(words.contains("\nhint: a similar argument exists: '--faults'\n"), "{words}");

    let words = said(&dougong(&["demo", "--faults", "wild", "--orders", "60"]));
    assert!(words.contains("[possible values: none, mild, storm]"), "{words}");
    let words = said(&dougong(&["demo", "--orders", "0"]));
    assert!(words.contains("1..=20000"), "{words}");
}

#[test]
fn the_help_speaks_both_languages_and_hides_what_only_the_demo_needs() {
    let help = String::from_utf8(dougong(&["--help"]).stdout).unwrap();
    assert!(help.contains("dougong demo --orders 1000 --faults storm") && help.contains("斗拱"), "{help}");
    assert!(!help.contains("function"), "{help}");
    let help = String::from_utf8(dougong(&["demo", "--help"]).stdout).unwrap();
    assert!(help.contains("Examples 示例") && help.contains("--keep <DIR>"), "{help}");
    assert!(String::from_utf8(dougong(&["--version"]).stdout).unwrap().starts_with("dougong "));
}
