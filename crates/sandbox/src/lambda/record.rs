//! The record Lambda sends to a function's on-failure destination.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::function::VERSION;
use super::outcome::Outcome;
use super::{Request, timestamp};

/// Why an event was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetriesExhausted,
    EventAgeExceeded,
}

/// The record in Lambda's shape
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>).
/// An event that was never run has no response.
pub(super) fn failure(
    arn: &str,
    request: &Request,
    condition: Condition,
    invoke_count: usize,
    last: Option<&Outcome>,
) -> Value {
    let mut record = json!({
        "version": "1.0",
        "timestamp": timestamp(SystemTime::now()),
        "requestContext": {
            "requestId": request.id,
            "functionArn": format!("{arn}:{VERSION}"),
            "condition": condition.name(),
            "approximateInvokeCount": invoke_count,
        },
        "requestPayload": value(&request.payload),
    });
    if let Some(outcome) = last {
        record["responseContext"] = json!({
            "statusCode": 200,
            "executedVersion": VERSION,
            "functionError": "Unhandled",
        });
        record["responsePayload"] = value(&outcome.payload);
    }
    record
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
        }
    }
}

/// JSON as it is; a runtime's answer that is not JSON as a string.
fn value(payload: &[u8]) -> Value {
    serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
}
