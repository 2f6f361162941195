//! A person with nothing but the page puts everything right.

use dougong_simulators::wdt::WdtOrder;
use dougong_tests::{CONSOLE_TOKEN, edit};

use crate::person::Person;
use crate::world_with_parked;

#[tokio::test(flavor = "multi_thread")]
async fn with_the_page_alone_every_document_is_booked_once_or_skipped() {
    let (world, strange, foreign) = world_with_parked(72, 6).await;
    assert_eq!(world.parked().await.len(), 2);
    let mut person = Person::signed_in(&world, CONSOLE_TOKEN, "zh-CN").await;

    // At a glance, then the list, then the story.
    person.get("/console").await.shows("待人工处理").shows("店铺未登记");
    let list = person.get("/console/attention?reason=unknown_shop").await;
    list.shows(world.key(strange).as_str()).shows("tables/shops.csv");
    let csv = person.get("/console/attention.csv").await;
    csv.shows("\u{feff}单据,方案").shows("unknown_shop");
    let path = |page: &str, stockout: u64, more: &str| {
        format!("/console/{page}?key={}{more}", world.key(stockout).to_string().replace('#', "%23"))
    };
    let story = person.get(&path("document", strange, "")).await;
    story.shows("<mark>NEW99</mark>").shows("SKU-9999").shows("shops.csv").shows("goods.csv");
    let found = person.get(&format!("/console/find?key={strange}")).await;
    assert_eq!(found.location.as_deref(), Some(path("document", strange, "").as_str()));

    // Nothing can be sent while the tables are as they are.
    let early = person.get(&path("replay", strange, "")).await;
    early.shows("按当前配置没有可发送的单据");

    // The tables are mended and deployed; the document is sent, by the same form twice.
    let tables = world.config().join("tables");
    edit(&tables.join("shops.csv"), "\nJD001,", "\nNEW99,新开店铺,CUST-TMALL01,,ORG01,,SO021,,\nJD001,");
    let goods = std::fs::read_to_string(tables.join("goods.csv")).unwrap();
    let row = goods.lines().find(|line| line.starts_with("SKU-0001,")).unwrap();
    let (plain, new) = (format!("\n{row}\n"), row.replacen("SKU-0001,", "SKU-9999,", 1));
    edit(&tables.join("goods.csv"), &plain, &format!("{plain}{new}\n"));
    world.deploy().await;
    let confirm = person.get(&path("replay", strange, "")).await;
    confirm.shows("确认重新发送：1");
    let (csrf, key) = (confirm.field("csrf"), confirm.field("key"));
    assert_eq!(key, world.key(strange).as_str());
    let form = [("csrf", csrf.as_str()), ("key", key.as_str()), ("why", "对照表已补")];
    let sent = person.post("/console/replay", &form).await;
    person.follow(&sent).await.shows("已重新发送");
    world.settle().await;
    let again = person.post("/console/replay", &form).await;
    person.follow(&again).await.shows("单据状态已改变");
    world.settle().await;
    let booked = person.get(&path("document", strange, "")).await;
    booked.shows("已入账").shows("已在 BIP 中").shows("Li Lei").shows("对照表已补");

    // The other one is nobody's business.
    let confirm = person.get(&path("decide", foreign, "&do=skip")).await;
    let (csrf, key) = (confirm.field("csrf"), confirm.field("key"));
    let form = [("csrf", csrf.as_str()), ("key", key.as_str()), ("do", "skip"), ("why", "=测试单")];
    let done = person.post("/console/decide", &form).await;
    person.follow(&done).await.shows("已完成").shows("不入账");
    person.get("/console/attention").await.shows("没有需要处理的单据");
    person.get("/console/deeds").await.shows("决定不入账").shows("=测试单");
    world.assert_nothing_parked().await;

    world.wdt.change(|wdt| {
        let mended = wdt.order(strange).cloned().unwrap();
        wdt.add([WdtOrder { flaw: None, ..mended }]);
    });
    let keys = world.bip.orders().into_iter().filter(|order| order.repeats > 0).count();
    assert_eq!(keys, 0, "something was sent twice");
    assert_eq!(world.bip.orders().len(), 7, "six and the mended one");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_stopped_and_let_go_on_from_the_page() {
    let (world, _, _) = world_with_parked(73, 2).await;
    let mut person = Person::signed_in(&world, CONSOLE_TOKEN, "en").await;
    let confirm = person.get("/console/pace?do=pause&system=bip").await;
    let csrf = confirm.field("csrf");
    let pause = [
        ("csrf", csrf.as_str()),
        ("do", "pause"),
        ("system", "bip"),
        ("minutes", "30"),
        ("why", "BIP is upgraded"),
    ];
    let done = person.post("/console/pace", &pause).await;
    person.follow(&done).await.shows("stopped").shows("BIP is upgraded (Li Lei)");
    person.get("/console").await.shows("calls are stopped until");
    person.get("/console/pace?do=resume&system=bip").await.shows("Stopped until");
    let resume = [("csrf", csrf.as_str()), ("do", "resume"), ("system", "bip")];
    let done = person.post("/console/pace", &resume).await;
    let flow = person.follow(&done).await;
    assert!(!flow.body.contains("BIP is upgraded"), "{flow:?}");
    person.get("/console/deeds").await.shows("stopped calls").shows("let calls go on").shows("Li Lei");
    world.end().await;
}
