//! All settings that there are to choose from, and what was listed comes to with each. Pure arithmetic.

use super::publishing::first_copy_secs;
use super::recommend::{Choice, recommended};
use super::time::{Estimate, Work, estimate};
use super::totals::{ByPartSize, ByPartsInFlight, Totals};

/// Copies at once that are compared. An account has 1,000 and must keep 100 of them unreserved.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
const CONCURRENCIES: [u32; 6] = [10, 50, 100, 250, 500, 900];

/// Part sizes that are compared, in MiB.
const PART_SIZES_MIB: [u64; 5] = [16, 32, 64, 128, 256];

/// Parts of one object at once that are compared.
const PARTS_IN_FLIGHT: [u32; 7] = [4, 8, 16, 32, 64, 128, 256];

/// What the operator has decided already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Copies at once.
    pub concurrency: Option<u32>,
    /// The size parts come near to, in MiB.
    pub part_size_mib: Option<u64>,
    /// Parts of one object at once.
    pub parts_in_flight: Option<u32>,
}

impl Asked {
    /// The part sizes to compare, in MiB.
    pub fn part_sizes_mib(&self) -> Vec<u64> {
        with(&PART_SIZES_MIB, self.part_size_mib)
    }

    /// The parts at once to compare.
    pub fn parts_in_flight(&self) -> Vec<u32> {
        with(&PARTS_IN_FLIGHT, self.parts_in_flight)
    }

    fn allows(&self, candidate: &Candidate<'_>) -> bool {
        self.concurrency.is_none_or(|n| n == candidate.concurrency)
            && self
                .part_size_mib
                .is_none_or(|mib| mib == candidate.by.part_size_mib)
            && self
                .parts_in_flight
                .is_none_or(|n| n == candidate.speed.parts_in_flight)
    }
}

/// Settings, and what they come to.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Copies at once.
    pub concurrency: u32,
    /// How the objects are copied.
    pub by: &'a ByPartSize,
    /// How long that takes.
    pub speed: &'a ByPartsInFlight,
    /// How long it takes together.
    pub estimate: Estimate,
}

impl Candidate<'_> {
    fn choice(&self) -> Choice {
        Choice {
            concurrency: self.concurrency,
            part_size_mib: self.by.part_size_mib,
            parts_in_flight: self.speed.parts_in_flight,
            writes: self.by.writes(),
            parts: self.by.parts,
            secs: self.estimate.secs,
        }
    }
}

/// All there are to choose from, smallest first.
pub fn candidates<'a>(
    totals: &'a Totals,
    asked: &Asked,
    publishing_secs: f64,
) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    for concurrency in with(&CONCURRENCIES, asked.concurrency) {
        for by in &totals.by_part_size {
            for speed in &by.by_parts_in_flight {
                let work = Work {
                    objects: totals.sizes.all().objects,
                    prefixes: totals.prefixes,
                    busy_secs: speed.busy_secs,
                    longest_secs: speed.longest_secs,
                    writes: by.writes(),
                    busiest_writes: by.busiest_writes,
                    publishing_secs,
                    first_secs: first_copy_secs(&totals.speed),
                    writes_per_sec: totals.speed.writes_per_sec,
                    burst_writes: totals.speed.burst_writes,
                };
                candidates.push(Candidate {
                    concurrency,
                    by,
                    speed,
                    estimate: estimate(&work, concurrency),
                });
            }
        }
    }
    candidates
}

/// The one to recommend, of those that copy the most objects, each in one invocation if possible.
pub fn best<'c, 'a>(candidates: &'c [Candidate<'a>], asked: &Asked) -> Option<&'c Candidate<'a>> {
    let left_over = |candidate: &Candidate<'_>| (candidate.speed.too_long, candidate.speed.resumed);
    let allowed = || {
        candidates
            .iter()
            .filter(|candidate| asked.allows(candidate))
    };
    let fewest = allowed().map(left_over).min()?;
    let good = allowed().filter(|candidate| left_over(candidate) == fewest);
    let good = good.map(|candidate| (candidate.choice(), candidate));
    recommended(good)
}

/// The values with another one, in order, each once.
fn with<T: Copy + Ord>(values: &[T], other: Option<T>) -> Vec<T> {
    let mut values: Vec<T> = values.iter().copied().chain(other).collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::time::Bound;
    use crate::plan::totals::tests::listed;
    use crate::speed::Speed;
    use publisher::filter::{Filter, Wanted};
    use publisher::list::KeyRange;
    use publisher::step::Step;

    const TIB: u64 = 1 << 40;

    /// Prefixes of so many objects of a size.
    fn totals(asked: &Asked, prefixes: usize, objects: u64, size: u64) -> Totals {
        let filter = Filter::new(Wanted::default()).unwrap();
        let (sizes, parts) = (asked.part_sizes_mib(), asked.parts_in_flight());
        let mut totals = Totals::new(filter, false, Speed::measured(), &sizes, &parts);
        for id in 0..prefixes {
            let opened = Step::Opened(id, KeyRange::default());
            let objects = (0..objects).map(|_| Step::Object(id, listed("k", size)));
            for step in std::iter::once(opened)
                .chain(objects)
                .chain([Step::Ended(id)])
            {
                totals.note(step).unwrap();
            }
        }
        totals
    }

    /// Copies at once, MiB, parts at once.
    fn settings(asked: &Asked, totals: &Totals) -> (u32, u64, u32) {
        let candidates = candidates(totals, asked, 1.0);
        let best = best(&candidates, asked).unwrap();
        (
            best.concurrency,
            best.by.part_size_mib,
            best.speed.parts_in_flight,
        )
    }

    #[test]
    fn a_day_of_250_objects_is_copied_with_what_the_template_has() {
        let asked = Asked::default();
        let day = totals(&asked, 1, 250, 700_000_000);
        assert_eq!(settings(&asked, &day), (100, 64, 16));
    }

    #[test]
    fn what_was_asked_for_is_kept_and_the_rest_is_chosen() {
        let asked = Asked {
            concurrency: Some(75),
            part_size_mib: Some(100),
            parts_in_flight: Some(3),
        };
        let day = totals(&asked, 1, 250, 700_000_000);
        assert_eq!(settings(&asked, &day), (75, 100, 3));
        let asked = Asked {
            concurrency: Some(7),
            ..Asked::default()
        };
        assert_eq!(settings(&asked, &day).0, 7);
    }

    #[test]
    fn objects_too_long_for_an_invocation_get_more_parts_at_once() {
        let asked = Asked::default();
        let (concurrency, _, parts) = settings(&asked, &totals(&asked, 1, 1, 5 * TIB));
        assert_eq!(concurrency, 10, "one object needs no more");
        assert!(parts >= 64, "{parts}");
        let few = Asked {
            parts_in_flight: Some(1),
            ..asked
        };
        let totals = totals(&few, 1, 1, 5 * TIB);
        let candidates = candidates(&totals, &few, 1.0);
        assert_eq!(best(&candidates, &few).unwrap().speed.too_long, 1);
    }

    #[test]
    fn ending_in_one_invocation_comes_before_few_parts_at_once_though_neither_is_faster() {
        let asked = Asked::default();
        // Some 15 min with 16 parts at once, half of it with 32; publishing takes a day.
        let totals = totals(&asked, 1, 1, 1_200_000_000_000);
        let candidates = candidates(&totals, &asked, 86_400.0);
        let best = best(&candidates, &asked).unwrap();
        assert_eq!((best.speed.parts_in_flight, best.speed.resumed), (32, 0));
        let with_16 = candidates.iter().find(|candidate| {
            (candidate.by.part_size_mib, candidate.speed.parts_in_flight) == (256, 16)
        });
        assert_eq!(with_16.unwrap().speed.resumed, 1);
    }

    #[test]
    fn no_other_settings_are_much_faster_and_no_smaller_ones_about_as_fast() {
        let asked = Asked::default();
        for (prefixes, objects, size) in [
            (1, 250, 700_000_000),
            (30, 250, 700_000_000),
            (1, 9_000, 1_000),
        ] {
            let totals = totals(&asked, prefixes, objects, size);
            let candidates = candidates(&totals, &asked, 1.0);
            let best = best(&candidates, &asked).unwrap();
            let secs = |candidate: &Candidate<'_>| candidate.estimate.secs;
            let fastest = candidates.iter().map(secs).min_by(f64::total_cmp).unwrap();
            let tolerated = (fastest * 1.25).max(fastest + 10.0);
            assert!(secs(best) <= tolerated);
            let smaller = candidates
                .iter()
                .filter(|c| c.concurrency < best.concurrency)
                .filter(|c| c.by.part_size_mib == best.by.part_size_mib)
                .filter(|c| c.speed.parts_in_flight == best.speed.parts_in_flight);
            assert!(smaller.map(secs).all(|secs| secs > tolerated));
        }
    }

    #[test]
    fn small_parts_lose_where_requests_are_what_bounds() {
        let asked = Asked::default();
        let half_a_year = totals(&asked, 182, 250, 700_000_000);
        let candidates = candidates(&half_a_year, &asked, 1.0);
        let of = |mib| {
            let found = candidates.iter().find(|candidate| {
                let parts = (candidate.by.part_size_mib, candidate.speed.parts_in_flight);
                candidate.concurrency == 900 && parts == (mib, 16)
            });
            found.unwrap().estimate
        };
        assert_eq!(of(16).bound, Bound::Requests);
        assert!(of(16).secs > 3.0 * of(64).secs);
        assert!(best(&candidates, &asked).unwrap().by.part_size_mib >= 64);
    }

    #[test]
    fn nothing_to_choose_from_is_nothing() {
        assert!(best(&[], &Asked::default()).is_none());
    }
}
