//! The strategies that are Lambda functions: deployed, started, invoked once, and waited for.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sandbox::Sandbox;
use sandbox::lambda::{Function, Lambda};
use serde_json::{Value, json};

use super::stage::Measured;
use crate::cost::prices::{Architecture, LAMBDA_INVOCATION_USD};
use crate::deployment::{COPIER, COPIER_MEMORY_MB, PUBLISHER, PUBLISHER_MEMORY_MB, TOPIC};

/// What Lambda allowed a function in 2016.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-releases.html>
pub const TIMEOUT_IN_2016: Duration = Duration::from_secs(300);

/// The most memory of a function in 2016, in MB; same page.
const MOST_MEMORY_IN_2016_MB: u32 = 1_536;

/// A function of a strategy: its name, its memory in MB, and the environments that start ahead.
struct Deployed {
    name: &'static str,
    memory_mb: u32,
    environments: u16,
}

/// The publisher and the copier as they are deployed.
pub async fn fan_out(sandbox: &Sandbox, concurrency: u16) -> Result<Measured> {
    let functions = [
        Deployed {
            name: PUBLISHER,
            memory_mb: PUBLISHER_MEMORY_MB,
            environments: 1,
        },
        Deployed {
            name: COPIER,
            memory_mb: COPIER_MEMORY_MB,
            environments: concurrency,
        },
    ];
    let daily = json!({ "scheduled_time": "2016-07-01T02:00:00Z" });
    invoke(sandbox, &functions, daily).await
}

/// A publisher of ten threads, and a copier of one CopyObject.
pub async fn fan_out_2016(sandbox: &Sandbox, concurrency: u16) -> Result<Measured> {
    const PUBLISHER: &str = "publisher-2016";
    const COPIER: &str = "copier-2016";
    let functions = [
        Deployed {
            name: PUBLISHER,
            memory_mb: PUBLISHER_MEMORY_MB,
            environments: 1,
        },
        Deployed {
            name: COPIER,
            memory_mb: COPIER_MEMORY_MB,
            environments: concurrency,
        },
    ];
    let topic = sandbox.sns().create_topic(TOPIC)?;
    deploy(sandbox, &functions[0], &["publish2016"], &topic)?;
    let copier = deploy(sandbox, &functions[1], &["copy2016"], &topic)?;
    sandbox.sns().subscribe_with(&topic, &copier, None)?;
    invoke(sandbox, &functions, Value::Null).await
}

/// One function with a pool of threads.
pub async fn one_function(sandbox: &Sandbox, concurrency: u16) -> Result<Measured> {
    let function = Deployed {
        name: "one-function",
        memory_mb: MOST_MEMORY_IN_2016_MB,
        environments: 1,
    };
    let words = ["one-function", "--concurrency", &concurrency.to_string()];
    deploy(sandbox, &function, &words, "")?;
    invoke(sandbox, &[function], Value::Null).await
}

/// This program as a strategy's function.
fn deploy(sandbox: &Sandbox, function: &Deployed, words: &[&str], topic: &str) -> Result<String> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let words = [&["strategy"], words].concat();
    Ok(sandbox.lambda().create_function(Function {
        args: words.into_iter().map(str::to_owned).collect(),
        environment: vec![("TOPIC_ARN".to_owned(), topic.to_owned())],
        memory_mb: function.memory_mb,
        timeout: TIMEOUT_IN_2016,
        concurrency: function.environments.into(),
        ..Function::new(function.name, program)
    })?)
}

/// Starts the environments, invokes the first function, waits for all events of the others, and takes stock.
async fn invoke(sandbox: &Sandbox, functions: &[Deployed], event: Value) -> Result<Measured> {
    let lambda = sandbox.lambda();
    let mut starts = Duration::ZERO;
    for function in functions {
        let environments = function.environments.into();
        starts += lambda.start_ahead(function.name, environments).await?;
    }
    let began = Instant::now();
    let answer = lambda.invoke(functions[0].name, event.to_string()).await?;
    lambda.idle().await;
    let mut measured = Measured {
        seconds: began.elapsed().as_secs_f64(),
        starts_s: Some(starts.as_secs_f64()),
        ..Measured::default()
    };
    if answer.function_error.is_some() {
        let said = String::from_utf8_lossy(&answer.payload);
        let failure = format!("{} failed: {said}", functions[0].name);
        measured.failures.push(failure);
    }
    for function in functions {
        take_stock(lambda, function, &mut measured)?;
    }
    Ok(measured)
}

fn take_stock(lambda: &Lambda, function: &Deployed, measured: &mut Measured) -> Result<()> {
    let stats = lambda.stats(function.name)?;
    if stats.events_failed > 0 {
        let failure = format!("{} gave up {} events", function.name, stats.events_failed);
        measured.failures.push(failure);
    }
    let peak_mb = stats
        .peak_memory_bytes
        .map(|bytes| bytes as f64 / 1_048_576.0);
    // None is less than any.
    if peak_mb > measured.peak_mb {
        measured.peak_mb = peak_mb;
    }
    measured.lambda_usd += billed(function.memory_mb, stats.billed_ms_total, stats.invocations);
    Ok(())
}

/// What Lambda bills for so many milliseconds of a function, in dollars.
pub fn billed(memory_mb: u32, milliseconds: u64, invocations: u64) -> f64 {
    let gb_seconds = f64::from(memory_mb) / 1_024.0 * milliseconds as f64 / 1_000.0;
    Architecture::Arm64.gb_second_usd() * gb_seconds + LAMBDA_INVOCATION_USD * invocations as f64
}
