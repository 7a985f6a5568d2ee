//! What a listing comes to: running totals for every part size and number of parts at once that may be chosen. No key is
//! held.

use std::collections::HashMap;

use anyhow::{Context, Result};
use copier::plan::{self, Plan};
use publisher::filter::Filter;
use publisher::list::Listed;
use publisher::step::{RangeId, Step};

use super::queue::Fit;
use super::sizes::Sizes;
use crate::progress::Amount;
use crate::speed::{DEFAULT_SIZES, Speed};

/// Keys of a page of a listing.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const PAGE_KEYS: u64 = 1_000;

const MIB: u64 = 1 << 20;

/// What a listing came to.
#[derive(Debug, Clone)]
pub struct Totals {
    filter: Filter,
    /// Whether to plan what is copied already, too.
    all: bool,
    /// How fast S3 is taken to be.
    pub speed: Speed,
    /// Objects that were listed.
    pub listed: u64,
    /// Objects that are not wanted.
    pub filtered: u64,
    /// Objects whose copy is there.
    pub already_copied: Amount,
    /// Objects that must be restored before.
    pub archived: Amount,
    /// Objects larger than S3 makes of parts.
    pub too_large: Amount,
    /// The sizes of what is to be copied.
    pub sizes: Sizes,
    /// Prefixes that were listed.
    pub prefixes: u64,
    /// Pages of the source, and of the copies as far as they are of its objects.
    pub pages: u64,
    /// Those of the longest prefix, of the source alone.
    pub longest_pages: u64,
    /// How it would be copied.
    pub by_part_size: Vec<ByPartSize>,
    open: HashMap<RangeId, Range>,
}

/// A prefix that is being listed.
#[derive(Debug, Clone, Default)]
struct Range {
    listed: u64,
    copied: u64,
    /// For each part size.
    writes: Vec<u64>,
}

/// How the objects would be copied in parts of a size.
#[derive(Debug, Clone)]
pub struct ByPartSize {
    /// The size parts come near to, in MiB.
    pub part_size_mib: u64,
    /// Objects that are copied by one request.
    pub singles: u64,
    /// Objects that are copied in parts.
    pub uploads: u64,
    /// All of their parts.
    pub parts: u64,
    /// Requests that write for the prefix that has the most.
    pub busiest_writes: u64,
    /// With so many parts of an object at once.
    pub by_parts_in_flight: Vec<ByPartsInFlight>,
}

/// How long the objects would take with so many parts of each at once.
#[derive(Debug, Clone)]
pub struct ByPartsInFlight {
    /// Parts of one object that are copied at once.
    pub parts_in_flight: u32,
    /// How long all copies take one after the other, in seconds.
    pub busy_secs: f64,
    /// How long the longest takes.
    pub longest_secs: f64,
    /// Objects that one invocation cannot copy, but that are gone on with.
    pub resumed: u64,
    /// Objects that the invocations Lambda makes cannot copy.
    pub too_long: u64,
}

impl ByPartSize {
    fn new(part_size_mib: u64, parts_in_flight: &[u32]) -> ByPartSize {
        let none = |parts_in_flight: &u32| ByPartsInFlight {
            parts_in_flight: *parts_in_flight,
            busy_secs: 0.0,
            longest_secs: 0.0,
            resumed: 0,
            too_long: 0,
        };
        ByPartSize {
            part_size_mib,
            singles: 0,
            uploads: 0,
            parts: 0,
            busiest_writes: 0,
            by_parts_in_flight: parts_in_flight.iter().map(none).collect(),
        }
    }

    /// PUT, COPY and POST requests: CopyObject; or those that begin an upload, copy its parts and complete it.
    pub fn writes(&self) -> u64 {
        self.singles + 2 * self.uploads + self.parts
    }

    /// Counts an object, and tells how many requests write its copy.
    fn add(&mut self, bytes: u64, plan: Plan, speed: &Speed) -> u64 {
        for by in &mut self.by_parts_in_flight {
            let secs = speed.copy_of(bytes, plan, by.parts_in_flight);
            by.busy_secs += secs;
            by.longest_secs = by.longest_secs.max(secs);
            match Fit::of(bytes, secs) {
                Fit::OneInvocation => {}
                Fit::Resumed => by.resumed += 1,
                Fit::TooLong => by.too_long += 1,
            }
        }
        let Plan::Multipart(parts) = plan else {
            self.singles += 1;
            return 1;
        };
        self.uploads += 1;
        self.parts += u64::from(parts.count());
        2 + u64::from(parts.count())
    }

    fn plan(&self, bytes: u64) -> Result<Plan, plan::TooLarge> {
        let sizes = plan::Sizes {
            part_bytes: self.part_size_mib * MIB,
            ..DEFAULT_SIZES
        };
        plan::plan(bytes, sizes)
    }
}

impl Totals {
    /// Begins with nothing, for every combination of these.
    pub fn new(
        filter: Filter,
        all: bool,
        speed: Speed,
        part_sizes_mib: &[u64],
        parts_in_flight: &[u32],
    ) -> Totals {
        let by = |size: &u64| ByPartSize::new(*size, parts_in_flight);
        Totals {
            filter,
            all,
            speed,
            listed: 0,
            filtered: 0,
            already_copied: Amount::default(),
            archived: Amount::default(),
            too_large: Amount::default(),
            sizes: Sizes::default(),
            prefixes: 0,
            pages: 0,
            longest_pages: 0,
            by_part_size: part_sizes_mib.iter().map(by).collect(),
            open: HashMap::new(),
        }
    }

    /// Takes note of what the listing came upon.
    ///
    /// # Errors
    /// A prefix could not be listed to its end.
    pub fn note(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Opened(id, _) => {
                self.prefixes += 1;
                self.open.insert(id, Range::default());
            }
            Step::Object(id, listed) => self.add(id, &listed),
            Step::Ended(id) => self.end(id),
            Step::Failed(_, error) => {
                return Err(error).context("a plan of a part would mislead; run it again");
            }
            // A listing that compares is never cut.
            Step::Split { .. } => {}
        }
        Ok(())
    }

    fn add(&mut self, id: RangeId, listed: &Listed) {
        let range = self.open.entry(id).or_default();
        self.listed += 1;
        range.listed += 1;
        range.copied += u64::from(listed.is_unchanged);
        let bytes = listed.object.size;
        if !self.filter.passes(&listed.object) {
            self.filtered += 1;
            return;
        }
        if listed.is_unchanged {
            self.already_copied += Amount::of(bytes);
            if !self.all {
                return;
            }
        }
        if listed.is_archived {
            self.archived += Amount::of(bytes);
            return;
        }
        let plans: Result<Vec<Plan>, _> =
            self.by_part_size.iter().map(|by| by.plan(bytes)).collect();
        let Ok(plans) = plans else {
            self.too_large += Amount::of(bytes);
            return;
        };
        self.sizes.add(bytes);
        range.writes.resize(self.by_part_size.len(), 0);
        let by_part_size = self.by_part_size.iter_mut().zip(&mut range.writes);
        for ((by, writes), plan) in by_part_size.zip(plans) {
            *writes += by.add(bytes, plan, &self.speed);
            by.busiest_writes = by.busiest_writes.max(*writes);
        }
    }

    fn end(&mut self, id: RangeId) {
        let Some(range) = self.open.remove(&id) else {
            return;
        };
        let pages = |keys: u64| keys.div_ceil(PAGE_KEYS).max(1);
        self.longest_pages = self.longest_pages.max(pages(range.listed));
        self.pages += pages(range.listed);
        if !self.all {
            self.pages += pages(range.copied);
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use backup::object::ObjectRef;
    use publisher::filter::Wanted;
    use publisher::list::{KeyRange, ListError};

    const TIB: u64 = 1 << 40;

    pub fn listed(key: &str, size: u64) -> Listed {
        Listed {
            object: ObjectRef {
                bucket: "acme-data".to_owned(),
                key: key.to_owned(),
                size,
                etag: None,
                last_modified: None,
            },
            is_archived: false,
            is_unchanged: false,
            is_missing: false,
        }
    }

    fn copied(size: u64) -> Listed {
        Listed {
            is_unchanged: true,
            ..listed("copied", size)
        }
    }

    fn archived(size: u64) -> Listed {
        Listed {
            is_archived: true,
            ..listed("archived", size)
        }
    }

    /// What prefixes of these objects come to.
    pub fn totals(all: bool, prefixes: Vec<Vec<Listed>>) -> Totals {
        let filter = Filter::new(Wanted {
            exclude: vec!["*.tmp".to_owned()],
            ..Wanted::default()
        });
        let mut totals = Totals::new(
            filter.unwrap(),
            all,
            Speed::measured(),
            &[16, 64, 256],
            &[1, 16, 256],
        );
        let mut note = |step| totals.note(step).unwrap();
        for (id, objects) in prefixes.into_iter().enumerate() {
            note(Step::Opened(id, KeyRange::default()));
            for object in objects {
                note(Step::Object(id, object));
            }
            note(Step::Ended(id));
        }
        totals
    }

    fn objects() -> Vec<Listed> {
        vec![
            listed("a", 700 * MIB),
            listed("b", 100),
            listed("c.tmp", 10),
            copied(700 * MIB),
            archived(5),
            listed("d", 60 * TIB),
        ]
    }

    #[test]
    fn everything_listed_is_counted_once() {
        let totals = totals(false, vec![objects()]);
        assert_eq!((totals.listed, totals.filtered), (6, 1));
        let counts = [totals.already_copied, totals.archived, totals.too_large];
        assert_eq!(counts.map(|count| count.objects), [1, 1, 1]);
        let planned = totals.sizes.all();
        assert_eq!((planned.objects, planned.bytes), (2, 700 * MIB + 100));
    }

    #[test]
    fn all_means_also_what_is_copied_already() {
        let totals = totals(true, vec![objects()]);
        assert_eq!(totals.already_copied.objects, 1);
        assert_eq!(totals.sizes.all().objects, 3);
    }

    #[test]
    fn requests_are_those_of_the_copiers_plan() {
        let totals = totals(false, vec![objects()]);
        let by: Vec<_> = totals
            .by_part_size
            .iter()
            .map(|by| (by.singles, by.uploads, by.parts, by.writes()))
            .collect();
        assert_eq!(by, [(1, 1, 44, 47), (1, 1, 11, 14), (1, 1, 3, 6)]);
    }

    #[test]
    fn the_busiest_prefix_is_the_one_of_most_requests() {
        let small = || listed("s", 1);
        let totals = totals(
            false,
            vec![
                vec![small(), small()],
                vec![listed("l", 700 * MIB), small()],
                vec![small()],
            ],
        );
        let busiest: Vec<_> = totals
            .by_part_size
            .iter()
            .map(|by| by.busiest_writes)
            .collect();
        assert_eq!(busiest, [47, 14, 6]);
        assert_eq!(
            (totals.prefixes, totals.pages, totals.longest_pages),
            (3, 6, 1)
        );
    }

    #[test]
    fn pages_of_a_thousand_keys_are_counted_on_both_sides() {
        let keys = |n| (0..n).map(|_| copied(1)).collect::<Vec<_>>();
        let of = |all| {
            let totals = totals(all, vec![keys(1_000), keys(1_001), vec![]]);
            (totals.pages, totals.longest_pages)
        };
        assert_eq!(of(false), (1 + 2 + 1 + 1 + 2 + 1, 2));
        assert_eq!(
            of(true),
            (1 + 2 + 1, 2),
            "what copies everything compares nothing"
        );
    }

    #[test]
    fn more_parts_at_once_are_never_slower_and_no_longer_too_long() {
        let totals = totals(false, vec![vec![listed("l", 5 * TIB), listed("s", 1)]]);
        let by = &totals.by_part_size[1].by_parts_in_flight;
        assert!(by[0].busy_secs > by[1].busy_secs && by[1].busy_secs > by[2].busy_secs);
        let longest: Vec<_> = by.iter().map(|by| (by.resumed, by.too_long)).collect();
        assert_eq!(longest, [(0, 1), (0, 1), (0, 0)]);
        assert!(
            by[2].busy_secs - by[2].longest_secs < 1.0,
            "the other is small"
        );
    }

    #[test]
    fn a_prefix_that_cannot_be_listed_ends_the_plan() {
        let mut totals = totals(false, vec![]);
        let error = ListError {
            bucket: "acme-data".to_owned(),
            prefix: "2016-06-30/".to_owned(),
            cause: backup::aws::Cause::unusable_answer("an answer"),
        };
        let error = totals.note(Step::Failed(0, error)).unwrap_err();
        assert!(format!("{error:#}").contains("s3://acme-data/2016-06-30/"));
    }
}
