//! CloudWatch and CloudFormation as the SDK sees them: what was done here, measured and described.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_cloudformation as cloudformation;
use aws_sdk_cloudwatch as cloudwatch;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use sandbox::Sandbox;
use sandbox::cloudformation::{Resource, Stack};
use support::{echo, start};

const HOUR: Duration = Duration::from_secs(3_600);

fn cloudwatch(sandbox: &Sandbox, access_key: &str) -> cloudwatch::Client {
    let config = cloudwatch::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version_latest()
        .region(cloudwatch::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key, "sandbox", None, None, "test"))
        .endpoint_url(sandbox.endpoint_url());
    cloudwatch::Client::from_conf(config.build())
}

fn cloudformation(sandbox: &Sandbox) -> cloudformation::Client {
    let config = cloudformation::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version_latest()
        .region(cloudformation::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .endpoint_url(sandbox.endpoint_url());
    cloudformation::Client::from_conf(config.build())
}

fn query(id: &str, [namespace, name, dimension, of]: [&str; 4], stat: &str) -> MetricDataQuery {
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(name)
        .dimensions(Dimension::builder().name(dimension).value(of).build());
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(300)
        .stat(stat);
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat.build())
        .build()
}

/// The values of the last hour, one after the other.
async fn values(sandbox: &Sandbox, queries: Vec<MetricDataQuery>) -> Vec<Vec<f64>> {
    let client = cloudwatch(sandbox, "sandbox");
    let now = SystemTime::now();
    let data = client
        .get_metric_data()
        .start_time((now - HOUR).into())
        .end_time((now + HOUR).into())
        .set_metric_data_queries(Some(queries));
    let results = data.send().await.unwrap().metric_data_results.unwrap();
    let values = results.into_iter().map(|result| {
        assert_eq!(result.timestamps().len(), result.values().len());
        result.values.unwrap_or_default()
    });
    values.collect()
}

#[tokio::test]
async fn measures_what_functions_and_topics_do() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    let arn = lambda.create_function(echo("echo")).unwrap();
    let topic = sandbox.sns().create_topic("jobs").unwrap();
    sandbox.sns().subscribe(&topic, &arn).unwrap();
    for _ in 0..2 {
        lambda.invoke("echo", "{}").await.unwrap();
    }
    // One attempt and two retries of this one fail; the message's only attempt does not.
    lambda.invoke_async("echo", r#"{"do":"fail"}"#).unwrap();
    sandbox.sns().publish(&topic, "x").unwrap();
    lambda.idle().await;
    let of_function = |name, stat| query("f", ["AWS/Lambda", name, "FunctionName", "echo"], stat);
    let of_topic = |name, stat| query("t", ["AWS/SNS", name, "TopicName", "jobs"], stat);
    let sums = values(
        &sandbox,
        vec![
            of_function("Invocations", "Sum"),
            of_function("Errors", "Sum"),
            of_function("Duration", "SampleCount"),
            of_function("AsyncEventsReceived", "Sum"),
            of_function("AsyncEventsDropped", "Sum"),
            of_topic("NumberOfMessagesPublished", "Sum"),
            of_topic("NumberOfNotificationsDelivered", "Sum"),
            of_topic("NumberOfNotificationsFailed", "Sum"),
            query("no", ["AWS/SNS", "Errors", "TopicName", "other"], "Sum"),
        ],
    );
    let sums = sums.await.into_iter().map(|values| values.iter().sum());
    let sums: Vec<f64> = sums.collect();
    assert_eq!(sums, [6.0, 3.0, 6.0, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(sandbox.requests()["monitoring:GetMetricData"], 1);
}

#[tokio::test]
async fn measures_how_many_run_at_a_time() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let release = support::Release::new();
    for _ in 0..3 {
        lambda.invoke_async("echo", release.event()).unwrap();
    }
    support::eventually(|| lambda.stats("echo").unwrap().concurrency == 3).await;
    release.now();
    lambda.idle().await;
    let of = ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", "echo"];
    let most = values(&sandbox, vec![query("most", of, "Maximum")]);
    let most = most.await.concat().into_iter().fold(0.0, f64::max);
    assert_eq!(most, 3.0);
}

#[tokio::test]
async fn refuses_strangers_and_statistics_it_does_not_have() {
    let sandbox = start().await;
    let of = ["AWS/Lambda", "Errors", "FunctionName", "echo"];
    for (access_key, stat, code) in [
        ("stranger", "Sum", "InvalidClientTokenId"),
        ("sandbox", "p99", "ValidationError"),
    ] {
        let now = SystemTime::now();
        let data = cloudwatch(&sandbox, access_key)
            .get_metric_data()
            .start_time((now - HOUR).into())
            .end_time(now.into())
            .metric_data_queries(query("q", of, stat));
        let error = data.send().await.unwrap_err().into_service_error();
        assert_eq!(error.meta().code(), Some(code), "{error:?}");
    }
}

#[tokio::test]
async fn describes_the_stacks_it_was_told_of() {
    let sandbox = start().await;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    sandbox.declare_stack(Stack {
        name: "s3-fanout".to_owned(),
        parameters: vec![pair("ScheduleState", "DISABLED")],
        resources: vec![Resource {
            logical_id: "Topic".to_owned(),
            physical_id: "arn:aws:sns:us-east-1:000000000000:jobs".to_owned(),
            kind: "AWS::SNS::Topic".to_owned(),
        }],
        outputs: vec![pair("Odd", "<a & b>")],
    });
    let client = cloudformation(&sandbox);
    for asked in [Some("s3-fanout"), None] {
        let described = client
            .describe_stacks()
            .set_stack_name(asked.map(str::to_owned));
        let stacks = described.send().await.unwrap().stacks.unwrap();
        assert_eq!(stacks.len(), 1);
        assert_eq!(
            stacks[0].stack_status().unwrap().as_str(),
            "CREATE_COMPLETE"
        );
        assert_eq!(
            stacks[0].parameters()[0].parameter_value(),
            Some("DISABLED")
        );
        assert_eq!(stacks[0].outputs()[0].output_value(), Some("<a & b>"));
        let age = SystemTime::try_from(*stacks[0].creation_time().unwrap()).unwrap();
        assert!(age.elapsed().unwrap() < HOUR);
    }
    let resources = client.describe_stack_resources().stack_name("s3-fanout");
    let resources = resources.send().await.unwrap().stack_resources.unwrap();
    assert_eq!(resources[0].logical_resource_id(), Some("Topic"));
    let other = client.describe_stacks().stack_name("other").send().await;
    let error = other.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("ValidationError"));
    assert_eq!(
        error.meta().message(),
        Some("Stack with id other does not exist")
    );
    let resources = client.describe_stack_resources().stack_name("other");
    resources.send().await.unwrap_err();
}
