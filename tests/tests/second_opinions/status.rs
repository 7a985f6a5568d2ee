//! `s3-fanout status` against services that we did not write: CloudFormation, SQS and Lambda.

use std::process::Command;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tests::binary;

use crate::api::Api;

const FUNCTIONS: [&str; 2] = ["PublisherFunction", "CopierFunction"];

const QUEUES: [&str; 3] = [
    "PublisherFailureQueue",
    "SubscriptionFailureQueue",
    "CopierFailureQueue",
];

/// Makes a stack of the kinds of resources that ours has, with names of our own.
async fn create_stack(api: Api) {
    let name = |id: &str| format!("nightly-{id}");
    let mut resources = json!({
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name("Topic")}},
    });
    let mut outputs = json!({"TopicArn": {"Value": {"Ref": "Topic"}}});
    for id in FUNCTIONS {
        resources[id] = json!({"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": name(id), "Runtime": "python3.11", "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/function", "ReservedConcurrentExecutions": 7,
            "Code": {"ZipFile": "def handler(event, context): return 1"},
        }});
        outputs[format!("{id}Name")] = json!({"Value": {"Ref": id}});
    }
    for id in QUEUES {
        resources[id] = json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name(id)}});
        outputs[format!("{id}Url")] = json!({"Value": {"Ref": id}});
    }
    let template = json!({"Resources": resources, "Outputs": outputs}).to_string();
    let form = [
        ("Action", "CreateStack"),
        ("StackName", "nightly"),
        ("TemplateBody", &template),
    ];
    api.form("cloudformation", &form.map(encoded).join("&"))
        .await;
}

fn encoded((name, value): (&str, &str)) -> String {
    format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
}

/// The command's status and answer.
async fn status(api: Api) -> (Option<i32>, Value) {
    let mut command = Command::new(binary("s3-fanout"));
    command
        .args(["status", "--stack", "nightly", "--json"])
        .env_clear()
        .envs([
            ("AWS_ENDPOINT_URL", format!("http://{}", api.0)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "sandbox".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
        ]);
    let output = tests::operate(command).await;
    let answer = serde_json::from_slice(&output.stdout);
    let answer = answer.unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), answer)
}

/// Looks at a stack, then again with a message in a failure queue. ministack's CloudWatch answers JSON where CBOR was
/// asked for (moto's does not know the protocol at all), so its figures are what cannot be looked at.
pub async fn agrees(api: Api) {
    create_stack(api).await;
    let (code, answer) = status(api).await;
    assert_eq!((code, &answer["well"]), (Some(3), &Value::Null), "{answer}");
    assert_eq!(answer["state"], "CREATE_COMPLETE");
    let unread = answer["unread"].as_array().unwrap().iter();
    let unread: Vec<_> = unread.map(|one| &one["permission"]).collect();
    assert_eq!(unread, ["cloudwatch:GetMetricData"], "{answer}");
    assert_eq!(answer["failures"], json!([]));
    let queues = answer["queues"].as_array().unwrap();
    for (queue, id) in queues.iter().zip(QUEUES) {
        assert_eq!(queue["messages"], 0);
        let url = queue["url"].as_str().unwrap();
        assert!(url.ends_with(&format!("/nightly-{id}")), "{url}");
    }
    let order = json!({"QueueUrl": queues[2]["url"], "MessageBody": "{}"});
    api.target("sqs", "AmazonSQS.SendMessage", &order).await;
    let (code, answer) = status(api).await;
    assert_eq!(
        (code, &answer["well"]),
        (Some(1), &json!(false)),
        "{answer}"
    );
    assert_eq!(answer["queues"][2]["messages"], 1);
    let next = answer["failures"][0]["next"].as_str().unwrap();
    assert!(next.starts_with("s3-fanout redrive --queue http"), "{next}");
}
