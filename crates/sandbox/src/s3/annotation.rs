//! An annotation: a named text that belongs to a version of an object, and S3's limits on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use s3s::dto::Timestamp;
use s3s::{S3Error, S3Result, s3_error};

use super::attributes::{Attributes, Encryption};
use super::checksum::Checksum;
use super::content::Content;
use super::error::{bad_request, custom};
use super::limits::{ANNOTATION_NAME_MAX_BYTES, ANNOTATIONS_MAX};

/// An object's annotations by name, in UTF-8 binary order; copies of the object share them.
pub(super) type Annotations = Arc<BTreeMap<String, Annotation>>;

/// One annotation.
#[derive(Debug, Clone)]
pub(super) struct Annotation {
    pub(super) text: Bytes,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) checksum: Checksum,
    pub(super) last_modified: Timestamp,
}

/// # Errors
///
/// AnnotationNameTooLong, or InvalidAnnotationName.
pub(super) fn check_name(name: &str) -> S3Result<()> {
    if name.len() > ANNOTATION_NAME_MAX_BYTES {
        return Err(bad_request(
            "AnnotationNameTooLong",
            "The annotation name exceeds 512 bytes.",
        ));
    }
    let lower = name.to_lowercase();
    let is_reserved = lower.starts_with("aws") || lower.starts_with("s3");
    if name.is_empty() || is_reserved || !name.chars().all(is_permitted) {
        return Err(bad_request(
            "InvalidAnnotationName",
            "The annotation name you provided is invalid.",
        ));
    }
    Ok(())
}

/// # Errors
///
/// InvalidPrefix for what no name can start with.
pub(super) fn check_prefix(prefix: &str) -> S3Result<()> {
    if prefix.len() <= ANNOTATION_NAME_MAX_BYTES && prefix.chars().all(is_permitted) {
        return Ok(());
    }
    Err(bad_request(
        "InvalidPrefix",
        "The annotation prefix you provided is invalid.",
    ))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-managing.html>
fn is_permitted(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-')
}

/// # Errors
///
/// InvalidRequest for an object encrypted with a customer's key, AnnotationLimitExceeded when one more has no room.
pub(super) fn check_room(of: &Attributes, annotations: &Annotations, name: &str) -> S3Result<()> {
    if of.encryption == Encryption::Customer {
        return Err(s3_error!(
            InvalidRequest,
            "Objects encrypted with SSE-C cannot have annotations."
        ));
    }
    // A known name is overwritten.
    if annotations.len() < ANNOTATIONS_MAX || annotations.contains_key(name) {
        return Ok(());
    }
    Err(bad_request(
        "AnnotationLimitExceeded",
        "The request would exceed the maximum number of annotations allowed per object.",
    ))
}

/// # Errors
///
/// InvalidRequest for no bytes, UnsupportedMediaType for other bytes than UTF-8.
pub(super) fn text(content: &Content) -> S3Result<Bytes> {
    let mut text = BytesMut::new();
    for chunk in content.chunks() {
        text.extend_from_slice(&chunk.map_err(S3Error::internal_error)?);
    }
    if text.is_empty() {
        return Err(s3_error!(
            InvalidRequest,
            "The annotation payload must be between 1 byte and 1 MiB."
        ));
    }
    if std::str::from_utf8(&text).is_err() {
        return Err(custom(
            "UnsupportedMediaType",
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The annotation payload is not valid UTF-8 encoded text.",
        ));
    }
    Ok(text.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> String {
        check_name(name).unwrap_err().code().as_str().to_owned()
    }

    #[test]
    fn a_name_is_letters_digits_and_three_signs_and_not_amazons_own() {
        for name in ["a", "ml.sentiment", "Größe_1-x", "数", &"x".repeat(512)] {
            check_name(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        for name in ["", "aws", "AWS.x", "s3", "S3-x", "a b", "a/b", "a\n", "a+b"] {
            assert_eq!(refusal(name), "InvalidAnnotationName", "{name:?}");
        }
        assert_eq!(refusal(&"ä".repeat(257)), "AnnotationNameTooLong");
    }
}
