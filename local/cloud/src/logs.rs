//! Where the lines that functions print go.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The function's standard output.
    Stdout,
    /// The function's standard error.
    Stderr,
    /// The host itself: time-outs, crashes, failed starts.
    Platform,
}

/// One line without its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: Arc<str>,
    /// The environment that printed it: counts from 1 in each host.
    pub environment: u64,
    /// The request at work when the line was printed, or else the last one. `None` while the function starts.
    pub request_id: Option<Arc<str>>,
    /// The stream it was printed on.
    pub source: LogSource,
    /// The text. What is not UTF-8 is replaced.
    pub text: String,
}

/// Takes every line that a function prints, in order per environment. Called on the host's own tasks: it must not
/// wait.
#[derive(Clone)]
pub struct LogSink(Arc<dyn Fn(LogLine) + Send + Sync>);

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}

impl LogSink {
    /// Gives every line to `take`.
    pub fn new(take: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Forgets every line.
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    /// Keeps every line in memory, to be read through the second value.
    pub fn collecting() -> (Self, Logs) {
        let logs = Logs::default();
        let lines = Arc::clone(&logs.lines);
        let sink = Self::new(move |line| lines.send_modify(|lines| lines.push(line)));
        (sink, logs)
    }

    pub(crate) fn take(&self, line: LogLine) {
        (self.0)(line);
    }
}

/// The lines that a collecting sink has kept.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    lines: Arc<watch::Sender<Vec<LogLine>>>,
}

impl Logs {
    /// Returns all lines so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.lines.borrow().clone()
    }

    /// Returns the texts that one request printed.
    pub fn of_request(&self, request_id: &str) -> Vec<String> {
        let lines = self.lines.borrow();
        let printed = lines.iter().filter(|line| line.request_id.as_deref() == Some(request_id));
        printed.map(|line| line.text.clone()).collect()
    }

    /// Waits until the lines are what the caller waits for.
    pub async fn until(&self, mut enough: impl FnMut(&[LogLine]) -> bool) {
        // An error would mean that the sender is gone, which `self` holds.
        let _ = self.lines.subscribe().wait_for(|lines| enough(lines)).await;
    }
}
