//! The curve of a day: how many documents were booked by when.

use std::fmt::Write;

use dougong_operate::Mark;
use dougong_values::{BeijingTime, BusinessDay};
use maud::{Markup, html};

use crate::page::Visit;

/// Steps of ten minutes in a day.
const STEPS: usize = 144;
/// Seconds of a step.
const STEP_SECONDS: i64 = 600;
const WIDTH: usize = 720;
const HEIGHT: usize = 160;
/// Room for the words beside and below the curve.
const LEFT: usize = 52;
const BELOW: usize = 22;

/// Counts what was booked within each step of the day; what was booked on another day is left out.
fn steps(marks: &[Mark], day: BusinessDay) -> [u64; STEPS] {
    let mut counts = [0; STEPS];
    let start = day.start();
    for mark in marks.iter().filter(|mark| mark.is_booked()) {
        let step = mark.since.seconds_since(start).div_euclid(STEP_SECONDS);
        if let Some(count) = usize::try_from(step).ok().and_then(|step| counts.get_mut(step)) {
            *count += 1;
        }
    }
    counts
}

/// Draws the curve, with the same figures as a table for whoever cannot see it.
pub(crate) fn figure(visit: &Visit<'_>, scheme: &str, marks: &[Mark], day: BusinessDay) -> Markup {
    let counts = steps(marks, day);
    let now = visit.now;
    let drawn = if now.day() == day { step_of(now, day) + 1 } else { STEPS };
    let mut sums = Vec::with_capacity(drawn);
    let mut sum = 0;
    for count in counts.iter().take(drawn) {
        sum += count;
        sums.push(sum);
    }
    let is_later = |mark: &&Mark| mark.is_booked() && mark.since.day() > day;
    let later = marks.iter().filter(is_later).count() as u64;
    if sum == 0 && later > 0 {
        return html! { p.note { (scheme) (visit.t(": booked on later days: ", "：之后各日入账 ")) (visit.count(later, true)) } };
    }
    if sum == 0 {
        return html! { p.note { (scheme) (visit.t(": nothing booked on this day yet", "：当日尚无入账")) } };
    }
    let top = sum.max(1);
    let x = |step: usize| LEFT + step * WIDTH / STEPS;
    let y = |count: u64| HEIGHT - usize::try_from(count * HEIGHT as u64 / top).unwrap_or(0);
    let mut line = format!("M{LEFT} {HEIGHT}");
    for (step, sum) in sums.iter().enumerate() {
        // Writing into a String does not fail.
        let _ = write!(line, "L{} {}", x(step + 1), y(*sum));
    }
    let area = format!("{line}L{} {HEIGHT}Z", x(drawn));
    let name = format!("curve-{scheme}");
    let title = visit.t("Booked by the time of day", "当日累计入账");
    let hours: Vec<u64> = counts.chunks(6).map(|hour| hour.iter().sum()).collect();
    html! {
        figure {
            figcaption { strong { (scheme) } " · " (title) " · " (visit.count(sum, true))
                @if later > 0 { " · " (visit.t("on later days: ", "之后各日入账 ")) (visit.count(later, true)) } }
            svg viewBox=(format!("0 0 {} {}", LEFT + WIDTH + 8, HEIGHT + BELOW)) role="img" aria-labelledby=(name) {
                title id=(name) { (scheme) ": " (title) ", " (sum) }
                @for hour in [0, 6, 12, 18, 24] {
                    line.grid x1=(x(hour * 6)) x2=(x(hour * 6)) y1="0" y2=(HEIGHT) {}
                    text x=(x(hour * 6)) y=(HEIGHT + 16) text-anchor="middle" { (format!("{hour:02}:00")) }
                }
                text x=(LEFT - 6) y="10" text-anchor="end" { (top) }
                text x=(LEFT - 6) y=(HEIGHT) text-anchor="end" { "0" }
                path.area d=(area) {}
                path.line d=(line) {}
            }
            details {
                summary { (visit.t("As a table", "以表格显示")) }
                div.wide {
                    table {
                        caption { (scheme) " · " (visit.t("booked by hour", "按小时入账件数")) }
                        thead { tr { th scope="col" { (visit.t("Hour", "小时")) } th scope="col" { (visit.t("Booked", "入账件数")) } } }
                        tbody {
                            @for (hour, count) in hours.iter().enumerate().filter(|(_, count)| **count > 0) {
                                tr { th scope="row" { (format!("{hour:02}:00")) } td.number { (count) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn step_of(time: BeijingTime, day: BusinessDay) -> usize {
    let step = time.seconds_since(day.start()).div_euclid(STEP_SECONDS);
    usize::try_from(step).unwrap_or(0).min(STEPS - 1)
}

#[cfg(test)]
mod tests {
    use dougong_operate::Place;
    use dougong_values::DocumentKind;

    use super::*;

    #[test]
    fn each_booking_counts_in_its_ten_minutes_of_the_day() {
        let row = |since: &str, place| {
            let kind = DocumentKind::Stockout;
            Mark { kind, place, amount: None, since: since.parse().unwrap() }
        };
        let marks = [
            row("2026-11-22 00:00:00", Place::Posted),
            row("2026-11-22 00:09:59", Place::Posted),
            row("2026-11-22 23:59:59", Place::Posted),
            row("2026-11-23 00:00:00", Place::Posted),
            row("2026-11-22 12:00:00", Place::Parked),
        ];
        let counts = steps(&marks, "2026-11-22".parse().unwrap());
        assert_eq!((counts[0], counts[143], counts.iter().sum::<u64>()), (2, 1, 3));
    }
}
