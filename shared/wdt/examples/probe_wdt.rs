//! Asks a real WDT account for its stockouts of the last minutes and prints counts only.
//!
//! ```text
//! cargo run -p dougong-wdt --example probe_wdt
//! ```
//!
//! Without settings it says which ones it needs.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use dougong_values::{BeijingTime, Window};
use dougong_wdt::{Account, Channel, Client, Filter, PageSize, Query, Row, Timeouts};

const USAGE: &str = "\
probe: asks a WDT account for the stockouts of the last minutes and prints counts only.

settings, from the environment:
  DOUGONG_WDT_CHANNEL        qimen (default) or direct
  DOUGONG_WDT_URL            the whole URL of the channel, e.g.
                              qimen   https://hu3cgwt0tc.api.taobao.com/router/qm
                              direct  https://api.wangdian.cn/openapi2/stockout_order_query_trade.php
  DOUGONG_WDT_SID            the merchant's account (卖家账号)
  DOUGONG_WDT_APP_KEY        the app key
  DOUGONG_WDT_APP_SECRET     its secret; it is not printed
  DOUGONG_WDT_TARGET_APP_KEY qimen only: WDT's own key, from its authorisation mail
  DOUGONG_WDT_SIGN_METHOD    qimen only: md5 (default), hmac or hmac-sha256
  DOUGONG_WDT_MINUTES        how far back to look (default 60)
  DOUGONG_WDT_STATUS         the status to ask for, by modified (default: none, by consign time)
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let asked_for_help = std::env::args().nth(1).is_some();
    let set: BTreeMap<String, String> =
        std::env::vars().filter(|(name, _)| name.starts_with("WDT_")).collect();
    let (client, query) = match settings(&set) {
        Ok(settings) if !asked_for_help => settings,
        Ok(_) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problems) => {
            eprintln!("{USAGE}\nmissing or wrong:");
            for problem in problems {
                eprintln!("  {problem}");
            }
            return ExitCode::from(2);
        }
    };
    match client.query(&query).await {
        Ok(page) => {
            let unreadable = page.rows.iter().filter(|row| matches!(row, Row::Unreadable(_))).count();
            let total = page.total.map_or_else(|| "not told".to_owned(), |total| total.to_string());
            println!("window      {}", query.filter.window);
            println!("documents   {total}");
            println!("on page 0   {}", page.rows.len());
            println!("unreadable  {unreadable}");
            for row in &page.rows {
                if let Row::Unreadable(row) = row {
                    println!("  {}", row.problem);
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            eprintln!("hint: {} means {:?}", error.name(), error.class());
            ExitCode::FAILURE
        }
    }
}

/// Reads the settings, or tells everything that is missing or wrong.
fn settings(set: &BTreeMap<String, String>) -> Result<(Client, Query), Vec<String>> {
    let mut problems = Vec::new();
    let mut text = |name: &str, default: Option<&str>| {
        let value = set.get(name).map(String::as_str).filter(|value| !value.is_empty()).or(default);
        if value.is_none() {
            problems.push(format!("{name} is not set"));
        }
        value.unwrap_or_default().to_owned()
    };
    let qimen = text("DOUGONG_WDT_CHANNEL", Some("qimen")) == "qimen";
    let (url, app_key, secret) = (
        text("DOUGONG_WDT_URL", None),
        text("DOUGONG_WDT_APP_KEY", None),
        text("DOUGONG_WDT_APP_SECRET", None),
    );
    let sid = text("DOUGONG_WDT_SID", None);
    let target_app_key = text("DOUGONG_WDT_TARGET_APP_KEY", if qimen { None } else { Some("") });
    let sign_method = text("DOUGONG_WDT_SIGN_METHOD", Some("md5"));
    let minutes = text("DOUGONG_WDT_MINUTES", Some("60"));
    let status = set.get("DOUGONG_WDT_STATUS");

    if !problems.is_empty() {
        return Err(problems);
    }
    let mut wrong = |what: &str, error: &dyn std::fmt::Display| problems.push(format!("{what}: {error}"));
    let sid = sid.parse().map_err(|error| wrong("DOUGONG_WDT_SID", &error)).ok();
    let sign_method = sign_method.parse().map_err(|error| wrong("DOUGONG_WDT_SIGN_METHOD", &error)).ok();
    let minutes: Option<u32> = minutes.parse().map_err(|error| wrong("DOUGONG_WDT_MINUTES", &error)).ok();
    let status: Option<Option<u32>> = status
        .map(|status| status.parse().map_err(|error| wrong("DOUGONG_WDT_STATUS", &error)))
        .transpose()
        .ok();
    let (Some(sid), Some(sign_method), Some(minutes), Some(status), true) =
        (sid, sign_method, minutes, status, problems.is_empty())
    else {
        return Err(problems);
    };

    let channel = if qimen {
        Channel::Qimen { url, app_key, target_app_key, sid, sign_method }
    } else {
        Channel::Direct { url, app_key, sid }
    };
    let client = Client::new(Account::new(channel, secret.into()), Timeouts::default())
        .map_err(|error| vec![format!("DOUGONG_WDT_URL: {error}")])?;
    let now = BeijingTime::now();
    let window = Window::new(now.plus_seconds(-60 * i64::from(minutes)), now)
        .map_err(|error| vec![format!("DOUGONG_WDT_MINUTES: {error}")])?;
    let filter = Filter { status, is_by_modified: status.is_some(), ..Filter::within(window) };
    Ok((client, Query { filter, page_no: 0, page_size: PageSize::MAX }))
}
