//! One invocation of the copier: an SNS event in, one copy per record.

use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sns::{SnsEvent, SnsMessage, SnsRecord};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryPartition, TokenBucket};
use backup::aws::{self, SdkConfig, chain};
use backup::deadline::Deadline;
use backup::env::Environment;
use backup::message::{self, Message, Request};
use backup::object::printable;
use backup::telemetry::{self, FlushMetrics};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{Instrument, error, info, info_span, warn};

use crate::config::Config;
use crate::copy::{Action, Copier, Outcome};
use crate::error::CopyError;
use crate::metrics::{self, METRICS};
use crate::slow_down::Throttles;

/// Retries of one request that the process can pay for at once: a throttled retry takes 5 permits of the SDK's bucket.
/// Its own bucket of 500 would be empty after 100 throttled retries.
const PERMITS_PER_REQUEST: usize = aws::MAX_ATTEMPTS as usize * 5;

/// Sets the function up and serves invocations until Lambda ends the environment.
///
/// # Errors
/// The configuration is wrong, or the Runtime API does not answer.
pub async fn serve() -> Result<(), Error> {
    let environment = Environment::process();
    telemetry::init(&environment, METRICS);
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
        let requests = config.parts_in_flight;
        Copier::over(&source, &destination, config, requests)
    }

    /// Builds the clients, one for the source bucket's region and one for the destination's, for so many requests that
    /// copy bytes at the same time. Their configurations differ in nothing but the region.
    pub fn over(
        source: &SdkConfig,
        destination: &SdkConfig,
        config: Config,
        requests_in_flight: usize,
    ) -> Copier {
        let permits = 500.max(requests_in_flight * PERMITS_PER_REQUEST);
        let retries = RetryPartition::custom("copier")
            .token_bucket(TokenBucket::new(permits))
            .build();
        let client = |sdk: &SdkConfig| {
            let s3 = aws_sdk_s3::config::Builder::from(sdk)
                .force_path_style(aws::force_path_style(sdk))
                .retry_partition(retries.clone())
                .interceptor(Throttles);
            Client::from_conf(s3.build())
        };
        let in_destination = client(destination);
        Copier {
            // In one region, the connections that asked about the sources then ask for the copies.
            source: match source.region() == destination.region() {
                true => in_destination.clone(),
                false => client(source),
            },
            destination: in_destination,
            config,
            permits: Semaphore::new(requests_in_flight),
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
        let records = records(event).inspect_err(|failure| {
            let span = info_span!("copy", request_id);
            span.in_scope(|| log_failure(failure, Duration::ZERO));
        })?;
        let count = records.len();
        let mut failures = Vec::new();
        for record in records {
            let span = info_span!(
                "copy",
                request_id,
                run = tracing::field::Empty,
                bucket = self.config.source_bucket,
                key = tracing::field::Empty
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
            Some(only) if count == 1 => Err(only),
            Some(first) => Err(CopyError::Several {
                failed,
                records: count,
                first: Box::new(first),
            }),
            None => Ok(json!({ "records": count })),
        }
    }

    /// Copies the object of one record, and tells the log and the metrics what became of it.
    async fn handle_record(&self, sns: &SnsMessage, deadline: Deadline) -> Result<(), CopyError> {
        let _flush = FlushMetrics;
        let started = Instant::now();
        let result = self.copy_requested(sns, deadline).await;
        match &result {
            Ok(outcome) => log_outcome(outcome, started.elapsed()),
            Err(failure) => log_failure(failure, started.elapsed()),
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
                span.record("key", printable(&key));
                return self.copy_until(&key, deadline).await;
            }
            Request::Message(message) => message,
        };
        span.record("run", run);
        span.record("key", printable(&object.key));
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

/// The records of an SNS event; it has at least one.
fn records(event: Value) -> Result<Vec<SnsRecord>, CopyError> {
    let event: SnsEvent =
        serde_json::from_value(event).map_err(|error| CopyError::InvalidEvent(Some(error)))?;
    match event.records.is_empty() {
        true => Err(CopyError::InvalidEvent(None)),
        false => Ok(event.records),
    }
}

fn log_outcome(outcome: &Outcome, elapsed: Duration) {
    let (action, parts, found) = match outcome.action {
        Action::Unchanged => ("unchanged", 0, 0),
        Action::CopiedAtOnce => ("copied", 1, 0),
        Action::CopiedInParts { parts, found } => ("copied", parts, found),
    };
    let (size_bytes, verified) = (outcome.size_bytes, outcome.verified_by());
    let elapsed_ms = elapsed.as_millis() as u64;
    info!(
        outcome = action,
        size_bytes, parts, found, verified, elapsed_ms, "done"
    );
    metrics::succeeded(outcome, elapsed);
}

fn log_failure(failure: &CopyError, elapsed: Duration) {
    error!(
        outcome = "failed",
        error_type = failure.error_type(),
        elapsed_ms = elapsed.as_millis() as u64,
        "{}",
        chain(failure)
    );
    metrics::failed(failure);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
    use aws_sdk_s3::primitives::SdkBody;
    use aws_smithy_http_client::test_util::infallible_client_fn;

    /// A server that has nothing, and the connections that were made to it.
    fn server() -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    for _ in lines.map_while(Result::ok).filter(String::is_empty) {
                        let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        (address, connections)
    }

    fn config() -> Config {
        let names = Environment::from([("SOURCE_BUCKET", "b"), ("DEST_BUCKET", "c")]);
        Config::from_env(&names).unwrap()
    }

    /// Connections that are made to ask about a source, then about its destination.
    async fn connections(source: &'static str, destination: &'static str) -> usize {
        let (address, connections) = server();
        let credentials = Credentials::new("a", "s", None, None, "test");
        let sdk = |region| {
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
                .endpoint_url(format!("http://{address}"))
                .region(Region::new(region))
                .build()
        };
        let copier = Copier::over(&sdk(source), &sdk(destination), config(), 16);
        for client in [&copier.source, &copier.destination] {
            let head = client.head_object().bucket("b").key("k").send().await;
            assert!(head.unwrap_err().into_service_error().is_not_found());
        }
        connections.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn both_buckets_of_a_region_are_asked_over_the_same_connections() {
        assert_eq!(connections("eu-west-1", "eu-west-1").await, 1);
        assert_eq!(connections("us-east-1", "eu-west-1").await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_to_slow_down_asks_often_enough_and_not_all_the_time() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let always_slow_down = infallible_client_fn(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let error = SdkBody::from("<Error><Code>SlowDown</Code></Error>");
            http::Response::builder().status(503).body(error).unwrap()
        });
        let sdk = aws::loader(Duration::from_secs(30))
            .http_client(always_slow_down)
            .credentials_provider(Credentials::new("a", "s", None, None, "test"))
            .region(Region::new("us-east-1"));
        let sdk = sdk.load().await;
        // Together they would have used up the SDK's own bucket of retries.
        let copier = Copier::over(&sdk, &sdk, config(), 16);
        let began = Instant::now();
        let copies = (0..16).map(|_| {
            let copy = copier.destination.copy_object().bucket("c").key("k");
            copy.copy_source("b/k").send()
        });
        for copied in futures::future::join_all(copies).await {
            let cause = aws::Cause::from(copied.unwrap_err());
            assert!(cause.is_throttle(), "{cause}");
        }
        let attempts = aws::MAX_ATTEMPTS as usize;
        assert_eq!(asked.load(Ordering::Relaxed), 16 * attempts);
        // Every pause is as long as a die says: half a second, or a second at most.
        let longest = began.elapsed().as_secs() as usize;
        assert!((attempts / 3..=attempts).contains(&longest), "{longest} s");
    }
}
