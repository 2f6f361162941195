//! Structured logs: one JSON object a line on standard output (`docs/logging.md`).

use std::panic;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends logs to standard output as JSON lines, and panics with them.
///
/// The level is Lambda's own `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else `info`; the AWS SDK and the HTTP
/// stack speak from `warn`. A panic is logged by its place alone: its message may hold anything.
pub fn init_logging() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let level = level.unwrap_or_else(|_| "info".to_owned()).to_lowercase();
    // A target matches by its beginning: every crate of ours starts with `dougong`.
    let filter = if level.contains('=') { level } else { format!("warn,dougong={level}") };
    // A filter that cannot be read must not cost the logs.
    let filter: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    let subscriber = tracing_subscriber::registry().with(lines.with_span_list(true)).with(filter);
    if subscriber.try_init().is_ok() {
        panic::set_hook(Box::new(|panicked| {
            let place = panicked.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "panicked");
        }));
    }
}
