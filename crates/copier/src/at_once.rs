//! A copy by one CopyObject.

use aws_sdk_s3::types::{AnnotationDirective, MetadataDirective, TaggingDirective};
use backup::aws::Cause;

use crate::checksum::{Checksum, FullObjectChecksum, checksum_algorithm, verified};
use crate::copy::Copier;
use crate::destination::Destination;
use crate::error::CopyError;
use crate::policy::Preserve;
use crate::source::Source;

impl Copier {
    /// One CopyObject: it copies content headers, metadata and tags by itself, but neither the storage
    /// class nor the website redirect.
    pub(crate) async fn copy_at_once(
        &self,
        source: &Source,
        destination: &Destination,
    ) -> Result<Option<Checksum>, CopyError> {
        let Preserve {
            metadata,
            tags,
            annotations,
        } = self.config.preserve;
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
            .set_website_redirect_location(self.attributes(source).website_redirect_location)
            // The directives' defaults are to copy; of annotations also those we have no permission for.
            .set_metadata_directive((!metadata).then_some(MetadataDirective::Replace))
            .set_tagging_directive((!tags).then_some(TaggingDirective::Replace))
            .annotation_directive(match annotations {
                true => AnnotationDirective::Copy,
                false => AnnotationDirective::Exclude,
            })
            .set_request_payer(self.config.request_payer.clone())
            .checksum_algorithm(checksum_algorithm(source))
            .customize()
            .config_override(self.copy_timeout(source.head.size_bytes))
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
}
