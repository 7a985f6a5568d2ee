//! A copy in parts: create the upload, copy the parts, complete it; abort it when a step fails.

use std::time::Duration;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use backup::aws::{Cause, chain};
use tracing::warn;

use crate::checksum::{Checksum, FullObjectChecksum};
use crate::copy::{Copier, attempt_timeout, checksum_algorithm, verified};
use crate::destination::Destination;
use crate::error::CopyError;
use crate::parts;
use crate::plan::{Part, Parts};
use crate::source::Source;

/// S3 may take minutes to put many parts together; waiting for it costs nothing that asking again saves.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
const COMPLETE_TIMEOUT_PER_PART: Duration = Duration::from_millis(100);

impl Copier {
    /// Copies a source in parts.
    pub(crate) async fn copy_in_parts(
        &self,
        source: &Source,
        destination: &Destination,
        plan: Parts,
    ) -> Result<Option<Checksum>, CopyError> {
        let upload_id = self.create(source, destination).await?;
        let upload = Upload {
            copier: self,
            source,
            destination,
            id: &upload_id,
        };
        match upload.copy_and_complete(plan).await {
            Ok(checksum) => verified(source, destination, checksum),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Creates the upload with everything a multipart copy would lose.
    async fn create(
        &self,
        source: &Source,
        destination: &Destination,
    ) -> Result<String, CopyError> {
        let tags = source.tags(&self.source, &self.config).await?;
        let attributes = source.head.attributes.clone();
        let answer = self
            .destination
            .create_multipart_upload()
            .bucket(&destination.bucket)
            .key(&destination.key)
            .set_expected_bucket_owner(self.config.dest_bucket_owner.clone())
            .checksum_algorithm(checksum_algorithm(source))
            .checksum_type(ChecksumType::FullObject)
            .set_storage_class(self.storage_class(source))
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.config.sse_kms_key_id.clone())
            .set_tagging(tags)
            .set_cache_control(attributes.cache_control)
            .set_content_disposition(attributes.content_disposition)
            .set_content_encoding(attributes.content_encoding)
            .set_content_language(attributes.content_language)
            .set_content_type(attributes.content_type)
            .set_expires(attributes.expires)
            .set_website_redirect_location(attributes.website_redirect_location)
            .set_metadata(Some(attributes.metadata))
            .send()
            .await;
        let answer = answer
            .map_err(|error| CopyError::of("CreateMultipartUpload", &destination.uri(), error))?;
        answer.upload_id.ok_or_else(|| CopyError::Unavailable {
            operation: "CreateMultipartUpload",
            object: destination.uri(),
            cause: Cause::unusable_answer("the answer has no upload id"),
        })
    }
}

/// An open upload of one copy.
struct Upload<'a> {
    copier: &'a Copier,
    source: &'a Source,
    destination: &'a Destination,
    id: &'a str,
}

impl Upload<'_> {
    async fn copy_and_complete(&self, plan: Parts) -> Result<Option<Checksum>, CopyError> {
        let in_flight = self.copier.config.parts_in_flight;
        let mut parts =
            parts::run_all(plan.iter(), in_flight, |part| self.copy_part(part, plan)).await?;
        parts.sort_unstable_by_key(CompletedPart::part_number);
        self.complete(parts).await
    }

    async fn copy_part(&self, part: Part, plan: Parts) -> Result<CompletedPart, CopyError> {
        let config = &self.copier.config;
        let source_uri = self.source.uri();
        let answer = self
            .copier
            .destination
            .upload_part_copy()
            .copy_source(self.source.copy_source())
            .copy_source_if_match(&self.source.head.etag)
            .copy_source_range(format!("bytes={}-{}", part.range.start(), part.range.end()))
            .set_expected_source_bucket_owner(config.source_bucket_owner.clone())
            .bucket(&self.destination.bucket)
            .key(&self.destination.key)
            .upload_id(self.id)
            .part_number(part.number as i32)
            .set_expected_bucket_owner(config.dest_bucket_owner.clone())
            .customize()
            .config_override(self.copier.copy_timeout(plan.part_bytes()))
            .send()
            .await
            .map_err(Cause::from)
            .map_err(|cause| match cause.status {
                Some(412) => CopyError::SourceChanged {
                    object: source_uri.clone(),
                    cause,
                },
                _ => CopyError::of("UploadPartCopy", &source_uri, cause),
            })?;
        // The SDK takes an empty 200 for success.
        let result = answer
            .copy_part_result
            .filter(|result| result.e_tag().is_some());
        let result = result.ok_or_else(|| CopyError::Unavailable {
            operation: "UploadPartCopy",
            object: source_uri,
            cause: Cause::unusable_answer("the answer has no ETag of the part"),
        })?;
        Ok(CompletedPart::builder()
            .part_number(part.number as i32)
            .set_e_tag(result.e_tag)
            .set_checksum_crc64_nvme(result.checksum_crc64_nvme)
            .set_checksum_crc32_c(result.checksum_crc32_c)
            .set_checksum_crc32(result.checksum_crc32)
            .build())
    }

    /// Completes the upload, if the destination is still as it was seen. With the source's checksum S3
    /// itself refuses a copy that differs.
    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<Option<Checksum>, CopyError> {
        let timeout =
            2 * self.copier.config.answer_timeout + COMPLETE_TIMEOUT_PER_PART * parts.len() as u32;
        let value = |of| {
            self.source
                .head
                .checksum
                .as_ref()
                .and_then(|checksum| checksum.value_of(of))
        };
        let answer = self
            .copier
            .destination
            .complete_multipart_upload()
            .bucket(&self.destination.bucket)
            .key(&self.destination.key)
            .upload_id(self.id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .mpu_object_size(self.source.head.size_bytes as i64)
            .checksum_type(ChecksumType::FullObject)
            .set_checksum_crc64_nvme(value(ChecksumAlgorithm::Crc64Nvme))
            .set_checksum_crc32_c(value(ChecksumAlgorithm::Crc32C))
            .set_checksum_crc32(value(ChecksumAlgorithm::Crc32))
            .set_if_none_match(self.destination.if_none_match())
            .set_if_match(self.destination.if_match())
            .set_expected_bucket_owner(self.copier.config.dest_bucket_owner.clone())
            .customize()
            .config_override(attempt_timeout(timeout))
            .send()
            .await;
        let object = self.destination.uri();
        match answer.map_err(Cause::from) {
            Ok(answer) if answer.e_tag().is_some() => Ok(answer.full_object_checksum()),
            Ok(_) => Err(CopyError::Unavailable {
                operation: "CompleteMultipartUpload",
                object,
                cause: Cause::unusable_answer("the answer has no ETag of the object"),
            }),
            // A key that is gone is no match either: S3 answers If-Match with 404 then.
            Err(cause)
                if matches!(cause.status, Some(409 | 412))
                    || cause.code.as_deref() == Some("NoSuchKey") =>
            {
                Err(CopyError::DestinationChanged { object, cause })
            }
            Err(cause) => Err(CopyError::of("CompleteMultipartUpload", &object, cause)),
        }
    }

    /// Gives the parts back. A failure must not hide why the upload is aborted: it is logged, and the
    /// bucket's lifecycle rule takes what is left.
    async fn abort(&self) {
        let answer = self
            .copier
            .destination
            .abort_multipart_upload()
            .bucket(&self.destination.bucket)
            .key(&self.destination.key)
            .upload_id(self.id)
            .set_expected_bucket_owner(self.copier.config.dest_bucket_owner.clone())
            .send()
            .await;
        match answer.map_err(Cause::from) {
            Ok(_) => {}
            // An attempt to complete or to abort it came through though its answer did not.
            Err(cause) if cause.code.as_deref() == Some("NoSuchUpload") => {}
            Err(cause) => warn!(
                upload_id = self.id,
                "could not abort the upload: {}",
                chain(&cause)
            ),
        }
    }
}
