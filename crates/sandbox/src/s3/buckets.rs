//! Operations on buckets.

use s3s::dto::{
    Bucket, BucketLocationConstraint, BucketVersioningStatus, CreateBucketInput,
    CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput, HeadBucketInput,
    HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner, PutBucketVersioningInput,
    PutBucketVersioningOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::bucket::Versioning;
use super::error::{malformed_xml, no_such_bucket, not_implemented};
use super::store::Store;
use crate::account::ACCOUNT_ID;

/// The region whose buckets have no location constraint.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
const REGION_WITHOUT_CONSTRAINT: &str = "us-east-1";

pub(super) fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some(ACCOUNT_ID.to_owned()),
    }
}

fn constraint(store: &Store) -> Option<BucketLocationConstraint> {
    let region = Some(store.region()).filter(|region| *region != REGION_WITHOUT_CONSTRAINT);
    region.map(|region| BucketLocationConstraint::from(region.to_owned()))
}

pub(super) async fn create(
    store: &Store,
    request: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let input = request.input;
    let asked = match input.create_bucket_configuration {
        Some(configuration)
            if configuration.bucket.is_some() || configuration.location.is_some() =>
        {
            return Err(not_implemented("a directory bucket"));
        }
        configuration => configuration.and_then(|configuration| configuration.location_constraint),
    };
    if asked != constraint(store) {
        let asked = asked
            .as_ref()
            .map_or("unspecified", BucketLocationConstraint::as_str);
        return Err(s3_error!(
            IllegalLocationConstraintException,
            "The {asked} location constraint is incompatible for the region specific endpoint this request was sent to."
        ));
    }
    store.create_bucket(&input.bucket)?;
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(format!("/{}", input.bucket)),
    }))
}

pub(super) async fn delete(
    store: &Store,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let name = request.input.bucket;
    let mut buckets = store.lock();
    if !buckets
        .get(&name)
        .ok_or_else(no_such_bucket)?
        .keys
        .is_empty()
    {
        return Err(s3_error!(
            BucketNotEmpty,
            "The bucket you tried to delete is not empty"
        ));
    }
    buckets.remove(&name);
    Ok(S3Response::with_status(
        DeleteBucketOutput::default(),
        http::StatusCode::NO_CONTENT,
    ))
}

pub(super) async fn head(
    store: &Store,
    request: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    store.with_bucket(&request.input.bucket, |_| Ok(()))?;
    Ok(S3Response::new(HeadBucketOutput {
        bucket_region: Some(store.region().to_owned()),
        ..HeadBucketOutput::default()
    }))
}

pub(super) async fn list(
    store: &Store,
    request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let prefix = request.input.prefix.unwrap_or_default();
    let buckets = store.lock();
    let listed = buckets
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, bucket)| Bucket {
            bucket_region: None,
            creation_date: Some(bucket.created.clone()),
            name: Some(name.clone()),
        });
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(listed.collect()),
        owner: Some(owner()),
        prefix: Some(prefix).filter(|prefix| !prefix.is_empty()),
        ..ListBucketsOutput::default()
    }))
}

pub(super) async fn location(
    store: &Store,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    store.with_bucket(&request.input.bucket, |_| Ok(()))?;
    Ok(S3Response::new(GetBucketLocationOutput {
        location_constraint: constraint(store),
    }))
}

pub(super) async fn put_versioning(
    store: &Store,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    let configuration = request.input.versioning_configuration;
    if configuration.mfa_delete.is_some() {
        return Err(not_implemented("MFA delete"));
    }
    let versioning = match configuration
        .status
        .as_ref()
        .map(BucketVersioningStatus::as_str)
    {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => return Err(malformed_xml()),
    };
    store.with_bucket(&request.input.bucket, |bucket| {
        bucket.versioning = versioning;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    })
}

pub(super) async fn get_versioning(
    store: &Store,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let status = store.with_bucket(&request.input.bucket, |bucket| {
        Ok(match bucket.versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        })
    })?;
    Ok(S3Response::new(GetBucketVersioningOutput {
        mfa_delete: None,
        status: status.map(BucketVersioningStatus::from_static),
    }))
}
