//! Multipart uploads over HTTP, their checksums and their completion.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
    ServerSideEncryption, StorageClass,
};
use s3_support::{BUCKET, MIB, S3, completed, refusal, refused, s3};
use sandbox::s3::{Attributes, Content, Crc};

const PART: u64 = 5 * MIB;

fn complete(
    s3: &S3,
    key: &str,
    upload: &str,
    parts: &[CompletedPart],
) -> CompleteMultipartUploadFluentBuilder {
    let list = CompletedMultipartUpload::builder()
        .set_parts(Some(parts.to_vec()))
        .build();
    s3.client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .upload_id(upload)
        .multipart_upload(list)
}

/// An upload of two copied parts of an 11 MiB source named `source`.
async fn two_parts(s3: &S3, key: &str) -> (String, Vec<CompletedPart>) {
    s3.put_virtual("source", 11 * MIB, Attributes::default());
    let upload = s3.create_upload(key).await;
    let first = s3
        .copy_part("source", key, &upload, 1, Some((0, PART - 1)))
        .await;
    let second = s3
        .copy_part("source", key, &upload, 2, Some((PART, 11 * MIB - 1)))
        .await;
    (upload, vec![first, second])
}

async fn upload_part(
    s3: &S3,
    key: &str,
    upload: &str,
    number: i32,
    body: Vec<u8>,
) -> CompletedPart {
    let part = s3
        .client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(upload)
        .part_number(number)
        .body(body.into());
    completed(number, part.send().await.unwrap().e_tag().unwrap())
}

#[tokio::test]
async fn copied_parts_make_an_object_with_the_checksum_of_its_source() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let source = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("source")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    let done = complete(&s3, "k", &upload, &parts).send().await.unwrap();
    assert_eq!(done.checksum_crc64_nvme(), source.checksum_crc64_nvme());
    assert_eq!(done.checksum_type(), Some(&ChecksumType::FullObject));
    assert!(done.e_tag().unwrap().ends_with("-2\""));
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_crc64_nvme(), source.checksum_crc64_nvme());
    assert_eq!(head.content_length(), Some(11 * MIB as i64));
    assert!(s3.body("k").await == s3.body("source").await);
    assert_eq!(s3.store.open_uploads(BUCKET), 0);
}

#[tokio::test]
async fn uploaded_parts_have_md5_etags_and_make_an_etag_of_etags() {
    let s3 = s3().await;
    let upload = s3.create_upload("k").await;
    let first = upload_part(&s3, "k", &upload, 1, vec![b'a'; PART as usize]).await;
    let last = upload_part(&s3, "k", &upload, 10_000, b"hello".to_vec()).await;
    assert_eq!(last.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let etags = [
        first.e_tag().unwrap().to_owned(),
        last.e_tag().unwrap().to_owned(),
    ];
    let done = complete(&s3, "k", &upload, &[first, last])
        .send()
        .await
        .unwrap();
    assert_eq!(done.e_tag().unwrap(), md5_of_md5s(&etags));
    assert_eq!(s3.body("k").await.len() as u64, PART + 5);
}

fn md5_of_md5s(etags: &[String]) -> String {
    use md5::{Digest, Md5};
    let hex = data_encoding::HEXLOWER;
    let digests: Vec<u8> = etags
        .iter()
        .flat_map(|etag| hex.decode(etag.trim_matches('"').as_bytes()).unwrap())
        .collect();
    format!("\"{}-{}\"", hex.encode(&Md5::digest(digests)), etags.len())
}

#[tokio::test]
async fn part_numbers_are_1_to_10000() {
    let s3 = s3().await;
    let upload = s3.create_upload("k").await;
    for number in [0, 10_001] {
        let part = s3
            .client
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&upload)
            .part_number(number)
            .body(ByteStream::from_static(b"x"));
        assert_eq!(
            refusal(part.send().await),
            refused(400, "InvalidArgument"),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_part_that_is_not_the_last_has_at_least_5_mib() {
    let s3 = s3().await;
    let upload = s3.create_upload("k").await;
    let small = upload_part(&s3, "k", &upload, 1, vec![0; PART as usize - 1]).await;
    let last = upload_part(&s3, "k", &upload, 2, vec![1]).await;
    let parts = [small, last];
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &parts).send().await),
        refused(400, "EntityTooSmall")
    );
    complete(&s3, "k", &upload, &parts[1..])
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_completion_lists_existing_parts_in_order_with_their_etags() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let reversed = [parts[1].clone(), parts[0].clone()];
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &reversed).send().await),
        refused(400, "InvalidPartOrder")
    );
    let twice = [parts[0].clone(), parts[0].clone()];
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &twice).send().await),
        refused(400, "InvalidPartOrder")
    );
    let missing = [parts[0].clone(), completed(3, parts[1].e_tag().unwrap())];
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &missing).send().await),
        refused(400, "InvalidPart")
    );
    let other = [parts[0].clone(), completed(2, parts[0].e_tag().unwrap())];
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &other).send().await),
        refused(400, "InvalidPart")
    );
    let wrong = CompletedPart::builder()
        .part_number(1)
        .e_tag(parts[0].e_tag().unwrap())
        .checksum_crc64_nvme("AAAAAAAAAAA=")
        .build();
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &[wrong]).send().await),
        refused(400, "InvalidPart")
    );
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &[]).send().await),
        refused(400, "MalformedXML")
    );
}

#[tokio::test]
async fn unquoted_etags_complete_an_upload_too() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let unquoted: Vec<_> = parts
        .iter()
        .map(|part| {
            completed(
                part.part_number().unwrap(),
                part.e_tag().unwrap().trim_matches('"'),
            )
        })
        .collect();
    complete(&s3, "k", &upload, &unquoted).send().await.unwrap();
}

#[tokio::test]
async fn a_wrong_size_or_checksum_is_refused_and_the_right_ones_taken() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let complete = || complete(&s3, "k", &upload, &parts);
    assert_eq!(
        refusal(complete().mpu_object_size(1).send().await),
        refused(400, "InvalidRequest")
    );
    assert_eq!(
        refusal(complete().checksum_crc64_nvme("AAAAAAAAAAA=").send().await),
        refused(400, "BadDigest")
    );
    assert_eq!(
        refusal(complete().checksum_crc32("AAAAAA==").send().await),
        refused(400, "InvalidRequest")
    );
    assert_eq!(
        refusal(
            complete()
                .checksum_type(ChecksumType::Composite)
                .send()
                .await
        ),
        refused(400, "InvalidRequest")
    );
    assert_eq!(s3.store.open_uploads(BUCKET), 1);
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("source")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    complete()
        .mpu_object_size(11 * MIB as i64)
        .checksum_type(ChecksumType::FullObject)
        .set_checksum_crc64_nvme(head.checksum_crc64_nvme)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_completion_is_conditional_on_what_is_there() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let complete = || complete(&s3, "k", &upload, &parts);
    assert_eq!(
        refusal(complete().if_match("\"other\"").send().await),
        refused(404, "NoSuchKey")
    );
    let etag = s3.put("k", "there").await;
    assert_eq!(
        refusal(complete().if_none_match("*").send().await),
        refused(412, "PreconditionFailed")
    );
    assert_eq!(
        refusal(complete().if_match("\"other\"").send().await),
        refused(412, "PreconditionFailed")
    );
    assert_eq!(s3.body("k").await, b"there");
    complete().if_match(etag).send().await.unwrap();
}

#[tokio::test]
async fn the_same_completion_again_succeeds_again_and_another_does_not() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let first = complete(&s3, "k", &upload, &parts).send().await.unwrap();
    let again = complete(&s3, "k", &upload, &parts)
        .if_none_match("*")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (first.e_tag(), first.checksum_crc64_nvme()),
        (again.e_tag(), again.checksum_crc64_nvme())
    );
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &parts[..1]).send().await),
        refused(404, "NoSuchUpload")
    );
}

#[tokio::test]
async fn an_upload_that_is_unknown_aborted_or_completed_is_not_there() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let part = |upload: &str| {
        s3.client
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(upload)
            .part_number(1)
            .body(ByteStream::from_static(b"x"))
            .send()
    };
    let abort = |upload: &str| {
        s3.client
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(upload)
            .send()
    };
    assert_eq!(refusal(part("unknown").await), refused(404, "NoSuchUpload"));
    assert_eq!(
        refusal(complete(&s3, "other", &upload, &parts).send().await),
        refused(404, "NoSuchUpload")
    );
    abort(&upload).await.unwrap();
    assert_eq!(refusal(abort(&upload).await), refused(404, "NoSuchUpload"));
    assert_eq!(refusal(part(&upload).await), refused(404, "NoSuchUpload"));
    assert_eq!(
        refusal(complete(&s3, "k", &upload, &parts).send().await),
        refused(404, "NoSuchUpload")
    );
    let list = s3
        .client
        .list_parts()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&upload);
    assert_eq!(refusal(list.send().await), refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn an_upload_inherits_nothing_and_keeps_what_it_was_created_with() {
    let s3 = s3().await;
    let rich = Attributes {
        content_type: Some("text/plain".into()),
        tags: vec![("a".into(), "b".into())],
        ..Attributes::default()
    };
    s3.put_virtual("source", PART, rich);
    let upload = s3.create_upload("bare").await;
    let part = s3.copy_part("source", "bare", &upload, 1, None).await;
    complete(&s3, "bare", &upload, &[part])
        .send()
        .await
        .unwrap();
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("bare")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.content_type(), head.tag_count()),
        (Some("binary/octet-stream"), None)
    );

    let created = s3
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("rich")
        .content_type("text/plain")
        .metadata("a", "1")
        .tagging("t=1")
        .storage_class(StorageClass::GlacierIr)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("key-1")
        .send()
        .await
        .unwrap();
    let upload = created.upload_id().unwrap();
    let part = s3.copy_part("source", "rich", upload, 1, None).await;
    let done = complete(&s3, "rich", upload, &[part]).send().await.unwrap();
    assert_eq!(done.ssekms_key_id(), Some("key-1"));
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("rich")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.content_type(), head.tag_count()),
        (Some("text/plain"), Some(1))
    );
    assert_eq!(head.metadata().unwrap()["a"], "1");
    assert_eq!(head.storage_class(), Some(&StorageClass::GlacierIr));
    assert_eq!(
        head.server_side_encryption(),
        Some(&ServerSideEncryption::AwsKms)
    );
}

#[tokio::test]
async fn an_object_is_dated_by_the_initiation_of_its_upload() {
    let s3 = s3().await;
    let (upload, parts) = two_parts(&s3, "k").await;
    let uploads = s3
        .client
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let initiated = *uploads.uploads()[0].initiated().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    complete(&s3, "k", &upload, &parts).send().await.unwrap();
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.last_modified(), Some(&initiated));
}

#[tokio::test]
async fn an_algorithm_has_its_types_and_holds_for_every_part() {
    let s3 = s3().await;
    let create = |algorithm: ChecksumAlgorithm, kind: Option<ChecksumType>| {
        s3.client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .checksum_algorithm(algorithm)
            .set_checksum_type(kind)
            .send()
    };
    for (algorithm, kind) in [
        (ChecksumAlgorithm::Crc64Nvme, ChecksumType::Composite),
        (ChecksumAlgorithm::Sha1, ChecksumType::FullObject),
        (ChecksumAlgorithm::Sha256, ChecksumType::FullObject),
    ] {
        assert_eq!(
            refusal(create(algorithm, Some(kind)).await),
            refused(400, "InvalidRequest")
        );
    }
    let composite = create(ChecksumAlgorithm::Sha256, None).await.unwrap();
    assert_eq!(composite.checksum_type(), Some(&ChecksumType::Composite));
    let part = || {
        s3.summing
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(composite.upload_id().unwrap())
            .part_number(1)
            .body(ByteStream::from_static(b"x"))
    };
    let without = s3
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(composite.upload_id().unwrap())
        .part_number(1);
    assert_eq!(
        refusal(without.send().await),
        refused(400, "InvalidRequest")
    );
    assert_eq!(
        refusal(
            part()
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .send()
                .await
        ),
        refused(400, "InvalidRequest")
    );
    part()
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_composite_checksum_is_of_the_parts_checksums_and_needs_each_of_them() {
    let s3 = s3().await;
    let created = s3
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .send()
        .await
        .unwrap();
    let upload = created.upload_id().unwrap();
    let part = s3
        .summing
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(upload)
        .part_number(1)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .body(ByteStream::from_static(b"123456789"))
        .send()
        .await
        .unwrap();
    assert_eq!(part.checksum_crc32(), Some("y/Q5Jg=="));
    let without = completed(1, part.e_tag().unwrap());
    assert_eq!(
        refusal(complete(&s3, "k", upload, &[without]).send().await),
        refused(400, "InvalidRequest")
    );
    let with = CompletedPart::builder()
        .part_number(1)
        .e_tag(part.e_tag().unwrap())
        .checksum_crc32("y/Q5Jg==")
        .build();
    let done = complete(&s3, "k", upload, &[with]).send().await.unwrap();
    let crc = Crc::Crc32.to_base64(Crc::Crc32.of(&0xcbf4_3926_u32.to_be_bytes()));
    assert_eq!(done.checksum_crc32(), Some(format!("{crc}-1").as_str()));
    assert_eq!(done.checksum_type(), Some(&ChecksumType::Composite));
}

#[tokio::test]
async fn a_full_object_crc32_is_combined_from_copied_parts() {
    let s3 = s3().await;
    s3.put_virtual("source", 11 * MIB, Attributes::default());
    let created = s3
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(ChecksumAlgorithm::Crc32C)
        .checksum_type(ChecksumType::FullObject)
        .send()
        .await
        .unwrap();
    let upload = created.upload_id().unwrap();
    let parts = [
        s3.copy_part("source", "k", upload, 1, Some((0, PART + 6)))
            .await,
        s3.copy_part("source", "k", upload, 2, Some((PART + 7, 11 * MIB - 1)))
            .await,
    ];
    let done = complete(&s3, "k", upload, &parts).send().await.unwrap();
    let bytes = Content::bytes(s3.body("source").await.into());
    assert_eq!(
        done.checksum_crc32_c(),
        Some(
            Crc::Crc32C
                .to_base64(bytes.crc(Crc::Crc32C).unwrap())
                .as_str()
        )
    );
}

#[tokio::test]
async fn parts_and_uploads_are_listed_in_pages() {
    let s3 = s3().await;
    s3.put_virtual("source", PART, Attributes::default());
    let upload = s3.create_upload("a/1").await;
    for number in [7, 3, 9] {
        s3.copy_part("source", "a/1", &upload, number, None).await;
    }
    let list = || {
        s3.client
            .list_parts()
            .bucket(BUCKET)
            .key("a/1")
            .upload_id(&upload)
    };
    let page = list().max_parts(2).send().await.unwrap();
    let numbers: Vec<_> = page
        .parts()
        .iter()
        .map(|part| part.part_number().unwrap())
        .collect();
    assert_eq!(
        (numbers, page.is_truncated(), page.next_part_number_marker()),
        (vec![3, 7], Some(true), Some("7"))
    );
    let rest = list().part_number_marker("7").send().await.unwrap();
    assert_eq!((rest.parts().len(), rest.is_truncated()), (1, Some(false)));
    assert_eq!(rest.parts()[0].size(), Some(PART as i64));

    let second = s3.create_upload("a/1").await;
    s3.create_upload("b").await;
    let list = || {
        s3.client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .prefix("a/")
    };
    let page = list().max_uploads(1).send().await.unwrap();
    assert_eq!(
        (page.uploads()[0].upload_id(), page.is_truncated()),
        (Some(upload.as_str()), Some(true))
    );
    let rest = list()
        .set_key_marker(page.next_key_marker)
        .set_upload_id_marker(page.next_upload_id_marker)
        .send()
        .await
        .unwrap();
    let ids: Vec<_> = rest
        .uploads()
        .iter()
        .map(|upload| upload.upload_id().unwrap())
        .collect();
    assert_eq!(
        (ids, rest.is_truncated()),
        (vec![second.as_str()], Some(false))
    );
    assert_eq!(s3.store.open_uploads(BUCKET), 3);
}
