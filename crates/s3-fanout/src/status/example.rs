//! A stack whose backup went well, for tests to spoil.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::builders::MetricDataResultBuilder;
use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};
use jiff::Timestamp;

use super::metrics::Measured;
use super::report::Facts;
use super::stack::Stack;
use super::window::Window;

pub const NOW: &str = "2026-11-21T19:31:07Z";
pub const URL: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/backup";

pub fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

pub fn series(id: &str, values: &[(&str, f64)]) -> MetricDataResult {
    let result = MetricDataResult::builder()
        .id(id)
        .status_code(StatusCode::Complete);
    let add = |result: MetricDataResultBuilder, (time, value): &(&str, f64)| {
        result
            .timestamps(DateTime::from_secs(at(time)))
            .values(*value)
    };
    values.iter().fold(result, add).build()
}

/// A stack that backed up a day of 250 objects at two in the morning.
pub fn good() -> Facts {
    let window = Window::until(NOW.parse().unwrap(), 24);
    let run = "2026-11-21T02:00:00Z";
    let results = [
        ("publisher_invocations", 1.0),
        ("publisher_errors", 0.0),
        ("publisher_concurrency", 1.0),
        ("publisher_duration_sum", 2_100.0),
        ("publisher_duration_count", 1.0),
        ("publisher_duration_max", 2_100.0),
        ("copier_invocations", 250.0),
        ("copier_concurrency", 87.0),
        ("copier_duration_sum", 1_050_000.0),
        ("copier_duration_count", 250.0),
        ("copier_duration_max", 6_100.0),
        ("copier_age", 9_400.0),
        ("topic_published", 250.0),
        ("topic_delivered", 250.0),
        ("own_list_rate", 1_250.0),
        ("own_publish_rate", 240.0),
        ("own_copies_in_flight", 80.0),
    ];
    let results = results.map(|(id, value)| series(id, &[(run, value)]));
    let made: Timestamp = "2026-11-18T09:12:00Z".parse().unwrap();
    Facts {
        place: "in eu-west-1".to_owned(),
        window,
        stack: Stack {
            name: "backup".to_owned(),
            state: Some("CREATE_COMPLETE".to_owned()),
            changed: Some(made),
            schedule: Some("cron(0 2 * * ? *)".to_owned()),
            publisher: Some("backup-publisher".to_owned()),
            copier: Some("backup-copier".to_owned()),
            topic: Some("arn:aws:sns:eu-west-1:123456789012:backup-topic".to_owned()),
            queues: ["-p", "-s", "-c"].map(|end| Some(format!("{URL}{end}"))),
            ..Stack::default()
        },
        measured: Some(Measured::of(results.into(), window.since)),
        reserved: [None, Some(100)],
        depths: [Some(0); 3],
        unread: Vec::new(),
    }
}

pub fn add(facts: &mut Facts, id: &str, values: &[(&str, f64)]) {
    let measured = facts.measured.as_mut().unwrap();
    measured.add(series(id, values));
}
