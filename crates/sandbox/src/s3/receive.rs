//! Takes a request's body in: counts it, digests it, keeps it, and verifies what the client declared of it.

use bytes::{Bytes, BytesMut};
use data_encoding::HEXLOWER;
use futures::StreamExt;
use http::HeaderMap;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Request, S3Result, StdError, TrailingHeaders, s3_error};

use super::blob::{CHUNK_BYTES, Chunk};
use super::checksum::{Algorithm, Checksum, Declared};
use super::content::Content;
use super::digest::{Digester, RunningMd5, matches_content_md5};
use super::error::bad_request;
use super::spool::Spool;

/// A body taken in and verified.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) content: Content,
    pub(super) etag: String,
    /// The client's own checksum, verified.
    pub(super) checksum: Option<Checksum>,
}

/// What the headers say of the body to come.
#[derive(Debug)]
pub(super) struct Expected {
    size_bytes: u64,
    content_md5: Option<String>,
    pub(super) declared: Option<Declared>,
    trailer: Option<TrailingHeaders>,
}

impl Expected {
    /// # Errors
    ///
    /// MissingContentLength, EntityTooLarge, or a malformed checksum.
    pub(super) fn from_request<T>(request: &S3Request<T>, max_bytes: u64) -> S3Result<Self> {
        let headers = &request.headers;
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        let size_bytes = number("x-amz-decoded-content-length")
            .or_else(|| number("content-length"))
            .ok_or_else(|| {
                s3_error!(
                    MissingContentLength,
                    "You must provide the Content-Length HTTP header."
                )
            })?;
        if size_bytes > max_bytes {
            return Err(s3_error!(
                EntityTooLarge,
                "Your proposed upload exceeds the maximum allowed size"
            ));
        }
        Ok(Self {
            size_bytes,
            content_md5: content_md5(headers),
            declared: Declared::from_headers(headers)?,
            trailer: request.trailing_headers.clone(),
        })
    }

    /// Reads the body to its end and verifies it.
    ///
    /// # Errors
    ///
    /// IncompleteBody, InvalidDigest or BadDigest.
    pub(super) async fn receive(
        self,
        body: Option<StreamingBlob>,
        spool: &Spool,
    ) -> S3Result<Received> {
        let algorithm = self.declared.as_ref().map(|declared| declared.algorithm);
        let mut intake = Intake::new(spool, algorithm);
        if let Some(mut body) = body {
            while let Some(bytes) = body.next().await {
                intake.take(bytes.map_err(body_error)?)?;
            }
        }
        let taken = intake.finish()?;
        if taken.content.len() != self.size_bytes {
            return Err(incomplete_body());
        }
        self.verify(taken)
    }

    fn verify(self, taken: Taken) -> S3Result<Received> {
        if let Some(declared) = &self.content_md5 {
            match matches_content_md5(&taken.md5, declared) {
                None => {
                    return Err(s3_error!(
                        InvalidDigest,
                        "The Content-MD5 you specified was invalid."
                    ));
                }
                Some(false) => {
                    return Err(s3_error!(
                        BadDigest,
                        "The Content-MD5 you specified did not match what we received."
                    ));
                }
                Some(true) => {}
            }
        }
        let trailer = self.trailer.as_ref().and_then(TrailingHeaders::take);
        let checksum = self.declared.map(|declared| {
            let value = declared.value(trailer)?;
            verified(&taken, declared.algorithm, &value)
        });
        Ok(Received {
            etag: HEXLOWER.encode(&taken.md5),
            checksum: checksum.transpose()?,
            content: taken.content,
        })
    }
}

fn verified(taken: &Taken, algorithm: Algorithm, declared: &str) -> S3Result<Checksum> {
    let computed = match (algorithm, &taken.sha) {
        (Algorithm::Crc(crc), _) => {
            crc.to_base64(taken.content.crc(crc).map_err(S3Error::internal_error)?)
        }
        (_, sha) => sha.clone().unwrap_or_default(),
    };
    if computed != declared {
        let name = algorithm.name();
        return Err(s3_error!(
            BadDigest,
            "The {name} you specified did not match the calculated checksum."
        ));
    }
    Ok(Checksum::full_object(algorithm, computed))
}

fn content_md5(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("content-md5")?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn incomplete_body() -> S3Error {
    s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header."
    )
}

/// The protocol layer tells a wrong payload hash from a body cut short only in words.
fn body_error(error: StdError) -> S3Error {
    let words = error.to_string();
    if words.contains("SignatureMismatch") {
        s3_error!(
            SignatureDoesNotMatch,
            "The request signature we calculated does not match the signature you provided."
        )
    } else if words.contains("Sha256Mismatch") {
        bad_request(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    } else {
        incomplete_body()
    }
}

struct Taken {
    content: Content,
    md5: [u8; 16],
    sha: Option<String>,
}

/// Cuts a body into chunks; one that fits in a single chunk stays in memory, a longer one goes to the spool.
struct Intake<'a> {
    spool: &'a Spool,
    md5: RunningMd5,
    sha: Option<Digester>,
    pending: BytesMut,
    chunks: Vec<Chunk>,
    size_bytes: u64,
}

impl<'a> Intake<'a> {
    fn new(spool: &'a Spool, algorithm: Option<Algorithm>) -> Self {
        Self {
            spool,
            md5: RunningMd5::default(),
            sha: match algorithm {
                Some(Algorithm::Sha(sha)) => Some(Digester::new(sha)),
                Some(Algorithm::Crc(_)) | None => None,
            },
            pending: BytesMut::new(),
            chunks: Vec::new(),
            size_bytes: 0,
        }
    }

    fn take(&mut self, bytes: Bytes) -> S3Result<()> {
        self.md5.update(&bytes);
        if let Some(sha) = &mut self.sha {
            sha.update(&bytes);
        }
        self.size_bytes += bytes.len() as u64;
        self.pending.extend_from_slice(&bytes);
        while self.pending.len() as u64 > CHUNK_BYTES {
            let chunk = self.pending.split_to(CHUNK_BYTES as usize);
            self.spool_chunk(&chunk)?;
        }
        Ok(())
    }

    fn spool_chunk(&mut self, bytes: &[u8]) -> S3Result<()> {
        let place = self.spool.append(bytes).map_err(S3Error::internal_error)?;
        self.chunks.push(Chunk::spooled(place, bytes));
        Ok(())
    }

    fn finish(mut self) -> S3Result<Taken> {
        let last = std::mem::take(&mut self.pending).freeze();
        if self.chunks.is_empty() {
            if !last.is_empty() {
                self.chunks.push(Chunk::in_memory(last));
            }
        } else {
            self.spool_chunk(&last)?;
        }
        Ok(Taken {
            content: Content::chunked(self.chunks, self.size_bytes),
            md5: self.md5.finish(),
            sha: self.sha.map(Digester::finish),
        })
    }
}
