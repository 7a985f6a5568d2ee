//! The sandbox's S3 behind a listener of its own, and an SDK client for it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::fmt::Debug;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use sandbox::Requests;
use sandbox::s3::{Attributes, Content, Store, service};

pub const BUCKET: &str = "bucket";
pub const MIB: u64 = 1024 * 1024;

pub struct S3 {
    /// Sends no checksum but the values a test gives.
    pub client: Client,
    /// Computes the checksum of the algorithm a test names, CRC32 by default.
    pub summing: Client,
    pub store: Arc<Store>,
    pub requests: Arc<Requests>,
    pub endpoint: String,
}

/// S3 with one bucket.
pub async fn s3() -> S3 {
    let store = Arc::new(Store::new("us-east-1").unwrap());
    store.create_bucket(BUCKET).unwrap();
    let requests = Arc::new(Requests::default());
    let service = service(
        Arc::clone(&store),
        "access",
        "secret",
        Arc::clone(&requests),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let connection = auto::Builder::new(TokioExecutor::new());
                let _ = connection
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    let client = client(
        &endpoint,
        "secret",
        RequestChecksumCalculation::WhenRequired,
    );
    let summing = self::client(
        &endpoint,
        "secret",
        RequestChecksumCalculation::WhenSupported,
    );
    S3 {
        client,
        summing,
        store,
        requests,
        endpoint,
    }
}

pub fn client(endpoint: &str, secret: &str, checksums: RequestChecksumCalculation) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("access", secret, None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .request_checksum_calculation(checksums)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

impl S3 {
    pub async fn put(&self, key: &str, body: &'static str) -> String {
        let put = self
            .client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(ByteStream::from_static(body.as_bytes()));
        put.send().await.unwrap().e_tag.unwrap()
    }

    pub async fn body(&self, key: &str) -> Vec<u8> {
        let got = self
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        got.body.collect().await.unwrap().to_vec()
    }

    /// A virtual object of a repeated megabyte.
    pub fn put_virtual(&self, key: &str, size_bytes: u64, attributes: Attributes) {
        let block: Vec<u8> = (0..MIB).map(|n| (n % 251) as u8).collect();
        self.store
            .put(
                BUCKET,
                key,
                Content::repeat(block.into(), size_bytes),
                attributes,
            )
            .unwrap();
    }

    pub async fn create_upload(&self, key: &str) -> String {
        let created = self
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        created.upload_id.unwrap()
    }

    /// Copies a range of an object, or all of it, as a part.
    pub async fn copy_part(
        &self,
        source: &str,
        key: &str,
        upload: &str,
        number: i32,
        range: Option<(u64, u64)>,
    ) -> CompletedPart {
        let copied = self
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .copy_source(format!("{BUCKET}/{source}"))
            .set_copy_source_range(range.map(|(first, last)| format!("bytes={first}-{last}")))
            .send()
            .await
            .unwrap()
            .copy_part_result
            .unwrap();
        completed(number, copied.e_tag.as_deref().unwrap())
    }
}

pub fn completed(number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder()
        .part_number(number)
        .e_tag(etag)
        .build()
}

/// The HTTP status and S3's error code of a request that must fail.
pub fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(
    result: Result<T, SdkError<E>>,
) -> (u16, String) {
    let error = result.unwrap_err();
    let status = error
        .raw_response()
        .unwrap_or_else(|| panic!("no response: {error:?}"))
        .status()
        .as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

pub fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
