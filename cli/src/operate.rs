//! The operator's commands: what happened, and putting it right. What they ask and do is `dougong-operate`; here is how it
//! is typed and said.

pub(crate) mod arguments;
mod connection;
mod dlq;
mod doctor;
mod history;
mod orders;
mod pace;
mod pull;
mod reconcile;
mod replay;
mod settle;
mod status;
mod story;
mod watermark;
mod words;

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use self::arguments::{Common, DlqCommand, OperatorCommand, OrdersCommand, WatermarkCommand};
use self::connection::Connection;
pub(crate) use self::connection::Door;
use crate::failure::Failure;
use crate::lang::Lang;

/// Documents or dead letters wait for a person.
const NEEDS_PERSON: u8 = 3;
/// Calls are stopped, or a watermark is too old.
const DOES_NOT_FLOW: u8 = 4;

/// What a command has to say, and whether that is good news.
struct Said {
    text: String,
    code: u8,
}

impl Said {
    /// Says something; all is well.
    fn well(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 0 }
    }

    /// Says something that is not what was asked for.
    fn not(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }

    /// Writes a result as JSON where that is asked for, else as `text` does.
    fn of(common: &Common, result: &impl Serialize, code: u8, text: impl FnOnce() -> String) -> Self {
        Self { text: if common.json { json(result) } else { text() }, code }
    }
}

/// Writes JSON with the digits of every amount: a value in between would pass them through binary numbers.
fn json(result: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(result).unwrap_or_default();
    format!("{text}\n")
}

/// Runs a command: what it ends with is in its help.
pub(crate) async fn run(command: OperatorCommand) -> ExitCode {
    let lang = Lang::choose(command.common().lang, &|name| std::env::var(name).ok());
    let said = match Connection::open(command.common(), lang).await {
        Ok(connection) => carry_out(&command, &connection).await,
        Err(problem) => Err(problem),
    };
    match said {
        Ok(Said { text, code }) => match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::from(code),
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => {
            eprint!("{problem}");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: &OperatorCommand, connection: &Connection) -> Result<Said, String> {
    let said = match command {
        OperatorCommand::Status(options) => status::run(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::List(options)) => orders::list(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::Show(options)) => story::show(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::Explain(options)) => story::explain(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::Replay(options)) => replay::run(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::Skip(options)) => settle::skip(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::Accept(options)) => settle::accept(options, connection).await,
        OperatorCommand::Orders(OrdersCommand::Dismiss(options)) => {
            settle::dismiss(options, connection).await
        }
        OperatorCommand::Orders(OrdersCommand::Dissolve(options)) => {
            settle::dissolve(options, connection).await
        }
        OperatorCommand::Watermark(WatermarkCommand::Show(options)) => {
            watermark::show(options, connection).await
        }
        OperatorCommand::Watermark(WatermarkCommand::Explain(options)) => {
            watermark::explain(options, connection).await
        }
        OperatorCommand::Watermark(WatermarkCommand::Set(options)) => {
            watermark::set(options, connection).await
        }
        OperatorCommand::Pause(options) => pace::pause(options, connection).await,
        OperatorCommand::Resume(options) => pace::resume(options, connection).await,
        OperatorCommand::Dlq(DlqCommand::List(options)) => dlq::list(options, connection).await,
        OperatorCommand::Dlq(DlqCommand::Redrive(options)) => dlq::redrive(options, connection).await,
        OperatorCommand::History(options) => history::run(options, connection).await,
        OperatorCommand::Pull(options) => pull::run(options, connection).await,
        OperatorCommand::Doctor(options) => doctor::run(options, connection).await,
        OperatorCommand::Reconcile(options) => reconcile::run(options, connection).await,
    };
    said.map_err(|failure| failure.to_string())
}

/// Turns an error of the system into what a person is told.
fn failed(lang: Lang) -> impl Fn(dougong_operate::OperateError) -> Failure {
    move |error| {
        let hint = match error {
            dougong_operate::OperateError::NoSecrets { .. } => words::secrets_hint(lang),
            dougong_operate::OperateError::NoScheme { .. } => words::scheme_hint(lang),
            dougong_operate::OperateError::Wdt(_)
            | dougong_operate::OperateError::Bip(_)
            | dougong_operate::OperateError::Store(_)
            | dougong_operate::OperateError::NoSlot { .. } => words::later_hint(lang),
            dougong_operate::OperateError::NoStore => words::store_hint(lang),
            dougong_operate::OperateError::StillToCome { .. } => words::day_hint(lang),
            dougong_operate::OperateError::EndsBeforeItBegins { .. } => words::span_hint(lang),
            dougong_operate::OperateError::InTheFuture { .. } => words::future_hint(lang),
            _ => words::reach_hint(lang),
        };
        Failure::caused(lang, &error, hint)
    }
}

/// Asks before something is sent, moved or changed: yes only on a clear yes.
fn agreed(lang: Lang, yes: bool, question: &str) -> bool {
    if yes {
        return true;
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer).is_err() {
        return false;
    }
    let agreed = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是");
    if !agreed {
        eprintln!("{}", words::left_alone(lang));
    }
    agreed
}
