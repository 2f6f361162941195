//! Carries messages from a queue to a function in batches, as Lambda's event source mapping for SQS does.
//!
//! Only what a function says it has done is deleted. Everything else, after a time-out, a crash or a throttle too,
//! comes back when its visibility timeout is over, and goes to the dead-letter queue by the queue's own redrive
//! policy.

mod event;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use self::event::{done, sqs_event};
use crate::function::FunctionHost;

/// The longest wait of one receive that SQS allows.
const LONG_POLL: Duration = Duration::from_secs(20);

/// The pause after a receive that failed.
const AFTER_A_FAILURE: Duration = Duration::from_secs(1);

/// How often messages that could not be deleted are deleted again before they are left to come back.
const DELETE_ATTEMPTS: u32 = 3;

/// How messages are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The most messages of one event: 1 to 10.
    pub batch_size: usize,
    /// How long an event waits, from its first message, to become full. Lambda knows whole seconds only.
    pub batching_window: Duration,
    /// The most events at work at once.
    pub maximum_concurrency: usize,
}

impl Default for Settings {
    /// Full batches of 10, no waiting, two at once: Lambda's least.
    fn default() -> Self {
        Self { batch_size: 10, batching_window: Duration::ZERO, maximum_concurrency: 2 }
    }
}

/// A running mapping with `ReportBatchItemFailures`. It stops polling when it is dropped.
#[derive(Debug)]
pub struct EventSourceMapping {
    stopping: watch::Sender<bool>,
    slots: Arc<Semaphore>,
    settings: Settings,
    polling: JoinHandle<()>,
}

impl EventSourceMapping {
    /// Begins to poll.
    pub fn start(
        sqs: aws_sdk_sqs::Client,
        queue_url: String,
        host: FunctionHost,
        settings: Settings,
    ) -> Self {
        let settings = Settings { batch_size: settings.batch_size.clamp(1, 10), ..settings };
        let slots = Arc::new(Semaphore::new(settings.maximum_concurrency));
        let (stopping, stop) = watch::channel(false);
        let source = Arc::new(Source { sqs, queue_url, host, settings });
        let polling = tokio::spawn(source.poll(Arc::clone(&slots), stop));
        Self { stopping, slots, settings, polling }
    }

    /// Stops polling and waits for the events at work, at most `grace`. Messages received but not handed over come
    /// back when their visibility timeout is over.
    pub async fn stop(&self, grace: Duration) {
        self.stopping.send_replace(true);
        let everyone = u32::try_from(self.settings.maximum_concurrency).unwrap_or(u32::MAX);
        let finished = tokio::time::timeout(grace, self.slots.acquire_many(everyone)).await;
        if finished.is_err() {
            tracing::warn!("events were still at work when the mapping stopped");
        }
    }
}

impl Drop for EventSourceMapping {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

struct Source {
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    host: FunctionHost,
    settings: Settings,
}

impl Source {
    /// Takes a slot first and messages then: a message that nobody can work on stays in the queue, where it keeps
    /// its visibility.
    async fn poll(self: Arc<Self>, slots: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
        // Ends with this task when the mapping is dropped.
        let mut at_work = JoinSet::new();
        loop {
            while at_work.try_join_next().is_some() {}
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let batch = tokio::select! {
                biased;
                _ = stop.wait_for(|stopping| *stopping) => break,
                batch = self.collect() => batch,
            };
            if !batch.is_empty() {
                at_work.spawn(Arc::clone(&self).hand_over(batch, slot));
            }
        }
        at_work.join_all().await;
    }

    /// Waits until a batch is full, or its window is over. Empty when nothing came, or SQS failed.
    async fn collect(&self) -> Vec<Message> {
        let mut batch = self.receive(self.settings.batch_size, LONG_POLL).await;
        let deadline = Instant::now() + self.settings.batching_window;
        while !batch.is_empty() && batch.len() < self.settings.batch_size {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            // SQS waits for whole seconds; giving up a receive half-way could lose sight of messages.
            let wait = Duration::from_secs(left.min(LONG_POLL).as_secs());
            if wait.is_zero() {
                tokio::time::sleep(left).await;
            }
            batch.extend(self.receive(self.settings.batch_size - batch.len(), wait).await);
        }
        batch
    }

    async fn receive(&self, most: usize, wait: Duration) -> Vec<Message> {
        let request = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(i32::try_from(most).unwrap_or(10))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(20))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        match request.send().await {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(problem) => {
                let problem = aws_sdk_sqs::error::DisplayErrorContext(problem).to_string();
                tracing::warn!(problem, "cannot receive messages");
                tokio::time::sleep(AFTER_A_FAILURE).await;
                Vec::new()
            }
        }
    }

    async fn hand_over(self: Arc<Self>, batch: Vec<Message>, slot: OwnedSemaphorePermit) {
        match self.host.invoke(sqs_event(&batch, &self.queue_url)).await {
            Ok(invocation) => match done(&batch, &invocation.payload) {
                Ok(done) => self.delete(done).await,
                Err(problem) => {
                    tracing::warn!(request_id = invocation.request_id, %problem, "a whole batch counts as failed");
                }
            },
            Err(error) => {
                tracing::warn!(function = self.host.name(), %error, messages = batch.len(), "a batch failed");
            }
        }
        drop(slot);
    }

    async fn delete(&self, done: Vec<&Message>) {
        let entry = |(position, message): (usize, &&Message)| {
            let handle = message.receipt_handle.as_deref().unwrap_or_default();
            DeleteMessageBatchRequestEntry::builder()
                .id(position.to_string())
                .receipt_handle(handle)
                .build()
                .ok()
        };
        let mut left: Vec<_> = done.iter().enumerate().filter_map(entry).collect();
        for attempt in 0..DELETE_ATTEMPTS {
            if left.is_empty() {
                return;
            }
            tokio::time::sleep(AFTER_A_FAILURE * attempt).await;
            let request = self.sqs.delete_message_batch().queue_url(&self.queue_url);
            // What fails as a whole is kept as a whole.
            if let Ok(deleted) = request.set_entries(Some(left.clone())).send().await {
                left.retain(|entry| deleted.failed().iter().any(|failed| failed.id() == entry.id()));
            }
        }
        if !left.is_empty() {
            tracing::warn!(
                messages = left.len(),
                "finished messages could not be deleted and will come again"
            );
        }
    }
}
