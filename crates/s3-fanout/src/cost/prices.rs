//! What AWS charges, in dollars: us-east-1, prices of November 2026.

use clap::ValueEnum;
use serde::Serialize;

/// The region of the prices.
pub const REGION: &str = "us-east-1";

/// Their date.
pub const AS_OF: &str = "November 2026";

/// PUT, COPY, POST and LIST, per request. <https://aws.amazon.com/s3/pricing/>
const S3_WRITE_USD: f64 = 0.005 / 1_000.0;

/// GET, HEAD and all others, per request. <https://aws.amazon.com/s3/pricing/>
const S3_READ_USD: f64 = 0.000_4 / 1_000.0;

/// A GB-second on arm64. <https://aws.amazon.com/lambda/pricing/>
const ARM64_GB_SECOND_USD: f64 = 0.000_013_333_4;

/// A GB-second on x86. <https://aws.amazon.com/lambda/pricing/>
const X86_64_GB_SECOND_USD: f64 = 0.000_016_666_7;

/// An invocation. <https://aws.amazon.com/lambda/pricing/>
pub const LAMBDA_INVOCATION_USD: f64 = 0.20 / 1_000_000.0;

/// A publish request of up to 64 KB; deliveries to Lambda are free. <https://aws.amazon.com/sns/pricing/>
const SNS_REQUEST_USD: f64 = 0.50 / 1_000_000.0;

/// A job of S3 Batch Operations. <https://aws.amazon.com/s3/pricing/>
pub const BATCH_JOB_USD: f64 = 0.25;

/// An object of a job of S3 Batch Operations, besides its request. <https://aws.amazon.com/s3/pricing/>
pub const BATCH_OBJECT_USD: f64 = 1.0 / 1_000_000.0;

/// The processor of the functions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    #[default]
    #[value(name = "arm64")]
    Arm64,
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
}

impl Architecture {
    /// The price of a GB-second.
    pub fn gb_second_usd(self) -> f64 {
        match self {
            Architecture::Arm64 => ARM64_GB_SECOND_USD,
            Architecture::X86_64 => X86_64_GB_SECOND_USD,
        }
    }
}

/// The price of a request by its name, such as `s3:HeadObject`. DELETE and Abort are free, and so is what neither S3
/// nor SNS is asked.
pub fn request(name: &str) -> f64 {
    match name.split_once(':') {
        Some(("sns", _)) => SNS_REQUEST_USD,
        Some(("s3", operation)) => s3_request(operation),
        _ => 0.0,
    }
}

fn s3_request(operation: &str) -> f64 {
    let starts_with = |verbs: [&str; 2]| verbs.iter().any(|verb| operation.starts_with(verb));
    if starts_with(["Delete", "Abort"]) {
        0.0
    } else if starts_with(["Head", "Get"]) {
        S3_READ_USD
    } else {
        S3_WRITE_USD
    }
}
