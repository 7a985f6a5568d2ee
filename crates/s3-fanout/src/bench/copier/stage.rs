//! One object in a sandbox, and the copier that copies it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use sandbox::lambda::Function;
use sandbox::s3::{Attributes, Content};
use sandbox::timing::Model;
use serde_json::json;

use super::shape::Shape;
use crate::bench::kept;
use crate::deployment::log::Log;
use crate::deployment::{COPIER_MEMORY_MB, DEST_BUCKET, Deployment, SOURCE_BUCKET, Settings};
use crate::descriptors;

/// The most parts in flight that the copier takes.
const MOST_PARTS_IN_FLIGHT: u64 = 256;

/// The bytes that objects repeat.
const BLOCK: Bytes = Bytes::from_static(b"bytes of an object that is copied");

/// The function's, as in template.yaml.
const TIMEOUT: Duration = Duration::from_secs(900);

/// What a copy came to.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The invocation, without the start of its process.
    pub seconds: f64,
    /// The requests to S3.
    pub requests: u64,
    /// The most memory of the process, in MB (2^20 bytes), where the system tells.
    pub peak_mb: Option<f64>,
}

/// A sandbox.
pub struct Stage {
    deployment: Deployment,
    model: Model,
}

impl Stage {
    pub async fn start(model: &Model, log: &Log) -> Result<Stage> {
        descriptors::reserve_each(1, MOST_PARTS_IN_FLIGHT)?;
        Ok(Stage {
            deployment: Deployment::start(Settings::default(), log.sink()).await?,
            model: model.clone(),
        })
    }

    /// Copies an object of this shape with a copier of its own, and sees to it that the copy is like its source.
    ///
    /// # Errors
    /// The copier fails, or its copy differs.
    pub async fn copy(&self, shape: &Shape) -> Result<Sample> {
        let (sandbox, s3) = (&self.deployment.sandbox, &self.deployment.s3);
        let measured = &shape.measured;
        let name = format!("copier-{}-{}", shape.size_bytes, shape.parts_in_flight);
        let content = Content::repeat(BLOCK, measured.size_bytes);
        sandbox
            .s3()
            .put(SOURCE_BUCKET, &name, content, attributes())?;
        let lambda = sandbox.lambda();
        lambda.create_function(function(&name, shape)?)?;
        let before = asked(&sandbox.requests());
        sandbox.timing().set(self.model.clone());
        let answer = lambda.invoke(&name, event(&name)).await;
        sandbox.timing().set(Model::default());
        let answer = answer?;
        let requests = asked(&sandbox.requests()) - before;
        let told = String::from_utf8_lossy(&answer.payload);
        ensure!(answer.function_error.is_none(), "{name} failed: {told}");
        let stats = lambda.stats(&name)?;
        lambda.delete_function(&name)?;
        let source = kept::look(s3, SOURCE_BUCKET, &name).await?;
        let copy = kept::look(s3, DEST_BUCKET, &name).await;
        let copy = copy.with_context(|| format!("{name} made no copy"))?;
        ensure!(copy == source, "{name} made a copy that is not the same");
        Ok(Sample {
            seconds: stats.duration_ms_total / 1_000.0,
            requests,
            peak_mb: stats
                .peak_memory_bytes
                .map(|bytes| bytes as f64 / 1_048_576.0),
        })
    }

    /// Stops the sandbox, and every process with it.
    pub async fn end(self) {
        self.deployment.sandbox.shutdown().await;
    }
}

/// What a copy in parts loses unless it takes care.
fn attributes() -> Attributes {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Attributes {
        content_type: Some("application/octet-stream".to_owned()),
        metadata: [pair("sensor", "station-7")].into(),
        tags: vec![pair("day", "2016-06-30")],
        ..Attributes::default()
    }
}

/// The copier as it is deployed, but for its parts.
fn function(name: &str, shape: &Shape) -> Result<Function> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let environment = [
        ("SOURCE_BUCKET", SOURCE_BUCKET.to_owned()),
        ("DEST_BUCKET", DEST_BUCKET.to_owned()),
        ("PARTS_IN_FLIGHT", shape.parts_in_flight.to_string()),
        ("PART_SIZE_MIB", shape.measured.part_size_mib.to_string()),
    ];
    Ok(Function {
        args: ["function", "copier"].map(str::to_owned).into(),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        memory_mb: COPIER_MEMORY_MB,
        timeout: TIMEOUT,
        ..Function::new(name, program)
    })
}

/// What SNS would invoke it with for a key that an engineer has published.
fn event(key: &str) -> String {
    let mut event: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../events/copier-sns.json"))
            .expect("an event that is built in");
    event["Records"][0]["Sns"]["Message"] = json!(key);
    event.to_string()
}

/// The requests to S3 so far.
fn asked(requests: &BTreeMap<String, u64>) -> u64 {
    let to_s3 = requests.iter().filter(|(name, _)| name.starts_with("s3:"));
    to_s3.map(|(_, count)| count).sum()
}
