//! ListObjectsV2, and ListObjects before it.

use std::ops::Bound;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use s3s::dto::{
    ChecksumAlgorithm, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ObjectStorageClass, OptionalObjectAttributes,
    OptionalObjectAttributesList, RestoreStatus,
};
use s3s::{S3Request, S3Response, S3Result, dto, s3_error};

use super::bucket::Bucket;
use super::buckets::owner;
use super::encoding::Encoding;
use super::object::Object;
use super::page::{Page, Query, page, page_size};
use super::part_lists::common_prefixes;
use super::store::Store;

/// Objects that are current, after a key.
fn listing(bucket: &Bucket, after: &str, query: &Query<'_>) -> Page<Arc<Object>> {
    // Nothing before the prefix is worth walking over.
    let start = match after < query.prefix {
        true => Bound::Included(query.prefix),
        false if after.is_empty() => Bound::Unbounded,
        false => Bound::Excluded(after),
    };
    let keys = bucket.keys.range::<str, _>((start, Bound::Unbounded));
    let current =
        keys.filter_map(|(key, versions)| Some((key.as_str(), versions.last()?.object.clone()?)));
    page(current, query)
}

pub(super) async fn list_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let max = page_size(input.max_keys, "max-keys")?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let resumed = input
        .continuation_token
        .as_deref()
        .map(decode_token)
        .transpose()?;
    let prefix = input.prefix.unwrap_or_default();
    let start_after = input.start_after.clone().unwrap_or_default();
    let query = Query {
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        skipped_prefix: resumed.as_deref(),
        max: max as usize,
    };
    let after = resumed.as_deref().unwrap_or(&start_after);
    let page = store.with_bucket(&input.bucket, |bucket| Ok(listing(bucket, after, &query)))?;
    let fetch_owner = input.fetch_owner.unwrap_or(false);
    let with_restore = asks_for_restore(input.optional_object_attributes);
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&prefix)),
        max_keys: Some(max),
        key_count: Some((page.items.len() + page.common_prefixes.len()) as i32),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.is_truncated()),
        next_continuation_token: page.next.as_deref().map(encode_token),
        contents: Some(contents(&page, encoding, fetch_owner, with_restore)),
        common_prefixes: Some(common_prefixes(&page.common_prefixes, encoding)),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|start| encoding.encode(&start)),
        ..ListObjectsV2Output::default()
    }))
}

pub(super) async fn list(
    store: &Store,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let input = request.input;
    let max = page_size(input.max_keys, "max-keys")?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let (prefix, marker) = (
        input.prefix.unwrap_or_default(),
        input.marker.unwrap_or_default(),
    );
    let query = Query {
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        skipped_prefix: Some(marker.as_str()).filter(|marker| !marker.is_empty()),
        max: max as usize,
    };
    let page = store.with_bucket(&input.bucket, |bucket| Ok(listing(bucket, &marker, &query)))?;
    let with_restore = asks_for_restore(input.optional_object_attributes);
    // Without a delimiter the last key is the next marker, and S3 does not repeat it.
    let next_marker = page.next.as_deref().filter(|_| input.delimiter.is_some());
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        next_marker: next_marker.map(|next| encoding.encode(next)),
        prefix: Some(encoding.encode(&prefix)),
        marker: Some(encoding.encode(&marker)),
        max_keys: Some(max),
        is_truncated: Some(page.is_truncated()),
        contents: Some(contents(&page, encoding, true, with_restore)),
        common_prefixes: Some(common_prefixes(&page.common_prefixes, encoding)),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }))
}

/// Whether the listing is to show what was restored.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
fn asks_for_restore(attributes: Option<OptionalObjectAttributesList>) -> bool {
    let restore = OptionalObjectAttributes::RESTORE_STATUS;
    let attributes = attributes.unwrap_or_default();
    attributes.iter().any(|name| name.as_str() == restore)
}

fn contents(
    page: &Page<Arc<Object>>,
    encoding: Encoding,
    with_owner: bool,
    with_restore: bool,
) -> Vec<dto::Object> {
    let restored = |object: &Object| {
        let until = object.attributes.restored_until.clone();
        until.filter(|_| with_restore).map(|until| RestoreStatus {
            is_restore_in_progress: Some(false),
            restore_expiry_date: Some(until),
        })
    };
    let listed = |(key, object): &(String, Arc<Object>)| dto::Object {
        checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(
            object.checksum.algorithm.name(),
        )]),
        checksum_type: Some(object.checksum.kind.to_dto()),
        e_tag: Some(object.etag_dto()),
        key: Some(encoding.encode(key)),
        last_modified: Some(object.last_modified.clone()),
        owner: with_owner.then(owner),
        restore_status: restored(object),
        size: Some(object.content.len() as i64),
        storage_class: Some(ObjectStorageClass::from(
            object.attributes.storage_class_listed(),
        )),
    };
    page.items.iter().map(listed).collect()
}

/// A continuation token: the last name of a page, which clients are not to read.
pub(super) fn encode_token(last: &str) -> String {
    BASE64URL_NOPAD.encode(last.as_bytes())
}

/// # Errors
///
/// InvalidArgument for a token that was not made here.
pub(super) fn decode_token(token: &str) -> S3Result<String> {
    let decoded = BASE64URL_NOPAD.decode(token.as_bytes()).ok();
    let key = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "The continuation token provided is incorrect"
        )
    })
}
