//! One case in a sandbox of its own: filled, deployed to, invoked, and looked at afterwards.

use std::time::Duration;

use anyhow::Result;
use sandbox::Sandbox;
use sandbox::timing::Latency;

use super::bound::{Limit, REQUEST};
use super::case::Case;
use super::objects;
use super::seen::{Messages, Seen};
use crate::deployment::log::Log;
use crate::deployment::{COPIER, Deployment, PUBLISHER, Settings};
use crate::progress::Step;

/// How often the bar looks at what has been published.
const LOOK: Duration = Duration::from_millis(100);

/// What a case came to.
pub struct Measured {
    /// How long the invocation took, without the start of its process.
    pub seconds: f64,
    /// The most memory of the publisher's process, in MB (2^20 bytes), where the system tells.
    pub peak_mb: Option<f64>,
    /// Pages asked for.
    pub list_requests: u64,
    /// Batches offered.
    pub publish_requests: u64,
    /// What SNS accepted.
    pub messages: Messages,
    /// The most events that the copiers had under way.
    pub under_way: Option<u64>,
    /// What the publisher said if it failed.
    pub failure: Option<String>,
}

/// Runs a case.
pub async fn measure(case: &Case, log: &Log) -> Result<Measured> {
    let settings = Settings {
        copiers: case.copiers,
        publisher_environment: case.environment,
        ..Settings::default()
    };
    let deployment = Deployment::start(settings, log.sink()).await?;
    let sandbox = &deployment.sandbox;
    let step = Step::begin(case.name, case.keys);
    objects::put(sandbox.s3(), case).await?;
    let mut latency = Latency::of_all(REQUEST);
    if let Some(copy) = case.copy_latency {
        latency = latency.except("CopyObject", copy);
    }
    sandbox.timing().set(latency);
    if let Limit::Quota(per_second) = case.limit {
        sandbox.sns().set_quota(Some(per_second));
    }
    let seen = Seen::watch(sandbox.sns());
    let shown = async {
        loop {
            step.reached(seen.count());
            tokio::time::sleep(LOOK).await;
        }
    };
    let measured = tokio::select! {
        measured = invoke(sandbox, case, &seen) => measured?,
        never = shown => never,
    };
    drop(step);
    deployment.sandbox.shutdown().await;
    Ok(measured)
}

/// Invokes the publisher, waits for the copiers, and takes stock.
async fn invoke(sandbox: &Sandbox, case: &Case, seen: &Seen) -> Result<Measured> {
    let lambda = sandbox.lambda();
    let before = sandbox.requests();
    let answer = lambda.invoke(PUBLISHER, case.event.to_string()).await?;
    lambda.idle().await;
    let after = sandbox.requests();
    let asked = |name: &str| {
        let count = |counts: &std::collections::BTreeMap<String, u64>| {
            counts.get(name).copied().unwrap_or_default()
        };
        count(&after) - count(&before)
    };
    let publisher = lambda.stats(PUBLISHER)?;
    let under_way = match case.copiers {
        0 => None,
        _ => Some(lambda.stats(COPIER)?.events_under_way_reached as u64),
    };
    let failed = answer.function_error.is_some();
    Ok(Measured {
        seconds: publisher.duration_ms_total / 1_000.0,
        peak_mb: publisher
            .peak_memory_bytes
            .map(|bytes| bytes as f64 / 1_048_576.0),
        list_requests: asked("s3:ListObjectsV2"),
        publish_requests: asked("sns:PublishBatch") + asked("sns:Publish"),
        messages: seen.take(),
        under_way,
        failure: failed.then(|| String::from_utf8_lossy(&answer.payload).into_owned()),
    })
}
