//! The publisher's configuration, read from the environment once at cold start.

use std::time::Duration;

use backup::aws;
use backup::day::PrefixFormat;
use backup::deadline;
use backup::env::{EnvError, Environment};

use crate::event::Only;
use crate::pace::Limits;

/// Prefixes listed at the same time, where nothing else is configured.
pub const LIST_CONCURRENCY: usize = 8;

/// How fast one copy is, all its parts together: 700 MB take about 3 s
/// (<https://github.com/drakkan/sftpgo/issues/898>).
const COPY_MIB_PER_SEC: u64 = 200;

/// What copiers drain in an hour may wait in front of them: a sixth of the six hours after which Lambda gives an
/// event up, so that copies may be six times slower than estimated.
const QUEUE_AHEAD_SECS: u64 = 3_600;

/// An hour less than Lambda keeps an event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const MOST_QUEUE_AHEAD_SECS: u64 = 5 * 3_600;

/// Lambda cuts a chain of about 16 hops, of which a message to the copier takes the last two.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
const MOST_CONTINUATIONS: u64 = 13;

/// What the publisher is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket that is listed.
    pub source_bucket: String,
    /// The bucket the copies are in.
    pub dest_bucket: String,
    /// What their keys start with, before their source's.
    pub dest_prefix: String,
    /// The topic the copier is subscribed to.
    pub topic_arn: String,
    /// How a day becomes a prefix.
    pub prefix_format: PrefixFormat,
    /// Prefixes listed at the same time.
    pub list_concurrency: usize,
    /// Batches of messages in flight at the same time.
    pub publish_concurrency: usize,
    /// What a range of days publishes where its event does not say.
    pub backfill_only: Only,
    /// How fast messages are published.
    pub limits: Limits,
    /// How long before the end of its invocation the publisher stops.
    pub deadline_margin: Duration,
    /// How often a run is gone on with by another invocation.
    pub max_continuations: u32,
    /// The account the destination bucket must belong to.
    pub dest_bucket_owner: Option<String>,
    /// The account the source bucket must belong to.
    pub source_bucket_owner: Option<String>,
    /// Whether we pay for listing the source bucket, not its owner.
    pub requester_pays: bool,
    /// The region of the source bucket, where it is not the function's.
    pub source_region: Option<String>,
    /// How long an attempt of a call waits for its answer.
    pub answer_timeout: Duration,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// A variable is missing or holds something else than it takes; the error names it.
    pub fn from_env(env: &Environment) -> Result<Config, EnvError> {
        Ok(Config {
            source_bucket: env.required("SOURCE_BUCKET", "the name of the bucket to back up")?,
            dest_bucket: env.required("DEST_BUCKET", "the name of the bucket to back up to")?,
            dest_prefix: env.optional("DEST_PREFIX").unwrap_or_default().to_owned(),
            topic_arn: topic_arn(env)?,
            prefix_format: env.parsed(
                "PREFIX_FORMAT",
                "%Y-%m-%d/",
                "a strftime format of year, month and day, such as %Y-%m-%d/",
            )?,
            list_concurrency: env.number("LIST_CONCURRENCY", LIST_CONCURRENCY as u64, 1..=64)?
                as usize,
            publish_concurrency: env.number("PUBLISH_CONCURRENCY", 16, 1..=256)? as usize,
            backfill_only: env.parsed("BACKFILL_ONLY", "changed", "changed or all")?,
            limits: limits(env)?,
            deadline_margin: deadline::margin(env)?,
            max_continuations: env.number("MAX_CONTINUATIONS", 12, 0..=MOST_CONTINUATIONS)? as u32,
            dest_bucket_owner: env.account_id("DEST_BUCKET_OWNER")?,
            source_bucket_owner: env.account_id("SOURCE_BUCKET_OWNER")?,
            requester_pays: env.requester_pays()?,
            source_region: env.optional("SOURCE_REGION").map(str::to_owned),
            answer_timeout: aws::answer_timeout(env)?,
        })
    }
}

fn limits(env: &Environment) -> Result<Limits, EnvError> {
    let queue_ahead = env.number(
        "QUEUE_AHEAD_SECS",
        QUEUE_AHEAD_SECS,
        0..=MOST_QUEUE_AHEAD_SECS,
    )?;
    Ok(Limits {
        max_copies_in_flight: env.number("MAX_COPIES_IN_FLIGHT", 0, 0..=10_000)? as u32,
        copy_mib_per_sec: env.number("COPY_MIB_PER_SEC", COPY_MIB_PER_SEC, 1..=10_000)?,
        queue_ahead: Duration::from_secs(queue_ahead),
        publish_rate: env.number("PUBLISH_RATE", 0, 0..=30_000)? as u32,
    })
}

fn topic_arn(env: &Environment) -> Result<String, EnvError> {
    let accepted = "the ARN of an SNS topic, such as arn:aws:sns:us-east-1:123456789012:s3-fanout";
    let given = env.required("TOPIC_ARN", accepted)?;
    let is_topic = given.starts_with("arn:") && given.split(':').nth(2) == Some("sns");
    if is_topic && given.split(':').count() == 6 {
        return Ok(given);
    }
    Err(EnvError::Invalid {
        name: "TOPIC_ARN",
        given,
        accepted: accepted.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: (&str, &str) = ("SOURCE_BUCKET", "acme-data");
    const DESTINATION: (&str, &str) = ("DEST_BUCKET", "acme-backup");
    const TOPIC: (&str, &str) = ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:s3-fanout");

    #[test]
    fn needs_only_the_buckets_and_the_topic() {
        let environment = Environment::from([SOURCE, DESTINATION, TOPIC]);
        let config = Config::from_env(&environment).unwrap();
        assert_eq!(
            config.prefix_format.prefix("2016-06-30".parse().unwrap()),
            "2016-06-30/"
        );
        assert_eq!(
            (config.list_concurrency, config.publish_concurrency),
            (8, 16)
        );
        assert_eq!(
            (config.source_bucket_owner, config.source_region),
            (None, None)
        );
    }

    #[test]
    fn an_error_names_the_variable_what_was_given_and_what_is_accepted() {
        let error = |name: &'static str, value: &str| {
            let mut variables = [SOURCE, DESTINATION, TOPIC, ("", "")];
            match variables.iter_mut().find(|(existing, _)| *existing == name) {
                Some(variable) => variable.1 = value,
                None => variables[3] = (name, value),
            }
            Config::from_env(&Environment::from(variables))
                .unwrap_err()
                .to_string()
        };
        for (name, value, expected) in [
            (
                "SOURCE_BUCKET",
                "",
                "SOURCE_BUCKET is not set; it must hold the name of the bucket to back up",
            ),
            (
                "TOPIC_ARN",
                "",
                "TOPIC_ARN is not set; it must hold the ARN of an SNS topic",
            ),
            (
                "TOPIC_ARN",
                "s3-fanout",
                "TOPIC_ARN is \"s3-fanout\"; it must hold the ARN of an SNS topic",
            ),
            (
                "TOPIC_ARN",
                "arn:aws:sqs:r:1:q",
                "TOPIC_ARN is \"arn:aws:sqs:r:1:q\"; it must hold the ARN of an SNS",
            ),
            (
                "DEST_BUCKET",
                "",
                "DEST_BUCKET is not set; it must hold the name of the bucket to back up to",
            ),
            (
                "BACKFILL_ONLY",
                "new",
                "BACKFILL_ONLY is \"new\"; it must hold changed or all",
            ),
            (
                "MAX_COPIES_IN_FLIGHT",
                "-1",
                "MAX_COPIES_IN_FLIGHT is \"-1\"; it must hold a whole number from 0 to 10000",
            ),
            (
                "MAX_CONTINUATIONS",
                "16",
                "MAX_CONTINUATIONS is \"16\"; it must hold a whole number from 0 to 13",
            ),
            (
                "PREFIX_FORMAT",
                "%Y/%m/",
                "PREFIX_FORMAT is \"%Y/%m/\"; it must hold a strftime format",
            ),
            (
                "LIST_CONCURRENCY",
                "0",
                "LIST_CONCURRENCY is \"0\"; it must hold a whole number from 1 to 64",
            ),
            (
                "PUBLISH_CONCURRENCY",
                "x",
                "PUBLISH_CONCURRENCY is \"x\"; it must hold a whole number from 1 to 256",
            ),
            (
                "SOURCE_BUCKET_OWNER",
                "acme",
                "SOURCE_BUCKET_OWNER is \"acme\"; it must hold the 12 digits",
            ),
        ] {
            let error = error(name, value);
            assert!(
                error.contains(expected),
                "{error:?} should contain {expected:?}"
            );
        }
    }
}
