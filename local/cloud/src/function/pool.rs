//! The environments of one function: which are free, which are at work, and when there is a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::environment::{Environment, Job, Kill};
use super::{Function, Invocation, InvokeError, LARGEST_EVENT, Predicate};
use crate::ids;
use crate::logs::LogSink;

/// What the clones of a host share.
pub(super) struct Shared {
    pub(super) function: Arc<Function>,
    pub(super) sink: LogSink,
    pub(super) kill_during: Arc<Predicate>,
    /// One permit per event at work.
    pub(super) slots: Arc<Semaphore>,
    /// Events that were taken and have no outcome yet, waiting ones included.
    pub(super) open: watch::Sender<usize>,
    pool: Mutex<Pool>,
}

/// Held by every clone of a host, and by nothing that works for it: with the last clone, the work ends.
pub(super) struct Owner(pub(super) Arc<Shared>);

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
pub(super) struct Pool {
    closed: bool,
    events: u64,
    pub(super) started: u64,
    environments: BTreeMap<u64, Handle>,
    /// Environments without work; the one that worked last comes first, as in Lambda.
    idle: Vec<u64>,
}

struct Handle {
    jobs: mpsc::Sender<Job>,
    kills: mpsc::Sender<Kill>,
}

impl Shared {
    /// Has the next free environment, or a new one, work on an event.
    pub(super) async fn run(
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

    pub(super) fn new(function: Function, sink: LogSink) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(function.max_environments)),
            function: Arc::new(function),
            sink,
            kill_during: Arc::default(),
            open: watch::Sender::default(),
            pool: Mutex::default(),
        }
    }

    /// Kills every environment; returns how many there were.
    pub(super) async fn kill_all(&self) -> usize {
        let doomed: Vec<_> = self.pool().environments.values().map(|one| one.kills.clone()).collect();
        kill(doomed).await
    }

    /// Kills one environment, rather one at work; returns whether there was one.
    pub(super) async fn kill_one(&self) -> bool {
        let doomed = {
            let pool = self.pool();
            let at_work = pool.environments.iter().find(|(number, _)| !pool.idle.contains(number));
            at_work.or(pool.environments.iter().next()).map(|(_, one)| one.kills.clone())
        };
        kill(doomed.into_iter().collect()).await > 0
    }

    pub(super) fn pool(&self) -> MutexGuard<'_, Pool> {
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
                return self.hand_back(jobs);
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

    /// Gives an event that came in the very instant in which the process ended to another environment.
    fn hand_back(&self, mut jobs: mpsc::Receiver<Job>) {
        self.is_gone();
        jobs.close();
        if let (Some(shared), Ok(job)) = (self.shared.upgrade(), jobs.try_recv()) {
            shared.start_environment(job);
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
pub(super) struct Open(watch::Sender<usize>);

impl Open {
    pub(super) fn new(open: &watch::Sender<usize>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
