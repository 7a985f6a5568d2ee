//! `s3-fanout backfill`, the built command, against the sandbox with both functions deployed.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use sandbox::faults::Plan;
use sandbox::lambda::Function;
use sandbox::s3::{Attributes, Content};
use sandbox::timing::Latency;
use serde_json::{Value, json};
use tests::{DEST, SOURCE, World, function, operate, operator};

const DAYS: [&str; 3] = ["2016-05-31", "2016-06-01", "2016-06-02"];

/// `backfill` of three days, with further words.
fn backfill(world: &World, words: &[&str]) -> Command {
    let days = [
        "backfill",
        "--function",
        "publisher",
        "--from",
        DAYS[0],
        "--to",
        DAYS[2],
    ];
    let mut command = operator(world);
    command.args(days).args(words);
    command
}

/// So many small objects on each of the days; a copy of the second in which its source was written would be no proof
/// of being the same.
async fn put_days(world: &World, each: usize) {
    for day in DAYS {
        for n in 0..each {
            world.put(&format!("{day}/{n:03}"), 100, Attributes::default());
        }
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
}

async fn answer(command: Command) -> (Value, Option<i32>, String) {
    let output = operate(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (answer, output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_filled_and_verified_and_not_published_again() {
    let world = World::start().await;
    world.deploy(4, &[("DEST_PREFIX", "copies/")]).await;
    put_days(&world, 40).await;
    let (first, status, said) = answer(backfill(&world, &["--json"])).await;
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(first["publisher"]["published"], json!(120));
    assert_eq!(first["verified"]["same"], json!(120));
    let month = |objects: u64| {
        json!({"objects": objects, "bytes": objects * 100, "copied": objects, "copied_bytes": objects * 100,
               "archived": 0})
    };
    assert_eq!(
        first["months"],
        json!({"2016-05": month(40), "2016-06": month(80)})
    );

    let (second, status, _) = answer(backfill(&world, &["--json"])).await;
    assert_eq!(
        (&second["publisher"]["published"], status),
        (&json!(0), Some(0))
    );
    let (watched, status, _) = answer(backfill(&world, &["--json", "--watch-only"])).await;
    assert_eq!((&watched["invocations"], status), (&json!(0), Some(0)));
    assert_eq!(
        world
            .sandbox
            .lambda()
            .stats("publisher")
            .unwrap()
            .invocations,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_whose_time_is_up_is_invoked_until_it_is_done() {
    let world = World::start().await;
    let topic = world.sandbox.sns().create_topic("s3-fanout").unwrap();
    let buckets = [("SOURCE_BUCKET", SOURCE), ("DEST_BUCKET", DEST)];
    let slow = [
        ("TOPIC_ARN", topic.as_str()),
        ("LIST_CONCURRENCY", "1"),
        ("PUBLISH_CONCURRENCY", "1"),
        ("DEADLINE_MARGIN_SECS", "1"),
    ];
    let mut publisher = function("publisher", 1, &[&buckets[..], &slow].concat());
    // A second of work, and as much to stop in.
    publisher.timeout = Duration::from_secs(2);
    let lambda = world.sandbox.lambda();
    lambda.create_function(publisher).unwrap();
    let copier = lambda
        .create_function(function("copier", 8, &buckets))
        .unwrap();
    world.sandbox.sns().subscribe(&topic, &copier).unwrap();
    put_days(&world, 300).await;
    let timing = world.sandbox.timing();
    timing.set(Latency::of_all(Duration::from_millis(20)));
    let (filled, status, said) = answer(backfill(&world, &["--json"])).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(filled["invocations"].as_u64().unwrap() >= 2, "{filled}");
    assert_eq!(filled["publisher"]["published"], json!(900));
    assert_eq!(filled["verified"]["same"], json!(900));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_copiers_give_up_ends_the_wait_and_is_told() {
    let world = World::start().await;
    let sandbox = &world.sandbox;
    let topic = sandbox.sns().create_topic("s3-fanout").unwrap();
    let queue = sandbox.sqs().create_queue("copier-failures").unwrap();
    let buckets = [("SOURCE_BUCKET", SOURCE), ("DEST_BUCKET", DEST)];
    let publisher = [&buckets[..], &[("TOPIC_ARN", topic.as_str())]].concat();
    sandbox
        .lambda()
        .create_function(function("publisher", 1, &publisher))
        .unwrap();
    let copier = [&buckets[..], &[("OVERWRITE", "never")]].concat();
    let copier = Function {
        on_failure: Some(sandbox.sqs().arn(&queue).unwrap()),
        ..function("copier", 4, &copier)
    };
    let copier = sandbox.lambda().create_function(copier).unwrap();
    sandbox.sns().subscribe(&topic, &copier).unwrap();
    put_days(&world, 10).await;
    let other = Content::bytes(Bytes::from_static(b"another object"));
    for key in ["2016-05-31/000", "2016-06-02/007"] {
        sandbox
            .s3()
            .put(DEST, key, other.clone(), Attributes::default())
            .unwrap();
    }
    let output = operate(backfill(&world, &["--queue", &queue])).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("✘ not every object has its copy: 0 missing, 2 different of 30"),
        "{said}"
    );
    assert!(said.contains("2016-06-02/007"), "{said}");
    assert!(
        said.contains("2 messages came into the failure queues"),
        "{said}"
    );

    // The failures of before are not those of the next run.
    for key in ["2016-05-31/000", "2016-06-02/007"] {
        world
            .s3
            .delete_object()
            .bucket(DEST)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    let (again, status, said) = answer(backfill(&world, &["--queue", &queue, "--json"])).await;
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(
        (&again["failed_messages"], &again["stalled"]),
        (&json!(0), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_the_months_and_what_became_of_them() {
    let world = World::start().await;
    world.deploy(4, &[]).await;
    put_days(&world, 5).await;
    let output = operate(backfill(&world, &[])).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("✔ every object has its copy: 15"), "{said}");
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let june = said
        .lines()
        .map(words)
        .find(|line| line.first().is_some_and(|word| word == "2016-06"));
    assert_eq!(june.unwrap(), ["2016-06", "10", "1.0", "kB", "10", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_says_that_the_functions_go_on_and_how_to_watch_them() {
    let world = World::start().await;
    let topic = world.sandbox.sns().create_topic("s3-fanout").unwrap();
    let variables = [
        ("SOURCE_BUCKET", SOURCE),
        ("DEST_BUCKET", DEST),
        ("TOPIC_ARN", &topic),
    ];
    // Without a copier nothing is ever copied.
    world
        .sandbox
        .lambda()
        .create_function(function("publisher", 1, &variables))
        .unwrap();
    put_days(&world, 1).await;
    let mut command = backfill(&world, &["--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let published = || world.sandbox.requests().get("sns:PublishBatch").copied();
    while published().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), &output.stdout[..]),
        (Some(130), &b""[..]),
        "{said}"
    );
    assert!(
        said.contains("the publisher and the copiers go on"),
        "{said}"
    );
    assert!(said.contains("--watch-only"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_watch_no_longer_is_told_that_the_back_fill_goes_on() {
    let world = World::start().await;
    world.deploy(1, &[]).await;
    put_days(&world, 1).await;
    let watch = tokio::spawn(answer(backfill(&world, &["--watch-only"])));
    // Both sides of three days at the first look, and some at the next.
    while world
        .sandbox
        .requests()
        .get("s3:ListObjectsV2")
        .is_none_or(|lists| *lists <= 6)
    {
        assert!(!watch.is_finished(), "{:?}", watch.await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let denied = json!({"seed": 7, "s3": {"ListObjectsV2": {"access_denied": 1.0}}});
    world
        .sandbox
        .faults()
        .inject(Plan::parse(&denied.to_string()).unwrap());
    let (_, status, said) = watch.await.unwrap();
    assert_eq!(status, Some(3), "{said}");
    assert!(
        said.contains("cannot be watched any more: the publisher and the copiers go on"),
        "{said}"
    );
    assert!(
        said.contains("--watch-only") && said.contains("AccessDenied"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_filled_is_told_with_what_to_do() {
    let world = World::start().await;
    world.deploy(1, &[]).await;
    let run = async |words: &[&str]| {
        let mut command = operator(&world);
        command.arg("backfill").args(words);
        let (_, status, said) = answer(command).await;
        (status, said)
    };
    let days = ["--from", DAYS[0], "--to", DAYS[2]];
    for (words, status, part) in [
        (
            &[&["--function", "publischer"], &days[..]].concat()[..],
            3,
            "there is no function \"publischer\" at http://",
        ),
        (
            &[&["--function", "copier"], &days[..]].concat(),
            3,
            "copier is not the publisher: it has no variable TOPIC_ARN",
        ),
        (
            &[
                "--function",
                "publisher",
                "--from",
                DAYS[2],
                "--to",
                DAYS[0],
            ],
            2,
            "before it starts",
        ),
        (&["--function", "publisher", "--from", DAYS[0]], 2, "--to"),
    ] {
        let (found, said) = run(words).await;
        assert_eq!(found, Some(status), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }
    // A publisher that fails says why itself.
    let topic = "arn:aws:sns:us-east-1:000000000000:nowhere";
    let variables = [
        ("SOURCE_BUCKET", SOURCE),
        ("DEST_BUCKET", DEST),
        ("TOPIC_ARN", topic),
    ];
    let astray = Function {
        name: "astray".to_owned(),
        ..function("publisher", 1, &variables)
    };
    world.sandbox.lambda().create_function(astray).unwrap();
    put_days(&world, 1).await;
    let (status, said) = run(&[&["--function", "astray"], &days[..]].concat()).await;
    assert_eq!(status, Some(3), "{said}");
    assert!(
        said.contains("astray failed: PublishFailed: 3 of 3 messages"),
        "{said}"
    );
}
