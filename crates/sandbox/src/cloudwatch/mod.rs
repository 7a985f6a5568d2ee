//! Amazon CloudWatch: what the services measured, by minute.

mod api;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub(crate) use api::{refuse, respond};

/// The shortest period of what AWS's services measure
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Metric>).
const MINUTE_SECS: i64 = 60;

/// Which number: its namespace and its name.
type Name = (&'static str, &'static str);

/// Everything measured in one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<Name, BTreeMap<String, Minutes>>>);

/// One function's or topic's number over time; minutes in which there was nothing to measure are not there.
type Minutes = BTreeMap<i64, Statistics>;

/// What is kept of the values of a time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Statistics {
    sum: f64,
    count: f64,
    min: f64,
    max: f64,
}

impl Metrics {
    /// Keeps a value of now for one function or topic.
    pub(crate) fn add(&self, namespace: &'static str, name: &'static str, of: &str, value: f64) {
        self.add_at(Timestamp::now().as_second(), (namespace, name), of, value);
    }

    fn add_at(&self, epoch_secs: i64, name: Name, of: &str, value: f64) {
        let one = Statistics::of(value);
        let mut all = self.lock();
        let all = all.entry(name).or_default();
        // Without a copy of the name for every value.
        if !all.contains_key(of) {
            all.insert(of.to_owned(), Minutes::new());
        }
        let Some(minutes) = all.get_mut(of) else {
            return;
        };
        let minute = minutes.entry(epoch_secs.div_euclid(MINUTE_SECS));
        minute.and_modify(|all| all.join(one)).or_insert(one);
    }

    /// The statistics of each period that has any, by its first second.
    fn periods(
        &self,
        namespace: &str,
        name: &str,
        of: &str,
        epoch_secs: Range<i64>,
        period_secs: i64,
    ) -> BTreeMap<i64, Statistics> {
        let mut periods: BTreeMap<i64, Statistics> = BTreeMap::new();
        let all = self.lock();
        let known = all.iter().find(|(known, _)| **known == (namespace, name));
        let minutes = known.and_then(|(_, known)| known.get(of));
        for (minute, statistics) in minutes.into_iter().flatten() {
            let second = minute * MINUTE_SECS;
            let first = second.div_euclid(period_secs) * period_secs;
            if epoch_secs.contains(&second) {
                let period = periods.entry(first);
                let join = |all: &mut Statistics| all.join(*statistics);
                period.and_modify(join).or_insert(*statistics);
            }
        }
        periods
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, BTreeMap<String, Minutes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Statistics {
    fn of(value: f64) -> Self {
        Self {
            sum: value,
            count: 1.0,
            min: value,
            max: value,
        }
    }

    fn join(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_the_minutes_of_a_period_and_leaves_out_what_is_not_asked_for() {
        let metrics = Metrics::default();
        let name = ("AWS/Lambda", "Duration");
        for (second, value) in [(59, 9.0), (60, 4.0), (119, 2.0), (299, 3.0), (600, 8.0)] {
            metrics.add_at(second, name, "copier", value);
        }
        metrics.add_at(60, name, "publisher", 70.0);
        let periods = metrics.periods("AWS/Lambda", "Duration", "copier", 60..660, 300);
        let first = Statistics {
            sum: 9.0,
            count: 3.0,
            min: 2.0,
            max: 4.0,
        };
        assert_eq!(periods, [(0, first), (600, Statistics::of(8.0))].into());
        let none = metrics.periods("AWS/Lambda", "Errors", "copier", 0..660, 300);
        assert_eq!(none, BTreeMap::new());
    }
}
