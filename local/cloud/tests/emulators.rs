//! The emulated DynamoDB and SQS, asked by the real AWS SDK.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail this way; the lint does not see that these functions are tests'"
)]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use dougong_cloud::{DynamoDb, Refusal, Sqs, Storage, Verdict};

async fn make_table(client: &aws_sdk_dynamodb::Client) {
    let key = AttributeDefinition::builder()
        .attribute_name("pk")
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap();
    let hash = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    client
        .create_table()
        .table_name("things")
        .attribute_definitions(key)
        .key_schema(hash)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

async fn put(client: &aws_sdk_dynamodb::Client, key: &str) -> bool {
    let item = client.put_item().table_name("things").item("pk", AttributeValue::S(key.to_owned()));
    item.condition_expression("attribute_not_exists(pk)").send().await.is_ok()
}

#[tokio::test]
async fn a_conditional_write_has_one_winner_and_every_request_is_counted() {
    let dynamodb = DynamoDb::start(Storage::Memory).await.unwrap();
    let client = dynamodb.client();
    make_table(&client).await;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        racing.spawn(async move { put(&client, "a").await });
    }
    let winners = racing.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1);
    assert_eq!(dynamodb.traffic().count("PutItem"), 10);
}

#[tokio::test]
async fn a_database_file_outlives_the_process_that_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::File(folder.path().join("dougong.db"));
    let first = DynamoDb::start(storage.clone()).await.unwrap();
    make_table(&first.client()).await;
    assert!(put(&first.client(), "a").await);
    drop(first);
    let second = DynamoDb::start(storage).await.unwrap();
    assert!(!put(&second.client(), "a").await, "the item is still there");
}

#[tokio::test]
async fn a_lost_reply_was_carried_out_and_a_refusal_was_not() {
    let dynamodb = DynamoDb::start(Storage::Memory).await.unwrap();
    let client = dynamodb.client();
    make_table(&client).await;
    dynamodb.traffic().disturb(|call| async move {
        match (call.operation.as_str(), call.nth) {
            ("PutItem", 1) => Verdict::LoseReply,
            ("GetItem", 1) => Verdict::Refuse(Refusal::DYNAMODB_THROTTLED),
            _ => Verdict::Pass,
        }
    });
    assert!(!put(&client, "a").await, "the SDK's own retry finds the item there");
    let read = client
        .get_item()
        .table_name("things")
        .key("pk", AttributeValue::S("a".to_owned()))
        .send()
        .await
        .unwrap();
    assert!(read.item().is_some());
    assert_eq!((dynamodb.traffic().count("PutItem"), dynamodb.traffic().count("GetItem")), (2, 2));
}

#[tokio::test]
async fn a_failed_entry_of_a_batch_is_named_and_not_in_the_queue() {
    let sqs = Sqs::start().await.unwrap();
    let client = sqs.client();
    let url = client.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    sqs.traffic().disturb(|call| async move {
        if call.operation == "SendMessageBatch" {
            Verdict::FailEntries(BTreeSet::from([1]))
        } else {
            Verdict::Pass
        }
    });
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body("{}").build().unwrap();
    let sent = client.send_message_batch().queue_url(&url).set_entries(Some(vec![
        entry("x"),
        entry("y"),
        entry("z"),
    ]));
    let sent = sent.send().await.unwrap();
    assert_eq!(
        sent.failed().iter().map(aws_sdk_sqs::types::BatchResultErrorEntry::id).collect::<Vec<_>>(),
        ["y"]
    );
    assert_eq!(sent.successful().len(), 2);
    assert_eq!(sqs.depth(&url).await.unwrap().visible, 2);
}

#[tokio::test]
async fn kept_messages_outlive_their_process_until_they_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::File(folder.path().join("dougong.db"));
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    for round in 0..3 {
        let dynamodb = DynamoDb::start(storage.clone()).await.unwrap();
        let sqs = Sqs::start_kept(&dynamodb).await.unwrap();
        let client = sqs.client();
        let url = client.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
        let back = sqs.put_back(|queue| (queue == "orders").then(|| url.clone())).await.unwrap();
        assert_eq!(back, [0, 3, 1][round]);
        if round == 0 {
            let batch = ["a", "b"].map(entry).to_vec();
            client.send_message_batch().queue_url(&url).set_entries(Some(batch)).send().await.unwrap();
            client.send_message().queue_url(&url).message_body("c").send().await.unwrap();
        }
        let receive = client.receive_message().queue_url(&url).max_number_of_messages(10);
        let received = receive.send().await.unwrap().messages.unwrap();
        let mut bodies: Vec<_> = received.iter().filter_map(|message| message.body.clone()).collect();
        bodies.sort();
        assert_eq!(bodies, [vec!["a", "b", "c"], vec!["a", "b", "c"], vec!["b"]][round]);
        if round == 1 {
            for message in received.iter().filter(|message| message.body() != Some("b")) {
                let receipt = message.receipt_handle.clone().unwrap();
                client.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
            }
        }
        assert!(dynamodb.traffic().counts().is_empty(), "what is kept is nobody's request");
    }
}
