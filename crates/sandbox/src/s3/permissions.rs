//! The permissions S3 would ask of a role for a request, each an action on a resource
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>).

use std::sync::Arc;

use http::{HeaderMap, Uri};

use super::asking::Asking;
use super::attributes::{Encryption, Kms};
use super::copy_source::CopySource;
use super::encoding::form_decode;
use super::object::Object;
use super::parts;
use super::store::Store;

/// What a request needs: actions with the ARNs of what they act on.
#[derive(Debug, Default)]
pub(super) struct Permissions(Vec<(&'static str, String)>);

/// What a request names: an object or a version of it.
struct Named<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
    object: Option<Arc<Object>>,
}

/// An action on an object, and its name where the request says which version.
type Action = (&'static str, &'static str);

const GET_OBJECT: Action = ("s3:GetObject", "s3:GetObjectVersion");
const GET_TAGGING: Action = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging");
const GET_ANNOTATION: Action = ("s3:GetObjectAnnotation", "s3:GetObjectVersionAnnotation");

impl Permissions {
    /// Before the request takes effect.
    pub(super) fn of(store: &Store, asking: &Asking<'_>) -> Self {
        let mut needed = Self::default();
        match (asking.bucket, asking.key) {
            (Some(bucket), Some(key)) => needed.of_object(store, asking, bucket, key),
            (Some(bucket), None) => needed.add(bucket_action(asking.operation), bucket_arn(bucket)),
            (None, _) => needed.add("s3:ListAllMyBuckets", "*".to_owned()),
        }
        needed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0
            .iter()
            .map(|(action, resource)| (*action, resource.as_str()))
    }

    fn of_object(&mut self, store: &Store, asking: &Asking<'_>, bucket: &str, key: &str) {
        let version_id = parameter(asking.uri, "versionId");
        let named = Named::find(store, bucket, key, version_id.as_deref());
        let upload_id = parameter(asking.uri, "uploadId").unwrap_or_default();
        let upload_key = || upload_encryption(store, bucket, key, &upload_id);
        match asking.operation {
            "GetObject" | "HeadObject" => self.look(&named, asking),
            "PutObject" | "CreateMultipartUpload" => {
                self.on(&named, ("s3:PutObject", "s3:PutObject"));
                self.written_tags(&named, asking.headers);
                self.key("kms:GenerateDataKey", requested_key(asking.headers));
            }
            "CopyObject" => self.copy(store, asking.headers, &named),
            // S3 reads the parts back to put them together.
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
            "UploadPart" | "CompleteMultipartUpload" => {
                self.on(&named, ("s3:PutObject", "s3:PutObject"));
                self.key("kms:Decrypt", upload_key());
            }
            "UploadPartCopy" => {
                self.copied(store, asking.headers);
                self.on(&named, ("s3:PutObject", "s3:PutObject"));
                self.key("kms:Decrypt", upload_key());
            }
            "ListParts" => {
                let action = "s3:ListMultipartUploadParts";
                self.on(&named, (action, action));
                self.key("kms:Decrypt", upload_key());
            }
            operation => self.on_annotations_and_the_rest(operation, &named),
        }
    }

    /// What needs one action. An annotation is encrypted as its object is.
    fn on_annotations_and_the_rest(&mut self, operation: &str, named: &Named<'_>) {
        self.on(named, object_action(operation));
        match operation {
            "PutObjectAnnotation" => self.key("kms:GenerateDataKey", named.encryption()),
            "GetObjectAnnotation" => self.key("kms:Decrypt", named.encryption()),
            _ => {}
        }
    }

    /// An object, or its head, of which only the checksum is encrypted.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    fn look(&mut self, named: &Named<'_>, asking: &Asking<'_>) {
        let is_whole = asking.operation == "GetObject";
        self.read(
            named,
            is_whole || asking.headers.contains_key("x-amz-checksum-mode"),
        );
        let has_tags = |object: &Arc<Object>| !object.attributes.tags.is_empty();
        if named.object.as_ref().is_some_and(has_tags) {
            // Who may not read them is told that there are none (same page).
            self.on(named, GET_TAGGING);
        }
    }

    fn copy(&mut self, store: &Store, headers: &HeaderMap, to: &Named<'_>) {
        let source = self.copied(store, headers);
        self.on(to, ("s3:PutObject", "s3:PutObject"));
        self.written_tags(to, headers);
        self.key("kms:GenerateDataKey", requested_key(headers));
        let Some((source, object)) = source else {
            return;
        };
        let from = Named {
            bucket: &source.bucket,
            key: &source.key,
            version_id: source.version_id.as_deref(),
            object: None,
        };
        let copies = |directive: &str| headers.get(directive).is_none_or(|value| value == "COPY");
        if copies("x-amz-tagging-directive") && !object.attributes.tags.is_empty() {
            self.on(&from, GET_TAGGING);
            self.on(to, ("s3:PutObjectTagging", "s3:PutObjectTagging"));
        }
        // Needed to copy annotations, whether there are any or not.
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        if copies("x-amz-object-annotation-directive") {
            self.on(&from, GET_ANNOTATION);
            self.on(to, ("s3:PutObjectAnnotation", "s3:PutObjectAnnotation"));
        }
    }

    /// Reads the source of a copy.
    fn copied(&mut self, store: &Store, headers: &HeaderMap) -> Option<(CopySource, Arc<Object>)> {
        // One that cannot be read is refused where the copy is made.
        let source = CopySource::from_headers(headers).ok()?;
        let version_id = source.version_id.as_deref();
        let named = Named::find(store, &source.bucket, &source.key, version_id);
        self.read(&named, true);
        let object = named.object?;
        Some((source, object))
    }

    fn read(&mut self, named: &Named<'_>, decrypts: bool) {
        self.on(named, GET_OBJECT);
        if named.object.is_none() {
            // Who may not list is told 403 instead of 404.
            self.add("s3:ListBucket", bucket_arn(named.bucket));
        }
        if decrypts {
            self.key("kms:Decrypt", named.encryption());
        }
    }

    fn written_tags(&mut self, to: &Named<'_>, headers: &HeaderMap) {
        if headers.contains_key("x-amz-tagging") {
            self.on(to, ("s3:PutObjectTagging", "s3:PutObjectTagging"));
        }
    }

    fn on(&mut self, named: &Named<'_>, (action, with_version): Action) {
        let action = match named.version_id {
            Some(_) => with_version,
            None => action,
        };
        self.add(
            action,
            format!("{}/{}", bucket_arn(named.bucket), named.key),
        );
    }

    /// A key of the account's that AWS manages needs no permission, nor does S3's own.
    fn key(&mut self, action: &'static str, encryption: Option<Encryption>) {
        if let Some(Encryption::Kms(Kms {
            key_id: Some(key), ..
        })) = encryption
        {
            self.add(action, key);
        }
    }

    fn add(&mut self, action: &'static str, resource: String) {
        self.0.push((action, resource));
    }
}

impl<'a> Named<'a> {
    fn find(store: &Store, bucket: &'a str, key: &'a str, version_id: Option<&'a str>) -> Self {
        let found = store.with_bucket(bucket, |bucket| bucket.find(key, version_id));
        Self {
            bucket,
            key,
            version_id,
            object: found.ok().map(|(object, _)| object),
        }
    }

    fn encryption(&self) -> Option<Encryption> {
        let object = self.object.as_ref()?;
        Some(object.attributes.encryption.clone())
    }
}

fn object_action(operation: &str) -> Action {
    match operation {
        "DeleteObject" => ("s3:DeleteObject", "s3:DeleteObjectVersion"),
        "PutObjectTagging" => ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
        "GetObjectTagging" => GET_TAGGING,
        "DeleteObjectTagging" => ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
        "PutObjectAnnotation" => ("s3:PutObjectAnnotation", "s3:PutObjectVersionAnnotation"),
        "GetObjectAnnotation" => GET_ANNOTATION,
        "ListObjectAnnotations" => (
            "s3:ListObjectAnnotations",
            "s3:ListObjectVersionAnnotations",
        ),
        "DeleteObjectAnnotation" => (
            "s3:DeleteObjectAnnotation",
            "s3:DeleteObjectVersionAnnotation",
        ),
        "AbortMultipartUpload" => ("s3:AbortMultipartUpload", "s3:AbortMultipartUpload"),
        other => unreachable!("S3 serves no {other} of an object"),
    }
}

fn bucket_action(operation: &str) -> &'static str {
    match operation {
        "CreateBucket" => "s3:CreateBucket",
        "DeleteBucket" => "s3:DeleteBucket",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "s3:ListBucket",
        "ListObjectVersions" => "s3:ListBucketVersions",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        "GetBucketLocation" => "s3:GetBucketLocation",
        "PutBucketVersioning" => "s3:PutBucketVersioning",
        "GetBucketVersioning" => "s3:GetBucketVersioning",
        "PutBucketRequestPayment" => "s3:PutBucketRequestPayment",
        "GetBucketRequestPayment" => "s3:GetBucketRequestPayment",
        // Which keys, its body says.
        "DeleteObjects" => "s3:DeleteObject",
        other => unreachable!("S3 serves no {other} of a bucket"),
    }
}

fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// The KMS key that an object is to be encrypted with.
fn requested_key(headers: &HeaderMap) -> Option<Encryption> {
    let key = headers.get("x-amz-server-side-encryption-aws-kms-key-id")?;
    Some(Encryption::Kms(Kms {
        key_id: Some(key.to_str().ok()?.to_owned()),
        bucket_key_enabled: false,
    }))
}

fn upload_encryption(
    store: &Store,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> Option<Encryption> {
    let upload = parts::target(store, bucket, key, upload_id).ok()?;
    Some(upload.attributes.encryption)
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(given, _)| *given == name)?;
    form_decode(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Attributes;
    use crate::s3::content::Content;
    use crate::s3::served::operations;

    const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/source";

    fn kms(key: &str) -> Encryption {
        Encryption::Kms(Kms {
            key_id: Some(key.to_owned()),
            bucket_key_enabled: false,
        })
    }

    /// A bucket `bkt` with an encrypted, tagged object `k`.
    fn store() -> Store {
        let store = Store::new("us-east-1").unwrap();
        store.create_bucket("bkt").unwrap();
        let attributes = Attributes {
            tags: vec![("class".to_owned(), "a".to_owned())],
            encryption: kms(KEY),
            ..Attributes::default()
        };
        let content = Content::repeat("x".into(), 1);
        store.put("bkt", "k", content, attributes).unwrap();
        store
    }

    /// What an operation on a key needs, a line each.
    fn needed(
        operation: &str,
        key: Option<&str>,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Vec<String> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let uri: Uri = format!("/bkt?{query}").parse().unwrap();
        let asking = Asking {
            operation,
            is_signed: true,
            bucket: Some("bkt"),
            key,
            headers: &headers,
            uri: &uri,
        };
        let permissions = Permissions::of(&store(), &asking);
        let lines = permissions.iter().map(|(action, resource)| {
            let resource = resource.rsplit(':').next().unwrap_or_default();
            format!("{action} {resource}")
        });
        lines.collect()
    }

    #[test]
    fn every_operation_needs_something() {
        for operation in operations() {
            let of_bucket = operation.contains("Bucket")
                || ["DeleteObjects", "ListMultipartUploads"].contains(&operation)
                || operation.starts_with("ListObjects")
                || operation == "ListObjectVersions";
            let key = (!of_bucket).then_some("k");
            if operation != "ListBuckets" {
                assert!(!needed(operation, key, "", &[]).is_empty(), "{operation}");
            }
        }
    }

    #[test]
    fn a_missing_key_needs_the_list_a_checksum_the_key_and_a_count_the_tags() {
        let head = |key, headers: &[_]| needed("HeadObject", Some(key), "", headers);
        assert_eq!(
            head("k", &[]),
            ["s3:GetObject bkt/k", "s3:GetObjectTagging bkt/k"]
        );
        let checked = [("x-amz-checksum-mode", "ENABLED")];
        assert_eq!(
            head("k", &checked),
            [
                "s3:GetObject bkt/k",
                "kms:Decrypt key/source",
                "s3:GetObjectTagging bkt/k"
            ]
        );
        assert_eq!(
            head("other", &checked),
            ["s3:GetObject bkt/other", "s3:ListBucket bkt"]
        );
    }

    #[test]
    fn a_version_that_is_named_has_actions_of_its_own() {
        for (operation, action) in [
            ("GetObjectTagging", "s3:GetObjectVersionTagging"),
            ("GetObjectAnnotation", "s3:GetObjectVersionAnnotation"),
            ("ListObjectAnnotations", "s3:ListObjectVersionAnnotations"),
        ] {
            let needed = needed(operation, Some("k"), "versionId=1", &[]);
            assert_eq!(needed, [format!("{action} bkt/k")]);
        }
    }

    #[test]
    fn a_copy_needs_what_its_directives_copy() {
        let source = ("x-amz-copy-source", "bkt/k");
        let key = (
            "x-amz-server-side-encryption-aws-kms-key-id",
            "key/destination",
        );
        let copy = |headers: &[_]| needed("CopyObject", Some("copy"), "", headers);
        let bytes = [
            "s3:GetObject bkt/k",
            "kms:Decrypt key/source",
            "s3:PutObject bkt/copy",
            "kms:GenerateDataKey key/destination",
        ];
        let all = [
            "s3:GetObjectTagging bkt/k",
            "s3:PutObjectTagging bkt/copy",
            "s3:GetObjectAnnotation bkt/k",
            "s3:PutObjectAnnotation bkt/copy",
        ];
        assert_eq!(copy(&[source, key]), [bytes, all].concat());
        let neither = [
            ("x-amz-tagging-directive", "REPLACE"),
            ("x-amz-object-annotation-directive", "EXCLUDE"),
        ];
        assert_eq!(copy(&[source, key, neither[0], neither[1]]), bytes);
    }
}
