//! One trace from the publisher's invocation through the topic to every copier's.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::s3::Attributes;
use sandbox::timing::Latency;
use serde_json::json;
use tests::{DEST, SOURCE, World, function};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";

const KEYS: usize = 200;

/// Invokes the publisher asynchronously, as a client does whose request is part of a trace.
async fn invoke_traced(world: &World, trace: &str, event: &str) {
    let address = world.sandbox.endpoint_url().trim_start_matches("http://");
    let request = format!(
        "POST /2015-03-31/functions/publisher/invocations HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=sandbox/20261121/us-east-1/lambda/aws4_request, \
         SignedHeaders=host, Signature=00\r\nX-Amz-Invocation-Type: Event\r\nX-Amzn-Trace-Id: {trace}\r\n\
         Content-Length: {}\r\n\r\n{event}",
        event.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

/// Both functions and a day of objects, which takes the publisher more than one invocation.
async fn deployed() -> World {
    let world = World::start().await;
    let topic = world.sandbox.sns().create_topic("s3-fanout").unwrap();
    let buckets = [("SOURCE_BUCKET", SOURCE), ("DEST_BUCKET", DEST)];
    let own = [
        ("TOPIC_ARN", topic.as_str()),
        ("PUBLISH_CONCURRENCY", "1"),
        ("DEADLINE_MARGIN_SECS", "1"),
    ];
    let lambda = world.sandbox.lambda();
    let mut publisher = function("publisher", 1, &[&buckets[..], &own].concat());
    // A second of work, and as much to stop in.
    publisher.timeout = Duration::from_secs(2);
    lambda.create_function(publisher).unwrap();
    let copier = lambda
        .create_function(function("copier", 4, &buckets))
        .unwrap();
    world.sandbox.sns().subscribe(&topic, &copier).unwrap();
    for number in 0..KEYS {
        world.put(&format!("2016-06-30/{number}"), 1, Attributes::default());
    }
    let latency = Latency::default().except("PublishBatch", Duration::from_millis(100));
    world.sandbox.timing().set(latency);
    world
}

fn event() -> String {
    json!({ "date": "2016-06-30", "continue": true }).to_string()
}

/// The REPORT lines of a function.
fn reports(world: &World, function: &str) -> Vec<String> {
    let start = format!("{function} REPORT ");
    let lines = world.log().into_iter();
    lines.filter(|line| line.starts_with(&start)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampled_trace_goes_on_in_every_continuation_and_every_copy() {
    let world = deployed().await;
    let trace = format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0");
    invoke_traced(&world, &trace, &event()).await;
    world.sandbox.lambda().idle().await;
    let (publishers, copiers) = (reports(&world, "publisher"), reports(&world, "copier"));
    assert!(publishers.len() >= 2, "{publishers:?}");
    assert_eq!(copiers.len(), KEYS);
    let of_trace = format!("\tXRAY TraceId: {ROOT}\tSegmentId: ");
    let mut segments = BTreeSet::new();
    for report in publishers.iter().chain(&copiers) {
        let (_, segment) = report.split_once(&of_trace).expect(report);
        assert!(segment.ends_with("\tSampled: true"), "{report}");
        assert!(
            segments.insert(segment.to_owned()),
            "{report} repeats a segment"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_trace_nothing_is_sampled() {
    let world = deployed().await;
    let lambda = world.sandbox.lambda();
    lambda.invoke_async("publisher", event()).unwrap();
    lambda.idle().await;
    let reports = [reports(&world, "publisher"), reports(&world, "copier")].concat();
    assert!(reports.len() > KEYS);
    assert!(reports.iter().all(|report| !report.contains("XRAY")));
}
