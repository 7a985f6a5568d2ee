//! A stream of objects to batches of ten messages to SNS; entries that come back failed are retried.

use std::time::Instant;

use backup::aws::chain;
use backup::message::Message;
use backup::object::{ObjectRef, printable};
use futures::stream::{Stream, StreamExt};
use serde::Serialize;
use tracing::error;

use crate::error::{ListError, PublisherError};
use crate::topic::{BATCH_ENTRIES, Failure, Topic};

/// Failures kept for the answer; every one is in the log.
const FAILURES_KEPT: usize = 10;

/// What an invocation did; its answer.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// The run's name, in every message.
    pub run: String,
    /// Prefixes that were to be listed.
    pub prefixes: u64,
    /// Objects listed.
    pub listed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages accepted by SNS.
    pub published: u64,
    /// Messages not accepted.
    pub failed: u64,
    /// Whether every prefix was listed to its end.
    pub complete: bool,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The first messages that were not accepted.
    #[serde(skip)]
    pub failures: Vec<Failure>,
    /// The prefixes that could not be listed to their end.
    #[serde(skip)]
    pub unlisted: Vec<ListError>,
}

/// What became of ten or fewer listed items.
#[derive(Default)]
struct Batch {
    listed: u64,
    bytes: u64,
    published: u64,
    failures: Vec<Failure>,
    unlisted: Vec<ListError>,
}

/// Counts the objects of a stream and, given a topic, publishes a message for each.
///
/// # Errors
/// A prefix was not listed to its end, or a message was not accepted; all else was published first.
pub async fn publish(
    run: &str,
    prefixes: u64,
    objects: impl Stream<Item = Result<ObjectRef, ListError>>,
    topic: Option<Topic<'_>>,
) -> Result<Summary, PublisherError> {
    let started = Instant::now();
    let concurrency = topic.map_or(1, |topic| topic.concurrency);
    let batches = objects
        .chunks(BATCH_ENTRIES)
        .map(|items| publish_batch(run, items, topic))
        .buffer_unordered(concurrency);
    let start = Summary {
        run: run.to_owned(),
        prefixes,
        ..Summary::default()
    };
    let mut summary = batches
        .fold(start, async |summary, batch| summary.add(batch))
        .await;
    summary.complete = summary.unlisted.is_empty();
    summary.elapsed_ms = started.elapsed().as_millis() as u64;
    match (summary.complete, summary.failed) {
        (true, 0) => Ok(summary),
        (false, _) => Err(PublisherError::ListFailed(Box::new(summary))),
        (true, _) => Err(PublisherError::PublishFailed(Box::new(summary))),
    }
}

impl Summary {
    fn add(mut self, batch: Batch) -> Summary {
        self.listed += batch.listed;
        self.bytes += batch.bytes;
        self.published += batch.published;
        for failure in batch.failures {
            error!(
                source.key = printable(&failure.key),
                reason = failure.reason,
                "could not publish"
            );
            self.failed += 1;
            if self.failures.len() < FAILURES_KEPT {
                self.failures.push(failure);
            }
        }
        for unlisted in batch.unlisted {
            error!("{}", chain(&unlisted));
            self.unlisted.push(unlisted);
        }
        self
    }
}

async fn publish_batch(
    run: &str,
    items: Vec<Result<ObjectRef, ListError>>,
    topic: Option<Topic<'_>>,
) -> Batch {
    let mut batch = Batch::default();
    let mut messages = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Ok(object) => {
                batch.listed += 1;
                batch.bytes += object.size;
                messages.push(Message {
                    run: run.to_owned(),
                    object,
                });
            }
            Err(error) => batch.unlisted.push(error),
        }
    }
    if let Some(topic) = topic.filter(|_| !messages.is_empty()) {
        let offered = messages.len();
        batch.failures = topic.publish(&messages).await;
        batch.published = (offered - batch.failures.len()) as u64;
    }
    batch
}
