//! Server-side copies: CopyObject and UploadPartCopy.

use std::ops::Range;
use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderValue};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, ETag, MetadataDirective,
    TaggingDirective, UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::annotation::Annotations;
use super::attributes::{Attributes, attributes_of, set_encryption};
use super::checksum::{Algorithm, Checksum, Kind, set_checksum};
use super::conditions::WriteCondition;
use super::content::Content;
use super::copy_source::{CopySource, check_copy_size, source_conditions_of};
use super::digest::opaque_etag;
use super::limits::RANGED_COPY_SOURCE_MIN_BYTES;
use super::object::{Object, now};
use super::parts::{self, check_part_number};
use super::store::Store;
use super::upload::Part;
use crate::timing::Arrival;

pub(super) async fn copy(
    store: &Store,
    mut request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let from = CopySource::from_headers(&request.headers)?;
    let condition = WriteCondition::from_headers(&request.headers)?;
    let input = &mut request.input;
    let is_onto_itself =
        from.bucket == input.bucket && from.key == input.key && from.version_id.is_none();
    if is_onto_itself && !changes_something(input) {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    store.with_bucket(&input.bucket, |_| Ok(()))?;
    let source = from.resolve(store)?;
    source_conditions_of!(input).check_source(&source.object)?;
    check_copy_size(source.object.content.len())?;

    let object = Object {
        content: source.object.content.clone(),
        etag: copied_etag(&source.object, &source.object.content)?,
        checksum: copied_checksum(&source.object, input).await?,
        attributes: copied_attributes(&source.object, input)?,
        annotations: copied_annotations(&source.object, &request.headers)?,
        last_modified: now(),
    };
    let mut output = CopyObjectOutput {
        copy_object_result: Some(copy_result(&object)),
        copy_source_version_id: source.version_id,
        ..CopyObjectOutput::default()
    };
    set_encryption!(output, &object.attributes.encryption);
    let (id, bytes) = (store.fresh_id(), object.content.len());
    output.version_id = store.with_bucket(&input.bucket, |bucket| {
        condition.check(bucket.current(&input.key).map(Arc::as_ref))?;
        Ok(bucket.insert(&input.key, object, id))
    })?;
    take_time(&request.extensions, bytes);
    Ok(S3Response::new(output))
}

fn copy_result(object: &Object) -> CopyObjectResult {
    let mut result = CopyObjectResult {
        checksum_type: Some(object.checksum.kind.to_dto()),
        e_tag: Some(object.etag_dto()),
        last_modified: Some(object.last_modified.clone()),
        ..CopyObjectResult::default()
    };
    set_checksum!(result, &object.checksum);
    result
}

fn changes_something(input: &CopyObjectInput) -> bool {
    let replaces = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    replaces
        || input.storage_class.is_some()
        || input.website_redirect_location.is_some()
        || input.server_side_encryption.is_some()
}

/// Metadata and tags follow their directives; storage class, redirect and encryption are never the source's.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
fn copied_attributes(source: &Object, input: &mut CopyObjectInput) -> S3Result<Attributes> {
    let keeps_metadata = match input
        .metadata_directive
        .as_ref()
        .map(MetadataDirective::as_str)
    {
        None | Some(MetadataDirective::COPY) => true,
        Some(MetadataDirective::REPLACE) => false,
        Some(_) => return Err(s3_error!(InvalidArgument, "Unknown metadata directive.")),
    };
    let keeps_tags = match input
        .tagging_directive
        .as_ref()
        .map(TaggingDirective::as_str)
    {
        None | Some(TaggingDirective::COPY) => true,
        Some(TaggingDirective::REPLACE) => false,
        Some(_) => return Err(s3_error!(InvalidArgument, "Unknown tagging directive.")),
    };
    if keeps_tags && input.tagging.is_some() {
        return Err(s3_error!(
            InvalidArgument,
            "x-amz-tagging needs the x-amz-tagging-directive REPLACE"
        ));
    }
    let given = attributes_of!(input);
    let mut attributes = if keeps_metadata {
        source.attributes.clone()
    } else {
        given.clone()
    };
    attributes.tags = if keeps_tags {
        source.attributes.tags.clone()
    } else {
        given.tags
    };
    attributes.storage_class = given.storage_class;
    attributes.restored_until = None;
    attributes.website_redirect_location = given.website_redirect_location;
    attributes.encryption = given.encryption;
    Ok(attributes)
}

/// All of them unless they are excluded.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
fn copied_annotations(source: &Object, headers: &HeaderMap) -> S3Result<Annotations> {
    match headers
        .get("x-amz-object-annotation-directive")
        .map(HeaderValue::as_bytes)
    {
        None | Some(b"COPY") => Ok(source.annotations.clone()),
        Some(b"EXCLUDE") => Ok(Annotations::default()),
        Some(_) => Err(s3_error!(InvalidArgument, "Unknown annotation directive.")),
    }
}

/// The source's algorithm unless another is asked for, always over the full object.
async fn copied_checksum(source: &Object, input: &CopyObjectInput) -> S3Result<Checksum> {
    let algorithm = match &input.checksum_algorithm {
        Some(name) => Algorithm::parse(name)?,
        None => source.checksum.algorithm,
    };
    checksum_of(source, &source.content, algorithm).await
}

/// The checksum of content taken from an object: the object's own where that is the same.
async fn checksum_of(
    source: &Object,
    content: &Content,
    algorithm: Algorithm,
) -> S3Result<Checksum> {
    let own = &source.checksum;
    let is_whole = content.len() == source.content.len();
    if is_whole && own.algorithm == algorithm && own.kind == Kind::FullObject {
        return Ok(own.clone());
    }
    algorithm.of(content).await
}

/// A whole copy of an object that has an MD5 keeps it; other bytes have an ETag that is none.
fn copied_etag(source: &Object, content: &Content) -> S3Result<String> {
    if content.len() == source.content.len() && !source.etag.contains('-') {
        return Ok(source.etag.clone());
    }
    opaque_etag(content).map_err(S3Error::internal_error)
}

pub(super) async fn copy_part(
    store: &Store,
    mut request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let from = CopySource::from_headers(&request.headers)?;
    let input = &mut request.input;
    check_part_number(input.part_number)?;
    let target = parts::target(store, &input.bucket, &input.key, &input.upload_id)?;
    let source = from.resolve(store)?;
    source_conditions_of!(input).check_source(&source.object)?;
    let content = match input.copy_source_range.as_deref() {
        Some(range) => source
            .object
            .content
            .slice(copied_range(range, source.object.content.len())?),
        None => source.object.content.clone(),
    };
    check_copy_size(content.len())?;

    let part = Part {
        etag: copied_etag(&source.object, &content)?,
        checksum: checksum_of(&source.object, &content, target.checksum.algorithm).await?,
        own_checksum: None,
        last_modified: now(),
        content,
    };
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        last_modified: Some(part.last_modified.clone()),
        ..CopyPartResult::default()
    };
    set_checksum!(result, &part.checksum);
    let mut output = UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: source.version_id,
        ..UploadPartCopyOutput::default()
    };
    set_encryption!(output, &target.attributes.encryption);
    let bytes = part.content.len();
    parts::keep(
        store,
        &input.bucket,
        &input.key,
        &input.upload_id,
        input.part_number,
        part,
    )?;
    take_time(&request.extensions, bytes);
    Ok(S3Response::new(output))
}

/// Lets the answer wait until so many bytes would have been copied.
fn take_time(of: &Extensions, bytes: u64) {
    if let Some(arrival) = of.get::<Arrival>() {
        arrival.copies(bytes);
    }
}

/// `bytes=first-last`, both within a source large enough.
fn copied_range(header: &str, source_bytes: u64) -> S3Result<Range<u64>> {
    let number = |digits: &str| {
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse::<u64>().ok())?
    };
    let range = header
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let range = range.and_then(|(first, last)| Some((number(first)?, number(last)?)));
    let Some((first, last)) = range.filter(|(first, last)| first <= last) else {
        return Err(s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
        ));
    };
    if source_bytes <= RANGED_COPY_SOURCE_MIN_BYTES {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is not supported as a byte-range copy source"
        ));
    }
    if last >= source_bytes {
        return Err(s3_error!(
            InvalidArgument,
            "Range specified is not valid for source object of size: {source_bytes}"
        ));
    }
    Ok(first..last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE_BYTES: u64 = 6 * 1024 * 1024;

    #[test]
    fn a_range_is_first_and_last_byte_within_the_source() {
        assert_eq!(copied_range("bytes=0-0", SOURCE_BYTES).unwrap(), 0..1);
        assert_eq!(
            copied_range("bytes=5-6291455", SOURCE_BYTES).unwrap(),
            5..SOURCE_BYTES
        );
        for range in [
            "",
            "bytes=",
            "bytes=-5",
            "bytes=5-",
            "bytes=2-1",
            "bytes=+1-2",
            "0-1",
            "bytes=0-6291456",
        ] {
            let error = copied_range(range, SOURCE_BYTES).unwrap_err();
            assert_eq!(error.code(), &s3s::S3ErrorCode::InvalidArgument, "{range}");
        }
    }
}
