//! Latencies as clients meet them: which answers wait, and that what was asked for has happened by then.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use sandbox::Sandbox;
use sandbox::s3::{Attributes, Content};
use sandbox::timing::Latency;
use support::{echo, eventually, payload, s3_config, send, start};

/// Longer than any test runs.
const EVER: Duration = Duration::from_secs(3_600);

/// What answers at once does so long before this.
async fn at_once<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(Duration::from_secs(60), answer).await;
    answer.expect("an answer that waits for nothing")
}

fn s3(sandbox: &Sandbox) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_config(sandbox).build())
}

fn sns(sandbox: &Sandbox) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.endpoint_url())
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .build();
    aws_sdk_sns::Client::from_conf(config)
}

fn put(sandbox: &Sandbox) {
    sandbox.s3().create_bucket("bucket").unwrap();
    let content = Content::bytes("bytes".into());
    let put = sandbox
        .s3()
        .put("bucket", "k", content, Attributes::default());
    put.unwrap();
}

#[tokio::test]
async fn an_answer_of_s3_waits_and_the_request_has_its_effect() {
    let sandbox = start().await;
    let s3 = s3(&sandbox);
    put(&sandbox);
    sandbox
        .timing()
        .set(Latency::default().except("CopyObject", EVER));
    let copy = s3.copy_object().bucket("bucket").key("copy");
    let copy = tokio::spawn(copy.copy_source("bucket/k").send());
    let head = || s3.head_object().bucket("bucket").key("copy").send();
    while head().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(!copy.is_finished());
    copy.abort();
}

#[tokio::test]
async fn an_answer_of_sns_waits_and_the_request_has_its_effect() {
    let sandbox = start().await;
    let sns = sns(&sandbox);
    let topic = sandbox.sns().create_topic("keys").unwrap();
    let accepted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&accepted);
    sandbox
        .sns()
        .watch(move |_| seen.store(true, Ordering::Relaxed));
    sandbox
        .timing()
        .set(Latency::default().except("Publish", EVER));
    let publish = sns.publish().topic_arn(&topic).message("x");
    let publish = tokio::spawn(publish.send());
    eventually(|| accepted.load(Ordering::Relaxed)).await;
    at_once(sns.list_topics().send()).await.unwrap();
    assert!(!publish.is_finished());
    publish.abort();
}

#[tokio::test]
async fn every_operation_is_known_by_its_name() {
    let sandbox = start().await;
    let (s3, sns) = (s3(&sandbox), sns(&sandbox));
    put(&sandbox);
    let mut latency = Latency::of_all(EVER);
    for operation in ["HeadObject", "ListObjectAnnotations", "CreateTopic"] {
        latency = latency.except(operation, Duration::ZERO);
    }
    sandbox.timing().set(latency);
    let head = s3.head_object().bucket("bucket").key("k");
    at_once(head.send()).await.unwrap();
    // Annotations come another way to S3 than all else.
    let list = s3.list_object_annotations().bucket("bucket").key("k");
    at_once(list.send()).await.unwrap();
    at_once(sns.create_topic().name("keys").send())
        .await
        .unwrap();
    let waiting = tokio::spawn(s3.list_buckets().send());
    eventually(|| sandbox.requests().contains_key("s3:ListBuckets")).await;
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn lambda_and_the_page_for_people_answer_at_once() {
    let sandbox = start().await;
    sandbox.lambda().create_function(echo("echo")).unwrap();
    sandbox.timing().set(Latency::of_all(EVER));
    let page = at_once(send(&sandbox, "GET /_sandbox HTTP/1.1", "")).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    let signed = support::signed("sandbox", "lambda");
    let invoke = format!("POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\n{signed}");
    let answer = at_once(send(&sandbox, &invoke, "{}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // The function asks for its invocations at the same machine.
    let response = at_once(sandbox.lambda().invoke("echo", r#"{"n":1}"#)).await;
    assert_eq!(payload(&response.unwrap())["n"], 1);
}
