//! Functions, queues and tables: as the code needs them, and as `local/` has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeySchemaElement;
use dougong_cloud::{ConsoleSettings, StackSettings, StoreSettings};
use dougong_ledger::{TableNames, schema};
use serde_json::{Value, json};

use crate::{Template, repository, text_of};

/// Fourteen days: the longest that SQS keeps a message.
const FOURTEEN_DAYS: u64 = 14 * 24 * 3_600;

#[test]
fn every_function_is_a_binary_of_ours_and_every_binary_a_function() {
    let template = Template::read();
    let mut binaries = BTreeSet::new();
    for (name, function) in template.of_type("AWS::Serverless::Function") {
        let metadata = &function["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda", "{name}");
        let binary = metadata["BuildProperties"]["Binary"].as_str().unwrap();
        // Cargo builds the package of this folder alone: what the whole workspace needs would make it larger.
        assert_eq!(function["Properties"]["CodeUri"], format!("functions/{binary}"), "{name}");
        let manifest: toml::Table = text_of(&format!("functions/{binary}/Cargo.toml")).parse().unwrap();
        assert_eq!(manifest["bin"][0]["name"].as_str(), Some(binary));
        assert_eq!(manifest["package"]["name"].as_str(), Some(&*format!("dougong-{binary}")));
        let properties = &function["Properties"];
        for key in ["Timeout", "LoggingConfig", "Role", "Description"] {
            assert!(!properties[key].is_null(), "{name} has no {key} of its own");
        }
        assert_eq!(properties["LoggingConfig"]["LogFormat"], "JSON", "{name}");
        let group = properties["LoggingConfig"]["LogGroup"].as_str().unwrap();
        assert_eq!(template.properties(group)["RetentionInDays"], "LogRetentionDays", "{name}");
        binaries.insert(binary.to_owned());
    }
    let folders = fs::read_dir(repository("functions")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(binaries, folders.collect());
    let shared = &template.0["Globals"]["Function"];
    assert_eq!(shared["Runtime"], "provided.al2023");
    assert_eq!(shared["EventInvokeConfig"]["MaximumRetryAttempts"], 0);
    assert_eq!(shared["Tracing"], "Active");
    assert_eq!(template.0["Parameters"]["Architecture"]["Default"], "arm64");
}

#[test]
fn a_batch_has_time_for_its_calls_and_its_messages_stay_hidden_for_six_times_as_long() {
    let template = Template::read();
    let timeout = template.number(&template.properties("Deliver")["Timeout"]);
    let visibility = template.number(&template.properties("Orders")["VisibilityTimeout"]);
    assert!(visibility >= 6 * timeout, "{visibility} s are less than six times {timeout} s");
    let rules: toml::Table = text_of("config/dougong.toml").parse().unwrap();
    let seconds = |system: &str| -> u64 {
        let text = rules[system]["total_timeout"].as_str().unwrap();
        text.strip_suffix('s').unwrap().parse().unwrap()
    };
    assert!(timeout > seconds("bip") + seconds("store") + 5, "no time is left for a whole call");
    let source = &template.properties("Deliver")["Events"]["Orders"]["Properties"];
    assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert!(!source["ScalingConfig"]["MaximumConcurrency"].is_null());
}

#[test]
fn every_queue_is_encrypted_and_has_its_dead_letter_queue() {
    let template = Template::read();
    let queues: BTreeMap<_, _> = template.of_type("AWS::SQS::Queue").into_iter().collect();
    let targets: BTreeSet<&str> = queues
        .values()
        .filter_map(|queue| queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"].as_str())
        .chain(["DeadSchedules.Arn"]) // what the schedules name, checked with them
        .map(|arn| arn.strip_suffix(".Arn").unwrap())
        .collect();
    for (name, queue) in &queues {
        let properties = &queue["Properties"];
        assert_eq!(properties["SqsManagedSseEnabled"], true, "{name}");
        assert_eq!(template.number(&properties["MessageRetentionPeriod"]), FOURTEEN_DAYS, "{name}");
        let is_dead_letter_queue = targets.contains(name);
        assert_ne!(is_dead_letter_queue, properties["RedrivePolicy"].is_object(), "{name}");
    }
    for target in targets {
        assert!(queues.contains_key(target), "there is no queue {target}");
    }
}

#[test]
fn the_tables_are_those_of_the_ledger_retained_and_backed_up() {
    let template = Template::read();
    let names = TableNames { watermarks: "Watermarks".to_owned(), documents: "Documents".to_owned() };
    let tables = schema::tables(&names);
    assert_eq!(template.of_type("AWS::DynamoDB::Table").len(), tables.len());
    for table in tables {
        let name = table.get_table_name().as_deref().unwrap();
        let resource = &template.0["Resources"][name];
        assert_eq!(resource["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
        let properties = template.properties(name);
        assert_eq!(properties["DeletionProtectionEnabled"], true, "{name}");
        assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
        assert_eq!(
            properties["TimeToLiveSpecification"],
            json!({ "AttributeName": schema::TTL_ATTRIBUTE, "Enabled": true })
        );
        assert_eq!(properties["BillingMode"], table.get_billing_mode().as_ref().unwrap().as_str());
        assert_eq!(properties["KeySchema"], keys(table.get_key_schema().as_ref().unwrap()), "{name}");
        let attributes = table.get_attribute_definitions().as_ref().unwrap().iter().map(|attribute| {
            json!({
                "AttributeName": attribute.attribute_name(),
                "AttributeType": attribute.attribute_type().as_str(),
            })
        });
        assert_eq!(properties["AttributeDefinitions"], Value::Array(attributes.collect()), "{name}");
        let indexes = table.get_global_secondary_indexes().iter().flatten().map(|index| {
            let projection = index.projection().unwrap();
            json!({
                "IndexName": index.index_name(),
                "KeySchema": keys(index.key_schema()),
                "Projection": {
                    "ProjectionType": projection.projection_type().unwrap().as_str(),
                    "NonKeyAttributes": projection.non_key_attributes(),
                },
            })
        });
        let indexes: Vec<Value> = indexes.collect();
        let of_template = &properties["GlobalSecondaryIndexes"];
        assert_eq!(of_template.as_array().cloned().unwrap_or_default(), indexes, "{name}");
    }
}

fn keys(schema: &[KeySchemaElement]) -> Value {
    let keys = schema
        .iter()
        .map(|key| json!({ "AttributeName": key.attribute_name(), "KeyType": key.key_type().as_str() }));
    Value::Array(keys.collect())
}

/// What is left different, and why: on one machine a push waits for one of four processes where Lambda would start
/// another; nobody else can reach the gateway, so it lets everything through.
#[test]
fn the_local_cloud_has_the_same_settings() {
    let template = Template::read();
    let local = StackSettings::new(Vec::new(), Vec::new(), Path::new("config"), Path::new("secrets"));
    let store = StoreSettings::new(Vec::new(), Vec::new());
    let seconds =
        |name: &str, key: &str| Duration::from_secs(template.number(&template.properties(name)[key]));
    assert_eq!(seconds("Pull", "Timeout"), local.pull_timeout);
    assert_eq!(seconds("Deliver", "Timeout"), local.deliver_timeout);
    assert_eq!(seconds("Accept", "Timeout"), store.accept_timeout);
    assert_eq!(seconds("Sweep", "Timeout"), store.sweep_timeout);
    assert_eq!(seconds("Console", "Timeout"), ConsoleSettings::new(Vec::new()).timeout);
    assert_eq!(seconds("Orders", "VisibilityTimeout"), local.visibility);
    let redrive = &template.properties("Orders")["RedrivePolicy"];
    assert_eq!(redrive["maxReceiveCount"], local.max_receive_count);
    let source = &template.properties("Deliver")["Events"]["Orders"]["Properties"];
    assert_eq!(source["BatchSize"], local.batches.batch_size);
    assert_eq!(source["MaximumBatchingWindowInSeconds"], local.batches.batching_window.as_secs());
    let concurrency = template.number(&source["ScalingConfig"]["MaximumConcurrency"]);
    assert_eq!(concurrency, local.batches.maximum_concurrency as u64);
    assert_eq!(template.0["Globals"]["Function"]["MemorySize"], StackSettings::MEMORY_MB);
    assert_eq!(routes(&template, "Accept"), StoreSettings::ROUTES.map(str::to_owned).into());
    assert_eq!(routes(&template, "Console"), ConsoleSettings::ROUTES.map(str::to_owned).into());
}

/// Returns the routes of a function behind an HTTP API.
fn routes(template: &Template, function: &str) -> BTreeSet<String> {
    let events = template.properties(function)["Events"].as_object().unwrap();
    let routes = events.values().map(|event| {
        let route = &event["Properties"];
        assert_eq!(
            (event["Type"].as_str(), route["PayloadFormatVersion"].as_str()),
            (Some("HttpApi"), Some("2.0"))
        );
        format!("{} {}", route["Method"].as_str().unwrap(), route["Path"].as_str().unwrap())
    });
    routes.collect()
}
