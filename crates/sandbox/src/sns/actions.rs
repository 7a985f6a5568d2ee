//! What the sandbox's SNS can be asked for.

/// Every action of the sandbox.
pub(crate) const ACTIONS: [&str; 6] = [
    "CreateTopic",
    "ListSubscriptionsByTopic",
    "ListTopics",
    "Publish",
    "PublishBatch",
    "Subscribe",
];
