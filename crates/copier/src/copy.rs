//! One object to one copy: look at both sides, decide, copy, verify.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use backup::aws::chain;
use backup::deadline::Deadline;
use backup::object::s3_uri;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

use crate::checksum::Checksum;
use crate::config::Config;
use crate::deadline::in_time;
use crate::destination::Destination;
use crate::error::CopyError;
use crate::head::Attributes;
use crate::plan::{Plan, plan};
use crate::policy::Overwrite;
use crate::source::Source;

/// The slowest server-side copy we wait for, in bytes per second; 28 MB/s was the slowest measured.
const SLOWEST_COPY: u64 = 4 << 20;

/// Times a copy is made whose source or destination keeps changing. Another delivery of the same message
/// is the usual reason, and then the second look finds the same object there.
const COPY_ATTEMPTS: u32 = 3;

/// Copies objects of one bucket into another.
#[derive(Debug)]
pub struct Copier {
    /// Asks about the source, in the source's region.
    pub source: Client,
    /// Asks about the destination and for copies, in the destination's region.
    pub destination: Client,
    /// Its configuration.
    pub config: Config,
    /// A permit for each request that copies bytes, of all copies together.
    pub permits: Semaphore,
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
        /// So many of them were in an upload left open.
        found: u32,
    },
}

/// What may be at the destination when a copy begins.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Anything,
    Nothing,
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
    /// Copies the object of a key, unless the same object is there already, however long it takes.
    ///
    /// # Errors
    /// The copy was not made. See [`CopyError`].
    pub async fn copy(&self, key: &str) -> Result<Outcome, CopyError> {
        self.copy_until(key, Deadline::NONE).await
    }

    /// Copies the object of a key before a deadline, unless the same object is there already. A copy whose
    /// source or destination changed under it is made again from the start, a few times.
    ///
    /// # Errors
    /// The copy was not made. See [`CopyError`].
    pub async fn copy_until(&self, key: &str, deadline: Deadline) -> Result<Outcome, CopyError> {
        self.copy_expecting(Expected::Anything, key, deadline).await
    }

    /// The same where a listing has shown that nothing is at the destination: it is not looked at, for S3 refuses the
    /// copy if anything has come there since, and then it is looked at after all.
    ///
    /// # Errors
    /// The copy was not made. See [`CopyError`].
    pub async fn copy_missing_until(
        &self,
        key: &str,
        deadline: Deadline,
    ) -> Result<Outcome, CopyError> {
        self.copy_expecting(Expected::Nothing, key, deadline).await
    }

    async fn copy_expecting(
        &self,
        mut expected: Expected,
        key: &str,
        deadline: Deadline,
    ) -> Result<Outcome, CopyError> {
        if self.config.is_copy(key) {
            return Err(CopyError::SourceIsCopy {
                object: s3_uri(&self.config.source_bucket, key),
            });
        }
        let mut overwrite = self.config.overwrite;
        for _ in 1..COPY_ATTEMPTS {
            match self.copy_once(key, overwrite, expected, deadline).await {
                Err(
                    change @ (CopyError::SourceChanged { .. }
                    | CopyError::DestinationChanged { .. }),
                ) => warn!("starting again: {}", chain(&change)),
                result => return result,
            }
            if overwrite == Overwrite::Always {
                // What is there now was written since we were asked.
                overwrite = Overwrite::IfChanged;
            }
            expected = Expected::Anything;
        }
        self.copy_once(key, overwrite, expected, deadline).await
    }

    async fn copy_once(
        &self,
        key: &str,
        overwrite: Overwrite,
        expected: Expected,
        deadline: Deadline,
    ) -> Result<Outcome, CopyError> {
        let object = s3_uri(&self.config.dest_bucket, &self.config.dest_key(key));
        if deadline.is_near() {
            return Err(CopyError::DeadlineNear { object });
        }
        // A step's memory is its own, and ends with it: the calls of the SDK are large, and many copies wait together.
        let look = Box::pin(async {
            futures::try_join!(Source::look(&self.source, &self.config, key), async {
                match expected {
                    Expected::Anything => {
                        Destination::look(&self.destination, &self.config, key).await
                    }
                    Expected::Nothing => Destination::empty(&self.config, key),
                }
            },)
        });
        let (source, destination) = in_time(deadline, object.clone(), look).await?;
        let is_there = destination.has(&source.head, self.config.preserve);
        if is_there && overwrite != Overwrite::Always {
            return Box::pin(self.leave(source, destination)).await;
        }
        if overwrite == Overwrite::Never && destination.head.is_some() {
            return Err(CopyError::DestinationExists { object });
        }
        let size_bytes = source.head.size_bytes;
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
            Plan::Single => {
                let copy = Box::pin(async {
                    let _permit = self.permit(deadline, &destination).await?;
                    self.copy_at_once(&source, &destination).await
                });
                (Action::CopiedAtOnce, in_time(deadline, object, copy).await?)
            }
            Plan::Multipart(parts) => {
                Box::pin(self.copy_in_parts(&source, &destination, parts, deadline)).await?
            }
        };
        Ok(Outcome {
            action,
            size_bytes,
            checksum,
            source_etag: source.head.etag,
        })
    }

    /// Leaves the object that is there; only annotations can be missing, since they come after it.
    async fn leave(&self, source: Source, destination: Destination) -> Result<Outcome, CopyError> {
        if let (true, Some(there)) = (self.config.preserve.annotations, &destination.head) {
            self.copy_annotations(&source, &destination, &there.etag)
                .await?;
        }
        let there = destination.head.and_then(|head| head.checksum);
        Ok(Outcome {
            action: Action::Unchanged,
            size_bytes: source.head.size_bytes,
            checksum: source
                .head
                .checksum
                .filter(|ours| Some(ours) == there.as_ref()),
            source_etag: source.head.etag,
        })
    }

    /// Waits until one more request may copy bytes, which may take a while.
    ///
    /// # Errors
    /// By then it is too late to start one.
    pub(crate) async fn permit(
        &self,
        deadline: Deadline,
        destination: &Destination,
    ) -> Result<SemaphorePermit<'_>, CopyError> {
        let permit = self.permits.acquire().await;
        match deadline.is_near() {
            true => Err(CopyError::DeadlineNear {
                object: destination.uri(),
            }),
            false => Ok(permit.expect("a semaphore that is never closed")),
        }
    }

    /// The timeout of an attempt for which S3 copies so many bytes before it answers.
    pub(crate) fn copy_timeout(&self, bytes: u64) -> Builder {
        attempt_timeout(self.config.answer_timeout + Duration::from_secs(bytes / SLOWEST_COPY))
    }

    /// The content headers and metadata of the copy.
    pub(crate) fn attributes(&self, source: &Source) -> Attributes {
        match self.config.preserve.metadata {
            true => source.head.attributes.clone(),
            false => Attributes::default(),
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

/// A call's own timeout of an attempt.
pub(crate) fn attempt_timeout(timeout: Duration) -> Builder {
    Builder::new().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(timeout)
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future that a call makes. The call is not made.
    fn size_of_future<F: Future>(_: impl FnOnce(&'static Copier) -> F) -> usize {
        std::mem::size_of::<F>()
    }

    #[test]
    fn a_copy_that_waits_has_no_room_for_calls_that_it_does_not_make() {
        // A call of the SDK takes 5 to 9 KB, and hundreds of copies wait in one process.
        let missing = size_of_future(|copier| copier.copy_missing_until("k", Deadline::NONE));
        let any = size_of_future(|copier| copier.copy_until("k", Deadline::NONE));
        assert!(missing.max(any) <= 2_048, "{missing} and {any} bytes");
    }
}
