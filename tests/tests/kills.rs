//! A publisher whose process is killed in the middle. Alone in its file: it kills by the process's name.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::s3::Attributes;
use sandbox::timing::Latency;
use serde_json::json;
use tests::{DEST, SOURCE, World, function};

const KILLS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_killed_again_and_again_skips_no_key() {
    let world = World::start().await;
    let topic = world.sandbox.sns().create_topic("s3-fanout").unwrap();
    let variables = [
        ("SOURCE_BUCKET", SOURCE),
        ("DEST_BUCKET", DEST),
        ("TOPIC_ARN", topic.as_str()),
        ("PUBLISH_CONCURRENCY", "4"),
    ];
    let mut publisher = function("publisher", 1, &variables);
    publisher.retry_delays = vec![Duration::from_millis(1); KILLS];
    let lambda = world.sandbox.lambda();
    lambda.create_function(publisher).unwrap();
    let keys: BTreeSet<_> = (0..2_000).map(|n| format!("2016-06-30/{n}")).collect();
    for key in &keys {
        world.put(key, 1, Attributes::default());
    }
    let accepted = world.accepted();
    world
        .sandbox
        .timing()
        .set(Latency::of_all(Duration::from_millis(2)));

    lambda
        .invoke_async("publisher", json!({"date": "2016-06-30"}).to_string())
        .unwrap();
    for n in 0..KILLS {
        // At the first request, and after more and more messages.
        let from = accepted.lock().unwrap().len();
        let (killed, attempt) = (n as u64, n as u64 + 1);
        while lambda.stats("publisher").unwrap().invocations < attempt
            || accepted.lock().unwrap().len() < from + n * 60
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(lambda.stats("publisher").unwrap().errors, killed);
        assert_eq!(tests::kill("publisher"), 1);
        while lambda.stats("publisher").unwrap().errors == killed {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    lambda.idle().await;
    let stats = lambda.stats("publisher").unwrap();
    assert_eq!(
        (stats.errors, stats.invocations),
        (KILLS as u64, KILLS as u64 + 1)
    );
    let accepted = accepted.lock().unwrap();
    let published: BTreeSet<_> = accepted
        .iter()
        .map(|message| message.object.key.clone())
        .collect();
    assert!(
        published == keys,
        "{} of {} keys",
        published.len(),
        keys.len()
    );
    let runs: BTreeSet<_> = accepted.iter().map(|message| &message.run).collect();
    assert_eq!(runs.len(), 1, "a retry is the same run");
}
