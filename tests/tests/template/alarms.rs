//! What people are told, and where they read on.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Template, text_of};

/// The runbook of either language.
const RUNBOOKS: [&str; 2] = ["docs/runbook.md", "docs/runbook.zh-CN.md"];

fn alarms(template: &Template) -> Vec<(&str, &Value)> {
    let composite = template.of_type("AWS::CloudWatch::CompositeAlarm");
    template.of_type("AWS::CloudWatch::Alarm").into_iter().chain(composite).collect()
}

#[test]
fn every_alarm_has_its_chapter_in_both_runbooks() {
    let template = Template::read();
    let mut chapters = BTreeSet::new();
    for (name, alarm) in alarms(&template) {
        let properties = &alarm["Properties"];
        let anchor = properties["AlarmName"].as_str().unwrap().strip_prefix("${AWS::StackName}-").unwrap();
        let description = properties["AlarmDescription"].as_str().unwrap();
        let link = format!(". Runbook: ${{RunbookUrl}}#{anchor}");
        assert!(description.ends_with(&link), "{name}: {description:?} does not end with {link:?}");
        assert!(!description.contains(['"', '\\', '\n']), "{name}: the robots' JSON would break");
        assert!(chapters.insert(anchor.to_owned()), "{anchor} is twice");
    }
    for runbook in RUNBOOKS {
        let text = text_of(runbook);
        let anchors = text.lines().filter_map(|line| line.strip_prefix("<a id=\"")?.strip_suffix("\"></a>"));
        // The parked reasons have chapters of their own.
        let anchors = anchors.filter(|anchor| !anchor.starts_with("reason-") && *anchor != "parked-reasons");
        assert_eq!(anchors.map(str::to_owned).collect::<BTreeSet<_>>(), chapters, "{runbook}");
    }
}

#[test]
fn every_alarm_tells_the_topic_and_the_group() {
    let template = Template::read();
    let told = &template.properties("Webhook")["EventPattern"]["detail"]["alarmName"];
    let told: BTreeSet<&str> = told.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut named = BTreeSet::new();
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["Properties"]["AlarmActions"], serde_json::json!(["Alarms"]), "{name}");
        assert!(!alarm["Properties"]["TreatMissingData"].is_null(), "{name}");
        named.insert(alarm["Properties"]["AlarmName"].as_str().unwrap());
    }
    assert_eq!(told, named);
}

/// A metric that nobody writes keeps its alarm quiet for ever.
#[test]
fn alarms_and_dashboard_look_at_metrics_that_are_written() {
    let template = Template::read();
    let logging = text_of("docs/logging.md");
    let written = |function: &str, metric: &str| {
        let row = |line: &&str| line.starts_with(&format!("| `{function}` |"));
        logging.lines().filter(row).any(|line| line.contains(&format!("`{metric}`")))
    };
    let mut seen = 0;
    let mut check = |name: &str, namespace: &Value, metric: &Value, dimensions: &Value| {
        if namespace != "Dougong" {
            return;
        }
        let dimension = |key: &str| {
            let dimensions = dimensions.as_array().unwrap().iter();
            dimensions.filter(|one| one["Name"] == key).find_map(|one| one["Value"].as_str()).unwrap()
        };
        let metric = metric.as_str().unwrap();
        assert!(written(dimension("function"), metric), "{name}: nobody writes {metric}");
        assert!(!dimension("scheme").is_empty());
        seen += 1;
    };
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let one = &alarm["Properties"];
        check(name, &one["Namespace"], &one["MetricName"], &one["Dimensions"]);
        for query in one["Metrics"].as_array().into_iter().flatten() {
            let metric = &query["MetricStat"]["Metric"];
            check(name, &metric["Namespace"], &metric["MetricName"], &metric["Dimensions"]);
        }
    }
    let body = template.properties("Dashboard")["DashboardBody"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    for widget in body["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            if metric[0] == "Dougong" {
                let (metric, function) = (metric[1].as_str().unwrap(), metric[3].as_str().unwrap());
                assert!(written(function, metric), "dashboard: {function} does not write {metric}");
            }
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn a_backfill_sets_no_alarm_off() {
    // A backfill writes no watermark_age (docs/logging.md). It makes the queue old: what counts is whether anything
    // comes to its end.
    let template = Template::read();
    let queries = template.properties("OldestMessage")["Metrics"].as_array().unwrap();
    assert_eq!(queries[0]["Expression"], "IF(age > 1800 AND done < 1, 1, 0)");
    let watched = template.of_type("AWS::CloudWatch::Alarm");
    let of_age = |alarm: &Value| alarm.to_string().contains("ApproximateAgeOfOldestMessage");
    assert_eq!(watched.iter().filter(|(_, alarm)| of_age(alarm)).count(), 1);
}
