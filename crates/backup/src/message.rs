//! The wire message: one per key, from the publisher through the topic to a copier.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::{KeyError, ObjectRef, check_key};

/// The version of the message this code writes and reads.
pub const VERSION: u64 = 1;

/// The longest message, in bytes. A key of 1,024 bytes takes at most 2 KiB in JSON where XML can carry
/// it; one full of other control characters takes 6 KiB. Ten of these stay far below the 262,144 bytes
/// of a PublishBatch (<https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>).
pub const MAX_BYTES: usize = 8 * 1_024;

/// A request to copy one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The publisher's run; the same when that run is retried.
    pub run: String,
    /// The object, as the publisher's listing showed it.
    pub object: ObjectRef,
}

/// What a message body asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A publisher's message.
    Message(Message),
    /// A bare key of the configured source bucket, typed by an engineer into the SNS console.
    Key(String),
}

/// Why a body is not a request. The text says what is accepted.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is longer than any message.
    #[error("the message has {bytes} bytes; a message has at most {MAX_BYTES}")]
    TooLong {
        /// The body's length in bytes.
        bytes: usize,
    },
    /// It starts like JSON and is not.
    #[error(
        "the message starts with `{{` and is not JSON; \
         it must be a JSON message of version {VERSION}, or a bare key of the source bucket"
    )]
    NotJson(#[source] serde_json::Error),
    /// It is of a version this code does not know.
    #[error(
        "the message has `v` {given}; this copier reads version {VERSION}: deploy both functions together"
    )]
    UnknownVersion {
        /// The `v` it has.
        given: String,
    },
    /// A field is missing, unknown or of the wrong type.
    #[error("the message is not one of version {VERSION}")]
    Fields(#[source] serde_json::Error),
    /// Its key cannot be S3's.
    #[error("the message names no object")]
    Key(#[from] KeyError),
}

/// The message as it is written; `v` comes first for people.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    run: String,
    bucket: String,
    key: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<Timestamp>,
}

impl Message {
    /// The message as JSON.
    pub fn encode(&self) -> String {
        let ObjectRef {
            bucket,
            key,
            size,
            etag,
            last_modified,
        } = self.object.clone();
        let wire = Wire {
            v: VERSION,
            run: self.run.clone(),
            bucket,
            key,
            size,
            etag,
            last_modified,
        };
        serde_json::to_string(&wire).expect("strings, numbers and a timestamp always serialize")
    }
}

/// Reads a message body.
///
/// A body that starts with `{` must be a message; any other body is a bare key, spaces included.
///
/// # Errors
/// The body is neither.
pub fn decode(body: &str) -> Result<Request, MessageError> {
    if body.len() > MAX_BYTES {
        return Err(MessageError::TooLong { bytes: body.len() });
    }
    if !body.starts_with('{') {
        check_key(body)?;
        return Ok(Request::Key(body.to_owned()));
    }
    let value: serde_json::Value = serde_json::from_str(body).map_err(MessageError::NotJson)?;
    // The version first: a later one may well have other fields.
    let version = value.get("v").unwrap_or(&serde_json::Value::Null);
    if version.as_u64() != Some(VERSION) {
        return Err(MessageError::UnknownVersion {
            given: version.to_string(),
        });
    }
    let Wire {
        v: _,
        run,
        bucket,
        key,
        size,
        etag,
        last_modified,
    } = serde_json::from_value(value).map_err(MessageError::Fields)?;
    check_key(&key)?;
    Ok(Request::Message(Message {
        run,
        object: ObjectRef {
            bucket,
            key,
            size,
            etag,
            last_modified,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::error::Error;

    const EXAMPLE: &str = r#"{"v":1,"run":"2016-07-01T02:00:00Z","bucket":"acme-data","key":"2016-06-30/a b.bin","size":734003200,"etag":"\"9b2c\"","last_modified":"2016-06-30T11:02:03Z"}"#;

    fn error_of(body: &str) -> String {
        let error = decode(body).unwrap_err();
        match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn the_message_is_as_the_house_wrote_it() {
        let Request::Message(message) = decode(EXAMPLE).unwrap() else {
            panic!("a message")
        };
        assert_eq!(message.run, "2016-07-01T02:00:00Z");
        assert_eq!(
            message.object.to_string(),
            "s3://acme-data/2016-06-30/a b.bin"
        );
        assert_eq!(message.object.etag.as_deref(), Some("\"9b2c\""));
        assert_eq!(message.encode(), EXAMPLE);
    }

    #[test]
    fn anything_that_is_not_an_object_in_json_is_a_bare_key() {
        for key in [
            "2016-06-30/a b.bin",
            "17",
            "true",
            "[draft]",
            "\"quoted\"",
            " leading space",
            "ü",
        ] {
            assert_eq!(decode(key).unwrap(), Request::Key(key.to_owned()));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_body() {
        let with = |from: &str, to: &str| EXAMPLE.replacen(from, to, 1);
        for (body, expected) in [
            (
                String::new(),
                "the message names no object: the key is empty; a key has 1 to 1024 bytes",
            ),
            (
                "k".repeat(1_025),
                "the key has 1025 bytes; a key has 1 to 1024 bytes",
            ),
            (
                "k".repeat(8_193),
                "the message has 8193 bytes; a message has at most 8192",
            ),
            (
                "{\"v\":1,".to_owned(),
                "starts with `{` and is not JSON; it must be a JSON message of version 1",
            ),
            (
                "{}".to_owned(),
                "the message has `v` null; this copier reads version 1",
            ),
            (
                with("\"v\":1", "\"v\":2"),
                "the message has `v` 2; this copier reads version 1",
            ),
            (
                with("\"v\":1", "\"v\":\"1\""),
                "the message has `v` \"1\"; this copier reads version 1",
            ),
            (
                with("\"size\"", "\"Size\""),
                "not one of version 1: unknown field `Size`, expected one of",
            ),
            (
                with("\"size\":734003200,", ""),
                "not one of version 1: missing field `size`",
            ),
            (
                with("734003200", "-1"),
                "not one of version 1: invalid value: integer `-1`, expected u64",
            ),
            (with("2016-06-30/a b.bin", ""), "the key is empty"),
            (
                with("2016-06-30/a b.bin", &"k".repeat(1_025)),
                "the key has 1025 bytes",
            ),
        ] {
            let error = error_of(&body);
            assert!(
                error.contains(expected),
                "{error:?} should contain {expected:?}"
            );
        }
    }

    #[test]
    fn every_key_xml_can_carry_fits_4_kib_and_any_key_at_all_the_limit() {
        let message = |key: String| Message {
            run: "r".repeat(64),
            object: ObjectRef {
                bucket: "b".repeat(63),
                key,
                size: u64::MAX,
                etag: Some(format!("\"{}-10000\"", "0".repeat(32))),
                last_modified: Some(Timestamp::MAX),
            },
        };
        assert!(message("\t".repeat(1_024)).encode().len() <= 4_096);
        assert!(message("\u{1}".repeat(1_024)).encode().len() <= MAX_BYTES);
    }

    /// Any object a listing could show, whatever its key.
    fn any_message() -> impl Strategy<Value = Message> {
        let moment = (
            Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(),
            0..1_000_000_000,
        )
            .prop_filter_map("no moment", |(seconds, nanos)| {
                Timestamp::new(seconds, nanos).ok()
            });
        let object = (
            "(?s).{0,80}",
            prop_oneof!["(?s).{1,200}", "[ -~]{200,1024}"],
            any::<u64>(),
            proptest::option::of("(?s).{0,80}"),
            proptest::option::of(moment),
        );
        ("(?s).{0,80}", object).prop_map(|(run, (bucket, key, size, etag, last_modified))| {
            let object = ObjectRef {
                bucket,
                key,
                size,
                etag,
                last_modified,
            };
            Message { run, object }
        })
    }

    /// Changes a few bytes: each edit puts a byte in the place of those from one index to another.
    fn edited(text: &str, edits: &[(prop::sample::Index, usize, u8)]) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for (start, count, byte) in edits {
            let start = start.index(bytes.len() + 1);
            let end = bytes.len().min(start + count);
            bytes.splice(start..end, [*byte]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What was read can be written, and is then read as the same.
    fn survives(body: &str) -> Result<(), TestCaseError> {
        match decode(body) {
            Ok(Request::Message(message)) => {
                let again = message.encode();
                // Some spellings of a time are shorter than ours.
                prop_assert!(again.len() <= body.len() + 64);
                if again.len() <= MAX_BYTES {
                    prop_assert_eq!(decode(&again).unwrap(), Request::Message(message));
                }
            }
            Ok(Request::Key(key)) => prop_assert_eq!(key, body),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn decoding_an_encoded_message_gives_it_back(message in any_message()) {
            prop_assume!(message.encode().len() <= MAX_BYTES);
            prop_assert_eq!(decode(&message.encode()).unwrap(), Request::Message(message));
        }

        #[test]
        fn no_body_makes_decoding_panic(body in "(?s)\\{?.{0,300}") {
            survives(&body)?;
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            survives(&String::from_utf8_lossy(&bytes))?;
        }

        #[test]
        fn a_message_that_was_tampered_with_is_refused_or_read_as_it_now_is(
            message in any_message(),
            edits in proptest::collection::vec(
                (any::<prop::sample::Index>(), 0..4_usize, any::<u8>()), 1..4),
        ) {
            survives(&edited(&message.encode(), &edits))?;
            survives(&edited(EXAMPLE, &edits))?;
        }
    }
}
