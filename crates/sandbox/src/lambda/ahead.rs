//! Environments that are started before anything is invoked, so that the starts of processes can be told apart.

use std::thread::available_parallelism;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::Error;
use super::environment::Environment;
use super::pool::Pool;

/// Processes that start at the same time for each of this machine's processors: with more of them, some would not come
/// up in the time that Lambda gives them.
const STARTS_PER_PROCESSOR: usize = 2;

/// Stands for the id of an invocation in what is said of an environment that does not come up.
const NO_REQUEST: &str = "none";

impl Pool {
    /// Starts environments until so many are idle, at most as many as there are places, and tells how long it took.
    ///
    /// # Errors
    ///
    /// [`Error::NotStarted`]; those that have come up by then stay.
    pub(super) async fn start_ahead(&self, environments: usize) -> Result<Duration, Error> {
        let began = Instant::now();
        let wanted = environments.min(self.free_places());
        let missing = wanted.saturating_sub(self.idle_environments());
        let at_once = available_parallelism().map_or(1, usize::from) * STARTS_PER_PROCESSOR;
        stream::iter(0..missing)
            .map(|_| self.start_one())
            .buffer_unordered(at_once)
            .try_collect::<()>()
            .await?;
        Ok(began.elapsed())
    }

    async fn start_one(&self) -> Result<(), Error> {
        let environment = Environment::start(&self.function, &self.host).await;
        let mut environment = environment.map_err(|error| Error::NotStarted(error.to_string()))?;
        self.counters.lock().environments_started += 1;
        if let Err(outcome) = environment.init(NO_REQUEST).await {
            environment.flush_logs().await;
            let why = String::from_utf8_lossy(&outcome.payload).into_owned();
            return Err(Error::NotStarted(why));
        }
        environment.forget_init();
        self.put_back(environment);
        Ok(())
    }
}
