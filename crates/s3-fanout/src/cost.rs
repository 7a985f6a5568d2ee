//! What a run costs on AWS, in dollars: us-east-1, arm64, prices of November 2026.

use std::collections::BTreeMap;
use std::time::Duration;

use copier::plan::{Plan, Sizes, plan};
use serde::Serialize;

use crate::deployment::{COPIER_MEMORY_MB, PUBLISHER_MEMORY_MB};

/// PUT, COPY, POST and LIST, per request. <https://aws.amazon.com/s3/pricing/>
const S3_WRITE_USD: f64 = 0.005 / 1_000.0;

/// GET, HEAD and all others, per request. <https://aws.amazon.com/s3/pricing/>
const S3_READ_USD: f64 = 0.000_4 / 1_000.0;

/// A GB-second on arm64. <https://aws.amazon.com/lambda/pricing/>
const LAMBDA_GB_SECOND_USD: f64 = 0.000_013_333_4;

/// An invocation. <https://aws.amazon.com/lambda/pricing/>
const LAMBDA_INVOCATION_USD: f64 = 0.20 / 1_000_000.0;

/// A publish request of up to 64 KB; deliveries to Lambda are free. <https://aws.amazon.com/sns/pricing/>
const SNS_REQUEST_USD: f64 = 0.50 / 1_000_000.0;

/// What S3 takes to copy besides moving bytes, and how fast it moves those of one request, as measured on
/// 64 MiB parts. <https://github.com/awslabs/aws-c-s3/pull/288>
const UPLOAD_OVERHEAD: Duration = Duration::from_millis(2_500);
const COPY_BYTES_PER_SEC: f64 = 82e6;

/// What a copy of a small object takes besides moving bytes: two heads and a CopyObject.
const SINGLE_OVERHEAD: Duration = Duration::from_millis(200);

/// What a run costs, by part.
#[derive(Debug, Serialize)]
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

/// What the functions did.
pub struct Usage<'a> {
    /// Requests by `service:operation`.
    pub requests: &'a BTreeMap<String, u64>,
    /// The copied objects' sizes in bytes.
    pub sizes: &'a [u64],
    /// Invocations of both functions.
    pub invocations: u64,
    /// How long the publisher ran.
    pub publisher: Duration,
}

/// The cost of a run. Requests are counted; the copiers' time is what S3 would take, since the sandbox
/// copies without moving a byte.
pub fn cost(usage: &Usage<'_>) -> Cost {
    let s3 = usage
        .requests
        .iter()
        .map(|(name, count)| s3_request(name) * *count as f64)
        .sum();
    let sns = usage
        .requests
        .iter()
        .filter(|(name, _)| name.starts_with("sns:"));
    let sns = sns.map(|(_, count)| SNS_REQUEST_USD * *count as f64).sum();
    let copying: Duration = usage.sizes.iter().map(|size| copy_time(*size)).sum();
    let gb_seconds = gigabytes(COPIER_MEMORY_MB) * copying.as_secs_f64()
        + gigabytes(PUBLISHER_MEMORY_MB) * usage.publisher.as_secs_f64();
    let lambda =
        LAMBDA_GB_SECOND_USD * gb_seconds + LAMBDA_INVOCATION_USD * usage.invocations as f64;
    Cost {
        s3,
        lambda,
        sns,
        total: s3 + lambda + sns,
    }
}

/// The price of a request by its name; DELETE and Abort are free.
fn s3_request(name: &str) -> f64 {
    match name.strip_prefix("s3:") {
        None => 0.0,
        Some(operation) if operation.starts_with("Delete") || operation.starts_with("Abort") => 0.0,
        Some(operation) if operation.starts_with("Head") || operation.starts_with("Get") => {
            S3_READ_USD
        }
        Some(_) => S3_WRITE_USD,
    }
}

/// How long a copier with the default settings is busy with an object: all of its parts run at once.
fn copy_time(size_bytes: u64) -> Duration {
    const MIB: u64 = 1 << 20;
    let sizes = Sizes {
        part_bytes: 64 * MIB,
        multipart_threshold_bytes: 256 * MIB,
    };
    let (overhead, bytes) = match plan(size_bytes, sizes) {
        Ok(Plan::Multipart(parts)) => {
            let rounds = parts.count().div_ceil(16);
            (UPLOAD_OVERHEAD, u64::from(rounds) * parts.part_bytes())
        }
        _ => (SINGLE_OVERHEAD, size_bytes),
    };
    overhead + Duration::from_secs_f64(bytes as f64 / COPY_BYTES_PER_SEC)
}

fn gigabytes(megabytes: u32) -> f64 {
    f64::from(megabytes) / 1_024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_takes_as_long_as_others_measured() {
        // 1 GiB in 64 MiB parts took 3.60 s, 700 MB in parts 3 s (see the sources of the constants).
        assert!((copy_time(1 << 30).as_secs_f64() - 3.6).abs() < 0.4);
        assert!((copy_time(700_000_000).as_secs_f64() - 3.0).abs() < 0.4);
    }

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
        let sizes = vec![700_000_000; 250];
        let usage = Usage {
            requests: &requests,
            sizes: &sizes,
            invocations: 251,
            publisher: Duration::from_secs(1),
        };
        let cost = cost(&usage);
        assert!(
            (cost.s3 - (3_251.0 * 0.000_005 + 750.0 * 0.000_000_4)).abs() < 1e-9,
            "{cost:?}"
        );
        assert!((cost.sns - 25.0 * 0.000_000_5).abs() < 1e-9, "{cost:?}");
        assert!((cost.lambda - 0.0014).abs() < 0.0002, "{cost:?}");
        assert!((cost.total - cost.s3 - cost.sns - cost.lambda).abs() < 1e-12);
    }
}
