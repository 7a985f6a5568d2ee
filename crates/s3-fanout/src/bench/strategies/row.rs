//! One row of the answer, and what is expected of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::stage::Measured;
use super::strategy::Strategy;
use crate::cost::{by_operation, prices};
use crate::figures::round;

/// A strategy's figures, for all objects of the workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub strategy: Strategy,
    /// The function's memory, where it is what differs, in MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u32>,
    /// From the beginning to the last copy; where `extrapolated`, reckoned from a fraction of the bytes.
    pub seconds: f64,
    /// Whether it copied a fraction only.
    pub extrapolated: bool,
    /// The share of the bytes that it copied.
    pub fraction: f64,
    /// How long its functions' environments took to start, which is not in `seconds`; `null` where none start ahead.
    pub starts_s: Option<f64>,
    /// The most memory of its process, or of the largest of its functions' processes, in MB (2^20 bytes).
    pub peak_mb: Option<f64>,
    /// Requests to S3 and SNS.
    pub requests: u64,
    /// The same by operation.
    pub by_operation: BTreeMap<String, u64>,
    /// What they cost, and Lambda, where it runs.
    pub usd: f64,
    /// `seconds` by the answer's `limit_s`.
    pub ratio_to_limit: f64,
    /// The least time for the strategy itself, where it is judged by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_limit_s: Option<f64>,
    /// What is wrong.
    pub missed: Vec<String>,
}

/// How much of the workload a strategy did.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// All objects.
    pub objects: u64,
    /// Those that it copied.
    pub copied: u64,
    /// How many times the bytes of those that it copied all of them have.
    pub times: f64,
}

impl Row {
    /// What a run came to, for all objects.
    pub fn new(strategy: Strategy, measured: Measured, share: Share, limit_s: f64) -> Row {
        let mut requests = measured.requests;
        for (name, count) in &mut requests {
            *count = match name.as_str() {
                _ if share.copied == share.objects => *count,
                "s3:ListObjectsV2" => strategy.pages(share.objects),
                // As many for each object as for those that were copied.
                _ => (*count * share.objects).div_ceil(share.copied),
            };
        }
        let of_requests = requests.iter();
        let of_requests = of_requests.map(|(name, count)| prices::request(name) * *count as f64);
        let seconds = measured.seconds * share.times;
        Row {
            strategy,
            memory_mb: None,
            seconds: round(seconds, 3),
            extrapolated: share.copied < share.objects,
            fraction: round(1.0 / share.times, 4),
            starts_s: measured.starts_s.map(|secs| round(secs, 3)),
            peak_mb: measured.peak_mb.map(|peak| round(peak, 1)),
            requests: requests.values().sum(),
            usd: round(
                of_requests.sum::<f64>() + measured.lambda_usd * share.times,
                9,
            ),
            by_operation: by_operation(&requests),
            ratio_to_limit: round(seconds / limit_s, 3),
            own_limit_s: None,
            missed: measured.failures,
        }
    }

    /// Expects at most so many times the strategy's own least time.
    pub fn expect_ratio(&mut self, most: f64, own_limit_s: f64) {
        self.own_limit_s = Some(round(own_limit_s, 3));
        let ratio = self.seconds / own_limit_s;
        if ratio > most {
            let missed = format!("{ratio:.2} times its limit of {own_limit_s:.2} s, not <= {most}");
            self.missed.push(missed);
        }
    }

    /// Expects at most so much memory, in MB (2^20 bytes). A peak that is not known meets nothing.
    pub fn expect_peak(&mut self, most_mb: f64) {
        if self.peak_mb.is_none_or(|peak| peak > most_mb) {
            let peak = self.peak_mb.map_or("?".to_owned(), |peak| peak.to_string());
            self.missed
                .push(format!("{peak} MB of memory, not <= {most_mb}"));
        }
    }

    /// Expects at most so many requests for its copies.
    pub fn expect_requests(&mut self, most: u64) {
        let besides = ["ListObjectsV2", "HeadBucket", "PublishBatch"];
        let besides = besides.map(|name| self.by_operation.get(name).unwrap_or(&0));
        let copying = self.requests - besides.into_iter().sum::<u64>();
        if copying > most {
            let missed = format!("{copying} requests for the copies, not <= {most}");
            self.missed.push(missed);
        }
    }
}

/// Expects the fan-out to be so many times as fast as the threads.
pub fn expect_faster(rows: &mut [Row], least: f64) {
    let seconds = |rows: &[Row], strategy| {
        let row = rows.iter().find(|row| row.strategy == strategy);
        row.map(|row| row.seconds)
    };
    let Some(threads) = seconds(rows, Strategy::Threads) else {
        return;
    };
    let fan_out = rows.iter_mut().find(|row| row.strategy == Strategy::FanOut);
    if let Some(row) = fan_out {
        let times = threads / row.seconds;
        if times < least {
            let missed = format!("{times:.2} times as fast as threads, not >= {least}");
            row.missed.push(missed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(strategy: Strategy, seconds: f64, requests: &[(&str, u64)], share: Share) -> Row {
        let requests = requests.iter();
        let measured = Measured {
            seconds,
            lambda_usd: 0.25,
            requests: requests
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            ..Measured::default()
        };
        Row::new(strategy, measured, share, 2.0)
    }

    const ALL: Share = Share {
        objects: 100,
        copied: 100,
        times: 1.0,
    };

    #[test]
    fn a_fraction_says_what_all_of_it_would_be() {
        let requests = [("s3:ListObjectsV2", 1), ("s3:CopyObject", 5)];
        let share = Share {
            objects: 2_000,
            copied: 5,
            times: 400.0,
        };
        let row = row(Strategy::Serial, 3.0, &requests, share);
        assert_eq!((row.seconds, row.ratio_to_limit), (1_200.0, 600.0));
        assert_eq!((row.extrapolated, row.fraction), (true, 0.0025));
        assert_eq!(row.by_operation["CopyObject"], 2_000);
        assert_eq!(row.by_operation["ListObjectsV2"], 2);
        assert_eq!(row.requests, 2_002);
        assert_eq!(row.usd, 100.0 + 2_002.0 * 0.000_005);
    }

    #[test]
    fn what_was_copied_whole_is_as_it_was_counted() {
        let requests = [("s3:ListObjectsV2", 7), ("s3:CopyObject", 103)];
        let row = row(Strategy::Threads, 3.0, &requests, ALL);
        assert_eq!((row.seconds, row.extrapolated), (3.0, false));
        assert_eq!(row.requests, 110);
    }

    #[test]
    fn each_target_can_be_missed() {
        let requests = [("s3:ListObjectsV2", 2), ("s3:UploadPartCopy", 15)];
        let mut ours = row(Strategy::Backup, 3.0, &requests, ALL);
        ours.expect_ratio(1.5, 2.0);
        ours.expect_requests(15);
        assert_eq!(ours.missed, [""; 0]);
        ours.expect_ratio(1.4, 2.0);
        ours.expect_requests(14);
        ours.peak_mb = Some(40.0);
        ours.expect_peak(40.0);
        ours.expect_peak(39.9);
        ours.peak_mb = None;
        ours.expect_peak(40.0);
        assert_eq!(
            ours.missed,
            [
                "1.50 times its limit of 2.00 s, not <= 1.4",
                "15 requests for the copies, not <= 14",
                "40 MB of memory, not <= 39.9",
                "? MB of memory, not <= 40"
            ]
        );
    }

    #[test]
    fn the_fan_out_is_compared_with_the_threads_of_the_same_run() {
        let of = |strategy, seconds| row(strategy, seconds, &[], ALL);
        let mut rows = [of(Strategy::Threads, 14.0), of(Strategy::FanOut, 2.0)];
        expect_faster(&mut rows, 7.0);
        assert!(rows[1].missed.is_empty());
        expect_faster(&mut rows, 7.1);
        assert_eq!(
            rows[1].missed,
            ["7.00 times as fast as threads, not >= 7.1"]
        );
    }
}
