//! One row of the answer, and what is expected of it.

use copier::plan::Plan;
use serde::{Deserialize, Serialize};

use super::shape::Shape;
use super::stage::Sample;
use crate::figures::round;

/// At most so many times the model's least time.
pub const RATIO: f64 = 1.25;

/// An object's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The object's size.
    pub bytes: u64,
    /// Its parts; 1 is one CopyObject.
    pub parts: u32,
    pub parts_in_flight: u32,
    /// How long the copy takes; reckoned from `ratio` where it is extrapolated.
    pub seconds: f64,
    /// Whether only some of its parts were measured.
    pub extrapolated: bool,
    /// The parts that were measured.
    pub parts_measured: u32,
    /// The least seconds by the model.
    pub limit_s: f64,
    /// What was measured by the least that it takes.
    pub ratio: f64,
    /// To S3, as measured: the parts and 4, and 1 more for the tags; 3 for a CopyObject.
    pub requests: u64,
    /// What they must be.
    pub requests_expected: u64,
    /// The most memory of the process, in MB (2^20 bytes); `null` where the system does not tell.
    pub peak_mb: Option<f64>,
    /// What was expected and is not so.
    pub missed: Vec<String>,
}

impl Row {
    /// The figures of a copy.
    pub fn new(shape: &Shape, sample: &Sample) -> Row {
        let measured = &shape.measured;
        let ratio = sample.seconds / measured.limit_secs;
        let seconds = match shape.is_extrapolated() {
            true => ratio * shape.limit_secs,
            false => sample.seconds,
        };
        let mut row = Row {
            bytes: shape.size_bytes,
            parts: parts(shape.plan),
            parts_in_flight: shape.parts_in_flight,
            seconds: round(seconds, 2),
            extrapolated: shape.is_extrapolated(),
            parts_measured: parts(measured.plan),
            limit_s: round(shape.limit_secs, 2),
            ratio: round(ratio, 2),
            requests: sample.requests,
            requests_expected: measured.requests(),
            peak_mb: sample.peak_mb.map(|mb| round(mb, 1)),
            missed: Vec::new(),
        };
        // Compared before it is rounded.
        if ratio > RATIO {
            row.missed.push(format!("not ratio <= {RATIO}"));
        }
        if row.requests != row.requests_expected {
            let (requests, expected) = (row.requests, row.requests_expected);
            row.missed
                .push(format!("{requests} requests, not {expected}"));
        }
        row
    }
}

fn parts(plan: Plan) -> u32 {
    match plan {
        Plan::Single => 1,
        Plan::Multipart(parts) => parts.count(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::speed::Speed;

    pub fn row(size_bytes: u64, ratio: f64, more_requests: u64) -> Row {
        let shape = Shape::new(size_bytes, 16, &Speed::measured());
        let sample = Sample {
            seconds: shape.measured.limit_secs * ratio,
            requests: shape.measured.requests() + more_requests,
            peak_mb: Some(20.04),
        };
        Row::new(&shape, &sample)
    }

    #[test]
    fn what_was_measured_on_some_parts_is_told_for_all() {
        let row = row(1_000_000_000_000, 1.1, 0);
        assert!(
            row.extrapolated && row.parts_measured < row.parts,
            "{row:?}"
        );
        assert!((row.seconds / row.limit_s - 1.1).abs() < 0.001, "{row:?}");
        assert_eq!((row.ratio, row.peak_mb), (1.1, Some(20.0)));
    }

    #[test]
    fn every_target_can_be_missed() {
        assert_eq!(row(700_000_000, 1.2, 0).missed, [""; 0]);
        assert_eq!(row(700_000_000, 1.251, 0).missed, ["not ratio <= 1.25"]);
        assert_eq!(row(700_000_000, 1.0, 1).missed, ["17 requests, not 16"]);
    }
}
