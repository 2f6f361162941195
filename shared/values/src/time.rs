//! Time as the three systems mean it: Beijing wall-clock seconds, whatever the host's zone.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, offset};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no time of day in `yyyy-MM-dd HH:mm:ss`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a Beijing time: write it as `2026-11-22 08:30:00`")]
pub struct InvalidTime {
    /// The text as it was read, cut to 40 characters.
    pub text: String,
}

/// The fixed offset of Asia/Shanghai: no daylight saving since 1991, and no order is older than that.
const BEIJING: Offset = offset(8);

/// A Beijing time (北京时间, Asia/Shanghai) of whole seconds, the grain of WDT's interface.
///
/// Written `yyyy-MM-dd HH:mm:ss` everywhere: on the wire, in the ledger, to people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeijingTime(DateTime);

impl BeijingTime {
    /// Reads the clock of this machine.
    pub fn now() -> Self {
        Self::from_timestamp(Timestamp::now())
    }

    /// Converts seconds since the Unix epoch; `None` outside the years -9999 to 9999.
    pub fn from_epoch_seconds(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(Self::from_timestamp)
    }

    fn from_timestamp(timestamp: Timestamp) -> Self {
        let civil = BEIJING.to_datetime(timestamp);
        Self(civil.with().subsec_nanosecond(0).build().unwrap_or(civil))
    }

    /// Returns seconds since the Unix epoch.
    pub fn epoch_seconds(self) -> i64 {
        BEIJING.to_timestamp(self.0).map_or(0, Timestamp::as_second)
    }

    /// Returns the time `seconds` later (earlier, if negative); saturates at the ends of the calendar.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(SignedDuration::from_secs(seconds)))
    }

    /// Returns the seconds from `earlier` to this time; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.epoch_seconds() - earlier.epoch_seconds()
    }

    /// Returns the business day (Beijing calendar day) this time falls on.
    pub fn day(self) -> BusinessDay {
        BusinessDay(self.0.date())
    }
}

impl fmt::Display for BeijingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        write!(f, "{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }
}

impl fmt::Debug for BeijingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BeijingTime {
    type Err = InvalidTime;

    /// Reads `yyyy-MM-dd HH:mm:ss`; a date alone is its midnight.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let shaped = text.len() == 19 || text.len() == 10;
        let civil = text.parse::<DateTime>().ok().filter(|_| shaped);
        civil.map(Self).ok_or_else(|| InvalidTime { text: text.chars().take(40).collect() })
    }
}

impl Serialize for BeijingTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BeijingTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The seconds of a day: Beijing has no summer time.
const DAY_SECONDS: i64 = 86_400;

/// A Beijing calendar day (业务日期), written `yyyy-MM-dd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDay(Date);

impl BusinessDay {
    /// Returns the first second of the day.
    pub fn start(self) -> BeijingTime {
        BeijingTime(self.0.at(0, 0, 0, 0))
    }

    /// Returns the day so many days later (earlier, if negative).
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.start().plus_seconds(days * DAY_SECONDS).day()
    }
}

impl fmt::Display for BusinessDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for BusinessDay {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        text.parse().map(Self).map_err(|_| InvalidTime { text: text.chars().take(40).collect() })
    }
}

impl Serialize for BusinessDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BusinessDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An interval that ends before it starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the window from {start} to {end} ends before it starts")]
pub struct InvalidWindow {
    /// The first second.
    pub start: BeijingTime,
    /// The last second.
    pub end: BeijingTime,
}

/// A closed interval of whole seconds: both ends are inside (`protocols/wdt.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Window {
    start: BeijingTime,
    end: BeijingTime,
}

impl Window {
    /// Builds the closed interval `start..=end`.
    pub fn new(start: BeijingTime, end: BeijingTime) -> Result<Self, InvalidWindow> {
        if end < start { Err(InvalidWindow { start, end }) } else { Ok(Self { start, end }) }
    }

    /// Returns the first second inside.
    pub const fn start(self) -> BeijingTime {
        self.start
    }

    /// Returns the last second inside.
    pub const fn end(self) -> BeijingTime {
        self.end
    }

    /// Returns `end − start` in seconds: what an interface's limit on the span means.
    pub fn span_seconds(self) -> i64 {
        self.end.seconds_since(self.start)
    }

    /// Tells whether a second lies inside.
    pub fn contains(self, time: BeijingTime) -> bool {
        self.start <= time && time <= self.end
    }

    /// Cuts the window into two halves that share no second and miss none; `None` for a single second.
    pub fn halves(self) -> Option<(Self, Self)> {
        if self.start == self.end {
            return None;
        }
        let middle = self.start.plus_seconds(self.span_seconds() / 2);
        Some((Self { start: self.start, end: middle }, Self { start: middle.plus_seconds(1), end: self.end }))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_beijing_time_is_eight_hours_ahead_of_utc() {
        let time: BeijingTime = "2024-11-11 00:05:00".parse().unwrap();
        assert_eq!(time.epoch_seconds(), 1_731_254_700);
        assert_eq!(BeijingTime::from_epoch_seconds(1_731_254_700), Some(time));
        assert_eq!(time.to_string(), "2024-11-11 00:05:00");
        assert_eq!(time.day().to_string(), "2024-11-11");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "0000-00-00 00:00:00",
            "2024-02-30 00:00:00",
            "2024-11-11 24:00:00",
            "2024-11-11 00:00:00.5",
            "now",
        ] {
            assert!(text.parse::<BeijingTime>().is_err(), "{text:?} was read");
        }
    }

    proptest! {
        #[test]
        fn halves_cover_every_second_once(start in 0_i64..2_000_000_000, span in 1_i64..10_000_000) {
            let start = BeijingTime::from_epoch_seconds(start).unwrap();
            let window = Window::new(start, start.plus_seconds(span)).unwrap();
            let (first, second) = window.halves().unwrap();
            prop_assert_eq!(first.start(), window.start());
            prop_assert_eq!(second.end(), window.end());
            prop_assert_eq!(first.end().plus_seconds(1), second.start());
            prop_assert!(first.start() <= first.end() && second.start() <= second.end());
        }
    }
}
