//! The topic: batches of messages, and the entries that come back failed offered again.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use backup::aws::Cause;
use backup::message::Message;
use tracing::warn;

/// Entries of one PublishBatch. <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>
pub const BATCH_ENTRIES: usize = 10;

/// Times an entry is offered to SNS, the first included.
const ENTRY_ATTEMPTS: u32 = 6;

/// The longest pause before the first retry; it doubles with each.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

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
    /// The key.
    pub key: String,
    /// What SNS said.
    pub reason: String,
}

/// A message that SNS has not accepted yet.
struct Entry<'a> {
    message: &'a Message,
    body: String,
    reason: String,
}

/// Entries by the id they have in the batch.
type Entries<'a> = BTreeMap<String, Entry<'a>>;

impl Topic<'_> {
    /// Publishes at most [`BATCH_ENTRIES`] messages and returns those that were not accepted: refused by
    /// SNS as the sender's fault, or failed at every attempt.
    pub async fn publish(&self, messages: &[Message]) -> Vec<Failure> {
        let entry = |message| Entry {
            message,
            body: Message::encode(message),
            reason: "the answer does not mention it".to_owned(),
        };
        let mut waiting: Entries<'_> = messages
            .iter()
            .enumerate()
            .map(|(id, message)| (id.to_string(), entry(message)))
            .collect();
        let mut failures = Vec::new();
        for attempt in 1..=ENTRY_ATTEMPTS {
            match self.offer(&waiting).await {
                Ok(answer) => failures.extend(settle(&mut waiting, answer)),
                Err(cause) => {
                    // The SDK has retried the call as a whole.
                    waiting
                        .values_mut()
                        .for_each(|entry| entry.reason = cause.to_string());
                    break;
                }
            }
            if waiting.is_empty() {
                return failures;
            }
            if attempt < ENTRY_ATTEMPTS {
                warn!(
                    entries = waiting.len(),
                    attempt, "SNS did not accept all entries of a batch, offering them again"
                );
                tokio::time::sleep(
                    FIRST_BACKOFF.mul_f64(f64::from(1 << (attempt - 1)) * fastrand::f64()),
                )
                .await;
            }
        }
        failures.extend(waiting.into_values().map(Entry::fail));
        failures
    }

    async fn offer(&self, entries: &Entries<'_>) -> Result<PublishBatchOutput, Cause> {
        let entries = entries.iter().map(|(id, entry)| {
            PublishBatchRequestEntry::builder()
                .id(id)
                .message(&entry.body)
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
fn settle(waiting: &mut Entries<'_>, answer: PublishBatchOutput) -> Vec<Failure> {
    for accepted in answer.successful() {
        waiting.remove(accepted.id().unwrap_or_default());
    }
    let mut refused = Vec::new();
    for failed in answer.failed() {
        let Some(mut entry) = waiting.remove(failed.id()) else {
            continue;
        };
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

impl Entry<'_> {
    fn fail(self) -> Failure {
        Failure {
            key: self.message.object.key.clone(),
            reason: self.reason,
        }
    }
}
