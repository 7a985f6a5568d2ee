//! Logs as JSON lines, as CloudWatch Logs reads them, and metrics among them.

use std::io;
use std::sync::OnceLock;

use metrics::{Unit, describe_counter};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::warn;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::env::Environment;

/// The only dimension of all metrics: others would make a metric, and its price, of every key or run.
pub const DIMENSION: &str = "Stack";

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// What a function measures.
#[derive(Debug, Clone, Copy)]
pub struct Metrics {
    /// Their namespace. Each function has its own, as some of their metrics have the same name.
    pub namespace: &'static str,
    /// Every metric's name and unit.
    pub units: &'static [(&'static str, Unit)],
}

/// Sets up logs and metrics.
pub fn init(environment: &Environment, metrics: Metrics) {
    init_logs(environment);
    if let Some(stack) = environment.optional("STACK_NAME") {
        init_metrics(metrics, stack);
    }
}

/// Writes what the crate `metrics` was told since the last time to standard output, where CloudWatch Logs takes it for
/// metrics (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html>).
/// Without a stack to name as their dimension there are none.
pub fn flush_metrics() {
    if let Some(collector) = COLLECTOR.get() {
        flush(collector);
    }
}

/// Flushes the metrics when it goes out of scope: also where the work before that panics or is dropped.
#[derive(Debug)]
#[must_use]
pub struct FlushMetrics;

impl Drop for FlushMetrics {
    fn drop(&mut self) {
        flush_metrics();
    }
}

/// The same, with a property beside the metrics: it can be searched for, and is no dimension.
pub fn flush_metrics_with(name: &'static str, value: &'static str) {
    if let Some(collector) = COLLECTOR.get() {
        collector.set_property(name, value);
        flush(collector);
        collector.remove_property(name);
    }
}

fn flush(collector: &Collector) {
    if let Err(error) = collector.flush(io::stdout().lock()) {
        warn!(%error, "could not write metrics");
    }
}

fn init_metrics(metrics: Metrics, stack: &str) {
    let collector = Builder::new()
        .cloudwatch_namespace(metrics.namespace)
        .with_dimension(DIMENSION, stack.to_owned());
    match collector.init() {
        Ok(collector) => _ = COLLECTOR.set(collector),
        Err(error) => warn!(%error, "metrics were set up before"),
    }
    for (name, unit) in metrics.units {
        // A unit belongs to a name, whatever kind of metric it is.
        describe_counter!(*name, *unit, "");
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
