//! Amazon SNS: topics and their Lambda subscriptions.
