//! Days and schemes, one after another: each whole or not at all, and none in another one's way.

use std::time::{Duration, Instant};

use dougong_operate::{Asked, OperateError, Operator, Reconciler, Reconciliation};
use dougong_runtime::{Deadline, Metrics, Unit, with_causes};
use dougong_values::{BeijingTime, BusinessDay, SchemeId};
use serde::Serialize;
use serde_json::Value;
use tracing::{debug, error, info, warn};

use crate::NAME;
use crate::event::{InvalidEvent, Request};

/// Kept back of the invocation's time for saying what is missing.
const WIND_UP: Duration = Duration::from_secs(5);

/// What reconciling a day came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The scheme.
    pub scheme: SchemeId,
    /// The business day.
    pub day: BusinessDay,
    /// Documents that were to be booked.
    pub documents: u64,
    /// Differences between source, ledger and BIP.
    pub differences: u64,
}

/// The function's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Each scheme and day that was compared.
    pub compared: Vec<Compared>,
}

/// Why the function failed.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The event asks for nothing that can be done.
    #[error(transparent)]
    Event(#[from] InvalidEvent),
    /// Nothing can be compared at all.
    #[error("nothing was compared")]
    Operate(#[from] OperateError),
    /// Some are compared and kept, others are not.
    #[error("not compared: {}", missing.join("; "))]
    Missing {
        /// Scheme, day and why, one each.
        missing: Vec<String>,
    },
    /// The time of the invocation is up.
    #[error("the time is up before these were compared: {}\nhint: a command has no such limit: dougong reconcile --day {day} --scheme {scheme}", missing.join("; "))]
    OutOfTime {
        /// Scheme and day, one each, and what was missing before.
        missing: Vec<String>,
        /// The first of these days.
        day: BusinessDay,
        /// Its scheme.
        scheme: SchemeId,
    },
}

impl ReconcileError {
    /// Returns the stable name, for logs and the function's error type.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "invalid_event",
            Self::Operate(source) => source.name(),
            Self::Missing { .. } => "not_compared",
            Self::OutOfTime { .. } => "out_of_time",
        }
    }
}

/// Compares what the event asks for, and keeps each result.
pub(crate) async fn reconcile(
    operator: &Operator,
    event: Value,
    deadline: Deadline,
) -> Result<Summary, ReconcileError> {
    let Request { scheme, days } = Request::read(event, BeijingTime::now().day())?;
    let schemes = match scheme {
        Some(named) => vec![operator.scheme(Some(&named))?],
        None => operator.reconciled_schemes(),
    };
    let end = tokio::time::Instant::now() + deadline.left_after(WIND_UP);
    let heard = |asked: Asked| {
        let Asked { system, done, all } = asked;
        debug!(system = system.as_str(), done, all, "asked");
    };
    let reconciler = tokio::time::timeout_at(end, operator.reconciler(NAME, heard)).await;
    let all: Vec<(BusinessDay, &SchemeId)> =
        days.iter().flat_map(|day| schemes.iter().map(move |scheme| (*day, scheme))).collect();
    let Ok(reconciler) = reconciler else { return Err(out_of_time(Vec::new(), &all)) };
    through(reconciler?, &all, end).await
}

async fn through(
    mut reconciler: Reconciler<'_>,
    all: &[(BusinessDay, &SchemeId)],
    end: tokio::time::Instant,
) -> Result<Summary, ReconcileError> {
    let (began, mut summary, mut missing) = (Instant::now(), Summary::default(), Vec::new());
    for (index, &(day, scheme)) in all.iter().enumerate() {
        let started = Instant::now();
        match tokio::time::timeout_at(end, Box::pin(reconciler.reconcile(scheme, day))).await {
            Ok(Ok(found)) => summary.compared.push(told(&found, started)),
            Ok(Err(problem)) => {
                let (name, words) = (problem.name(), with_causes(&problem));
                error!(%scheme, %day, error = name, detail = words, "a day was not compared");
                missing.push(format!("{scheme} {day} ({name}: {words})"));
            }
            Err(_) => {
                let left = all.get(index..).unwrap_or_default();
                measure("all", &summary.compared, missing.len() + left.len(), began);
                return Err(out_of_time(missing, left));
            }
        }
    }
    measure("all", &summary.compared, missing.len(), began);
    if missing.is_empty() { Ok(summary) } else { Err(ReconcileError::Missing { missing }) }
}

fn out_of_time(mut missing: Vec<String>, left: &[(BusinessDay, &SchemeId)]) -> ReconcileError {
    missing.extend(left.iter().map(|(day, scheme)| format!("{scheme} {day}")));
    match left.first() {
        Some(&(day, scheme)) => ReconcileError::OutOfTime { missing, day, scheme: scheme.clone() },
        None => ReconcileError::Missing { missing },
    }
}

/// Writes down what reconciling a day came to, without a word of any document.
fn told(found: &Reconciliation, started: Instant) -> Compared {
    let Reconciliation { scheme, day, difference_count: differences, .. } = found;
    let documents = found.summary().reported.count;
    if *differences == 0 {
        info!(%scheme, %day, documents, differences, "a day was compared");
    } else {
        warn!(%scheme, %day, documents, differences, "a day was compared, and differs");
    }
    let compared = Compared { scheme: scheme.clone(), day: *day, documents, differences: *differences };
    measure(scheme.as_str(), std::slice::from_ref(&compared), 0, started);
    compared
}

/// Writes the metrics of a scheme's day, or of everything together: what the alarms look at.
fn measure(scheme: &str, compared: &[Compared], missing: usize, started: Instant) {
    let sum =
        |of: fn(&Compared) -> u64| i64::try_from(compared.iter().map(of).sum::<u64>()).unwrap_or(i64::MAX);
    let mut metrics = Metrics::new(NAME, scheme);
    metrics.add("differences", Unit::Count, sum(|one| one.differences));
    metrics.add("documents", Unit::Count, sum(|one| one.documents));
    metrics.add("missing", Unit::Count, i64::try_from(missing).unwrap_or(i64::MAX));
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}
