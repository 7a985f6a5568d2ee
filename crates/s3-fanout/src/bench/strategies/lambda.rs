//! The strategies that are Lambda functions: deployed, started, invoked once, and waited for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use sandbox::Sandbox;
use sandbox::lambda::{Function, Lambda, Stats};
use sandbox::s3::{Attributes, Content};
use serde_json::{Value, json};

use super::stage::Measured;
use crate::cost::prices::{Architecture, LAMBDA_INVOCATION_USD};
use crate::deployment::{
    COPIER, COPIER_MEMORY_MB, PUBLISHER, PUBLISHER_MEMORY_MB, SOURCE_BUCKET, TOPIC,
};

/// What Lambda allowed a function in 2016.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-releases.html>
pub const TIMEOUT_IN_2016: Duration = Duration::from_secs(300);

/// The most memory of a function in 2016, in MB; same page.
const MOST_MEMORY_IN_2016_MB: u32 = 1_536;

/// Where the objects lie that the environments copy first.
const FIRST_COPIES: &str = "first-copies/";

/// Their size: copied in parts, as the day's objects are.
const FIRST_COPY_BYTES: u64 = 300_000_000;

/// A function of a strategy: its name, its memory in MB, and the environments that start ahead.
struct Deployed {
    name: &'static str,
    memory_mb: u32,
    environments: u16,
}

fn publisher_and_copier(
    publisher: &'static str,
    copier: &'static str,
    concurrency: u16,
) -> [Deployed; 2] {
    [
        Deployed {
            name: publisher,
            memory_mb: PUBLISHER_MEMORY_MB,
            environments: 1,
        },
        Deployed {
            name: copier,
            memory_mb: COPIER_MEMORY_MB,
            environments: concurrency,
        },
    ]
}

/// The publisher and the copier as they are deployed.
pub async fn fan_out(sandbox: &Sandbox, concurrency: u16) -> Result<Measured> {
    let functions = publisher_and_copier(PUBLISHER, COPIER, concurrency);
    let starts = start(sandbox.lambda(), &functions).await?;
    first_copies(sandbox, concurrency).await?;
    let daily = json!({ "scheduled_time": "2016-07-01T02:00:00Z" });
    invoke(sandbox, &functions, daily, starts).await
}

/// Has every environment copy an object before the clock starts: what a first copy takes of a processor is a part of
/// the start of a process, and here hundreds of them share the processors of one machine.
async fn first_copies(sandbox: &Sandbox, concurrency: u16) -> Result<()> {
    let content = Content::repeat(Bytes::from_static(b"a first copy. "), FIRST_COPY_BYTES);
    for number in 0..concurrency {
        let key = format!("{FIRST_COPIES}{number}");
        let store = sandbox.s3();
        store.put(SOURCE_BUCKET, &key, content.clone(), Attributes::default())?;
    }
    let event = json!({ "prefix": FIRST_COPIES }).to_string();
    let lambda = sandbox.lambda();
    let answer = lambda.invoke(PUBLISHER, event).await?;
    lambda.idle().await;
    let said = String::from_utf8_lossy(&answer.payload);
    ensure!(
        answer.function_error.is_none(),
        "{PUBLISHER} did not publish the first copies: {said}"
    );
    let given_up = lambda.stats(COPIER)?.events_failed;
    ensure!(given_up == 0, "{COPIER} gave up {given_up} first copies");
    Ok(())
}

/// A publisher of ten threads, and a copier of one CopyObject.
pub async fn fan_out_2016(sandbox: &Sandbox, concurrency: u16) -> Result<Measured> {
    const PUBLISHER: &str = "publisher-2016";
    const COPIER: &str = "copier-2016";
    let functions = publisher_and_copier(PUBLISHER, COPIER, concurrency);
    let topic = sandbox.sns().create_topic(TOPIC)?;
    deploy(sandbox, &functions[0], &["publish2016"], &topic)?;
    let copier = deploy(sandbox, &functions[1], &["copy2016"], &topic)?;
    sandbox.sns().subscribe_with(&topic, &copier, None)?;
    let starts = start(sandbox.lambda(), &functions).await?;
    invoke(sandbox, &functions, Value::Null, starts).await
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
    let functions = [function];
    let starts = start(sandbox.lambda(), &functions).await?;
    invoke(sandbox, &functions, Value::Null, starts).await
}

/// This program as a strategy's function.
fn deploy(sandbox: &Sandbox, function: &Deployed, words: &[&str], topic: &str) -> Result<String> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let words = [&["bench", "strategy"], words].concat();
    Ok(sandbox.lambda().create_function(Function {
        args: words.into_iter().map(str::to_owned).collect(),
        environment: vec![("TOPIC_ARN".to_owned(), topic.to_owned())],
        memory_mb: function.memory_mb,
        timeout: TIMEOUT_IN_2016,
        concurrency: function.environments.into(),
        ..Function::new(function.name, program)
    })?)
}

/// Starts the environments.
async fn start(lambda: &Lambda, functions: &[Deployed]) -> Result<Duration> {
    let mut starts = Duration::ZERO;
    for function in functions {
        let environments = function.environments.into();
        starts += lambda.start_ahead(function.name, environments).await?;
    }
    Ok(starts)
}

/// Invokes the first function, waits for all events of the others, and takes stock.
async fn invoke(
    sandbox: &Sandbox,
    functions: &[Deployed],
    event: Value,
    starts: Duration,
) -> Result<Measured> {
    let lambda = sandbox.lambda();
    let stats = |function: &Deployed| lambda.stats(function.name);
    let before: Vec<_> = functions.iter().map(stats).collect::<Result<_, _>>()?;
    let requests = sandbox.requests();
    let began = Instant::now();
    let answer = lambda.invoke(functions[0].name, event.to_string()).await?;
    lambda.idle().await;
    let mut measured = Measured {
        seconds: began.elapsed().as_secs_f64(),
        starts_s: Some(starts.as_secs_f64()),
        requests: since(sandbox.requests(), &requests),
        ..Measured::default()
    };
    if answer.function_error.is_some() {
        let said = String::from_utf8_lossy(&answer.payload);
        let failure = format!("{} failed: {said}", functions[0].name);
        measured.failures.push(failure);
    }
    for (function, before) in functions.iter().zip(&before) {
        take_stock(function, before, &stats(function)?, &mut measured);
    }
    Ok(measured)
}

/// The requests since there had been so many.
fn since(requests: BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let more = requests.into_iter().map(|(name, count)| {
        let before = before.get(&name).copied().unwrap_or_default();
        (name, count - before)
    });
    more.filter(|(_, count)| *count > 0).collect()
}

fn take_stock(function: &Deployed, before: &Stats, stats: &Stats, measured: &mut Measured) {
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
    let billed_ms = stats.billed_ms_total - before.billed_ms_total;
    let invocations = stats.invocations - before.invocations;
    measured.lambda_usd += billed(function.memory_mb, billed_ms, invocations);
}

/// What Lambda bills for so many milliseconds of a function, in dollars.
pub fn billed(memory_mb: u32, milliseconds: u64, invocations: u64) -> f64 {
    let gb_seconds = f64::from(memory_mb) / 1_024.0 * milliseconds as f64 / 1_000.0;
    Architecture::Arm64.gb_second_usd() * gb_seconds + LAMBDA_INVOCATION_USD * invocations as f64
}
