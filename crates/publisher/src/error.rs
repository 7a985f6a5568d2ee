//! Why a publisher's invocation failed, named for what the reader does about it.

use std::collections::BTreeSet;

use backup::aws::{Cause, chain};
use backup::object::printable;
use lambda_runtime::Diagnostic;

use crate::event::EventError;
use crate::summary::Summary;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// The event asks for nothing the publisher does: correct the event.
    #[error(transparent)]
    InvalidEvent(#[from] EventError),
    /// A bucket could not be listed to its end, the source or, to compare, the destination; what was listed was
    /// published.
    #[error(
        "{} of {} prefixes could not be listed to their end: {}; \
         {} of the {} keys listed were published: mend the reason and invoke again with the same event",
        unlisted_prefixes(.0), .0.prefixes, unlisted(.0), .0.published, .0.wanted()
    )]
    ListFailed(Box<Summary>),
    /// Some messages were not accepted; all others were published.
    #[error(
        "{} of {} messages could not be published, all others were: {}; invoke again with the same event",
        .0.failed, .0.wanted(), failures(.0)
    )]
    PublishFailed(Box<Summary>),
    /// The time of all invocations of the run was up before it was complete.
    #[error(
        "the run is not complete after {continuations} continuations, the most that MAX_CONTINUATIONS allows; {} of \
         the {} keys listed by this invocation were published: invoke again with the event {}",
        .summary.published, .summary.wanted(), resume(.summary)
    )]
    Unfinished {
        /// How often the run was gone on with.
        continuations: u32,
        /// What this invocation did.
        summary: Box<Summary>,
    },
    /// The function could not invoke itself to go on.
    #[error(
        "the time was up, and {function} could not be invoked to go on: {cause}; look whether the function may invoke \
         itself (lambda:InvokeFunction), and invoke it with the event {}",
        resume(.summary)
    )]
    ContinueFailed {
        /// The function.
        function: String,
        /// What this invocation did.
        summary: Box<Summary>,
        /// What Lambda said.
        cause: Cause,
    },
}

/// Whether a run was complete and every message accepted.
///
/// # Errors
/// It was not; the error tells of it.
pub(crate) fn judge(mut summary: Summary) -> Result<Summary, PublisherError> {
    summary.complete = summary.unlisted.is_empty();
    match (summary.complete, summary.failed) {
        (true, 0) => Ok(summary),
        (false, _) => Err(PublisherError::ListFailed(Box::new(summary))),
        (true, _) => Err(PublisherError::PublishFailed(Box::new(summary))),
    }
}

impl PublisherError {
    /// The Lambda error type: stable, so that an alarm or a queue reader can branch on it.
    pub fn error_type(&self) -> &'static str {
        match self {
            PublisherError::InvalidEvent(_) => "InvalidEvent",
            PublisherError::ListFailed(summary) if denied(summary) => "AccessDenied",
            PublisherError::ListFailed(_) => "ListFailed",
            PublisherError::PublishFailed(_) => "PublishFailed",
            PublisherError::Unfinished { .. } => "Unfinished",
            PublisherError::ContinueFailed { .. } => "ContinueFailed",
        }
    }
}

impl From<PublisherError> for Diagnostic {
    fn from(error: PublisherError) -> Diagnostic {
        Diagnostic {
            error_type: error.error_type().to_owned(),
            error_message: chain(&error),
        }
    }
}

/// The event that goes on with the run.
fn resume(summary: &Summary) -> String {
    summary
        .resume
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// How many prefixes were not listed to their end; a long one may have failed in several pieces.
fn unlisted_prefixes(summary: &Summary) -> usize {
    let prefixes = summary.unlisted.iter().map(|error| &error.prefix);
    prefixes.collect::<BTreeSet<_>>().len()
}

/// The first prefix that was not listed to its end, with the reason.
fn unlisted(summary: &Summary) -> String {
    summary
        .unlisted
        .first()
        .map(|error| chain(error))
        .unwrap_or_default()
}

fn denied(summary: &Summary) -> bool {
    summary
        .unlisted
        .first()
        .is_some_and(|unlisted| unlisted.cause.code.as_deref() == Some("AccessDenied"))
}

/// The first failed keys with their reasons.
fn failures(summary: &Summary) -> String {
    let named: Vec<_> = summary
        .failures
        .iter()
        .map(|failure| format!("{} ({})", printable(&failure.key), failure.reason))
        .collect();
    let more = summary.failed as usize - named.len();
    if more == 0 {
        named.join(", ")
    } else {
        format!("{} and {more} more", named.join(", "))
    }
}
