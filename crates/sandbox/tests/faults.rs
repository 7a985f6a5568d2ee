//! Faults as the clients of the sandbox meet them: what each sees, and whether the request took effect.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use sandbox::Sandbox;
use sandbox::faults::Plan;
use sandbox::lambda::Function;
use sandbox::s3::{Attributes, Content};
use serde_json::{Value, json};
use support::{Release, alive, echo, eventually, payload, s3_config, start};

const MIB: u64 = 1 << 20;

/// A sandbox with two buckets and an object, and clients for it that try once.
struct World {
    sandbox: Sandbox,
    s3: aws_sdk_s3::Client,
    sns: aws_sdk_sns::Client,
}

impl World {
    async fn start() -> World {
        let sandbox = start().await;
        for bucket in ["source", "backup"] {
            sandbox.s3().create_bucket(bucket).unwrap();
        }
        let http = aws_smithy_http_client::Builder::new().build_http();
        let credentials = Credentials::new("sandbox", "sandbox", None, None, "test");
        let s3 = s3_config(&sandbox).retry_config(RetryConfig::disabled());
        let sns = aws_sdk_sns::Config::builder()
            .http_client(http)
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(sandbox.endpoint_url())
            .retry_config(RetryConfig::disabled());
        let world = World {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            sandbox,
        };
        world.put_source(20 * MIB);
        world
    }

    fn put_source(&self, size_bytes: u64) {
        let content = Content::repeat("source".into(), size_bytes);
        let put = self
            .sandbox
            .s3()
            .put("source", "k", content, Attributes::default());
        put.unwrap();
    }

    fn inject(&self, mut plan: Value) {
        plan["seed"] = json!(7);
        self.sandbox
            .faults()
            .inject(Plan::parse(&plan.to_string()).unwrap());
    }

    /// Makes this befall every request of an operation.
    fn always(&self, operation: &str, kind: &str) {
        self.inject(json!({ "s3": { operation: { kind: 1.0 } } }));
    }

    fn injected(&self) -> BTreeMap<String, u64> {
        self.sandbox.faults().injected()
    }

    /// Whether a bucket has the key, with faults or without.
    async fn has(&self, bucket: &str, key: &str) -> bool {
        self.s3
            .head_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .is_ok()
    }

    async fn put(&self) -> Seen {
        let put = self.s3.put_object().bucket("backup").key("k");
        seen(put.body(ByteStream::from_static(b"bytes")).send().await)
    }

    async fn copy(&self) -> Seen {
        let copy = self.s3.copy_object().bucket("backup").key("k");
        seen(copy.copy_source("source/k").send().await)
    }

    async fn create_upload(&self) -> String {
        let create = self.s3.create_multipart_upload().bucket("backup").key("k");
        create.send().await.unwrap().upload_id.unwrap()
    }

    async fn copy_part(&self, upload: &str, number: i32) -> Seen {
        let copy = self
            .s3
            .upload_part_copy()
            .bucket("backup")
            .key("k")
            .upload_id(upload);
        let copy = copy.part_number(number).copy_source("source/k");
        seen(copy.send().await)
    }

    async fn parts(&self, upload: &str) -> usize {
        let parts = self
            .s3
            .list_parts()
            .bucket("backup")
            .key("k")
            .upload_id(upload);
        parts.send().await.unwrap().parts().len()
    }

    async fn complete(&self, upload: &str) -> Seen {
        let part = self
            .s3
            .list_parts()
            .bucket("backup")
            .key("k")
            .upload_id(upload);
        let etag = part.send().await.unwrap().parts()[0].e_tag.clone();
        let part = aws_sdk_s3::types::CompletedPart::builder()
            .part_number(1)
            .set_e_tag(etag);
        let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder().parts(part.build());
        let complete = self
            .s3
            .complete_multipart_upload()
            .bucket("backup")
            .key("k");
        let complete = complete.upload_id(upload).multipart_upload(parts.build());
        seen(complete.send().await)
    }

    /// A topic whose messages an echo function gets.
    async fn topic(&self) -> String {
        let topic = self.sandbox.sns().create_topic("keys").unwrap();
        let function = Function {
            concurrency: 1,
            ..echo("echo")
        };
        let function = self.sandbox.lambda().create_function(function).unwrap();
        self.sandbox.sns().subscribe(&topic, &function).unwrap();
        topic
    }

    async fn publish(&self, topic: &str, text: &str) -> Seen {
        let publish = self.sns.publish().topic_arn(topic).message(text);
        seen(publish.send().await)
    }

    /// How many messages have been delivered, once all have been.
    async fn delivered(&self) -> u64 {
        self.sandbox.lambda().idle().await;
        self.sandbox.lambda().stats("echo").unwrap().invocations
    }
}

/// What a client sees of one request.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Success, as far as the SDK can tell.
    Ok,
    /// The status and the error code.
    Error(u16, String),
    /// The connection broke before there was an answer.
    Nothing,
    /// There was no answer in time.
    Timeout,
}

fn error(status: u16, code: &str) -> Seen {
    Seen::Error(status, code.to_owned())
}

fn seen<T, E: ProvideErrorMetadata + std::fmt::Debug>(result: Result<T, SdkError<E>>) -> Seen {
    match result {
        Ok(_) => Seen::Ok,
        Err(SdkError::DispatchFailure(failure)) => {
            let failure = format!("{failure:?}");
            // hyper's name for a connection that was closed before an answer.
            assert!(failure.contains("IncompleteMessage"), "{failure}");
            Seen::Nothing
        }
        Err(SdkError::TimeoutError(_)) => Seen::Timeout,
        Err(error) => {
            let status = error.raw_response().unwrap().status().as_u16();
            Seen::Error(status, error.code().unwrap_or_default().to_owned())
        }
    }
}

#[tokio::test]
async fn a_request_that_s3_refuses_by_a_fault_takes_no_effect() {
    let world = World::start().await;
    for (kind, expected) in [
        ("slow_down", error(503, "SlowDown")),
        ("internal_error", error(500, "InternalError")),
        ("access_denied", error(403, "AccessDenied")),
        ("reset_before", Seen::Nothing),
    ] {
        world.always("PutObject", kind);
        assert_eq!(world.put().await, expected, "{kind}");
        assert!(!world.has("backup", "k").await, "{kind}");
        assert_eq!(world.injected()[&format!("s3:{kind}")], 1);
    }
    world.sandbox.faults().stop();
    assert_eq!(world.put().await, Seen::Ok);
    assert_eq!(world.injected().values().sum::<u64>(), 4);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_its_effect() {
    let world = World::start().await;
    world.always("PutObject", "reset_after");
    assert_eq!(world.put().await, Seen::Nothing);
    assert!(world.has("backup", "k").await);
    world.always("CreateMultipartUpload", "reset_after");
    let created = world
        .s3
        .create_multipart_upload()
        .bucket("backup")
        .key("u")
        .send()
        .await;
    assert_eq!(seen(created), Seen::Nothing);
    assert_eq!(world.sandbox.s3().open_uploads("backup"), 1);
    let injections = world.sandbox.faults().injections();
    let noted = injections.iter().map(|injection| {
        let (kind, operation) = (injection.kind.as_str(), injection.operation.as_str());
        (kind, operation, injection.subject.as_str())
    });
    let noted: Vec<_> = noted.collect();
    let expected = [
        ("s3:reset_after", "PutObject", "backup/k"),
        ("s3:reset_after", "CreateMultipartUpload", "backup/u"),
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn a_success_with_an_error_or_nothing_in_its_body_took_no_effect() {
    let world = World::start().await;
    let told = || error(200, "InternalError");
    // The SDK finds an error in a body; a body that is empty it takes for a copy that tells nothing.
    for (kind, copied, completed) in [
        ("error_in_200", told(), told()),
        ("empty_200", Seen::Ok, error(200, "")),
    ] {
        let upload = world.create_upload().await;
        world.always("UploadPartCopy", kind);
        assert_eq!(world.copy_part(&upload, 1).await, copied, "{kind}");
        assert_eq!(world.parts(&upload).await, 0, "{kind}");
        world.always("CopyObject", kind);
        assert_eq!(world.copy().await, copied, "{kind}");
        world.always("CompleteMultipartUpload", kind);
        assert_eq!(world.copy_part(&upload, 1).await, Seen::Ok);
        assert_eq!(world.complete(&upload).await, completed, "{kind}");
        assert!(!world.has("backup", "k").await, "{kind}");
        assert_eq!(world.injected()[&format!("s3:{kind}")], 3);
    }
}

#[tokio::test]
async fn a_stalled_request_waits_until_the_client_goes_away() {
    let world = World::start().await;
    let upload = world.create_upload().await;
    assert_eq!(world.copy_part(&upload, 1).await, Seen::Ok);
    world.inject(json!({ "s3": { "*": { "stall": 1.0 } } }));
    let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(50));
    let patience = aws_sdk_s3::config::Config::builder().timeout_config(patience.build());
    let copy = world
        .s3
        .copy_object()
        .bucket("backup")
        .key("k")
        .copy_source("source/k");
    let copied = copy.customize().config_override(patience).send().await;
    assert_eq!(seen(copied), Seen::Timeout);
    world.sandbox.faults().stop();
    assert!(!world.has("backup", "k").await);
    assert_eq!(world.injected()["s3:stall"], 1);
}

#[tokio::test]
async fn the_source_changes_before_the_copy_is_served() {
    let world = World::start().await;
    world.sandbox.s3().keep_states();
    let etag =
        |head: Option<aws_sdk_s3::operation::head_object::HeadObjectOutput>| head.unwrap().e_tag;
    let head = async || {
        world
            .s3
            .head_object()
            .bucket("source")
            .key("k")
            .send()
            .await
            .ok()
    };
    let before = etag(head().await);
    world.inject(json!({ "source": { "bucket": "source", "overwrite": 1.0 } }));
    let copy = world
        .s3
        .copy_object()
        .bucket("backup")
        .key("k")
        .copy_source("source/k");
    let pinned = copy
        .copy_source_if_match(before.clone().unwrap())
        .send()
        .await;
    assert_eq!(seen(pinned), error(412, "PreconditionFailed"));
    assert_ne!(etag(head().await), before);
    // A copy that is not pinned is of what is there then.
    assert_eq!(world.copy().await, Seen::Ok);
    assert_eq!(
        world.sandbox.s3().wrong("source", "backup").unwrap(),
        Vec::<String>::new()
    );
    let upload = world.create_upload().await;
    world.inject(json!({ "source": { "bucket": "source", "delete": 1.0 } }));
    assert_eq!(world.copy_part(&upload, 1).await, error(404, "NoSuchKey"));
    assert!(head().await.is_none());
    // There is nothing to delete any more, and the other bucket is none of the plan's.
    assert_eq!(world.copy_part(&upload, 1).await, error(404, "NoSuchKey"));
    let copy = world
        .s3
        .copy_object()
        .bucket("backup")
        .key("l")
        .copy_source("backup/k");
    assert_eq!(seen(copy.send().await), Seen::Ok);
    let counts = world.injected();
    assert_eq!(
        (counts["source:overwrite"], counts["source:delete"]),
        (2, 1)
    );
    let injections = world.sandbox.faults().injections();
    assert!(
        injections
            .iter()
            .all(|injection| injection.subject == "source/k")
    );
}

#[tokio::test]
async fn an_overwritten_object_has_other_bytes_and_metadata_and_sometimes_another_size() {
    let world = World::start().await;
    world.inject(json!({ "source": { "bucket": "source", "overwrite": 1.0 } }));
    let (mut sizes, mut etags, mut metadata) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..20 {
        assert_eq!(world.copy().await, Seen::Ok);
        let copy = world
            .s3
            .head_object()
            .bucket("backup")
            .key("k")
            .send()
            .await
            .unwrap();
        let same = i64::try_from(20 * MIB).unwrap();
        sizes.insert(copy.content_length().unwrap() == same);
        etags.insert(copy.e_tag.unwrap());
        metadata.insert(copy.metadata.unwrap()["overwritten"].clone());
        world.put_source(20 * MIB);
    }
    assert_eq!((sizes.len(), etags.len(), metadata.len()), (2, 20, 20));
}

/// Copies the same parts of the same object, one after the other or all at once, and tells what happened to each.
async fn storm(seed: u64, at_once: bool) -> Vec<(i32, usize)> {
    let world = World::start().await;
    let plan = json!({ "seed": seed, "s3": {
        "UploadPartCopy": { "slow_down": 0.2, "internal_error": 0.2, "reset_before": 0.1 },
    }});
    let upload = world.create_upload().await;
    world
        .sandbox
        .faults()
        .inject(Plan::parse(&plan.to_string()).unwrap());
    let attempts = async |number| {
        for attempt in 0.. {
            if world.copy_part(&upload, number).await == Seen::Ok {
                return (number, attempt);
            }
        }
        unreachable!()
    };
    let parts = futures::future::join_all((1..=40).map(attempts));
    if at_once {
        return parts.await;
    }
    let mut one_by_one = Vec::new();
    for number in 1..=40 {
        one_by_one.push(attempts(number).await);
    }
    one_by_one
}

#[tokio::test]
async fn the_same_requests_meet_the_same_faults_whatever_their_order() {
    let first = storm(7, false).await;
    assert_eq!(storm(7, true).await, first);
    assert_ne!(storm(8, false).await, first);
    let retried = first.iter().filter(|(_, failed)| *failed > 0).count();
    assert!((10..=30).contains(&retried), "{first:?}");
}

#[tokio::test]
async fn sns_fails_before_or_after_it_has_published() {
    let world = World::start().await;
    let topic = world.topic().await;
    for (kind, expected, delivered) in [
        ("internal_error", error(500, "InternalError"), 0),
        ("reset_before", Seen::Nothing, 0),
        ("error_after", error(500, "InternalError"), 1),
        ("reset_after", Seen::Nothing, 2),
    ] {
        world.inject(json!({ "sns": { "Publish": { kind: 1.0 } } }));
        assert_eq!(world.publish(&topic, "m").await, expected, "{kind}");
        assert_eq!(world.delivered().await, delivered, "{kind}");
        assert_eq!(world.injected()[&format!("sns:{kind}")], 1);
    }
}

#[tokio::test]
async fn single_entries_of_a_batch_fail_and_are_not_delivered() {
    let world = World::start().await;
    let topic = world.topic().await;
    world.inject(json!({ "sns": { "PublishBatch": { "entry_failed": 0.5 } } }));
    let entry = |number: u32| {
        let entry = PublishBatchRequestEntry::builder().id(number.to_string());
        entry.message(format!("message {number}")).build().unwrap()
    };
    let batch = world.sns.publish_batch().topic_arn(&topic);
    let batch = batch.set_publish_batch_request_entries(Some((0..10).map(entry).collect()));
    let answer = batch.send().await.unwrap();
    let failed: Vec<_> = answer.failed().iter().collect();
    assert!((1..=9).contains(&failed.len()), "{failed:?}");
    for entry in &failed {
        assert_eq!(
            (entry.code(), entry.sender_fault()),
            ("InternalError", false)
        );
    }
    assert_eq!(answer.successful().len() + failed.len(), 10);
    assert_eq!(world.delivered().await, answer.successful().len() as u64);
    let injections = world.sandbox.faults().injections();
    let noted: BTreeSet<_> = injections.iter().map(|i| i.subject.clone()).collect();
    let expected = failed.iter().map(|entry| format!("message {}", entry.id()));
    assert_eq!(noted, expected.collect());
}

#[tokio::test]
async fn messages_are_delivered_twice() {
    let world = World::start().await;
    let topic = world.topic().await;
    world.inject(json!({ "sns": { "deliveries": { "duplicate": 1.0 } } }));
    for number in 0..3 {
        assert_eq!(world.publish(&topic, &format!("m{number}")).await, Seen::Ok);
    }
    assert_eq!(world.delivered().await, 6);
    assert_eq!(world.injected()["sns:duplicate"], 3);
}

#[tokio::test]
async fn messages_overtake_each_other() {
    let (sandbox, logged) = support::start_logged().await;
    let topic = sandbox.sns().create_topic("keys").unwrap();
    let function = Function {
        concurrency: 1,
        ..echo("echo")
    };
    let function = sandbox.lambda().create_function(function).unwrap();
    sandbox.sns().subscribe(&topic, &function).unwrap();
    let plan = r#"{"seed":1,"sns":{"deliveries":{"delay":0.5}}}"#;
    sandbox.faults().inject(Plan::parse(plan).unwrap());
    let texts: Vec<_> = (0..20).map(|number| format!("message {number}.")).collect();
    for text in &texts {
        sandbox.sns().publish(&topic, text).unwrap();
    }
    sandbox.lambda().idle().await;
    let events = logged.matching("event ");
    let arrived: Vec<_> = events
        .iter()
        .map(|event| {
            texts
                .iter()
                .find(|text| event.contains(*text))
                .unwrap()
                .clone()
        })
        .collect();
    assert_eq!(
        arrived.iter().collect::<BTreeSet<_>>(),
        texts.iter().collect()
    );
    assert_eq!(arrived.len(), 20, "each is delivered once");
    assert_ne!(arrived, texts);
    let delayed = sandbox.faults().injected()["sns:delay"];
    assert!((1..20).contains(&delayed));
}

#[tokio::test]
async fn a_killed_invocation_is_retried_in_another_environment() {
    let world = World::start().await;
    let lambda = world.sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let who = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
    let pid = payload(&who)["pid"].as_u64().unwrap();
    let release = Release::new();
    world.inject(json!({ "lambda": { "echo": { "kill": 1.0 } } }));
    let killed = lambda.invoke("echo", release.event()).await.unwrap();
    let error = payload(&killed);
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(
        message.ends_with("Runtime exited with error: signal: killed"),
        "{message}"
    );
    assert!(!alive(pid));
    assert_eq!(world.injected()["lambda:kill"], 1);
    let injection = world.sandbox.faults().injections().remove(0);
    assert_eq!(
        (injection.operation.as_str(), injection.subject),
        ("echo", release.event())
    );
    // An asynchronous event is killed, and again, and then there is no plan any more.
    lambda.invoke_async("echo", release.event()).unwrap();
    eventually(|| world.injected()["lambda:kill"] >= 2).await;
    world.sandbox.faults().stop();
    release.now();
    lambda.idle().await;
    assert!(lambda.stats("echo").unwrap().environments_started >= 3);
    assert!(
        lambda
            .invoke("echo", "{}")
            .await
            .unwrap()
            .function_error
            .is_none()
    );
}

#[tokio::test]
async fn an_invocation_times_out_early_and_says_what_lambda_says() {
    let world = World::start().await;
    let lambda = world.sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let release = Release::new();
    world.inject(json!({ "lambda": { "*": { "timeout": 1.0 } } }));
    let response = lambda.invoke("echo", release.event()).await.unwrap();
    let error = payload(&response);
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(
        message.ends_with("Task timed out after 60.00 seconds"),
        "{message}"
    );
    assert_eq!(world.injected()["lambda:timeout"], 1);
}

#[tokio::test]
async fn an_invocation_that_ends_before_its_fault_has_none() {
    let world = World::start().await;
    let lambda = world.sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    world.inject(json!({ "lambda": { "echo": { "kill": 0.5, "timeout": 0.5 } } }));
    let mut failed = 0;
    for _ in 0..30 {
        let response = lambda.invoke("echo", "{}").await.unwrap();
        failed += u64::from(response.function_error.is_some());
    }
    assert_eq!(world.injected().values().sum::<u64>(), failed);
    assert!(failed < 30, "an echo takes no time");
}

#[tokio::test]
async fn an_environment_is_used_again_after_its_functions_own_error() {
    let world = World::start().await;
    let lambda = world.sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    for event in [r#"{"do":"fail"}"#, "{}", r#"{"do":"fail"}"#] {
        lambda.invoke("echo", event).await.unwrap();
    }
    assert_eq!(lambda.stats("echo").unwrap().environments_started, 1);
}

#[tokio::test]
async fn a_sandbox_without_a_plan_has_no_faults() {
    let world = World::start().await;
    assert_eq!(world.copy().await, Seen::Ok);
    assert_eq!(world.injected(), BTreeMap::new());
    assert_eq!(world.sandbox.faults().injections(), []);
}
