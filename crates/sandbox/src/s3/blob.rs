//! Shared, immutable bytes: in memory, in the spool, or one block repeated.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::crc::Crc;
use super::spool::Place;

/// Bytes are kept, read and checksummed in chunks of this size.
pub(super) const CHUNK_BYTES: u64 = 1024 * 1024;

/// A repeated block shorter than this is widened, so that reading it makes few pieces.
const REPEATED_BLOCK_MIN_BYTES: usize = 64 * 1024;

/// Bytes that objects hold ranges of.
#[derive(Debug)]
pub(super) enum Blob {
    /// Chunks of [`CHUNK_BYTES`], the last one shorter, each with its CRCs.
    Chunked(Vec<Chunk>),
    /// A block repeated.
    Repeated(Repeated),
}

#[derive(Debug)]
pub(super) struct Chunk {
    bytes: ChunkBytes,
    size_bytes: u64,
    crcs: [u64; 3],
}

#[derive(Debug)]
enum ChunkBytes {
    Memory(Bytes),
    Spooled(Place),
}

impl Chunk {
    pub(super) fn in_memory(bytes: Bytes) -> Self {
        Self {
            size_bytes: bytes.len() as u64,
            crcs: Crc::all_of(&bytes),
            bytes: ChunkBytes::Memory(bytes),
        }
    }

    pub(super) fn spooled(place: Place, bytes: &[u8]) -> Self {
        Self {
            bytes: ChunkBytes::Spooled(place),
            size_bytes: bytes.len() as u64,
            crcs: Crc::all_of(bytes),
        }
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        match &self.bytes {
            ChunkBytes::Memory(bytes) => Ok(bytes.slice(range.start as usize..range.end as usize)),
            ChunkBytes::Spooled(place) => {
                place.read(range.start, (range.end - range.start) as usize)
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Repeated {
    block: Bytes,
    crcs: [u64; 3],
}

impl Repeated {
    fn size_bytes(&self) -> u64 {
        self.block.len() as u64
    }
}

impl Blob {
    pub(super) fn in_memory(mut bytes: Bytes) -> Self {
        let mut chunks = Vec::new();
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(CHUNK_BYTES as usize));
            chunks.push(Chunk::in_memory(chunk));
        }
        Self::Chunked(chunks)
    }

    /// A block repeated without end; it must not be empty.
    pub(super) fn repeated(block: Bytes) -> Self {
        assert!(!block.is_empty(), "an empty block repeats to nothing");
        let copies = REPEATED_BLOCK_MIN_BYTES.div_ceil(block.len());
        let block: Bytes = if copies > 1 {
            block.repeat(copies).into()
        } else {
            block
        };
        Self::Repeated(Repeated {
            crcs: Crc::all_of(&block),
            block,
        })
    }

    /// The bytes from `at` to the end of its chunk or to `end`, whichever comes first.
    pub(super) fn read(&self, at: u64, end: u64) -> io::Result<Bytes> {
        match self {
            Self::Chunked(chunks) => {
                let chunk = &chunks[(at / CHUNK_BYTES) as usize];
                let start = at % CHUNK_BYTES;
                chunk.read(start..(start + end - at).min(chunk.size_bytes))
            }
            Self::Repeated(repeated) => {
                let start = at % repeated.size_bytes();
                let stop = (start + end - at).min(repeated.size_bytes());
                Ok(repeated.block.slice(start as usize..stop as usize))
            }
        }
    }

    /// The CRC of a range: whole chunks and blocks are combined, ragged edges are read.
    pub(super) fn crc(&self, crc: Crc, range: &Range<u64>) -> io::Result<u64> {
        let (mut at, mut sum) = (range.start, 0);
        while at < range.end {
            let (next, piece) = match self.whole_piece(crc, at, range.end) {
                Some(whole) => whole,
                None => {
                    let bytes = self.read(at, range.end)?;
                    (at + bytes.len() as u64, crc.of(&bytes))
                }
            };
            sum = crc.combine(sum, piece, next - at);
            at = next;
        }
        Ok(sum)
    }

    /// The end and the CRC of what starts at `at` and needs no reading, if anything does.
    fn whole_piece(&self, crc: Crc, at: u64, end: u64) -> Option<(u64, u64)> {
        match self {
            Self::Chunked(chunks) => {
                let chunk = &chunks[(at / CHUNK_BYTES) as usize];
                let next = at + chunk.size_bytes;
                (at.is_multiple_of(CHUNK_BYTES) && next <= end)
                    .then(|| (next, chunk.crcs[crc.index()]))
            }
            Self::Repeated(repeated) => {
                let block_bytes = repeated.size_bytes();
                let blocks = (end - at) / block_bytes;
                let is_whole = at.is_multiple_of(block_bytes) && blocks > 0;
                is_whole.then(|| {
                    let piece = crc.repeat(repeated.crcs[crc.index()], block_bytes, blocks);
                    (at + blocks * block_bytes, piece)
                })
            }
        }
    }
}
