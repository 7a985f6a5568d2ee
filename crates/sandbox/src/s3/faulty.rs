//! What a plan of faults does to requests to S3, and to the objects that are copied.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Response, StatusCode};
use s3s::{S3Result, s3_error};

use super::asking::Asking;
use super::attributes::Attributes;
use super::content::Content;
use super::copy_source::CopySource;
use super::error::slow_down;
use super::limits::OBJECT_MAX_BYTES;
use super::store::Store;
use crate::body::{self, Body};
use crate::draw::Draw;
use crate::faults::{Active, Closed, Faults, Kind};

/// The parameters by which requests for one bucket or key differ, and that are the same in every run.
const SUBJECT_PARAMETERS: [&str; 2] = ["partNumber=", "prefix="];

/// An error that S3 tells after it has answered 200
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
const ERROR_IN_200: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message>\
    <RequestId>656c76696e6727732072657175657374</RequestId><HostId>Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7</HostId></Error>";

/// The fault of one request, if it gets one. It travels with the request to where the operation is known, and tells
/// what has been decided there to where the answer passes.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    faults: Arc<Faults>,
    plan: Arc<Active>,
    store: Arc<Store>,
    kind: Arc<OnceLock<Kind>>,
}

impl Fault {
    /// For a request that comes in; `None` without a plan.
    pub(crate) fn of(faults: &Arc<Faults>, store: &Arc<Store>) -> Option<Self> {
        Some(Self {
            faults: Arc::clone(faults),
            plan: faults.active()?,
            store: Arc::clone(store),
            kind: Arc::default(),
        })
    }

    /// Decides, refuses a request that is not to take effect, and changes the source of a copy that is.
    pub(super) fn befall(&self, asking: &Asking<'_>) -> S3Result<()> {
        let operation = asking.operation;
        let bucket = asking.bucket.unwrap_or_default();
        let subject = match asking.key {
            Some(key) => format!("{bucket}/{key}"),
            None => bucket.to_owned(),
        };
        let query = asking.uri.query().unwrap_or_default();
        let parameters = query
            .split('&')
            .filter(|pair| SUBJECT_PARAMETERS.iter().any(|name| pair.starts_with(name)));
        let parameters: String = parameters.collect();
        if let Some((kind, _)) = self.plan.s3(operation, &format!("{subject} {parameters}")) {
            self.faults.note("s3", kind, operation, &subject);
            // A request is checked once.
            let _ = self.kind.set(kind);
            refuse(kind)?;
        }
        if ["CopyObject", "UploadPartCopy"].contains(&operation) {
            // A source that cannot be read is refused where the copy is made.
            if let Ok(source) = CopySource::from_headers(asking.headers) {
                self.change(&source, operation, &parameters);
            }
        }
        Ok(())
    }

    /// The answer the client gets in place of S3's, which may be none.
    ///
    /// # Errors
    ///
    /// [`Closed`], to close the connection without one.
    pub(crate) async fn answer(&self, response: Response<Body>) -> Result<Response<Body>, Closed> {
        match self.kind.get() {
            Some(Kind::ResetBefore | Kind::ResetAfter) => Err(Closed),
            Some(Kind::Stall) => std::future::pending().await,
            Some(Kind::ErrorIn200) => Ok(xml(ERROR_IN_200)),
            Some(Kind::Empty200) => Ok(xml("")),
            _ => Ok(response),
        }
    }

    fn change(&self, source: &CopySource, operation: &str, parameters: &str) {
        let subject = format!("{}/{}", source.bucket, source.key);
        let asked = format!("{subject} {parameters}");
        let Some((kind, draw)) = self.plan.source(&source.bucket, &asked) else {
            return;
        };
        let changed = match kind {
            Kind::Overwrite => overwrite(&self.store, source, draw),
            _ => delete(&self.store, source),
        };
        // There is nothing to change where there is no source.
        if changed.is_ok() {
            self.faults.note("source", kind, operation, &subject);
        }
    }
}

/// Keeps the request from taking effect, unless the fault comes after that.
fn refuse(kind: Kind) -> S3Result<()> {
    match kind {
        Kind::ResetAfter => Ok(()),
        Kind::SlowDown => Err(slow_down()),
        Kind::AccessDenied => Err(s3_error!(AccessDenied, "Access Denied")),
        _ => Err(s3_error!(
            InternalError,
            "We encountered an internal error. Please try again."
        )),
    }
}

fn xml(body: &'static str) -> Response<Body> {
    body::answer(StatusCode::OK, "application/xml", body)
}

/// Puts an object with other bytes, metadata and tags, as often of the same size as of another.
fn overwrite(store: &Store, source: &CopySource, draw: Draw) -> S3Result<()> {
    let found = store.with_bucket(&source.bucket, |bucket| bucket.find(&source.key, None))?;
    let (size_bytes, attributes) = (found.0.content.len(), &found.0.attributes);
    let how = draw.how();
    let stamp = format!("{:.12}", how);
    let size_bytes = if how < 0.5 {
        size_bytes
    } else {
        // From a half to one and a half of what it was.
        (size_bytes / 2 + (size_bytes as f64 * (how - 0.5) * 2.0) as u64 + 1).min(OBJECT_MAX_BYTES)
    };
    let attributes = Attributes {
        metadata: [("overwritten".to_owned(), stamp.clone())].into(),
        tags: vec![("overwritten".to_owned(), stamp.clone())],
        ..attributes.clone()
    };
    let content = Content::repeat(Bytes::from(stamp), size_bytes);
    store.put(&source.bucket, &source.key, content, attributes)
}

fn delete(store: &Store, source: &CopySource) -> S3Result<()> {
    let id = store.fresh_id();
    store.with_bucket(&source.bucket, |bucket| {
        bucket.find(&source.key, None)?;
        bucket.delete(&source.key, None, id);
        Ok(())
    })
}
