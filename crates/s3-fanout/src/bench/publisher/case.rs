//! The cases: what lies in the buckets, what the publisher is asked for, and what is expected of it.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::ToSpan;
use serde_json::{Value, json};

use super::bound::{BoundBy, Limit, pages};

/// The prefix of the cases that have one.
const ONE_PREFIX: &str = "one/";

/// The days of the backfill: six months, nearly.
const DAYS: usize = 180;
const FIRST_DAY: &str = "2016-01-01";
const LAST_DAY: &str = "2016-06-28";

/// The sizes of the job this project was made for.
const LARGE: RangeInclusive<u64> = 600_000_000..=800_000_000;
/// Where sizes do not matter.
const SMALL: RangeInclusive<u64> = 1_048_576..=1_048_576;
/// What a copy of takes 2 s, as the publisher reckons with the settings of `paced`: 0.2 s and 10 MiB a second.
const PACED: RangeInclusive<u64> = 18_874_368..=18_874_368;

/// The most memory a publisher may take, in MB.
const PEAK_MB: Target = Target::PeakMb(64.0);

/// One case.
pub struct Case {
    /// Its name on the command line and in the table.
    pub name: &'static str,
    /// Keys in the source bucket.
    pub keys: u64,
    /// What they start with, spread evenly.
    pub prefixes: Vec<String>,
    /// The publisher's event.
    pub event: Value,
    /// The publisher's variables besides those of every deployment.
    pub environment: &'static [(&'static str, &'static str)],
    /// The objects' sizes in bytes.
    pub sizes: RangeInclusive<u64>,
    /// Whether everything is at the destination already.
    pub is_copied: bool,
    /// Copiers at the same time; none are subscribed if there are to be none.
    pub copiers: u16,
    /// What S3 takes for a CopyObject, where that matters.
    pub copy_latency: Option<Duration>,
    /// What limits it.
    pub limit: Limit,
    /// What is expected besides that no key is lost.
    pub targets: Vec<Target>,
}

/// What is expected of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// At most so many times the least time.
    Ratio(f64),
    /// At most so many MB at the peak.
    PeakMb(f64),
    /// A peak like that of another case, but for this share.
    PeakLike(&'static str, f64),
    /// So many pages listed, neither more nor fewer.
    Lists(u64),
    /// At most so many times the messages that the pace allows, in any window of one copy's time.
    Window(f64),
    /// At most so many times the copies that may be in flight.
    UnderWay(f64),
}

impl Case {
    /// Keys to be published.
    pub fn wanted(&self) -> u64 {
        if self.is_copied { 0 } else { self.keys }
    }

    /// The least seconds it takes, and why.
    pub fn bound(&self) -> (f64, BoundBy) {
        self.limit.bound(self.keys, self.prefixes.len() as u64)
    }

    /// Every key, in order.
    pub fn each_key(&self) -> impl Iterator<Item = String> {
        let prefixes = self.prefixes.len() as u64;
        self.prefixes.iter().zip(0..).flat_map(move |(prefix, n)| {
            let each = self.keys / prefixes + u64::from(n < self.keys % prefixes);
            (0..each).map(move |number| format!("{prefix}object-{number:07}.bin"))
        })
    }
}

/// The names of all cases.
pub fn names() -> Vec<&'static str> {
    all(1).iter().map(|case| case.name).collect()
}

/// The cases of these names, or all of them, with one of so many of their keys.
pub fn chosen(names: &[String], scale: u64) -> Vec<Case> {
    let mut cases = all(scale);
    cases.retain(|case| names.is_empty() || names.iter().any(|name| name == case.name));
    cases
}

fn all(scale: u64) -> Vec<Case> {
    vec![
        backfill(45_000 / scale),
        one_prefix("one-prefix-100k", 100_000 / scale),
        Case {
            targets: vec![PEAK_MB, Target::PeakLike("one-prefix-100k", 0.1)],
            ..one_prefix("one-prefix-1m", 1_000_000 / scale)
        },
        compare(1_000_000 / scale),
        paced(1_500 / scale),
        Case {
            name: "throttled",
            limit: Limit::Quota(3_000),
            targets: vec![Target::Ratio(1.2)],
            ..backfill(45_000 / scale)
        },
    ]
}

fn backfill(keys: u64) -> Case {
    Case {
        name: "backfill",
        keys,
        prefixes: days(),
        event: json!({ "from": FIRST_DAY, "to": LAST_DAY, "only": "all" }),
        environment: &[],
        sizes: LARGE,
        is_copied: false,
        copiers: 0,
        copy_latency: None,
        limit: Limit::Requests,
        targets: vec![Target::Ratio(1.5)],
    }
}

fn one_prefix(name: &'static str, keys: u64) -> Case {
    Case {
        name,
        prefixes: vec![ONE_PREFIX.to_owned()],
        event: json!({ "prefix": ONE_PREFIX, "only": "all" }),
        sizes: SMALL,
        targets: vec![PEAK_MB],
        ..backfill(keys)
    }
}

fn compare(keys: u64) -> Case {
    Case {
        event: json!({ "prefix": ONE_PREFIX, "only": "changed" }),
        is_copied: true,
        limit: Limit::Order,
        targets: vec![PEAK_MB, Target::Lists(2 * pages(keys, 1))],
        ..one_prefix("compare-1m", keys)
    }
}

fn paced(keys: u64) -> Case {
    Case {
        environment: &[
            ("MAX_COPIES_IN_FLIGHT", "100"),
            ("QUEUE_AHEAD_SECS", "0"),
            ("COPY_MIB_PER_SEC", "10"),
        ],
        sizes: PACED,
        copiers: 150,
        // With the two requests before it, which are made at the same time, and what the copier does itself.
        copy_latency: Some(Duration::from_millis(1_960)),
        limit: Limit::Pace {
            copies: 100.0,
            copy_secs: 2.0,
        },
        targets: vec![Target::Window(1.1), Target::UnderWay(1.25)],
        ..one_prefix("paced", keys)
    }
}

fn days() -> Vec<String> {
    let days = jiff::civil::date(2016, 1, 1).series(1.day());
    days.take(DAYS).map(|day| format!("{day}/")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_keys_are_as_many_as_the_case_says_in_the_prefixes_it_asks_for() {
        for scale in [90, 100, 1_000] {
            for case in all(scale) {
                let keys: BTreeSet<_> = case.each_key().collect();
                assert_eq!(keys.len() as u64, case.keys, "{}", case.name);
                let has_prefix = |key: &String| case.prefixes.iter().any(|p| key.starts_with(p));
                assert!(keys.iter().all(has_prefix), "{}", case.name);
                assert!(case.each_key().is_sorted(), "{}", case.name);
            }
        }
    }

    #[test]
    fn the_backfill_asks_for_its_180_days() {
        let prefixes = days();
        assert_eq!(prefixes.len(), 180);
        assert_eq!(prefixes.first(), Some(&format!("{FIRST_DAY}/")));
        assert_eq!(prefixes.last(), Some(&format!("{LAST_DAY}/")));
    }

    #[test]
    fn cases_are_chosen_by_name() {
        let chosen = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let cases = chosen(&words, 1).into_iter();
            cases.map(|case| case.name).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&[]), names());
        assert_eq!(chosen(&["paced", "backfill"]), ["backfill", "paced"]);
    }
}
