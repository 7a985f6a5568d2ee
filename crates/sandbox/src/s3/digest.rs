//! The digests that must see every byte: MD5, SHA-1 and SHA-256.

use std::io;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::checksum::Algorithm;
use super::content::{Chunks, Content};
use super::crc::Crc;

/// A SHA being computed; a CRC is combined from chunks instead.
pub(super) enum Digester {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Digester {
    pub(super) fn new(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::Crc(_) => None,
            Algorithm::Sha1 => Some(Self::Sha1(Sha1::new())),
            Algorithm::Sha256 => Some(Self::Sha256(Sha256::new())),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sha) => sha.update(bytes),
            Self::Sha256(sha) => sha.update(bytes),
        }
    }

    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha1(sha) => BASE64.encode(&sha.finalize()),
            Self::Sha256(sha) => BASE64.encode(&sha.finalize()),
        }
    }

    /// The digest of chunks in base64; empty for a CRC, which is not computed this way.
    pub(super) fn of_chunks(algorithm: Algorithm, chunks: Chunks) -> io::Result<String> {
        let Some(mut digester) = Self::new(algorithm) else {
            return Ok(String::new());
        };
        for chunk in chunks {
            digester.update(&chunk?);
        }
        Ok(digester.finish())
    }

    /// The checksum of checksums a composite one is, in base64.
    pub(super) fn composite(algorithm: Algorithm, digests: &[u8]) -> String {
        match (algorithm, Self::new(algorithm)) {
            (_, Some(mut digester)) => {
                digester.update(digests);
                digester.finish()
            }
            (Algorithm::Crc(crc), None) => crc.to_base64(crc.of(digests)),
            (Algorithm::Sha1 | Algorithm::Sha256, None) => unreachable!("every SHA has a digester"),
        }
    }
}

/// MD5 in hexadecimal.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Md5::digest(bytes))
}

/// An ETag for bytes whose MD5 nobody computed: the same for the same bytes, and of the same form.
pub(super) fn opaque_etag(content: &Content) -> io::Result<String> {
    let (crc64, crc32c) = (content.crc(Crc::Crc64Nvme)?, content.crc(Crc::Crc32C)?);
    Ok(md5_hex(
        format!("{crc64:016x} {crc32c:08x} {}", content.len()).as_bytes(),
    ))
}

/// The ETag of a multipart object: the MD5 of its parts' MD5s and their number.
pub(super) fn multipart_etag<'a>(part_etags: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = part_etags.len();
    let mut md5 = Md5::new();
    for etag in part_etags {
        // Every part's ETag is 32 hexadecimal digits: ours alone make them.
        md5.update(HEXLOWER.decode(etag.as_bytes()).unwrap_or_default());
    }
    format!("{}-{count}", HEXLOWER.encode(&md5.finalize()))
}

/// Whether bytes have the MD5 a Content-MD5 header declares, or `None` if it declares none.
pub(super) fn matches_content_md5(md5: &[u8], declared: &str) -> Option<bool> {
    let declared = BASE64.decode(declared.as_bytes()).ok()?;
    (declared.len() == md5.len()).then(|| declared == md5)
}

/// Whatever the bytes: the MD5 of what passes through.
#[derive(Default)]
pub(super) struct RunningMd5(Md5);

impl RunningMd5 {
    pub(super) fn update(&mut self, bytes: &Bytes) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 16] {
        self.0.finalize().into()
    }
}
