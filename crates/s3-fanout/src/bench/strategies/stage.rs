//! A strategy that copies, in a sandbox of its own: filled, run, checked.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use sandbox::Sandbox;
use sandbox::timing::{Latency, Model};
use tokio::process::Command;

use super::lambda;
use super::ours::Ours;
use super::strategy::Strategy;
use super::workload::Workload;
use crate::bench::process;
use crate::deployment::log::Log;
use crate::deployment::source::DAY_PREFIX;
use crate::deployment::{DEST_BUCKET, Deployment, SOURCE_BUCKET, Settings};
use crate::descriptors;
use crate::verify::demo::verify;

/// What is to be done, and how.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub strategy: Strategy,
    pub workload: Workload,
    pub model: &'a Model,
    pub concurrency: u16,
    /// For backup and fan-out.
    pub ours: Ours,
    /// The objects that it copies, perhaps not all of the workload's.
    pub objects: u32,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Measured {
    /// From its beginning to the last copy.
    pub seconds: f64,
    /// How long its functions' environments took to start before that.
    pub starts_s: Option<f64>,
    /// The most memory of its process, or of the largest of its functions' processes, in MB (2^20 bytes).
    pub peak_mb: Option<f64>,
    /// Requests by `service:operation`.
    pub requests: BTreeMap<String, u64>,
    /// What Lambda bills.
    pub lambda_usd: f64,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// Runs a strategy.
///
/// # Errors
/// The sandbox or the process does not start.
pub async fn measure(run: Run<'_>, log: &Log) -> Result<Measured> {
    let strategy = run.strategy;
    // A connection for all that it does at the same time.
    let at_once = strategy.parallelism(run.concurrency, run.objects);
    let each = if strategy.is_ours() {
        run.ours.parts_in_flight + 8
    } else {
        2
    };
    descriptors::reserve_each(at_once.try_into().unwrap_or(u16::MAX), each.into())?;
    let variables = run.ours.variables();
    let settings = Settings {
        copiers: if strategy == Strategy::FanOut {
            run.concurrency
        } else {
            0
        },
        copier_environment: &variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
        ..Settings::default()
    };
    let deployment = Deployment::start(settings, log.sink()).await?;
    let sandbox = &deployment.sandbox;
    run.workload.put(sandbox.s3(), run.objects)?;
    sandbox.timing().set(run.model.clone());
    let mut measured = match strategy {
        Strategy::FanOut => lambda::fan_out(sandbox, run.concurrency).await?,
        Strategy::FanOut2016 => lambda::fan_out_2016(sandbox, run.concurrency).await?,
        Strategy::OneFunction => lambda::one_function(sandbox, run.concurrency).await?,
        _ => in_a_process(sandbox, run).await?,
    };
    measured
        .requests
        .retain(|name, _| !name.starts_with("lambda:"));
    sandbox.timing().set(Latency::default());
    measured
        .failures
        .extend(wrong(&deployment, run.objects).await?);
    deployment.sandbox.shutdown().await;
    Ok(measured)
}

/// Objects that did not arrive, or not as they are.
async fn wrong(deployment: &Deployment, objects: u32) -> Result<Option<String>> {
    let verified = verify(&deployment.s3, &[], &BTreeSet::new(), || ()).await?;
    let wrong = u64::from(objects) - verified.objects;
    let example = verified.differences.first().map_or("", String::as_str);
    Ok((wrong > 0 || !verified.differences.is_empty())
        .then(|| format!("{wrong} of {objects} objects are not as they should be: {example}")))
}

async fn in_a_process(sandbox: &Sandbox, run: Run<'_>) -> Result<Measured> {
    let mut said = tempfile::tempfile().context("cannot make a file for what a strategy says")?;
    let command = command(sandbox, run)?;
    let mut command = Command::from(command);
    command.stderr(said.try_clone()?);
    let ran = process::run(command).await?;
    let mut measured = Measured {
        seconds: ran.seconds,
        peak_mb: ran.usage.map(|usage| usage.peak_mb),
        requests: sandbox.requests(),
        ..Measured::default()
    };
    if !ran.status.success() {
        let mut words = String::new();
        std::io::Seek::rewind(&mut said)?;
        std::io::Read::read_to_string(&mut said, &mut words)?;
        let output = String::from_utf8_lossy(&ran.output);
        let last = words.lines().chain(output.lines()).last();
        let last = last.unwrap_or("it says nothing");
        measured.failures.push(format!("{}: {last}", ran.status));
    }
    Ok(measured)
}

/// This program as a strategy. Nothing of the environment here may change what it does there.
fn command(sandbox: &Sandbox, run: Run<'_>) -> Result<std::process::Command> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let mut command = std::process::Command::new(program);
    let concurrency = run.concurrency.to_string();
    // As in functions: no copy waits for another's parts.
    let requests = u32::from(run.concurrency) * run.ours.parts_in_flight;
    command.env_clear().envs(sandbox.environment());
    match run.strategy.copying() {
        Some(how) => command
            .args(["bench", "strategy", "copy", &how.name()])
            .args(["--concurrency", &concurrency]),
        None => command
            .args(["backup", "--source", SOURCE_BUCKET, "--dest", DEST_BUCKET])
            .args(["--date", DAY_PREFIX.trim_end_matches('/')])
            .args(["--concurrency", &concurrency, "--json"])
            .args(["--requests-in-flight", &requests.min(50_000).to_string()])
            .args(run.ours.flags()),
    };
    Ok(command)
}
