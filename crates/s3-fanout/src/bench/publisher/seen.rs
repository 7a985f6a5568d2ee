//! What SNS was given during a case: which keys, and when.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backup::message::{self, Request};
use sandbox::sns::{Accepted, Sns};

use super::case::Case;

/// Shared with the sandbox, which fills it.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Messages>>);

/// What SNS has accepted.
#[derive(Debug, Default)]
pub struct Messages {
    keys: HashSet<String>,
    moments: Vec<Instant>,
    unreadable: u64,
}

impl Seen {
    /// Watches what SNS accepts from now on.
    pub fn watch(sns: &Sns) -> Seen {
        let seen = Seen::default();
        let watched = seen.clone();
        sns.watch(move |accepted| watched.with(|messages| messages.add(accepted)));
        seen
    }

    /// How many messages there were so far.
    pub fn count(&self) -> u64 {
        self.with(|messages| messages.moments.len() as u64)
    }

    /// All there was.
    pub fn take(&self) -> Messages {
        self.with(std::mem::take)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Messages) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Messages {
    fn add(&mut self, accepted: Accepted<'_>) {
        self.moments.push(accepted.at);
        let key = match message::decode(accepted.message) {
            Ok(Request::Message(message)) => Some(message.object.key),
            Ok(Request::Key(key)) => Some(key),
            Err(_) => None,
        };
        match key {
            Some(key) => drop(self.keys.insert(key)),
            None => self.unreadable += 1,
        }
    }

    /// Keys that should have been published and were not.
    pub fn lost(&self, case: &Case) -> u64 {
        if case.wanted() == 0 {
            return 0;
        }
        let lost = case.each_key().filter(|key| !self.keys.contains(key));
        lost.count() as u64
    }

    /// Messages that should not have been published: for keys that nobody wants, or unreadable.
    pub fn unwanted(&self, case: &Case) -> u64 {
        let wanted = case.wanted() - self.lost(case);
        self.keys.len() as u64 - wanted + self.unreadable
    }

    /// The most messages in any span of this length.
    pub fn most_within(&self, span: Duration) -> usize {
        most_within(&self.moments, span)
    }
}

/// The most moments, which ascend, in any half-open span of this length.
fn most_within(moments: &[Instant], span: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (index, moment) in moments.iter().enumerate() {
        while *moment - moments[first] >= span {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

#[cfg(test)]
impl Messages {
    /// Messages for these keys, all at one moment.
    pub fn of(keys: impl IntoIterator<Item = String>) -> Messages {
        let keys: HashSet<_> = keys.into_iter().collect();
        Messages {
            moments: vec![Instant::now(); keys.len()],
            keys,
            unreadable: 0,
        }
    }

    /// As if one of them had not been published.
    pub fn forget_one(&mut self) {
        let key = self.keys.iter().next().cloned();
        key.map(|key| self.keys.remove(&key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_fullest_window_wherever_it_begins() {
        let start = Instant::now();
        let at = |milliseconds: &[u64]| -> Vec<Instant> {
            let moments = milliseconds.iter();
            moments
                .map(|&after| start + Duration::from_millis(after))
                .collect()
        };
        let most = |milliseconds: &[u64]| most_within(&at(milliseconds), Duration::from_secs(2));
        assert_eq!(most(&[]), 0);
        assert_eq!(most(&[0, 500, 1_900, 2_100, 2_400, 4_300]), 4);
        assert_eq!(most(&[0, 2_000, 4_000]), 1, "a window ends before its end");
        assert_eq!(most(&[7, 7, 7]), 3);
    }
}
