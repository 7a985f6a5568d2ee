//! An object and its versions.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{ETag, Timestamp};

use super::annotation::Annotations;
use super::attributes::Attributes;
use super::checksum::Checksum;
use super::content::Content;

/// One object, immutable but for its tags and annotations.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) content: Content,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) checksum: Checksum,
    pub(super) attributes: Attributes,
    pub(super) annotations: Annotations,
    pub(super) last_modified: Timestamp,
}

impl Object {
    pub(super) fn etag_dto(&self) -> ETag {
        ETag::Strong(self.etag.clone())
    }

    pub(super) fn etag_quoted(&self) -> String {
        format!("\"{}\"", self.etag)
    }
}

/// A version of a key: an object, or the marker of its deletion.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// `null` for what was written while versioning was not enabled.
    pub(super) id: String,
    pub(super) last_modified: Timestamp,
    /// `None` is a delete marker.
    pub(super) object: Option<Arc<Object>>,
}

/// Now, in whole seconds as S3 keeps times.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub(super) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()))
}
