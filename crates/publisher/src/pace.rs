//! How fast messages are published: no faster than copiers drain them, by Little's law.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

/// What a copy takes besides moving bytes: looking at both sides, beginning and completing. In milliseconds.
const COPY_OVERHEAD_MS: u64 = 200;

/// A limit is kept to within this time: so much of its rate may be published at once.
const BURST: Duration = Duration::from_millis(100);

const MIB: u64 = 1 << 20;

/// How fast messages may be published.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Copies that may be in flight at the same time; 0 for no limit.
    pub max_copies_in_flight: u32,
    /// How fast one copy is estimated to be, all its parts together, in MiB per second.
    pub copy_mib_per_sec: u64,
    /// What so many copies drain in this time may wait in front of them.
    pub queue_ahead: Duration,
    /// Messages per second; 0 for no limit.
    pub publish_rate: u32,
}

/// Keeps to the limits. By Little's law N copies in flight that take R seconds each end N / R a second; messages
/// published faster only wait in Lambda's queue, which gives them up after hours.
pub struct Pace {
    limits: Limits,
    /// In milliseconds of copying.
    copies: Option<Limiter>,
    /// In messages.
    messages: Option<Limiter>,
}

impl Pace {
    /// Begins with nothing in the queue.
    pub fn new(limits: Limits) -> Pace {
        let copy_ms_per_sec = u64::from(limits.max_copies_in_flight) * 1_000;
        Pace {
            limits,
            copies: Limiter::new(copy_ms_per_sec, limits.queue_ahead.max(BURST)),
            messages: Limiter::new(limits.publish_rate.into(), BURST),
        }
    }

    /// Copies that may be in flight at the same time; 0 for no limit.
    pub fn max_copies_in_flight(&self) -> u32 {
        self.limits.max_copies_in_flight
    }

    /// How long the copy of so many bytes is estimated to take, in milliseconds.
    pub fn copy_ms(&self, size_bytes: u64) -> u64 {
        let moving =
            u128::from(size_bytes) * 1_000 / u128::from(self.limits.copy_mib_per_sec * MIB);
        u64::try_from(moving)
            .unwrap_or(u64::MAX)
            .saturating_add(COPY_OVERHEAD_MS)
    }

    /// Waits until a message for an object of this size may be published.
    pub async fn wait(&self, size_bytes: u64) {
        if let Some(copies) = &self.copies {
            copies.take(self.copy_ms(size_bytes)).await;
        }
        if let Some(messages) = &self.messages {
            messages.take(1).await;
        }
    }
}

/// A rate that is kept to.
struct Limiter {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>,
    clock: TokioClock,
    burst: NonZeroU32,
}

impl Limiter {
    /// So much a second, and what falls due in a time at once; none for a rate of 0.
    fn new(per_second: u64, burst: Duration) -> Option<Limiter> {
        let interval_ns = 1_000_000_000_u64.checked_div(per_second)?;
        let burst = u128::from(per_second) * burst.as_millis() / 1_000;
        let burst =
            NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(Duration::from_nanos(interval_ns))?.allow_burst(burst);
        let clock = TokioClock(Instant::now());
        Some(Limiter {
            limiter: RateLimiter::direct_with_clock(quota, clock),
            clock,
            burst,
        })
    }

    /// Waits until so much may pass; what is more than passes at once passes in pieces.
    async fn take(&self, mut much: u64) {
        while let Ok(Some(rest)) =
            u32::try_from(much.min(u64::from(self.burst.get()))).map(NonZeroU32::new)
        {
            match self.limiter.check_n(rest) {
                Ok(Ok(_)) => much -= u64::from(rest.get()),
                // Not to the moment: what falls due meanwhile goes into one batch.
                Ok(Err(early)) => {
                    sleep(early.wait_time_from(self.clock.now()).max(BURST / 2)).await
                }
                Err(_) => return,
            }
        }
    }
}

/// Tokio's clock, so that a test can turn it.
#[derive(Debug, Clone, Copy)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}
