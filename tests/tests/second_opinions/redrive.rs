//! `s3-fanout redrive` from a queue to a topic that are not the sandbox's.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{binary, event};
use tokio::process::Command;
use tokio::time::timeout;

use crate::api::Api;

/// Long enough for any run on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// More than one batch.
const MESSAGES: usize = 23;

/// Puts failures into a queue, does them again, and compares what the topic's other queue got.
pub async fn does_again_what_failed(address: SocketAddr) {
    let api = Api(address);
    let [failures, witness] = [create(api, "failures").await, create(api, "witness").await];
    let sns = crate::stage::sns_client(&format!("http://{address}"));
    let topic = sns.create_topic().name("s3-fanout").send().await.unwrap();
    let topic = topic.topic_arn.unwrap();
    let order = json!({ "QueueUrl": witness, "AttributeNames": ["QueueArn"] });
    let attributes = api
        .target("sqs", "AmazonSQS.GetQueueAttributes", &order)
        .await;
    let arn = attributes.body["Attributes"]["QueueArn"].as_str().unwrap();
    let subscribe = sns.subscribe().topic_arn(&topic).protocol("sqs");
    subscribe.endpoint(arn).send().await.unwrap();
    let mut keys: Vec<_> = (0..MESSAGES)
        .map(|n| format!("2016-06-30/ä +{n:02}"))
        .collect();
    for key in &keys {
        let body = record(&topic, key).to_string();
        let order = json!({ "QueueUrl": failures, "MessageBody": body });
        api.target("sqs", "AmazonSQS.SendMessage", &order).await;
    }

    assert_eq!(redrive(address, &failures, &[]).await, (1, MESSAGES));
    assert_eq!(redrive(address, &failures, &["--yes"]).await, (0, MESSAGES));
    assert_eq!(redrive(address, &failures, &[]).await, (0, 0));
    let mut published = Vec::new();
    for body in receive(api, &witness).await {
        let notification: Value = serde_json::from_str(&body).unwrap();
        published.push(notification["Message"].as_str().unwrap().to_owned());
    }
    published.sort();
    keys.sort();
    assert_eq!(published, keys);
}

/// Lambda's record of a copy that failed.
fn record(topic: &str, key: &str) -> Value {
    let mut payload = event("copier-bare-key");
    payload["Records"][0]["Sns"]["TopicArn"] = json!(topic);
    payload["Records"][0]["Sns"]["Message"] = json!(key);
    json!({
        "version": "1.0",
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:copier:$LATEST",
            "condition": "RetriesExhausted",
        },
        "requestPayload": payload,
        "responsePayload": { "errorType": "Throttled", "errorMessage": "slow down" },
    })
}

/// The command's exit status, and the failures it found.
async fn redrive(address: SocketAddr, queue: &str, words: &[&str]) -> (i32, usize) {
    let mut command = Command::new(binary("s3-fanout"));
    command
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "sandbox")
        .env("AWS_SECRET_ACCESS_KEY", "sandbox")
        .args(["redrive", "--json", "--queue", queue])
        .args(["--region", "us-east-1"])
        .args(["--endpoint-url", &format!("http://{address}")])
        .args(words)
        .kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let failures = answer["failures"].as_u64().unwrap();
    (
        output.status.code().unwrap(),
        usize::try_from(failures).unwrap(),
    )
}

async fn create(api: Api, name: &str) -> String {
    let order = json!({ "QueueName": name });
    let answer = api.target("sqs", "AmazonSQS.CreateQueue", &order).await;
    answer.body["QueueUrl"].as_str().unwrap().to_owned()
}

async fn receive(api: Api, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let order =
            json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600 });
        let answer = api.target("sqs", "AmazonSQS.ReceiveMessage", &order).await;
        let messages = answer.body["Messages"].as_array();
        let Some(messages) = messages.filter(|some| !some.is_empty()) else {
            return bodies;
        };
        let body = |message: &Value| message["Body"].as_str().unwrap().to_owned();
        bodies.extend(messages.iter().map(body));
    }
}
