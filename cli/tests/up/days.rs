//! The operator's commands about whole days: read again, reconciled, previewed.

use std::process::Command;

use dougong_simulators::wdt::WdtOrder;
use dougong_values::{BeijingTime, Money};
use serde_json::Value;

use crate::operate::key;
use crate::world::{World, assert_no_secret_in};

#[tokio::test(flavor = "multi_thread")]
async fn old_days_are_counted_and_pulled_without_moving_the_live_watermark() {
    let world = World::start(60_000).await;
    let recent = world.ship(14, 2);
    let mut up = world.up().await;
    world.until_booked(2).await;
    world.until_nothing_waits().await;
    // Older than where the scheme begins: no run finds them by itself.
    let old_day = BeijingTime::now().plus_seconds(-5 * 86_400).day();
    let old = world.ship_on(old_day, 15, 3);
    let modified: Vec<BeijingTime> = old.iter().map(|order| order.modified).collect();
    let (from, to) = (modified.iter().min().unwrap().to_string(), modified.iter().max().unwrap().to_string());
    let pull = ["pull", "--from", from.as_str(), "--to", to.as_str()];
    let with = |more: &'static str| pull.iter().copied().chain([more]).collect::<Vec<&str>>();

    world.says(&with("--dry-run"), 0, &["3 orders; ", "calls to WDT", "at BIP's pace"], &["调用旺店通"]);
    let preview = world.json(&with("--dry-run"));
    assert_eq!(
        (preview["preview"]["rows"].as_u64(), preview["pulled"].is_null()),
        (Some(3), true),
        "{preview}"
    );
    assert_eq!(world.bip.order_count(), recent.len());
    let no = world.operate_and_say("\n", &pull);
    assert!(no.code == 1 && no.err.contains("pull them? [y/N] nothing was done"), "{}", no.err);

    world.says(&with("--yes"), 0, &["3 read"], &["读取 0"]);
    world.until_booked(5).await;
    world.until_nothing_waits().await;
    let shown = world.json(&["watermark", "show"]);
    assert!(shown[0]["watermark"].as_str().unwrap() > to.as_str(), "{shown}");
    world.says(&["history"], 0, &["pulled by hand", "scheme#online-sales"], &["手工拉取"]);
    let backwards = ["pull", "--from", "2026-11-02", "--to", "2026-11-01", "--yes"];
    world.says(&backwards, 1, &["is before"], &["--from"]);
    assert_eq!(up.stop().await, Some(0));
    let all: Vec<WdtOrder> = recent.into_iter().chain(old).collect();
    world.assert_booked_once_each(&all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_reconciled_and_every_difference_is_told_with_what_settles_it() {
    let world = World::start(60_000).await;
    let orders = world.ship(16, 6);
    // Each of one day, so that it is reconciled as a whole.
    let day = orders[0].consign_time.day();
    let of_day: Vec<&WdtOrder> = orders.iter().filter(|order| order.consign_time.day() == day).collect();
    let parked = of_day[0];
    assert!(
        world.wdt.modify(parked.stockout_id, parked.modified, |order| order.shop_no = "NEW99".to_owned())
    );
    let mut up = world.up().await;
    world.until_booked(5).await;
    world.until_listed("parked", 1).await;
    world.until_nothing_waits().await;

    let day = day.to_string();
    let reconcile = ["reconcile", "--day", day.as_str()];
    let explain = format!("dougong orders explain '{}'", key(parked, &world));
    world.says(
        &reconcile,
        3,
        &["not booked, parked: shop not in the table", &explain],
        &["未入账，待人工处理：店铺未登记", &explain],
    );
    let found = world.json(&reconcile);
    assert_eq!(found["differences"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["bip"]["count"].as_u64(), Some(of_day.len() as u64 - 1), "{found}");

    let skip = ["orders", "skip", &key(parked, &world), "--reason", "test", "--yes"];
    assert_eq!(world.operate(&skip).code, 0);
    let found = world.json(&reconcile);
    assert_eq!(found["differences"].as_array().unwrap().len(), 0, "{found}");
    world.says(&reconcile, 0, &["no difference"], &["没有差异"]);

    // The last result is kept, with who asked for it.
    let kept = world.json(&["reconcile"]);
    let kept = &kept["days"].as_array().unwrap()[0];
    assert_eq!((kept["day"].as_str(), kept["by"].as_str()), (Some(day.as_str()), Some("Li Lei")), "{kept}");
    assert_eq!(kept["summary"]["differences"], 0, "{kept}");
    let scheme = ["reconcile", "--scheme", "online-sales", "--days", "31"];
    world.says(&scheme, 0, &["online-sales", &day, "differences"], &["online-sales", &day, "差异"]);
    world.says(&["reconcile", "--scheme", "declared"], 0, &["nothing was reconciled"], &["没有对账结果"]);
    // What cannot be compared is said with what to do.
    let to_come = BeijingTime::now().day().plus_days(2).to_string();
    let hint = ["hint: name a day that has begun", "请指定已开始的日期"];
    world.says(&["reconcile", "--day", &to_come], 1, &["still to come", hint[0]], &[hint[1]]);
    let bills = ["reconcile", "--day", day.as_str(), "--scheme", "declared"];
    world.says(&bills, 1, &["no store system", "hint: name the scheme of another"], &["填写 [store] 的 url"]);
    assert_eq!(up.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_night_yesterday_is_reconciled_and_the_result_is_listed() {
    let world = World::start(60_000).await;
    world.ship(17, 5);
    // The next minute that is far enough away to be awaited.
    let at = BeijingTime::now().plus_seconds(65).to_string();
    let mut command = world.command();
    command.args(["--reconcile-at", &at[11..16]]);
    let mut up = world.up_as(command).await;
    world.until_booked(5).await;
    let night = |event: &Value| event["event"] == "compared" && event["scheme"] == "online-sales";
    let compared = up.event("the night has come", night).await;
    assert_eq!((compared["differences"].as_u64(), compared["documents"].as_u64() > Some(0)), (Some(0), true));
    let kept = world.json(&["reconcile", "--days", "1"]);
    let days = kept["days"].as_array().unwrap();
    assert_eq!((days.len(), days[0]["by"].as_str()), (1, Some("reconcile")), "{kept}");
    assert_eq!(days[0]["summary"]["reported"]["count"], compared["documents"]);
    assert_eq!(up.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stockout_is_previewed_as_wdt_has_it_and_nothing_is_sent() {
    let world = World::start(60_000).await;
    let orders = world.ship(6, 3);
    let preview = |number: &str, lang: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dougong"));
        command.args(["preview", "--stockout", number, "--json", "--lang", lang]);
        for (option, name) in [("--config", "config"), ("--secrets", "secrets.json")] {
            command.arg(option).arg(world.path(name));
        }
        world.surround(&mut command);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_no_secret_in(&out);
        assert_no_secret_in(&err);
        (output.status.code(), out, err)
    };
    let (code, out, err) = preview(&orders[1].stockout_no, "en");
    assert_eq!(code, Some(0), "{out}{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let fields = told["fields"].as_array().unwrap();
    let field =
        |name: &str| fields.iter().find(|row| row["field"] == name).unwrap()["value"].as_str().unwrap();
    assert_eq!(field("code"), orders[1].stockout_no);
    assert_eq!(field("payMoney").parse::<Money>().unwrap(), orders[1].expected_gross());

    let (code, out, err) = preview("CK0", "en");
    assert!(code == Some(1) && out.is_empty() && err.contains("CK0: WDT has no such stockout"), "{out}{err}");
    let (.., err) = preview("CK0", "zh");
    assert!(err.contains("旺店通没有此出库单"), "{err}");
    assert_eq!((world.bip.calls().len(), world.wdt.calls().len()), (0, 3));
}
