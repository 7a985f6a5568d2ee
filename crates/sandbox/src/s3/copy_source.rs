//! The `x-amz-copy-source` header: decoded here, once, and resolved to an object that may be copied.

use std::sync::Arc;

use http::HeaderMap;
use s3s::{S3Result, s3_error};

use super::bucket::Bucket;
use super::encoding::form_decode;
use super::error::not_implemented;
use super::limits::{COPY_SOURCE_MAX_BYTES, KEY_MAX_BYTES};
use super::object::Object;
use super::store::Store;

/// The object a copy reads.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CopySource {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) version_id: Option<String>,
}

/// A source found.
pub(super) struct Source {
    pub(super) object: Arc<Object>,
    /// Reported where the bucket is versioned.
    pub(super) version_id: Option<String>,
}

impl CopySource {
    /// Reads the raw header: the protocol layer's reading leaves `+` as it is, S3 reads it as a space.
    ///
    /// # Errors
    ///
    /// InvalidArgument when it is no encoded bucket and key; NotImplemented for an ARN.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        let raw = headers
            .get("x-amz-copy-source")
            .and_then(|raw| std::str::from_utf8(raw.as_bytes()).ok());
        Self::parse(raw.unwrap_or_default())
    }

    fn parse(raw: &str) -> S3Result<Self> {
        let invalid = || s3_error!(InvalidArgument, "Invalid copy source object key");
        let (path, query) = raw
            .split_once('?')
            .map_or((raw, None), |(path, query)| (path, Some(query)));
        let version_id = match query {
            None => None,
            Some(query) => Some(
                query
                    .strip_prefix("versionId=")
                    .and_then(form_decode)
                    .ok_or_else(invalid)?,
            ),
        };
        let decoded = form_decode(path).ok_or_else(invalid)?;
        let decoded = decoded.strip_prefix('/').unwrap_or(&decoded);
        if decoded.starts_with("arn:") {
            return Err(not_implemented("a copy source that is an access point"));
        }
        let (bucket, key) = decoded.split_once('/').ok_or_else(invalid)?;
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            return Err(invalid());
        }
        Ok(Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id,
        })
    }

    /// # Errors
    ///
    /// NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidObjectState if archived, InvalidRequest for a delete marker or
    /// without a customer's key.
    pub(super) fn resolve(&self, store: &Store) -> S3Result<Source> {
        let (object, version_id) = store.with_bucket(&self.bucket, |bucket| self.find(bucket))?;
        object.attributes.check_key()?;
        if object.attributes.is_archived() {
            return Err(s3_error!(
                InvalidObjectState,
                "Operation is not valid for the source object's storage class"
            ));
        }
        Ok(Source { object, version_id })
    }

    fn find(&self, bucket: &Bucket) -> S3Result<(Arc<Object>, Option<String>)> {
        let found = bucket.find(&self.key, self.version_id.as_deref());
        found.map_err(|error| match error.code() {
            s3s::S3ErrorCode::MethodNotAllowed => {
                s3_error!(InvalidRequest, "The source of a copy request may not specifically refer to a delete marker by version id.")
            }
            _ => error,
        })
    }
}

/// # Errors
///
/// InvalidRequest when there is more to copy than one request copies.
pub(super) fn check_copy_size(size_bytes: u64) -> S3Result<()> {
    if size_bytes > COPY_SOURCE_MAX_BYTES {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source: {COPY_SOURCE_MAX_BYTES}"
        ));
    }
    Ok(())
}

/// The source's conditions of a CopyObject or UploadPartCopy input, whose fields are the same.
macro_rules! source_conditions_of {
    ($input:expr) => {
        $crate::s3::conditions::ReadConditions {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}
pub(super) use source_conditions_of;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &str) -> (String, String, Option<String>) {
        let source = CopySource::parse(raw).unwrap();
        (source.bucket, source.key, source.version_id)
    }

    #[test]
    fn the_key_is_decoded_exactly_once() {
        let cases = [
            ("b/k", "k", None),
            ("/b/k", "k", None),
            ("b%2Fa%2Fb", "a/b", None),
            ("b//k//", "/k//", None),
            ("b/a%2541", "a%41", None),
            ("b/a+b%2Bc", "a b+c", None),
            (
                "b/what%3FversionId=1?versionId=v%2B",
                "what?versionId=1",
                Some("v+"),
            ),
        ];
        for (raw, key, version_id) in cases {
            assert_eq!(
                parsed(raw),
                ("b".into(), key.into(), version_id.map(String::from)),
                "{raw}"
            );
        }
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for raw in ["", "b", "b/", "b/k?other=1", "b/%ff"] {
            assert_eq!(
                CopySource::parse(raw).unwrap_err().code(),
                &s3s::S3ErrorCode::InvalidArgument,
                "{raw}"
            );
        }
        let arn = "arn:aws:s3:eu-west-1:000000000000:accesspoint/a/object/k";
        assert_eq!(
            CopySource::parse(arn).unwrap_err().code(),
            &s3s::S3ErrorCode::NotImplemented
        );
    }
}
