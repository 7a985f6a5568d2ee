//! What the copier relies on S3 to refuse, asked of a server directly.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use backup::aws::Cause;
use tests::{DEST, MIB, SOURCE};

use crate::findings::{Finding, Rule};

/// An object of two parts, in both buckets.
const KEY: &str = "there";

/// The same in the copy source header.
const COPY_SOURCE: &str = "source/there";

/// No object's ETag.
const OTHER_ETAG: &str = "\"0123456789abcdef0123456789abcdef\"";

/// No object's CRC64NVME: eight zero bytes.
const OTHER_CRC64NVME: &str = "AAAAAAAAAAA=";

/// Asks for everything that must be refused.
pub async fn findings(s3: &Client) -> Vec<Finding> {
    for bucket in [SOURCE, DEST] {
        let put = s3
            .put_object()
            .bucket(bucket)
            .key(KEY)
            .body(vec![7; 10 << 20].into());
        put.checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await
            .unwrap();
    }
    let (copies, completions, put) = (copies(s3).await, completions(s3).await, put(s3).await);
    let all = copies.into_iter().chain(completions).chain([put]);
    all.flatten().collect()
}

async fn copies(s3: &Client) -> [Option<Finding>; 4] {
    let copy = || s3.copy_object().copy_source(COPY_SOURCE).bucket(DEST);
    let upload = create(s3, "part").await;
    let part = s3.upload_part_copy().copy_source(COPY_SOURCE);
    let part = part.bucket(DEST).key("part").upload_id(&upload);
    let part = part.part_number(1).copy_source_range("bytes=0-5242879");
    let part = part.copy_source_if_match(OTHER_ETAG).send().await;
    abort(s3, "part", &upload).await;
    let changed = copy().key("copy").copy_source_if_match(OTHER_ETAG);
    let new = copy().key(KEY).if_none_match("*");
    let over = copy().key(KEY).if_match(OTHER_ETAG);
    [
        refused("a part of a source that changed", 412, part),
        refused("a copy of a source that changed", 412, changed.send().await),
        refused(
            "a copy over an object that was not there",
            412,
            new.send().await,
        ),
        refused("a copy over an object that changed", 412, over.send().await),
    ]
}

async fn completions(s3: &Client) -> [Option<Finding>; 5] {
    let halves = [5 * MIB, 5 * MIB];
    let new = completion(s3, halves).await.if_none_match("*");
    let new = refused(
        "a completion over an object that was not there",
        412,
        end(s3, new).await,
    );
    let over = completion(s3, halves).await.if_match(OTHER_ETAG);
    let over = refused(
        "a completion over an object that changed",
        412,
        end(s3, over).await,
    );
    let crc = completion(s3, halves)
        .await
        .checksum_type(ChecksumType::FullObject);
    let crc = crc.checksum_crc64_nvme(OTHER_CRC64NVME);
    let crc = refused(
        "a completion with another CRC64NVME",
        400,
        end(s3, crc).await,
    );
    let size = completion(s3, halves).await.mpu_object_size(1);
    let size = refused("a completion with another size", 400, end(s3, size).await);
    let small = completion(s3, [MIB, 5 * MIB]).await;
    let small = refused("a first part of less than 5 MiB", 400, end(s3, small).await);
    [new, over, crc, size, small]
}

/// An upload of two parts that would be completed as it should, where there is an object already.
async fn completion(s3: &Client, sizes: [u64; 2]) -> CompleteMultipartUploadFluentBuilder {
    let upload = create(s3, KEY).await;
    let mut parts = CompletedMultipartUpload::builder();
    let mut first = 0;
    for (number, size) in (1..).zip(sizes) {
        let part = s3.upload_part_copy().copy_source(COPY_SOURCE);
        let part = part
            .bucket(DEST)
            .key(KEY)
            .upload_id(&upload)
            .part_number(number);
        let part = part.copy_source_range(format!("bytes={first}-{}", first + size - 1));
        let result = part.send().await.unwrap().copy_part_result.unwrap();
        first += size;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(result.e_tag);
        parts = parts.parts(
            part.set_checksum_crc64_nvme(result.checksum_crc64_nvme)
                .build(),
        );
    }
    let complete = s3.complete_multipart_upload().bucket(DEST).key(KEY);
    complete.upload_id(upload).multipart_upload(parts.build())
}

/// Sends a completion and gives the parts back if it was refused.
async fn end(s3: &Client, completion: CompleteMultipartUploadFluentBuilder) -> Result<(), Cause> {
    let upload = completion.get_upload_id().clone().unwrap();
    let answer = completion.send().await;
    abort(s3, KEY, &upload).await;
    answer.map(|_| ()).map_err(Cause::from)
}

async fn put(s3: &Client) -> Option<Finding> {
    let put = s3
        .put_object()
        .bucket(DEST)
        .key("put")
        .body(vec![7; 1_000].into());
    let put = put.checksum_crc64_nvme(OTHER_CRC64NVME).send().await;
    refused(
        "an object with another CRC64NVME",
        400,
        put.map_err(Cause::from),
    )
}

async fn create(s3: &Client, key: &str) -> String {
    let create = s3.create_multipart_upload().bucket(DEST).key(key);
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    let create = create.checksum_type(ChecksumType::FullObject);
    create.send().await.unwrap().upload_id.unwrap()
}

/// There is nothing to abort where the server did not refuse to complete it.
async fn abort(s3: &Client, key: &str, upload: &str) {
    let abort = s3.abort_multipart_upload().bucket(DEST).key(key);
    let _ = abort.upload_id(upload).send().await;
}

fn refused<T, E>(about: &str, status: u16, answer: Result<T, E>) -> Option<Finding>
where
    Cause: From<E>,
{
    let found = match answer.map_err(Cause::from) {
        Err(cause) if cause.status == Some(status) => return None,
        Err(cause) => cause.to_string(),
        Ok(_) => "it was done".to_owned(),
    };
    Some(Finding {
        rule: Rule::IsRefused,
        about: about.to_owned(),
        found,
    })
}
