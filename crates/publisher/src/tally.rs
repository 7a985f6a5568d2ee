//! What a run has come to so far, and how fast it comes on.

use backup::object::printable;
use backup::telemetry;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::filter::Filter;
use crate::metrics::{Counts, Rates};
use crate::pace::Pace;
use crate::progress::{Job, Progress};
use crate::step::Step;
use crate::summary::Summary;

/// Archived objects named in the log; the others are counted.
const ARCHIVED_NAMED: u64 = 10;

/// What a run has come to so far.
pub struct Tally {
    /// Its counts.
    pub summary: Summary,
    /// What is left of it.
    pub progress: Progress,
    /// Messages offered to SNS and not answered yet.
    pub in_flight: u64,
    /// The estimated time of the copies published so far, in milliseconds.
    copy_ms: u64,
    started: Instant,
    sampled: Sample,
}

/// The counts at the last sample.
struct Sample {
    at: Instant,
    counts: Counts,
    copy_ms: u64,
}

impl Tally {
    pub(crate) fn new(run: &str) -> Tally {
        let now = Instant::now();
        Tally {
            summary: Summary {
                run: run.to_owned(),
                ..Summary::default()
            },
            progress: Progress::default(),
            in_flight: 0,
            copy_ms: 0,
            started: now,
            sampled: Sample {
                at: now,
                counts: Counts::default(),
                copy_ms: 0,
            },
        }
    }

    /// Takes a step of the listing in; an object for which a message is to be published comes out.
    pub(crate) fn note(&mut self, step: Step, filter: &Filter) -> Option<Job> {
        if let Step::Failed(_, error) = step {
            self.summary.add_unlisted(error);
            return None;
        }
        let (place, listed) = self.progress.note(step)?;
        let (summary, object) = (&mut self.summary, listed.object);
        summary.listed += 1;
        if !filter.passes(&object) {
            summary.filtered += 1;
        } else if listed.is_unchanged {
            summary.unchanged += 1;
        } else if listed.is_archived {
            summary.archived += 1;
            if summary.archived <= ARCHIVED_NAMED {
                warn!(
                    key = printable(&object.key),
                    "archived: restore it to have it copied"
                );
            }
        } else {
            summary.bytes += object.size;
            self.progress.begin(&place);
            return Some(Job { place, object });
        }
        None
    }

    /// The message for the object was accepted, or was not; with no pace, none was to be published.
    pub(crate) fn settle(&mut self, job: Job, accepted: bool, pace: Option<&Pace>) {
        if let Some(pace) = pace.filter(|_| accepted) {
            self.summary.published += 1;
            self.copy_ms += pace.copy_ms(job.object.size);
        }
        self.progress.settle(job.place, accepted);
    }

    /// Tells the log and the metrics how the run has come on since the last sample.
    pub(crate) fn sample(&mut self, pace: &Pace) {
        let rates = self.count_metrics();
        rates.tell();
        info!(
            listed_per_sec = rates.listed_per_sec,
            published_per_sec = rates.published_per_sec,
            messages_in_flight = self.in_flight,
            copies_in_flight = rates.copies_in_flight,
            max_copies_in_flight = pace.max_copies_in_flight(),
            "publishing"
        );
        telemetry::flush_metrics();
    }

    /// Counts what has come since the last sample.
    fn count_metrics(&mut self) -> Rates {
        let now = Sample {
            at: Instant::now(),
            counts: Counts::of(&self.summary),
            copy_ms: self.copy_ms,
        };
        let last = std::mem::replace(&mut self.sampled, now);
        let now = &self.sampled;
        let ms = (now.at - last.at).as_millis().max(1) as u64;
        let rates = Rates {
            listed_per_sec: (now.counts.listed - last.counts.listed) * 1_000 / ms,
            published_per_sec: (now.counts.published - last.counts.published) * 1_000 / ms,
            copies_in_flight: (now.copy_ms - last.copy_ms) / ms,
        };
        now.counts.tell_since(&last.counts);
        rates
    }

    /// The counts, at the end.
    pub(crate) fn finish(mut self, prefixes: u64) -> (Summary, Progress) {
        let is_first = self.sampled.at == self.started;
        let rates = self.count_metrics();
        // Else it is the rate of the last moment only.
        if is_first {
            rates.tell();
        }
        if self.summary.archived > ARCHIVED_NAMED {
            let archived = self.summary.archived;
            warn!(archived, "only the first archived objects were named");
        }
        self.summary.prefixes = prefixes;
        self.summary.elapsed_ms = self.started.elapsed().as_millis() as u64;
        (self.summary, self.progress)
    }
}
