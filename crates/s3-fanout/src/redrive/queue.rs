//! The queue that is looked into, and what of it is in this program's hands.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, anyhow};
use aws_config::{Region, SdkConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, QueueAttributeName,
};
use backup::aws::Cause;
use futures::stream::{self, StreamExt};
use http::Uri;
use serde::Serialize;

use super::letter::Attributes;

/// The most that one call receives, deletes or changes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>).
pub const BATCH: usize = 10;

/// How long what was received stays out of sight. Should this program be killed, it comes back by then.
pub const OUT_OF_SIGHT: Duration = Duration::from_secs(900);

/// Long enough for every server of a queue to be asked: an empty answer means an empty queue.
const WAIT_SECS: i32 = 1;

/// Calls at the same time that let messages be seen again.
const CALLS_AT_ONCE: usize = 8;

/// A queue.
#[derive(Debug)]
pub struct Queue<'a> {
    client: Client,
    url: &'a str,
}

/// How many messages a queue has, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Those that can be received.
    pub visible: u64,
    /// Those that someone has received, or that are delayed: they cannot be seen.
    pub unseen: u64,
}

/// A message that was received.
#[derive(Debug)]
pub struct Received {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// What else it says of itself.
    pub attributes: Attributes,
    /// Whether it was received before, and has come back.
    pub before: bool,
}

/// What was received and is in the queue still: the handle of each message's latest receipt. SQS lets no more than
/// 120,000 messages be received and not deleted, which bounds it
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
#[derive(Debug, Default)]
pub struct Held(BTreeMap<String, String>);

impl<'a> Queue<'a> {
    /// The queue of a URL; the requests go to the configuration's region.
    pub fn new(sdk: &SdkConfig, url: &'a str) -> Queue<'a> {
        let client = Client::new(sdk);
        Queue { client, url }
    }

    /// How many messages there are, about.
    ///
    /// # Errors
    /// There is no such queue, or it cannot be asked.
    pub async fn depth(&self) -> Result<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let attributes = self.client.get_queue_attributes().queue_url(self.url);
        let names = vec![Visible, InFlight, Delayed];
        let attributes = attributes.set_attribute_names(Some(names)).send().await;
        let attributes = attributes.map_err(|error| {
            let absent = error
                .as_service_error()
                .is_some_and(|error| error.is_queue_does_not_exist());
            match absent {
                true => anyhow!(
                    "there is no queue {}; take its URL from the stack's outputs, such as CopierFailureQueueUrl, and \
                     give --region if it is of another region",
                    self.url
                ),
                false => anyhow!("cannot ask for {}: {}", self.url, Cause::from(error)),
            }
        })?;
        let number = |name| {
            let number = attributes.attributes().and_then(|all| all.get(&name));
            number.and_then(|number| number.parse::<u64>().ok())
        };
        Ok(Depth {
            visible: number(Visible).unwrap_or_default(),
            unseen: number(InFlight).unwrap_or_default() + number(Delayed).unwrap_or_default(),
        })
    }

    /// Receives at most ten messages, and notes them as held; none if there are none.
    ///
    /// # Errors
    /// SQS gives none.
    pub async fn receive(&self, held: &mut Held) -> Result<Vec<Received>> {
        let receive = self.client.receive_message().queue_url(self.url);
        let received = receive
            .max_number_of_messages(BATCH as i32)
            .visibility_timeout(OUT_OF_SIGHT.as_secs() as i32)
            .wait_time_seconds(WAIT_SECS)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| anyhow!("cannot receive from {}: {}", self.url, Cause::from(error)))?;
        let mut messages = Vec::new();
        for message in received.messages.unwrap_or_default() {
            let (Some(id), Some(handle)) = (message.message_id, message.receipt_handle) else {
                continue;
            };
            let attributes = message.message_attributes.unwrap_or_default();
            let text = |(name, value): (String, aws_sdk_sqs::types::MessageAttributeValue)| {
                value.string_value.map(|text| (name, text))
            };
            let before = held.0.insert(id.clone(), handle).is_some();
            messages.push(Received {
                id,
                before,
                body: message.body.unwrap_or_default(),
                attributes: attributes.into_iter().filter_map(text).collect(),
            });
        }
        Ok(messages)
    }

    /// Deletes messages, and says of how many that failed, and why.
    pub async fn delete(&self, ids: &[String], held: &mut Held) -> Option<(usize, String)> {
        let handles = ids.iter().enumerate();
        let handles = handles.filter_map(|(n, id)| Some((n, held.0.get(id)?)));
        let entries: Vec<_> = handles
            .map(|(n, handle)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(n.to_string())
                    .receipt_handle(handle)
                    .build()
                    .expect("an id and a handle are all that an entry needs")
            })
            .collect();
        let given = entries.len();
        let delete = self.client.delete_message_batch().queue_url(self.url);
        let answer = match delete.set_entries(Some(entries)).send().await {
            Ok(answer) => answer,
            Err(error) => return Some((given, Cause::from(error).to_string())),
        };
        let mut done: Vec<_> = answer.successful().iter().map(|entry| entry.id()).collect();
        done.sort_unstable();
        for (n, id) in ids.iter().enumerate() {
            if done.binary_search(&n.to_string().as_str()).is_ok() {
                held.0.remove(id);
            }
        }
        let failed = answer.failed();
        let reason = || failed.first().map_or("SQS does not say why", |f| f.code());
        (done.len() < given).then(|| (given - done.len(), reason().to_owned()))
    }

    /// Keeps messages out of sight for longer.
    pub async fn keep(&self, ids: &[String], held: &Held) -> Option<(usize, String)> {
        let handles = ids.iter().filter_map(|id| held.0.get(id));
        let handles: Vec<_> = handles.map(String::as_str).collect();
        self.set_visibility(&handles, OUT_OF_SIGHT).await
    }

    /// Lets all that is held be seen again at once, and says of how many that failed, and why.
    pub async fn release(&self, held: &Held) -> Option<(usize, String)> {
        let all: Vec<_> = held.0.values().map(String::as_str).collect();
        let failures: Vec<_> = stream::iter(all.chunks(BATCH))
            .map(|some| self.set_visibility(some, Duration::ZERO))
            .buffer_unordered(CALLS_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let failed = failures.iter().map(|(failed, _)| failed).sum();
        failures.into_iter().next().map(|(_, why)| (failed, why))
    }

    async fn set_visibility(&self, handles: &[&str], timeout: Duration) -> Option<(usize, String)> {
        let entries = handles.iter().enumerate().map(|(n, handle)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(*handle)
                .visibility_timeout(timeout.as_secs() as i32)
                .build()
                .expect("an id and a handle are all that an entry needs")
        });
        let change = self.client.change_message_visibility_batch();
        let change = change.queue_url(self.url);
        match change.set_entries(Some(entries.collect())).send().await {
            Ok(answer) => {
                let first = answer.failed().first()?;
                Some((answer.failed().len(), first.code().to_owned()))
            }
            Err(error) => Some((handles.len(), Cause::from(error).to_string())),
        }
    }
}

/// The region that a queue's URL names
/// (<https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>).
pub fn region_of(url: &str) -> Option<Region> {
    let url: Uri = url.parse().ok()?;
    let region = url.host()?.strip_prefix("sqs.")?.split('.').next()?;
    (url.host()?.contains(".amazonaws.com")).then(|| Region::new(region.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_of_aws_names_its_region() {
        for (url, region) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
                Some("eu-west-1"),
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q",
                Some("cn-north-1"),
            ),
            ("http://127.0.0.1:4566/000000000000/q", None),
            ("http://sqs.local:9324/q", None),
        ] {
            assert_eq!(region_of(url).as_ref().map(Region::as_ref), region, "{url}");
        }
    }
}
