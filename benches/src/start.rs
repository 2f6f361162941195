//! A start: from the process's beginning until it asks the Runtime API for its first event.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dougong_benches::Process;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// What a start took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// Processor time of the process, in user and in kernel mode.
    pub(crate) cpu: Duration,
    /// Time on the clock.
    pub(crate) wall: Duration,
    /// Memory, in bytes.
    pub(crate) memory: u64,
}

/// Starts a function, waits for its first poll, and ends it.
pub(crate) async fn start(command: &[OsString], env: &BTreeMap<String, String>) -> io::Result<Start> {
    let runtime_api = TcpListener::bind("127.0.0.1:0").await?;
    let address = runtime_api.local_addr()?;
    let (program, words) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .envs(env)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let process = Process::of(child.id().unwrap_or_default());
    // The connection stays open until the process is dead: it has nothing to complain about.
    let _connection = tokio::select! {
        polled = first_poll(&runtime_api) => polled?,
        ended = child.wait() => {
            return Err(io::Error::other(format!("it ended before its first poll: {}", ended?)));
        }
    };
    let start = Start { cpu: process.exact_cpu(), wall: began.elapsed(), memory: process.peak_memory() };
    child.kill().await?;
    Ok(start)
}

/// Waits for the request for the first event.
async fn first_poll(runtime_api: &TcpListener) -> io::Result<TcpStream> {
    let (mut connection, _) = runtime_api.accept().await?;
    let mut request = [0; 1024];
    let length = connection.read(&mut request).await?;
    let request = String::from_utf8_lossy(&request[..length]);
    if request.starts_with("GET ") && request.contains("/runtime/invocation/next") {
        return Ok(connection);
    }
    let line = request.lines().next().unwrap_or_default();
    Err(io::Error::other(format!("it asked for no event but for {line:?}")))
}
