//! The page in a real browser: keyboard, phone, both languages, no script, nothing refused by its own policy.

use std::path::Path;
use std::process::Command;

use dougong_tests::CONSOLE_TOKEN;
use serde_json::json;

use crate::{world_with_parked, yesterday};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node and Chromium: `.ci/browser` installs what is missing and runs it"]
async fn the_page_works_in_a_real_browser_by_keyboard_and_on_a_phone() {
    let (world, strange, _) = world_with_parked(74, 40).await;
    world.reconcile(&json!({})).await.unwrap();
    let url = world.stack.console().unwrap().url();
    let day = yesterday().to_string();
    let key = world.key(strange).to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console/browser.mjs");
    let run = move || {
        let mut node = Command::new("node");
        node.arg(script).env("CONSOLE_URL", url).env("CONSOLE_TOKEN", CONSOLE_TOKEN);
        node.env("CONSOLE_KEY", key).env("CONSOLE_DAY", day);
        node.status()
    };
    let status = tokio::task::spawn_blocking(run).await.unwrap();
    let status = status.unwrap_or_else(|error| panic!("node does not start: {error}\nhint: run .ci/browser"));
    assert!(status.success(), "the browser found something");
    world.end().await;
}
