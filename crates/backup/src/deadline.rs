//! When an invocation is to end, and how much earlier its work stops.

use std::future::{self, Future};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::env::{EnvError, Environment};

/// How long before the end of an invocation work stops, where nothing else is configured.
const MARGIN_SECS: u64 = 20;

/// `DEADLINE_MARGIN_SECS`: how long before the end of its invocation work stops.
///
/// # Errors
/// It is not a whole number of seconds, or out of range.
pub fn margin(env: &Environment) -> Result<Duration, EnvError> {
    env.number("DEADLINE_MARGIN_SECS", MARGIN_SECS, 1..=600)
        .map(Duration::from_secs)
}

/// The last moments of an invocation, if it has any.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<Moments>);

#[derive(Debug, Clone, Copy)]
struct Moments {
    /// From here on nothing is started; what is under way may end.
    stop: Instant,
    /// From here on nothing is waited for: the rest of the margin is for leaving things in order.
    give_up: Instant,
}

impl Deadline {
    /// Work takes as long as it takes.
    pub const NONE: Deadline = Deadline(None);

    /// The margin before an invocation is killed.
    pub fn before(end: Instant, margin: Duration) -> Deadline {
        let earlier = |by| end.checked_sub(by).unwrap_or_else(Instant::now);
        Deadline(Some(Moments {
            stop: earlier(margin),
            give_up: earlier(margin / 4),
        }))
    }

    /// The same for an invocation that has this time left. At most half of it is margin: a short timeout must
    /// still leave time to work in.
    pub fn within(time_left: Duration, margin: Duration) -> Deadline {
        Deadline::before(Instant::now() + time_left, margin.min(time_left / 2))
    }

    /// Whether it is too late to start anything.
    pub fn is_near(&self) -> bool {
        self.0.is_some_and(|moments| moments.stop <= Instant::now())
    }

    /// Waits until it is too late to start anything.
    pub async fn near(self) {
        match self.0 {
            Some(moments) => sleep_until(moments.stop).await,
            None => future::pending().await,
        }
    }

    /// Waits for a step, unless the time is up before; the step is dropped then.
    pub async fn wait_for<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        match self.0 {
            Some(moments) => timeout_at(moments.give_up, step).await.ok(),
            None => Some(step.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, sleep};

    const MARGIN: Duration = Duration::from_secs(20);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[tokio::test(start_paused = true)]
    async fn is_near_from_the_margin_on() {
        let deadline = Deadline::before(Instant::now() + seconds(60), MARGIN);
        assert!(!deadline.is_near());
        advance(Duration::from_millis(39_999)).await;
        assert!(!deadline.is_near());
        advance(Duration::from_millis(1)).await;
        assert!(deadline.is_near());
        deadline.near().await;
        assert!(!Deadline::NONE.is_near());
    }

    #[tokio::test(start_paused = true)]
    async fn the_margin_is_at_most_half_of_the_time_left() {
        let deadline = Deadline::within(seconds(10), MARGIN);
        advance(Duration::from_millis(4_999)).await;
        assert!(!deadline.is_near());
        advance(Duration::from_millis(1)).await;
        assert!(deadline.is_near());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_may_end_within_most_of_the_margin_and_no_later() {
        let deadline = Deadline::before(Instant::now() + seconds(60), MARGIN);
        assert_eq!(deadline.wait_for(sleep(seconds(54))).await, Some(()));
        assert_eq!(deadline.wait_for(sleep(seconds(2))).await, None);
        assert_eq!(Deadline::NONE.wait_for(sleep(seconds(90))).await, Some(()));
    }
}
