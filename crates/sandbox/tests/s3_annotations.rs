//! Object annotations over HTTP.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object_annotation::GetObjectAnnotationError;
use aws_sdk_s3::operation::put_object_annotation::PutObjectAnnotationOutput;
use aws_sdk_s3::operation::put_object_annotation::builders::PutObjectAnnotationFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    AnnotationDirective, BucketVersioningStatus, ChecksumAlgorithm, ChecksumMode,
    CompletedMultipartUpload, ServerSideEncryption, VersioningConfiguration,
};
use s3_support::{BUCKET, MIB, S3, completed, refusal, refused, s3};

fn put(s3: &S3, key: &str, name: &str, text: &'static str) -> PutObjectAnnotationFluentBuilder {
    s3.client
        .put_object_annotation()
        .bucket(BUCKET)
        .key(key)
        .annotation_name(name)
        .annotation_payload(ByteStream::from_static(text.as_bytes()))
}

async fn annotate(s3: &S3, key: &str, name: &str, text: &'static str) -> PutObjectAnnotationOutput {
    put(s3, key, name, text).send().await.unwrap()
}

/// The names of an object's annotations, page by page of the SDK's paginator.
async fn names(s3: &S3, key: &str, prefix: Option<&str>, page: Option<i32>) -> Vec<Vec<String>> {
    let mut pages = s3
        .client
        .list_object_annotations()
        .bucket(BUCKET)
        .key(key)
        .set_annotation_prefix(prefix.map(str::to_owned))
        .set_max_annotation_results(page)
        .into_paginator()
        .send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(
            page.annotation_count(),
            Some(page.annotations().len() as i32)
        );
        let entries = page.annotations().iter();
        names.push(
            entries
                .map(|entry| entry.annotation_name().to_owned())
                .collect(),
        );
    }
    names
}

async fn text(s3: &S3, key: &str, name: &str) -> Option<String> {
    let got = s3.client.get_object_annotation().bucket(BUCKET).key(key);
    match got.annotation_name(name).send().await {
        Ok(got) => {
            let bytes = got.annotation_payload.collect().await.unwrap();
            Some(String::from_utf8(bytes.to_vec()).unwrap())
        }
        Err(SdkError::ServiceError(error)) => {
            assert!(
                matches!(error.err(), GetObjectAnnotationError::NoSuchAnnotation(_)),
                "{error:?}"
            );
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn an_annotation_is_kept_with_its_checksum_and_counted_by_its_own_operations() {
    let s3 = s3().await;
    let etag = s3.put("a b/k", "object").await;
    let put = annotate(&s3, "a b/k", "ml.labels", "hello").await;
    assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(put.checksum_crc64_nvme(), Some("M3eFcAZSQlc="));
    assert_eq!(
        (put.key(), put.annotation_name()),
        (Some("a b/k"), Some("ml.labels"))
    );
    assert_eq!(
        put.server_side_encryption(),
        Some(&ServerSideEncryption::Aes256)
    );
    assert_eq!(put.object_version_id(), None);

    let got = s3
        .client
        .get_object_annotation()
        .bucket(BUCKET)
        .key("a b/k")
        .annotation_name("ml.labels")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!((got.e_tag(), got.content_length()), (put.e_tag(), Some(5)));
    assert_eq!(got.checksum_crc64_nvme(), Some("M3eFcAZSQlc="));
    assert!(got.last_modified().is_some());
    assert_eq!(
        got.annotation_payload.collect().await.unwrap().to_vec(),
        b"hello"
    );

    let listed = s3
        .client
        .list_object_annotations()
        .bucket(BUCKET)
        .key("a b/k");
    let listed = listed.send().await.unwrap();
    assert_eq!(
        (listed.bucket(), listed.key()),
        (Some(BUCKET), Some("a b/k"))
    );
    let [entry] = listed.annotations() else {
        panic!("{listed:?}")
    };
    assert_eq!((entry.annotation_name(), entry.size()), ("ml.labels", 5));
    assert_eq!(entry.e_tag(), put.e_tag());
    assert_eq!(entry.checksum_algorithm(), [ChecksumAlgorithm::Crc64Nvme]);

    let delete = s3.client.delete_object_annotation().bucket(BUCKET);
    let delete = delete.key("a b/k").annotation_name("ml.labels");
    delete.clone().send().await.unwrap();
    delete.send().await.unwrap();
    assert_eq!(text(&s3, "a b/k", "ml.labels").await, None);

    let head = s3.client.head_object().bucket(BUCKET).key("a b/k");
    assert_eq!(head.send().await.unwrap().e_tag(), Some(etag.as_str()));
    let counts = s3.requests.snapshot();
    let count = |operation: &str| counts.get(&format!("s3:{operation}")).copied();
    assert_eq!(count("PutObjectAnnotation"), Some(1));
    assert_eq!(count("GetObjectAnnotation"), Some(2));
    assert_eq!(count("ListObjectAnnotations"), Some(1));
    assert_eq!(count("DeleteObjectAnnotation"), Some(2));
    assert_eq!((count("PutObject"), count("GetObject")), (Some(1), None));
}

#[tokio::test]
async fn an_annotation_put_again_is_overwritten() {
    let s3 = s3().await;
    s3.put("k", "object").await;
    annotate(&s3, "k", "a", "one").await;
    annotate(&s3, "k", "a", "two").await;
    assert_eq!(text(&s3, "k", "a").await.as_deref(), Some("two"));
    assert_eq!(names(&s3, "k", None, None).await, [["a"]]);
}

#[tokio::test]
async fn the_checksum_a_client_sends_is_verified_and_kept() {
    let s3 = s3().await;
    s3.put("k", "object").await;
    let wrong = put(&s3, "k", "a", "hello").checksum_crc32("AAAAAA==");
    assert_eq!(refusal(wrong.send().await), refused(400, "BadDigest"));
    assert_eq!(text(&s3, "k", "a").await, None);

    let summed = s3.summing.put_object_annotation().bucket(BUCKET).key("k");
    let summed = summed
        .annotation_name("a")
        .annotation_payload(ByteStream::from_static(b"hello"));
    let put = summed.send().await.unwrap();
    assert_eq!(
        (put.checksum_crc32(), put.checksum_crc64_nvme()),
        (Some("NhCmhg=="), None)
    );
    assert_eq!(text(&s3, "k", "a").await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn annotations_are_listed_in_pages_and_by_prefix() {
    let s3 = s3().await;
    s3.put("k", "object").await;
    assert_eq!(names(&s3, "k", None, None).await, [Vec::<String>::new()]);
    for name in ["b.1", "a", "b.2", "c", "b.3"] {
        annotate(&s3, "k", name, "x").await;
    }
    assert_eq!(
        names(&s3, "k", None, Some(2)).await,
        [vec!["a", "b.1"], vec!["b.2", "b.3"], vec!["c"]]
    );
    assert_eq!(
        names(&s3, "k", Some("b."), Some(2)).await,
        [vec!["b.1", "b.2"], vec!["b.3"]]
    );
    let list = || s3.client.list_object_annotations().bucket(BUCKET).key("k");
    let refused_page = list().max_annotation_results(1001).send().await;
    assert_eq!(refusal(refused_page), refused(400, "InvalidArgument"));
    let refused_token = list().continuation_token("!").send().await;
    assert_eq!(refusal(refused_token), refused(400, "InvalidArgument"));
    let refused_prefix = list().annotation_prefix("a/").send().await;
    assert_eq!(refusal(refused_prefix), refused(400, "InvalidPrefix"));
}

#[tokio::test]
async fn an_object_has_at_most_a_thousand_annotations_of_a_mebibyte_of_text() {
    let s3 = s3().await;
    s3.put("k", "object").await;
    let sized = |bytes: u64| {
        let text = vec![b'x'; bytes as usize];
        put(&s3, "k", "a", "")
            .annotation_payload(ByteStream::from(text))
            .send()
    };
    sized(MIB).await.unwrap();
    assert_eq!(
        refusal(sized(MIB + 1).await),
        refused(400, "EntityTooLarge")
    );
    assert_eq!(refusal(sized(0).await), refused(400, "InvalidRequest"));
    let binary = ByteStream::from_static(b"\xff\xfe");
    let binary = put(&s3, "k", "a", "")
        .annotation_payload(binary)
        .send()
        .await;
    assert_eq!(refusal(binary), refused(415, "UnsupportedMediaType"));
    let named = |name: &str| put(&s3, "k", name, "x").send();
    assert_eq!(
        refusal(named("aws.x").await),
        refused(400, "InvalidAnnotationName")
    );
    let long = "x".repeat(513);
    assert_eq!(
        refusal(named(&long).await),
        refused(400, "AnnotationNameTooLong")
    );

    for number in 1..1000 {
        named(&format!("n{number}")).await.unwrap();
    }
    assert_eq!(
        refusal(named("n1000").await),
        refused(400, "AnnotationLimitExceeded")
    );
    named("n1").await.unwrap();
    assert_eq!(names(&s3, "k", None, None).await[0].len(), 1000);
}

#[tokio::test]
async fn annotations_belong_to_a_version_and_an_overwritten_object_has_none() {
    let s3 = s3().await;
    s3.put("k", "first").await;
    annotate(&s3, "k", "a", "of the first").await;
    s3.put("k", "second").await;
    assert_eq!(text(&s3, "k", "a").await, None);

    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let enable = s3.client.put_bucket_versioning().bucket(BUCKET);
    enable
        .versioning_configuration(versioning.build())
        .send()
        .await
        .unwrap();
    s3.put("k", "third").await;
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let third = head.version_id().unwrap();
    let put_third = annotate(&s3, "k", "a", "of the third").await;
    assert_eq!(put_third.object_version_id(), Some(third));
    s3.put("k", "fourth").await;
    assert_eq!(text(&s3, "k", "a").await, None);

    let get = || {
        s3.client
            .get_object_annotation()
            .bucket(BUCKET)
            .key("k")
            .annotation_name("a")
    };
    let got = get().version_id(third).send().await.unwrap();
    assert_eq!(got.object_version_id(), Some(third));
    assert_eq!(
        refusal(get().version_id("null").send().await),
        refused(404, "NoSuchAnnotation")
    );
    assert_eq!(
        refusal(get().version_id("none").send().await),
        refused(404, "NoSuchVersion")
    );
    let older = put(&s3, "k", "a", "of the null").version_id("null");
    older.send().await.unwrap();
    get().version_id("null").send().await.unwrap();
    assert_eq!(text(&s3, "k", "a").await, None);
}

#[tokio::test]
async fn what_has_no_object_has_no_annotations() {
    let s3 = s3().await;
    let missing = put(&s3, "k", "a", "x").send().await;
    assert_eq!(refusal(missing), refused(404, "NoSuchKey"));
    let no_bucket = put(&s3, "k", "a", "x").bucket("nowhere").send().await;
    assert_eq!(refusal(no_bucket), refused(404, "NoSuchBucket"));
    let list = s3.client.list_object_annotations().bucket(BUCKET).key("k");
    assert_eq!(refusal(list.send().await), refused(404, "NoSuchKey"));
    let delete = s3.client.delete_object_annotation().bucket(BUCKET).key("k");
    let delete = delete.annotation_name("a").send().await;
    assert_eq!(refusal(delete), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn an_annotation_is_written_and_deleted_only_on_the_object_expected() {
    let s3 = s3().await;
    let etag = s3.put("k", "object").await;
    let other = "\"00000000000000000000000000000000\"";
    let stale = put(&s3, "k", "a", "x").object_if_match(other).send().await;
    assert_eq!(refusal(stale), refused(412, "PreconditionFailed"));
    put(&s3, "k", "a", "x")
        .object_if_match(&etag)
        .send()
        .await
        .unwrap();
    let delete = || {
        let delete = s3.client.delete_object_annotation().bucket(BUCKET);
        delete.key("k").annotation_name("a")
    };
    let stale = delete().object_if_match(other).send().await;
    assert_eq!(refusal(stale), refused(412, "PreconditionFailed"));
    assert_eq!(text(&s3, "k", "a").await.as_deref(), Some("x"));
    delete().object_if_match(etag).send().await.unwrap();
    assert_eq!(text(&s3, "k", "a").await, None);
}

#[tokio::test]
async fn a_copy_takes_the_annotations_unless_they_are_excluded() {
    let s3 = s3().await;
    s3.put("from", "object").await;
    annotate(&s3, "from", "a", "kept").await;
    let copy = |key: &str, directive: Option<&str>| {
        let copy = s3.client.copy_object().bucket(BUCKET).key(key);
        copy.copy_source(format!("{BUCKET}/from"))
            .set_annotation_directive(directive.map(AnnotationDirective::from))
            .send()
    };
    copy("default", None).await.unwrap();
    copy("copy", Some("COPY")).await.unwrap();
    copy("exclude", Some("EXCLUDE")).await.unwrap();
    assert_eq!(
        refusal(copy("other", Some("MOVE")).await),
        refused(400, "InvalidArgument")
    );
    assert_eq!(text(&s3, "default", "a").await.as_deref(), Some("kept"));
    assert_eq!(text(&s3, "copy", "a").await.as_deref(), Some("kept"));
    assert_eq!(text(&s3, "exclude", "a").await, None);

    // They are the copy's own from then on.
    annotate(&s3, "default", "a", "changed").await;
    assert_eq!(text(&s3, "from", "a").await.as_deref(), Some("kept"));
}

#[tokio::test]
async fn a_multipart_copy_takes_no_annotations() {
    let s3 = s3().await;
    s3.put("from", "object").await;
    annotate(&s3, "from", "a", "left behind").await;
    let upload = s3.create_upload("to").await;
    let part = s3.copy_part("from", "to", &upload, 1, None).await;
    let parts = CompletedMultipartUpload::builder();
    let parts = parts.parts(completed(1, part.e_tag().unwrap())).build();
    let complete = s3
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("to");
    complete
        .upload_id(upload)
        .multipart_upload(parts)
        .send()
        .await
        .unwrap();
    assert_eq!(names(&s3, "to", None, None).await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn another_accounts_bucket_and_unknown_parameters_are_refused() {
    let s3 = s3().await;
    s3.put("k", "object").await;
    let owned = put(&s3, "k", "a", "x").expected_bucket_owner("111111111111");
    assert_eq!(refusal(owned.send().await), refused(403, "AccessDenied"));
    put(&s3, "k", "a", "x")
        .expected_bucket_owner("000000000000")
        .send()
        .await
        .unwrap();
    let list = || s3.client.list_object_annotations().bucket(BUCKET).key("k");
    let owned = list().expected_bucket_owner("111111111111").send().await;
    assert_eq!(refusal(owned), refused(403, "AccessDenied"));
    let unknown = list().customize().mutate_request(|request| {
        let uri = format!("{}&reverse=1", request.uri());
        request.set_uri(uri).unwrap();
    });
    assert_eq!(
        refusal(unknown.send().await),
        refused(501, "NotImplemented")
    );
    let unnamed = put(&s3, "k", "a", "x")
        .customize()
        .mutate_request(|request| {
            let uri = request.uri().replace("annotationName=a", "");
            request.set_uri(uri).unwrap();
        });
    assert_eq!(
        refusal(unnamed.send().await),
        refused(400, "InvalidRequest")
    );
}
