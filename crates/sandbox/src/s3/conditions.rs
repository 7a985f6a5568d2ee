//! Conditional requests: on what is read, on what is copied, and on what is overwritten.

use http::HeaderMap;
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use super::error::{no_such_key, not_implemented, precondition_failed};
use super::object::Object;

/// The four conditions on an object that is read.
#[derive(Debug, Default)]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// # Errors
    ///
    /// 412 PreconditionFailed, or 304 NotModified.
    pub(super) fn check_read(&self, object: &Object) -> S3Result<()> {
        if self.is_other(object) {
            return Err(precondition_failed());
        }
        if self.is_same(object) {
            return Err(s3_error!(NotModified, "Not Modified"));
        }
        Ok(())
    }

    /// # Errors
    ///
    /// PreconditionFailed: a copy knows no 304.
    pub(super) fn check_source(&self, object: &Object) -> S3Result<()> {
        if self.is_other(object) || self.is_same(object) {
            return Err(precondition_failed());
        }
        Ok(())
    }

    /// A matching ETag outweighs a date.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
    fn is_other(&self, object: &Object) -> bool {
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => !matches(condition, object),
            (None, Some(since)) => object.last_modified > *since,
            (None, None) => false,
        }
    }

    fn is_same(&self, object: &Object) -> bool {
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, object),
            (None, Some(since)) => object.last_modified <= *since,
            (None, None) => false,
        }
    }
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    condition
        .as_etag()
        .is_none_or(|etag| etag.value() == object.etag)
}

/// The condition of a write on what is there already.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
#[derive(Debug, Clone)]
pub(super) enum WriteCondition {
    Unconditional,
    IfAbsent,
    IfMatch(String),
}

impl WriteCondition {
    /// # Errors
    ///
    /// NotImplemented for what S3 does not take: both at once, another If-None-Match than `*`, If-Match `*`.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        match (headers.get("if-match"), headers.get("if-none-match")) {
            (None, None) => Ok(Self::Unconditional),
            (None, Some(value)) if value == "*" => Ok(Self::IfAbsent),
            (Some(value), None) if value != "*" => {
                let condition = ETagCondition::parse_http_header(value.as_bytes()).ok();
                let etag = condition.and_then(ETagCondition::into_etag);
                let etag = etag.ok_or_else(|| s3_error!(InvalidArgument, "Invalid If-Match"))?;
                Ok(Self::IfMatch(etag.into_value()))
            }
            _ => Err(not_implemented("this If-Match or If-None-Match")),
        }
    }

    /// # Errors
    ///
    /// PreconditionFailed, or NoSuchKey for If-Match on a key that has no object.
    pub(super) fn check(&self, current: Option<&Object>) -> S3Result<()> {
        match (self, current) {
            (Self::Unconditional, _) | (Self::IfAbsent, None) => Ok(()),
            (Self::IfMatch(_), None) => Err(no_such_key()),
            (Self::IfMatch(etag), Some(object)) if *etag == object.etag => Ok(()),
            (Self::IfAbsent | Self::IfMatch(_), Some(_)) => Err(precondition_failed()),
        }
    }
}
