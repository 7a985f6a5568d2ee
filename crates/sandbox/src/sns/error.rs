//! What SNS refuses, with its own codes.

use http::StatusCode;

/// A request SNS did not accept
/// (<https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html#API_PublishBatch_Errors>).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter breaks a rule, or asks for what the sandbox does not offer.
    #[error("Invalid parameter: {0}")]
    InvalidParameter(String),
    /// A message attribute breaks a rule.
    #[error("{0}")]
    InvalidAttribute(String),
    /// There is no such topic.
    #[error("Topic does not exist")]
    NotFound,
    /// A batch without entries.
    #[error("The batch request doesn't contain any entries.")]
    EmptyBatch,
    /// A batch of more than ten entries.
    #[error("The batch request contains more entries than permissible.")]
    TooManyEntries,
    /// A batch over 262,144 bytes.
    #[error("The length of all the messages put together is more than the limit.")]
    BatchTooLong,
    /// Two entries of a batch have the same id.
    #[error("Two or more batch entries in the request have the same Id.")]
    IdsNotDistinct,
    /// An entry's id is not 1 to 80 letters, digits, hyphens and underscores.
    #[error("The Id of a batch entry in a batch request doesn't abide by the specification.")]
    InvalidEntryId,
    /// The action is not one of the sandbox's.
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(String),
    /// The messages do not fit into the quota. SNS answers as all of AWS's query services do, though its reference
    /// does not say so (<https://repost.aws/knowledge-center/sns-throttling-exception-errors>).
    #[error("Rate exceeded")]
    Throttled,
    /// SNS failed, through no fault of the request.
    #[error("An internal service error occurred")]
    Internal,
    /// The body is not a form, or not UTF-8, or far too long.
    #[error("The request body is not valid: {0}")]
    Malformed(&'static str),
}

impl Error {
    /// SNS's name for the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidParameter(_) => "InvalidParameter",
            Self::InvalidAttribute(_) => "ParameterValueInvalid",
            Self::NotFound => "NotFound",
            Self::EmptyBatch => "EmptyBatchRequest",
            Self::TooManyEntries => "TooManyEntriesInBatchRequest",
            Self::BatchTooLong => "BatchRequestTooLong",
            Self::IdsNotDistinct => "BatchEntryIdsNotDistinct",
            Self::InvalidEntryId => "InvalidBatchEntryId",
            Self::InvalidAction(_) => "InvalidAction",
            Self::Throttled => "Throttling",
            Self::Internal => "InternalError",
            Self::Malformed(_) => "MalformedQueryString",
        }
    }

    /// The status code SNS answers with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
