//! Why a setting is recommended: what the next smaller and the next larger one come to.

use std::time::Duration;

use super::choose::Candidate;
use crate::figures::{dollars, duration};

/// The settings that were not chosen.
pub struct Others<'o> {
    /// All there are.
    pub candidates: &'o [Candidate<'o>],
    /// The one that was.
    pub best: &'o Candidate<'o>,
    /// What one costs, in dollars.
    pub usd: &'o dyn Fn(&Candidate<'_>) -> f64,
}

impl Others<'_> {
    /// Of the copies at once.
    pub fn concurrency(&self) -> String {
        self.neighbours(
            |candidate| u64::from(candidate.concurrency),
            |candidate| {
                let by = (candidate.by.part_size_mib, candidate.speed.parts_in_flight);
                by == (self.best.by.part_size_mib, self.best.speed.parts_in_flight)
            },
            |candidate| format!("{} take {}", candidate.concurrency, secs(candidate)),
        )
    }

    /// Of the part size.
    pub fn part_size(&self) -> String {
        self.neighbours(
            |candidate| candidate.by.part_size_mib,
            |candidate| {
                let with = (candidate.concurrency, candidate.speed.parts_in_flight);
                with == (self.best.concurrency, self.best.speed.parts_in_flight)
            },
            |candidate| {
                let (mib, usd) = (candidate.by.part_size_mib, (self.usd)(candidate));
                format!("{mib} take {} and {}", secs(candidate), dollars(usd))
            },
        )
    }

    /// Of the parts at once.
    pub fn parts_in_flight(&self) -> String {
        self.neighbours(
            |candidate| u64::from(candidate.speed.parts_in_flight),
            |candidate| {
                let with = (candidate.concurrency, candidate.by.part_size_mib);
                with == (self.best.concurrency, self.best.by.part_size_mib)
            },
            |candidate| {
                format!(
                    "{} take {}",
                    candidate.speed.parts_in_flight,
                    secs(candidate)
                )
            },
        )
    }

    /// What the next smaller and the next larger come to, of those that differ in nothing else.
    fn neighbours(
        &self,
        value: impl Fn(&Candidate<'_>) -> u64,
        is_like_best: impl Fn(&Candidate<'_>) -> bool,
        tell: impl Fn(&Candidate<'_>) -> String,
    ) -> String {
        let chosen = value(self.best);
        let like = || {
            self.candidates
                .iter()
                .filter(|candidate| is_like_best(candidate))
        };
        let smaller = like().filter(|candidate| value(candidate) < chosen);
        let larger = like().filter(|candidate| value(candidate) > chosen);
        let neighbours = [
            smaller.max_by_key(|candidate| value(candidate)),
            larger.min_by_key(|candidate| value(candidate)),
        ];
        let told: Vec<_> = neighbours.into_iter().flatten().map(tell).collect();
        told.join(", ")
    }
}

fn secs(candidate: &Candidate<'_>) -> String {
    duration(Duration::from_secs_f64(candidate.estimate.secs))
}
