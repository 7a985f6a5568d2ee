//! Lists of objects and versions, buckets and versioning over HTTP.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, EncodingType,
    VersioningConfiguration,
};
use s3_support::{BUCKET, S3, refusal, refused, s3};

async fn enable(s3: &S3, status: BucketVersioningStatus) {
    let versioning = VersioningConfiguration::builder().status(status).build();
    s3.client
        .put_bucket_versioning()
        .bucket(BUCKET)
        .versioning_configuration(versioning)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn keys_are_listed_in_binary_order_page_by_page() {
    let s3 = s3().await;
    for key in ["b", "a/2", "a/1", "B", "a/10", "é", "a"] {
        s3.put(key, "x").await;
    }
    let mut pages = s3
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(2)
        .into_paginator()
        .send();
    let (mut keys, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.try_next().await.unwrap() {
        sizes.push(page.contents().len());
        keys.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
    }
    assert_eq!(keys, ["B", "a", "a/1", "a/10", "a/2", "b", "é"]);
    assert_eq!(sizes, [2, 2, 2, 1]);
}

#[tokio::test]
async fn prefixes_delimiters_and_start_after_narrow_a_list() {
    let s3 = s3().await;
    for key in [
        "2016-06-29/z",
        "2016-06-30/a",
        "2016-06-30/b/c",
        "2016-06-30/b/d",
        "2016-07-01/a",
        "top",
    ] {
        s3.put(key, "x").await;
    }
    let list = || s3.client.list_objects_v2().bucket(BUCKET);
    let page = list().prefix("2016-06-30/").send().await.unwrap();
    assert_eq!(
        (page.key_count(), page.prefix()),
        (Some(3), Some("2016-06-30/"))
    );
    let page = list()
        .prefix("2016-06-30/")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(page.contents()[0].key(), Some("2016-06-30/a"));
    assert_eq!(page.common_prefixes()[0].prefix(), Some("2016-06-30/b/"));
    assert_eq!(page.key_count(), Some(2));
    let page = list().start_after("2016-06-30/b/c").send().await.unwrap();
    assert_eq!(
        (page.contents()[0].key(), page.key_count()),
        (Some("2016-06-30/b/d"), Some(3))
    );
    assert_eq!(
        list()
            .prefix("")
            .max_keys(0)
            .send()
            .await
            .unwrap()
            .is_truncated(),
        Some(false)
    );
    assert_eq!(
        refusal(list().continuation_token("?").send().await),
        refused(400, "InvalidArgument")
    );
    assert_eq!(
        refusal(list().max_keys(-1).send().await),
        refused(400, "InvalidArgument")
    );
}

#[tokio::test]
async fn common_prefixes_are_listed_once_over_pages_in_both_versions() {
    let s3 = s3().await;
    for key in ["a/1", "a/2", "b/1", "b/2", "c"] {
        s3.put(key, "x").await;
    }
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = s3
            .client
            .list_objects_v2()
            .bucket(BUCKET)
            .delimiter("/")
            .max_keys(1)
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        seen.extend(
            page.common_prefixes()
                .iter()
                .map(|prefix| prefix.prefix().unwrap().to_owned()),
        );
        seen.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a/", "b/", "c"]);
    let first = s3
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .max_keys(1)
        .send()
        .await
        .unwrap();
    assert_eq!(first.next_marker(), Some("a/"));
    let second = s3
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .marker("a/")
        .send()
        .await
        .unwrap();
    assert_eq!(second.common_prefixes()[0].prefix(), Some("b/"));
    let plain = s3
        .client
        .list_objects()
        .bucket(BUCKET)
        .max_keys(1)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (plain.is_truncated(), plain.next_marker()),
        (Some(true), None)
    );
}

#[tokio::test]
async fn url_encoding_applies_to_everything_made_of_keys() {
    let s3 = s3().await;
    for key in ["p +/a b%/c", "p +/é\u{1}"] {
        s3.put(key, "x").await;
    }
    let list = s3
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url)
        .prefix("p +/")
        .delimiter("%/")
        .start_after("p +");
    let page = list.send().await.unwrap();
    assert_eq!(page.prefix(), Some("p+%2B/"));
    assert_eq!(page.delimiter(), Some("%25/"));
    assert_eq!(page.start_after(), Some("p+%2B"));
    assert_eq!(page.common_prefixes()[0].prefix(), Some("p+%2B/a+b%25/"));
    assert_eq!(page.contents()[0].key(), Some("p+%2B/%C3%A9%01"));
    assert_eq!(page.encoding_type(), Some(&EncodingType::Url));
    let other = s3
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::from("base64"));
    assert_eq!(refusal(other.send().await), refused(400, "InvalidArgument"));
}

#[tokio::test]
async fn buckets_are_created_listed_and_deleted_when_empty() {
    let s3 = s3().await;
    let create = |name: &str| s3.client.create_bucket().bucket(name).send();
    create("another").await.unwrap();
    assert_eq!(
        refusal(create("another").await),
        refused(409, "BucketAlreadyOwnedByYou")
    );
    assert_eq!(
        refusal(create("Upper").await),
        refused(400, "InvalidBucketName")
    );
    assert_eq!(
        refusal(create("192.168.0.1").await),
        refused(400, "InvalidBucketName")
    );
    let elsewhere = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuWest1)
        .build();
    let create = s3
        .client
        .create_bucket()
        .bucket("elsewhere")
        .create_bucket_configuration(elsewhere);
    assert_eq!(
        refusal(create.send().await),
        refused(400, "IllegalLocationConstraintException")
    );
    let buckets = s3.client.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets
        .buckets()
        .iter()
        .map(|bucket| bucket.name().unwrap())
        .collect();
    assert_eq!(names, ["another", BUCKET]);
    let location = s3
        .client
        .get_bucket_location()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert!(
        location
            .location_constraint()
            .is_none_or(|constraint| constraint.as_str().is_empty())
    );
    s3.put("k", "x").await;
    let delete = |name: &str| s3.client.delete_bucket().bucket(name).send();
    assert_eq!(
        refusal(delete(BUCKET).await),
        refused(409, "BucketNotEmpty")
    );
    s3.client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    delete(BUCKET).await.unwrap();
    assert_eq!(
        refusal(s3.client.head_bucket().bucket(BUCKET).send().await).0,
        404
    );
    assert_eq!(
        refusal(s3.client.list_objects_v2().bucket(BUCKET).send().await),
        refused(404, "NoSuchBucket")
    );
    assert_eq!(
        refusal(s3.client.put_object().bucket(BUCKET).key("k").send().await),
        refused(404, "NoSuchBucket")
    );
}

#[tokio::test]
async fn versions_are_kept_read_by_id_and_deleted_by_id() {
    let s3 = s3().await;
    s3.put("k", "null").await;
    enable(&s3, BucketVersioningStatus::Enabled).await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body("one".as_bytes().to_vec().into())
        .send()
        .await
        .unwrap();
    let one = put.version_id().unwrap();
    let deleted = s3
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    let marker = deleted.version_id().unwrap();

    let get = |version: &str| {
        s3.client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .version_id(version)
            .send()
    };
    assert_eq!(
        refusal(s3.client.get_object().bucket(BUCKET).key("k").send().await),
        refused(404, "NoSuchKey")
    );
    assert_eq!(refusal(get(marker).await), refused(405, "MethodNotAllowed"));
    assert_eq!(refusal(get("unknown").await), refused(404, "NoSuchVersion"));
    let got = get(one).await.unwrap();
    assert_eq!(got.version_id(), Some(one));
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"one");
    assert_eq!(
        get("null")
            .await
            .unwrap()
            .body
            .collect()
            .await
            .unwrap()
            .to_vec(),
        b"null"
    );
    assert_eq!(
        s3.client
            .list_objects_v2()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .key_count(),
        Some(0)
    );

    s3.client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .version_id(marker)
        .send()
        .await
        .unwrap();
    assert_eq!(s3.body("k").await, b"one");
}

#[tokio::test]
async fn versions_and_markers_are_listed_newest_first_in_pages() {
    let s3 = s3().await;
    enable(&s3, BucketVersioningStatus::Enabled).await;
    for body in ["1", "2"] {
        s3.put("a", body).await;
    }
    s3.client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    s3.put("b", "1").await;
    let list = || s3.client.list_object_versions().bucket(BUCKET);
    let all = list().send().await.unwrap();
    assert_eq!((all.versions().len(), all.delete_markers().len()), (3, 1));
    assert_eq!(all.delete_markers()[0].is_latest(), Some(true));
    let latest: Vec<_> = all
        .versions()
        .iter()
        .map(|version| (version.key().unwrap(), version.is_latest().unwrap()))
        .collect();
    assert_eq!(latest, [("a", false), ("a", false), ("b", true)]);
    let page = list().max_keys(2).send().await.unwrap();
    assert_eq!(
        (
            page.versions().len(),
            page.delete_markers().len(),
            page.next_key_marker()
        ),
        (1, 1, Some("a"))
    );
    let rest = list()
        .set_key_marker(page.next_key_marker)
        .set_version_id_marker(page.next_version_id_marker)
        .send()
        .await
        .unwrap();
    let keys: Vec<_> = rest
        .versions()
        .iter()
        .map(|version| version.key().unwrap())
        .collect();
    assert_eq!(keys, ["a", "b"]);
}

#[tokio::test]
async fn a_suspended_bucket_overwrites_its_null_version() {
    let s3 = s3().await;
    enable(&s3, BucketVersioningStatus::Enabled).await;
    s3.put("k", "kept").await;
    enable(&s3, BucketVersioningStatus::Suspended).await;
    s3.put("k", "one").await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body("two".as_bytes().to_vec().into())
        .send()
        .await
        .unwrap();
    assert_eq!(put.version_id(), Some("null"));
    let versions = s3
        .client
        .list_object_versions()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(versions.versions().len(), 2);
    let status = s3
        .client
        .get_bucket_versioning()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(status.status(), Some(&BucketVersioningStatus::Suspended));
}

#[tokio::test]
async fn a_copy_names_the_version_it_reads() {
    let s3 = s3().await;
    enable(&s3, BucketVersioningStatus::Enabled).await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a b")
        .body("old".as_bytes().to_vec().into())
        .send()
        .await
        .unwrap();
    s3.put("a b", "new").await;
    let old = put.version_id().unwrap();
    let copy = |source: String| {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(source)
            .send()
    };
    let copied = copy(format!("{BUCKET}/a%20b?versionId={old}"))
        .await
        .unwrap();
    assert_eq!(copied.copy_source_version_id(), Some(old));
    assert!(copied.version_id().is_some());
    assert_eq!(s3.body("to").await, b"old");
    let marker = s3
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("a b")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(copy(format!("{BUCKET}/a%20b")).await),
        refused(404, "NoSuchKey")
    );
    let marker = copy(format!(
        "{BUCKET}/a%20b?versionId={}",
        marker.version_id().unwrap()
    ));
    assert_eq!(refusal(marker.await), refused(400, "InvalidRequest"));
}
