//! One unlinked temporary file per store, where uploaded bodies go instead of memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// Appended to only: space is given back when the last object of the store is dropped.
#[derive(Debug)]
pub(super) struct Spool {
    file: Arc<File>,
    end: AtomicU64,
}

impl Spool {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: Arc::new(tempfile::tempfile()?),
            end: AtomicU64::new(0),
        })
    }

    /// Writes bytes at the end and answers where they are.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<Place> {
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, offset)?;
        Ok(Place {
            file: Arc::clone(&self.file),
            offset,
        })
    }
}

/// Where a chunk begins in the spool.
#[derive(Debug)]
pub(super) struct Place {
    file: Arc<File>,
    offset: u64,
}

impl Place {
    /// Reads from the page cache, as a rule: short enough for an async task.
    pub(super) fn read(&self, from: u64, size_bytes: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; size_bytes];
        self.file.read_exact_at(&mut bytes, self.offset + from)?;
        Ok(bytes.into())
    }
}
