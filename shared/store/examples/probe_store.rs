//! Asks a real store system one question and prints counts only; or checks a push that was kept in a file.
//!
//! ```text
//! cargo run -p dougong-store --example probe_store
//! cargo run -p dougong-store --example probe_store -- push.json
//! ```
//!
//! Without settings it says which ones it needs.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use dougong_store::auth::{Scheme, Signer};
use dougong_store::{
    CallError, Client, Download, DownloadQuery, Encoding, Platform, Row, SaleQuery, SaleWindowKeys, Warning,
    read_push,
};
use dougong_values::{BeijingTime, BusinessDay, Window};
use secrecy::SecretString;

const USAGE: &str = "\
probe: asks a store system 甩手掌柜 one question and prints counts only.
       with a file: reads it as the body of a push, and prints what it says and what had to be forgiven.

settings, from the environment:
  DOUGONG_STORE_URL      the whole URL that takes every command; it is not printed
  DOUGONG_STORE_AUTH     none (default), url, header, md5 or hmac-sha256
  DOUGONG_STORE_SECRET   the secret; it is not printed
  DOUGONG_STORE_APP_ID   a parameter app_id beside every command (default: none)
  DOUGONG_STORE_ASK      pays (default), declare, rec, req, or sales (opens a batch, which is never finished)
  DOUGONG_STORE_DAY      the day of bills or sales, yyyy-mm-dd (default: today)
  DOUGONG_STORE_STORE    sales only: the store's id
  DOUGONG_STORE_KEYS     sales only: time (default), day or both, the names of the times on the wire
";

/// What is asked.
enum Question {
    Payments,
    Bills(Download),
    Sales { store: String },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    if let Some(file) = argument.filter(|argument| !argument.starts_with('-')) {
        return read_file(&file);
    }
    let asked_for_help = std::env::args().nth(1).is_some();
    let set: BTreeMap<String, String> =
        std::env::vars().filter(|(name, _)| name.starts_with("DOUGONG_STORE_")).collect();
    let (client, question, day) = match settings(&set) {
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
    match ask(&client, question, day).await {
        Ok(()) => ExitCode::SUCCESS,
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

async fn ask(client: &Client, question: Question, day: BusinessDay) -> Result<(), CallError> {
    match question {
        Question::Payments => {
            let methods = client.payment_methods().await?;
            println!("ways of paying  {}", methods.len());
        }
        Question::Bills(what) => {
            let rows = client.download(what, &DownloadQuery::new(day, day)).await?;
            println!("command     {}\nday         {day}", what.command());
            count(&rows);
        }
        Question::Sales { store } => {
            let start = day.start();
            let whole_day = Window::new(start, start.plus_seconds(86_399));
            let Ok(window) = whole_day else { return Ok(()) };
            let batch = client.sales(&SaleQuery { store, window, sumbatch: None }).await?;
            let sumbatch = if batch.sumbatch.is_some() { "given" } else { "none" };
            println!("day         {day}\nsumbatch    {sumbatch}");
            count(&batch.rows);
        }
    }
    Ok(())
}

fn count(rows: &[Row]) {
    let unreadable: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    println!("bills       {}\nunreadable  {}", rows.len(), unreadable.len());
    for row in unreadable {
        for problem in &row.error.problems {
            println!("  {}", problem.path);
        }
    }
    let mut forgiven: BTreeMap<&str, usize> = BTreeMap::new();
    let all = rows.iter().flatten().flat_map(|reading| &reading.warnings);
    for Warning { name, .. } in all {
        *forgiven.entry(name.as_str()).or_default() += 1;
    }
    for (name, count) in forgiven {
        println!("  {name} in {count}");
    }
}

fn read_file(file: &str) -> ExitCode {
    let body = match std::fs::read(file) {
        Ok(body) => body,
        Err(error) => {
            eprintln!("error: {file} cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let push = match read_push(&body, Encoding::Utf8OrGbk) {
        Ok(push) => push,
        Err(error) => {
            eprintln!("error: {error}\nhint: {}", error.name());
            return ExitCode::FAILURE;
        }
    };
    println!(
        "command     {}\nseq         {}",
        push.command,
        push.seq.map(|seq| seq.text()).unwrap_or_default()
    );
    for row in &push.rows {
        match row {
            Ok(reading) => {
                let bill = &reading.bill;
                println!(
                    "{} {}: {} lines, version {}",
                    bill.kind,
                    bill.name(),
                    bill.lines.len(),
                    bill.version()
                );
                for warning in &reading.warnings {
                    println!("  {warning}");
                }
            }
            Err(row) => println!("{}", row.error),
        }
    }
    ExitCode::SUCCESS
}

/// Reads the settings, or tells everything that is missing or wrong.
fn settings(set: &BTreeMap<String, String>) -> Result<(Client, Question, BusinessDay), Vec<String>> {
    let mut problems = Vec::new();
    let text = |name: &str| set.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let url = text("DOUGONG_STORE_URL").unwrap_or_default();
    if url.is_empty() {
        problems.push("DOUGONG_STORE_URL is not set".to_owned());
    }
    let auth = text("DOUGONG_STORE_AUTH").unwrap_or("none");
    let scheme = Scheme::preset(auth).unwrap_or_else(|| {
        problems.push(format!("DOUGONG_STORE_AUTH: {auth:?} is none of none, url, header, md5, hmac-sha256"));
        Scheme::None
    });
    let secret = text("DOUGONG_STORE_SECRET").map(SecretString::from);
    let app_id = text("DOUGONG_STORE_APP_ID").map(|id| ("app_id".to_owned(), id.to_owned()));
    let signer = Signer::new(scheme, secret, app_id.into_iter().collect()).unwrap_or_else(|error| {
        problems.push(format!("DOUGONG_STORE_SECRET: {error}"));
        Signer::none()
    });
    let question = match text("DOUGONG_STORE_ASK").unwrap_or("pays") {
        "pays" => Question::Payments,
        "declare" => Question::Bills(Download::Declared),
        "rec" => Question::Bills(Download::Received),
        "req" => Question::Bills(Download::Returned),
        "sales" => {
            let store = text("DOUGONG_STORE_STORE").unwrap_or_default().to_owned();
            if store.is_empty() {
                problems.push("DOUGONG_STORE_STORE is not set".to_owned());
            }
            Question::Sales { store }
        }
        other => {
            problems.push(format!("DOUGONG_STORE_ASK: {other:?} is none of pays, declare, rec, req, sales"));
            Question::Payments
        }
    };
    let today = BeijingTime::now().day();
    let day = text("DOUGONG_STORE_DAY").map_or(Ok(today), str::parse).unwrap_or_else(|error| {
        problems.push(format!("DOUGONG_STORE_DAY: {error}"));
        today
    });
    let sale_window_keys = match text("DOUGONG_STORE_KEYS").unwrap_or("time") {
        "time" => SaleWindowKeys::Time,
        "day" => SaleWindowKeys::Day,
        "both" => SaleWindowKeys::Both,
        other => {
            problems.push(format!("DOUGONG_STORE_KEYS: {other:?} is none of time, day, both"));
            SaleWindowKeys::Time
        }
    };
    let client = Client::new(Platform { sale_window_keys, ..Platform::new(url, signer) });
    match client {
        Ok(client) if problems.is_empty() => Ok((client, question, day)),
        Ok(_) => Err(problems),
        Err(error) => {
            if !url.is_empty() {
                problems.push(format!("DOUGONG_STORE_URL: {error}"));
            }
            Err(problems)
        }
    }
}
