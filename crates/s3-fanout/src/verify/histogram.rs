//! Bytes over time in a bounded number of steps, whatever the time and however many the objects.

use std::collections::BTreeMap;

use crate::progress::Amount;

/// The most steps from the first to the last.
pub const MOST_STEPS: i64 = 200;

/// Widths of a step, in seconds: from a second to a day, then weeks. Each is so many of the one before.
const SECONDS: &[i64] = &[1, 5, 15, 60, 300, 900, 3_600, 14_400, DAY, WEEK];

/// Widths of a step of days.
const DAYS: &[i64] = &[DAY, WEEK];

/// A day, in seconds.
pub const DAY: i64 = 86_400;

/// A week, in seconds.
const WEEK: i64 = 7 * DAY;

/// What happened within a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// What is as it should be.
    pub good: Amount,
    /// What is not.
    pub bad: Amount,
}

/// Steps of time. They widen when they would be too many: to a width that is a multiple, so nothing is lost.
#[derive(Debug)]
pub struct Histogram {
    wider: &'static [i64],
    width_secs: i64,
    steps: BTreeMap<i64, Step>,
}

impl Histogram {
    /// Steps of a second at first.
    pub fn of_seconds() -> Histogram {
        Histogram::new(SECONDS)
    }

    /// Steps of a day at first.
    pub fn of_days() -> Histogram {
        Histogram::new(DAYS)
    }

    fn new(widths: &'static [i64]) -> Histogram {
        Histogram {
            wider: &widths[1..],
            width_secs: widths[0],
            steps: BTreeMap::new(),
        }
    }

    /// The step of a moment, to be added to.
    pub fn add(&mut self, second: i64, amount: Amount, is_good: bool) {
        let step = self
            .steps
            .entry(second.div_euclid(self.width_secs))
            .or_default();
        match is_good {
            true => step.good += amount,
            false => step.bad += amount,
        }
        while self.span() > MOST_STEPS {
            self.widen();
        }
    }

    /// How long a step is.
    pub fn width_secs(&self) -> i64 {
        self.width_secs
    }

    /// The steps from the first to the last with anything in it, each with its first second.
    pub fn steps(&self) -> impl Iterator<Item = (i64, Step)> {
        let ends = self.steps.keys().next().zip(self.steps.keys().next_back());
        let numbers = ends.into_iter().flat_map(|(first, last)| *first..=*last);
        numbers.map(|number| {
            let step = self.steps.get(&number).copied().unwrap_or_default();
            (number * self.width_secs, step)
        })
    }

    fn span(&self) -> i64 {
        let ends = self.steps.keys().next().zip(self.steps.keys().next_back());
        ends.map_or(0, |(first, last)| last - first + 1)
    }

    fn widen(&mut self) {
        let (width, wider) = match self.wider {
            [width, wider @ ..] => (*width, wider),
            [] => (self.width_secs * 2, [].as_slice()),
        };
        let times = width / self.width_secs;
        let mut steps = BTreeMap::<i64, Step>::new();
        for (number, step) in &self.steps {
            let into = steps.entry(number.div_euclid(times)).or_default();
            into.good += step.good;
            into.bad += step.bad;
        }
        (self.steps, self.width_secs, self.wider) = (steps, width, wider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_to_a_bounded_number_of_steps_and_loses_nothing() {
        for mut histogram in [Histogram::of_seconds(), Histogram::of_days()] {
            let mut random = fastrand::Rng::with_seed(1);
            let mut total = Amount::default();
            for reach in [1, 100, 10_000, 1_000_000, 100_000_000, 200_000_000_000_i64] {
                for _ in 0..100 {
                    let bytes = random.u64(0..1_000);
                    let good = random.bool();
                    histogram.add(random.i64(-reach..=reach), Amount::of(bytes), good);
                    total += Amount::of(bytes);
                    assert!(histogram.steps().count() as i64 <= MOST_STEPS);
                }
            }
            let mut held = Amount::default();
            for (_, step) in histogram.steps() {
                held += step.good;
                held += step.bad;
            }
            assert_eq!(held, total);
        }
    }

    #[test]
    fn a_short_time_is_told_by_the_second_and_one_step_begins_where_the_last_ended() {
        let mut histogram = Histogram::of_seconds();
        histogram.add(100, Amount::of(5), true);
        histogram.add(103, Amount::of(7), false);
        let steps: Vec<_> = histogram.steps().collect();
        let seconds: Vec<_> = steps.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [100, 101, 102, 103]);
        assert_eq!(steps[0].1.good, Amount::of(5));
        assert_eq!(steps[1].1, Step::default());
        assert_eq!(steps[3].1.bad, Amount::of(7));
        histogram.add(500, Amount::of(1), true);
        assert_eq!(histogram.width_secs(), 5);
        assert_eq!(histogram.steps().next().unwrap().1.good, Amount::of(5));
    }
}
