//! When an invocation is to end, and how much earlier its work stops.

use std::future::{self, Future};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
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

/// When work stops: at the last moments of an invocation, when someone calls, or never.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(End);

#[derive(Debug, Clone, Copy)]
enum End {
    Never,
    At(Moments),
    Called(&'static Call),
}

#[derive(Debug, Clone, Copy)]
struct Moments {
    /// From here on nothing is started; what is under way may end.
    stop: Instant,
    /// From here on nothing is waited for: the rest of the margin is for leaving things in order.
    give_up: Instant,
}

/// Someone's wish that work should stop: Ctrl-C, where a command works and not an invocation.
#[derive(Debug)]
pub struct Call {
    is_made: AtomicBool,
    made: Notify,
}

impl Call {
    /// None yet.
    pub const fn new() -> Call {
        Call {
            is_made: AtomicBool::new(false),
            made: Notify::const_new(),
        }
    }

    /// From now on nothing is started; what is under way may end.
    pub fn make(&self) {
        self.is_made.store(true, Ordering::SeqCst);
        self.made.notify_waiters();
    }

    fn is_made(&self) -> bool {
        self.is_made.load(Ordering::SeqCst)
    }

    async fn made(&self) {
        // Waiting begins before the look: a call between the two is not missed.
        let made = self.made.notified();
        if !self.is_made() {
            made.await;
        }
    }
}

impl Default for Call {
    fn default() -> Call {
        Call::new()
    }
}

impl Deadline {
    /// Work takes as long as it takes.
    pub const NONE: Deadline = Deadline(End::Never);

    /// Work stops when it is told to.
    pub fn called(call: &'static Call) -> Deadline {
        Deadline(End::Called(call))
    }

    /// The margin before an invocation is killed.
    pub fn before(end: Instant, margin: Duration) -> Deadline {
        let earlier = |by| end.checked_sub(by).unwrap_or_else(Instant::now);
        Deadline(End::At(Moments {
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
        match self.0 {
            End::Never => false,
            End::At(moments) => moments.stop <= Instant::now(),
            End::Called(call) => call.is_made(),
        }
    }

    /// Waits until it is too late to start anything.
    pub async fn near(self) {
        match self.0 {
            End::Never => future::pending().await,
            End::At(moments) => sleep_until(moments.stop).await,
            End::Called(call) => call.made().await,
        }
    }

    /// Waits for a step, unless the time is up before; the step is dropped then. A call leaves it all its time:
    /// who calls twice ends the process.
    pub async fn wait_for<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        match self.0 {
            End::At(moments) => timeout_at(moments.give_up, step).await.ok(),
            End::Never | End::Called(_) => Some(step.await),
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

    #[tokio::test]
    async fn a_call_stops_what_has_not_begun_and_nothing_else() {
        static CALL: Call = Call::new();
        let deadline = Deadline::called(&CALL);
        assert!(!deadline.is_near());
        let near = tokio::spawn(deadline.near());
        tokio::task::yield_now().await;
        assert!(!near.is_finished());
        CALL.make();
        near.await.unwrap();
        assert!(deadline.is_near());
        deadline.near().await;
        assert_eq!(deadline.wait_for(async { 7 }).await, Some(7));
    }
}
