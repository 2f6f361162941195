//! Sends one event to a function again and again, as EventBridge Scheduler does.

use std::time::Duration;

use dougong_values::BeijingTime;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::function::FunctionHost;

/// When a schedule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// At once and then at this interval. Ticks missed, because the machine slept, are skipped.
    Every(Duration),
    /// One time, after this long.
    Once(Duration),
    /// Every day, this long after midnight in Beijing. A day on which the machine slept then is skipped.
    Daily(Duration),
}

/// How often a daily schedule looks at the clock: the machine may sleep, or its clock be set.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(20);

/// A running schedule. It ends when it is dropped; events already sent are not called back.
#[derive(Debug)]
pub struct Schedule {
    host: FunctionHost,
    event: String,
    task: AbortHandle,
}

impl Schedule {
    /// Begins to send `event` (JSON) to the function, asynchronously: a slow event delays the next, but not its tick.
    pub fn start(host: FunctionHost, timing: Timing, event: String) -> Self {
        let task = tokio::spawn(fire(host.clone(), timing, event.clone())).abort_handle();
        Self { host, event, task }
    }

    /// Sends the event once more, now.
    pub fn trigger_now(&self) {
        self.host.invoke_event(self.event.clone());
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn fire(host: FunctionHost, timing: Timing, event: String) {
    match timing {
        Timing::Every(interval) => {
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                host.invoke_event(event.clone());
            }
        }
        Timing::Once(after) => {
            tokio::time::sleep(after).await;
            host.invoke_event(event);
        }
        Timing::Daily(after_midnight) => {
            let mut next = next_daily(BeijingTime::now(), after_midnight);
            loop {
                let left = next.seconds_since(BeijingTime::now());
                if left <= 0 {
                    // Late by minutes, it still is that day's; by more, the machine slept.
                    if left > -LATEST_SECONDS {
                        host.invoke_event(event.clone());
                    }
                    next = next_daily(BeijingTime::now(), after_midnight);
                    continue;
                }
                let left = Duration::from_secs(left.unsigned_abs());
                tokio::time::sleep(left.min(LOOK_AT_THE_CLOCK)).await;
            }
        }
    }
}

/// How late a daily event may be, in seconds.
const LATEST_SECONDS: i64 = 3_600;

/// Returns the next instant of the daily time after `now`.
fn next_daily(now: BeijingTime, after_midnight: Duration) -> BeijingTime {
    let seconds = i64::try_from(after_midnight.as_secs()).unwrap_or(0);
    let today = now.day().start().plus_seconds(seconds);
    if today.seconds_since(now) > 0 { today } else { today.plus_seconds(86_400) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_time_is_today_or_tomorrow() {
        let at = |now: &str| next_daily(now.parse().unwrap(), Duration::from_mins(150)).to_string();
        assert_eq!(at("2026-11-22 02:29:59"), "2026-11-22 02:30:00");
        assert_eq!(at("2026-11-22 02:30:00"), "2026-11-23 02:30:00");
        assert_eq!(at("2026-12-31 23:00:00"), "2027-01-01 02:30:00");
    }
}
