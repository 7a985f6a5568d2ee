//! The way to the annotations: the protocol layer does not know the `annotation` sub-resource.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use s3s::path::{S3Path, parse_path_style};
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::access::Access;
use super::annotations::{self, Asked};
use super::asking::Asking;
use super::encoding::form_decode;
use super::faulty::Fault;
use super::payer::Charged;
use super::store::Store;
use crate::origin::Origin;
use crate::timing::Arrival;

pub(super) struct AnnotationRoute {
    pub(super) store: Arc<Store>,
    pub(super) access: Access,
}

#[async_trait::async_trait]
impl S3Route for AnnotationRoute {
    fn is_match(&self, method: &Method, uri: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        operation(method, uri).is_some()
    }

    async fn check_access(&self, request: &mut S3Request<Body>) -> S3Result<()> {
        let operation = operation(&request.method, &request.uri).ok_or_else(not_routed)?;
        let (bucket, key) = object(&request.uri).ok_or_else(not_routed)?;
        let asking = Asking {
            operation,
            is_signed: request.credentials.is_some(),
            bucket: Some(&bucket),
            key: Some(&key),
            headers: &request.headers,
            uri: &request.uri,
        };
        let arrival = request.extensions.get::<Arrival>();
        let fault = request.extensions.get::<Fault>();
        let origin = request.extensions.get::<Origin>();
        let charged = self.access.admit(&asking, arrival, fault, origin)?;
        request.extensions.insert(charged);
        Ok(())
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let asked = asked(&request.uri)?;
        let charged = Charged::tell(&request.extensions);
        let mut response = match operation(&request.method, &request.uri) {
            Some("PutObjectAnnotation") => annotations::put(&self.store, &asked, request).await,
            Some("GetObjectAnnotation") => annotations::get(&self.store, &asked, request).await,
            Some("ListObjectAnnotations") => annotations::list(&self.store, &asked).await,
            Some("DeleteObjectAnnotation") => {
                annotations::delete(&self.store, &asked, request).await
            }
            _ => Err(not_routed()),
        }?;
        response.headers.extend(charged);
        Ok(response)
    }
}

/// The operation on annotations a request is, if it is one.
fn operation(method: &Method, uri: &Uri) -> Option<&'static str> {
    let parameters = parameters(uri);
    let has = |name: &str| parameters.iter().any(|(known, _)| known == name);
    if !has("annotation") || object(uri).is_none() {
        return None;
    }
    match *method {
        Method::PUT => Some("PutObjectAnnotation"),
        Method::GET if has("annotationName") => Some("GetObjectAnnotation"),
        Method::GET => Some("ListObjectAnnotations"),
        Method::DELETE => Some("DeleteObjectAnnotation"),
        _ => None,
    }
}

fn asked(uri: &Uri) -> S3Result<Asked> {
    let (bucket, key) = object(uri).ok_or_else(not_routed)?;
    let mut decoded = HashMap::new();
    for (name, value) in parameters(uri) {
        let value = form_decode(value)
            .ok_or_else(|| s3_error!(InvalidArgument, "The value of {name} is not UTF-8."))?;
        decoded.insert(name, value);
    }
    Ok(Asked {
        bucket,
        key,
        parameters: decoded,
    })
}

fn object(uri: &Uri) -> Option<(String, String)> {
    let path = percent_decode_str(uri.path()).decode_utf8().ok()?;
    match parse_path_style(&path).ok()? {
        S3Path::Object { bucket, key } => Some((bucket.into(), key.into())),
        S3Path::Root | S3Path::Bucket { .. } => None,
    }
}

/// Names are decoded, values not.
fn parameters(uri: &Uri) -> Vec<(String, &str)> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| {
            (
                percent_decode_str(name).decode_utf8_lossy().into_owned(),
                value,
            )
        })
        .collect()
}

fn not_routed() -> s3s::S3Error {
    s3_error!(
        InternalError,
        "a request that is not about annotations came this way"
    )
}
