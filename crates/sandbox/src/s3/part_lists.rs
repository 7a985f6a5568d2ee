//! ListParts and ListMultipartUploads.

use std::ops::Bound;

use s3s::dto::{
    CommonPrefix, ETag, Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListPartsInput, ListPartsOutput, MultipartUpload, Part, StorageClass,
};
use s3s::{S3Request, S3Response, S3Result};

use super::buckets::owner;
use super::checksum::set_checksum;
use super::encoding::Encoding;
use super::error::no_such_upload;
use super::page::{Page, Query, page, page_size};
use super::store::Store;
use super::upload::{self, Upload, UploadChecksum};

pub(super) async fn parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let max = page_size(input.max_parts, "max-parts")?;
    let after = input.part_number_marker.unwrap_or(0);
    let upload = store.with_bucket(&input.bucket, |bucket| {
        let upload = bucket
            .uploads
            .get(&(input.key.clone(), input.upload_id.clone()));
        upload.cloned().ok_or_else(no_such_upload)
    })?;
    let mut following = upload
        .parts
        .range((Bound::Excluded(after), Bound::Unbounded));
    let listed: Vec<Part> = following
        .by_ref()
        .take(max as usize)
        .map(|(number, part)| listed_part(*number, part, &upload.checksum))
        .collect();
    let last = listed.last().and_then(|part| part.part_number);
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: upload.checksum.algorithm_dto(),
        checksum_type: upload.checksum.kind_dto(),
        initiator: Some(initiator()),
        is_truncated: Some(max > 0 && following.next().is_some()),
        key: Some(input.key),
        max_parts: Some(max),
        next_part_number_marker: Some(last.unwrap_or(0)),
        owner: Some(owner()),
        part_number_marker: Some(after),
        parts: Some(listed),
        storage_class: Some(StorageClass::from(upload.attributes.storage_class_listed())),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    }))
}

/// A checksum S3 chose itself is not listed: <https://github.com/versity/versitygw/issues/1547>.
fn listed_part(number: i32, part: &upload::Part, checksum: &UploadChecksum) -> Part {
    let mut listed = Part {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        last_modified: Some(part.last_modified.clone()),
        part_number: Some(number),
        size: Some(part.content.len() as i64),
        ..Part::default()
    };
    if checksum.is_declared {
        set_checksum!(listed, &part.checksum);
    }
    listed
}

pub(super) async fn uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let input = request.input;
    let max = page_size(input.max_uploads, "max-uploads")?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let (prefix, marker) = (
        input.prefix.unwrap_or_default(),
        input.key_marker.unwrap_or_default(),
    );
    let id_marker = input.upload_id_marker.unwrap_or_default();
    let query = Query {
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        skipped_prefix: Some(marker.as_str()).filter(|marker| !marker.is_empty()),
        max: max as usize,
    };
    let page: Page<MultipartUpload> = store.with_bucket(&input.bucket, |bucket| {
        // Without an upload id the marker's whole key is behind, else its later uploads are ahead.
        let is_ahead = |(key, id): &(String, String)| {
            *key > marker || (*key == marker && !id_marker.is_empty() && *id > id_marker)
        };
        let ahead = bucket.uploads.iter().filter(|(place, _)| is_ahead(place));
        Ok(page(
            ahead.map(|((key, id), upload)| {
                (key.as_str(), listed_upload(key, id, upload, encoding))
            }),
            &query,
        ))
    })?;
    let next_id = page
        .items
        .last()
        .filter(|_| page.is_truncated() && !page.ended_with_prefix);
    let next_upload_id_marker = next_id.and_then(|(_, upload)| upload.upload_id.clone());
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        common_prefixes: Some(common_prefixes(&page.common_prefixes, encoding)),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.is_truncated()),
        key_marker: Some(encoding.encode(&marker)),
        max_uploads: Some(max),
        next_key_marker: page.next.as_deref().map(|next| encoding.encode(next)),
        next_upload_id_marker,
        prefix: Some(encoding.encode(&prefix)),
        upload_id_marker: Some(id_marker),
        uploads: Some(page.items.into_iter().map(|(_, upload)| upload).collect()),
        ..ListMultipartUploadsOutput::default()
    }))
}

fn listed_upload(key: &str, id: &str, upload: &Upload, encoding: Encoding) -> MultipartUpload {
    MultipartUpload {
        checksum_algorithm: upload.checksum.algorithm_dto(),
        checksum_type: upload.checksum.kind_dto(),
        initiated: Some(upload.initiated.clone()),
        initiator: Some(initiator()),
        key: Some(encoding.encode(key)),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from(upload.attributes.storage_class_listed())),
        upload_id: Some(id.to_owned()),
    }
}

/// An account that is no user has the initiator's id of its owner.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Initiator.html>
fn initiator() -> Initiator {
    Initiator {
        display_name: None,
        id: owner().id,
    }
}

/// Common prefixes as a list shows them.
pub(super) fn common_prefixes(prefixes: &[String], encoding: Encoding) -> Vec<CommonPrefix> {
    let listed = |prefix: &String| CommonPrefix {
        prefix: Some(encoding.encode(prefix)),
    };
    prefixes.iter().map(listed).collect()
}
