//! What IAM would be asked: the permission of its role that a function's request needs. None is refused here.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::keys::Keys;

/// A permission that a function's request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needed<'a> {
    /// The name of the function whose role must allow it.
    pub function: &'a str,
    /// The service that asks, such as `s3`: for a key of KMS, which `kms:ViaService` compares.
    pub via: &'a str,
    /// The action, such as `s3:GetObject`.
    pub action: &'a str,
    /// The ARN of what it acts on.
    pub resource: &'a str,
}

type Tell = dyn Fn(Needed<'_>) + Send + Sync;

/// The IAM of one sandbox.
pub struct Iam {
    pub(crate) keys: Keys,
    watcher: RwLock<Option<Arc<Tell>>>,
}

impl Iam {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys,
            watcher: RwLock::default(),
        }
    }

    /// Tells of every permission that a function's request to S3, SNS or Lambda needs from now on, before the request
    /// takes effect, and that Lambda needs to send on what a function could not do. Nothing of them is kept here. `tell` must not block.
    pub fn watch(&self, tell: impl Fn(Needed<'_>) + Send + Sync + 'static) {
        let mut watcher = self.watcher.write().unwrap_or_else(PoisonError::into_inner);
        *watcher = Some(Arc::new(tell));
    }

    /// The role of a function; `None` while nobody watches, so that no request is looked at in vain.
    pub(crate) fn role(&self, function: &str) -> Option<Role> {
        let watcher = self.watcher.read().unwrap_or_else(PoisonError::into_inner);
        Some(Role {
            function: function.into(),
            tell: watcher.clone()?,
        })
    }
}

impl fmt::Debug for Iam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iam")
    }
}

/// Whom a request's permissions are asked of.
#[derive(Clone)]
pub(crate) struct Role {
    function: Arc<str>,
    tell: Arc<Tell>,
}

impl Role {
    pub(crate) fn needs(&self, via: &str, action: &str, resource: &str) {
        (self.tell)(Needed {
            function: &self.function,
            via,
            action,
            resource,
        });
    }

    /// What writing to a queue or a topic needs that is encrypted with a key
    /// (<https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html>,
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>).
    pub(crate) fn needs_key(&self, via: &str, key: &str) {
        self.needs(via, "kms:GenerateDataKey", key);
        self.needs(via, "kms:Decrypt", key);
    }
}
