//! CompleteMultipartUpload.

use std::sync::Arc;

use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::attributes::set_encryption;
use super::bucket::Bucket;
use super::checksum::{Algorithm, Checksum, Declared, Kind, set_checksum};
use super::conditions::WriteCondition;
use super::crc::Crc;
use super::digest::Sha;
use super::error::{malformed_xml, no_such_upload};
use super::object::Object;
use super::parts::check_part_number;
use super::store::Store;
use super::upload::{Completed, ListedPart, Upload};

pub(super) async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let condition = WriteCondition::from_headers(&request.headers)?;
    let declared = Declarations::from_request(&request)?;
    let input = request.input;
    let listed = listed_parts(
        input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default(),
    )?;
    let found = store.with_bucket(&input.bucket, |bucket| {
        find(bucket, &input.key, &input.upload_id, &listed)
    })?;
    let upload = match found {
        Found::Completed(completed) => return Ok(answer(&input.bucket, *completed)),
        Found::Open(upload) => upload,
    };
    // The lock is free while checksums of up to 10,000 parts are combined.
    let object = upload.assemble(&listed)?;
    declared.check(&object)?;
    let id = store.fresh_id();
    let completed = store.with_bucket(&input.bucket, |bucket| {
        condition.check(bucket.current(&input.key).map(Arc::as_ref))?;
        let upload = bucket
            .uploads
            .remove(&(input.key.clone(), input.upload_id.clone()));
        upload.ok_or_else(no_such_upload)?;
        let version_id = bucket.insert(&input.key, object.clone(), id);
        let completed = Completed {
            key: input.key,
            parts: listed,
            object,
            version_id,
        };
        bucket.completed.insert(input.upload_id, completed.clone());
        Ok(completed)
    })?;
    Ok(answer(&input.bucket, completed))
}

enum Found {
    Open(Box<Upload>),
    Completed(Box<Completed>),
}

/// Completing a finished upload again with the same parts succeeds again.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
fn find(bucket: &Bucket, key: &str, upload_id: &str, listed: &[ListedPart]) -> S3Result<Found> {
    if let Some(upload) = bucket.uploads.get(&(key.to_owned(), upload_id.to_owned())) {
        return Ok(Found::Open(Box::new(upload.clone())));
    }
    match bucket.completed.get(upload_id) {
        Some(completed) if completed.key == key && completed.parts == listed => {
            Ok(Found::Completed(Box::new(completed.clone())))
        }
        _ => Err(no_such_upload()),
    }
}

fn listed_parts(parts: Vec<CompletedPart>) -> S3Result<Vec<ListedPart>> {
    if parts.is_empty() {
        return Err(malformed_xml());
    }
    parts.into_iter().map(listed_part).collect()
}

fn listed_part(part: CompletedPart) -> S3Result<ListedPart> {
    let (number, etag) = part.part_number.zip(part.e_tag).ok_or_else(malformed_xml)?;
    check_part_number(number)?;
    let checksums = [
        (Algorithm::Crc(Crc::Crc32), part.checksum_crc32),
        (Algorithm::Crc(Crc::Crc32C), part.checksum_crc32c),
        (Algorithm::Crc(Crc::Crc64Nvme), part.checksum_crc64nvme),
        (Algorithm::Sha(Sha::Sha1), part.checksum_sha1),
        (Algorithm::Sha(Sha::Sha256), part.checksum_sha256),
    ];
    let checksums = checksums
        .into_iter()
        .filter_map(|(algorithm, value)| Some((algorithm, value?)));
    Ok(ListedPart {
        number,
        etag: etag.into_value(),
        checksums: checksums.collect(),
    })
}

/// What the client says the whole object will be.
struct Declarations {
    checksum: Option<(Algorithm, String)>,
    kind: Option<Kind>,
    size_bytes: Option<i64>,
}

impl Declarations {
    fn from_request(request: &S3Request<CompleteMultipartUploadInput>) -> S3Result<Self> {
        let input = &request.input;
        let declared = Declared::from_headers(&request.headers)?;
        let checksum = match declared {
            Some(declared) => Some((declared.algorithm, declared.value(None)?)),
            None => None,
        };
        Ok(Self {
            checksum,
            kind: input.checksum_type.as_ref().map(Kind::parse).transpose()?,
            size_bytes: input.mpu_object_size,
        })
    }

    /// # Errors
    ///
    /// InvalidRequest for another size, type or algorithm; BadDigest for another checksum.
    fn check(&self, object: &Object) -> S3Result<()> {
        let computed_bytes = object.content.len();
        if let Some(declared_bytes) = self.size_bytes
            && u64::try_from(declared_bytes) != Ok(computed_bytes)
        {
            return Err(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header value {declared_bytes} does not match what was computed: {computed_bytes}"
            ));
        }
        if let Some(kind) = self.kind
            && kind != object.checksum.kind
        {
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
                object.checksum.kind.to_dto().as_str()
            ));
        }
        match &self.checksum {
            Some((algorithm, value)) => check_checksum(&object.checksum, *algorithm, value),
            None => Ok(()),
        }
    }
}

fn check_checksum(computed: &Checksum, algorithm: Algorithm, declared: &str) -> S3Result<()> {
    let name = |algorithm: Algorithm| algorithm.name().to_ascii_lowercase();
    if algorithm != computed.algorithm {
        return Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            name(computed.algorithm),
            name(algorithm)
        ));
    }
    // A composite value may be given without its number of parts.
    let digest = computed
        .value
        .split_once('-')
        .map_or(computed.value.as_str(), |(digest, _)| digest);
    if declared != computed.value && declared != digest {
        return Err(s3_error!(
            BadDigest,
            "The {} you specified did not match the calculated checksum.",
            name(algorithm)
        ));
    }
    Ok(())
}

fn answer(bucket: &str, completed: Completed) -> S3Response<CompleteMultipartUploadOutput> {
    let object = &completed.object;
    let mut output = CompleteMultipartUploadOutput {
        bucket: Some(bucket.to_owned()),
        checksum_type: Some(object.checksum.kind.to_dto()),
        e_tag: Some(object.etag_dto()),
        location: Some(format!("/{bucket}/{}", completed.key)),
        version_id: completed.version_id,
        ..CompleteMultipartUploadOutput::default()
    };
    set_checksum!(output, &object.checksum);
    set_encryption!(output, &object.attributes.encryption);
    output.key = Some(completed.key);
    S3Response::new(output)
}
