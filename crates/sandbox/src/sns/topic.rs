//! A topic: its key and its subscriptions.

use super::Error;

/// A standard topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Topic {
    /// The KMS key its messages are encrypted with, as given.
    pub(super) kms_key_id: Option<String>,
    pub(super) subscriptions: Vec<Subscription>,
}

/// A function that gets every message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) arn: String,
    pub(super) endpoint: String,
    /// The ARN of the queue that gets what the function cannot be handed.
    pub(super) dead_letters: Option<String>,
}

impl Topic {
    pub(super) fn encrypted(kms_key_id: Option<&str>) -> Self {
        Self {
            kms_key_id: kms_key_id.map(str::to_owned),
            subscriptions: Vec::new(),
        }
    }

    /// Refuses to be created again with another key.
    pub(super) fn check_same(&self, kms_key_id: Option<&str>) -> Result<(), Error> {
        if self.kms_key_id.as_deref() == kms_key_id {
            return Ok(());
        }
        let problem = "Attributes Reason: Topic already exists with different attributes";
        Err(Error::InvalidParameter(problem.to_owned()))
    }
}
