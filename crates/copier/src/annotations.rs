//! Annotations: CopyObject brings them along, a multipart copy has none until they are put to it.

use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::AnnotationEntry;
use backup::aws::Cause;
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::copy::Copier;
use crate::destination::Destination;
use crate::error::CopyError;
use crate::source::Source;

/// What makes two annotations of a name the same.
type Mark = (i64, Option<String>);

impl Copier {
    /// Puts those of the source's annotations to the object at the destination, known by its ETag, that it
    /// lacks or has otherwise.
    pub(crate) async fn copy_annotations(
        &self,
        source: &Source,
        destination: &Destination,
        etag: &str,
    ) -> Result<(), CopyError> {
        let wanted = self.annotations_of_source(source).await?;
        if wanted.is_empty() {
            return Ok(());
        }
        let there = self.annotations_of_destination(destination).await?;
        stream::iter(wanted)
            .filter(|(name, mark)| {
                let is_there = there.get(name) == Some(mark);
                async move { !is_there }
            })
            .map(async |(name, _)| self.copy_annotation(source, destination, etag, &name).await)
            .buffer_unordered(self.config.parts_in_flight)
            .try_collect::<()>()
            .await?;
        // No condition pins annotations to a state of the source; only a version does.
        if source.head.version_id.is_none() {
            let now = Source::look(&self.source, &self.config, &source.key).await?;
            if now.head.etag != source.head.etag {
                return Err(CopyError::SourceChanged {
                    object: source.uri(),
                    cause: Cause::unusable_answer("its annotations are those of another state"),
                });
            }
        }
        Ok(())
    }

    async fn annotations_of_source(
        &self,
        source: &Source,
    ) -> Result<HashMap<String, Mark>, CopyError> {
        let pages = self
            .source
            .list_object_annotations()
            .bucket(&self.config.source_bucket)
            .key(&source.key)
            .set_version_id(source.head.version_id.clone())
            .set_expected_bucket_owner(self.config.source_bucket_owner.clone())
            .set_request_payer(self.config.request_payer.clone())
            .into_paginator()
            .items()
            .send();
        let entries = pages.try_collect().await;
        entries
            .map(marks)
            .map_err(|error| CopyError::of("ListObjectAnnotations", &source.uri(), error))
    }

    async fn annotations_of_destination(
        &self,
        destination: &Destination,
    ) -> Result<HashMap<String, Mark>, CopyError> {
        let pages = self
            .destination
            .list_object_annotations()
            .bucket(&destination.bucket)
            .key(&destination.key)
            .set_expected_bucket_owner(self.config.dest_bucket_owner.clone())
            .into_paginator()
            .items()
            .send();
        let entries = pages.try_collect().await.map_err(Cause::from);
        entries
            .map(marks)
            .map_err(|cause| at_destination("ListObjectAnnotations", destination, cause))
    }

    async fn copy_annotation(
        &self,
        source: &Source,
        destination: &Destination,
        etag: &str,
        name: &str,
    ) -> Result<(), CopyError> {
        let answer = self
            .source
            .get_object_annotation()
            .bucket(&self.config.source_bucket)
            .key(&source.key)
            .annotation_name(name)
            .set_version_id(source.head.version_id.clone())
            .set_expected_bucket_owner(self.config.source_bucket_owner.clone())
            .set_request_payer(self.config.request_payer.clone())
            .send()
            .await
            .map_err(Cause::from);
        let payload = match answer {
            Ok(answer) => answer.annotation_payload.collect().await,
            Err(cause) if cause.status == Some(404) => {
                return Err(CopyError::SourceChanged {
                    object: source.uri(),
                    cause,
                });
            }
            Err(cause) => {
                return Err(CopyError::of("GetObjectAnnotation", &source.uri(), cause));
            }
        };
        let payload = payload.map_err(|error| CopyError::Unavailable {
            operation: "GetObjectAnnotation",
            object: source.uri(),
            cause: Cause::unusable_answer(&format!("the answer broke off: {error}")),
        })?;
        self.destination
            .put_object_annotation()
            .bucket(&destination.bucket)
            .key(&destination.key)
            .annotation_name(name)
            .annotation_payload(ByteStream::from(payload.into_bytes()))
            .object_if_match(etag)
            .set_expected_bucket_owner(self.config.dest_bucket_owner.clone())
            .send()
            .await
            .map_err(|error| at_destination("PutObjectAnnotation", destination, error.into()))?;
        Ok(())
    }
}

fn marks(entries: Vec<AnnotationEntry>) -> HashMap<String, Mark> {
    entries
        .into_iter()
        .map(|entry| (entry.annotation_name, (entry.size, entry.e_tag)))
        .collect()
}

/// A destination that is gone, or is another object by now, was changed by someone else.
fn at_destination(operation: &'static str, destination: &Destination, cause: Cause) -> CopyError {
    match cause.status {
        Some(404 | 412) => CopyError::DestinationChanged {
            object: destination.uri(),
            cause,
        },
        _ => CopyError::of(operation, &destination.uri(), cause),
    }
}
