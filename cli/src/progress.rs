//! How far long work is, on standard error: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::lang::{Lang, Texts};

/// How often a line is written where no bar can be drawn: when something moved, and when nothing did.
const LINE_EVERY: Duration = Duration::from_secs(5);
const STILL_LINE_EVERY: Duration = Duration::from_secs(30);
/// Work that is done sooner draws no bar: it would only flash.
const LONG: Duration = Duration::from_millis(500);

/// The progress of one piece of work as a person sees it.
#[derive(Debug)]
pub(crate) struct Progress {
    lang: Lang,
    what: Texts,
    on_terminal: bool,
    bar: Option<ProgressBar>,
    begun: Instant,
    last_line: Instant,
    last_done: u64,
}

impl Progress {
    /// Starts to show progress; `what` stands beside the counts.
    pub(crate) fn start(lang: Lang, what: Texts) -> Self {
        let now = Instant::now();
        Self {
            lang,
            what,
            on_terminal: std::io::stderr().is_terminal(),
            bar: None,
            begun: now,
            last_line: now,
            last_done: 0,
        }
    }

    /// Draws the bar from the beginning, for work that is known to be long.
    pub(crate) fn drawn(mut self, total: u64) -> Self {
        self.draw(total);
        self
    }

    /// Says one thing that happened.
    pub(crate) fn say(&self, texts: Texts) {
        self.line(self.lang.pick(texts));
    }

    /// Returns the language that progress is shown in.
    pub(crate) const fn lang(&self) -> Lang {
        self.lang
    }

    /// Shows how much is done, of how much; `line` says it where no bar can be drawn.
    pub(crate) fn show(&mut self, done: u64, total: u64, line: impl FnOnce() -> String) {
        if self.bar.is_none() && self.begun.elapsed() >= LONG {
            self.draw(total);
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            return;
        }
        let every = if done == self.last_done { STILL_LINE_EVERY } else { LINE_EVERY };
        if !self.on_terminal && self.last_line.elapsed() >= every {
            self.last_line = Instant::now();
            self.last_done = done;
            eprintln!("{}", line());
        }
    }

    /// Shows how many steps are done, of how many.
    pub(crate) fn step(&mut self, done: usize, total: usize) {
        let count = |steps: usize| u64::try_from(steps).unwrap_or(u64::MAX);
        let what = self.lang.pick(self.what);
        self.show(count(done), count(total), || format!("{what} {done}/{total}"));
    }

    /// Writes a line above the bar.
    pub(crate) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    fn draw(&mut self, total: u64) {
        if !self.on_terminal {
            return;
        }
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(self.lang.pick(self.what));
        bar.enable_steady_tick(Duration::from_millis(200));
        self.bar = Some(bar);
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
