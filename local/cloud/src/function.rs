//! Runs functions as Lambda does: processes that poll a Runtime API, one event at a time each, as many of them as
//! there is work for.

mod environment;
mod pool;
mod process;
mod runtime_api;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{TryAcquireError, watch};

use self::pool::{Open, Owner, Shared};
use crate::logs::LogSink;

/// The largest event that Lambda takes from a caller: 6 MB.
const LARGEST_EVENT: usize = 6 * 1024 * 1024;

/// A function as `template.yaml` describes it.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Its environment variables. Of the host's own it sees only `PATH`.
    pub env: BTreeMap<String, String>,
    /// How long it may work on one event before its process is killed.
    pub timeout: Duration,
    /// How many events it may work on at once (the reserved concurrency).
    pub max_environments: usize,
    /// What it is told to have, in MB. Not enforced.
    pub memory_mb: u32,
}

/// An event that the function has answered.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The event's request id, as in the function's log lines.
    pub request_id: String,
    /// The answer's JSON.
    pub payload: Bytes,
    /// The environment that worked on it.
    pub environment: u64,
    /// Whether the process was started for this event.
    pub cold: bool,
    /// From the event's delivery to the call for the next one, without the start of a cold process.
    pub duration: Duration,
}

/// An event without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// As many events as the function may work on are at work.
    #[error("throttled: every environment the function may have is at work")]
    Throttled,
    /// The event is larger than Lambda takes.
    #[error("the event of {bytes} bytes is larger than {LARGEST_EVENT}")]
    TooLarge {
        /// The event's size.
        bytes: usize,
    },
    /// The process could not be started, ended before it asked for an event, or said that it cannot start.
    #[error("the function cannot start: {error_type}: {message}")]
    Init {
        /// The kind, in the function's or Lambda's words.
        error_type: String,
        /// What is wrong.
        message: String,
    },
    /// The function said that it failed. Its process lives on.
    #[error("the function failed: {error_type}: {message}")]
    FunctionError {
        /// The kind, in the function's words.
        error_type: String,
        /// What is wrong.
        message: String,
    },
    /// The process ended, or was killed, while it worked on the event.
    #[error("the process ended during the event ({status})")]
    Crashed {
        /// Exit code or signal.
        status: String,
    },
    /// The process was killed because it took too long.
    #[error("task timed out after {:.2} seconds", after.as_secs_f64())]
    TimedOut {
        /// The function's timeout.
        after: Duration,
    },
    /// The host has stopped.
    #[error("the function host has stopped")]
    Stopped,
}

/// A moment in the life of an event at which a test may kill the process.
#[derive(Debug)]
pub struct Moment<'a> {
    /// The event's request id.
    pub request_id: &'a str,
    /// The nth event of this host, from 1.
    pub nth: u64,
    /// How far it has come.
    pub point: Point<'a>,
}

/// How far an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point<'a> {
    /// The process has been given the event.
    Started,
    /// The process has printed this line.
    Printed(&'a str),
    /// The process has sent its answer, which nobody has seen yet.
    Responded,
}

type Judge = dyn Fn(&Moment<'_>) -> bool + Send + Sync;

/// When to kill; never, unless a test says so.
#[derive(Default)]
struct Predicate(Mutex<Option<Arc<Judge>>>);

impl Predicate {
    fn set(&self, judge: Option<Arc<Judge>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = judge;
    }

    fn holds(&self, moment: &Moment<'_>) -> bool {
        let judge = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        judge.is_some_and(|judge| judge(moment))
    }
}

/// Runs one function. Clones share its processes, which are killed when the last clone is dropped.
#[derive(Clone)]
pub struct FunctionHost {
    shared: Arc<Shared>,
    _owner: Arc<Owner>,
}

impl fmt::Debug for FunctionHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionHost").field("function", &self.shared.function.name).finish_non_exhaustive()
    }
}

impl FunctionHost {
    /// Makes a host. A process starts when there is an event for it.
    pub fn start(function: Function, sink: LogSink) -> Self {
        let shared = Arc::new(Shared::new(function, sink));
        Self { _owner: Arc::new(Owner(Arc::clone(&shared))), shared }
    }

    /// Returns the function's name.
    pub fn name(&self) -> &str {
        &self.shared.function.name
    }

    /// Has the function work on an event and waits for the outcome (`RequestResponse`). At once
    /// [`InvokeError::Throttled`] when every environment is at work. When the outcome is there, the environment
    /// can take the next event.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Result<Invocation, InvokeError> {
        self.invoke_within(event, Duration::ZERO).await
    }

    /// Has the function work on an event as [`Self::invoke`] does, but waits for an environment so long before it is
    /// [`InvokeError::Throttled`]. Lambda does not wait; one machine may.
    pub async fn invoke_within(
        &self,
        event: impl Into<Bytes>,
        patience: Duration,
    ) -> Result<Invocation, InvokeError> {
        let event = event.into();
        let _open = Open::new(&self.shared.open);
        let slots = Arc::clone(&self.shared.slots);
        let slot = match Arc::clone(&slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(TryAcquireError::Closed) => return Err(InvokeError::Stopped),
            Err(TryAcquireError::NoPermits) => {
                let waited = tokio::time::timeout(patience, slots.acquire_owned()).await;
                waited.map_err(|_| InvokeError::Throttled)?.map_err(|_| InvokeError::Stopped)?
            }
        };
        self.shared.run(slot, event).await
    }

    /// Has the function work on an event as soon as an environment is free (`Event`). A failure is logged and,
    /// unlike in Lambda's default, not tried again: a schedule comes again by itself.
    pub fn invoke_event(&self, event: impl Into<Bytes>) {
        let (shared, event) = (Arc::clone(&self.shared), event.into());
        let open = Open::new(&self.shared.open);
        tokio::spawn(async move {
            let _open = open;
            let outcome = match Arc::clone(&shared.slots).acquire_owned().await {
                Ok(slot) => shared.run(slot, event).await,
                Err(_) => Err(InvokeError::Stopped),
            };
            if let Err(error) = outcome {
                tracing::warn!(function = shared.function.name, %error, "an asynchronous event failed");
            }
        });
    }

    /// Returns how many events are at work or wait for an environment.
    pub fn open_events(&self) -> usize {
        *self.shared.open.borrow()
    }

    /// Returns [`Self::open_events`] to be waited on.
    pub fn watch_open_events(&self) -> watch::Receiver<usize> {
        self.shared.open.subscribe()
    }

    /// Returns how many processes have been started so far, dead ones included.
    pub fn environments_started(&self) -> u64 {
        self.shared.pool().started
    }

    /// Kills every process at once, at work or not (SIGKILL), and waits until they are dead. Returns how many.
    pub async fn kill_all(&self) -> usize {
        self.shared.kill_all().await
    }

    /// Kills one process, rather one at work than an idle one, and waits until it is dead. Returns whether there
    /// was one.
    pub async fn kill_one(&self) -> bool {
        self.shared.kill_one().await
    }

    /// Kills the process of an event at every moment for which `judge` says so, until [`Self::spare`].
    pub fn kill_during(&self, judge: impl Fn(&Moment<'_>) -> bool + Send + Sync + 'static) {
        self.shared.kill_during.set(Some(Arc::new(judge)));
    }

    /// Ends [`Self::kill_during`].
    pub fn spare(&self) {
        self.shared.kill_during.set(None);
    }

    /// Takes no more events, waits for those at work at most `grace`, then ends the processes. Waiting asynchronous
    /// events are dropped.
    pub async fn stop(&self, grace: Duration) {
        self.shared.slots.close();
        let mut open = self.shared.open.subscribe();
        if tokio::time::timeout(grace, open.wait_for(|open| *open == 0)).await.is_err() {
            tracing::warn!(function = self.name(), "events were still at work when the host stopped");
        }
        self.kill_all().await;
    }
}
