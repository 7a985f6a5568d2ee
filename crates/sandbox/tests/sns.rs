//! SNS as the AWS SDK sees it: limits and error codes over HTTP, and delivery to a function.

#![allow(clippy::unwrap_used)]

mod support;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use sandbox::Sandbox;
use serde_json::{Value, json};
use support::{echo, send, signed, start, start_logged};

fn client(sandbox: &Sandbox) -> Client {
    let config = aws_sdk_sns::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.endpoint_url())
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .build();
    Client::from_conf(config)
}

/// The client, and a topic without subscriptions.
async fn topic(sandbox: &Sandbox) -> (Client, String) {
    let client = client(sandbox);
    let topic = client.create_topic().name("keys").send().await.unwrap();
    (client, topic.topic_arn.unwrap())
}

fn entry(id: &str, message: &str) -> PublishBatchRequestEntry {
    let entry = PublishBatchRequestEntry::builder().id(id).message(message);
    entry.build().unwrap()
}

/// The code with which a batch is refused.
async fn refusal(client: &Client, topic: &str, entries: Vec<PublishBatchRequestEntry>) -> String {
    let batch = client.publish_batch().topic_arn(topic);
    let error = batch
        .set_publish_batch_request_entries(Some(entries))
        .send()
        .await;
    error.unwrap_err().code().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn creates_a_topic_once() {
    let sandbox = start().await;
    let (client, arn) = topic(&sandbox).await;
    assert_eq!(arn, "arn:aws:sns:us-east-1:000000000000:keys");
    assert_eq!(topic(&sandbox).await.1, arn);
    let topics = client.list_topics().send().await.unwrap();
    assert_eq!(topics.topics().len(), 1);
    let encrypted = || {
        client
            .create_topic()
            .attributes("KmsMasterKeyId", "alias/aws/sns")
    };
    encrypted().name("encrypted").send().await.unwrap();
    let error = encrypted().name("keys").send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameter"), "it has no key");
    let fifo = client
        .create_topic()
        .name("other")
        .attributes("FifoTopic", "true");
    let error = fifo.send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameter"));
    for name in ["", "a.b", "a b", "keys.fifo", &"x".repeat(257)] {
        let error = client.create_topic().name(name).send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidParameter"), "{name}");
    }
}

#[tokio::test]
async fn invokes_the_function_with_the_envelope_of_a_batch_entry() {
    let (sandbox, logged) = start_logged().await;
    let (client, topic) = topic(&sandbox).await;
    let function = sandbox.lambda().create_function(echo("echo")).unwrap();
    let subscribe = || {
        let subscribe = client.subscribe().topic_arn(&topic).protocol("lambda");
        subscribe.endpoint(&function).send()
    };
    let subscription = subscribe().await.unwrap().subscription_arn.unwrap();
    assert_eq!(
        subscribe().await.unwrap().subscription_arn.unwrap(),
        subscription
    );
    let listed = client
        .list_subscriptions_by_topic()
        .topic_arn(&topic)
        .send()
        .await;
    assert_eq!(
        listed.unwrap().subscriptions()[0].endpoint(),
        Some(function.as_str())
    );

    let text = "{\"key\":\"2016-06-30/ä+b %\u{1f980}<&>.bin\"}\n";
    let colour = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("rot");
    let entry = PublishBatchRequestEntry::builder()
        .id("a")
        .message(text)
        .subject("S");
    let entry = entry.message_attributes("colour", colour.build().unwrap());
    let batch = client.publish_batch().topic_arn(&topic);
    let batch = batch.publish_batch_request_entries(entry.build().unwrap());
    let result = batch.send().await.unwrap();
    let message_id = result.successful()[0].message_id().unwrap();
    sandbox.lambda().idle().await;

    let lines = logged.matching("event ");
    let event: Value = serde_json::from_str(&lines[0][6..]).unwrap();
    let record = &event["Records"][0];
    assert_eq!(record["EventSource"], "aws:sns");
    assert_eq!(record["EventVersion"], "1.0");
    assert_eq!(record["EventSubscriptionArn"], subscription);
    let sns = &record["Sns"];
    assert_eq!(
        (&sns["Type"], &sns["MessageId"]),
        (&json!("Notification"), &json!(message_id))
    );
    assert_eq!(
        (&sns["TopicArn"], &sns["Message"]),
        (&json!(topic), &json!(text))
    );
    assert_eq!(sns["Subject"], "S");
    assert_eq!(
        sns["MessageAttributes"],
        json!({ "colour": { "Type": "String", "Value": "rot" } })
    );
    let timestamp = sns["Timestamp"].as_str().unwrap();
    assert_eq!(
        (timestamp.len(), timestamp.ends_with('Z')),
        (24, true),
        "{timestamp}"
    );
    assert_eq!(sandbox.requests()["sns:PublishBatch"], 1);
    assert_eq!(sandbox.lambda().stats("echo").unwrap().invocations, 1);
}

#[tokio::test]
async fn delivers_every_message_of_a_batch_to_an_invocation_of_its_own() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let function = sandbox.lambda().create_function(echo("echo")).unwrap();
    sandbox.sns().subscribe(&topic, &function).unwrap();
    let entries = (0..10).map(|n| entry(&format!("id-{n}"), "x")).collect();
    let batch = client.publish_batch().topic_arn(&topic);
    let result = batch
        .set_publish_batch_request_entries(Some(entries))
        .send()
        .await
        .unwrap();
    assert_eq!((result.successful().len(), result.failed().len()), (10, 0));
    client
        .publish()
        .topic_arn(&topic)
        .message("y")
        .send()
        .await
        .unwrap();
    sandbox.sns().publish(&topic, "z").unwrap();
    sandbox.lambda().idle().await;
    assert_eq!(sandbox.lambda().stats("echo").unwrap().invocations, 12);
}

#[tokio::test]
async fn refuses_a_batch_that_breaks_a_rule_for_the_whole() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let eleven = (0..11).map(|n| entry(&n.to_string(), "x")).collect();
    let long = "x".repeat(131_073);
    for (entries, code) in [
        (vec![], "EmptyBatchRequest"),
        (eleven, "TooManyEntriesInBatchRequest"),
        (
            vec![entry("a", &long), entry("b", &long)],
            "BatchRequestTooLong",
        ),
        (
            vec![entry("a", "x"), entry("a", "y")],
            "BatchEntryIdsNotDistinct",
        ),
        (vec![entry("a.b", "x")], "InvalidBatchEntryId"),
        (vec![entry(&"x".repeat(81), "x")], "InvalidBatchEntryId"),
    ] {
        assert_eq!(refusal(&client, &topic, entries).await, code);
    }
    let other = "arn:aws:sns:us-east-1:000000000000:other";
    assert_eq!(
        refusal(&client, other, vec![entry("a", "x")]).await,
        "NotFound"
    );
}

#[tokio::test]
async fn takes_a_batch_of_exactly_the_limit() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let half = "\"".repeat(131_072);
    let entries = vec![entry(&"x".repeat(80), &half), entry("b", &half)];
    let batch = client.publish_batch().topic_arn(&topic);
    let result = batch
        .set_publish_batch_request_entries(Some(entries))
        .send()
        .await;
    assert_eq!(result.unwrap().successful().len(), 2);
}

#[tokio::test]
async fn fails_the_wrong_entries_of_a_batch_and_publishes_the_others() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let grouped = PublishBatchRequestEntry::builder().id("fifo").message("x");
    let grouped = grouped.message_group_id("g").build().unwrap();
    let entries = vec![
        entry("good", "x"),
        entry("empty", ""),
        entry("nul", "\u{0}"),
        grouped,
    ];
    let batch = client.publish_batch().topic_arn(&topic);
    let result = batch
        .set_publish_batch_request_entries(Some(entries))
        .send()
        .await
        .unwrap();
    assert_eq!(result.successful()[0].id(), Some("good"));
    let failed: Vec<_> = result
        .failed()
        .iter()
        .map(|f| (f.id(), f.code(), f.sender_fault()))
        .collect();
    let wrong = |id| (id, "InvalidParameter", true);
    assert_eq!(failed, [wrong("empty"), wrong("nul"), wrong("fifo")]);
}

#[tokio::test]
async fn refuses_what_it_would_otherwise_ignore() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let publish = || {
        client
            .publish()
            .topic_arn(&topic)
            .message("{\"default\":\"x\"}")
    };
    let errors = [
        publish()
            .message_structure("json")
            .send()
            .await
            .unwrap_err(),
        publish().message_group_id("g").send().await.unwrap_err(),
        publish().subject("a\nb").send().await.unwrap_err(),
        client
            .publish()
            .phone_number("+49")
            .message("x")
            .send()
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), Some("InvalidParameter"), "{error:?}");
    }
    let subscribe = client
        .subscribe()
        .topic_arn(&topic)
        .protocol("sqs")
        .endpoint("arn:aws:sqs:x");
    assert_eq!(
        subscribe.send().await.unwrap_err().code(),
        Some("InvalidParameter")
    );
    let function = sandbox.lambda().create_function(echo("echo")).unwrap();
    let subscribe = client
        .subscribe()
        .topic_arn(&topic)
        .protocol("lambda")
        .endpoint(&function);
    let filtered = subscribe.attributes("FilterPolicy", "{}").send().await;
    assert_eq!(filtered.unwrap_err().code(), Some("InvalidParameter"));
    for policy in [
        "{}",
        "arn:aws:sqs:x",
        r#"{"deadLetterTargetArn":"arn:aws:sqs:x"}"#,
    ] {
        let subscribe = client.subscribe().topic_arn(&topic).protocol("lambda");
        let subscribe = subscribe.endpoint(&function);
        let policy = subscribe.attributes("RedrivePolicy", policy).send().await;
        assert_eq!(policy.unwrap_err().code(), Some("InvalidParameter"));
    }
    let unknown = client
        .subscribe()
        .topic_arn(&topic)
        .protocol("lambda")
        .endpoint("arn:aws:x")
        .send();
    assert_eq!(unknown.await.unwrap_err().code(), Some("InvalidParameter"));
    let deleted = client.delete_topic().topic_arn(&topic).send().await;
    assert_eq!(deleted.unwrap_err().code(), Some("InvalidAction"));
}

#[tokio::test]
async fn writes_errors_as_the_query_protocol_does() {
    let sandbox = start().await;
    let head = format!("POST / HTTP/1.1\r\n{}", signed("sandbox", "sns"));
    let body = "Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Ax&Message=x";
    let answer = send(&sandbox, &head, body).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let error = "<Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error>";
    assert!(answer.contains(error), "{answer}");
    assert!(answer.ends_with("</RequestId></ErrorResponse>"), "{answer}");
}

#[tokio::test]
async fn refuses_what_is_over_the_quota_and_delivers_nothing_of_it() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let function = sandbox.lambda().create_function(echo("echo")).unwrap();
    sandbox.sns().subscribe(&topic, &function).unwrap();
    let batch = |messages: u32| {
        let entries = (0..messages).map(|n| entry(&n.to_string(), "x"));
        let batch = client.publish_batch().topic_arn(&topic);
        batch
            .set_publish_batch_request_entries(Some(entries.collect()))
            .send()
    };
    // However much time passes, a second's worth is all there is room for.
    sandbox.sns().set_quota(Some(4));
    let refused = batch(5).await.unwrap_err();
    assert_eq!(refused.code(), Some("Throttling"));
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(batch(4).await.unwrap().successful().len(), 4);
    sandbox.sns().set_quota(Some(0));
    let single = client.publish().topic_arn(&topic).message("y").send();
    assert_eq!(single.await.unwrap_err().code(), Some("Throttling"));
    let unserved = sandbox.sns().publish(&topic, "z");
    assert_eq!(unserved, Err(sandbox::sns::Error::Throttled));
    sandbox.sns().set_quota(None);
    assert_eq!(batch(10).await.unwrap().successful().len(), 10);
    sandbox.lambda().idle().await;
    assert_eq!(sandbox.lambda().stats("echo").unwrap().events, 14);
}

#[tokio::test]
async fn tells_of_every_message_that_it_accepts() {
    let sandbox = start().await;
    let (client, topic) = topic(&sandbox).await;
    let (told, heard) = std::sync::mpsc::channel();
    sandbox.sns().publish(&topic, "before").unwrap();
    sandbox.sns().watch(move |accepted| {
        let (topic, message) = (accepted.topic_arn.to_owned(), accepted.message.to_owned());
        told.send((topic, message, accepted.at)).unwrap();
    });
    let entries = vec![entry("a", "one"), entry("b", ""), entry("c", "two")];
    let batch = client.publish_batch().topic_arn(&topic);
    let batch = batch.set_publish_batch_request_entries(Some(entries));
    assert_eq!(batch.send().await.unwrap().failed().len(), 1);
    sandbox.sns().publish(&topic, "three").unwrap();
    let heard: Vec<_> = heard.try_iter().collect();
    let messages: Vec<_> = heard.iter().map(|(_, message, _)| message).collect();
    assert_eq!(messages, ["one", "two", "three"]);
    assert!(heard.iter().all(|(of, _, _)| *of == topic));
    assert!(heard.is_sorted_by_key(|(_, _, at)| *at));
}
