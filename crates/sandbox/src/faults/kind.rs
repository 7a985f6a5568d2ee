//! The kinds of faults, and what each can befall.

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 503 SlowDown; the request does not take effect.
    SlowDown,
    /// 500; the request does not take effect.
    InternalError,
    /// 500, although the request took effect.
    ErrorAfter,
    /// 403; the request does not take effect.
    AccessDenied,
    /// The connection is closed without an answer, before the request takes effect.
    ResetBefore,
    /// The connection is closed without an answer, after the request took effect.
    ResetAfter,
    /// No answer until the client goes away; the request does not take effect.
    Stall,
    /// 200 with an error in its body; the request does not take effect.
    ErrorIn200,
    /// 200 without a body; the request does not take effect.
    Empty200,
    /// An entry of a batch fails; the answer is 200.
    EntryFailed,
    /// A message is delivered twice, the second time a little later.
    Duplicate,
    /// A message is held back, so that others overtake it.
    Delay,
    /// The process of an invocation is killed.
    Kill,
    /// The time of an invocation is up early.
    Timeout,
    /// The source of a copy is overwritten.
    Overwrite,
    /// The source of a copy is deleted.
    Delete,
}

use Kind::*;

/// Of any request to S3.
pub(super) const S3: &[Kind] = &[
    SlowDown,
    InternalError,
    AccessDenied,
    ResetBefore,
    ResetAfter,
    Stall,
];

/// Of the requests whose work takes so long that S3 answers 200 before it is done
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
pub(super) const LONG: &[Kind] = &[
    SlowDown,
    InternalError,
    AccessDenied,
    ResetBefore,
    ResetAfter,
    Stall,
    ErrorIn200,
    Empty200,
];

/// The operations that [`LONG`] is of.
pub(super) const LONG_OPERATIONS: [&str; 3] =
    ["CompleteMultipartUpload", "CopyObject", "UploadPartCopy"];

/// Of any request to SNS.
pub(super) const SNS: &[Kind] = &[InternalError, ErrorAfter, ResetBefore, ResetAfter, Stall];

/// Of a batch of messages.
pub(super) const BATCH: &[Kind] = &[
    InternalError,
    ErrorAfter,
    ResetBefore,
    ResetAfter,
    Stall,
    EntryFailed,
];

/// Of the delivery of a message to a function.
pub(super) const DELIVERY: &[Kind] = &[Duplicate, Delay];

/// Of an invocation.
pub(super) const INVOCATION: &[Kind] = &[Kill, Timeout];

/// Of the source of a copy.
pub(super) const SOURCE: &[Kind] = &[Overwrite, Delete];

impl Kind {
    /// The name in a plan.
    pub(super) fn name(self) -> &'static str {
        match self {
            SlowDown => "slow_down",
            InternalError => "internal_error",
            ErrorAfter => "error_after",
            AccessDenied => "access_denied",
            ResetBefore => "reset_before",
            ResetAfter => "reset_after",
            Stall => "stall",
            ErrorIn200 => "error_in_200",
            Empty200 => "empty_200",
            EntryFailed => "entry_failed",
            Duplicate => "duplicate",
            Delay => "delay",
            Kill => "kill",
            Timeout => "timeout",
            Overwrite => "overwrite",
            Delete => "delete",
        }
    }
}
