//! Logs as JSON lines, as CloudWatch Logs reads them.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::env::Environment;

/// Sends events at or above the level of `AWS_LAMBDA_LOG_LEVEL` or `RUST_LOG` (default `info`) to standard
/// output, a JSON line each, with the fields of the span they happened in.
pub fn init(environment: &Environment) {
    let level = environment
        .optional("AWS_LAMBDA_LOG_LEVEL")
        .or(environment.optional("RUST_LOG"));
    let filter: Option<Targets> = level.and_then(|level| level.to_lowercase().parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false);
    let subscriber = tracing_subscriber::registry()
        .with(lines)
        // It repeats every error that a handler returns; a panic is on standard error in any case.
        .with(filter.with_target("lambda_runtime::layers::panic", LevelFilter::OFF));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logging was set up before");
    }
}
