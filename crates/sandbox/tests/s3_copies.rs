//! Server-side copies over HTTP.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, MetadataDirective, ServerSideEncryption,
    StorageClass, TaggingDirective,
};
use s3_support::{BUCKET, MIB, refusal, refused, s3};
use sandbox::s3::{Attributes, Encryption};

#[tokio::test]
async fn a_copy_source_is_decoded_once_whatever_the_key() {
    let s3 = s3().await;
    let encode = |key: &str| {
        const ENCODED: &percent_encoding::AsciiSet =
            &percent_encoding::NON_ALPHANUMERIC.remove(b'/');
        percent_encoding::utf8_percent_encode(key, ENCODED).to_string()
    };
    for key in [
        "a b",
        "a+b",
        "a%41b",
        "what?versionId=1",
        "a//b",
        "/lead",
        "a/../b",
        "ünï/😀",
        "&=#;,",
        "tab\t",
    ] {
        s3.put(key, "bytes").await;
        let source = format!("{BUCKET}/{}", encode(key));
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(&source)
            .send()
            .await
            .unwrap_or_else(|error| panic!("{key:?}: {error:?}"));
        let upload = s3.create_upload("part").await;
        let part = s3
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("part")
            .upload_id(upload)
            .part_number(1)
            .copy_source(&source);
        part.send().await.unwrap();
        s3.client
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    s3.put("a+b", "bytes").await;
    let unencoded = s3
        .client
        .copy_object()
        .bucket(BUCKET)
        .key("to")
        .copy_source(format!("{BUCKET}/a+b"));
    assert_eq!(refusal(unencoded.send().await), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn a_copy_takes_metadata_and_tags_but_neither_storage_class_redirect_nor_encryption() {
    let s3 = s3().await;
    s3.client
        .put_object()
        .bucket(BUCKET)
        .key("from")
        .body(ByteStream::from_static(b"hello"))
        .content_type("text/plain")
        .metadata("a", "1")
        .tagging("t=1")
        .storage_class(StorageClass::StandardIa)
        .website_redirect_location("/x")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .send()
        .await
        .unwrap();
    let copied = s3
        .client
        .copy_object()
        .bucket(BUCKET)
        .key("to")
        .copy_source(format!("{BUCKET}/from"))
        .send()
        .await
        .unwrap();
    let result = copied.copy_object_result().unwrap();
    assert_eq!(result.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(result.checksum_crc64_nvme(), Some("M3eFcAZSQlc="));
    assert_eq!(result.last_modified().unwrap().subsec_nanos(), 0);
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("to")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.content_type(), head.tag_count()),
        (Some("text/plain"), Some(1))
    );
    assert_eq!(head.metadata().unwrap()["a"], "1");
    assert_eq!(
        (head.storage_class(), head.website_redirect_location()),
        (None, None)
    );
    assert_eq!(
        head.server_side_encryption(),
        Some(&ServerSideEncryption::Aes256)
    );
}

#[tokio::test]
async fn directives_replace_metadata_and_tags_each_for_itself() {
    let s3 = s3().await;
    s3.client
        .put_object()
        .bucket(BUCKET)
        .key("from")
        .content_type("text/plain")
        .tagging("t=1&u=2")
        .send()
        .await
        .unwrap();
    let copy = || {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(format!("{BUCKET}/from"))
    };
    let head = || async {
        s3.client
            .head_object()
            .bucket(BUCKET)
            .key("to")
            .send()
            .await
            .unwrap()
    };
    copy()
        .metadata_directive(MetadataDirective::Replace)
        .content_type("text/html")
        .metadata("b", "2")
        .send()
        .await
        .unwrap();
    let replaced = head().await;
    assert_eq!(
        (replaced.content_type(), replaced.tag_count()),
        (Some("text/html"), Some(2))
    );
    copy()
        .tagging_directive(TaggingDirective::Replace)
        .tagging("only=1")
        .storage_class(StorageClass::GlacierIr)
        .send()
        .await
        .unwrap();
    let replaced = head().await;
    assert_eq!(
        (replaced.content_type(), replaced.tag_count()),
        (Some("text/plain"), Some(1))
    );
    assert_eq!(replaced.storage_class(), Some(&StorageClass::GlacierIr));
    assert_eq!(
        refusal(copy().tagging("t=1").send().await),
        refused(400, "InvalidArgument")
    );
}

#[tokio::test]
async fn a_copy_onto_itself_must_change_something() {
    let s3 = s3().await;
    s3.put("k", "x").await;
    let copy = || {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("k")
            .copy_source(format!("{BUCKET}/k"))
    };
    assert_eq!(refusal(copy().send().await), refused(400, "InvalidRequest"));
    copy()
        .storage_class(StorageClass::StandardIa)
        .send()
        .await
        .unwrap();
    copy()
        .metadata_directive(MetadataDirective::Replace)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_copy_takes_at_most_5_gib() {
    let s3 = s3().await;
    let most = 5 * 1024 * MIB;
    s3.put_virtual("most", most, Attributes::default());
    s3.put_virtual("more", most + 1, Attributes::default());
    let copy = |source: &str| {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(format!("{BUCKET}/{source}"))
            .send()
    };
    copy("most").await.unwrap();
    assert_eq!(refusal(copy("more").await), refused(400, "InvalidRequest"));
    let upload = s3.create_upload("to").await;
    let part = || {
        s3.client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("to")
            .upload_id(&upload)
            .part_number(1)
            .copy_source(format!("{BUCKET}/more"))
    };
    assert_eq!(refusal(part().send().await), refused(400, "InvalidRequest"));
    part()
        .copy_source_range(format!("bytes=1-{most}"))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_copied_range_is_within_a_source_over_5_mib() {
    let s3 = s3().await;
    s3.put_virtual("small", 5 * MIB, Attributes::default());
    s3.put_virtual("large", 5 * MIB + 1, Attributes::default());
    let upload = s3.create_upload("to").await;
    let part = |source: &str, range: &str| {
        s3.client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("to")
            .upload_id(&upload)
            .part_number(1)
            .copy_source(format!("{BUCKET}/{source}"))
            .copy_source_range(range)
            .send()
    };
    assert_eq!(
        refusal(part("small", "bytes=0-1").await),
        refused(400, "InvalidRequest")
    );
    assert_eq!(
        refusal(part("large", "bytes=0-5242881").await),
        refused(400, "InvalidArgument")
    );
    assert_eq!(
        refusal(part("large", "bytes=5-").await),
        refused(400, "InvalidArgument")
    );
    part("large", "bytes=0-5242880").await.unwrap();
}

#[tokio::test]
async fn a_source_that_is_missing_or_archived_is_refused() {
    let s3 = s3().await;
    s3.put_virtual(
        "archived",
        6 * MIB,
        Attributes {
            storage_class: Some("GLACIER".into()),
            ..Attributes::default()
        },
    );
    let upload = s3.create_upload("to").await;
    for (source, refusal_expected) in [
        ("bucket/missing", refused(404, "NoSuchKey")),
        ("missing/k", refused(404, "NoSuchBucket")),
        ("bucket/archived", refused(403, "InvalidObjectState")),
    ] {
        let copy = s3
            .client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(source);
        assert_eq!(refusal(copy.send().await), refusal_expected, "{source}");
        let part = s3
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("to")
            .upload_id(&upload)
            .part_number(1)
            .copy_source(source);
        assert_eq!(refusal(part.send().await), refusal_expected, "{source}");
    }
}

#[tokio::test]
async fn a_copy_is_conditional_on_its_source_and_on_its_destination() {
    let s3 = s3().await;
    let etag = s3.put("from", "x").await;
    let there = s3.put("to", "there").await;
    let copy = || {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(format!("{BUCKET}/from"))
    };
    let failed = refused(412, "PreconditionFailed");
    let (past, future) = (
        DateTime::from_secs(1_000_000_000),
        DateTime::from_secs(4_000_000_000),
    );
    assert_eq!(
        refusal(copy().copy_source_if_match("\"other\"").send().await),
        failed
    );
    assert_eq!(
        refusal(copy().copy_source_if_none_match(&etag).send().await),
        failed
    );
    assert_eq!(
        refusal(copy().copy_source_if_modified_since(future).send().await),
        failed
    );
    assert_eq!(
        refusal(copy().copy_source_if_unmodified_since(past).send().await),
        failed
    );
    assert_eq!(refusal(copy().if_none_match("*").send().await), failed);
    assert_eq!(refusal(copy().if_match("\"other\"").send().await), failed);
    assert_eq!(s3.body("to").await, b"there");
    copy()
        .copy_source_if_match(&etag)
        .copy_source_if_unmodified_since(past)
        .if_match(there)
        .send()
        .await
        .unwrap();

    let upload = s3.create_upload("part").await;
    let part = || {
        s3.client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("part")
            .upload_id(&upload)
            .part_number(1)
            .copy_source(format!("{BUCKET}/from"))
    };
    assert_eq!(
        refusal(part().copy_source_if_match("\"other\"").send().await),
        failed
    );
    let part = part()
        .copy_source_if_match(&etag)
        .send()
        .await
        .unwrap()
        .copy_part_result
        .unwrap();
    assert_eq!(part.e_tag(), Some(etag.as_str()));
    assert!(part.checksum_crc64_nvme().is_some());
    assert!(part.last_modified().is_some());
}

#[tokio::test]
async fn a_copy_keeps_the_sources_algorithm_unless_another_is_asked_for() {
    let s3 = s3().await;
    s3.summing
        .put_object()
        .bucket(BUCKET)
        .key("from")
        .body(ByteStream::from_static(b"123456789"))
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .send()
        .await
        .unwrap();
    let copy = || {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(format!("{BUCKET}/from"))
    };
    let kept = copy().send().await.unwrap().copy_object_result.unwrap();
    assert_eq!(
        (kept.checksum_crc32(), kept.checksum_crc64_nvme()),
        (Some("y/Q5Jg=="), None)
    );
    copy()
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap();
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("to")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(
        head.checksum_sha256(),
        Some("FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=")
    );
    assert_eq!(
        (head.checksum_crc32(), head.checksum_type()),
        (None, Some(&ChecksumType::FullObject))
    );
}

#[tokio::test]
async fn a_copy_and_a_virtual_object_have_etags_of_their_bytes() {
    let s3 = s3().await;
    for (key, size_bytes) in [("a", 6 * MIB), ("same", 6 * MIB), ("other", 6 * MIB + 1)] {
        s3.put_virtual(key, size_bytes, Attributes::default());
    }
    let etag = async |key: &str| {
        s3.client
            .head_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap()
            .e_tag
            .unwrap()
    };
    assert_eq!(etag("a").await, etag("same").await);
    assert_ne!(etag("a").await, etag("other").await);
    assert_eq!(etag("a").await.len(), 34);
}

#[tokio::test]
async fn an_object_with_a_customers_key_is_listed_and_tagged_and_neither_read_nor_copied() {
    const WORDS: &str = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.";
    let s3 = s3().await;
    let attributes = Attributes {
        encryption: Encryption::Customer,
        tags: vec![("t".into(), "1".into())],
        ..Attributes::default()
    };
    s3.put_virtual("from", 6 * MIB, attributes);
    let from = format!("{BUCKET}/from");
    let invalid = refused(400, "InvalidRequest");

    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("from")
        .send()
        .await;
    let head = head.unwrap_err();
    let answer = head.raw_response().unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    assert_eq!(answer.body().bytes(), Some(&b""[..]));
    let get = s3
        .client
        .get_object()
        .bucket(BUCKET)
        .key("from")
        .send()
        .await;
    let get = get.unwrap_err();
    assert_eq!(
        (get.code(), get.message()),
        (Some("InvalidRequest"), Some(WORDS))
    );
    let copy = || {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(&from)
    };
    let refused_copy = copy().send().await.unwrap_err();
    assert_eq!(refused_copy.message(), Some(WORDS));
    assert_eq!(refusal(copy().send().await), invalid);
    let upload = s3.create_upload("to").await;
    let part = s3
        .client
        .upload_part_copy()
        .bucket(BUCKET)
        .key("to")
        .upload_id(upload);
    let part = part.part_number(1).copy_source(&from);
    assert_eq!(refusal(part.send().await), invalid);
    let annotation = s3.client.put_object_annotation().bucket(BUCKET).key("from");
    let annotation = annotation.annotation_name("a");
    let annotation = annotation.annotation_payload(ByteStream::from_static(b"x"));
    assert_eq!(refusal(annotation.send().await), invalid);

    let listed = s3
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let [object] = listed.contents() else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (object.key(), object.size()),
        (Some("from"), Some(6 * MIB as i64))
    );
    let tags = s3.client.get_object_tagging().bucket(BUCKET).key("from");
    assert_eq!(tags.send().await.unwrap().tag_set().len(), 1);
    s3.client
        .delete_object()
        .bucket(BUCKET)
        .key("from")
        .send()
        .await
        .unwrap();
}
