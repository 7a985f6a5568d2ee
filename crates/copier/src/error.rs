//! Why a copy failed, named for what the reader does about it.

use backup::aws::{Cause, chain};
use backup::message::MessageError;
use backup::object::KeyError;
use lambda_runtime::Diagnostic;

use crate::plan::TooLarge;

/// Why a copy failed. Nothing is left at the destination but, where we found the checksum to differ and
/// S3 did not, for the copy of a [`CopyError::ChecksumMismatch`].
#[derive(Debug, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
pub enum CopyError {
    /// The event is none that SNS sends: correct the subscription, or the event.
    #[error("the event is not an SNS event with at least one record")]
    InvalidEvent(#[source] Option<serde_json::Error>),
    /// The message asks for nothing that can be copied: correct whoever published it.
    #[error("SNS message {message_id} is not a request to copy an object")]
    InvalidMessage {
        /// The SNS message.
        message_id: String,
        /// What is wrong with it.
        source: MessageError,
    },
    /// The message names another bucket than the configured source: publisher and copier disagree, or
    /// somebody tries.
    #[error("the message asks for bucket {given:?}; this copier copies from {configured:?} only")]
    ForeignBucket {
        /// The message's bucket.
        given: String,
        /// `SOURCE_BUCKET`.
        configured: String,
    },
    /// Source and destination are one bucket and the key lies under `DEST_PREFIX`: publish other prefixes.
    #[error(
        "{object} lies under DEST_PREFIX in the bucket that is copied from: it is a copy itself"
    )]
    SourceIsCopy {
        /// The source.
        object: String,
    },
    /// There is no such object or bucket: deleted since it was listed, or never there.
    #[error("{object} does not exist")]
    SourceMissing {
        /// The source.
        object: String,
        /// What S3 said.
        #[source]
        cause: Option<Cause>,
    },
    /// The source was overwritten while it was copied, at every attempt: the next delivery tries again.
    #[error("{object} was changed while it was copied")]
    SourceChanged {
        /// The source.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// The source is in an archive: restore it, then redrive the message.
    #[error("{object} is archived and cannot be copied before it is restored")]
    Archived {
        /// The source.
        object: String,
        /// What S3 said.
        #[source]
        cause: Option<Cause>,
    },
    /// The source was encrypted with its owner's own key, which only its owner can send: copy it by hand.
    #[error(
        "{object} is encrypted with a customer-provided key (SSE-C), and the copier has none to send"
    )]
    Unsupported {
        /// The source.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// `OVERWRITE` is `never`, and another object is there: move it, or allow to overwrite it.
    #[error("{object} is there already and is not what its source is, and OVERWRITE is never")]
    DestinationExists {
        /// The destination.
        object: String,
    },
    /// The destination, or the upload to it, was changed by someone else while the copy ran, at every
    /// attempt: the next delivery looks again.
    #[error("{object} was written by someone else while the copy ran")]
    DestinationChanged {
        /// The destination.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// The key with `DEST_PREFIX` is none that S3 takes: shorten the prefix.
    #[error("{object} cannot be the destination")]
    DestinationKey {
        /// The destination.
        object: String,
        /// What is wrong with the key.
        source: KeyError,
    },
    /// The source is larger than any upload.
    #[error("{object} cannot be copied")]
    TooLarge {
        /// The source.
        object: String,
        /// The limit.
        source: TooLarge,
    },
    /// A bucket's or a key's policy, or the function's, forbids the call: grant it.
    #[error(
        "{operation} of {object} was denied; it needs {}",
        permission(operation)
    )]
    AccessDenied {
        /// The S3 operation.
        operation: &'static str,
        /// What it was about.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// S3 asked to slow down until the retries were used up: lower the concurrency.
    #[error("{operation} of {object} was throttled at every attempt")]
    Throttled {
        /// The S3 operation.
        operation: &'static str,
        /// What it was about.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// The copy's checksum is not the source's: S3 refused it, or we did.
    #[error("the copy at {object} has another checksum than its source")]
    ChecksumMismatch {
        /// The destination.
        object: String,
        /// What S3 said, or the two values.
        #[source]
        cause: Cause,
    },
    /// The invocation's time was up: the next delivery copies again, and what a large object's upload has
    /// by then is kept for it.
    #[error("the invocation's time was up before {object} was copied")]
    DeadlineNear {
        /// The destination.
        object: String,
    },
    /// S3 did not answer, or failed: a retry may help.
    #[error("{operation} of {object} failed at every attempt")]
    Unavailable {
        /// The S3 operation.
        operation: &'static str,
        /// What it was about.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// S3, or the SDK before it, refused the call for another reason: read it.
    #[error("{operation} of {object} was refused")]
    Refused {
        /// The S3 operation.
        operation: &'static str,
        /// What it was about.
        object: String,
        /// What S3 said.
        #[source]
        cause: Cause,
    },
    /// Several records came in one event and some failed; every one was tried.
    #[error("{failed} of {records} records failed, the first")]
    Several {
        /// How many failed.
        failed: usize,
        /// How many there were.
        records: usize,
        /// The first failure.
        #[source]
        first: Box<CopyError>,
    },
}

impl CopyError {
    /// What a failed call on an object means where the call has no meaning of its own for it.
    pub fn of(operation: &'static str, object: &str, cause: impl Into<Cause>) -> CopyError {
        let cause = cause.into();
        let object = object.to_owned();
        if cause.is_throttle() {
            return CopyError::Throttled {
                operation,
                object,
                cause,
            };
        }
        match (cause.code.as_deref(), cause.status) {
            (Some("InvalidObjectState" | "ObjectNotInActiveTierError"), _) => CopyError::Archived {
                object,
                cause: Some(cause),
            },
            (Some("NoSuchKey" | "NoSuchVersion"), _) => CopyError::SourceMissing {
                object,
                cause: Some(cause),
            },
            (Some("BadDigest"), _) => CopyError::ChecksumMismatch { object, cause },
            (_, Some(403)) => CopyError::AccessDenied {
                operation,
                object,
                cause,
            },
            _ if cause.unsendable => CopyError::Refused {
                operation,
                object,
                cause,
            },
            (_, Some(300..=499)) => CopyError::Refused {
                operation,
                object,
                cause,
            },
            _ => CopyError::Unavailable {
                operation,
                object,
                cause,
            },
        }
    }

    /// The Lambda error type: stable, so that an alarm or a queue reader can branch on it.
    pub fn error_type(&self) -> &'static str {
        match self {
            CopyError::Several { first, .. } => first.error_type(),
            only => only.into(),
        }
    }

    /// Whether nothing but time stands between this failure and a success.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            CopyError::DeadlineNear { .. }
                | CopyError::Throttled { .. }
                | CopyError::Unavailable { .. }
        )
    }
}

/// What the copier's role must be granted for a call, or how to do without.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
fn permission(operation: &str) -> &'static str {
    match operation {
        "HeadObject" | "GetObject" => {
            "s3:GetObject (s3:GetObjectVersion for a version) on the object, and s3:ListBucket on its bucket"
        }
        "GetObjectTagging" => {
            "s3:GetObjectTagging (s3:GetObjectVersionTagging for a version), or PRESERVE without tags"
        }
        "CopyObject" | "CreateMultipartUpload" => {
            "s3:PutObject on the destination and s3:GetObject on the source, for its tags s3:PutObjectTagging \
             and s3:GetObjectTagging (or PRESERVE without tags), and the KMS keys of both"
        }
        "ListMultipartUploads" => {
            "s3:ListBucketMultipartUploads on the bucket, or a RESUME_THRESHOLD_GIB above the object's size"
        }
        "ListParts" => {
            "s3:ListMultipartUploadParts, or a RESUME_THRESHOLD_GIB above the object's size"
        }
        "ListObjectAnnotations" => {
            "s3:ListObjectAnnotations (s3:ListObjectVersionAnnotations for a version), or PRESERVE without annotations"
        }
        "GetObjectAnnotation" => {
            "s3:GetObjectAnnotation (s3:GetObjectVersionAnnotation for a version), or PRESERVE without annotations"
        }
        "PutObjectAnnotation" => "s3:PutObjectAnnotation, or PRESERVE without annotations",
        _ => {
            "s3:GetObject on the source, s3:PutObject on the destination, and the KMS keys of both"
        }
    }
}

impl From<CopyError> for Diagnostic {
    fn from(error: CopyError) -> Diagnostic {
        Diagnostic {
            error_type: error.error_type().to_owned(),
            error_message: chain(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantNames;

    #[test]
    fn the_readme_explains_every_error_type_and_no_other() {
        let readme = include_str!("../../../README.md");
        let (_, table) = readme.split_once("| errorType |").unwrap();
        let explained: Vec<_> = table
            .lines()
            .skip(2)
            .map_while(|row| row.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name)
            .collect();
        let mut named: Vec<_> = CopyError::VARIANTS
            .iter()
            .filter(|name| **name != "Several")
            .copied()
            .collect();
        named.sort_unstable();
        assert_eq!(explained, named);
    }

    #[test]
    fn several_failures_have_the_type_of_the_first() {
        let first = Box::new(CopyError::InvalidEvent(None));
        let several = CopyError::Several {
            failed: 2,
            records: 3,
            first,
        };
        assert_eq!(several.error_type(), "InvalidEvent");
    }
}
