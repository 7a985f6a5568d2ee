//! An open upload: copy its missing parts, complete it, end it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use backup::aws::{Cause, chain};
use backup::deadline::Deadline;
use tracing::{info, warn};

use crate::checksum::{Checksum, FullObjectChecksum};
use crate::copy::{Copier, attempt_timeout};
use crate::deadline::in_time;
use crate::destination::Destination;
use crate::error::CopyError;
use crate::parts::{self, Window};
use crate::plan::{Part, Parts};
use crate::slow_down::SlowDowns;
use crate::source::Source;

/// S3 may take minutes to put many parts together; waiting for it costs nothing that asking again saves.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
const COMPLETE_TIMEOUT_PER_PART: Duration = Duration::from_millis(100);

/// An open upload of one copy.
pub(crate) struct Upload<'a> {
    pub(crate) copier: &'a Copier,
    pub(crate) source: &'a Source,
    pub(crate) destination: &'a Destination,
    pub(crate) id: String,
    /// The parts it had when it was found.
    pub(crate) found: Vec<CompletedPart>,
    /// Whether it has got a part since.
    has_grown: AtomicBool,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(
        copier: &'a Copier,
        source: &'a Source,
        destination: &'a Destination,
        id: String,
        found: Vec<CompletedPart>,
    ) -> Upload<'a> {
        Upload {
            copier,
            source,
            destination,
            id,
            found,
            has_grown: AtomicBool::new(false),
        }
    }
}

/// What an upload became.
pub(crate) struct Completed {
    pub(crate) etag: String,
    pub(crate) checksum: Option<Checksum>,
}

impl Upload<'_> {
    /// Copies the parts that are missing and completes the upload.
    pub(crate) async fn copy_and_complete(
        &self,
        plan: Parts,
        deadline: Deadline,
    ) -> Result<Completed, CopyError> {
        let object = self.destination.uri();
        let numbers = self.found.iter().filter_map(CompletedPart::part_number);
        let found: HashSet<u32> = numbers.map(|number| number as u32).collect();
        let missing = plan.iter().filter(|part| !found.contains(&part.number));
        let window = Arc::new(Window::new(self.copier.config.parts_in_flight));
        let copied = parts::run_all(missing, &window, async |part| {
            let _permit = self.copier.permit(deadline, self.destination).await?;
            // Boxed: a part that waits needs no room for a call of the SDK.
            Box::pin(self.copy_part(part, plan, &window)).await
        });
        let completed = async {
            let mut parts = copied.await?;
            parts.extend(self.found.iter().cloned());
            parts.sort_unstable_by_key(CompletedPart::part_number);
            Box::pin(self.complete(parts)).await
        };
        in_time(deadline, object.clone(), completed).await
    }

    async fn copy_part(
        &self,
        part: Part,
        plan: Parts,
        window: &Arc<Window>,
    ) -> Result<CompletedPart, CopyError> {
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
            .upload_id(&self.id)
            .part_number(part.number as i32)
            .set_expected_bucket_owner(config.dest_bucket_owner.clone())
            .set_request_payer(config.request_payer.clone())
            .customize()
            .config_override(self.copier.copy_timeout(plan.part_bytes()))
            .interceptor(SlowDowns::new(window))
            .send()
            .await
            .map_err(Cause::from)
            .map_err(|cause| match (cause.status, cause.code.as_deref()) {
                (Some(412), _) => CopyError::SourceChanged {
                    object: source_uri.clone(),
                    cause,
                },
                // Another delivery of the message went on with it too, and ended it.
                (_, Some("NoSuchUpload")) => CopyError::DestinationChanged {
                    object: self.destination.uri(),
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
        self.has_grown.store(true, Ordering::Relaxed);
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
    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<Completed, CopyError> {
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
            .upload_id(&self.id)
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
            Ok(answer) => {
                let checksum = answer.full_object_checksum();
                let etag = answer.e_tag.ok_or_else(|| CopyError::Unavailable {
                    operation: "CompleteMultipartUpload",
                    object,
                    cause: Cause::unusable_answer("the answer has no ETag of the object"),
                })?;
                Ok(Completed { etag, checksum })
            }
            // A key that is gone is no match either: S3 answers If-Match with 404 then. An upload that is
            // gone was completed or aborted by another delivery, or by an attempt whose answer was lost.
            Err(cause)
                if matches!(cause.status, Some(409 | 412))
                    || matches!(cause.code.as_deref(), Some("NoSuchKey" | "NoSuchUpload")) =>
            {
                Err(CopyError::DestinationChanged { object, cause })
            }
            Err(cause) => Err(CopyError::of("CompleteMultipartUpload", &object, cause)),
        }
    }

    /// Ends an upload that failed: one that the next delivery can go on with stays open.
    pub(crate) async fn end(&self, error: &CopyError) {
        let has_parts = !self.found.is_empty() || self.has_grown.load(Ordering::Relaxed);
        if has_parts && error.is_passing() && self.copier.is_resumable(self.source) {
            info!(
                upload_id = self.id,
                "left the upload open: another delivery of the message goes on with it"
            );
        } else {
            self.abort().await;
        }
    }

    /// Gives the parts back. A failure must not hide why the upload is aborted: it is logged, and the
    /// bucket's lifecycle rule takes what is left.
    pub(crate) async fn abort(&self) {
        let answer = self
            .copier
            .destination
            .abort_multipart_upload()
            .bucket(&self.destination.bucket)
            .key(&self.destination.key)
            .upload_id(&self.id)
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
