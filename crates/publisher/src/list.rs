//! A range of keys to pages of the objects in it.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::types::{
    EncodingType, Object, ObjectStorageClass, OptionalObjectAttributes, RequestPayer,
};
use backup::aws::Cause;
use backup::object::{ObjectRef, decode_listed_key, printable, s3_uri};
use futures::stream::{self, Stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
}

/// Keys that are listed one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRange {
    /// What they start with.
    pub prefix: String,
    /// The key after which they begin; empty for the first of the prefix.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// The key with which they end, if they end before the prefix does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl KeyRange {
    /// All keys that start so.
    pub fn of(prefix: String) -> KeyRange {
        KeyRange {
            prefix,
            ..KeyRange::default()
        }
    }
}

/// A listed object.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What the listing shows of it.
    pub object: ObjectRef,
    /// Whether it must be restored before it can be copied. An archived object of INTELLIGENT_TIERING is
    /// not told apart by a listing.
    pub is_archived: bool,
    /// Whether it was compared with the destination, and its copy is there.
    pub is_unchanged: bool,
    /// Whether there is no copy of it. False also where that was not looked at.
    pub is_missing: bool,
}

/// A range that was not listed to its end.
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

/// A page of a listing, or why it has no more.
pub type Page = Result<Vec<Listed>, ListError>;

/// Where a listing stands.
enum Position {
    Start,
    After(String),
    End,
}

/// The pages of the keys with a prefix that come after a key, whole, in key order; an error is the last of them.
pub fn pages(
    bucket: Bucket<'_>,
    prefix: String,
    after: String,
) -> impl Stream<Item = Page> + Send + '_ {
    stream::unfold(
        (prefix, after, Position::Start),
        move |(prefix, last, position)| async move {
            if matches!(position, Position::End) {
                return None;
            }
            let page = page(bucket, &prefix, &last, position).await;
            let (page, position) = match page {
                Ok((objects, position)) => (Ok(objects), position),
                Err(cause) => {
                    let error = ListError {
                        bucket: bucket.name.to_owned(),
                        prefix: prefix.clone(),
                        cause,
                    };
                    (Err(error), Position::End)
                }
            };
            let newest = page.as_ref().ok().and_then(|objects| objects.last());
            let last = newest.map_or(last, |listed| listed.object.key.clone());
            Some((page, (prefix, last, position)))
        },
    )
}

/// The first key with a prefix that comes after a key.
///
/// # Errors
/// S3 refused to say.
pub async fn first_after(
    bucket: Bucket<'_>,
    prefix: &str,
    after: &str,
) -> Result<Option<String>, Cause> {
    let answer = request(bucket, prefix)
        .start_after(after)
        .max_keys(1)
        .send()
        .await?;
    let first = answer.contents().first();
    first.map(|object| listed_key(&answer, object)).transpose()
}

fn request(bucket: Bucket<'_>, prefix: &str) -> ListObjectsV2FluentBuilder {
    bucket
        .client
        .list_objects_v2()
        .bucket(bucket.name)
        .prefix(prefix)
        .set_expected_bucket_owner(bucket.expected_owner.map(str::to_owned))
        .set_request_payer(bucket.requester_pays.then_some(RequestPayer::Requester))
        // XML cannot carry every character that a key can.
        .encoding_type(EncodingType::Url)
}

async fn page(
    bucket: Bucket<'_>,
    prefix: &str,
    last: &str,
    position: Position,
) -> Result<(Vec<Listed>, Position), Cause> {
    let request =
        request(bucket, prefix).optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
    let request = match position {
        Position::After(token) => request.continuation_token(token),
        _ if last.is_empty() => request,
        _ => request.start_after(last),
    };
    let answer = request.send().await?;
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
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    check_order(last, &objects)?;
    Ok((objects, next))
}

/// A listing out of order can be neither compared nor gone on with.
fn check_order(last: &str, page: &[Listed]) -> Result<(), Cause> {
    let mut before = last;
    for Listed { object, .. } in page {
        if object.key.as_str() <= before {
            return Err(Cause::unusable_answer(&format!(
                "the listing is not in key order (a directory bucket has none, and cannot be a source): {} comes \
                 after {}",
                printable(&object.key),
                printable(before)
            )));
        }
        before = &object.key;
    }
    Ok(())
}

fn listed_key(page: &ListObjectsV2Output, object: &Object) -> Result<String, Cause> {
    let key = object
        .key()
        .ok_or_else(|| Cause::unusable_answer("the page has an object without a key"))?;
    match page.encoding_type() {
        Some(EncodingType::Url) => decode_listed_key(key)
            .map_err(|_| Cause::unusable_answer("the page has a key that is not UTF-8")),
        _ => Ok(key.to_owned()),
    }
}

fn listed(bucket: &str, page: &ListObjectsV2Output, object: &Object) -> Result<Listed, Cause> {
    let key = listed_key(page, object)?;
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
        is_unchanged: false,
        is_missing: false,
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
