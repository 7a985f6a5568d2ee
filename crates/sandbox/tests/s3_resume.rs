//! What a client that resumes an upload reads of it: ListMultipartUploads and ListParts.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
    MultipartUpload, Part, StorageClass,
};
use s3_support::{BUCKET, MIB, S3, s3};
use sandbox::s3::{Attributes, Content, Crc};

const PART: u64 = 5 * MIB;

async fn create(s3: &S3, algorithm: &ChecksumAlgorithm, kind: ChecksumType) -> String {
    let create = s3
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("day/to");
    let create = create
        .checksum_algorithm(algorithm.clone())
        .checksum_type(kind)
        .storage_class(StorageClass::StandardIa);
    create.send().await.unwrap().upload_id.unwrap()
}

/// The parts by the SDK's paginator.
async fn parts(s3: &S3, key: &str, upload: &str) -> Vec<Part> {
    let list = s3
        .client
        .list_parts()
        .bucket(BUCKET)
        .key(key)
        .upload_id(upload);
    let mut pages = list.into_paginator().send();
    let mut parts = Vec::new();
    while let Some(page) = pages.next().await {
        parts.extend(page.unwrap().parts.unwrap_or_default());
    }
    parts
}

async fn page(
    s3: &S3,
    prefix: &str,
    after: Option<&ListMultipartUploadsOutput>,
) -> ListMultipartUploadsOutput {
    let list = s3
        .client
        .list_multipart_uploads()
        .bucket(BUCKET)
        .prefix(prefix);
    list.set_key_marker(after.and_then(|page| page.next_key_marker.clone()))
        .set_upload_id_marker(after.and_then(|page| page.next_upload_id_marker.clone()))
        .send()
        .await
        .unwrap()
}

/// The uploads page by page, as the SDK has no paginator for them.
async fn uploads(s3: &S3, prefix: &str) -> Vec<MultipartUpload> {
    let mut last = page(s3, prefix, None).await;
    let mut uploads = last.uploads.take().unwrap_or_default();
    while last.is_truncated() == Some(true) {
        last = page(s3, prefix, Some(&last)).await;
        uploads.extend(last.uploads.take().unwrap_or_default());
    }
    uploads
}

fn values(part: &Part) -> [Option<&str>; 5] {
    [
        part.checksum_crc32(),
        part.checksum_crc32_c(),
        part.checksum_crc64_nvme(),
        part.checksum_sha1(),
        part.checksum_sha256(),
    ]
}

fn completed(part: &Part) -> CompletedPart {
    CompletedPart::builder()
        .set_part_number(part.part_number)
        .set_e_tag(part.e_tag.clone())
        .set_checksum_crc32(part.checksum_crc32.clone())
        .set_checksum_crc32_c(part.checksum_crc32_c.clone())
        .set_checksum_crc64_nvme(part.checksum_crc64_nvme.clone())
        .build()
}

#[tokio::test]
async fn a_listed_upload_says_who_began_it_when_and_with_which_checksum() {
    let s3 = s3().await;
    let id = create(&s3, &ChecksumAlgorithm::Crc32C, ChecksumType::FullObject).await;
    s3.create_upload("elsewhere").await;
    let listed = uploads(&s3, "day/").await;
    let [upload] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (upload.key(), upload.upload_id()),
        (Some("day/to"), Some(id.as_str()))
    );
    let initiator = upload.initiator().unwrap();
    assert_eq!(initiator.id(), Some("000000000000"));
    assert_eq!(initiator.id(), upload.owner().unwrap().id());
    assert!(upload.initiated().is_some());
    assert_eq!(upload.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!(
        upload.checksum_algorithm(),
        Some(&ChecksumAlgorithm::Crc32C)
    );
    assert_eq!(upload.checksum_type(), Some(&ChecksumType::FullObject));

    let list = s3
        .client
        .list_parts()
        .bucket(BUCKET)
        .key("day/to")
        .upload_id(id);
    let list = list.send().await.unwrap();
    assert_eq!(list.initiator(), upload.initiator());
    assert_eq!(list.owner(), upload.owner());
    assert_eq!(list.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!(list.checksum_algorithm(), Some(&ChecksumAlgorithm::Crc32C));
    assert_eq!(list.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(list.parts().len(), 0);
}

#[tokio::test]
async fn an_upload_is_resumed_and_completed_from_its_list_of_parts() {
    let s3 = s3().await;
    s3.put_virtual("source", 3 * PART, Attributes::default());
    let cases = [
        (
            ChecksumAlgorithm::Crc64Nvme,
            ChecksumType::FullObject,
            2,
            Crc::Crc64Nvme,
        ),
        (
            ChecksumAlgorithm::Crc32C,
            ChecksumType::FullObject,
            1,
            Crc::Crc32C,
        ),
        (
            ChecksumAlgorithm::Crc32C,
            ChecksumType::Composite,
            1,
            Crc::Crc32C,
        ),
        (
            ChecksumAlgorithm::Crc32,
            ChecksumType::FullObject,
            0,
            Crc::Crc32,
        ),
    ];
    for (algorithm, kind, place, crc) in cases {
        let case = format!("{algorithm:?} {kind:?}");
        let id = create(&s3, &algorithm, kind.clone()).await;
        for number in [3, 1] {
            let first = (number as u64 - 1) * PART;
            let range = Some((first, first + PART - 1));
            s3.copy_part("source", "day/to", &id, number, range).await;
        }
        let before = parts(&s3, "day/to", &id).await;
        let numbers: Vec<_> = before.iter().map(|part| part.part_number()).collect();
        assert_eq!(numbers, [Some(1), Some(3)], "{case}");

        s3.copy_part("source", "day/to", &id, 2, Some((PART, 2 * PART - 1)))
            .await;
        let listed = parts(&s3, "day/to", &id).await;
        let block: Vec<u8> = (0..MIB).map(|n| (n % 251) as u8).collect();
        let content = Content::repeat(block.into(), 3 * PART);
        for (part, first) in listed.iter().zip([0, PART, 2 * PART]) {
            assert_eq!(part.size(), Some(PART as i64), "{case}");
            assert!(part.e_tag().is_some() && part.last_modified().is_some());
            let bytes = content.slice(first..first + PART);
            let value = crc.to_base64(bytes.crc(crc).unwrap());
            let mut expected = [None; 5];
            expected[place] = Some(value.as_str());
            assert_eq!(values(part), expected, "{case}");
        }
        let list = CompletedMultipartUpload::builder();
        let list = list.set_parts(Some(listed.iter().map(completed).collect()));
        let complete = s3
            .client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("day/to");
        complete
            .upload_id(id)
            .multipart_upload(list.build())
            .send()
            .await
            .unwrap();
        let head = s3.client.head_object().bucket(BUCKET).key("day/to");
        let head = head
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(head.content_length(), Some(3 * PART as i64), "{case}");
        assert_eq!(head.checksum_type(), Some(&kind), "{case}");
    }
}

#[tokio::test]
async fn a_checksum_nobody_asked_for_is_not_listed() {
    let s3 = s3().await;
    s3.put_virtual("source", PART, Attributes::default());
    let id = s3.create_upload("to").await;
    s3.copy_part("source", "to", &id, 1, None).await;
    let listed = parts(&s3, "to", &id).await;
    assert_eq!(values(&listed[0]), [None; 5]);
    let upload = &uploads(&s3, "to").await[0];
    assert_eq!(
        (upload.checksum_algorithm(), upload.checksum_type()),
        (None, None)
    );
    assert_eq!(upload.storage_class(), Some(&StorageClass::Standard));
}

#[tokio::test]
async fn more_than_a_thousand_parts_are_listed_by_the_sdks_paginator() {
    let s3 = s3().await;
    s3.put_virtual("source", PART, Attributes::default());
    let id = s3.create_upload("to").await;
    for number in 1..=2001 {
        s3.copy_part("source", "to", &id, number, None).await;
    }
    let listed = parts(&s3, "to", &id).await;
    let numbers = listed.iter().map(|part| part.part_number().unwrap());
    assert!(numbers.eq(1..=2001));
    assert_eq!(s3.requests.snapshot()["s3:ListParts"], 3);
}

#[tokio::test]
async fn more_than_a_thousand_uploads_are_listed_each_once_also_of_one_key() {
    let s3 = s3().await;
    let mut begun = Vec::new();
    for _ in 0..1500 {
        begun.push(("a/one".to_owned(), s3.create_upload("a/one").await));
    }
    for number in 0..600 {
        let key = format!("a/{number:03}");
        let id = s3.create_upload(&key).await;
        begun.push((key, id));
    }
    s3.create_upload("b").await;
    // By key, and one key's in the order they were begun.
    begun.sort_by(|(one, _), (other, _)| one.cmp(other));
    let listed: Vec<_> = uploads(&s3, "a/")
        .await
        .into_iter()
        .map(|upload| (upload.key.unwrap(), upload.upload_id.unwrap()))
        .collect();
    assert_eq!(listed, begun);
    assert_eq!(s3.requests.snapshot()["s3:ListMultipartUploads"], 3);
}
