//! `s3-fanout redrive`: failures shown, mended and done again; and nothing lost where that fails.

#![allow(clippy::unwrap_used)]

use std::process::Stdio;
use std::time::Duration;

use sandbox::faults::Plan;
use sandbox::lambda::Function;
use sandbox::s3::Attributes;
use sandbox::sqs::{Attribute, Depth};
use serde_json::{Value, json};
use tests::{DEST, SOURCE, World, function, operator};
use tokio::process::Command;
use tokio::time::timeout;

/// Long enough for any run on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A world with the copier behind a topic, and the queues of what fails.
struct Failures {
    world: World,
    topic: String,
    /// Of copies.
    copies: String,
    /// Of messages that were not handed to the copier.
    letters: String,
    /// Of days.
    days: String,
}

impl Failures {
    async fn start() -> Failures {
        let world = World::start().await;
        let (sqs, sns) = (world.sandbox.sqs(), world.sandbox.sns());
        let queue = |name| sqs.create_queue(name).unwrap();
        let (copies, letters, days) = (queue("copies"), queue("letters"), queue("days"));
        let topic = sns.create_topic("s3-fanout").unwrap();
        let failures = Failures {
            world,
            topic,
            copies,
            letters,
            days,
        };
        failures.deploy_copier();
        failures
    }

    fn deploy_copier(&self) {
        let sandbox = &self.world.sandbox;
        let variables = [("SOURCE_BUCKET", SOURCE), ("DEST_BUCKET", DEST)];
        let copier = Function {
            on_failure: Some(sandbox.sqs().arn(&self.copies).unwrap()),
            ..function("copier", 4, &variables)
        };
        let copier = sandbox.lambda().create_function(copier).unwrap();
        let letters = sandbox.sqs().arn(&self.letters).unwrap();
        let sns = sandbox.sns();
        sns.subscribe_with(&self.topic, &copier, Some(&letters))
            .unwrap();
    }

    fn deploy_publisher(&self) -> String {
        let sandbox = &self.world.sandbox;
        let variables = [
            ("SOURCE_BUCKET", SOURCE),
            ("DEST_BUCKET", DEST),
            ("TOPIC_ARN", self.topic.as_str()),
        ];
        let publisher = Function {
            on_failure: Some(sandbox.sqs().arn(&self.days).unwrap()),
            ..function("publisher", 1, &variables)
        };
        sandbox.lambda().create_function(publisher).unwrap()
    }

    fn put(&self, key: &str) {
        self.world.put(key, 7, Attributes::default());
    }

    /// Publishes keys, and waits until they are copied or have failed for good.
    async fn publish<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            let sns = self.world.sandbox.sns();
            sns.publish(&self.topic, key.as_ref()).unwrap();
        }
        self.world.sandbox.lambda().idle().await;
    }

    fn faults(&self, plan: &Value) {
        let plan = Plan::parse(&plan.to_string()).unwrap();
        self.world.sandbox.faults().inject(plan);
    }

    /// Objects whose copy was denied.
    async fn denied(&self, count: usize) -> Vec<String> {
        let keys: Vec<_> = (0..count).map(|n| format!("2016-06-30/{n:03}")).collect();
        keys.iter().for_each(|key| self.put(key));
        self.faults(&json!({ "seed": 1, "s3": { "HeadObject": { "access_denied": 1.0 } } }));
        self.publish(&keys).await;
        self.world.sandbox.faults().stop();
        keys
    }

    /// What is in a queue: all of it can be seen, for nobody keeps it.
    fn visible(&self, queue: &str) -> usize {
        let depth = self.world.sandbox.sqs().depth(queue).unwrap();
        let Depth {
            visible,
            in_flight,
            delayed,
            ..
        } = depth;
        assert_eq!((in_flight, delayed), (0, 0));
        visible
    }

    async fn is_copied(&self, key: &str) -> bool {
        self.world.head(DEST, key).await.is_some()
    }

    /// Runs the command: its exit status, standard output and standard error.
    async fn run(&self, queue: &str, words: &[&str]) -> (i32, String, String) {
        let mut command = Command::from(operator(&self.world));
        command
            .args(["redrive", "--queue", queue])
            .args(words)
            .kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap();
        (status, text(output.stdout), text(output.stderr))
    }

    /// The same with `--json`.
    async fn answer(&self, queue: &str, words: &[&str]) -> (i32, Value) {
        let words = [&["--json"], words].concat();
        let (status, stdout, stderr) = self.run(queue, &words).await;
        let answer = serde_json::from_str(&stdout);
        (
            status,
            answer.unwrap_or_else(|_| panic!("{stdout}{stderr}")),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_what_failed_and_does_it_again_once_it_is_mended() {
    let failures = Failures::start().await;
    let denied = failures.denied(12).await;
    let archived = Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..Attributes::default()
    };
    failures.world.put("2016-06-30/cold", 7, archived);
    failures
        .publish(["2016-06-30/cold", "2016-06-30/gone"])
        .await;
    let queue = &failures.copies;

    let (status, shown) = failures.answer(queue, &[]).await;
    assert_eq!(status, 1);
    assert_eq!(
        (&shown["failures"], &shown["complete"]),
        (&json!(14), &json!(true))
    );
    let types = shown["types"].as_object().unwrap();
    let counts = types
        .iter()
        .map(|(name, kind)| (name.as_str(), kind["messages"].as_u64().unwrap()));
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [("AccessDenied", 12), ("Archived", 1), ("SourceMissing", 1)]
    );
    assert_eq!(types["Archived"]["examples"][0]["about"], "2016-06-30/cold");
    assert_eq!(
        types["AccessDenied"]["examples"].as_array().unwrap().len(),
        3
    );
    let (status, text, _) = failures.run(queue, &[]).await;
    assert_eq!(status, 1);
    assert!(text.contains("grant it, then redrive"), "{text}");
    assert!(text.contains("the same with --yes"), "{text}");
    assert_eq!(
        failures.visible(queue),
        14,
        "nothing is changed without --yes"
    );

    failures.put("2016-06-30/cold");
    let filter = ["--yes", "--filter", "type=Archived"];
    let (status, done) = failures.answer(queue, &filter).await;
    assert_eq!(
        (status, &done["redrive"]["redriven"], &done["filtered"]),
        (0, &json!(1), &json!(13))
    );
    failures.world.sandbox.lambda().idle().await;
    assert!(failures.is_copied("2016-06-30/cold").await);
    assert_eq!(failures.visible(queue), 13);

    failures.put("2016-06-30/gone");
    let before = failures.world.sandbox.requests();
    let (status, done) = failures.answer(queue, &["--yes"]).await;
    assert_eq!((status, &done["redrive"]["redriven"]), (0, &json!(13)));
    let requests = failures.world.requests_since(&before);
    assert_eq!(
        (
            requests["sns:PublishBatch"],
            requests["sqs:DeleteMessageBatch"]
        ),
        (2, 2)
    );
    failures.world.sandbox.lambda().idle().await;
    for key in denied.iter().map(String::as_str).chain(["2016-06-30/gone"]) {
        assert!(failures.is_copied(key).await, "{key}");
    }
    assert_eq!(failures.visible(queue), 0);
    let (status, text, _) = failures.run(queue, &["--yes"]).await;
    assert_eq!(status, 0);
    assert!(text.starts_with("0 failed messages in "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_nothing_that_sns_has_not_accepted() {
    let failures = Failures::start().await;
    failures.denied(3).await;
    let queue = &failures.copies;
    failures.faults(&json!({ "seed": 1, "sns": { "PublishBatch": { "entry_failed": 1.0 } } }));
    let (status, done) = failures.answer(queue, &["--yes"]).await;
    assert_eq!((status, &done["redrive"]["refused"]), (1, &json!(3)));
    let reason = done["redrive"]["reason"].as_str().unwrap();
    assert!(reason.contains("InternalError"), "{reason}");
    assert_eq!(failures.visible(queue), 3);
    let requests = failures.world.sandbox.requests();
    assert_eq!(requests.get("sqs:DeleteMessageBatch"), None);
    failures.world.sandbox.faults().stop();

    // One that SNS never takes does not hold up the others.
    let sandbox = &failures.world.sandbox;
    let long = json!({ "Type": "Notification", "TopicArn": failures.topic, "Message": "x".repeat(262_145) });
    let sqs = sandbox.sqs();
    sqs.send(queue, &long.to_string(), Default::default())
        .unwrap();
    let (status, done) = failures.answer(queue, &["--yes"]).await;
    let redrive = &done["redrive"];
    assert_eq!(
        (status, &redrive["redriven"], &redrive["refused"]),
        (1, &json!(3), &json!(1))
    );
    assert_eq!(failures.visible(queue), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_interrupted_can_be_gone_on_with() {
    let failures = Failures::start().await;
    let keys = failures.denied(12).await;
    let queue = &failures.copies;
    failures.faults(&json!({ "seed": 1, "sns": { "PublishBatch": { "stall": 1.0 } } }));
    let mut child = Command::from(operator(&failures.world));
    child
        .args(["redrive", "--yes", "--queue", queue])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = child.spawn().unwrap();
    while !failures
        .world
        .sandbox
        .requests()
        .contains_key("sns:PublishBatch")
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let id = i32::try_from(child.id().unwrap()).unwrap();
    let id = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("run the same to go on"), "{stderr}");
    assert_eq!(failures.visible(queue), 12);
    failures.world.sandbox.faults().stop();

    let (status, _) = failures.answer(queue, &["--yes"]).await;
    assert_eq!(status, 0);
    failures.world.sandbox.lambda().idle().await;
    for key in keys {
        assert!(failures.is_copied(&key).await, "{key}");
    }
    assert_eq!(failures.visible(queue), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn does_the_publishers_events_again() {
    let failures = Failures::start().await;
    let publisher = failures.deploy_publisher();
    failures.put("2016-06-30/a");
    failures.put("2016-07-01/b");
    failures.faults(&json!({ "seed": 1, "s3": { "ListObjectsV2": { "access_denied": 1.0 } } }));
    let lambda = failures.world.sandbox.lambda();
    lambda
        .invoke_async("publisher", r#"{"date":"2016-06-30"}"#)
        .unwrap();
    lambda.idle().await;
    failures.world.sandbox.faults().stop();
    let schedules = r#"{"scheduled_time":"2016-07-02T02:00:00Z"}"#;
    let attributes = [
        ("TARGET_ARN", publisher.as_str()),
        ("ERROR_CODE", "Throttled"),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::text(value)));
    let sqs = failures.world.sandbox.sqs();
    sqs.send(&failures.days, schedules, attributes.into())
        .unwrap();

    let (status, shown) = failures.answer(&failures.days, &[]).await;
    assert_eq!(status, 1);
    let examples = |name: &str| shown["types"][name]["examples"][0]["about"].clone();
    assert_eq!(examples("AccessDenied"), r#"{"date":"2016-06-30"}"#);
    assert_eq!(examples("NotDelivered"), schedules);
    let (status, _) = failures.answer(&failures.days, &["--yes"]).await;
    assert_eq!(status, 0);
    lambda.idle().await;
    assert_eq!(failures.world.sandbox.requests()["lambda:Invoke"], 2);
    assert!(failures.is_copied("2016-06-30/a").await);
    assert!(failures.is_copied("2016-07-01/b").await);
    assert_eq!(failures.visible(&failures.days), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn does_again_what_was_never_delivered_and_leaves_what_it_does_not_understand() {
    let failures = Failures::start().await;
    failures.put("2016-06-30/a");
    failures
        .world
        .sandbox
        .lambda()
        .delete_function("copier")
        .unwrap();
    failures.publish(["2016-06-30/a"]).await;
    let sqs = failures.world.sandbox.sqs();
    sqs.send(&failures.letters, "what is this?", Default::default())
        .unwrap();
    failures.deploy_copier();
    let (status, done) = failures.answer(&failures.letters, &["--yes"]).await;
    let redrive = &done["redrive"];
    assert_eq!(
        (status, &redrive["redriven"], &redrive["not_understood"]),
        (1, &json!(1), &json!(1))
    );
    failures.world.sandbox.lambda().idle().await;
    assert!(failures.is_copied("2016-06-30/a").await);
    assert_eq!(sqs.bodies(&failures.letters).unwrap(), ["what is this?"]);
    assert_eq!(failures.visible(&failures.letters), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_it_needs() {
    let failures = Failures::start().await;
    let absent = failures.copies.replace("copies", "absent");
    let (status, stdout, stderr) = failures.run(&absent, &[]).await;
    assert_eq!((status, stdout.as_str()), (3, ""));
    assert!(
        stderr.contains("there is no queue") && stderr.contains("CopierFailureQueueUrl"),
        "{stderr}"
    );
    for (queue, words) in [
        ("copier-failures", &[][..]),
        (&failures.copies, &["--filter", "AccessDenied"]),
    ] {
        let (status, _, stderr) = failures.run(queue, words).await;
        assert_eq!(status, 2, "{stderr}");
    }
}
