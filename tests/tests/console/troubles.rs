//! Every kind of trouble, each settled by a person with nothing but the page.

use dougong_ledger::{Attention, State};
use dougong_simulators::bip;
use dougong_simulators::day;
use dougong_simulators::faults::{Fault, Faults, Rule, Strikes, When};
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{CONSOLE_TOKEN, World, WorldSettings, is_sold};
use dougong_values::{BeijingTime, DocumentKey, DocumentKind, Money};
use serde_json::json;

use crate::person::{Person, Seen};
use crate::yesterday;

fn sold(seed: u64, count: usize) -> Vec<WdtOrder> {
    let day = day::orders(seed, 2 * count + 20, yesterday());
    day.into_iter().filter(is_sold).take(count).collect()
}

fn settings() -> WorldSettings {
    WorldSettings { console: true, ..WorldSettings::from(yesterday().start()) }
}

fn refusal() -> Fault {
    Fault::Code("999".to_owned(), Strikes::BeforeCommit)
}

fn path(page: &str, key: &DocumentKey, more: &str) -> String {
    format!("/console/{page}?key={}{more}", key.as_str().replace('#', "%23"))
}

impl Person {
    /// Opens what a deed means, and presses its button.
    async fn does(&mut self, confirm: &str, to: &str, more: &[(&str, &str)]) -> Seen {
        let asked = self.get(confirm).await;
        let mut form = Vec::new();
        for name in ["csrf", "key", "do", "system", "scheme", "expect", "to"] {
            if asked.body.contains(&format!("name=\"{name}\" value=\"")) {
                form.push((name, asked.field(name)));
            }
        }
        let mut form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.extend_from_slice(more);
        let done = self.post(to, &form).await;
        self.follow(&done).await
    }

    async fn decides(&mut self, key: &DocumentKey, decision: &str, why: &str) -> Seen {
        let confirm = path("decide", key, &format!("&do={decision}"));
        self.does(&confirm, "/console/decide", &[("why", why)]).await
    }

    async fn sends_again(&mut self, key: &DocumentKey) -> Seen {
        self.does(&path("replay", key, ""), "/console/replay", &[("why", "已处理")]).await
    }
}

async fn state(world: &World, key: &DocumentKey) -> State {
    world.ledger.document(key, 0).await.unwrap().unwrap().state
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

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_trouble_is_settled_with_the_page_alone() {
    let mut settings = settings();
    // Of five orders that are sent, the first is refused, the second goes without an answer and is refused afterwards.
    let save = |when, fault| Rule::on(bip::SAVE, when, fault);
    let rules = [
        save(When::Nth(1), refusal()),
        save(When::Nth(2), Fault::Status(503, Strikes::BeforeCommit)),
        save(When::Nth(6), refusal()),
    ];
    settings.bip.faults = Faults::script(75, rules);
    let world = World::start(settings).await;
    let mut orders = sold(75, 6);
    let modified = orders[5].modified.to_string();
    let unreadable = json!({ "stockout_id": orders[5].stockout_id.to_string(), "modified": modified, "status": "110",
                             "consign_time": "soon", "details_list": [] });
    orders[5].raw = Some(unreadable.to_string());
    world.wdt.add(orders.clone());
    world.pull_and_settle().await;
    let mut person = Person::signed_in(&world, CONSOLE_TOKEN, "zh-CN").await;
    let parked = world.parked().await;
    assert_eq!(parked.len(), 3, "{parked:#?}");
    let strange = world.key(orders[5].stockout_id);
    let (mut refused, mut unsettled) = (None, None);
    for row in parked.iter().filter(|row| row.key != strange) {
        let document = world.ledger.document(&row.key, 0).await.unwrap().unwrap();
        *(if document.is_unsettled() { &mut unsettled } else { &mut refused }) = Some(row.key.clone());
    }
    let (refused, unsettled) = (refused.unwrap(), unsettled.unwrap());

    // BIP refused: mended there, sent again.
    person.get(&path("document", &refused, "")).await.shows("BIP 拒绝").shows("999").shows("重新发送…");
    person.sends_again(&refused).await.shows("已重新发送");
    world.settle().await;
    assert_eq!(state(&world, &refused).await, State::Posted);

    // It may be in BIP: only whoever has looked there leaves it out.
    let story = person.get(&path("document", &unsettled, "")).await;
    story.shows("do=skip-unsettled").shows("不入账（已在 BIP 核对）");
    assert!(!story.body.contains("do=skip\""), "{}", story.body);
    let hasty = person.get(&path("decide", &unsettled, "&do=skip")).await;
    hasty.shows("该操作不适用于单据目前的状态");
    person.decides(&unsettled, "skip-unsettled", "BIP 中没有").await.shows("已完成").shows("不入账");

    // A row that cannot be read says in Chinese what is wrong with it.
    let story = person.get(&path("document", &strange, "")).await;
    story.shows("无法读取").shows("consign_time").shows("不是北京时间");
    person.decides(&strange, "skip", "测试数据").await.shows("已完成");

    // Changes after booking: one was corrected in BIP, one is left as it is.
    let booked: Vec<&WdtOrder> = {
        let is_booked = |order: &&WdtOrder| {
            let key = world.key(order.stockout_id);
            key != refused && key != unsettled && key != strange
        };
        orders.iter().filter(is_booked).collect()
    };
    change(&world, booked[0]);
    change(&world, booked[1]);
    world.pull_and_settle().await;
    let held = world.parked().await;
    assert!(held.len() == 2 && held.iter().all(|row| row.kind == Attention::Held), "{held:#?}");
    let (corrected, left) = (world.key(booked[0].stockout_id), world.key(booked[1].stockout_id));
    person
        .get(&path("document", &corrected, ""))
        .await
        .shows("入账后又有变动")
        .shows("do=accept")
        .shows("do=dismiss");
    person.decides(&corrected, "accept", "已更正").await.shows("已完成");
    person.decides(&left, "dismiss", "仅备注").await.shows("已完成");

    an_order_behind_the_watermark_is_found(&world, &mut person).await;
    dead_letters_are_sent_again(&world, &mut person).await;

    person.get("/console/attention").await.shows("没有需要处理的单据");
    world.assert_nothing_parked().await;
    let deeds = person.get("/console/deeds").await;
    deeds
        .shows("设置水位")
        .shows("漏单")
        .shows("重发死信")
        .shows("至多 100 条")
        .shows("BIP 中没有")
        .shows("恢复调用");
    assert_eq!(world.vouchers(), 5, "four of the first six and the one that was missed");
    world.end().await;
}

/// Was it ever read? No: the watermark is set back, once somebody has said why.
async fn an_order_behind_the_watermark_is_found(world: &World, person: &mut Person) {
    let day = BeijingTime::now().plus_seconds(-3 * 86_400).day();
    let missed = day::orders(76, 40, day).into_iter().find(is_sold).unwrap();
    let at = missed.modified;
    world.wdt.add([missed.clone()]);
    let page = |at: BeijingTime| {
        format!("/console/watermark?scheme=online-sales&at={}", at.to_string().replace(' ', "T"))
    };
    let asked = person.get(&page(at)).await;
    asked.shows("不在任何窗口之内").shows("dougong pull").shows("手工设置水位");
    let before = world.watermark().await.unwrap();
    let to = at.plus_seconds(-1);
    let confirm = |to: BeijingTime| {
        format!("/console/set-watermark?scheme=online-sales&to={}", to.to_string().replace(' ', "T"))
    };
    let future = person.get(&confirm(BeijingTime::now().plus_seconds(3_600))).await;
    assert_eq!(future.status, 400);
    future.shows("水位不能设在将来");
    person.get(&confirm(to)).await.shows("改早").shows("不会重复入账");

    // What it is now is part of the form: another one changes nothing.
    let csrf = person.get(&confirm(to)).await.field("csrf");
    let stale = [
        ("csrf", csrf.as_str()),
        ("scheme", "online-sales"),
        ("expect", "2020-01-01 00:00:00"),
        ("to", "2020-01-02 00:00:00"),
        ("why", "漏单"),
    ];
    let not = person.post("/console/set-watermark", &stale).await;
    person.follow(&not).await.shows("水位在此期间已变动");
    assert_eq!(world.watermark().await.unwrap(), before);

    // Calls are stopped, and let go on before anything is read: a message that meets a pause comes back minutes later.
    let pause = [("minutes", "30"), ("why", "BIP 升级")];
    person.does("/console/pace?do=pause&system=bip", "/console/pace", &pause).await.shows("已暂停");
    person.does("/console/pace?do=resume&system=bip", "/console/pace", &[]).await.shows("正常");
    let done = person.does(&confirm(to), "/console/set-watermark", &[("why", "漏单")]).await;
    done.shows("水位已设置").shows(&to.to_string());
    let booked = world.vouchers();
    world.pull().await;
    world.settle().await;
    let key = world.key(missed.stockout_id);
    assert_eq!(state(world, &key).await, State::Posted);
    assert_eq!(world.vouchers(), booked + 1, "what was read again was booked again");
    person.get(&page(at)).await.shows("曾在以下窗口之内");
}

/// Ours are sent again; what is none of ours is named, and stays.
async fn dead_letters_are_sent_again(world: &World, person: &mut Person) {
    let ours = world.queue.messages().first().unwrap().clone();
    let foreign = "{\"not\":\"ours\",\"secret\":\"NEVER-SHOWN\"}".to_owned();
    for body in [&ours, &foreign] {
        let send = world.stack.sqs().client().send_message().queue_url(world.stack.dead_letter_queue());
        send.message_body(body).send().await.unwrap();
    }
    let asked = person.get("/console/pace?do=redrive").await;
    asked.shows("重发死信？").shows("不是本程序的消息，将原样保留").shows("stockout#");
    assert!(!asked.body.contains("NEVER-SHOWN"), "{}", asked.body);
    let vouchers = world.vouchers();
    let done = person.does("/console/pace?do=redrive", "/console/pace", &[]).await;
    done.shows("已重发死信：1");
    world.settle().await;
    assert_eq!((world.vouchers(), world.stack.dead_letters().await), (vouchers, vec![foreign]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_voucher_that_bip_refuses_is_given_up_with_the_page_alone() {
    let mut settings = WorldSettings { sweeps: true, ..settings() };
    let gifts = "[schemes.online-sales.mapping.gifts]";
    let merge = "[schemes.online-sales.mapping.merge]\nby = [\"day\"]\nprice = \"average\"";
    settings.rules.push((gifts, format!("{merge}\n\n{gifts}")));
    let world = World::start(settings).await;
    let first = sold(77, 1).remove(0);
    let alike = |order| WdtOrder {
        shop_no: first.shop_no.clone(),
        warehouse_no: first.warehouse_no.clone(),
        ..order
    };
    world.wdt.add(sold(77, 4).into_iter().map(alike));
    world.pull_and_settle().await;
    let close = async || {
        world.sweep(&json!({ "job": "close", "early": true })).await.unwrap();
        world.settle().await;
    };
    let rule = world.bip.add_fault(Rule::on(bip::SAVE, When::Always, refusal()));
    close().await;
    world.bip.faults().remove(rule);
    let parked = world.parked().await;
    assert!(parked.len() == 1 && parked[0].key.kind() == DocumentKind::Merged, "{parked:#?}");
    let part = parked[0].key.clone();

    let mut person = Person::signed_in(&world, CONSOLE_TOKEN, "zh-CN").await;
    let story = person.get(&path("document", &part, "")).await;
    story.shows("BIP 拒绝").shows("do=dissolve").shows("所含单据").shows("stockout#");
    let given_up = person.decides(&part, "dissolve", "其中一单有误").await;
    given_up.shows("已完成").shows("已解散的汇总份");
    close().await;
    assert_eq!(world.vouchers(), 1);
    let member = person.get(&path("document", &world.key(first.stockout_id), "")).await;
    member.shows("已入账").shows("已并入汇总单");
    person.get("/console/attention").await.shows("没有需要处理的单据");
    world.end().await;
}
