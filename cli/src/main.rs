//! `dougong`: what a person types. Parsing and dispatch only.

mod arguments;
mod check;
mod chinese;
mod demo;
mod failure;
mod lang;
mod lines;
mod mapped;
mod operate;
mod progress;
mod shipped;
mod tables;
mod up;
mod words;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use self::lang::{Lang, Texts};

use crate::arguments::{Arguments, Command, FunctionName};
use crate::failure::Failure;
use crate::operate::arguments::OperatorCommand;

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| arguments::refuse(&error));
    let ask = |command| run(Builder::new_current_thread(), operate::run(command));
    match arguments.command {
        Command::Demo(options) => run(Builder::new_multi_thread(), demo::run(options)),
        Command::Check(options) => check::run(&options),
        Command::Preview(options) => run(Builder::new_current_thread(), mapped::preview::run(options)),
        Command::Diff(options) => mapped::diff::run(&options),
        Command::Test(options) => mapped::cases::run(&options),
        Command::Status(options) => ask(OperatorCommand::Status(options)),
        Command::Orders(command) => ask(OperatorCommand::Orders(command)),
        Command::Watermark(command) => ask(OperatorCommand::Watermark(command)),
        Command::Pause(options) => ask(OperatorCommand::Pause(options)),
        Command::Resume(options) => ask(OperatorCommand::Resume(options)),
        Command::Dlq(command) => ask(OperatorCommand::Dlq(command)),
        Command::History(options) => ask(OperatorCommand::History(options)),
        Command::Pull(options) => ask(OperatorCommand::Pull(options)),
        Command::Doctor(options) => ask(OperatorCommand::Doctor(options)),
        Command::Reconcile(options) => ask(OperatorCommand::Reconcile(options)),
        Command::Up(options) => run(Builder::new_multi_thread(), up::run(options)),
        // As in Lambda: one thread and one event at a time.
        Command::Function { name } => {
            end_with_the_host();
            match name {
                FunctionName::Pull => run(Builder::new_current_thread(), dougong_pull::serve()),
                FunctionName::Deliver => run(Builder::new_current_thread(), dougong_deliver::serve()),
                FunctionName::Accept => run(Builder::new_current_thread(), dougong_accept::serve()),
                FunctionName::Sweep => run(Builder::new_current_thread(), dougong_sweep::serve()),
                FunctionName::Reconcile => run(Builder::new_current_thread(), dougong_reconcile::serve()),
                FunctionName::Console => run(Builder::new_current_thread(), dougong_console::serve()),
            }
        }
    }
}

/// Ends this process when its standard input ends: only its host holds the other end, and it ends with the host, even
/// one that is killed. A function without its host has nowhere to record what it does.
fn end_with_the_host() {
    std::thread::spawn(|| {
        // An error is an end, too.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

fn run(mut builder: Builder, work: impl Future<Output = ExitCode>) -> ExitCode {
    match builder.enable_all().build() {
        Ok(runtime) => {
            let code = Runtime::block_on(&runtime, work);
            // What still waits for a socket must not hold the exit up.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let lang = Lang::choose(None, &|name| std::env::var(name).ok());
            let hint = Texts {
                en: "free memory or raise the limit of threads, and try again",
                zh: "请释放内存或放宽线程数限制后重试",
            };
            let failure = Failure::caused(lang, &error, lang.pick(hint));
            eprint!("{failure}");
            ExitCode::FAILURE
        }
    }
}
