//! Who is told of every message that SNS accepts.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A message that SNS has accepted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Accepted<'a> {
    /// The topic it was published to.
    pub topic_arn: &'a str,
    /// Its text.
    pub message: &'a str,
    /// The moment.
    pub at: Instant,
}

type Tell = dyn Fn(Accepted<'_>) + Send + Sync;

/// The one that is told.
#[derive(Clone)]
pub(super) struct Watcher(Arc<Tell>);

impl Watcher {
    pub(super) fn new(tell: impl Fn(Accepted<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, topic_arn: &str, message: &str) {
        (self.0)(Accepted {
            topic_arn,
            message,
            at: Instant::now(),
        });
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}
