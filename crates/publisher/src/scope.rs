//! The keys an invocation is about.

use backup::day::{Days, PrefixFormat};

use crate::list::KeyRange;

/// The keys an invocation is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Ranges of keys.
    pub ranges: Vec<KeyRange>,
    /// The keys of days.
    pub days: Option<Days>,
}

impl Scope {
    /// What to list, one range at a time: there may be millions of days.
    pub fn ranges<'a>(
        &'a self,
        format: &'a PrefixFormat,
    ) -> impl Iterator<Item = KeyRange> + Send + 'a {
        let days = self.days.into_iter().flat_map(Days::iter);
        let days = days.map(|day| KeyRange::of(format.prefix(day)));
        self.ranges.iter().cloned().chain(days)
    }

    /// Whether it is more than one day, and nothing else.
    pub fn is_backfill(&self) -> bool {
        self.days.is_some_and(|days| days.from() < days.to())
    }

    /// What is left of it if so many of its ranges were begun, and this is left of those; none if nothing is.
    pub fn left(&self, begun: usize, mut ranges: Vec<KeyRange>) -> Option<Scope> {
        ranges.extend(self.ranges.iter().skip(begun).cloned());
        let begun_days = begun.saturating_sub(self.ranges.len());
        let days = self.days.and_then(|days| days.without_first(begun_days));
        (!ranges.is_empty() || days.is_some()).then_some(Scope { ranges, days })
    }
}
