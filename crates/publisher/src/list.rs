//! Prefixes to a stream of the objects under them, page by page.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{
    EncodingType, Object, ObjectStorageClass, OptionalObjectAttributes, RequestPayer,
};
use backup::aws::Cause;
use backup::object::{ObjectRef, decode_listed_key, s3_uri};
use futures::stream::{self, Stream, StreamExt};
use jiff::Timestamp;

/// A bucket and how it is listed.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// The client for the bucket's region.
    pub client: &'a Client,
    /// The bucket.
    pub name: &'a str,
    /// The account it must belong to.
    pub expected_owner: Option<&'a str>,
    /// Whether we pay for listing it, not its owner.
    pub requester_pays: bool,
    /// Prefixes listed at the same time.
    pub concurrency: usize,
}

/// A listed object.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What the listing shows of it.
    pub object: ObjectRef,
    /// Whether it must be restored before it can be copied. An archived object of INTELLIGENT_TIERING is
    /// not told apart by a listing.
    pub is_archived: bool,
}

/// The objects under each prefix, in no order. One page of each prefix in progress is held at most. A
/// prefix that cannot be listed ends in an error and does not end the others.
pub fn objects<'a>(
    bucket: Bucket<'a>,
    prefixes: impl IntoIterator<Item = String> + 'a,
) -> impl Stream<Item = Result<Listed, ListError>> + 'a {
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
fn pages(bucket: Bucket<'_>, prefix: String) -> impl Stream<Item = Vec<Result<Listed, ListError>>> {
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
) -> Result<(Vec<Listed>, Position), Cause> {
    let answer = bucket
        .client
        .list_objects_v2()
        .bucket(bucket.name)
        .prefix(prefix)
        .set_continuation_token(token)
        .set_expected_bucket_owner(bucket.expected_owner.map(str::to_owned))
        .set_request_payer(bucket.requester_pays.then_some(RequestPayer::Requester))
        .optional_object_attributes(OptionalObjectAttributes::RestoreStatus)
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
        .map(|object| listed(bucket.name, &answer, object));
    Ok((objects.collect::<Result<_, _>>()?, next))
}

fn listed(bucket: &str, page: &ListObjectsV2Output, object: &Object) -> Result<Listed, Cause> {
    let key = object
        .key()
        .ok_or_else(|| Cause::unusable_answer("the page has an object without a key"))?;
    let key = match page.encoding_type() {
        Some(EncodingType::Url) => decode_listed_key(key)
            .map_err(|_| Cause::unusable_answer("the page has a key that is not UTF-8"))?,
        _ => key.to_owned(),
    };
    let size = object.size().and_then(|size| u64::try_from(size).ok());
    let object_ref = ObjectRef {
        bucket: bucket.to_owned(),
        size: size
            .ok_or_else(|| Cause::unusable_answer("the page has an object without a size"))?,
        key,
        etag: object.e_tag().map(str::to_owned),
        last_modified: object
            .last_modified()
            .and_then(|moment| Timestamp::new(moment.secs(), moment.subsec_nanos() as i32).ok()),
    };
    Ok(Listed {
        object: object_ref,
        is_archived: is_archived(object),
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>
fn is_archived(object: &Object) -> bool {
    let cold = matches!(
        object.storage_class(),
        Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive)
    );
    let restored = object.restore_status().is_some_and(|status| {
        status.is_restore_in_progress() == Some(false) && status.restore_expiry_date().is_some()
    });
    cold && !restored
}
