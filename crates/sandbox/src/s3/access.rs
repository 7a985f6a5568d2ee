//! What a request must and may say: a signature, the bucket's owner, and only headers and parameters that are served.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Result, s3_error};

use super::error::not_implemented;
use super::faulty::Fault;
use super::served::{EVERY_HEADER, EVERY_PARAMETER, Served};
use crate::Requests;

/// The account that owns every bucket.
pub const ACCOUNT_ID: &str = "000000000000";

/// Counts every request and refuses what would otherwise be ignored.
pub(super) struct Access {
    requests: Arc<Requests>,
}

impl Access {
    pub(super) fn new(requests: Arc<Requests>) -> Self {
        Self { requests }
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = context.s3_op().name();
        self.requests.count("s3", operation);
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let served = Served::of(operation).ok_or_else(|| not_implemented(operation))?;
        check_headers(context, served)?;
        check_parameters(context, served)?;
        check_owner(context, "x-amz-expected-bucket-owner")?;
        check_owner(context, "x-amz-source-expected-bucket-owner")?;
        match context.extensions_mut().get::<Fault>().cloned() {
            Some(fault) => fault.befall(context),
            None => Ok(()),
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn check_owner(context: &S3AccessContext<'_>, header: &str) -> S3Result<()> {
    match context.headers().get(header) {
        Some(owner) if owner != ACCOUNT_ID => Err(s3_error!(AccessDenied, "Access Denied")),
        _ => Ok(()),
    }
}

fn check_headers(context: &S3AccessContext<'_>, served: &Served) -> S3Result<()> {
    for name in context.headers().keys().map(http::HeaderName::as_str) {
        let has_meaning = name.starts_with("x-amz-") || name.starts_with("if-") || name == "range";
        let is_served = EVERY_HEADER.contains(&name)
            || served.headers.iter().any(|headers| headers.contains(&name))
            || (served.takes_metadata() && name.starts_with("x-amz-meta-"));
        if has_meaning && !is_served {
            return Err(not_implemented(name));
        }
    }
    Ok(())
}

fn check_parameters(context: &S3AccessContext<'_>, served: &Served) -> S3Result<()> {
    let query = context.uri().query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let name = percent_decode_str(name).decode_utf8_lossy();
        if !EVERY_PARAMETER.contains(&&*name) && !served.parameters.contains(&&*name) {
            return Err(not_implemented(&name));
        }
    }
    Ok(())
}
