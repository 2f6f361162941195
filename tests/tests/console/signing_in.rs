//! Who gets in, and what they may do.

use std::fs;
use std::path::Path;

use dougong_tests::{CONSOLE_READ_ONLY_TOKEN, CONSOLE_TOKEN, World, WorldSettings};
use reqwest::StatusCode;
use serde_json::Value;

use crate::person::Person;
use crate::{world_with_parked, yesterday};

async fn empty_world() -> World {
    World::start(WorldSettings { console: true, ..WorldSettings::from(yesterday().start()) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_a_page_of_the_console_without_a_token() {
    let world = empty_world().await;
    let mut person = Person::at(&world, "en");
    for path in [
        "",
        "/attention",
        "/documents",
        "/document?key=a%23b",
        "/flow",
        "/deeds",
        "/attention.csv",
        "/nothing",
    ] {
        let seen = person.get(&format!("/console{path}")).await;
        assert_eq!(seen.status, StatusCode::OK);
        seen.shows("<h1>Sign in</h1>");
        assert!(!seen.body.contains("aria-current"), "{path} is shown");
    }
    let wrong = person.sign_in("CANARY-NO-TOKEN-AT-ALL").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    wrong.shows("role=\"alert\"");
    assert_eq!(person.cookie("dougong"), None);

    let right = person.sign_in(CONSOLE_TOKEN).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
    let cookie = right.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let policy = right.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    person.follow(&right).await.shows("Li Lei").shows("aria-current=\"page\"");

    // A session that somebody wrote himself, or whose role was raised.
    let own = person.cookie("dougong").unwrap().to_owned();
    for forged in [own.replacen("operator", "reader", 1), format!("{own}0"), own.replacen('.', ".9", 1)] {
        person.set_cookie("dougong", &forged);
        person.get("/console").await.shows("<h1>Sign in</h1>");
    }
    person.set_cookie("dougong", &own);
    let csrf = person.get("/console").await.field("csrf");
    let out = person.post("/console/sign-out", &[("csrf", &csrf)]).await;
    person.follow(&out).await.shows("<h1>Sign in</h1>");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_to_sign_in_are_counted_for_every_environment_together() {
    let world = empty_world().await;
    let mut person = Person::at(&world, "zh-CN");
    for _ in 0..20 {
        assert_eq!(person.sign_in("wrong-wrong-wrong-wrong").await.status, StatusCode::FORBIDDEN);
    }
    world.stack.console().unwrap().host().kill_all().await;
    let refused = person.sign_in(CONSOLE_TOKEN).await;
    // A quarter of an hour may just have begun anew.
    if refused.status != StatusCode::SEE_OTHER {
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        refused.shows("15 分钟");
        assert_eq!(refused.headers.get("retry-after").unwrap(), "900");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_for_another_site_or_for_somebody_who_may_only_look() {
    let (world, strange, _) = world_with_parked(71, 3).await;
    let key = world.key(strange).to_string();
    let deeds: [(&str, Vec<(&str, &str)>); 3] = [
        ("/console/replay", vec![("key", &key)]),
        ("/console/decide", vec![("key", &key), ("do", "skip"), ("why", "x")]),
        ("/console/pace", vec![("do", "pause"), ("system", "bip"), ("minutes", "5"), ("why", "x")]),
    ];
    let mut reader = Person::signed_in(&world, CONSOLE_READ_ONLY_TOKEN, "en").await;
    let page = reader.get("/console").await;
    page.shows("read-only");
    let of_reader = page.field("csrf");
    let story = reader.get(&format!("/console/document?key={}", key.replace('#', "%23"))).await;
    assert!(!story.body.contains("/console/replay") && !story.body.contains("/console/decide"), "{story:?}");
    let mut operator = Person::signed_in(&world, CONSOLE_TOKEN, "en").await;
    let own = operator.get("/console").await.field("csrf");
    for (path, form) in deeds {
        let with = |csrf: &str| -> Vec<(String, String)> {
            let all = form.iter().copied().chain([("csrf", csrf)]);
            all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let (of_reader, own) = (with(&of_reader), with(&own));
        let (reader_form, own_form) = (borrowed(&of_reader), borrowed(&own));
        assert_eq!(reader.post(path, &reader_form).await.status, StatusCode::FORBIDDEN, "{path}");
        // No proof, somebody else's proof, another site with the right proof.
        assert_eq!(operator.post(path, &form).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(operator.post(path, &reader_form).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(
            operator.post_from_elsewhere(path, &own_form).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
        // What is asked for with GET asks back at most.
        let query: Vec<String> =
            own_form.iter().map(|(name, value)| format!("{name}={}", value.replace('#', "%23"))).collect();
        operator.get(&format!("{path}?{}", query.join("&"))).await;
    }
    let parked = world.parked().await;
    assert_eq!(parked.len(), 2, "somebody did something: {parked:#?}");
    operator.get("/console/deeds").await.shows("Nothing.");
    operator.get("/console/flow").await.shows("flows");
    world.end().await;
}

fn borrowed(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_of_console_does_what_its_table_says() {
    let world = empty_world().await;
    let host = world.stack.console().unwrap().host();
    for (name, status, shown) in
        [("console-page", 200, "name=\"token\""), ("console-sign-in", 403, "name=\"token\"")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{name}.json"));
        let event = fs::read_to_string(path).unwrap();
        let invocation = host.invoke(event).await.unwrap();
        let answer: Value = serde_json::from_slice(&invocation.payload).unwrap();
        assert_eq!(answer["statusCode"], status, "{name}: {answer}");
        let body = answer["body"].as_str().unwrap();
        assert!(body.contains(shown) && body.contains("lang=\"zh-CN\""), "{name}: {body}");
        let cookies = answer["cookies"].to_string();
        assert!(!cookies.contains("__Host-dougong="), "{name} opened a session: {cookies}");
    }
    world.stop().await;
}
