//! Prefixes to a stream of the objects under them, page by page.

use std::borrow::Cow;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};
use backup::aws::Cause;
use backup::object::{ObjectRef, s3_uri};
use futures::stream::{self, Stream, StreamExt};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

/// A bucket and how it is listed.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// The client for the bucket's region.
    pub client: &'a Client,
    /// The bucket.
    pub name: &'a str,
    /// The account it must belong to.
    pub expected_owner: Option<&'a str>,
    /// Prefixes listed at the same time.
    pub concurrency: usize,
}

/// The objects under each prefix, in no order. One page of each prefix in progress is held at most. A
/// prefix that cannot be listed ends in an error and does not end the others.
pub fn objects<'a>(
    bucket: Bucket<'a>,
    prefixes: impl IntoIterator<Item = String> + 'a,
) -> impl Stream<Item = Result<ObjectRef, ListError>> + 'a {
    stream::iter(prefixes)
        .map(move |prefix| Box::pin(pages(bucket, prefix).flat_map(stream::iter)))
        .flatten_unordered(bucket.concurrency)
}

/// A prefix that was not listed to its end.
#[derive(Debug, thiserror::Error)]
#[error("listing {} failed", s3_uri(.bucket, .prefix))]
pub struct ListError {
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// What S3 said.
    #[source]
    pub cause: Cause,
}

/// Where a listing stands.
enum Position {
    Start,
    After(String),
    End,
}

/// The pages under one prefix; an error is the last of them.
fn pages(
    bucket: Bucket<'_>,
    prefix: String,
) -> impl Stream<Item = Vec<Result<ObjectRef, ListError>>> {
    stream::unfold(
        (prefix, Position::Start),
        move |(prefix, position)| async move {
            let token = match position {
                Position::Start => None,
                Position::After(token) => Some(token),
                Position::End => return None,
            };
            match page(bucket, &prefix, token).await {
                Ok((objects, next)) => {
                    Some((objects.into_iter().map(Ok).collect(), (prefix, next)))
                }
                Err(cause) => {
                    let error = ListError {
                        bucket: bucket.name.to_owned(),
                        prefix: prefix.clone(),
                        cause,
                    };
                    Some((vec![Err(error)], (prefix, Position::End)))
                }
            }
        },
    )
}

async fn page(
    bucket: Bucket<'_>,
    prefix: &str,
    token: Option<String>,
) -> Result<(Vec<ObjectRef>, Position), Cause> {
    let answer = bucket
        .client
        .list_objects_v2()
        .bucket(bucket.name)
        .prefix(prefix)
        .set_continuation_token(token)
        .set_expected_bucket_owner(bucket.expected_owner.map(str::to_owned))
        // XML cannot carry every character that a key can.
        .encoding_type(EncodingType::Url)
        .send()
        .await?;
    let next = match (answer.is_truncated(), answer.next_continuation_token()) {
        (Some(true), Some(token)) => Position::After(token.to_owned()),
        (Some(true), None) => {
            return Err(Cause::unusable_answer(
                "the page is truncated and names no continuation token",
            ));
        }
        _ => Position::End,
    };
    let objects = answer
        .contents()
        .iter()
        .map(|object| object_ref(bucket.name, &answer, object));
    Ok((objects.collect::<Result<_, _>>()?, next))
}

fn object_ref(
    bucket: &str,
    page: &ListObjectsV2Output,
    object: &Object,
) -> Result<ObjectRef, Cause> {
    let key = object
        .key()
        .ok_or_else(|| Cause::unusable_answer("the page has an object without a key"))?;
    let key = match page.encoding_type() {
        Some(EncodingType::Url) => decode_key(key)?,
        _ => key.to_owned(),
    };
    let size = object.size().and_then(|size| u64::try_from(size).ok());
    Ok(ObjectRef {
        bucket: bucket.to_owned(),
        size: size
            .ok_or_else(|| Cause::unusable_answer("the page has an object without a size"))?,
        key,
        etag: object.e_tag().map(str::to_owned),
        last_modified: object
            .last_modified()
            .and_then(|moment| Timestamp::new(moment.secs(), moment.subsec_nanos() as i32).ok()),
    })
}

/// A listed key, out of the URL encoding of listings: a space is `+`, all else is percent-encoded.
fn decode_key(encoded: &str) -> Result<String, Cause> {
    let spaced: Cow<'_, str> = if encoded.contains('+') {
        encoded.replace('+', " ").into()
    } else {
        encoded.into()
    };
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| Cause::unusable_answer("the page has a key that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_keys_as_listings_encode_them() {
        assert_eq!(
            decode_key("2016-06-30/a+b%2Bc%2541%26%0A%01%C3%BC").unwrap(),
            "2016-06-30/a b+c%41&\n\u{1}ü"
        );
        assert!(decode_key("%FF").is_err());
    }
}
