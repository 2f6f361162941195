//! When a row holds: from its first moment to its last, both inside, in whole seconds of Beijing time.

use std::fmt;

use dougong_values::BeijingTime;

/// A day or a second, as a cell writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    time: BeijingTime,
    is_day: bool,
}

/// The range of a row; an absent end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Validity {
    /// The first second.
    pub(super) from: Option<BeijingTime>,
    /// The last second: of a day written as such, its last.
    to: Option<BeijingTime>,
}

const DAY: i64 = 86_400;

impl Validity {
    pub(super) fn new(from: Option<Moment>, to: Option<Moment>) -> Self {
        let last = |to: Moment| if to.is_day { to.time.plus_seconds(DAY - 1) } else { to.time };
        Self { from: from.map(|from| from.time), to: to.map(last) }
    }

    pub(super) fn holds(&self, at: BeijingTime) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }

    /// Tells whether it ends before it begins.
    pub(super) fn is_backward(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if to < from)
    }

    /// Tells whether both hold at some moment. One that ends before it begins is a problem of its own.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let begins_in_time = |from: Option<BeijingTime>, to: Option<BeijingTime>| match (from, to) {
            (Some(from), Some(to)) => from <= to,
            _ => true,
        };
        !self.is_backward()
            && !other.is_backward()
            && begins_in_time(self.from, other.to)
            && begins_in_time(other.from, self.to)
    }

    /// Tells whether it ends before another does.
    pub(super) fn ends_before(&self, other: &Self) -> bool {
        match (self.to, other.to) {
            (Some(to), Some(other)) => to < other,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

impl fmt::Display for Validity {
    /// Writes `2026-01-01 00:00:00 … 2026-06-30 23:59:59`; an open end is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.write_str("always"),
            (Some(from), None) => write!(f, "from {from}"),
            (None, Some(to)) => write!(f, "until {to}"),
            (Some(from), Some(to)) => write!(f, "from {from} until {to}"),
        }
    }
}

/// Reads a day or a time: `2026-11-01`, `2026-11-01 08:00:00`, and what Excel makes of them, `2026/11/1 8:00`.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let (day, time) = text.split_once(' ').map_or((text, None), |(day, time)| (day, Some(time.trim_start())));
    let mut parts = day.split(['-', '/']);
    let (year, month, date) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let mut clock = time.into_iter().flat_map(|time| time.split(':'));
    let (hour, minute, second) = match time {
        None => ("0", "0", "0"),
        Some(_) => (clock.next()?, clock.next()?, clock.next().unwrap_or("0")),
    };
    let is_number =
        |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if clock.next().is_some() || ![year, month, date, hour, minute, second].into_iter().all(is_number) {
        return None;
    }
    let time_text = format!("{year}-{month:0>2}-{date:0>2} {hour:0>2}:{minute:0>2}:{second:0>2}");
    time_text.parse().ok().map(|parsed| Moment { time: parsed, is_day: time.is_none() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> Validity {
        let read = |text: &str| (!text.is_empty()).then(|| moment(text).unwrap());
        Validity::new(read(from), read(to))
    }

    #[test]
    fn dates_and_times_are_read_as_excel_writes_them() {
        for (text, expected) in [
            ("2026-11-01", "2026-11-01 00:00:00"),
            ("2026/11/1", "2026-11-01 00:00:00"),
            ("2026/1/5 8:30", "2026-01-05 08:30:00"),
            ("2026-11-01 08:00:07", "2026-11-01 08:00:07"),
        ] {
            assert_eq!(moment(text).unwrap().time.to_string(), expected);
        }
        for text in [
            "",
            "2026",
            "26-1-1",
            "2026-13-01",
            "2026-02-30",
            "1/5/2026",
            "2026-1-1 8",
            "2026-1-1 25:00",
            "2026-1-1T8:00",
            "46000",
        ] {
            assert_eq!(moment(text), None, "{text:?} was read");
        }
    }

    #[test]
    fn both_ends_are_inside_and_a_day_ends_with_its_last_second() {
        let june = range("2026-06-01", "2026-06-30");
        let at = |text: &str| june.holds(text.parse().unwrap());
        assert!(at("2026-06-01 00:00:00") && at("2026-06-30 23:59:59"));
        assert!(!at("2026-05-31 23:59:59") && !at("2026-07-01 00:00:00"));
        assert!(range("", "").holds("1999-01-01 00:00:00".parse().unwrap()));
        let morning = range("2026-06-01", "2026-06-01 11:59:59");
        assert!(!morning.holds("2026-06-01 12:00:00".parse().unwrap()));
    }

    #[test]
    fn ranges_overlap_when_a_second_is_in_both() {
        for (left, right, expected) in [
            (("2026-01-01", "2026-06-30"), ("2026-07-01", ""), false),
            (("2026-01-01", "2026-06-30"), ("2026-06-30", ""), true),
            (("", ""), ("2026-01-01", "2026-01-01"), true),
            (("", "2026-01-01"), ("2026-01-02", "2026-01-03"), false),
            (("2026-01-01", "2026-01-01 12:00"), ("2026-01-01 12:00:01", ""), false),
        ] {
            let (left, right) = (range(left.0, left.1), range(right.0, right.1));
            assert_eq!(
                (left.overlaps(&right), right.overlaps(&left)),
                (expected, expected),
                "{left} {right}"
            );
        }
        assert!(range("2026-02-01", "2026-01-31").is_backward());
        assert!(!range("2026-02-01", "2026-02-01").is_backward());
    }
}
