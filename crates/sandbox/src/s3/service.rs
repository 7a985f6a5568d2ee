//! The table of S3's operations, as the protocol layer calls them.

use std::sync::Arc;

use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, dto};

use super::access::Access;
use super::annotation_route::AnnotationRoute;
use super::payer::Charged;
use super::store::Store;
use super::{
    buckets, completion, copies, deletes, lists, objects, part_lists, parts, payer, tagging,
    version_lists,
};
use crate::Requests;
use crate::keys::Keys;

/// S3 over HTTP for requests signed with these credentials, path-style only.
pub fn service(
    store: Arc<Store>,
    access_key: &str,
    secret_key: &str,
    requests: Arc<Requests>,
) -> S3Service {
    let access = Access::new(store.clone(), requests);
    let mut builder = S3ServiceBuilder::new(Operations {
        store: store.clone(),
    });
    builder.set_auth(Keys::new(access_key, secret_key));
    builder.set_access(access.clone());
    builder.set_route(AnnotationRoute { store, access });
    builder.build()
}

struct Operations {
    store: Arc<Store>,
}

macro_rules! operations {
    ($($operation:ident: $Input:ident => $Output:ident = $function:path;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(
                async fn $operation(&self, request: S3Request<dto::$Input>) -> S3Result<S3Response<dto::$Output>> {
                    let charged = Charged::tell(&request.extensions);
                    let mut response = $function(&self.store, request).await?;
                    response.headers.extend(charged);
                    Ok(response)
                }
            )*
        }
    };
}

operations! {
    create_bucket: CreateBucketInput => CreateBucketOutput = buckets::create;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput = buckets::delete;
    head_bucket: HeadBucketInput => HeadBucketOutput = buckets::head;
    list_buckets: ListBucketsInput => ListBucketsOutput = buckets::list;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput = buckets::location;
    put_bucket_versioning: PutBucketVersioningInput => PutBucketVersioningOutput = buckets::put_versioning;
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput = buckets::get_versioning;
    put_bucket_request_payment: PutBucketRequestPaymentInput => PutBucketRequestPaymentOutput = payer::put;
    get_bucket_request_payment: GetBucketRequestPaymentInput => GetBucketRequestPaymentOutput = payer::get;

    put_object: PutObjectInput => PutObjectOutput = objects::put;
    get_object: GetObjectInput => GetObjectOutput = objects::get;
    head_object: HeadObjectInput => HeadObjectOutput = objects::head;
    copy_object: CopyObjectInput => CopyObjectOutput = copies::copy;
    delete_object: DeleteObjectInput => DeleteObjectOutput = deletes::delete;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput = deletes::delete_several;

    put_object_tagging: PutObjectTaggingInput => PutObjectTaggingOutput = tagging::put;
    get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput = tagging::get;
    delete_object_tagging: DeleteObjectTaggingInput => DeleteObjectTaggingOutput = tagging::delete;

    list_objects: ListObjectsInput => ListObjectsOutput = lists::list;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output = lists::list_v2;
    list_object_versions: ListObjectVersionsInput => ListObjectVersionsOutput = version_lists::list;

    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput = parts::create;
    upload_part: UploadPartInput => UploadPartOutput = parts::upload;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput = copies::copy_part;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput = completion::complete;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput = parts::abort;
    list_parts: ListPartsInput => ListPartsOutput = part_lists::parts;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput = part_lists::uploads;
}
