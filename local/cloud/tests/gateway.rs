//! The HTTP gateway in front of a real function on the real Lambda runtime.
//!
//! The function is this test executable itself: the host starts it again with the one test [`function_process`]
//! selected, which then serves events instead of testing.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail this way; the lint does not see that these functions are tests'"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::Duration;

use dougong_cloud::gateway::{Route, Throttling};
use dougong_cloud::{Function, FunctionHost, Gateway, GatewaySettings, LogSink, Moment, Point};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

const MARK: &str = "DOUGONG_TEST_FUNCTION";

#[test]
fn function_process() {
    if std::env::var(MARK).is_err() {
        return;
    }
    // Ends the line that the test harness has begun.
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The host closing the API ends the runtime with an error, as in Lambda; nothing is left to say then.
    let _ = runtime.block_on(lambda_runtime::run(service_fn(handle)));
    std::process::exit(0);
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let event = event.payload;
    Ok(match event["queryStringParameters"]["do"].as_str().unwrap_or_default() {
        "fail" => return Err("the books are closed".into()),
        "exit" => std::process::exit(3),
        "hang" => std::future::pending().await,
        "page" => json!({
            "statusCode": 201,
            "headers": { "Content-Type": "text/html; charset=utf-8", "X-Number": 7 },
            "multiValueHeaders": { "X-Other": ["1.0"] },
            "cookies": ["a=1; Secure", "b=2"],
            "body": "<p>好</p>",
        }),
        "bytes" => json!({ "statusCode": 200, "body": "/wD+", "isBase64Encoded": true }),
        "no body" => json!({ "statusCode": 204 }),
        "nonsense" => json!({ "statusCode": "soon", "body": 1 }),
        "not base64" => json!({ "statusCode": 200, "body": "!", "isBase64Encoded": true }),
        "short" => json!({ "statusCode": 200, "body": "{\"code\":0}" }),
        _ => json!({ "event": event }),
    })
}

fn host(change: impl FnOnce(&mut Function)) -> FunctionHost {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "function_process", "--nocapture", "--test-threads=1"].map(OsString::from);
    let mut function = Function {
        name: "fixture".to_owned(),
        command: std::iter::once(program.into_os_string()).chain(arguments).collect(),
        env: BTreeMap::from([(MARK.to_owned(), "serve".to_owned())]),
        timeout: Duration::from_secs(10),
        max_environments: 3,
        memory_mb: 128,
    };
    change(&mut function);
    FunctionHost::start(function, LogSink::silent())
}

fn settings() -> GatewaySettings {
    let routes = ["POST /store", "POST /store/{token}", "GET /store", "GET /store/{token}"];
    GatewaySettings::new(routes.map(|key| key.parse::<Route>().unwrap()))
}

async fn gateway(
    of_function: impl FnOnce(&mut Function),
    of_gateway: impl FnOnce(&mut GatewaySettings),
) -> (Gateway, FunctionHost) {
    let host = host(of_function);
    let mut settings = settings();
    of_gateway(&mut settings);
    (Gateway::start(host.clone(), settings).await.unwrap(), host)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn get(gateway: &Gateway, what: &str) -> reqwest::Response {
    client().get(format!("{}/store?do={what}", gateway.url())).send().await.unwrap()
}

/// Posts and returns the event that the function saw.
async fn event(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    answer["event"].clone()
}

#[tokio::test]
async fn a_request_becomes_an_event_of_format_two() {
    let (gateway, _) = gateway(|_| (), |_| ()).await;
    let request = client()
        .post(format!("{}/store/s%65cret?a=1&b=x%20y&a=2", gateway.url()))
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("Cookie", "a=1; b=2")
        .header("User-Agent", "platform/1.0")
        .header("X-Forwarded-For", "203.0.113.9")
        .header("Content-Type", "application/json; charset=utf-8")
        .body("{\"cmd\":\"店\"}");
    let event = event(request).await;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /store/{token}");
    assert_eq!(event["rawPath"], "/store/secret");
    assert_eq!(event["rawQueryString"], "a=1&b=x%20y&a=2");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "x y" }));
    assert_eq!(event["pathParameters"], json!({ "token": "secret" }));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["body"], "{\"cmd\":\"店\"}");
    assert_eq!(event["isBase64Encoded"], false);
    let headers = event["headers"].as_object().unwrap();
    assert_eq!(headers["x-twice"], "one,two");
    assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(headers["content-length"], "13");
    assert!(!headers.contains_key("cookie"));
    let context = &event["requestContext"];
    assert_eq!(
        context["http"],
        json!({ "method": "POST", "path": "/store/secret", "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "platform/1.0" })
    );
    assert_eq!((&context["stage"], &context["routeKey"]), (&json!("$default"), &event["routeKey"]));
    assert!(context["timeEpoch"].as_i64().unwrap() > 1_700_000_000_000);
    let time = context["time"].as_str().unwrap();
    assert!(time.len() == 26 && time.ends_with(" +0000"), "{time}");
    assert_eq!(context["requestId"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn text_travels_as_text_and_anything_else_as_base64() {
    let (gateway, _) = gateway(|_| (), |_| ()).await;
    let post = async |content_type: &str, body: &[u8]| {
        let request = client().post(format!("{}/store", gateway.url()));
        event(request.header("Content-Type", content_type).body(body.to_vec())).await
    };
    let json = post("application/json", b"{}").await;
    assert_eq!((&json["body"], &json["isBase64Encoded"]), (&json!("{}"), &json!(false)));
    let binary = post("application/octet-stream", &[0xff, 0, 0xfe]).await;
    assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/wD+"), &json!(true)));
    let form = post("application/x-www-form-urlencoded", b"a=1").await;
    assert_eq!((&form["body"], &form["isBase64Encoded"]), (&json!("YT0x"), &json!(true)));
    let gbk = post("application/json", &[b'"', 0xb5, 0xea, b'"']).await;
    assert_eq!((&gbk["body"], &gbk["isBase64Encoded"]), (&json!("IrXqIg=="), &json!(true)));
    let empty = event(client().get(format!("{}/store", gateway.url()))).await;
    assert_eq!((empty.get("body"), &empty["isBase64Encoded"]), (None, &json!(false)));
    assert!(empty.get("pathParameters").is_none() && empty.get("cookies").is_none());
}

#[tokio::test]
async fn an_answer_says_its_status_headers_cookies_and_body_itself() {
    let (gateway, _) = gateway(|_| (), |_| ()).await;
    let page = get(&gateway, "page").await;
    assert_eq!(page.status(), 201);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["x-number"], "7");
    assert!(!page.headers().contains_key("x-other"), "multiValueHeaders is format 1.0");
    let cookies: Vec<_> = page.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Secure", "b=2"]);
    assert!(page.headers().contains_key("apigw-requestid"));
    assert_eq!(page.text().await.unwrap(), "<p>好</p>");
    assert_eq!(get(&gateway, "bytes").await.bytes().await.unwrap().as_ref(), [0xff, 0, 0xfe]);
    let bare = get(&gateway, "no body").await;
    assert_eq!(bare.status(), 204);
    assert_eq!(gateway.answered(), BTreeMap::from([(200, 1), (201, 1), (204, 1)]));
}

#[tokio::test]
async fn what_the_function_does_not_answer_is_said_in_the_gateways_words() {
    let (gateway, host) = gateway(|_| (), |settings| settings.timeout = Duration::from_millis(1_500)).await;
    let told =
        async |response: reqwest::Response| (response.status().as_u16(), response.text().await.unwrap());
    let internal = (500, "{\"message\":\"Internal Server Error\"}".to_owned());
    for what in ["fail", "exit", "nonsense", "not%20base64"] {
        assert_eq!(told(get(&gateway, what).await).await, internal, "{what}");
    }
    host.kill_during(|moment: &Moment<'_>| moment.point == Point::Responded);
    assert_eq!(told(get(&gateway, "short").await).await, internal, "killed before the answer was out");
    host.spare();
    let late = told(get(&gateway, "hang").await).await;
    assert_eq!(late, (503, "{\"message\":\"Service Unavailable\"}".to_owned()));

    let http = client();
    let lost = http.get(format!("{}/elsewhere", gateway.url())).send().await.unwrap();
    assert_eq!(told(lost).await, (404, "{\"message\":\"Not Found\"}".to_owned()));
    let put = http.put(format!("{}/store", gateway.url())).send().await.unwrap();
    assert_eq!(put.status(), 404);
    for megabytes in [7, 11] {
        let body = vec![b' '; megabytes << 20];
        let large = http.post(format!("{}/store", gateway.url())).body(body).send().await.unwrap();
        assert_eq!(told(large).await, (413, "{\"message\":\"Request Entity Too Large\"}".to_owned()));
    }
}

#[tokio::test]
async fn more_requests_than_the_stage_allows_are_told_so() {
    let (gateway, _) =
        gateway(|_| (), |settings| settings.throttling = Some(Throttling { rate_per_second: 1, burst: 2 }))
            .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(get(&gateway, "short").await.status().as_u16());
    }
    assert_eq!(statuses[0], 200);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_request_over_the_concurrency_is_refused_as_by_lambda_or_waits_if_told_to() {
    let (strict, host) = gateway(|function| function.max_environments = 1, |_| ()).await;
    let at_work = tokio::spawn({
        let url = format!("{}/store?do=hang", strict.url());
        async move { client().get(url).send().await }
    });
    host.watch_open_events().wait_for(|open| *open == 1).await.unwrap();
    assert_eq!(get(&strict, "short").await.status(), 503);

    let patient =
        Gateway::start(host.clone(), GatewaySettings { patience: Duration::from_secs(10), ..settings() });
    let patient = patient.await.unwrap();
    let waiting = tokio::spawn({
        let url = format!("{}/store?do=short", patient.url());
        async move { client().get(url).send().await.unwrap().status() }
    });
    host.watch_open_events().wait_for(|open| *open == 2).await.unwrap();
    host.kill_all().await;
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(at_work.await.unwrap().unwrap().status(), 500);
}

#[tokio::test]
async fn a_burst_of_two_thousand_from_fifty_connections_is_answered_to_the_last() {
    let patience = Duration::from_secs(20);
    let (gateway, host) =
        gateway(|function| function.max_environments = 4, |settings| settings.patience = patience).await;
    let url = format!("{}/store?do=short", gateway.url());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let url = url.clone();
        callers.spawn(async move {
            let http = client();
            let mut ids = Vec::new();
            for _ in 0..40 {
                let response = http.post(&url).body("{}").send().await.unwrap();
                assert_eq!(response.status(), 200);
                ids.push(response.headers()["apigw-requestid"].to_str().unwrap().to_owned());
            }
            ids
        });
    }
    let ids: BTreeSet<String> = callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(ids.len(), 2_000);
    assert_eq!(gateway.answered(), BTreeMap::from([(200, 2_000)]));
    assert!(host.environments_started() <= 4);
}
