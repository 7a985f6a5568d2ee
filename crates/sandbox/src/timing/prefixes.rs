//! How many requests a prefix takes: tokens of writes and of reads, which come at the rates of a model.

use std::collections::HashMap;

use tokio::time::Instant;

use super::model::{Rates, WarmUp};
use super::tokens::Tokens;

/// What a request asks of prefixes. A copy writes to one and reads from another, or from the same.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    /// The prefix that is written to.
    pub(crate) written: Option<String>,
    /// The prefix that is read from.
    pub(crate) read: Option<String>,
}

/// The prefix of a key: the bucket, and the key up to and with its first slash.
pub(crate) fn prefix_of(bucket: &str, key: &str) -> String {
    let folder = key.split_inclusive('/').next().unwrap_or_default();
    let folder = if folder.ends_with('/') { folder } else { "" };
    format!("{bucket}/{folder}")
}

/// The prefixes in use.
#[derive(Debug, Default)]
pub(super) struct Prefixes(HashMap<String, Prefix>);

#[derive(Debug)]
struct Prefix {
    since: Instant,
    writes: Tokens,
    reads: Tokens,
}

impl Prefixes {
    /// Whether a request may go on; one that may not takes no token.
    pub(super) fn admit(&mut self, rates: &Rates, demand: &Demand, now: Instant) -> bool {
        let Demand { written, read } = demand;
        for prefix in [written, read].into_iter().flatten() {
            self.fill(rates, prefix, now);
        }
        let has = |tokens: Option<&Tokens>| tokens.is_none_or(Tokens::has_one);
        let is_admitted =
            has(self.of(written).map(|of| &of.writes)) && has(self.of(read).map(|of| &of.reads));
        if is_admitted {
            if let Some(prefix) = written.as_ref().and_then(|name| self.0.get_mut(name)) {
                prefix.writes.take();
            }
            if let Some(prefix) = read.as_ref().and_then(|name| self.0.get_mut(name)) {
                prefix.reads.take();
            }
        }
        is_admitted
    }

    fn of(&self, name: &Option<String>) -> Option<&Prefix> {
        name.as_ref().and_then(|name| self.0.get(name))
    }

    fn fill(&mut self, rates: &Rates, name: &str, now: Instant) {
        let full = [rates.writes_per_sec, rates.reads_per_sec];
        let room = |full: f64, age_secs: f64| {
            // With room for less than one, none would ever come together.
            (full * rates.burst_secs * share(rates.warm_up, age_secs)).max(1.0)
        };
        let Some(prefix) = self.0.get_mut(name) else {
            let [writes, reads] = full.map(|full| Tokens::new(room(full, 0.0), now));
            let since = now;
            let prefix = Prefix {
                since,
                writes,
                reads,
            };
            self.0.insert(name.to_owned(), prefix);
            return;
        };
        let age = |at: Instant| at.saturating_duration_since(prefix.since).as_secs_f64();
        for (tokens, full) in [&mut prefix.writes, &mut prefix.reads]
            .into_iter()
            .zip(full)
        {
            let came = |from, to| {
                full * (full_secs(rates.warm_up, age(to)) - full_secs(rates.warm_up, age(from)))
            };
            tokens.fill(now, came, room(full, age(now)));
        }
    }
}

/// The share of its rates that a prefix has at an age.
fn share(warm_up: Option<WarmUp>, age_secs: f64) -> f64 {
    match warm_up {
        Some(WarmUp { share, secs }) if age_secs < secs => share + (1.0 - share) * age_secs / secs,
        _ => 1.0,
    }
}

/// How many seconds at its full rates a prefix's time up to an age is worth: the integral of [`share`].
fn full_secs(warm_up: Option<WarmUp>, age_secs: f64) -> f64 {
    let Some(WarmUp { share: first, secs }) = warm_up else {
        return age_secs;
    };
    let warming = age_secs.min(secs);
    let mean = (first + share(warm_up, warming)) / 2.0;
    warming * mean + (age_secs - warming)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn rates(writes_per_sec: f64, reads_per_sec: f64) -> Rates {
        Rates {
            writes_per_sec,
            reads_per_sec,
            burst_secs: 1.0,
            warm_up: None,
        }
    }

    fn write(prefix: &str) -> Demand {
        Demand {
            written: Some(prefix.to_owned()),
            read: None,
        }
    }

    fn copy(from: &str, to: &str) -> Demand {
        Demand {
            written: Some(to.to_owned()),
            read: Some(from.to_owned()),
        }
    }

    /// How many of more requests than there are tokens go through now.
    fn admitted(prefixes: &mut Prefixes, rates: &Rates, demand: &Demand) -> u32 {
        let asked = (0..10_000).filter(|_| prefixes.admit(rates, demand, Instant::now()));
        asked.count() as u32
    }

    #[test]
    fn a_prefix_is_a_bucket_and_a_key_up_to_its_first_slash() {
        for (key, prefix) in [
            ("2016-06-30/a/b", "b/2016-06-30/"),
            ("/a", "b//"),
            ("a", "b/"),
            ("a/", "b/a/"),
        ] {
            assert_eq!(prefix_of("b", key), prefix, "{key}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_prefix_takes_a_burst_and_then_its_rate() {
        let (mut prefixes, rates) = (Prefixes::default(), rates(3_500.0, 5_500.0));
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/")), 3_500);
        for (millis, more) in [(100, 350), (500, 1_750), (1, 3), (1, 4), (60_000, 3_500)] {
            advance(Duration::from_millis(millis)).await;
            let now = admitted(&mut prefixes, &rates, &write("b/"));
            assert_eq!(now, more, "after {millis} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_as_long_as_the_model_says() {
        let rates = Rates {
            burst_secs: 0.1,
            ..rates(3_500.0, 5_500.0)
        };
        let mut prefixes = Prefixes::default();
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/")), 350);
        advance(Duration::from_secs(1)).await;
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/")), 350);
        let rare = Rates {
            writes_per_sec: 0.5,
            ..rates
        };
        let mut prefixes = Prefixes::default();
        assert_eq!(admitted(&mut prefixes, &rare, &write("b/")), 1);
        advance(Duration::from_secs(2)).await;
        assert_eq!(admitted(&mut prefixes, &rare, &write("b/")), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn prefixes_do_not_share_and_neither_do_writes_and_reads() {
        let (mut prefixes, rates) = (Prefixes::default(), rates(7.0, 11.0));
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/a/")), 7);
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/b/")), 7);
        let read = Demand {
            written: None,
            read: Some("b/a/".to_owned()),
        };
        assert_eq!(admitted(&mut prefixes, &rates, &read), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_takes_a_write_and_a_read_or_nothing() {
        let (mut prefixes, rates) = (Prefixes::default(), rates(7.0, 5.0));
        assert_eq!(admitted(&mut prefixes, &rates, &copy("s/", "d/")), 5);
        assert_eq!(
            admitted(&mut prefixes, &rates, &write("d/")),
            2,
            "copies that were refused have taken no write"
        );
        assert_eq!(admitted(&mut prefixes, &rates, &copy("d/", "d/x/")), 5);
        assert_eq!(admitted(&mut prefixes, &rates, &copy("e/", "e/")), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_prefix_warms_up_evenly() {
        let warm_up = Some(WarmUp {
            share: 0.2,
            secs: 10.0,
        });
        let rates = Rates {
            warm_up,
            burst_secs: 100.0,
            ..rates(100.0, 100.0)
        };
        let mut prefixes = Prefixes::default();
        // A burst is as much shorter as the rate is lower.
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/")), 2_000);
        // At first 20 a second, after five seconds 60, after ten 100.
        for (secs, more) in [(5, 200), (5, 400), (5, 500)] {
            advance(Duration::from_secs(secs)).await;
            assert_eq!(admitted(&mut prefixes, &rates, &write("b/")), more);
        }
        assert_eq!(admitted(&mut prefixes, &rates, &write("b/new/")), 2_000);
    }
}
