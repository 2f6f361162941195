//! The process of an environment: how it is started, and how its output is read.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::Function;
use super::runtime_api::RuntimeApi;
use crate::{REGION, TEST_ACCESS_KEY};

/// The command of one environment. Nothing of the host's own environment reaches it but `PATH`.
///
/// Its standard input is a pipe that only this process holds open: a program that ends at the end of its input ends
/// with this process, however that dies. A process group of its own keeps it out of reach of the terminal's Ctrl-C,
/// which is for this process to act on.
pub(super) fn command(function: &Function, number: u64, api: &RuntimeApi) -> Command {
    let mut words = function.command.iter();
    let program = words.next().map(OsString::as_os_str).unwrap_or_default();
    let task_root = Path::new(program).parent().unwrap_or(Path::new("")).as_os_str();
    let stream = format!("{}/[$LATEST]{number:032x}", dougong_values::BeijingTime::now().day());
    let (key_id, key_secret) = TEST_ACCESS_KEY;
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        // What the function's role and region give, unless the function says otherwise.
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", key_id)
        .env("AWS_SECRET_ACCESS_KEY", key_secret)
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .envs(&function.env)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        // What Lambda reserves.
        .env("_HANDLER", "bootstrap")
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", stream)
        .env("LAMBDA_TASK_ROOT", task_root)
        .env("LAMBDA_RUNTIME_DIR", "/var/runtime")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// The lines of a pipe, read so that nothing is lost when a read is given up half-way.
pub(super) struct Lines<R> {
    reader: Option<BufReader<R>>,
    partial: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: Option<R>) -> Self {
        Self { reader: pipe.map(BufReader::new), partial: Vec::new() }
    }

    /// Waits for the next line; for ever when there is none.
    pub(super) async fn next(&mut self) -> String {
        match self.read().await {
            Some(line) => line,
            None => std::future::pending().await,
        }
    }

    /// Waits for the next line. `None` at the end.
    pub(super) async fn read(&mut self) -> Option<String> {
        let reader = self.reader.as_mut()?;
        let read = reader.read_until(b'\n', &mut self.partial).await;
        let at_end = !matches!(read, Ok(1..));
        if at_end {
            self.reader = None;
        }
        let line = std::mem::take(&mut self.partial);
        if at_end && line.is_empty() {
            return None;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        Some(String::from_utf8_lossy(text).into_owned())
    }
}
