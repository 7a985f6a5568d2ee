//! How long many copies take together, and what they wait for. Pure arithmetic.

use serde::Serialize;

/// Until S3 has split a destination by its load, one limit holds for all of its keys.
const UNSPLIT_SECS: f64 = 3_600.0;

/// What there is to copy, and how long each copy takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Objects.
    pub objects: u64,
    /// Prefixes that were listed.
    pub prefixes: u64,
    /// How long all copies take one after the other, in seconds.
    pub busy_secs: f64,
    /// How long the longest of them takes.
    pub longest_secs: f64,
    /// PUT, COPY and POST requests.
    pub writes: u64,
    /// Those for the prefix that has the most.
    pub busiest_writes: u64,
    /// How long it takes to list and publish them, if nothing holds that up.
    pub publishing_secs: f64,
    /// Until the first copy begins.
    pub first_secs: f64,
    /// PUT, COPY and POST requests a second that a prefix takes. HEAD and the reading side of copies have a higher
    /// limit and are fewer, or as many.
    pub writes_per_sec: f64,
    /// Those that it takes at once besides.
    pub burst_writes: f64,
}

/// What decides how long a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Copies at the same time.
    Concurrency,
    /// S3's requests a second and prefix.
    Requests,
    /// The longest of the copies.
    LargestObject,
    /// Listing the objects and publishing their messages.
    Publishing,
}

/// How long a run takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From the first request to the last copy.
    pub secs: f64,
    /// Until the last copy begins.
    pub last_begins_secs: f64,
    /// What decides that.
    pub bound: Bound,
}

/// How long the work takes with so many copies at once: listing and publishing, S3's requests and the copies go on
/// side by side, so the slowest of them decides; the longest copy may be the last to begin. The copies take no longer
/// than Graham's bound, nor than turns that are all as long as the longest copy.
/// <https://doi.org/10.1137/0117039>
pub fn estimate(work: &Work, concurrency: u32) -> Estimate {
    let side_by_side = (work.busy_secs - work.longest_secs) / f64::from(concurrency);
    let turns_before = work.objects.div_ceil(concurrency.into()).saturating_sub(1);
    let in_turns = side_by_side.min(turns_before as f64 * work.longest_secs);
    let sides = [
        (work.first_secs + in_turns, Bound::Concurrency),
        (work.first_secs + requests_secs(work), Bound::Requests),
        (work.publishing_secs, Bound::Publishing),
    ];
    let slower = |a: (f64, Bound), b: (f64, Bound)| if b.0 > a.0 { b } else { a };
    let (last_begins_secs, bound) = sides.into_iter().fold(sides[0], slower);
    Estimate {
        secs: last_begins_secs + work.longest_secs,
        last_begins_secs,
        bound: match last_begins_secs > work.longest_secs {
            true => bound,
            false => Bound::LargestObject,
        },
    }
}

/// How long S3 takes for the requests: at first as one prefix, then each prefix has a limit of its own. The busiest is
/// never done sooner than its own limit allows.
fn requests_secs(work: &Work) -> f64 {
    let secs = |writes: u64| (writes as f64 - work.burst_writes).max(0.0) / work.writes_per_sec;
    let (together, busiest) = (secs(work.writes), secs(work.busiest_writes));
    let after_split = (together - UNSPLIT_SECS).max(0.0) / work.prefixes.max(1) as f64;
    busiest.max(together.min(UNSPLIT_SECS) + after_split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::{Speed, tests::in_2016};

    /// So many objects that all take as long, of one request each.
    fn equal(objects: u64, secs: f64) -> Work {
        Work {
            objects,
            prefixes: 1,
            busy_secs: objects as f64 * secs,
            longest_secs: secs,
            writes: objects,
            busiest_writes: objects,
            publishing_secs: 0.0,
            first_secs: 0.0,
            writes_per_sec: 3_500.0,
            burst_writes: 0.0,
        }
    }

    #[test]
    fn a_day_of_2016_takes_as_long_as_the_article_measured() {
        let day = Work {
            longest_secs: in_2016().request_of(800_000_000),
            ..equal(250, in_2016().request_of(700_000_000))
        };
        let apart =
            |concurrency, measured: f64| (estimate(&day, concurrency).secs - measured) / measured;
        // One by one, 1 h 45 min: the rate is made of this row.
        assert!(apart(1, 6_300.0).abs() < 0.01, "{}", apart(1, 6_300.0));
        // 100 threads, 1 min 40 s: threads of one Python process do not all copy all of the time.
        assert!(apart(100, 100.0).abs() < 0.15, "{}", apart(100, 100.0));
        // SNS and Lambda, 2 min 40 s, does not fit: with the 100 invocations at once that an account had then, S3 was
        // done after about 90 s. The messages were published one by one, and a throttled event waits a minute for its
        // retry: neither is so here. It only must not come out slower than it was.
        assert!(
            (-0.5..-0.3).contains(&apart(100, 160.0)),
            "{}",
            apart(100, 160.0)
        );
    }

    #[test]
    fn nine_gigabytes_a_second_are_some_120_copies_of_100_mb_at_once() {
        // The s3p README does not say how many copies it makes at once: by Little's law, this many.
        let secs = Speed::measured().copy_of(100_000_000, copier::plan::Plan::Single, 1);
        let work = equal(1_000_000, secs);
        let gigabytes_per_sec =
            |concurrency| 0.1 * work.objects as f64 / estimate(&work, concurrency).secs;
        assert!((8.0..=9.0).contains(&gigabytes_per_sec(120)));
    }

    #[test]
    fn copies_in_turns_are_bound_by_how_many_run_at_once_until_all_do() {
        let work = equal(250, 4.0);
        let told = |concurrency| {
            let estimate = estimate(&work, concurrency);
            (estimate.secs, estimate.bound)
        };
        assert_eq!(told(1), (1_000.0, Bound::Concurrency));
        assert_eq!(told(10), (25.0 * 4.0, Bound::Concurrency));
        assert_eq!(told(100), (3.0 * 4.0, Bound::Concurrency), "not 3.49 turns");
        assert_eq!(told(249), (4.0 + 4.0, Bound::LargestObject));
        // Almost: 250 requests take S3 some of the time.
        let (secs, bound) = told(250);
        assert!((secs - 4.0 - 250.0 / 3_500.0).abs() < 1e-9, "{secs}");
        assert_eq!(bound, Bound::LargestObject);
    }

    #[test]
    fn copies_that_differ_take_no_turns_as_long_as_the_longest() {
        let work = Work {
            longest_secs: 10.0,
            ..equal(250, 4.0)
        };
        assert_eq!(estimate(&work, 100).secs, 9.9 + 10.0);
        assert_eq!(estimate(&work, 200).secs, 4.95 + 10.0);
    }

    #[test]
    fn nothing_begins_before_the_first_page_and_message_and_a_burst_is_taken_at_once() {
        let work = Work {
            first_secs: 0.5,
            ..equal(250, 4.0)
        };
        assert_eq!(estimate(&work, 100).secs, 12.5);
        let burst = |burst_writes| {
            requests_secs(&Work {
                burst_writes,
                ..equal(7_000, 1.0)
            })
        };
        assert_eq!((burst(3_500.0), burst(10_000.0)), (1.0, 0.0));
        let any = Work {
            writes_per_sec: f64::INFINITY,
            ..equal(1_000_000, 1.0)
        };
        assert_eq!(requests_secs(&any), 0.0);
    }

    #[test]
    fn one_large_object_bounds_what_many_small_ones_do_not() {
        let mut work = equal(1_000, 1.0);
        work.busy_secs += 500.0;
        work.longest_secs = 500.0;
        let estimate = estimate(&work, 100);
        assert_eq!(estimate.bound, Bound::LargestObject);
        assert_eq!(estimate.secs, 510.0);
    }

    #[test]
    fn requests_have_one_limit_for_an_hour_and_then_one_for_each_prefix() {
        let requests = |writes, busiest_writes, prefixes| {
            requests_secs(&Work {
                writes,
                busiest_writes,
                prefixes,
                ..equal(1, 1.0)
            })
        };
        assert_eq!(requests(7_000, 7_000, 1), 2.0);
        assert_eq!(requests(7_000, 3_500, 2), 2.0);
        assert_eq!(requests(3_500 * 3_600, 3_500, 182), 3_600.0);
        assert_eq!(requests(3_500 * 3_700, 3_500, 10), 3_610.0);
        assert_eq!(requests(3_500 * 3_700, 3_500 * 3_700, 1), 3_700.0);
        assert_eq!(requests(3_500 * 9_000, 3_500 * 8_000, 10), 8_000.0);
    }

    #[test]
    fn many_requests_or_slow_publishing_bound_what_concurrency_does_not() {
        let mut work = equal(350_000, 0.1);
        assert_eq!(estimate(&work, 100).bound, Bound::Concurrency);
        assert_eq!(estimate(&work, 900).bound, Bound::Requests);
        assert_eq!(estimate(&work, 900).last_begins_secs, 100.0);
        work.publishing_secs = 200.0;
        assert_eq!(estimate(&work, 900).bound, Bound::Publishing);
        assert_eq!(estimate(&work, 900).secs, 200.1);
    }
}
