//! What a request must and may say: a signature, the bucket's owner, and only headers and parameters that are served.

use std::sync::Arc;

use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Result, s3_error};

use super::asking::Asking;
use super::error::{not_implemented, slow_down};
use super::faulty::Fault;
use super::payer::Charged;
use super::permissions::Permissions;
use super::served::{EVERY_HEADER, EVERY_PARAMETER, Served};
use super::store::Store;
use crate::Requests;
use crate::account::ACCOUNT_ID;
use crate::origin::Origin;
use crate::timing::Arrival;

/// Counts every request and refuses what would otherwise be ignored.
#[derive(Clone)]
pub(super) struct Access {
    store: Arc<Store>,
    requests: Arc<Requests>,
}

impl Access {
    pub(super) fn new(store: Arc<Store>, requests: Arc<Requests>) -> Self {
        Self { store, requests }
    }

    /// # Errors
    ///
    /// AccessDenied, NotImplemented for what would be ignored, SlowDown for what is too much at a time, and faults.
    pub(super) fn admit(
        &self,
        asking: &Asking<'_>,
        arrival: Option<&Arrival>,
        fault: Option<&Fault>,
        origin: Option<&Origin>,
    ) -> S3Result<Charged> {
        let (operation, headers) = (asking.operation, asking.headers);
        self.requests.count("s3", operation);
        if let Some(arrival) = arrival {
            arrival.asks_for(operation);
        }
        if !asking.is_signed {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let served = Served::of(operation).ok_or_else(|| not_implemented(operation))?;
        check_headers(headers, served)?;
        check_parameters(asking.uri, served)?;
        check_owner(headers, "x-amz-expected-bucket-owner")?;
        check_owner(headers, "x-amz-source-expected-bucket-owner")?;
        let charged = match asking.bucket {
            Some(bucket) if served.takes_payer() => Charged::check(&self.store, bucket, headers)?,
            _ => Charged::NO,
        };
        if let Some(Origin {
            role: Some(role), ..
        }) = origin
        {
            for (action, resource) in Permissions::of(&self.store, asking).iter() {
                role.needs("s3", action, resource);
            }
        }
        if arrival.is_some_and(|arrival| !arrival.is_admitted(|| asking.demand())) {
            return Err(slow_down());
        }
        if let Some(fault) = fault {
            fault.befall(asking)?;
        }
        Ok(charged)
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        // Cloned, for the request is borrowed by then.
        let arrival = context.extensions_mut().get::<Arrival>().cloned();
        let fault = context.extensions_mut().get::<Fault>().cloned();
        let origin = context.extensions_mut().get::<Origin>().cloned();
        let asking = Asking {
            operation: context.s3_op().name(),
            is_signed: context.credentials().is_some(),
            bucket: context.s3_path().get_bucket_name(),
            key: context.s3_path().get_object_key(),
            headers: context.headers(),
            uri: context.uri(),
        };
        let charged = self.admit(&asking, arrival.as_ref(), fault.as_ref(), origin.as_ref())?;
        context.extensions_mut().insert(charged);
        Ok(())
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn check_owner(headers: &HeaderMap, header: &str) -> S3Result<()> {
    match headers.get(header) {
        Some(owner) if owner != ACCOUNT_ID => Err(s3_error!(AccessDenied, "Access Denied")),
        _ => Ok(()),
    }
}

fn check_headers(headers: &HeaderMap, served: &Served) -> S3Result<()> {
    for name in headers.keys().map(http::HeaderName::as_str) {
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

fn check_parameters(uri: &Uri, served: &Served) -> S3Result<()> {
    let query = uri.query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let name = percent_decode_str(name).decode_utf8_lossy();
        if !EVERY_PARAMETER.contains(&&*name) && !served.parameters.contains(&&*name) {
            return Err(not_implemented(&name));
        }
    }
    Ok(())
}
