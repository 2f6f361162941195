//! Up to where everything is in.

use dougong_values::{BeijingTime, BusinessDay};

pub(crate) const DAY_SECONDS: i64 = 86_400;

/// Up to where everything is in once a span that ends with `last` is: that day itself goes on while it is today.
pub(crate) fn reached(last: BusinessDay, now: BeijingTime) -> BeijingTime {
    last.min(now.day()).start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_goes_on_is_asked_for_again() {
        let day = |text: &str| text.parse().unwrap();
        let now = "2026-11-22 10:00:00".parse().unwrap();
        assert_eq!(reached(day("2026-11-23"), now).to_string(), "2026-11-22 00:00:00");
        assert_eq!(reached(day("2026-11-20"), now).to_string(), "2026-11-20 00:00:00");
    }
}
