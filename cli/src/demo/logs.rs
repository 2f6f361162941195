//! What the functions print: one file of JSON lines, and the last words of what went wrong.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dougong_cloud::{LogLine, LogSink};

use crate::lines::{is_structured, json_line};

/// How many last words are kept.
const LAST_WORDS: usize = 5;

/// The lines of all functions. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct FunctionLogs {
    shared: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    file: Option<BufWriter<File>>,
    /// What functions and host said outside the structured log: failed starts, crashes.
    last_words: VecDeque<String>,
}

impl FunctionLogs {
    /// Writes every line to `file`, if there is one.
    pub(crate) fn to(file: Option<File>) -> Self {
        let lines = Lines { file: file.map(BufWriter::new), last_words: VecDeque::new() };
        Self { shared: Arc::new(Mutex::new(lines)) }
    }

    /// Returns the sink that functions print into.
    pub(crate) fn sink(&self) -> LogSink {
        let logs = self.clone();
        LogSink::new(move |line| logs.take(&line))
    }

    /// Returns what was said last outside the structured log.
    pub(crate) fn last_words(&self) -> Vec<String> {
        self.lock().last_words.iter().cloned().collect()
    }

    /// Writes what is still in memory.
    pub(crate) fn flush(&self) -> std::io::Result<()> {
        self.lock().file.as_mut().map_or(Ok(()), BufWriter::flush)
    }

    fn take(&self, line: &LogLine) {
        let mut lines = self.lock();
        if !is_structured(line) {
            if lines.last_words.len() == LAST_WORDS {
                lines.last_words.pop_front();
            }
            lines.last_words.push_back(format!("{}: {}", line.function, line.text));
        }
        if let Some(file) = &mut lines.file {
            // A log that cannot be written must not stop the demo; the report is the result.
            let _ = writeln!(file, "{}", json_line(line));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
