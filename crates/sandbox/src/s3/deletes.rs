//! DeleteObject and DeleteObjects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ObjectIdentifier,
};
use s3s::{S3Request, S3Response, S3Result};

use super::bucket::Deleted;
use super::error::{malformed_xml, not_implemented};
use super::limits::PAGE_MAX;
use super::store::Store;

pub(super) async fn delete(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let input = request.input;
    let id = store.fresh_id();
    let deleted = store.with_bucket(&input.bucket, |bucket| {
        Ok(bucket.delete(&input.key, input.version_id.as_deref(), id))
    })?;
    let output = DeleteObjectOutput {
        delete_marker: deleted.delete_marker.then_some(true),
        version_id: deleted.version_id,
        ..DeleteObjectOutput::default()
    };
    Ok(S3Response::with_status(
        output,
        http::StatusCode::NO_CONTENT,
    ))
}

/// Deletes up to 1,000 keys; one that does not exist is deleted, too.
pub(super) async fn delete_several(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let input = request.input;
    let identifiers = input.delete.objects;
    if identifiers.is_empty() || identifiers.len() > PAGE_MAX as usize {
        return Err(malformed_xml());
    }
    let is_conditional = |object: &ObjectIdentifier| {
        object.e_tag.is_some() || object.size.is_some() || object.last_modified_time.is_some()
    };
    if identifiers.iter().any(is_conditional) {
        return Err(not_implemented("a conditional delete"));
    }
    let deleted: Vec<DeletedObject> = store.with_bucket(&input.bucket, |bucket| {
        let deleted = identifiers.into_iter().map(|object| {
            let deleted =
                bucket.delete(&object.key, object.version_id.as_deref(), store.fresh_id());
            report(object, deleted)
        });
        Ok(deleted.collect())
    })?;
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!input.delete.quiet.unwrap_or(false)).then_some(deleted),
        ..DeleteObjectsOutput::default()
    }))
}

fn report(object: ObjectIdentifier, deleted: Deleted) -> DeletedObject {
    DeletedObject {
        delete_marker: deleted.delete_marker.then_some(true),
        delete_marker_version_id: deleted.version_id.filter(|_| deleted.delete_marker),
        key: Some(object.key),
        version_id: object.version_id,
    }
}
