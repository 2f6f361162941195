//! `dougong up`: the pipeline for real on one machine, from the schedule to the books.
//!
//! Everything that has to survive is in the data folder: the ledger and the queues' messages in one database file, the
//! logs beside it. The functions are processes of this very program and end with it, however it ends.

mod check;
mod console;
mod folder;
mod heard;
mod logs;
mod pipeline;
mod service_manager;
mod signals;
mod words;

pub(crate) use check::secrets;

use std::process::ExitCode;
use std::time::Duration;

use dougong_cloud::{ConsoleSettings, ConsoleSide, Stack, StackError, StartError, StoreSide};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use self::console::Console;
use self::folder::DataFolder;
use self::heard::Heard;
use self::logs::Logs;
use self::signals::Signals;
use crate::arguments::UpArguments;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::operate::Door;

/// How long functions at work may take to finish after a signal; longer than a call to BIP may take by default. The
/// systemd unit's `TimeoutStopSec` leaves room for it.
const GRACE: Duration = Duration::from_mins(1);
/// How often what was delivered is summed up, if anything was.
const SUM_UP_EVERY: Duration = Duration::from_secs(2);
/// The service that may be told where to listen.
const HTTP_GATEWAY: &str = "the HTTP gateway";
/// How often items whose time to live is over are deleted.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Runs until a signal ends it: 0 then; 1 when it cannot start, with everything that keeps it from starting.
pub(crate) async fn run(options: UpArguments) -> ExitCode {
    let lang = Lang::choose(options.lang, &|name| std::env::var(name).ok());
    match up(&options, lang).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            eprint!("{}", problems.join("\n"));
            ExitCode::FAILURE
        }
    }
}

async fn up(options: &UpArguments, lang: Lang) -> Result<(), Vec<String>> {
    let one = |failure: Failure| vec![failure.to_string()];
    let checked = check::check(options, lang)?;
    // From here on: a signal during the start ends the start.
    let mut signals = Signals::listen().map_err(|error| one(words::cannot_start(lang, &error)))?;
    let folder = DataFolder::open(&options.data, lang).map_err(one)?;
    let logs = Logs::open(&folder.logs(), options.log_size, options.log_files);
    let logs = logs.map_err(|error| one(words::cannot_log(lang, &folder.logs(), &error)))?;
    logs.take_own_events();

    let (tell, mut heard) = mpsc::unbounded_channel();
    let settings = pipeline::settings(options, &checked, &folder, logs.sink(tell));
    let settings = settings.map_err(|error| one(words::cannot_start(lang, &error)))?;
    let mut console = Console::new(lang, options);
    if folder.was_open_to_others() {
        console.note(words::made_private(lang, folder.path()));
    }
    let stack = tokio::select! {
        biased;
        () = signals.next() => return Ok(()),
        stack = Stack::start(settings) => stack.map_err(|error| one(no_stack(lang, options, &folder, &error)))?,
    };
    pipeline::catch_up_on_rescans(&stack, &checked.config).await;
    if let Err(error) = Door::open(folder.path(), stack.environment(), &options.config) {
        // It runs all the same; the operator's commands say that they do not find it.
        tracing::error!(%error, "the operator's commands cannot reach this");
    }
    service_manager::tell("READY=1");
    let store_url = stack.store().map(StoreSide::url);
    console.started(&checked, options, &folder, stack.put_back(), store_url.as_deref());
    console.page(stack.console().map(ConsoleSide::url).as_deref());

    attend(&stack, &folder, &mut console, &mut signals, &mut heard).await;

    Door::close(folder.path());
    service_manager::tell("STOPPING=1");
    console.stopping(GRACE);
    tokio::select! {
        () = stack.stop(GRACE) => {}
        // A second signal: whoever sends it does not want to wait. The functions end with this process.
        () = signals.next() => {}
    }
    while let Ok(what) = heard.try_recv() {
        console.hear(what);
    }
    console.stopped();
    Ok(())
}

/// Says why the stack does not start.
fn no_stack(lang: Lang, options: &UpArguments, folder: &DataFolder, error: &StackError) -> Failure {
    match error {
        StackError::Start(StartError::Listen { service: HTTP_GATEWAY, source }) => {
            words::cannot_listen(lang, options.listen(), source)
        }
        StackError::Start(StartError::Listen { service: ConsoleSettings::GATEWAY, source }) => {
            words::cannot_serve_page(lang, options.console(), source)
        }
        error => words::no_stack(lang, folder, error),
    }
}

/// Says what happens and looks after the database, until a signal comes.
async fn attend(
    stack: &Stack,
    folder: &DataFolder,
    console: &mut Console,
    signals: &mut Signals,
    heard: &mut mpsc::UnboundedReceiver<Heard>,
) {
    let mut trouble = stack.dynamodb().trouble();
    let mut sum_up = tokio::time::interval(SUM_UP_EVERY);
    sum_up.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweep = tokio::time::interval_at(Instant::now() + SWEEP_EVERY, SWEEP_EVERY);
    loop {
        tokio::select! {
            biased;
            () = signals.next() => return,
            Some(what) = heard.recv() => console.hear(what),
            Ok(()) = trouble.changed() => {
                if let Some(trouble) = trouble.borrow_and_update().as_deref() {
                    console.trouble(trouble, folder);
                }
            }
            _ = sum_up.tick() => {
                if trouble.borrow().is_none() {
                    console.no_trouble();
                }
                let waiting = stack.sqs().depth(stack.orders_queue()).await.unwrap_or_default();
                let dead = stack.sqs().depth(stack.dead_letter_queue()).await.unwrap_or_default();
                console.sum_up(waiting.visible + waiting.in_flight + waiting.delayed, dead.visible);
            }
            _ = sweep.tick() => match stack.dynamodb().sweep_expired() {
                Ok(deleted) => tracing::info!(deleted, "expired items deleted"),
                // What keeps the database from writing is told as its trouble, and the items stay expired.
                Err(error) => tracing::warn!(%error, "expired items stay for now"),
            },
        }
    }
}
