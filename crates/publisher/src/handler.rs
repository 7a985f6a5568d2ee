//! One invocation of the publisher: an event in, a count of what was published out.

use std::time::{Duration, SystemTime};

use backup::aws::{self, chain};
use backup::deadline::Deadline;
use backup::env::Environment;
use backup::telemetry::{self, FlushMetrics};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::{Instrument, error, info, info_span};

use crate::config::Config;
use crate::continuation;
use crate::error::{PublisherError, judge};
use crate::event::{self, Only, Order};
use crate::list::Bucket;
use crate::listing::{Copies, Listing};
use crate::metrics::{self, METRICS};
use crate::pace::{Limits, Pace};
use crate::publish::Publication;
use crate::summary::Summary;
use crate::topic::Topic;

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct Publisher {
    /// Lists the source bucket.
    pub source: aws_sdk_s3::Client,
    /// Lists the destination bucket.
    pub destination: aws_sdk_s3::Client,
    /// Publishes to the topic.
    pub sns: aws_sdk_sns::Client,
    /// Invokes this function again.
    pub lambda: aws_sdk_lambda::Client,
    /// Its configuration.
    pub config: Config,
}

/// What there is to know of an invocation besides its event.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its id; it stays when Lambda retries the invocation.
    pub request_id: String,
    /// What was invoked.
    pub function_arn: String,
    /// When nothing more is begun.
    pub deadline: Deadline,
}

impl Invocation {
    fn of(context: &Context, margin: Duration) -> Invocation {
        let time_left = context.deadline().duration_since(SystemTime::now());
        Invocation {
            request_id: context.request_id.clone(),
            function_arn: context.invoked_function_arn.clone(),
            deadline: Deadline::within(time_left.unwrap_or_default(), margin),
        }
    }
}

/// Sets the function up and serves invocations until Lambda ends the environment.
///
/// # Errors
/// The configuration is wrong, or the Runtime API does not answer.
pub async fn serve() -> Result<(), Error> {
    let environment = Environment::process();
    telemetry::init(&environment, METRICS);
    let publisher = &Publisher::new(Config::from_env(&environment)?).await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let invocation = Invocation::of(&event.context, publisher.config.deadline_margin);
        publisher.handle(&event.payload, invocation).await
    }))
    .await
}

impl Publisher {
    /// Builds the clients. The function runs in the destination bucket's region.
    pub async fn new(config: Config) -> Publisher {
        let home = aws::sdk_config(None, config.answer_timeout).await;
        let s3 = |sdk: &aws::SdkConfig| {
            let s3 =
                aws_sdk_s3::config::Builder::from(sdk).force_path_style(aws::force_path_style(sdk));
            aws_sdk_s3::Client::from_conf(s3.build())
        };
        let destination = s3(&home);
        let source = match &config.source_region {
            Some(region) => s3(&aws::sdk_config(Some(region), config.answer_timeout).await),
            None => destination.clone(),
        };
        Publisher {
            source,
            destination,
            sns: aws_sdk_sns::Client::new(&home),
            lambda: aws_sdk_lambda::Client::new(&home),
            config,
        }
    }

    /// Does what the event asks for.
    ///
    /// # Errors
    /// The event asks for nothing known, a prefix was not listed to its end, a message was not accepted, or the time
    /// was up too often.
    pub async fn handle(
        &self,
        event: &Value,
        invocation: Invocation,
    ) -> Result<Summary, PublisherError> {
        let _flush = FlushMetrics;
        let span = info_span!(
            "publish",
            request_id = invocation.request_id,
            run = tracing::field::Empty,
            bucket = self.config.source_bucket
        );
        let obeyed = self.obey(event, invocation).instrument(span.clone());
        // Boxed: the future of a run is large, and its type deep.
        Box::pin(obeyed).await.inspect_err(|failure| {
            span.in_scope(|| error!(error_type = failure.error_type(), "{}", chain(failure)));
        })
    }

    async fn obey(&self, event: &Value, invocation: Invocation) -> Result<Summary, PublisherError> {
        let order = event::parse(event)?;
        let run = order.run.clone();
        let run = run.unwrap_or_else(|| invocation.request_id.clone());
        tracing::Span::current().record("run", &run);
        let end = self.run_or_continue(&run, &order, invocation).await;
        if !order.dry_run {
            metrics::tell_end(&end);
        }
        end
    }

    /// Does what it can of the run, and has another invocation go on where the time is up.
    async fn run_or_continue(
        &self,
        run: &str,
        order: &Order,
        invocation: Invocation,
    ) -> Result<Summary, PublisherError> {
        let mut summary = self.run(run, order, invocation.deadline).await?;
        let Some(resume) = summary.resume.as_mut().filter(|_| order.continues) else {
            return Ok(summary);
        };
        if order.continuation >= self.config.max_continuations {
            // Whoever invokes with it begins another chain of invocations.
            resume["continuation"] = 0.into();
            return Err(PublisherError::Unfinished {
                continuations: order.continuation,
                summary: Box::new(summary),
            });
        }
        match continuation::invoke(&self.lambda, &invocation.function_arn, resume).await {
            Ok(()) => {
                info!(
                    continuation = order.continuation + 1,
                    "another invocation goes on"
                );
                Ok(Summary {
                    continued: true,
                    ..summary
                })
            }
            Err(cause) => Err(PublisherError::ContinueFailed {
                function: invocation.function_arn,
                summary: Box::new(summary),
                cause,
            }),
        }
    }

    async fn run(
        &self,
        run: &str,
        order: &Order,
        deadline: Deadline,
    ) -> Result<Summary, PublisherError> {
        let ranges = || order.scope.ranges(&self.config.prefix_format);
        let prefixes = ranges().count() as u64;
        let only = order.only.unwrap_or(match order.scope.is_backfill() {
            true => self.config.backfill_only,
            false => Only::All,
        });
        info!(prefixes, ?only, dry_run = order.dry_run, "listing");
        let copies = (only == Only::Changed).then(|| self.copies());
        let listing = Listing::new(
            self.source(),
            copies,
            ranges(),
            self.config.list_concurrency,
        );
        let publication = Publication {
            run,
            filter: &order.filter,
            topic: (!order.dry_run).then(|| self.topic()),
            pace: Pace::new(self.limits(order)),
            deadline,
        };
        let (mut summary, progress) = publication.publish(listing).await.finish(prefixes);
        let (begun, left) = progress.left();
        let left = order.scope.left(begun, left);
        if let Some(left) = left.filter(|_| deadline.is_near()) {
            summary.resume = Some(order.resume(run, only, &left));
        } else {
            summary = judge(summary)?;
        }
        summary.tell();
        Ok(summary)
    }

    fn source(&self) -> Bucket<'_> {
        Bucket {
            client: &self.source,
            name: &self.config.source_bucket,
            expected_owner: self.config.source_bucket_owner.as_deref(),
            requester_pays: self.config.requester_pays,
        }
    }

    fn copies(&self) -> Copies<'_> {
        Copies {
            bucket: Bucket {
                client: &self.destination,
                name: &self.config.dest_bucket,
                expected_owner: self.config.dest_bucket_owner.as_deref(),
                requester_pays: false,
            },
            prefix: &self.config.dest_prefix,
        }
    }

    fn topic(&self) -> Topic<'_> {
        Topic {
            client: &self.sns,
            arn: &self.config.topic_arn,
            concurrency: self.config.publish_concurrency,
        }
    }

    /// A run that is gone on with has a queue already: there is no room ahead.
    fn limits(&self, order: &Order) -> Limits {
        let limits = self.config.limits;
        match order.is_resumed {
            false => limits,
            true => Limits {
                queue_ahead: Duration::ZERO,
                ..limits
            },
        }
    }
}
