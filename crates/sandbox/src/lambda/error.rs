//! What Lambda's own API refuses, with its codes and status codes.

use http::StatusCode;

/// An invocation or a function the sandbox did not accept. An error of the function itself is a
/// [`Response`](super::Response) with a `function_error`, as in Lambda.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No function of that name, or not that version.
    #[error("Function not found: {0}")]
    NotFound(String),
    /// The function runs at its concurrency already.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is not JSON.
    #[error("Could not parse request body into json: {0}")]
    InvalidPayload(#[source] serde_json::Error),
    /// The payload is over the limit.
    #[error(
        "{actual_bytes} byte payload is too large for the {invocation_type} invocation type (limit {limit_bytes} bytes)"
    )]
    TooLarge {
        /// `RequestResponse` or `Event`.
        invocation_type: &'static str,
        /// The size of the payload.
        actual_bytes: usize,
        /// The most it may be.
        limit_bytes: usize,
    },
    /// The function's configuration breaks a rule.
    #[error("invalid function: {0}")]
    InvalidFunction(&'static str),
    /// A function of that name exists.
    #[error("Function already exist: {0}")]
    AlreadyExists(String),
    /// An execution environment did not come up; the text is Lambda's description of why.
    #[error("an execution environment did not start: {0}")]
    NotStarted(String),
    /// The sandbox is shutting down.
    #[error("the sandbox has stopped")]
    Stopped,
}

impl Error {
    /// Lambda's name for the error, as in the `x-amzn-ErrorType` header
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "ResourceNotFoundException",
            Self::Throttled => "TooManyRequestsException",
            Self::InvalidPayload(_) => "InvalidRequestContentException",
            Self::TooLarge { .. } => "RequestTooLargeException",
            Self::InvalidFunction(_) => "InvalidParameterValueException",
            Self::AlreadyExists(_) => "ResourceConflictException",
            Self::NotStarted(_) | Self::Stopped => "ServiceException",
        }
    }

    /// The status code Lambda answers with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidPayload(_) | Self::InvalidFunction(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AlreadyExists(_) => StatusCode::CONFLICT,
            Self::NotStarted(_) | Self::Stopped => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
