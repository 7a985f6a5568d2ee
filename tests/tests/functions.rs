//! Both real binaries over the Runtime API in the sandbox, from event to object.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use sandbox::s3::Attributes;
use serde_json::{Value, json};
use tests::{DEST, MIB, SOURCE, World, binary, event, everything, function};

/// A day of objects of every kind.
fn put_a_day(world: &World) -> Vec<String> {
    let odd = [
        "a b+c%41.bin",
        "?&=#;,",
        "//",
        "../up",
        "ü漢🦀",
        "tab\tand\nnewline",
        "folder/",
    ];
    let mut keys: Vec<_> = odd
        .iter()
        .map(|name| format!("2016-06-30/{name}"))
        .collect();
    keys.extend((0..20).map(|number| format!("2016-06-30/object-{number:03}.bin")));
    for (number, key) in keys.iter().enumerate() {
        world.put(key, number as u64 * 37 * MIB, everything());
    }
    // The days around it are not asked for.
    world.put("2016-06-29/before", 1, Attributes::default());
    world.put("2016-07-01/after", 1, Attributes::default());
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_event_backs_up_the_day_and_nothing_else() {
    let world = World::start().await;
    world.deploy(8, &[]).await;
    let keys = put_a_day(&world);
    let lambda = world.sandbox.lambda();
    let answer = lambda
        .invoke("publisher", event("daily-scheduler").to_string())
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["run"], "2016-07-01T02:00:00Z");
    assert_eq!(
        (&answer["listed"], &answer["published"]),
        (&json!(keys.len()), &json!(keys.len()))
    );
    assert_eq!(
        (&answer["failed"], &answer["complete"]),
        (&json!(0), &json!(true))
    );
    lambda.idle().await;
    for key in &keys {
        let (source, copy) = (
            world.head(SOURCE, key).await.unwrap(),
            world.head(DEST, key).await,
        );
        let copy = copy.unwrap_or_else(|| panic!("{key:?} was not copied"));
        assert_eq!(
            copy.checksum_crc64_nvme(),
            source.checksum_crc64_nvme(),
            "{key:?}"
        );
        assert_eq!(copy.content_type(), source.content_type(), "{key:?}");
        assert_eq!(
            world.tags(DEST, key).await,
            world.tags(SOURCE, key).await,
            "{key:?}"
        );
    }
    assert!(world.head(DEST, "2016-06-29/before").await.is_none());
    assert!(world.head(DEST, "2016-07-01/after").await.is_none());
    let stats = lambda.stats("copier").unwrap();
    assert_eq!((stats.invocations, stats.errors), (keys.len() as u64, 0));
    assert!(stats.concurrency_reached <= 8);
    assert_eq!(world.sandbox.requests()["sns:PublishBatch"], 3);
    assert_eq!(world.sandbox.s3().open_uploads(DEST), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_log_line_is_json_and_names_run_request_and_key() {
    let world = World::start().await;
    world.deploy(8, &[]).await;
    world.put("2016-06-30/a\nb", 300 * MIB, Attributes::default());
    let lambda = world.sandbox.lambda();
    lambda
        .invoke("publisher", event("daily-rule").to_string())
        .await
        .unwrap();
    lambda.idle().await;
    let log = world.log();
    let lines = log.iter().filter_map(|line| line.strip_prefix("copier {"));
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(&format!("{{{line}")).unwrap())
        .collect();
    let done = lines.iter().find(|line| line["message"] == "done").unwrap();
    assert_eq!(
        (&done["outcome"], &done["verified"]),
        (&json!("copied"), &json!("CRC64NVME"))
    );
    assert_eq!(
        (&done["parts"], &done["size_bytes"]),
        (&json!(5), &json!(300 * MIB))
    );
    assert_eq!(done["span"]["run"], "2016-07-01T02:00:00Z");
    assert_eq!(done["span"]["key"], "2016-06-30/a\\nb");
    assert_eq!(done["span"]["request_id"].as_str().unwrap().len(), 36);
    let secret = log
        .iter()
        .find(|line| line.contains("AWS_SECRET") || line.contains("Signature="));
    assert_eq!(secret, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_copied_ends_in_the_failure_queue_unchanged_with_its_reason() {
    let world = World::start().await;
    let topic = world.deploy(8, &[]).await;
    world.put("2016-06-30/present", 10, Attributes::default());
    let message = |bucket: &str, v: u32| {
        json!({"v": v, "run": "r", "bucket": bucket, "key": "2016-06-30/present", "size": 10})
            .to_string()
    };
    let cases = [
        (
            "2016-06-30/absent".to_owned(),
            "SourceMissing",
            "s3://source/2016-06-30/absent does not exist",
        ),
        (
            message("elsewhere", 1),
            "ForeignBucket",
            "asks for bucket \"elsewhere\"; this copier copies from \"source\"",
        ),
        (
            message(SOURCE, 2),
            "InvalidMessage",
            "the message has `v` 2; this copier reads version 1",
        ),
        (
            "{\"v\":1".to_owned(),
            "InvalidMessage",
            "starts with `{` and is not JSON",
        ),
    ];
    for (message, _, _) in &cases {
        world
            .sns
            .publish()
            .topic_arn(&topic)
            .message(message)
            .send()
            .await
            .unwrap();
    }
    world.sandbox.lambda().idle().await;
    let failures = world.sandbox.lambda().failures("copier").unwrap();
    assert_eq!(failures.len(), cases.len());
    for (message, error_type, text) in cases {
        let failure = failures
            .iter()
            .find(|failure| {
                failure["requestPayload"]["Records"][0]["Sns"]["Message"] == json!(message)
            })
            .unwrap_or_else(|| panic!("{message} is not in the failure queue"));
        assert_eq!(failure["responsePayload"]["errorType"], error_type);
        let reason = failure["responsePayload"]["errorMessage"].as_str().unwrap();
        assert!(reason.contains(text), "{reason:?} should contain {text:?}");
        assert_eq!(failure["requestContext"]["approximateInvokeCount"], 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copier_reads_every_event_file() {
    let world = World::start().await;
    world.deploy(8, &[]).await;
    world.put("2016-06-30/object-000.bin", 734_003_200, everything());
    let lambda = world.sandbox.lambda();
    for name in ["copier-sns", "copier-bare-key"] {
        let answer = lambda
            .invoke("copier", event(name).to_string())
            .await
            .unwrap();
        assert_eq!(answer.function_error, None, "{name}");
        assert_eq!(answer.payload, r#"{"records":1}"#, "{name}");
    }
    assert!(
        world
            .head(DEST, "2016-06-30/object-000.bin")
            .await
            .is_some()
    );
    for (event, error_type, text) in [
        (
            event("copier-malformed"),
            "InvalidMessage",
            "unknown field `Key`, expected one of",
        ),
        (
            event("date"),
            "InvalidEvent",
            "not an SNS event with at least one record: missing field `Records`",
        ),
        (
            json!({"Records": []}),
            "InvalidEvent",
            "not an SNS event with at least one record",
        ),
    ] {
        let answer = lambda.invoke("copier", event.to_string()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["errorType"], error_type);
        let message = answer["errorMessage"].as_str().unwrap();
        assert!(
            message.contains(text),
            "{message:?} should contain {text:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_records_in_one_event_are_all_tried() {
    let world = World::start().await;
    world.deploy(8, &[]).await;
    let mut records = Vec::new();
    for key in [
        "2016-06-30/absent",
        "2016-06-30/a",
        "2016-06-30/gone",
        "2016-06-30/b",
    ] {
        let mut record = event("copier-bare-key")["Records"][0].clone();
        record["Sns"]["Message"] = json!(key);
        records.push(record);
    }
    world.put("2016-06-30/a", 10, Attributes::default());
    world.put("2016-06-30/b", 10, Attributes::default());
    let event = json!({ "Records": records }).to_string();
    let answer = world
        .sandbox
        .lambda()
        .invoke("copier", event)
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["errorType"], "SourceMissing");
    assert_eq!(
        answer["errorMessage"],
        "2 of 4 records failed, the first: s3://source/2016-06-30/absent does not exist"
    );
    assert!(world.head(DEST, "2016-06-30/a").await.is_some());
    assert!(world.head(DEST, "2016-06-30/b").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publisher_says_what_is_wrong() {
    let world = World::start().await;
    let topic = world.deploy(8, &[]).await;
    let lambda = world.sandbox.lambda();
    let missing = [
        ("SOURCE_BUCKET", "nowhere"),
        ("DEST_BUCKET", DEST),
        ("TOPIC_ARN", topic.as_str()),
    ];
    let mut elsewhere = function("publisher", 1, &missing);
    elsewhere.name = "publisher-elsewhere".to_owned();
    lambda.create_function(elsewhere).unwrap();
    world.put("2016-06-30/a", 10, Attributes::default());
    let no_topic = [
        ("SOURCE_BUCKET", SOURCE),
        ("DEST_BUCKET", DEST),
        ("TOPIC_ARN", "arn:aws:sns:us-east-1:000000000000:none"),
    ];
    let mut untold = function("publisher", 1, &no_topic);
    untold.name = "publisher-untold".to_owned();
    lambda.create_function(untold).unwrap();
    for (function, event, error_type, text) in [
        (
            "publisher",
            event("malformed"),
            "InvalidEvent",
            "the range ends (2016-01-01) before it starts",
        ),
        (
            "publisher-elsewhere",
            event("date"),
            "ListFailed",
            "listing s3://nowhere/2016-06-30/ failed: NoSuchBucket",
        ),
        (
            "publisher-untold",
            event("date"),
            "PublishFailed",
            "1 of 1 messages could not be published",
        ),
    ] {
        let answer = lambda.invoke(function, event.to_string()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["errorType"], error_type, "{answer}");
        let message = answer["errorMessage"].as_str().unwrap();
        assert!(
            message.contains(text),
            "{message:?} should contain {text:?}"
        );
    }
}

#[test]
fn a_binary_with_a_wrong_configuration_ends_and_names_the_variable() {
    for (name, variables, text) in [
        (
            "publisher",
            vec![],
            "the environment variable SOURCE_BUCKET is not set",
        ),
        (
            "copier",
            vec![("SOURCE_BUCKET", "a"), ("DEST_BUCKET", "a")],
            "every copy would overwrite its own source",
        ),
    ] {
        let output = Command::new(binary(name))
            .env_clear()
            .envs(variables)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(text), "{error:?} should contain {text:?}");
    }
}

#[tokio::test]
async fn archived_objects_are_counted_and_named_and_restored_ones_are_backed_up() {
    let world = World::start().await;
    world.deploy(8, &[]).await;
    let class = |class: &str, restored_until| Attributes {
        storage_class: Some(class.to_owned()),
        restored_until,
        ..Attributes::default()
    };
    let until = || Some(std::time::SystemTime::now().into());
    for number in 0..12 {
        world.put(
            &format!("2016-06-30/cold-{number:02}"),
            10,
            class("GLACIER", None),
        );
    }
    world.put("2016-06-30/colder", 10, class("DEEP_ARCHIVE", None));
    world.put("2016-06-30/restored", 10, class("GLACIER", until()));
    world.put("2016-06-30/instant", 10, class("GLACIER_IR", None));
    let answer = world
        .sandbox
        .lambda()
        .invoke("publisher", event("date").to_string())
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    let counts = ["listed", "archived", "published"].map(|count| answer[count].as_u64().unwrap());
    assert_eq!(counts, [15, 13, 2], "{answer}");
    world.sandbox.lambda().idle().await;
    assert!(world.head(DEST, "2016-06-30/restored").await.is_some());
    assert!(world.head(DEST, "2016-06-30/instant").await.is_some());
    assert!(world.head(DEST, "2016-06-30/cold-00").await.is_none());
    let log = world.log().join("\n");
    assert_eq!(
        log.matches("archived: restore it to have it copied")
            .count(),
        10
    );
    assert!(
        log.contains("only the first archived objects were named"),
        "{log}"
    );
}
