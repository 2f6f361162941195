//! Sends one event to a function again and again, as EventBridge Scheduler does.

use std::time::Duration;

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
}

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
    }
}
