//! An object in a bucket: its name, what a listing says of it, and how a copy names it.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The longest key S3 takes, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
pub const MAX_KEY_BYTES: usize = 1_024;

/// Characters that stand for themselves in a copy source; `/` keeps the key readable.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The bucket it is in.
    pub bucket: String,
    /// Its key, unencoded.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, with the quotes S3 gives it.
    pub etag: Option<String>,
    /// Its last change; S3 keeps whole seconds.
    pub last_modified: Option<Timestamp>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&s3_uri(&self.bucket, &self.key))
    }
}

/// Why a key cannot be S3's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// There is nothing in it.
    #[error("the key is empty; a key has 1 to {MAX_KEY_BYTES} bytes")]
    Empty,
    /// It is longer than S3 takes.
    #[error("the key has {bytes} bytes; a key has 1 to {MAX_KEY_BYTES} bytes")]
    TooLong {
        /// The key's length in bytes.
        bytes: usize,
    },
}

/// Checks a key's length.
///
/// # Errors
/// The key is empty or longer than [`MAX_KEY_BYTES`].
pub fn check_key(key: &str) -> Result<(), KeyError> {
    match key.len() {
        0 => Err(KeyError::Empty),
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(KeyError::TooLong { bytes }),
    }
}

/// Whether a copy was written after the last change of its source, both in whole seconds as S3 keeps them: a
/// copy of the second in which its source changed may be of the state before.
pub fn written_after(copy_secs: Option<i64>, source_secs: Option<i64>) -> bool {
    matches!((copy_secs, source_secs), (Some(copy), Some(source)) if copy > source)
}

/// `s3://bucket/key` for people: control characters are escaped, so that a key cannot forge a log line.
pub fn s3_uri(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{}", printable(key))
}

/// The text with its control characters escaped, and Unicode's line separators, at which some readers of logs
/// end a line.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The value of `x-amz-copy-source`. The SDK sends it as it is given, so the key is encoded here, and
/// the version stays outside the encoding (<https://github.com/awslabs/aws-sdk-rust/issues/1357>).
pub fn copy_source(bucket: &str, key: &str, version_id: Option<&str>) -> String {
    let object = format!("{bucket}/{}", utf8_percent_encode(key, COPY_SOURCE));
    match version_id {
        Some(version) => format!(
            "{object}?versionId={}",
            utf8_percent_encode(version, COPY_SOURCE)
        ),
        None => object,
    }
}

/// A listed key, out of the URL encoding of listings: a space is `+`, all else is percent-encoded.
///
/// # Errors
/// It is not UTF-8, as every key of S3 is.
pub fn decode_listed_key(encoded: &str) -> Result<String, Utf8Error> {
    let spaced: Cow<'_, str> = if encoded.contains('+') {
        encoded.replace('+', " ").into()
    } else {
        encoded.into()
    };
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_keys_as_listings_encode_them() {
        assert_eq!(
            decode_listed_key("2016-06-30/a+b%2Bc%2541%26%0A%01%C3%BC").unwrap(),
            "2016-06-30/a b+c%41&\n\u{1}ü"
        );
        assert!(decode_listed_key("%FF").is_err());
    }
    use proptest::prelude::*;

    #[test]
    fn encodes_everything_a_header_or_a_query_would_misread() {
        let source = copy_source("b", "2016-06-30/a b+c%41?d&e=#;,ü\n//../f", None);
        assert_eq!(
            source,
            "b/2016-06-30/a%20b%2Bc%2541%3Fd%26e%3D%23%3B%2C%C3%BC%0A//../f"
        );
    }

    #[test]
    fn keeps_the_version_outside_the_encoded_key() {
        assert_eq!(
            copy_source("b", "a?versionId=1", Some("v+2")),
            "b/a%3FversionId%3D1?versionId=v%2B2"
        );
    }

    #[test]
    fn shows_control_characters_escaped() {
        assert_eq!(s3_uri("b", "a\n\u{1b}[31mü"), "s3://b/a\\n\\u{1b}[31mü");
        assert_eq!(s3_uri("b", "a\u{2028}b\u{85}"), "s3://b/a\\u{2028}b\\u{85}");
    }

    #[test]
    fn takes_keys_of_1_to_1024_bytes() {
        assert_eq!(check_key(""), Err(KeyError::Empty));
        assert_eq!(check_key("k"), Ok(()));
        assert_eq!(check_key(&"ü".repeat(512)), Ok(()));
        let error = check_key(&"ü".repeat(513)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the key has 1026 bytes; a key has 1 to 1024 bytes"
        );
    }

    proptest! {
        #[test]
        fn copy_source_survives_any_key_and_keeps_the_version_outside(
            key in "(?s).{1,256}|[\\x00-\\x7f]{1,1024}|[/?=&%+ ]{1,20}",
            version in proptest::option::of("(?s).{1,32}|[A-Za-z0-9._-]{32}"),
        ) {
            let source = copy_source("bucket", &key, version.as_deref());
            prop_assert!(source.bytes().all(|byte| byte.is_ascii_graphic()));
            let (object, given) = match source.split_once('?') {
                Some((object, query)) => (object, query.strip_prefix("versionId=")),
                None => (source.as_str(), None),
            };
            let decoded = |text| percent_decode_str(text).decode_utf8().unwrap();
            let (bucket, encoded) = object.split_once('/').unwrap();
            prop_assert_eq!(bucket, "bucket");
            prop_assert_eq!(decoded(encoded), key);
            prop_assert_eq!(given.map(decoded), version.map(Into::into));
        }
    }
}
