//! The headers and parameters each operation serves; any other is refused.

/// Signing, integrity and ownership, which any operation may carry.
pub(super) const EVERY_HEADER: [&str; 13] = [
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
    "x-amz-user-agent",
];

/// The SDKs' name of the operation, and a presigned URL's signature.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
pub(super) const EVERY_PARAMETER: [&str; 9] = [
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

/// What one operation takes beyond what every operation does.
pub(super) struct Served {
    operation: &'static str,
    pub(super) headers: &'static [&'static [&'static str]],
    pub(super) parameters: &'static [&'static str],
}

impl Served {
    /// `None` for an operation the sandbox does not have.
    pub(super) fn of(operation: &str) -> Option<&'static Self> {
        SERVED.iter().find(|served| served.operation == operation)
    }

    /// Whether it is a request that a Requester Pays bucket's requester pays for.
    pub(super) fn takes_payer(&self) -> bool {
        self.headers.contains(&PAYER)
    }

    pub(super) fn takes_metadata(&self) -> bool {
        self.headers.contains(&ATTRIBUTES)
    }
}

const ATTRIBUTES: &[&str] = &[
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
];
const PAYER: &[&str] = &["x-amz-request-payer"];
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
    "x-amz-object-annotation-directive",
    "x-amz-tagging-directive",
];
const COPY_RANGE: &[&str] = &["x-amz-copy-source-range"];
const CREATE: &[&str] = &["x-amz-checksum-algorithm", "x-amz-checksum-type"];
const COMPLETE: &[&str] = &["x-amz-checksum-type", "x-amz-mp-object-size"];
const ANNOTATED_OBJECT: &[&str] = &["x-amz-object-if-match"];
const ANNOTATION_READ: &[&str] = &["x-amz-checksum-mode"];
const ANNOTATION_PARAMETERS: &[&str] = &["annotation", "annotationName", "versionId"];
const ANNOTATIONS_PARAMETERS: &[&str] = &[
    "annotation",
    "annotation-prefix",
    "continuation-token",
    "max-annotation-results",
    "versionId",
];
const LISTED: &[&str] = &["x-amz-optional-object-attributes"];
const V2_PARAMETERS: &[&str] = &[
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "max-keys",
    "prefix",
    "start-after",
];
const VERSIONS_PARAMETERS: &[&str] = &[
    "delimiter",
    "encoding-type",
    "key-marker",
    "max-keys",
    "prefix",
    "version-id-marker",
    "versions",
];
const UPLOADS_PARAMETERS: &[&str] = &[
    "delimiter",
    "encoding-type",
    "key-marker",
    "max-uploads",
    "prefix",
    "upload-id-marker",
    "uploads",
];

const fn served(
    operation: &'static str,
    headers: &'static [&'static [&'static str]],
    parameters: &'static [&'static str],
) -> Served {
    Served {
        operation,
        headers,
        parameters,
    }
}

/// The names of all operations.
pub(crate) fn operations() -> Vec<&'static str> {
    SERVED.iter().map(|served| served.operation).collect()
}

static SERVED: [Served; 32] = [
    served("CreateBucket", &[], &[]),
    served("DeleteBucket", &[], &[]),
    served("HeadBucket", &[PAYER], &[]),
    served("ListBuckets", &[], &["prefix"]),
    served("GetBucketLocation", &[], &["location"]),
    served("PutBucketVersioning", &[], &["versioning"]),
    served("GetBucketVersioning", &[], &["versioning"]),
    served("PutBucketRequestPayment", &[], &["requestPayment"]),
    served("GetBucketRequestPayment", &[], &["requestPayment"]),
    served("PutObject", &[ATTRIBUTES, WRITE_CONDITIONS, PAYER], &[]),
    served("GetObject", &[READ, PAYER], READ_PARAMETERS),
    served("HeadObject", &[READ, PAYER], READ_PARAMETERS),
    served(
        "CopyObject",
        &[ATTRIBUTES, WRITE_CONDITIONS, SOURCE, COPY, PAYER],
        &[],
    ),
    served("DeleteObject", &[PAYER], &["versionId"]),
    served("DeleteObjects", &[PAYER], &["delete"]),
    served("PutObjectTagging", &[PAYER], &["tagging", "versionId"]),
    served("GetObjectTagging", &[PAYER], &["tagging", "versionId"]),
    served("DeleteObjectTagging", &[PAYER], &["tagging", "versionId"]),
    served(
        "PutObjectAnnotation",
        &[ANNOTATED_OBJECT, PAYER],
        ANNOTATION_PARAMETERS,
    ),
    served(
        "GetObjectAnnotation",
        &[ANNOTATION_READ, PAYER],
        ANNOTATION_PARAMETERS,
    ),
    served("ListObjectAnnotations", &[PAYER], ANNOTATIONS_PARAMETERS),
    served(
        "DeleteObjectAnnotation",
        &[ANNOTATED_OBJECT, PAYER],
        ANNOTATION_PARAMETERS,
    ),
    served(
        "ListObjects",
        &[PAYER, LISTED],
        &["delimiter", "encoding-type", "marker", "max-keys", "prefix"],
    ),
    served("ListObjectsV2", &[PAYER, LISTED], V2_PARAMETERS),
    served("ListObjectVersions", &[PAYER], VERSIONS_PARAMETERS),
    served(
        "CreateMultipartUpload",
        &[ATTRIBUTES, CREATE, PAYER],
        &["uploads"],
    ),
    served("UploadPart", &[PAYER], &["partNumber", "uploadId"]),
    served(
        "UploadPartCopy",
        &[SOURCE, COPY_RANGE, PAYER],
        &["partNumber", "uploadId"],
    ),
    served(
        "CompleteMultipartUpload",
        &[WRITE_CONDITIONS, COMPLETE, PAYER],
        &["uploadId"],
    ),
    served("AbortMultipartUpload", &[PAYER], &["uploadId"]),
    served(
        "ListParts",
        &[PAYER],
        &["max-parts", "part-number-marker", "uploadId"],
    ),
    served("ListMultipartUploads", &[PAYER], UPLOADS_PARAMETERS),
];
