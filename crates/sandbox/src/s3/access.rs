//! What a request must and may say: a signature, the bucket's owner, and only headers and parameters that are served.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Result, s3_error};

use super::error::not_implemented;
use crate::Requests;

/// The account that owns every bucket.
pub const ACCOUNT_ID: &str = "000000000000";

/// Counts every request and refuses what would otherwise be ignored.
pub(super) struct Access {
    requests: Arc<Requests>,
}

impl Access {
    pub(super) fn new(requests: Arc<Requests>) -> Self {
        Self { requests }
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = context.s3_op().name();
        self.requests.count("s3", operation);
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let served = Served::of(operation).ok_or_else(|| not_implemented(operation))?;
        check_headers(context, &served)?;
        check_parameters(context, &served)?;
        check_owner(context, "x-amz-expected-bucket-owner")?;
        check_owner(context, "x-amz-source-expected-bucket-owner")
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn check_owner(context: &S3AccessContext<'_>, header: &str) -> S3Result<()> {
    match context.headers().get(header) {
        Some(owner) if owner != ACCOUNT_ID => Err(s3_error!(AccessDenied, "Access Denied")),
        _ => Ok(()),
    }
}

fn check_headers(context: &S3AccessContext<'_>, served: &Served) -> S3Result<()> {
    for name in context.headers().keys().map(http::HeaderName::as_str) {
        let has_meaning = name.starts_with("x-amz-") || name.starts_with("if-") || name == "range";
        let is_served = EVERY_HEADER.contains(&name)
            || served.headers.iter().any(|headers| headers.contains(&name))
            || (served.takes_metadata && name.starts_with("x-amz-meta-"));
        if has_meaning && !is_served {
            return Err(not_implemented(name));
        }
    }
    Ok(())
}

fn check_parameters(context: &S3AccessContext<'_>, served: &Served) -> S3Result<()> {
    let query = context.uri().query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let name = percent_decode_str(name).decode_utf8_lossy();
        if !EVERY_PARAMETER.contains(&&*name) && !served.parameters.contains(&&*name) {
            return Err(not_implemented(&name));
        }
    }
    Ok(())
}

/// Signing, integrity and ownership, which any operation may carry.
const EVERY_HEADER: [&str; 14] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-trailer",
    "x-amz-te",
    "x-amz-user-agent",
];

/// The SDKs' name of the operation, and a presigned URL's signature.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
const EVERY_PARAMETER: [&str; 9] = [
    "x-id",
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

const ATTRIBUTES: &[&str] = &[
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
];
const READ: &[&str] = &[
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "x-amz-checksum-mode",
];
const READ_PARAMETERS: &[&str] = &[
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "versionId",
];
const WRITE_CONDITIONS: &[&str] = &["if-match", "if-none-match"];
const SOURCE: &[&str] = &[
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-source-expected-bucket-owner",
];
const COPY: &[&str] = &[
    "x-amz-checksum-algorithm",
    "x-amz-metadata-directive",
    "x-amz-tagging-directive",
];
const COPY_RANGE: &[&str] = &["x-amz-copy-source-range"];
const CREATE: &[&str] = &["x-amz-checksum-algorithm", "x-amz-checksum-type"];
const COMPLETE: &[&str] = &["x-amz-checksum-type", "x-amz-mp-object-size"];

/// What one operation takes beyond what every operation does.
struct Served {
    headers: &'static [&'static [&'static str]],
    parameters: &'static [&'static str],
    takes_metadata: bool,
}

impl Served {
    /// `None` for an operation the sandbox does not have.
    fn of(operation: &str) -> Option<Self> {
        let (headers, parameters): (&'static [&'static [&'static str]], &'static [&'static str]) =
            match operation {
                "CreateBucket" | "DeleteBucket" | "HeadBucket" => (&[], &[]),
                "ListBuckets" => (&[], &["prefix"]),
                "GetBucketLocation" => (&[], &["location"]),
                "PutBucketVersioning" | "GetBucketVersioning" => (&[], &["versioning"]),
                "PutObject" => (&[ATTRIBUTES, WRITE_CONDITIONS], &[]),
                "GetObject" | "HeadObject" => (&[READ], READ_PARAMETERS),
                "CopyObject" => (&[ATTRIBUTES, WRITE_CONDITIONS, SOURCE, COPY], &[]),
                "DeleteObject" => (&[], &["versionId"]),
                "DeleteObjects" => (&[], &["delete"]),
                "PutObjectTagging" | "GetObjectTagging" | "DeleteObjectTagging" => {
                    (&[], &["tagging", "versionId"])
                }
                "ListObjects" => (
                    &[],
                    &["delimiter", "encoding-type", "marker", "max-keys", "prefix"],
                ),
                "ListObjectsV2" => (
                    &[],
                    &[
                        "continuation-token",
                        "delimiter",
                        "encoding-type",
                        "fetch-owner",
                        "list-type",
                        "max-keys",
                        "prefix",
                        "start-after",
                    ],
                ),
                "ListObjectVersions" => (
                    &[],
                    &[
                        "delimiter",
                        "encoding-type",
                        "key-marker",
                        "max-keys",
                        "prefix",
                        "version-id-marker",
                        "versions",
                    ],
                ),
                "CreateMultipartUpload" => (&[ATTRIBUTES, CREATE], &["uploads"]),
                "UploadPart" => (&[], &["partNumber", "uploadId"]),
                "UploadPartCopy" => (&[SOURCE, COPY_RANGE], &["partNumber", "uploadId"]),
                "CompleteMultipartUpload" => (&[WRITE_CONDITIONS, COMPLETE], &["uploadId"]),
                "AbortMultipartUpload" => (&[], &["uploadId"]),
                "ListParts" => (&[], &["max-parts", "part-number-marker", "uploadId"]),
                "ListMultipartUploads" => (
                    &[],
                    &[
                        "delimiter",
                        "encoding-type",
                        "key-marker",
                        "max-uploads",
                        "prefix",
                        "upload-id-marker",
                        "uploads",
                    ],
                ),
                _ => return None,
            };
        let takes_metadata = matches!(
            operation,
            "PutObject" | "CopyObject" | "CreateMultipartUpload"
        );
        Some(Self {
            headers,
            parameters,
            takes_metadata,
        })
    }
}
