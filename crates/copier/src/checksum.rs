//! The full-object checksum S3 keeps of an object: the same whatever parts the object was made of.

use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CopyObjectResult};
use backup::aws::Cause;

use crate::destination::Destination;
use crate::error::CopyError;
use crate::source::Source;

/// A checksum of a whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// CRC64NVME, CRC32C or CRC32: those that S3 can combine from parts.
    pub algorithm: ChecksumAlgorithm,
    /// The value, in base64.
    pub value: String,
}

impl Checksum {
    /// Its value, if it is of the algorithm.
    pub fn value_of(&self, algorithm: ChecksumAlgorithm) -> Option<String> {
        (self.algorithm == algorithm).then(|| self.value.clone())
    }

    fn new(
        kind: Option<&ChecksumType>,
        crc64nvme: Option<&str>,
        crc32c: Option<&str>,
        crc32: Option<&str>,
    ) -> Option<Checksum> {
        // A composite checksum depends on where the parts were cut; CRC64NVME is never composite.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
        let (crc32c, crc32) = match kind {
            Some(ChecksumType::FullObject) => (crc32c, crc32),
            _ => (None, None),
        };
        let (algorithm, value) = crc64nvme
            .map(|value| (ChecksumAlgorithm::Crc64Nvme, value))
            .or(crc32c.map(|value| (ChecksumAlgorithm::Crc32C, value)))
            .or(crc32.map(|value| (ChecksumAlgorithm::Crc32, value)))?;
        Some(Checksum {
            algorithm,
            value: value.to_owned(),
        })
    }
}

/// An answer that may hold a full-object checksum.
pub trait FullObjectChecksum {
    /// The checksum, if the answer has one that S3 can combine from parts.
    fn full_object_checksum(&self) -> Option<Checksum>;
}

/// The SDK's answers have the same accessors and no trait for them.
macro_rules! full_object_checksum {
    ($($answer:ty),*) => {$(
        impl FullObjectChecksum for $answer {
            fn full_object_checksum(&self) -> Option<Checksum> {
                Checksum::new(
                    self.checksum_type(),
                    self.checksum_crc64_nvme(),
                    self.checksum_crc32_c(),
                    self.checksum_crc32(),
                )
            }
        }
    )*};
}

full_object_checksum!(
    HeadObjectOutput,
    CopyObjectResult,
    CompleteMultipartUploadOutput
);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_full_object_checksums_and_no_composite_one() {
        let head = || HeadObjectOutput::builder().checksum_crc32_c("c");
        let full = head()
            .checksum_type(ChecksumType::FullObject)
            .build()
            .full_object_checksum()
            .unwrap();
        assert_eq!(
            (full.algorithm, full.value.as_str()),
            (ChecksumAlgorithm::Crc32C, "c")
        );
        assert_eq!(
            head()
                .checksum_type(ChecksumType::Composite)
                .build()
                .full_object_checksum(),
            None
        );
        assert_eq!(head().build().full_object_checksum(), None);
        let crc64 = head()
            .checksum_crc64_nvme("n")
            .build()
            .full_object_checksum()
            .unwrap();
        assert_eq!(crc64.value_of(ChecksumAlgorithm::Crc64Nvme).unwrap(), "n");
        assert_eq!(crc64.value_of(ChecksumAlgorithm::Crc32), None);
        let sha = HeadObjectOutput::builder()
            .checksum_sha256("s")
            .checksum_type(ChecksumType::FullObject);
        assert_eq!(sha.build().full_object_checksum(), None);
    }
}
