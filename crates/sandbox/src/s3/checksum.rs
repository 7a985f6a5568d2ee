//! Which checksum a client declares, which one an object keeps, and how both are written.

use http::HeaderMap;
use s3s::dto::{ChecksumAlgorithm, ChecksumType};
use s3s::{S3Error, S3Result, s3_error};

use super::content::Content;
use super::crc::Crc;
use super::digest::{Digester, Sha};
use super::error::bad_request;

/// The algorithms S3 verifies and keeps.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc(Crc),
    Sha(Sha),
}

impl Algorithm {
    /// What S3 computes where the client names nothing.
    pub(super) const DEFAULT: Self = Self::Crc(Crc::Crc64Nvme);

    const ALL: [(Self, &'static str, &'static str); 5] = [
        (
            Self::Crc(Crc::Crc32),
            ChecksumAlgorithm::CRC32,
            "x-amz-checksum-crc32",
        ),
        (
            Self::Crc(Crc::Crc32C),
            ChecksumAlgorithm::CRC32C,
            "x-amz-checksum-crc32c",
        ),
        (
            Self::DEFAULT,
            ChecksumAlgorithm::CRC64NVME,
            "x-amz-checksum-crc64nvme",
        ),
        (
            Self::Sha(Sha::Sha1),
            ChecksumAlgorithm::SHA1,
            "x-amz-checksum-sha1",
        ),
        (
            Self::Sha(Sha::Sha256),
            ChecksumAlgorithm::SHA256,
            "x-amz-checksum-sha256",
        ),
    ];

    /// S3's name of the algorithm.
    pub(super) fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(algorithm, ..)| *algorithm == self);
        named.expect("every algorithm is in the table").1
    }

    /// The header that carries a value of the algorithm.
    pub(super) fn header(self) -> &'static str {
        let named = Self::ALL.iter().find(|(algorithm, ..)| *algorithm == self);
        named.expect("every algorithm is in the table").2
    }

    /// # Errors
    ///
    /// InvalidRequest for a name S3 does not know.
    pub(super) fn parse(name: &ChecksumAlgorithm) -> S3Result<Self> {
        let named = Self::ALL
            .iter()
            .find(|(_, known, _)| *known == name.as_str());
        named.map(|(algorithm, ..)| *algorithm).ok_or_else(|| {
            s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })
    }

    fn of_header(name: &str) -> Option<Self> {
        let named = Self::ALL.iter().find(|(.., header)| *header == name);
        named.map(|(algorithm, ..)| *algorithm)
    }

    fn is_value(self, value: &str) -> bool {
        let sized = |size_bytes| {
            data_encoding::BASE64
                .decode(value.as_bytes())
                .is_ok_and(|digest| digest.len() == size_bytes)
        };
        match self {
            Self::Crc(crc) => crc.from_base64(value).is_some(),
            Self::Sha(Sha::Sha1) => sized(20),
            Self::Sha(Sha::Sha256) => sized(32),
        }
    }

    /// The checksum of all bytes; reads them only for an algorithm that cannot be combined.
    pub(super) async fn of(self, content: &Content) -> S3Result<Checksum> {
        let value = match self {
            Self::Crc(crc) => crc.to_base64(content.crc(crc).map_err(S3Error::internal_error)?),
            Self::Sha(sha) => {
                let chunks = content.chunks();
                tokio::task::spawn_blocking(move || Digester::new(sha).of_chunks(chunks))
                    .await
                    .map_err(S3Error::internal_error)?
                    .map_err(S3Error::internal_error)?
            }
        };
        Ok(Checksum::full_object(self, value))
    }
}

/// Whether a checksum is of the bytes or of the parts' checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    FullObject,
    Composite,
}

impl Kind {
    pub(super) fn to_dto(self) -> ChecksumType {
        ChecksumType::from_static(match self {
            Self::FullObject => ChecksumType::FULL_OBJECT,
            Self::Composite => ChecksumType::COMPOSITE,
        })
    }

    pub(super) fn parse(name: &ChecksumType) -> S3Result<Self> {
        match name.as_str() {
            ChecksumType::FULL_OBJECT => Ok(Self::FullObject),
            ChecksumType::COMPOSITE => Ok(Self::Composite),
            _ => Err(s3_error!(
                InvalidRequest,
                "Value for x-amz-checksum-type header is invalid."
            )),
        }
    }
}

/// A checksum as S3 keeps it, in base64; a composite one ends in `-` and the number of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    pub(super) value: String,
}

impl Checksum {
    pub(super) fn full_object(algorithm: Algorithm, value: String) -> Self {
        Self {
            algorithm,
            kind: Kind::FullObject,
            value,
        }
    }
}

/// What a client declares of the bytes it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) algorithm: Algorithm,
    /// `None`: it follows in the trailer.
    pub(super) value: Option<String>,
}

impl Declared {
    /// Reads the one checksum header, or the name of the one in the trailer.
    ///
    /// # Errors
    ///
    /// InvalidRequest for several, an invalid value, or an algorithm announced without a value.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Option<Self>> {
        let mut declared = Vec::new();
        for (name, value) in headers {
            if let Some(algorithm) = Algorithm::of_header(name.as_str()) {
                let value = valid_value(algorithm, name.as_str(), value.as_bytes())?;
                declared.push(Self {
                    algorithm,
                    value: Some(value),
                });
            }
        }
        for name in headers.get_all("x-amz-trailer") {
            let name = name
                .to_str()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            let algorithm = Algorithm::of_header(&name).ok_or_else(|| {
                s3_error!(
                    InvalidRequest,
                    "The value specified in the x-amz-trailer header is not supported"
                )
            })?;
            declared.push(Self {
                algorithm,
                value: None,
            });
        }
        if declared.len() > 1 {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            ));
        }
        let declared = declared.pop();
        check_announced(headers, declared.as_ref())?;
        Ok(declared)
    }

    /// The value, from the trailer if it was not in the headers.
    pub(super) fn value(&self, trailer: Option<HeaderMap>) -> S3Result<String> {
        if let Some(value) = &self.value {
            return Ok(value.clone());
        }
        let trailer = trailer.unwrap_or_default();
        let found = trailer
            .iter()
            .find(|(name, _)| Algorithm::of_header(name.as_str()) == Some(self.algorithm));
        let (name, value) = found.ok_or_else(|| bad_request("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema."))?;
        valid_value(self.algorithm, name.as_str(), value.as_bytes())
    }
}

fn valid_value(algorithm: Algorithm, header: &str, value: &[u8]) -> S3Result<String> {
    let value = String::from_utf8_lossy(value).trim().to_owned();
    // A composite value, as CompleteMultipartUpload takes it, ends in the number of parts.
    let digest = value
        .split_once('-')
        .map_or(value.as_str(), |(digest, _)| digest);
    if algorithm.is_value(digest) {
        Ok(value)
    } else {
        Err(s3_error!(
            InvalidRequest,
            "Value for {header} header is invalid."
        ))
    }
}

fn check_announced(headers: &HeaderMap, declared: Option<&Declared>) -> S3Result<()> {
    let Some(announced) = headers.get("x-amz-sdk-checksum-algorithm") else {
        return Ok(());
    };
    match declared {
        None => Err(s3_error!(
            InvalidRequest,
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )),
        Some(declared)
            if !announced
                .as_bytes()
                .eq_ignore_ascii_case(declared.algorithm.name().as_bytes()) =>
        {
            Err(s3_error!(
                InvalidRequest,
                "Value for x-amz-sdk-checksum-algorithm header is invalid."
            ))
        }
        Some(_) => Ok(()),
    }
}

/// Fills the one checksum field of an output that its algorithm names.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {{
        let checksum: &$crate::s3::checksum::Checksum = $checksum;
        let value = Some(checksum.value.clone());
        match checksum.algorithm {
            $crate::s3::checksum::Algorithm::Crc($crate::s3::crc::Crc::Crc32) => {
                $output.checksum_crc32 = value
            }
            $crate::s3::checksum::Algorithm::Crc($crate::s3::crc::Crc::Crc32C) => {
                $output.checksum_crc32c = value
            }
            $crate::s3::checksum::Algorithm::Crc($crate::s3::crc::Crc::Crc64Nvme) => {
                $output.checksum_crc64nvme = value
            }
            $crate::s3::checksum::Algorithm::Sha($crate::s3::digest::Sha::Sha1) => {
                $output.checksum_sha1 = value
            }
            $crate::s3::checksum::Algorithm::Sha($crate::s3::digest::Sha::Sha256) => {
                $output.checksum_sha256 = value
            }
        }
    }};
}
pub(super) use set_checksum;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn a_trailer_announced_must_follow_and_hold_a_value() {
        let announced = headers(&[("x-amz-trailer", "x-amz-checksum-crc32")]);
        let declared = Declared::from_headers(&announced).unwrap().unwrap();
        assert_eq!(
            (declared.algorithm, &declared.value),
            (Algorithm::Crc(Crc::Crc32), &None)
        );
        let value = |pairs| declared.value(Some(headers(pairs)));
        assert_eq!(
            value(&[("x-amz-checksum-crc32", "y/Q5Jg==")]).unwrap(),
            "y/Q5Jg=="
        );
        let code = |pairs| value(pairs).unwrap_err().code().as_str().to_owned();
        assert_eq!(code(&[("x-amz-checksum-crc32", "y/Q5")]), "InvalidRequest");
        assert_eq!(
            code(&[("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=")]),
            "MalformedTrailerError"
        );
        assert_eq!(code(&[]), "MalformedTrailerError");
    }

    #[test]
    fn an_unknown_trailer_or_an_algorithm_without_a_value_is_refused() {
        for refused in [
            &[("x-amz-trailer", "x-amz-checksum-md4")][..],
            &[("x-amz-sdk-checksum-algorithm", "CRC32")],
            &[
                ("x-amz-sdk-checksum-algorithm", "SHA1"),
                ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ],
            &[
                ("x-amz-trailer", "x-amz-checksum-crc32"),
                ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ],
        ] {
            let error = Declared::from_headers(&headers(refused)).unwrap_err();
            assert_eq!(error.code().as_str(), "InvalidRequest", "{refused:?}");
        }
    }
}
