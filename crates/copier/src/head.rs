//! What HeadObject shows of an object: all that a copy must preserve, and what tells copies apart.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumMode, RequestPayer, StorageClass};
use backup::aws::Cause;

use crate::checksum::{Checksum, FullObjectChecksum};

/// An object as it was when it was looked at.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its entity tag, with its quotes.
    pub etag: String,
    /// Its version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// Its last change, in whole seconds.
    pub last_modified: Option<DateTime>,
    /// Its full-object checksum, if it has one.
    pub checksum: Option<Checksum>,
    /// What its owner said of it.
    pub attributes: Attributes,
    /// Its storage class; none is STANDARD.
    pub storage_class: Option<StorageClass>,
    /// How many tags it has.
    pub tag_count: i32,
    /// Whether it is archived and not restored: it cannot be read.
    pub archived: bool,
}

/// What an object's owner said of it: the content headers and the user metadata.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Expires`.
    pub expires: Option<DateTime>,
    /// Where a website sends those who ask for it.
    pub website_redirect_location: Option<String>,
    /// `x-amz-meta-*`.
    pub metadata: HashMap<String, String>,
}

/// Looks at an object; `None` if there is none.
///
/// # Errors
/// S3 refused to say, or did not answer.
pub async fn head(
    client: &Client,
    bucket: &str,
    key: &str,
    expected_owner: Option<&String>,
    payer: Option<RequestPayer>,
) -> Result<Option<Head>, Cause> {
    let answer = client
        .head_object()
        .bucket(bucket)
        .key(key)
        .checksum_mode(ChecksumMode::Enabled)
        .set_expected_bucket_owner(expected_owner.cloned())
        .set_request_payer(payer)
        .send()
        .await
        .map_err(Cause::from);
    match answer {
        Ok(answer) => Head::read(answer).map(Some),
        // An answer to HEAD has no body: a missing bucket looks the same.
        Err(cause) if cause.status == Some(404) => Ok(None),
        Err(cause) => Err(cause),
    }
}

impl Head {
    fn read(answer: HeadObjectOutput) -> Result<Head, Cause> {
        let size = answer
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        Ok(Head {
            size_bytes: size.ok_or_else(|| Cause::unusable_answer("the head shows no size"))?,
            checksum: answer.full_object_checksum(),
            archived: is_archived(&answer),
            attributes: Attributes::read(&answer),
            etag: answer
                .e_tag
                .ok_or_else(|| Cause::unusable_answer("the head shows no ETag"))?,
            version_id: answer.version_id,
            last_modified: answer.last_modified,
            storage_class: answer.storage_class,
            tag_count: answer.tag_count.unwrap_or_default(),
        })
    }
}

impl Attributes {
    fn read(answer: &HeadObjectOutput) -> Attributes {
        let expires = answer.expires_string();
        Attributes {
            cache_control: answer.cache_control.clone(),
            content_disposition: answer.content_disposition.clone(),
            content_encoding: answer.content_encoding.clone(),
            content_language: answer.content_language.clone(),
            content_type: answer.content_type.clone(),
            expires: expires.and_then(|text| {
                DateTime::from_str(text, aws_sdk_s3::primitives::DateTimeFormat::HttpDate).ok()
            }),
            website_redirect_location: answer.website_redirect_location.clone(),
            metadata: answer.metadata.clone().unwrap_or_default(),
        }
    }
}

/// Archived objects cannot be read before a restore, and a restored one says until when it can be.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>
fn is_archived(answer: &HeadObjectOutput) -> bool {
    let restored = answer
        .restore()
        .is_some_and(|restore| restore.contains("ongoing-request=\"false\""));
    let cold = matches!(
        answer.storage_class(),
        Some(StorageClass::Glacier | StorageClass::DeepArchive)
    );
    (cold && !restored) || answer.archive_status().is_some()
}
