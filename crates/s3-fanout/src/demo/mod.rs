//! `s3-fanout demo`: a day's backup on this machine, from the daily event to the last object verified.

mod summary;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sandbox::Sandbox;
use sandbox::faults::Plan;
use sandbox::lambda::{Lambda, Stats};
use sandbox::timing::Model;
use serde_json::{Value, json};

use self::summary::Summary;
use crate::args::DemoArgs;
use crate::cost::prices::Architecture;
use crate::cost::{Usage, by_operation, cost};
use crate::deployment::faults;
use crate::deployment::log::Log;
use crate::deployment::model::NamedModel;
use crate::deployment::source::{self, File};
use crate::deployment::{COPIER, DEST_BUCKET, Deployment, PUBLISHER, SOURCE_BUCKET, Settings};
use crate::interrupt;
use crate::progress::Step;
use crate::speed::{DEFAULT_PARTS_IN_FLIGHT, DEFAULT_SIZES, Speed};
use crate::verify::demo::verify;
use crate::{answer, exit};

/// How often the bar looks at what the copiers have done.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the demo to its end or to Ctrl-C.
pub fn run(args: DemoArgs) -> Result<ExitCode> {
    interrupt::or_done(demo(&args), interrupt::ALL_WAS_HERE)
}

async fn demo(args: &DemoArgs) -> Result<ExitCode> {
    let files = args
        .dir
        .as_deref()
        .map(source::files)
        .transpose()?
        .unwrap_or_default();
    let plan = args.faults.as_deref().map(faults::plan).transpose()?;
    let log = Log::create("demo")?;
    let settings = Settings {
        copiers: args.concurrency,
        faults_to_come: plan.is_some(),
        ..Settings::default()
    };
    let deployment = Deployment::start(settings, log.sink()).await?;
    deployment.sandbox.s3().keep_states();
    let objects = fill_source(&deployment, args, &files).await?;
    if let Some(NamedModel { model, .. }) = &args.model {
        deployment.sandbox.timing().set(model.clone());
    }
    let run = back_up(&deployment, plan, objects).await;
    let summary = match run {
        Ok(run) => summarize(&deployment, args, &run, objects, &files).await?,
        Err(error) => return Err(error.context(log.keep()?)),
    };
    deployment.sandbox.shutdown().await;
    answer::print(&summary, args.json)?;
    if !summary.is_good() {
        eprintln!("{}", log.keep()?);
    }
    Ok(exit::found(summary.is_good()))
}

/// Puts the day into the source bucket and tells how many objects it has.
async fn fill_source(deployment: &Deployment, args: &DemoArgs, files: &[File]) -> Result<u64> {
    if files.is_empty() {
        source::put_virtual_day(deployment.sandbox.s3(), args.objects)?;
        return Ok(u64::from(args.objects));
    }
    let step = Step::begin("putting", files.len() as u64);
    source::put_files(&deployment.s3, files, || step.one_more()).await?;
    Ok(files.len() as u64)
}

/// What the functions did.
struct Run {
    under_faults: bool,
    in_failure_queue: u64,
    redelivered: u64,
    wall: Duration,
    publisher: Duration,
    requests: BTreeMap<String, u64>,
}

/// Invokes the publisher as the daily schedule does and waits until every copier has ended. Under faults, every event
/// that Lambda gave up is then delivered again without them.
async fn back_up(deployment: &Deployment, plan: Option<Plan>, objects: u64) -> Result<Run> {
    let (sandbox, under_faults) = (&deployment.sandbox, plan.is_some());
    let before = sandbox.requests();
    let step = Step::begin("copying", objects);
    let started = Instant::now();
    if let Some(plan) = plan {
        sandbox.faults().inject(plan);
    }
    let publisher = watched(sandbox.lambda(), &step, publish(sandbox, under_faults)).await?;
    sandbox.faults().stop();
    let failed = faults::given_up(sandbox)?;
    let redelivered = if under_faults { failed.len() } else { 0 };
    if under_faults {
        watched(sandbox.lambda(), &step, faults::redeliver(sandbox, &failed)).await?;
    }
    let mut requests = sandbox.requests();
    for (name, count) in before {
        requests.entry(name).and_modify(|total| *total -= count);
    }
    requests.retain(|_, count| *count > 0);
    Ok(Run {
        under_faults,
        in_failure_queue: failed.len() as u64,
        redelivered: redelivered as u64,
        wall: started.elapsed(),
        publisher,
        requests,
    })
}

/// Does the work and shows meanwhile how many copiers have ended.
async fn watched<T>(
    lambda: &Lambda,
    step: &Step,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let copied = async {
        loop {
            step.reached(ended(&lambda.stats(COPIER)?));
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        outcome = work => outcome,
        never = copied => never,
    }
}

/// Invokes the publisher, waits until every copier has ended, and tells how long the publisher ran.
async fn publish(sandbox: &Sandbox, under_faults: bool) -> Result<Duration> {
    let (lambda, started) = (sandbox.lambda(), Instant::now());
    let daily = json!({ "scheduled_time": "2016-07-01T02:00:00Z" }).to_string();
    if under_faults {
        // As an event: a publisher that a fault ends is invoked again, as it is for the schedule.
        lambda.invoke_async(PUBLISHER, daily)?;
        lambda.idle().await;
        let billed_ms = lambda.stats(PUBLISHER)?.billed_ms_total;
        return Ok(Duration::from_millis(billed_ms));
    }
    let answer = lambda.invoke(PUBLISHER, daily).await?;
    let published: Value = serde_json::from_slice(&answer.payload)?;
    if answer.function_error.is_some() {
        bail!("the publisher failed: {published}");
    }
    let publisher = started.elapsed();
    lambda.idle().await;
    Ok(publisher)
}

/// Events that neither wait nor run any more.
fn ended(copier: &Stats) -> u64 {
    copier.events - copier.events_under_way as u64
}

async fn summarize(
    deployment: &Deployment,
    args: &DemoArgs,
    run: &Run,
    objects: u64,
    files: &[File],
) -> Result<Summary> {
    let sandbox = &deployment.sandbox;
    // What follows looks at both buckets, and is no part of the day.
    sandbox.timing().set(Model::default());
    let deleted = faults::changed(sandbox, "source:delete");
    let overwritten = faults::changed(sandbox, "source:overwrite");
    let unchanged = files.iter().filter(|file| !overwritten.contains(&file.key));
    let unchanged: Vec<_> = unchanged.cloned().collect();
    let objects = objects - deleted.len() as u64;
    let step = Step::begin("verifying", objects);
    let verified = verify(&deployment.s3, &unchanged, &deleted, || step.one_more()).await?;
    drop(step);
    let wrong = sandbox.s3().wrong(SOURCE_BUCKET, DEST_BUCKET)?;
    let lambda = sandbox.lambda();
    let (publisher, copier) = (lambda.stats(PUBLISHER)?, lambda.stats(COPIER)?);
    let megabytes = |stats: &Stats| {
        stats
            .peak_memory_bytes
            .map(|bytes| (bytes as f64 / 1_048_576.0 * 10.0).round() / 10.0)
    };
    let usage = Usage {
        requests: &run.requests,
        copying: match args.model {
            Some(_) => Duration::from_millis(copier.billed_ms_total),
            None => copying(&verified.sizes)?,
        },
        invocations: publisher.invocations + copier.invocations,
        publisher: run.publisher,
        architecture: Architecture::Arm64,
    };
    Ok(Summary {
        objects,
        verified: verified.objects,
        bytes: verified.sizes.iter().sum(),
        wall_ms: run.wall.as_millis() as u64,
        last_modified_span_ms: verified.last_modified_span_ms,
        uploads_left_open: sandbox.s3().open_uploads(DEST_BUCKET) as u64,
        in_failure_queue: run.in_failure_queue,
        redelivered: run.redelivered,
        wrong: wrong.len() as u64,
        faults_injected: sandbox.faults().injected(),
        under_faults: run.under_faults,
        model: args.model.as_ref().map(|model| model.name.clone()),
        invocations: copier.invocations,
        concurrency_reached: copier.concurrency_reached as u64,
        peak_memory_mb: [
            ("publisher", megabytes(&publisher)),
            ("copier", megabytes(&copier)),
        ]
        .into(),
        cost_usd: cost(&usage),
        requests: by_operation(&run.requests),
        differences: [verified.differences, wrong].concat(),
    })
}

/// How long copiers with the default settings would be busy on AWS: without a model, copies take no time here.
fn copying(sizes: &[u64]) -> Result<Duration> {
    let (mut secs, speed) = (0.0, Speed::measured());
    for size in sizes {
        let plan = copier::plan::plan(*size, DEFAULT_SIZES)?;
        secs += speed.copy_of(*size, plan, DEFAULT_PARTS_IN_FLIGHT);
    }
    Ok(Duration::from_secs_f64(secs))
}
