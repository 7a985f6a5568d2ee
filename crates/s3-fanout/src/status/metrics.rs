//! What CloudWatch has measured of the stack, asked for in one call.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode,
};
use backup::aws::Cause;
use backup::telemetry::DIMENSION;

use super::Unread;
use super::stack::{Queue, Stack};
use super::window::Window;

/// What it takes to ask.
pub const PERMISSION: &str = "cloudwatch:GetMetricData";

/// Our name for a figure, the name it has in CloudWatch, and its statistic.
type Figure = (&'static str, &'static str, &'static str);

/// What is asked of each function. A mean over several periods is the
/// sum of them all by their number
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>).
const OF_FUNCTIONS: [Figure; 10] = [
    ("invocations", "Invocations", "Sum"),
    ("errors", "Errors", "Sum"),
    ("throttles", "Throttles", "Sum"),
    ("duration_sum", "Duration", "Sum"),
    ("duration_count", "Duration", "SampleCount"),
    ("duration_max", "Duration", "Maximum"),
    ("concurrency", "ConcurrentExecutions", "Maximum"),
    ("dropped", "AsyncEventsDropped", "Sum"),
    ("age", "AsyncEventAge", "Maximum"),
    ("lost", "DestinationDeliveryFailures", "Sum"),
];

/// What is asked of the topic
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html>).
const OF_TOPIC: [Figure; 3] = [
    ("published", "NumberOfMessagesPublished", "Sum"),
    ("delivered", "NumberOfNotificationsDelivered", "Sum"),
    ("failed", "NumberOfNotificationsFailed", "Sum"),
];

/// What the publisher tells of itself while it runs.
const OWN: [Figure; 3] = [
    ("list_rate", "ListRate", "Maximum"),
    ("publish_rate", "PublishRate", "Maximum"),
    ("copies_in_flight", "CopiesInFlight", "Maximum"),
];

/// Values by the beginnings of their periods, oldest first, of each metric.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    series: BTreeMap<String, Vec<(i64, f64)>>,
    since: i64,
    /// What CloudWatch says it has not given in full.
    pub incomplete: BTreeSet<String>,
}

impl Measured {
    /// What was answered, of which only what was since a time counts.
    pub fn of(results: Vec<MetricDataResult>, since: i64) -> Measured {
        let mut measured = Measured {
            since,
            ..Measured::default()
        };
        for result in results {
            measured.add(result);
        }
        measured
    }

    /// Adds an answer. A metric's last one says whether it is all: what goes on in the next page is partial.
    pub fn add(&mut self, result: MetricDataResult) {
        let id = result.id().unwrap_or_default().to_owned();
        self.incomplete.remove(&id);
        if !matches!(result.status_code, None | Some(StatusCode::Complete)) {
            self.incomplete.insert(id.clone());
        }
        let times = result.timestamps().iter().map(DateTime::secs);
        let values = times.zip(result.values().iter().copied());
        let series = self.series.entry(id).or_default();
        series.extend(values);
        series.sort_unstable_by_key(|(second, _)| *second);
    }

    /// All there is of a metric, also from before the time that counts.
    pub fn all(&self, id: &str) -> &[(i64, f64)] {
        self.series.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The sum; nothing measured is nothing that happened.
    pub fn sum(&self, id: &str) -> f64 {
        self.counted(id).sum()
    }

    /// The largest value, if any was measured.
    pub fn max(&self, id: &str) -> Option<f64> {
        self.counted(id).reduce(f64::max)
    }

    /// The newest value, if any was measured.
    pub fn last(&self, id: &str) -> Option<f64> {
        self.all(id).last().map(|(_, value)| *value)
    }

    fn counted(&self, id: &str) -> impl Iterator<Item = f64> {
        let counts = |(second, value): &(i64, f64)| (*second >= self.since).then_some(*value);
        self.all(id).iter().filter_map(counts)
    }
}

/// Asks for everything.
///
/// # Errors
/// CloudWatch refuses.
pub async fn read(sdk: &SdkConfig, stack: &Stack, window: &Window) -> Result<Measured, Unread> {
    let pages = Client::new(sdk)
        .get_metric_data()
        .set_metric_data_queries(Some(queries(stack, window.period_secs)))
        .start_time(DateTime::from_secs(window.read_since))
        .end_time(DateTime::from_secs(window.until))
        .into_paginator()
        .send();
    let pages: Result<Vec<_>, _> = pages.collect().await;
    let pages = pages.map_err(|error| {
        Unread::new(
            "what CloudWatch has measured",
            PERMISSION,
            &Cause::from(error),
        )
    })?;
    let results = pages
        .into_iter()
        .flat_map(|page| page.metric_data_results.unwrap_or_default());
    Ok(Measured::of(results.collect(), window.since))
}

/// One query for each figure, named for it.
fn queries(stack: &Stack, period_secs: i64) -> Vec<MetricDataQuery> {
    let mut queries = Vec::new();
    let mut add = |prefix: &str, namespace: &str, of: (&str, Option<&str>), figures: &[Figure]| {
        let (dimension, Some(value)) = of else { return };
        for (id, name, stat) in figures {
            let id: String = format!("{prefix}{id}");
            queries.push(query(
                id,
                [namespace, name, dimension, value],
                stat,
                period_secs,
            ));
        }
    };
    let (publisher, copier) = (stack.publisher.as_deref(), stack.copier.as_deref());
    let function = "FunctionName";
    add(
        "publisher_",
        "AWS/Lambda",
        (function, publisher),
        &OF_FUNCTIONS,
    );
    add("copier_", "AWS/Lambda", (function, copier), &OF_FUNCTIONS);
    add(
        "topic_",
        "AWS/SNS",
        ("TopicName", stack.topic_name()),
        &OF_TOPIC,
    );
    for queue in Queue::ALL {
        let url = stack.queue(queue).and_then(|url| url.rsplit('/').next());
        let figures = [(queue.name(), "ApproximateAgeOfOldestMessage", "Maximum")];
        add("queue_", "AWS/SQS", ("QueueName", url), &figures);
    }
    let own = publisher::metrics::METRICS.namespace;
    add("own_", own, (DIMENSION, Some(&stack.name)), &OWN);
    queries
}

fn query(
    id: String,
    [namespace, name, dimension, of]: [&str; 4],
    stat: &str,
    period_secs: i64,
) -> MetricDataQuery {
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(name)
        .dimensions(Dimension::builder().name(dimension).value(of).build());
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(i32::try_from(period_secs).unwrap_or(i32::MAX))
        .stat(stat);
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat.build())
        .build()
}
