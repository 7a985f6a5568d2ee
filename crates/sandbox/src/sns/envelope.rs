//! The event a Lambda function gets from SNS: one record with one notification.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

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
    let sns = Notification {
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
    };
    let record = Record {
        event_source: "aws:sns",
        event_version: "1.0",
        event_subscription_arn: subscription_arn,
        sns,
    };
    serde_json::to_vec(&Event { records: [record] }).expect("strings and string keys serialise")
}
