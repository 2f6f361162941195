#![doc = include_str!("../README.md")]

mod advice;
mod backfill;
mod becoming;
mod chinese;
mod doctor;
mod documents;
mod letters;
mod overview;
mod pace;
mod reasons;
mod reconcile;
mod replay;
mod status;
mod story;
mod watermarks;

use std::time::Duration;

use dougong_bip::CallError;
use dougong_ledger::{Action, Ledger, LedgerError};
use dougong_queue::{SendError, TendError};
use dougong_runtime::{Parts, Reached, StartError, epoch_ms};
use dougong_store::CallClass;
use dougong_values::{BeijingTime, BusinessDay, DocumentKey};
use dougong_wdt::ErrorClass;

pub use advice::{Advice, Next};
pub use backfill::{PullPreview, PullSpan, Pulled};
pub use becoming::{Field, Kept, Outcome, document, fields, outcome, source_fields};
pub use chinese::{Sentences, in_chinese, problem_in_chinese, translated};
pub use doctor::{Checkup, Finding, Part};
pub use documents::{Filter, Listed, Place, Row};
pub use letters::{Letter, Letters};
pub use overview::{DayOf, Mark, MarksOf, NeedGroup, Needs, Overview};
pub use pace::{PaceStatus, Paused, System};
pub use reasons::{ReasonWords, Texts, exclusion, reason};
pub use reconcile::{
    Asked, Difference, DifferenceKind, KeptDay, KeptDays, PlaceSum, Reconciler, Reconciliation, SettledBy,
    ShopSum, SourceSide, Sum, Summary,
};
pub use replay::{Becomes, Preview, Replayed, Sent, Settled};
pub use status::{Health, QueueStatus, ReasonCount, SchemeStatus, Status};
pub use story::{Deed, HeldVersion, InWindow, Merging, Story, standing};
pub use watermarks::{Explained, WatermarkStatus, WindowRow};

/// What went wrong with a question or a deed of an operator.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A queue could not be looked at.
    #[error(transparent)]
    Queue(#[from] TendError),
    /// Not every message got into the queue. What is queued in the ledger and has no message gets one from `sweep`, or when
    /// it is sent again.
    #[error("not everything could be sent: do the same again")]
    Send(#[source] Box<SendError>),
    /// The secrets are needed for this, and cannot be read.
    #[error("this needs the secrets: {problem}")]
    NoSecrets {
        /// Why they cannot be read.
        problem: String,
    },
    /// A client of an outside system cannot be built.
    #[error("{problem}")]
    Start {
        /// What is wrong with settings or secrets.
        problem: String,
    },
    /// WDT does not answer a question.
    #[error("WDT does not answer")]
    Wdt(#[source] Box<dougong_wdt::QueryError>),
    /// BIP does not answer a question.
    #[error("BIP does not answer")]
    Bip(#[source] Box<dougong_bip::CallError>),
    /// The store system does not answer a question.
    #[error("the store system does not answer")]
    Store(#[source] Box<dougong_store::CallError>),
    /// The configuration has no store system.
    #[error("the configuration has no store system")]
    NoStore,
    /// A day that has not begun cannot be reconciled.
    #[error("{day} is still to come")]
    StillToCome {
        /// The day.
        day: BusinessDay,
    },
    /// The ledger has no room for a result, however much is left out of it.
    #[error("the result is too large to be kept")]
    TooLargeToKeep,
    /// A kept result cannot be read.
    #[error("the kept result cannot be read; reconcile the day again")]
    DamagedResult,
    /// There is no slot for a call.
    #[error("no call can be made now: {reason}")]
    NoSlot {
        /// Why.
        reason: String,
    },
    /// A time ends before it begins.
    #[error("{to} is before {from}")]
    EndsBeforeItBegins {
        /// The first second.
        from: BeijingTime,
        /// The last.
        to: BeijingTime,
    },
    /// A watermark in the future would leave out what comes until then.
    #[error("{time} is in the future")]
    InTheFuture {
        /// The time.
        time: BeijingTime,
    },
    /// The configuration has no such scheme.
    #[error("the configuration has no scheme {name} (hint: it has {known})")]
    NoScheme {
        /// The name that was given.
        name: String,
        /// The names there are.
        known: String,
    },
}

impl OperateError {
    /// Returns the stable name, for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ledger(error) => error.name(),
            Self::Queue(_) | Self::Send(_) => "queue_unavailable",
            Self::NoSecrets { .. } => "no_secrets",
            Self::Start { .. } => "misconfigured",
            Self::Wdt(_) => "wdt_unavailable",
            Self::Bip(_) => "bip_unavailable",
            Self::Store(_) => "store_unavailable",
            Self::NoStore => "no_store",
            Self::StillToCome { .. } => "still_to_come",
            Self::TooLargeToKeep => "too_large",
            Self::DamagedResult => "damaged_result",
            Self::NoSlot { .. } => "no_slot",
            Self::EndsBeforeItBegins { .. } => "ends_before_it_begins",
            Self::InTheFuture { .. } => "in_the_future",
            Self::NoScheme { .. } => "unknown_scheme",
        }
    }

    /// Returns after which time the same may be asked again, where what went wrong passes by itself.
    fn passes(&self) -> Option<Duration> {
        let soon = Duration::from_secs(2);
        match self {
            Self::Wdt(error) => match error.class() {
                ErrorClass::RetryAfter(pause) => Some(pause),
                ErrorClass::ShrinkWindow | ErrorClass::Misconfigured | ErrorClass::Refused => None,
            },
            // Asking changes nothing there, so that what may have arrived may be asked again.
            Self::Bip(error) => {
                let passes = matches!(
                    **error,
                    CallError::Busy { .. } | CallError::Unknown { .. } | CallError::NotSent { .. }
                );
                passes.then_some(soon)
            }
            Self::Store(error) => {
                matches!(error.class(), CallClass::Retry | CallClass::Unknown).then_some(soon)
            }
            _ => None,
        }
    }

    fn start(error: &StartError) -> Self {
        Self::Start { problem: error.problems.join("; ") }
    }
}

/// A person at a system: asks, and does what leaves a trace under their name.
#[derive(Debug, Clone)]
pub struct Operator {
    system: Reached,
    name: String,
}

impl Operator {
    /// Takes a system that was reached, and the name of the person; it is cut to 64 characters without control ones.
    pub fn new(system: Reached, name: &str) -> Self {
        let clean: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
        let name = if clean.trim().is_empty() { "unnamed".to_owned() } else { clean.trim().to_owned() };
        Self { system, name }
    }

    /// Returns the system.
    pub const fn system(&self) -> &Reached {
        &self.system
    }

    /// Returns the person's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    const fn ledger(&self) -> &Ledger {
        &self.system.ledger
    }

    /// Returns what a function works with, the secrets among it.
    fn parts(&self) -> Result<Parts, OperateError> {
        if let Err(problem) = &self.system.secrets {
            return Err(OperateError::NoSecrets { problem: problem.clone() });
        }
        self.system.parts().map_err(|error| OperateError::start(&error))
    }

    /// Writes down what is about to be done.
    async fn note(
        &self,
        what: &str,
        subject: impl Into<String>,
        words: Option<String>,
    ) -> Result<(), OperateError> {
        let (subject, actor) = (subject.into(), self.name.clone());
        let action = Action { at_ms: epoch_ms(), actor, what: what.to_owned(), subject, words };
        Ok(self.ledger().note_action(&action).await?)
    }

    /// Lists what was done on a day, the latest first; two hundred at most.
    pub async fn deeds_on(&self, day: BusinessDay) -> Result<Vec<Deed>, OperateError> {
        let first = self.ledger().actions_on(day, None).await?;
        let mut deeds = first.rows;
        if first.next.is_some() {
            deeds.extend(self.ledger().actions_on(day, first.next).await?.rows);
        }
        Ok(deeds.into_iter().map(Deed::from).collect())
    }

    /// Finds the document that a person means: its key, or the id of a stockout of the configured account.
    pub fn key(&self, text: &str) -> Option<DocumentKey> {
        let text = text.trim();
        if text.contains('#') {
            return text.parse().ok();
        }
        let sid = self.system.config.wdt.sid();
        text.parse().ok().map(|id| DocumentKey::stockout(sid, &id))
    }
}

/// Returns the Beijing time of milliseconds since the epoch.
fn at(ms: i64) -> BeijingTime {
    BeijingTime::from_epoch_seconds(ms.div_euclid(1_000)).unwrap_or_else(BeijingTime::now)
}

/// Returns the day so many days after another one.
fn day_after(day: BusinessDay, days: i64) -> BusinessDay {
    day.plus_days(days)
}
