//! Strategies of threads that block on one request each.

use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, anyhow};

use super::s3::Copies;

/// Days of the pool of days.
const DAYS: usize = 31;

/// Lists the day and copies it with so many threads.
pub fn pool(copies: &Copies, threads: usize) -> Result<()> {
    let keys = copies.runtime.block_on(copies.keys())?;
    each(keys, threads, |key| {
        copies.runtime.block_on(copies.copy(&key))
    })
}

/// A pool of days, each of which lists its own and has a pool of so many threads. The workload has one day.
pub fn pool_per_day(copies: &Copies, threads: usize) -> Result<()> {
    each(vec![()], DAYS, |()| pool(copies, threads))
}

/// Does the work with every item, in so many threads, to the end; tells the first error.
pub fn each<T: Send>(
    items: Vec<T>,
    threads: usize,
    work: impl Fn(T) -> Result<()> + Sync,
) -> Result<()> {
    let items = Mutex::new(items.into_iter());
    let next = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        items.next()
    };
    let until_all_are_done = || {
        let mut outcome = Ok(());
        while let Some(item) = next() {
            outcome = outcome.and(work(item));
        }
        outcome
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(until_all_are_done))
            .collect();
        let outcomes = threads.into_iter().map(|thread| {
            let outcome = thread.join();
            outcome.unwrap_or_else(|_| Err(anyhow!("a thread has panicked")))
        });
        outcomes.fold(Ok(()), Result::and)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn every_item_is_done_once_and_an_error_stops_none() {
        let sum = AtomicU32::new(0);
        let outcome = each((1..=100).collect(), 7, |item| {
            sum.fetch_add(item, Ordering::Relaxed);
            if item == 50 {
                Err(anyhow!("not that one"))
            } else {
                Ok(())
            }
        });
        assert_eq!(sum.into_inner(), 5_050);
        assert_eq!(outcome.unwrap_err().to_string(), "not that one");
    }
}
