//! Multipart uploads until they are completed: create, upload parts, abort.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use std::collections::BTreeMap;

use super::attributes::{Attributes, attributes_of, set_encryption};
use super::checksum::{Algorithm, Kind, set_checksum};
use super::error::no_such_upload;
use super::limits::{PART_MAX_BYTES, PART_NUMBER_MAX};
use super::object::now;
use super::receive::{Expected, Received};
use super::store::Store;
use super::upload::{Part, Upload, UploadChecksum};

pub(super) async fn create(
    store: &Store,
    mut request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let input = &mut request.input;
    let attributes = attributes_of!(input);
    let algorithm = input
        .checksum_algorithm
        .as_ref()
        .map(Algorithm::parse)
        .transpose()?;
    let kind = input.checksum_type.as_ref().map(Kind::parse).transpose()?;
    let checksum = UploadChecksum::declared(algorithm, kind)?;
    let id = store.fresh_id();
    let mut output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        checksum_algorithm: checksum.algorithm_dto(),
        checksum_type: checksum.kind_dto(),
        key: Some(input.key.clone()),
        upload_id: Some(id.clone()),
        ..CreateMultipartUploadOutput::default()
    };
    set_encryption!(output, &attributes.encryption);
    let upload = Upload {
        attributes,
        checksum,
        initiated: now(),
        parts: BTreeMap::new(),
    };
    store.with_bucket(&input.bucket, |bucket| {
        bucket.uploads.insert((input.key.clone(), id), upload);
        Ok(())
    })?;
    Ok(S3Response::new(output))
}

/// What a part to come must know of its upload.
pub(super) struct Target {
    pub(super) checksum: UploadChecksum,
    pub(super) attributes: Attributes,
}

/// # Errors
///
/// NoSuchBucket or NoSuchUpload.
pub(super) fn target(store: &Store, bucket: &str, key: &str, upload_id: &str) -> S3Result<Target> {
    store.with_bucket(bucket, |bucket| {
        let upload = bucket.uploads.get(&(key.to_owned(), upload_id.to_owned()));
        let upload = upload.ok_or_else(no_such_upload)?;
        Ok(Target {
            checksum: upload.checksum,
            attributes: upload.attributes.clone(),
        })
    })
}

/// Keeps a part, in place of an earlier one with its number.
///
/// # Errors
///
/// NoSuchUpload when the upload was completed or aborted meanwhile.
pub(super) fn keep(
    store: &Store,
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: i32,
    part: Part,
) -> S3Result<()> {
    store.with_bucket(bucket, |bucket| {
        let upload = bucket
            .uploads
            .get_mut(&(key.to_owned(), upload_id.to_owned()));
        upload
            .ok_or_else(no_such_upload)?
            .parts
            .insert(number, part);
        Ok(())
    })
}

/// # Errors
///
/// InvalidArgument outside 1 to 10,000.
pub(super) fn check_part_number(number: i32) -> S3Result<()> {
    if (1..=PART_NUMBER_MAX).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidArgument,
        "Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive"
    ))
}

pub(super) async fn upload(
    store: &Store,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let expected = Expected::from_request(&request, PART_MAX_BYTES)?;
    let input = &mut request.input;
    check_part_number(input.part_number)?;
    let target = target(store, &input.bucket, &input.key, &input.upload_id)?;
    let sent = expected
        .declared
        .as_ref()
        .map(|declared| declared.algorithm);
    check_algorithm(&target.checksum, sent)?;

    let received = expected.receive(input.body.take(), &store.spool).await?;
    let part = part(received, &target.checksum).await?;
    let mut output = UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        ..UploadPartOutput::default()
    };
    set_checksum!(output, part.own_checksum.as_ref().unwrap_or(&part.checksum));
    set_encryption!(output, &target.attributes.encryption);
    keep(
        store,
        &input.bucket,
        &input.key,
        &input.upload_id,
        input.part_number,
        part,
    )?;
    Ok(S3Response::new(output))
}

/// A declared algorithm holds for every part, and composite checksums are made of what clients send.
fn check_algorithm(upload: &UploadChecksum, sent: Option<Algorithm>) -> S3Result<()> {
    let is_needed = upload.kind == Kind::Composite;
    let is_right = match sent {
        Some(sent) => !upload.is_declared || sent == upload.algorithm,
        None => !is_needed,
    };
    if is_right {
        return Ok(());
    }
    let lower = |algorithm: Algorithm| algorithm.name().to_ascii_lowercase();
    let (expected, actual) = (lower(upload.algorithm), sent.map_or("null".into(), lower));
    Err(s3_error!(
        InvalidRequest,
        "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
    ))
}

async fn part(received: Received, upload: &UploadChecksum) -> S3Result<Part> {
    let (checksum, own_checksum) = match received.checksum {
        Some(sent) if sent.algorithm == upload.algorithm => (sent, None),
        sent => (upload.algorithm.of(&received.content).await?, sent),
    };
    Ok(Part {
        content: received.content,
        etag: received.etag,
        checksum,
        own_checksum,
        last_modified: now(),
    })
}

pub(super) async fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    store.with_bucket(&input.bucket, |bucket| {
        bucket
            .uploads
            .remove(&(input.key, input.upload_id))
            .ok_or_else(no_such_upload)
    })?;
    Ok(S3Response::with_status(
        AbortMultipartUploadOutput::default(),
        http::StatusCode::NO_CONTENT,
    ))
}
