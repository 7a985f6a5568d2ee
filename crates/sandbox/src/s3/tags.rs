//! Object tags: the `x-amz-tagging` header and S3's limits.

use std::collections::HashSet;

use s3s::dto::Tag;
use s3s::{S3Result, s3_error};

use super::encoding::form_decode;
use super::error::{bad_request, malformed_xml};
use super::limits::{TAG_KEY_MAX_CHARS, TAG_VALUE_MAX_CHARS, TAGS_MAX};

/// Reads tags encoded as a URL's query: `key=value&other=value`.
///
/// # Errors
///
/// InvalidArgument when it is not one.
pub(super) fn parse_header(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let pairs = header
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    let tags = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((form_decode(key)?, form_decode(value)?))
    });
    tags.collect::<Option<_>>().ok_or_else(|| {
        s3_error!(InvalidArgument, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
    })
}

/// Reads the tags of a PutObjectTagging body.
///
/// # Errors
///
/// MalformedXML for a tag without key or value, InvalidTag beyond the limits.
pub(super) fn from_dto(tags: Vec<Tag>) -> S3Result<Vec<(String, String)>> {
    let pairs: Option<Vec<_>> = tags.into_iter().map(|tag| tag.key.zip(tag.value)).collect();
    let pairs = pairs.ok_or_else(malformed_xml)?;
    validate(&pairs)?;
    Ok(pairs)
}

pub(super) fn to_dto(tags: &[(String, String)]) -> Vec<Tag> {
    let tag = |(key, value): &(String, String)| Tag {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    tags.iter().map(tag).collect()
}

/// # Errors
///
/// BadRequest for more than ten tags, InvalidTag for one that is too long, empty, reserved or given twice.
pub(super) fn validate(tags: &[(String, String)]) -> S3Result<()> {
    if tags.len() > TAGS_MAX {
        // S3's code for this one is BadRequest.
        return Err(bad_request(
            "BadRequest",
            "Object tags cannot be greater than 10",
        ));
    }
    let mut keys = HashSet::new();
    for (key, value) in tags {
        let key_chars = key.chars().count();
        if key_chars == 0 || key_chars > TAG_KEY_MAX_CHARS || key.starts_with("aws:") {
            return Err(s3_error!(
                InvalidTag,
                "The TagKey you have provided is invalid"
            ));
        }
        if value.chars().count() > TAG_VALUE_MAX_CHARS {
            return Err(s3_error!(
                InvalidTag,
                "The TagValue you have provided is invalid"
            ));
        }
        if !key.chars().chain(value.chars()).all(is_allowed) {
            return Err(s3_error!(
                InvalidTag,
                "The TagKey or TagValue you have provided is invalid"
            ));
        }
        if !keys.insert(key) {
            return Err(s3_error!(
                InvalidTag,
                "Cannot provide multiple Tags with the same key"
            ));
        }
    }
    Ok(())
}

/// Letters, numbers and spaces of any script, and `+ - = . _ : / @`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character.is_whitespace() || "+-=._:/@".contains(character)
}
