//! What requests to SQS may hold; a field that is not here is refused, for ignoring it could change what is meant.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;
use super::message::{Attributes, Message};

/// A batch has at most ten entries
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>).
const MAX_ENTRIES: usize = 10;

/// The longest id of an entry
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatchRequestEntry.html>).
const MAX_ID_CHARS: usize = 80;

/// Twelve hours
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>).
pub(super) const MAX_VISIBILITY_SECS: i64 = 43_200;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub(super) const MAX_DELAY_SECS: i64 = 900;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
pub(super) const MAX_WAIT_SECS: i64 = 20;

/// A request that only names a queue, by its name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetQueueUrl {
    pub(super) queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateQueue {
    pub(super) queue_name: String,
    #[serde(default)]
    pub(super) attributes: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListQueues {
    #[serde(default)]
    pub(super) queue_name_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetQueueAttributes {
    pub(super) queue_url: String,
    #[serde(default)]
    pub(super) attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SendMessage {
    pub(super) queue_url: String,
    #[serde(default)]
    message_body: String,
    #[serde(default)]
    message_attributes: Attributes,
    delay_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReceiveMessage {
    pub(super) queue_url: String,
    #[serde(default)]
    pub(super) attribute_names: Vec<String>,
    #[serde(default)]
    pub(super) message_system_attribute_names: Vec<String>,
    #[serde(default)]
    pub(super) message_attribute_names: Vec<String>,
    pub(super) max_number_of_messages: Option<i64>,
    pub(super) visibility_timeout: Option<i64>,
    pub(super) wait_time_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteMessage {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ChangeVisibility {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: i64,
}

/// A request of several entries, each with an id; what else an entry holds is that of the operation without a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<serde_json::Map<String, Value>>,
}

/// An entry of a batch: its id, and the request it would be on its own.
pub(super) type Entry<T> = (String, Result<T, Error>);

impl SendMessage {
    /// The message, and its own delay.
    pub(super) fn into_message(self) -> Result<(Message, Option<Duration>), Error> {
        let delay = self
            .delay_seconds
            .map(|given| seconds("DelaySeconds", given, MAX_DELAY_SECS));
        let message = Message {
            body: self.message_body,
            attributes: self.message_attributes,
        };
        Ok((message, delay.transpose()?))
    }

    /// What counts against the limit of a batch.
    pub(super) fn size_bytes(&self) -> usize {
        let message = Message {
            body: String::new(),
            attributes: self.message_attributes.clone(),
        };
        self.message_body.len() + message.size_bytes()
    }
}

/// Reads a request.
pub(super) fn read<T: DeserializeOwned>(body: Value) -> Result<T, Error> {
    serde_json::from_value(body).map_err(|error| {
        Error::InvalidParameterValue(format!("not understood by the sandbox: {error}"))
    })
}

/// Reads a request of several entries, and refuses what breaks a rule for the whole.
pub(super) fn read_batch<T: DeserializeOwned>(body: Value) -> Result<Vec<Entry<T>>, Error> {
    let Batch { queue_url, entries } = read(body)?;
    if entries.is_empty() {
        return Err(Error::EmptyBatch);
    }
    if entries.len() > MAX_ENTRIES {
        return Err(Error::TooManyEntries(entries.len()));
    }
    let mut ids = BTreeSet::new();
    let mut read_entries = Vec::new();
    for mut entry in entries {
        let id = entry.remove("Id");
        let id = id.and_then(|id| id.as_str().map(str::to_owned));
        let id = id.filter(|id| is_id(id)).ok_or(Error::InvalidEntryId)?;
        if !ids.insert(id.clone()) {
            return Err(Error::IdsNotDistinct(id));
        }
        entry.insert("QueueUrl".to_owned(), queue_url.clone().into());
        read_entries.push((id, read(Value::Object(entry))));
    }
    Ok(read_entries)
}

/// A number of seconds from 0 to the most it may be.
pub(super) fn seconds(name: &str, given: i64, most: i64) -> Result<Duration, Error> {
    within(name, given, 0, most).map(Duration::from_secs)
}

/// A number within its bounds.
pub(super) fn within(name: &str, given: i64, least: i64, most: i64) -> Result<u64, Error> {
    let number = u64::try_from(given).ok();
    let number = number.filter(|_| (least..=most).contains(&given));
    number.ok_or_else(|| {
        Error::InvalidParameterValue(format!(
            "Value {given} for parameter {name} is invalid. Reason: Must be >= {least} and <= {most}, if provided."
        ))
    })
}

fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(allowed)
}
