//! The tags of an object that is there already.

use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput,
    GetObjectTaggingOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::store::Store;
use super::tags;

pub(super) async fn put(
    store: &Store,
    request: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let input = request.input;
    let tags = tags::from_dto(input.tagging.tag_set)?;
    let version_id = store.with_bucket(&input.bucket, |bucket| {
        bucket.update(&input.key, input.version_id.as_deref(), |object| {
            object.attributes.tags = tags
        })
    })?;
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

pub(super) async fn get(
    store: &Store,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let input = request.input;
    let (object, version_id) = store.with_bucket(&input.bucket, |bucket| {
        bucket.find(&input.key, input.version_id.as_deref())
    })?;
    let tag_set = tags::to_dto(&object.attributes.tags);
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set,
        version_id,
    }))
}

pub(super) async fn delete(
    store: &Store,
    request: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let input = request.input;
    let version_id = store.with_bucket(&input.bucket, |bucket| {
        bucket.update(&input.key, input.version_id.as_deref(), |object| {
            object.attributes.tags.clear()
        })
    })?;
    Ok(S3Response::with_status(
        DeleteObjectTaggingOutput { version_id },
        http::StatusCode::NO_CONTENT,
    ))
}
