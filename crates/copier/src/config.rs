//! The copier's configuration, read from the environment once at cold start.

use std::time::Duration;

use aws_sdk_s3::types::StorageClass;
use backup::aws;
use backup::env::{EnvError, Environment};

use crate::plan::{MAX_COPY_OBJECT_BYTES, MAX_PART_BYTES, MIN_PART_BYTES, Sizes};

const MIB: u64 = 1 << 20;

/// The storage classes an object of a general purpose bucket can be written in.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>
const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
];

/// What the copier is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The only bucket that is copied from.
    pub source_bucket: String,
    /// The bucket that is copied to.
    pub dest_bucket: String,
    /// What a destination key starts with, before the source's key.
    pub dest_prefix: String,
    /// Where multipart copies begin and how large their parts are.
    pub sizes: Sizes,
    /// Parts of one object copied at the same time.
    pub parts_in_flight: usize,
    /// The storage class of copies; the source's if none.
    pub storage_class: Option<StorageClass>,
    /// The KMS key of copies; the destination bucket's default encryption if none.
    pub sse_kms_key_id: Option<String>,
    /// The account the source bucket must belong to.
    pub source_bucket_owner: Option<String>,
    /// The account the destination bucket must belong to.
    pub dest_bucket_owner: Option<String>,
    /// The region of the source bucket, where it is not the function's.
    pub source_region: Option<String>,
    /// How long an attempt of a call waits for an answer that needs no object data moved.
    pub answer_timeout: Duration,
}

/// Why the copier does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing or holds something else than it takes.
    #[error(transparent)]
    Variable(#[from] EnvError),
    /// Every copy would overwrite its own source.
    #[error(
        "SOURCE_BUCKET and DEST_BUCKET are both {0:?} and DEST_PREFIX is empty: every copy would overwrite \
         its own source; set another DEST_BUCKET, or a DEST_PREFIX"
    )]
    OverwritesSource(String),
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// A variable is missing or holds something else than it takes; the error names it. Or the
    /// destination is the source itself.
    pub fn from_env(env: &Environment) -> Result<Config, ConfigError> {
        let config = Config {
            source_bucket: env.required("SOURCE_BUCKET", "the name of the bucket to copy from")?,
            dest_bucket: env.required("DEST_BUCKET", "the name of the bucket to copy to")?,
            dest_prefix: env.optional("DEST_PREFIX").unwrap_or_default().to_owned(),
            sizes: sizes(env)?,
            parts_in_flight: env.number("PARTS_IN_FLIGHT", 16, 1..=256)? as usize,
            storage_class: storage_class(env)?,
            sse_kms_key_id: env.optional("SSE_KMS_KEY_ID").map(str::to_owned),
            source_bucket_owner: env.account_id("SOURCE_BUCKET_OWNER")?,
            dest_bucket_owner: env.account_id("DEST_BUCKET_OWNER")?,
            source_region: env.optional("SOURCE_REGION").map(str::to_owned),
            answer_timeout: aws::answer_timeout(env)?,
        };
        if config.source_bucket == config.dest_bucket && config.dest_prefix.is_empty() {
            return Err(ConfigError::OverwritesSource(config.source_bucket));
        }
        Ok(config)
    }

    /// The key a source key is copied to.
    pub fn dest_key(&self, key: &str) -> String {
        format!("{}{key}", self.dest_prefix)
    }
}

fn sizes(env: &Environment) -> Result<Sizes, EnvError> {
    let parts = MIN_PART_BYTES / MIB..=MAX_PART_BYTES / MIB;
    let objects = MIN_PART_BYTES / MIB..=MAX_COPY_OBJECT_BYTES / MIB;
    Ok(Sizes {
        part_bytes: env.number("PART_SIZE_MIB", 64, parts)? * MIB,
        // Where the fixed cost of an upload, about 2.5 s, is paid back by copying parts at once
        // (https://github.com/awslabs/aws-c-s3/pull/288).
        multipart_threshold_bytes: env.number("MULTIPART_THRESHOLD_MIB", 256, objects)? * MIB,
    })
}

fn storage_class(env: &Environment) -> Result<Option<StorageClass>, EnvError> {
    let Some(given) = env.optional("STORAGE_CLASS") else {
        return Ok(None);
    };
    if !STORAGE_CLASSES.contains(&given) {
        return Err(EnvError::Invalid {
            name: "STORAGE_CLASS",
            given: given.to_owned(),
            accepted: format!(
                "one of {}, or nothing for the source's",
                STORAGE_CLASSES.join(", ")
            ),
        });
    }
    Ok(Some(StorageClass::from(given)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&'static str, &'static str)]) -> Result<Config, ConfigError> {
        let mut variables = [
            ("SOURCE_BUCKET", "acme-data"),
            ("DEST_BUCKET", "acme-backup"),
            ("", ""),
            ("", ""),
        ];
        for (name, value) in changes {
            let slot = variables
                .iter()
                .position(|(n, _)| n == name || n.is_empty())
                .unwrap();
            variables[slot] = (name, value);
        }
        Config::from_env(&Environment::from(variables))
    }

    #[test]
    fn needs_only_the_two_buckets() {
        let config = read(&[]).unwrap();
        assert_eq!(config.sizes.part_bytes, 64 * MIB);
        assert_eq!(config.sizes.multipart_threshold_bytes, 256 * MIB);
        assert_eq!(config.parts_in_flight, 16);
        assert_eq!(config.dest_key("2016-06-30/a"), "2016-06-30/a");
        let config = read(&[("DEST_PREFIX", "backup/"), ("STORAGE_CLASS", "STANDARD_IA")]).unwrap();
        assert_eq!(config.dest_key("2016-06-30/a"), "backup/2016-06-30/a");
        assert_eq!(config.storage_class, Some(StorageClass::StandardIa));
    }

    #[test]
    fn a_destination_that_would_overwrite_its_own_source_is_refused() {
        let error = read(&[("DEST_BUCKET", "acme-data")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("both \"acme-data\" and DEST_PREFIX is empty"),
            "{error}"
        );
        assert!(
            error.contains("set another DEST_BUCKET, or a DEST_PREFIX"),
            "{error}"
        );
        assert!(read(&[("DEST_BUCKET", "acme-data"), ("DEST_PREFIX", "backup/")]).is_ok());
    }

    #[test]
    fn an_error_names_the_variable_what_was_given_and_what_is_accepted() {
        for (name, value, expected) in [
            (
                "SOURCE_BUCKET",
                "",
                "SOURCE_BUCKET is not set; it must hold the name of the bucket to copy from",
            ),
            (
                "DEST_BUCKET",
                "",
                "DEST_BUCKET is not set; it must hold the name of the bucket to copy to",
            ),
            (
                "PART_SIZE_MIB",
                "4",
                "PART_SIZE_MIB is \"4\"; it must hold a whole number from 5 to 5120",
            ),
            (
                "PARTS_IN_FLIGHT",
                "0",
                "PARTS_IN_FLIGHT is \"0\"; it must hold a whole number from 1 to 256",
            ),
            (
                "MULTIPART_THRESHOLD_MIB",
                "5121",
                "MULTIPART_THRESHOLD_MIB is \"5121\"; it must hold a whole number from 5 to 5120",
            ),
            (
                "STORAGE_CLASS",
                "COLD",
                "STORAGE_CLASS is \"COLD\"; it must hold one of STANDARD, ",
            ),
            (
                "ANSWER_TIMEOUT_SECS",
                "0",
                "ANSWER_TIMEOUT_SECS is \"0\"; it must hold a whole number from 1 to 300",
            ),
            (
                "SOURCE_BUCKET_OWNER",
                "acme",
                "SOURCE_BUCKET_OWNER is \"acme\"; it must hold the 12 digits",
            ),
            (
                "DEST_BUCKET_OWNER",
                "1",
                "DEST_BUCKET_OWNER is \"1\"; it must hold the 12 digits",
            ),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(
                error.contains(expected),
                "{error:?} should contain {expected:?}"
            );
        }
    }
}
