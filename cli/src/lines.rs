//! The lines of the functions as one stream of JSON lines.

use std::borrow::Cow;

use dougong_cloud::{LogLine, LogSource};
use serde_json::json;

/// Returns a line as it belongs into a log file: what the function logged as it is, anything else wrapped.
pub(crate) fn json_line(line: &LogLine) -> Cow<'_, str> {
    if is_structured(line) {
        return Cow::Borrowed(&line.text);
    }
    let wrapped = json!({
        "function": &*line.function,
        "environment": line.environment,
        "request_id": line.request_id.as_deref(),
        "source": if line.source == LogSource::Platform { "platform" } else { "function" },
        "message": line.text,
    });
    Cow::Owned(wrapped.to_string())
}

/// Tells whether a line is of the structured log; others are failed starts, crashes, and what libraries print.
pub(crate) fn is_structured(line: &LogLine) -> bool {
    line.source == LogSource::Stdout && line.text.starts_with('{')
}
