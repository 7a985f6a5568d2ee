//! The copier's configuration, read from the environment once at cold start.

use std::time::Duration;

use aws_sdk_s3::types::{RequestPayer, StorageClass};
use backup::aws;
use backup::day::{Day, PrefixFormat};
use backup::deadline;
use backup::env::{EnvError, Environment};

use crate::plan::{MAX_COPY_OBJECT_BYTES, MAX_OBJECT_BYTES, MAX_PART_BYTES, MIN_PART_BYTES, Sizes};
use crate::policy::{Overwrite, Preserve};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

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
    /// The size from which a copy that was cut off is gone on with, in bytes.
    pub resume_threshold_bytes: u64,
    /// How long before the end of its invocation a copy stops.
    pub deadline_margin: Duration,
    /// Whether another object at the destination is replaced.
    pub overwrite: Overwrite,
    /// What a copy has of its source.
    pub preserve: Preserve,
    /// Who pays for reading a source bucket whose owner does not.
    pub request_payer: Option<RequestPayer>,
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
    /// Copies would be listed, and copied again.
    #[error(
        "SOURCE_BUCKET and DEST_BUCKET are both {bucket:?}, and DEST_PREFIX {dest_prefix:?} overlaps the prefix \
         {day_prefix:?} that PREFIX_FORMAT makes of {day}: copies would be copied again; set another DEST_BUCKET, \
         or a DEST_PREFIX that no day's prefix begins with"
    )]
    FeedsSource {
        /// The bucket.
        bucket: String,
        /// `DEST_PREFIX`.
        dest_prefix: String,
        /// A day whose prefix overlaps it.
        day: Day,
        /// The prefix of the day.
        day_prefix: String,
    },
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
            resume_threshold_bytes: env.number(
                "RESUME_THRESHOLD_GIB",
                50,
                0..=MAX_OBJECT_BYTES / GIB,
            )? * GIB,
            deadline_margin: deadline::margin(env)?,
            overwrite: env.parsed("OVERWRITE", "if-changed", "if-changed, never or always")?,
            preserve: env.parsed(
                "PRESERVE",
                "metadata,tags",
                "a list of metadata, tags and annotations, such as metadata,tags, or none",
            )?,
            request_payer: env.requester_pays()?.then_some(RequestPayer::Requester),
            storage_class: storage_class(env)?,
            sse_kms_key_id: env.optional("SSE_KMS_KEY_ID").map(str::to_owned),
            source_bucket_owner: env.account_id("SOURCE_BUCKET_OWNER")?,
            dest_bucket_owner: env.account_id("DEST_BUCKET_OWNER")?,
            source_region: env.optional("SOURCE_REGION").map(str::to_owned),
            answer_timeout: aws::answer_timeout(env)?,
        };
        config.check_loop(&env.parsed(
            "PREFIX_FORMAT",
            "%Y-%m-%d/",
            "the publisher's format",
        )?)?;
        Ok(config)
    }

    /// Within one bucket a copy must be neither its own source nor, once listed, another copy's.
    fn check_loop(&self, prefix_format: &PrefixFormat) -> Result<(), ConfigError> {
        if self.source_bucket != self.dest_bucket {
            return Ok(());
        }
        let bucket = self.source_bucket.clone();
        if self.dest_prefix.is_empty() {
            return Err(ConfigError::OverwritesSource(bucket));
        }
        let overlaps = |day_prefix: &str| {
            day_prefix.starts_with(&self.dest_prefix) || self.dest_prefix.starts_with(day_prefix)
        };
        let mut days = Day::plausible().map(|day| (day, prefix_format.prefix(day)));
        match days.find(|(_, day_prefix)| overlaps(day_prefix)) {
            None => Ok(()),
            Some((day, day_prefix)) => Err(ConfigError::FeedsSource {
                bucket,
                dest_prefix: self.dest_prefix.clone(),
                day,
                day_prefix,
            }),
        }
    }

    /// Whether the key, in the source bucket, is that of a copy.
    pub fn is_copy(&self, key: &str) -> bool {
        self.source_bucket == self.dest_bucket && key.starts_with(&self.dest_prefix)
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
    fn a_destination_that_would_feed_its_own_source_is_refused() {
        let within = |dest_prefix, prefix_format| {
            read(&[
                ("DEST_BUCKET", "acme-data"),
                ("DEST_PREFIX", dest_prefix),
                ("PREFIX_FORMAT", prefix_format),
            ])
        };
        for (dest_prefix, prefix_format) in [
            ("2016-06-30/copies/", "%Y-%m-%d/"),
            ("20", "%Y-%m-%d/"),
            ("data/", "data/%Y/%m/%d/"),
            ("data/2016/06/30/x", "data/%Y/%m/%d/"),
        ] {
            let error = within(dest_prefix, prefix_format).unwrap_err().to_string();
            assert!(
                error.contains(&format!("DEST_PREFIX {dest_prefix:?} overlaps the prefix")),
                "{error}"
            );
        }
        for (dest_prefix, prefix_format) in [
            ("backup/", "%Y-%m-%d/"),
            ("data-backup/", "data/%Y/%m/%d/"),
            ("2016-13", "%Y-%m-%d/"),
        ] {
            assert!(within(dest_prefix, prefix_format).is_ok(), "{dest_prefix}");
        }
        let config = within("backup/", "%Y-%m-%d/").unwrap();
        assert!(config.is_copy("backup/2016-06-30/a"));
        assert!(!config.is_copy("2016-06-30/backup/a"));
        assert!(
            !read(&[("DEST_PREFIX", "backup/")])
                .unwrap()
                .is_copy("backup/a")
        );
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
                "OVERWRITE",
                "yes",
                "OVERWRITE is \"yes\"; it must hold if-changed, never or always",
            ),
            (
                "PRESERVE",
                "metadata,acl",
                "PRESERVE is \"metadata,acl\"; it must hold a list of metadata, tags and annotations",
            ),
            (
                "REQUEST_PAYER",
                "owner",
                "REQUEST_PAYER is \"owner\"; it must hold requester, or nothing",
            ),
            (
                "RESUME_THRESHOLD_GIB",
                "50000000",
                "RESUME_THRESHOLD_GIB is \"50000000\"; it must hold a whole number from 0 to 50000",
            ),
            (
                "DEADLINE_MARGIN_SECS",
                "0",
                "DEADLINE_MARGIN_SECS is \"0\"; it must hold a whole number from 1 to 600",
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
