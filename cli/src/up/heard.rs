//! What the functions say that a person should hear.

use dougong_cloud::{LogLine, LogSource};
use serde::Deserialize;

use crate::lines::is_structured;

/// Something worth saying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// A run of `pull` ended well.
    Pulled(Pulled),
    /// A batch of `deliver` ended.
    Delivered(Delivered),
    /// A push was answered.
    Accepted(Accepted),
    /// A run of `sweep` ended well.
    Swept(Swept),
    /// A scheme's day was reconciled.
    Compared(Compared),
    /// A document waits for a person.
    Parked {
        /// The stable name of the reason.
        reason: String,
    },
    /// Something is wrong that does not pass by itself, or may not.
    Problem(String),
}

/// What a run of `pull` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub(super) struct Pulled {
    pub(super) scheme: String,
    /// Finished windows; none when another run was at it, or nothing was to be read.
    pub(super) windows: u64,
    pub(super) rows: u64,
    pub(super) queued: u64,
    pub(super) known: u64,
    pub(super) excluded: u64,
    pub(super) parked: u64,
}

/// What became of pushes: of one, or of several together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub(super) struct Accepted {
    pub(super) pushes: u64,
    pub(super) queued: u64,
    pub(super) known: u64,
    pub(super) parked: u64,
    /// Pushes of somebody who did not prove to be the store system.
    pub(super) refused: u64,
    /// Pushes that were not understood.
    pub(super) malformed: u64,
    pub(super) unknown_commands: u64,
    /// Pushes that could not be stored, and come again.
    pub(super) unavailable: u64,
}

impl Accepted {
    pub(super) fn add(&mut self, other: &Self) {
        self.pushes += other.pushes;
        self.queued += other.queued;
        self.known += other.known;
        self.parked += other.parked;
        self.refused += other.refused;
        self.malformed += other.malformed;
        self.unknown_commands += other.unknown_commands;
        self.unavailable += other.unavailable;
    }
}

/// What a run of `sweep` did: of a scheme, or of all when it looked for stuck documents or compared ways of paying.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub(super) struct Swept {
    pub(super) scheme: String,
    pub(super) rows: u64,
    pub(super) queued: u64,
    pub(super) known: u64,
    pub(super) parked: u64,
    /// Stuck documents that have a message again.
    pub(super) sent_again: u64,
    /// Ways of paying that `payments.csv` lacks.
    pub(super) payments_missing: u64,
}

/// What reconciling a scheme's day came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub(super) struct Compared {
    pub(super) scheme: String,
    pub(super) documents: u64,
    pub(super) differences: u64,
}

/// What became of messages: of one batch, or of several together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub(super) struct Delivered {
    pub(super) posted: u64,
    pub(super) already_posted: u64,
    pub(super) parked: u64,
    pub(super) unknown: u64,
    pub(super) throttled: u64,
    pub(super) misconfigured: u64,
    pub(super) dead_lettered: u64,
}

impl Delivered {
    pub(super) fn add(&mut self, other: &Self) {
        self.posted += other.posted;
        self.already_posted += other.already_posted;
        self.parked += other.parked;
        self.unknown += other.unknown;
        self.throttled += other.throttled;
        self.misconfigured += other.misconfigured;
        self.dead_lettered += other.dead_lettered;
    }
}

/// The fields of a log line that are of interest (`docs/logging.md`).
#[derive(Deserialize)]
struct Logged {
    level: String,
    message: Option<String>,
    error: Option<String>,
    reason: Option<String>,
    document: Option<String>,
    target: Option<String>,
}

impl Heard {
    /// Finds it in a line of a function, or of the function host.
    pub(super) fn in_line(line: &LogLine) -> Option<Self> {
        if !is_structured(line) {
            return Some(Self::Problem(format!("{}: {}", line.function, unstructured(line))));
        }
        let text = line.text.as_str();
        if text.starts_with("{\"_aws\"") {
            return match &*line.function {
                "pull" => serde_json::from_str(text).ok().map(Self::Pulled),
                "accept" => serde_json::from_str(text).ok().map(Self::Accepted),
                "sweep" => serde_json::from_str(text).ok().map(Self::Swept),
                "reconcile" => serde_json::from_str(text).ok().map(Self::Compared),
                _ => serde_json::from_str(text).ok().map(Self::Delivered),
            };
        }
        // Most lines are of no interest: do not read them for nothing.
        if !text.contains("\"parked\"") && !text.contains("\"ERROR\"") {
            return None;
        }
        let logged: Logged = serde_json::from_str(text).ok()?;
        let message = logged.message.unwrap_or_default();
        if message == "parked" {
            return Some(Self::Parked { reason: logged.reason.unwrap_or_default() });
        }
        // What fails an event the host says, too, and in clearer words than the runtime.
        let of_runtime = logged.target.is_some_and(|target| target.starts_with("lambda_runtime"));
        if logged.level != "ERROR" || of_runtime {
            return None;
        }
        let mut words = format!("{}: {message}", line.function);
        for more in [logged.reason, logged.document, logged.error].into_iter().flatten() {
            words.push_str(": ");
            words.push_str(&more);
        }
        Some(Self::Problem(words))
    }
}

/// Returns a line without its request's id, which differs each time.
fn unstructured(line: &LogLine) -> &str {
    let text = line.text.as_str();
    let without = text.strip_prefix("RequestId: ").and_then(|rest| rest.split_once(' '));
    match (line.source, without) {
        (LogSource::Platform, Some((_id, rest))) => rest.trim_start_matches("Error: "),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn heard(function: &str, source: LogSource, text: &str) -> Option<Heard> {
        let (function, text) = (Arc::from(function), text.to_owned());
        Heard::in_line(&LogLine { function, environment: 1, request_id: None, source, text })
    }

    #[test]
    fn metrics_parked_documents_errors_and_crashes_are_heard() {
        let of_pull =
            r#"{"_aws":{},"function":"pull","scheme":"online-sales","rows":7,"queued":5,"known":2}"#;
        let pulled =
            Pulled { scheme: "online-sales".into(), rows: 7, queued: 5, known: 2, ..Pulled::default() };
        assert_eq!(heard("pull", LogSource::Stdout, of_pull), Some(Heard::Pulled(pulled)));

        let of_deliver =
            r#"{"_aws":{},"function":"deliver","scheme":"all","posted":9,"parked":1,"delayed":3}"#;
        let delivered = Delivered { posted: 9, parked: 1, ..Delivered::default() };
        assert_eq!(heard("deliver", LogSource::Stdout, of_deliver), Some(Heard::Delivered(delivered)));

        let of_accept = r#"{"_aws":{},"function":"accept","scheme":"all","pushes":1,"queued":2}"#;
        let accepted = Accepted { pushes: 1, queued: 2, ..Accepted::default() };
        assert_eq!(heard("accept", LogSource::Stdout, of_accept), Some(Heard::Accepted(accepted)));

        let of_sweep = r#"{"_aws":{},"function":"sweep","scheme":"all","stuck":1,"sent_again":1}"#;
        let swept = Swept { scheme: "all".into(), sent_again: 1, ..Swept::default() };
        assert_eq!(heard("sweep", LogSource::Stdout, of_sweep), Some(Heard::Swept(swept)));

        let of_reconcile =
            r#"{"_aws":{},"function":"reconcile","scheme":"returned","differences":2,"documents":5}"#;
        let compared = Compared { scheme: "returned".into(), documents: 5, differences: 2 };
        assert_eq!(heard("reconcile", LogSource::Stdout, of_reconcile), Some(Heard::Compared(compared)));

        let parked =
            r#"{"level":"WARN","message":"parked","document":"stockout#s#1","reason":"unknown_goods"}"#;
        let reason = "unknown_goods".to_owned();
        assert_eq!(heard("deliver", LogSource::Stdout, parked), Some(Heard::Parked { reason }));

        let paused =
            r#"{"level":"ERROR","message":"calls to BIP are paused","reason":"310005","until_ms":1}"#;
        let problem = Heard::Problem("deliver: calls to BIP are paused: 310005".to_owned());
        assert_eq!(heard("deliver", LogSource::Stdout, paused), Some(problem));

        let crash = "RequestId: 0f8e Error: the process ended during the event (signal: 9)";
        let problem = Heard::Problem("pull: the process ended during the event (signal: 9)".to_owned());
        assert_eq!(heard("pull", LogSource::Platform, crash), Some(problem));

        let failed = r#"{"level":"ERROR","message":"Diagnostic { .. }","target":"lambda_runtime::layers"}"#;
        assert_eq!(heard("pull", LogSource::Stdout, failed), None);

        let routine = r#"{"level":"INFO","message":"window done","rows":7}"#;
        assert_eq!(heard("pull", LogSource::Stdout, routine), None);
    }
}
