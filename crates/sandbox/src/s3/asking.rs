//! What a request says of itself before its operation sees it, whichever way it comes in.

use http::{HeaderMap, Uri};

use super::copy_source::CopySource;
use crate::timing::{Demand, prefix_of};

/// Operations that read begin so; all others write.
const READING: [&str; 3] = ["Get", "Head", "List"];

/// A request, as far as its admission looks at it.
pub(super) struct Asking<'a> {
    pub(super) operation: &'a str,
    pub(super) is_signed: bool,
    pub(super) bucket: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) uri: &'a Uri,
}

impl Asking<'_> {
    /// The prefixes that the request reads from and writes to: one about a bucket has none.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>
    pub(super) fn demand(&self) -> Demand {
        let (Some(bucket), Some(key)) = (self.bucket, self.key) else {
            return Demand::default();
        };
        let prefix = Some(prefix_of(bucket, key));
        if READING.iter().any(|verb| self.operation.starts_with(verb)) {
            return Demand {
                read: prefix,
                written: None,
            };
        }
        Demand {
            read: self.source_prefix(),
            written: prefix,
        }
    }

    fn source_prefix(&self) -> Option<String> {
        self.headers.get("x-amz-copy-source")?;
        // What is no source the operation refuses itself.
        let source = CopySource::from_headers(self.headers).ok()?;
        Some(prefix_of(&source.bucket, &source.key))
    }
}
