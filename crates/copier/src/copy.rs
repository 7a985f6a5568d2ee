//! One object to one copy: look at both sides, decide, copy, verify.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption, StorageClass};
use backup::aws::{Cause, chain};
use tracing::warn;

use crate::checksum::{Checksum, FullObjectChecksum};
use crate::config::Config;
use crate::destination::Destination;
use crate::error::CopyError;
use crate::plan::{Plan, plan};
use crate::source::Source;

/// The slowest server-side copy we wait for, in bytes per second; 28 MB/s was the slowest measured.
const SLOWEST_COPY: u64 = 4 << 20;

/// Times a copy is made whose source or destination keeps changing. Another delivery of the same message
/// is the usual reason, and then the second look finds the same object there.
const COPY_ATTEMPTS: u32 = 3;

/// What a call may take before it moves any data.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Copies objects of one bucket into another.
#[derive(Debug)]
pub struct Copier {
    /// Asks about the source, in the source's region.
    pub source: Client,
    /// Asks about the destination and for copies, in the destination's region.
    pub destination: Client,
    /// Its configuration.
    pub config: Config,
}

/// What became of a request to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether anything was copied.
    pub action: Action,
    /// The object's size in bytes.
    pub size_bytes: u64,
    /// The copy's full-object checksum, where it was compared with the source's.
    pub checksum: Option<Checksum>,
    /// The source's ETag when it was looked at.
    pub source_etag: String,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the same object is there already.
    Unchanged,
    /// One CopyObject.
    CopiedAtOnce,
    /// A multipart upload.
    CopiedInParts {
        /// Of so many parts.
        parts: u32,
    },
}

impl Outcome {
    /// What the copy was compared by: the checksum's algorithm, or `size`.
    pub fn verified_by(&self) -> &str {
        self.checksum
            .as_ref()
            .map_or("size", |checksum| checksum.algorithm.as_str())
    }
}

impl Copier {
    /// Copies the object of a key, unless the same object is there already. A copy whose source or
    /// destination changed under it is made again from the start, a few times.
    ///
    /// # Errors
    /// The copy was not made. See [`CopyError`].
    pub async fn copy(&self, key: &str) -> Result<Outcome, CopyError> {
        for _ in 1..COPY_ATTEMPTS {
            match self.copy_once(key).await {
                Err(
                    change @ (CopyError::SourceChanged { .. }
                    | CopyError::DestinationChanged { .. }),
                ) => warn!("starting again: {}", chain(&change)),
                result => return result,
            }
        }
        self.copy_once(key).await
    }

    async fn copy_once(&self, key: &str) -> Result<Outcome, CopyError> {
        let (source, destination) = futures::try_join!(
            Source::look(&self.source, &self.config, key),
            Destination::look(&self.destination, &self.config, key),
        )?;
        let size_bytes = source.head.size_bytes;
        let source_etag = source.head.etag.clone();
        if destination.has(&source.head) {
            let there = destination.head.and_then(|head| head.checksum);
            let checksum = source
                .head
                .checksum
                .filter(|ours| Some(ours) == there.as_ref());
            return Ok(Outcome {
                action: Action::Unchanged,
                size_bytes,
                checksum,
                source_etag,
            });
        }
        // Only now: a source that was archived after it was backed up is backed up all the same.
        if source.head.archived {
            return Err(CopyError::Archived {
                object: source.uri(),
                cause: None,
            });
        }
        let plan = plan(size_bytes, self.config.sizes).map_err(|error| CopyError::TooLarge {
            object: source.uri(),
            source: error,
        })?;
        let (action, checksum) = match plan {
            Plan::Single => (
                Action::CopiedAtOnce,
                self.copy_at_once(&source, &destination).await?,
            ),
            Plan::Multipart(parts) => (
                Action::CopiedInParts {
                    parts: parts.count(),
                },
                self.copy_in_parts(&source, &destination, parts).await?,
            ),
        };
        Ok(Outcome {
            action,
            size_bytes,
            checksum,
            source_etag,
        })
    }

    /// One CopyObject: it copies content headers, metadata and tags by itself, but neither the storage
    /// class nor the website redirect.
    async fn copy_at_once(
        &self,
        source: &Source,
        destination: &Destination,
    ) -> Result<Option<Checksum>, CopyError> {
        let answer = self
            .destination
            .copy_object()
            .copy_source(source.copy_source())
            .copy_source_if_match(&source.head.etag)
            .set_expected_source_bucket_owner(self.config.source_bucket_owner.clone())
            .bucket(&destination.bucket)
            .key(&destination.key)
            .set_expected_bucket_owner(self.config.dest_bucket_owner.clone())
            .set_if_none_match(destination.if_none_match())
            .set_if_match(destination.if_match())
            .set_storage_class(self.storage_class(source))
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.config.sse_kms_key_id.clone())
            .set_website_redirect_location(source.head.attributes.website_redirect_location.clone())
            .checksum_algorithm(checksum_algorithm(source))
            .customize()
            .config_override(attempt_timeout(source.head.size_bytes))
            .send()
            .await;
        let result = match answer.map_err(Cause::from) {
            Ok(answer) => answer
                .copy_object_result
                .filter(|result| result.e_tag().is_some()),
            Err(cause) => return Err(self.copy_at_once_failed(source, destination, cause).await),
        };
        let Some(result) = result else {
            let cause =
                Cause::unusable_answer("the answer has no ETag, so nothing may have been copied");
            return Err(CopyError::Unavailable {
                operation: "CopyObject",
                object: destination.uri(),
                cause,
            });
        };
        verified(source, destination, result.full_object_checksum())
    }

    /// A 412 does not say whose condition failed, nor a 404 who is gone, so the source is looked at again.
    async fn copy_at_once_failed(
        &self,
        source: &Source,
        destination: &Destination,
        cause: Cause,
    ) -> CopyError {
        match cause.status {
            Some(404 | 412) => match Source::look(&self.source, &self.config, &source.key).await {
                // The source's bucket is there, so it is the destination's that is missing.
                Ok(_) if cause.code.as_deref() == Some("NoSuchBucket") => {
                    CopyError::of("CopyObject", &destination.uri(), cause)
                }
                Ok(now) if now.head.etag == source.head.etag => CopyError::DestinationChanged {
                    object: destination.uri(),
                    cause,
                },
                Ok(_) => CopyError::SourceChanged {
                    object: source.uri(),
                    cause,
                },
                Err(error) => error,
            },
            Some(409) => CopyError::DestinationChanged {
                object: destination.uri(),
                cause,
            },
            _ => CopyError::of("CopyObject", &source.uri(), cause),
        }
    }

    /// The configured storage class, or the source's.
    pub(crate) fn storage_class(&self, source: &Source) -> Option<StorageClass> {
        self.config
            .storage_class
            .clone()
            .or_else(|| source.head.storage_class.clone())
    }

    /// KMS where a key is configured; else the bucket's default.
    pub(crate) fn encryption(&self) -> Option<ServerSideEncryption> {
        self.config
            .sse_kms_key_id
            .as_ref()
            .map(|_| ServerSideEncryption::AwsKms)
    }
}

/// The algorithm of the source's full-object checksum, so that the copy's can be compared with it.
pub(crate) fn checksum_algorithm(source: &Source) -> ChecksumAlgorithm {
    source
        .head
        .checksum
        .as_ref()
        .map_or(ChecksumAlgorithm::Crc64Nvme, |checksum| {
            checksum.algorithm.clone()
        })
}

/// The checksum that source and copy both show. None where one of them shows none: then only the size
/// was compared, by S3.
pub(crate) fn verified(
    source: &Source,
    destination: &Destination,
    copied: Option<Checksum>,
) -> Result<Option<Checksum>, CopyError> {
    match (&source.head.checksum, copied) {
        (Some(expected), Some(copied)) if *expected != copied => {
            let text = format!(
                "the source's {} is {}, the copy's {} is {}",
                expected.algorithm, expected.value, copied.algorithm, copied.value
            );
            Err(CopyError::ChecksumMismatch {
                object: destination.uri(),
                cause: Cause::unusable_answer(&text),
            })
        }
        (Some(_), copied) => Ok(copied),
        (None, _) => Ok(None),
    }
}

/// An attempt's timeout where S3 copies so many bytes before it answers.
pub(crate) fn attempt_timeout(bytes: u64) -> Builder {
    let timeout = ANSWER_TIMEOUT + Duration::from_secs(bytes / SLOWEST_COPY);
    Builder::new().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(timeout)
            .build(),
    )
}
