//! How long many copies take together, and what they wait for. Pure arithmetic.

use serde::Serialize;

/// PUT, COPY and POST requests a second that a prefix takes. HEAD and the reading side of copies have a higher limit
/// and are fewer, or as many.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>
pub const WRITES_PER_SEC: f64 = 3_500.0;

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
/// side by side, so the slowest of them decides; the longest copy may be the last to begin.
pub fn estimate(work: &Work, concurrency: u32) -> Estimate {
    let all_at_once = work.objects <= u64::from(concurrency);
    let in_turns = match all_at_once {
        true => 0.0,
        false => (work.busy_secs - work.longest_secs) / f64::from(concurrency),
    };
    let sides = [
        (in_turns, Bound::Concurrency),
        (requests_secs(work), Bound::Requests),
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
    let together = work.writes as f64 / WRITES_PER_SEC;
    let busiest = work.busiest_writes as f64 / WRITES_PER_SEC;
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
        }
    }

    #[test]
    fn a_day_of_2016_takes_as_long_as_the_article_measured() {
        let day = equal(250, in_2016().request_of(700_000_000));
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
        assert_eq!(told(10), (99.6 + 4.0, Bound::Concurrency));
        assert_eq!(told(249), (4.0 + 4.0, Bound::LargestObject));
        // Almost: 250 requests take S3 some of the time.
        let (secs, bound) = told(250);
        assert!((secs - 4.0 - 250.0 / 3_500.0).abs() < 1e-9, "{secs}");
        assert_eq!(bound, Bound::LargestObject);
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
