//! How long S3, SNS and Lambda take: the clock of a sandbox, set by a [`Model`].
//!
//! A request takes effect when it arrives, and only its answer waits: as long as its operation's latency and, for a
//! copy, as its bytes move. What a client has not been told yet, another one can see. Requests wait side by side; what
//! they share is the bandwidth of all copies, the requests a second that a prefix takes, and the environments that
//! Lambda starts in ten seconds.

mod check;
mod clock;
mod model;
mod prefixes;
mod tokens;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use clock::{Clock, seconds};
pub use model::{InvalidModel, LambdaTimes, Latency, Model, Rates, WarmUp};
pub(crate) use prefixes::{Demand, prefix_of};

/// The clock of one sandbox: answers come as soon as they are ready, until a model is set.
#[derive(Debug)]
pub struct Timing {
    clock: RwLock<Arc<Clock>>,
    slow_downs: Arc<AtomicU64>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            clock: RwLock::new(Arc::new(Clock::new(Model::default()))),
            slow_downs: Arc::default(),
        }
    }
}

impl Timing {
    /// Lets requests to S3 and SNS that arrive from now on, and environments of functions that start from now on, take
    /// the time of a model; the answers of SQS and of Lambda's own API are not delayed. Every prefix is new to it, and
    /// its jitter begins again.
    pub fn set(&self, model: impl Into<Model>) {
        let clock = Arc::new(Clock::new(model.into()));
        *self.clock.write().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    /// How many requests have been answered 503 SlowDown since the sandbox started, because their prefix had more than
    /// the model allows. Faults are not counted.
    pub fn slow_downs(&self) -> u64 {
        self.slow_downs.load(Ordering::Relaxed)
    }

    /// A request whose head has arrived just now.
    pub(crate) fn arrival(&self) -> Arrival {
        let clock = self.clock();
        let answer = Answer {
            latency_ms: clock.model.latency_ms.usual(),
            jitter: 1.0,
            alone: Duration::ZERO,
            all_moved: None,
        };
        Arrival {
            at: Instant::now(),
            clock,
            slow_downs: Arc::clone(&self.slow_downs),
            answer: Arc::new(Mutex::new(answer)),
        }
    }

    /// Waits until a function may start an execution environment.
    pub(crate) async fn environment(&self, function: &str) {
        let wait = self.clock().environment(function, Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    /// What the first invocation of an environment waits for it besides its process.
    pub(crate) fn cold_start(&self) -> Duration {
        seconds(self.clock().model.lambda.cold_start_ms / 1_000.0)
    }

    /// Whether functions get only the share of a processor that their memory stands for.
    pub(crate) fn has_processor_by_memory(&self) -> bool {
        self.clock().model.lambda.processor_by_memory
    }

    fn clock(&self) -> Arc<Clock> {
        let clock = self.clock.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&clock)
    }
}

/// When a request arrived, and how long its answer waits. It travels with the request to where the operation is known,
/// and to where a copy is made.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    at: Instant,
    clock: Arc<Clock>,
    slow_downs: Arc<AtomicU64>,
    answer: Arc<Mutex<Answer>>,
}

/// What an answer waits for.
#[derive(Debug)]
struct Answer {
    latency_ms: f64,
    /// By what the latency is multiplied.
    jitter: f64,
    /// How long the bytes of a copy move, were it the only one.
    alone: Duration,
    /// When those of all copies have moved.
    all_moved: Option<Instant>,
}

impl Arrival {
    /// Tells which operation the request asks for; one that asks for none waits as most do.
    pub(crate) fn asks_for(&self, operation: &str) {
        let mut answer = self.answer();
        answer.latency_ms = self.clock.model.latency_ms.of(operation);
        answer.jitter = self.clock.jitter(operation);
    }

    /// Whether the prefixes of the request take it. One that they refuse waits as most requests do: what its operation
    /// takes longer for is not done.
    pub(crate) fn is_admitted(&self, demand: impl FnOnce() -> Demand) -> bool {
        let is_admitted = self.clock.admits(demand, self.at);
        if !is_admitted {
            self.slow_downs.fetch_add(1, Ordering::Relaxed);
            self.answer().latency_ms = self.clock.model.latency_ms.usual();
        }
        is_admitted
    }

    /// Tells how many bytes the request has copied.
    pub(crate) fn copies(&self, bytes: u64) {
        let moved = self.clock.moves(bytes, self.at);
        let mut answer = self.answer();
        answer.alone = moved.alone;
        answer.all_moved = moved.all_moved;
    }

    /// Gives an answer no sooner than the model allows; requests wait side by side.
    pub(crate) async fn hold<T>(&self, answer: impl Future<Output = T>) -> T {
        let answer = answer.await;
        let due = self.due();
        if due > self.at {
            sleep_until(due).await;
        }
        answer
    }

    /// When the answer comes at the soonest.
    fn due(&self) -> Instant {
        let answer = self.answer();
        let latency = seconds(answer.latency_ms * answer.jitter / 1_000.0);
        let alone = self.at + latency + answer.alone;
        answer.all_moved.map_or(alone, |all| all.max(alone))
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
