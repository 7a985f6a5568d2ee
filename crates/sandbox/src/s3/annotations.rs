//! PutObjectAnnotation, GetObjectAnnotation, ListObjectAnnotations and DeleteObjectAnnotation.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use s3s::dto::{StreamingBlob, TimestampFormat};
use s3s::xml::{SerResult, Serializer};
use s3s::{Body, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::annotation::{self, Annotation};
use super::checksum::Algorithm;
use super::error::{custom, precondition_failed};
use super::limits::{ANNOTATION_MAX_BYTES, PAGE_MAX};
use super::lists::{decode_token, encode_token};
use super::object::{Object, now};
use super::receive::Expected;
use super::store::Store;

type Answer = S3Result<S3Response<Body>>;

/// The object a request is about, and its parameters, decoded.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) parameters: HashMap<String, String>,
}

impl Asked {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    fn version_id(&self) -> Option<&str> {
        self.parameter("versionId")
    }

    fn name(&self) -> S3Result<&str> {
        self.parameter("annotationName").ok_or_else(|| {
            s3_error!(
                InvalidRequest,
                "The annotationName parameter must be specified."
            )
        })
    }

    fn find(&self, store: &Store) -> S3Result<(Arc<Object>, Option<String>)> {
        store.with_bucket(&self.bucket, |bucket| {
            bucket.find(&self.key, self.version_id())
        })
    }

    /// Changes the object if it still is the one the request was made for, and answers its version id.
    fn change(
        &self,
        store: &Store,
        headers: &HeaderMap,
        check: impl FnOnce(&Object) -> S3Result<()>,
        change: impl FnOnce(&mut Object),
    ) -> S3Result<Option<String>> {
        store.with_bucket(&self.bucket, |bucket| {
            let (object, _) = bucket.find(&self.key, self.version_id())?;
            check_object_etag(headers, &object)?;
            check(&object)?;
            // Held, it would be copied to be changed.
            drop(object);
            bucket.update(&self.key, self.version_id(), change)
        })
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAnnotation.html>
fn check_object_etag(headers: &HeaderMap, object: &Object) -> S3Result<()> {
    match headers.get("x-amz-object-if-match") {
        Some(etag) if etag.as_bytes() != object.etag_quoted().as_bytes() => {
            Err(precondition_failed())
        }
        _ => Ok(()),
    }
}

pub(super) async fn put(store: &Store, asked: &Asked, request: S3Request<Body>) -> Answer {
    let name = asked.name()?;
    annotation::check_name(name)?;
    let expected = Expected::from_request(&request, ANNOTATION_MAX_BYTES)?;
    let (object, _) = asked.find(store)?;

    let body = StreamingBlob::from(request.input);
    let received = expected.receive(Some(body), &store.spool).await?;
    let annotation = Annotation {
        text: annotation::text(&received.content)?,
        etag: received.etag,
        checksum: match received.checksum {
            Some(checksum) => checksum,
            None => Algorithm::DEFAULT.of(&received.content).await?,
        },
        last_modified: now(),
    };
    let mut answer = xml("PutObjectAnnotationOutput", |xml| {
        xml.content("Key", &asked.key)?;
        xml.content("AnnotationName", name)
    })?;
    let headers = &mut answer.headers;
    set(headers, header::ETAG, &quoted(&annotation.etag))?;
    set_checksum(headers, &annotation)?;
    set_encryption(headers, &object)?;
    let version_id = asked.change(
        store,
        &request.headers,
        |object| annotation::check_room(&object.attributes, &object.annotations, name),
        |object| {
            Arc::make_mut(&mut object.annotations).insert(name.to_owned(), annotation);
        },
    )?;
    set_version(headers, version_id)?;
    Ok(answer)
}

pub(super) async fn get(store: &Store, asked: &Asked, request: S3Request<Body>) -> Answer {
    let (object, version_id) = asked.find(store)?;
    let annotation = object.annotations.get(asked.name()?).ok_or_else(|| {
        custom(
            "NoSuchAnnotation",
            StatusCode::NOT_FOUND,
            "The specified annotation does not exist on this object.",
        )
    })?;
    let mut answer = S3Response::new(Body::from(annotation.text.clone()));
    let headers = &mut answer.headers;
    let mut modified = Vec::new();
    annotation
        .last_modified
        .format(TimestampFormat::HttpDate, &mut modified)
        .map_err(S3Error::internal_error)?;
    set(headers, header::ETAG, &quoted(&annotation.etag))?;
    headers.insert(
        header::LAST_MODIFIED,
        HeaderValue::from_bytes(&modified).map_err(S3Error::internal_error)?,
    );
    if request
        .headers
        .get("x-amz-checksum-mode")
        .is_some_and(|mode| mode == "ENABLED")
    {
        set_checksum(headers, annotation)?;
    }
    set_encryption(headers, &object)?;
    set_version(headers, version_id)?;
    Ok(answer)
}

pub(super) async fn list(store: &Store, asked: &Asked) -> Answer {
    let max = page_size(asked.parameter("max-annotation-results"))?;
    let prefix = asked.parameter("annotation-prefix");
    annotation::check_prefix(prefix.unwrap_or_default())?;
    let token = asked.parameter("continuation-token");
    let after = token.map(decode_token).transpose()?;
    let (object, version_id) = asked.find(store)?;

    let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut following = object
        .annotations
        .range::<str, _>((start, Bound::Unbounded))
        .filter(|(name, _)| name.starts_with(prefix.unwrap_or_default()));
    let page: Vec<_> = following.by_ref().take(max).collect();
    let last = page.last().filter(|_| following.next().is_some());
    let mut answer = xml("ListObjectAnnotationsOutput", |xml| {
        xml.element("Annotations", |xml| {
            page.iter()
                .try_for_each(|(name, annotation)| entry(xml, name, annotation))
        })?;
        xml.content("Bucket", &asked.bucket)?;
        xml.content("Key", &asked.key)?;
        if let Some(prefix) = prefix {
            xml.content("AnnotationPrefix", prefix)?;
        }
        xml.content("MaxAnnotationResults", &(max as i64))?;
        xml.content("AnnotationCount", &(page.len() as i64))?;
        if let Some(token) = token {
            xml.content("ContinuationToken", token)?;
        }
        if let Some((name, _)) = last {
            xml.content("NextContinuationToken", &encode_token(name))?;
        }
        Ok(())
    })?;
    set_version(&mut answer.headers, version_id)?;
    Ok(answer)
}

fn entry(xml: &mut Serializer<&mut Vec<u8>>, name: &str, annotation: &Annotation) -> SerResult {
    xml.element("AnnotationEntry", |xml| {
        xml.content("AnnotationName", name)?;
        xml.timestamp(
            "LastModified",
            &annotation.last_modified,
            TimestampFormat::DateTime,
        )?;
        xml.content("ETag", &quoted(&annotation.etag))?;
        xml.content("ChecksumAlgorithm", annotation.checksum.algorithm.name())?;
        xml.content("Size", &(annotation.text.len() as i64))
    })
}

fn page_size(asked: Option<&str>) -> S3Result<usize> {
    let Some(asked) = asked else {
        return Ok(PAGE_MAX as usize);
    };
    let size = asked.parse::<i32>().ok();
    size.filter(|size| (1..=PAGE_MAX).contains(size))
        .map(|size| size as usize)
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "Argument max-annotation-results must be an integer between 1 and {PAGE_MAX}"
            )
        })
}

/// That there is none of the name is no error, as with an object's deletion.
pub(super) async fn delete(store: &Store, asked: &Asked, request: S3Request<Body>) -> Answer {
    let name = asked.name()?;
    let version_id = asked.change(
        store,
        &request.headers,
        |_| Ok(()),
        |object| {
            Arc::make_mut(&mut object.annotations).remove(name);
        },
    )?;
    let mut answer = S3Response::with_status(Body::empty(), StatusCode::NO_CONTENT);
    set_version(&mut answer.headers, version_id)?;
    Ok(answer)
}

fn xml(root: &str, content: impl FnOnce(&mut Serializer<&mut Vec<u8>>) -> SerResult) -> Answer {
    let mut bytes = Vec::new();
    let mut xml = Serializer::new(&mut bytes);
    xml.decl()
        .and_then(|()| {
            xml.element_with_ns(root, "http://s3.amazonaws.com/doc/2006-03-01/", content)
        })
        .map_err(S3Error::internal_error)?;
    let mut answer = S3Response::new(Body::from(bytes));
    set(&mut answer.headers, header::CONTENT_TYPE, "application/xml")?;
    Ok(answer)
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> S3Result<()> {
    let value = HeaderValue::from_str(value).map_err(S3Error::internal_error)?;
    headers.insert(name, value);
    Ok(())
}

fn set_checksum(headers: &mut HeaderMap, annotation: &Annotation) -> S3Result<()> {
    let checksum = &annotation.checksum;
    let name = HeaderName::from_static(checksum.algorithm.header());
    set(headers, name, &checksum.value)?;
    let kind = checksum.kind.to_dto();
    set(
        headers,
        HeaderName::from_static("x-amz-checksum-type"),
        kind.as_str(),
    )
}

/// An annotation is encrypted as its object is.
fn set_encryption(headers: &mut HeaderMap, object: &Object) -> S3Result<()> {
    let algorithm = object.attributes.encryption.algorithm();
    let name = HeaderName::from_static("x-amz-server-side-encryption");
    algorithm.map_or(Ok(()), |algorithm| set(headers, name, algorithm.as_str()))
}

fn set_version(headers: &mut HeaderMap, version_id: Option<String>) -> S3Result<()> {
    let name = HeaderName::from_static("x-amz-object-version-id");
    version_id.map_or(Ok(()), |id| set(headers, name, &id))
}
