//! One execution environment: a process of the function, its Runtime API, and the order in which things may happen.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use super::process::{Lines, command};
use super::runtime_api::{Answer, ApiRequest, ErrorReport, Event, LARGEST_RESPONSE, RuntimeApi};
use super::{Function, Invocation, InvokeError, Moment, Point, Predicate};
use crate::logs::{LogLine, LogSink, LogSource};
use crate::{ACCOUNT_ID, REGION, ids};

/// Lambda gives a function ten seconds to ask for its first event.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How long the pipes of a dead process may still be held open, by children of its own.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// One event to be worked on, and whoever waits for the outcome.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// The nth event of the host, from 1.
    pub(super) nth: u64,
    pub(super) reply: oneshot::Sender<Result<Invocation, InvokeError>>,
    /// Held while the environment works, so that no more of them work than the function allows.
    pub(super) permit: OwnedSemaphorePermit,
}

/// What an environment is told from outside: to die, and whom to tell when it has.
pub(super) type Kill = oneshot::Sender<()>;

/// What happened to the process.
enum Happening {
    Api(ApiRequest),
    Exited(String),
    Killed(Option<Kill>),
}

/// How an event ended, and whether the process asks for another.
struct End {
    outcome: Result<Bytes, InvokeError>,
    next: Option<oneshot::Sender<Event>>,
}

pub(super) struct Environment {
    function: Arc<Function>,
    number: u64,
    name: Arc<str>,
    sink: LogSink,
    kill_during: Arc<Predicate>,
    child: Child,
    /// Held open, not written to: its end tells the process that this one is gone.
    _stdin: Option<ChildStdin>,
    stdout: Lines<ChildStdout>,
    stderr: Lines<ChildStderr>,
    _api: RuntimeApi,
    requests: mpsc::Receiver<ApiRequest>,
    kills: mpsc::Receiver<Kill>,
    /// The request that lines belong to.
    current: Option<Arc<str>>,
    nth: u64,
}

impl Environment {
    /// Starts the process.
    pub(super) async fn spawn(
        function: Arc<Function>,
        number: u64,
        sink: LogSink,
        kill_during: Arc<Predicate>,
        kills: mpsc::Receiver<Kill>,
    ) -> Result<Self, InvokeError> {
        let failed = |problem: std::io::Error| InvokeError::Init {
            error_type: "Runtime.InvalidEntrypoint".to_owned(),
            message: format!("cannot start the process: {problem}"),
        };
        let (api, requests) = RuntimeApi::start().await.map_err(failed)?;
        let mut child = command(&function, number, &api).spawn().map_err(failed)?;
        // Waiting for the child would close it.
        let stdin = child.stdin.take();
        let stdout = Lines::new(child.stdout.take());
        let stderr = Lines::new(child.stderr.take());
        let name = Arc::from(function.name.as_str());
        Ok(Self {
            function,
            number,
            name,
            sink,
            kill_during,
            child,
            _stdin: stdin,
            stdout,
            stderr,
            _api: api,
            requests,
            kills,
            current: None,
            nth: 0,
        })
    }

    /// Waits until the function asks for its first event.
    pub(super) async fn init(&mut self) -> Result<oneshot::Sender<Event>, InvokeError> {
        let deadline = Instant::now() + INIT_LIMIT;
        loop {
            let happening = tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => {
                    self.kill().await;
                    return Err(self.init_failed("Runtime.InitTimeout", format!("no first event asked for within {INIT_LIMIT:?}")));
                }
                happening = self.happening() => happening,
            };
            match happening {
                Happening::Api(ApiRequest::Next { reply }) => return Ok(reply),
                Happening::Api(ApiRequest::InitError { report, reply }) => {
                    let _ = reply.send(Answer::Accepted);
                    self.let_go().await;
                    return Err(self.init_failed(&report.error_type, report.error_message));
                }
                Happening::Api(other) => refuse(other, Answer::WrongState),
                Happening::Exited(status) => {
                    let message = format!("the process ended before it asked for an event ({status})");
                    return Err(self.init_failed("Runtime.ExitError", message));
                }
                Happening::Killed(told) => {
                    let status = self.kill().await;
                    tell(told);
                    return Err(
                        self.init_failed("Runtime.ExitError", format!("the process was killed ({status})"))
                    );
                }
            }
        }
    }

    /// Works on one event. Returns where the next may be sent when the process is ready for one.
    pub(super) async fn work(
        &mut self,
        next: oneshot::Sender<Event>,
        job: &Job,
        cold: bool,
    ) -> (Result<Invocation, InvokeError>, Option<oneshot::Sender<Event>>) {
        self.current = Some(Arc::from(job.request_id.as_str()));
        self.nth = job.nth;
        let started = Instant::now();
        let event = self.event(job);
        // A process that hung up meanwhile is dead or asks again; either shows below.
        let _ = next.send(event);
        let mut end = None;
        if self.is_time_to_kill(Point::Started) {
            end = Some(self.crash(None).await);
        }
        let end = match end {
            Some(end) => end,
            None => self.run(&job.request_id, started + self.function.timeout).await,
        };
        let environment = self.number;
        let outcome = end.outcome.map(|payload| Invocation {
            request_id: job.request_id.clone(),
            payload,
            environment,
            cold,
            duration: started.elapsed(),
        });
        if let Err(error) = &outcome {
            self.log(LogSource::Platform, format!("RequestId: {} Error: {error}", job.request_id));
        }
        (outcome, end.next)
    }

    /// Waits, without work, until there is a job. `None` when the process is gone or nobody can send one any more.
    pub(super) async fn idle(
        &mut self,
        jobs: &mut mpsc::Receiver<Job>,
        mut next: oneshot::Sender<Event>,
    ) -> Option<(Job, oneshot::Sender<Event>)> {
        loop {
            tokio::select! {
                biased;
                happening = self.happening() => match happening {
                    Happening::Api(ApiRequest::Next { reply }) => next = reply,
                    Happening::Api(other) => refuse(other, Answer::UnknownRequest),
                    Happening::Exited(status) => {
                        self.log(LogSource::Platform, format!("the process ended while it had nothing to do ({status})"));
                        return None;
                    }
                    Happening::Killed(told) => {
                        self.kill().await;
                        tell(told);
                        return None;
                    }
                },
                job = jobs.recv() => {
                    if job.is_none() {
                        self.kill().await;
                    }
                    return job.map(|job| (job, next));
                }
            }
        }
    }

    fn event(&self, job: &Job) -> Event {
        let deadline = SystemTime::now() + self.function.timeout;
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Event {
            request_id: job.request_id.clone(),
            deadline_ms: u64::try_from(deadline_ms).unwrap_or(u64::MAX),
            function_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{}", self.function.name),
            trace_id: ids::trace_id(),
            payload: job.payload.clone(),
        }
    }

    /// Waits for the answer to the event at work and then for the call for the next one. Both count towards the
    /// deadline, as in Lambda.
    async fn run(&mut self, request_id: &str, deadline: Instant) -> End {
        let mut outcome = None;
        loop {
            let happening = tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => {
                    self.kill().await;
                    let timed_out = InvokeError::TimedOut { after: self.function.timeout };
                    return End { outcome: outcome.unwrap_or(Err(timed_out)), next: None };
                }
                happening = self.happening() => happening,
            };
            match happening {
                Happening::Api(ApiRequest::Response { request_id: id, body, reply }) => {
                    if id != request_id || outcome.is_some() {
                        let _ = reply.send(Answer::UnknownRequest);
                        continue;
                    }
                    if self.is_time_to_kill(Point::Responded) {
                        return self.crash(None).await;
                    }
                    let taken = body.map_err(|_| response_too_large());
                    let _ = reply.send(if taken.is_ok() { Answer::Accepted } else { Answer::TooLarge });
                    outcome = Some(taken);
                }
                Happening::Api(ApiRequest::Error { request_id: id, report, reply }) => {
                    if id != request_id || outcome.is_some() {
                        // After a response that was too large, the function reports so itself.
                        let known = id == request_id;
                        let _ = reply.send(if known { Answer::Accepted } else { Answer::UnknownRequest });
                        continue;
                    }
                    let _ = reply.send(Answer::Accepted);
                    outcome = Some(Err(function_error(report)));
                }
                Happening::Api(ApiRequest::Next { reply }) => match outcome.take() {
                    Some(outcome) => return End { outcome, next: Some(reply) },
                    // It asks for another event without having answered this one.
                    None => drop(reply),
                },
                Happening::Api(other @ ApiRequest::InitError { .. }) => refuse(other, Answer::WrongState),
                Happening::Exited(status) => {
                    let crashed = InvokeError::Crashed { status };
                    return End { outcome: outcome.unwrap_or(Err(crashed)), next: None };
                }
                Happening::Killed(told) => {
                    let end = self.crash(told).await;
                    return End { outcome: outcome.unwrap_or(end.outcome), next: None };
                }
            }
        }
    }

    async fn crash(&mut self, told: Option<Kill>) -> End {
        let status = self.kill().await;
        tell(told);
        End { outcome: Err(InvokeError::Crashed { status }), next: None }
    }

    /// Waits for something that concerns the order of things, and passes lines on meanwhile. What a process printed
    /// before a call is passed on before the call: lines are looked at first.
    async fn happening(&mut self) -> Happening {
        loop {
            let (source, line) = tokio::select! {
                biased;
                line = self.stdout.next() => (LogSource::Stdout, line),
                line = self.stderr.next() => (LogSource::Stderr, line),
                Some(request) = self.requests.recv() => return Happening::Api(request),
                // Without a sender left, the host itself is gone.
                kill = self.kills.recv() => return Happening::Killed(kill),
                status = self.child.wait() => {
                    let status = worded(status);
                    self.drain().await;
                    return Happening::Exited(status);
                }
            };
            let kill = self.is_time_to_kill(Point::Printed(&line));
            self.log(source, line);
            if kill {
                return Happening::Killed(None);
            }
        }
    }

    fn is_time_to_kill(&self, point: Point<'_>) -> bool {
        let Some(request_id) = self.current.as_deref() else {
            return false;
        };
        self.kill_during.holds(&Moment { request_id, nth: self.nth, point })
    }

    /// Kills the process and passes on what it had printed. Returns how it ended.
    async fn kill(&mut self) -> String {
        if let Err(problem) = self.child.start_kill() {
            // It has ended on its own.
            tracing::debug!(%problem, "nothing to kill");
        }
        let status = worded(self.child.wait().await);
        self.drain().await;
        status
    }

    /// Gives a process that reported that it cannot start a moment to end on its own.
    async fn let_go(&mut self) {
        let ended = tokio::time::timeout(DRAIN_LIMIT, self.child.wait()).await;
        if ended.is_err() {
            self.kill().await;
        }
        self.drain().await;
    }

    /// Passes on what is left in the pipes of a process that has ended.
    async fn drain(&mut self) {
        let deadline = Instant::now() + DRAIN_LIMIT;
        while let Ok(Some(line)) = tokio::time::timeout_at(deadline, self.stdout.read()).await {
            self.log(LogSource::Stdout, line);
        }
        while let Ok(Some(line)) = tokio::time::timeout_at(deadline, self.stderr.read()).await {
            self.log(LogSource::Stderr, line);
        }
    }

    fn init_failed(&self, error_type: &str, message: String) -> InvokeError {
        let error = InvokeError::Init { error_type: error_type.to_owned(), message };
        self.log(LogSource::Platform, format!("INIT_REPORT Error: {error}"));
        error
    }

    fn log(&self, source: LogSource, text: String) {
        self.sink.take(LogLine {
            function: Arc::clone(&self.name),
            environment: self.number,
            request_id: self.current.clone(),
            source,
            text,
        });
    }
}

fn tell(told: Option<Kill>) {
    if let Some(told) = told {
        let _ = told.send(());
    }
}

fn refuse(request: ApiRequest, answer: Answer) {
    match request {
        ApiRequest::Next { .. } => {}
        ApiRequest::Response { reply, .. }
        | ApiRequest::Error { reply, .. }
        | ApiRequest::InitError { reply, .. } => {
            let _ = reply.send(answer);
        }
    }
}

fn function_error(report: ErrorReport) -> InvokeError {
    InvokeError::FunctionError { error_type: report.error_type, message: report.error_message }
}

fn response_too_large() -> InvokeError {
    InvokeError::FunctionError {
        error_type: "Function.ResponseSizeTooLarge".to_owned(),
        message: format!("the response is larger than {LARGEST_RESPONSE} bytes"),
    }
}

fn worded(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|problem| format!("unknown status: {problem}"), |status| status.to_string())
}
