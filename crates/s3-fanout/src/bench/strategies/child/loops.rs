//! Strategies of event loops.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::one_loop;
use super::s3::Copies;
use super::threads;

/// Keys of a page, where each page has a thread.
pub const PAGE_OF_50: i32 = 50;

/// One copy after the other.
pub async fn serial() -> Result<()> {
    let copies = Copies::open().await;
    let mut outcome = Ok(());
    for key in copies.keys().await? {
        outcome = outcome.and(copies.copy(&key).await);
    }
    outcome
}

/// A task per object, as many as there are.
pub async fn task_per_object() -> Result<()> {
    let copies = Copies::open().await;
    let keys = copies.keys().await?;
    tasks(&copies, keys).await
}

async fn tasks(copies: &Copies, keys: Vec<String>) -> Result<()> {
    let mut tasks = JoinSet::new();
    for key in keys {
        let copies = copies.clone();
        tasks.spawn(async move { copies.copy(&key).await });
    }
    all(tasks).await
}

/// The event loop hands a blocking call per object to the runtime's pool of threads.
pub async fn blocking_calls() -> Result<()> {
    let copies = Copies::open().await;
    let mut calls = JoinSet::new();
    for key in copies.keys().await? {
        let copies = copies.clone();
        calls.spawn_blocking(move || copies.runtime.block_on(copies.copy(&key)));
    }
    all(calls).await
}

/// Waits for all of them, and tells the first error.
async fn all(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    let mut outcome = Ok(());
    while let Some(done) = tasks.join_next().await {
        outcome = outcome.and(done.context("a task has panicked").flatten());
    }
    outcome
}

/// Pages of 50 keys, each to one of so many threads, which makes an event loop and a client for it.
pub fn loop_per_page(threads: usize) -> Result<()> {
    let (send, pages) = sync_channel::<Vec<String>>(threads);
    let pages = Mutex::new(pages);
    let next = || {
        let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.recv().ok()
    };
    std::thread::scope(|scope| {
        let listing = scope.spawn(move || {
            one_loop()?.block_on(async {
                let copies = Copies::open().await;
                let mut after = None;
                loop {
                    let (keys, next) = copies.page(Some(PAGE_OF_50), after).await?;
                    send.send(keys).context("no thread takes a page")?;
                    if next.is_none() {
                        return anyhow::Ok(());
                    }
                    after = next;
                }
            })
        });
        let copied = threads::each(vec![(); threads], threads, |()| {
            let mut outcome = Ok(());
            while let Some(keys) = next() {
                outcome = outcome.and(page(keys));
            }
            outcome
        });
        let listed = listing.join();
        let listed = listed.unwrap_or_else(|_| Err(anyhow::anyhow!("the listing has panicked")));
        listed.and(copied)
    })
}

fn page(keys: Vec<String>) -> Result<()> {
    one_loop()?.block_on(async {
        let copies = Copies::open().await;
        tasks(&copies, keys).await
    })
}
