//! `dougong`: what a person types. Parsing and dispatch only.

mod arguments;
mod demo;
mod failure;
mod lang;
mod shipped;
mod words;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use crate::arguments::{Arguments, Command, FunctionName};
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| arguments::refuse(&error));
    match arguments.command {
        Command::Demo(options) => run(Builder::new_multi_thread(), demo::run(options)),
        // As in Lambda: one thread and one event at a time.
        Command::Function { name: FunctionName::Pull } => {
            run(Builder::new_current_thread(), dougong_pull::serve())
        }
        Command::Function { name: FunctionName::Deliver } => {
            run(Builder::new_current_thread(), dougong_deliver::serve())
        }
    }
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
            let failure = Failure::caused(&error, "free memory or raise the limit of threads, and try again");
            eprint!("{failure}");
            ExitCode::FAILURE
        }
    }
}
