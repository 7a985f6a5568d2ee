//! ReceiveMessage: messages with the attributes that were asked for.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::message::{asked_for, md5_of};
use super::queue::Received;
use super::request::{MAX_VISIBILITY_SECS, MAX_WAIT_SECS, ReceiveMessage, seconds, within};
use super::{Error, Sqs};
use crate::account::ACCOUNT_ID;

/// What can be asked of a received message. What a standard queue has none of is not given.
const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// Takes messages, and waits for the first where it is told to.
pub(super) async fn receive(sqs: &Sqs, request: ReceiveMessage) -> Result<Value, Error> {
    let queue = sqs.find(&request.queue_url)?;
    let most = request.max_number_of_messages.unwrap_or(1);
    let most = within("MaxNumberOfMessages", most, 1, 10)?;
    let visibility_timeout = match request.visibility_timeout {
        Some(given) => seconds("VisibilityTimeout", given, MAX_VISIBILITY_SECS)?,
        None => queue.visibility_timeout,
    };
    let wait = request.wait_time_seconds.unwrap_or_default();
    let wait = seconds("WaitTimeSeconds", wait, MAX_WAIT_SECS)?;
    let mut system = request.attribute_names;
    system.extend(request.message_system_attribute_names);
    if let Some(unknown) = system
        .iter()
        .find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str()))
    {
        return Err(Error::InvalidAttributeName(unknown.clone()));
    }
    let most = usize::try_from(most).unwrap_or(1);
    let received = queue.receive(most, visibility_timeout, wait).await;
    let names = &request.message_attribute_names;
    let messages: Vec<_> = received
        .iter()
        .map(|received| shown(received, &system, names))
        .collect();
    Ok(match messages.is_empty() {
        true => json!({}),
        false => json!({ "Messages": messages }),
    })
}

/// A received message with the attributes that were asked for.
fn shown(received: &Received, system: &[String], names: &[String]) -> Value {
    let message = &received.message;
    let mut shown = json!({
        "MessageId": received.id.to_string(),
        "ReceiptHandle": received.handle,
        "MD5OfBody": message.md5_of_body(),
        "Body": message.body,
    });
    let attributes = asked_for(&message.attributes, names);
    if let Some(md5) = md5_of(&attributes) {
        shown["MD5OfMessageAttributes"] = md5.into();
        shown["MessageAttributes"] = json!(attributes);
    }
    let all = [
        ("SenderId", ACCOUNT_ID.to_owned()),
        ("SentTimestamp", milliseconds(received.sent)),
        ("ApproximateReceiveCount", received.receives.to_string()),
        (
            "ApproximateFirstReceiveTimestamp",
            milliseconds(received.first_received),
        ),
    ];
    let asked = |name: &str| system.iter().any(|asked| asked == "All" || asked == name);
    let given: Map<_, _> = all
        .into_iter()
        .filter(|(name, _)| asked(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    if !given.is_empty() {
        shown["Attributes"] = given.into();
    }
    shown
}

/// A time as SQS tells it.
fn milliseconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().to_string()
}
