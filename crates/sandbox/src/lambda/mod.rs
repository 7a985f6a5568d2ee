//! AWS Lambda: functions as processes behind the real Runtime API, synchronous and asynchronous.

mod ahead;
mod api;
mod environment;
mod error;
mod function;
mod host;
mod interruption;
mod logs;
mod outcome;
mod pool;
mod process;
mod processor;
mod queue;
mod record;
mod report;
mod request;
mod runtime_api;
mod session;
mod stats;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::trace::Trace;

pub(crate) use api::{refuse, respond};
pub use error::Error;
pub use function::Function;
pub(crate) use function::name_of;
pub(crate) use host::Services;
pub use logs::Logs;
pub(crate) use outcome::MAX_SYNC_PAYLOAD_BYTES;
pub use stats::Stats;

use host::Host;
use outcome::{MAX_EVENT_BYTES, Outcome};
use pool::Pool;
use queue::Queue;
use request::Request;

/// The Lambda of one sandbox. Clones are the same Lambda.
#[derive(Clone)]
pub struct Lambda {
    host: Arc<Host>,
    functions: Arc<RwLock<BTreeMap<String, Arc<Entry>>>>,
}

struct Entry {
    pool: Arc<Pool>,
    queue: Arc<Queue>,
}

/// The answer to a synchronous invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// 200, also when the function failed.
    pub status: u16,
    /// `Unhandled` when the function or its environment failed.
    pub function_error: Option<String>,
    /// The function's answer, or the JSON description of the error.
    pub payload: Bytes,
    /// The id in the function's log lines.
    pub request_id: String,
    /// Always `$LATEST`.
    pub executed_version: String,
}

impl Lambda {
    /// A Lambda without functions, whose processes run on the current Tokio runtime.
    pub(crate) fn new(
        region: &str,
        variables: Vec<(String, String)>,
        logs: Logs,
        services: Services,
    ) -> Self {
        Self {
            host: Arc::new(Host::new(region, variables, logs, services)),
            functions: Arc::default(),
        }
    }

    /// Adds a function and returns its ARN. No process is started before an invocation needs one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFunction`] and [`Error::AlreadyExists`].
    pub fn create_function(&self, function: Function) -> Result<String, Error> {
        function.check()?;
        let destination = function.on_failure.as_deref();
        if destination.is_some_and(|arn| !self.host.sqs.has(arn)) {
            return Err(Error::InvalidFunction(
                "the on-failure destination must be the ARN of a queue of the sandbox",
            ));
        }
        let name = function.name.clone();
        let arn = function::arn(&self.host.region, &name);
        let mut functions = self
            .functions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if functions.contains_key(&name) {
            return Err(Error::AlreadyExists(name));
        }
        let pool = Arc::new(Pool::new(function, arn.clone(), self.host.clone()));
        let queue = Queue::start(pool.clone());
        functions.insert(name, Arc::new(Entry { pool, queue }));
        Ok(arn)
    }

    /// Takes a function away, by name or ARN. What of its events Lambda has accepted is still done.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn delete_function(&self, name: &str) -> Result<(), Error> {
        let entry = self.find(name)?;
        let functions = self.functions.write();
        let mut functions = functions.unwrap_or_else(PoisonError::into_inner);
        functions.remove(&entry.pool.function.name);
        entry.pool.clear();
        Ok(())
    }

    /// Invokes a function, by name or ARN, and waits for its answer (`RequestResponse`). The
    /// invocation goes on when the caller stops waiting.
    ///
    /// # Errors
    ///
    /// What Lambda refuses: [`Error::NotFound`], [`Error::Throttled`], [`Error::InvalidPayload`],
    /// [`Error::TooLarge`].
    pub async fn invoke(&self, name: &str, payload: impl Into<Bytes>) -> Result<Response, Error> {
        self.invoke_now(name, payload, None).await
    }

    /// Invokes a function, as part of a trace or as the beginning of one.
    pub(crate) async fn invoke_now(
        &self,
        name: &str,
        payload: impl Into<Bytes>,
        trace: Option<&Trace>,
    ) -> Result<Response, Error> {
        let entry = self.find(name)?;
        let limit = MAX_SYNC_PAYLOAD_BYTES;
        let request = Request::new(payload.into(), "RequestResponse", limit, trace)?;
        let Some(permit) = entry.pool.try_permit() else {
            entry.pool.counters.lock().throttles += 1;
            entry.pool.measure("Throttles", 1.0);
            return Err(Error::Throttled);
        };
        let request_id = request.id.clone();
        let (done, outcome) = oneshot::channel();
        self.host.spawn(async move {
            let outcome = entry.pool.run(&permit, &request).await;
            // The place is free before the caller can ask for the next.
            drop(permit);
            let _ = done.send(outcome);
        });
        let outcome: Outcome = outcome.await.map_err(|_| Error::Stopped)?;
        Ok(Response {
            status: 200,
            function_error: outcome.failure.map(|_| "Unhandled".to_owned()),
            payload: outcome.payload,
            request_id,
            executed_version: function::VERSION.to_owned(),
        })
    }

    /// Queues an event for a function, by name or ARN (`Event`), and returns its request id.
    ///
    /// # Errors
    ///
    /// What Lambda refuses: [`Error::NotFound`], [`Error::InvalidPayload`], [`Error::TooLarge`].
    pub fn invoke_async(&self, name: &str, payload: impl Into<Bytes>) -> Result<String, Error> {
        self.invoke_later(name, payload, Duration::ZERO, None)
    }

    /// Queues an event that takes so long to get to Lambda, as part of a trace or as the beginning of one.
    pub(crate) fn invoke_later(
        &self,
        name: &str,
        payload: impl Into<Bytes>,
        delay: Duration,
        trace: Option<&Trace>,
    ) -> Result<String, Error> {
        let entry = self.find(name)?;
        let request = Request::new(payload.into(), "Event", MAX_EVENT_BYTES, trace)?;
        if self.host.stopping.is_cancelled() {
            return Err(Error::Stopped);
        }
        let id = request.id.clone();
        entry.queue.clone().accept(request, delay);
        Ok(id)
    }

    /// Starts execution environments of a function, by name or ARN, until so many wait for an invocation, at most as
    /// many as it may still run, and tells how long that took on this machine. Lambda would not: the first invocation
    /// of each waits for it as a model says, and that, not the start here, is its initialisation.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NotStarted`] and [`Error::Stopped`].
    pub async fn start_ahead(&self, name: &str, environments: usize) -> Result<Duration, Error> {
        let entry = self.find(name)?;
        let started = entry.pool.start_ahead(environments);
        let started = self.host.stopping.run_until_cancelled(started).await;
        started.unwrap_or(Err(Error::Stopped))
    }

    /// Resolves when no asynchronous event of any function is queued, waiting for a retry or
    /// running; or when the sandbox has stopped.
    pub async fn idle(&self) {
        let mut outstanding = self.host.outstanding.subscribe();
        tokio::select! {
            _ = outstanding.wait_for(|count| *count == 0) => {}
            () = self.host.stopping.cancelled() => {}
        }
    }

    /// The function's numbers so far.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn stats(&self, name: &str) -> Result<Stats, Error> {
        Ok(self.find(name)?.pool.counters.lock().clone())
    }

    /// The on-failure records of the events given up, oldest first, in the shape Lambda sends to
    /// a destination.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn failures(&self, name: &str) -> Result<Vec<Value>, Error> {
        Ok(self.find(name)?.queue.failures())
    }

    /// The names of all functions, in order.
    pub fn functions(&self) -> Vec<String> {
        let functions = self.functions.read();
        let functions = functions.unwrap_or_else(PoisonError::into_inner);
        functions.keys().cloned().collect()
    }

    /// The ARN of a function, given by name or ARN.
    pub(crate) fn arn_of(&self, name: &str) -> Option<String> {
        Some(self.find(name).ok()?.pool.arn.clone())
    }

    /// Ends every invocation and kills every process, without waiting for their end.
    pub(crate) fn stop(&self) {
        self.host.stopping.cancel();
        let functions = self.functions.read();
        for entry in functions.unwrap_or_else(PoisonError::into_inner).values() {
            entry.pool.clear();
        }
    }

    /// Ends every invocation, kills every process and waits until each has gone.
    pub(crate) async fn shutdown(&self) {
        self.stop();
        self.host.tasks.close();
        self.host.tasks.wait().await;
    }

    fn find(&self, name: &str) -> Result<Arc<Entry>, Error> {
        let region = &self.host.region;
        let not_found = || match name.starts_with("arn:") {
            true => Error::NotFound(name.to_owned()),
            false => Error::NotFound(function::arn(region, name)),
        };
        let key = name_of(region, name).ok_or_else(not_found)?;
        let functions = self.functions.read();
        let functions = functions.unwrap_or_else(PoisonError::into_inner);
        functions.get(key).cloned().ok_or_else(not_found)
    }
}

impl std::fmt::Debug for Lambda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.functions()).finish()
    }
}

/// A time as AWS writes it in events: UTC with milliseconds.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    format!("{time:.3}")
}
