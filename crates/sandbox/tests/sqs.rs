//! SQS as the AWS SDK sees it, and what Lambda and SNS send to its queues.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use sandbox::Sandbox;
use sandbox::lambda::Function;
use sandbox::sqs::Depth;
use serde_json::{Value, json};
use support::{echo, json_body, send, signed, start};

fn client(sandbox: &Sandbox) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.endpoint_url())
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .build();
    Client::from_conf(config)
}

/// The client, and a queue.
async fn queue(sandbox: &Sandbox) -> (Client, String) {
    let client = client(sandbox);
    let queue = client.create_queue().queue_name("failures").send().await;
    (client, queue.unwrap().queue_url.unwrap())
}

async fn put(client: &Client, queue: &str, body: &str) {
    let send = client.send_message().queue_url(queue).message_body(body);
    send.send().await.unwrap();
}

/// What one call receives, at most ten messages.
async fn receive(client: &Client, queue: &str) -> Vec<Message> {
    let receive = client.receive_message().queue_url(queue);
    let received = receive.max_number_of_messages(10).send().await.unwrap();
    received.messages.unwrap_or_default()
}

fn depth(visible: usize, in_flight: usize) -> Depth {
    let mut depth = Depth::default();
    (depth.visible, depth.in_flight) = (visible, in_flight);
    depth
}

#[tokio::test]
async fn creates_a_queue_once() {
    let sandbox = start().await;
    let (client, url) = queue(&sandbox).await;
    let endpoint = sandbox.endpoint_url();
    assert_eq!(url, format!("{endpoint}/000000000000/failures"));
    assert_eq!(queue(&sandbox).await.1, url);
    let found = client.get_queue_url().queue_name("failures").send().await;
    assert_eq!(found.unwrap().queue_url(), Some(url.as_str()));
    let listed = client.list_queues().queue_name_prefix("f").send().await;
    assert_eq!(listed.unwrap().queue_urls(), std::slice::from_ref(&url));
    let none = client.list_queues().queue_name_prefix("g").send().await;
    assert!(none.unwrap().queue_urls().is_empty());
    let other = client.create_queue().queue_name("failures");
    let other = other.attributes(QueueAttributeName::VisibilityTimeout, "7");
    let error = other.send().await.unwrap_err().into_service_error();
    assert!(error.is_queue_name_exists(), "{error:?}");
    for name in ["", "a.b", "a b", "failures.fifo", &"x".repeat(81)] {
        let error = client.create_queue().queue_name(name).send().await;
        assert_eq!(error.unwrap_err().code(), Some("InvalidParameterValue"));
    }
}

#[tokio::test]
async fn gives_messages_and_deletes_those_that_were_done() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    let text = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("AccessDenied");
    let sent = client.send_message().queue_url(&queue).message_body("ä\n");
    let sent = sent.message_attributes("ERROR_CODE", text.build().unwrap());
    let sent = sent.send().await.unwrap();
    // What others compute of the same.
    assert_eq!(
        sent.md5_of_message_body(),
        Some("914cf3b7c6c29c2825add417a605f6f7")
    );
    let received = client
        .receive_message()
        .queue_url(&queue)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All);
    let message = received.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(message.body(), Some("ä\n"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    let attribute = &message.message_attributes().unwrap()["ERROR_CODE"];
    assert_eq!(attribute.string_value(), Some("AccessDenied"));
    assert_eq!(
        message.md5_of_message_attributes(),
        sent.md5_of_message_attributes()
    );
    let system = message.attributes().unwrap();
    assert_eq!(
        system[&MessageSystemAttributeName::ApproximateReceiveCount],
        "1"
    );
    let sent_ms = &system[&MessageSystemAttributeName::SentTimestamp];
    assert_eq!(sent_ms.len(), 13, "{sent_ms}");
    assert_eq!(sandbox.sqs().depth(&queue).unwrap(), depth(0, 1));
    let delete = client.delete_message().queue_url(&queue);
    delete
        .receipt_handle(message.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(sandbox.sqs().depth(&queue).unwrap(), depth(0, 0));
    assert_eq!(sandbox.requests()["sqs:ReceiveMessage"], 1);
}

#[tokio::test]
async fn tells_how_many_messages_there_are() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    for n in 0..12 {
        put(&client, &queue, &n.to_string()).await;
    }
    let delayed = client.send_message().queue_url(&queue).message_body("x");
    delayed.delay_seconds(900).send().await.unwrap();
    assert_eq!(receive(&client, &queue).await.len(), 10);
    let attributes = client.get_queue_attributes().queue_url(&queue);
    let attributes = attributes.attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.unwrap().attributes.unwrap();
    for (name, value) in [
        (QueueAttributeName::ApproximateNumberOfMessages, "2"),
        (
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            "10",
        ),
        (QueueAttributeName::ApproximateNumberOfMessagesDelayed, "1"),
        (
            QueueAttributeName::QueueArn,
            "arn:aws:sqs:us-east-1:000000000000:failures",
        ),
        (QueueAttributeName::VisibilityTimeout, "30"),
    ] {
        assert_eq!(attributes[&name], value, "{name}");
    }
    let policy = client.get_queue_attributes().queue_url(&queue);
    let policy = policy.attribute_names(QueueAttributeName::RedrivePolicy);
    let refused = policy.send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidAttributeName"));
    assert_eq!(receive(&client, &queue).await.len(), 2);
    assert_eq!(receive(&client, &queue).await.len(), 0);
}

#[tokio::test]
async fn a_batch_does_each_entry_by_itself() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    let entry = |id: &str, body: &str| {
        let entry = SendMessageBatchRequestEntry::builder().id(id);
        entry.message_body(body).build().unwrap()
    };
    let sent = client.send_message_batch().queue_url(&queue);
    let entries = vec![entry("a", "one"), entry("b", ""), entry("c", "two")];
    let sent = sent.set_entries(Some(entries)).send().await.unwrap();
    assert_eq!(sent.successful().len(), 2);
    let failed = &sent.failed()[0];
    assert_eq!((failed.id(), failed.sender_fault()), ("b", true));

    let messages = receive(&client, &queue).await;
    let handle = |n: usize| messages[n].receipt_handle().unwrap();
    let visible = |id: &str, handle: &str| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id);
        let entry = entry.receipt_handle(handle).visibility_timeout(0);
        entry.build().unwrap()
    };
    let change = client.change_message_visibility_batch().queue_url(&queue);
    let change = change.entries(visible("0", handle(0)));
    let change = change.entries(visible("x", "nonsense"));
    let changed = change.send().await.unwrap();
    assert_eq!(changed.successful()[0].id(), "0");
    assert_eq!(changed.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert_eq!(sandbox.sqs().depth(&queue).unwrap(), depth(1, 1));

    // The first is received again: its older handle succeeds, and deletes nothing.
    assert_eq!(receive(&client, &queue).await.len(), 1);
    let delete = client.delete_message_batch().queue_url(&queue);
    let delete = delete.set_entries(Some(
        [0, 1]
            .map(|n| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
                entry.receipt_handle(handle(n)).build().unwrap()
            })
            .into(),
    ));
    assert_eq!(delete.send().await.unwrap().successful().len(), 2);
    assert_eq!(sandbox.sqs().bodies(&queue).unwrap(), ["one"]);
}

#[tokio::test]
async fn refuses_a_batch_that_breaks_a_rule_for_the_whole() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    let entry = |id: &str, body: &str| {
        let entry = SendMessageBatchRequestEntry::builder().id(id);
        entry.message_body(body).build().unwrap()
    };
    let eleven = (0..11).map(|n| entry(&n.to_string(), "x")).collect();
    let half = "x".repeat(524_289);
    for (entries, code) in [
        (vec![], "EmptyBatchRequest"),
        (eleven, "TooManyEntriesInBatchRequest"),
        (
            vec![entry("a", "x"), entry("a", "y")],
            "BatchEntryIdsNotDistinct",
        ),
        (vec![entry("a.b", "x")], "InvalidBatchEntryId"),
        (
            vec![entry("a", &half), entry("b", &half)],
            "BatchRequestTooLong",
        ),
    ] {
        let batch = client.send_message_batch().queue_url(&queue);
        let refused = batch.set_entries(Some(entries)).send().await.unwrap_err();
        let code = format!("AWS.SimpleQueueService.{code}");
        assert_eq!(refused.code(), Some(code.as_str()));
    }
    assert_eq!(sandbox.sqs().depth(&queue).unwrap(), Depth::default());
}

#[tokio::test]
async fn refuses_with_the_errors_that_the_sdk_knows() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    let unknown = format!("{}/000000000000/other", sandbox.endpoint_url());
    let receive = || client.receive_message().queue_url(&queue);
    let absent = client.receive_message().queue_url(unknown).send().await;
    let absent = absent.unwrap_err().into_service_error();
    assert!(absent.is_queue_does_not_exist(), "{absent:?}");
    for wrong in [
        receive().max_number_of_messages(11),
        receive().max_number_of_messages(0),
        receive().wait_time_seconds(21),
        receive().visibility_timeout(43_201),
        // For FIFO queues.
        receive().receive_request_attempt_id("x"),
    ] {
        let refused = wrong.send().await.unwrap_err();
        assert_eq!(refused.code(), Some("InvalidParameterValue"));
    }
    put(&client, &queue, "x").await;
    let message = receive().send().await.unwrap().messages.unwrap().remove(0);
    let change = |handle: &str| {
        let change = client.change_message_visibility().queue_url(&queue);
        change.receipt_handle(handle).visibility_timeout(0).send()
    };
    let handle = message.receipt_handle().unwrap();
    change(handle).await.unwrap();
    let again = change(handle).await.unwrap_err().into_service_error();
    assert!(again.is_message_not_inflight(), "{again:?}");
    let invalid = change("x").await.unwrap_err().into_service_error();
    assert!(invalid.is_receipt_handle_is_invalid(), "{invalid:?}");
    let purged = client.purge_queue().queue_url(&queue).send().await;
    let purged = purged.unwrap_err();
    let unsupported = "AWS.SimpleQueueService.UnsupportedOperation";
    assert_eq!(purged.code(), Some(unsupported));
}

#[tokio::test]
async fn writes_errors_as_json_with_the_code_of_old_in_a_header() {
    let sandbox = start().await;
    let ask = |key: &str, body: &'static str| {
        let head = format!(
            "POST / HTTP/1.1\r\n{}\r\nX-Amz-Target: AmazonSQS.GetQueueUrl\r\nContent-Type: application/x-amz-json-1.0",
            signed(key, "sqs")
        );
        let sandbox = &sandbox;
        async move { send(sandbox, &head, body).await }
    };
    let answer = ask("sandbox", r#"{"QueueName":"other"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let header = "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n";
    assert!(answer.contains(header), "{answer}");
    let expected = json!({
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "The specified queue does not exist.",
    });
    assert_eq!(json_body(&answer), expected);
    let stranger = ask("nobody", r#"{"QueueName":"other"}"#).await;
    assert!(stranger.starts_with("HTTP/1.1 403 "), "{stranger}");
    let more = ask("sandbox", r#"{"QueueName":"x","Colour":"red"}"#).await;
    assert!(more.contains("InvalidParameterValue"), "{more}");
}

#[tokio::test]
async fn gets_the_record_of_every_event_that_lambda_gives_up() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    let lambda = sandbox.lambda();
    let arn = sandbox.sqs().arn(&queue).unwrap();
    let failing = Function {
        on_failure: Some(arn),
        ..echo("echo")
    };
    lambda.create_function(failing).unwrap();
    let event = r#"{"do":"fail"}"#;
    lambda.invoke_async("echo", event).unwrap();
    lambda.invoke_async("echo", "{}").unwrap();
    lambda.idle().await;
    let messages = receive(&client, &queue).await;
    let records: Vec<Value> = messages
        .iter()
        .map(|message| serde_json::from_str(message.body().unwrap()).unwrap())
        .collect();
    assert_eq!(records, lambda.failures("echo").unwrap());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["requestPayload"], json!({ "do": "fail" }));
    let nowhere = Function {
        on_failure: Some("arn:aws:sqs:us-east-1:000000000000:other".to_owned()),
        ..echo("other")
    };
    let refused = lambda.create_function(nowhere).unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterValueException");
}

#[tokio::test]
async fn gets_what_sns_cannot_hand_to_a_function() {
    let sandbox = start().await;
    let (client, queue) = queue(&sandbox).await;
    let (sns, lambda) = (sandbox.sns(), sandbox.lambda());
    let function = lambda.create_function(echo("echo")).unwrap();
    let topic = sns.create_topic("keys").unwrap();
    let arn = sandbox.sqs().arn(&queue).unwrap();
    assert!(
        sns.subscribe_with(&topic, &function, Some("arn:x"))
            .is_err()
    );
    sns.subscribe_with(&topic, &function, Some(&arn)).unwrap();
    assert!(
        sns.subscribe(&topic, &function).is_err(),
        "with other attributes"
    );
    sns.publish(&topic, "handed over").unwrap();
    lambda.idle().await;
    lambda.delete_function("echo").unwrap();
    assert!(lambda.invoke("echo", "{}").await.is_err());
    let id = sns.publish(&topic, "an \"object\"").unwrap();

    let receive = client.receive_message().queue_url(&queue);
    let receive = receive
        .message_attribute_names("All")
        .max_number_of_messages(10);
    let messages = receive.send().await.unwrap().messages.unwrap();
    assert_eq!(messages.len(), 1);
    let letter: Value = serde_json::from_str(messages[0].body().unwrap()).unwrap();
    assert_eq!(letter["Type"], "Notification");
    assert_eq!(letter["MessageId"], id);
    assert_eq!(letter["TopicArn"], topic);
    assert_eq!(letter["Message"], "an \"object\"");
    assert!(letter.get("Subject").is_none(), "{letter}");
    assert!(letter["UnsubscribeURL"].is_string(), "{letter}");
    let attributes: HashMap<_, _> = messages[0]
        .message_attributes()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.string_value().unwrap()))
        .collect();
    assert_eq!(attributes["ErrorCode"], "404");
    assert_eq!(
        attributes["ErrorMessage"],
        format!("Function not found: {function}")
    );
    assert!(attributes.contains_key("RequestID"));
}
