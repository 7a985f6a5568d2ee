//! How the SDK is set up, and what it says when a call failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::env::{EnvError, Environment};

/// Attempts of one call, the first included: S3 and SNS answer a burst with 503 until they have scaled,
/// and the SDK's three attempts are over in a second.
pub const MAX_ATTEMPTS: u32 = 24;

/// The longest pause between two attempts. What S3 takes of a burst comes through moment by moment, and a call that
/// sleeps longer than that is late when all others are done: with the SDK's 20 s a burst takes twice as long.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// A connection that is not there by then will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an attempt waits for an answer that needs no object data moved, where nothing else is
/// configured. The SDK has no limit of its own.
const ANSWER_TIMEOUT_SECS: u64 = 30;

/// `ANSWER_TIMEOUT_SECS`: how long an attempt waits for an answer that needs no object data moved.
///
/// # Errors
/// It is not a whole number of seconds, or out of range.
pub fn answer_timeout(env: &Environment) -> Result<Duration, EnvError> {
    env.number("ANSWER_TIMEOUT_SECS", ANSWER_TIMEOUT_SECS, 1..=300)
        .map(Duration::from_secs)
}

/// The SDK's configuration from the environment, with our retries and timeouts, for a region or the
/// function's own.
pub async fn sdk_config(region: Option<&str>, answer_timeout: Duration) -> SdkConfig {
    let loader = loader(answer_timeout);
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())).load().await,
        None => loader.load().await,
    }
}

/// What loads the SDK's configuration from the environment, with our retries and timeouts.
pub fn loader(answer_timeout: Duration) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_max_backoff(MAX_BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(answer_timeout)
                .build(),
        )
        // It takes a copy's silence for a stalled download and kills it; only CopyObject is exempt
        // (https://github.com/smithy-lang/smithy-rs/issues/4439). Every attempt has a timeout instead.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Whether S3 is asked with the bucket in the path: other servers than S3 have no name per bucket.
pub fn force_path_style(config: &SdkConfig) -> bool {
    config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some()
}

/// What a failed call came to, in one line: the service's own code and words where it answered.
#[derive(Debug)]
pub struct Cause {
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's error code; an answer to HEAD has none.
    pub code: Option<String>,
    /// The SDK would not even send the call: no retry can help.
    pub unsendable: bool,
    text: String,
}

impl Cause {
    /// An answer of success that lacks what it must have.
    pub fn unusable_answer(text: &str) -> Cause {
        Cause {
            status: Some(200),
            code: None,
            unsendable: false,
            text: text.to_owned(),
        }
    }

    /// Whether the service asked to slow down.
    pub fn is_throttle(&self) -> bool {
        is_throttle(self.status, self.code.as_deref())
    }
}

/// Whether an answer of this status and error code asks to slow down.
pub fn is_throttle(status: Option<u16>, code: Option<&str>) -> bool {
    status == Some(429)
        || matches!(
            code,
            Some(
                "SlowDown"
                    | "ServiceUnavailable"
                    | "Throttling"
                    | "ThrottlingException"
                    | "Throttled"
                    | "ThrottledException"
                    | "TooManyRequestsException"
                    | "RequestLimitExceeded"
            )
        )
        || (status == Some(503) && code.is_none())
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

// It has said all that the SDK's own layers below it would repeat, so it names no source.
impl Error for Cause {}

impl<E> From<SdkError<E, HttpResponse>> for Cause
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Cause {
        let service = error.as_service_error();
        let code = service
            .and_then(|service| service.code())
            .map(str::to_owned);
        let text = match (service, error.raw_response()) {
            // An answer of success that the SDK cannot read: it says why, and there is no code.
            (Some(service), Some(response)) if response.status().is_success() && code.is_none() => {
                answer(None, Some(&chain(service)), response)
            }
            (Some(service), Some(response)) => answer(service.code(), service.message(), response),
            _ => chain(&error),
        };
        Cause {
            status: error
                .raw_response()
                .map(|response| response.status().as_u16()),
            code,
            unsendable: matches!(error, SdkError::ConstructionFailure(_)),
            text,
        }
    }
}

/// What the service answered, with the id that AWS support asks for.
fn answer(code: Option<&str>, message: Option<&str>, response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    let said = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) if status == 301 => "the bucket is in another region".to_owned(),
        (None, Some(message)) => message.to_owned(),
        (None, None) => "no error code".to_owned(),
    };
    let headers = response.headers();
    match headers
        .get("x-amz-request-id")
        .or(headers.get("x-amzn-requestid"))
    {
        Some(request_id) => format!("{said} (status {status}, request {request_id})"),
        None => format!("{said} (status {status})"),
    }
}

/// An error and everything that caused it, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut current = error;
    while let Some(source) = current.source() {
        line = format!("{line}: {source}");
        current = source;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    #[derive(Debug, thiserror::Error)]
    #[error("unhandled")]
    struct Answer(ErrorMetadata);

    impl ProvideErrorMetadata for Answer {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn refused(status: u16, code: Option<&str>, message: Option<&str>) -> Cause {
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        if let Some(message) = message {
            metadata = metadata.message(message);
        }
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        SdkError::service_error(Answer(metadata.build()), response).into()
    }

    #[test]
    fn a_cause_is_the_services_own_words() {
        let cause = refused(403, Some("AccessDenied"), Some("no"));
        assert_eq!(chain(&cause), "AccessDenied: no (status 403)");
        assert_eq!(
            chain(&refused(301, None, None)),
            "the bucket is in another region (status 301)"
        );
        assert_eq!(
            chain(&refused(404, None, None)),
            "no error code (status 404)"
        );
    }

    #[test]
    fn an_answer_of_success_that_cannot_be_read_is_told_with_its_reason() {
        assert_eq!(chain(&refused(200, None, None)), "unhandled (status 200)");
        let failed_late = refused(200, Some("InternalError"), Some("try again"));
        assert_eq!(chain(&failed_late), "InternalError: try again (status 200)");
    }

    #[test]
    fn a_cause_names_the_request_where_the_answer_does() {
        let mut response = HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::empty());
        response
            .headers_mut()
            .insert("x-amz-request-id", "4442587FB7D0A2F9");
        assert_eq!(
            super::answer(Some("AccessDenied"), Some("no"), &response),
            "AccessDenied: no (status 403, request 4442587FB7D0A2F9)"
        );
    }

    #[test]
    fn knows_a_request_to_slow_down_from_a_refusal() {
        assert!(refused(503, Some("SlowDown"), None).is_throttle());
        assert!(refused(503, None, None).is_throttle());
        assert!(refused(400, Some("Throttled"), None).is_throttle());
        assert!(!refused(403, Some("AccessDenied"), None).is_throttle());
        assert!(!refused(500, Some("InternalError"), None).is_throttle());
    }

    #[test]
    fn a_call_without_an_answer_is_told_with_its_causes() {
        let error: SdkError<Answer, HttpResponse> = SdkError::timeout_error("no answer in 30 s");
        assert!(chain(&Cause::from(error)).ends_with("no answer in 30 s"));
    }
}
