//! What IAM would be asked: which function's role, and for what.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use sandbox::Sandbox;
use sandbox::lambda::Function;
use sandbox::sns::Error;
use serde_json::Value;
use support::{echo, payload, send, signed, start};

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/messages";

/// What is asked from now on, a line each.
fn asked(sandbox: &Sandbox) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    sandbox.iam().watch(move |asked| {
        let resource = asked.resource.rsplit(':').next().unwrap();
        let line = format!(
            "{}: {} {resource} via {}",
            asked.function, asked.action, asked.via
        );
        sink.lock().unwrap().push(line);
    });
    lines
}

/// Publishes to the topic `keys` as whoever has this access key.
async fn publish(sandbox: &Sandbox, access_key: &str) -> String {
    let head = format!(
        "POST / HTTP/1.1\r\n{}\r\nContent-Type: application/x-www-form-urlencoded",
        signed(access_key, "sns")
    );
    let topic = "arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Akeys";
    let form = format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message=k");
    send(sandbox, &head, &form).await
}

#[tokio::test]
async fn a_functions_request_is_asked_of_its_role_and_the_accounts_own_of_none() {
    let sandbox = start().await;
    sandbox.lambda().create_function(echo("echo")).unwrap();
    let who = sandbox.lambda().invoke("echo", r#"{"do":"who"}"#).await;
    let environment = &payload(&who.unwrap())["environment"];
    let access_key = environment["AWS_ACCESS_KEY_ID"].as_str().unwrap();
    assert_eq!(environment["AWS_SECRET_ACCESS_KEY"], "sandbox");
    sandbox.sns().create_topic_with("keys", Some(KEY)).unwrap();

    let asked = asked(&sandbox);
    for access_key in ["sandbox", access_key] {
        let answer = publish(&sandbox, access_key).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let expected = [
        "echo: sns:Publish keys via sns",
        "echo: kms:GenerateDataKey key/messages via sns",
        "echo: kms:Decrypt key/messages via sns",
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn an_invocation_needs_its_permission_and_a_failed_event_those_of_its_queue() {
    let sandbox = start().await;
    let queue = sandbox.sqs().create_queue_with("failures", Some(KEY));
    let function = Function {
        on_failure: Some(sandbox.sqs().arn(&queue.unwrap()).unwrap()),
        retry_delays: Vec::new(),
        ..echo("echo")
    };
    sandbox.lambda().create_function(function).unwrap();
    let asked = asked(&sandbox);
    let head = format!(
        "POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\n{}\r\nX-Amz-Invocation-Type: Event",
        signed("sandbox.caller", "lambda")
    );
    let answer = send(&sandbox, &head, r#"{"do":"fail"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    sandbox.lambda().idle().await;
    let expected = [
        "caller: lambda:InvokeFunction echo via lambda",
        "echo: sqs:SendMessage failures via sqs",
        "echo: kms:GenerateDataKey key/messages via sqs",
        "echo: kms:Decrypt key/messages via sqs",
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
    let bodies = sandbox
        .sqs()
        .bodies("arn:aws:sqs:us-east-1:000000000000:failures");
    let record: Value = serde_json::from_str(&bodies.unwrap()[0]).unwrap();
    assert_eq!(record["requestPayload"]["do"], "fail");
}

#[tokio::test]
async fn a_topic_and_a_queue_keep_their_key() {
    let sandbox = start().await;
    let topic = |key| sandbox.sns().create_topic_with("keys", key);
    let arn = topic(Some(KEY)).unwrap();
    assert_eq!(topic(Some(KEY)), Ok(arn));
    for other in [None, Some("alias/other")] {
        assert!(
            matches!(topic(other), Err(Error::InvalidParameter(_))),
            "{other:?}"
        );
    }
    let queue = |key| sandbox.sqs().create_queue_with("failures", key);
    let url = queue(Some(KEY)).unwrap();
    assert_eq!(
        queue(None),
        Ok(url),
        "what is not given is what the queue has"
    );
    assert_eq!(
        queue(Some("alias/other")),
        Err(sandbox::sqs::Error::QueueNameExists("KmsMasterKeyId"))
    );
}
