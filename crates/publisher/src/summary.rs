//! What an invocation did: its answer, and what its error tells.

use std::ops::Not;

use backup::aws::chain;
use backup::object::printable;
use serde::Serialize;
use serde_json::Value;
use tracing::{error, info};

use crate::list::ListError;
use crate::topic::Failure;

/// Failures kept for the answer; every one is in the log.
const FAILURES_KEPT: usize = 10;

/// What an invocation did; its answer.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// The run's name, in every message.
    pub run: String,
    /// Prefixes that were to be listed, or ranges of keys where a run is gone on with.
    pub prefixes: u64,
    /// Objects listed.
    pub listed: u64,
    /// Those of them that the event's filters leave out.
    pub filtered: u64,
    /// Those of the others whose copies are at the destination already, where that was looked at.
    pub unchanged: u64,
    /// Those of the others that must be restored before they can be copied.
    pub archived: u64,
    /// The bytes of what is left.
    pub bytes: u64,
    /// Messages accepted by SNS.
    pub published: u64,
    /// Messages not accepted.
    pub failed: u64,
    /// Whether every prefix was listed to its end, and every message of the run offered.
    pub complete: bool,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The event that goes on with the run where its time was up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Value>,
    /// Whether the function has been invoked with that event.
    #[serde(skip_serializing_if = "Not::not")]
    pub continued: bool,
    /// The first messages that were not accepted.
    #[serde(skip)]
    pub failures: Vec<Failure>,
    /// The prefixes that could not be listed to their end.
    #[serde(skip)]
    pub unlisted: Vec<ListError>,
}

impl Summary {
    /// Objects listed that are to be copied and can be.
    pub fn wanted(&self) -> u64 {
        self.listed - self.filtered - self.unchanged - self.archived
    }

    /// Logs the counts.
    pub(crate) fn tell(&self) {
        info!(
            listed = self.listed,
            filtered = self.filtered,
            unchanged = self.unchanged,
            archived = self.archived,
            bytes = self.bytes,
            published = self.published,
            failed = self.failed,
            complete = self.complete,
            elapsed_ms = self.elapsed_ms,
            "published"
        );
    }

    /// Counts and logs a message that was not accepted.
    pub(crate) fn add_failure(&mut self, failure: Failure) {
        error!(
            key = printable(&failure.key),
            reason = failure.reason,
            "could not publish"
        );
        self.failed += 1;
        if self.failures.len() < FAILURES_KEPT {
            self.failures.push(failure);
        }
    }

    /// Keeps and logs a prefix that could not be listed to its end.
    pub(crate) fn add_unlisted(&mut self, unlisted: ListError) {
        error!("{}", chain(&unlisted));
        self.unlisted.push(unlisted);
    }
}
