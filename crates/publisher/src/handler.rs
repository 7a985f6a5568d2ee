//! One invocation of the publisher: an event in, a count of what was published out.

use backup::aws::{self, chain};
use backup::env::Environment;
use backup::telemetry;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::{Instrument, error, info, info_span};

use crate::config::Config;
use crate::error::PublisherError;
use crate::event::{self, Order};
use crate::list::{self, Bucket};
use crate::publish::publish;
use crate::summary::Summary;
use crate::topic::Topic;

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct Publisher {
    /// Lists the source bucket.
    pub s3: aws_sdk_s3::Client,
    /// Publishes to the topic.
    pub sns: aws_sdk_sns::Client,
    /// Its configuration.
    pub config: Config,
}

/// Sets the function up and serves invocations until Lambda ends the environment.
///
/// # Errors
/// The configuration is wrong, or the Runtime API does not answer.
pub async fn serve() -> Result<(), Error> {
    let environment = Environment::process();
    telemetry::init(&environment);
    let publisher = &Publisher::new(Config::from_env(&environment)?).await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        publisher
            .handle(&event.payload, &event.context.request_id)
            .await
    }))
    .await
}

impl Publisher {
    /// Builds the clients.
    pub async fn new(config: Config) -> Publisher {
        let home = aws::sdk_config(None, config.answer_timeout).await;
        let source = match &config.source_region {
            Some(region) => aws::sdk_config(Some(region), config.answer_timeout).await,
            None => home.clone(),
        };
        let s3 = aws_sdk_s3::config::Builder::from(&source)
            .force_path_style(aws::force_path_style(&source));
        Publisher {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            sns: aws_sdk_sns::Client::new(&home),
            config,
        }
    }

    /// Does what the event asks for.
    ///
    /// # Errors
    /// The event asks for nothing known, a prefix was not listed to its end, or a message was not accepted.
    pub async fn handle(&self, event: &Value, request_id: &str) -> Result<Summary, PublisherError> {
        let span = info_span!(
            "publish",
            request_id,
            run = tracing::field::Empty,
            source.bucket = self.config.source_bucket
        );
        let result = self.obey(event, request_id).instrument(span.clone()).await;
        result.inspect_err(|failure| {
            span.in_scope(|| error!(error_type = failure.error_type(), "{}", chain(failure)));
        })
    }

    async fn obey(&self, event: &Value, request_id: &str) -> Result<Summary, PublisherError> {
        let order = event::parse(event)?;
        let run = run_name(&order, request_id);
        tracing::Span::current().record("run", &run);
        self.run(&run, &order).await
    }

    async fn run(&self, run: &str, order: &Order) -> Result<Summary, PublisherError> {
        let prefixes = || order.scope.prefixes(&self.config.prefix_format);
        let count = prefixes().count() as u64;
        info!(prefixes = count, dry_run = order.dry_run, "listing");
        let topic = Topic {
            client: &self.sns,
            arn: &self.config.topic_arn,
            concurrency: self.config.publish_concurrency,
        };
        let bucket = Bucket {
            client: &self.s3,
            name: &self.config.source_bucket,
            expected_owner: self.config.source_bucket_owner.as_deref(),
            requester_pays: self.config.requester_pays,
            concurrency: self.config.list_concurrency,
        };
        let objects = list::objects(bucket, prefixes());
        let topic = (!order.dry_run).then_some(topic);
        let summary = publish(run, count, objects, &order.filter, topic).await?;
        let Summary {
            listed,
            filtered,
            archived,
            bytes,
            published,
            elapsed_ms,
            ..
        } = summary;
        info!(
            listed,
            filtered, archived, bytes, published, elapsed_ms, "published"
        );
        Ok(summary)
    }
}

/// A run is named for the moment its schedule fired, else for the request: Lambda keeps both when it
/// retries an invocation.
fn run_name(order: &Order, request_id: &str) -> String {
    order
        .scheduled_time
        .map_or_else(|| request_id.to_owned(), |time| time.to_string())
}
