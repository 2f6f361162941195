//! The operator's commands on a running `dougong up`, as an operator types them, in both languages.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use dougong_cloud::{Function, FunctionHost, LogSink};
use dougong_simulators::bip;
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::wdt::WdtOrder;
use dougong_values::{BeijingTime, Money};
use serde_json::{Value, json};

use crate::world::{Up, World, assert_no_secret_in, until};

/// What a command said and ended with.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// Runs a command on the running `up` and answers its question, if it asks one.
    pub(crate) fn operate_and_say(&self, answer: &str, command: &[&str]) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dougong"))
            .args(command)
            .arg("--data")
            .arg(self.path("data"))
            .args(["--by", "Li Lei"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ended =
            Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        assert_no_secret_in(&ended.out);
        assert_no_secret_in(&ended.err);
        if std::env::var_os("DOUGONG_SHOW").is_some() {
            eprintln!("$ dougong {}\n{}{}[{}]\n", command.join(" "), ended.out, ended.err, ended.code);
        }
        ended
    }

    pub(crate) fn operate(&self, command: &[&str]) -> Ended {
        self.operate_and_say("", command)
    }

    pub(crate) fn json(&self, command: &[&str]) -> Value {
        let mut command = command.to_vec();
        command.push("--json");
        let ended = self.operate(&command);
        serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{} {}", ended.out, ended.err))
    }

    /// Returns the keys of what stands there.
    fn listed(&self, state: &str) -> Vec<String> {
        let listed = self.json(&["orders", "list", "--state", state]);
        let rows = listed["documents"].as_array().unwrap();
        rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn until_listed(&self, state: &str, count: usize) {
        until(&format!("{count} are {state}"), || self.listed(state).len() == count).await;
    }

    pub(crate) async fn until_nothing_waits(&self) {
        let waiting = || {
            let queue = self.json(&["status"])["queue"].clone();
            ["visible", "in_flight", "delayed"].iter().filter_map(|part| queue[part].as_u64()).sum::<u64>()
        };
        until("nothing waits any more", || waiting() == 0).await;
    }

    /// Checks a command in both languages: its exit code, and parts of what it says.
    #[track_caller]
    pub(crate) fn says(&self, command: &[&str], code: i32, en: &[&str], zh: &[&str]) {
        for (lang, parts) in [("en", en), ("zh", zh)] {
            let mut command = command.to_vec();
            command.extend(["--lang", lang]);
            let ended = self.operate(&command);
            assert_eq!(ended.code, code, "{command:?}: {}{}", ended.out, ended.err);
            for part in parts {
                let said = format!("{}{}", ended.out, ended.err);
                assert!(said.contains(part), "{part:?} is missing in {command:?}: {said}");
            }
            if lang == "zh" {
                assert_no_english_in(&format!("{}{}", ended.out, ended.err));
            }
        }
    }
}

/// Words that no Chinese sentence has: names, ids, and what a person typed have none of them.
#[track_caller]
fn assert_no_english_in(said: &str) {
    let typed = "a test of the shop";
    let without = said.replace(typed, "");
    for word in ["the", "is", "of", "and", "not", "was", "are", "it", "in", "a", "error", "hint"] {
        let found = without
            .split(|letter: char| !letter.is_ascii_alphanumeric() && !"_-#/.'`$".contains(letter))
            .any(|own| own.eq_ignore_ascii_case(word));
        assert!(!found, "{word:?} in {said}");
    }
}

/// What the running `up` lets its commands in by.
fn door(world: &World) -> BTreeMap<String, String> {
    let door = fs::read_to_string(world.path("data/operate.json")).unwrap();
    let door: Value = serde_json::from_str(&door).unwrap();
    let mut variables: BTreeMap<String, String> =
        serde_json::from_value(door["environment"].clone()).unwrap();
    variables.insert("DOUGONG_CONFIG".to_owned(), world.path("config").display().to_string());
    variables
}

/// Puts together at once whatever waits to be merged.
async fn close(world: &World) {
    let function = Function {
        name: "sweep".to_owned(),
        command: [env!("CARGO_BIN_EXE_dougong"), "function", "sweep"].map(Into::into).to_vec(),
        env: door(world),
        timeout: Duration::from_mins(1),
        max_environments: 1,
        memory_mb: 256,
    };
    let host = FunctionHost::start(function, LogSink::collecting().0);
    let closed = host.invoke(r#"{"job":"close","early":true}"#.to_owned()).await.unwrap();
    let closed: Value = serde_json::from_slice(&closed.payload).unwrap();
    assert_eq!(closed["parts"], 1, "{closed}");
}

/// Puts a text into the order queue that is no message.
fn send_foreign(world: &World, text: &str) {
    let door = door(world);
    let address = door["AWS_ENDPOINT_URL_SQS"].strip_prefix("http://").unwrap().trim_end_matches('/');
    let body = json!({ "QueueUrl": door["DOUGONG_ORDERS_QUEUE_URL"], "MessageBody": text }).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: AmazonSQS.SendMessage\r\n\
         content-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Returns the key of an order's document.
pub(crate) fn key(order: &WdtOrder, world: &World) -> String {
    format!("stockout#{}#{}", world.wdt.settings().sid, order.stockout_id)
}

/// Makes an order dearer after it was booked.
fn change(world: &World, order: &WdtOrder) {
    let dearer = |order: &mut WdtOrder| {
        let more: Money = "10.00".parse().unwrap();
        order.receivable += more;
        order.lines[0].share_amount += more;
    };
    assert!(world.wdt.modify(order.stockout_id, BeijingTime::now(), dearer));
}

/// Adds a shop to the table that is like another one.
fn add_shop(world: &World, new: &str, like: &str) {
    let file = world.path("config/tables/shops.csv");
    let text = fs::read_to_string(&file).unwrap();
    let row = text.lines().find(|line| line.starts_with(&format!("{like},"))).unwrap();
    let row = row.replacen(like, new, 1);
    fs::write(&file, format!("{}\n{row}\n", text.trim_end())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_with_these_commands_alone_brings_every_document_to_booked_or_skipped() {
    let world = World::start(60_000).await;
    let orders = world.ship(11, 8);
    let (mended, unwanted, later) = (&orders[0], &orders[1], &orders[2..]);
    let shop = mended.shop_no.clone();
    for (order, shop) in [(mended, "NEW99"), (unwanted, "NEW98")] {
        assert!(world.wdt.modify(order.stockout_id, order.modified, |order| order.shop_no = shop.to_owned()));
    }
    let refusal = Fault::Code("999".to_owned(), Strikes::BeforeCommit);
    world.bip.add_fault(Rule::on(bip::SAVE, When::Nth(3), refusal));
    let up = world.up().await;
    world.until_booked(5).await;
    world.until_listed("parked", 3).await;

    let keys = [key(mended, &world), key(unwanted, &world)];
    what_waits_is_told_with_its_reason(&world, mended, &keys);
    a_refusal_is_sent_again(&world, &keys).await;
    let mut up = a_mended_table_books_exactly_once(&world, up, &shop, &keys[0]).await;
    what_is_skipped_keeps_who_did_it(&world, &keys[1]);
    changes_are_decided(&world, later, &keys[1]).await;

    // Everything is booked or skipped, and stays so when WDT shows the same changes again.
    world.says(&["status"], 0, &["all is well"], &["一切正常"]);
    let read = up.events().len();
    until("WDT was read again", || {
        up.events().iter().skip(read).filter(|event| event["event"] == "pulled").count() >= 2
    })
    .await;
    world.says(&["status"], 0, &["all is well"], &["一切正常"]);
    world.until_nothing_waits().await;
    assert_eq!(up.stop().await, Some(0));
    let booked: Vec<WdtOrder> =
        orders.iter().filter(|order| order.stockout_id != unwanted.stockout_id).cloned().collect();
    world.assert_booked_once_each(&booked);
}

/// `status`, `orders list` and `orders explain` say what waits, and why.
fn what_waits_is_told_with_its_reason(
    world: &World,
    mended: &WdtOrder,
    [mended_key, unwanted_key]: &[String; 2],
) {
    world.says(
        &["status"],
        3,
        &[
            "online-sales",
            "shop not in the table",
            "refused by BIP",
            "order queue: 0 ready",
            "something waits for a person",
        ],
        &["店铺未登记", "BIP 拒绝", "订单队列：待处理 0", "有待人工处理"],
    );
    let status = world.json(&["status"]);
    assert_eq!(status["health"], "needs_person");
    assert_eq!(status["schemes"][0]["watermark"]["scheme"], "online-sales");
    world.says(
        &["orders", "list", "--reason", "unknown_shop"],
        0,
        &[mended_key, unwanted_key, "shop not in the table (unknown_shop)"],
        &[mended_key, "店铺未登记"],
    );
    world.says(
        &["orders", "explain", &mended.stockout_id.to_string()],
        0,
        &[
            "parked: shop not in the table",
            "add the shop to tables/shops.csv",
            "dougong orders replay 'stockout#",
            "dougong orders skip",
        ],
        &["待人工处理：店铺未登记", "在 tables/shops.csv 中登记店铺", "修好问题之后重新发送", "或决定不入账"],
    );
}

/// BIP refused for a reason of its own: it is sent again as it is.
async fn a_refusal_is_sent_again(world: &World, keys: &[String; 2]) {
    let refused: Vec<String> = world.listed("parked").into_iter().filter(|key| !keys.contains(key)).collect();
    world.says(
        &["orders", "show", &refused[0]],
        0,
        &["refused by BIP", "code 999"],
        &["BIP 拒绝", "BIP 代码 999"],
    );
    world.says(
        &["orders", "show", &refused[0], "--fields"],
        0,
        &[
            "what was read:\n",
            "  shop_no = ",
            "  orderDetails[0].oriSum = ",
            "its voucher with the configuration of today",
        ],
        &["读入的内容：\n", "按当前配置生成的凭单"],
    );
    let whole = world.json(&["orders", "show", &refused[0]]);
    assert_eq!((&whole["place"], &whole["becomes"]["as"]), (&"parked".into(), &"voucher".into()));
    assert!(whole["source"].as_array().unwrap().iter().any(|field| field["field"] == "shop_no"), "{whole:#}");
    let sent = world.operate(&["orders", "replay", &refused[0], "--yes", "--lang", "en"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    assert!(
        sent.out.contains("was: parked: refused by BIP") && sent.out.contains("would be booked as"),
        "{}",
        sent.out
    );
    world.until_booked(6).await;
    until("it is booked", || world.json(&["orders", "show", &refused[0]])["place"] == "posted").await;
}

/// Nothing is sent that would be parked again, nor with a configuration that the running program does not have; then it is
/// booked once, however often it is sent.
async fn a_mended_table_books_exactly_once(world: &World, mut up: Up, shop: &str, mended_key: &str) -> Up {
    world.says(
        &["orders", "replay", "--reason", "unknown_shop", "--dry-run"],
        0,
        &["now: would be parked again: shop not in the table"],
        &["仍将待人工处理：店铺未登记"],
    );
    world.says(
        &["orders", "replay", "--reason", "unknown_shop", "--yes"],
        1,
        &["nothing can be sent"],
        &["没有可发送的单据"],
    );
    add_shop(world, "NEW99", shop);
    world.says(
        &["orders", "replay", mended_key, "--yes"],
        1,
        &["the configuration was changed after `dougong up` had read it", "restart `dougong up` first"],
        &["配置在 `dougong up` 启动之后有改动", "请先重启"],
    );
    assert_eq!(up.stop().await, Some(0));
    world.says(
        &["status"],
        1,
        &["`dougong up` does not run on", "hint: start it"],
        &["没有运行 `dougong up`"],
    );
    let up = world.up().await;

    // A mended table: asked, refused, asked again; booked once however often it is sent.
    let no = world.operate_and_say("n\n", &["orders", "replay", "--reason", "unknown_shop", "--lang", "en"]);
    assert!(no.code == 1 && no.err.contains("send 1 of them again? [y/N] nothing was done"), "{}", no.err);
    let yes = world.operate_and_say("y\n", &["orders", "replay", "--reason", "unknown_shop", "--lang", "en"]);
    assert_eq!(yes.code, 1, "one of two: {}{}", yes.out, yes.err);
    assert!(yes.out.contains("sent again: 1"), "{}", yes.out);
    world.until_booked(7).await;
    until("it is booked", || world.json(&["orders", "show", mended_key])["place"] == "posted").await;
    world.says(
        &["orders", "replay", mended_key, "--yes"],
        1,
        &["nothing can be sent"],
        &["没有可发送的单据"],
    );
    up
}

/// What must not be booked is skipped, and who did it is kept.
fn what_is_skipped_keeps_who_did_it(world: &World, unwanted_key: &str) {
    let skip = ["orders", "skip", unwanted_key, "--reason", "a test of the shop", "--yes"];
    world.says(&skip, 0, &["done"], &["已完成"]);
    world.says(
        &["orders", "show", unwanted_key],
        0,
        &["skipped by a person", "Li Lei", "a test of the shop", "in the window"],
        &["不入账：人工跳过", "Li Lei", "所在窗口"],
    );
    world.says(&["history"], 0, &["Li Lei", "sent again", "skipped", unwanted_key], &["重新发送", "跳过"]);
}

/// Changes of what is booked: one was corrected in BIP by hand, one is left as it is.
async fn changes_are_decided(world: &World, later: &[WdtOrder], unwanted_key: &str) {
    change(world, &later[0]);
    change(world, &later[1]);
    world.until_listed("held", 2).await;
    let (corrected, left) = (key(&later[0], world), key(&later[1], world));
    world.says(
        &["orders", "explain", &corrected],
        0,
        &["changed after it was booked", "orders accept", "orders dismiss"],
        &["入账后又有变动", "按变更更正单据"],
    );
    let accept = ["orders", "accept", &corrected, "--reason", "corrected by Han", "--yes"];
    world.says(&accept, 0, &["done"], &["已完成"]);
    let dismiss = ["orders", "dismiss", &left, "--reason", "only a remark", "--yes"];
    world.says(&dismiss, 0, &["done"], &["已完成"]);
    world.says(&accept, 0, &["done"], &["已完成"]);
    world.says(
        &["orders", "accept", unwanted_key, "--reason", "x", "--yes"],
        1,
        &["nothing was done"],
        &["未处理"],
    );
    assert_eq!(world.json(&["orders", "show", &left])["place"], "posted");
}

#[tokio::test(flavor = "multi_thread")]
async fn watermarks_paces_and_dead_letters_are_shown_and_set_by_hand() {
    let world = World::start(60_000).await;
    let orders = world.ship(12, 3);
    let mut up = world.up().await;
    world.until_booked(3).await;
    world.until_nothing_waits().await;

    let moment = orders[0].modified.to_string();
    world.says(
        &["watermark", "show"],
        0,
        &["online-sales: ", " behind", "live"],
        &["online-sales：", "落后", "实时"],
    );
    world.says(&["watermark", "explain", &moment], 0, &["was inside"], &["曾在"]);
    world.says(
        &["watermark", "explain", "2020-01-01 00:00:00"],
        1,
        &["was in no window of online-sales", "dougong pull --from '2020-01-01 00:00:00'"],
        &["不在 online-sales 的任何窗口之内"],
    );
    world.says(
        &["watermark", "set", &moment, "--expect", "2020-01-01 00:00:00", "--yes"],
        1,
        &["not set, the watermark is 20"],
        &["未设置，现水位为 20"],
    );
    world.says(
        &["pause", "--for", "1m", "--reason", "month-end closing"],
        0,
        &["calls to BIP are stopped until", "month-end closing (Li Lei)", "sooner: dougong resume bip"],
        &["对BIP的调用暂停至", "提前恢复"],
    );
    world.says(&["status"], 4, &["calls to BIP are stopped until", "it does not flow"], &["流程不畅"]);
    // An order behind the watermark is found when that is set back; what was booked is not booked again.
    let day = BeijingTime::now().plus_seconds(-2 * 86_400).day();
    let later = world.ship_on(day, 13, 1);
    let start = day.start().to_string();
    // It moves by itself: the one that was read may be old when it is named.
    until("the watermark is set back", || {
        let now = world.json(&["watermark", "show", "--windows", "0"])[0]["watermark"].clone();
        let set = ["watermark", "set", &start, "--expect", now.as_str().unwrap(), "--yes"];
        world.operate(&set).code == 0
    })
    .await;
    let waits = key(&later[0], &world);
    let place = || world.json(&["orders", "show", &waits])["place"].clone();
    until("it waits", || place() == "queued" || place() == "posting").await;
    assert_eq!(world.bip.order_count(), orders.len());
    world.says(&["resume"], 0, &["calls to BIP"], &["BIP的调用"]);
    world.says(&["resume"], 0, &["calls to BIP were not stopped"], &["对BIP的调用并未暂停"]);

    world.says(
        &["doctor"],
        0,
        &["well", "reading the ledger", "writing to the ledger", "a call to WDT", "a call to BIP", "clock"],
        &["正常", "读台账", "调用旺店通", "调用 BIP"],
    );
    world.bip.add_fault(Rule::on(bip::LIST, When::Always, Fault::Status(500, Strikes::BeforeCommit)));
    world.says(
        &["doctor"],
        1,
        &["wrong", "a call to BIP: check the addresses"],
        &["有误", "调用 BIP：请核对"],
    );

    world.says(&["dlq", "list"], 0, &["no dead letters"], &["没有死信"]);
    world.says(&["dlq", "redrive", "--yes"], 0, &["sent again: 0"], &["已重发 0 条"]);
    world.says(
        &["orders", "show", "1"],
        1,
        &["the ledger does not know stockout#", "watermark explain"],
        &["台账中没有"],
    );
    world.says(&["orders", "show", "what#ever"], 1, &["names no document"], &["不是单据"]);
    world.until_booked(4).await;
    assert_eq!(up.stop().await, Some(0));
    let all: Vec<WdtOrder> = orders.into_iter().chain(later).collect();
    world.assert_booked_once_each(&all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_the_secret_says_which_policy_and_the_rest_works_without_it() {
    let world = World::start(60_000).await;
    world.ship(18, 1);
    let mut up = world.up().await;
    world.until_booked(1).await;
    world.until_nothing_waits().await;
    // As on AWS with OperatorPolicy alone: names of everything, and a secret that cannot be read.
    let mut variables = door(&world);
    variables.insert("DOUGONG_SECRETS".to_owned(), world.path("no-such-file.json").display().to_string());
    let run = |command: &[&str], lang: &str| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dougong"));
        process.args(command).args(["--by", "Li Lei", "--lang", lang]).env_clear().envs(&variables);
        let output = process.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run(&["status"], "en");
    assert!(code == 0 && said.contains("whether calls are stopped is not known"), "{code} {said}");
    assert!(said.contains("CallerPolicyArn"), "{said}");
    for command in [&["orders", "list"][..], &["watermark", "show"], &["dlq", "list"], &["history"]] {
        let (code, said) = run(command, "zh");
        assert_eq!(code, 0, "{command:?} {said}");
    }
    for command in [
        &["pause", "--for", "1m", "--reason", "x"][..],
        &["resume"],
        &["pull", "--from", "2026-11-01", "--to", "2026-11-01", "--yes"],
        &["reconcile", "--day", "2026-11-01"],
    ] {
        let (code, said) = run(command, "zh");
        assert!(
            code == 1 && said.contains("CallerPolicyArn") && said.contains("此操作需要密钥"),
            "{command:?} {said}"
        );
    }
    let (code, said) = run(&["doctor"], "zh");
    assert!(code == 1 && said.contains("CallerPolicyArn") && said.contains("无法读取密钥文件"), "{said}");
    assert_eq!(up.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_merged_voucher_is_dissolved_and_a_foreign_dead_letter_is_named_and_never_printed() {
    let world = World::start(60_000).await;
    let file = world.path("config/dougong.toml");
    let gifts = "[schemes.online-sales.mapping.gifts]";
    let merge = "[schemes.online-sales.mapping.merge]\nby = [\"shop\", \"warehouse\", \"day\"]\nprice = \"average\"\n";
    let rules = fs::read_to_string(&file).unwrap().replacen(gifts, &format!("{merge}\n{gifts}"), 1);
    fs::write(&file, rules).unwrap();
    world.ship(17, 1);
    let refusal = Fault::Code("999".to_owned(), Strikes::BeforeCommit);
    let rule = world.bip.add_fault(Rule::on(bip::SAVE, When::Always, refusal));
    let mut up = world.up().await;
    world.until_listed("waiting", 1).await;
    let member = world.listed("waiting").remove(0);
    world.says(&["orders", "show", &member], 0, &["waits to be merged"], &["等待汇总"]);
    close(&world).await;
    world.until_listed("parked", 1).await;
    let part = world.listed("parked").remove(0);
    assert!(part.starts_with("merged#online-sales#"), "{part}");
    world.says(
        &["orders", "explain", &part],
        0,
        &["refused by BIP", "orders dissolve 'merged#", "its orders are put together anew"],
        &["BIP 拒绝", "或解散", "重新汇总"],
    );
    world.bip.faults().remove(rule);
    let no = world.operate_and_say("n\n", &["orders", "dissolve", &part, "--reason", "x", "--lang", "en"]);
    assert!(
        no.code == 1 && no.err.contains("give this merged voucher up? [y/N] nothing was done"),
        "{}",
        no.err
    );
    world.says(&["orders", "dissolve", &part, "--reason", "一单有误", "--yes"], 0, &["done"], &["已完成"]);
    world.says(
        &["orders", "show", &part],
        0,
        &["a part that was given up"],
        &["不入账：已解散的汇总份", "解散汇总份"],
    );
    world.says(
        &["orders", "dissolve", &member, "--reason", "x", "--yes"],
        1,
        &["nothing was done"],
        &["未处理"],
    );
    close(&world).await;
    world.until_booked(1).await;
    until("its order knows its voucher", || world.json(&["orders", "show", &member])["place"] == "posted")
        .await;

    send_foreign(&world, "{\"phone\":\"NEVER-SHOWN\"}");
    until("it is a dead letter", || world.operate(&["dlq", "list"]).code == 3).await;
    world.says(
        &["dlq", "list"],
        3,
        &["the body is not a message of Dougong"],
        &["内容不是斗拱的消息", "问题"],
    );
    world.says(
        &["dlq", "redrive", "--yes"],
        0,
        &["sent again: 0; not ours, and left where they are: 1"],
        &["已重发 0 条", "原样保留 1 条"],
    );
    for command in [&["dlq", "list"][..], &["dlq", "list", "--json"], &["status", "--json"]] {
        let ended = world.operate(command);
        assert!(!ended.out.contains("NEVER-SHOWN") && !ended.err.contains("NEVER-SHOWN"), "{}", ended.out);
    }
    assert_eq!(world.json(&["dlq", "list"])["letters"].as_array().unwrap().len(), 1, "it is kept");
    assert_eq!(up.stop().await, Some(0));
    assert_eq!(world.bip.order_count(), 1);
}

#[test]
fn every_operators_command_has_help_with_an_example_and_its_exit_codes() {
    let help = |command: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_dougong")).args(command).arg("--help").output().unwrap();
        assert!(output.status.success(), "{command:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for command in [
        &["status"][..],
        &["orders", "list"],
        &["orders", "show"],
        &["orders", "explain"],
        &["orders", "replay"],
        &["orders", "skip"],
        &["orders", "accept"],
        &["orders", "dismiss"],
        &["orders", "dissolve"],
        &["watermark", "show"],
        &["watermark", "explain"],
        &["watermark", "set"],
        &["pause"],
        &["resume"],
        &["dlq", "list"],
        &["dlq", "redrive"],
        &["history"],
        &["pull"],
        &["doctor"],
        &["reconcile"],
    ] {
        let said = help(command);
        let example = format!("  dougong {}", command.join(" "));
        assert!(said.contains(&example) && said.contains("Exit code 退出码: 0 "), "{said}");
        assert!(said.contains("--data") && said.contains("--json") && said.contains("--lang"), "{said}");
    }
    for command in ["demo", "up", "check", "preview", "diff", "test"] {
        let said = help(&[command]);
        let example = format!("Examples 示例:\n  dougong {command}");
        assert!(said.contains(&example) && said.contains("Exit code 退出码: 0 "), "{said}");
    }
    // Without a system nothing is guessed.
    let output = Command::new(env!("CARGO_BIN_EXE_dougong")).arg("status").env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("hint: name the data folder"));
}
