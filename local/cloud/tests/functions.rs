//! The function host, the event source mapping and the schedule, with a real function on the real Lambda runtime.
//!
//! The function is this test executable itself: the host starts it again with the one test [`function_process`]
//! selected, which then serves events instead of testing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail this way; the lint does not see that these functions are tests'"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use dougong_cloud::event_source::{EventSourceMapping, Settings};
use dougong_cloud::{
    Function, FunctionHost, InvokeError, LogSink, LogSource, Logs, Point, Schedule, Sqs, Timing,
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

const MARK: &str = "DOUGONG_TEST_FUNCTION";

#[test]
fn function_process() {
    let Ok(mode) = std::env::var(MARK) else {
        return;
    };
    match mode.as_str() {
        "no start" => panic!("no configuration"),
        _ => serve(),
    }
    std::process::exit(0);
}

fn serve() {
    // Ends the line that the test harness has begun.
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The host closing the API ends the runtime with an error, as in Lambda; nothing is left to say then.
    let _ = runtime.block_on(lambda_runtime::run(service_fn(handle)));
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let (payload, context) = event.into_parts();
    if let Some(records) = payload.get("Records").and_then(Value::as_array) {
        return Ok(work_on_messages(records).await);
    }
    match payload["do"].as_str().unwrap_or("echo") {
        "fail" => Err("the books are closed".into()),
        "panic" => panic!("a bad order"),
        "exit" => std::process::exit(3),
        "hang" => {
            println!("hanging");
            std::future::pending().await
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(payload["ms"].as_u64().unwrap_or(0))).await;
            Ok(Value::Null)
        }
        "print" => {
            let lines = payload["lines"].as_u64().unwrap_or(0);
            for line in 0..lines {
                println!("{line} {}", "x".repeat(100));
            }
            if payload["then"] == "hang" {
                eprint!("the end, without a line break");
                std::future::pending::<()>().await;
            }
            Ok(Value::Null)
        }
        "large" => Ok(Value::from("x".repeat(7_000_000))),
        "answer for another" => Ok(Value::from(answer("00000000-0000-4000-8000-000000000000"))),
        "env" => Ok(std::env::vars().collect()),
        _ => {
            let left = i64::try_from(context.deadline).unwrap() - epoch_ms();
            let process = std::process::id();
            Ok(
                json!({ "event": payload, "request": context.request_id, "arn": context.invoked_function_arn, "left_ms": left, "process": process }),
            )
        }
    }
}

/// Answers a request without the Lambda runtime and returns the HTTP status line.
fn answer(request_id: &str) -> String {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut connection = TcpStream::connect(&address).unwrap();
    let path = format!("/2018-06-01/runtime/invocation/{request_id}/response");
    write!(connection, "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
    let mut status = String::new();
    BufReader::new(connection).read_line(&mut status).unwrap();
    status.trim_end().to_owned()
}

async fn work_on_messages(records: &[Value]) -> Value {
    let mut failures = Vec::new();
    for record in records {
        let body = record["body"].as_str().unwrap_or_default();
        println!(
            "message {body} receive {}",
            record["attributes"]["ApproximateReceiveCount"].as_str().unwrap()
        );
        match body {
            "event" => println!("{record}"),
            "slow" => tokio::time::sleep(Duration::from_millis(200)).await,
            "poison" => failures.push(json!({ "itemIdentifier": record["messageId"] })),
            "nonsense" => return json!({ "batchItemFailures": "all of them" }),
            _ => {}
        }
    }
    json!({ "batchItemFailures": failures })
}

fn epoch_ms() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

fn function(mode: &str) -> Function {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "function_process", "--nocapture", "--test-threads=1"].map(OsString::from);
    Function {
        name: "fixture".to_owned(),
        command: std::iter::once(program.into_os_string()).chain(arguments).collect(),
        env: BTreeMap::from([(MARK.to_owned(), mode.to_owned())]),
        timeout: Duration::from_secs(10),
        max_environments: 3,
        memory_mb: 128,
    }
}

fn start(change: impl FnOnce(&mut Function)) -> (FunctionHost, Logs) {
    let (sink, logs) = LogSink::collecting();
    let mut function = function("serve");
    change(&mut function);
    (FunctionHost::start(function, sink), logs)
}

async fn ask(host: &FunctionHost, event: Value) -> Result<Value, InvokeError> {
    let answered = host.invoke(event.to_string()).await?;
    Ok(serde_json::from_slice(&answered.payload).unwrap())
}

#[tokio::test]
async fn an_event_is_answered_with_its_request_id_deadline_and_arn() {
    let (host, _) = start(|_| ());
    let answered = host.invoke(json!({ "n": 1 }).to_string()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answered.payload).unwrap();
    assert_eq!(answer["event"], json!({ "n": 1 }));
    assert_eq!(answer["request"], Value::from(answered.request_id));
    assert_eq!(answer["arn"], "arn:aws:lambda:cn-north-1:000000000000:function:fixture");
    let left = answer["left_ms"].as_i64().unwrap();
    assert!((5_000..=10_000).contains(&left), "{left} ms left of 10 s");
    assert!(answered.cold);
}

#[tokio::test]
async fn a_warm_process_is_used_again_and_a_handler_error_or_panic_does_not_end_it() {
    let (host, _) = start(|_| ());
    let first = ask(&host, json!({})).await.unwrap();
    let failed = ask(&host, json!({ "do": "fail" })).await.unwrap_err();
    assert!(
        matches!(&failed, InvokeError::FunctionError { message, .. } if message == "the books are closed")
    );
    let panicked = ask(&host, json!({ "do": "panic" })).await.unwrap_err();
    assert!(
        matches!(&panicked, InvokeError::FunctionError { message, .. } if message.contains("a bad order"))
    );
    let last = ask(&host, json!({})).await.unwrap();
    assert_eq!(first["process"], last["process"]);
    assert_eq!(host.environments_started(), 1);
}

#[tokio::test]
async fn a_process_that_ends_or_takes_too_long_fails_its_event_and_is_replaced() {
    let (host, logs) = start(|function| function.timeout = Duration::from_millis(500));
    let crashed = ask(&host, json!({ "do": "exit" })).await.unwrap_err();
    assert!(matches!(&crashed, InvokeError::Crashed { status } if status.contains('3')), "{crashed:?}");
    let late = ask(&host, json!({ "do": "hang" })).await.unwrap_err();
    assert_eq!(late, InvokeError::TimedOut { after: Duration::from_millis(500) });
    assert!(ask(&host, json!({})).await.is_ok());
    assert_eq!(host.environments_started(), 3);
    let said = logs.lines().into_iter().filter(|line| line.source == LogSource::Platform);
    assert!(said.into_iter().any(|line| line.text.contains("timed out after 0.50 seconds")));
}

#[tokio::test]
async fn a_function_that_cannot_start_says_so() {
    let (sink, logs) = LogSink::collecting();
    let host = FunctionHost::start(function("no start"), sink);
    let failed = ask(&host, json!({})).await.unwrap_err();
    assert!(
        matches!(&failed, InvokeError::Init { error_type, .. } if error_type == "Runtime.ExitError"),
        "{failed:?}"
    );
    assert!(logs.lines().iter().any(|line| line.text.contains("no configuration")));
    let (host, _) = start(|function| function.command = vec!["/no/such/program".into()]);
    assert!(matches!(ask(&host, json!({})).await, Err(InvokeError::Init { .. })));
}

#[tokio::test]
async fn as_many_events_as_allowed_run_at_once_and_one_more_is_throttled() {
    let (host, logs) = start(|_| ());
    let hang = json!({ "do": "hang" }).to_string();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (host, hang) = (host.clone(), hang.clone());
        running.spawn(async move { host.invoke(hang).await });
    }
    logs.until(|lines| lines.iter().filter(|line| line.text == "hanging").count() == 3).await;
    assert_eq!(ask(&host, json!({})).await.unwrap_err(), InvokeError::Throttled);
    assert!(host.kill_one().await);
    let killed = running.join_next().await.unwrap().unwrap().unwrap_err();
    assert!(matches!(&killed, InvokeError::Crashed { status } if status.contains("signal: 9")), "{killed:?}");
    assert!(ask(&host, json!({})).await.is_ok());
    assert_eq!(host.kill_all().await, 3);
    running.join_all().await;
    assert_eq!(host.environments_started(), 4);
}

#[tokio::test]
async fn every_line_of_a_killed_function_is_kept_with_its_request_id() {
    let (host, logs) = start(|function| function.timeout = Duration::from_secs(2));
    ask(&host, json!({ "do": "print", "lines": 5_000 })).await.unwrap();
    let printed = host.invoke(json!({ "do": "print", "lines": 5_000, "then": "hang" }).to_string()).await;
    assert!(matches!(printed, Err(InvokeError::TimedOut { .. })));
    let mut requests: Vec<_> = logs.lines().into_iter().filter_map(|line| line.request_id).collect();
    requests.dedup();
    assert_eq!(requests.len(), 2, "no line is attributed to the other request");
    for request in &requests {
        let lines = logs.of_request(request);
        assert_eq!(lines.iter().filter(|line| line.ends_with('x')).count(), 5_000);
    }
    let last = logs.of_request(&requests[1]);
    assert!(last.iter().any(|line| line == "the end, without a line break"), "{:?}", last.last());
}

#[tokio::test]
async fn a_function_sees_its_own_environment_and_nothing_of_the_host_but_path() {
    let (host, _) = start(|function| {
        function.env.insert("DOUGONG_CONFIG".to_owned(), "/opt/config".to_owned());
        function.env.insert("AWS_LAMBDA_FUNCTION_NAME".to_owned(), "reserved".to_owned());
    });
    let env = ask(&host, json!({ "do": "env" })).await.unwrap();
    assert_eq!(env["DOUGONG_CONFIG"], "/opt/config");
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "fixture");
    assert_eq!(env["AWS_REGION"], "cn-north-1");
    assert_eq!(env["AWS_LAMBDA_LOG_FORMAT"], "JSON");
    assert_eq!(env["PATH"], Value::from(std::env::var("PATH").unwrap()));
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() && env.get("CARGO_MANIFEST_DIR").is_none());
}

#[tokio::test]
async fn a_response_larger_than_lambda_takes_is_refused() {
    let (host, _) = start(|_| ());
    let refused = ask(&host, json!({ "do": "large" })).await.unwrap_err();
    assert!(
        matches!(&refused, InvokeError::FunctionError { error_type, .. } if error_type == "Function.ResponseSizeTooLarge"),
        "{refused:?}"
    );
    let too_large = host.invoke(vec![b' '; 7_000_000]).await.unwrap_err();
    assert_eq!(too_large, InvokeError::TooLarge { bytes: 7_000_000 });
}

#[tokio::test]
async fn an_answer_for_another_request_is_refused_and_does_no_harm() {
    let (host, _) = start(|_| ());
    let status = ask(&host, json!({ "do": "answer for another" })).await.unwrap();
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_process_outlives_its_host_not_even_one_at_work() {
    let (host, logs) = start(|_| ());
    let warm = ask(&host, json!({})).await.unwrap();
    let process = format!("/proc/{}", warm["process"]);
    assert!(std::path::Path::new(&process).exists());
    host.invoke_event(json!({ "do": "hang" }).to_string());
    logs.until(|lines| lines.iter().any(|line| line.text == "hanging")).await;
    drop(host);
    let gone = async {
        while std::path::Path::new(&process).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("the process ends with its host");
}

#[tokio::test]
async fn a_process_can_be_killed_at_a_chosen_moment() {
    let (host, _) = start(|_| ());
    host.kill_during(|moment| moment.nth == 1 && moment.point == Point::Responded);
    assert!(matches!(ask(&host, json!({})).await, Err(InvokeError::Crashed { .. })));
    assert!(ask(&host, json!({})).await.is_ok());
    host.kill_during(|moment| moment.point == Point::Printed("hanging"));
    assert!(matches!(ask(&host, json!({ "do": "hang" })).await, Err(InvokeError::Crashed { .. })));
    host.spare();
    assert!(ask(&host, json!({})).await.is_ok());
}

#[tokio::test]
async fn stopping_waits_for_the_event_at_work_and_takes_no_more() {
    let (host, _) = start(|_| ());
    let working = tokio::spawn({
        let host = host.clone();
        async move { host.invoke(json!({ "do": "sleep", "ms": 300 }).to_string()).await }
    });
    let mut open = host.watch_open_events();
    open.wait_for(|open| *open == 1).await.unwrap();
    host.stop(Duration::from_secs(5)).await;
    assert!(working.await.unwrap().is_ok());
    assert_eq!(ask(&host, json!({})).await.unwrap_err(), InvokeError::Stopped);
}

#[tokio::test]
async fn a_schedule_fires_at_once_by_its_interval_and_when_told_to() {
    let (host, _) = start(|function| function.max_environments = 1);
    let mut open = host.watch_open_events();
    let schedule = Schedule::start(host.clone(), Timing::Once(Duration::ZERO), "{}".to_owned());
    open.wait_for(|open| *open == 1).await.unwrap();
    schedule.trigger_now();
    schedule.trigger_now();
    assert!(open.wait_for(|open| *open == 3).await.is_ok(), "asynchronous events wait for an environment");
    open.wait_for(|open| *open == 0).await.unwrap();
    let every = Schedule::start(host.clone(), Timing::Every(Duration::from_millis(50)), "{}".to_owned());
    for _ in 0..2 {
        open.wait_for(|open| *open > 0).await.unwrap();
        open.wait_for(|open| *open == 0).await.unwrap();
    }
    drop(every);
    assert_eq!(host.environments_started(), 1);
}

/// A queue with a dead-letter queue, carried to a function.
struct Pipeline {
    sqs: Sqs,
    queue: String,
    dead: String,
    host: FunctionHost,
    logs: Logs,
    _mapping: EventSourceMapping,
}

impl Pipeline {
    async fn start(settings: Settings) -> Self {
        Self::with_receives(settings, 2).await
    }

    async fn with_receives(settings: Settings, most: u32) -> Self {
        let sqs = Sqs::start().await.unwrap();
        let client = sqs.client();
        let dead = client.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
        let redrive = json!({ "deadLetterTargetArn": "arn:aws:sqs:cn-north-1:000000000000:dead", "maxReceiveCount": most });
        let queue = client
            .create_queue()
            .queue_name("orders")
            .attributes(QueueAttributeName::VisibilityTimeout, "1")
            .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
        let queue = queue.send().await.unwrap().queue_url.unwrap();
        let (host, logs) = start(|_| ());
        let mapping = EventSourceMapping::start(client, queue.clone(), host.clone(), settings);
        Self { sqs, queue, dead, host, logs, _mapping: mapping }
    }

    async fn send(&self, bodies: &[&str]) {
        for batch in bodies.chunks(10) {
            let entry = |(position, body): (usize, &&str)| {
                let entry = SendMessageBatchRequestEntry::builder();
                entry.id(position.to_string()).message_body(*body).build().unwrap()
            };
            let entries = batch.iter().enumerate().map(entry).collect();
            self.sqs
                .client()
                .send_message_batch()
                .queue_url(&self.queue)
                .set_entries(Some(entries))
                .send()
                .await
                .unwrap();
        }
    }

    async fn until_empty(&self) {
        let emptied = async {
            while !self.sqs.depth(&self.queue).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), emptied).await.expect("the queue is emptied");
    }

    fn printed(&self, text: &str) -> usize {
        self.logs.lines().iter().filter(|line| line.text == text).count()
    }
}

#[tokio::test]
async fn only_the_failed_message_comes_back_and_ends_in_the_dead_letter_queue() {
    let pipeline =
        Pipeline::start(Settings { batching_window: Duration::from_millis(100), ..Settings::default() })
            .await;
    pipeline.send(&["a", "poison", "b"]).await;
    pipeline.until_empty().await;
    assert_eq!(pipeline.printed("message a receive 1"), 1);
    assert_eq!(pipeline.printed("message b receive 1"), 1);
    assert_eq!(pipeline.printed("message a receive 2") + pipeline.printed("message b receive 2"), 0);
    assert_eq!(pipeline.printed("message poison receive 1"), 1);
    assert_eq!(pipeline.printed("message poison receive 2"), 1);
    assert_eq!(pipeline.sqs.depth(&pipeline.dead).await.unwrap().visible, 1);
}

#[tokio::test]
async fn a_batch_whose_process_dies_or_answers_nonsense_comes_back_whole() {
    let pipeline =
        Pipeline::start(Settings { batching_window: Duration::from_millis(100), ..Settings::default() })
            .await;
    pipeline.host.kill_during(|moment| moment.nth == 1 && moment.point == Point::Responded);
    pipeline.send(&["a", "b"]).await;
    pipeline.until_empty().await;
    for message in ["a", "b"] {
        assert_eq!(pipeline.printed(&format!("message {message} receive 2")), 1);
    }
    pipeline.send(&["nonsense", "c"]).await;
    pipeline.until_empty().await;
    assert_eq!(pipeline.printed("message nonsense receive 2"), 1);
    assert_eq!(pipeline.sqs.depth(&pipeline.dead).await.unwrap().visible, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_when_processes_are_killed_again_and_again() {
    let settings = Settings { maximum_concurrency: 3, ..Settings::default() };
    let pipeline = Pipeline::with_receives(settings, 100).await;
    pipeline.host.kill_during(|moment| match moment.point {
        Point::Started => moment.nth.is_multiple_of(5),
        Point::Printed(line) => line.ends_with("7 receive 1"),
        Point::Responded => moment.nth.is_multiple_of(4),
    });
    let bodies: Vec<String> = (0..200).map(|n| format!("m{n}")).collect();
    pipeline.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    pipeline.until_empty().await;
    for body in &bodies {
        let printed = pipeline.logs.lines();
        assert!(
            printed.iter().any(|line| line.text.starts_with(&format!("message {body} receive"))),
            "{body}"
        );
    }
    assert!(pipeline.host.environments_started() > 20, "{}", pipeline.host.environments_started());
    assert!(pipeline.sqs.depth(&pipeline.dead).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_has_the_shape_that_aws_gives_it() {
    let pipeline = Pipeline::start(Settings::default()).await;
    pipeline.send(&["event"]).await;
    pipeline.until_empty().await;
    let text =
        pipeline.logs.lines().into_iter().map(|line| line.text).find(|text| text.starts_with('{')).unwrap();
    let mut record: Value = serde_json::from_str(&text).unwrap();
    let attributes = record["attributes"].take();
    for name in ["ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"] {
        assert!(attributes[name].is_string(), "{name} in {attributes}");
    }
    assert!(record["messageId"].take().is_string() && record["receiptHandle"].take().is_string());
    let expected = json!({
        "messageId": null, "receiptHandle": null, "attributes": null,
        "body": "event",
        "messageAttributes": {},
        "md5OfBody": "4119639092e62c55ea8be348e4d9260d",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:cn-north-1:000000000000:orders",
        "awsRegion": "cn-north-1",
    });
    assert_eq!(record, expected);
}

#[tokio::test]
async fn no_more_batches_are_at_work_than_the_maximum_concurrency() {
    let settings = Settings { batch_size: 1, maximum_concurrency: 2, ..Settings::default() };
    let pipeline = Pipeline::start(settings).await;
    pipeline.send(&["slow"; 6]).await;
    pipeline.until_empty().await;
    assert_eq!(pipeline.host.environments_started(), 2);
    assert_eq!(pipeline.printed("message slow receive 1"), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_flow_in_full_batches_within_seconds() {
    let settings = Settings {
        maximum_concurrency: 3,
        batching_window: Duration::from_millis(100),
        ..Settings::default()
    };
    let pipeline = Pipeline::start(settings).await;
    let bodies: Vec<String> = (0..1_000).map(|n| format!("m{n}")).collect();
    let started = Instant::now();
    pipeline.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    pipeline.until_empty().await;
    let took = started.elapsed();
    for body in &bodies {
        assert_eq!(pipeline.printed(&format!("message {body} receive 1")), 1);
    }
    let counts = pipeline.sqs.traffic().counts();
    println!("1 000 messages in {took:?}: {counts:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(counts.values().sum::<u64>() <= 330, "three requests for ten messages: {counts:?}");
}
