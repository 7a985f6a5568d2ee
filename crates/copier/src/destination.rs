//! Where a copy goes: is it there already, and is it the same.

use aws_sdk_s3::Client;
use backup::object::{KeyError, check_key, s3_uri, written_after};

use crate::config::Config;
use crate::error::CopyError;
use crate::head::{Head, head};
use crate::policy::Preserve;

/// The destination of one copy as it was when it was looked at.
#[derive(Debug)]
pub struct Destination {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// What is there.
    pub head: Option<Head>,
}

impl Destination {
    /// Looks at what is there.
    ///
    /// # Errors
    /// S3 refused to say, or the key with its prefix is too long.
    pub async fn look(
        client: &Client,
        config: &Config,
        source_key: &str,
    ) -> Result<Destination, CopyError> {
        let mut destination = Destination::empty(config, source_key)?;
        let owner = config.dest_bucket_owner.as_ref();
        destination.head = head(client, &destination.bucket, &destination.key, owner, None)
            .await
            .map_err(|cause| CopyError::of("HeadObject", &destination.uri(), cause))?;
        Ok(destination)
    }

    /// One where nothing is.
    ///
    /// # Errors
    /// The key with its prefix is too long.
    pub fn empty(config: &Config, source_key: &str) -> Result<Destination, CopyError> {
        let destination = Destination {
            bucket: config.dest_bucket.clone(),
            key: config.dest_key(source_key),
            head: None,
        };
        check_key(&destination.key).map_err(|source: KeyError| CopyError::DestinationKey {
            object: destination.uri(),
            source,
        })?;
        Ok(destination)
    }

    /// Whether the source is there already, with the same content headers and metadata where those are
    /// preserved.
    pub fn has(&self, source: &Head, preserve: Preserve) -> bool {
        self.head
            .as_ref()
            .is_some_and(|there| is_same(source, there, preserve))
    }

    /// The condition that nothing is there: `If-None-Match`.
    pub fn if_none_match(&self) -> Option<String> {
        self.head.is_none().then(|| "*".to_owned())
    }

    /// The condition that what was seen is still there: `If-Match`.
    pub fn if_match(&self) -> Option<String> {
        self.head.as_ref().map(|head| head.etag.clone())
    }

    /// Its name for people.
    pub fn uri(&self) -> String {
        s3_uri(&self.bucket, &self.key)
    }
}

/// Same size and attributes; then the checksums decide if they can be compared, else the times.
fn is_same(source: &Head, there: &Head, preserve: Preserve) -> bool {
    if source.size_bytes != there.size_bytes {
        return false;
    }
    if preserve.metadata && source.attributes != there.attributes {
        return false;
    }
    match (&source.checksum, &there.checksum) {
        (Some(ours), Some(theirs)) if ours.algorithm == theirs.algorithm => ours == theirs,
        _ => {
            let secs = |head: &Head| head.last_modified.map(|moment| moment.secs());
            written_after(secs(there), secs(source))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;
    use crate::head::Attributes;
    use aws_sdk_s3::primitives::DateTime;
    use aws_sdk_s3::types::ChecksumAlgorithm;

    fn is_same(source: &Head, there: &Head) -> bool {
        let preserve = Preserve {
            metadata: true,
            ..Preserve::default()
        };
        super::is_same(source, there, preserve)
    }

    fn head_of(second: i64, checksum: Option<(ChecksumAlgorithm, &str)>) -> Head {
        Head {
            size_bytes: 10,
            etag: "\"e\"".to_owned(),
            version_id: None,
            last_modified: Some(DateTime::from_secs(second)),
            checksum: checksum.map(|(algorithm, value)| Checksum {
                algorithm,
                value: value.to_owned(),
            }),
            attributes: Attributes::default(),
            storage_class: None,
            tag_count: 0,
            archived: false,
        }
    }

    #[test]
    fn checksums_decide_where_they_can_be_compared() {
        let crc = |second, value| head_of(second, Some((ChecksumAlgorithm::Crc64Nvme, value)));
        assert!(
            is_same(&crc(100, "a"), &crc(50, "a")),
            "whenever it was written"
        );
        assert!(!is_same(&crc(100, "a"), &crc(200, "b")));
    }

    #[test]
    fn else_only_a_copy_written_after_the_sources_last_change_is_the_same() {
        let crc32 = head_of(100, Some((ChecksumAlgorithm::Crc32, "a")));
        let other = |second| head_of(second, Some((ChecksumAlgorithm::Crc64Nvme, "b")));
        assert!(is_same(&crc32, &other(101)));
        assert!(!is_same(&crc32, &other(100)), "the same second is no proof");
        assert!(!is_same(&crc32, &other(99)));
        assert!(is_same(&head_of(100, None), &head_of(101, None)));
    }

    #[test]
    fn another_size_header_or_metadata_is_another_object() {
        let source = head_of(100, Some((ChecksumAlgorithm::Crc64Nvme, "a")));
        let mut there = source.clone();
        there.size_bytes = 11;
        assert!(!is_same(&source, &there));
        let mut there = source.clone();
        there.attributes.content_type = Some("text/plain".to_owned());
        assert!(!is_same(&source, &there));
        let mut there = source.clone();
        there
            .attributes
            .metadata
            .insert("author".to_owned(), "me".to_owned());
        assert!(!is_same(&source, &there));
        let nothing = Preserve::default();
        assert!(
            super::is_same(&source, &there, nothing),
            "where metadata is not preserved, it is not compared"
        );
    }
}
