//! When an invocation is to end, and how much earlier its copy stops.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::CopyError;

/// The last moments of an invocation, if it has any.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<Moments>);

#[derive(Debug, Clone, Copy)]
struct Moments {
    /// From here on no part is started; those in flight may end.
    stop: Instant,
    /// From here on nothing is waited for: the rest of the margin is for giving the parts back.
    give_up: Instant,
}

impl Deadline {
    /// Copies take as long as they take.
    pub const NONE: Deadline = Deadline(None);

    /// The margin before an invocation is killed.
    pub fn before(end: Instant, margin: Duration) -> Deadline {
        let earlier = |by| end.checked_sub(by).unwrap_or_else(Instant::now);
        Deadline(Some(Moments {
            stop: earlier(margin),
            give_up: earlier(margin / 4),
        }))
    }

    /// Whether it is too late to start anything.
    pub fn is_near(&self) -> bool {
        self.0.is_some_and(|moments| moments.stop <= Instant::now())
    }

    /// Waits for a step of an object's copy, unless the time is up before.
    ///
    /// # Errors
    /// The step's own, or [`CopyError::DeadlineNear`]; the step is dropped then.
    pub async fn wait_for<T>(
        &self,
        object: String,
        step: impl Future<Output = Result<T, CopyError>>,
    ) -> Result<T, CopyError> {
        let Some(moments) = self.0 else {
            return step.await;
        };
        let ended = timeout_at(moments.give_up, step).await;
        ended.unwrap_or(Err(CopyError::DeadlineNear { object }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, sleep};

    const MARGIN: Duration = Duration::from_secs(20);

    async fn step(seconds: u64) -> Result<u64, CopyError> {
        sleep(Duration::from_secs(seconds)).await;
        Ok(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn is_near_from_the_margin_on() {
        let deadline = Deadline::before(Instant::now() + Duration::from_secs(60), MARGIN);
        assert!(!deadline.is_near());
        advance(Duration::from_millis(39_999)).await;
        assert!(!deadline.is_near());
        advance(Duration::from_millis(1)).await;
        assert!(deadline.is_near());
        assert!(!Deadline::NONE.is_near());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_may_end_within_most_of_the_margin_and_no_later() {
        let deadline = Deadline::before(Instant::now() + Duration::from_secs(60), MARGIN);
        let object = || "s3://b/k".to_owned();
        assert_eq!(deadline.wait_for(object(), step(54)).await.unwrap(), 54);
        let late = deadline.wait_for(object(), step(2)).await;
        assert_eq!(late.unwrap_err().error_type(), "DeadlineNear");
        assert_eq!(
            Deadline::NONE.wait_for(object(), step(90)).await.unwrap(),
            90
        );
    }
}
