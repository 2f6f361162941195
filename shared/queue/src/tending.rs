//! What a person does with a queue: how full it is, what is in its dead-letter queue, and sending that again.

use std::error::Error;
use std::time::Duration;

use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use crate::dead_letter::DeadLetterError;
use crate::message::Message;
use crate::queue::Queue;

/// A queue could not be looked at or tended.
#[derive(Debug, thiserror::Error)]
pub enum TendError {
    /// The queue does not answer, or refuses.
    #[error("cannot {operation} (hint: check the queue's URL and the permissions)")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// What the queue's client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The dead-letter queue cannot be found.
    #[error(transparent)]
    DeadLetterQueue(#[from] DeadLetterError),
}

fn refused(operation: &'static str) -> impl Fn(Box<dyn Error + Send + Sync>) -> TendError {
    move |source| TendError::Refused { operation, source }
}

/// How many messages a queue holds, about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be received.
    pub visible: u64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that is not over.
    pub delayed: u64,
}

impl Depth {
    /// Returns how many there are in all.
    pub const fn total(self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }
}

/// A message in a dead-letter queue. Its body is not kept: what is no message of ours may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's id of it.
    pub id: String,
    /// Whose document it is; else why it is no message of ours.
    pub document: Result<dougong_values::DocumentKey, String>,
    /// How many bytes its body has.
    pub bytes: usize,
    /// When it was sent, milliseconds since the epoch.
    pub sent_at: Option<i64>,
}

/// What sending dead letters again came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Messages that are in the order queue again.
    pub moved: u64,
    /// Messages that stay, since they are none of ours.
    pub foreign: u64,
}

/// The most messages of one request.
const AT_ONCE: i32 = 10;
/// How long a message that is looked at stays hidden from others, seconds.
const LOOK_SECONDS: i32 = 60;
/// How long one look waits for messages: an answer without one must mean that there is none.
const LOOK_WAIT: Duration = Duration::from_secs(1);

struct Received {
    letter: DeadLetter,
    body: String,
    receipt: String,
}

impl Queue {
    /// Returns how many messages the order queue holds.
    pub async fn depth(&self) -> Result<Depth, TendError> {
        self.depth_of(&self.url).await
    }

    /// Returns how many messages its dead-letter queue holds.
    pub async fn dead_letter_depth(&self) -> Result<Depth, TendError> {
        self.depth_of(self.dead_letter_queue().await?).await
    }

    /// Returns how many messages any queue holds.
    pub async fn depth_of(&self, url: &str) -> Result<Depth, TendError> {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let asked =
            self.client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let reply =
            asked.send().await.map_err(|error| refused("ask how full the queue is")(Box::new(error)))?;
        let count =
            |name: &Name| reply.attributes().and_then(|all| all.get(name)?.parse().ok()).unwrap_or_default();
        Ok(Depth { visible: count(&names[0]), in_flight: count(&names[1]), delayed: count(&names[2]) })
    }

    /// Looks at the messages of a dead-letter queue, the order queue's own unless another is named: `most` at most. They
    /// stay there.
    pub async fn dead_letters(&self, url: Option<&str>, most: usize) -> Result<Vec<DeadLetter>, TendError> {
        let url = match url {
            Some(url) => url,
            None => self.dead_letter_queue().await?,
        };
        let mut letters = Vec::new();
        let mut receipts = Vec::new();
        while letters.len() < most {
            let received = self.receive(url).await?;
            if received.is_empty() {
                break;
            }
            for Received { letter, receipt, .. } in received {
                letters.push(letter);
                receipts.push(receipt);
            }
        }
        self.give_back(url, receipts).await?;
        letters.truncate(most);
        Ok(letters)
    }

    /// Sends the messages of the dead-letter queue to the order queue again, `most` at most; those that are none of ours
    /// stay. A crash in between leaves a message twice at worst, and its document is booked once.
    pub async fn redrive(&self, most: usize) -> Result<Redriven, TendError> {
        let url = self.dead_letter_queue().await?;
        let (mut done, mut foreign) = (Redriven::default(), Vec::new());
        while usize::try_from(done.moved + done.foreign).unwrap_or(usize::MAX) < most {
            let received = self.receive(url).await?;
            if received.is_empty() {
                break;
            }
            for Received { letter, body, receipt } in received {
                if letter.document.is_err() {
                    done.foreign += 1;
                    foreign.push(receipt);
                    continue;
                }
                let sent = self.send_as_it_is(&self.url, &body).await;
                sent.map_err(refused("send a message again"))?;
                let deleted =
                    self.client.delete_message().queue_url(url).receipt_handle(receipt).send().await;
                deleted.map_err(|error| {
                    refused("take a message out of the dead-letter queue")(Box::new(error))
                })?;
                done.moved += 1;
            }
        }
        self.give_back(url, foreign).await?;
        Ok(done)
    }

    async fn receive(&self, url: &str) -> Result<Vec<Received>, TendError> {
        // A client in a haste would give up on an answer that is late on purpose.
        let attempt = LOOK_WAIT + Duration::from_secs(3);
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(attempt)
            .operation_timeout(attempt * 2)
            .build();
        let reply = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(AT_ONCE)
            .visibility_timeout(LOOK_SECONDS)
            .wait_time_seconds(i32::try_from(LOOK_WAIT.as_secs()).unwrap_or(1))
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .customize()
            .config_override(Builder::new().timeout_config(patience))
            .send()
            .await
            .map_err(|error| refused("look into the dead-letter queue")(Box::new(error)))?;
        let received = reply.messages.unwrap_or_default().into_iter().map(|message| {
            let body = message.body.unwrap_or_default();
            let sent = message.attributes.as_ref();
            let sent = sent.and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp)?.parse().ok());
            let document =
                Message::decode(&body).map(|message| message.key).map_err(|error| error.to_string());
            let letter = DeadLetter {
                id: message.message_id.unwrap_or_default(),
                document,
                bytes: body.len(),
                sent_at: sent,
            };
            Received { letter, body, receipt: message.receipt_handle.unwrap_or_default() }
        });
        Ok(received.collect())
    }

    /// Shows messages again at once; what cannot be given back comes back within a minute.
    async fn give_back(&self, url: &str, receipts: Vec<String>) -> Result<(), TendError> {
        for receipt in receipts {
            let request = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt);
            let shown = request.visibility_timeout(0).send().await;
            shown.map_err(|error| refused("leave a message where it is")(Box::new(error)))?;
        }
        Ok(())
    }
}
