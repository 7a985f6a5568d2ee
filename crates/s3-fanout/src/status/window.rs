//! The time that is looked at, in whole hours of the clock.

use jiff::Timestamp;

const HOUR_SECS: i64 = 3_600;

/// A daily run has been seen by then, also if it took its time to be measured and the clocks were changed.
const DAILY_HOURS: i64 = 26;

/// Up to so many hours are asked for by five minutes; longer ago, by the hour.
const FINE_HOURS: i64 = 48;

/// From when until when. CloudWatch is asked for whole hours, where its periods begin
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Now.
    pub now: Timestamp,
    /// From when on things count, in seconds since 1970.
    pub since: i64,
    /// From when on they are read, to find the last daily run.
    pub read_since: i64,
    /// The end of this hour.
    pub until: i64,
    /// How long each figure's time is.
    pub period_secs: i64,
}

impl Window {
    /// So many hours and the begun one.
    pub fn until(now: Timestamp, hours: u16) -> Window {
        let this_hour = now.as_second().div_euclid(HOUR_SECS) * HOUR_SECS;
        let hours = i64::from(hours);
        Window {
            now,
            since: this_hour - hours * HOUR_SECS,
            read_since: this_hour - hours.max(DAILY_HOURS) * HOUR_SECS,
            until: this_hour + HOUR_SECS,
            period_secs: if hours <= FINE_HOURS { 300 } else { HOUR_SECS },
        }
    }

    /// Whether a run of every day must be in what was read.
    pub fn shows_a_daily_run_since(&self, changed: Option<Timestamp>) -> bool {
        changed.is_some_and(|changed| changed.as_second() < self.read_since)
    }

    /// Values by the hour, from the window's first to now.
    pub fn by_hour(&self, values: &[(i64, f64)]) -> Vec<u64> {
        let hours = (self.until - self.since) / HOUR_SECS;
        let mut by_hour = vec![0; usize::try_from(hours).unwrap_or_default()];
        for (second, value) in values {
            let hour = usize::try_from((second - self.since).div_euclid(HOUR_SECS));
            if let Some(sum) = hour.ok().and_then(|hour| by_hour.get_mut(hour)) {
                *sum += *value as u64;
            }
        }
        by_hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn begins_and_ends_with_hours_of_the_clock() {
        let window = Window::until(at("2026-11-21T19:31:07Z"), 24);
        assert_eq!(window.since, at("2026-11-20T19:00:00Z").as_second());
        assert_eq!(window.read_since, at("2026-11-20T17:00:00Z").as_second());
        assert_eq!(window.until, at("2026-11-21T20:00:00Z").as_second());
        assert_eq!(window.period_secs, 300);
        let long = Window::until(at("2026-11-21T19:31:07Z"), 72);
        assert_eq!((long.since, long.period_secs), (long.read_since, 3_600));
    }

    #[test]
    fn sums_by_the_hour_and_leaves_out_what_was_before() {
        let window = Window::until(at("2026-11-21T19:31:07Z"), 2);
        let hour = |text: &str| at(text).as_second();
        let values = [
            (hour("2026-11-21T16:55:00Z"), 9.0),
            (hour("2026-11-21T17:00:00Z"), 1.0),
            (hour("2026-11-21T17:55:00Z"), 2.0),
            (hour("2026-11-21T19:30:00Z"), 4.0),
        ];
        assert_eq!(window.by_hour(&values), [3, 0, 4]);
    }
}
