//! What an object carries besides its bytes, and S3's limits on it.

use std::collections::HashMap;

use s3s::dto::{ServerSideEncryption, StorageClass, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

use super::error::bad_request;
use super::limits::METADATA_MAX_BYTES;
use super::tags;

/// Content headers, user metadata, tags and the rest of what S3 keeps with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Cache-Control.
    pub cache_control: Option<String>,
    /// Content-Disposition.
    pub content_disposition: Option<String>,
    /// Content-Encoding.
    pub content_encoding: Option<String>,
    /// Content-Language.
    pub content_language: Option<String>,
    /// Content-Type; S3 answers `binary/octet-stream` where there is none.
    pub content_type: Option<String>,
    /// Expires.
    pub expires: Option<Timestamp>,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
    /// Tags, in the order given.
    pub tags: Vec<(String, String)>,
    /// Storage class; `None` is STANDARD.
    pub storage_class: Option<String>,
    /// Until when an archived object can be read, if it was restored. No request restores one.
    pub restored_until: Option<Timestamp>,
    /// The website's redirect location.
    pub website_redirect_location: Option<String>,
    /// How S3 would encrypt the object: reported, nothing is encrypted.
    pub encryption: Encryption,
}

/// Server-side encryption as S3 reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Encryption {
    /// S3's own key, `AES256`.
    #[default]
    S3,
    /// `aws:kms`.
    Kms(Kms),
    /// A key that the client must send with every read (SSE-C). The sandbox takes none: no request writes such an
    /// object, and none reads it.
    Customer,
}

/// Encryption with a key of AWS KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kms {
    /// The key's id or ARN as given; `None` is the account's AWS managed key.
    pub key_id: Option<String>,
    /// Whether the bucket key is used.
    pub bucket_key_enabled: bool,
}

/// The storage classes of a general purpose bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html#API_PutObject_RequestSyntax>
const STORAGE_CLASSES: [&str; 8] = [
    StorageClass::STANDARD,
    StorageClass::REDUCED_REDUNDANCY,
    StorageClass::STANDARD_IA,
    StorageClass::ONEZONE_IA,
    StorageClass::INTELLIGENT_TIERING,
    StorageClass::GLACIER,
    StorageClass::DEEP_ARCHIVE,
    StorageClass::GLACIER_IR,
];

impl Attributes {
    /// # Errors
    ///
    /// MetadataTooLarge, InvalidTag, InvalidRedirectLocation or InvalidStorageClass.
    pub(super) fn validate(&self) -> S3Result<()> {
        let metadata_bytes: usize = self
            .metadata
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if metadata_bytes > METADATA_MAX_BYTES {
            return Err(s3_error!(
                MetadataTooLarge,
                "Your metadata headers exceed the maximum allowed metadata size"
            ));
        }
        tags::validate(&self.tags)?;
        let redirect = self.website_redirect_location.as_deref();
        if redirect.is_some_and(|to| {
            !["/", "http://", "https://"]
                .iter()
                .any(|start| to.starts_with(start))
        }) {
            return Err(bad_request(
                "InvalidRedirectLocation",
                "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
            ));
        }
        match &self.storage_class {
            Some(class) if !STORAGE_CLASSES.contains(&class.as_str()) => Err(s3_error!(
                InvalidStorageClass,
                "The storage class you specified is not valid"
            )),
            _ => Ok(()),
        }
    }

    /// Whether the object must be restored before its bytes can be read.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html>
    pub(super) fn is_archived(&self) -> bool {
        self.restored_until.is_none()
            && matches!(
                self.storage_class.as_deref(),
                Some(StorageClass::GLACIER | StorageClass::DEEP_ARCHIVE)
            )
    }

    /// What HeadObject and GetObject say of a restored object.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    pub(super) fn restore_header(&self) -> Option<String> {
        let until = self.restored_until.as_ref()?;
        let mut date = Vec::new();
        until.format(TimestampFormat::HttpDate, &mut date).ok()?;
        let date = String::from_utf8_lossy(&date);
        Some(format!("ongoing-request=\"false\", expiry-date=\"{date}\""))
    }

    /// # Errors
    ///
    /// InvalidRequest where the customer's key is missing.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>
    pub(super) fn check_key(&self) -> S3Result<()> {
        if self.encryption != Encryption::Customer {
            return Ok(());
        }
        Err(s3_error!(
            InvalidRequest,
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
        ))
    }

    /// The content type S3 answers.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
    pub(super) fn content_type_answered(&self) -> String {
        let content_type = self.content_type.clone();
        content_type.unwrap_or_else(|| "binary/octet-stream".into())
    }

    /// The storage class as a header: S3 leaves STANDARD out.
    pub(super) fn storage_class_header(&self) -> Option<StorageClass> {
        let class = self
            .storage_class
            .clone()
            .filter(|class| class != StorageClass::STANDARD);
        class.map(StorageClass::from)
    }

    /// The storage class as a list shows it.
    pub(super) fn storage_class_listed(&self) -> String {
        self.storage_class
            .clone()
            .unwrap_or_else(|| StorageClass::STANDARD.into())
    }
}

impl Encryption {
    /// # Errors
    ///
    /// NotImplemented for `aws:kms:dsse`, InvalidArgument for an unknown algorithm or a key without `aws:kms`.
    pub(super) fn parse(
        algorithm: Option<&ServerSideEncryption>,
        key_id: Option<String>,
        bucket_key_enabled: Option<bool>,
    ) -> S3Result<Self> {
        match algorithm.map(ServerSideEncryption::as_str) {
            Some(ServerSideEncryption::AWS_KMS) => {
                let bucket_key_enabled = bucket_key_enabled.unwrap_or(false);
                Ok(Self::Kms(Kms {
                    key_id,
                    bucket_key_enabled,
                }))
            }
            Some(ServerSideEncryption::AWS_KMS_DSSE) => {
                Err(s3_error!(NotImplemented, "aws:kms:dsse is not implemented"))
            }
            None | Some(ServerSideEncryption::AES256) if key_id.is_some() => Err(s3_error!(
                InvalidArgument,
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms"
            )),
            None | Some(ServerSideEncryption::AES256) => Ok(Self::default()),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "The encryption method specified is not supported"
            )),
        }
    }

    /// `None` for a customer's key, which answers name in headers of their own.
    pub(super) fn algorithm(&self) -> Option<ServerSideEncryption> {
        let name = match self {
            Self::S3 => ServerSideEncryption::AES256,
            Self::Kms(_) => ServerSideEncryption::AWS_KMS,
            Self::Customer => return None,
        };
        Some(ServerSideEncryption::from_static(name))
    }

    fn kms(&self) -> Option<&Kms> {
        match self {
            Self::Kms(kms) => Some(kms),
            Self::S3 | Self::Customer => None,
        }
    }

    pub(super) fn kms_key_id(&self) -> Option<String> {
        self.kms()?.key_id.clone()
    }

    pub(super) fn bucket_key_enabled(&self) -> Option<bool> {
        Some(self.kms()?.bucket_key_enabled).filter(|enabled| *enabled)
    }
}

/// Content-Encoding without `aws-chunked`, which is the transfer's and not the object's.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
pub(super) fn stored_content_encoding(header: Option<String>) -> Option<String> {
    let header = header?;
    let codings: Vec<&str> = header
        .split(',')
        .map(str::trim)
        .filter(|coding| *coding != "aws-chunked")
        .collect();
    (!codings.is_empty()).then(|| codings.join(","))
}

/// Reads the attributes of a PutObject, CopyObject or CreateMultipartUpload input, whose fields are the same.
macro_rules! attributes_of {
    ($input:expr) => {{
        let encryption = $crate::s3::attributes::Encryption::parse(
            $input.server_side_encryption.as_ref(),
            $input.ssekms_key_id.take(),
            $input.bucket_key_enabled,
        )?;
        let attributes = $crate::s3::attributes::Attributes {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $crate::s3::attributes::stored_content_encoding(
                $input.content_encoding.take(),
            ),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            expires: $input.expires.take(),
            metadata: $input.metadata.take().unwrap_or_default(),
            tags: $crate::s3::tags::parse_header($input.tagging.as_deref())?,
            storage_class: $input
                .storage_class
                .take()
                .map(|class| class.as_str().to_owned()),
            restored_until: None,
            website_redirect_location: $input.website_redirect_location.take(),
            encryption,
        };
        attributes.validate()?;
        attributes
    }};
}
pub(super) use attributes_of;

/// Fills the encryption fields of an output.
macro_rules! set_encryption {
    ($output:expr, $encryption:expr) => {{
        let encryption: &$crate::s3::attributes::Encryption = $encryption;
        $output.server_side_encryption = encryption.algorithm();
        $output.ssekms_key_id = encryption.kms_key_id();
        $output.bucket_key_enabled = encryption.bucket_key_enabled();
    }};
}
pub(super) use set_encryption;
