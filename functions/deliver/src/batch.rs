//! The messages of one invocation: each alone, with slots for all of them at once.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use dougong_bip::{NoSlot, Slot};
use dougong_ledger::{Attempt, LedgerError, REST_MS};
use dougong_queue::Message;
use dougong_runtime::{Metrics, Unit, epoch_ms, with_causes};
use futures_util::FutureExt;
use futures_util::future::join_all;
use tracing::{error, info, warn};

use crate::backoff::{AFTER_UNKNOWN_SECONDS, Jitter, growing, until};
use crate::ending::{Again, Ending};
use crate::prepare::{Held, Prepared};
use crate::{Deliver, Invocation};

/// Kept back of the invocation's time for recording outcomes and answering.
const WIND_UP: Duration = Duration::from_secs(5);
/// A pause is believed for so long before the ledger is asked again.
const ASK_AGAIN_MS: i64 = 30_000;
/// So often what was not found is looked for again after a short while.
const MOST_HASTY_LOOKS: u32 = 4;
/// A message that panics although it came so often is kept for a person: waits until then have grown to an hour.
const MOST_RECEIVES: u32 = 10;

/// The pause that this environment knows of: while it lasts, messages go back without a single request.
#[derive(Debug, Default)]
pub(crate) struct KnownPause {
    until_ms: AtomicI64,
    /// From then on the ledger is asked again: an operator may have ended the pause.
    ask_again_ms: AtomicI64,
}

impl KnownPause {
    /// Returns the pause's end while it is to be believed without asking.
    fn believed(&self, now_ms: i64) -> Option<i64> {
        let until = self.until_ms.load(Ordering::Relaxed);
        (now_ms < until.min(self.ask_again_ms.load(Ordering::Relaxed))).then_some(until)
    }

    fn learn(&self, until_ms: i64, now_ms: i64) {
        self.until_ms.store(until_ms, Ordering::Relaxed);
        self.ask_again_ms.store(now_ms + ASK_AGAIN_MS, Ordering::Relaxed);
    }
}

/// One message on its way through the invocation.
struct Item<'a> {
    record: &'a SqsMessage,
    id: &'a str,
    receives: u32,
}

impl<'a> Item<'a> {
    fn of(record: &'a SqsMessage) -> Self {
        let receives = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        Self { record, id: record.message_id.as_deref().unwrap_or_default(), receives: receives.unwrap_or(1) }
    }
}

impl Deliver {
    /// Delivers the messages of an event; the answer names those that come back.
    pub(crate) async fn deliver(&self, event: &SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
        let started = Instant::now();
        let items: Vec<Item<'_>> = event.records.iter().map(Item::of).collect();
        let mut endings = match self.pause.believed(epoch_ms()) {
            Some(until) => vec![Ending::Again(Again::At(until)); items.len()],
            None => self.deliver_all(&items, invocation).await,
        };
        for (item, ending) in items.iter().zip(&mut endings) {
            if *ending == Ending::Again(Again::Panicked) && item.receives >= MOST_RECEIVES {
                *ending = self.keep(item, invocation).await;
            }
        }
        let failures =
            join_all(items.iter().zip(&endings).map(|(item, ending)| self.answer(item, *ending))).await;
        measure(&endings, started);
        let batch_item_failures = failures.into_iter().flatten().collect();
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = batch_item_failures;
        response
    }

    async fn deliver_all(&self, items: &[Item<'_>], invocation: &Invocation) -> Vec<Ending> {
        let limit = invocation.deadline.left_after(WIND_UP);
        let prepared =
            join_all(items.iter().map(|item| alone(item.id, limit, Box::pin(self.open(item, invocation)))))
                .await;

        let mut endings = vec![Ending::Nothing; items.len()];
        let mut held: Vec<(usize, Box<Held>)> = Vec::new();
        let mut tellings: Vec<(usize, Box<Message>)> = Vec::new();
        for (index, prepared) in prepared.into_iter().enumerate() {
            match prepared {
                Ok(Prepared::Held(order)) => held.push((index, order)),
                Ok(Prepared::Telling(message)) => tellings.push((index, message)),
                Ok(Prepared::Ended(ending)) | Err(ending) => endings[index] = ending,
            }
        }
        // What a store is told has slots of its own, so that BIP's orders never wait for the store system.
        let told = join_all(tellings.into_iter().map(|(index, message)| async move {
            let work = self.tell(&message, invocation);
            (index, alone(items[index].id, limit, Box::pin(work)).await)
        }));
        let (booked, told) = futures_util::future::join(self.book(items, held, invocation), told).await;
        for (index, ending) in booked.into_iter().chain(told) {
            endings[index] = ending.unwrap_or_else(|ending| ending);
        }
        endings
    }

    /// Sends what this worker holds to BIP, with slots for all of it at once.
    async fn book(
        &self,
        items: &[Item<'_>],
        held: Vec<(usize, Box<Held>)>,
        invocation: &Invocation,
    ) -> Vec<(usize, Result<Ending, Ending>)> {
        let calls = held.iter().map(|(_, order)| order.calls()).sum();
        let slots = self.slots(calls, invocation).await;
        let limit = invocation.deadline.left_after(WIND_UP);
        join_all(share(held, slots).map(|(index, order, slots)| {
            let work = async move {
                match slots {
                    Ok(slots) => self.settle_one(order, slots).await,
                    Err(again) => self.give_back(&order.hold, Attempt::Uncounted, again).await,
                }
            };
            async move { (index, alone(items[index].id, limit, Box::pin(work)).await) }
        }))
        .await
    }

    async fn settle_one(&self, order: Box<Held>, slots: Vec<Slot>) -> Result<Ending, LedgerError> {
        let settles_other = order.settles_other;
        let ending = self.settle(*order, slots).await?;
        // What an earlier message brought is settled; this message's own version comes next.
        Ok(if settles_other && !matches!(ending, Ending::Again(_)) {
            Ending::Again(Again::Soon)
        } else {
            ending
        })
    }

    /// Reads the message; what is no message of ours goes to the dead-letter queue at once.
    async fn open(&self, item: &Item<'_>, invocation: &Invocation) -> Result<Prepared, LedgerError> {
        let body = item.record.body.as_deref().unwrap_or_default();
        match Message::decode(body) {
            Ok(message) => self.prepare(&message, invocation).await,
            Err(problem) => {
                error!(message_id = item.id, error = with_causes(&problem), "undecodable message");
                Ok(Prepared::Ended(self.dead_letter(item).await))
            }
        }
    }

    /// Moves a message that cannot be helped out of the way.
    async fn dead_letter(&self, item: &Item<'_>) -> Ending {
        match self.parts.queue.dead_letter(item.record.body.as_deref().unwrap_or_default()).await {
            Ok(()) => Ending::DeadLettered,
            Err(problem) => {
                error!(message_id = item.id, error = with_causes(&problem), "not dead-lettered");
                Ending::Again(Again::Failed)
            }
        }
    }

    /// Parks the order of a message that panics time and again; what panics even then is dead-lettered.
    async fn keep(&self, item: &Item<'_>, invocation: &Invocation) -> Ending {
        let work = async {
            match Message::decode(item.record.body.as_deref().unwrap_or_default()) {
                Ok(message) => self.park_panicked(&message, invocation).await,
                Err(_) => Ok(self.dead_letter(item).await),
            }
        };
        match alone(item.id, invocation.deadline.left_after(WIND_UP), Box::pin(work)).await {
            Err(Ending::Again(Again::Panicked)) => self.dead_letter(item).await,
            Ok(ending) | Err(ending) => ending,
        }
    }

    /// Reserves the slots of the whole batch in one step.
    async fn slots(&self, calls: u32, invocation: &Invocation) -> Result<Vec<Slot>, Again> {
        if calls == 0 {
            return Ok(Vec::new());
        }
        let post = self.parts.config.bip.timeouts.total;
        let max_wait = invocation.deadline.left_after(WIND_UP + post);
        if max_wait.is_zero() {
            // The work so far took all the time, or the function's timeout does not fit `bip.total_timeout`.
            error!(
                total_timeout_ms = post.as_millis(),
                "no time is left for a call to BIP; give the function a longer timeout"
            );
            return Err(Again::Growing);
        }
        match self.session.reserve(calls, max_wait).await {
            Ok(slots) => Ok(slots),
            Err(NoSlot::Paused { until_ms, reason }) => {
                info!(until_ms, reason, "calls to BIP are paused");
                self.pause.learn(until_ms, epoch_ms());
                Err(Again::At(until_ms))
            }
            Err(NoSlot::Full { next_ms }) => Err(Again::At(next_ms)),
            Err(NoSlot::State(problem)) => {
                warn!(error = with_causes(&problem), "no slots");
                Err(Again::Growing)
            }
        }
    }

    /// Delays a message that comes back, and names it in the answer.
    async fn answer(&self, item: &Item<'_>, ending: Ending) -> Option<BatchItemFailure> {
        let Ending::Again(again) = ending else { return None };
        let jitter = Jitter::of(item.id, item.receives);
        let now = epoch_ms();
        let after = |pause: Duration| now + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 4);
        let seconds = match again {
            Again::Soon => 1,
            // Looking again sooner would put off the instant when absence is believed.
            Again::Absent if item.receives > MOST_HASTY_LOOKS => until(now + REST_MS, now, jitter),
            Again::Growing | Again::Absent | Again::Failed | Again::Panicked => {
                growing(5, item.receives, jitter)
            }
            Again::Unknown => growing(AFTER_UNKNOWN_SECONDS + 1, item.receives, jitter),
            Again::At(instant) => until(instant, now, jitter),
            // As long as everyone's pause lasts, at least.
            Again::Throttled => until(after(self.parts.config.bip.pauses.throttled), now, jitter),
            Again::Misconfigured => until(after(self.parts.config.bip.pauses.misconfigured), now, jitter),
        };
        if let Some(handle) = &item.record.receipt_handle
            && let Err(problem) = self.parts.queue.delay(handle, seconds).await
        {
            // It comes back when its visibility ends, as it would have anyway.
            warn!(message_id = item.id, error = with_causes(&problem), "not delayed");
        }
        let mut failure = BatchItemFailure::default();
        item.id.clone_into(&mut failure.item_identifier);
        Some(failure)
    }
}

/// Runs one message's work so that its error, its panic and its endlessness are its own.
async fn alone<T>(
    message_id: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, Ending> {
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(problem))) => {
            let error = with_causes(&problem);
            if let LedgerError::OtherVoucher { .. } = problem {
                error!(message_id, error, "booked twice");
                return Err(Ending::Parked);
            }
            warn!(message_id, error, "the ledger failed, the message comes back");
            Err(Ending::Again(Again::Growing))
        }
        Ok(Err(_panic)) => {
            // The panic itself was logged by its place.
            error!(message_id, "the message panicked");
            Err(Ending::Again(Again::Panicked))
        }
        Err(_elapsed) => {
            warn!(message_id, "the message did not end in time and comes back");
            Err(Ending::Again(Again::Failed))
        }
    }
}

/// Hands each order its slots, the earliest first.
fn share(
    held: Vec<(usize, Box<Held>)>,
    slots: Result<Vec<Slot>, Again>,
) -> impl Iterator<Item = (usize, Box<Held>, Result<Vec<Slot>, Again>)> {
    let mut slots = slots.map(Vec::into_iter);
    held.into_iter().map(move |(index, order)| {
        let calls = usize::try_from(order.calls()).unwrap_or(usize::MAX);
        let own = slots.as_mut().map_err(|again| *again).map(|slots| {
            let mut own: Vec<Slot> = slots.take(calls).collect();
            own.reverse(); // popped from the end, the earliest first
            own
        });
        (index, order, own)
    })
}

fn measure(endings: &[Ending], started: Instant) {
    let mut metrics = Metrics::new("deliver", "all");
    for ending in endings {
        metrics.count(match ending {
            Ending::Posted => "posted",
            Ending::AlreadySaved | Ending::AlreadyPosted => "already_posted",
            Ending::Parked => "parked",
            Ending::Skipped => "skipped",
            Ending::Grouped => "grouped",
            Ending::Nothing => "nothing",
            Ending::DeadLettered => "dead_lettered",
            Ending::Again(Again::Throttled) => "throttled",
            Ending::Again(Again::Unknown) => "unknown",
            Ending::Again(Again::Misconfigured) => "misconfigured",
            Ending::Again(Again::Failed | Again::Panicked) => "failed",
            Ending::Again(Again::Soon | Again::Growing | Again::Absent | Again::At(_)) => "delayed",
        });
    }
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    metrics.add("duration", Unit::Milliseconds, took);
    metrics.emit();
    info!(messages = endings.len(), duration_ms = took, "batch done");
}

#[cfg(test)]
mod tests {
    use super::*;

    type Work = std::pin::Pin<Box<dyn Future<Output = Result<Ending, LedgerError>>>>;

    #[tokio::test(start_paused = true)]
    async fn a_message_that_panics_or_never_ends_comes_back_and_its_neighbours_are_done() {
        let done = || async { Ok(Ending::Posted) };
        let works: Vec<Work> = vec![
            Box::pin(done()),
            Box::pin(async { panic!("one bad order") }),
            Box::pin(std::future::pending()),
            Box::pin(done()),
        ];
        let limit = Duration::from_mins(1);
        let endings = join_all(works.into_iter().map(|work| alone("message", limit, work))).await;
        let comes_back = |again| Err(Ending::Again(again));
        let (panicked, endless) = (comes_back(Again::Panicked), comes_back(Again::Failed));
        assert_eq!(endings, [Ok(Ending::Posted), panicked, endless, Ok(Ending::Posted)]);
    }

    #[test]
    fn a_pause_is_believed_for_half_a_minute_and_never_beyond_its_end() {
        let pause = KnownPause::default();
        assert_eq!(pause.believed(0), None);
        pause.learn(300_000, 1_000);
        assert_eq!(pause.believed(30_999), Some(300_000));
        assert_eq!(pause.believed(31_000), None);
        pause.learn(32_000, 31_000);
        assert_eq!(pause.believed(32_000), None);
    }
}
