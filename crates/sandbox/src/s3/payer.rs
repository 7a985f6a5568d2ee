//! Requester Pays buckets: who pays for requests to a bucket, and who must say that they know.
//!
//! The sandbox has one account. It configures its buckets as their owner; to a Requester Pays bucket's objects it is
//! the requester, for an owner would never meet the rule.

use http::{Extensions, HeaderMap, HeaderValue};
use s3s::dto::{
    GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput, Payer,
    PutBucketRequestPaymentInput, PutBucketRequestPaymentOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::copy_source::CopySource;
use super::error::malformed_xml;
use super::store::Store;

/// Whether the requester pays for a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charged(bool);

impl Charged {
    pub(super) const NO: Self = Self(false);

    /// Looks at the bucket and at the source's of a copy.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html>
    ///
    /// # Errors
    ///
    /// AccessDenied for a requester that would pay and does not say so.
    pub(super) fn check(store: &Store, bucket: &str, headers: &HeaderMap) -> S3Result<Self> {
        let source = headers.get("x-amz-copy-source");
        // What is no source the operation refuses itself.
        let source = source.and_then(|_| CopySource::from_headers(headers).ok());
        let source = source.as_ref().map(|source| source.bucket.as_str());
        let buckets = store.lock();
        let is_charged = [Some(bucket), source]
            .into_iter()
            .flatten()
            .filter_map(|name| buckets.get(name))
            .any(|bucket| bucket.requester_pays);
        match headers.get("x-amz-request-payer") {
            _ if !is_charged => Ok(Self::NO),
            Some(payer) if payer == "requester" => Ok(Self(true)),
            _ => Err(s3_error!(AccessDenied, "Access Denied")),
        }
    }

    /// Says in the answer what the request was found to be.
    pub(super) fn tell(of: &Extensions) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if of.get::<Self>().is_some_and(|charged| charged.0) {
            headers.insert(
                "x-amz-request-charged",
                HeaderValue::from_static("requester"),
            );
        }
        headers
    }
}

pub(super) async fn put(
    store: &Store,
    request: S3Request<PutBucketRequestPaymentInput>,
) -> S3Result<S3Response<PutBucketRequestPaymentOutput>> {
    let configuration = request.input.request_payment_configuration;
    let requester_pays = match configuration.payer.as_str() {
        Payer::REQUESTER => true,
        Payer::BUCKET_OWNER => false,
        _ => return Err(malformed_xml()),
    };
    store.with_bucket(&request.input.bucket, |bucket| {
        bucket.requester_pays = requester_pays;
        Ok(S3Response::new(PutBucketRequestPaymentOutput::default()))
    })
}

pub(super) async fn get(
    store: &Store,
    request: S3Request<GetBucketRequestPaymentInput>,
) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
    let requester_pays =
        store.with_bucket(&request.input.bucket, |bucket| Ok(bucket.requester_pays))?;
    let payer = match requester_pays {
        true => Payer::REQUESTER,
        false => Payer::BUCKET_OWNER,
    };
    Ok(S3Response::new(GetBucketRequestPaymentOutput {
        payer: Some(Payer::from_static(payer)),
    }))
}
