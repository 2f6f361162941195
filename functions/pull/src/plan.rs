//! Which windows to read: closed intervals that leave out no second.

use dougong_values::{BeijingTime, Window};

/// The next window of a walk from `from` to `to`, at most `max_span` seconds long.
///
/// `None` when nothing is left. The windows of a walk share no second: what moves between them is found by
/// the overlap with the last run, not by overlaps within one.
pub(crate) fn next_window(from: BeijingTime, to: BeijingTime, max_span: i64) -> Option<Window> {
    let end = from.plus_seconds(max_span.max(0)).min(to);
    Window::new(from, end).ok()
}

/// How long the next window may be: shrinks when the system asks for less or a window would not finish,
/// grows back to the configured span when windows are quick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    seconds: i64,
    most: i64,
}

impl Span {
    /// Starts at the configured maximum.
    pub(crate) fn new(most: i64) -> Self {
        Self { seconds: most, most }
    }

    pub(crate) const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Halves the span of `window`; `false` when a single second is left and cannot be cut.
    pub(crate) fn shrink(&mut self, window: Window) -> bool {
        let span = window.span_seconds().min(self.seconds);
        self.seconds = span / 2;
        span > 0
    }

    /// Doubles the span, up to the maximum.
    pub(crate) fn grow(&mut self) {
        self.seconds = (self.seconds * 2 + 1).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> BeijingTime {
        BeijingTime::from_epoch_seconds(seconds).unwrap()
    }

    proptest! {
        #[test]
        fn every_second_between_start_and_end_is_in_exactly_one_window(
            start in 0_i64..1_000, length in 0_i64..500, most in 0_i64..120,
            shrinks in prop::collection::vec(0..3_u8, 0..600)
        ) {
            let (from, to) = (at(start), at(start + length));
            let mut span = Span::new(most);
            let mut seen = Vec::new();
            let mut next = from;
            let mut moods = shrinks.into_iter();
            while let Some(window) = next_window(next, to, span.seconds()) {
                if moods.next() == Some(0) && span.shrink(window) {
                    continue;
                }
                prop_assert!(window.span_seconds() <= most);
                seen.extend(window.start().epoch_seconds()..=window.end().epoch_seconds());
                next = window.end().plus_seconds(1);
                span.grow();
            }
            prop_assert_eq!(seen, (start..=start + length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_single_second_cannot_be_cut() {
        let mut span = Span::new(3_600);
        let window = Window::new(at(5), at(5)).unwrap();
        assert!(!span.shrink(window));
    }
}
