//! A copy in parts: open an upload, have it copied and completed, and see what became of it.

use aws_sdk_s3::types::ChecksumType;
use backup::aws::Cause;
use backup::deadline::Deadline;
use tracing::warn;

use crate::checksum::{Checksum, checksum_algorithm, verified};
use crate::copy::{Action, Copier};
use crate::deadline::in_time;
use crate::destination::Destination;
use crate::error::CopyError;
use crate::head::Head;
use crate::plan::Parts;
use crate::source::Source;
use crate::upload::{Completed, Upload};

impl Copier {
    /// Copies a source in parts.
    pub(crate) async fn copy_in_parts(
        &self,
        source: &Source,
        destination: &Destination,
        plan: Parts,
        deadline: Deadline,
    ) -> Result<(Action, Option<Checksum>), CopyError> {
        let object = || destination.uri();
        let open = Box::pin(self.open(source, destination, plan));
        let mut upload = in_time(deadline, object(), open).await?;
        let mut result = Box::pin(upload.copy_and_complete(plan, deadline)).await;
        if !upload.found.is_empty() && result.as_ref().is_err_and(is_of_wrong_parts) {
            warn!("the upload left open was of another state of the source: copying afresh");
            Box::pin(upload.abort()).await;
            let create = Box::pin(self.create(source, destination));
            upload = in_time(deadline, object(), create).await?;
            result = Box::pin(upload.copy_and_complete(plan, deadline)).await;
        }
        match result {
            Ok(completed) => {
                let finish = Box::pin(self.finish(&upload, completed));
                let checksum = in_time(deadline, object(), finish).await?;
                let action = Action::CopiedInParts {
                    parts: plan.count(),
                    found: upload.found.len() as u32,
                };
                Ok((action, checksum))
            }
            Err(error) => {
                Box::pin(upload.end(&error)).await;
                Err(error)
            }
        }
    }

    /// Checks what an upload became, and gives it what no upload can have.
    async fn finish(
        &self,
        upload: &Upload<'_>,
        completed: Completed,
    ) -> Result<Option<Checksum>, CopyError> {
        let (source, destination) = (upload.source, upload.destination);
        let checksum = verified(source, destination, completed.checksum)?;
        if !upload.found.is_empty() {
            self.check_attributes(source, destination).await?;
        }
        if self.config.preserve.annotations {
            self.copy_annotations(source, destination, &completed.etag)
                .await?;
        }
        Ok(checksum)
    }

    /// The upload to copy into: of a large object the one that was left open, else a new one.
    async fn open<'a>(
        &'a self,
        source: &'a Source,
        destination: &'a Destination,
        plan: Parts,
    ) -> Result<Upload<'a>, CopyError> {
        let fresh = self.create(source, destination).await?;
        if !self.is_resumable(source) {
            return Ok(fresh);
        }
        // Created first: in the list it shows who we are.
        match fresh.left_open(plan).await {
            Ok(None) => Ok(fresh),
            Ok(Some(open)) => {
                fresh.abort().await;
                Ok(open)
            }
            Err(error) => {
                fresh.abort().await;
                Err(error)
            }
        }
    }

    /// Nothing but the object itself shows what an upload that was found was created with.
    async fn check_attributes(
        &self,
        source: &Source,
        destination: &Destination,
    ) -> Result<(), CopyError> {
        let preserve = self.config.preserve;
        let copy = Destination::look(&self.destination, &self.config, &source.key).await?;
        let tags = |head: &Head| head.tag_count;
        let has_tags = !preserve.tags || copy.head.as_ref().map(tags) == Some(tags(&source.head));
        if has_tags && copy.has(&source.head, preserve) {
            return Ok(());
        }
        Err(CopyError::DestinationChanged {
            object: destination.uri(),
            cause: Cause::unusable_answer(
                "the upload that was gone on with had been created with other metadata or tags",
            ),
        })
    }

    /// Whether a copy that was cut off is worth going on with; without a checksum nothing would tell parts
    /// of an older source from parts of this one.
    pub(crate) fn is_resumable(&self, source: &Source) -> bool {
        source.head.size_bytes >= self.config.resume_threshold_bytes
            && source.head.checksum.is_some()
    }

    /// Creates the upload with everything a multipart copy would lose.
    async fn create<'a>(
        &'a self,
        source: &'a Source,
        destination: &'a Destination,
    ) -> Result<Upload<'a>, CopyError> {
        let tags = source.tags(&self.source, &self.config).await?;
        let attributes = self.attributes(source);
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
        let id = answer.upload_id.ok_or_else(|| CopyError::Unavailable {
            operation: "CreateMultipartUpload",
            object: destination.uri(),
            cause: Cause::unusable_answer("the answer has no upload id"),
        })?;
        Ok(Upload::new(self, source, destination, id, Vec::new()))
    }
}

/// Whether completion found parts that are not the source's.
fn is_of_wrong_parts(error: &CopyError) -> bool {
    match error {
        CopyError::ChecksumMismatch { .. } => true,
        CopyError::Refused { cause, .. } => cause.code.as_deref() == Some("InvalidPart"),
        _ => false,
    }
}
