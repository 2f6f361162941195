//! Structured logs: one JSON object a line on standard output (`docs/logging.md`).

use std::panic;

use tracing_subscriber::EnvFilter;

/// Sends logs to standard output as JSON lines, and panics with them.
///
/// The level is Lambda's own `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else `info`; the AWS SDK and the HTTP
/// stack speak from `warn`. A panic is logged by its place alone: its message may hold anything.
pub fn init_logging() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let level = level.unwrap_or_else(|_| "info".to_owned()).to_lowercase();
    let filter = if level.contains('=') {
        level
    } else {
        // A target matches by its beginning: every crate of ours starts with `dougong`.
        format!("warn,dougong={level}")
    };
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_target(true)
        .with_env_filter(EnvFilter::new(filter));
    if subscriber.try_init().is_ok() {
        panic::set_hook(Box::new(|panicked| {
            let place = panicked.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "panicked");
        }));
    }
}
