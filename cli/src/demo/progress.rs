//! How far the demo is, on standard error: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::lang::{Lang, Texts};
use crate::words;

/// How often a line is written where no bar can be drawn: when something moved, and when nothing did.
const LINE_EVERY: Duration = Duration::from_secs(5);
const STILL_LINE_EVERY: Duration = Duration::from_secs(30);

/// The demo's progress as a person sees it.
#[derive(Debug)]
pub(crate) struct Progress {
    lang: Lang,
    bar: Option<ProgressBar>,
    last_line: Instant,
    last_done: u64,
}

impl Progress {
    /// Starts to show progress towards `orders`.
    pub(crate) fn start(lang: Lang, orders: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(orders);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(lang.pick(words::WAITING));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { lang, bar, last_line: Instant::now(), last_done: 0 }
    }

    /// Says one thing that happened.
    pub(crate) fn say(&self, texts: Texts) {
        self.line(self.lang.pick(texts));
    }

    /// Returns the language that progress is shown in.
    pub(crate) const fn lang(&self) -> Lang {
        self.lang
    }

    /// Shows how many orders are done, of how many, and how many are parked.
    pub(crate) fn show(&mut self, booked: u64, parked: u64, total: u64) {
        let done = booked + parked;
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            return;
        }
        let every = if done == self.last_done { STILL_LINE_EVERY } else { LINE_EVERY };
        if self.last_line.elapsed() >= every {
            self.last_line = Instant::now();
            self.last_done = done;
            self.line(&words::progress(self.lang, booked, parked, total));
        }
    }

    /// Writes a line above the bar.
    pub(crate) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    /// Takes the bar away: what is said next starts on a line of its own.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
