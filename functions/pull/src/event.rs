//! What starts a pull: the schedule's event, or an operator's backfill.

use dougong_values::{BeijingTime, SchemeId, Window};
use serde::Deserialize;
use serde_json::Value;

/// An event that asks for nothing we could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is no request for a pull: {}\nhint: send {{\"scheme\":\"online-sales\"}}, with \"from\" and \"to\" (yyyy-MM-dd HH:mm:ss) for a backfill, or with \"rescan\":true for the nightly re-scan", problems.join("; "))]
pub struct InvalidEvent {
    /// Everything that is wrong with it.
    pub problems: Vec<String>,
}

/// What to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// From the live watermark to now (the schedule's event).
    Live,
    /// The last days once more, for what the live windows could not see.
    Rescan,
    /// A closed window of an operator's choice, with a cursor of its own.
    Backfill(Window),
}

/// A request for a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The scheme to pull for.
    pub scheme: SchemeId,
    /// What to pull.
    pub span: Span,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawEvent {
    scheme: Value,
    from: Value,
    to: Value,
    rescan: Value,
}

impl Request {
    /// Reads the event of a schedule (`{"scheme"}`), a backfill (`{"scheme","from","to"}`) or the nightly
    /// re-scan (`{"scheme","rescan":true}`); other keys, such as EventBridge's own, are left alone.
    pub fn read(event: Value) -> Result<Self, InvalidEvent> {
        let mut problems = Vec::new();
        let raw: RawEvent = serde_json::from_value(event).unwrap_or_else(|_| {
            problems.push("it is no JSON object".to_owned());
            RawEvent::default()
        });
        let scheme = match &raw.scheme {
            Value::String(text) => {
                text.parse().map_err(|error| problems.push(format!("scheme: {error}"))).ok()
            }
            Value::Null => {
                problems.push("scheme is missing".to_owned());
                None
            }
            _ => {
                problems.push("scheme is no text".to_owned());
                None
            }
        };
        let from = time("from", &raw.from, &mut problems);
        let to = time("to", &raw.to, &mut problems);
        let rescan = match raw.rescan {
            Value::Null => false,
            Value::Bool(flag) => flag,
            _ => {
                problems.push("rescan is neither true nor false".to_owned());
                false
            }
        };
        let span = match (from, to, rescan) {
            (None, None, false) => Some(Span::Live),
            (None, None, true) => Some(Span::Rescan),
            (Some(from), Some(to), false) => match Window::new(from, to) {
                Ok(window) => Some(Span::Backfill(window)),
                Err(error) => {
                    problems.push(error.to_string());
                    None
                }
            },
            (Some(_), Some(_), true) => {
                problems.push("rescan goes without from and to".to_owned());
                None
            }
            _ => {
                problems.push("a backfill needs both from and to".to_owned());
                None
            }
        };
        match (scheme, span, problems.is_empty()) {
            (Some(scheme), Some(span), true) => Ok(Self { scheme, span }),
            _ => Err(InvalidEvent { problems }),
        }
    }
}

fn time(name: &str, value: &Value, problems: &mut Vec<String>) -> Option<BeijingTime> {
    match value {
        Value::Null => None,
        Value::String(text) => text.parse().map_err(|error| problems.push(format!("{name}: {error}"))).ok(),
        _ => {
            problems.push(format!("{name} is no text"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_three_events_are_read() {
        let live = Request::read(json!({"scheme": "online-sales"})).unwrap();
        assert_eq!(live.span, Span::Live);
        let rescan = Request::read(json!({"scheme": "online-sales", "rescan": true})).unwrap();
        assert_eq!(rescan.span, Span::Rescan);
        let backfill = Request::read(
            json!({"scheme": "online-sales", "from": "2026-11-01 00:00:00", "to": "2026-11-01 23:59:59"}),
        );
        assert!(matches!(backfill.unwrap().span, Span::Backfill(window) if window.span_seconds() == 86_399));
    }

    #[test]
    fn everything_wrong_with_an_event_is_said_at_once() {
        let error = Request::read(json!({"from": "yesterday", "to": 5})).unwrap_err();
        assert_eq!(error.problems.len(), 3, "{error}");
        let error =
            Request::read(json!({"scheme": "s", "from": "2026-11-02 00:00:00", "to": "2026-11-01 00:00:00"}))
                .unwrap_err();
        assert!(error.to_string().contains("ends before it starts"), "{error}");
        assert!(Request::read(json!([])).is_err());
        assert!(Request::read(json!({"scheme": "s", "from": "2026-11-02 00:00:00"})).is_err());
    }
}
