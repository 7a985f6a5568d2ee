//! A sandbox with the source's objects, and the runs of the tools in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use sandbox::timing::Model;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use super::found::Found;
use super::peer::{AWS_CONFIG, COPY_PY};
use super::workload::Workload;
use crate::bench::kept::{Kept, Objects, look_at_all};
use crate::bench::process::{self, Usage};
use crate::deployment::log::Log;
use crate::deployment::{Deployment, SOURCE_BUCKET, Settings};
use crate::descriptors;

/// Connections of the tool that opens the most: 250 objects, and 16 parts of each.
const CONNECTIONS: (u16, u64) = (250, 16);

/// A tool that takes longer is stopped: some try for ever.
const LONGEST: Duration = Duration::from_secs(600);

/// The file of the AWS tools' settings.
const AWS_CONFIG_FILE: &str = "aws.config";
/// What a tool says on standard error.
const STDERR: &str = "stderr";

/// What one run came to.
#[derive(Debug, Clone)]
pub struct Sample {
    pub seconds: f64,
    /// What the processes took, where the system tells.
    pub usage: Option<Usage>,
    /// The requests to S3, by operation.
    pub requests: BTreeMap<String, u64>,
    /// What arrived.
    pub kept: Kept,
}

/// A sandbox with a source.
pub struct Stage {
    deployment: Deployment,
    model: Model,
    sources: Objects,
    /// Where the tools run and have their home, so that no settings of the user's matter.
    folder: TempDir,
}

impl Stage {
    /// Starts the sandbox and fills the source bucket.
    pub async fn start(
        workload: Workload,
        objects: u32,
        model: &Model,
        log: &Log,
    ) -> Result<Stage> {
        let (copies, parts) = CONNECTIONS;
        descriptors::reserve_each(copies, parts)?;
        let deployment = Deployment::start(Settings::default(), log.sink()).await?;
        workload.put(deployment.sandbox.s3(), objects)?;
        let folder = tempfile::Builder::new()
            .prefix("s3-fanout-peers-")
            .tempdir()?;
        fs::write(folder.path().join(COPY_PY), include_str!("copy_all.py"))?;
        fs::write(folder.path().join(AWS_CONFIG_FILE), AWS_CONFIG)?;
        let sources = look_at_all(&deployment.s3, SOURCE_BUCKET).await?;
        Ok(Stage {
            deployment,
            model: model.clone(),
            sources,
            folder,
        })
    }

    /// The bytes of all objects.
    pub fn bytes(&self) -> u64 {
        self.sources.values().map(|object| object.bytes).sum()
    }

    /// Lets a tool copy everything into a new bucket, and looks at what is there then.
    ///
    /// # Errors
    /// The sandbox fails. That the tool does is a result, with the last that it said.
    pub async fn copy_with(&self, found: &Found, number: u32) -> Result<Result<Sample, String>> {
        let sandbox = &self.deployment.sandbox;
        let dest = format!("{}-{number}", found.peer.name());
        sandbox.s3().create_bucket(&dest)?;
        let before = sandbox.requests();
        sandbox.timing().set(self.model.clone());
        let ran = timeout(LONGEST, process::run(self.command(found, &dest)?)).await;
        // Nobody waits for the comparison.
        sandbox.timing().set(Model::default());
        let Ok(ran) = ran else {
            return Ok(Err(format!("not done after {} s", LONGEST.as_secs())));
        };
        let ran = ran?;
        let requests = asked(&before, &sandbox.requests());
        if !ran.status.success() {
            // Some tools tell of errors where they tell of the rest.
            let said = [ran.output, fs::read(self.folder.path().join(STDERR))?].concat();
            return Ok(Err(format!("{}: {}", ran.status, last_line(&said))));
        }
        let copies = look_at_all(&self.deployment.s3, &dest).await?;
        Ok(Kept::compare(&self.sources, &copies).map(|kept| Sample {
            seconds: ran.seconds,
            usage: ran.usage,
            requests,
            kept,
        }))
    }

    /// Stops the sandbox.
    pub async fn end(self) {
        self.deployment.sandbox.shutdown().await;
    }

    fn command(&self, found: &Found, dest: &str) -> Result<Command> {
        let sandbox = &self.deployment.sandbox;
        let folder = self.folder.path();
        let stderr = File::create(folder.join(STDERR))
            .with_context(|| format!("cannot write in {}", folder.display()))?;
        let mut command = Command::new(&found.program);
        command
            .args(found.peer.args(&found.version, dest))
            .current_dir(folder)
            .stderr(Stdio::from(stderr))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", folder)
            .env("AWS_CONFIG_FILE", folder.join(AWS_CONFIG_FILE))
            // Without it the tools ask an address of EC2's for their region, and wait.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(sandbox.environment())
            .envs(found.peer.environment(sandbox.endpoint_url()));
        Ok(command)
    }
}

/// The requests to S3 between two counts.
fn asked(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let asked = after.iter().filter_map(|(name, count)| {
        let operation = name.strip_prefix("s3:")?;
        let count = count - before.get(name).copied().unwrap_or_default();
        (count > 0).then(|| (operation.to_owned(), count))
    });
    asked.collect()
}

/// The last line with something in it.
fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty());
    last.unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_s3_since_the_last_count() {
        let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
            let owned = counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count));
            owned.collect()
        };
        let before = counts(&[("s3:HeadObject", 5), ("s3:CopyObject", 2)]);
        let after = counts(&[
            ("s3:HeadObject", 5),
            ("s3:CopyObject", 3),
            ("s3:UploadPartCopy", 4),
            ("sns:Publish", 1),
        ]);
        assert_eq!(
            asked(&before, &after),
            counts(&[("CopyObject", 1), ("UploadPartCopy", 4)])
        );
    }

    #[test]
    fn a_failure_is_told_by_its_last_line() {
        assert_eq!(
            last_line(b"Traceback\n  File\nKeyError: 'x'\n\n"),
            "KeyError: 'x'"
        );
        assert_eq!(last_line(b"\n"), "it said nothing");
    }
}
