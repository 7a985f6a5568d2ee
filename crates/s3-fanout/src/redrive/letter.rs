//! What lies in a failure queue: what failed, why, and what would do it again.

use std::collections::HashMap;

use backup::message::{Request, decode};
use backup::object::printable;
use serde::Deserialize;
use serde_json::Value;

/// The type of a message that no function was handed.
pub const NOT_DELIVERED: &str = "NotDelivered";

/// The type of a message of no known shape.
pub const NOT_UNDERSTOOD: &str = "NotUnderstood";

/// Characters of an event, or of what was not understood, that are shown.
const SHOWN_CHARS: usize = 120;

/// A message of a failure queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The error's type, as the function names it.
    pub error_type: String,
    /// What it was about: a key, or an event.
    pub about: String,
    /// What was said about the error.
    pub reason: String,
    /// What would do it again; nothing for what was not understood.
    pub again: Vec<Again>,
}

/// A message or an event, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// To be published.
    Publish {
        /// The topic's ARN.
        topic: String,
        /// The message's body.
        body: String,
    },
    /// To be invoked with.
    Invoke {
        /// The function's ARN.
        function: String,
        /// The event.
        event: Value,
    },
}

/// What a message of a queue may say of itself besides its body, by name.
pub type Attributes = HashMap<String, String>;

/// Lambda's record of an event that it gave up
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    request_context: RequestContext,
    request_payload: Value,
    response_payload: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    function_arn: String,
    condition: String,
}

/// SNS's event for a Lambda function (<https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnsEvent {
    records: Vec<SnsRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnsRecord {
    sns: Notification,
}

/// A message as SNS delivers it
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    topic_arn: String,
    message: String,
}

impl Letter {
    /// Reads a message; one of no known shape is a letter, too.
    pub fn read(body: &str, attributes: &Attributes) -> Letter {
        let json: Option<Value> = serde_json::from_str(body).ok();
        json.and_then(|json| {
            of_record(&json)
                .or_else(|| of_topic(&json, attributes))
                .or_else(|| of_schedule(&json, attributes))
        })
        .unwrap_or_else(|| Letter {
            error_type: NOT_UNDERSTOOD.to_owned(),
            about: beginning(body),
            reason: "it is neither Lambda's record of a failure, nor a message of SNS, nor an event of a schedule"
                .to_owned(),
            again: Vec::new(),
        })
    }
}

/// What Lambda gave up: a message of SNS, or an event.
fn of_record(json: &Value) -> Option<Letter> {
    let record = Record::deserialize(json).ok()?;
    let response = record.response_payload.unwrap_or_default();
    let text = |field: &str| response[field].as_str().map(str::to_owned);
    let condition = record.request_context.condition;
    let reason = match (&response, text("errorMessage")) {
        (_, Some(message)) => message,
        (Value::Null, None) => format!("Lambda gave it up ({condition}) before it was run"),
        (other, None) => beginning(&other.to_string()),
    };
    let error_type = text("errorType").unwrap_or(condition);
    if let Some(notifications) = notifications(&record.request_payload) {
        return Some(of_notifications(error_type, reason, notifications));
    }
    let arn = record.request_context.function_arn;
    // A grant to invoke the function does not cover the same ARN with $LATEST; an alias or a version was meant.
    let function = arn.strip_suffix(":$LATEST").unwrap_or(&arn).to_owned();
    let event = record.request_payload;
    Some(Letter {
        error_type,
        about: beginning(&event.to_string()),
        reason,
        again: vec![Again::Invoke { function, event }],
    })
}

/// What SNS could not hand over.
fn of_topic(json: &Value, attributes: &Attributes) -> Option<Letter> {
    let notifications = notifications(json)?;
    let reason = said(attributes, "ErrorCode", "ErrorMessage");
    let error_type = NOT_DELIVERED.to_owned();
    Some(of_notifications(error_type, reason, notifications))
}

/// What EventBridge Scheduler could not hand over
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html>).
fn of_schedule(json: &Value, attributes: &Attributes) -> Option<Letter> {
    let target = attributes.get("TARGET_ARN")?;
    let is_whole = attributes.get("IS_PAYLOAD_TRUNCATED").map(String::as_str) != Some("true");
    (json.is_object() && is_whole && target.contains(":lambda:")).then(|| Letter {
        error_type: NOT_DELIVERED.to_owned(),
        about: beginning(&json.to_string()),
        reason: said(attributes, "ERROR_CODE", "ERROR_MESSAGE"),
        again: vec![Again::Invoke {
            function: target.clone(),
            event: json.clone(),
        }],
    })
}

/// The messages in SNS's event, or the one that stands by itself.
fn notifications(json: &Value) -> Option<Vec<Notification>> {
    if let Ok(event) = SnsEvent::deserialize(json) {
        let notifications: Vec<_> = event.records.into_iter().map(|record| record.sns).collect();
        return (!notifications.is_empty()).then_some(notifications);
    }
    let is_notification = json["Type"] == "Notification";
    let notification = is_notification.then(|| Notification::deserialize(json).ok())?;
    notification.map(|notification| vec![notification])
}

fn of_notifications(
    error_type: String,
    reason: String,
    notifications: Vec<Notification>,
) -> Letter {
    let about: Vec<_> = notifications.iter().map(|n| key_of(&n.message)).collect();
    let publish = |notification: Notification| Again::Publish {
        topic: notification.topic_arn,
        body: notification.message,
    };
    Letter {
        error_type,
        about: about.join(", "),
        reason,
        again: notifications.into_iter().map(publish).collect(),
    }
}

/// The key that a message asks for, or how it begins.
fn key_of(message: &str) -> String {
    match decode(message) {
        Ok(Request::Message(message)) => printable(&message.object.key),
        Ok(Request::Key(key)) => printable(&key),
        Err(_) => beginning(message),
    }
}

fn said(attributes: &Attributes, code: &str, message: &str) -> String {
    let said = [code, message].map(|name| attributes.get(name).map(String::as_str));
    let said: Vec<_> = said.into_iter().flatten().collect();
    match said.is_empty() {
        true => "nothing was said about the error".to_owned(),
        false => said.join(": "),
    }
}

fn beginning(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    printable(&shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:s3-fanout";
    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:publisher";

    fn event(message: &str) -> Value {
        json!({ "Records": [{ "EventSource": "aws:sns", "Sns": {
            "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": message,
        } }] })
    }

    fn record(payload: &Value, response: Option<Value>) -> Value {
        let mut record = json!({
            "version": "1.0",
            "requestContext": {
                "requestId": "r", "functionArn": format!("{FUNCTION}:$LATEST"),
                "condition": "RetriesExhausted", "approximateInvokeCount": 3,
            },
            "requestPayload": payload,
        });
        if let Some(response) = response {
            record["responsePayload"] = response;
        }
        record
    }

    fn read<const N: usize>(body: &Value, attributes: [(&str, &str); N]) -> Letter {
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Letter::read(&body.to_string(), &attributes.into())
    }

    fn published(body: &str) -> Vec<Again> {
        let (topic, body) = (TOPIC.to_owned(), body.to_owned());
        vec![Again::Publish { topic, body }]
    }

    #[test]
    fn understands_what_the_copier_could_not_copy() {
        // As it was, and not as this program would write it.
        let message =
            "{ \"v\":1, \"run\":\"r\",\"bucket\":\"b\",\"key\":\"2016-06-30/ä b\",\"size\":1 }";
        let response =
            json!({ "errorType": "AccessDenied", "errorMessage": "HeadObject was denied" });
        let letter = read(&record(&event(message), Some(response)), []);
        assert_eq!(letter.error_type, "AccessDenied");
        assert_eq!(letter.about, "2016-06-30/ä b");
        assert_eq!(letter.reason, "HeadObject was denied");
        assert_eq!(letter.again, published(message));
    }

    #[test]
    fn understands_an_event_that_was_never_run() {
        let mut record = record(&event("bare/key"), None);
        record["requestContext"]["condition"] = json!("EventAgeExceeded");
        let letter = read(&record, []);
        assert_eq!(
            (letter.error_type.as_str(), letter.about.as_str()),
            ("EventAgeExceeded", "bare/key")
        );
        assert_eq!(letter.again, published("bare/key"));
    }

    #[test]
    fn understands_what_sns_could_not_hand_over_in_both_shapes() {
        let attributes = [("ErrorCode", "404"), ("ErrorMessage", "Function not found")];
        let bare = json!({ "Type": "Notification", "TopicArn": TOPIC, "Message": "k" });
        for body in [bare, event("k")] {
            let letter = read(&body, attributes);
            assert_eq!(letter.error_type, NOT_DELIVERED);
            assert_eq!(letter.reason, "404: Function not found");
            assert_eq!(letter.again, published("k"));
        }
    }

    #[test]
    fn understands_what_the_publisher_could_not_do() {
        let day = json!({ "date": "2016-06-30" });
        let again = vec![Again::Invoke {
            function: FUNCTION.to_owned(),
            event: day.clone(),
        }];
        let response = json!({ "errorType": "ListFailed", "errorMessage": "x" });
        let letter = read(&record(&day, Some(response)), []);
        assert_eq!(
            (letter.error_type.as_str(), &letter.again),
            ("ListFailed", &again)
        );
        let attributes = [
            ("TARGET_ARN", FUNCTION),
            ("ERROR_CODE", "AWS.Scheduler.InternalServerError"),
        ];
        let letter = read(&day, attributes);
        assert_eq!(letter.error_type, NOT_DELIVERED);
        assert_eq!(letter.again, again);
        // An alias was meant.
        let mut record = record(&day, None);
        record["requestContext"]["functionArn"] = json!(format!("{FUNCTION}:live"));
        let function = format!("{FUNCTION}:live");
        assert_eq!(
            read(&record, []).again,
            [Again::Invoke {
                function,
                event: day
            }]
        );
    }

    #[test]
    fn does_nothing_with_what_it_does_not_understand() {
        let truncated = [("TARGET_ARN", FUNCTION), ("IS_PAYLOAD_TRUNCATED", "true")];
        let day = json!({ "date": "2016-06-30" });
        let mut letters = vec![
            read(&day, truncated),
            read(&day, []),
            read(&json!({ "Records": [] }), []),
        ];
        letters.push(Letter::read("not JSON", &Attributes::new()));
        let s3 = json!({ "Records": [{ "eventSource": "aws:s3" }] });
        letters.push(read(&s3, []));
        letters.push(read(&json!({ "TopicArn": TOPIC, "Message": "k" }), []));
        for letter in letters {
            assert_eq!(
                (letter.error_type.as_str(), letter.again),
                (NOT_UNDERSTOOD, vec![]),
                "{}",
                letter.about
            );
        }
    }
}
