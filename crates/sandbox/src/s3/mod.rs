//! Amazon S3: the store and the protocol over it.
//!
//! The protocol (HTTP, XML, SigV4) is the `s3s` crate's. What S3 does is here: every rule a client can rely on, with
//! S3's own error codes, and NotImplemented for every operation, header or parameter that would otherwise be ignored.

mod access;
mod annotation;
mod annotation_route;
mod annotations;
mod asking;
mod attributes;
mod blob;
mod bucket;
mod buckets;
mod checksum;
mod completion;
mod conditions;
mod content;
mod copies;
mod copy_source;
mod crc;
mod deletes;
mod digest;
mod encoding;
mod error;
mod faulty;
mod limits;
mod lists;
mod object;
mod objects;
mod page;
mod part_lists;
mod parts;
mod payer;
mod permissions;
mod receive;
mod served;
mod service;
mod spool;
mod states;
mod store;
mod tagging;
mod tags;
mod upload;
mod version_lists;

pub use crate::account::ACCOUNT_ID;
pub use attributes::{Attributes, Encryption, Kms};
pub use content::{Chunks, Content};
pub use crc::Crc;
pub(crate) use faulty::Fault;
pub use s3s::dto::Timestamp;
pub use s3s::{S3Error, S3Result};
pub(crate) use served::operations;
pub use service::service;
pub use store::Store;
