//! Metrics in CloudWatch's embedded metric format (EMF): a log line that becomes metrics, no call and no agent.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::clock::epoch_ms;

/// The unit of a metric, as CloudWatch spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

/// The metrics of one invocation, written as one line when it ends.
#[derive(Debug)]
pub struct Metrics {
    function: &'static str,
    scheme: String,
    values: Vec<(&'static str, Unit, i64)>,
}

impl Metrics {
    /// Starts the metrics of one invocation of `function` for `scheme`.
    pub fn new(function: &'static str, scheme: impl Into<String>) -> Self {
        Self { function, scheme: scheme.into(), values: Vec::new() }
    }

    /// Adds a value to the metric `name`.
    pub fn add(&mut self, name: &'static str, unit: Unit, value: i64) {
        match self.values.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, _, sum)) => *sum += value,
            None => self.values.push((name, unit, value)),
        }
    }

    /// Adds one to the count `name`.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, Unit::Count, 1);
    }

    /// Writes the line to standard output; nothing if no metric was added.
    pub fn emit(self) {
        if let Some(line) = self.line(epoch_ms()) {
            // One write, so that lines of several tasks cannot mix; a closed log is nobody's failure.
            let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
        }
    }

    fn line(&self, timestamp_ms: i64) -> Option<Value> {
        if self.values.is_empty() {
            return None;
        }
        let metrics: Vec<Value> =
            self.values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit.as_str()})).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": timestamp_ms,
                "CloudWatchMetrics": [{
                    "Namespace": "Dougong",
                    "Dimensions": [["function", "scheme"]],
                    "Metrics": metrics,
                }],
            }),
        );
        line.insert("function".to_owned(), self.function.into());
        line.insert("scheme".to_owned(), self.scheme.clone().into());
        for (name, _, value) in &self.values {
            line.insert((*name).to_owned(), (*value).into());
        }
        Some(Value::Object(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_writes_one_line_in_the_embedded_metric_format() {
        let mut metrics = Metrics::new("deliver", "online-sales");
        metrics.count("posted");
        metrics.count("posted");
        metrics.add("duration", Unit::Milliseconds, 41);
        assert_eq!(
            metrics.line(1_731_254_700_000).unwrap(),
            json!({
                "_aws": {
                    "Timestamp": 1_731_254_700_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Dougong",
                        "Dimensions": [["function", "scheme"]],
                        "Metrics": [
                            {"Name": "posted", "Unit": "Count"},
                            {"Name": "duration", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "function": "deliver",
                "scheme": "online-sales",
                "posted": 2,
                "duration": 41,
            })
        );
    }

    #[test]
    fn nothing_measured_is_nothing_written() {
        assert_eq!(Metrics::new("pull", "online-sales").line(0), None);
    }
}
