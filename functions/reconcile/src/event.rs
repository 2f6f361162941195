//! What starts reconciling: the schedule's event, or an operator's.

use dougong_values::{BusinessDay, SchemeId};
use serde::Deserialize;
use serde_json::Value;

/// The most days that may be asked for at once.
const MOST_DAYS: u32 = 31;

/// An event that asks for nothing we could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is no request to reconcile: {}\nhint: send {{}} for yesterday of every scheme, with \"scheme\" for one, with \"day\" (yyyy-MM-dd) or \"days\" (1 to 31) for others", problems.join("; "))]
pub struct InvalidEvent {
    /// Everything that is wrong with it.
    pub problems: Vec<String>,
}

/// Which days of which schemes are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// One scheme; every scheme that books without it.
    pub scheme: Option<SchemeId>,
    /// The days, the latest first.
    pub days: Vec<BusinessDay>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawEvent {
    scheme: Value,
    day: Value,
    days: Value,
}

impl Request {
    /// Reads an event; other keys than a request's own, such as EventBridge's, are left alone.
    pub fn read(event: Value, today: BusinessDay) -> Result<Self, InvalidEvent> {
        let mut problems = Vec::new();
        // Serde would read an array as the fields in their order.
        let object = Some(event).filter(Value::is_object);
        let raw: Option<RawEvent> = object.and_then(|event| serde_json::from_value(event).ok());
        let raw = raw.unwrap_or_else(|| {
            problems.push("it is no JSON object".to_owned());
            RawEvent::default()
        });
        let scheme = scheme(&raw.scheme, &mut problems);
        let day = day(&raw.day, today, &mut problems);
        let count = count(&raw.days, &mut problems);
        if !raw.day.is_null() && !raw.days.is_null() {
            problems.push("day and days are both there".to_owned());
        }
        if !problems.is_empty() {
            return Err(InvalidEvent { problems });
        }
        let days = match day {
            Some(day) => vec![day],
            None => (1..=i64::from(count)).map(|back| today.plus_days(-back)).collect(),
        };
        Ok(Self { scheme, days })
    }
}

fn scheme(value: &Value, problems: &mut Vec<String>) -> Option<SchemeId> {
    match value {
        Value::Null => None,
        Value::String(text) => text.parse().map_err(|error| problems.push(format!("scheme: {error}"))).ok(),
        _ => {
            problems.push("scheme is no text".to_owned());
            None
        }
    }
}

fn day(value: &Value, today: BusinessDay, problems: &mut Vec<String>) -> Option<BusinessDay> {
    let day: BusinessDay = match value {
        Value::Null => return None,
        Value::String(text) => text.parse().map_err(|error| problems.push(format!("day: {error}"))).ok()?,
        _ => {
            problems.push("day is no text".to_owned());
            return None;
        }
    };
    if day > today {
        problems.push(format!("day is {day}, which is still to come"));
    }
    Some(day)
}

fn count(value: &Value, problems: &mut Vec<String>) -> u32 {
    if value.is_null() {
        return 1;
    }
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (1..=MOST_DAYS).contains(number)).unwrap_or_else(|| {
        problems.push(format!("days is {value}, no whole number from 1 to {MOST_DAYS}"));
        1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn today() -> BusinessDay {
        "2026-12-01".parse().unwrap()
    }

    #[test]
    fn every_request_is_read() {
        let read = |event| {
            let Request { scheme, days } = Request::read(event, today()).unwrap();
            let days: Vec<String> = days.iter().map(ToString::to_string).collect();
            (scheme.map(|scheme| scheme.to_string()), days.join(" "))
        };
        assert_eq!(read(json!({})), (None, "2026-11-30".to_owned()));
        let of_scheduler = json!({ "version": "0", "scheme": "returned" });
        assert_eq!(read(of_scheduler), (Some("returned".to_owned()), "2026-11-30".to_owned()));
        assert_eq!(read(json!({ "day": "2026-02-28" })), (None, "2026-02-28".to_owned()));
        assert_eq!(read(json!({ "days": 3 })), (None, "2026-11-30 2026-11-29 2026-11-28".to_owned()));
    }

    #[test]
    fn everything_wrong_with_a_request_to_reconcile_is_said_at_once() {
        let problems = |event| Request::read(event, today()).unwrap_err().problems.len();
        assert_eq!(problems(json!([])), 1);
        assert_eq!(problems(json!({ "scheme": 5, "day": "yesterday", "days": 0 })), 4);
        assert_eq!(problems(json!({ "day": "2026-11-22", "days": 2 })), 1);
        assert_eq!(problems(json!({ "day": "2026-12-02" })), 1);
        for days in [json!(0), json!(32), json!("7"), json!(1.5), json!(-1)] {
            assert_eq!(problems(json!({ "days": days })), 1);
        }
    }
}
