//! The whole stack, with functions that do only what shows that they are wired up.
//!
//! The functions are this test executable itself, started again with the one test [`function_process`] selected.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail this way; the lint does not see that these functions are tests'"
)]

use std::ffi::OsString;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use dougong_cloud::{LogSink, Stack, StackSettings, Storage, StoreSettings, Timing};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

#[test]
fn function_process() {
    if std::env::var("AWS_LAMBDA_RUNTIME_API").is_err() {
        return;
    }
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _ = runtime.block_on(async {
        let aws = dougong_aws::load().unwrap();
        let ledger = aws_sdk_dynamodb::Client::new(&aws);
        let queue = aws_sdk_sqs::Client::new(&aws);
        match setting("AWS_LAMBDA_FUNCTION_NAME").as_str() {
            "pull" | "sweep" => {
                lambda_runtime::run(service_fn(async |event| pull(event, &ledger, &queue).await)).await
            }
            "accept" => lambda_runtime::run(service_fn(async |event| accept(event, &queue).await)).await,
            _ => lambda_runtime::run(service_fn(async |event| deliver(event, &ledger).await)).await,
        }
    });
    std::process::exit(0);
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

async fn pull(
    event: LambdaEvent<Value>,
    ledger: &aws_sdk_dynamodb::Client,
    queue: &aws_sdk_sqs::Client,
) -> Result<(), lambda_runtime::Error> {
    for name in ["DOUGONG_CONFIG", "DOUGONG_SECRETS"] {
        assert!(std::path::Path::new(&setting(name)).is_absolute());
    }
    for message in event.payload["messages"].as_array().cloned().unwrap_or_default() {
        let send = queue.send_message().queue_url(setting("DOUGONG_ORDERS_QUEUE_URL"));
        send.message_body(message.as_str().unwrap_or_default()).send().await?;
    }
    let put = ledger.put_item().table_name(setting("DOUGONG_WATERMARKS_TABLE"));
    let put = put.item("pk", AttributeValue::S("scheme#test".to_owned()));
    put.item("sk", AttributeValue::S("live".to_owned())).send().await?;
    Ok(())
}

async fn accept(
    event: LambdaEvent<Value>,
    queue: &aws_sdk_sqs::Client,
) -> Result<Value, lambda_runtime::Error> {
    let token = event.payload["pathParameters"]["token"].as_str().unwrap_or("none");
    let send = queue.send_message().queue_url(setting("DOUGONG_ORDERS_QUEUE_URL"));
    send.message_body(format!("{token}:{}", event.payload["body"].as_str().unwrap_or_default()))
        .send()
        .await?;
    Ok(json!({ "statusCode": 200, "body": "{\"code\":0}" }))
}

async fn deliver(
    event: LambdaEvent<Value>,
    ledger: &aws_sdk_dynamodb::Client,
) -> Result<Value, lambda_runtime::Error> {
    let mut failures = Vec::new();
    for record in event.payload["Records"].as_array().cloned().unwrap_or_default() {
        let body = record["body"].as_str().unwrap_or_default();
        if body == "poison" {
            failures.push(json!({ "itemIdentifier": record["messageId"] }));
            continue;
        }
        let put = ledger.put_item().table_name(setting("DOUGONG_DOCUMENTS_TABLE"));
        put.item("pk", AttributeValue::S(body.to_owned())).send().await?;
    }
    Ok(json!({ "batchItemFailures": failures }))
}

fn settings() -> StackSettings {
    let program = std::env::current_exe().unwrap().into_os_string();
    let arguments = ["--exact", "function_process", "--nocapture", "--test-threads=1"].map(OsString::from);
    let command: Vec<OsString> = std::iter::once(program).chain(arguments).collect();
    let mut settings =
        StackSettings::new(command.clone(), command, "config".as_ref(), "secrets.json".as_ref());
    settings.batches.batching_window = Duration::from_millis(100);
    settings.visibility = Duration::from_secs(1);
    settings.max_receive_count = 2;
    settings
}

#[tokio::test]
async fn what_pull_sends_deliver_gets_and_what_it_cannot_do_is_a_dead_letter() {
    let (sink, logs) = LogSink::collecting();
    let stack = Stack::start(StackSettings { log: sink, ..settings() }).await.unwrap();
    stack.idle().await;
    let event = json!({ "messages": ["a", "poison", "b"] }).to_string();
    stack.pull(&event).await.unwrap_or_else(|error| panic!("{error}: {:?}", logs.lines()));
    tokio::time::timeout(Duration::from_secs(20), stack.idle()).await.unwrap();
    let requests = stack.requests();
    assert_eq!(requests.dynamodb["PutItem"], 3, "the watermark and two documents");
    assert_eq!(requests.sqs["SendMessage"], 3);
    let documents =
        stack.dynamodb().client().scan().table_name(&stack.tables().documents).send().await.unwrap();
    assert_eq!(documents.count(), 2);
    assert_eq!(stack.dead_letters().await, ["poison"]);
    assert_eq!(stack.dead_letters().await, ["poison"], "looking does not take them away");
    stack.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_schedule_pulls_by_itself() {
    let event = json!({ "messages": ["a"] }).to_string();
    let schedules = vec![(Timing::Once(Duration::from_millis(10)), event)];
    let stack = Stack::start(StackSettings { schedules, ..settings() }).await.unwrap();
    let mut open = stack.deliver_host().watch_open_events();
    tokio::time::timeout(Duration::from_secs(20), open.wait_for(|open| *open > 0)).await.unwrap().unwrap();
    stack.idle().await;
    assert_eq!(stack.requests().dynamodb["PutItem"], 2);
    assert!(stack.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_stack_with_a_store_takes_pushes_and_sweeps_by_itself() {
    let command = settings().pull;
    let mut store = StoreSettings::new(command.clone(), command);
    let event = json!({ "messages": ["swept"] }).to_string();
    store.schedules = vec![(Timing::Once(Duration::from_millis(10)), event.clone())];
    let stack = Stack::start(StackSettings { store: Some(store), ..settings() }).await.unwrap();
    let side = stack.store().unwrap();
    let mut swept = side.sweep_host().watch_open_events();
    tokio::time::timeout(Duration::from_secs(20), swept.wait_for(|open| *open > 0)).await.unwrap().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for url in [side.url(), format!("{}/secret", side.url())] {
        let push = http.post(url).header("content-type", "application/json").body("bill");
        assert_eq!(push.send().await.unwrap().text().await.unwrap(), "{\"code\":0}");
    }
    side.sweep(&json!({ "messages": ["asked for"] }).to_string()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), stack.idle()).await.unwrap();
    let documents =
        stack.dynamodb().client().scan().table_name(&stack.tables().documents).send().await.unwrap();
    let mut keys: Vec<&str> =
        documents.items().iter().map(|item| item["pk"].as_s().unwrap().as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["asked for", "none:bill", "secret:bill", "swept"]);
    stack.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_stack_without_a_store_has_no_gateway() {
    let stack = Stack::start(settings()).await.unwrap();
    assert!(stack.store().is_none());
}

#[tokio::test]
async fn a_dead_letter_is_kept_and_tried_again_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::File(folder.path().join("dougong.db"));
    for start in 0..2 {
        let kept = StackSettings { storage: storage.clone(), keep_messages: true, ..settings() };
        let stack = Stack::start(kept).await.unwrap();
        assert_eq!(stack.put_back(), start);
        if start == 0 {
            let event = json!({ "messages": ["a", "poison"] }).to_string();
            stack.pull(&event).await.unwrap();
        }
        tokio::time::timeout(Duration::from_secs(20), stack.idle()).await.unwrap();
        assert_eq!(stack.dead_letters().await, ["poison"]);
        stack.stop(Duration::from_secs(5)).await;
    }
}
