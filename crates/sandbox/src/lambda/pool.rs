//! A function's execution environments: reused most recently used first, started when none is
//! idle, never more than the function's concurrency.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::environment::Environment;
use super::host::Host;
use super::interruption::Interruption;
use super::outcome::{Failure, Outcome};
use super::report::{self, Report};
use super::stats::Counters;
use super::{Function, Request};

/// The place of one running invocation; dropping it frees the place.
pub(super) type Permit = OwnedSemaphorePermit;

/// A function and its environments.
pub(super) struct Pool {
    pub(super) function: Function,
    pub(super) arn: String,
    pub(super) host: Arc<Host>,
    pub(super) counters: Counters,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Environment>>,
}

/// What an invocation says of its own cost.
struct Costs {
    init: Option<Duration>,
    duration: Duration,
    peak_memory_bytes: Option<u64>,
}

impl Pool {
    pub(super) fn new(function: Function, arn: String, host: Arc<Host>) -> Self {
        let places = function.concurrency.min(Semaphore::MAX_PERMITS);
        Self {
            function,
            arn,
            host,
            counters: Counters::default(),
            places: Arc::new(Semaphore::new(places)),
            idle: Mutex::default(),
        }
    }

    /// A place for one invocation, if there is one now.
    pub(super) fn try_permit(&self) -> Option<Permit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// A place for one invocation, in the order of asking.
    pub(super) async fn permit(&self) -> Permit {
        let permit = self.places.clone().acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    /// How many more invocations may run now.
    pub(super) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    /// How many environments wait for an invocation.
    pub(super) fn idle_environments(&self) -> usize {
        let mut idle = self.idle();
        idle.retain(Environment::is_usable);
        idle.len()
    }

    /// Runs one invocation in an idle environment or a new one, and writes its log lines.
    pub(super) async fn run(&self, _permit: &Permit, request: &Request) -> Outcome {
        let _running = self.counters.begin();
        let concurrency = self.counters.lock().concurrency;
        self.measure("ConcurrentExecutions", concurrency as f64);
        let request = &request.attempt();
        self.log(&report::start(&request.id));
        let idle = self.take_idle();
        if idle.as_ref().is_none_or(Environment::is_new) {
            self.host.timing.environment(&self.function.name).await;
        }
        let (outcome, costs) = match idle {
            Some(environment) => self.run_in(environment, request).await,
            None => self.run_in_new(request).await,
        };
        self.settle(request, &outcome, &costs);
        outcome
    }

    /// Kills every idle environment.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    async fn run_in_new(&self, request: &Request) -> (Outcome, Costs) {
        let began = Instant::now();
        let started = Environment::start(&self.function, &self.host).await;
        let mut environment = match started {
            Ok(environment) => environment,
            Err(error) => {
                let costs = Costs::lost(began.elapsed(), None);
                return (Outcome::not_started(&request.id, &error), costs);
            }
        };
        self.counters.lock().environments_started += 1;
        match environment.init(&request.id).await {
            Ok(()) => self.run_in(environment, request).await,
            Err(outcome) => {
                environment.flush_logs().await;
                let costs = Costs::lost(began.elapsed(), environment.peak_memory_bytes());
                (outcome, costs)
            }
        }
    }

    async fn run_in(&self, mut environment: Environment, request: &Request) -> (Outcome, Costs) {
        let init = match environment.take_init() {
            Some(init) => Some(init + self.cold_start().await),
            None => None,
        };
        let began = Instant::now();
        let interruption = Interruption::of(&self.host.faults, &self.function, request);
        let outcome = environment
            .invoke(&self.function, &self.arn, request, interruption)
            .await;
        let costs = Costs {
            init,
            duration: began.elapsed(),
            peak_memory_bytes: environment.peak_memory_bytes(),
        };
        environment.flush_logs().await;
        self.put_back(environment);
        (outcome, costs)
    }

    /// Lets the first invocation of an environment wait as the model says, and tells how long that is.
    async fn cold_start(&self) -> Duration {
        let cold_start = self.host.timing.cold_start();
        if !cold_start.is_zero() {
            sleep(cold_start).await;
        }
        cold_start
    }

    fn take_idle(&self) -> Option<Environment> {
        let mut idle = self.idle();
        // One that ended while it was idle is dropped and costs nobody an invocation.
        idle.retain(Environment::is_usable);
        idle.pop()
    }

    pub(super) fn put_back(&self, environment: Environment) {
        let mut idle = self.idle();
        if environment.is_usable() && !self.host.stopping.is_cancelled() {
            idle.push(environment);
        }
    }

    /// Writes the END and REPORT lines and counts what the invocation cost.
    fn settle(&self, request: &Request, outcome: &Outcome, costs: &Costs) {
        let status = outcome.failure.as_ref().and_then(Failure::status);
        let report = Report {
            request_id: &request.id,
            duration: costs.duration,
            init: costs.init,
            memory_mb: self.function.memory_mb,
            peak_memory_bytes: costs.peak_memory_bytes,
            status: status.as_deref(),
            trace: Some(&request.trace).filter(|trace| trace.is_sampled),
        };
        if status.is_some() {
            self.log(&String::from_utf8_lossy(&outcome.payload));
        }
        self.log(&report::end(&request.id));
        self.log(&report.to_string());
        let failed = u8::from(outcome.failure.is_some());
        self.measure("Invocations", 1.0);
        self.measure("Errors", f64::from(failed));
        let duration_ms = millis(costs.duration);
        self.measure("Duration", duration_ms);
        let mut stats = self.counters.lock();
        stats.errors += u64::from(outcome.failure.is_some());
        stats.timeouts += u64::from(outcome.failure == Some(Failure::Timeout));
        stats.billed_ms_total += report.billed_ms();
        stats.duration_ms_total += duration_ms;
        stats.init_ms_total += costs.init.map_or(0.0, millis);
        stats.peak_memory_bytes = stats.peak_memory_bytes.max(costs.peak_memory_bytes);
    }

    /// Keeps a value for CloudWatch, in Lambda's units. All are of the time they are known; Lambda gives those of an
    /// invocation the time of its beginning
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>).
    pub(super) fn measure(&self, name: &'static str, value: f64) {
        let metrics = &self.host.metrics;
        metrics.add("AWS/Lambda", name, &self.function.name, value);
    }

    fn log(&self, line: &str) {
        self.host.logs.line(&self.function.name, line);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Costs {
    /// An environment that did not come up: all its time is billed as the invocation's.
    fn lost(duration: Duration, peak_memory_bytes: Option<u64>) -> Self {
        Self {
            init: None,
            duration,
            peak_memory_bytes,
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
