//! The deployed system in the sandbox: two buckets, the topic, both functions, the subscription, and
//! the queues of what failed.

pub mod declared;
pub mod faults;
pub mod log;
pub mod model;
pub mod source;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use sandbox::lambda::{Function, Logs};
use sandbox::{Options, Sandbox};

use crate::descriptors;

/// The bucket that is backed up.
pub const SOURCE_BUCKET: &str = "source";
/// The bucket it is backed up to.
pub const DEST_BUCKET: &str = "backup";
/// The function that lists and publishes.
pub const PUBLISHER: &str = "publisher";
/// The function that copies.
pub const COPIER: &str = "copier";
/// The topic between them.
pub const TOPIC: &str = "s3-fanout";
/// The queue of what the publisher could not do.
pub const PUBLISHER_FAILURES: &str = "publisher-failures";
/// The queue of what SNS could not hand to the copier.
pub const SUBSCRIPTION_FAILURES: &str = "subscription-failures";
/// The queue of what the copier could not copy.
pub const COPIER_FAILURES: &str = "copier-failures";

/// Memory of the publisher, as in template.yaml.
pub const PUBLISHER_MEMORY_MB: u32 = 256;
/// Memory of the copier, as in template.yaml.
pub const COPIER_MEMORY_MB: u32 = 128;
/// Both functions' timeout, as in template.yaml.
const TIMEOUT: Duration = Duration::from_secs(900);

/// Lambda retries a failed event after one and after two minutes; here a minute takes a second.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// How long the functions wait for an answer where faults let some never come.
const ANSWER_TIMEOUT_SECS: &str = "2";

/// What deployments differ in.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Where the sandbox listens.
    pub address: SocketAddr,
    /// Copiers at the same time; with none, nothing is subscribed to the topic.
    pub copiers: u16,
    /// The publisher's variables besides those that name its buckets and its topic.
    pub publisher_environment: &'a [(&'a str, &'a str)],
    /// The copiers' variables besides those that name their buckets.
    pub copier_environment: &'a [(&'a str, &'a str)],
    /// Whether faults will happen: the functions do not wait long for an answer then.
    pub faults_to_come: bool,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Settings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            copiers: 0,
            publisher_environment: &[],
            copier_environment: &[],
            faults_to_come: false,
        }
    }
}

/// The system, running on this machine.
pub struct Deployment {
    /// The services it runs on.
    pub sandbox: Sandbox,
    /// A client for both buckets.
    pub s3: Client,
}

impl Deployment {
    /// Starts the sandbox and deploys to it. The functions are this program, started again.
    pub async fn start(settings: Settings<'_>, logs: Logs) -> Result<Deployment> {
        descriptors::reserve(settings.copiers)?;
        let address = settings.address;
        let options = Options {
            address,
            logs,
            ..Options::default()
        };
        let s3 = |endpoint: &str| {
            let (key, secret) = (&options.access_key, &options.secret_key);
            // Plain HTTP to this machine: no proxy of the environment may stand between.
            let config = aws_sdk_s3::Config::builder()
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(options.region.clone()))
                .credentials_provider(Credentials::new(key, secret, None, None, "sandbox"))
                .endpoint_url(endpoint)
                .force_path_style(true);
            Client::from_conf(config.build())
        };
        let sandbox = Sandbox::start(options.clone()).await.with_context(|| {
            format!("cannot listen on {address}; choose another --address, or stop what does")
        })?;
        let s3 = s3(sandbox.endpoint_url());
        for bucket in [SOURCE_BUCKET, DEST_BUCKET] {
            sandbox.s3().create_bucket(bucket)?;
        }
        deploy_functions(&sandbox, &settings)?;
        Ok(Deployment { sandbox, s3 })
    }
}

fn deploy_functions(sandbox: &Sandbox, settings: &Settings<'_>) -> Result<()> {
    let topic = sandbox.sns().create_topic(TOPIC)?;
    let queue = |name| sandbox.sqs().arn(&sandbox.sqs().create_queue(name)?);
    let subscription_failures = queue(SUBSCRIPTION_FAILURES)?;
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let patience: &[_] = match settings.faults_to_come {
        true => &[("ANSWER_TIMEOUT_SECS", ANSWER_TIMEOUT_SECS)],
        false => &[],
    };
    let function = |name: &str, memory_mb, concurrency, environment: &[(&str, &str)]| Function {
        args: vec!["function".to_owned(), name.to_owned()],
        environment: environment
            .iter()
            .chain(patience)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        memory_mb,
        timeout: TIMEOUT,
        concurrency,
        retry_delays: RETRY_DELAYS.to_vec(),
        ..Function::new(name, &program)
    };
    let buckets = [
        ("SOURCE_BUCKET", SOURCE_BUCKET),
        ("DEST_BUCKET", DEST_BUCKET),
    ];
    let publisher = [
        &buckets[..],
        &[("TOPIC_ARN", &topic)],
        settings.publisher_environment,
    ];
    let lambda = sandbox.lambda();
    lambda.create_function(Function {
        on_failure: Some(queue(PUBLISHER_FAILURES)?),
        ..function(PUBLISHER, PUBLISHER_MEMORY_MB, 1, &publisher.concat())
    })?;
    if settings.copiers > 0 {
        let concurrency = usize::from(settings.copiers);
        let copier = [&buckets[..], settings.copier_environment].concat();
        let copier = lambda.create_function(Function {
            on_failure: Some(queue(COPIER_FAILURES)?),
            ..function(COPIER, COPIER_MEMORY_MB, concurrency, &copier)
        })?;
        sandbox
            .sns()
            .subscribe_with(&topic, &copier, Some(&subscription_failures))?;
    }
    Ok(())
}
