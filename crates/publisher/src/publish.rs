//! A stream of objects to batches of ten messages to SNS; entries that come back failed are retried.

use std::cell::Cell;
use std::future::ready;
use std::pin::pin;
use std::time::Instant;

use backup::message::Message;
use backup::object::{ObjectRef, printable};
use futures::stream::{Stream, StreamExt};
use tracing::warn;

use crate::error::PublisherError;
use crate::filter::Filter;
use crate::list::{ListError, Listed};
use crate::summary::Summary;
use crate::topic::{BATCH_ENTRIES, Failure, Topic};

/// Archived objects named in the log; the others are counted.
const ARCHIVED_NAMED: u64 = 10;

/// What became of ten or fewer listed items.
#[derive(Default)]
struct Batch {
    listed: u64,
    bytes: u64,
    published: u64,
    failures: Vec<Failure>,
    unlisted: Vec<ListError>,
}

/// Listed objects for which no message is published.
#[derive(Default)]
struct LeftOut {
    filtered: Cell<u64>,
    archived: Cell<u64>,
}

impl LeftOut {
    /// What is to be published of what was listed.
    fn sift(
        &self,
        item: Result<Listed, ListError>,
        filter: &Filter,
    ) -> Option<Result<ObjectRef, ListError>> {
        let Listed {
            object,
            is_archived,
        } = match item {
            Ok(listed) => listed,
            Err(error) => return Some(Err(error)),
        };
        if !filter.passes(&object) {
            self.filtered.set(self.filtered.get() + 1);
            return None;
        }
        if is_archived {
            self.archived.set(self.archived.get() + 1);
            if self.archived.get() <= ARCHIVED_NAMED {
                warn!(
                    source.key = printable(&object.key),
                    "archived: restore it to have it copied"
                );
            }
            return None;
        }
        Some(Ok(object))
    }

    fn tell(&self) {
        let archived = self.archived.get();
        if archived > ARCHIVED_NAMED {
            warn!(archived, "only the first archived objects were named");
        }
    }
}

/// Counts the objects of a stream and, given a topic, publishes a message for each that passes the filter.
///
/// # Errors
/// A prefix was not listed to its end, or a message was not accepted; all else was published first.
pub async fn publish(
    run: &str,
    prefixes: u64,
    objects: impl Stream<Item = Result<Listed, ListError>>,
    filter: &Filter,
    topic: Option<Topic<'_>>,
) -> Result<Summary, PublisherError> {
    let started = Instant::now();
    let concurrency = topic.map_or(1, |topic| topic.concurrency);
    let left_out = LeftOut::default();
    let wanted = objects.filter_map(|item| ready(left_out.sift(item, filter)));
    let batches = wanted
        .chunks(BATCH_ENTRIES)
        .map(|items| publish_batch(run, items, topic))
        .buffer_unordered(concurrency);
    let mut summary = Summary {
        run: run.to_owned(),
        prefixes,
        ..Summary::default()
    };
    let mut batches = pin!(batches);
    while let Some(batch) = batches.next().await {
        summary.listed += batch.listed;
        summary.bytes += batch.bytes;
        summary.published += batch.published;
        batch
            .failures
            .into_iter()
            .for_each(|failure| summary.add_failure(failure));
        batch
            .unlisted
            .into_iter()
            .for_each(|unlisted| summary.add_unlisted(unlisted));
    }
    summary.filtered = left_out.filtered.get();
    summary.archived = left_out.archived.get();
    summary.listed += summary.filtered + summary.archived;
    left_out.tell();
    summary.complete = summary.unlisted.is_empty();
    summary.elapsed_ms = started.elapsed().as_millis() as u64;
    match (summary.complete, summary.failed) {
        (true, 0) => Ok(summary),
        (false, _) => Err(PublisherError::ListFailed(Box::new(summary))),
        (true, _) => Err(PublisherError::PublishFailed(Box::new(summary))),
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
