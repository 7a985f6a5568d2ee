//! S3, SNS, SQS and Lambda on one machine, behind one loopback port.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod body;
pub mod cloudformation;
mod cloudwatch;
mod draw;
pub mod faults;
pub mod iam;
mod keys;
pub mod lambda;
mod listen;
mod origin;
mod overview;
mod requests;
mod router;
pub mod s3;
mod scope;
mod server;
pub mod sns;
pub mod sqs;
pub mod timing;
mod trace;
mod xml;

pub use requests::Requests;
pub use server::{Options, Sandbox};
