//! What CloudWatch is told of every run.

use ::metrics::{Unit, counter, histogram};
use backup::telemetry::Metrics;

use crate::error::PublisherError;
use crate::summary::Summary;

/// All of them. A counter that is 0 is not written; a gauge would be written again by every later invocation of the
/// same process.
pub const METRICS: Metrics = Metrics {
    namespace: "s3-fanout/publisher",
    units: &[
        ("ObjectsListed", Unit::Count),
        ("ObjectsUnchanged", Unit::Count),
        ("ObjectsArchived", Unit::Count),
        ("MessagesPublished", Unit::Count),
        ("PublishFailures", Unit::Count),
        ("ListRate", Unit::CountPerSecond),
        ("PublishRate", Unit::CountPerSecond),
        ("CopiesInFlight", Unit::Count),
        ("Complete", Unit::Count),
    ],
};

/// The counts of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) listed: u64,
    unchanged: u64,
    archived: u64,
    pub(crate) published: u64,
    failed: u64,
}

impl Counts {
    pub(crate) fn of(summary: &Summary) -> Counts {
        Counts {
            listed: summary.listed,
            unchanged: summary.unchanged,
            archived: summary.archived,
            published: summary.published,
            failed: summary.failed,
        }
    }

    /// Counts what has come to these since others.
    pub(crate) fn tell_since(&self, last: &Counts) {
        counter!("ObjectsListed").increment(self.listed - last.listed);
        counter!("ObjectsUnchanged").increment(self.unchanged - last.unchanged);
        counter!("ObjectsArchived").increment(self.archived - last.archived);
        counter!("MessagesPublished").increment(self.published - last.published);
        counter!("PublishFailures").increment(self.failed - last.failed);
    }
}

/// How fast a run comes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) listed_per_sec: u64,
    pub(crate) published_per_sec: u64,
    /// The copies published a second times their estimated duration are, by Little's law, those that will be in
    /// flight.
    pub(crate) copies_in_flight: u64,
}

impl Rates {
    pub(crate) fn tell(&self) {
        histogram!("ListRate").record(self.listed_per_sec as f64);
        histogram!("PublishRate").record(self.published_per_sec as f64);
        histogram!("CopiesInFlight").record(self.copies_in_flight as f64);
    }
}

/// Whether the run is complete, once nothing goes on with it by itself: 1, or 0 for whoever looks after it.
pub(crate) fn tell_end(end: &Result<Summary, PublisherError>) {
    let complete = match end {
        Ok(summary) if summary.continued => return,
        Ok(summary) => summary.complete,
        Err(_) => false,
    };
    histogram!("Complete").record(f64::from(u8::from(complete)));
}
