//! Lists date prefixes of a bucket and publishes one message per key.

pub mod compare;
pub mod config;
pub mod continuation;
pub mod error;
pub mod event;
pub mod filter;
pub mod handler;
pub mod list;
pub mod listing;
pub mod metrics;
pub mod pace;
pub mod pairs;
pub mod progress;
pub mod publish;
pub mod scope;
pub mod split;
pub mod step;
pub mod summary;
pub mod tally;
pub mod topic;
