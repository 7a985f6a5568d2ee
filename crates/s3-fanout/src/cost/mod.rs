//! What a run costs on AWS, in dollars.

pub mod prices;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use self::prices::{Architecture, LAMBDA_INVOCATION_USD};
use crate::deployment::{COPIER_MEMORY_MB, PUBLISHER_MEMORY_MB};
use crate::figures::dollars;

/// What a run costs, by part.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    /// S3 requests; the copy traffic within a region is free.
    pub s3: f64,
    /// Lambda's invocations and GB-seconds.
    pub lambda: f64,
    /// SNS requests.
    pub sns: f64,
    /// All of it.
    pub total: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [total, s3, lambda, sns] = [self.total, self.s3, self.lambda, self.sns].map(dollars);
        write!(f, "{total}: S3 {s3}, Lambda {lambda}, SNS {sns}")
    }
}

/// What the functions did, or would do.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a> {
    /// Requests by `service:operation`.
    pub requests: &'a BTreeMap<String, u64>,
    /// How long all copiers together are busy on AWS.
    pub copying: Duration,
    /// Invocations of both functions.
    pub invocations: u64,
    /// How long the publisher ran.
    pub publisher: Duration,
    /// What they run on.
    pub architecture: Architecture,
}

/// The cost of a run.
pub fn cost(usage: &Usage<'_>) -> Cost {
    let of = |service: &str| -> f64 {
        let requests = usage.requests.iter();
        requests
            .filter(|(name, _)| name.starts_with(service))
            .map(|(name, count)| prices::request(name) * *count as f64)
            .sum()
    };
    let gb_seconds = gigabytes(COPIER_MEMORY_MB) * usage.copying.as_secs_f64()
        + gigabytes(PUBLISHER_MEMORY_MB) * usage.publisher.as_secs_f64();
    let (s3, sns) = (of("s3:"), of("sns:"));
    let lambda = usage.architecture.gb_second_usd() * gb_seconds
        + LAMBDA_INVOCATION_USD * usage.invocations as f64;
    Cost {
        s3,
        lambda,
        sns,
        total: s3 + lambda + sns,
    }
}

/// The counts without the services' names: no two of the services have an operation of the same name.
pub fn by_operation(requests: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let operation = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    requests
        .iter()
        .map(|(name, count)| (operation(name), *count))
        .collect()
}

fn gigabytes(megabytes: u32) -> f64 {
    f64::from(megabytes) / 1_024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_costs_what_its_requests_do() {
        let requests = [
            ("s3:ListObjectsV2", 1),
            ("s3:HeadObject", 500),
            ("s3:GetObjectTagging", 250),
            ("s3:CreateMultipartUpload", 250),
            ("s3:UploadPartCopy", 2_750),
            ("s3:CompleteMultipartUpload", 250),
            ("s3:AbortMultipartUpload", 1_000_000),
            ("sns:PublishBatch", 25),
        ];
        let requests = requests
            .map(|(name, count)| (name.to_owned(), count))
            .into();
        let on = |architecture| {
            cost(&Usage {
                requests: &requests,
                copying: Duration::from_secs(800),
                invocations: 251,
                publisher: Duration::from_secs(1),
                architecture,
            })
        };
        let (arm, x86) = (on(Architecture::Arm64), on(Architecture::X86_64));
        let is = |amount: f64, expected: f64| (amount - expected).abs() < 1e-9;
        assert!(
            is(arm.s3, 3_251.0 * 0.000_005 + 750.0 * 0.000_000_4),
            "{arm:?}"
        );
        assert!(is(arm.sns, 25.0 * 0.000_000_5), "{arm:?}");
        // 800 s of 128 MB and a second of 256 MB are 100.25 GB-seconds.
        let invocations = 251.0 * 0.000_000_2;
        assert!(
            is(arm.lambda, 100.25 * 0.000_013_333_4 + invocations),
            "{arm:?}"
        );
        assert!(
            is(x86.lambda, 100.25 * 0.000_016_666_7 + invocations),
            "{x86:?}"
        );
        assert!(is(arm.total, arm.s3 + arm.lambda + arm.sns));
    }
}
