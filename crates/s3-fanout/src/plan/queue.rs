//! Lambda's queue and its limits: how long events wait, and whether a copy ends in its invocation. Pure arithmetic.

use serde::Serialize;

const MIB: f64 = (1 << 20) as f64;
const GIB: u64 = 1 << 30;

/// How long Lambda keeps an event; template.yaml's `MaximumEventAgeInSeconds`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
pub const MOST_WAIT_SECS: f64 = 6.0 * 3_600.0;

/// What an invocation has for a copy: Lambda's 15 minutes less template.yaml's `DeadlineMarginSecs`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const INVOCATION_SECS: f64 = 900.0 - 20.0;

/// Invocations of one event: the first, and template.yaml's retries.
const INVOCATIONS: f64 = 3.0;

/// Larger objects are gone on with; template.yaml's `ResumeThresholdGib`.
const RESUME_FROM_BYTES: u64 = 50 * GIB;

/// What may wait in front of the copiers before the publisher slows down; template.yaml's `QueueAheadSecs`.
const QUEUE_AHEAD_SECS: f64 = 3_600.0;

/// Invocations of a publisher that goes on by itself: the first, and template.yaml's `MaxContinuations`.
pub const PUBLISHER_INVOCATIONS: u64 = 13;

/// What a copy takes besides moving bytes, as the publisher reckons.
const PACE_OVERHEAD_SECS: f64 = 0.2;

/// What template.yaml says where nothing else is better.
const DEFAULT_COPY_MIB_PER_SEC: u64 = 200;

/// Whether invocations suffice for a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// One does.
    OneInvocation,
    /// Lambda's retries go on where the one before stopped.
    Resumed,
    /// No.
    TooLong,
}

impl Fit {
    /// Whether they suffice for the copy of an object that takes so long.
    pub fn of(size_bytes: u64, copy_secs: f64) -> Fit {
        if copy_secs <= INVOCATION_SECS {
            Fit::OneInvocation
        } else if size_bytes >= RESUME_FROM_BYTES && copy_secs <= INVOCATIONS * INVOCATION_SECS {
            Fit::Resumed
        } else {
            Fit::TooLong
        }
    }
}

/// What there is to copy, as far as it matters to the queue.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long all copies take one after the other, in seconds.
    pub busy_secs: f64,
    /// Copies at the same time.
    pub concurrency: u32,
    /// How long it takes to list and publish everything, if nothing holds that up.
    pub publishing_secs: f64,
    /// Until the last copy begins.
    pub last_begins_secs: f64,
}

/// How events wait, in seconds and per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Queue {
    /// N: copies at the same time.
    pub copies_at_once: u64,
    /// R: how long a copy takes on average, in seconds.
    pub mean_copy_secs: f64,
    /// X: copies that end in a second; N = X R.
    pub copies_per_sec: f64,
    /// The longest that an event waits if the publisher keeps its pace.
    pub longest_wait_secs: f64,
    /// The longest that an event would wait without a pace.
    pub longest_wait_unpaced_secs: f64,
    /// Events that Lambda would give up without a pace.
    pub given_up_unpaced: u64,
    /// How long the publisher works.
    pub publisher_secs: f64,
    /// Its invocations.
    pub publisher_invocations: u64,
}

/// How fast one copy is, all its parts together, in MiB a second, as the publisher's pace takes it: such that what it
/// reckons for all copies is what they take, or a little more.
pub fn copy_mib_per_sec(load: &Load) -> u64 {
    let moving_secs = load.busy_secs - PACE_OVERHEAD_SECS * load.objects as f64;
    match load.bytes as f64 / MIB / moving_secs {
        rate if rate.is_finite() && rate > 0.0 => (rate as u64).clamp(1, 10_000),
        _ => DEFAULT_COPY_MIB_PER_SEC,
    }
}

/// How events wait in Lambda's queue if the publisher takes copies to be so fast.
pub fn queue(load: &Load, copy_mib_per_sec: u64) -> Queue {
    let concurrency = f64::from(load.concurrency);
    let reckoned_secs = PACE_OVERHEAD_SECS * load.objects as f64
        + load.bytes as f64 / MIB / copy_mib_per_sec as f64;
    let publisher_secs = (reckoned_secs / concurrency - QUEUE_AHEAD_SECS).max(load.publishing_secs);
    // What is published at once at the beginning; then, what the pace runs ahead of the copies.
    let ahead_secs = QUEUE_AHEAD_SECS * load.busy_secs / reckoned_secs;
    let last = (load.last_begins_secs - publisher_secs).max(0.0);
    let unpaced = (load.last_begins_secs - load.publishing_secs).max(0.0);
    let late = (unpaced - MOST_WAIT_SECS).max(0.0) / load.last_begins_secs.max(1.0);
    let copies_at_once = load.objects.min(load.concurrency.into());
    let mean_copy_secs = load.busy_secs / load.objects as f64;
    Queue {
        copies_at_once,
        mean_copy_secs,
        copies_per_sec: copies_at_once as f64 / mean_copy_secs,
        longest_wait_secs: last.max(ahead_secs.min(load.last_begins_secs)).min(unpaced),
        longest_wait_unpaced_secs: unpaced,
        given_up_unpaced: (late * load.objects as f64).round() as u64,
        publisher_secs,
        publisher_invocations: (publisher_secs / INVOCATION_SECS).ceil().max(1.0) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use publisher::pace::{Limits, Pace};
    use std::time::Duration;

    /// Objects of a size whose copies take so long each, with so many at once.
    fn load(objects: u64, size_bytes: u64, copy_secs: f64, concurrency: u32) -> Load {
        let busy_secs = objects as f64 * copy_secs;
        Load {
            objects,
            bytes: objects * size_bytes,
            busy_secs,
            concurrency,
            publishing_secs: 10.0,
            last_begins_secs: busy_secs / f64::from(concurrency),
        }
    }

    #[test]
    fn ten_copies_of_ten_seconds_lose_half_a_back_fill_that_is_not_paced() {
        // The trap that facts and README tell of: 45,000 objects are 12.5 h.
        let load = load(45_000, 700_000_000, 10.0, 10);
        let queue = queue(&load, copy_mib_per_sec(&load));
        assert!((queue.longest_wait_unpaced_secs - 12.5 * 3_600.0 + 10.0).abs() < 1e-6);
        let share = queue.given_up_unpaced as f64 / 45_000.0;
        assert!((share - 0.52).abs() < 0.001, "{share}");
        let hours = queue.longest_wait_secs / 3_600.0;
        assert!((0.9..1.1).contains(&hours), "paced, {hours} h");
        assert_eq!((queue.copies_at_once, queue.copies_per_sec), (10, 1.0));
        assert!(queue.publisher_invocations > PUBLISHER_INVOCATIONS);
    }

    #[test]
    fn a_day_waits_no_longer_than_it_takes() {
        let load = load(250, 700_000_000, 3.3, 100);
        let queue = queue(&load, copy_mib_per_sec(&load));
        assert_eq!(queue.given_up_unpaced, 0);
        assert_eq!(
            queue.longest_wait_secs, 0.0,
            "published in 10 s, copied in 8"
        );
        assert_eq!(
            (queue.publisher_secs, queue.publisher_invocations),
            (10.0, 1)
        );
    }

    #[test]
    fn copies_slower_than_reckoned_wait_longer_until_lambda_gives_them_up() {
        let load = load(450_000, 700_000_000, 10.0, 10);
        let as_they_are = queue(&load, copy_mib_per_sec(&load));
        let too_fast = queue(&load, 2 * copy_mib_per_sec(&load));
        assert!(as_they_are.longest_wait_secs < MOST_WAIT_SECS);
        assert!(too_fast.longest_wait_secs > MOST_WAIT_SECS);
    }

    #[test]
    fn copies_faster_than_reckoned_drain_sooner_what_was_published_at_once() {
        let load = load(450_000, 700_000_000, 10.0, 10);
        let queue = queue(&load, copy_mib_per_sec(&load) / 10);
        let minutes = queue.longest_wait_secs / 60.0;
        assert!(
            (5.0..7.0).contains(&minutes),
            "{minutes} of the hour reckoned"
        );
    }

    #[test]
    fn the_speed_told_makes_the_publishers_pace_reckon_what_copies_take() {
        let load = load(1_000, 700_000_000, 3.3, 100);
        let pace = Pace::new(Limits {
            max_copies_in_flight: 100,
            copy_mib_per_sec: copy_mib_per_sec(&load),
            queue_ahead: Duration::ZERO,
            publish_rate: 0,
        });
        let reckoned = pace.copy_ms(700_000_000) as f64 / 1_000.0;
        assert!((3.3..3.35).contains(&reckoned), "{reckoned}");
    }

    #[test]
    fn objects_of_no_bytes_do_not_upset_the_pace() {
        let load = load(5, 0, 0.2, 10);
        let rate = copy_mib_per_sec(&load);
        assert!((1..=10_000).contains(&rate), "{rate}");
        assert!(queue(&load, rate).longest_wait_secs.is_finite());
    }

    #[test]
    fn only_large_objects_are_gone_on_with_and_only_twice() {
        assert_eq!(Fit::of(50 * GIB, 880.0), Fit::OneInvocation);
        assert_eq!(Fit::of(50 * GIB, 881.0), Fit::Resumed);
        assert_eq!(Fit::of(50 * GIB - 1, 881.0), Fit::TooLong);
        assert_eq!(Fit::of(50 * GIB, 2_641.0), Fit::TooLong);
    }
}
