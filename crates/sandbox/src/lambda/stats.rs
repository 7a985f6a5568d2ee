//! What a function has done so far, in numbers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// A function's numbers. Every attempt of an asynchronous event is an invocation of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Invocations that have begun.
    pub invocations: u64,
    /// Invocations that have ended in an error, whatever the reason.
    pub errors: u64,
    /// Those of `errors` that hit the function's timeout.
    pub timeouts: u64,
    /// Synchronous invocations refused because the function ran at its concurrency.
    pub throttles: u64,
    /// Processes started.
    pub environments_started: u64,
    /// Invocations running now.
    pub concurrency: usize,
    /// The most that ran at the same time.
    pub concurrency_reached: usize,
    /// Asynchronous events accepted.
    pub events: u64,
    /// Asynchronous events waiting for an environment now.
    pub events_queued: usize,
    /// Asynchronous events waiting for a retry now.
    pub events_retrying: usize,
    /// Asynchronous events accepted and neither done nor given up now: waiting, running or between two attempts.
    pub events_under_way: usize,
    /// The most that were under way at the same time.
    pub events_under_way_reached: usize,
    /// Asynchronous events given up, each with a failure record.
    pub events_failed: u64,
    /// The largest resident set any environment has had; unknown where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// The sum of the billed durations, initialisation included.
    pub billed_ms_total: u64,
    /// The sum of the invocations' durations in milliseconds, each as its REPORT line tells it, but not rounded.
    pub duration_ms_total: f64,
    /// The sum of the environments' initialisation times in milliseconds, likewise.
    pub init_ms_total: f64,
}

/// Numbers that several tasks change.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<Stats>);

impl Counters {
    pub(super) fn lock(&self) -> MutexGuard<'_, Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an event as accepted and under way.
    pub(super) fn accept_event(&self) {
        let mut stats = self.lock();
        stats.events += 1;
        stats.events_under_way += 1;
        stats.events_under_way_reached = stats.events_under_way_reached.max(stats.events_under_way);
    }

    /// Counts an invocation as running until the guard is dropped.
    pub(super) fn begin(&self) -> Running<'_> {
        let mut stats = self.lock();
        stats.invocations += 1;
        stats.concurrency += 1;
        stats.concurrency_reached = stats.concurrency_reached.max(stats.concurrency);
        Running(self)
    }
}

/// One running invocation.
pub(super) struct Running<'a>(&'a Counters);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().concurrency -= 1;
    }
}
