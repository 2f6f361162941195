//! Runs functions as Lambda does: processes that poll a Runtime API, one event at a time each, as many of them as
//! there is work for.

mod environment;
mod runtime_api;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use self::environment::{Environment, Job, Kill};
use crate::ids;
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

struct Shared {
    function: Arc<Function>,
    sink: LogSink,
    kill_during: Arc<Predicate>,
    /// One permit per event at work.
    slots: Arc<Semaphore>,
    /// Events that were taken and have no outcome yet, waiting ones included.
    open: watch::Sender<usize>,
    pool: Mutex<Pool>,
}

/// Held by every clone of a host, and by nothing that works for it: with the last clone, the work ends.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.slots.close();
        let mut pool = self.0.pool();
        pool.closed = true;
        // An environment whose handle is gone kills its process.
        pool.environments.clear();
    }
}

#[derive(Default)]
struct Pool {
    closed: bool,
    events: u64,
    started: u64,
    environments: BTreeMap<u64, Handle>,
    /// Environments without work; the one that worked last comes first, as in Lambda.
    idle: Vec<u64>,
}

struct Handle {
    jobs: mpsc::Sender<Job>,
    kills: mpsc::Sender<Kill>,
}

impl FunctionHost {
    /// Makes a host. A process starts when there is an event for it.
    pub fn start(function: Function, sink: LogSink) -> Self {
        let slots = Arc::new(Semaphore::new(function.max_environments));
        let shared = Shared {
            function: Arc::new(function),
            sink,
            kill_during: Arc::default(),
            slots,
            open: watch::Sender::default(),
            pool: Mutex::default(),
        };
        let shared = Arc::new(shared);
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
        let event = event.into();
        let _open = Open::new(&self.shared.open);
        if self.shared.slots.is_closed() {
            return Err(InvokeError::Stopped);
        }
        let slot = Arc::clone(&self.shared.slots).try_acquire_owned();
        self.shared.run(slot.map_err(|_| InvokeError::Throttled)?, event).await
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
        let doomed: Vec<_> = self.shared.pool().environments.values().map(|one| one.kills.clone()).collect();
        kill(doomed).await
    }

    /// Kills one process, rather one at work than an idle one, and waits until it is dead. Returns whether there
    /// was one.
    pub async fn kill_one(&self) -> bool {
        let doomed = {
            let pool = self.shared.pool();
            let at_work = pool.environments.iter().find(|(number, _)| !pool.idle.contains(number));
            at_work.or(pool.environments.iter().next()).map(|(_, one)| one.kills.clone())
        };
        kill(doomed.into_iter().collect()).await > 0
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

impl Shared {
    async fn run(
        self: &Arc<Self>,
        slot: OwnedSemaphorePermit,
        payload: Bytes,
    ) -> Result<Invocation, InvokeError> {
        if payload.len() > LARGEST_EVENT {
            return Err(InvokeError::TooLarge { bytes: payload.len() });
        }
        let (reply, outcome) = oneshot::channel();
        let nth = {
            let mut pool = self.pool();
            pool.events += 1;
            pool.events
        };
        let mut job = Job { request_id: ids::request_id(), payload, nth, reply, permit: slot };
        while let Some(jobs) = self.take_idle() {
            match jobs.try_send(job) {
                Ok(()) => return outcome.await.unwrap_or(Err(InvokeError::Stopped)),
                // It ended meanwhile: the next.
                Err(returned) => job = returned.into_inner(),
            }
        }
        self.start_environment(job);
        outcome.await.unwrap_or(Err(InvokeError::Stopped))
    }

    fn start_environment(self: &Arc<Self>, job: Job) {
        // One job at a time: an environment is only sent one while it is idle.
        let (jobs, received) = mpsc::channel(1);
        let (kills, killed) = mpsc::channel(1);
        let number = {
            let mut pool = self.pool();
            if pool.closed {
                return;
            }
            pool.started += 1;
            let number = pool.started;
            pool.environments.insert(number, Handle { jobs, kills });
            number
        };
        let life = Life {
            shared: Arc::downgrade(self),
            function: Arc::clone(&self.function),
            sink: self.sink.clone(),
            kill_during: Arc::clone(&self.kill_during),
            number,
        };
        tokio::spawn(life.run(job, received, killed));
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<mpsc::Sender<Job>> {
        let mut pool = self.pool();
        let number = pool.idle.pop()?;
        pool.environments.get(&number).map(|one| one.jobs.clone())
    }

    fn is_idle(&self, number: u64) {
        self.pool().idle.push(number);
    }

    fn is_gone(&self, number: u64) {
        let mut pool = self.pool();
        pool.environments.remove(&number);
        pool.idle.retain(|idle| *idle != number);
    }
}

/// The life of one environment, from its first event to its end.
struct Life {
    shared: Weak<Shared>,
    function: Arc<Function>,
    sink: LogSink,
    kill_during: Arc<Predicate>,
    number: u64,
}

impl Life {
    async fn run(self, first: Job, mut jobs: mpsc::Receiver<Job>, killed: mpsc::Receiver<Kill>) {
        let mut job = first;
        let environment = Environment::spawn(
            Arc::clone(&self.function),
            self.number,
            self.sink.clone(),
            Arc::clone(&self.kill_during),
            killed,
        );
        let mut environment = match environment.await {
            Ok(environment) => environment,
            Err(error) => return self.end(job, Err(error)),
        };
        let mut next = match environment.init().await {
            Ok(next) => next,
            Err(error) => return self.end(job, Err(error)),
        };
        let mut cold = true;
        loop {
            let (outcome, asked) = environment.work(next, &job, cold).await;
            let Some(asked) = asked else {
                return self.end(job, outcome);
            };
            cold = false;
            // First free, then the outcome: whoever sees the outcome finds the environment free.
            if let Some(shared) = self.shared.upgrade() {
                shared.is_idle(self.number);
            }
            settle(job, outcome);
            let Some((following, answer)) = environment.idle(&mut jobs, asked).await else {
                return self.is_gone();
            };
            (job, next) = (following, answer);
        }
    }

    fn end(&self, job: Job, outcome: Result<Invocation, InvokeError>) {
        self.is_gone();
        settle(job, outcome);
    }

    fn is_gone(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.is_gone(self.number);
        }
    }
}

fn settle(job: Job, outcome: Result<Invocation, InvokeError>) {
    drop(job.permit);
    // Nobody may wait for it any more.
    let _ = job.reply.send(outcome);
}

async fn kill(doomed: Vec<mpsc::Sender<Kill>>) -> usize {
    let mut waiting = Vec::new();
    for kills in doomed {
        let (told, dead) = oneshot::channel();
        if kills.send(told).await.is_ok() {
            waiting.push(dead);
        }
    }
    let killed = waiting.len();
    for dead in waiting {
        // An error means that the environment ended on its own meanwhile.
        let _ = dead.await;
    }
    killed
}

/// Counts an event as open while it lives.
struct Open(watch::Sender<usize>);

impl Open {
    fn new(open: &watch::Sender<usize>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
