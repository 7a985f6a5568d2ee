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

/// The secure hashes S3 verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sha {
    Sha1,
    Sha256,
}

/// A SHA being computed.
pub(super) enum Digester {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Digester {
    pub(super) fn new(sha: Sha) -> Self {
        match sha {
            Sha::Sha1 => Self::Sha1(Sha1::new()),
            Sha::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sha) => sha.update(bytes),
            Self::Sha256(sha) => sha.update(bytes),
        }
    }

    /// The digest in base64.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha1(sha) => BASE64.encode(&sha.finalize()),
            Self::Sha256(sha) => BASE64.encode(&sha.finalize()),
        }
    }

    pub(super) fn of_chunks(mut self, chunks: Chunks) -> io::Result<String> {
        for chunk in chunks {
            self.update(&chunk?);
        }
        Ok(self.finish())
    }
}

/// The checksum of checksums a composite one is, in base64.
pub(super) fn composite(algorithm: Algorithm, digests: &[u8]) -> String {
    match algorithm {
        Algorithm::Crc(crc) => crc.to_base64(crc.of(digests)),
        Algorithm::Sha(sha) => {
            let mut digester = Digester::new(sha);
            digester.update(digests);
            digester.finish()
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
