//! The event a Lambda function gets from SNS, one record with one notification, and what a dead-letter queue gets in its
//! place.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Value, json};

use super::message::{Attribute, Message};
use crate::lambda::timestamp;

/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    records: [Record<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    event_source: &'a str,
    event_version: &'a str,
    event_subscription_arn: &'a str,
    sns: Notification<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Notification<'a> {
    #[serde(rename = "Type")]
    kind: &'a str,
    message_id: &'a str,
    topic_arn: &'a str,
    subject: Option<&'a str>,
    message: &'a str,
    timestamp: String,
    signature_version: &'a str,
    signature: &'a str,
    signing_cert_url: String,
    unsubscribe_url: String,
    message_attributes: &'a BTreeMap<String, Attribute>,
}

/// The event for one subscription, as JSON. Nothing signs it: the signature says so.
pub(super) fn event(
    endpoint_url: &str,
    topic_arn: &str,
    subscription_arn: &str,
    message_id: &str,
    message: &Message,
) -> Vec<u8> {
    let sns = notification(
        endpoint_url,
        topic_arn,
        subscription_arn,
        message_id,
        message,
    );
    let record = Record {
        event_source: "aws:sns",
        event_version: "1.0",
        event_subscription_arn: subscription_arn,
        sns,
    };
    serde_json::to_vec(&Event { records: [record] }).expect("strings and string keys serialise")
}

/// The message as a dead-letter queue gets it: the notification without the record of Lambda's event, its URLs spelt as
/// queues and web servers get them
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>).
pub(super) fn letter(
    endpoint_url: &str,
    topic_arn: &str,
    subscription_arn: &str,
    message_id: &str,
    message: &Message,
) -> String {
    let notification = notification(
        endpoint_url,
        topic_arn,
        subscription_arn,
        message_id,
        message,
    );
    let notification = serde_json::to_value(notification);
    let Ok(Value::Object(mut letter)) = notification else {
        unreachable!("a structure of strings serialises to an object")
    };
    for (name, queues_say) in [
        ("SigningCertUrl", "SigningCertURL"),
        ("UnsubscribeUrl", "UnsubscribeURL"),
    ] {
        if let Some(url) = letter.remove(name) {
            letter.insert(queues_say.to_owned(), url);
        }
    }
    letter.retain(|_, value| !value.is_null() && *value != json!({}));
    Value::Object(letter).to_string()
}

fn notification<'a>(
    endpoint_url: &str,
    topic_arn: &'a str,
    subscription_arn: &str,
    message_id: &'a str,
    message: &'a Message,
) -> Notification<'a> {
    Notification {
        kind: "Notification",
        message_id,
        topic_arn,
        subject: message.subject.as_deref(),
        message: &message.text,
        timestamp: timestamp(SystemTime::now()),
        signature_version: "1",
        signature: "EXAMPLE",
        signing_cert_url: format!("{endpoint_url}/SimpleNotificationService-EXAMPLE.pem"),
        unsubscribe_url: format!(
            "{endpoint_url}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"
        ),
        message_attributes: &message.attributes,
    }
}
