//! Objects over HTTP: put, get, head, delete, tags and conditions.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumMode, ServerSideEncryption, StorageClass, Tag, Tagging};
use s3_support::{BUCKET, MIB, refusal, refused, s3};
use sandbox::s3::{Attributes, Content};

/// Keys that some server or client gets wrong.
const ODD_KEYS: [&str; 18] = [
    "plain",
    "with space",
    " edge ",
    "a+b",
    "a%41b",
    "what?q=1&r=2#h",
    "semi;co,mma=",
    "a//b",
    "/lead",
    "//",
    "./dot",
    "a/../b",
    "folder/",
    "ünï/日本語/😀",
    "quote\"'<>&",
    "back\\slash",
    "tab\tnew\nline",
    "~tilde*(!)$@:",
];

#[tokio::test]
async fn any_key_is_put_got_headed_listed_and_deleted() {
    let s3 = s3().await;
    for key in ODD_KEYS {
        s3.put(key, key).await;
    }
    for key in ODD_KEYS {
        assert_eq!(s3.body(key).await, key.as_bytes(), "{key:?}");
        let head = s3
            .client
            .head_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(head.content_length(), Some(key.len() as i64));
    }
    let listed = s3
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let listed: Vec<&str> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap())
        .collect();
    let mut sorted = ODD_KEYS.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
    for key in ODD_KEYS {
        s3.client
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
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
}

#[tokio::test]
async fn a_key_has_at_most_1024_bytes() {
    let s3 = s3().await;
    let longest = "é".repeat(512);
    s3.put(&longest, "x").await;
    let longer = format!("{longest}x");
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key(longer)
        .body(ByteStream::from_static(b"x"));
    assert_eq!(refusal(put.send().await), refused(400, "KeyTooLongError"));
}

#[tokio::test]
async fn an_etag_is_the_quoted_md5_and_a_missing_content_type_is_binary() {
    let s3 = s3().await;
    assert_eq!(
        s3.put("k", "hello").await,
        "\"5d41402abc4b2a76b9719d911017c592\""
    );
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("empty")
        .send()
        .await
        .unwrap();
    assert_eq!(put.e_tag(), Some("\"d41d8cd98f00b204e9800998ecf8427e\""));
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(head.last_modified().unwrap().subsec_nanos(), 0);
    assert!(head.storage_class().is_none());
}

#[tokio::test]
async fn all_attributes_are_kept_and_reported() {
    let s3 = s3().await;
    let expires = DateTime::from_secs(2_000_000_000);
    s3.client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"x"))
        .cache_control("no-cache")
        .content_disposition("inline")
        .content_encoding("br")
        .content_language("de")
        .content_type("text/plain")
        .expires(expires)
        .metadata("name", "plain")
        .metadata("other", "naïve 日本")
        .tagging("a+b=c%2Bd&e=")
        .storage_class(StorageClass::StandardIa)
        .website_redirect_location("/other")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("key-1")
        .send()
        .await
        .unwrap();
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.cache_control(), Some("no-cache"));
    assert_eq!(head.content_disposition(), Some("inline"));
    assert_eq!(head.content_encoding(), Some("br"));
    assert_eq!(head.content_language(), Some("de"));
    assert_eq!(head.content_type(), Some("text/plain"));
    assert_eq!(head.expires_string(), Some("Wed, 18 May 2033 03:33:20 GMT"));
    assert_eq!(head.metadata().unwrap()["name"], "plain");
    assert_eq!(
        head.metadata().unwrap()["other"],
        "=?UTF-8?B?bmHDr3ZlIOaXpeacrA==?="
    );
    assert_eq!(head.tag_count(), Some(2));
    assert_eq!(head.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!(head.website_redirect_location(), Some("/other"));
    assert_eq!(
        head.server_side_encryption(),
        Some(&ServerSideEncryption::AwsKms)
    );
    assert_eq!(head.ssekms_key_id(), Some("key-1"));
    let got = s3
        .client
        .get_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let tags: Vec<(&str, &str)> = got
        .tag_set()
        .iter()
        .map(|tag| (tag.key(), tag.value()))
        .collect();
    assert_eq!(tags, [("a b", "c+d"), ("e", "")]);
}

#[tokio::test]
async fn a_range_is_206_and_one_beyond_the_end_is_416() {
    let s3 = s3().await;
    s3.put("k", "0123456789").await;
    let get = |range: &str| {
        s3.client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(range)
            .send()
    };
    for (range, bytes, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let got = get(range).await.unwrap();
        assert_eq!(got.content_range(), Some(content_range));
        assert_eq!(got.body.collect().await.unwrap().to_vec(), bytes.as_bytes());
    }
    assert_eq!(
        refusal(get("bytes=10-").await),
        refused(416, "InvalidRange")
    );
}

#[tokio::test]
async fn a_large_body_is_read_back_from_the_spool() {
    let s3 = s3().await;
    let body: Vec<u8> = (0..3_500_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    s3.client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body.clone().into())
        .send()
        .await
        .unwrap();
    assert!(s3.body("k").await == body);
    let got = s3
        .client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range("bytes=1048570-2097160")
        .send()
        .await
        .unwrap();
    assert!(got.body.collect().await.unwrap().to_vec() == body[1_048_570..=2_097_160]);
}

#[tokio::test]
async fn reads_are_conditional_on_etag_and_date() {
    let s3 = s3().await;
    let etag = s3.put("k", "hello").await;
    let head = || s3.client.head_object().bucket(BUCKET).key("k");
    let (past, future) = (
        DateTime::from_secs(1_000_000_000),
        DateTime::from_secs(4_000_000_000),
    );
    head()
        .if_match(&etag)
        .if_unmodified_since(past)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(head().if_match("\"other\"").send().await).0, 412);
    assert_eq!(refusal(head().if_none_match(&etag).send().await).0, 304);
    assert_eq!(
        refusal(head().if_modified_since(future).send().await).0,
        304
    );
    assert_eq!(
        refusal(head().if_unmodified_since(past).send().await).0,
        412
    );
    let get = s3
        .client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .if_match("\"other\"");
    assert_eq!(
        refusal(get.send().await),
        refused(412, "PreconditionFailed")
    );
}

#[tokio::test]
async fn writes_are_conditional_on_what_is_there() {
    let s3 = s3().await;
    let put = || {
        s3.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"x"))
    };
    assert_eq!(
        refusal(put().if_match("\"other\"").send().await),
        refused(404, "NoSuchKey")
    );
    let etag = put()
        .if_none_match("*")
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    assert_eq!(
        refusal(put().if_none_match("*").send().await),
        refused(412, "PreconditionFailed")
    );
    assert_eq!(
        refusal(put().if_match("\"other\"").send().await),
        refused(412, "PreconditionFailed")
    );
    put().if_match(etag).send().await.unwrap();
    assert_eq!(
        refusal(put().if_none_match("\"other\"").send().await),
        refused(501, "NotImplemented")
    );
}

#[tokio::test]
async fn an_archived_object_is_headed_but_not_read() {
    let s3 = s3().await;
    for class in [StorageClass::Glacier, StorageClass::DeepArchive] {
        s3.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .storage_class(class.clone())
            .send()
            .await
            .unwrap();
        let head = s3
            .client
            .head_object()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap();
        assert_eq!(head.storage_class(), Some(&class));
        let get = s3.client.get_object().bucket(BUCKET).key("k");
        assert_eq!(
            refusal(get.send().await),
            refused(403, "InvalidObjectState")
        );
    }
}

#[tokio::test]
async fn tags_are_replaced_deleted_and_limited() {
    let s3 = s3().await;
    s3.put("k", "x").await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let put = |tags: Vec<Tag>| {
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
        s3.client
            .put_object_tagging()
            .bucket(BUCKET)
            .key("k")
            .tagging(tagging)
            .send()
    };
    put(vec![tag("day", "2016-06-30"), tag("kind", "")])
        .await
        .unwrap();
    let count = || async {
        s3.client
            .get_object_tagging()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap()
            .tag_set()
            .len()
    };
    assert_eq!(count().await, 2);
    assert_eq!(
        refusal(put((0..11).map(|n| tag(&n.to_string(), "")).collect()).await),
        refused(400, "BadRequest")
    );
    for invalid in [
        tag(&"k".repeat(129), ""),
        tag("k", &"v".repeat(257)),
        tag("aws:k", ""),
        tag("k\u{1}", ""),
    ] {
        assert_eq!(
            refusal(put(vec![invalid]).await),
            refused(400, "InvalidTag")
        );
    }
    assert_eq!(
        refusal(put(vec![tag("k", "1"), tag("k", "2")]).await),
        refused(400, "InvalidTag")
    );
    assert_eq!(count().await, 2);
    s3.client
        .delete_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn user_metadata_has_at_most_2_kb() {
    let s3 = s3().await;
    let put = |value_bytes: usize| {
        s3.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .metadata("name", "v".repeat(value_bytes))
            .send()
    };
    put(2044).await.unwrap();
    assert_eq!(refusal(put(2045).await), refused(400, "MetadataTooLarge"));
}

#[tokio::test]
async fn an_unknown_storage_class_is_refused() {
    let s3 = s3().await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .storage_class(StorageClass::from("COLD"));
    assert_eq!(
        refusal(put.send().await),
        refused(400, "InvalidStorageClass")
    );
}

#[tokio::test]
async fn a_checksum_is_told_only_where_it_is_asked_for() {
    let s3 = s3().await;
    s3.put("k", "hello").await;
    let head = || s3.client.head_object().bucket(BUCKET).key("k");
    assert_eq!(head().send().await.unwrap().checksum_crc64_nvme(), None);
    let head = head()
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_crc64_nvme(), Some("M3eFcAZSQlc="));
    assert_eq!(head.checksum_type().unwrap().as_str(), "FULL_OBJECT");
}

#[tokio::test]
async fn many_keys_are_deleted_at_once_whether_they_exist_or_not() {
    use aws_sdk_s3::types::{Delete, ObjectIdentifier};
    let s3 = s3().await;
    for key in ODD_KEYS {
        s3.put(key, "x").await;
    }
    let identify = |key: &&str| ObjectIdentifier::builder().key(*key).build().unwrap();
    let objects = ODD_KEYS.iter().chain(&["missing"]).map(identify).collect();
    let delete = Delete::builder()
        .set_objects(Some(objects))
        .build()
        .unwrap();
    let deleted = s3
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.deleted().len(), ODD_KEYS.len() + 1);
    let left = s3
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(left.contents(), []);
}

#[tokio::test]
async fn a_website_redirect_is_a_path_or_a_url() {
    let s3 = s3().await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .website_redirect_location("other");
    assert_eq!(
        refusal(put.send().await),
        refused(400, "InvalidRedirectLocation")
    );
}

#[tokio::test]
async fn what_is_put_without_http_keeps_to_the_same_limits() {
    let s3 = s3().await;
    let put = |bucket: &str, key: &str, size_bytes: u64, tags: usize| {
        let attributes = Attributes {
            tags: (0..tags).map(|n| (n.to_string(), String::new())).collect(),
            ..Attributes::default()
        };
        let content = Content::repeat(vec![1; 65_536].into(), size_bytes);
        s3.store
            .put(bucket, key, content, attributes)
            .map_err(|error| error.code().as_str().to_owned())
    };
    let most = 10_000 * 5 * 1024 * MIB;
    assert_eq!(put(BUCKET, "k", most, 10), Ok(()));
    assert_eq!(put(BUCKET, "k", most + 1, 0), Err("EntityTooLarge".into()));
    assert_eq!(
        put(BUCKET, &"k".repeat(1025), 1, 0),
        Err("KeyTooLongError".into())
    );
    assert_eq!(put(BUCKET, "k", 1, 11), Err("BadRequest".into()));
    assert_eq!(put("missing", "k", 1, 0), Err("NoSuchBucket".into()));
    let head = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(most as i64));
}
