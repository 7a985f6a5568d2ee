//! Back-fills end to end: the real publisher over the sandbox, with and without copiers behind the topic.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sandbox::lambda::Function;
use sandbox::s3::{Attributes, Content};
use sandbox::timing::Latency;
use serde_json::{Value, json};
use tests::{Accepted, DEST, SOURCE, World, function};

/// A publisher without copiers, and what it publishes.
async fn publisher(world: &World, variables: &[(&str, &str)]) -> (Function, Accepted) {
    let topic = world.sandbox.sns().create_topic("s3-fanout").unwrap();
    let own = [
        ("SOURCE_BUCKET", SOURCE),
        ("DEST_BUCKET", DEST),
        ("TOPIC_ARN", &topic),
    ];
    let variables = [&own, variables].concat();
    (function("publisher", 1, &variables), world.accepted())
}

/// How often each key was accepted.
fn counts(accepted: &Accepted) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in accepted.lock().unwrap().iter() {
        *counts.entry(message.object.key.clone()).or_default() += 1;
    }
    counts
}

fn put(world: &World, prefix: &str, count: u64) -> Vec<String> {
    let keys: Vec<_> = (0..count)
        .map(|n| format!("{prefix}object {n:06}"))
        .collect();
    for (size, key) in keys.iter().enumerate() {
        world.put(key, size as u64, Attributes::default());
    }
    keys
}

async fn invoke(world: &World, name: &str, event: Value) -> Value {
    let answer = world
        .sandbox
        .lambda()
        .invoke(name, event.to_string())
        .await
        .unwrap();
    assert_eq!(answer.function_error, None, "{:?}", answer.payload);
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_in_other_invocations_until_it_is_complete() {
    let world = World::start().await;
    let one = [
        ("LIST_CONCURRENCY", "1"),
        ("PUBLISH_CONCURRENCY", "1"),
        ("DEADLINE_MARGIN_SECS", "1"),
    ];
    let (mut publisher, accepted) = publisher(&world, &one).await;
    // A second of work, and as much to stop in.
    publisher.timeout = Duration::from_secs(2);
    world.sandbox.lambda().create_function(publisher).unwrap();
    let mut keys = put(&world, "2016-06-29/", 900);
    keys.extend(put(&world, "2016-06-30/", 900));
    world
        .sandbox
        .timing()
        .set(Latency::of_all(Duration::from_millis(20)));
    let lambda = world.sandbox.lambda();
    let event = json!({"from": "2016-06-29", "to": "2016-06-30", "only": "all", "continue": true});
    lambda.invoke_async("publisher", event.to_string()).unwrap();
    lambda.idle().await;
    let stats = lambda.stats("publisher").unwrap();
    assert!(stats.invocations >= 3, "{stats:?}");
    assert_eq!((stats.errors, stats.timeouts), (0, 0));
    let once: BTreeMap<_, _> = keys.into_iter().map(|key| (key, 1)).collect();
    assert!(counts(&accepted) == once, "every key once");
    let runs: Vec<_> = accepted
        .lock()
        .unwrap()
        .iter()
        .map(|message| message.run.clone())
        .collect();
    assert!(runs.iter().all(|run| *run == runs[0]), "one run all along");
    let log = world.log();
    let complete = log.iter().filter(|line| line.contains("\"complete\":true"));
    assert_eq!(complete.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_backfill_is_listed_on_both_sides_once_and_not_published_again() {
    let world = World::start().await;
    world.deploy(8, &[("DEST_PREFIX", "copies of/")]).await;
    put(&world, "2016-06-29/", 1_200);
    put(&world, "2016-06-30/", 30);
    // A copy of the second in which its source was written is no proof of being the same.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let event = || json!({"from": "2016-06-29", "to": "2016-07-01"});
    let lambda = world.sandbox.lambda();
    let first = invoke(&world, "publisher", event()).await;
    assert_eq!(
        (&first["published"], &first["unchanged"]),
        (&json!(1_230), &json!(0))
    );
    lambda.idle().await;

    let before = world.sandbox.requests();
    let second = invoke(&world, "publisher", event()).await;
    assert_eq!(
        (&second["published"], &second["unchanged"]),
        (&json!(0), &json!(1_230))
    );
    let requests = world.requests_since(&before);
    assert_eq!(
        requests,
        [("s3:ListObjectsV2".to_owned(), 2 * (2 + 1 + 1))].into()
    );

    // Overwritten at the source, and gone at the destination.
    world.put("2016-06-29/object 000007", 7, Attributes::default());
    let gone = "copies of/2016-06-30/object 000000";
    world
        .s3
        .delete_object()
        .bucket(DEST)
        .key(gone)
        .send()
        .await
        .unwrap();
    let third = invoke(&world, "publisher", event()).await;
    assert_eq!(
        (&third["published"], &third["unchanged"]),
        (&json!(2), &json!(1_228))
    );
    lambda.idle().await;
    assert!(world.head(DEST, gone).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_topic_gets_every_message_and_the_metrics_say_how_fast() {
    let world = World::start().await;
    let stack = [("STACK_NAME", "acme"), ("MAX_COPIES_IN_FLIGHT", "100")];
    let (publisher, accepted) = publisher(&world, &stack).await;
    world.sandbox.lambda().create_function(publisher).unwrap();
    let keys = put(&world, "x/", 4_500);
    world.sandbox.sns().set_quota(Some(1_500));
    let answer = invoke(&world, "publisher", json!({"prefix": "x/"})).await;
    assert_eq!(
        (&answer["published"], &answer["failed"]),
        (&json!(4_500), &json!(0))
    );
    let once: BTreeMap<_, _> = keys.into_iter().map(|key| (key, 1)).collect();
    assert!(counts(&accepted) == once, "every key once");
    assert!(
        world.sandbox.requests()["sns:PublishBatch"] > 450,
        "some were refused"
    );
    let log = world.log();
    let json = log
        .iter()
        .filter_map(|line| serde_json::from_str(line.split_once(' ')?.1).ok());
    let lines: Vec<Value> = json.collect();
    let sample = lines
        .iter()
        .find(|line| line["message"] == "publishing")
        .unwrap();
    let metrics = lines.iter().find(|line| line["_aws"].is_object()).unwrap();
    let published_per_sec = sample["published_per_sec"].as_f64().unwrap();
    assert!(published_per_sec > 0.0);
    assert_eq!(metrics["PublishRate"], json!([published_per_sec]));
    assert_eq!(
        metrics["ListRate"],
        json!([sample["listed_per_sec"].as_f64()])
    );
    assert_eq!(
        metrics["CopiesInFlight"],
        json!([sample["copies_in_flight"].as_f64()])
    );
    assert_eq!(sample["max_copies_in_flight"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_keys_take_no_more_memory_than_a_hundred_thousand() {
    let world = World::start().await;
    let (function, _) = publisher(&world, &[]).await;
    let all = |prefix: &str| json!({"prefix": prefix, "dry_run": true});
    let changed = |prefix: &str| json!({"prefix": prefix, "dry_run": true, "only": "changed"});
    let mut peaks = [Vec::new(), Vec::new()];
    // As many pages in both processes, so that chance has as many to show its worst in.
    for (prefix, keys, invocations) in [("a/", 100_000, 10), ("b/", 1_000_000, 1)] {
        for key in (0..keys).map(|n| format!("{prefix}{n:07}")) {
            for bucket in [SOURCE, DEST] {
                let empty = Content::bytes(Bytes::new());
                world
                    .sandbox
                    .s3()
                    .put(bucket, &key, empty, Attributes::default())
                    .unwrap();
            }
        }
        for (event, peaks) in [all(prefix), changed(prefix)].into_iter().zip(&mut peaks) {
            // A function of its own, so that its process is.
            let name = format!("publisher-{keys}-{}", event["only"] == "changed");
            let function = Function {
                name: name.clone(),
                ..function.clone()
            };
            world.sandbox.lambda().create_function(function).unwrap();
            for _ in 0..invocations {
                let answer = invoke(&world, &name, event.clone()).await;
                assert_eq!(answer["listed"], json!(keys));
            }
            let stats = world.sandbox.lambda().stats(&name).unwrap();
            peaks.push(stats.peak_memory_bytes.unwrap());
        }
    }
    for peaks in peaks {
        let [few, many] = peaks[..] else {
            unreachable!()
        };
        assert!(many <= 64 << 20, "{many} bytes");
        assert!(many * 100 <= few * 110, "{few} and {many} bytes");
    }
}
