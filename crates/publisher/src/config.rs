//! The publisher's configuration, read from the environment once at cold start.

use std::time::Duration;

use backup::aws;
use backup::day::PrefixFormat;
use backup::env::{EnvError, Environment};

/// What the publisher is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket that is listed.
    pub source_bucket: String,
    /// The topic the copier is subscribed to.
    pub topic_arn: String,
    /// How a day becomes a prefix.
    pub prefix_format: PrefixFormat,
    /// Prefixes listed at the same time.
    pub list_concurrency: usize,
    /// Batches of messages in flight at the same time.
    pub publish_concurrency: usize,
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
            topic_arn: topic_arn(env)?,
            prefix_format: env.parsed(
                "PREFIX_FORMAT",
                "%Y-%m-%d/",
                "a strftime format of year, month and day, such as %Y-%m-%d/",
            )?,
            list_concurrency: env.number("LIST_CONCURRENCY", 8, 1..=64)? as usize,
            publish_concurrency: env.number("PUBLISH_CONCURRENCY", 16, 1..=256)? as usize,
            source_bucket_owner: env.account_id("SOURCE_BUCKET_OWNER")?,
            requester_pays: env.requester_pays()?,
            source_region: env.optional("SOURCE_REGION").map(str::to_owned),
            answer_timeout: aws::answer_timeout(env)?,
        })
    }
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

    const TOPIC: (&str, &str) = ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:s3-fanout");

    #[test]
    fn needs_only_the_bucket_and_the_topic() {
        let config =
            Config::from_env(&Environment::from([("SOURCE_BUCKET", "acme-data"), TOPIC])).unwrap();
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
            let mut variables = [("SOURCE_BUCKET", "acme-data"), TOPIC, ("", "")];
            match variables.iter_mut().find(|(existing, _)| *existing == name) {
                Some(variable) => variable.1 = value,
                None => variables[2] = (name, value),
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
