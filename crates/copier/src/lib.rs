//! Copies one object server-side: head, create, copy parts, complete, verify.

pub mod checksum;
pub mod config;
pub mod copy;
pub mod destination;
pub mod error;
pub mod handler;
pub mod head;
mod multipart;
pub mod parts;
pub mod plan;
pub mod source;
