//! Moving what is no message of ours out of the way at once.

use std::error::Error;

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use crate::queue::Queue;

/// A body could not be moved to the dead-letter queue: its message comes back.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The queue or its dead-letter queue does not answer.
    #[error("cannot {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What the queue's client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The queue has no dead-letter queue.
    #[error("the order queue has no dead-letter queue (hint: give it a redrive policy)")]
    NoDeadLetterQueue,
}

impl DeadLetterError {
    fn unavailable(operation: &'static str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { operation, source: error.into() }
    }
}

impl Queue {
    /// Sends a body that can never become a message to the queue's dead-letter queue, as it is; the caller
    /// then ends the message it came in.
    ///
    /// The redrive policy alone would let it return hundreds of times first, since waiting for BIP's pace
    /// is no failure and must never dead-letter an order.
    pub async fn dead_letter(&self, body: &str) -> Result<(), DeadLetterError> {
        let url = self.dead_letter_queue().await?;
        let sent = self.send_as_it_is(url, body).await;
        sent.map_err(|error| DeadLetterError::unavailable("send to the dead-letter queue", error))
    }

    /// Sends one body to a queue. It is a batch of one: another operation of the SDK is 40 KB of each program.
    pub(crate) async fn send_as_it_is(
        &self,
        url: &str,
        body: &str,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let entry = SendMessageBatchRequestEntry::builder().id("0").message_body(body).build()?;
        let reply = self.client.send_message_batch().queue_url(url).entries(entry).send().await?;
        match reply.failed().first() {
            Some(failed) => Err(failed.code().into()),
            None => Ok(()),
        }
    }

    /// Returns the URL of the queue's dead-letter queue.
    pub async fn dead_letter_queue(&self) -> Result<&str, DeadLetterError> {
        let url = self.dead_letter_url.get_or_try_init(|| self.find_dead_letter_queue()).await?;
        Ok(url)
    }

    /// Reads the dead-letter queue's name from the redrive policy. SQS demands that it be in the queue's own account and
    /// region, so its URL differs by its name alone.
    async fn find_dead_letter_queue(&self) -> Result<String, DeadLetterError> {
        let attributes = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(|error| DeadLetterError::unavailable("read the redrive policy", error))?;
        let policy = attributes.attributes().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
        let arn = policy
            .and_then(|policy| serde_json::from_str::<serde_json::Value>(policy).ok())
            .and_then(|policy| policy.get("deadLetterTargetArn")?.as_str().map(str::to_owned))
            .ok_or(DeadLetterError::NoDeadLetterQueue)?;
        let name = arn.rsplit(':').next().unwrap_or_default();
        let (place, _) = self.url.rsplit_once('/').ok_or(DeadLetterError::NoDeadLetterQueue)?;
        Ok(format!("{place}/{name}"))
    }
}
