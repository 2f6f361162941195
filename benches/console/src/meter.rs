//! How long the emulated DynamoDB is at work on at least one request, and how many it gets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dougong_cloud::{Traffic, Verdict};

/// Watches the requests to DynamoDB. Clones share the figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Figures>>);

#[derive(Debug, Default)]
struct Figures {
    requests: u32,
    at_work: u32,
    since: Option<Instant>,
    busy: Duration,
}

impl Meter {
    /// Begins to watch.
    pub(crate) fn on(traffic: &Traffic) -> Self {
        let meter = Self::default();
        let own = meter.clone();
        traffic.disturb(move |_| {
            own.arrived();
            let own = own.clone();
            async move { Verdict::Then(Box::pin(async move { own.answered() })) }
        });
        meter
    }

    /// Returns the requests and the time at work since it was asked last.
    pub(crate) fn take(&self) -> (u32, Duration) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = (figures.requests, figures.busy);
        *figures = Figures::default();
        taken
    }

    fn arrived(&self) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.requests += 1;
        figures.at_work += 1;
        figures.since.get_or_insert_with(Instant::now);
    }

    fn answered(&self) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.at_work = figures.at_work.saturating_sub(1);
        if figures.at_work == 0 {
            let since = figures.since.take();
            figures.busy += since.map(|since| since.elapsed()).unwrap_or_default();
        }
    }
}
