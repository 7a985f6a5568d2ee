//! `s3-fanout status` over a stack in the sandbox: what it shows, what it finds, and what it cannot look at.

#![allow(clippy::unwrap_used)]

use std::process::Output;

use sandbox::cloudformation::{Resource, Stack};
use sandbox::s3::Attributes;
use serde_json::{Value, json};
use tests::{MIB, World, answer, event, operate, operator};

/// The failure queues by their names in template.yaml.
const QUEUES: [&str; 3] = [
    "PublisherFailureQueue",
    "SubscriptionFailureQueue",
    "CopierFailureQueue",
];

/// Deploys both functions and tells CloudFormation so; returns the topic's ARN.
async fn deploy(world: &World) -> String {
    let topic = world.deploy(4, &[]).await;
    let mut stack = Stack {
        name: "nightly".to_owned(),
        outputs: [
            ("PublisherFunctionName", "publisher"),
            ("CopierFunctionName", "copier"),
            ("TopicArn", &topic),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..Stack::default()
    };
    for name in QUEUES {
        stack.resources.push(Resource {
            logical_id: name.to_owned(),
            physical_id: world.sandbox.sqs().create_queue(name).unwrap(),
            kind: "AWS::SQS::Queue".to_owned(),
        });
    }
    world.sandbox.declare_stack(stack);
    topic
}

async fn status(world: &World, words: &[&str]) -> Output {
    let mut command = operator(world);
    command.arg("status").args(words);
    operate(command).await
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn shows_a_day_that_was_backed_up() {
    let world = World::start().await;
    deploy(&world).await;
    for number in 0..3 {
        world.put(&format!("2016-06-30/{number}"), MIB, Attributes::default());
    }
    let lambda = world.sandbox.lambda();
    lambda
        .invoke("publisher", event("date").to_string())
        .await
        .unwrap();
    lambda.idle().await;
    let before = world.sandbox.requests();
    let output = status(&world, &["--stack", "nightly", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let answer = answer(&output);
    assert_eq!(answer["state"], "CREATE_COMPLETE");
    assert_eq!(answer["well"], true);
    assert_eq!(answer["failures"], json!([]));
    assert_eq!(answer["publisher"]["invocations"], 1);
    assert_ne!(answer["last_run_at"], Value::Null);
    let copier = &answer["copier"];
    assert_eq!(
        (&copier["invocations"], &copier["errors"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(copier["concurrency_reserved"], 4);
    assert!(copier["concurrency_max"].as_u64().unwrap() <= 4);
    assert!(copier["duration_mean_ms"].as_f64() <= copier["duration_max_ms"].as_f64());
    let by_hour = copier["invocations_by_hour"].as_array().unwrap();
    assert_eq!(by_hour.len(), 25);
    assert_eq!(by_hour.iter().filter_map(Value::as_u64).sum::<u64>(), 3);
    let topic = &answer["topic"];
    assert_eq!(
        (&topic["published"], &topic["delivered"]),
        (&json!(3), &json!(3))
    );
    for (queue, name) in answer["queues"].as_array().unwrap().iter().zip(QUEUES) {
        assert_eq!(queue["messages"], 0);
        assert!(queue["url"].as_str().unwrap().ends_with(name));
    }
    let asked = [
        ("cloudformation:DescribeStackResources", 1),
        ("cloudformation:DescribeStacks", 1),
        ("lambda:GetFunctionConcurrency", 2),
        ("monitoring:GetMetricData", 1),
        ("sqs:GetQueueAttributes", 3),
    ];
    let asked = asked.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(world.requests_since(&before), asked);
    let screen = status(&world, &["--stack", "nightly"]).await;
    let screen = text(&screen.stdout);
    assert!(screen.ends_with("✔ all is well\n"), "{screen}");
    assert!(
        screen.contains("Published     3 messages; SNS delivered 3"),
        "{screen}"
    );
    assert!(screen.lines().count() <= 24, "{screen}");
}

#[tokio::test]
async fn finds_a_copy_that_was_given_up() {
    let world = World::start().await;
    let topic = deploy(&world).await;
    world
        .sandbox
        .sns()
        .publish(&topic, "2016-06-30/never-was")
        .unwrap();
    world.sandbox.lambda().idle().await;
    let json = status(&world, &["--stack", "nightly", "--json"]).await;
    assert_eq!(json.status.code(), Some(1), "{json:?}");
    let answer = answer(&json);
    let copier = &answer["copier"];
    assert_eq!(
        (&copier["invocations"], &copier["errors"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(copier["events_dropped"], 1);
    assert_eq!(answer["failures"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(answer["well"], false);
}

#[tokio::test]
async fn says_how_to_redrive_what_is_in_a_failure_queue() {
    let world = World::start().await;
    deploy(&world).await;
    let url = world.sandbox.sqs().url(QUEUES[2]).unwrap();
    for _ in 0..2 {
        world
            .sandbox
            .sqs()
            .send(&url, "{}", Default::default())
            .unwrap();
    }
    let output = status(&world, &["--stack", "nightly"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let screen = text(&output.stdout);
    let failure = format!(
        "✘ 2 messages in the copier's failure queue, not copied\n    s3-fanout redrive --queue {url}\n"
    );
    assert!(screen.ends_with(&failure), "{screen}");
}

#[tokio::test]
async fn shows_the_rest_where_one_part_cannot_be_looked_at() {
    let world = World::start().await;
    deploy(&world).await;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    world.sandbox.declare_stack(Stack {
        name: "partly".to_owned(),
        outputs: vec![
            pair("PublisherFunctionName", "publisher"),
            pair("CopierFunctionName", "gone"),
            pair(
                "CopierFailureQueueUrl",
                "http://127.0.0.1/000000000000/gone",
            ),
        ],
        ..Stack::default()
    });
    let output = status(&world, &["--stack", "partly"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let screen = text(&output.stdout);
    for part in [
        "partly at http://127.0.0.1:",
        "? the concurrency reserved for gone could not be read, which needs lambda:GetFunctionConcurrency",
        "? the copier's failure queue could not be read, which needs sqs:GetQueueAttributes",
        "? nothing bad was found, but not everything could be looked at",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(!screen.contains('✔'), "{screen}");
}

#[tokio::test]
async fn says_which_stacks_there_are_if_not_that_one() {
    let world = World::start().await;
    deploy(&world).await;
    world.sandbox.declare_stack(Stack {
        name: "another-system".to_owned(),
        ..Stack::default()
    });
    let output = status(&world, &["--stack", "nigthly"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let expected = format!(
        "s3-fanout: there is no stack \"nigthly\" at {}: those of s3-fanout there are nightly\n",
        world.sandbox.endpoint_url()
    );
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(text(&output.stdout), "");
    let output = status(&world, &["--stack", "another-system"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("neither a PublisherFunction nor a CopierFunction"),
        "{said}"
    );
}

#[tokio::test]
async fn a_key_that_is_not_known_cannot_look_at_anything() {
    let world = World::start().await;
    deploy(&world).await;
    let mut command = operator(&world);
    command
        .args(["status", "--stack", "nightly"])
        .env("AWS_ACCESS_KEY_ID", "stranger");
    let output = operate(command).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = text(&output.stderr);
    for part in [
        "cloudformation:DescribeStacks",
        "another --profile",
        "InvalidClientTokenId",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn refuses_a_command_line_that_makes_no_sense() {
    let world = World::start().await;
    for words in [
        &[][..],
        &["--stack", "nightly", "--hours", "0"],
        &["--stack", "nightly", "--hours", "2161"],
        &["--stack", "nightly", "--endpoint-url", "nowhere"],
    ] {
        let output = status(&world, words).await;
        assert_eq!(output.status.code(), Some(2), "{words:?} {output:?}");
    }
}
