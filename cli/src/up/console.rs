//! What `up` says while it runs: lines for a person on standard error, or events for a program on standard output.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant};

use dougong_values::{BeijingTime, SchemeId};
use serde_json::{Value, json};

use super::check::Checked;
use super::folder::DataFolder;
use super::heard::{Accepted, Compared, Delivered, Heard, Pulled, Swept};
use super::words;
use crate::arguments::UpArguments;
use crate::lang::Lang;

/// The same problem is not said again so soon.
const SAID_FOR: Duration = Duration::from_mins(10);
/// How long the database has to write again before that is said.
const RECOVERED_AFTER: Duration = Duration::from_secs(5);
/// While the queue is long, progress is said so often.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);

/// The console, in the form that was asked for.
#[derive(Debug)]
pub(super) struct Console {
    lang: Lang,
    form: Form,
    /// What was delivered and not said yet.
    delivered: Delivered,
    parked: BTreeMap<String, u64>,
    /// What was pushed and not said yet.
    accepted: Accepted,
    last_progress: Instant,
    /// Schemes whose pull was said: the first shows that it works, later ones only what they found.
    pulled: BTreeSet<String>,
    problems: BTreeMap<String, Instant>,
    dead_letters: u64,
    /// While the database is in trouble: when it may be said to be out of it.
    in_trouble_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Everything, for a person.
    Lines,
    /// Problems only.
    Quiet,
    /// Everything, one JSON object a line.
    Json,
}

impl Console {
    pub(super) fn new(lang: Lang, options: &UpArguments) -> Self {
        let form = match (options.json, options.quiet) {
            (true, _) => Form::Json,
            (false, true) => Form::Quiet,
            (false, false) => Form::Lines,
        };
        Self {
            lang,
            form,
            delivered: Delivered::default(),
            parked: BTreeMap::new(),
            accepted: Accepted::default(),
            last_progress: Instant::now(),
            pulled: BTreeSet::new(),
            problems: BTreeMap::new(),
            dead_letters: 0,
            in_trouble_until: None,
        }
    }

    /// Says that everything runs.
    pub(super) fn started(
        &self,
        checked: &Checked,
        options: &UpArguments,
        folder: &DataFolder,
        put_back: usize,
        store_url: Option<&str>,
    ) {
        let schemes: Vec<&str> = checked.config.schemes.keys().map(SchemeId::as_str).collect();
        let tenant = checked.config.tenant.to_string();
        self.event("started", || {
            let (every_seconds, data) = (options.every.as_secs(), folder.path());
            let pid = std::process::id();
            json!({ "tenant": tenant, "schemes": schemes, "every_seconds": every_seconds, "data": data, "pid": pid,
                    "messages_put_back": put_back, "store_url": store_url })
        });
        self.line(|lang| words::started(lang, &tenant, &schemes, options, folder));
        if let Some(url) = store_url {
            let downloads = checked.config.bill_schemes.iter().filter(|(_, scheme)| scheme.source.download);
            let downloads: Vec<&str> = downloads.map(|(id, _)| id.as_str()).collect();
            self.line(|lang| words::taking_pushes(lang, url, &downloads, options));
        }
        if put_back > 0 {
            self.line(|lang| words::put_back(lang, put_back));
        }
    }

    /// Says where the page is, or how there would be one.
    pub(super) fn page(&self, url: Option<&str>) {
        self.event("page", || json!({ "url": url }));
        self.line(|lang| words::page(lang, url));
    }

    /// Says or remembers what a function said.
    pub(super) fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Pulled(pulled) => self.hear_pulled(&pulled),
            Heard::Delivered(delivered) => self.delivered.add(&delivered),
            Heard::Accepted(accepted) => self.accepted.add(&accepted),
            Heard::Swept(swept) => self.hear_swept(&swept),
            Heard::Compared(compared) => self.hear_compared(&compared),
            Heard::Parked { reason } => *self.parked.entry(reason).or_default() += 1,
            Heard::Problem(problem) => self.problem(&problem, None),
        }
    }

    fn hear_pulled(&mut self, pulled: &Pulled) {
        self.event("pulled", || json!(pulled));
        let first = pulled.windows > 0 && self.pulled.insert(pulled.scheme.clone());
        if first || pulled.queued + pulled.parked > 0 {
            self.line(|lang| words::pulled(lang, pulled));
        }
    }

    fn hear_swept(&mut self, swept: &Swept) {
        self.event("swept", || json!(swept));
        if swept.sent_again > 0 {
            self.line(|lang| words::sent_again(lang, swept.sent_again));
        }
        let first = swept.rows > 0 && self.pulled.insert(swept.scheme.clone());
        if first || swept.queued + swept.parked > 0 {
            self.line(|lang| words::swept(lang, swept));
        }
    }

    fn hear_compared(&self, compared: &Compared) {
        // All schemes together say nothing that each has not said.
        if compared.scheme == "all" {
            return;
        }
        self.event("compared", || json!(compared));
        self.line(|lang| words::compared(lang, compared));
    }

    /// Says what was pushed since the last time.
    fn say_accepted(&mut self) {
        if self.accepted == Accepted::default() {
            return;
        }
        let accepted = std::mem::take(&mut self.accepted);
        self.event("accepted", || json!(accepted));
        self.line(|lang| words::accepted(lang, &accepted));
    }

    /// Says what was delivered since the last time, when the queue is empty or every now and then; and that there are
    /// dead letters.
    pub(super) fn sum_up(&mut self, waiting: u64, dead: u64) {
        self.say_accepted();
        let quiet = self.delivered == Delivered::default() && self.parked.is_empty();
        if !quiet
            && (waiting == 0 || self.form == Form::Json || self.last_progress.elapsed() >= PROGRESS_EVERY)
        {
            self.last_progress = Instant::now();
            self.say_delivered(waiting);
        }
        if dead > self.dead_letters {
            self.problem(&words::dead_letters(self.lang, dead), None);
        }
        self.dead_letters = dead;
    }

    fn say_delivered(&mut self, waiting: u64) {
        let delivered = std::mem::take(&mut self.delivered);
        let parked = std::mem::take(&mut self.parked);
        self.event("delivered", || {
            let mut event = json!(delivered);
            event["waiting"] = Value::from(waiting);
            event["reasons"] = json!(parked);
            event
        });
        self.line(|lang| words::delivered(lang, &delivered, waiting));
        for (reason, orders) in parked.into_iter().filter(|_| self.form != Form::Json) {
            // Quiet or not: a person is needed.
            say(&words::parked(self.lang, &reason, orders));
        }
    }

    /// Says that the database cannot write.
    pub(super) fn trouble(&mut self, trouble: &str, folder: &DataFolder) {
        let hint = words::database_hint(self.lang, folder);
        self.problem(&words::database_trouble(self.lang, trouble), Some(&hint));
        self.in_trouble_until = Some(Instant::now() + RECOVERED_AFTER);
    }

    /// Says that the database writes again, once it has done so for a while: on a nearly full disk one write may pass
    /// where the next does not.
    pub(super) fn no_trouble(&mut self) {
        if self.in_trouble_until.take_if(|until| *until <= Instant::now()).is_some() {
            // The next trouble is news.
            self.problems.clear();
            self.event("recovered", || json!({}));
            self.line(words::database_again);
        }
    }

    /// Says something that may have to be mended, not more often than every ten minutes.
    fn problem(&mut self, problem: &str, hint: Option<&str>) {
        self.problems.retain(|_, said| said.elapsed() < SAID_FOR);
        if self.problems.insert(problem.to_owned(), Instant::now()).is_some() {
            return;
        }
        self.event("problem", || json!({ "problem": problem, "hint": hint }));
        if self.form != Form::Json {
            let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            say(&format!("{}{hint}", words::problem(self.lang, problem)));
        }
    }

    /// Says something that is good to know.
    pub(super) fn note(&self, words: String) {
        self.event("note", || json!({ "note": words }));
        self.line(|_| words);
    }

    /// Says that a signal came.
    pub(super) fn stopping(&self, grace: Duration) {
        self.event("stopping", || json!({ "grace_seconds": grace.as_secs() }));
        self.line(|lang| words::stopping(lang, grace.as_secs()));
    }

    /// Says the last that there is to say.
    pub(super) fn stopped(&mut self) {
        self.say_accepted();
        if self.delivered != Delivered::default() || !self.parked.is_empty() {
            self.say_delivered(0);
        }
        self.event("stopped", || json!({}));
        self.line(words::stopped);
    }

    fn line(&self, words: impl FnOnce(Lang) -> String) {
        if self.form == Form::Lines {
            say(&words(self.lang));
        }
    }

    fn event(&self, name: &'static str, fields: impl FnOnce() -> Value) {
        if self.form == Form::Json {
            let mut event = fields();
            event["event"] = Value::from(name);
            event["at"] = Value::from(BeijingTime::now().to_string());
            let mut out = std::io::stdout().lock();
            // Nobody reads any more: the work goes on, and the log has it.
            let _ = writeln!(out, "{event}").and_then(|()| out.flush());
        }
    }
}

fn say(words: &str) {
    // As above: a terminal that is gone ends nothing.
    let _ = writeln!(std::io::stderr(), "{} {words}", BeijingTime::now());
}
