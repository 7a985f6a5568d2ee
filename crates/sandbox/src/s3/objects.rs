//! PutObject, GetObject and HeadObject.

use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::dto::{
    self, ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::annotation::Annotations;
use super::attributes::{attributes_of, set_encryption};
use super::checksum::{Algorithm, set_checksum};
use super::conditions::{ReadConditions, WriteCondition};
use super::limits::PUT_MAX_BYTES;
use super::object::{Object, now};
use super::receive::Expected;
use super::store::Store;

pub(super) async fn put(
    store: &Store,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let expected = Expected::from_request(&request, PUT_MAX_BYTES)?;
    let condition = WriteCondition::from_headers(&request.headers)?;
    let input = &mut request.input;
    let attributes = attributes_of!(input);
    store.with_bucket(&input.bucket, |_| Ok(()))?;

    let received = expected.receive(input.body.take(), &store.spool).await?;
    let checksum = match received.checksum {
        Some(checksum) => checksum,
        None => Algorithm::DEFAULT.of(&received.content).await?,
    };
    let object = Object {
        content: received.content,
        etag: received.etag,
        checksum,
        attributes,
        annotations: Annotations::default(),
        last_modified: now(),
    };
    let mut output = PutObjectOutput {
        e_tag: Some(object.etag_dto()),
        checksum_type: Some(object.checksum.kind.to_dto()),
        ..PutObjectOutput::default()
    };
    set_checksum!(output, &object.checksum);
    set_encryption!(output, &object.attributes.encryption);
    let id = store.fresh_id();
    output.version_id = store.with_bucket(&input.bucket, |bucket| {
        condition.check(bucket.current(&input.key).map(Arc::as_ref))?;
        Ok(bucket.insert(&input.key, object, id))
    })?;
    Ok(S3Response::new(output))
}

/// What a read found, and which of its bytes were asked for.
struct Found {
    object: Arc<Object>,
    version_id: Option<String>,
    range: Option<Range<u64>>,
}

macro_rules! found {
    ($store:expr, $input:expr) => {{
        let (bucket, key) = (&$input.bucket, &$input.key);
        let version_id = $input.version_id.as_deref();
        let (object, version_id) =
            $store.with_bucket(bucket, |bucket| bucket.find(key, version_id))?;
        object.attributes.check_key()?;
        let conditions = ReadConditions {
            if_match: $input.if_match.take(),
            if_none_match: $input.if_none_match.take(),
            if_modified_since: $input.if_modified_since.take(),
            if_unmodified_since: $input.if_unmodified_since.take(),
        };
        conditions.check_read(&object)?;
        let range = satisfied(&object, $input.range.take())?;
        Found {
            object,
            version_id,
            range,
        }
    }};
}

/// Fills what GetObject and HeadObject answer alike.
macro_rules! read_output {
    ($Output:ident, $found:expr, $checksum_mode:expr) => {{
        let found: &Found = $found;
        let attributes = &found.object.attributes;
        let mut output = $Output {
            accept_ranges: Some("bytes".into()),
            cache_control: attributes.cache_control.clone(),
            content_disposition: attributes.content_disposition.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_language: attributes.content_language.clone(),
            content_length: Some(found.size_bytes() as i64),
            content_range: found.content_range(),
            content_type: Some(attributes.content_type_answered()),
            e_tag: Some(found.object.etag_dto()),
            expires: attributes.expires.clone(),
            last_modified: Some(found.object.last_modified.clone()),
            metadata: Some(attributes.metadata.clone()),
            restore: attributes.restore_header(),
            storage_class: attributes.storage_class_header(),
            version_id: found.version_id.clone(),
            website_redirect_location: attributes.website_redirect_location.clone(),
            ..$Output::default()
        };
        set_encryption!(output, &attributes.encryption);
        // A checksum is of the whole object: S3 answers none with a range.
        if $checksum_mode.as_ref().is_some_and(is_enabled) && found.range.is_none() {
            set_checksum!(output, &found.object.checksum);
            output.checksum_type = Some(found.object.checksum.kind.to_dto());
        }
        output
    }};
}

pub(super) async fn get(
    store: &Store,
    mut request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let input = &mut request.input;
    let found = found!(store, input);
    if found.object.attributes.is_archived() {
        return Err(s3_error!(
            InvalidObjectState,
            "The operation is not valid for the object's storage class"
        ));
    }
    let mut output = read_output!(GetObjectOutput, &found, input.checksum_mode);
    let content = match &found.range {
        Some(range) => found.object.content.slice(range.clone()),
        None => found.object.content.clone(),
    };
    output.body = Some(StreamingBlob::wrap(futures::stream::iter(content.chunks())));
    output.tag_count = found.tag_count();
    Ok(S3Response::new(output))
}

pub(super) async fn head(
    store: &Store,
    mut request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = &mut request.input;
    let found = found!(store, input);
    let output = read_output!(HeadObjectOutput, &found, input.checksum_mode);
    let mut response = S3Response::with_headers(output, found.tag_count_header());
    if found.range.is_some() {
        response.status = Some(StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

fn is_enabled(mode: &ChecksumMode) -> bool {
    mode.as_str() == ChecksumMode::ENABLED
}

fn satisfied(object: &Object, range: Option<dto::Range>) -> S3Result<Option<Range<u64>>> {
    let satisfied = range
        .map(|range| range.check(object.content.len()))
        .transpose();
    satisfied.map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))
}

impl Found {
    fn size_bytes(&self) -> u64 {
        self.range
            .as_ref()
            .map_or(self.object.content.len(), |range| range.end - range.start)
    }

    fn content_range(&self) -> Option<String> {
        let Range { start, end } = self.range.as_ref()?;
        // An empty range has no last byte, and S3 satisfies none.
        Some(format!(
            "bytes {start}-{}/{}",
            end.saturating_sub(1),
            self.object.content.len()
        ))
    }

    fn tag_count(&self) -> Option<i32> {
        let count = self.object.attributes.tags.len();
        (count > 0).then_some(count as i32)
    }

    /// The protocol layer has no such field on HeadObject.
    fn tag_count_header(&self) -> HeaderMap {
        let count = self
            .tag_count()
            .map(|count| ("x-amz-tagging-count", HeaderValue::from(count)));
        count
            .into_iter()
            .map(|(name, count)| (http::HeaderName::from_static(name), count))
            .collect()
    }
}
