//! What a page over a ledger of a million documents costs, on this machine: `benches/README.md`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to a person"
)]

mod ledger;
mod meter;
mod visitor;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{Cell, CellAlignment, Table};
use dougong_benches::{Process, release_folder};
use dougong_cloud::{ConsoleSettings, Stack, StackSettings, Storage};
use dougong_ledger::TableNames;
use dougong_values::{BeijingTime, BusinessDay};
use serde_json::json;

use crate::ledger::Size;
use crate::meter::Meter;
use crate::visitor::Visitor;

const TOKEN: &str = "a-token-of-this-benchmark";

/// Fills an embedded DynamoDB with a large ledger, starts the release binary of `console` as Lambda would, signs in, and
/// measures every page. Everything stays on this machine's loopback.
#[derive(Debug, Parser)]
struct Arguments {
    /// Days of documents.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    days: u32,
    /// Documents of each day.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    per_day: u32,
    /// Documents beside them that need a person.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    needs: u32,
    /// How often each page is opened; the median and the slowest count.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// The ledger's last day [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<BusinessDay>,
    /// Where the ledger is kept; one that is there is taken as it is [default: a temporary file].
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// The program [default: target/release/console of this build].
    #[arg(long, value_name = "PROGRAM")]
    console: Option<PathBuf>,
}

/// One page, and what it has to show.
struct Page {
    name: &'static str,
    path: &'static str,
    query: String,
    shows: &'static str,
}

/// What opening a page once took.
struct Opened {
    took: Duration,
    emulator: Duration,
    cpu: Duration,
    cpu_beside: Duration,
    requests: u32,
    bytes: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<(), String> {
    let program = arguments.console.clone().unwrap_or_else(|| release_folder().join("console"));
    if !program.is_file() {
        return Err(format!(
            "console is not built: no {}\nhint: run `cargo build --release -p dougong-console`",
            program.display()
        ));
    }
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for temporary files: {error}"))?;
    let file = arguments.ledger.clone().unwrap_or_else(|| folder.path().join("ledger.db"));
    let last = arguments.day.unwrap_or_else(|| BeijingTime::now().day());
    let Arguments { days, per_day, needs, .. } = *arguments;
    let size = Size { days, per_day, needs, last };
    if file.is_file() {
        eprintln!("the ledger {} is taken as it is", file.display());
    } else {
        let begun = Instant::now();
        eprintln!("filling a ledger with {} documents", days * per_day + needs);
        ledger::fill(&file, &table_names(), size).await?;
        eprintln!("filled in {:.0} s", begun.elapsed().as_secs_f64());
    }
    let stack = Stack::start(settings(&program, &file, folder.path())?);
    let stack = stack.await.map_err(|error| error.to_string())?;
    let console = stack.console().ok_or("the stack has no page")?;
    let visitor = Visitor::signed_in(console.host().clone(), TOKEN).await?;
    let running = Process::children(&[program.into_os_string()]);
    let process = *running.first().ok_or("the process of console is not found")?;
    let meter = Meter::on(stack.dynamodb().traffic());

    let pages = pages(size);
    let mut opened: Vec<Vec<Opened>> = pages.iter().map(|_| Vec::new()).collect();
    for run in 0..=arguments.runs {
        for (page, opened) in pages.iter().zip(&mut opened) {
            let one = open(page, &visitor, &meter, process).await;
            // The first time fills the emulator's cache; from a slow disk that may take longer than the page waits.
            if run > 0 {
                opened.push(one?);
            }
        }
    }
    println!("{}", table(&pages, &opened));
    println!("peak memory of console: {:.1} MB", process.peak_memory() as f64 / 1_000_000.0);
    Ok(())
}

async fn open(page: &Page, visitor: &Visitor, meter: &Meter, process: Process) -> Result<Opened, String> {
    meter.take();
    let (before, before_beside) = (process.exact_cpu(), Process::own().exact_cpu());
    let seen = visitor.get(page.path, &page.query).await?;
    let cpu = process.exact_cpu().saturating_sub(before);
    let cpu_beside = Process::own().exact_cpu().saturating_sub(before_beside);
    let (requests, emulator) = meter.take();
    if seen.status != 200 || !seen.body.contains(page.shows) {
        return Err(format!("{}: {} without {:?}: {}", page.name, seen.status, page.shows, seen.body));
    }
    Ok(Opened { took: seen.took, emulator, cpu, cpu_beside, requests, bytes: seen.body.len() })
}

fn pages(size: Size) -> Vec<Page> {
    let day = size.last;
    let page = |name, path, query: String, shows| Page { name, path, query, shows };
    let key = |key: &str| format!("key={}", key.replace('#', "%23"));
    let (booked, parked) = (ledger::booked_key(size), ledger::parked_key());
    vec![
        page("Today", "/console", format!("day={day}"), "Booked"),
        page("Needs a person", "/console/attention", String::new(), "unknown_goods"),
        page("… of a reason", "/console/attention", "reason=unknown_shop".to_owned(), "unknown_shop"),
        page("… searched", "/console/attention", "q=9000012".to_owned(), "stockout#bench#9000012"),
        page("… the last page", "/console/attention", "from=1000000".to_owned(), "By reason"),
        page("… as CSV", "/console/attention.csv", String::new(), "unknown_goods"),
        page("Documents", "/console/documents", format!("day={day}"), "CK"),
        page(
            "… of a scheme and place",
            "/console/documents",
            format!("day={day}&scheme=declared&place=posted"),
            "CK",
        ),
        page("… searched", "/console/documents", format!("day={day}&q=8099012"), "stockout#bench#8099012"),
        page("… as CSV", "/console/documents.csv", format!("day={day}"), "CK"),
        page("a document, booked", "/console/document", key(&booked), "CK"),
        page("a document, parked", "/console/document", key(&parked), "stockout#bench#"),
        page(
            "Sending a reason again: what would become",
            "/console/replay",
            "reason=unknown_goods".to_owned(),
            "stockout#bench#",
        ),
        page("Watermarks and pace", "/console/flow", String::new(), "online-sales"),
        page("History", "/console/deeds", format!("day={day}"), "Li Lei"),
    ]
}

fn table(pages: &[Page], opened: &[Vec<Opened>]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "page",
        "server time, ms",
        "slowest",
        "of it the emulator",
        "processor time of console, ms",
        "… of the emulator",
        "DynamoDB requests",
        "KB",
    ]);
    for (page, opened) in pages.iter().zip(opened) {
        let times = |figure: fn(&Opened) -> Duration| {
            let mut all: Vec<f64> = opened.iter().map(|one| figure(one).as_secs_f64() * 1_000.0).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let median = |all: &[f64]| all.get(all.len() / 2).copied().unwrap_or_default();
        let took = times(|one| one.took);
        let requests = opened.iter().map(|one| one.requests).max().unwrap_or_default();
        let bytes = opened.iter().map(|one| one.bytes).max().unwrap_or_default();
        let number = |value: f64| Cell::new(format!("{value:.1}")).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(page.name),
            number(median(&took)),
            number(took.last().copied().unwrap_or_default()),
            number(median(&times(|one| one.emulator))),
            number(median(&times(|one| one.cpu))),
            number(median(&times(|one| one.cpu_beside))),
            Cell::new(requests).set_alignment(CellAlignment::Right),
            number(bytes as f64 / 1_000.0),
        ]);
    }
    table
}

/// The names that [`Stack`] gives its tables.
fn table_names() -> TableNames {
    TableNames { watermarks: "dougong-watermarks".to_owned(), documents: "dougong-documents".to_owned() }
}

/// A stack with the page alone: nothing is pulled or delivered.
fn settings(program: &Path, file: &Path, folder: &Path) -> Result<StackSettings, String> {
    let keys = json!({ "app_key": "key", "app_secret": "secret" });
    let secrets = json!({ "wdt": keys, "bip": keys, "console": { "token": TOKEN } });
    let secrets_file = folder.join("secrets.json");
    let written = std::fs::write(&secrets_file, secrets.to_string());
    written.map_err(|error| format!("cannot write {}: {error}", secrets_file.display()))?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let nobody = "http://127.0.0.1:9";
    let mut settings = StackSettings::new(Vec::new(), Vec::new(), &config, &secrets_file);
    settings.storage = Storage::File(file.to_owned());
    settings.console = Some(ConsoleSettings::new(vec![program.as_os_str().to_owned()]));
    settings.env = [
        ("DOUGONG_TENANT", "bench"),
        ("DOUGONG_WDT_URL", nobody),
        ("DOUGONG_WDT_SID", "bench"),
        ("DOUGONG_WDT_TARGET_APP_KEY", "bench"),
        ("DOUGONG_BIP_TOKEN_URL", nobody),
        ("DOUGONG_BIP_GATEWAY_URL", nobody),
        ("DOUGONG_ONLINE_SALES_START", "2026-11-01 00:00:00"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    Ok(settings)
}
