//! What is to be copied: its head and its tags, pinned by ETag and version.

use aws_sdk_s3::Client;
use backup::aws::Cause;
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
        let owner = config.source_bucket_owner.as_ref();
        let head = match head(client, bucket, key, owner, config.request_payer.clone()).await {
            Ok(Some(head)) => head,
            Ok(None) => {
                return Err(CopyError::SourceMissing {
                    object: uri,
                    cause: None,
                });
            }
            Err(cause) if cause.status == Some(400) => {
                return Err(unreadable(client, config, key, uri, cause).await);
            }
            Err(cause) => return Err(CopyError::of("HeadObject", &uri, cause)),
        };
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
        if !config.preserve.tags || self.head.tag_count == 0 {
            return Ok(None);
        }
        let answer = client
            .get_object_tagging()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.head.version_id.clone())
            .set_expected_bucket_owner(config.source_bucket_owner.clone())
            .set_request_payer(config.request_payer.clone())
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

/// Why a head is answered with 400. It has no body to say so; reading a byte of the object says it.
async fn unreadable(
    client: &Client,
    config: &Config,
    key: &str,
    object: String,
    head: Cause,
) -> CopyError {
    let answer = client
        .get_object()
        .bucket(&config.source_bucket)
        .key(key)
        .range("bytes=0-0")
        .set_expected_bucket_owner(config.source_bucket_owner.clone())
        .set_request_payer(config.request_payer.clone())
        .send()
        .await;
    match answer.map_err(Cause::from) {
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
        Err(cause)
            if cause.code.as_deref() == Some("InvalidRequest")
                && cause.to_string().contains("Server Side Encryption") =>
        {
            CopyError::Unsupported { object, cause }
        }
        Err(cause) => CopyError::of("GetObject", &object, cause),
        Ok(_) => CopyError::of("HeadObject", &object, head),
    }
}
