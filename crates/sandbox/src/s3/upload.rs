//! A multipart upload: its parts, and what completing it makes of them.

use std::collections::BTreeMap;

use s3s::dto::{ChecksumAlgorithm, ChecksumType, Timestamp};
use s3s::{S3Result, s3_error};

use super::annotation::Annotations;
use super::attributes::Attributes;
use super::checksum::{Algorithm, Checksum, Kind};
use super::content::Content;
use super::crc::Crc;
use super::digest::{composite, multipart_etag};
use super::limits::PART_MIN_BYTES;
use super::object::Object;

/// An upload under way; parts are cheap to copy.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) attributes: Attributes,
    pub(super) checksum: UploadChecksum,
    pub(super) initiated: Timestamp,
    pub(super) parts: BTreeMap<i32, Part>,
}

/// The checksum an upload was created with.
#[derive(Debug, Clone, Copy)]
pub(super) struct UploadChecksum {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    /// Whether the client named it, or S3 chose it.
    pub(super) is_declared: bool,
}

impl UploadChecksum {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
    ///
    /// # Errors
    ///
    /// InvalidRequest for a type the algorithm does not have.
    pub(super) fn declared(algorithm: Option<Algorithm>, kind: Option<Kind>) -> S3Result<Self> {
        let Some(declared) = algorithm else {
            if kind.is_some() {
                return Err(s3_error!(
                    InvalidRequest,
                    "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
                ));
            }
            return Ok(Self {
                algorithm: Algorithm::DEFAULT,
                kind: Kind::FullObject,
                is_declared: false,
            });
        };
        let (default, only) = match declared {
            Algorithm::Crc(Crc::Crc64Nvme) => (Kind::FullObject, true),
            Algorithm::Crc(_) => (Kind::Composite, false),
            Algorithm::Sha(_) => (Kind::Composite, true),
        };
        let kind = kind.unwrap_or(default);
        if only && kind != default {
            let (kind, name) = (kind.to_dto(), declared.name().to_ascii_lowercase());
            return Err(s3_error!(
                InvalidRequest,
                "The {} checksum type cannot be used with the {name} checksum algorithm.",
                kind.as_str()
            ));
        }
        Ok(Self {
            algorithm: declared,
            kind,
            is_declared: true,
        })
    }

    /// As S3 tells it of an upload: only what the client named.
    pub(super) fn algorithm_dto(&self) -> Option<ChecksumAlgorithm> {
        self.is_declared
            .then(|| ChecksumAlgorithm::from_static(self.algorithm.name()))
    }

    /// As S3 tells it of an upload: only what goes with an algorithm named.
    pub(super) fn kind_dto(&self) -> Option<ChecksumType> {
        self.is_declared.then(|| self.kind.to_dto())
    }
}

/// A part uploaded or copied.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) etag: String,
    /// Of the upload's algorithm.
    pub(super) checksum: Checksum,
    /// Of another algorithm, if the client sent one to an upload that named none.
    pub(super) own_checksum: Option<Checksum>,
    pub(super) last_modified: Timestamp,
}

/// A part as CompleteMultipartUpload lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedPart {
    pub(super) number: i32,
    pub(super) etag: String,
    pub(super) checksums: Vec<(Algorithm, String)>,
}

/// What a finished upload answers to the same completion again.
#[derive(Debug, Clone)]
pub(super) struct Completed {
    pub(super) key: String,
    pub(super) parts: Vec<ListedPart>,
    pub(super) object: Object,
    pub(super) version_id: Option<String>,
}

impl Upload {
    /// Makes the object of the listed parts; an upload inherits nothing, and its date is its initiation's.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>
    ///
    /// # Errors
    ///
    /// InvalidPartOrder, InvalidPart, InvalidRequest or EntityTooSmall.
    pub(super) fn assemble(&self, listed: &[ListedPart]) -> S3Result<Object> {
        if listed
            .windows(2)
            .any(|pair| pair[0].number >= pair[1].number)
        {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let parts = listed
            .iter()
            .map(|listed| self.listed_part(listed))
            .collect::<S3Result<Vec<_>>>()?;
        let (_, all_but_last) = parts.split_last().expect("a completion lists a part");
        if all_but_last
            .iter()
            .any(|part| part.content.len() < PART_MIN_BYTES)
        {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size"
            ));
        }
        Ok(Object {
            content: Content::concatenate(parts.iter().map(|part| &part.content)),
            etag: multipart_etag(parts.iter().map(|part| part.etag.as_str())),
            checksum: self.combine(&parts),
            attributes: self.attributes.clone(),
            annotations: Annotations::default(),
            last_modified: self.initiated.clone(),
        })
    }

    fn listed_part(&self, listed: &ListedPart) -> S3Result<&Part> {
        let invalid = || {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
            )
        };
        let part = self.parts.get(&listed.number).ok_or_else(invalid)?;
        if part.etag != listed.etag {
            return Err(invalid());
        }
        let known: Vec<_> = [Some(&part.checksum), part.own_checksum.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        let is_known = |(algorithm, value): &(Algorithm, String)| {
            known
                .iter()
                .any(|known| known.algorithm == *algorithm && known.value == *value)
        };
        if !listed.checksums.iter().all(is_known) {
            return Err(invalid());
        }
        if self.checksum.kind == Kind::Composite && listed.checksums.is_empty() {
            let (name, number) = (
                self.checksum.algorithm.name().to_ascii_lowercase(),
                listed.number,
            );
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a {name} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request."
            ));
        }
        Ok(part)
    }

    fn combine(&self, parts: &[&Part]) -> Checksum {
        let UploadChecksum {
            algorithm, kind, ..
        } = self.checksum;
        let value = match (kind, algorithm) {
            (Kind::FullObject, Algorithm::Crc(crc)) => {
                let sum = parts.iter().fold(0, |sum, part| {
                    let next = crc.from_base64(&part.checksum.value);
                    crc.combine(
                        sum,
                        next.expect("a part's CRC is written by us"),
                        part.content.len(),
                    )
                });
                crc.to_base64(sum)
            }
            _ => {
                let digests: Vec<u8> = parts.iter().flat_map(|part| part.digest()).collect();
                format!("{}-{}", composite(algorithm, &digests), parts.len())
            }
        };
        Checksum {
            algorithm,
            kind,
            value,
        }
    }
}

impl Part {
    fn digest(&self) -> Vec<u8> {
        let digest = data_encoding::BASE64.decode(self.checksum.value.as_bytes());
        digest.expect("a part's checksum is in base64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::object::now;

    const PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

    #[test]
    fn ten_thousand_parts_of_5_gib_are_one_object_with_the_checksum_of_its_source() {
        let source = Content::repeat(vec![3; 1024 * 1024].into(), 10_000 * PART_BYTES);
        let part = |number: i32| {
            let start = (number as u64 - 1) * PART_BYTES;
            let content = source.slice(start..start + PART_BYTES);
            let value = Crc::Crc64Nvme.to_base64(content.crc(Crc::Crc64Nvme).unwrap());
            let checksum = Checksum::full_object(Algorithm::DEFAULT, value);
            let etag = format!("{number:032x}");
            Part {
                content,
                etag,
                checksum,
                own_checksum: None,
                last_modified: now(),
            }
        };
        let upload = Upload {
            attributes: Attributes::default(),
            checksum: UploadChecksum::declared(None, None).unwrap(),
            initiated: now(),
            parts: (1..=10_000).map(|number| (number, part(number))).collect(),
        };
        let listed = |(number, part): (&i32, &Part)| ListedPart {
            number: *number,
            etag: part.etag.clone(),
            checksums: Vec::new(),
        };
        let listed: Vec<_> = upload.parts.iter().map(listed).collect();
        let object = upload.assemble(&listed).unwrap();
        assert_eq!(object.content.len(), 53_687_091_200_000);
        let value = Crc::Crc64Nvme.to_base64(source.crc(Crc::Crc64Nvme).unwrap());
        assert_eq!(
            object.checksum,
            Checksum::full_object(Algorithm::DEFAULT, value)
        );
        assert!(object.etag.ends_with("-10000"));
    }
}
