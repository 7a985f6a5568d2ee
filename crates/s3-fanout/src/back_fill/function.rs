//! The deployed publisher: what it is configured to back up, and its invocations.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::primitives::Blob;
use backup::aws::Cause;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::place;
use crate::buckets::BucketArgs;

/// How much later than the function the answer may end.
const ANSWER_AFTER: Duration = Duration::from_secs(30);

/// The deployed publisher.
#[derive(Debug)]
pub struct Publisher {
    client: Client,
    name: String,
    /// The buckets it is configured with.
    pub buckets: BucketArgs,
    /// How a day becomes a prefix there.
    pub prefix_format: String,
    timeout: Duration,
}

/// What one invocation answers, as far as it is told here.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
pub struct Published {
    /// Objects listed.
    pub listed: u64,
    /// Those whose copies were there.
    pub unchanged: u64,
    /// Those that must be restored before they can be copied.
    pub archived: u64,
    /// Messages accepted by SNS.
    pub published: u64,
    /// The event that goes on with the run, where the function's time was up.
    #[serde(skip_serializing)]
    pub resume: Option<Value>,
}

impl Publisher {
    /// Looks the function up.
    ///
    /// # Errors
    /// There is no such function, or it is not the publisher.
    pub async fn find(sdk: &SdkConfig, name: &str) -> Result<Publisher> {
        let client = Client::new(sdk);
        let found = client.get_function_configuration().function_name(name);
        let found = found.send().await.map_err(|error| {
            let cause = Cause::from(error);
            let place = place(sdk);
            match cause.status {
                Some(404) => anyhow!(
                    "there is no function {name:?} {place}: --function takes the stack's output \
                     PublisherFunctionName; correct it, or the --region and --profile"
                ),
                Some(403) => anyhow!(
                    "these credentials may not look at the function {name:?} (lambda:GetFunctionConfiguration): {cause}"
                ),
                _ => anyhow!("the function {name:?} cannot be looked at: {cause}"),
            }
        })?;
        let timeout = found.timeout().and_then(|secs| u64::try_from(secs).ok());
        Ok(Publisher {
            client,
            name: name.to_owned(),
            buckets: buckets(&found).with_context(|| format!("{name} is not the publisher"))?,
            prefix_format: variable(&found, "PREFIX_FORMAT")
                .unwrap_or("%Y-%m-%d/")
                .to_owned(),
            timeout: Duration::from_secs(timeout.context("the function has no timeout")?),
        })
    }

    /// Invokes it and waits for its answer.
    ///
    /// # Errors
    /// It could not be invoked, or failed.
    pub async fn invoke(&self, event: &Value) -> Result<Published> {
        // Once only, and as long as it runs: an invocation that is lost from sight goes on.
        let once = aws_sdk_lambda::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(self.timeout + ANSWER_AFTER)
                    .build(),
            );
        let invoke = self.client.invoke().function_name(&self.name);
        let answer = invoke
            .payload(Blob::new(event.to_string()))
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(Cause::from);
        let answer =
            answer.with_context(|| format!("{} could not be invoked with {event}", self.name))?;
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        if answer.function_error().is_some() {
            bail!("{} failed: {}", self.name, failure(payload));
        }
        serde_json::from_slice(payload)
            .with_context(|| format!("{} answers what no publisher does", self.name))
    }
}

/// What the function's environment says of the buckets.
fn buckets(function: &GetFunctionConfigurationOutput) -> Result<BucketArgs> {
    let owned = |name| variable(function, name).map(str::to_owned);
    let required = |name| owned(name).with_context(|| format!("it has no variable {name}"));
    // The copier has buckets, too.
    required("TOPIC_ARN")?;
    Ok(BucketArgs {
        source: required("SOURCE_BUCKET")?,
        dest: required("DEST_BUCKET")?,
        dest_prefix: owned("DEST_PREFIX").unwrap_or_default(),
        source_bucket_owner: owned("SOURCE_BUCKET_OWNER"),
        dest_bucket_owner: owned("DEST_BUCKET_OWNER"),
        requester_pays: variable(function, "REQUEST_PAYER").is_some(),
    })
}

fn variable<'a>(function: &'a GetFunctionConfigurationOutput, name: &str) -> Option<&'a str> {
    let value = function.environment()?.variables()?.get(name)?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

/// The error that a function's answer tells of.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
fn failure(payload: &[u8]) -> String {
    let answer: Option<Value> = serde_json::from_slice(payload).ok();
    let text = |name: &str| Some(answer.as_ref()?.get(name)?.as_str()?.to_owned());
    match (text("errorType"), text("errorMessage")) {
        (Some(error_type), Some(message)) => format!("{error_type}: {message}"),
        _ => String::from_utf8_lossy(payload).into_owned(),
    }
}
