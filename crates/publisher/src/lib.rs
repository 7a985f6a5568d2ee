//! Lists date prefixes of a bucket and publishes one message per key.

pub mod config;
pub mod error;
pub mod event;
pub mod filter;
pub mod handler;
pub mod list;
pub mod publish;
pub mod summary;
pub mod topic;
