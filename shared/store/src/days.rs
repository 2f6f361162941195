//! Which days to ask for: spans that the platform allows and that leave out no day, whatever its bounds mean.

use dougong_values::BusinessDay;

/// Days from the first to the last, both inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: BusinessDay,
    /// The last; before the first there are none.
    pub last: BusinessDay,
}

impl Days {
    /// Returns each day.
    pub fn each(self) -> impl Iterator<Item = BusinessDay> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let day = next;
            next = day.plus_days(1);
            (day <= self.last).then_some(day)
        })
    }

    /// Cuts the days into spans of at most `most` days from first to last, each beginning a day before the one before
    /// it ended: whether the platform's bounds are inside is not known (`protocols/store.md` S2).
    pub fn spans(self, most: i64) -> impl Iterator<Item = Self> {
        let most = most.clamp(2, 3);
        let mut first = Some(self.first);
        std::iter::from_fn(move || {
            let begin = first.filter(|begin| *begin <= self.last)?;
            let last = begin.plus_days(most).min(self.last);
            first = (last < self.last).then(|| last.plus_days(-1));
            Some(Self { first: begin, last })
        })
    }
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
                let all = Days { first: day("2026-02-20"), last: day("2026-02-20").plus_days(length) };
                let spans: Vec<Days> = all.spans(most).collect();
                assert_eq!(spans.first().map(|span| span.first), Some(all.first));
                assert_eq!(spans.last().map(|span| span.last), Some(all.last));
                for pair in spans.windows(2) {
                    assert_eq!(pair[1].first, pair[0].last.plus_days(-1));
                    assert!(pair[0].last < pair[1].last);
                }
                assert!(spans.iter().all(|span| span.last <= span.first.plus_days(3)), "{spans:?}");
            }
        }
        assert_eq!(
            spans("2026-11-20", "2026-11-22", 3),
            [("2026-11-20".to_owned(), "2026-11-22".to_owned())]
        );
        assert_eq!(spans("2026-11-22", "2026-11-20", 3), []);
        assert_eq!(Days { first: day("2026-02-27"), last: day("2026-03-01") }.each().count(), 3);
    }
}
