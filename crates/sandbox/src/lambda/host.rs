//! What all functions of one sandbox share: region, variables, log sink, tasks and their end.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Logs;
use crate::cloudwatch::Metrics;
use crate::faults::Faults;
use crate::iam::Iam;
use crate::sqs::Sqs;
use crate::timing::Timing;

/// What Lambda uses of the rest of the sandbox.
pub(crate) struct Services {
    pub(crate) iam: Arc<Iam>,
    pub(crate) faults: Arc<Faults>,
    /// Where the records of events given up go.
    pub(crate) sqs: Sqs,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) timing: Arc<Timing>,
}

/// The machine the functions run on.
pub(super) struct Host {
    pub(super) region: String,
    /// Variables for every function, such as where the sandbox listens.
    pub(super) variables: Vec<(String, String)>,
    pub(super) iam: Arc<Iam>,
    pub(super) logs: Logs,
    pub(super) faults: Arc<Faults>,
    /// Where the records of events given up go.
    pub(super) sqs: Sqs,
    pub(super) metrics: Arc<Metrics>,
    pub(super) timing: Arc<Timing>,
    /// Invocations, retries and processes; all of them end before a shutdown does.
    pub(super) tasks: TaskTracker,
    pub(super) stopping: CancellationToken,
    /// Asynchronous events that are queued, waiting for a retry, or running.
    pub(super) outstanding: watch::Sender<usize>,
    runtime: Handle,
}

impl Host {
    /// Must be called within a Tokio runtime, which will run everything.
    pub(super) fn new(
        region: &str,
        variables: Vec<(String, String)>,
        logs: Logs,
        services: Services,
    ) -> Self {
        let Services {
            iam,
            faults,
            sqs,
            metrics,
            timing,
        } = services;
        Self {
            region: region.to_owned(),
            variables,
            iam,
            logs,
            faults,
            sqs,
            metrics,
            timing,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            outstanding: watch::Sender::new(0),
            runtime: Handle::current(),
        }
    }

    /// Runs a task until it is done or the sandbox stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        let task = async move {
            stopping.run_until_cancelled(task).await;
        };
        self.tasks.spawn_on(task, &self.runtime);
    }
}
