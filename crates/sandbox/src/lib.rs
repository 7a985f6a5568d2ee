//! S3, SNS and Lambda on one machine, behind one loopback port.

pub mod lambda;
mod requests;
pub mod s3;
mod server;
pub mod sns;

pub use requests::Requests;
pub use server::{Options, Sandbox};
