//! The outside world as a process: a simulated WDT with a day of orders, a simulated BIP and a simulated store system, for
//! a deployment that is driven from elsewhere (`.ci/deploy`).
//!
//! `outside ORDERS` writes one line of JSON when they are there: the parameters of `template.yaml` that lead to them,
//! and the secret. Each line on its standard input asks for one more: how many orders are to be booked, how many BIP
//! holds, everything in which the two differ, to the cent, and how many deliveries were announced to stores. It ends with its standard input.

#![allow(clippy::print_stdout, reason = "it answers there")]

use std::io::BufRead;
use std::process::ExitCode;

use dougong_simulators::day::Plan;
use dougong_simulators::wdt::Door;
use dougong_simulators::{bip, store, wdt};
use dougong_tests::{SCHEME, TENANT, books_of, shipped_archives};
use dougong_values::BeijingTime;
use serde_json::json;

/// Decides everything about the day that is left to chance.
const SEED: u64 = 20_261_123;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(orders) = std::env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("outside: how many orders?\nhint: outside 300");
        return ExitCode::from(2);
    };
    match run(orders).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("outside: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(orders: usize) -> std::io::Result<()> {
    // No limits: what is looked at is the deployment, not the pace.
    let wdt = wdt::Settings { calls_per_minute: None, ..wdt::Settings::default() };
    let bip = bip::Settings {
        calls_per_minute: None,
        master: Some(shipped_archives()),
        ..bip::Settings::default()
    };
    let secret = json!({
        "wdt": { "app_key": wdt.qimen_app_key, "app_secret": wdt.qimen_secret },
        "bip": { "app_key": bip.app_key, "app_secret": bip.app_secret },
        "store": { "secrets": store::Settings::default().auth.secrets },
        "console": { "token": "an emulated day has one reader" },
    });
    let (wdt, bip) = (wdt::Simulator::start(wdt).await?, bip::Simulator::start(bip).await?);
    let store = store::Simulator::start(store::Settings::default()).await?;
    // Yesterday: a whole day, all of it in the past.
    let day = BeijingTime::now().plus_seconds(-86_400).day();
    wdt.add(Plan::new(SEED, orders, day).generate());
    let parameters = json!({
        "Tenant": TENANT,
        "WdtUrl": wdt.url(Door::Qimen),
        "WdtSid": wdt.settings().sid,
        "WdtTargetAppKey": wdt.settings().target_app_key,
        "WdtCallsPerMinute": "60000",
        "BipTokenUrl": bip.token_url(),
        "BipGatewayUrl": bip.gateway_url(),
        "BipCallsPerMinute": "60000",
        "StoreUrl": store.url(),
        "StoreCallsPerMinute": "60000",
        "StoreIncomingAuth": "url",
        "StoreOutgoingAuth": "url",
        "ConsolePage": "ENABLED",
        "OnlineSalesStart": day.start().to_string(),
        "OnlineSalesLag": "1s",
    });
    println!("{}", json!({ "scheme": SCHEME, "parameters": parameters, "secret": secret }));
    let lines = tokio::task::spawn_blocking(move || {
        for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
            let books = books_of(&wdt, &bip);
            let announced = store.announced().len();
            let told = json!({
                "due": books.due, "booked": bip.order_count(), "announced": announced, "wrong": books.wrong,
            });
            println!("{told}");
        }
    });
    lines.await.map_err(std::io::Error::other)
}
