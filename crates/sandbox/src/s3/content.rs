//! An object's bytes as extents: copies share bytes and cost neither memory nor time in their size.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::blob::{Blob, Chunk};
use super::crc::Crc;

/// An object's bytes: ranges of shared blobs, in order.
#[derive(Debug, Clone)]
pub struct Content {
    extents: Arc<[Extent]>,
    size_bytes: u64,
}

#[derive(Debug, Clone)]
struct Extent {
    blob: Arc<Blob>,
    range: Range<u64>,
}

impl Extent {
    fn size_bytes(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn continues(&self, previous: &Self) -> bool {
        Arc::ptr_eq(&self.blob, &previous.blob) && self.range.start == previous.range.end
    }
}

impl Content {
    /// Real bytes, kept in memory.
    pub fn bytes(bytes: Bytes) -> Self {
        let range = 0..bytes.len() as u64;
        Self::of_blob(Blob::in_memory(bytes), range)
    }

    /// A virtual object: `block` repeated up to `size_bytes`, the last time cut.
    ///
    /// # Panics
    ///
    /// If the block is empty.
    pub fn repeat(block: Bytes, size_bytes: u64) -> Self {
        Self::of_blob(Blob::repeated(block), 0..size_bytes)
    }

    pub(super) fn chunked(chunks: Vec<Chunk>, size_bytes: u64) -> Self {
        Self::of_blob(Blob::Chunked(chunks), 0..size_bytes)
    }

    fn of_blob(blob: Blob, range: Range<u64>) -> Self {
        Self::from_extents([Extent {
            blob: Arc::new(blob),
            range,
        }])
    }

    /// The contents one after another.
    pub fn concatenate<'a>(contents: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::from_extents(
            contents
                .into_iter()
                .flat_map(|content| content.extents.iter().cloned()),
        )
    }

    fn from_extents(extents: impl IntoIterator<Item = Extent>) -> Self {
        let mut joined: Vec<Extent> = Vec::new();
        for extent in extents
            .into_iter()
            .filter(|extent| !extent.range.is_empty())
        {
            match joined.last_mut() {
                Some(last) if extent.continues(last) => last.range.end = extent.range.end,
                _ => joined.push(extent),
            }
        }
        Self {
            size_bytes: joined.iter().map(Extent::size_bytes).sum(),
            extents: joined.into(),
        }
    }

    /// The bytes of a range, which is cut at the end.
    pub fn slice(&self, range: Range<u64>) -> Self {
        let mut extent_start = 0;
        Self::from_extents(self.extents.iter().map(|extent| {
            let offset = |at: u64| at.saturating_sub(extent_start).min(extent.size_bytes());
            let range =
                extent.range.start + offset(range.start)..extent.range.start + offset(range.end);
            extent_start += extent.size_bytes();
            Extent {
                blob: Arc::clone(&extent.blob),
                range,
            }
        }))
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        self.size_bytes
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.size_bytes == 0
    }

    /// The CRC of all bytes, combined from what is known of the blobs.
    ///
    /// # Errors
    ///
    /// When the spool cannot be read.
    pub fn crc(&self, crc: Crc) -> io::Result<u64> {
        self.extents.iter().try_fold(0, |sum, extent| {
            let next = extent.blob.crc(crc, &extent.range)?;
            Ok(crc.combine(sum, next, extent.size_bytes()))
        })
    }

    /// The bytes in order, in pieces of at most 1 MiB or one repeated block.
    pub fn chunks(&self) -> Chunks {
        Chunks {
            extents: Arc::clone(&self.extents),
            index: 0,
            done_bytes: 0,
        }
    }

    /// All bytes in one piece, for small contents.
    ///
    /// # Errors
    ///
    /// When the spool cannot be read.
    pub fn to_bytes(&self) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        for chunk in self.chunks() {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes.into())
    }
}

/// Iterator over the bytes of a [`Content`].
#[derive(Debug)]
pub struct Chunks {
    extents: Arc<[Extent]>,
    index: usize,
    done_bytes: u64,
}

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let extent = self.extents.get(self.index)?;
        let read = extent
            .blob
            .read(extent.range.start + self.done_bytes, extent.range.end);
        if let Ok(bytes) = &read {
            self.done_bytes += bytes.len() as u64;
        }
        if read.is_err() || self.done_bytes == extent.size_bytes() {
            self.index += 1;
            self.done_bytes = 0;
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::blob::CHUNK_BYTES;
    use super::super::spool::Spool;
    use super::*;

    /// A small linear congruential generator: the same ranges on every run.
    struct Lcg(u64);

    impl Lcg {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn bytes(&mut self, size_bytes: usize) -> Bytes {
            (0..size_bytes).map(|_| self.below(256) as u8).collect()
        }
    }

    fn spooled(bytes: &Bytes) -> Content {
        let spool = Spool::new().unwrap();
        let chunks = bytes.chunks(CHUNK_BYTES as usize).map(|chunk| {
            let other = spool.append(b"of another body").unwrap();
            drop(other);
            Chunk::spooled(spool.append(chunk).unwrap(), chunk)
        });
        Content::chunked(chunks.collect(), bytes.len() as u64)
    }

    #[test]
    fn a_range_of_any_blob_has_the_bytes_and_crcs_of_that_range() {
        let mut lcg = Lcg(7);
        let real = lcg.bytes(3 * CHUNK_BYTES as usize + 12_345);
        let block = lcg.bytes(70_001);
        let virtual_size = 2_000_003;
        let repeated: Bytes = block.iter().copied().cycle().take(virtual_size).collect();
        let contents = [
            (Content::bytes(real.clone()), real.clone()),
            (spooled(&real), real.clone()),
            (
                Content::repeat(block.clone(), virtual_size as u64),
                repeated,
            ),
        ];
        for (content, bytes) in &contents {
            for _ in 0..25 {
                let start = lcg.below(bytes.len() as u64);
                let end = start + lcg.below(bytes.len() as u64 - start + 1);
                let slice = content.slice(start..end);
                let expected = bytes.slice(start as usize..end as usize);
                assert_eq!(slice.to_bytes().unwrap(), expected);
                for crc in Crc::ALL {
                    assert_eq!(
                        slice.crc(crc).unwrap(),
                        crc.of(&expected),
                        "{crc:?} {start}..{end}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_content_cut_into_parts_and_joined_again_is_one_extent() {
        let whole = Content::repeat(Bytes::from_static(b"0123456789"), 1_000_000);
        let parts: Vec<Content> = (0..10)
            .map(|n| whole.slice(n * 100_000..(n + 1) * 100_000))
            .collect();
        let joined = Content::concatenate(&parts);
        assert_eq!(joined.extents.len(), 1);
        assert_eq!(joined.len(), 1_000_000);
        assert_eq!(
            joined.crc(Crc::Crc64Nvme).unwrap(),
            whole.crc(Crc::Crc64Nvme).unwrap()
        );
    }

    #[test]
    fn different_contents_joined_read_one_after_the_other() {
        let parts = [
            Content::bytes(Bytes::from_static(b"left ")),
            Content::bytes(Bytes::new()),
            Content::repeat(Bytes::from_static(b"ab"), 5),
        ];
        let joined = Content::concatenate(&parts);
        assert_eq!(joined.to_bytes().unwrap(), "left ababa");
        assert_eq!(
            joined.crc(Crc::Crc32C).unwrap(),
            Crc::Crc32C.of(b"left ababa")
        );
        assert_eq!(joined.slice(3..7).to_bytes().unwrap(), "t ab");
        assert!(joined.slice(10..99).is_empty());
    }

    #[test]
    fn fifty_terabytes_cost_nothing() {
        let size_bytes = 50_000_000_000_000;
        let content = Content::repeat(vec![7; 1024 * 1024].into(), size_bytes);
        let half = size_bytes / 2;
        let (first, second) = (content.slice(0..half), content.slice(half..size_bytes));
        for crc in Crc::ALL {
            let joined = crc.combine(
                first.crc(crc).unwrap(),
                second.crc(crc).unwrap(),
                second.len(),
            );
            assert_eq!(joined, content.crc(crc).unwrap());
        }
    }
}
