//! ListObjectVersions.

use std::ops::Bound;

use s3s::dto::{
    ChecksumAlgorithm, DeleteMarkerEntry, ListObjectVersionsInput, ListObjectVersionsOutput,
    ObjectVersion, ObjectVersionStorageClass,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::bucket::Bucket;
use super::buckets::owner;
use super::encoding::Encoding;
use super::object::{Object, Version};
use super::page::{Page, Query, page, page_size};
use super::part_lists::common_prefixes;
use super::store::Store;

struct Listed {
    version: Version,
    is_latest: bool,
}

pub(super) async fn list(
    store: &Store,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let max = page_size(input.max_keys, "max-keys")?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let (prefix, marker) = (
        input.prefix.unwrap_or_default(),
        input.key_marker.unwrap_or_default(),
    );
    let id_marker = input.version_id_marker.unwrap_or_default();
    if marker.is_empty() && !id_marker.is_empty() {
        return Err(s3_error!(
            InvalidArgument,
            "A version-id marker cannot be specified without a key marker."
        ));
    }
    let query = Query {
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        skipped_prefix: Some(marker.as_str()).filter(|marker| !marker.is_empty()),
        max: max as usize,
    };
    let page = store.with_bucket(&input.bucket, |bucket| {
        Ok(page(versions(bucket, &marker, &id_marker), &query))
    })?;
    let last_version = page
        .items
        .last()
        .filter(|_| page.is_truncated() && !page.ended_with_prefix);
    let next_version_id_marker = last_version.map(|(_, listed)| listed.version.id.clone());
    Ok(S3Response::new(ListObjectVersionsOutput {
        common_prefixes: Some(common_prefixes(&page.common_prefixes, encoding)),
        delete_markers: Some(delete_markers(&page, encoding)),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.is_truncated()),
        key_marker: Some(encoding.encode(&marker)),
        max_keys: Some(max),
        name: Some(input.bucket),
        next_key_marker: page.next.as_deref().map(|next| encoding.encode(next)),
        next_version_id_marker,
        prefix: Some(encoding.encode(&prefix)),
        version_id_marker: Some(id_marker),
        versions: Some(object_versions(&page, encoding)),
        ..ListObjectVersionsOutput::default()
    }))
}

/// Every version in key order, newest first, after the markers.
fn versions<'b>(
    bucket: &'b Bucket,
    marker: &'b str,
    id_marker: &'b str,
) -> impl Iterator<Item = (&'b str, Listed)> {
    let start = if marker.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Included(marker)
    };
    bucket
        .keys
        .range::<str, _>((start, Bound::Unbounded))
        .flat_map(move |(key, versions)| {
            let passed = match key == marker && !marker.is_empty() {
                false => 0,
                // Without a version id the marker's whole key is behind.
                true => versions
                    .iter()
                    .rev()
                    .position(|version| version.id == id_marker)
                    .map_or(versions.len(), |at| at + 1),
            };
            let newest = versions.len() - 1;
            let listed = move |(at, version): (usize, &Version)| {
                (
                    key.as_str(),
                    Listed {
                        version: version.clone(),
                        is_latest: at == newest,
                    },
                )
            };
            versions.iter().enumerate().rev().skip(passed).map(listed)
        })
}

fn object_versions(page: &Page<Listed>, encoding: Encoding) -> Vec<ObjectVersion> {
    let listed = |(key, listed): &(String, Listed)| {
        let object = listed.version.object.as_deref()?;
        Some(ObjectVersion {
            is_latest: Some(listed.is_latest),
            version_id: Some(listed.version.id.clone()),
            ..object_version(key, object, encoding)
        })
    };
    page.items.iter().filter_map(listed).collect()
}

fn object_version(key: &str, object: &Object, encoding: Encoding) -> ObjectVersion {
    ObjectVersion {
        checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(
            object.checksum.algorithm.name(),
        )]),
        checksum_type: Some(object.checksum.kind.to_dto()),
        e_tag: Some(object.etag_dto()),
        key: Some(encoding.encode(key)),
        last_modified: Some(object.last_modified.clone()),
        owner: Some(owner()),
        size: Some(object.content.len() as i64),
        storage_class: Some(ObjectVersionStorageClass::from(
            object.attributes.storage_class_listed(),
        )),
        ..ObjectVersion::default()
    }
}

fn delete_markers(page: &Page<Listed>, encoding: Encoding) -> Vec<DeleteMarkerEntry> {
    let markers = page
        .items
        .iter()
        .filter(|(_, listed)| listed.version.object.is_none());
    let entry = |(key, listed): &(String, Listed)| DeleteMarkerEntry {
        is_latest: Some(listed.is_latest),
        key: Some(encoding.encode(key)),
        last_modified: Some(listed.version.last_modified.clone()),
        owner: Some(owner()),
        version_id: Some(listed.version.id.clone()),
    };
    markers.map(entry).collect()
}
