//! Copies one object server-side: head, create, copy parts, complete, verify.

mod annotations;
mod at_once;
pub mod checksum;
pub mod config;
pub mod copy;
pub mod deadline;
pub mod destination;
pub mod error;
pub mod handler;
pub mod head;
pub mod metrics;
mod multipart;
pub mod parts;
pub mod plan;
pub mod policy;
mod resume;
mod slow_down;
pub mod source;
mod upload;
