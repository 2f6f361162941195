//! A function by its schedules alone: `reconcile`, and `sweep` where there is no store system whose side it belongs to.

use std::ffi::OsString;
use std::time::Duration;

use crate::function::FunctionHost;
use crate::{Schedule, Timing};

/// A function and when it runs.
#[derive(Debug, Clone)]
pub struct ScheduledSettings {
    /// Its program and arguments.
    pub program: Vec<OsString>,
    /// How long one run may take.
    pub timeout: Duration,
    /// When it runs, and its event each time.
    pub schedules: Vec<(Timing, String)>,
}

/// A running one.
#[derive(Debug)]
pub(super) struct Scheduled {
    schedules: Vec<Schedule>,
    host: FunctionHost,
}

impl Scheduled {
    pub(super) fn start(settings: &ScheduledSettings, host: FunctionHost) -> Self {
        let schedule =
            |(timing, event): &(Timing, String)| Schedule::start(host.clone(), *timing, event.clone());
        Self { schedules: settings.schedules.iter().map(schedule).collect(), host }
    }

    pub(super) fn host(&self) -> &FunctionHost {
        &self.host
    }

    pub(super) fn open_events(&self) -> usize {
        self.host.open_events()
    }

    pub(super) async fn stop(self, grace: Duration) {
        drop(self.schedules);
        self.host.stop(grace).await;
    }
}
