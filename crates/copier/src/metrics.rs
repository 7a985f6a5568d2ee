//! What CloudWatch is told of every copy.

use std::time::Duration;

use ::metrics::{Unit, counter, histogram};
use backup::telemetry::{Metrics, flush_metrics_with};

use crate::copy::{Action, Outcome};
use crate::error::CopyError;

/// All of them. A counter that is 0 is not written.
pub const METRICS: Metrics = Metrics {
    namespace: "s3-fanout/copier",
    units: &[
        ("ObjectsCopied", Unit::Count),
        ("ObjectsUnchanged", Unit::Count),
        ("BytesCopied", Unit::Bytes),
        ("CopyDuration", Unit::Milliseconds),
        ("PartsCopied", Unit::Count),
        ("PartRetries", Unit::Count),
        ("Throttles", Unit::Count),
        ("CopyFailures", Unit::Count),
        ("ResumedUploads", Unit::Count),
    ],
};

/// One object was copied, or was there already.
pub(crate) fn succeeded(outcome: &Outcome, elapsed: Duration) {
    let (parts, found) = match outcome.action {
        Action::Unchanged => return counter!("ObjectsUnchanged").increment(1),
        Action::CopiedAtOnce => (1, 0),
        Action::CopiedInParts { parts, found } => (parts, found),
    };
    counter!("ObjectsCopied").increment(1);
    counter!("BytesCopied").increment(outcome.size_bytes);
    counter!("PartsCopied").increment(u64::from(parts - found));
    counter!("ResumedUploads").increment(u64::from(found > 0));
    histogram!("CopyDuration").record(elapsed.as_millis() as f64);
}

/// One object was not copied. What failed is a property of the line: as a dimension it would be a metric of its own.
pub(crate) fn failed(failure: &CopyError) {
    counter!("CopyFailures").increment(1);
    flush_metrics_with("error_type", failure.error_type());
}

/// An attempt to copy a part was not the first.
pub(crate) fn part_retried() {
    counter!("PartRetries").increment(1);
}

/// S3 asked to slow down.
pub(crate) fn throttled() {
    counter!("Throttles").increment(1);
}
