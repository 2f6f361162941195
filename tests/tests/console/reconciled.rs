//! What a night's comparison came to, on the page.

use dougong_tests::{CONSOLE_READ_ONLY_TOKEN, CONSOLE_TOKEN, SCHEME};
use serde_json::json;

use crate::person::Person;
use crate::{world_with_parked, yesterday};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_a_night_found_and_asks_no_system_outside() {
    let (world, strange, foreign) = world_with_parked(27, 4).await;
    let mut person = Person::signed_in(&world, CONSOLE_TOKEN, "en").await;
    person.get("/console/reconciliation").await.shows("Nothing was compared yet");
    let day = yesterday();
    let address = format!("/console/reconciliation?scheme={SCHEME}&day={day}");
    assert_eq!(person.get(&address).await.status, 404);

    let compared = world.reconcile(&json!({})).await.unwrap();
    assert_eq!(compared["compared"][0]["differences"], 2, "{compared}");
    let calls = (world.wdt.calls().len(), world.bip.calls().len());

    world.tables.reset_counts();
    let list = person.get("/console/reconciliation").await;
    list.shows(&day.to_string()).shows("<span class=\"badge parked\">2</span>").shows(">reconcile</td>");
    // One request: only schemes of a system that there is are looked for.
    assert_eq!(world.tables.counts().into_values().sum::<u64>(), 1);
    world.tables.reset_counts();
    let seen = person.get(&address).await;
    assert_eq!(world.tables.counts().into_values().sum::<u64>(), 1);
    let sid = world.wdt.settings().sid.clone();
    for id in [strange, foreign] {
        seen.shows(&format!("<code>stockout#{sid}#{id}</code>"));
    }
    seen.shows("not booked").shows("shop not in the table").shows("Send again…").shows("By shop or store");
    assert_eq!((world.wdt.calls().len(), world.bip.calls().len()), calls, "the page asked somebody outside");

    let csv = person.get(&format!("/console/reconciliation.csv?scheme={SCHEME}&day={day}")).await;
    csv.shows("not_booked").shows(&format!("stockout#{sid}#{strange}")).shows("dougong orders explain");
    let days = person.get("/console/reconciliation.csv").await;
    days.shows(&format!("{SCHEME},{day},2,"));

    let mut reader = Person::signed_in(&world, CONSOLE_READ_ONLY_TOKEN, "zh").await;
    let seen = reader.get(&address).await;
    seen.shows("未入账").shows("差异");
    assert!(!seen.body.contains("重新发送"), "a reader is offered what only an operator may do");
    world.end().await;
}
