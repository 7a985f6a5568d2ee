//! Logs as JSON lines, as CloudWatch Logs reads them, and metrics among them.

use std::io;
use std::sync::OnceLock;

use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::warn;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::env::Environment;

/// The namespace of all metrics.
const NAMESPACE: &str = "s3-fanout";

static METRICS: OnceLock<&'static Collector> = OnceLock::new();

/// Sets up logs and metrics.
pub fn init(environment: &Environment) {
    init_logs(environment);
    if let Some(stack) = environment.optional("STACK_NAME") {
        init_metrics(stack);
    }
}

/// Writes what the crate `metrics` was told since the last time to standard output, where CloudWatch Logs takes it for
/// metrics (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html>).
/// Without a stack to name as their dimension there are none.
pub fn flush_metrics() {
    if let Some(metrics) = METRICS.get()
        && let Err(error) = metrics.flush(io::stdout().lock())
    {
        warn!(%error, "could not write metrics");
    }
}

fn init_metrics(stack: &str) {
    let metrics = Builder::new()
        .cloudwatch_namespace(NAMESPACE)
        .with_dimension("Stack", stack.to_owned());
    match metrics.init() {
        Ok(metrics) => _ = METRICS.set(metrics),
        Err(error) => warn!(%error, "metrics were set up before"),
    }
}

/// Sends events at or above the level of `AWS_LAMBDA_LOG_LEVEL` or `RUST_LOG` (default `info`) to standard
/// output, a JSON line each, with the fields of the span they happened in.
fn init_logs(environment: &Environment) {
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
