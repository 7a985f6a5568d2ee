//! A model as clients meet it: which requests are refused, what they leave undone, and how environments begin.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sandbox::Sandbox;
use sandbox::lambda::{Error, Function};
use sandbox::s3::{Attributes, Content};
use sandbox::timing::Model;
use support::{Release, echo, eventually, s3_config, start, start_logged};
use tokio::time::Instant;

const GIB: u64 = 1 << 30;

fn s3(sandbox: &Sandbox, attempts: u32) -> Client {
    let config = s3_config(sandbox)
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Client::from_conf(config)
}

fn set(sandbox: &Sandbox, json: &str) {
    sandbox.timing().set(Model::parse(json).unwrap());
}

/// A bucket with objects of these keys and sizes.
fn put(sandbox: &Sandbox, objects: &[(&str, u64)]) {
    sandbox.s3().create_bucket("bucket").unwrap();
    for (key, bytes) in objects {
        let content = Content::repeat(vec![7; 1 << 20].into(), *bytes);
        let put = sandbox
            .s3()
            .put("bucket", key, content, Attributes::default());
        put.unwrap();
    }
}

/// The error's code, and its status.
fn refusal<T, E: ProvideErrorMetadata>(answer: Result<T, SdkError<E>>) -> Option<(String, u16)> {
    let error = answer.err()?;
    let status = error.raw_response()?.status().as_u16();
    Some((error.code()?.to_owned(), status))
}

fn slow_down() -> Option<(String, u16)> {
    Some(("SlowDown".to_owned(), 503))
}

async fn copy(s3: &Client, from: &str, to: &str) -> Option<(String, u16)> {
    let copy = s3.copy_object().bucket("bucket").key(to);
    refusal(copy.copy_source(format!("bucket/{from}")).send().await)
}

async fn head(s3: &Client, key: &str) -> Option<(String, u16)> {
    refusal(s3.head_object().bucket("bucket").key(key).send().await)
}

#[tokio::test]
async fn what_is_too_much_for_a_prefix_is_refused_and_has_no_effect() {
    let sandbox = start().await;
    let s3 = s3(&sandbox, 1);
    put(&sandbox, &[("in/k", 1), ("top", 1)]);
    // So slow that no token comes while the test runs.
    set(
        &sandbox,
        r#"{"rates":{"writes_per_sec":1e-4,"reads_per_sec":1e-4,"burst_secs":3e4}}"#,
    );
    for n in 0..3 {
        assert_eq!(copy(&s3, "in/k", &format!("out/{n}")).await, None);
    }
    // The reads of the copies were those of the source's prefix, their writes those of the destination's.
    assert_eq!(copy(&s3, "top", "out/3").await, slow_down());
    assert_eq!(copy(&s3, "in/k", "other/3").await, slow_down());
    assert_eq!(copy(&s3, "top", "other/3").await, None);
    assert_eq!(sandbox.timing().slow_downs(), 2);
    let names = s3.list_objects_v2().bucket("bucket").prefix("out/").send();
    assert_eq!(names.await.unwrap().key_count, Some(3));
    let delete = s3.delete_object().bucket("bucket").key("out/0");
    assert_eq!(refusal(delete.send().await), slow_down());
    for key in ["out/0", "out/1", "out/2"] {
        assert_eq!(head(&s3, key).await, None, "nothing was deleted");
    }
    let tagging = s3.get_object_tagging().bucket("bucket").key("out/1");
    assert_eq!(refusal(tagging.send().await), slow_down());
    // Annotations come another way to S3 than all else.
    let list = s3.list_object_annotations().bucket("bucket").key("out/1");
    assert_eq!(refusal(list.send().await), slow_down());
    let requests = sandbox.requests();
    assert_eq!(requests["s3:CopyObject"], 6, "refused ones count, too");
}

#[tokio::test]
async fn a_client_that_tries_again_gets_through() {
    let sandbox = start().await;
    let s3 = s3(&sandbox, 10);
    put(&sandbox, &[("k", 1)]);
    set(
        &sandbox,
        r#"{"rates":{"writes_per_sec":1,"reads_per_sec":20,"burst_secs":0.05}}"#,
    );
    for _ in 0..3 {
        assert_eq!(head(&s3, "k").await, None);
    }
    let asked = sandbox.requests()["s3:HeadObject"];
    assert_eq!(asked, 3 + sandbox.timing().slow_downs());
}

/// How long an upload of copied parts takes, all at once, by Tokio's clock.
async fn upload(s3: &Client, bytes: u64, part_bytes: u64) -> Duration {
    let began = Instant::now();
    let upload = s3.create_multipart_upload().bucket("bucket").key("copy");
    let id = upload.send().await.unwrap().upload_id.unwrap();
    let parts = (0..bytes / part_bytes).map(|n| {
        let (first, last) = (n * part_bytes, (n + 1) * part_bytes - 1);
        let part = s3.upload_part_copy().bucket("bucket").key("copy");
        let part = part.upload_id(&id).part_number(n as i32 + 1);
        let part = part.copy_source("bucket/k");
        part.copy_source_range(format!("bytes={first}-{last}"))
            .send()
    });
    let parts = futures::future::try_join_all(parts).await.unwrap();
    let parts = parts.into_iter().zip(1..).map(|(part, number)| {
        aws_sdk_s3::types::CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.copy_part_result.unwrap().e_tag)
            .build()
    });
    let whole = aws_sdk_s3::types::CompletedMultipartUpload::builder();
    let whole = whole.set_parts(Some(parts.collect())).build();
    let complete = s3.complete_multipart_upload().bucket("bucket").key("copy");
    let complete = complete.upload_id(&id).multipart_upload(whole);
    complete.send().await.unwrap();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn copies_over_http_take_as_long_as_they_were_measured_to() {
    let sandbox = start().await;
    let s3 = s3(&sandbox, 1);
    put(&sandbox, &[("k", GIB), ("object", 700_000_000)]);
    sandbox.timing().set(Model::named("s3-2023").unwrap());
    // awslabs/aws-c-s3 #288: a GiB, all parts at once.
    for (part_mib, secs) in [(64, 3.60), (128, 4.15), (256, 5.54), (1_024, 15.57)] {
        let time = upload(&s3, GIB, part_mib << 20).await.as_secs_f64();
        assert!((time / secs - 1.0).abs() < 0.15, "{part_mib} MiB: {time} s");
    }
    // The article of 2016: 250 such objects in an hour and three quarters, one after the other.
    sandbox.timing().set(Model::named("s3-2016").unwrap());
    let began = Instant::now();
    assert_eq!(copy(&s3, "object", "single").await, None);
    let time = began.elapsed().as_secs_f64();
    assert!((time / 25.2 - 1.0).abs() < 0.05, "{time} s");
}

#[tokio::test]
async fn only_the_first_invocation_of_an_environment_waits_for_it() {
    let (sandbox, logged) = start_logged().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    set(&sandbox, r#"{"lambda":{"cold_start_ms":300}}"#);
    for _ in 0..3 {
        lambda.invoke("echo", "{}").await.unwrap();
    }
    let stats = lambda.stats("echo").unwrap();
    assert_eq!((stats.invocations, stats.environments_started), (3, 1));
    assert!(stats.init_ms_total >= 300.0, "{stats:?}");
    assert!(stats.billed_ms_total >= 300, "{stats:?}");
    let reports = logged.matching("REPORT ");
    let cold = reports.iter().filter(|line| line.contains("Init Duration"));
    assert_eq!(cold.count(), 1, "{reports:?}");
}

#[tokio::test]
async fn a_function_scales_no_faster_than_its_model() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    // The second environment begins ten seconds later.
    set(&sandbox, r#"{"lambda":{"environments_per_10_secs":1}}"#);
    let release = Release::new();
    let event = release.event();
    lambda.invoke_async("echo", event.clone()).unwrap();
    eventually(|| lambda.stats("echo").unwrap().environments_started == 1).await;
    lambda.invoke_async("echo", event).unwrap();
    eventually(|| lambda.stats("echo").unwrap().concurrency == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = || lambda.stats("echo").unwrap().environments_started;
    assert_eq!(started(), 1);
    release.now();
    sandbox.shutdown().await;
}

#[tokio::test]
async fn environments_that_were_started_ahead_are_used_and_still_begin_cold() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    let function = Function {
        concurrency: 3,
        ..echo("echo")
    };
    lambda.create_function(function).unwrap();
    lambda.start_ahead("echo", 2).await.unwrap();
    let started = || lambda.stats("echo").unwrap().environments_started;
    assert_eq!(started(), 2);
    lambda.start_ahead("echo", 2).await.unwrap();
    assert_eq!(started(), 2, "there are as many");
    lambda.start_ahead("echo", 9).await.unwrap();
    assert_eq!(started(), 3, "no more than may run");
    set(&sandbox, r#"{"lambda":{"cold_start_ms":40}}"#);
    let release = Release::new();
    for _ in 0..3 {
        lambda.invoke_async("echo", release.event()).unwrap();
    }
    eventually(|| lambda.stats("echo").unwrap().concurrency == 3).await;
    release.now();
    lambda.idle().await;
    lambda.invoke("echo", "{}").await.unwrap();
    let stats = lambda.stats("echo").unwrap();
    assert_eq!(stats.environments_started, 3);
    // What their processes took here is none of it.
    assert_eq!(stats.init_ms_total, 3.0 * 40.0);
}

#[tokio::test]
async fn what_does_not_start_ahead_is_an_error() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    let unknown = lambda.start_ahead("echo", 1).await.unwrap_err();
    assert!(matches!(unknown, Error::NotFound(_)), "{unknown}");
    let function = Function {
        environment: vec![("ECHO_INIT".to_owned(), "exit".to_owned())],
        ..echo("echo")
    };
    lambda.create_function(function).unwrap();
    let broken = lambda.start_ahead("echo", 1).await.unwrap_err();
    assert!(broken.to_string().contains("exit status 3"), "{broken}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_function_gets_the_processor_that_its_memory_stands_for() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    set(&sandbox, r#"{"lambda":{"processor_by_memory":true}}"#);
    let function = Function {
        timeout: Duration::from_secs(2),
        retry_delays: Vec::new(),
        ..echo("echo")
    };
    lambda.create_function(function).unwrap();
    let who = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
    let pid = support::payload(&who)["pid"].as_u64().unwrap();
    let before = lambda.stats("echo").unwrap().duration_ms_total;
    let spin = lambda.invoke("echo", r#"{"do":"spin","millis":30}"#).await;
    assert_eq!(spin.unwrap().function_error, None);
    // 128 of 1,769 MB: 30 ms of a processor are some 415 ms, but for what is there at the beginning of a period and
    // what is taken before the last look.
    let took = lambda.stats("echo").unwrap().duration_ms_total - before;
    assert!(took > 300.0, "{took} ms");
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    eventually(|| !state().contains(") T ")).await;
    let again = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
    assert_eq!(support::payload(&again)["pid"], pid, "it goes on");
    // Killed while it stands still.
    let spin = lambda
        .invoke("echo", r#"{"do":"spin","millis":60000}"#)
        .await;
    assert!(spin.unwrap().function_error.is_some());
    eventually(|| support::reaped(pid)).await;
}
