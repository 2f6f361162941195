//! Which days to ask for: spans that the platform allows and that leave out no day, whatever its bounds mean.

use dougong_values::{BeijingTime, BusinessDay};

pub(crate) const DAY_SECONDS: i64 = 86_400;

/// The day so many days later (earlier, if negative).
pub(crate) fn plus_days(day: BusinessDay, days: i64) -> BusinessDay {
    day.start().plus_seconds(days * DAY_SECONDS).day()
}

/// Days from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) first: BusinessDay,
    pub(crate) last: BusinessDay,
}

impl Days {
    /// Returns each day.
    pub(crate) fn each(self) -> impl Iterator<Item = BusinessDay> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let day = next;
            next = plus_days(day, 1);
            (day <= self.last).then_some(day)
        })
    }

    /// Cuts the days into spans of at most `most` days from first to last, each beginning a day before the one before
    /// it ended: whether the platform's bounds are inside is not known (`protocols/store.md` S2).
    pub(crate) fn spans(self, most: i64) -> impl Iterator<Item = Self> {
        let most = most.clamp(2, 3);
        let mut first = Some(self.first);
        std::iter::from_fn(move || {
            let begin = first.filter(|begin| *begin <= self.last)?;
            let last = plus_days(begin, most).min(self.last);
            first = (last < self.last).then(|| plus_days(last, -1));
            Some(Self { first: begin, last })
        })
    }
}

/// Up to where everything is in once a span that ends with `last` is: that day itself goes on while it is today.
pub(crate) fn reached(last: BusinessDay, now: BeijingTime) -> BeijingTime {
    last.min(now.day()).start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> BusinessDay {
        text.parse().unwrap()
    }

    fn spans(first: &str, last: &str, most: i64) -> Vec<(String, String)> {
        let days = Days { first: day(first), last: day(last) };
        days.spans(most).map(|span| (span.first.to_string(), span.last.to_string())).collect()
    }

    #[test]
    fn spans_leave_out_no_day_and_overlap_by_one_and_are_never_too_long() {
        for most in 0..6 {
            for length in 0..20 {
                let all = Days { first: day("2026-02-20"), last: plus_days(day("2026-02-20"), length) };
                let spans: Vec<Days> = all.spans(most).collect();
                assert_eq!(spans.first().map(|span| span.first), Some(all.first));
                assert_eq!(spans.last().map(|span| span.last), Some(all.last));
                for pair in spans.windows(2) {
                    assert_eq!(pair[1].first, plus_days(pair[0].last, -1));
                    assert!(pair[0].last < pair[1].last);
                }
                assert!(spans.iter().all(|span| span.last <= plus_days(span.first, 3)), "{spans:?}");
            }
        }
        assert_eq!(
            spans("2026-11-20", "2026-11-22", 3),
            [("2026-11-20".to_owned(), "2026-11-22".to_owned())]
        );
        assert_eq!(spans("2026-11-22", "2026-11-20", 3), []);
    }

    #[test]
    fn a_day_that_goes_on_is_asked_for_again() {
        let now = "2026-11-22 10:00:00".parse().unwrap();
        assert_eq!(reached(day("2026-11-23"), now).to_string(), "2026-11-22 00:00:00");
        assert_eq!(reached(day("2026-11-20"), now).to_string(), "2026-11-20 00:00:00");
        let days = Days { first: day("2026-02-27"), last: day("2026-03-01") };
        assert_eq!(days.each().count(), 3);
    }
}
