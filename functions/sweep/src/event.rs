//! What starts a sweep: a schedule's event, or an operator's.

use dougong_values::{BeijingTime, DocumentKey, DocumentKind, SchemeId, Window};
use serde::Deserialize;
use serde_json::Value;

/// How long nobody may have touched an open document before it counts as stuck: longer than any message waits.
const OLDER_THAN_MINUTES: u32 = 6 * 60;
/// The most that may be asked for: a message lives 14 days.
const MOST_MINUTES: u32 = 14 * 24 * 60;
/// The business days that are looked through for stuck documents, today included.
const DAYS: u32 = 30;
const MOST_DAYS: u32 = 400;

/// An event that asks for nothing we could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is no request for a sweep: {}\nhint: send {{\"scheme\":\"declares\"}}, with \"from\" and \"to\" (yyyy-MM-dd) for a backfill or with \"take_back\":[\"<buid>\"] to have bills of a batch handed out again; or {{\"job\":\"stuck\"}}, {{\"job\":\"payments\"}}, {{\"job\":\"close\"}}, {{\"job\":\"dissolve\",\"part\":\"merged#…\"}}", problems.join("; "))]
pub struct InvalidEvent {
    /// Everything that is wrong with it.
    pub problems: Vec<String>,
}

/// A request for a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Download the bills of a scheme from its watermark to now (the schedule's event).
    Download {
        /// The scheme.
        scheme: SchemeId,
    },
    /// Download the bills of some days, with a cursor of its own.
    Backfill {
        /// The scheme.
        scheme: SchemeId,
        /// The days, whole.
        window: Window,
    },
    /// Ask the store system to hand bills out again (`AchieveRetQueryTransferringOrderInfo`).
    TakeBack {
        /// The scheme.
        scheme: SchemeId,
        /// The bills' ids there; never empty, which might mean all of them.
        buids: Vec<String>,
    },
    /// Send documents again whose message may be gone.
    Stuck {
        /// For how long nobody has touched them.
        older_than_minutes: u32,
        /// The business days to look through, today included.
        days: u32,
    },
    /// Compare the store system's payment methods with `payments.csv`.
    Payments,
    /// Put the orders together that wait to be merged and are due.
    Close {
        /// Whether those are put together, too, that are not due yet.
        early: bool,
    },
    /// Give up a parked merged voucher, so that its orders are put together anew.
    Dissolve {
        /// The merged voucher.
        part: DocumentKey,
    },
}

const JOBS: [&str; 4] = ["stuck", "payments", "close", "dissolve"];

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawEvent {
    scheme: Value,
    from: Value,
    to: Value,
    take_back: Value,
    job: Value,
    older_than_minutes: Value,
    days: Value,
    early: Value,
    part: Value,
}

impl Request {
    /// Reads an event; other keys than a request's own, such as EventBridge's, are left alone.
    pub fn read(event: Value) -> Result<Self, InvalidEvent> {
        let mut reader = Reader { problems: Vec::new() };
        // Serde would read an array as the fields in their order.
        let object = Some(event).filter(Value::is_object);
        let raw: Option<RawEvent> = object.and_then(|event| serde_json::from_value(event).ok());
        let raw = raw.unwrap_or_else(|| {
            reader.problems.push("it is no JSON object".to_owned());
            RawEvent::default()
        });
        let request = match (&raw.scheme, &raw.job) {
            (Value::Null, Value::Null) => {
                reader.problems.push("neither scheme nor job is there".to_owned());
                None
            }
            (_, Value::Null) => reader.of_scheme(&raw),
            (Value::Null, _) => reader.job(&raw),
            _ => {
                reader.problems.push("scheme and job are both there".to_owned());
                None
            }
        };
        match request {
            Some(request) if reader.problems.is_empty() => Ok(request),
            _ => Err(InvalidEvent { problems: reader.problems }),
        }
    }
}

/// Reads an event key by key and collects what is wrong.
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn of_scheme(&mut self, raw: &RawEvent) -> Option<Request> {
        let scheme = if let Value::String(text) = &raw.scheme {
            text.parse().map_err(|error| self.problems.push(format!("scheme: {error}"))).ok()
        } else {
            self.problems.push("scheme is no text".to_owned());
            None
        };
        let (from, to) = (self.day("from", &raw.from), self.day("to", &raw.to));
        let buids = self.buids(&raw.take_back);
        self.unwanted(&[("older_than_minutes", &raw.older_than_minutes), ("days", &raw.days)], "job");
        self.unwanted(&[("early", &raw.early), ("part", &raw.part)], "job");
        let backfill = !(raw.from.is_null() && raw.to.is_null());
        if backfill && !raw.take_back.is_null() {
            self.problems.push("take_back goes without from and to".to_owned());
        }
        if backfill && (raw.from.is_null() || raw.to.is_null()) {
            self.problems.push("a backfill needs both from and to".to_owned());
        }
        let scheme = scheme?;
        if !raw.take_back.is_null() {
            return Some(Request::TakeBack { scheme, buids: buids? });
        }
        if !backfill {
            return Some(Request::Download { scheme });
        }
        // Whole days: the store system asks by the day.
        match Window::new(from?.day().start(), to?.day().start().plus_seconds(86_399)) {
            Ok(window) => Some(Request::Backfill { scheme, window }),
            Err(error) => {
                self.problems.push(error.to_string());
                None
            }
        }
    }

    fn job(&mut self, raw: &RawEvent) -> Option<Request> {
        self.unwanted(&[("from", &raw.from), ("to", &raw.to), ("take_back", &raw.take_back)], "scheme");
        let minutes = self.whole("older_than_minutes", &raw.older_than_minutes, MOST_MINUTES);
        let days = self.whole("days", &raw.days, MOST_DAYS);
        let job = raw.job.as_str();
        let of_jobs = [
            ("older_than_minutes", &raw.older_than_minutes, "stuck"),
            ("days", &raw.days, "stuck"),
            ("early", &raw.early, "close"),
            ("part", &raw.part, "dissolve"),
        ];
        if job.is_some_and(|job| JOBS.contains(&job)) {
            for (name, value, of) in of_jobs.into_iter().filter(|(.., of)| job != Some(of)) {
                self.unwanted(&[(name, value)], &format!("the job {of}"));
            }
        }
        match job {
            Some("stuck") => Some(Request::Stuck {
                older_than_minutes: minutes.unwrap_or(OLDER_THAN_MINUTES),
                days: days.unwrap_or(DAYS),
            }),
            Some("payments") => Some(Request::Payments),
            Some("close") => self.flag("early", &raw.early).map(|early| Request::Close { early }),
            Some("dissolve") => self.part(&raw.part).map(|part| Request::Dissolve { part }),
            _ => {
                let jobs = "\"stuck\", \"payments\", \"close\" or \"dissolve\"";
                self.problems.push(format!("job is {}, none of {jobs}", raw.job));
                None
            }
        }
    }

    fn day(&mut self, name: &str, value: &Value) -> Option<BeijingTime> {
        match value {
            Value::Null => None,
            Value::String(text) => {
                text.parse().map_err(|error| self.problems.push(format!("{name}: {error}"))).ok()
            }
            _ => {
                self.problems.push(format!("{name} is no text"));
                None
            }
        }
    }

    /// Reads ids as texts or whole numbers. An empty list is refused: the store system might take it for all.
    fn buids(&mut self, value: &Value) -> Option<Vec<String>> {
        let items = match value {
            Value::Null => return None,
            Value::Array(items) if !items.is_empty() => items,
            Value::Array(_) => {
                self.problems.push("take_back names no bill, which might mean all of them".to_owned());
                return None;
            }
            _ => {
                self.problems.push("take_back is no list".to_owned());
                return None;
            }
        };
        let mut buids = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::String(text) if !text.trim().is_empty() => buids.push(text.trim().to_owned()),
                Value::Number(number) if number.is_u64() => buids.push(number.to_string()),
                other => self.problems.push(format!("take_back holds {other}, which is no id")),
            }
        }
        Some(buids)
    }

    fn flag(&mut self, name: &str, value: &Value) -> Option<bool> {
        let flag = if value.is_null() { Some(false) } else { value.as_bool() };
        if flag.is_none() {
            self.problems.push(format!("{name} is {value}, neither true nor false"));
        }
        flag
    }

    fn part(&mut self, value: &Value) -> Option<DocumentKey> {
        let key = value.as_str().and_then(|text| text.parse::<DocumentKey>().ok());
        let part = key.filter(|key| key.kind() == DocumentKind::Merged);
        if part.is_none() {
            self.problems
                .push(format!("part is {value}, no merged voucher such as \"merged#online-sales#…#1\""));
        }
        part
    }

    fn whole(&mut self, name: &str, value: &Value, most: u32) -> Option<u32> {
        if value.is_null() {
            return None;
        }
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| *number <= most);
        if number.is_none() {
            self.problems.push(format!("{name} is {value}, no whole number from 0 to {most}"));
        }
        number
    }

    fn unwanted(&mut self, values: &[(&str, &Value)], belongs: &str) {
        for (name, _) in values.iter().filter(|(_, value)| !value.is_null()) {
            self.problems.push(format!("{name} goes with {belongs} only"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scheme() -> SchemeId {
        "declares".parse().unwrap()
    }

    #[test]
    fn every_request_is_read() {
        let read = |event| Request::read(event).unwrap();
        assert_eq!(
            read(json!({"scheme": "declares", "version": "0"})),
            Request::Download { scheme: scheme() }
        );
        let backfill = read(json!({"scheme": "declares", "from": "2026-11-01", "to": "2026-11-01 08:00:00"}));
        assert!(
            matches!(backfill, Request::Backfill { window, .. } if window.to_string() == "2026-11-01 00:00:00..=2026-11-01 23:59:59")
        );
        assert_eq!(
            read(json!({"scheme": "declares", "take_back": ["17", 18]})),
            Request::TakeBack { scheme: scheme(), buids: vec!["17".to_owned(), "18".to_owned()] }
        );
        assert_eq!(read(json!({"job": "stuck"})), Request::Stuck { older_than_minutes: 360, days: 30 });
        assert_eq!(
            read(json!({"job": "stuck", "older_than_minutes": 0, "days": 2})),
            Request::Stuck { older_than_minutes: 0, days: 2 }
        );
        assert_eq!(read(json!({"job": "payments"})), Request::Payments);
        assert_eq!(read(json!({"job": "close"})), Request::Close { early: false });
        assert_eq!(read(json!({"job": "close", "early": true})), Request::Close { early: true });
        let part = "merged#online-sales#TM001#2026-11-22#1";
        assert_eq!(
            read(json!({"job": "dissolve", "part": part})),
            Request::Dissolve { part: part.parse().unwrap() }
        );
    }

    #[test]
    fn everything_wrong_with_an_event_is_said_at_once() {
        let problems = |event| Request::read(event).unwrap_err().problems.len();
        assert_eq!(problems(json!([])), 2);
        assert_eq!(problems(json!({})), 1);
        assert_eq!(problems(json!({"scheme": 5, "from": "yesterday", "days": 1})), 4);
        assert_eq!(problems(json!({"scheme": "declares", "job": "stuck"})), 1);
        assert_eq!(problems(json!({"job": "tidy", "to": "2026-11-01", "older_than_minutes": -1})), 3);
        assert_eq!(problems(json!({"job": "payments", "days": 3})), 1);
        assert_eq!(problems(json!({"job": "close", "early": "yes", "days": 3})), 2);
        assert_eq!(problems(json!({"job": "dissolve"})), 1);
        assert_eq!(problems(json!({"job": "dissolve", "part": "stockout#demo2#1"})), 1);
        assert_eq!(problems(json!({"scheme": "declares", "from": "2026-11-02", "to": "2026-11-01"})), 1);
    }

    #[test]
    fn nothing_is_ever_taken_back_without_a_name() {
        for take_back in [json!([]), json!([""]), json!([null]), json!("17"), json!([1.5])] {
            let error =
                Request::read(json!({"scheme": "transfers", "take_back": take_back.clone()})).unwrap_err();
            assert_eq!(error.problems.len(), 1, "{take_back}: {error}");
        }
    }
}
