//! The log files: JSON lines of the functions and of this program, bounded in size and number.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dougong_cloud::LogSink;
use serde_json::json;
use tokio::sync::mpsc;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::heard::Heard;
use crate::lines::json_line;

/// The file that is written to; older ones have a number behind, the oldest the highest.
const CURRENT: &str = "dougong.log";

/// The log files. Clones write to the same.
#[derive(Debug, Clone)]
pub(super) struct Logs {
    files: Arc<Mutex<Rotating>>,
}

impl Logs {
    /// Opens the logs in a folder, which is made if it is missing: at most `files` of `size` bytes each.
    pub(super) fn open(folder: &Path, size: u64, files: u32) -> io::Result<Self> {
        Ok(Self { files: Arc::new(Mutex::new(Rotating::open(folder, size, files)?)) })
    }

    /// Returns the sink that the functions print into; what a person should hear of it is told to `tell`.
    pub(super) fn sink(&self, tell: mpsc::UnboundedSender<Heard>) -> LogSink {
        let logs = self.clone();
        LogSink::new(move |line| {
            logs.lock().line(&json_line(&line));
            if let Some(heard) = Heard::in_line(&line) {
                // Nobody listens any more when the program ends.
                let _ = tell.send(heard);
            }
        })
    }

    /// Has the events of this process itself logged too, from `warn`; our own from `info`.
    pub(super) fn take_own_events(&self) {
        let filter = Targets::new().with_default(LevelFilter::WARN).with_target("dougong", LevelFilter::INFO);
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(self.clone());
        // Somebody who already listens hears them instead.
        let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
    }

    fn lock(&self) -> MutexGuard<'_, Rotating> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event(self.clone())
    }
}

/// One event on its way into the log: a single write, with its line break.
pub(super) struct Event(Logs);

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().line(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log file that is moved aside when it is full.
#[derive(Debug)]
struct Rotating {
    folder: PathBuf,
    size: u64,
    files: u32,
    current: File,
    written: u64,
    /// Lines that could not be written since the last one that could.
    lost: u64,
}

impl Rotating {
    fn open(folder: &Path, size: u64, files: u32) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let current = append(folder)?;
        let written = current.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), size, files, current, written, lost: 0 })
    }

    /// Writes a line. One that cannot be written is lost: the log must never stop the work, and says so itself as soon
    /// as it can.
    fn line(&mut self, line: &str) {
        if self.lost > 0 {
            let lost = self.lost;
            // A full disk may have torn the last line.
            let note =
                json!({ "level": "ERROR", "message": "log lines were lost", "lines": lost }).to_string();
            if self.append(&format!("\n{note}\n")).is_err() {
                self.lost += 1;
                return;
            }
            self.lost = 0;
        }
        if self.append(&format!("{line}\n")).is_err() {
            self.lost += 1;
        }
    }

    fn append(&mut self, text: &str) -> io::Result<()> {
        let bytes = text.len() as u64;
        if self.written > 0 && self.written + bytes > self.size {
            self.rotate()?;
        }
        self.current.write_all(text.as_bytes())?;
        self.written += bytes;
        Ok(())
    }

    /// Moves every file one number up; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        let path = |number: u32| match number {
            0 => self.folder.join(CURRENT),
            number => self.folder.join(format!("{CURRENT}.{number}")),
        };
        for number in (0..self.files.max(1)).rev() {
            let moved = if number + 1 == self.files.max(1) {
                fs::remove_file(path(number))
            } else {
                fs::rename(path(number), path(number + 1))
            };
            match moved {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.current = append(&self.folder)?;
        self.written = 0;
        Ok(())
    }
}

fn append(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(folder.join(CURRENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn the_newest_lines_are_kept_within_size_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(folder.path(), 10, 3).unwrap();
        for number in 0..9 {
            log.line(&format!("line{number}"));
        }
        // Started again, it goes on in the same file.
        let mut log = Rotating::open(folder.path(), 10, 3).unwrap();
        log.line("b");
        log.line("much longer than a file may be");
        let file = |number: &str, text: &str| (format!("dougong.log{number}"), text.to_owned());
        assert_eq!(
            contents(folder.path()),
            [file("", "much longer than a file may be\n"), file(".1", "line8\nb\n"), file(".2", "line7\n"),]
        );
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(folder.path(), 1_000, 2).unwrap();
        let writable = std::mem::replace(&mut log.current, File::open(folder.path().join(CURRENT)).unwrap());
        log.line("lost");
        log.line("lost too");
        log.current = writable;
        log.line("kept");
        let [(_, text)] = &contents(folder.path())[..] else { panic!("one file") };
        assert!(text.contains("\"lines\":2") && text.ends_with("\nkept\n"), "{text}");
    }
}
