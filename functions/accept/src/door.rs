//! One request: known to come from the store system, read, stored, and only then answered.

use std::time::{Duration, Instant};

use dougong_intake::{Intake, IntakeError, Taken};
use dougong_ledger::NewDocument;
use dougong_runtime::{Deadline, Metrics, Parts, StartError, Unit, epoch_ms, with_causes};
use dougong_store::auth::{HeaderMap, Incoming, ReplayMark, Verifier};
use dougong_store::{
    Acknowledgement, Answer, Encoding, LARGEST_PUSH, Push, PushError, Reply, Seq, read_push,
};
use dougong_values::{BeijingTime, DocumentKey, SchemeId, Version};
use tracing::{error, info, warn};

use crate::http::HttpRequest;

/// How long storing a push may take. Platforms give up after three to five seconds (`protocols/store.md` §2.2); what
/// is not stored by then they send again.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Kept back of the invocation's time for answering.
const WIND_UP: Duration = Duration::from_millis(300);

/// Takes pushes in.
pub(crate) struct Door {
    parts: Parts,
    verifier: Verifier,
    acknowledgement: Acknowledgement,
    encoding: Encoding,
    /// Whether one bill that cannot be read refuses its whole push.
    reject_bad_batch: bool,
}

/// How a request ended: what its caller is told, and what is counted.
struct Outcome {
    answer: Answer,
    seq: Option<Seq>,
    count: &'static str,
    taken: Taken,
}

impl Outcome {
    fn new(answer: Answer, seq: Option<&Seq>, count: &'static str) -> Self {
        Self { answer, seq: seq.cloned(), count, taken: Taken::default() }
    }
}

impl Door {
    pub(crate) fn new(parts: Parts) -> Result<Self, StartError> {
        let (Some(verifier), Some(store)) = (parts.store_verifier()?, &parts.config.store) else {
            let problem = "the configuration has no store system, so there is nothing to accept\n\
                           hint: write [store] with its url in dougong.toml";
            return Err(StartError { problems: vec![problem.to_owned()] });
        };
        let (acknowledgement, encoding) = (store.acknowledgement.clone(), store.encoding);
        let reject_bad_batch = store.reject_bad_batch;
        Ok(Self { parts, verifier, acknowledgement, encoding, reject_bad_batch })
    }

    /// Answers a request. Success is only said of what is in the queue and in the ledger.
    pub(crate) async fn answer(&self, request: &HttpRequest, deadline: Deadline) -> Reply {
        let started = Instant::now();
        let outcome = match request.request_context.http.method.as_str() {
            "GET" | "HEAD" => Outcome::new(Answer::Stored, None, "probes"),
            _ => self.push(request, deadline).await,
        };
        measure(&outcome, started);
        self.acknowledgement.reply(outcome.answer, outcome.seq.as_ref())
    }

    async fn push(&self, request: &HttpRequest, deadline: Deadline) -> Outcome {
        let Ok(body) = request.body() else {
            warn!("the body is said to be base64 and is not");
            return Outcome::new(Answer::Malformed, None, "malformed");
        };
        if body.len() > LARGEST_PUSH {
            warn!(bytes = body.len(), "the push is too large to be read");
            return Outcome::new(Answer::Malformed, None, "malformed");
        }
        let verified = self.verify(request, &body);
        let push = read_push(&body, self.encoding);
        let seq = match &push {
            Ok(push) => push.seq.as_ref(),
            Err(error) => error.seq(),
        };
        let replay = match verified {
            Ok(replay) => replay,
            Err(outcome) => return Outcome { seq: seq.cloned(), ..outcome },
        };
        // What is not stored in time is sent again; what was is known then.
        let patience = deadline.left_after(WIND_UP).min(PATIENCE);
        let until = tokio::time::Instant::now() + patience;
        let stored = tokio::time::timeout_at(until, self.store(&push, &body, replay.as_ref(), until)).await;
        match stored {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(problem)) => {
                error!(error = with_causes(&problem), reason = problem.name(), "the push was not stored");
                Outcome::new(Answer::Unavailable, seq, "unavailable")
            }
            Err(_elapsed) => {
                let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
                error!(patience_ms, reason = "too_slow", "the push was not stored in time");
                Outcome::new(Answer::Unavailable, seq, "unavailable")
            }
        }
    }

    /// Verifies the bytes as they came, before anything is made of them.
    fn verify(&self, request: &HttpRequest, body: &[u8]) -> Result<Option<ReplayMark>, Outcome> {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<dougong_store::auth::HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        let http = &request.request_context.http;
        let push = Incoming {
            method: &http.method,
            path: &request.raw_path,
            token: request.path_token(),
            query: &request.raw_query_string,
            headers: &headers,
            body,
            source: http.source_ip.parse().ok(),
        };
        match self.verifier.verify(&push, BeijingTime::now()) {
            Ok(verified) => Ok(verified.replay),
            Err(refused) => {
                warn!(reason = refused.name(), error = %refused, source_ip = http.source_ip, "the push was refused");
                Err(Outcome::new(Answer::Unauthenticated, None, "refused"))
            }
        }
    }

    /// Stores what the push brings, unless it was stored before under the same signature.
    async fn store(
        &self,
        push: &Result<Push, PushError>,
        body: &[u8],
        replay: Option<&ReplayMark>,
        until: tokio::time::Instant,
    ) -> Result<Outcome, IntakeError> {
        let ledger = &self.parts.ledger;
        let failed = |source| IntakeError::Ledger { operation: "remember a signature", source };
        if let Some(mark) = replay
            && ledger.is_seen(&mark.digest, epoch_ms()).await.map_err(failed)?
        {
            warn!(reason = "push_replayed", "the push was refused");
            let seq = push.as_ref().map_or_else(PushError::seq, |push| push.seq.as_ref());
            return Ok(Outcome::new(Answer::Unauthenticated, seq, "refused"));
        }
        let outcome = match push {
            Ok(push) => self.take(push, until).await?,
            Err(error) => self.refuse(error, body).await?,
        };
        if let Some(mark) = replay {
            // Last: a push that was not stored is free to come again as it is.
            let until_ms = mark.until.epoch_seconds() * 1_000;
            ledger.remember_seen(&mark.digest, until_ms, epoch_ms()).await.map_err(failed)?;
        }
        Ok(outcome)
    }

    async fn take(&self, push: &Push, until: tokio::time::Instant) -> Result<Outcome, IntakeError> {
        let Parts { ledger, queue, config, .. } = &self.parts;
        let bills = push.rows.len();
        if self.reject_bad_batch
            && let Some(Err(row)) = push.rows.iter().find(|row| row.is_err())
        {
            warn!(command = push.command, error = %row.error, reason = "bad_batch", "the push is refused as a whole");
            return Ok(Outcome::new(Answer::Malformed, push.seq.as_ref(), "malformed"));
        }
        let taken =
            Intake::new(ledger, queue).take_bills(config, push.kind, push.rows.clone(), until).await?;
        info!(
            command = push.command,
            bills,
            queued = taken.queued,
            known = taken.known,
            parked = taken.parked,
            "push stored"
        );
        Ok(Outcome { taken, ..Outcome::new(Answer::Stored, push.seq.as_ref(), "pushes") })
    }

    /// Answers what brings no bills. An unknown command is kept and shown, once: the vendor may have added one.
    async fn refuse(&self, error: &PushError, body: &[u8]) -> Result<Outcome, IntakeError> {
        let seq = error.seq();
        let PushError::UnknownCommand { command, .. } = error else {
            warn!(error = %error, reason = error.name(), "the push cannot be read");
            return Ok(Outcome::new(error.answer(), seq, "malformed"));
        };
        let source_json = String::from_utf8_lossy(body).into_owned();
        let document = NewDocument {
            key: DocumentKey::unknown_command(command),
            scheme: SchemeId::unassigned(),
            // One document for all pushes of the command: the first one shows what they are.
            version: Version::of(command),
            modified: None,
            day: BeijingTime::now().day(),
            amount: None,
            source_json,
            warnings: None,
        };
        let intake = Intake::new(&self.parts.ledger, &self.parts.queue);
        if intake.park(&document, "unknown_command", &error.to_string()).await? {
            error!(command, document = %document.key, reason = error.name(), "the store system sends an unknown command");
        }
        Ok(Outcome::new(error.answer(), seq, "unknown_commands"))
    }
}

fn measure(outcome: &Outcome, started: Instant) {
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut metrics = Metrics::new("accept", "all");
    metrics.count(outcome.count);
    if outcome.answer == Answer::Stored {
        metrics.add("queued", Unit::Count, count(outcome.taken.queued));
        metrics.add("known", Unit::Count, count(outcome.taken.known));
        metrics.add("parked", Unit::Count, count(outcome.taken.parked));
    }
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
}
