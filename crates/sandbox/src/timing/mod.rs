//! How long S3 and SNS take to answer.

mod model;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

pub use model::{InvalidModel, LambdaTimes, Latency, Model, Rates, WarmUp};

/// The clock of one sandbox: answers come as soon as they are ready, until a latency is set.
#[derive(Debug, Default)]
pub struct Timing(RwLock<Arc<Model>>);

impl Timing {
    /// Delays the answers of S3 and SNS to requests that arrive from now on; those of SQS and Lambda are not delayed. A request takes
    /// effect when it arrives and only its answer waits: what a client has not been told yet, another one can see.
    pub fn set(&self, model: impl Into<Model>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(model.into());
    }

    /// A request whose head has arrived just now.
    pub(crate) fn arrival(&self) -> Arrival {
        let model = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arrival {
            at: Instant::now(),
            model: Arc::clone(&model),
            own: Arc::default(),
        }
    }
}

/// When a request arrived, and how long its answer waits. It travels with the request to where the operation is known.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    at: Instant,
    model: Arc<Model>,
    own: Arc<OnceLock<f64>>,
}

impl Arrival {
    /// Tells which operation the request asks for; one that asks for none waits as most do.
    pub(crate) fn asks_for(&self, operation: &str) {
        // A request asks once.
        let _ = self.own.set(self.model.latency_ms.of(operation));
    }

    /// Gives an answer no sooner than its latency allows; requests wait side by side.
    pub(crate) async fn hold<T>(&self, answer: impl Future<Output = T>) -> T {
        let answer = answer.await;
        let usual = self.model.latency_ms.usual();
        let latency_ms = *self.own.get().unwrap_or(&usual);
        if latency_ms > 0.0 {
            sleep_until(self.at + Duration::from_secs_f64(latency_ms / 1_000.0)).await;
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// How long a request to an operation waits, by Tokio's clock.
    async fn wait(timing: &Timing, operation: Option<&str>) -> Duration {
        let arrival = timing.arrival();
        if let Some(operation) = operation {
            arrival.asks_for(operation);
        }
        arrival.hold(ready(())).await;
        arrival.at.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_as_long_as_its_operation_takes() {
        let timing = Timing::default();
        assert_eq!(wait(&timing, Some("CopyObject")).await, Duration::ZERO);
        let latency = Latency::of_all(20 * MILLISECOND);
        let latency = latency.except("CopyObject", 1_960 * MILLISECOND);
        timing.set(latency.except("HeadObject", Duration::ZERO));
        for (operation, milliseconds) in [
            (Some("CopyObject"), 1_960),
            (Some("PublishBatch"), 20),
            (Some("HeadObject"), 0),
            (None, 20),
        ] {
            let expected = milliseconds * MILLISECOND;
            assert_eq!(wait(&timing, operation).await, expected, "{operation:?}");
        }
        timing.set(Model::default());
        assert_eq!(wait(&timing, Some("CopyObject")).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_requests_wait_side_by_side() {
        let timing = Timing::default();
        timing.set(Latency::of_all(20 * MILLISECOND));
        let began = Instant::now();
        let waits = (0..10_000).map(|_| wait(&timing, Some("HeadObject")));
        futures::future::join_all(waits).await;
        assert_eq!(began.elapsed(), 20 * MILLISECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_an_answer_takes_by_itself_counts() {
        let timing = Timing::default();
        timing.set(Latency::of_all(20 * MILLISECOND));
        for (work, whole) in [(15, 20), (25, 25)] {
            let arrival = timing.arrival();
            arrival.hold(tokio::time::sleep(work * MILLISECOND)).await;
            assert_eq!(arrival.at.elapsed(), whole * MILLISECOND);
        }
    }

    #[test]
    #[should_panic(expected = "the sandbox has no operation \"CopyObjects\"")]
    fn an_operation_that_does_not_exist_has_no_latency() {
        let _ = Latency::default().except("CopyObjects", MILLISECOND);
    }
}
