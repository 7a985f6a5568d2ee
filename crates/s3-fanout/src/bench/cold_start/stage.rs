//! Cold starts in the sandbox: a function of its own for each, invoked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::ChecksumMode;
use backup::aws::Cause;
use sandbox::lambda::Function;

use super::candidate::{Candidate, Kind};
use crate::deployment::declared::STACK;
use crate::deployment::log::Log;
use crate::deployment::source;
use crate::deployment::{DEST_BUCKET, Deployment, SOURCE_BUCKET, Settings, TOPIC};

/// Objects of the day that a publisher's first invocation publishes.
pub const OBJECTS: u32 = 250;

/// The key in the event of a copier's first invocation: the first object of the day.
const KEY: &str = "2016-06-30/object-000.bin";

/// Longer than any first invocation takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// After an environment has been killed: its memory is given back, and nobody else starts meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// What one start came to.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// From the start of the process to its first request for an invocation.
    pub init_ms: f64,
    /// From then on, the first invocation to its end.
    pub first_copy_ms: f64,
    /// The most memory of the process by then, in MB (2^20 bytes), where the system tells.
    pub peak_mb: Option<f64>,
}

/// A sandbox with a day of objects.
pub struct Stage {
    deployment: Deployment,
    topic: String,
    published: Arc<AtomicU64>,
}

impl Stage {
    pub async fn start(log: &Log) -> Result<Stage> {
        let deployment = Deployment::start(Settings::default(), log.sink()).await?;
        source::put_virtual_day(deployment.sandbox.s3(), OBJECTS)?;
        let sns = deployment.sandbox.sns();
        let topic = sns.create_topic(TOPIC)?;
        let published = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&published);
        sns.watch(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
        Ok(Stage {
            deployment,
            topic,
            published,
        })
    }

    /// Starts a candidate, invokes it once, and sees to it that it did what it is for.
    pub async fn cold_start(&self, candidate: &Candidate, number: u32) -> Result<Sample> {
        let lambda = self.deployment.sandbox.lambda();
        let (kind, language) = (candidate.kind, candidate.language);
        let name = format!("{}-{language}-{number}", kind.name());
        let published = self.published.load(Ordering::Relaxed);
        lambda.create_function(self.function(&name, candidate))?;
        let answer = lambda.invoke(&name, kind.event()).await?;
        ensure!(
            answer.function_error.is_none(),
            "{name} failed: {}",
            String::from_utf8_lossy(&answer.payload)
        );
        let stats = lambda.stats(&name)?;
        lambda.delete_function(&name)?;
        let published = self.published.load(Ordering::Relaxed) - published;
        match kind {
            Kind::Publisher => ensure!(
                published == u64::from(OBJECTS),
                "{name} published {published} messages for {OBJECTS} objects"
            ),
            Kind::Copier => self.check_copy(&name).await?,
        }
        tokio::time::sleep(PAUSE).await;
        Ok(Sample {
            init_ms: stats.init_ms_total,
            first_copy_ms: stats.duration_ms_total,
            peak_mb: stats
                .peak_memory_bytes
                .map(|bytes| bytes as f64 / 1_048_576.0),
        })
    }

    /// Stops the sandbox, and every process with it.
    pub async fn end(self) {
        self.deployment.sandbox.shutdown().await;
    }

    /// A candidate as it is deployed; its copies have a prefix of their own.
    fn function(&self, name: &str, candidate: &Candidate) -> Function {
        let deployed = [
            ("SOURCE_BUCKET", SOURCE_BUCKET),
            ("DEST_BUCKET", DEST_BUCKET),
            ("DEST_PREFIX", &format!("{name}/")),
            ("TOPIC_ARN", &self.topic),
            ("STACK_NAME", STACK),
        ];
        let deployed = deployed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Function {
            args: candidate.args.clone(),
            environment: deployed
                .into_iter()
                .chain(candidate.environment.clone())
                .collect(),
            memory_mb: candidate.kind.memory_mb(),
            timeout: TIMEOUT,
            ..Function::new(name, &candidate.command)
        }
    }

    async fn check_copy(&self, name: &str) -> Result<()> {
        let source = self.look(SOURCE_BUCKET, KEY).await?;
        let copy = self.look(DEST_BUCKET, &format!("{name}/{KEY}")).await;
        let copy = copy.with_context(|| format!("{name} made no copy"))?;
        ensure!(copy == source, "{name} made a copy that is not the same");
        Ok(())
    }

    /// An object's size and checksum.
    async fn look(&self, bucket: &str, key: &str) -> Result<(Option<i64>, Option<String>)> {
        let head = self.deployment.s3.head_object().bucket(bucket).key(key);
        let answer = head.checksum_mode(ChecksumMode::Enabled).send().await;
        let answer = answer.map_err(Cause::from)?;
        Ok((answer.content_length, answer.checksum_crc64_nvme))
    }
}

#[cfg(test)]
mod tests {
    use backup::day::Day;
    use serde_json::Value;

    use super::*;

    fn event(kind: Kind) -> Value {
        serde_json::from_str(kind.event()).unwrap()
    }

    #[test]
    fn the_events_ask_for_what_is_in_the_source_bucket() {
        let date: Day = event(Kind::Publisher)["date"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(format!("{date}/"), source::DAY_PREFIX);
        let sns = &event(Kind::Copier)["Records"][0]["Sns"];
        let message: Value = serde_json::from_str(sns["Message"].as_str().unwrap()).unwrap();
        assert_eq!(message["bucket"], SOURCE_BUCKET);
        assert_eq!(message["key"], KEY);
    }
}
