//! Sending and delaying, on the embedded SQS.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use dougong_cloud::{Refusal, Sqs, Verdict};
use dougong_queue::{DeadLetterError, Encoded, Message, Queue, TooLarge};
use dougong_values::Version;
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(20);

struct Orders {
    sqs: Sqs,
    client: aws_sdk_sqs::Client,
    url: String,
    queue: Queue,
}

async fn orders() -> Orders {
    let sqs = Sqs::start().await.unwrap();
    let once = sqs.client().config().to_builder().retry_config(RetryConfig::disabled()).build();
    let client = aws_sdk_sqs::Client::from_conf(once);
    let created = client.create_queue().queue_name("orders").send().await.unwrap();
    let url = created.queue_url().unwrap().to_owned();
    let queue = Queue::new(client.clone(), url.as_str());
    sqs.traffic().reset();
    Orders { sqs, client, url, queue }
}

fn message(number: usize) -> Message {
    let document = format!("{{\"stockout_id\":{number},\"goods\":\"茶叶\"}}");
    Message {
        scheme: "online-sales".parse().unwrap(),
        key: format!("stockout#demo2#{number}").parse().unwrap(),
        version: Version::of(&document),
        modified: None,
        day: "2026-11-22".parse().unwrap(),
        amount: None,
        document,
    }
}

impl Orders {
    /// Makes a dead-letter queue for the queue and returns its URL.
    async fn give_dead_letter_queue(&self) -> String {
        let created = self.client.create_queue().queue_name("dead").send().await.unwrap();
        let dead = created.queue_url().unwrap().to_owned();
        let ask =
            self.client.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn);
        let attributes = ask.send().await.unwrap();
        let arn = &attributes.attributes().unwrap()[&QueueAttributeName::QueueArn];
        let policy = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":5}}");
        let set = self.client.set_queue_attributes().queue_url(&self.url);
        set.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.unwrap();
        dead
    }

    async fn receive(&self) -> Vec<(Message, String)> {
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let reply = request.send().await.unwrap();
        let read = |message: &aws_sdk_sqs::types::Message| {
            let body = Message::decode(message.body().unwrap()).unwrap();
            (body, message.receipt_handle().unwrap().to_owned())
        };
        reply.messages().iter().map(read).collect()
    }

    async fn received(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        loop {
            let messages = self.receive().await;
            if messages.is_empty() {
                return keys;
            }
            for (message, _) in messages {
                assert!(keys.insert(message.key.to_string()), "{} is there twice", message.key);
            }
        }
    }
}

#[tokio::test]
async fn messages_travel_ten_at_a_time_and_arrive_as_they_were() {
    let orders = orders().await;
    let messages: Vec<Message> = (0..25).map(message).collect();
    let sent = orders.queue.send(&messages, Instant::now() + SOON).await.unwrap();
    assert_eq!(sent.queued, (0..25).collect::<Vec<_>>());
    assert_eq!(orders.sqs.traffic().count("SendMessageBatch"), 3);
    assert_eq!(orders.receive().await[0].0, messages[0]);
}

#[tokio::test]
async fn only_the_failed_part_of_a_batch_goes_again() {
    let orders = orders().await;
    orders.sqs.traffic().disturb(|call| async move {
        if call.nth <= 2 { Verdict::FailEntries(BTreeSet::from([1, 4])) } else { Verdict::Pass }
    });
    let messages: Vec<Message> = (0..10).map(message).collect();
    let sent = orders.queue.send(&messages, Instant::now() + SOON).await.unwrap();
    assert_eq!(sent.queued.len(), 10);
    orders.sqs.traffic().calm();
    assert_eq!(orders.received().await.len(), 10);
}

#[tokio::test]
async fn what_could_not_be_sent_is_named() {
    let orders = orders().await;
    orders.sqs.traffic().disturb(|_| async { Verdict::FailEntries(BTreeSet::from([0])) });
    let messages: Vec<Message> = (0..10).map(message).collect();
    let error = orders.queue.send(&messages, Instant::now() + Duration::from_secs(1)).await.unwrap_err();
    let unsent: Vec<&str> = error.unsent.iter().map(|unsent| unsent.key.as_str()).collect();
    assert_eq!(unsent, ["stockout#demo2#0"]);
    assert!(!error.unsent[0].problem.is_empty());
    assert_eq!(error.sent.queued, (1..10).collect::<Vec<_>>());
    assert_eq!(error.to_string(), "cannot queue 1 of 10 messages before the deadline");
}

#[tokio::test]
async fn a_queue_that_is_down_or_silent_ends_at_the_deadline() {
    let orders = orders().await;
    for silent in [false, true] {
        orders.sqs.traffic().disturb(move |_| async move {
            if silent { Verdict::Slow(SOON) } else { Verdict::Refuse(Refusal::UNAVAILABLE) }
        });
        let started = Instant::now();
        let error = orders.queue.send(&[message(1), message(2)], started + Duration::from_millis(500)).await;
        let error = error.unwrap_err();
        assert_eq!((error.unsent.len(), error.sent.queued.len()), (2, 0));
        assert!(started.elapsed() < SOON / 2, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_message_too_large_for_the_queue_is_named_and_the_others_go() {
    let orders = orders().await;
    let mut state = 1_u64;
    let noise: String = (0..400_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'0' + u8::try_from(state >> 58).unwrap())
        })
        .filter(|character| *character != '\\')
        .collect();
    let large = Message { document: format!("\"{noise}\""), ..message(2) };
    let sent = orders.queue.send(&[message(1), large, message(3)], Instant::now() + SOON).await.unwrap();
    assert_eq!(sent.queued, [0, 2]);
    assert!(matches!(sent.too_large.as_slice(), [TooLarge { index: 1, .. }]));
    assert_eq!(orders.received().await.len(), 2);
}

#[tokio::test]
async fn a_delayed_message_stays_hidden_and_an_undelayed_one_comes_back() {
    let orders = orders().await;
    orders.queue.send(&[message(1)], Instant::now() + SOON).await.unwrap();
    let received = orders.receive().await;
    orders.queue.delay(&received[0].1, 900).await.unwrap();
    assert!(orders.receive().await.is_empty());
    orders.queue.delay(&received[0].1, 0).await.unwrap();
    assert_eq!(orders.receive().await.len(), 1);
    assert!(orders.queue.delay("no such receipt", 1).await.is_err());
}

#[tokio::test]
async fn what_is_no_message_goes_to_the_dead_letters_as_it_is() {
    let orders = orders().await;
    let none = orders.queue.dead_letter("order 80012345").await;
    assert!(matches!(none, Err(DeadLetterError::NoDeadLetterQueue)), "{none:?}");

    let dead = orders.give_dead_letter_queue().await;

    orders.queue.dead_letter("order 80012345").await.unwrap();
    let received = orders.client.receive_message().queue_url(&dead).send().await.unwrap();
    assert_eq!(received.messages()[0].body(), Some("order 80012345"));
}

#[tokio::test]
async fn dead_letters_are_counted_shown_and_sent_again_and_what_is_not_ours_stays() {
    let orders = orders().await;
    orders.give_dead_letter_queue().await;
    let Encoded::Body(body) = message(1).encode() else { panic!("too large") };
    for body in [body.as_str(), "somebody else's"] {
        orders.queue.dead_letter(body).await.unwrap();
    }
    assert_eq!(orders.queue.dead_letter_depth().await.unwrap().visible, 2);
    let letters = orders.queue.dead_letters(None, 10).await.unwrap();
    let documents: BTreeSet<String> =
        letters.iter().filter_map(|letter| letter.document.as_ref().ok().map(ToString::to_string)).collect();
    assert_eq!((letters.len(), documents), (2, BTreeSet::from([message(1).key.to_string()])));
    assert!(letters.iter().all(|letter| letter.sent_at.is_some()));

    let done = orders.queue.redrive(10).await.unwrap();
    assert_eq!((done.moved, done.foreign), (1, 1));
    assert_eq!(orders.receive().await[0].0, message(1));
    assert_eq!(orders.queue.dead_letters(None, 10).await.unwrap().len(), 1, "it is still there, and visible");
    assert_eq!(orders.queue.depth().await.unwrap().in_flight, 1);
}
