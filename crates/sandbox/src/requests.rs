//! Counts the requests that reached the sandbox, by service and operation.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Requests so far, by name: `s3:UploadPartCopy`, `sns:PublishBatch`, `lambda:Invoke`.
#[derive(Debug, Default)]
pub struct Requests(Mutex<BTreeMap<String, u64>>);

impl Requests {
    /// Counts one request, whatever its answer will be.
    pub fn count(&self, service: &str, operation: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(format!("{service}:{operation}")).or_default() += 1;
    }

    /// The counts as they stand now.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
