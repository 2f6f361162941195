//! What Dougong costs, beside the same in Python, on this machine: `benches/README.md`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to a person, and its ratios are no money"
)]

mod orders;
mod report;
mod side;
mod start;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use dougong_benches::release_folder;
use serde_json::json;

use crate::orders::Run;
use crate::report::Report;
use crate::side::Side;
use crate::start::Start;

/// Measures the release binaries: a day of orders from a simulated WDT into a simulated BIP on the local cloud, and
/// cold starts; beside the same in Python where an interpreter is given. Everything stays on this machine's loopback.
#[derive(Debug, Parser)]
struct Arguments {
    /// Orders of a run.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    orders: u32,
    /// Runs of each side, in turn; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Cold starts of each function, in turn; the median counts.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    starts: u32,
    /// A Python with `benches/peer/requirements.txt` installed.
    #[arg(long, value_name = "PYTHON")]
    peer: Option<PathBuf>,
    /// The folder with the release binaries `pull` and `deliver` [default: target/release of this build].
    #[arg(long, value_name = "FOLDER")]
    functions: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What was measured of one side.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) runs: Vec<Run>,
    pub(crate) pull_starts: Vec<Start>,
    pub(crate) deliver_starts: Vec<Start>,
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
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for temporary files: {error}"))?;
    let functions = arguments.functions.clone().unwrap_or_else(release_folder);
    let dougong = Side::dougong(&functions)?;
    let peer = arguments.peer.as_ref().map(|python| Side::peer(python, &folder.path().join("python")));
    let sizes = [&dougong.pull, &dougong.deliver].map(|command| {
        command.first().and_then(|program| Path::new(program).metadata().ok()).map_or(0, |file| file.len())
    });

    let mut own = Measured::default();
    let mut other = peer.as_ref().map(|_| Measured::default());
    for run in 1..=arguments.runs {
        eprintln!("run {run} of {}: {} orders", arguments.runs, arguments.orders);
        let orders = arguments.orders as usize;
        own.runs.push(orders::run(&dougong, orders).await?);
        if let (Some(side), Some(measured)) = (&peer, &mut other) {
            measured.runs.push(orders::run(side, orders).await?);
        }
    }
    let env = environment(folder.path())?;
    eprintln!("{} cold starts", arguments.starts);
    for _ in 0..arguments.starts {
        cold_starts(&dougong, &env, &mut own).await?;
        if let (Some(side), Some(measured)) = (&peer, &mut other) {
            cold_starts(side, &env, measured).await?;
        }
    }

    let report = Report::new(arguments.orders, sizes, &own, other.as_ref());
    if arguments.json {
        println!("{}", json!(report));
    } else {
        println!("{}", report.table());
        if peer.is_none() {
            eprintln!(
                "hint: --peer PYTHON measures the same in Python beside it; benches/README.md says how"
            );
        }
    }
    Ok(())
}

async fn cold_starts(
    side: &Side,
    env: &BTreeMap<String, String>,
    measured: &mut Measured,
) -> Result<(), String> {
    let mut env = env.clone();
    env.extend(side.env.clone());
    for (command, starts) in
        [(&side.pull, &mut measured.pull_starts), (&side.deliver, &mut measured.deliver_starts)]
    {
        let started = start::start(command, &env).await;
        starts.push(started.map_err(|error| format!("cannot start {command:?}: {error}"))?);
    }
    Ok(())
}

/// The variables of a function that starts and is given no event: nothing answers at these addresses.
fn environment(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let keys = json!({ "app_key": "key", "app_secret": "secret" });
    let secrets = folder.join("secrets.json");
    let written = std::fs::write(&secrets, json!({ "wdt": keys, "bip": keys }).to_string());
    written.map_err(|error| format!("cannot write {}: {error}", secrets.display()))?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let nobody = "http://127.0.0.1:9";
    let variables = [
        ("AWS_REGION", "cn-north-1"),
        ("AWS_DEFAULT_REGION", "cn-north-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL_DYNAMODB", nobody),
        ("AWS_ENDPOINT_URL_SQS", nobody),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("DOUGONG_TENANT", "bench"),
        ("DOUGONG_WDT_URL", nobody),
        ("DOUGONG_WDT_SID", "bench"),
        ("DOUGONG_WDT_TARGET_APP_KEY", "bench"),
        ("DOUGONG_BIP_TOKEN_URL", nobody),
        ("DOUGONG_BIP_GATEWAY_URL", nobody),
        ("DOUGONG_ONLINE_SALES_START", "2026-11-01 00:00:00"),
        ("DOUGONG_WATERMARKS_TABLE", "watermarks"),
        ("DOUGONG_DOCUMENTS_TABLE", "documents"),
        ("DOUGONG_ORDERS_QUEUE_URL", "http://127.0.0.1:9/orders"),
    ];
    let mut env: BTreeMap<String, String> =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    env.insert("DOUGONG_CONFIG".to_owned(), config.display().to_string());
    env.insert("DOUGONG_SECRETS".to_owned(), secrets.display().to_string());
    Ok(env)
}
