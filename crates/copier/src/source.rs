//! What is to be copied: its head and its tags, pinned by ETag and version.

use aws_sdk_s3::Client;
use backup::object::{copy_source, s3_uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Config;
use crate::error::CopyError;
use crate::head::{Head, head};

/// A source object as it was when it was looked at. Every read of it is pinned to that state.
#[derive(Debug)]
pub struct Source {
    /// Its key.
    pub key: String,
    /// What its head shows.
    pub head: Head,
    bucket: String,
}

impl Source {
    /// Looks at the object.
    ///
    /// # Errors
    /// It is missing, or S3 refused to say.
    pub async fn look(client: &Client, config: &Config, key: &str) -> Result<Source, CopyError> {
        let bucket = &config.source_bucket;
        let uri = s3_uri(bucket, key);
        let head = head(client, bucket, key, config.source_bucket_owner.as_ref())
            .await
            .map_err(|cause| CopyError::of("HeadObject", &uri, cause))?
            .ok_or(CopyError::SourceMissing {
                object: uri,
                cause: None,
            })?;
        Ok(Source {
            key: key.to_owned(),
            head,
            bucket: bucket.clone(),
        })
    }

    /// The tags, as CreateMultipartUpload takes them; no request if the head counts none.
    ///
    /// # Errors
    /// S3 refused to say.
    pub async fn tags(
        &self,
        client: &Client,
        config: &Config,
    ) -> Result<Option<String>, CopyError> {
        if self.head.tag_count == 0 {
            return Ok(None);
        }
        let answer = client
            .get_object_tagging()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.head.version_id.clone())
            .set_expected_bucket_owner(config.source_bucket_owner.clone())
            .send()
            .await
            .map_err(|error| CopyError::of("GetObjectTagging", &self.uri(), error))?;
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let tags = answer
            .tag_set()
            .iter()
            .map(|tag| format!("{}={}", encoded(tag.key()), encoded(tag.value())));
        Ok(Some(tags.collect::<Vec<_>>().join("&")))
    }

    /// The value of `x-amz-copy-source`, with the version where there is one.
    pub fn copy_source(&self) -> String {
        copy_source(&self.bucket, &self.key, self.head.version_id.as_deref())
    }

    /// Its name for people.
    pub fn uri(&self) -> String {
        s3_uri(&self.bucket, &self.key)
    }
}
