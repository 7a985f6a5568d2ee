//! How an invocation ended, and what Lambda says of the ways that are not the function's answer.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

/// Synchronous requests and responses: 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub(crate) const MAX_SYNC_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// Asynchronous events: 1 MB (same page; 256 KB until 2025).
pub(crate) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// What a caller of Lambda gets for one invocation.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// The function's answer, or the description of the error.
    pub(super) payload: Bytes,
    pub(super) failure: Option<Failure>,
}

/// Why an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The function said so; its environment lives on.
    Function,
    /// The environment was lost; the text is Lambda's error type.
    Environment(&'static str),
    /// The time was up.
    Timeout,
}

impl Failure {
    /// What Lambda appends to the REPORT line.
    pub(super) fn status(&self) -> Option<String> {
        match self {
            Self::Function => None,
            Self::Environment(kind) => Some(format!("error\tError Type: {kind}")),
            Self::Timeout => Some("timeout".to_owned()),
        }
    }
}

impl Outcome {
    pub(super) fn answered(payload: Bytes) -> Self {
        Self {
            payload,
            failure: None,
        }
    }

    /// The function posted this error.
    pub(super) fn failed(payload: Bytes) -> Self {
        Self {
            payload,
            failure: Some(Failure::Function),
        }
    }

    /// The runtime posted this error while it initialised: the environment is of no use.
    pub(super) fn init_failed(payload: Bytes) -> Self {
        Self {
            payload,
            failure: Some(Failure::Environment("Runtime.InitError")),
        }
    }

    /// The process ended without an answer.
    pub(super) fn exited(request_id: &str, status: Option<ExitStatus>) -> Self {
        let what = match status.as_ref().and_then(reason) {
            Some(reason) => format!("Runtime exited with error: {reason}"),
            None => "Runtime exited without providing a reason".to_owned(),
        };
        Self::environment("Runtime.ExitError", request_id, &what)
    }

    /// The process could not be started.
    pub(super) fn not_started(request_id: &str, error: &io::Error) -> Self {
        let what = format!("could not start the runtime: {error}");
        Self::environment("Runtime.InvalidEntrypoint", request_id, &what)
    }

    /// The answer was over the limit of a synchronous response.
    pub(super) fn too_large() -> Self {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({MAX_SYNC_PAYLOAD_BYTES} bytes)."
        );
        Self::failed(description("Function.ResponseSizeTooLarge", &message))
    }

    /// The time was up, and the process has been killed.
    pub(super) fn timed_out(request_id: &str, timeout: Duration) -> Self {
        let what = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
        Self {
            failure: Some(Failure::Timeout),
            ..Self::environment("Sandbox.Timedout", request_id, &what)
        }
    }

    fn environment(kind: &'static str, request_id: &str, what: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: {what}");
        Self {
            payload: description(kind, &message),
            failure: Some(Failure::Environment(kind)),
        }
    }
}

fn description(kind: &str, message: &str) -> Bytes {
    json!({ "errorType": kind, "errorMessage": message })
        .to_string()
        .into()
}

/// The words for an exit status; an exit with 0 has none.
fn reason(status: &ExitStatus) -> Option<String> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(status) {
        return Some(match signal {
            6 => "signal: aborted".to_owned(),
            9 => "signal: killed".to_owned(),
            11 => "signal: segmentation fault".to_owned(),
            15 => "signal: terminated".to_owned(),
            other => format!("signal: {other}"),
        });
    }
    match status.code() {
        Some(0) | None => None,
        Some(code) => Some(format!("exit status {code}")),
    }
}
