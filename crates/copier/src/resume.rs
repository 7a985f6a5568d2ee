//! Finds the upload that an invocation cut short has left open, so that only its missing parts are copied.

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::{
    CompletedPart, EncodingType, Initiator, MultipartUpload, Part as ListedPart,
};
use backup::aws::Cause;
use backup::object::decode_listed_key;
use tracing::{info, warn};

use crate::error::CopyError;
use crate::plan::Parts;
use crate::upload::Upload;

impl<'a> Upload<'a> {
    /// The upload to the same key that this one repeats, with the parts it has: the one with most parts of
    /// those that [`could_be_ours`]. The others are left to the bucket's lifecycle rule.
    pub(crate) async fn left_open(&self, plan: Parts) -> Result<Option<Upload<'a>>, CopyError> {
        let uploads = self.uploads_to_the_key().await?;
        let Some(this) = uploads
            .iter()
            .find(|upload| upload.upload_id() == Some(&self.id))
        else {
            warn!(
                "S3 does not list the upload just created, so it cannot be told whose the others are"
            );
            return Ok(None);
        };
        let mut most: Option<Upload<'a>> = None;
        for candidate in &uploads {
            let Some(id) = candidate.upload_id() else {
                continue;
            };
            if id == self.id || !self.could_be_ours(candidate, this) {
                continue;
            }
            let found = self.parts_of(id, plan).await?.unwrap_or_default();
            if found.len() > most.as_ref().map_or(0, |most| most.found.len()) {
                let id = id.to_owned();
                let open = Upload::new(self.copier, self.source, self.destination, id, found);
                most = Some(open);
            }
        }
        if let Some(open) = &most {
            let (found, parts) = (open.found.len(), plan.count());
            info!(
                upload_id = open.id,
                found, parts, "going on with an upload left open"
            );
        }
        Ok(most)
    }

    /// Whether an upload was created by us, as this one was, and of the source as it is. That it is of this
    /// very state, the checksum says at completion.
    fn could_be_ours(&self, candidate: &MultipartUpload, this: &MultipartUpload) -> bool {
        let initiator = |upload: &MultipartUpload| {
            upload
                .initiator()
                .and_then(Initiator::id)
                .map(str::to_owned)
        };
        let changed = self.source.head.last_modified.map(|moment| moment.secs());
        let initiated = candidate.initiated().map(|moment| moment.secs());
        initiator(this).is_some()
            && initiator(candidate) == initiator(this)
            && changed.is_some()
            && initiated > changed
            && candidate.checksum_algorithm() == this.checksum_algorithm()
            && candidate.checksum_type() == this.checksum_type()
            && candidate.storage_class() == this.storage_class()
    }

    /// The open uploads to the destination's key.
    async fn uploads_to_the_key(&self) -> Result<Vec<MultipartUpload>, CopyError> {
        let (mut key_marker, mut id_marker) = (None, None);
        let mut uploads = Vec::new();
        loop {
            let page = self
                .copier
                .destination
                .list_multipart_uploads()
                .bucket(&self.destination.bucket)
                .prefix(&self.destination.key)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                // XML cannot carry every character that a key can.
                .encoding_type(EncodingType::Url)
                .set_expected_bucket_owner(self.copier.config.dest_bucket_owner.clone())
                .send()
                .await
                .map_err(|error| {
                    CopyError::of("ListMultipartUploads", &self.destination.uri(), error)
                })?;
            let in_page = page.uploads().len();
            let mut ours = self.to_the_key(&page)?;
            // Keys come in order, and the key itself before those that it begins.
            let is_last = page.is_truncated() != Some(true) || ours.len() < in_page;
            uploads.append(&mut ours);
            if is_last {
                return Ok(uploads);
            }
            key_marker = self.decoded(&page, page.next_key_marker())?;
            id_marker = page.next_upload_id_marker;
        }
    }

    fn to_the_key(
        &self,
        page: &ListMultipartUploadsOutput,
    ) -> Result<Vec<MultipartUpload>, CopyError> {
        let mut ours = Vec::new();
        for upload in page.uploads() {
            if self.decoded(page, upload.key())?.as_ref() == Some(&self.destination.key) {
                ours.push(upload.clone());
            }
        }
        Ok(ours)
    }

    fn decoded(
        &self,
        page: &ListMultipartUploadsOutput,
        key: Option<&str>,
    ) -> Result<Option<String>, CopyError> {
        let decoded = match page.encoding_type() {
            Some(EncodingType::Url) => key.map(decode_listed_key).transpose(),
            _ => Ok(key.map(str::to_owned)),
        };
        decoded.map_err(|_| CopyError::Unavailable {
            operation: "ListMultipartUploads",
            object: self.destination.uri(),
            cause: Cause::unusable_answer("the page has a key that is not UTF-8"),
        })
    }

    /// The parts of an upload; `None` if one is not of the planned size, or the upload is gone.
    async fn parts_of(
        &self,
        id: &str,
        plan: Parts,
    ) -> Result<Option<Vec<CompletedPart>>, CopyError> {
        let mut pages = self
            .copier
            .destination
            .list_parts()
            .bucket(&self.destination.bucket)
            .key(&self.destination.key)
            .upload_id(id)
            .set_expected_bucket_owner(self.copier.config.dest_bucket_owner.clone())
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page.map_err(Cause::from) {
                Ok(page) => page,
                // Completed or aborted since it was listed.
                Err(cause) if cause.code.as_deref() == Some("NoSuchUpload") => return Ok(None),
                Err(cause) => {
                    return Err(CopyError::of("ListParts", &self.destination.uri(), cause));
                }
            };
            for part in page.parts() {
                match planned(part, plan) {
                    Some(part) => found.push(part),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(found))
    }
}

/// The part as completion lists it, if it is one of the plan's.
fn planned(part: &ListedPart, plan: Parts) -> Option<CompletedPart> {
    let number = u32::try_from(part.part_number()?).ok()?;
    let range = plan.part(number)?.range;
    let size_bytes = u64::try_from(part.size()?).ok()?;
    (size_bytes == range.end() - range.start() + 1).then(|| {
        CompletedPart::builder()
            .set_part_number(part.part_number())
            .set_e_tag(part.e_tag().map(str::to_owned))
            .set_checksum_crc64_nvme(part.checksum_crc64_nvme().map(str::to_owned))
            .set_checksum_crc32_c(part.checksum_crc32_c().map(str::to_owned))
            .set_checksum_crc32(part.checksum_crc32().map(str::to_owned))
            .build()
    })
}
