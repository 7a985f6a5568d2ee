//! What every request must bring: a signature, an intact body, and nothing the sandbox would ignore.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RequestChecksumCalculation, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ObjectCannedAcl};
use s3_support::{BUCKET, client, refusal, refused, s3};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// SHA-256 of nothing in particular.
const WRONG_SHA256: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[tokio::test]
async fn only_requests_signed_with_the_secret_are_served() {
    let s3 = s3().await;
    let wrong = client(
        &s3.endpoint,
        "other",
        RequestChecksumCalculation::WhenRequired,
    );
    assert_eq!(
        refusal(wrong.list_buckets().send().await),
        refused(403, "SignatureDoesNotMatch")
    );
    let mut anonymous =
        tokio::net::TcpStream::connect(s3.endpoint.strip_prefix("http://").unwrap())
            .await
            .unwrap();
    anonymous
        .write_all(b"GET /bucket/k HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    anonymous.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("AccessDenied"),
        "{answer}"
    );
}

#[tokio::test]
async fn every_request_is_counted_once_by_its_operation() {
    let s3 = s3().await;
    s3.put("k", "x").await;
    let _ = s3
        .client
        .head_object()
        .bucket(BUCKET)
        .key("missing")
        .send()
        .await;
    let _ = s3.client.get_bucket_acl().bucket(BUCKET).send().await;
    let counts: Vec<(String, u64)> = s3.requests.snapshot().into_iter().collect();
    let expected = [
        ("s3:GetBucketAcl", 1),
        ("s3:HeadObject", 1),
        ("s3:PutObject", 1),
    ]
    .map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn every_checksum_is_verified_in_header_and_trailer() {
    let s3 = s3().await;
    // Told not to, the SDK names an algorithm and sends no checksum, which S3 refuses.
    let silent = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(ChecksumAlgorithm::Crc32);
    assert_eq!(refusal(silent.send().await), refused(400, "InvalidRequest"));
    let algorithms = [
        (ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
        (ChecksumAlgorithm::Crc32C, "4waSgw=="),
        (ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg="),
        (ChecksumAlgorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
        (
            ChecksumAlgorithm::Sha256,
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "123456789").unwrap();
    for (algorithm, value) in algorithms {
        let put = || {
            s3.summing
                .put_object()
                .bucket(BUCKET)
                .key("k")
                .checksum_algorithm(algorithm.clone())
        };
        put()
            .body(ByteStream::from_static(b"123456789"))
            .send()
            .await
            .unwrap();
        put().body(streamed(&file).await).send().await.unwrap();
        let head = s3
            .client
            .head_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        let stored = [
            head.checksum_crc32(),
            head.checksum_crc32_c(),
            head.checksum_crc64_nvme(),
            head.checksum_sha1(),
            head.checksum_sha256(),
        ];
        let stored: Vec<&str> = stored.into_iter().flatten().collect();
        assert_eq!(stored, [value], "{algorithm}");
        assert_eq!(head.content_encoding(), None);
    }
}

/// A body the SDK sends in chunks, its checksum in the trailer.
async fn streamed(file: &tempfile::NamedTempFile) -> ByteStream {
    ByteStream::from_path(file.path()).await.unwrap()
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_nothing_is_kept() {
    let s3 = s3().await;
    let put = || {
        s3.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"hello"))
    };
    assert_eq!(
        refusal(put().checksum_crc32("AAAAAA==").send().await),
        refused(400, "BadDigest")
    );
    assert_eq!(
        refusal(put().checksum_crc64_nvme("AAAAAAAAAAA=").send().await),
        refused(400, "BadDigest")
    );
    assert_eq!(
        refusal(put().checksum_sha256(WRONG_SHA256).send().await),
        refused(400, "BadDigest")
    );
    assert_eq!(
        refusal(put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await),
        refused(400, "BadDigest")
    );
    assert_eq!(
        refusal(put().content_md5("no digest").send().await),
        refused(400, "InvalidDigest")
    );
    assert_eq!(
        refusal(put().checksum_crc32("no digest").send().await),
        refused(400, "InvalidRequest")
    );
    let two = put()
        .checksum_crc32("NhCmhg==")
        .checksum_crc64_nvme("M3eFcAZSQlc=");
    assert_eq!(refusal(two.send().await), refused(400, "InvalidRequest"));
    assert_eq!(
        refusal(s3.client.head_object().bucket(BUCKET).key("k").send().await).0,
        404
    );
    put()
        .content_md5("XUFAKrxLKna5cZ2REBfFkg==")
        .checksum_crc32("NhCmhg==")
        .send()
        .await
        .unwrap();
}

/// Sends another body than the one signed.
#[derive(Debug)]
struct OtherBody;

impl Intercept for OtherBody {
    fn name(&self) -> &'static str {
        "OtherBody"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *context.request_mut().body_mut() = "HELLO".into();
        Ok(())
    }
}

#[tokio::test]
async fn a_body_other_than_the_signed_one_is_refused() {
    let s3 = s3().await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"hello"));
    let put = put.customize().interceptor(OtherBody);
    assert_eq!(
        refusal(put.send().await),
        refused(400, "XAmzContentSHA256Mismatch")
    );
    assert_eq!(
        refusal(s3.client.head_object().bucket(BUCKET).key("k").send().await).0,
        404
    );
}

#[tokio::test]
async fn a_body_cut_short_is_refused() {
    let s3 = s3().await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"hello"))
        .customize()
        .mutate_request(|request| {
            request
                .headers_mut()
                .insert("x-amz-decoded-content-length", "6");
        });
    assert_eq!(refusal(put.send().await), refused(400, "IncompleteBody"));
}

#[tokio::test]
async fn a_part_with_a_wrong_checksum_is_refused() {
    let s3 = s3().await;
    let upload = s3.create_upload("k").await;
    let part = s3
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(upload)
        .part_number(1)
        .body(ByteStream::from_static(b"x"))
        .checksum_crc64_nvme("AAAAAAAAAAA=");
    assert_eq!(refusal(part.send().await), refused(400, "BadDigest"));
}

#[tokio::test]
async fn an_sdk_with_its_default_checksums_is_served() {
    let s3 = s3().await;
    s3.summing
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap();
    let created = s3
        .summing
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("m")
        .send()
        .await
        .unwrap();
    let part = s3
        .summing
        .upload_part()
        .bucket(BUCKET)
        .key("m")
        .upload_id(created.upload_id().unwrap())
        .part_number(1);
    part.body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap();
    assert_eq!(s3.body("k").await, b"hello");
}

#[tokio::test]
async fn a_body_over_5_gib_is_refused_before_it_is_sent() {
    let s3 = s3().await;
    let put = s3
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"x"))
        .customize()
        .mutate_request(|request| {
            request
                .headers_mut()
                .insert("x-amz-decoded-content-length", "5368709121");
        });
    assert_eq!(refusal(put.send().await), refused(400, "EntityTooLarge"));
}

#[tokio::test]
async fn another_accounts_bucket_is_not_accessed() {
    let s3 = s3().await;
    s3.put("k", "x").await;
    let head = || s3.client.head_object().bucket(BUCKET).key("k");
    head()
        .expected_bucket_owner("000000000000")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(head().expected_bucket_owner("111111111111").send().await).0,
        403
    );
    let copy = || {
        s3.client
            .copy_object()
            .bucket(BUCKET)
            .key("to")
            .copy_source(format!("{BUCKET}/k"))
    };
    assert_eq!(
        refusal(
            copy()
                .expected_source_bucket_owner("111111111111")
                .send()
                .await
        ),
        refused(403, "AccessDenied")
    );
    copy()
        .expected_source_bucket_owner("000000000000")
        .expected_bucket_owner("000000000000")
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_not_implemented_is_refused_and_never_ignored() {
    let s3 = s3().await;
    let not_implemented = refused(501, "NotImplemented");
    let put = || {
        s3.client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"x"))
    };
    assert_eq!(
        refusal(put().acl(ObjectCannedAcl::PublicRead).send().await),
        not_implemented
    );
    assert_eq!(
        refusal(
            put()
                .sse_customer_algorithm("AES256")
                .sse_customer_key("a2V5")
                .sse_customer_key_md5("bWQ1")
                .send()
                .await
        ),
        not_implemented
    );
    assert_eq!(
        refusal(put().write_offset_bytes(1).send().await),
        not_implemented
    );
    assert_eq!(
        refusal(
            put()
                .object_lock_legal_hold_status("ON".into())
                .send()
                .await
        ),
        not_implemented
    );
    let unknown = put().customize().mutate_request(|request| {
        request
            .headers_mut()
            .insert("x-amz-annotation-directive", "COPY");
    });
    assert_eq!(refusal(unknown.send().await), not_implemented);
    let subresource = put().customize().mutate_request(|request| {
        let uri = format!("{}&annotations=a", request.uri());
        request.set_uri(uri).unwrap();
    });
    assert_eq!(refusal(subresource.send().await), not_implemented);
    assert_eq!(
        refusal(
            s3.client
                .get_object_acl()
                .bucket(BUCKET)
                .key("k")
                .send()
                .await
        ),
        not_implemented
    );
    assert_eq!(
        refusal(
            s3.client
                .get_object_attributes()
                .bucket(BUCKET)
                .key("k")
                .object_attributes("ETag".into())
                .send()
                .await
        ),
        not_implemented
    );
    assert_eq!(
        refusal(
            s3.client
                .get_object()
                .bucket(BUCKET)
                .key("k")
                .part_number(1)
                .send()
                .await
        ),
        not_implemented
    );
    assert_eq!(
        refusal(
            s3.client
                .get_bucket_lifecycle_configuration()
                .bucket(BUCKET)
                .send()
                .await
        ),
        not_implemented
    );
    assert_eq!(
        refusal(s3.client.head_object().bucket(BUCKET).key("k").send().await).0,
        404
    );
}

#[tokio::test]
async fn a_presigned_url_is_served() {
    use aws_sdk_s3::presigning::PresigningConfig;
    let s3 = s3().await;
    s3.put("a b+c", "hello").await;
    let config = PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap();
    let signed = s3
        .client
        .get_object()
        .bucket(BUCKET)
        .key("a b+c")
        .presigned(config)
        .await
        .unwrap();
    let target = signed.uri().strip_prefix(&s3.endpoint).unwrap();
    let host = s3.endpoint.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
        "{answer}"
    );
}
