//! `dougong demo`: a day of orders and store bills through the real functions, and the books compared afterwards.

mod audit;
mod drive;
mod faults;
mod folder;
mod logs;
mod master;
mod mishaps;
mod report;
mod store;
mod truth;
mod world;

use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::arguments::DemoArguments;
use crate::demo::drive::{Ending, drive};
use crate::demo::report::Report;
use crate::demo::world::World;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::progress::Progress;
use crate::words;

/// What a shell reports for a program that Ctrl-C ended.
const STOPPED: u8 = 130;
/// How long functions at work may take to finish when the demo ends.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the demo and prints what it came to; the exit code tells whether every document is accounted for.
pub(crate) async fn run(options: DemoArguments) -> ExitCode {
    let lang = Lang::choose(options.lang, &|name| std::env::var(name).ok());
    match Box::pin(demo(&options, lang)).await {
        Ok(Some(report)) => {
            let text = if options.json { json(&report) } else { Ok(report.table(lang)) };
            let printed = text.and_then(|text| std::io::stdout().lock().write_all(text.as_bytes()));
            let good = report.accounted && printed.is_ok();
            if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(None) => {
            eprintln!("\n{}", lang.pick(words::STOPPED));
            ExitCode::from(STOPPED)
        }
        Err(failure) => {
            eprint!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the demo to its report; `None` when Ctrl-C ended it.
async fn demo(options: &DemoArguments, lang: Lang) -> Result<Option<Report>, Failure> {
    let started = Instant::now();
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let total = u64::from(options.orders + options.bills);
    let mut progress = Progress::start(lang, words::WAITING).drawn(total);
    progress.say(words::STARTING);
    let world = tokio::select! {
        biased;
        _ = &mut interrupted => return Ok(None),
        world = World::start(options, lang) => world?,
    };
    if let (Some(console), Some(token)) = (world.stack.console(), &world.token) {
        progress.line(&words::page(lang, &console.url(), token));
    }
    let ending = tokio::select! {
        biased;
        _ = &mut interrupted => None,
        ending = drive(&world, options.pace, &mut progress) => Some(ending),
    };
    let report = match ending {
        None => Ok(None),
        Some(Err(failure)) => Err(failure),
        Some(Ok(ending)) => {
            if ending == Ending::Stalled {
                progress.say(words::STALLED);
                world.logs.last_words().iter().for_each(|line| progress.line(line));
            }
            world.report(options, started.elapsed()).await.map(Some)
        }
    };
    drop(progress);
    if let (Ok(Some(report)), Some(_)) = (&report, world.stack.console()) {
        // The page is looked at beside the result.
        eprint!("{}", report.table(lang));
        eprintln!("{}", lang.pick(words::STAYS));
        let _ = interrupted.as_mut().await;
    }
    let grace = if matches!(report, Ok(Some(_))) { GRACE } else { Duration::ZERO };
    let folder = world.stop(grace).await;
    if let Some(kept) = folder.kept() {
        eprintln!("{}", words::kept(lang, &kept.display().to_string()));
    }
    report
}

fn json(report: &Report) -> std::io::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
