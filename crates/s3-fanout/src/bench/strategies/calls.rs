//! The workloads of small calls in a function: each way of making them, at each size of memory.

use anyhow::{Context, Result};
use sandbox::lambda::Function;
use sandbox::timing::{Latency, Model};
use serde_json::{Value, json};

use super::args::BenchStrategiesArgs;
use super::lambda::{TIMEOUT_IN_2016, billed};
use super::report::{Report, Setting};
use super::row::{Row, Share};
use super::stage::Measured;
use super::strategy::Strategy;
use super::workload::Workload;
use crate::bench::limit::{Bound, Limit};
use crate::deployment::log::Log;
use crate::deployment::{Deployment, Settings};
use crate::descriptors;
use crate::figures::spread;
use crate::progress::above;
use crate::speed::Speed;

/// The sizes of functions that the articles compare, in MB.
const MEMORY_MB: [u32; 4] = [128, 512, 1_024, 2_048];

/// Invocations of each function that are measured, after one that starts it.
const INVOCATIONS: usize = 5;

/// Runs every strategy at every size of memory.
pub async fn bench(
    args: &BenchStrategiesArgs,
    strategies: &[Strategy],
    log: &Log,
) -> Result<Report> {
    let workload = args.workload;
    let objects = args.objects.unwrap_or(workload.objects());
    let least = limit(&args.model.model, workload);
    let sizes = workload.sizes(objects);
    let mut rows = Vec::new();
    for strategy in strategies.iter().copied() {
        above(|| eprintln!("{}: {objects} calls", strategy.name()));
        for memory_mb in MEMORY_MB {
            let measured = measure(args, strategy, memory_mb, &sizes, log).await;
            let measured = measured.map_err(|error| error.context(strategy.name()))?;
            let share = Share {
                objects: objects.into(),
                copied: objects.into(),
                times: 1.0,
            };
            rows.push(Row {
                memory_mb: Some(memory_mb),
                ..Row::new(strategy, measured, share, least.seconds)
            });
        }
    }
    Ok(Report::new(Setting::of(args, &sizes), least, rows))
}

/// All calls at the same time, after the listing.
fn limit(model: &Model, workload: Workload) -> Limit {
    let speed = Speed::of(model);
    let call = model.latency_ms.of("HeadObject") / 1_000.0;
    let listing = match workload {
        Workload::SumSizes => speed.list_secs,
        _ => 0.0,
    };
    Limit {
        seconds: listing + call,
        bound: Bound::Calls,
    }
}

/// The median of some invocations of a function of its own.
async fn measure(
    args: &BenchStrategiesArgs,
    strategy: Strategy,
    memory_mb: u32,
    sizes: &[u64],
    log: &Log,
) -> Result<Measured> {
    const NAME: &str = "calls";
    let calls = u16::try_from(sizes.len()).unwrap_or(u16::MAX);
    descriptors::reserve_each(calls, 2)?;
    let deployment = Deployment::start(Settings::default(), log.sink()).await?;
    let (sandbox, workload) = (&deployment.sandbox, args.workload);
    workload.put(sandbox.s3(), sizes.len() as u32)?;
    let lambda = sandbox.lambda();
    let (strategy, shape) = (strategy.name(), workload.name());
    let words = ["bench", "strategy", "call", &strategy, shape].map(str::to_owned);
    lambda.create_function(Function {
        args: words.to_vec(),
        memory_mb,
        timeout: TIMEOUT_IN_2016,
        ..Function::new(NAME, std::env::current_exe().context("this program")?)
    })?;
    let event = json!(workload.keys(sizes.len() as u32)).to_string();
    let mut model = args.model.model.clone();
    model.lambda.processor_by_memory = true;
    sandbox.timing().set(model);
    lambda.invoke(NAME, event.clone()).await?;
    let (before, began) = (sandbox.requests(), lambda.stats(NAME)?);
    let (mut seconds, mut failures) = (Vec::new(), Vec::new());
    let mut until_now = began.duration_ms_total;
    for _ in 0..INVOCATIONS {
        let answer = lambda.invoke(NAME, event.clone()).await?;
        let total = lambda.stats(NAME)?.duration_ms_total;
        seconds.push((total - until_now) / 1_000.0);
        until_now = total;
        let expected = json!(sizes.iter().sum::<u64>());
        if serde_json::from_slice::<Value>(&answer.payload)? != expected {
            let said = String::from_utf8_lossy(&answer.payload);
            failures.push(format!("answered {said}, not {expected}"));
        }
    }
    let mut requests = sandbox.requests();
    requests.retain(|name, _| !name.starts_with("lambda:"));
    for (name, count) in &mut requests {
        let since = *count - before.get(name).copied().unwrap_or_default();
        *count = since / INVOCATIONS as u64;
    }
    requests.retain(|_, count| *count > 0);
    let stats = lambda.stats(NAME)?;
    let times = INVOCATIONS as u64;
    let billed_ms = (stats.billed_ms_total - began.billed_ms_total) / times;
    sandbox.timing().set(Latency::default());
    deployment.sandbox.shutdown().await;
    Ok(Measured {
        seconds: spread(seconds).map_or(f64::NAN, |[_, median, _]| median),
        starts_s: None,
        peak_mb: stats
            .peak_memory_bytes
            .map(|bytes| bytes as f64 / 1_048_576.0),
        requests,
        lambda_usd: billed(memory_mb, billed_ms, 1),
        failures,
    })
}
