//! Small calls in one function: one after the other, by threads, by processes, or by one event loop.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use futures::future::try_join_all;

use super::s3::Copies;
use super::threads;

/// How the calls are made.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Calling {
    Sequential,
    Threads,
    Processes,
    Async,
}

/// Which calls are made.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Shape {
    /// One for each of so many keys that are known.
    Ping,
    /// One for each key of a listing.
    SumSizes,
}

/// Makes a call for each object and sums their sizes.
///
/// # Errors
/// A request failed.
pub async fn sum(copies: Copies, how: Calling, keys: Vec<String>) -> Result<u64> {
    match how {
        Calling::Sequential => {
            let mut sum = 0;
            for key in keys {
                sum += copies.size(&key).await?;
            }
            Ok(sum)
        }
        Calling::Async => {
            let sizes = try_join_all(keys.iter().map(|key| copies.size(key)));
            Ok(sizes.await?.into_iter().sum())
        }
        Calling::Threads => blocking(move || sum_by_threads(&copies, keys)).await,
        Calling::Processes => blocking(move || sum_by_processes(keys)).await,
    }
}

async fn blocking(work: impl FnOnce() -> Result<u64> + Send + 'static) -> Result<u64> {
    tokio::task::spawn_blocking(work)
        .await
        .context("the calls have panicked")?
}

/// A thread per call.
fn sum_by_threads(copies: &Copies, keys: Vec<String>) -> Result<u64> {
    let (sum, threads) = (AtomicU64::new(0), keys.len());
    threads::each(keys, threads, |key| {
        let size = copies.runtime.block_on(copies.size(&key))?;
        sum.fetch_add(size, Ordering::Relaxed);
        Ok(())
    })?;
    Ok(sum.into_inner())
}

/// A process per call, which tells its result through a pipe: Lambda has no shared memory.
fn sum_by_processes(keys: Vec<String>) -> Result<u64> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let start = |key: String| {
        let mut command = Command::new(&program);
        command.args(["bench", "strategy", "look", &key]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        child.context("cannot start a process for a call")
    };
    // All of them are started before the first is waited for.
    let children: Vec<_> = keys.into_iter().map(start).collect();
    let mut sum = 0;
    for child in children {
        let output = child?.wait_with_output()?;
        ensure!(
            output.status.success(),
            "a call's process: {}",
            output.status
        );
        let text = String::from_utf8(output.stdout)?;
        sum += text.trim().parse::<u64>()?;
    }
    Ok(sum)
}

/// The other end of the pipe.
///
/// # Errors
/// S3 does not tell.
pub async fn print_size(key: &str) -> Result<()> {
    println!("{}", Copies::open().await.size(key).await?);
    Ok(())
}
