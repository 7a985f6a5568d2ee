//! One invocation of the copier: an SNS event in, one copy per record.

use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sns::{SnsEvent, SnsMessage};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryPartition, TokenBucket};
use backup::aws::{self, SdkConfig, chain};
use backup::deadline::Deadline;
use backup::env::Environment;
use backup::message::{self, Message, Request};
use backup::object::printable;
use backup::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{Instrument, error, info, info_span, warn};

use crate::config::Config;
use crate::copy::{Action, Copier, Outcome};
use crate::error::CopyError;

/// Retries of one part that the process can pay for at once: eight attempts, and a throttled retry takes
/// 5 permits of the SDK's bucket. Its own bucket of 500 would be empty after 100 throttled retries.
const PERMITS_PER_PART: usize = 8 * 5;

/// Sets the function up and serves invocations until Lambda ends the environment.
///
/// # Errors
/// The configuration is wrong, or the Runtime API does not answer.
pub async fn serve() -> Result<(), Error> {
    let environment = Environment::process();
    telemetry::init(&environment);
    let copier = &Copier::new(Config::from_env(&environment)?).await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let time_left = event
            .context
            .deadline()
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        copier
            .handle(event.payload, &event.context.request_id, time_left)
            .await
    }))
    .await
}

impl Copier {
    /// Builds the clients from the environment.
    pub async fn new(config: Config) -> Copier {
        let destination = aws::sdk_config(None, config.answer_timeout).await;
        let source = match &config.source_region {
            Some(region) => aws::sdk_config(Some(region), config.answer_timeout).await,
            None => destination.clone(),
        };
        Copier::over(&source, &destination, config, 1)
    }

    /// Builds the clients, one for the source bucket's region and one for the destination's, for so many copies at
    /// the same time.
    pub fn over(
        source: &SdkConfig,
        destination: &SdkConfig,
        config: Config,
        copies: usize,
    ) -> Copier {
        let permits = 500.max(copies * config.parts_in_flight * PERMITS_PER_PART);
        let retries = RetryPartition::custom("copier")
            .token_bucket(TokenBucket::new(permits))
            .build();
        let client = |sdk: &SdkConfig| {
            let s3 = aws_sdk_s3::config::Builder::from(sdk)
                .force_path_style(aws::force_path_style(sdk))
                .retry_partition(retries.clone());
            Client::from_conf(s3.build())
        };
        Copier {
            source: client(source),
            destination: client(destination),
            config,
        }
    }

    /// Copies the object of every record of an SNS event.
    ///
    /// # Errors
    /// The event is no SNS event, or a record failed; all others were tried.
    pub async fn handle(
        &self,
        event: Value,
        request_id: &str,
        time_left: Duration,
    ) -> Result<Value, CopyError> {
        let deadline = Deadline::within(time_left, self.config.deadline_margin);
        let event: SnsEvent =
            serde_json::from_value(event).map_err(|error| CopyError::InvalidEvent(Some(error)))?;
        let records = event.records.len();
        let mut failures = Vec::new();
        for record in event.records {
            let span = info_span!(
                "copy",
                request_id,
                run = tracing::field::Empty,
                source.bucket = self.config.source_bucket,
                source.key = tracing::field::Empty
            );
            // Boxed: the future of a copy is large, and its type deep.
            if let Err(failure) = Box::pin(self.handle_record(&record.sns, deadline))
                .instrument(span)
                .await
            {
                failures.push(failure);
            }
        }
        let failed = failures.len();
        match failures.into_iter().next() {
            Some(only) if records == 1 => Err(only),
            Some(first) => Err(CopyError::Several {
                failed,
                records,
                first: Box::new(first),
            }),
            None if records == 0 => Err(CopyError::InvalidEvent(None)),
            None => Ok(json!({ "records": records })),
        }
    }

    /// Copies the object of one record and logs what became of it.
    async fn handle_record(&self, sns: &SnsMessage, deadline: Deadline) -> Result<(), CopyError> {
        let started = Instant::now();
        let result = self.copy_requested(sns, deadline).await;
        let elapsed_ms = started.elapsed().as_millis() as u64;
        match &result {
            Ok(outcome) => log_outcome(outcome, elapsed_ms),
            Err(failure) => {
                error!(
                    outcome = "failed",
                    error_type = failure.error_type(),
                    elapsed_ms,
                    "{}",
                    chain(failure)
                );
            }
        }
        result.map(|_| ())
    }

    async fn copy_requested(
        &self,
        sns: &SnsMessage,
        deadline: Deadline,
    ) -> Result<Outcome, CopyError> {
        let request =
            message::decode(&sns.message).map_err(|source| CopyError::InvalidMessage {
                message_id: sns.message_id.clone(),
                source,
            })?;
        let span = tracing::Span::current();
        let Message { run, object } = match request {
            Request::Key(key) => {
                span.record("source.key", printable(&key));
                return self.copy_until(&key, deadline).await;
            }
            Request::Message(message) => message,
        };
        span.record("run", run);
        span.record("source.key", printable(&object.key));
        if object.bucket != self.config.source_bucket {
            let configured = self.config.source_bucket.clone();
            return Err(CopyError::ForeignBucket {
                given: object.bucket,
                configured,
            });
        }
        let outcome = self.copy_until(&object.key, deadline).await?;
        if object
            .etag
            .is_some_and(|listed| listed != outcome.source_etag)
        {
            warn!("the source was changed after it was listed and was copied as it is now");
        }
        Ok(outcome)
    }
}

fn log_outcome(outcome: &Outcome, elapsed_ms: u64) {
    let (action, parts, found) = match outcome.action {
        Action::Unchanged => ("unchanged", 0, 0),
        Action::CopiedAtOnce => ("copied", 1, 0),
        Action::CopiedInParts { parts, found } => ("copied", parts, found),
    };
    let (size_bytes, verified) = (outcome.size_bytes, outcome.verified_by());
    info!(
        outcome = action,
        size_bytes, parts, found, verified, elapsed_ms, "done"
    );
}
