//! What a verification comes to: totals, and of the rest only so much as memory should hold.

use jiff::Timestamp;
use serde::Serialize;

use super::compared::{Compared, Proof, Verdict};
use super::difference::Difference;
use super::histogram::Histogram;
use crate::progress::Amount;

/// Differences kept; every one is told as it is found.
const MOST_EXAMPLES: usize = 500;

/// What a verification found.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Objects of the source.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects whose copy is the same.
    pub same: u64,
    /// Their bytes.
    pub same_bytes: u64,
    /// Objects without a copy.
    pub missing: u64,
    /// Their bytes.
    pub missing_bytes: u64,
    /// Those of them that are archived: they must be restored before they can be copied.
    pub missing_archived: u64,
    /// Objects whose copy is another than it should be.
    pub different: u64,
    /// Their bytes.
    pub different_bytes: u64,
    /// Copies without an object.
    pub extra: u64,
    /// Their bytes.
    pub extra_bytes: u64,
    /// Objects that could not be compared.
    pub unknown: u64,
    /// Copies that a look at both showed to be the same by their checksums.
    pub same_by_checksum: u64,
    /// Copies that a look at both showed to be the same by size and time: they have no checksum in common.
    pub same_by_time: u64,
    /// When the first of the copies was written.
    pub oldest_copy: Option<Timestamp>,
    /// When the last of them was written.
    pub newest_copy: Option<Timestamp>,
    /// The first differences, in the order in which they were found.
    #[serde(rename = "first_differences")]
    pub examples: Vec<Difference>,
    /// Bytes of the source by day, good where their copy is.
    #[serde(skip)]
    pub days: Histogram,
    /// Bytes of copies by when they were written.
    #[serde(skip)]
    pub written: Histogram,
}

impl Findings {
    /// Nothing yet.
    pub fn new() -> Findings {
        Findings {
            objects: 0,
            bytes: 0,
            same: 0,
            same_bytes: 0,
            missing: 0,
            missing_bytes: 0,
            missing_archived: 0,
            different: 0,
            different_bytes: 0,
            extra: 0,
            extra_bytes: 0,
            unknown: 0,
            same_by_checksum: 0,
            same_by_time: 0,
            oldest_copy: None,
            newest_copy: None,
            examples: Vec::new(),
            days: Histogram::of_days(),
            written: Histogram::of_seconds(),
        }
    }

    /// Whether every object is known to have its copy. The destination may have more.
    pub fn is_complete(&self) -> bool {
        self.same == self.objects
    }

    /// Differences of any kind.
    pub fn differences(&self) -> u64 {
        self.missing + self.different + self.extra + self.unknown
    }

    /// The time from the first copy to the last.
    pub fn run_secs(&self) -> i64 {
        let ends = self.newest_copy.zip(self.oldest_copy);
        ends.map_or(0, |(newest, oldest)| {
            newest.as_second() - oldest.as_second()
        })
    }

    /// Counts a key, and tells what is wrong with it if anything is.
    pub fn add(&mut self, compared: &Compared) -> Option<Difference> {
        let source = compared.source.as_ref();
        let copy = compared.copy.as_ref();
        let bytes = source
            .map(|source| &source.object)
            .or(copy)
            .map_or(0, |object| object.size);
        if source.is_some() {
            self.objects += 1;
            self.bytes += bytes;
            self.add_day(compared, bytes);
        }
        self.count(compared, bytes);
        let difference = Difference::of(compared);
        if let Some(difference) = &difference
            && self.examples.len() < MOST_EXAMPLES
        {
            self.examples.push(difference.clone());
        }
        difference
    }

    fn count(&mut self, compared: &Compared, bytes: u64) {
        match &compared.verdict {
            Verdict::Same(proof) => {
                self.same += 1;
                self.same_bytes += bytes;
                match proof {
                    Proof::Listing => (),
                    Proof::Checksum => self.same_by_checksum += 1,
                    Proof::Time => self.same_by_time += 1,
                }
            }
            Verdict::Missing => {
                self.missing += 1;
                self.missing_bytes += bytes;
                let archived = compared
                    .source
                    .as_ref()
                    .is_some_and(|source| source.is_archived);
                self.missing_archived += u64::from(archived);
            }
            Verdict::Different(_) => {
                self.different += 1;
                self.different_bytes += bytes;
            }
            Verdict::Extra => {
                self.extra += 1;
                self.extra_bytes += bytes;
            }
            Verdict::Unknown(_) => self.unknown += 1,
        }
        // What was there before says nothing of the run.
        if compared.source.is_some()
            && let Some(copy) = &compared.copy
            && let Some(written) = copy.last_modified
        {
            self.oldest_copy = Some(
                self.oldest_copy
                    .map_or(written, |oldest| oldest.min(written)),
            );
            self.newest_copy = self.newest_copy.max(Some(written));
            self.written
                .add(written.as_second(), Amount::of(copy.size), true);
        }
    }

    /// The day it was listed for, or the one of its last change.
    fn add_day(&mut self, compared: &Compared, bytes: u64) {
        let modified = compared
            .source
            .as_ref()
            .and_then(|source| source.object.last_modified);
        let second = match (compared.day, modified) {
            (Some(day), _) => day.first_second(),
            (None, Some(modified)) => modified.as_second(),
            (None, None) => return,
        };
        let is_good = matches!(compared.verdict, Verdict::Same(_));
        self.days.add(second, Amount::of(bytes), is_good);
    }
}
