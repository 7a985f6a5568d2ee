//! S3 errors that the protocol layer has no name for, and those told in more than one place.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

/// A 400 with a code of S3's own.
pub(super) fn bad_request(code: &'static str, message: &'static str) -> S3Error {
    custom(code, StatusCode::BAD_REQUEST, message)
}

/// An error with a code of S3's own.
pub(super) fn custom(code: &'static str, status: StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

pub(super) fn not_implemented(what: &str) -> S3Error {
    s3_error!(
        NotImplemented,
        "A header or parameter you provided implies functionality that is not implemented: {what}"
    )
}

pub(super) fn slow_down() -> S3Error {
    s3_error!(SlowDown, "Please reduce your request rate.")
}

pub(super) fn malformed_xml() -> S3Error {
    s3_error!(
        MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema"
    )
}
