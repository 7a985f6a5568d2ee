//! The topic: batches of messages, and the entries that come back failed offered again.

use std::collections::BTreeMap;
use std::time::Duration;

pub use aws_sdk_sns::Client;
use aws_sdk_sns::config::Region;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use backup::aws::{Cause, SdkConfig, is_throttle};
use backup::message::Message;
use tracing::warn;

/// Entries of one PublishBatch. <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>
pub const BATCH_ENTRIES: usize = 10;

/// Bytes of all messages of one PublishBatch (same page).
pub const BATCH_BYTES: usize = 262_144;

/// Times an entry is offered to SNS, the first included.
const ENTRY_ATTEMPTS: u32 = 6;

/// The longest pause before the first retry; it doubles with each, for a while.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// Doublings of the longest pause: beyond 3.2 s, a quota that has room again would go unused.
const BACKOFF_DOUBLINGS: u32 = 4;

/// Where messages go.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    /// The client for the topic's region.
    pub client: &'a Client,
    /// The topic.
    pub arn: &'a str,
    /// Batches in flight at the same time.
    pub concurrency: usize,
}

/// A key whose message was not accepted.
#[derive(Debug)]
pub struct Failure {
    /// Which of the messages, from 0.
    pub entry: usize,
    /// The key.
    pub key: String,
    /// What SNS said.
    pub reason: String,
}

/// A body that was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which of the bodies, from 0.
    pub entry: usize,
    /// What SNS said.
    pub reason: String,
}

/// A message that SNS has not accepted yet.
struct Entry<'a> {
    number: usize,
    body: &'a str,
    /// Why it was not accepted at the last offer.
    reason: String,
    /// Whether that was for SNS to slow down.
    throttled: bool,
}

/// Entries by the id they have in the batch.
type Entries<'a> = BTreeMap<String, Entry<'a>>;

/// A client for the topics of a region.
pub fn client(sdk: &SdkConfig, region: &str) -> Client {
    let config = aws_sdk_sns::config::Builder::from(sdk).region(Region::new(region.to_owned()));
    Client::from_conf(config.build())
}

impl Topic<'_> {
    /// Publishes at most [`BATCH_ENTRIES`] messages and returns those that were not accepted, as
    /// [`Topic::publish_bodies`] does.
    pub async fn publish(&self, messages: &[Message]) -> Vec<Failure> {
        let bodies: Vec<_> = messages.iter().map(Message::encode).collect();
        let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
        let refused = self.publish_bodies(&bodies).await.into_iter();
        let failure = |Refused { entry, reason }| Failure {
            entry,
            key: messages[entry].object.key.clone(),
            reason,
        };
        refused.map(failure).collect()
    }

    /// Publishes at most [`BATCH_ENTRIES`] bodies of at most [`BATCH_BYTES`] as they are, and returns those that were
    /// not accepted: refused by SNS as the sender's fault, or failed at every attempt. Being asked to slow down is no
    /// attempt: it goes on until SNS has time, or the caller has none any more.
    pub async fn publish_bodies(&self, bodies: &[&str]) -> Vec<Refused> {
        let entry = |(number, body)| Entry {
            number,
            body,
            reason: "the answer does not mention it".to_owned(),
            throttled: false,
        };
        let mut waiting: Entries<'_> = bodies
            .iter()
            .copied()
            .enumerate()
            .map(|numbered| (numbered.0.to_string(), entry(numbered)))
            .collect();
        let mut failures = Vec::new();
        let (mut attempts, mut throttles) = (0, 0);
        loop {
            match self.offer(&waiting).await {
                Ok(answer) => failures.extend(settle(&mut waiting, answer)),
                Err(cause) => {
                    let throttled = cause.is_throttle();
                    for entry in waiting.values_mut() {
                        entry.reason = cause.to_string();
                        entry.throttled = throttled;
                    }
                    if !throttled {
                        // The SDK has retried the call as a whole.
                        break;
                    }
                }
            }
            if waiting.is_empty() {
                return failures;
            }
            if waiting.values().all(|entry| entry.throttled) {
                throttles += 1;
            } else {
                attempts += 1;
            }
            if attempts == ENTRY_ATTEMPTS {
                break;
            }
            if throttles <= 1 {
                let (entries, reason) = (
                    waiting.len(),
                    &waiting.values().next().map(|entry| &entry.reason),
                );
                warn!(
                    entries,
                    ?reason,
                    "SNS did not accept all of a batch, offering the rest again"
                );
            }
            tokio::time::sleep(backoff(attempts + throttles)).await;
        }
        failures.extend(waiting.into_values().map(Entry::fail));
        failures
    }

    async fn offer(&self, entries: &Entries<'_>) -> Result<PublishBatchOutput, Cause> {
        let entries = entries.iter().map(|(id, entry)| {
            PublishBatchRequestEntry::builder()
                .id(id)
                .message(entry.body)
                .build()
                .expect("an id and a message are all that an entry needs")
        });
        let request = self.client.publish_batch().topic_arn(self.arn);
        Ok(request
            .set_publish_batch_request_entries(Some(entries.collect()))
            .send()
            .await?)
    }
}

/// Takes what SNS accepted or refused for good out of the entries that wait.
fn settle(waiting: &mut Entries<'_>, answer: PublishBatchOutput) -> Vec<Refused> {
    for accepted in answer.successful() {
        waiting.remove(accepted.id().unwrap_or_default());
    }
    let mut refused = Vec::new();
    for failed in answer.failed() {
        let Some(mut entry) = waiting.remove(failed.id()) else {
            continue;
        };
        entry.throttled = is_throttle(None, Some(failed.code()));
        entry.reason = match failed.message() {
            Some(message) => format!("{}: {message}", failed.code()),
            None => failed.code().to_owned(),
        };
        if failed.sender_fault() {
            refused.push(entry.fail());
        } else {
            waiting.insert(failed.id().to_owned(), entry);
        }
    }
    refused
}

/// The pause before an offer after so many in vain.
fn backoff(offers: u32) -> Duration {
    let doublings = (offers - 1).min(BACKOFF_DOUBLINGS);
    FIRST_BACKOFF.mul_f64(f64::from(1 << doublings) * fastrand::f64())
}

impl Entry<'_> {
    fn fail(self) -> Refused {
        Refused {
            entry: self.number,
            reason: self.reason,
        }
    }
}
